"""Temporary storage for arrays while a corpus is read: in memory up to a limit, in a temporary file beyond it."""

from __future__ import annotations

import errno
import mmap
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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


class WorkFolderError(OSError):
    """A temporary folder cannot be written, such as one on a full disk."""


class WorkFolder:
    """Files without a name in `parent`, for what does not fit in memory: a process that is killed leaves nothing."""

    def __init__(self, parent: str | os.PathLike[str] | None = None) -> None:
        self.parent = parent
        self._files: list[BinaryIO] = []

    @property
    def place(self) -> Path:
        """The folder whose disk holds the files; by default the system's temporary folder."""
        return Path(tempfile.gettempdir() if self.parent is None else self.parent)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Turn an `OSError` of the block into a `WorkFolderError`."""
        try:
            yield
        except OSError as error:
            raise self.failure(error.errno or errno.EIO) from error

    def failure(self, number: int) -> WorkFolderError:
        """Return the error for a folder that cannot be written, with the number of the system's reason."""
        way = "set TMPDIR to a folder with more" if self.parent is None else "give a work_folder with more"
        reason = f"cannot be written: {os.strerror(number)}; free some space, or {way}"
        return WorkFolderError(number, f"the temporary folder {self.place} {reason}")

    def open(self, *, buffering: int = 0) -> BinaryIO:
        """Return a new file without a name, which is closed at the end of the block at the latest.

        The system frees its space when the process ends, however that happens. For `buffering` see `open`.
        """
        file: Any = tempfile.TemporaryFile(buffering=buffering, dir=self.parent)  # noqa: SIM115
        self._files.append(file)
        return file  # type: ignore[no-any-return]

    def map(self, dtype: Any, shape: tuple[int, ...]) -> NDArray[Any]:
        """Return an uninitialised array in a memory-mapped file without a name, whose space is reserved.

        Without space reserved, a full disk would kill the process when the array is written to.
        """
        n_bytes = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
        with self.writing(), self.open() as file:
            _reserve(file, n_bytes)
            return np.memmap(file, dtype, "r+", shape=shape)

    def __enter__(self) -> WorkFolder:
        return self

    def __exit__(self, *exception: object) -> None:
        for file in self._files:
            with suppress(OSError):  # a full disk: what is still in a buffer is no longer needed
                file.close()


class Spool:
    """Holds one-dimensional arrays: in memory up to `max_memory` bytes, in a file beside `folder` beyond.

    Each array in memory has its own mapping, which returns to the system as soon as the array is no longer used. An
    allocator might keep it, and the ids would take their space twice. `keep` is thread-safe.
    """

    def __init__(self, folder: WorkFolder, max_memory: int) -> None:
        self.folder, self.max_memory = folder, max_memory
        self.in_memory = self.in_file = 0
        self._file: BinaryIO | None = None
        self._lock = threading.Lock()

    def keep(self, array: NDArray[Any]) -> Kept:
        """Keep a copy of an array of shape (n,); pass the result to `fetch`."""
        with self._lock:
            if self.in_memory + array.nbytes > self.max_memory:
                with self.folder.writing():
                    return self._write(array)
            self.in_memory += array.nbytes
        kept = np.frombuffer(mmap.mmap(-1, max(1, array.nbytes)), array.dtype, len(array))
        kept[:] = array
        return kept

    def _write(self, array: NDArray[Any]) -> Kept:
        if self._file is None:
            self._file = self.folder.open()
        start = self.in_file
        self._file.seek(start)
        left = array.data.cast("B") if array.nbytes else memoryview(b"")
        while left:
            left = left[self._file.write(left) :]
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
        """Close the file, which frees its space."""
        if self._file is not None:
            self._file.close()
            self._file = None


def allocate(dtype: type, size: int, max_memory: int, work_folder: WorkFolder) -> NDArray[Any]:
    """Return an uninitialised array, shape (size,), in memory or, above `max_memory` bytes, in a memory-mapped file."""
    if size * np.dtype(dtype).itemsize <= max_memory:
        return np.empty(size, dtype)
    return work_folder.map(dtype, (size,))


_ZEROS = bytes(1 << 20)


def _reserve(file: BinaryIO, n_bytes: int) -> None:
    """Give a file its size and its space on the disk; OSError if there is not enough."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, n_bytes)
        return
    left = n_bytes
    while left:
        left -= file.write(_ZEROS[:left])
