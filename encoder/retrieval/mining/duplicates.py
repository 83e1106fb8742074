"""Find sentences that are near-duplicates of earlier ones."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.encoder.retrieval.hits import Place
from w2v.encoder.retrieval.index.building import Progress
from w2v.encoder.retrieval.index.sentence_index import SentenceIndex
from w2v.encoder.retrieval.index.threads import thread_pool
from w2v.encoder.retrieval.mining.centroids import assign, fit_centroids
from w2v.encoder.retrieval.mining.joins import Join, Pairs, Reduction, choose_reduction, join_pairs
from w2v.encoder.retrieval.mining.sources import opened_sentences
from w2v.settings.constraints import DEFAULT_SEED, Number, whole_number
from w2v.settings.environment import default_workers
from w2v.vectors.table import VectorTable

if TYPE_CHECKING:
    from w2v.encoder.sentence_encoder import SentenceEncoder, Start

EXACT_ROWS = 1 << 18
"""Up to this number of distinct sentences, all pairs are compared by default."""

_CELLS_OF_A_ROW = 3
_LEAST_CELLS = 16
_CELL_BATCHES = 12
_PAIRS_AT_ONCE = 1 << 22
_BELOW_1 = np.nextafter(np.float32(1), np.float32(0))


class Duplicate(NamedTuple):
    """A sentence that is a near-duplicate of an earlier one.

    Attributes
    ----------
    similarity : float
        Their cosine.
    later, earlier : Place
    """

    similarity: float
    later: Place
    earlier: Place


def mine_duplicates(
    source: Any,
    encoder: SentenceEncoder | Start | None = None,
    *,
    threshold: float = 0.9,
    top_n: int = 10,
    exact: bool | None = None,
    splits: bool = False,
    workers: int | None = None,
    seed: int = DEFAULT_SEED,
    progress: Progress | None = None,
) -> Iterator[Duplicate]:
    """Find sentences that are near-duplicates of earlier ones.

    Parameters
    ----------
    source, encoder, splits, workers, progress
        See `opened_sentences`.
    threshold : float, default 0.9
        Least cosine of two duplicates, above 0 and at most 1.
    top_n : int, default 10
        Report at most this many matches per sentence, the nearest. If the vector of a sentence equals that of an
        earlier one, as for equal sentences, only the first such match is reported.
    exact : bool, optional
        Compare all pairs, or only pairs near the same cluster centres, which misses a few; by default, all pairs up to
        `EXACT_ROWS` distinct sentences.
    seed : int, default 1
        Seed of the cluster centres.

    Yields
    ------
    Duplicate
        In the order of the later sentence, then by decreasing similarity.

    Raises
    ------
    ValueError
        If a number is out of range; also as for `opened_sentences`.
    CorpusError, ModelError
        As for `opened_sentences`.

    Notes
    -----
    Memory is about 50 bytes per sentence, and without `exact` 20 bytes for each pair found.
    """
    how = Comparison(threshold, exact, workers, seed, progress)
    with opened_sentences(source, encoder, splits=splits, workers=workers, progress=progress) as index:
        yield from duplicates_of(index, near_rows(index.table, how, top_n=top_n))


def duplicates_of(index: SentenceIndex, pairs: Iterator[Pairs]) -> Iterator[Duplicate]:
    """Yield the duplicates given by pairs of rows of an index."""
    for found in pairs:
        for later, earlier, score in zip(*(array.tolist() for array in found), strict=True):
            yield Duplicate(score, index.place(later), index.place(earlier))


@contextmanager
def threads(workers: int | None) -> Iterator[ThreadPoolExecutor]:
    """Make threads, by default one per core, each with single-threaded BLAS."""
    from threadpoolctl import threadpool_limits  # comes with scikit-learn

    with threadpool_limits(1, "blas"), thread_pool(workers or default_workers()) as pool:
        yield pool


_THRESHOLD = Number("Minimum similarity of duplicates.", above=0, high=1)


@dataclass(frozen=True)
class Comparison:
    """How rows are compared; see `mine_duplicates`.

    Raises
    ------
    ValueError
        If the threshold is out of range.
    """

    threshold: float
    exact: bool | None = None
    workers: int | None = None
    seed: int = DEFAULT_SEED
    progress: Progress | None = None

    def __post_init__(self) -> None:
        if not _THRESHOLD.allows(self.threshold):
            raise ValueError(f"the threshold must be above 0 and at most 1, not {self.threshold!r:.60}")

    def cells(self, table: VectorTable, rows: NDArray[np.int64]) -> Cells | None:
        """Return the cells in which distinct rows are compared; None if all pairs are."""
        if self.exact or len(rows) < _LEAST_CELLS or (self.exact is None and len(rows) <= EXACT_ROWS):
            return None
        return Cells.fit(table, rows, self.seed)

    def join(self, table: VectorTable, rows: NDArray[np.int64], cells: Cells | None) -> Callable[[int], Join]:
        """Return a function that makes a `Join` for a given number of nearest rows to keep."""
        whole = Reduction(np.eye(table.shape[1], dtype=np.float32))
        reduction = choose_reduction(table, rows, self.threshold) if cells is None else whole
        return lambda top_n: Join(table, self.threshold, top_n, reduction)

    def tell(self, done: int, total: int) -> None:
        """Report progress."""
        if self.progress is not None:
            self.progress("comparing", done, total)


def near_rows(table: VectorTable, how: Comparison, *, top_n: int = 10) -> Iterator[Pairs]:
    """Yield the pairs of near rows of a table, shape (N, d), whose rows have length 1; see `mine_duplicates`.

    They are sorted by the later row, then by decreasing score. Rows that are equal bit for bit have score 1, all others
    less.
    """
    top_n = whole_number("top_n", top_n, 1)
    first = first_equal_rows(table)
    distinct = np.flatnonzero(first == np.arange(len(first)))
    reached = 0
    cells = how.cells(table, distinct)
    with threads(how.workers) as pool:
        join = how.join(table, distinct, cells)(top_n)
        found = (
            join.strips(distinct, pool, how.tell)
            if cells is None
            else [(_pairs_in_cells(join, cells, pool, how), distinct[-1])]
        )
        for pairs, last in found:
            stop = len(table) if last == distinct[-1] else last + 1
            yield _with_copies(pairs, first, reached, stop)
            reached = stop


def first_equal_rows(table: VectorTable) -> NDArray[np.int64]:
    """Return for each row the first row equal to it, bit for bit, shape (N,), int64."""
    stored = table.stored
    digests = (hashlib.blake2b(row, digest_size=8).digest() for row in stored)
    keys = np.frombuffer(b"".join(digests), np.uint64)
    _, firsts, inverse = np.unique(keys, return_index=True, return_inverse=True)
    equal: NDArray[np.int64] = firsts[inverse]
    return equal


def _with_copies(pairs: Pairs, first: NDArray[np.int64], start: int, stop: int) -> Pairs:
    """Add to the pairs of later rows from `start` to below `stop` those of rows equal to earlier ones."""
    rows = np.arange(start, stop)
    rows = rows[first[rows] != rows]
    copies = Pairs(rows, first[rows], np.ones(len(rows), np.float32))
    merged = join_pairs([pairs._replace(scores=np.minimum(pairs.scores, _BELOW_1)), copies])
    return merged.take(np.argsort(merged.later, kind="stable"))


def _pairs_in_cells(join: Join, cells: Cells, pool: ThreadPoolExecutor, how: Comparison) -> Pairs:
    """Return the pairs of rows that share a near centre, each pair once."""
    found, n_found = [join_pairs([])], 0
    for cell, pairs in enumerate(pool.map(join.all_pairs, cells.rows())):
        found.append(pairs)
        n_found += len(pairs.scores)
        if n_found > _PAIRS_AT_ONCE:
            found, n_found = [join.best(found)], 0
        how.tell(cell + 1, len(cells))
    return join.best(found)


@dataclass(frozen=True)
class Cells:
    """Rows of a table grouped by near centres; each row is in several cells.

    Attributes
    ----------
    order : ndarray of shape (n * k,), int64
        The rows, ascending within each cell.
    borders : list of int
        The start of each cell in `order`, and the end of the last one.
    """

    order: NDArray[np.int64]
    borders: list[int]

    @classmethod
    def fit(cls, table: VectorTable, rows: NDArray[np.int64], seed: int) -> Cells:
        """Fit centres to a table and assign some of its rows to the cells of their nearest centres."""
        n_cells = max(_LEAST_CELLS, round(2 * len(rows) ** 0.5))
        centroids = fit_centroids(table, n_cells, n_batches=_CELL_BATCHES, seed=seed, is_careful=False)
        labels = np.empty((len(table), _CELLS_OF_A_ROW), np.int32)
        for block, nearest, _ in assign(table, centroids, _CELLS_OF_A_ROW):
            labels[block] = nearest
        labels = labels[rows]
        order = np.argsort(labels, axis=None, kind="stable")
        borders = np.searchsorted(labels.reshape(-1)[order], np.arange(n_cells + 1)).tolist()
        return cls(rows[order // _CELLS_OF_A_ROW], borders)

    def __len__(self) -> int:
        return len(self.borders) - 1

    def rows(self) -> list[NDArray[np.int64]]:
        """Return the rows of each cell."""
        return [self.order[start:stop] for start, stop in zip(self.borders, self.borders[1:], strict=False)]
