"""Rank exact copies of a query first, even if rounding gives other sentences an equal or higher score."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from w2v.encoder.retrieval.index.rows import Rows
from w2v.vectors.table import DType, VectorTable

_ROUNDED: dict[DType, float] = {"float32": 1e-6, "float16": 1e-3, "int8": 2e-2}
"""Scores this close to 1 may be those of copies: stored vectors have length 1 only up to rounding."""
_MOST_ROWS = 4096
_BELOW_1 = np.nextafter(np.float32(1), np.float32(0))


class Copies:
    """Ranks copies of queries before other rows with the same score.

    Parameters
    ----------
    rows : Rows
    units : ndarray of shape (Q, d), float32
        The queries, of length 1 or 0.
    texts : list of Q str, or None
        The texts of the queries.
    """

    def __init__(self, rows: Rows, units: NDArray[np.float32], texts: list[str] | None) -> None:
        self._rows, self._texts = rows, texts
        self._least = 1 - _ROUNDED[rows.table.dtype]
        self._queries = VectorTable(units).astype(rows.table.dtype)

    def put_first(
        self, query: int, scores: NDArray[np.float32], rows: NDArray[np.intp]
    ) -> tuple[NDArray[np.float32], NDArray[np.intp], bool]:
        """Sort the results of a query: scores of shape (n,), descending, and rows, -1 if there are fewer.

        Rows that equal the query, bit for bit, or have its text get the score 1; all others score less. Rows with its
        text come first. The third value returned is False if there may be copies among the rows that were not found.
        """
        near = np.flatnonzero((scores >= self._least) & (rows >= 0))
        if not near.size:
            return scores, rows, True
        is_equal = self._are_equal(query, rows[near])
        is_same = is_equal.copy()
        if self._texts is not None:
            text = self._texts[query].strip()
            is_same = np.array([self._rows.sentence(row) == text for row in rows[near].tolist()])
        scores = np.minimum(scores, _BELOW_1)
        scores[near[is_equal | is_same]] = 1
        order = np.arange(len(scores))
        order[near] = near[np.lexsort((near, -scores[near], ~is_same))]
        is_sure = bool(is_same.any()) or len(near) < len(rows) or len(rows) >= _MOST_ROWS
        return scores[order], rows[order], is_sure

    def _are_equal(self, query: int, rows: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Return which rows equal the query, bit for bit."""
        stored = self._rows.table.stored[rows]
        equal: NDArray[np.bool_] = (stored == self._queries.stored[query]).all(axis=1)  # for int8, without the scales
        return equal
