"""Counting co-occurrences: each part of the text is counted into rows, and the rows of all parts are added up.

A part is as much text as can be indexed in memory. Results are stored in memory up to a limit and in a file beyond it.
Sums are integers, so they do not depend on how the text is divided or on the threads.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.encoding.spool import Kept, Spool, WorkFolder
from w2v.encoding.stream import TokenStream, run_threads
from w2v.kernels.objectives.cooccurrences import ONE, Index, add_rows, count_rows, index_words

_BLOCK_CELLS = 1 << 20
_PLACE_BYTES, _LEAST_PART = 24, 1_000  # bytes of a token in the index of its part; least tokens of a part

Report = Callable[[float], None]
"""Called with the fraction counted so far."""


class Rows(NamedTuple):
    """Some rows of the lower triangle; the cells of each row are in ascending order of columns."""

    first: int  # index of the first row
    lengths: NDArray[np.int64]  # number of cells of each row
    columns: NDArray[np.int32]
    values: NDArray[np.int64]  # the sums, times ONE


@dataclass
class Counted:
    """All rows, in blocks."""

    spool: Spool
    blocks: dict[int, tuple[int, Kept, Kept, Kept]] = field(default_factory=dict)

    def put(self, number: int, rows: Rows) -> None:
        """Keep a copy of block `number`; thread-safe."""
        keep = self.spool.keep
        self.blocks[number] = rows.first, keep(rows.lengths), keep(rows.columns), keep(rows.values)

    def block(self, number: int) -> Rows:
        """Return block `number`."""
        first, *kept = self.blocks[number]
        return Rows(first, *map(self.spool.fetch, kept))

    def lengths(self) -> NDArray[np.int64]:
        """Return the number of cells of every row, shape (n_words,)."""
        return np.concatenate([self.spool.fetch(self.blocks[number][1]) for number in sorted(self.blocks)])

    def drain(self) -> Iterator[Rows]:
        """Yield the blocks in order, and drop them."""
        for number in sorted(self.blocks):
            first, *kept = self.blocks.pop(number)
            yield Rows(first, *map(self.spool.fetch, kept))
        self.spool.close()


class Counter:
    """Counts the co-occurrences of one text.

    Two words at most `window` apart count 1 / distance, times the weight of their sentence. The result is the lower
    triangle of a symmetric matrix of shape (n_words, n_words). It holds about `max_memory` bytes at most, besides the
    rows being counted; the rest goes to `folder`.
    """

    def __init__(
        self,
        stream: TokenStream,
        n_words: int,
        window: int,
        *,
        workers: int = 1,
        max_memory: int,
        folder: WorkFolder,
        report: Report | None = None,
    ) -> None:
        self.stream, self.window, self.workers, self.folder, self.report = stream, window, workers, folder, report
        self.n_words, self.max_memory = n_words, max_memory
        self.distances = np.append(0, np.rint(ONE / np.arange(1, window + 1))).astype(np.int64)
        seen = np.zeros(n_words, np.int64)  # ignoring repeats, which add no cells
        for first in range(0, len(stream.tokens), _BLOCK_CELLS):
            seen += np.bincount(stream.tokens[first : first + _BLOCK_CELLS], minlength=n_words)
        most = np.minimum(np.arange(1, n_words + 1), 2 * window * seen)
        self.most: NDArray[np.int64] = most  # most cells of each row
        borders = [0]
        filled = np.cumsum(most)
        while borders[-1] < self.n_words:
            before = int(filled[borders[-1] - 1]) if borders[-1] else 0
            end = int(np.searchsorted(filled, before + _BLOCK_CELLS, side="right"))
            borders.append(max(end, borders[-1] + 1))
        self.borders = borders  # of the blocks

    def count(self) -> Counted:
        """Count the whole text."""
        size = max(_LEAST_PART, self.max_memory // _PLACE_BYTES)
        starts = range(0, len(self.stream), size)
        parts = []
        for number, first in enumerate(starts):
            parts.append(self._count_part(number, len(starts), first, min(first + size, len(self.stream))))
        if len(parts) == 1:
            return parts[0]
        try:
            return self._add_up(parts)
        finally:
            for part in parts:
                part.spool.close()

    def _count_part(self, number: int, n_parts: int, first: int, last: int) -> Counted:
        lowest, highest = max(0, first - self.window), min(len(self.stream), last + self.window)
        near = self.stream.excerpt(lowest, highest)
        text = np.empty(len(near) + len(near.offsets), np.int32)
        gains = None if near.weights is None else np.empty(len(text), np.int64)
        index = Index(text, gains, np.empty(self.n_words + 1, np.int64), np.empty(last - first, np.int32))
        index_words(near.tokens, near.offsets, near.weights, first - lowest, last - lowest, index)

        def count(rows: Rows, sums: NDArray[np.int64], found: NDArray[np.int32]) -> int:
            return int(count_rows(index, self.distances, rows.first, sums, found, *rows[1:]))

        return self._blocks(count, lambda done: (number + done) / n_parts)

    def _add_up(self, parts: Sequence[Counted]) -> Counted:
        def add(rows: Rows, sums: NDArray[np.int64], found: NDArray[np.int32]) -> int:
            number = self.borders.index(rows.first)
            blocks = [part.block(number) for part in parts]
            lengths = np.stack([block.lengths for block in blocks])
            columns, values = (np.concatenate([block[field] for block in blocks]) for field in (2, 3))
            return int(add_rows(lengths, columns, values, rows.first, sums, found, rows.lengths, rows[2:]))

        return self._blocks(add, None)

    def _blocks(
        self,
        fill: Callable[[Rows, NDArray[np.int64], NDArray[np.int32]], int],
        done: Callable[[float], float] | None,
    ) -> Counted:
        """Fill all blocks of rows, with several threads; `fill` returns the number of cells of a block."""
        n_blocks = len(self.borders) - 1
        counted = Counted(Spool(self.folder, self.max_memory))
        numbers, failures = itertools.count(), list[BaseException]()

        def work(worker: int) -> None:
            sums, found = np.zeros(self.n_words, np.int64), np.empty(self.n_words, np.int32)
            while not failures and (number := next(numbers)) < n_blocks:
                first, end = self.borders[number], self.borders[number + 1]
                size = int(self.most[first:end].sum())
                rows = Rows(first, np.empty(end - first, np.int64), np.empty(size, np.int32), np.empty(size, np.int64))
                n = fill(rows, sums, found)
                counted.put(number, Rows(first, rows.lengths, rows.columns[:n], rows.values[:n]))
                if self.report is not None and done is not None:
                    self.report(done((number + 1) / n_blocks))

        run_threads(work, self.workers, failures)
        return counted
