"""The tables in blocks of rows, one a worker, and how the workers' steps become one step.

Block j of k holds every k-th row from row j on, so that frequent words are spread over all of them. What a worker
learned of a block in a round travels as 16-bit integers with a scale for each row. The mean of the workers, weighted by
the words that they trained, is the gradient of an outer step with Nesterov momentum (arXiv:2311.08105): averaging alone
would shorten the steps of all rows that have not settled, k times.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.training.tables import Tables

Block = tuple[NDArray[np.float32], ...]
"""Rows of each table that training moves, each of shape (n_rows, D)."""

_ROWS_AT_ONCE = 1 << 10  # all that a step works with stays in the cache
_LEAST = np.float32(1e-30)  # of a scale that has an inverse
_MOST = np.iinfo(np.int16).max


class Delta(NamedTuple):
    """What a worker moved the rows of a block by, in a round."""

    steps: tuple[NDArray[np.int16], ...]  # of each table, each of shape (n_rows, D)
    scales: tuple[NDArray[np.float32], ...]  # of one step in each row, each of shape (n_rows,)
    n_words: int  # that the worker trained


def moved_tables(tables: Tables) -> list[NDArray[np.float32]]:
    """Return views of all that training moves."""
    found = [tables.input_rows, tables.output_vectors]
    return found if tables.position_weights is None else [*found, tables.position_weights]


def cut_block(tables: Tables, number: int, n_blocks: int) -> Block:
    """Return a copy of one block of the tables."""
    return tuple(np.array(table[number::n_blocks], order="C") for table in moved_tables(tables))


def fill_tables(tables: Tables, blocks: Sequence[Block]) -> None:
    """Overwrite the tables with all of their blocks."""
    for number, block in enumerate(blocks):
        for table, rows in zip(moved_tables(tables), block, strict=True):
            table[number :: len(blocks)] = rows


def delta_of(tables: Tables, block: Block, number: int, n_blocks: int, n_words: int) -> Delta:
    """Return how far the tables are from a block, to 1/65534 of the largest entry of a row."""
    steps, scales = [], []
    for table, before in zip(moved_tables(tables), block, strict=True):
        now = table[number::n_blocks]
        step, scale = np.empty(before.shape, np.int16), np.empty(len(before), np.float32)
        for first in range(0, len(before), _ROWS_AT_ONCE):
            rows = slice(first, first + _ROWS_AT_ONCE)
            moved = now[rows] - before[rows]
            scale[rows] = np.abs(moved).max(axis=1) / _MOST
            moved *= np.divide(1, scale[rows], out=np.zeros_like(scale[rows]), where=scale[rows] > _LEAST)[:, None]
            step[rows] = np.rint(moved, out=moved)
        steps.append(step)
        scales.append(scale)
    return Delta(tuple(steps), tuple(scales), n_words)


def combine(block: Block, momentum: Block | None, deltas: list[Delta], decay: float) -> tuple[Block, Block]:
    """Return a block after the outer step, and its momentum.

    With the mean d of the deltas, weighted by words, the momentum m becomes ``decay * m + d``, and the rows move by
    ``d + decay * m``. None is no momentum yet.
    """
    weights = np.array([delta.n_words for delta in deltas], np.float64)
    weights /= max(1.0, weights.sum())
    after, momenta = [], []
    for table, before in enumerate(block):
        moved, kept = np.empty_like(before), np.empty_like(before)
        for first in range(0, len(before), _ROWS_AT_ONCE):
            rows = slice(first, first + _ROWS_AT_ONCE)
            mean, step = np.zeros_like(before[rows]), np.empty_like(before[rows])
            for delta, weight in zip(deltas, weights, strict=True):
                np.copyto(step, delta.steps[table][rows])
                step *= (np.float32(weight) * delta.scales[table][rows])[:, None]
                mean += step
            kept[rows] = mean
            if momentum is not None:
                kept[rows] += np.multiply(momentum[table][rows], np.float32(decay), out=step)
            mean += np.multiply(kept[rows], np.float32(decay), out=step)
            np.add(before[rows], mean, out=moved[rows])
        after.append(moved)
        momenta.append(kept)
    return tuple(after), tuple(momenta)
