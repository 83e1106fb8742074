"""Slow, obvious float64 twins of the alignment: all pairs of words at once, without blocks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def units(vectors: NDArray[Any]) -> Floats:
    """Return the rows scaled to length 1; zeros stay zeros."""
    exact = np.asarray(vectors, np.float64)
    lengths = np.linalg.norm(exact, axis=1, keepdims=True)
    scaled: Floats = np.divide(exact, lengths, out=np.zeros_like(exact), where=lengths > 0)
    return scaled


def hub_means(x: NDArray[Any], y: NDArray[Any], k: int) -> tuple[Floats, Floats]:
    """Return the mean of the k highest cosines of each row of x, and of y."""
    cosines = units(x) @ units(y).T
    return np.sort(cosines, axis=1)[:, -k:].mean(axis=1), np.sort(cosines, axis=0)[-k:].mean(axis=0)


def csls(x: NDArray[Any], y: NDArray[Any], k: int) -> Floats:
    """Return 2 cos(x, y) − r(x) − r(y) for all pairs."""
    of_x, of_y = hub_means(x, y, k)
    return 2 * units(x) @ units(y).T - of_x[:, None] - of_y


def best(scores: Floats, n: int) -> NDArray[np.intp]:
    """Return the columns of the n highest scores in each row, best first; ties in column order."""
    return np.argsort(-scores, axis=1, kind="stable")[:, :n]


def rotation(x: NDArray[Any], y: NDArray[Any]) -> Floats:
    """Return Q = (M Mᵀ)^-½ M for M = XᵀY, the orthogonal matrix nearest to M, from eigenvalues rather than an SVD."""
    product = np.asarray(x, np.float64).T @ np.asarray(y, np.float64)
    values, vectors = np.linalg.eigh(product @ product.T)
    return np.asarray(vectors @ np.diag(values**-0.5) @ vectors.T @ product)


def align(x: NDArray[Any], y: NDArray[Any], pairs: NDArray[Any], k: int, refinements: int) -> Floats:
    """Return the rotation after `refinements` rounds of mutual nearest neighbours, whether or not they help."""
    x, y = units(x), units(y)
    found = rotation(x[pairs[:, 0]], y[pairs[:, 1]])
    for _ in range(refinements):
        scores = csls(x @ found, y, k)
        forward, backward = scores.argmax(axis=1), scores.argmax(axis=0)
        rows = [row for row in range(len(x)) if backward[forward[row]] == row]
        found = rotation(x[rows], y[forward[rows]])
    return found


def precision(scores: Floats, answers: dict[int, set[int]], n: int) -> float:
    """Return the fraction of rows with an answer among the n highest columns."""
    near = best(scores, n)
    return sum(bool(right & set(near[row].tolist())) for row, right in answers.items()) / len(answers)
