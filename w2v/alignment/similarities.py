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

_ROWS, _COLUMNS = 2048, 512
"""Size of a block: 4 MB of float32."""
_GROUP = 16
"""Scores of which one is looked at first, see `_exceeded`."""
_LOWEST = np.float32(-np.inf)


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
    highest_of_x, highest_of_y = _highest(x, y, k)
    return highest_of_x.means(), highest_of_y.means()


def nearest_by_csls(
    x: Units, y: Units, k: int = 10, *, keep: float = 1.0, rng: np.random.Generator | None = None
) -> tuple[tuple[NDArray[np.float32], NDArray[np.float32]], Nearest]:
    """Return what `hub_means` and then `nearest_of_both` do, for little more than the first where all pairs count.

    The best of a word is nearly always among the k nearest that its mean is made of. No other has a higher cosine than
    the last of them, so only words of a small mean can be better: where there are any, they are looked at.

    Parameters
    ----------
    x, y : ndarray of shape (n, D) and (m, D), float32
    k : int, default 10
    keep, rng
        Of `nearest_of_both`.

    Returns
    -------
    means : (ndarray of shape (n,), ndarray of shape (m,))
        Float32, of `hub_means`.
    nearest : Nearest
    """
    of_x, of_y = _highest(x, y, k)
    means = of_x.means(), of_y.means()
    half_x, half_y = _penalties(x, means[0]), _penalties(y, means[1])
    best_of_x, best_of_y = of_x.best(half_y), of_y.best(half_x)
    n_further = best_of_x.n_further(half_y).sum() + best_of_y.n_further(half_x).sum()
    if keep < 1 or n_further > len(x) * len(y):
        return means, nearest_of_both(x, y, means, keep=keep, rng=rng)
    return means, _found(x, y, best_of_x.among_all(x, y, half_y), best_of_y.among_all(y, x, half_x))


class _Highest(NamedTuple):
    """The highest cosines of each row, rising, and their columns: shape (n, k) both."""

    cosines: NDArray[np.float32]
    ids: NDArray[np.int64]

    @classmethod
    def none(cls, n: int, k: int) -> _Highest:
        """Return what every cosine is above."""
        return cls(np.full((n, k), -np.inf, np.float32), np.full((n, k), -1, np.int64))

    def means(self) -> NDArray[np.float32]:
        """Return the mean of each row."""
        means: NDArray[np.float32] = self.cosines.mean(axis=1)
        return means

    def best(self, penalties: NDArray[np.float32]) -> _Best:
        """Return the best of each row after penalties of the columns, the first of equal ones."""
        scores = self.cosines - penalties[self.ids]
        best = scores.max(axis=1)
        ids = np.where(scores == best[:, None], self.ids, len(penalties)).min(axis=1)
        return _Best(best, np.where(best > -np.inf, ids, -1), self.cosines[:, 0])


class _Best(NamedTuple):
    """The best of each row among its highest cosines."""

    scores: NDArray[np.float32]
    """After penalties of the columns; -inf where there is none."""
    ids: NDArray[np.int64]
    """Its column, or -1."""
    least: NDArray[np.float32]
    """The lowest of the highest cosines: all others are no higher."""

    def n_further(self, penalties: NDArray[np.float32]) -> NDArray[np.int64]:
        """Return for each row how many columns have so small a penalty that they might be better; shape (n,)."""
        return np.searchsorted(np.sort(penalties), self.least - self.scores, side="right")

    def among_all(self, x: Units, y: Units, penalties: NDArray[np.float32]) -> NDArray[np.int64]:
        """Look at those columns, y, of all rows, x, as well, and return the best."""
        from w2v.alignment.kernels import keep_nearest

        further, order = self.n_further(penalties), np.argsort(penalties, kind="stable")
        rows = np.flatnonzero(further)
        rows = rows[np.argsort(further[rows], kind="stable")]
        found = self.ids.copy()
        for start in range(0, len(rows), _ROWS):
            some = rows[start : start + _ROWS]
            columns = order[: further[some[-1]]]
            kept, places = self.scores[some, None], np.full((len(some), 1), -1, np.int64)
            of_columns = penalties[columns]
            for block, part, scores in _blocks(x[some], y[columns]):
                keep_nearest(scores, part.start, of_columns[part], kept[block], places[block])
            better = places[:, 0] >= 0
            found[some[better]] = columns[places[better, 0]]
        return found


def _highest(x: Units, y: Units, k: int) -> tuple[_Highest, _Highest]:
    """Return the k highest cosines of each row of x, and of each row of y."""
    from w2v.alignment.kernels import keep_highest

    of_x, of_y = _Highest.none(len(x), min(k, len(y))), _Highest.none(len(y), min(k, len(x)))
    for rows, columns, scores in _blocks(x, y):
        kept = of_y.cosines[columns]
        if columns.start == 0:
            of_x.cosines[rows] = _exceeded(scores, of_x.cosines.shape[1])
        if rows.start == 0:
            kept[:] = _exceeded(scores.T, of_y.cosines.shape[1])
        keep_highest(
            scores, (rows.start, columns.start), of_x.cosines[rows], of_x.ids[rows], kept, of_y.ids[columns],
            kept[:, 0].copy(),
        )  # fmt: skip
    return of_x, of_y


def _exceeded(scores: NDArray[np.float32], k: int) -> NDArray[np.float32] | float:
    """Return what k scores of each row at least are above, shape (n, 1), so that few others need be looked at.

    It is just below the k-th highest of the maxima of _GROUP scores each.
    """
    n, m = scores.shape
    n_groups = m // _GROUP
    if n_groups < k:
        return -np.inf
    maxima = scores[:, :n_groups].copy(order="K")
    for i in range(n_groups, n_groups * _GROUP, n_groups):
        np.maximum(maxima, scores[:, i : i + n_groups], out=maxima)
    return np.nextafter(np.partition(maxima, n_groups - k, axis=1)[:, n_groups - k, None], _LOWEST)


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
    return _found(x, y, forward, backward)


def _found(x: Units, y: Units, forward: NDArray[np.int64], backward: NDArray[np.int64]) -> Nearest:
    """Add the cosines."""
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
