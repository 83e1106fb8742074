"""Appending sentences and their vectors to the files of an index."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO, NamedTuple

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
    Source,
    write_contents,
)
from w2v.storage.files import ModelError
from w2v.vectors.table import VectorTable


class EncodedBatch(NamedTuple):
    """Consecutive sentences of one file, without those that have no vector.

    Attributes
    ----------
    name : str
        See `Source`.
    sentences : list of n bytes
        In UTF-8.
    lines : ndarray of shape (n,), int64
    units : ndarray of shape (n, d), float32
        Vectors of length 1.
    n_lines : int
        Number of lines read.
    texts : ndarray of shape (n,), int64
        The number of each sentence's text, from 0, among all texts to append.
    """

    name: str
    sentences: list[bytes]
    lines: NDArray[np.int64]
    units: NDArray[np.float32]
    n_lines: int
    texts: NDArray[np.int64]


@dataclass
class Appender:
    """Appends sentences to those of an index.

    Attributes
    ----------
    contents : Contents
        Of the index, including what has been appended so far.
    files : mapping of str to BinaryIO
        The files that grow, open at their ends.
    """

    contents: Contents
    files: Mapping[str, BinaryIO] = field(default_factory=dict)

    def append(self, batch: EncodedBatch) -> None:
        """Append a batch; when this returns, all of it is in the files."""
        n, contents = len(batch.sentences), self.contents
        n_bytes = self._write(batch) if n else 0
        *before, last = (*contents.sources, Source(batch.name, n, batch.n_lines))
        if before and last.name == "" == before[-1].name:  # line numbers of texts added by programs continue
            last = Source("", before[-1].sentences + n, before[-1].lines + batch.n_lines)
            before.pop()
        self.contents = replace(
            contents,
            sentences=contents.sentences + n,
            text_bytes=contents.text_bytes + n_bytes,
            sources=(*before, last),
        )

    def _write(self, batch: EncodedBatch) -> int:
        """Write a batch and return the length of its text in bytes."""
        lengths = np.fromiter(map(len, batch.sentences), np.int64, len(batch.sentences)) + 1
        positions = np.empty((len(lengths), 2), "<i8")
        positions[:, START] = self.contents.text_bytes + np.cumsum(lengths) - lengths
        positions[:, LINE] = batch.lines
        table = VectorTable(batch.units).astype(self.contents.dtype)
        self.files[TEXT].write(b"".join(sentence + b"\n" for sentence in batch.sentences))
        self.files[POSITIONS].write(positions.data)
        self.files[VECTORS].write(np.ascontiguousarray(table.stored).data)
        if table.scales is not None:
            self.files[SCALES].write(table.take(slice(None)).inverse_norms().data)
        for file in self.files.values():
            file.flush()
        return int(lengths.sum())


@contextmanager
def appending(folder: Path, contents: Contents, *, is_new: bool = False) -> Iterator[Appender]:
    """Open the files of an index for appending; what is appended becomes valid when the block ends without an error.

    After an error, the files are truncated to their previous size, unless the index is new. ModelError if a file cannot
    be written, or is shorter than recorded in the configuration.
    """
    try:
        with ExitStack() as opened:
            files: dict[str, BinaryIO] = {}
            for name, size in contents.sizes().items():
                files[name] = opened.enter_context(open(folder / name, "r+b" if (folder / name).exists() else "xb"))
                if files[name].seek(0, os.SEEK_END) < size:
                    raise ModelError(f"{folder / name} is damaged: it is shorter than {size:,} bytes")
                files[name].truncate(size)  # left by an interrupted addition
                files[name].seek(size)
            appender = Appender(contents, files)
            yield appender
            for file in files.values():
                os.fsync(file.fileno())
    except BaseException as error:
        for name, size in {} if is_new else contents.sizes().items():
            with suppress(OSError):
                if os.path.getsize(folder / name) > size:
                    os.truncate(folder / name, size)
        if isinstance(error, OSError):
            raise ModelError(f"{folder} cannot be written: {error.strerror or error}") from error
        raise
    write_contents(folder, appender.contents)
