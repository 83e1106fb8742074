"""What is set aside while a corpus is read: in memory up to a limit, in a file beyond it."""

from __future__ import annotations

import errno
import os
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.disks import file_size_limit
from w2v.encoding.spool import Spool, WorkFolder, WorkFolderError, allocate


def test_arrays_beyond_the_limit_are_in_the_file_and_come_back_as_they_were(tmp_path: Path) -> None:
    arrays = [np.arange(n, n + 10, dtype=dtype) for n, dtype in ((0, np.int32), (5, np.int64), (7, np.float32))]
    with WorkFolder(tmp_path) as folder:
        spool = Spool(folder, 100)
        kept = [spool.keep(array) for array in arrays]
        assert spool.in_memory == 80 and spool.in_file == 80  # the first and the last fit
        assert not list(tmp_path.iterdir())  # its file has no name
        for array, one in zip(arrays, kept, strict=True):
            found = spool.fetch(one)
            np.testing.assert_array_equal(found, array, strict=True)
        arrays[0][:] = 0
        assert spool.fetch(kept[0])[3] == 3  # a copy
        spool.close()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("limit", "is_mapped"), [(39, True), (40, False)])
def test_large_arrays_are_mapped(limit: int, is_mapped: bool, tmp_path: Path) -> None:
    with WorkFolder(tmp_path) as folder:
        array = allocate(np.float32, 10, limit, folder)
        assert isinstance(array, np.memmap) == is_mapped and array.shape == (10,) and array.dtype == np.float32
        array[:] = range(10)
        assert array.sum() == 45 and not list(tmp_path.iterdir())
        del array


posix = pytest.mark.skipif(sys.platform == "win32", reason="limits are those of POSIX")


@posix
def test_a_full_disk_is_an_error_with_the_folder_and_leaves_nothing(tmp_path: Path) -> None:
    with WorkFolder(tmp_path) as folder, file_size_limit(1000):
        spool = Spool(folder, 0)
        kept = spool.keep(np.arange(100))
        wanted = rf"the temporary folder {tmp_path} cannot be written: .*; free some space, or give a work_folder"
        with pytest.raises(WorkFolderError, match=wanted) as caught:
            spool.keep(np.arange(100))
        assert caught.value.errno == errno.EFBIG
        np.testing.assert_array_equal(spool.fetch(kept), np.arange(100))
        spool.close()
        with pytest.raises(WorkFolderError, match="cannot be written"):
            allocate(np.int64, 126, 0, folder)
        assert len(allocate(np.int64, 125, 0, folder)) == 125
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not os.path.isdir("/dev/shm"), reason="needs a file system in memory")
@pytest.mark.parametrize("has_call", [True, False])
def test_space_is_reserved_before_an_array_is_written_to(
    has_call: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file with holes would take no space here, and its first write on a full disk would end the process."""
    if not has_call:
        monkeypatch.delattr(os, "posix_fallocate")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as parent, WorkFolder(parent) as folder:
        n_bytes = 3_000_000
        free = shutil.disk_usage(parent).free
        array = allocate(np.uint8, n_bytes, 0, folder)
        assert free - shutil.disk_usage(parent).free >= n_bytes // 2  # others may free some meanwhile
        assert len(array) == n_bytes


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with WorkFolder() as folder, pytest.raises(WorkFolderError, match="gone cannot be written: .*, or set TMPDIR"):
        Spool(folder, 0).keep(np.arange(3))
