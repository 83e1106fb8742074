"""Vectors of sentences as files: NumPy's, written while they are made and never whole in memory, and JSON lines."""

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
    """A file of vectors cannot be used; the message names it."""


def write_npy(
    path: str | os.PathLike[str], blocks: Iterable[NDArray[Any]], *, columns: int, dtype: str, overwrite: bool = False
) -> int:
    """Write blocks of rows to a ``.npy`` file, one after the other; how many there will be need not be known.

    Parameters
    ----------
    path : str or path-like
        The file appears under this name when all is written.
    blocks : iterable of ndarray of shape (n, columns)
    columns : int
    dtype : {"float32", "float16", "int8"}
    overwrite : bool, default False
        Replace a file that exists.

    Returns
    -------
    int
        Rows written.

    Raises
    ------
    ModelError
        If the file exists and `overwrite` is False, or cannot be written. The first rows are left beside it if its disk
        becomes full, as ``STEM.partial.npy``, and nothing otherwise.
    ValueError
        If a block has another width.
    """
    with npy_file(blocks, columns=columns, dtype=dtype) as file:
        file.write(Path(path), overwrite=overwrite)
    return file.n_rows


def npy_file(blocks: Iterable[NDArray[Any]], *, columns: int, dtype: str) -> GrowingFile:
    """Return what writes blocks of rows to a ``.npy`` file; see `write_npy`."""

    def chunks() -> Iterator[tuple[int, memoryview]]:
        for block in blocks:
            if block.ndim != 2 or block.shape[1] != columns:
                raise ValueError(f"a block has shape {block.shape}, not {columns} columns")
            yield len(block), np.ascontiguousarray(block, np.dtype(dtype).newbyteorder("<")).data

    return GrowingFile(chunks(), lambda n_rows: npy_header(n_rows, columns, dtype), ".npy")


def json_lines_file(blocks: Iterable[tuple[bytes, NDArray[Any]]]) -> GrowingFile:
    """Return what writes to a file what `json_lines` yields."""
    return GrowingFile((len(vectors), b"".join(json_lines([(lines, vectors)]))) for lines, vectors in blocks)


class GrowingFile(Growing):
    """A file that is written while what it holds is computed; where a disk is full, it goes along to another.

    Parameters
    ----------
    chunks : iterable of (int, bytes-like)
        Rows, and how many they are.
    head : callable, optional
        Returns what comes before so many rows; of the same length for all numbers.
    suffix : str, optional
        How the name must end.

    Attributes
    ----------
    n_rows : int
        What was written.
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
        """Write the file, or go on with it at another place.

        Raises
        ------
        ModelError
            If it exists and `overwrite` is False, or cannot be written.
        """
        if self._suffix and path.suffix != self._suffix:
            raise VectorFileError(f"{path}: the name of a file of vectors ends in {self._suffix}")
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
            raise ModelError("what was written is gone with the place where it was")
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
        """Make a file of the rows that were written."""
        os.truncate(part, self._size)
        with open(part, "r+b") as file:
            file.write(self._head(self.n_rows))
        return self._name, f"the first {self.n_rows:,} rows"


def npy_header(n_rows: int, columns: int, dtype: str) -> bytes:
    """Return the header, which has the same length whatever the number of rows."""
    described = {"descr": np.dtype(dtype).newbyteorder("<").str, "fortran_order": False, "shape": (n_rows, columns)}
    text = repr(described).encode()
    room = _HEADER_BYTES - len(_MAGIC) - 2
    return _MAGIC + room.to_bytes(2, "little") + text.ljust(room - 1) + b"\n"


def read_npy(path: str | os.PathLike[str], *, columns: int | None = None, rows: int | None = None) -> NDArray[Any]:
    """Open a ``.npy`` file of vectors, memory-mapped; it may come from a stranger.

    Parameters
    ----------
    path : str or path-like
    columns, rows : int, optional
        What its shape must be.

    Returns
    -------
    ndarray of shape (rows, columns), float32, float16 or int8, read-only

    Raises
    ------
    VectorFileError
        If it is no such file, truncated, or of another shape or type.
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
        raise VectorFileError(f"{path} holds {vectors.dtype} of shape {vectors.shape}; expected rows of {_KINDS}")
    for what, expected, found in (("columns", columns, vectors.shape[1]), ("rows", rows, vectors.shape[0])):
        if expected is not None and found != expected:
            raise VectorFileError(
                f"{path} holds {found:,} {what}, but {expected:,} are needed; is it for another encoder or text?"
            )
    return vectors


def json_lines(blocks: Iterable[tuple[bytes, NDArray[Any]]]) -> Iterator[bytes]:
    """Yield, for pieces of a text and the vectors of their lines, one JSON object a line: sentence and vector.

    Floats have 7 significant digits; float16 have 4.
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
