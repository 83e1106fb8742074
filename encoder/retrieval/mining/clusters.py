"""Clusters of sentences: k-means on as many as there are, named by the words that tell them from the others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.tokenizers import Tokenizer, WordsTokenizer
from w2v.display.html import html_table
from w2v.encoder.model.lookup import WordLookup
from w2v.encoder.model.state import EncoderState
from w2v.encoder.retrieval.hits import Place
from w2v.encoder.retrieval.index.building import Progress
from w2v.encoder.retrieval.index.sentence_index import SentenceIndex
from w2v.encoder.retrieval.mining.centroids import assign, fit_centroids
from w2v.encoder.retrieval.mining.sources import opened_sentences
from w2v.encoding.stream import WorkFolder, encode_corpus

if TYPE_CHECKING:
    from w2v.encoder.sentence_encoder import SentenceEncoder, Start

MOST_CLUSTERS = 10_000

_USUAL_CLUSTERS = 100
_N_BATCHES = 200
_TABLE_ENTRIES = 1 << 24  # of counts of words in clusters
_MEMORY = 1 << 26
_BLOCK_ROWS = 1 << 13
_LEAST_SENTENCES = 3  # of a cluster that a word is in, a tenth of a small one, to tell anything about it
_TYPICAL = 5
_CONSIDERED = 1 << 17  # sentences near to the centres, of all clusters together
_LONG = 160  # characters; the mean of many words is near to any centre


@dataclass(frozen=True)
class Cluster:
    """Sentences that are nearest to the same centre.

    Attributes
    ----------
    number : int
        From 1, by falling size.
    size : int
        How many sentences.
    words : list of str
        What tells it from the others, the most telling first.
    typical : list of Place
        Different sentences that are near to the centre, those of them with the most of `words` first, long ones last.
    similarity : float
        Mean cosine of its sentences with its centre: how close they are.
    """

    number: int
    size: int
    words: list[str]
    typical: list[Place]
    similarity: float


class Member(NamedTuple):
    """A sentence and the cluster that it is in.

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
    """The clusters of sentences; made by `cluster_sentences`.

    Attributes
    ----------
    clusters : list of Cluster
        By falling size; none of them is empty.
    labels : ndarray of shape (N,), int32
        The number of the cluster that each sentence is in.
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
        """Yield all sentences of the index that was clustered, in their order, with their clusters."""
        for row, (label, similarity) in enumerate(zip(self.labels, self.similarities, strict=True)):
            yield Member(int(label), float(similarity), index.place(row))


def cluster_sentences(
    source: Any,
    encoder: SentenceEncoder | Start | None = None,
    *,
    n_clusters: int | None = None,
    n_words: int = 8,
    splits: bool = False,
    workers: int | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Clustering:
    """Put sentences into clusters of similar ones.

    Parameters
    ----------
    source, encoder, splits, workers
        See `opened_sentences`. Texts need an encoder: most sentences share no word with most others.
    n_clusters : int, optional
        At most so many; some may be empty and are left out. By default sqrt(N / 2), but not more than 100.
    n_words : int, default 8
        Words that name each.
    seed : int, default 0
    progress : callable, optional
        See `Progress`; "counting" and "encoding", "clustering" and "naming".

    Returns
    -------
    Clustering

    Raises
    ------
    ValueError
        If `n_clusters` is below 1 or above the number of sentences, or texts come without an encoder; also as
        `opened_sentences`.
    CorpusError, ModelError
        As `opened_sentences`.

    Notes
    -----
    Memory is some 30 bytes a sentence, and what centres and the counts of words take.
    """
    with opened_sentences(source, encoder, splits=splits, by_words=False, workers=workers, progress=progress) as index:
        return cluster_index(index, n_clusters=n_clusters, n_words=n_words, seed=seed, progress=progress)


def cluster_index(
    index: SentenceIndex,
    *,
    n_clusters: int | None = None,
    n_words: int = 8,
    seed: int = 0,
    progress: Progress | None = None,
) -> Clustering:
    """Put the sentences of an index into clusters; see `cluster_sentences`."""
    n = len(index)
    if n_clusters is None:
        n_clusters = max(1, min(_USUAL_CLUSTERS, round((n / 2) ** 0.5)))
    if not 1 <= n_clusters <= min(n, MOST_CLUSTERS):
        raise ValueError(f"{n:,} sentences make 1 to {min(n, MOST_CLUSTERS):,} clusters, not {n_clusters:,}")
    told = None if progress is None else lambda done, total: progress("clustering", done, total)
    centroids = fit_centroids(index.table, n_clusters, n_batches=_N_BATCHES, seed=seed, progress=told)
    labels, similarities = np.empty(n, np.int32), np.empty(n, np.float16)
    for block, nearest, scores in assign(index.table, centroids):
        labels[block], similarities[block] = nearest[:, 0], scores[:, 0]
    sizes = np.bincount(labels, minlength=n_clusters)
    order = np.argsort(-sizes, kind="stable")[: np.count_nonzero(sizes)]
    number = np.zeros(n_clusters, np.int32)
    number[order] = np.arange(1, len(order) + 1)
    labels = number[labels]
    means = np.bincount(labels, similarities, len(order) + 1)[1:] / sizes[order]
    words = telling_words(index, labels, len(order), n_words, progress)
    typical = _typical_rows(index, labels, similarities, words)
    clusters = [
        Cluster(k + 1, int(sizes[order[k]]), words[k], [index.place(row) for row in typical[k]], float(means[k]))
        for k in range(len(order))
    ]
    return Clustering(clusters, labels, similarities, centroids[order])


def telling_words(
    index: SentenceIndex, labels: NDArray[np.int32], n_clusters: int, n_words: int, progress: Progress | None = None
) -> list[list[str]]:
    """Return the words of each cluster that tell it from the others, the most telling first.

    A word counts p log²(p / q), where p is the fraction of the cluster's sentences that it is in, and q of all
    sentences. Words that are everywhere count nothing, however frequent, and rare ones little [1]_. `labels`, shape
    (N,), are from 1 to `n_clusters`.

    References
    ----------
    .. [1] Grootendorst 2022, BERTopic, arXiv:2203.05794, section 3.3, weighs the words of a class by TF-IDF to the
       same end.
    """
    tokenizer = _word_tokenizer(index)
    most = max(1, _TABLE_ENTRIES // n_clusters)
    with WorkFolder() as work:
        vocabulary, _ = encode_corpus(
            iter(index), tokenizer, min_count=1, max_vocab=most, max_memory=_MEMORY, work_folder=work
        )
    lookup, n_held = WordLookup(vocabulary, tokenizer), len(vocabulary)
    counts = np.zeros((n_clusters, n_held), np.int32)
    for start in range(0, len(index), _BLOCK_ROWS):
        stop = min(start + _BLOCK_ROWS, len(index))
        found = lookup.find(index.sentences(start, stop))
        sentences = np.repeat(np.arange(start, stop), np.diff(found.offsets))
        once = np.unique(sentences * n_held + found.ids)  # a word counts once in a sentence
        np.add.at(counts, (labels[once // n_held] - 1, once % n_held), 1)
        if progress is not None:
            progress("naming", stop, len(index))
    sizes = np.bincount(labels, minlength=n_clusters + 1)[1:]
    return _most_telling(counts, sizes, vocabulary.index_to_key, n_words)


def _most_telling(
    counts: NDArray[np.int32], sizes: NDArray[np.int64], words_held: list[str], n_words: int
) -> list[list[str]]:
    """Return the words of each cluster that `counts` of sentences with a word, shape (K, V), tell from the others."""
    overall = counts.sum(axis=0) / sizes.sum()
    names = []
    for count, size in zip(counts, sizes, strict=True):
        fraction = count / size
        words = np.flatnonzero((count >= min(_LEAST_SENTENCES, -(-size // 10))) & (fraction > overall))
        scores = fraction[words] * np.log(fraction[words] / overall[words]) ** 2
        names.append([words_held[words[i]] for i in np.argsort(-scores, kind="stable")[:n_words]])
    return names


def _typical_rows(
    index: SentenceIndex, labels: NDArray[np.int32], similarities: NDArray[np.float16], words: list[list[str]]
) -> list[list[int]]:
    """Return rows of different sentences of each cluster; see `Cluster`."""
    tokenizer = _word_tokenizer(index)
    order = np.lexsort((-similarities.astype(np.float32), labels))
    borders = np.searchsorted(labels[order], np.arange(1, len(words) + 2))
    considered = max(_TYPICAL, min(1024, _CONSIDERED // len(words)))
    typical = []
    for start, stop, names in zip(borders.tolist(), borders[1:].tolist(), words, strict=False):
        rows: dict[str, int] = {}
        for row in order[start : min(stop, start + considered)].tolist():
            rows.setdefault(index[row], row)
        ranks = {sentence: _rank(sentence, names, tokenizer) for sentence in rows}
        typical.append([rows[sentence] for sentence in sorted(rows, key=ranks.__getitem__)[:_TYPICAL]])
    return typical


def _rank(sentence: str, names: list[str], tokenizer: Tokenizer) -> tuple[bool, int]:
    """Return what to sort the sentences near to a centre by."""
    return len(sentence) > _LONG, -len(set(tokenizer(sentence)).intersection(names))


def _word_tokenizer(index: SentenceIndex) -> Tokenizer:
    """Return the encoder's tokenizer, if that makes words: parts of words tell little."""
    tokenizer = index.state.tokenizer if isinstance(index.state, EncoderState) else WordsTokenizer()
    return WordsTokenizer() if tokenizer.to_config()["name"] == "pieces" else tokenizer
