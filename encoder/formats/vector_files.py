"""Sentence vectors as files: NumPy files, written incrementally, and JSON lines."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from w2v.storage.files import ModelError, atomic_file, reading
from w2v.storage.growing import Growing, Waiting

_MAGIC, _HEADER_BYTES = b"\x93NUMPY\x01\x00", 128
_DTYPES = {"float32": np.float32, "float16": np.float16, "int8": np.int8}
_KINDS = "float32, float16 or int8"


class VectorFileError(ValueError):
    """A file of vectors cannot be used; the message names the file."""


def write_npy(
    path: str | os.PathLike[str], blocks: Iterable[NDArray[Any]], *, columns: int, dtype: str, overwrite: bool = False
) -> int:
    """Write blocks of rows to a ``.npy`` file; their number need not be known in advance.

    Parameters
    ----------
    path : str or path-like
        The file gets this name when it is complete.
    blocks : iterable of ndarray of shape (n, columns)
    columns : int
    dtype : {"float32", "float16", "int8"}
    overwrite : bool, default False
        Replace an existing file.

    Returns
    -------
    int
        Number of rows written.

    Raises
    ------
    ModelError
        If the file exists and `overwrite` is False, or cannot be written. If its disk fills up, the first rows are kept
        as ``STEM.partial.npy``, otherwise nothing is left behind.
    ValueError
        If a block has a different width.
    """
    with npy_file(blocks, columns=columns, dtype=dtype) as file:
        file.write(Path(path), overwrite=overwrite)
    return file.n_rows


def npy_file(blocks: Iterable[NDArray[Any]], *, columns: int, dtype: str) -> GrowingFile:
    """Return a writer of blocks of rows to a ``.npy`` file; see `write_npy`."""

    def chunks() -> Iterator[tuple[int, memoryview]]:
        for block in blocks:
            if block.ndim != 2 or block.shape[1] != columns:
                raise ValueError(f"a block has shape {block.shape}, not {columns} columns")
            yield len(block), np.ascontiguousarray(block, np.dtype(dtype).newbyteorder("<")).data

    return GrowingFile(chunks(), lambda n_rows: npy_header(n_rows, columns, dtype), ".npy")


def json_lines_file(blocks: Iterable[tuple[bytes, NDArray[Any]]]) -> GrowingFile:
    """Return a writer of the output of `json_lines`."""
    return GrowingFile((len(vectors), b"".join(json_lines([(lines, vectors)]))) for lines, vectors in blocks)


class GrowingFile(Growing):
    """A file that is written while its contents are computed; if a disk fills up, it moves to another.

    Parameters
    ----------
    chunks : iterable of (int, bytes-like)
        Numbers of rows, and their bytes.
    head : callable, optional
        Returns the header for a number of rows; its length must not depend on that number.
    suffix : str, optional
        Required suffix of the file name.

    Attributes
    ----------
    n_rows : int
        Number of rows written.
    """

    def __init__(
        self,
        chunks: Iterable[tuple[int, bytes | memoryview]],
        head: Callable[[int], bytes] = lambda n_rows: b"",
        suffix: str = "",
    ) -> None:
        super().__init__()
        self._chunks, self._head, self._suffix = Waiting(chunks), head, suffix
        self.n_rows, self._size = 0, len(head(0))
        self._name = ""

    def write(self, path: Path, *, overwrite: bool = False) -> None:
        """Write the file, or continue it at another place.

        Raises
        ------
        ModelError
            If it exists and `overwrite` is False, or cannot be written.
        """
        if self._suffix and path.suffix != self._suffix:
            raise VectorFileError(f"{path}: the name of a file of vectors must end in {self._suffix}")
        self._name = self._name or path.name
        with atomic_file(path, overwrite=overwrite) as file:
            try:
                self._fill(file)
            except OSError:
                self.keep(file.name, path, self.n_rows)
                raise
        self.drop()

    def _fill(self, file: BinaryIO) -> None:
        file.write(self._head(0))
        if self.part is not None:
            with open(self.part, "rb") as part:
                part.seek(file.tell())
                shutil.copyfileobj(part, file)
            file.seek(self._size)
        elif self.n_rows:
            raise ModelError("what had been written is no longer there")
        for n_rows, data in self._chunks:
            file.write(data)
            file.flush()
            self.n_rows, self._size = self.n_rows + n_rows, self._size + memoryview(data).nbytes
        file.truncate()
        file.seek(0)
        file.write(self._head(self.n_rows))
        file.flush()
        os.fsync(file.fileno())

    def finish(self, part: Path) -> tuple[str, str]:
        """Make a valid file of the rows written so far."""
        os.truncate(part, self._size)
        with open(part, "r+b") as file:
            file.write(self._head(self.n_rows))
        return self._name, f"the first {self.n_rows:,} rows"


def npy_header(n_rows: int, columns: int, dtype: str) -> bytes:
    """Return the header, whose length does not depend on the number of rows."""
    described = {"descr": np.dtype(dtype).newbyteorder("<").str, "fortran_order": False, "shape": (n_rows, columns)}
    text = repr(described).encode()
    room = _HEADER_BYTES - len(_MAGIC) - 2
    return _MAGIC + room.to_bytes(2, "little") + text.ljust(room - 1) + b"\n"


def read_npy(path: str | os.PathLike[str], *, columns: int | None = None, rows: int | None = None) -> NDArray[Any]:
    """Open a ``.npy`` file of vectors, memory-mapped; it may be untrusted.

    Parameters
    ----------
    path : str or path-like
    columns, rows : int, optional
        Expected shape.

    Returns
    -------
    ndarray of shape (rows, columns), float32, float16 or int8, read-only

    Raises
    ------
    VectorFileError
        If it is not a .npy file, is truncated, or has another shape or type.
    """
    try:
        with reading(path) as file:
            if file.read(6) != _MAGIC[:6]:
                raise VectorFileError(f"{path} is not a .npy file")
        vectors: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except VectorFileError:
        raise
    except ModelError as error:
        raise VectorFileError(str(error)) from error
    except (ValueError, OSError, EOFError) as error:
        raise VectorFileError(f"{path} is damaged or not an array of numbers: {error}") from error
    if vectors.ndim != 2 or vectors.dtype.name not in _DTYPES:
        raise VectorFileError(f"{path} contains {vectors.dtype} of shape {vectors.shape}; expected rows of {_KINDS}")
    for what, expected, found in (("columns", columns, vectors.shape[1]), ("rows", rows, vectors.shape[0])):
        if expected is not None and found != expected:
            raise VectorFileError(
                f"{path} contains {found:,} {what} instead of {expected:,}; is it for another encoder or text?"
            )
    return vectors


def json_lines(blocks: Iterable[tuple[bytes, NDArray[Any]]]) -> Iterator[bytes]:
    """Yield JSON lines with a sentence and its vector, given pieces of a text and the vectors of their lines.

    Floats have 7 significant digits, float16 values 4.
    """
    for lines, vectors in blocks:
        sentences = lines.decode().split("\n")
        digits = "%.4g" if vectors.dtype == np.float16 else "%.7g"
        template = ("%d" if vectors.dtype == np.int8 else digits,) * vectors.shape[1]
        row_template = f"[{','.join(template)}]"
        for sentence, row in zip(sentences, vectors.tolist(), strict=False):
            vector = row_template % tuple(row)
            text = json.dumps(sentence.removesuffix("\r"), ensure_ascii=False)
            yield f'{{"sentence": {text}, "vector": {vector}}}\n'.encode()
