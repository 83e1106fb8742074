"""Row norms, cosines and best-scoring rows of a table, block by block, without a second copy of the table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from w2v.vectors.table import VectorTable

_NORM_ELEMENTS = 1 << 18
_BLOCK_SCORES = 1 << 19
_BLOCK_ELEMENTS = 1 << 22
_CONVERTED_ELEMENTS = 1 << 18  # so that converted blocks stay in the cache
_MANY_QUERIES = 64  # from here on, normalising the rows takes less work than scaling the scores
_GROUP = 64  # scores of which only the highest is considered at first


def inverse_row_norms(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return 1 / length of each row, shape (V,), float32: 0 for a row of zeros and NaN for one that is not finite.

    `vectors`, shape (V, D), float32, are read block by block. No finite row overflows or underflows: those near the
    limits of float32 are computed in float64.
    """
    n_rows, n_columns = vectors.shape
    inverse = np.empty(n_rows, dtype=np.float32)
    step = max(1, _NORM_ELEMENTS // max(1, n_columns))
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        for start in range(0, n_rows, step):
            block = vectors[start : start + step]
            squares = np.einsum("ij,ij->i", block, block).astype(np.float64)
            extreme = np.flatnonzero(~((squares > 1e-30) & (squares < 1e30)))
            if extreme.size:
                exact = block[extreme].astype(np.float64)
                squares[extreme] = np.einsum("ij,ij->i", exact, exact)
            norms = np.sqrt(squares)
            inverse[start : start + step] = np.where(norms > 0, 1 / norms, 0)
            if not np.isfinite(norms).all():
                inverse[start : start + step][~np.isfinite(norms)] = np.nan
    np.minimum(inverse, np.finfo(np.float32).max, out=inverse)
    return inverse


def cosines(queries: NDArray[np.float32], table: VectorTable, rows: slice) -> NDArray[np.float32]:
    """Return the cosines of unit queries, shape (D,) or (B, D), float32, with n rows; shape (n,) or (B, n), float32.

    `rows` is a slice of step 1. Rows that are not finite have -inf.
    """
    start, stop, _ = rows.indices(len(table))
    scores = np.empty((*queries.shape[:-1], max(0, stop - start)), dtype=np.float32)
    for block in _blocks(table, start, stop, max(1, queries.size // queries.shape[-1])):
        part = scores[..., block.start - start : block.stop - start]
        part[...] = _raw_cosines(queries, table, block)
        np.clip(part, -1, 1, out=part)
        unusable = np.isnan(table.inverse_norms(block))
        if unusable.any():
            part[..., unusable] = -np.inf
    return scores


def top_rows(
    queries: NDArray[np.float32], table: VectorTable, rows: slice, n: int
) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """Return the best rows for each of many queries, best first, equal scores in the order of the rows.

    Scores are computed for a block of rows at a time and compared with the n-th best so far. Few exceed it, so only
    those are sorted, and the V x Q scores never exist at once.

    Parameters
    ----------
    queries : ndarray of shape (Q, D), float32
        Unit vectors (or zero).
    table : VectorTable of shape (V, D)
        Rows of any length; rows that are not finite are never returned.
    rows : slice of step 1
        Rows to consider.
    n : int
        Number of rows to return, >= 0.

    Returns
    -------
    scores : ndarray of shape (Q, n), float32
        Cosines, descending; -inf if there are fewer than `n`.
    rows : ndarray of shape (Q, n), intp
        Their rows; -1 if there are fewer than `n`.
    """
    start, stop, _ = rows.indices(len(table))
    n = max(0, min(n, stop - start))
    best_scores = np.full((len(queries), n), -np.inf, dtype=np.float32)
    best = np.full((len(queries), n), -1, dtype=np.intp)
    if n == 0 or len(queries) == 0:
        return best_scores, best
    for block in _blocks(table, start, stop, len(queries)):
        _improve(best_scores, best, _raw_cosines(queries, table, block), block.start)
    np.minimum(best_scores, 1, out=best_scores)
    np.copyto(best_scores, -1, where=(best >= 0) & (best_scores < -1))
    return best_scores, best


def best_rows(scores: NDArray[np.float32], n: int) -> NDArray[np.intp]:
    """Return the rows of the `n` highest scores, shape (<= n,), best first, equal scores in the order of the rows.

    Rows that score -inf or NaN are never returned.
    """
    n = min(n, len(scores))
    if n < 1:
        return np.empty(0, dtype=np.intp)
    candidates = np.flatnonzero(scores >= _lower_bound(scores, n))
    candidates = candidates[scores[candidates] > -np.inf]
    order = np.argsort(-scores[candidates], kind="stable")[:n]
    best: NDArray[np.intp] = candidates[order]
    return best


def _lower_bound(scores: NDArray[np.float32], n: int) -> np.float32:
    """Return a bound that at least `n` scores reach, and few more if there are many; -inf if too few are numbers.

    It is the n-th highest of the maxima of groups: at least `n` groups have a score that reaches it.
    """
    whole = len(scores) - len(scores) % _GROUP
    if whole < 4 * n * _GROUP:
        highest = scores
    else:
        highest = np.fmax.reduce(scores[:whole].reshape(_GROUP, -1), axis=0)  # over each column
    nth = -np.partition(-highest, n - 1)[n - 1]  # NaN is sorted last
    return np.float32(-np.inf) if np.isnan(nth) else np.float32(nth)


def _blocks(table: VectorTable, start: int, stop: int, n_queries: int) -> list[slice]:
    """Divide the rows so that scores and copied rows stay small; few queries use float32 rows without a copy."""
    step = _BLOCK_SCORES // n_queries
    if table.dtype != "float32":
        step = min(step, _CONVERTED_ELEMENTS // table.shape[1])
    elif n_queries >= _MANY_QUERIES:
        step = min(step, _BLOCK_ELEMENTS // table.shape[1])
    step = max(1, step)
    return [slice(first, min(first + step, stop)) for first in range(start, stop, step)]


def _raw_cosines(queries: NDArray[np.float32], table: VectorTable, block: slice) -> NDArray[np.float32]:
    """Return the cosines with a block of rows: NaN for rows that are not finite; values may slightly exceed 1."""
    vectors, inverse = table.unscaled(block), table.inverse_norms(block)
    with np.errstate(invalid="ignore", over="ignore"):
        if queries.ndim == 2 and len(queries) >= _MANY_QUERIES:
            return np.asarray(queries @ (vectors * inverse[:, None]).T)
        scores: NDArray[np.float32] = queries @ vectors.T
        scores *= inverse
    return scores


def _improve(best_scores: NDArray[np.float32], best: NDArray[np.intp], scores: NDArray[np.float32], first: int) -> None:
    """Merge the scores of a block of rows, which begins at `first`, into the best so far, in place."""
    n = best.shape[1]
    better = scores > best_scores[:, -1:]
    n_found = np.count_nonzero(better)
    if n_found == 0:
        return
    if n_found > 8 * n * len(scores):  # as in the first block
        for query in np.flatnonzero(better.any(axis=1)):
            columns = best_rows(scores[query], n)
            merged = np.concatenate([best_scores[query], scores[query, columns]])
            order = np.argsort(-merged, kind="stable")[:n]
            best_scores[query] = merged[order]
            best[query] = np.concatenate([best[query], columns + first])[order]
        return
    found = np.flatnonzero(better)
    queries, columns = np.divmod(found, scores.shape[1])
    active, starts, counts = np.unique(queries, return_index=True, return_counts=True)
    place = n + np.arange(found.size) - np.repeat(starts, counts)
    line = np.repeat(np.arange(active.size), counts)
    merged_scores = np.full((active.size, n + int(counts.max())), -np.inf, dtype=np.float32)
    merged_rows = np.full(merged_scores.shape, -1, dtype=np.intp)
    merged_scores[:, :n], merged_rows[:, :n] = best_scores[active], best[active]
    merged_scores[line, place], merged_rows[line, place] = scores.reshape(-1)[found], columns + first
    order = np.argsort(-merged_scores, axis=1, kind="stable")[:, :n]
    best_scores[active] = np.take_along_axis(merged_scores, order, axis=1)
    best[active] = np.take_along_axis(merged_rows, order, axis=1)
