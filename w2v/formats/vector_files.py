"""Shared by the readers and writers of vector files: new files, blocks of rows, and checks."""

from __future__ import annotations

import gzip
import io
import os
import re
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from w2v.encoding.vocabulary import Vocabulary
from w2v.formats.source import BLOCK_BYTES
from w2v.storage.files import OVERWRITE, ModelError, OutputTakenError, atomic_file, atomic_folder
from w2v.vectors.embeddings import Embeddings

WHITE_SPACE = " \t\n\r\v\f"


@contextmanager
def new_file(path: str | os.PathLike[str], *, overwrite: bool) -> Iterator[BinaryIO | io.BufferedWriter]:
    """Write a file atomically; it is compressed if its name ends in ``.gz``."""
    with atomic_file(path, overwrite=overwrite) as file:
        if os.fspath(path).endswith(".gz"):
            with gzip.GzipFile(filename="", mode="wb", fileobj=file, compresslevel=5, mtime=0) as compressed:
                buffered = io.BufferedWriter(compressed, BLOCK_BYTES)
                yield buffered
                buffered.flush()
        else:
            yield file


@contextmanager
def new_folder(path: str | os.PathLike[str], files: AbstractSet[str], *, overwrite: bool) -> Iterator[Path]:
    """Write a folder atomically; with `overwrite` it may replace one that holds only the named files."""
    if os.path.lexists(path):
        if not overwrite:
            raise OutputTakenError(f"{path} exists already; choose another name, remove it, or {OVERWRITE}")
        if not os.path.isdir(path) or not files >= set(os.listdir(path)):
            raise ModelError(f"{path} is another kind of file than the output, so it is not overwritten")
    with atomic_folder(path, replace=overwrite) as folder:
        yield folder


def check_limit(limit: int | None) -> None:
    """Raise ValueError unless `limit` is None or positive."""
    if limit is not None and limit < 1:
        raise ValueError(f"limit must be at least 1, not {limit}")


def allocate_rows(path: str, n_rows: int, vector_size: int) -> NDArray[np.float32]:
    """Return an uninitialised table, shape (n_rows, vector_size), float32; raise ModelError if memory is short."""
    try:
        return np.empty((n_rows, vector_size), dtype=np.float32)
    except (MemoryError, ValueError) as error:
        raise too_large(path, n_rows, vector_size) from error


def too_large(path: str, n_rows: int, vector_size: int) -> ModelError:
    """Return the error for vectors that do not fit in memory."""
    return ModelError(f"{path}: {n_rows} words of {vector_size} dimensions do not fit in memory; read fewer with limit")


def row_blocks(n_rows: int, vector_size: int) -> Iterator[slice]:
    """Yield slices of about `BLOCK_BYTES` that cover all rows."""
    step = max(1, BLOCK_BYTES // (4 * vector_size))
    for start in range(0, n_rows, step):
        yield slice(start, min(start + step, n_rows))


def check_finite(path: str, table: NDArray[np.generic], where: Callable[[int], str]) -> None:
    """Raise a `ModelError` for the first row of a table (V, D) with NaN or infinity; `where` names the row."""
    for block in row_blocks(*table.shape):
        finite = np.isfinite(table[block])
        if not finite.all():
            row = block.start + int(np.argmin(finite.all(axis=1)))
            raise ModelError(f"{path}{where(row)} holds NaN or infinity; the file is damaged")


def make_embeddings(
    words: list[str], table: NDArray[np.float32], counts: NDArray[np.int64] | None = None
) -> Embeddings:
    """Return the embeddings of a file, from a table (V, D) and counts (V,).

    Duplicate words keep their first vector; the metadata counts the others as ``duplicates_dropped``.
    """
    return with_first_rows(*distinct_words(words, counts), table)


def with_first_rows(vocabulary: Vocabulary, rows: NDArray[np.intp] | None, table: NDArray[np.float32]) -> Embeddings:
    """Return the embeddings from a result of `distinct_words` and the table (V, D) of all words."""
    if rows is None:
        return Embeddings(vocabulary, table)
    return Embeddings(vocabulary, table[rows], metadata={"duplicates_dropped": len(table) - len(rows)})


def distinct_words(
    words: list[str], counts: NDArray[np.int64] | None = None
) -> tuple[Vocabulary, NDArray[np.intp] | None]:
    """Return the vocabulary without duplicates, and the row of each word, shape (n,); None without duplicates."""
    try:
        return Vocabulary(words, counts), None
    except ValueError:
        first_rows = dict(zip(reversed(words), range(len(words) - 1, -1, -1), strict=True))
        if len(first_rows) == len(words):
            raise
    rows = np.sort(np.fromiter(first_rows.values(), dtype=np.intp, count=len(first_rows)))
    return Vocabulary([words[row] for row in rows], None if counts is None else counts[rows]), rows


def make_vocabulary(path: str, words: list[str], counts: NDArray[np.int64] | None = None) -> Vocabulary:
    """Return the vocabulary of a file, with counts (V,); raise a `ModelError` for an invalid or duplicate word."""
    try:
        return Vocabulary(words, counts)
    except ValueError as error:
        raise ModelError(f"{path}: {error}") from error


def without_words(
    embeddings: Embeddings, path: str | os.PathLike[str], forbidden: str, *, empty: bool = False
) -> tuple[Embeddings, list[str]]:
    """Return the embeddings of the words that a format can express, and the other words.

    The format allows none of the characters `forbidden`, written as in a regular expression, and no empty words unless
    `empty`. Raises ModelError if it can express no word at all.
    """
    unwritable = re.compile(f"[{forbidden}]")
    left_out = [word for word in embeddings.index_to_key if unwritable.search(word) or not (word or empty)]
    if not left_out:
        return embeddings, left_out
    if len(left_out) == len(embeddings):
        raise ModelError(f"{path} cannot be written: the format can express none of the words, such as {left_out[0]!r}")
    return embeddings.difference(left_out), left_out


def finite_blocks(
    embeddings: Embeddings, path: str | os.PathLike[str]
) -> Iterator[tuple[list[str], NDArray[np.float32]]]:
    """Yield words and vectors, a few MiB of little-endian float32 at a time; raise ModelError for NaN or infinity."""
    for rows in row_blocks(len(embeddings), embeddings.vector_size):
        block = np.ascontiguousarray(embeddings.rows(rows), dtype="<f4")
        words = embeddings.index_to_key[rows]
        finite = np.isfinite(block)
        if not finite.all():
            word = words[int(np.argmin(finite.all(axis=1)))]
            raise ModelError(f"{path} cannot be written: the vector of {word!r} holds NaN or infinity")
        yield words, block


def float32_table(path: str | os.PathLike[str], table: NDArray[np.generic], n_words: int) -> NDArray[np.float32]:
    """Return a table as float32; raise ModelError unless it has a row of finite numbers for each word."""
    if table.dtype.kind not in "fiu" or table.ndim != 2 or 0 in table.shape:
        raise ModelError(f"{path}: the vectors are {table.dtype} of shape {table.shape}, not a table of numbers")
    if len(table) != n_words:
        raise ModelError(f"{path}: there are {len(table)} vectors, but {n_words} words")
    check_finite(os.fspath(path), table, lambda row: f": row {row}")
    converted: NDArray[np.float32] = np.ascontiguousarray(table, dtype=np.float32)
    if table.dtype.itemsize > converted.dtype.itemsize:
        check_finite(os.fspath(path), converted, lambda row: f": row {row}, as float32,")
    return converted
