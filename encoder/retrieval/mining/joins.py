"""Find all pairs of rows whose cosine reaches a threshold: exactly, in memory that does not grow with the table.

Most pairs are far below it, and most of the dot product of two rows lies in the few directions in which sentences vary
most. Let x = (a, b) be a row in the principal axes, where a is its first k columns and b the rest. By Cauchy–Schwarz,

    x · x' = a · a' + b · b' <= a · a' + |b| |b'|,

which is the dot product of the rows (a, |b|) with k + 1 columns. Only pairs for which this bound reaches the threshold
are compared in full; no other pair can reach it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.vectors.table import VectorTable

STRIP_ROWS = 4096
"""Number of later rows that are compared at once with all earlier ones."""

_TILE_ROWS = 256  # earlier rows per matrix product; the scores with one strip take 4 MiB
_SAMPLED_ROWS = 4096
_COMPARED_ROWS = 1024
_WIDTHS = (16, 32, 48, 64, 96, 128, 192, 256)
_WHOLE_COST = 30_000  # comparing one pair in full costs as much as this many columns of a product
_SLACK = 3e-4  # float16 rows have length 1 within 1e-4, and products are rounded


class Pairs(NamedTuple):
    """Pairs of near rows.

    Attributes
    ----------
    later, earlier : ndarray of shape (m,), int64
        Row numbers, with ``earlier < later``.
    scores : ndarray of shape (m,), float32
        Their cosines.
    """

    later: NDArray[np.int64]
    earlier: NDArray[np.int64]
    scores: NDArray[np.float32]

    def best(self, top_n: int) -> Pairs:
        """Return the `top_n` nearest earlier rows of each later row, sorted by later row and score; each pair once."""
        order = np.lexsort((self.earlier, -self.scores, self.later))
        later, earlier = self.later[order], self.earlier[order]
        is_first = np.ones(len(order), bool)
        is_first[1:] = (later[1:] != later[:-1]) | (earlier[1:] != earlier[:-1])
        order, later = order[is_first], later[is_first]
        rank = np.arange(len(order)) - np.searchsorted(later, later)
        return self.take(order[rank < top_n])

    def take(self, index: NDArray[Any]) -> Pairs:
        """Return the pairs at the given positions."""
        return Pairs(self.later[index], self.earlier[index], self.scores[index])


def join_pairs(parts: list[Pairs]) -> Pairs:
    """Return the concatenation of several sets of pairs."""
    if not parts:
        return Pairs(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))
    return Pairs(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def n_pairs(n_rows: int) -> int:
    """Return the number of pairs among `n_rows` rows."""
    return n_rows * (n_rows - 1) // 2


class Reduction:
    """Reduces rows to the few columns that bound their products; see the module docstring.

    Parameters
    ----------
    axes : ndarray of shape (d, k), float32
        Orthonormal columns; with d of them nothing is left out.
    """

    def __init__(self, axes: NDArray[np.float32]) -> None:
        self._axes = axes

    @property
    def is_whole(self) -> bool:
        """Whether no direction is left out, so that the bound is the dot product itself."""
        return bool(self._axes.shape[0] == self._axes.shape[1])

    def __call__(self, units: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return (a, |b|) for rows of length 1, shape (n, k + 1), or the rows themselves if nothing is left out."""
        if self.is_whole:
            return units
        reduced = np.empty((len(units), self._axes.shape[1] + 1), np.float32)
        leading = np.matmul(units, self._axes, out=reduced[:, :-1])
        squares = np.einsum("ij,ij->i", leading, leading)
        np.sqrt(np.maximum(1 - squares, 0), out=reduced[:, -1])
        return reduced


def choose_reduction(table: VectorTable, rows: NDArray[np.int64], threshold: float) -> Reduction:
    """Return the reduction expected to make the join of some rows fastest, estimated on a sample."""
    picked = rows[np.unique(np.linspace(0, len(rows) - 1, _SAMPLED_ROWS).astype(np.intp))]
    sample = unit_rows(table, picked)
    _, axes = np.linalg.eigh(sample.T.astype(np.float64) @ sample)
    axes = np.ascontiguousarray(axes[:, ::-1], np.float32)  # largest eigenvalue first
    best, least = Reduction(axes), float(table.shape[1])
    compared = sample[:: max(1, len(sample) // _COMPARED_ROWS)]
    n_compared = n_pairs(len(compared))
    for width in _WIDTHS:
        if width >= table.shape[1] or n_compared == 0:
            break
        reduction = Reduction(np.ascontiguousarray(axes[:, :width]))
        reduced = reduction(compared)
        n_candidates = np.count_nonzero(np.triu(reduced @ reduced.T >= threshold - _SLACK, 1))
        cost = width + 1 + _WHOLE_COST * n_candidates / n_compared
        if cost < least:
            best, least = reduction, cost
    return best


def unit_rows(table: VectorTable, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return rows scaled to length 1, shape (n, d), float32."""
    units: NDArray[np.float32] = table.unscaled(rows) * table.inverse_norms(rows)[:, None]
    return units


class Join:
    """Finds the pairs of rows of a table that reach a threshold.

    Parameters
    ----------
    table : VectorTable of shape (N, d)
    threshold : float
        In (-1, 1].
    top_n : int
        Number of earlier rows, the nearest, to keep for each later one.
    reduction : Reduction
    """

    def __init__(self, table: VectorTable, threshold: float, top_n: int, reduction: Reduction) -> None:
        self._table, self._threshold, self._top_n, self._reduction = table, threshold, top_n, reduction

    def best(self, parts: list[Pairs]) -> Pairs:
        """Return the nearest pairs of several parts."""
        return join_pairs(parts).best(self._top_n)

    def strips(
        self,
        rows: NDArray[np.int64],
        pool: ThreadPoolExecutor | None = None,
        tell: Callable[[int, int], None] = lambda done, total: None,
    ) -> Iterator[tuple[Pairs, int]]:
        """Yield the pairs among some rows, in ascending order, strip by strip, and the last row of the strip.

        Each thread computes its own products, so BLAS should be limited to one thread. `tell` is called with the number
        of pairs of rows compared so far and the total.
        """
        for start in range(0, len(rows), STRIP_ROWS):
            strip = rows[start : start + STRIP_ROWS]
            yield self.between(rows[: start + len(strip)], strip, pool), int(strip[-1])
            tell(n_pairs(start + len(strip)), n_pairs(len(rows)))

    def between(
        self, rows: NDArray[np.int64], strip: NDArray[np.int64], pool: ThreadPoolExecutor | None = None
    ) -> Pairs:
        """Return the pairs of some rows with later rows in a strip; threads share the blocks of the former."""
        units = unit_rows(self._table, strip)
        reduced = np.ascontiguousarray(self._reduction(units).T)
        blocks = [rows[start : start + STRIP_ROWS] for start in range(0, len(rows), STRIP_ROWS)]
        found = (map if pool is None else pool.map)(lambda block: self._block(block, strip, units, reduced), blocks)
        return self.best(list(found))

    def all_pairs(self, rows: NDArray[np.int64]) -> Pairs:
        """Return the pairs among a few rows."""
        parts = []
        for start in range(0, len(rows), STRIP_ROWS):
            strip = rows[start : start + STRIP_ROWS]
            units = unit_rows(self._table, strip)
            reduced = np.ascontiguousarray(self._reduction(units).T)
            parts += [
                self._block(rows[i : i + STRIP_ROWS], strip, units, reduced) for i in range(0, start + 1, STRIP_ROWS)
            ]
        return join_pairs(parts)

    def _block(
        self,
        block: NDArray[np.int64],
        strip: NDArray[np.int64],
        strip_units: NDArray[np.float32],
        strip_reduced: NDArray[np.float32],
    ) -> Pairs:
        """Return the pairs of a block of rows with later rows in a strip."""
        units = unit_rows(self._table, block)
        reduced = self._reduction(units)
        parts = []
        for start in range(0, len(block), _TILE_ROWS):
            tile = slice(start, start + _TILE_ROWS)
            bounds = reduced[tile] @ strip_reduced
            candidates = np.flatnonzero(bounds >= self._threshold - _SLACK)
            if not candidates.size:
                continue
            if candidates.size * _WHOLE_COST > bounds.size * units.shape[1] and not self._reduction.is_whole:
                bounds = units[tile] @ strip_units.T
                candidates = np.flatnonzero(bounds >= self._threshold - _SLACK)
            earlier, later = np.divmod(candidates, len(strip))
            earlier += start
            is_before = block[earlier] < strip[later]
            earlier, later = earlier[is_before], later[is_before]
            for first in range(0, len(earlier), STRIP_ROWS):  # full rows of some pairs at a time
                part = slice(first, first + STRIP_ROWS)
                scores = np.einsum("ij,ij->i", units[earlier[part]], strip_units[later[part]])
                near = np.flatnonzero(scores >= self._threshold)
                parts.append(Pairs(strip[later[part][near]], block[earlier[part][near]], scores[near]))
        found = join_pairs(parts)
        return found if len(found.scores) <= self._top_n * len(strip) else found.best(self._top_n)
