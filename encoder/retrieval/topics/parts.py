"""The parts of topics: the groups of sentences as originally found, several of which may be merged into one topic."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.encoder.retrieval.topics.grouping import Groups, nearest
from w2v.vectors.table import VectorTable


class Parts(NamedTuple):
    """Groups of N sentences, and the topic of each group.

    Attributes
    ----------
    centroids : ndarray of shape (C, d), float32
        Vectors of length 1.
    limits : ndarray of shape (C,), float32
        See `Groups`.
    owner : ndarray of shape (C,), int64
        The topic of each part.
    of_sentences : ndarray of shape (N,), int64
        The part of each sentence; arbitrary for outliers.
    """

    centroids: NDArray[np.float32]
    limits: NDArray[np.float32]
    owner: NDArray[np.int64]
    of_sentences: NDArray[np.int64]

    @classmethod
    def of(cls, groups: Groups) -> Parts:
        """Make each group a topic."""
        parts = np.maximum(groups.labels, 0).astype(np.int64)
        return cls(groups.centroids, groups.limits, np.arange(len(groups.centroids)), parts)

    @property
    def n_topics(self) -> int:
        """Number of topics."""
        return int(self.owner.max(initial=-1)) + 1

    def centers(self, labels: NDArray[np.int32], similarities: NDArray[np.float16]) -> NDArray[np.float32]:
        """Return the centre of each topic, of length 1, given the topic of each sentence and its cosine with its part.

        The centre of a topic with several parts is their mean, weighted by the cosines of their sentences.
        """
        if self.n_topics == len(self.centroids):
            return self.centroids
        inside = labels >= 0
        weights = np.bincount(self.of_sentences[inside], similarities[inside], len(self.centroids))
        sums = np.zeros((self.n_topics, self.centroids.shape[1]))
        np.add.at(sums, self.owner, self.centroids * weights[:, None])
        lengths = np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12)
        centers: NDArray[np.float32] = (sums / lengths).astype(np.float32)
        return centers

    def topics(self, vectors: NDArray[np.float32]) -> NDArray[np.int32]:
        """Return the topic of the part nearest to each vector; -1 for zeros and for vectors beyond the part's limit."""
        parts, _ = nearest(VectorTable(vectors, are_units=True), self.centroids, self.limits)
        is_known = vectors.any(axis=1) & (parts >= 0)
        found: NDArray[np.int64] = np.where(is_known, self.owner[np.maximum(parts, 0)], -1)
        return found.astype(np.int32)

    def spread(self, rows: NDArray[np.int64], n: int) -> Parts:
        """Return the parts for N sentences, of which those at `rows` are the present ones."""
        parts = np.zeros(n, np.int64)
        parts[rows] = self.of_sentences
        return self._replace(of_sentences=parts)
