"""Exact copies of a query come first, though rounding may give others a score that is as high, or higher."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from w2v.encoder.retrieval.index.rows import Rows
from w2v.vectors.table import DType, VectorTable

_ROUNDED: dict[DType, float] = {"float32": 1e-6, "float16": 1e-3, "int8": 2e-2}
"""Scores that are not farther below 1 may be those of copies: stored rows are of length 1 but for rounding."""
_MOST_ROWS = 4096
_BELOW_1 = np.nextafter(np.float32(1), np.float32(0))


class Copies:
    """Puts the copies of queries before what is not told from them by its score.

    Parameters
    ----------
    rows : Rows
    units : ndarray of shape (Q, d), float32
        The queries, of length 1 or 0.
    texts : list of Q str, or None
        What they are the vectors of.
    """

    def __init__(self, rows: Rows, units: NDArray[np.float32], texts: list[str] | None) -> None:
        self._rows, self._texts = rows, texts
        self._least = 1 - _ROUNDED[rows.table.dtype]
        self._queries = VectorTable(units).astype(rows.table.dtype)

    def put_first(
        self, query: int, scores: NDArray[np.float32], rows: NDArray[np.intp]
    ) -> tuple[NDArray[np.float32], NDArray[np.intp], bool]:
        """Order what a query has found: scores of shape (n,), falling, and rows, -1 where there are fewer.

        A row that is the query's, bit for bit, has the score 1, and no other has; of several such the one of the same
        text is the first. The third of what is returned is False if a copy may be among rows that were not found.
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
        """Say which rows are those of a query, bit for bit."""
        stored = self._rows.table.stored[rows]
        equal: NDArray[np.bool_] = (stored == self._queries.stored[query]).all(axis=1)  # of int8 the directions
        return equal
