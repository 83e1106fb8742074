"""Cluster centres of many vectors, fitted on batches, and assignment of vectors to the nearest centres."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from w2v.settings.constraints import DEFAULT_SEED
from w2v.vectors.table import VectorTable

_BATCH_ROWS = 4096
_BLOCK_ROWS = 1 << 13
_SETTLED = 1e-4  # converged when the mean squared shift of the centres, over their squared length, is below this


def fit_centroids(
    table: VectorTable,
    n_centroids: int,
    *,
    n_batches: int,
    seed: int = DEFAULT_SEED,
    is_careful: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> NDArray[np.float32]:
    """Return centres of the rows of a table, shape (n_centroids, d), of length 1 (or 0), by mini-batch k-means [1]_.

    Memory does not grow with the table.

    Parameters
    ----------
    table : VectorTable of shape (N, d)
        Rows of length 1; N is at least `n_centroids`.
    n_batches : int
        Maximum number of batches of random rows; fitting stops early when the centres hardly move.
    is_careful : bool, default True
        Start with centres far from each other (k-means++) instead of random ones.

    References
    ----------
    .. [1] Sculley 2010, Web-scale k-means clustering, WWW, algorithm 1.
    """
    from sklearn.cluster import MiniBatchKMeans

    rng = np.random.default_rng(seed)
    batch_rows = min(len(table), max(_BATCH_ROWS, 4 * n_centroids))
    model = MiniBatchKMeans(
        n_centroids,
        init="k-means++" if is_careful else "random",
        n_init=1,
        batch_size=batch_rows,
        random_state=seed,
    )
    before = np.zeros((n_centroids, table.shape[1]), np.float32)
    for batch in range(n_batches):
        rows = np.sort(rng.choice(len(table), batch_rows, replace=False))
        model.partial_fit(table.rows(rows))
        centres = model.cluster_centers_.astype(np.float32)
        if progress is not None:
            progress(batch + 1, n_batches)
        if np.square(centres - before).sum() < _SETTLED * np.square(centres).sum():
            break
        before = centres
    lengths = np.linalg.norm(centres, axis=1, keepdims=True)
    centroids: NDArray[np.float32] = (centres / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    return centroids


def assign(
    table: VectorTable, centroids: NDArray[np.float32], n: int = 1
) -> Iterator[tuple[slice, NDArray[np.intp], NDArray[np.float32]]]:
    """Yield blocks of rows, the `n` nearest centres of each row, unordered, and the cosines with them."""
    n = min(n, len(centroids))
    for start in range(0, len(table), _BLOCK_ROWS):
        block = slice(start, min(start + _BLOCK_ROWS, len(table)))
        scores = table.rows(block) @ centroids.T
        if n == 1:
            labels = scores.argmax(axis=1)[:, None]
        else:
            labels = np.argpartition(scores, len(centroids) - n, axis=1)[:, -n:]
        yield block, labels, np.take_along_axis(scores, labels, axis=1)
