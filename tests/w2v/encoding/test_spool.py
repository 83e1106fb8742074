"""What is set aside while a corpus is read: in memory up to a limit, in a file beyond it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from w2v.encoding.spool import Spool, WorkFolder, allocate


def test_arrays_beyond_the_limit_are_in_the_file_and_come_back_as_they_were(tmp_path: Path) -> None:
    arrays = [np.arange(n, n + 10, dtype=dtype) for n, dtype in ((0, np.int32), (5, np.int64), (7, np.float32))]
    with WorkFolder(tmp_path) as folder:
        spool = Spool(folder, 100, "cells")
        kept = [spool.keep(array) for array in arrays]
        assert spool.in_memory == 80 and spool.in_file == 80  # the first and the last fit
        assert (folder / "cells").stat().st_size <= 80
        for array, one in zip(arrays, kept, strict=True):
            found = spool.fetch(one)
            np.testing.assert_array_equal(found, array, strict=True)
        arrays[0][:] = 0
        assert spool.fetch(kept[0])[3] == 3  # a copy
        spool.close()
        assert not (folder / "cells").exists()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("limit", "is_mapped"), [(39, True), (40, False)])
def test_large_arrays_are_mapped(limit: int, is_mapped: bool, tmp_path: Path) -> None:
    with WorkFolder(tmp_path) as folder:
        array = allocate("counts", np.float32, 10, limit, folder)
        assert isinstance(array, np.memmap) == is_mapped and array.shape == (10,) and array.dtype == np.float32
        del array
