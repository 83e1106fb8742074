"""Vectors of sentences as files: NumPy's, written while they are made and never whole in memory, and JSON lines."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from w2v.storage.files import ModelError, atomic_file, reading

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
        If the file exists and `overwrite` is False, or cannot be written. Nothing is left behind then.
    ValueError
        If a block has another width.
    """
    _check_name(path, ".npy")
    n_rows = 0
    with atomic_file(path, overwrite=overwrite) as file:
        file.write(_header(0, columns, dtype))
        for block in blocks:
            if block.ndim != 2 or block.shape[1] != columns:
                raise ValueError(f"a block has shape {block.shape}, not {columns} columns")
            file.write(np.ascontiguousarray(block, np.dtype(dtype).newbyteorder("<")).data)
            n_rows += len(block)
        file.seek(0)
        file.write(_header(n_rows, columns, dtype))
    return n_rows


def _check_name(path: str | os.PathLike[str], suffix: str) -> None:
    if Path(path).suffix != suffix:
        raise VectorFileError(f"{path}: the name of a file of vectors ends in {suffix}")


def _header(n_rows: int, columns: int, dtype: str) -> bytes:
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
                f"{path} holds {found:,} {what}, but {expected:,} are needed; is it of another encoder or text?"
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


def write_json_lines(file: BinaryIO, blocks: Iterable[tuple[bytes, NDArray[Any]]]) -> int:
    """Write what `json_lines` yields; return how many lines."""
    n_lines = 0
    for line in json_lines(blocks):
        file.write(line)
        n_lines += 1
    return n_lines
