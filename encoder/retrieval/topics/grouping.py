"""Group vectors: by nearest centre (k-means), or by density, with outliers (HDBSCAN)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.encoder.retrieval.mining.centroids import assign
from w2v.encoder.retrieval.mining.clusters import group_rows
from w2v.lazy import load_optional
from w2v.vectors.table import VectorTable

Method = Literal["kmeans", "hdbscan"]
Reduction = Literal["spectral", "umap", "pca", "none"]
METHODS: tuple[Method, ...] = ("kmeans", "hdbscan")
REDUCTIONS: tuple[Reduction, ...] = ("spectral", "umap", "pca", "none")

MOST_DENSE = 10_000
"""Maximum number of rows clustered by density; the others are assigned to the resulting groups."""

_LEAST_LIKE = 0.05  # fraction of a dense group farther from its centre than the limit for new members
_NEIGHBORS = 15
_TELL = Callable[[int, int], None]


class Groups(NamedTuple):
    """Groups of N vectors.

    Attributes
    ----------
    labels : ndarray of shape (N,), int32
        From 0 in order of decreasing size; -1 for outliers.
    similarities : ndarray of shape (N,), float16
        Cosine of each vector with the centre of its group, or for outliers with the nearest centre.
    centroids : ndarray of shape (C, d), float32
        Vectors of length 1.
    limits : ndarray of shape (C,), float32
        A new vector is an outlier if its cosine with the nearest centre is below this.
    """

    labels: NDArray[np.int32]
    similarities: NDArray[np.float16]
    centroids: NDArray[np.float32]
    limits: NDArray[np.float32]


def by_centres(table: VectorTable, n_clusters: int | None, seed: int, tell: _TELL | None) -> Groups:
    """Return groups by k-means; see `group_rows`. There are no outliers."""
    labels, similarities, centroids = group_rows(table, n_clusters, seed=seed, progress=tell)
    return Groups(labels, similarities, centroids, np.full(len(centroids), -1, np.float32))


def by_density(table: VectorTable, min_size: int, reduction: Reduction, dims: int, seed: int) -> Groups:
    """Return groups found by HDBSCAN [1]_ in a reduced number of dimensions.

    Above `MOST_DENSE` rows, an evenly spaced sample is clustered. Each other row joins the group with the nearest
    centre, or is an outlier if it is farther from it than nearly all of the group.

    Parameters
    ----------
    table : VectorTable of shape (N, d)
        Rows of length 1.
    min_size : int
        Minimum number of rows in a group.
    reduction : {"spectral", "umap", "pca", "none"}
        How vectors are reduced to `dims` columns; see `reduced`. Density is not meaningful in many dimensions.

    Raises
    ------
    ValueError
        If there are fewer than twice `min_size` rows or fewer than 4, or no group is found.
    ImportError
        If umap-learn is requested but not installed.

    References
    ----------
    .. [1] Campello, Moulavi and Sander 2013, Density-based clustering based on hierarchical density estimates, PAKDD.
    """
    from sklearn.cluster import HDBSCAN

    n_seen = min(len(table), MOST_DENSE)
    if n_seen < 4:
        raise ValueError(f"{n_seen} sentences are too few for HDBSCAN, which needs 4: give more text, or method kmeans")
    if n_seen < 2 * min_size:
        of = "" if n_seen == len(table) else f", {n_seen:,} of which HDBSCAN looks at,"
        raise ValueError(
            f"{len(table):,} sentences{of} make no topics of at least {min_size:,}: give a min_size of at most "
            f"{n_seen // 2:,}, half as many, or {'more text' if not of else 'the method kmeans'}"
        )
    rows = np.unique(np.linspace(0, len(table) - 1, n_seen).astype(np.intp))
    vectors = table.rows(rows)
    distinct, copies = _distinct(vectors)
    if len(distinct) > 1:
        model = HDBSCAN(min_cluster_size=min_size, copy=True)
        found = model.fit_predict(reduced(distinct, reduction, dims, seed)[copies]).astype(np.int32)
    else:
        found = np.zeros(len(rows), np.int32)
    n_groups = int(found.max(initial=-1)) + 1
    if not n_groups:
        smaller = "a smaller min_size, " if min_size > 2 else ""
        raise ValueError(
            f"HDBSCAN finds no two topics of at least {min_size:,} sentences that lie apart, only outliers: give "
            f"{smaller}another reduction, or the method kmeans"
        )
    number = by_falling_size(np.bincount(found[found >= 0], minlength=n_groups))
    found = np.where(found >= 0, number[found], -1).astype(np.int32)
    sums = np.zeros((n_groups, vectors.shape[1]), np.float32)
    np.add.at(sums, found[found >= 0], vectors[found >= 0])
    centroids = (sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12)).astype(np.float32)
    own = np.einsum("nd,nd->n", vectors, centroids[np.maximum(found, 0)])
    limits = np.array([np.quantile(own[found == group], _LEAST_LIKE) for group in range(n_groups)], np.float32)
    labels, similarities = nearest(table, centroids, limits)
    labels[rows] = found
    similarities[rows[found >= 0]] = own[found >= 0]
    return Groups(labels, similarities, centroids, limits)


def _distinct(vectors: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """Return the different rows in the order of their first occurrence, and which of them each row is.

    Copies would be each other's nearest neighbours, and the graph of these would fall apart.
    """
    _, first, number = np.unique(vectors, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.empty(len(first), np.intp)
    place[order] = np.arange(len(first))
    return vectors[first[order]], place[number.reshape(-1)]


def by_falling_size(sizes: NDArray[Any]) -> NDArray[np.int64]:
    """Return the new number of each group when they are sorted by decreasing size, from 0."""
    numbers = np.empty(len(sizes), np.int64)
    numbers[np.argsort(-sizes, kind="stable")] = np.arange(len(sizes))
    return numbers


def nearest(
    table: VectorTable, centroids: NDArray[np.float32], limits: NDArray[np.float32]
) -> tuple[NDArray[np.int32], NDArray[np.float16]]:
    """Return the group of each row, -1 if it is farther from the centre than the limit, and its cosine with it."""
    labels, similarities = np.empty(len(table), np.int32), np.empty(len(table), np.float16)
    for block, found, scores in assign(table, centroids):
        group, score = found[:, 0], scores[:, 0]
        labels[block] = np.where(score >= limits[group], group, -1)
        similarities[block] = score
    return labels, similarities


def reduced(vectors: NDArray[np.float32], how: Reduction, dims: int, seed: int) -> NDArray[np.float32]:
    """Return vectors with fewer columns, or unchanged if they have hardly more than `dims` or `how` is "none".

    Parameters
    ----------
    vectors : ndarray of shape (N, d), float32
        Vectors of length 1.
    how : {"spectral", "umap", "pca", "none"}
        Laplacian eigenmaps [1]_ of the graph of the 15 nearest neighbours, which is how UMAP is initialised; UMAP [2]_,
        which requires umap-learn; or principal components, which hardly separate the topics of real text.
    dims : int
    seed : int

    References
    ----------
    .. [1] Belkin and Niyogi 2003, Laplacian eigenmaps for dimensionality reduction, Neural Computation 15.
    .. [2] McInnes, Healy and Melville 2018, UMAP, arXiv:1802.03426.
    """
    if how == "none" or vectors.shape[1] <= dims or len(vectors) <= dims + 2:
        return vectors
    if how == "umap":
        umap = load_optional("umap", "reduction by UMAP requires umap-learn: pip install 'w2v-toolkit[umap]'")
        model = umap.UMAP(n_components=dims, n_neighbors=_NEIGHBORS, min_dist=0, metric="cosine", random_state=seed)
        points: NDArray[np.float32] = model.fit_transform(vectors)
        return points
    if how == "spectral":
        return _eigenmap(vectors, dims, seed)
    from sklearn.decomposition import PCA

    points = PCA(min(dims, len(vectors)), random_state=seed, svd_solver="covariance_eigh").fit_transform(vectors)
    return points


def _eigenmap(vectors: NDArray[np.float32], dims: int, seed: int) -> NDArray[np.float32]:
    """Return the first eigenvectors of the graph Laplacian, without the constant one, scaled by the degrees."""
    from scipy.sparse import csr_array, diags_array
    from scipy.sparse.linalg import eigsh
    from sklearn.neighbors import kneighbors_graph

    graph = csr_array(kneighbors_graph(vectors, min(_NEIGHBORS, len(vectors) - 1)))
    graph = (graph + graph.T) / 2
    root = np.sqrt(graph.sum(axis=1))
    scaled = diags_array(1 / root) @ graph @ diags_array(1 / root)
    start = np.random.default_rng(seed).uniform(-1, 1, len(vectors))
    k = min(dims + 1, len(vectors) - 1)
    values, found = eigsh(scaled, k, which="LA", v0=start)
    points: NDArray[np.float32] = (found[:, np.argsort(-values)[1:]] / root[:, None]).astype(np.float32)
    return points
