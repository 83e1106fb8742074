"""Temporary storage for arrays while a corpus is read: in memory up to a limit, in a temporary file beyond it."""

from __future__ import annotations

import mmap
import os
import shutil
import tempfile
import threading
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

Kept = NDArray[Any] | tuple[int, int, np.dtype[Any]]
"""An array, or its (start, length, dtype) in the spool's file."""

_MEMORY_SHARE = 0.25


def default_max_memory() -> int:
    """Return a quarter of the machine's memory, in bytes."""
    try:
        return int(_MEMORY_SHARE * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, ValueError, OSError):
        return 1 << 30


class WorkFolder:
    """A temporary folder for streams that do not fit in memory, created in `parent` when first needed."""

    def __init__(self, parent: str | os.PathLike[str] | None = None) -> None:
        self.parent = parent
        self._path: Path | None = None

    @property
    def path(self) -> Path:
        """The folder; created on first use."""
        if self._path is None:
            self._path = Path(tempfile.mkdtemp(prefix="w2v-", dir=self.parent))
        return self._path

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    def __enter__(self) -> WorkFolder:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._path is not None:
            shutil.rmtree(self._path, ignore_errors=True)


class Spool:
    """Holds one-dimensional arrays: in memory up to `max_memory` bytes, in a file in `folder` beyond.

    Each array in memory has its own mapping, which returns to the system as soon as the array is no longer used. An
    allocator might keep it, and the ids would take their space twice. `keep` is thread-safe.
    """

    def __init__(self, folder: WorkFolder, max_memory: int, name: str) -> None:
        self.folder, self.max_memory, self.name = folder, max_memory, name
        self.in_memory = self.in_file = 0
        self._file: BinaryIO | None = None
        self._lock = threading.Lock()

    def keep(self, array: NDArray[Any]) -> Kept:
        """Keep a copy of an array of shape (n,); pass the result to `fetch`."""
        with self._lock:
            if self.in_memory + array.nbytes > self.max_memory:
                return self._write(array)
            self.in_memory += array.nbytes
        kept = np.frombuffer(mmap.mmap(-1, max(1, array.nbytes)), array.dtype, len(array))
        kept[:] = array
        return kept

    def _write(self, array: NDArray[Any]) -> Kept:
        if self._file is None:
            self._file = open(self.folder / self.name, "w+b")
        start = self.in_file
        self._file.seek(start)
        self._file.write(array.data)
        self.in_file += array.nbytes
        return start, len(array), array.dtype

    def fetch(self, kept: Kept) -> NDArray[Any]:
        """Return the array that `keep` stored, with its shape and dtype."""
        if isinstance(kept, np.ndarray):
            return kept
        assert self._file is not None
        start, size, dtype = kept
        with self._lock:
            self._file.seek(start)
            return np.fromfile(self._file, dtype, size)

    def close(self) -> None:
        """Close and remove the file."""
        if self._file is not None:
            self._file.close()
            os.unlink(self.folder / self.name)
            self._file = None


def allocate(name: str, dtype: type, size: int, max_memory: int, work_folder: WorkFolder) -> NDArray[Any]:
    """Return an uninitialised array, shape (size,), in memory or, above `max_memory` bytes, in a memory-mapped file."""
    if size * np.dtype(dtype).itemsize <= max_memory:
        return np.empty(size, dtype)
    return np.memmap(work_folder / name, dtype, "w+", shape=(size,))
