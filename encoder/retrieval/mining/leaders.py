"""Which sentences remain when near-duplicates of earlier ones are removed, and which one each sentence duplicates."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from w2v.encoder.retrieval.hits import Place
from w2v.encoder.retrieval.index.building import Progress
from w2v.encoder.retrieval.index.sentence_index import SentenceIndex
from w2v.encoder.retrieval.mining.duplicates import Comparison, first_equal_rows, threads
from w2v.encoder.retrieval.mining.joins import STRIP_ROWS, Join, Pairs, join_pairs, n_pairs
from w2v.encoder.retrieval.mining.overlap import is_overlap
from w2v.encoder.retrieval.mining.sources import opened_sentences
from w2v.encoding.stream import WorkFolder
from w2v.settings.constraints import DEFAULT_SEED
from w2v.vectors.table import VectorTable

if TYPE_CHECKING:
    from w2v.encoder.sentence_encoder import SentenceEncoder, Start

_PART_ROWS = 256  # rows whose near pairs are all kept, however many there are


def group_duplicates(
    source: Any,
    encoder: SentenceEncoder | Start | None = None,
    *,
    threshold: float = 0.9,
    min_size: int = 2,
    exact: bool | None = None,
    splits: bool = False,
    workers: int | None = None,
    seed: int = DEFAULT_SEED,
    progress: Progress | None = None,
) -> list[list[Place]]:
    """Group the sentences that are near-duplicates of the same earlier one; see `index_leaders`.

    Parameters
    ----------
    source, encoder, threshold, exact, splits, workers, seed, progress
        See `mine_duplicates`.
    min_size : int, default 2
        Leave out smaller groups.

    Returns
    -------
    list of list of Place
        Largest group first; each in the order of its sentences. The first sentence of a group is its leader.

    Raises
    ------
    ValueError, CorpusError, ModelError
        As for `mine_duplicates`.
    """
    how = Comparison(threshold, exact, workers, seed, progress)
    with opened_sentences(source, encoder, splits=splits, workers=workers, progress=progress) as index:
        leaders = index_leaders(index, how)
        return [[index.place(row) for row in rows] for rows in groups_of(leaders, min_size)]


def groups_of(leaders: NDArray[np.int64], min_size: int = 2) -> list[list[int]]:
    """Return the rows of each group, largest first; groups of equal size are in order of their leaders."""
    order = np.argsort(leaders, kind="stable")
    _, starts, sizes = np.unique(leaders[order], return_index=True, return_counts=True)
    largest = np.argsort(-sizes, kind="stable")
    largest = largest[sizes[largest] >= min_size]
    return [order[starts[group] : starts[group] + sizes[group]].tolist() for group in largest]


def index_leaders(index: SentenceIndex, how: Comparison) -> NDArray[np.int64]:
    """Return the row that each sentence duplicates, its own if it remains; see `find_leaders`.

    The remaining sentences have no duplicates among themselves. If sentences are compared by their words, the weights
    depend on the text. So the remaining sentences are weighted and compared again, until all of them remain. If a
    leader is removed in this process, so are its duplicates, and they take its leader.
    """
    leaders = find_leaders(index.table, how)
    if not is_overlap(index.state):
        return leaders

    def again(kept: NDArray[np.int64]) -> NDArray[np.int64]:
        with opened_sentences(_Kept(index, kept), workers=how.workers, progress=how.progress) as rest:
            return index_leaders(rest, how)

    return _among_those_left(leaders, again)


@dataclass(frozen=True)
class _Kept:
    """Some sentences of an index, read anew at each iteration."""

    index: SentenceIndex
    rows: NDArray[np.int64]

    def __iter__(self) -> Iterator[str]:
        kept = np.zeros(len(self.index), bool)
        kept[self.rows] = True
        yield from (sentence for sentence, stays in zip(self.index, kept.tolist(), strict=True) if stays)

    def __len__(self) -> int:
        return len(self.rows)


def _among_those_left(
    leaders: NDArray[np.int64], again: Callable[[NDArray[np.int64]], NDArray[np.int64]]
) -> NDArray[np.int64]:
    """Return the leaders after another pass over the remaining rows; unchanged if no row was removed."""
    kept = np.flatnonzero(leaders == np.arange(len(leaders)))
    if len(kept) == len(leaders):
        return leaders
    leaders[kept] = kept[again(kept)]
    found: NDArray[np.int64] = leaders[leaders]
    return found


def find_leaders(table: VectorTable, how: Comparison) -> NDArray[np.int64]:
    """Return the row that each row duplicates, its own if it remains, shape (N,), int64.

    Rows are visited in order. A row near one that remains is a duplicate of the nearest such row; any other remains. So
    no two remaining rows are near each other, and every other row is near its leader. Without `exact`, not all pairs
    are compared; then the remaining rows are compared again, until all of them remain.

    Rows must have length 1. They are only compared with remaining rows, which are few if there are many duplicates.
    Memory is about 80 bytes per row.
    """
    first = first_equal_rows(table)
    rows = np.flatnonzero(first == np.arange(len(first)))
    cells = how.cells(table, rows)
    with threads(how.workers) as pool:
        search = _Leaders(how.join(table, rows, cells))
        if cells is None:
            pairs = search.pairs(rows, pool, how.tell)
        else:
            parts = []
            for number, part in enumerate(pool.map(search.pairs, cells.rows())):
                parts.append(part)
                how.tell(number + 1, len(cells))
            pairs = join_pairs(parts)
    leaders = _resolved(pairs, len(table))[first]
    if cells is None:
        return leaders

    def again(kept: NDArray[np.int64]) -> NDArray[np.int64]:
        with WorkFolder() as work:
            return find_leaders(_stored_rows(table, kept, work), how)

    return _among_those_left(leaders, again)


def _resolved(pairs: Pairs, n_rows: int) -> NDArray[np.int64]:
    """Return the leaders from pairs, some of which may name an earlier row that is itself a duplicate."""
    leaders = np.arange(n_rows)
    pairs = pairs.best(len(pairs.scores))
    for later, earlier in zip(pairs.later.tolist(), pairs.earlier.tolist(), strict=True):
        if leaders[later] == later and leaders[earlier] == earlier:
            leaders[later] = earlier
    return leaders


def _stored_rows(table: VectorTable, rows: NDArray[np.int64], folder: WorkFolder) -> VectorTable:
    """Return some rows of a table, copied to a memory-mapped file."""
    stored = folder.map(table.dtype, (len(rows), table.shape[1]))
    for start in range(0, len(rows), STRIP_ROWS):
        stored[start : start + STRIP_ROWS] = table.stored[rows[start : start + STRIP_ROWS]]
    return VectorTable(stored, None if table.scales is None else table.scales[rows], are_units=True)


class _Leaders:
    """Finds the rows that remain, and for each other row the nearest that remains; see `Comparison.join`."""

    def __init__(self, join: Callable[[int], Join]) -> None:
        self._nearest, self._all = join(1), join(_PART_ROWS)

    def pairs(
        self,
        rows: NDArray[np.int64],
        pool: ThreadPoolExecutor | None = None,
        tell: Callable[[int, int], None] = lambda done, total: None,
    ) -> Pairs:
        """Return each row that does not remain with the nearest that does; `rows` are ascending. See `Join.strips`."""
        leaders, found = np.empty(0, np.int64), []
        for start in range(0, len(rows), STRIP_ROWS):
            strip = rows[start : start + STRIP_ROWS]
            near = self._nearest.between(leaders, strip, pool)
            further = self._stay(_without(strip, near.later))
            found.append(join_pairs([near, self._nearest.between(further, strip)]).best(1))
            leaders = np.concatenate([leaders, further])
            tell(n_pairs(start + len(strip)), n_pairs(len(rows)))
        return join_pairs(found)

    def _stay(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the rows that are not near any earlier row that remains."""
        leaders = np.empty(0, np.int64)
        for start in range(0, len(rows), _PART_ROWS):
            part = rows[start : start + _PART_ROWS]
            part = _without(part, self._nearest.between(leaders, part).later)
            pairs = self._all.between(part, part)
            is_near = np.zeros((len(part), len(part)), bool)
            is_near[np.searchsorted(part, pairs.earlier), np.searchsorted(part, pairs.later)] = True
            stays = np.ones(len(part), bool)
            for place in range(len(part)):
                if stays[place]:
                    stays[is_near[place]] = False
            leaders = np.concatenate([leaders, part[stays]])
        return leaders


def _without(rows: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[np.int64]:
    return rows[~np.isin(rows, others)]
