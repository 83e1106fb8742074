"""Cluster all sentences by k-means, and name the clusters by keywords."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.tokenizers import Tokenizer
from w2v.display.html import html_table
from w2v.encoder.retrieval.hits import Place
from w2v.encoder.retrieval.index.building import Progress
from w2v.encoder.retrieval.index.sentence_index import SentenceIndex
from w2v.encoder.retrieval.keywords.stop_words import OWN, StopWords
from w2v.encoder.retrieval.keywords.terms import Terms, word_tokenizer
from w2v.encoder.retrieval.mining.centroids import assign, fit_centroids
from w2v.encoder.retrieval.mining.sources import opened_sentences
from w2v.settings.constraints import DEFAULT_SEED, whole_number
from w2v.vectors.table import VectorTable

if TYPE_CHECKING:
    from w2v.encoder.sentence_encoder import SentenceEncoder, Start

MOST_CLUSTERS = 10_000

_USUAL_CLUSTERS = 100
_N_BATCHES = 200
_TYPICAL = 5
_CONSIDERED = 1 << 17  # candidates for typical sentences, of all clusters together
_LONG = 160  # characters; vectors of long sentences average many words, so they are near every centre


@dataclass(frozen=True)
class Cluster:
    """Sentences with the same nearest centre.

    Attributes
    ----------
    number : int
        From 1, in order of decreasing size.
    size : int
        Number of sentences.
    words : list of str
        Keywords that distinguish it from the other clusters, the best first; see `Terms.keywords`.
    typical : list of Place
        Distinct sentences near the centre: first those that contain the most of `words`, long ones last.
    similarity : float
        Mean cosine of its sentences with its centre: how compact it is.
    """

    number: int
    size: int
    words: list[str]
    typical: list[Place]
    similarity: float


class Member(NamedTuple):
    """A sentence and its cluster.

    Attributes
    ----------
    cluster : int
        Number of the cluster.
    similarity : float
        Cosine with its centre.
    place : Place
    """

    cluster: int
    similarity: float
    place: Place


class Clustering:
    """Clusters of sentences; created by `cluster_sentences`.

    Attributes
    ----------
    clusters : list of Cluster
        In order of decreasing size; none is empty.
    labels : ndarray of shape (N,), int32
        The cluster number of each sentence, from 1.
    similarities : ndarray of shape (N,), float16
        Cosine of each sentence with its centre.
    centroids : ndarray of shape (K, d), float32
        The centres, in the order of the clusters.
    """

    def __init__(
        self,
        clusters: list[Cluster],
        labels: NDArray[np.int32],
        similarities: NDArray[np.float16],
        centroids: NDArray[np.float32],
    ) -> None:
        self.clusters, self.labels, self.similarities, self.centroids = clusters, labels, similarities, centroids

    def __len__(self) -> int:
        return len(self.clusters)

    def __repr__(self) -> str:
        return f"Clustering({len(self)} clusters of {len(self.labels):,} sentences)"

    def _repr_html_(self) -> str:
        rows = [
            (f"{one.number}", f"{one.size:,}", ", ".join(one.words), one.typical[0].sentence if one.typical else "")
            for one in self.clusters
        ]
        return html_table((">cluster", ">sentences", "keywords", "example"), rows)

    def members(self, index: SentenceIndex) -> Iterator[Member]:
        """Yield all sentences of the clustered index, in order, with their clusters."""
        for row, (label, similarity) in enumerate(zip(self.labels, self.similarities, strict=True)):
            yield Member(int(label), float(similarity), index.place(row))


def cluster_sentences(
    source: Any,
    encoder: SentenceEncoder | Start | None = None,
    *,
    n_clusters: int | None = None,
    n_words: int = 8,
    stop_words: StopWords = OWN,
    splits: bool = False,
    workers: int | None = None,
    seed: int = DEFAULT_SEED,
    progress: Progress | None = None,
) -> Clustering:
    """Cluster sentences by similarity.

    Parameters
    ----------
    source, encoder, splits, workers
        See `opened_sentences`. Texts need an encoder, because most pairs of sentences share no word.
    n_clusters : int, optional
        Maximum number; empty clusters are left out. By default sqrt(N / 2), but at most 100.
    n_words : int, default 8
        Number of keywords per cluster.
    stop_words : {"text", "english"}, collection of str or None, default "text"
        Words excluded from the keywords: those that are frequent everywhere; in addition, English stop words or the
        given ones; or none. See `Terms.stop_words`.
    seed : int, default 1
    progress : callable, optional
        See `Progress`; the steps are "counting", "encoding", "clustering" and "naming".

    Returns
    -------
    Clustering

    Raises
    ------
    ValueError
        If `n_clusters` is below 1 or above the number of sentences, or texts are given without an encoder; also as for
        `opened_sentences`.
    CorpusError, ModelError
        As for `opened_sentences`.

    Notes
    -----
    Memory is about 30 bytes per sentence and 12 per word, plus the centres. Keywords are chosen by class-based TF-IDF;
    see `Terms.keywords`.
    """
    with opened_sentences(source, encoder, splits=splits, by_words=False, workers=workers, progress=progress) as index:
        return cluster_index(
            index, n_clusters=n_clusters, n_words=n_words, stop_words=stop_words, seed=seed, progress=progress
        )


def cluster_index(
    index: SentenceIndex,
    *,
    n_clusters: int | None = None,
    n_words: int = 8,
    stop_words: StopWords = OWN,
    seed: int = DEFAULT_SEED,
    progress: Progress | None = None,
) -> Clustering:
    """Cluster the sentences of an index; see `cluster_sentences`."""
    whole_number("n_words", n_words, 0)
    told = None if progress is None else lambda done, total: progress("clustering", done, total)
    labels, similarities, centroids = group_rows(index.table, n_clusters, seed=seed, progress=told)
    sizes = np.bincount(labels)
    means = np.bincount(labels, similarities) / sizes
    terms = Terms.of(index, progress=progress)
    terms = terms.without(terms.stop_words(labels, stop_words))
    words = [[word for word, _ in named] for named in terms.keywords(labels, n_words, len(sizes))]
    typical = typical_rows(index, labels, similarities, words)
    clusters = [
        Cluster(k + 1, int(sizes[k]), words[k], [index.place(row) for row in typical[k]], float(means[k]))
        for k in range(len(sizes))
    ]
    return Clustering(clusters, labels + 1, similarities, centroids)


def group_rows(
    table: VectorTable,
    n_clusters: int | None = None,
    *,
    seed: int = DEFAULT_SEED,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[NDArray[np.int32], NDArray[np.float16], NDArray[np.float32]]:
    """Return the cluster of each row, from 0 in order of decreasing size, its cosine with the centre, and the centres.

    No cluster is empty. By default `n_clusters` is sqrt(N / 2), but at most 100. ValueError if `n_clusters` is below 1
    or above the number of rows.
    """
    n = len(table)
    if n_clusters is None:
        n_clusters = max(1, min(_USUAL_CLUSTERS, round((n / 2) ** 0.5)))
    n_clusters = whole_number("n_clusters", n_clusters)
    if not 1 <= n_clusters <= min(n, MOST_CLUSTERS):
        raise ValueError(f"{n:,} sentences can form 1 to {min(n, MOST_CLUSTERS):,} clusters, not {n_clusters:,}")
    centroids = fit_centroids(table, n_clusters, n_batches=_N_BATCHES, seed=seed, progress=progress)
    labels, similarities = np.empty(n, np.int32), np.empty(n, np.float16)
    for block, nearest, scores in assign(table, centroids):
        labels[block], similarities[block] = nearest[:, 0], scores[:, 0]
    sizes = np.bincount(labels, minlength=n_clusters)
    order = np.argsort(-sizes, kind="stable")[: np.count_nonzero(sizes)]
    number = np.zeros(n_clusters, np.int32)
    number[order] = np.arange(len(order))
    return number[labels], similarities, centroids[order]


def typical_rows(
    index: SentenceIndex, labels: NDArray[np.int32], similarities: NDArray[np.float16], words: list[list[str]]
) -> list[list[int]]:
    """Return rows of distinct typical sentences of each cluster; see `Cluster`. Negative labels mean no cluster."""
    tokenizer = word_tokenizer(index)
    order = np.lexsort((-similarities.astype(np.float32), labels))
    borders = np.searchsorted(labels[order], np.arange(len(words) + 1))
    considered = max(_TYPICAL, min(1024, _CONSIDERED // max(1, len(words))))
    typical = []
    for start, stop, names in zip(borders.tolist(), borders[1:].tolist(), words, strict=False):
        rows: dict[str, int] = {}
        for row in order[start : min(stop, start + considered)].tolist():
            rows.setdefault(index[row], row)
        ranks = {sentence: _rank(sentence, names, tokenizer) for sentence in rows}
        typical.append([rows[sentence] for sentence in sorted(rows, key=ranks.__getitem__)[:_TYPICAL]])
    return typical


def _rank(sentence: str, names: list[str], tokenizer: Tokenizer) -> tuple[bool, int]:
    """Return the key that sorts sentences near a centre."""
    return len(sentence) > _LONG, -len(set(tokenizer(sentence)).intersection(names))
