"""Find the nearest rows of a table by comparing with all of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from w2v.encoder.retrieval.index.products import multiply_rows
from w2v.encoder.retrieval.index.threads import thread_pool
from w2v.kernels.simd import LANES
from w2v.settings.environment import default_workers
from w2v.vectors.ranking import best_rows, top_rows
from w2v.vectors.table import VectorTable

_FEW_QUERIES = 16  # with more queries, it is cheaper to widen the rows once for all of them
_ROWS_OF_A_TASK = 1 << 14
_ROWS_OF_A_BLOCK = 1 << 18
_SPARSE = 5  # copying one row takes as long as comparing this many


def nearest_rows(
    queries: NDArray[np.float32], table: VectorTable, rows: slice, n: int
) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """Return the best rows of a range of a table for each query; see `w2v.vectors.ranking.top_rows`.

    The range is split among all cores. With few queries, most of the time goes into reading and widening the rows,
    which compiled code does in registers; with many, into matrix products. Queries have length 1 (or 0) and shape
    (Q, d); the table must be finite. Scores and rows have shape (Q, <= n).
    """
    start, stop, _ = rows.indices(len(table))
    if not len(queries) or stop - start < _ROWS_OF_A_TASK:
        return top_rows(queries, table, rows, n)
    if not _suits_rows(queries, stop - start):
        return _by_matrices(queries, table, start, stop, n)
    return _by_rows(queries, table.take(slice(start, stop)), start, n)


def _suits_rows(queries: NDArray[np.float32], n_rows: int) -> bool:
    """Return whether compiled code is faster than matrix products."""
    return len(queries) <= _FEW_QUERIES and queries.shape[1] >= LANES and n_rows >= _ROWS_OF_A_TASK


def _by_rows(
    queries: NDArray[np.float32], part: VectorTable, start: int, n: int, allowed: NDArray[np.bool_] | None = None
) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """Return the best allowed rows of a part of a table that begins at row `start`."""
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
    if allowed is not None:
        products[:, ~allowed] = -np.inf
    best = [best_rows(scores, n) for scores in products]
    found = np.stack([scores[near] for scores, near in zip(products, best, strict=True)])
    return found, np.stack(best) + start


def _by_matrices(
    queries: NDArray[np.float32], table: VectorTable, start: int, stop: int, n: int
) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """Return the best rows from `start` to below `stop`; each thread compares some, with single-threaded BLAS."""
    from threadpoolctl import threadpool_limits  # comes with scikit-learn

    workers = default_workers()
    borders = np.linspace(start, stop, workers + 1).astype(int).tolist()
    ranges = [slice(first, last) for first, last in zip(borders, borders[1:], strict=False)]
    with threadpool_limits(1, "blas"), thread_pool(workers) as pool:
        parts = list(pool.map(lambda rows: top_rows(queries, table, rows, n), ranges))
    scores, found = (np.concatenate(arrays, axis=1) for arrays in zip(*parts, strict=True))
    return best_of(scores, found, n)


def nearest_of(
    queries: NDArray[np.float32], table: VectorTable, rows: slice, n: int, allowed: NDArray[np.bool_] | None
) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """Return the best of the allowed rows; see `nearest_rows`. `allowed` has shape (N,).

    In blocks with few allowed rows these are copied together, so that the others cost nothing; copying many would cost
    more than comparing with all. Each query gets n scores.
    """
    if allowed is None:
        return nearest_rows(queries, table, rows, n)
    found = [(np.full((len(queries), n), -np.inf, np.float32), np.full((len(queries), n), -1, np.intp))]
    start, stop, _ = rows.indices(len(table))
    for first in range(start, stop, _ROWS_OF_A_BLOCK):
        block = slice(first, min(first + _ROWS_OF_A_BLOCK, stop))
        own = np.flatnonzero(allowed[block]) + first
        size = block.stop - first
        if len(own) == size:
            scores, near = nearest_rows(queries, table, block, n)
        elif len(own) > size // _SPARSE and _suits_rows(queries, size):
            scores, near = _by_rows(queries, table.take(block), first, n, allowed[block])
        elif len(own):
            scores, near = nearest_rows(queries, table.take(own), slice(None), n)
            near = np.where(near >= 0, own[near], -1)
        else:
            continue
        found.append((scores, near))
    scores, near = (np.concatenate(arrays, axis=1) for arrays in zip(*found, strict=True))
    return best_of(scores, near, n)


def best_of(
    scores: NDArray[np.float32], rows: NDArray[np.intp], n: int
) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """Return the n highest scores of each query and their rows, ties in the given order; shapes (Q, <= n)."""
    order = np.argsort(-scores, axis=1, kind="stable")[:, :n]
    return np.take_along_axis(scores, order, axis=1), np.take_along_axis(rows, order, axis=1)
