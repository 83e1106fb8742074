"""Search an index for the nearest sentences: exact copies of a query first, equal sentences once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.tables.typed import Kind
from w2v.encoder.retrieval.hits import Hit, Hits
from w2v.encoder.retrieval.index.copies import Copies
from w2v.encoder.retrieval.index.graphs import EXACT_LIMIT, SentenceGraphs
from w2v.encoder.retrieval.index.records.stored import Records
from w2v.encoder.retrieval.index.records.where import parse_where
from w2v.encoder.retrieval.index.rows import Rows
from w2v.encoder.retrieval.index.storage import Contents, graph_file
from w2v.settings.constraints import whole_number
from w2v.vectors.index import NeighborIndex

Where = str | NDArray[np.bool_] | Sequence[bool] | Callable[[dict[str, Any]], bool]
"""Which sentences to search: a condition such as ``year >= 2000``, one boolean per sentence, or a function."""

_QUERIES_AT_ONCE, _RESULTS_AT_ONCE = 256, 1 << 22
_REPEATS = 8  # expected number of equal sentences among the nearest


class Searcher:
    """Searches the sentences in the folder of an index, or in `files`; see `Rows`."""

    def __init__(self, folder: Path, contents: Contents, files: Mapping[str, BinaryIO] | None = None) -> None:
        self._folder = folder
        self.contents, self.rows, self.records = contents, Rows(folder, contents, files), Records(folder, contents)
        self._graphs: SentenceGraphs | None = None

    def find(
        self,
        units: NDArray[np.float32],
        texts: list[str] | None,
        top_n: int,
        exact: bool,
        chosen: NDArray[np.bool_] | None = None,
    ) -> list[list[Hit]]:
        """Find the sentences nearest to vectors, shape (Q, d), of length 1; zero vectors find nothing.

        `texts` are the texts of the vectors, or None. With `exact`, every sentence is compared even if there are
        graphs. `chosen` is as for `nearest`.
        """
        found = self.find_rows(units, texts, top_n, exact, chosen)
        return [Hits(self.hit(row, score) for row, score in its_rows) for its_rows in found]

    def find_rows(
        self,
        units: NDArray[np.float32],
        texts: list[str] | None,
        top_n: int,
        exact: bool,
        chosen: NDArray[np.bool_] | None = None,
    ) -> list[list[tuple[int, float]]]:
        """Return the rows that `find` finds, each with its cosine."""
        top_n = whole_number("top_n", top_n, 1)
        if not len(units):
            return []
        copies = Copies(self.rows, units, texts)
        found: list[list[tuple[int, float]]] = [[] for _ in units]
        open_queries = np.flatnonzero(units.any(axis=1))
        n_rows = self.count(chosen)
        n = min(top_n + _REPEATS, n_rows)
        while open_queries.size and n:
            scores, rows = self.nearest(units[open_queries], n, exact=exact, chosen=chosen)
            short = []
            for query, its_scores, its_rows in zip(open_queries.tolist(), scores, rows, strict=True):
                its_scores, its_rows, is_sure = copies.put_first(query, its_scores, its_rows)
                found[query] = self._distinct(its_scores, its_rows, top_n)
                if (len(found[query]) < top_n or not is_sure) and its_rows[-1] >= 0 and n < n_rows:
                    short.append(query)
            open_queries, n = np.array(short, np.intp), min(4 * n, n_rows)
        return found

    def count(self, chosen: NDArray[np.bool_] | None) -> int:
        """Return the number of rows to search."""
        return self.contents.live if chosen is None else int(np.count_nonzero(chosen))

    def nearest(
        self,
        units: NDArray[np.float32],
        n: int,
        *,
        exact: bool = False,
        chosen: NDArray[np.bool_] | None = None,
    ) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
        """Return the nearest rows of the table, equal sentences included, for vectors of length 1, shape (Q, d).

        Removed sentences are never returned. `chosen`, shape (N,), selects the rows to search, none of them removed; up
        to `EXACT_LIMIT` selected rows are all compared, even if there are graphs. Scores, shape (Q, n), are cosines in
        descending order; if there are fewer than n, the rest are -inf, with row -1.
        """
        is_exact = exact or (chosen is not None and self.count(chosen) <= EXACT_LIMIT)
        graphs = SentenceGraphs() if is_exact else self.graphs
        allowed = self.rows.live if chosen is None else chosen
        step = max(1, min(_QUERIES_AT_ONCE, _RESULTS_AT_ONCE // n))
        starts = range(0, len(units), step)
        parts = [graphs.search(units[start : start + step], self.rows.table, n, allowed) for start in starts]
        scores, rows = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        return scores, rows

    @property
    def graphs(self) -> SentenceGraphs:
        """The graphs, memory-mapped; without any, all sentences are compared.

        ModelError if a graph is damaged; if usearch is missing, the ImportError explains how to install it.
        """
        if self._graphs is None:
            remedy = f"search exactly (--exact), or build the index {self._folder} again"
            ranges = self.contents.graphs
            parts = [(graph_file(self._folder, *ends), self.rows.table.take(slice(*ends))) for ends in ranges]
            opened = [NeighborIndex.read(file, table, remedy) for file, table in parts]
            self._graphs = SentenceGraphs(opened, ranges)
        return self._graphs

    def hit(self, row: int, score: float) -> Hit:
        """Return the hit for a row."""
        file, line = self.rows.place(row)
        return Hit(self.rows.sentence(row), score, line, file, *self.records.of(row))

    def chosen(self, where: Where, kinds: Mapping[str, Kind] | None = None) -> NDArray[np.bool_]:
        """Return which rows, shape (N,), are not removed and satisfy a condition; see `OpenedIndex.chosen`."""
        live = self.rows.live
        if isinstance(where, str):
            found = parse_where(where, self.records.kinds if kinds is None else kinds).mask(self.records.column)
            return found if live is None else found & live
        rows = self.rows.live_rows
        if callable(where):
            met = np.array([bool(where(self.records.as_dict(row))) for row in rows.tolist()], np.bool_)
        else:
            met = np.asarray(where)
            if met.dtype != np.bool_ or met.shape != rows.shape:
                raise ValueError(
                    f"where must be a condition, or one boolean for each of the {len(rows):,} sentences, not "
                    f"{met.dtype} of shape {met.shape}"
                )
        chosen = np.zeros(len(self.rows.table), np.bool_)
        chosen[rows] = met
        return chosen

    def _distinct(self, scores: NDArray[np.float32], rows: NDArray[np.intp], top_n: int) -> list[tuple[int, float]]:
        """Return the rows and scores of the first `top_n` distinct sentences."""
        seen: dict[str, tuple[int, float]] = {}
        for score, row in zip(scores.tolist(), rows.tolist(), strict=True):
            if row < 0:
                break
            sentence = self.rows.sentence(row)
            if sentence not in seen:
                seen[sentence] = row, score
                if len(seen) == top_n:
                    break
        return list(seen.values())


def unit_vectors(vectors: NDArray[Any], dimension: int) -> NDArray[np.float32]:
    """Return vectors scaled to length 1; zero vectors stay 0. See `SentenceIndex.search_vectors`."""
    vectors = np.asarray(vectors)
    if vectors.dtype.kind not in "fiu":
        raise TypeError(f"vectors must be an array of numbers, not of {vectors.dtype}")
    if vectors.ndim != 2 or vectors.shape[1] != dimension:
        raise ValueError(f"vectors must have shape (Q, {dimension}), not {vectors.shape}")
    wrong = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if wrong.size:
        raise ValueError(f"vector {wrong[0]}, counted from 0, contains NaN or infinity")
    wide = vectors.astype(np.float64)
    if vectors.dtype == np.float32 and _are_units(wide):
        return vectors
    for order in (np.inf, 2):  # dividing by the maximum first avoids overflow of squares
        lengths = np.linalg.norm(wide, order, axis=1)
        wide /= np.where(lengths > 0, lengths, 1)[:, None]
    return wide.astype(np.float32)


def _are_units(vectors: NDArray[np.float64]) -> bool:
    """Return whether vectors have length 1, or 0, up to rounding; a copy of a stored vector then stays equal to it."""
    squares = np.einsum("ij,ij->i", vectors, vectors)
    return bool(((np.abs(squares - 1) < 1e-6) | (squares == 0)).all())
