"""Row norms and best-scoring rows of a table, without a second copy of the table."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_BLOCK_ELEMENTS = 1 << 18


def inverse_row_norms(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return 1 / length of each row, 0 for a row of zeros and NaN for one that is not finite.

    Parameters
    ----------
    vectors : ndarray of shape (V, D), float32
        Read block by block.

    Returns
    -------
    ndarray of shape (V,), float32
        Computed in float64, so that no finite row overflows or vanishes.
    """
    n_rows, n_columns = vectors.shape
    inverse = np.empty(n_rows, dtype=np.float32)
    step = max(1, _BLOCK_ELEMENTS // max(1, n_columns))
    with np.errstate(divide="ignore", over="ignore"):
        for start in range(0, n_rows, step):
            block = vectors[start : start + step].astype(np.float64)
            norms = np.sqrt(np.einsum("ij,ij->i", block, block))
            inverse[start : start + step] = np.where(norms > 0, 1 / norms, 0)
            if not np.isfinite(norms).all():
                inverse[start : start + step][~np.isfinite(norms)] = np.nan
    np.minimum(inverse, np.finfo(np.float32).max, out=inverse)
    return inverse


def cosines(
    queries: NDArray[np.float32], vectors: NDArray[np.float32], inverse_norms: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return the cosine of every row with unit queries; -inf for rows that are not finite.

    Parameters
    ----------
    queries : ndarray of shape (D,) or (B, D), float32
        Vectors of length 1 (or 0).
    vectors : ndarray of shape (V, D), float32
        Rows of any length.
    inverse_norms : ndarray of shape (V,), float32
        From `inverse_row_norms`.

    Returns
    -------
    ndarray of shape (V,) or (B, V), float32
    """
    with np.errstate(invalid="ignore", over="ignore"):
        scores = queries @ vectors.T
        scores *= inverse_norms
    np.clip(scores, -1, 1, out=scores)
    unusable = np.isnan(inverse_norms)
    if unusable.any():
        scores[..., unusable] = -np.inf
    return scores


def best_rows(scores: NDArray[np.float32], n: int) -> NDArray[np.intp]:
    """Return the rows of the `n` highest scores, best first, equal scores in the order of the rows.

    Parameters
    ----------
    scores : ndarray of shape (V,), floating
        Rows that score -inf are never returned.
    n : int
        At most so many, >= 0.

    Returns
    -------
    ndarray of shape (<= n,), intp
    """
    n = min(n, len(scores))
    if n < 1:
        return np.empty(0, dtype=np.intp)
    lowest = np.partition(scores, len(scores) - n)[len(scores) - n]
    candidates = np.flatnonzero((scores >= lowest) & (scores > -np.inf))
    order = np.argsort(-scores[candidates], kind="stable")[:n]
    best: NDArray[np.intp] = candidates[order]
    return best
