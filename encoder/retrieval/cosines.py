"""Cosine similarity of vectors."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def cos_sim(a: ArrayLike, b: ArrayLike) -> NDArray[np.float32]:
    """Return the cosine of every vector in `a` with every vector in `b`.

    Parameters
    ----------
    a : array-like of shape (S, d) or (d,)
    b : array-like of shape (T, d) or (d,)

    Returns
    -------
    ndarray of shape (S, T), float32
        A single vector counts as one row. The cosine with a zero vector is 0.

    Raises
    ------
    ValueError
        If `a` or `b` does not contain vectors, or their widths differ.
    """
    one, other = _units(a, "a"), _units(b, "b")
    if one.shape[1] != other.shape[1]:
        raise ValueError(f"the vectors in a have {one.shape[1]} columns, those in b {other.shape[1]}")
    return one @ other.T


def _units(given: ArrayLike, name: str) -> NDArray[np.float32]:
    vectors = np.atleast_2d(np.asarray(given))
    if vectors.ndim != 2 or vectors.dtype.kind not in "fiu":
        shape = "x".join(map(str, vectors.shape))
        raise ValueError(f"{name} must contain vectors of numbers, one per row, not {shape} of {vectors.dtype}")
    vectors = vectors.astype(np.float64)  # so that no norm overflows
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    units: NDArray[np.float64] = np.divide(vectors, lengths, where=lengths > 0, out=np.zeros_like(vectors))
    return units.astype(np.float32)
