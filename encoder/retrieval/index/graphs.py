"""Graphs of near sentences, each small enough to be built in memory; they are searched together."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from w2v.encoder.retrieval.index.exact import best_of, nearest_of, nearest_rows
from w2v.vectors.index import NeighborIndex
from w2v.vectors.table import VectorTable

GRAPH_ROWS = 1 << 19
"""Sentences per graph."""
LEAST_ROWS = 1 << 16
"""Below this number of sentences, comparing with all is faster than a graph of their own."""

EXACT_LIMIT = 1_000_000
"""Up to this number of sentences, a search compares with all unless a graph is requested."""

_MOST_WANTED = 4096

CONNECTIVITY, EFFORT = 16, 96
"""See `NeighborIndex.build`. Graphs store int8, whose recall equals float16 here, in half the time and memory."""


class SentenceGraphs:
    """Graphs over ranges of rows of a table; the other rows are searched exhaustively.

    Parameters
    ----------
    graphs : sequence of NeighborIndex
    ranges : sequence of (int, int)
        The start and the end (exclusive) of each graph's range of rows, in order.
    """

    def __init__(self, graphs: Sequence[NeighborIndex] = (), ranges: Sequence[tuple[int, int]] = ()) -> None:
        self._graphs, self._ranges = graphs, ranges

    def search(
        self, queries: NDArray[np.float32], table: VectorTable, n: int, allowed: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
        """Return approximately the best allowed rows for each query; see `w2v.vectors.ranking.top_rows`.

        They are exact if there are no graphs, or if so many are wanted that most of a graph would be visited.
        """
        wanted, n_allowed = n, len(table) if allowed is None else int(np.count_nonzero(allowed))
        if allowed is not None and n_allowed:
            wanted = -(-n * len(table) // n_allowed)  # so that on average n of them are allowed
        while self._ranges and wanted <= _MOST_WANTED:
            scores, rows = self._search(queries, table, wanted)
            if allowed is None:
                return scores, rows
            is_out = (rows < 0) | ~allowed[rows]
            if (np.count_nonzero(~is_out, axis=1) >= min(n, n_allowed)).all():
                return best_of(np.where(is_out, -np.inf, scores), np.where(is_out, -1, rows), n)
            wanted *= 4
        return nearest_of(queries, table, slice(0, len(table)), n, allowed)

    def _search(
        self, queries: NDArray[np.float32], table: VectorTable, n: int
    ) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
        found, reached = [], 0
        for graph, (start, stop) in zip(self._graphs, self._ranges, strict=True):
            if reached < start:
                found.append(nearest_rows(queries, table, slice(reached, start), n))
            scores, rows = graph.search(queries, table.take(slice(start, stop)), n)
            found.append((scores, np.where(rows >= 0, rows + start, rows)))
            reached = stop
        if reached < len(table):
            found.append(nearest_rows(queries, table, slice(reached, len(table)), n))
        if len(found) == 1:
            return found[0]
        scores, rows = (np.concatenate(arrays, axis=1) for arrays in zip(*found, strict=True))
        return best_of(scores, rows, n)


def cut_evenly(start: int, stop: int) -> Iterator[tuple[int, int]]:
    """Split rows into ranges of about equal size, none larger than `GRAPH_ROWS`."""
    n_parts = -(-(stop - start) // GRAPH_ROWS)
    borders = np.linspace(start, stop, n_parts + 1).astype(int).tolist()
    yield from zip(borders, borders[1:], strict=False)


def has_usearch() -> bool:
    """Return whether the library that builds and searches graphs is installed."""
    return importlib.util.find_spec("usearch") is not None
