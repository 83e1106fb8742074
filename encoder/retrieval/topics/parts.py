"""The parts of topics: groups of sentences as they were found, of which several may have become one topic."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.encoder.retrieval.topics.grouping import Groups, nearest
from w2v.vectors.table import VectorTable


class Parts(NamedTuple):
    """Groups of N sentences, and the topic that each is of.

    Attributes
    ----------
    centroids : ndarray of shape (C, d), float32
        Of length 1.
    limits : ndarray of shape (C,), float32
        See `Groups`.
    owner : ndarray of shape (C,), int64
        The topic of each.
    of_sentences : ndarray of shape (N,), int64
        The part of each sentence; of outliers any.
    """

    centroids: NDArray[np.float32]
    limits: NDArray[np.float32]
    owner: NDArray[np.int64]
    of_sentences: NDArray[np.int64]

    @classmethod
    def of(cls, groups: Groups) -> Parts:
        """Return groups that are a topic each."""
        parts = np.maximum(groups.labels, 0).astype(np.int64)
        return cls(groups.centroids, groups.limits, np.arange(len(groups.centroids)), parts)

    @property
    def n_topics(self) -> int:
        """How many topics they make."""
        return int(self.owner.max(initial=-1)) + 1

    def centers(self, labels: NDArray[np.int32], similarities: NDArray[np.float16]) -> NDArray[np.float32]:
        """Return the centre of each topic, of length 1, given the topic of each sentence and its cosine with its part.

        That of several parts is the mean of theirs, weighted by the cosines of their sentences.
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
        """Return the topic with the nearest part to each vector; -1 of zeros, and of those beyond a part's limit."""
        parts, _ = nearest(VectorTable(vectors, are_units=True), self.centroids, self.limits)
        is_known = vectors.any(axis=1) & (parts >= 0)
        found: NDArray[np.int64] = np.where(is_known, self.owner[np.maximum(parts, 0)], -1)
        return found.astype(np.int32)

    def spread(self, rows: NDArray[np.int64], n: int) -> Parts:
        """Return the parts of N other sentences, of which those at some rows are these."""
        parts = np.zeros(n, np.int64)
        parts[rows] = self.of_sentences
        return self._replace(of_sentences=parts)
