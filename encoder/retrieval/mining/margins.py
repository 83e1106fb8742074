"""Match rows of two tables by a margin: their similarity relative to that of their other neighbours.

Some rows are near to everything. The ratio margin [1]_ of x and y is their cosine divided by the mean cosine of each
with its k nearest rows in the other table:

    margin(x, y) = 2 cos(x, y) / (mean of x's k nearest + mean of y's k nearest)

References
----------
.. [1] Artetxe and Schwenk 2019, Margin-based Parallel Corpus Mining with Multilingual Sentence Embeddings, ACL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.encoder.retrieval.mining.centroids import assign, fit_centroids
from w2v.encoder.retrieval.mining.joins import unit_rows
from w2v.vectors.table import VectorTable

_STRIP_ROWS, _BLOCK_ROWS = 1024, 4096
_JOBS_AT_ONCE = 32
_PROBES = 4
_LEAST_CELLS = 16
_CELL_BATCHES = 12

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]
Job = tuple[Rows, Rows]
"""Rows of the first and of the second table, to be compared all with all."""


class Nearest:
    """The k nearest rows in another table for each row of a table.

    Attributes
    ----------
    scores : ndarray of shape (N, k), float32
        Cosines, descending; -inf if there are fewer than k.
    rows : ndarray of shape (N, k), int64
        -1 if there are fewer than k.
    """

    def __init__(self, n_rows: int, k: int) -> None:
        self.scores = np.full((n_rows, k), -np.inf, np.float32)
        self.rows = np.full((n_rows, k), -1, np.int64)

    @property
    def means(self) -> Floats:
        """Mean score of each row, shape (N,); 0 if it has none."""
        is_found = self.rows >= 0
        total = np.where(is_found, self.scores, 0).sum(axis=1)
        means: Floats = total / np.maximum(1, is_found.sum(axis=1))
        return means

    def update(self, found: _Found) -> None:
        """Merge in further results for some rows; on ties, earlier results are kept."""
        mine, scores, rows = found
        scores = np.concatenate([self.scores[mine], scores], axis=1)
        rows = np.concatenate([self.rows[mine], rows], axis=1)
        order = np.argsort(-scores, axis=1, kind="stable")[:, : self.scores.shape[1]]
        self.scores[mine] = np.take_along_axis(scores, order, axis=1)
        self.rows[mine] = np.take_along_axis(rows, order, axis=1)


class _Found(NamedTuple):
    """Rows of one table, shape (n,), and their best matches in part of the other, shape (n, <= k)."""

    mine: Rows
    scores: Floats
    rows: Rows


_Outcome = tuple[_Found, _Found, int]


class MarginPairs(NamedTuple):
    """Pairs of a row of the first table and one of the second, shape (m,) each."""

    first: Rows
    second: Rows
    cosines: Floats
    margins: Floats

    def take(self, index: NDArray[np.intp]) -> MarginPairs:
        """Return the pairs at the given positions."""
        return MarginPairs(self.first[index], self.second[index], self.cosines[index], self.margins[index])


def nearest_both_ways(
    first: VectorTable,
    second: VectorTable,
    parts: Iterable[Job],
    k: int,
    pool: ThreadPoolExecutor | None = None,
    tell: Callable[[int], None] = lambda done: None,
) -> tuple[Nearest, Nearest]:
    """Find the k nearest rows in the other table for each row of two tables; takes 24 k bytes per row.

    Parameters
    ----------
    first, second : VectorTable of shapes (N, d) and (M, d)
    parts : iterable of Job
        Rows of the first and of the second table to compare, each pair of rows in one part only: all rows, or the
        result of `rows_by_cells`.
    k : int
    pool : ThreadPoolExecutor, optional
        Threads to share the work; BLAS should be limited to one thread.
    tell : callable, optional
        Called with the number of pairs of rows compared.
    """
    of_first, of_second = Nearest(len(first), k), Nearest(len(second), k)

    def compare(job: Job) -> _Outcome:
        strip, block = job
        scores = unit_rows(first, strip) @ unit_rows(second, block).T
        return (
            _best(scores, strip, block, of_first.scores[strip, -1], k),
            _best(scores.T, block, strip, of_second.scores[block, -1], k),
            scores.size,
        )

    done = 0
    for own, other, n_compared in _map_some(pool, compare, _jobs(parts)):
        of_first.update(own)
        of_second.update(other)
        done += n_compared
        tell(done)
    return of_first, of_second


def _best(scores: Floats, mine: Rows, others: Rows, least: Floats, k: int) -> _Found:
    """Return the k best matches of each row that has any above `least`; scores have shape (n, m)."""
    better = np.flatnonzero(scores.max(axis=1) > least)
    some = scores[better]
    if some.shape[1] > k:
        places = np.argpartition(some, some.shape[1] - k, axis=1)[:, -k:]
        return _Found(mine[better], np.take_along_axis(some, places, axis=1), others[places])
    return _Found(mine[better], some, np.broadcast_to(others, some.shape))


def _jobs(parts: Iterable[Job]) -> Iterator[Job]:
    for first, second in parts:
        for start in range(0, len(first), _STRIP_ROWS):
            for at in range(0, len(second), _BLOCK_ROWS):
                yield first[start : start + _STRIP_ROWS], second[at : at + _BLOCK_ROWS]


def _map_some(
    pool: ThreadPoolExecutor | None, work: Callable[[Job], _Outcome], jobs: Iterator[Job]
) -> Iterator[_Outcome]:
    """Like `pool.map`, but submit only a few jobs at a time, so that few results wait in memory."""
    if pool is None:
        yield from map(work, jobs)
        return
    while some := list(islice(jobs, _JOBS_AT_ONCE)):
        yield from pool.map(work, some)


def rows_by_cells(
    first: VectorTable,
    second: VectorTable,
    first_rows: Rows,
    second_rows: Rows,
    seed: int,
    tell: Callable[[int, int], None] | None = None,
) -> list[Job]:
    """Return parts for `nearest_both_ways` that contain most near pairs and few others.

    A row of the second table belongs to the nearest of about 2 sqrt(M) centres. A row of the first is compared with the
    rows of the few centres nearest to it.
    """
    n_cells = min(len(second), max(_LEAST_CELLS, round(2 * len(second_rows) ** 0.5)))
    centroids = fit_centroids(second, n_cells, n_batches=_CELL_BATCHES, seed=seed, is_careful=False, progress=tell)
    cells = [
        _cells(table, centroids, rows, n) for table, rows, n in ((first, first_rows, _PROBES), (second, second_rows, 1))
    ]
    return [(own, other) for own, other in zip(*cells, strict=True) if len(own) and len(other)]


def _cells(table: VectorTable, centroids: Floats, rows: Rows, n: int) -> list[Rows]:
    """Return, for each centre, the rows that have it among their n nearest centres."""
    n = min(n, len(centroids))
    labels = np.empty((len(table), n), np.int32)
    for block, nearest, _ in assign(table, centroids, n):
        labels[block] = nearest
    flat = labels[rows].reshape(-1)
    order = np.argsort(flat, kind="stable")
    borders = np.searchsorted(flat[order], np.arange(1, len(centroids)))
    return np.split(rows[order // n], borders)


def margin_pairs(of_first: Nearest, of_second: Nearest, *, threshold: float, min_similarity: float) -> MarginPairs:
    """Return the pairs, best first, in which one is among the other's k nearest and both limits are reached.

    If the mean cosine of the nearest rows is negative, the margin is 0.
    """
    firsts, seconds = (np.repeat(np.arange(len(one.rows)), one.rows.shape[1]) for one in (of_first, of_second))
    first = np.concatenate([firsts, of_second.rows.reshape(-1)])
    second = np.concatenate([of_first.rows.reshape(-1), seconds])
    cosines = np.concatenate([of_first.scores.reshape(-1), of_second.scores.reshape(-1)])
    is_near = cosines >= min_similarity
    first, second, cosines = first[is_near], second[is_near], cosines[is_near]
    _, at = np.unique(first * len(of_second.rows) + second, return_index=True)
    first, second, cosines = first[at], second[at], cosines[at]
    around = of_first.means[first] + of_second.means[second]
    margins = 2 * cosines / np.where(around > 0, around, np.inf)
    pairs = MarginPairs(first, second, cosines, margins.astype(np.float32))
    order = np.argsort(-margins, kind="stable")
    return pairs.take(order[: np.count_nonzero(margins >= threshold)])


def match_rows(pairs: MarginPairs, is_wanted: Callable[[int, int], bool]) -> Iterator[tuple[int, int, float, float]]:
    """Yield pairs in order, as rows, cosine and margin, skipping those with a row that was already used."""
    used: tuple[set[int], set[int]] = set(), set()
    for first, second, cosine, margin in zip(*(array.tolist() for array in pairs), strict=True):
        if first not in used[0] and second not in used[1] and is_wanted(first, second):
            used[0].add(first)
            used[1].add(second)
            yield first, second, cosine, margin
