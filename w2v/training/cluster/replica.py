"""A worker's replica of the tables: as at the start of the round, as trained since, and the common momentum.

Block j consists of the jth of k equal runs of rows of each table. A worker's changes to a block in a round are sent as
`Steps`. Their mean over the workers, weighted by the words trained, is the gradient of an outer step with Nesterov
momentum (arXiv:2311.08105). Averaging alone would shorten the steps of rows that have not converged by a factor of k.
Whole tables are sent one `Snapshot` after another, each of one of n such runs, so that few are copied at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.training.cluster.steps import Steps, moves_of, outer_step, take_step
from w2v.training.tables import Tables


class Delta(NamedTuple):
    """The changes of the rows of a block."""

    steps: tuple[Steps, ...]  # of each table
    n_words: int  # number of words trained


class Snapshot(NamedTuple):
    """One of n runs of rows of the tables between two rounds."""

    rows: tuple[NDArray[np.float32], ...]  # of each table, flat
    momentum: tuple[Steps, ...]  # empty for a single worker


def block_of(tables: Tables, number: int, n_blocks: int) -> list[NDArray[np.float32]]:
    """Return views of one of n equal runs of rows of each trained table, flat: shape (rows * S,), float32."""
    size, found = tables.row_size, []
    for table in (tables.w_in[:-size], tables.w_out[:-size], tables.positions):
        if table is not None:
            first, last = _rows_of(len(table) // size, number, n_blocks)
            found.append(table[first * size : last * size])
    return found


def _rows_of(n_rows: int, number: int, n_blocks: int) -> tuple[int, int]:
    return n_rows * number // n_blocks, n_rows * (number + 1) // n_blocks


class Replica:
    """A worker's replica of the tables. A single worker has no momentum."""

    def __init__(self, tables: Tables, n_workers: int, n_threads: int = 1) -> None:
        self.tables, self.base, self.n_workers, self.n_threads = tables, tables.copy(), n_workers, n_threads
        self.momentum: list[Steps] = []
        if n_workers > 1:
            self.momentum = [
                Steps.zeros(len(table) // tables.row_size, tables.row_size) for table in block_of(tables, 0, 1)
            ]

    def go_back(self) -> None:
        """Reset the tables to the start of the round."""
        self.base.copy(self.tables)

    def keep(self) -> None:
        """Start the next round from the tables as trained."""
        self.tables.copy(self.base)

    def delta(self, number: int, n_words: int) -> Delta:
        """Return the changes of a block since the start of the round."""
        found = [
            moves_of(now, before, self.tables.row_size, self.n_threads)
            for now, before in zip(self._block(self.tables, number), self._block(self.base, number), strict=True)
        ]
        return Delta(tuple(found), n_words)

    def step(self, number: int, n_words: int, others: Sequence[Delta], decay: float) -> tuple[Steps, ...]:
        """Return the outer step of a block, from this worker and the `others`."""
        total = max(1, n_words + sum(other.n_words for other in others))
        tables = zip(
            self._block(self.tables, number), self._block(self.base, number), self._momentum(number), strict=True
        )
        return tuple(
            outer_step(
                now, before, n_words / total,
                [(other.steps[table], other.n_words / total) for other in others],
                momentum, decay, self.n_threads,
            )
            for table, (now, before, momentum) in enumerate(tables)
        )  # fmt: skip

    def take(self, blocks: Sequence[Sequence[Steps]], decay: float) -> None:
        """Apply the outer step, block by block."""
        for number, block in enumerate(blocks):
            for now, before, momentum, steps in zip(
                self._block(self.tables, number),
                self._block(self.base, number),
                self._momentum(number),
                block,
                strict=True,
            ):
                take_step(now, before, momentum, steps, decay, self.n_threads)

    def cut(self, number: int, n_pieces: int) -> Snapshot:
        """Return a copy of one of n runs of rows from the start of the round."""
        rows = tuple(table.copy() for table in block_of(self.base, number, n_pieces))
        momentum = self._momentum(number, n_pieces)
        return Snapshot(rows, tuple(Steps(one.values.copy(), one.scales.copy()) for one in momentum))

    def fill(self, number: int, n_pieces: int, snapshot: Snapshot) -> None:
        """Overwrite one of n runs of rows."""
        for tables in (self.tables, self.base):
            for table, rows in zip(block_of(tables, number, n_pieces), snapshot.rows, strict=True):
                table[:] = rows
        for kept, momentum in zip(self._momentum(number, n_pieces), snapshot.momentum, strict=True):
            kept.values[:], kept.scales[:] = momentum

    def _block(self, tables: Tables, number: int) -> list[NDArray[np.float32]]:
        return block_of(tables, number, self.n_workers)

    def _momentum(self, number: int, n_pieces: int | None = None) -> list[Steps]:
        n = n_pieces or self.n_workers
        return [steps.part(*_rows_of(len(steps.scales), number, n)) for steps in self.momentum]


def snapshot_of(tables: Tables, momentum: Tables | None, number: int, n_pieces: int, n_workers: int) -> Snapshot:
    """Return one of n runs of rows of tables in this process, for `n_workers`."""
    rows = tuple(block_of(tables, number, n_pieces))
    if n_workers == 1:
        return Snapshot(rows, ())
    size = tables.row_size
    if momentum is None:
        return Snapshot(rows, tuple(Steps.zeros(len(table) // size, size) for table in rows))
    nothing = [np.zeros_like(table) for table in rows]
    moved = zip(block_of(momentum, number, n_pieces), nothing, strict=True)
    return Snapshot(rows, tuple(moves_of(now, before, size) for now, before in moved))


def put_in(snapshot: Snapshot, number: int, n_pieces: int, tables: Tables, momentum: Tables | None) -> None:
    """Overwrite one of n runs of rows of tables and, unless it is None, of their momentum."""
    for table, rows in zip(block_of(tables, number, n_pieces), snapshot.rows, strict=True):
        table[:] = rows
    if momentum is not None:
        for table, steps in zip(block_of(momentum, number, n_pieces), snapshot.momentum, strict=True):
            table[:] = steps.table
