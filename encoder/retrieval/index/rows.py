"""The sentences of an index and their vectors, memory-mapped from its folder."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from w2v.encoder.retrieval.index.storage import (
    LINE,
    POSITIONS,
    SCALES,
    START,
    TEXT,
    VECTORS,
    Contents,
    removed_file,
)
from w2v.storage.files import ModelError, reading
from w2v.vectors.table import VectorTable

_AT_ONCE = 1 << 12


class Rows:
    """The sentences and vectors of an index, memory-mapped.

    Parameters
    ----------
    folder : Path
    contents : Contents
    files : mapping of str to BinaryIO, optional
        Open files by name, instead of those in the folder.

    Attributes
    ----------
    table : VectorTable of shape (N, d)
        Rows of length 1.
    positions : ndarray of shape (N, 2), int64
        See `START` and `LINE`.
    live : ndarray of shape (N,), bool, or None
        Which rows are not removed; None if none has been.

    Raises
    ------
    ModelError
        If a file is missing or shorter than recorded in the configuration.
    """

    def __init__(self, folder: Path, contents: Contents, files: Mapping[str, BinaryIO] | None = None) -> None:
        self._folder, self._contents = folder, contents
        mapped = {
            name: _read_mapped(folder / name, size) if files is None else _mapped(files[name], folder / name, size)
            for name, size in contents.sizes().items()
        }
        n = contents.sentences
        stored = np.frombuffer(mapped[VECTORS], contents.dtype).reshape(n, contents.dimension)
        scales = np.frombuffer(mapped[SCALES], np.float32) if SCALES in mapped else None
        if scales is not None and not (scales >= 0).all():
            raise ModelError(f"{folder / SCALES} is damaged: a scale is negative or not a number")
        self.table = VectorTable(stored, scales, are_units=True)
        self.positions: NDArray[np.int64] = np.frombuffer(mapped[POSITIONS], np.int64).reshape(n, 2)
        self._text = mapped[TEXT]
        self._ends = np.cumsum([source.sentences for source in contents.sources])
        self.live = _read_live(folder, contents)

    @cached_property
    def live_rows(self) -> NDArray[np.intp]:
        """The row numbers that are not removed."""
        return np.arange(len(self.table)) if self.live is None else np.flatnonzero(self.live)

    def sentence(self, row: int) -> str:
        """Return a sentence; see `sentences`."""
        return self.sentences(row, row + 1)[0]

    def sentences(self, start: int, stop: int) -> list[str]:
        """Return the sentences from `start` to below `stop`; ModelError if the index is damaged there."""
        try:
            return [encoded[:-1].decode() for encoded in self._encoded(start, stop)]
        except UnicodeDecodeError as error:
            raise ModelError(
                f"{self._folder / TEXT} is damaged at sentence {start + 1}; build the index again"
            ) from error

    def encoded(self, rows: NDArray[np.intp]) -> list[bytes]:
        """Return sentences as stored, each followed by a line feed; `rows` must be close together and ascending."""
        start = int(rows[0])
        found = self._encoded(start, int(rows[-1]) + 1)
        return found if len(found) == len(rows) else [found[row] for row in (rows - start).tolist()]

    def _encoded(self, start: int, stop: int) -> list[bytes]:
        borders = self.positions[start : stop + 1, START].tolist()
        if stop == len(self.positions):
            borders.append(len(self._text))
        if borders != sorted(borders) or borders[0] < 0 or borders[-1] > len(self._text):
            raise ModelError(f"{self._folder / POSITIONS} is damaged at sentence {start + 1}; build the index again")
        first, data = borders[0], self._text[borders[0] : borders[-1]]
        return [data[a - first : b - first] for a, b in zip(borders, borders[1:], strict=False)]

    def all(self, size: int = _AT_ONCE) -> Iterator[tuple[int, list[str]]]:
        """Yield all sentences in row order, removed ones included, in batches: the first row, and the sentences."""
        for start in range(0, len(self.table), size):
            yield start, self.sentences(start, min(start + size, len(self.table)))

    def place(self, row: int) -> tuple[str, int]:
        """Return the file that a sentence came from and its line in it, from 1."""
        source = self._contents.sources[int(np.searchsorted(self._ends, row, side="right"))]
        return source.name, int(self.positions[row, LINE])


def _read_live(folder: Path, contents: Contents) -> NDArray[np.bool_] | None:
    """Return which sentences are not removed."""
    if not contents.removed:
        return None
    file = removed_file(folder, contents.removed)
    rows = np.frombuffer(_read_mapped(file, 8 * contents.removed), "<i8")
    if not (rows[0] >= 0 and rows[-1] < contents.sentences and (np.diff(rows) > 0).all()):
        raise ModelError(f"{file} is damaged: it does not contain {contents.removed:,} rows")
    live = np.ones(contents.sentences, np.bool_)
    live[rows] = False
    return live


def _read_mapped(file: Path, size: int) -> mmap.mmap | bytes:
    """Open a file and map its first bytes."""
    if size == 0:
        return b""
    with reading(file) as stream:
        return _mapped(stream, file, size)


def _mapped(stream: BinaryIO, name: Path, size: int) -> mmap.mmap | bytes:
    """Map the first bytes of an open file."""
    if size == 0:
        return b""
    found = os.fstat(stream.fileno()).st_size
    if found < size:
        raise ModelError(f"{name} is damaged: it has {found:,} bytes instead of at least {size:,}")
    return mmap.mmap(stream.fileno(), size, access=mmap.ACCESS_READ)
