"""Which sentences stay when every near-duplicate of an earlier one is taken out, and for which each one stays."""

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

_PART_ROWS = 256  # among so many rows all pairs that are near are held, however many


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
    """Put sentences that are near to the same earlier one into groups; see `index_leaders`.

    Parameters
    ----------
    source, encoder, threshold, exact, splits, workers, seed, progress
        See `mine_duplicates`.
    min_size : int, default 2
        Leave out smaller groups.

    Returns
    -------
    list of list of Place
        The largest group first, each in the order of its sentences; the first of a group is its leader.

    Raises
    ------
    ValueError, CorpusError, ModelError
        As `mine_duplicates`.
    """
    how = Comparison(threshold, exact, workers, seed, progress)
    with opened_sentences(source, encoder, splits=splits, workers=workers, progress=progress) as index:
        leaders = index_leaders(index, how)
        return [[index.place(row) for row in rows] for rows in groups_of(leaders, min_size)]


def groups_of(leaders: NDArray[np.int64], min_size: int = 2) -> list[list[int]]:
    """Return the rows of each leader, the largest group first, equally large ones in their order."""
    order = np.argsort(leaders, kind="stable")
    _, starts, sizes = np.unique(leaders[order], return_index=True, return_counts=True)
    largest = np.argsort(-sizes, kind="stable")
    largest = largest[sizes[largest] >= min_size]
    return [order[starts[group] : starts[group] + sizes[group]].tolist() for group in largest]


def index_leaders(index: SentenceIndex, how: Comparison) -> NDArray[np.int64]:
    """Return the row that each sentence is a duplicate of, itself for those that stay; see `find_leaders`.

    Looked for among those that stay, nothing is found. Where sentences are compared by their words, whose weights
    depend on the text, those that stay are therefore weighed and compared again, until all of them stay. What then goes
    takes with it those that stayed for it.
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
    """Some sentences of an index; they are read whenever they are asked for."""

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
    """Return the leaders once those that are left were looked at again, unless nothing was taken out."""
    kept = np.flatnonzero(leaders == np.arange(len(leaders)))
    if len(kept) == len(leaders):
        return leaders
    leaders[kept] = kept[again(kept)]
    found: NDArray[np.int64] = leaders[leaders]
    return found


def find_leaders(table: VectorTable, how: Comparison) -> NDArray[np.int64]:
    """Return the row that each row is a duplicate of, itself for those that stay, shape (N,).

    From the first row on, each that is near to one that stays is a duplicate of the nearest such, and each other stays:
    no two that stay are near to each other, and every other is near to its leader. Without `exact`, not all pairs are
    looked at; then this is done with those that stay, again and again, until all of them stay.

    Rows, of length 1, are only compared with those that stay, of which there are few where there are many duplicates.
    Memory is some 80 bytes a row.
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
    """Return the leaders, where some pairs name a row that does not stay itself."""
    leaders = np.arange(n_rows)
    pairs = pairs.best(len(pairs.scores))
    for later, earlier in zip(pairs.later.tolist(), pairs.earlier.tolist(), strict=True):
        if leaders[later] == later and leaders[earlier] == earlier:
            leaders[later] = earlier
    return leaders


def _stored_rows(table: VectorTable, rows: NDArray[np.int64], folder: WorkFolder) -> VectorTable:
    """Return some rows of a table, copied to a file that is mapped into memory."""
    stored = np.memmap(folder / "rows", table.dtype, "w+", shape=(len(rows), table.shape[1]))
    for start in range(0, len(rows), STRIP_ROWS):
        stored[start : start + STRIP_ROWS] = table.stored[rows[start : start + STRIP_ROWS]]
    return VectorTable(stored, None if table.scales is None else table.scales[rows], are_units=True)


class _Leaders:
    """Finds, among some rows, those that stay and the nearest of these to each other row; see `Comparison.join`."""

    def __init__(self, join: Callable[[int], Join]) -> None:
        self._nearest, self._all = join(1), join(_PART_ROWS)

    def pairs(
        self,
        rows: NDArray[np.int64],
        pool: ThreadPoolExecutor | None = None,
        tell: Callable[[int, int], None] = lambda done, total: None,
    ) -> Pairs:
        """Return each of some rows, which rise, that does not stay, with the nearest that does; see `Join.strips`."""
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
        """Return those that are near to no earlier one that stays."""
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
