"""The nearest rows of a table, by looking at all of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from encoder.retrieval._products import multiply_rows
from encoder.retrieval.threads import thread_pool
from w2v._ranking import best_rows, top_rows
from w2v._simd import LANES
from w2v.environment import default_workers
from w2v.vector_table import VectorTable

_FEW_QUERIES = 16  # with more, it is less work to widen rows once for all of them
_ROWS_OF_A_TASK = 1 << 14


def nearest_rows(
    queries: NDArray[np.float32], table: VectorTable, rows: slice, n: int
) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """Return the best rows for each query; see `w2v._ranking.top_rows`.

    For few queries most of the work is to read the rows and to widen their numbers: compiled code does it in registers,
    on all cores.

    Parameters
    ----------
    queries : ndarray of shape (Q, d), float32
        Vectors of length 1 (or 0).
    table : VectorTable of shape (N, d)
        Of finite numbers.
    rows : slice of step 1
    n : int

    Returns
    -------
    scores : ndarray of shape (Q, <= n), float32
    rows : ndarray of shape (Q, <= n), intp
    """
    start, stop, _ = rows.indices(len(table))
    if not 0 < len(queries) <= _FEW_QUERIES or table.shape[1] < LANES or stop - start < _ROWS_OF_A_TASK:
        return top_rows(queries, table, rows, n)
    part = table.take(slice(start, stop))
    stored = (part.stored.view(np.uint16) if part.dtype == "float16" else part.stored).reshape(-1)
    flat = np.ascontiguousarray(queries).reshape(-1)
    products = np.empty((len(queries), len(part)), np.float32)

    def work(first: int) -> None:
        last = min(first + _ROWS_OF_A_TASK, len(part))
        multiply_rows(stored, part.shape[1], flat, len(queries), first, last, products)
        products[:, first:last] *= part.inverse_norms(slice(first, last))

    with thread_pool(default_workers()) as pool:
        list(pool.map(work, range(0, len(part), _ROWS_OF_A_TASK)))
    np.clip(products, -1, 1, out=products)
    best = [best_rows(scores, n) for scores in products]
    found = np.stack([scores[near] for scores, near in zip(products, best, strict=True)])
    return found, np.stack(best) + start
