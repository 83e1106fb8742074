"""Cosines between all words of two languages, computed in blocks.

CSLS [1]_, cross-domain similarity local scaling, is 2 cos(x, y) − r(x) − r(y), where r is the mean cosine of a word
with its k nearest words in the other language. It penalises hubs, words that are near to everything.

References
----------
.. [1] Conneau et al. 2018, Word translation without parallel data, ICLR, section 2.3.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Units = NDArray[np.float32]
"""Unit vectors, or zeros, which are never nearest to anything."""

_ROWS, _COLUMNS = 1024, 2048
"""Size of a block: 8 MB of float32."""


class Nearest(NamedTuple):
    """For each row of x the best row of y, and vice versa.

    Attributes
    ----------
    forward : ndarray of shape (n,), int64
        Rows of y; -1 if there is none.
    backward : ndarray of shape (m,), int64
        Rows of x; -1 if there is none.
    cosines : ndarray of shape (n,), float32
        Cosine of each row of x with its `forward` row.
    """

    forward: NDArray[np.int64]
    backward: NDArray[np.int64]
    cosines: NDArray[np.float32]

    def mutual(self) -> NDArray[np.int64]:
        """Return the pairs (row of x, row of y) that are each other's best; shape (p, 2), int64."""
        rows = np.flatnonzero(self.forward >= 0)
        rows = rows[self.backward[self.forward[rows]] == rows]
        return np.stack([rows, self.forward[rows]], axis=1)


def hub_means(x: Units, y: Units, k: int = 10) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return r: the mean cosine of each word with its k nearest words in the other language.

    Parameters
    ----------
    x : ndarray of shape (n, D), float32
    y : ndarray of shape (m, D), float32
    k : int, default 10
        Number of nearest words; fewer if the other language has fewer words.

    Returns
    -------
    of_x : ndarray of shape (n,), float32
    of_y : ndarray of shape (m,), float32
    """
    from w2v.alignment.kernels import keep_highest

    of_x = np.full((len(x), min(k, len(y))), -np.inf, np.float32)
    of_y = np.full((len(y), min(k, len(x))), -np.inf, np.float32)
    for rows, columns, scores in _blocks(x, y):
        kept = of_y[columns]
        keep_highest(scores, of_x[rows], kept, kept[:, 0].copy())
    return of_x.mean(axis=1), of_y.mean(axis=1)


def nearest_of_both(
    x: Units,
    y: Units,
    means: tuple[NDArray[np.float32], NDArray[np.float32]],
    *,
    keep: float = 1.0,
    rng: np.random.Generator | None = None,
) -> Nearest:
    """Return the nearest word by CSLS of each word, for both languages at once.

    Parameters
    ----------
    x, y : ndarray of shape (n, D) and (m, D), float32
    means : (ndarray of shape (n,), ndarray of shape (m,))
        From `hub_means`; with zeros, the nearest by cosine.
    keep : float, default 1
        Probability of considering each pair of words.
    rng : numpy.random.Generator, optional
        Required if `keep` is below 1.

    Returns
    -------
    Nearest
    """
    from w2v.alignment.kernels import keep_best

    half_x, half_y = _penalties(x, means[0]), _penalties(y, means[1])
    best, forward = np.full(len(x), -np.inf, np.float32), np.full(len(x), -1, np.int64)
    best_of_y, backward = np.full(len(y), -np.inf, np.float32), np.full(len(y), -1, np.int64)
    for rows, columns, scores in _blocks(x, y):
        if rng is not None and keep < 1:
            scores[rng.random(scores.shape, np.float32) >= keep] = -np.inf
        keep_best(
            scores, (rows.start, columns.start), half_x[rows], half_y[columns], best[rows], forward[rows],
            best_of_y[columns], backward[columns],
        )  # fmt: skip
    found = np.maximum(forward, 0)
    cosines = np.where(forward >= 0, np.einsum("ij,ij->i", x, y[found]), 0).astype(np.float32)
    return Nearest(forward, backward, cosines)


def nearest(
    queries: Units, y: Units, n: int, of_y: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the n best rows of y for each query by 2 cos(x, y) − r(y), best first.

    Parameters
    ----------
    queries : ndarray of shape (Q, D), float32
    y : ndarray of shape (m, D), float32
    n : int
        At least 1.
    of_y : ndarray of shape (m,), float32
        r, from `hub_means`; with zeros, the nearest by cosine.

    Returns
    -------
    scores : ndarray of shape (Q, min(n, m)), float32
        -inf if there are fewer.
    rows : ndarray of shape (Q, min(n, m)), int64
        -1 if there are fewer.
    """
    from w2v.alignment.kernels import keep_nearest

    shape = len(queries), min(n, len(y))
    kept, rows = np.full(shape, -np.inf, np.float32), np.full(shape, -1, np.int64)
    half = _penalties(y, of_y)
    for block, columns, scores in _blocks(queries, y):
        keep_nearest(scores, columns.start, half[columns], kept[block], rows[block])
    return 2 * kept, rows


def _penalties(units: Units, means: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return r / 2, or infinity for rows of zeros; float32."""
    return np.where(units.any(axis=1), means / 2, np.inf).astype(np.float32)


def _blocks(x: Units, y: Units) -> Iterator[tuple[slice, slice, NDArray[np.float32]]]:
    """Yield blocks of cosines between rows of x and of y; the next block overwrites the buffer."""
    room = np.empty(min(_ROWS, len(x)) * min(_COLUMNS, len(y)), np.float32)
    for top in range(0, len(x), _ROWS):
        rows = slice(top, min(top + _ROWS, len(x)))
        for left in range(0, len(y), _COLUMNS):
            columns = slice(left, min(left + _COLUMNS, len(y)))
            shape = rows.stop - rows.start, columns.stop - columns.start
            scores = room[: shape[0] * shape[1]].reshape(shape)
            np.matmul(x[rows], y[columns].T, out=scores)
            yield rows, columns, scores
