"""`Topics`: finds the topics of a text as groups of its sentences."""

from __future__ import annotations

import os
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from w2v.encoder.retrieval.hits import Hit, Hits
from w2v.encoder.retrieval.index.building import Progress
from w2v.encoder.retrieval.index.pictures import Maker
from w2v.encoder.retrieval.index.sentence_index import SentenceIndex
from w2v.encoder.retrieval.index.storage import is_index
from w2v.encoder.retrieval.keywords.stop_words import OWN, StopWords
from w2v.encoder.retrieval.keywords.terms import Terms
from w2v.encoder.retrieval.mining.clusters import typical_rows
from w2v.encoder.retrieval.mining.sources import opened_sentences
from w2v.encoder.retrieval.topics.dates import lines_of
from w2v.encoder.retrieval.topics.folder import TopicFiles, read_topics, write_topics
from w2v.encoder.retrieval.topics.found import FoundTopics
from w2v.encoder.retrieval.topics.grouping import (
    METHODS,
    REDUCTIONS,
    Groups,
    Method,
    Reduction,
    by_centres,
    by_density,
    by_falling_size,
)
from w2v.encoder.retrieval.topics.hierarchy import Linkage
from w2v.encoder.retrieval.topics.parts import Parts
from w2v.neural.tasks.fitting import seed_of
from w2v.settings.constraints import DEFAULT_SEED, Seed
from w2v.settings.estimator import by_name
from w2v.vectors.table import VectorTable

if TYPE_CHECKING:
    from w2v.encoder.sentence_encoder import SentenceEncoder, Start

_SHOWN = 5  # representative sentences per topic


class Topics(FoundTopics):
    """Groups of sentences about the same topic, with keywords.

    Parameters
    ----------
    encoder : SentenceEncoder, EncoderState, Embeddings, str or path-like, optional
        Computes the vectors of texts; may be given as a folder. An index has its own encoder.
    method : {"kmeans", "hdbscan"}, default "kmeans"
        k-means assigns every sentence to a topic. HDBSCAN [1]_ chooses the number of topics, and leaves outliers.
    n_clusters : int, optional
        For k-means: number of topics; by default sqrt(N / 2), but at most 100.
    n_topics : int, optional
        Merge the nearest topics until this many are left; see `hierarchy`.
    min_size : int, default 15
        For HDBSCAN: minimum number of sentences per topic, among the 10,000 that it clusters.
    reduction : {"spectral", "umap", "pca", "none"}, default "spectral"
        For HDBSCAN: how vectors are first reduced to `dims` columns: by the graph of nearest neighbours, by UMAP, or by
        principal components. UMAP requires umap-learn, which the extra `umap` installs.
    dims : int, default 5
        For HDBSCAN: number of columns after the reduction.
    n_words : int, default 10
        Number of keywords per topic.
    stop_words : {"text", "english"}, collection of str or None, default "text"
        Words excluded from the keywords: those that are frequent everywhere; in addition, English stop words or the
        given ones; or none. See `Terms.stop_words`.
    bigrams : bool, default False
        Also use pairs of words that belong together as keywords; see `Terms.with_bigrams`.
    splits : bool, default False
        Split texts into sentences.
    workers : int, optional
        Threads; all cores by default.
    random_state : int, generator or None, default 1
        Random seed, or what draws one.

    Attributes
    ----------
    labels_ : ndarray of shape (N,), int32
        The topic of each sentence, from 0 in order of decreasing size; -1 for outliers. The N sentences are those of
        the index or the files, or the given texts; texts without a known word are outliers.
    similarities_ : ndarray of shape (N,), float16
        Cosine of each sentence with the nearest centre.
    centers_ : ndarray of shape (K, d), float32
        Vectors of length 1.
    keywords_ : list of K lists of Keyword
        By class-based TF-IDF [2]_, the best first.
    representative_ : list of K `Hits`
        Distinct sentences near the centre of each topic.
    terms_ : Terms
        The words of the sentences, without stop words.

    References
    ----------
    .. [1] Campello, Moulavi and Sander 2013, Density-based clustering based on hierarchical density estimates, PAKDD.
    .. [2] Grootendorst 2022, BERTopic: neural topic modeling with a class-based TF-IDF procedure, arXiv:2203.05794.

    Examples
    --------
    >>> from w2v.encoder.retrieval import Topics
    >>> topics = Topics(n_clusters=20).fit("my.index")  # doctest: +SKIP
    >>> topics.info()[0].name  # doctest: +SKIP
    'ship, sea, harbour, sails'
    """

    habits = {  # noqa: RUF012
        "get_topic_info": "it is info()",
        "get_topics": "it is keywords_",
        "get_topic": "it is keywords_[topic]",
        "topics_over_time": "it is over_time(dates)",
        "hierarchical_topics": "it is hierarchy()",
        "get_topic_tree": "it is print(topics.hierarchy())",
        "reduce_topics": "it is merged(n_topics)",
        "transform": "it is predict(texts)",
        "fit_transform": "it is fit_predict(texts)",
        "load": "it is Topics.open(path)",
        "visualize_topics": "model_card(topics) of w2v.reports makes a page with plots",
    }

    @by_name
    def __init__(
        self,
        *,
        encoder: SentenceEncoder | Start | None = None,
        method: Method = "kmeans",
        n_clusters: int | None = None,
        n_topics: int | None = None,
        min_size: int = 15,
        reduction: Reduction = "spectral",
        dims: int = 5,
        n_words: int = 10,
        stop_words: StopWords = OWN,
        bigrams: bool = False,
        splits: bool = False,
        workers: int | None = None,
        random_state: Any = DEFAULT_SEED,
    ) -> None: ...

    def fit(self, texts: Any, y: object = None, *, progress: Progress | None = None) -> Topics:
        """Find the topics of texts.

        Parameters
        ----------
        texts : SentenceIndex, str, path-like, list of path-like, TextReader or iterable of str
            An index or its folder; or files with one sentence per line; or texts.
        y : ignored
            For scikit-learn.
        progress : callable, optional
            See `Progress`; the steps are "encoding", "clustering" and "naming".

        Returns
        -------
        Topics
            The estimator itself.

        Raises
        ------
        ValueError
            If there are fewer sentences than topics, no sentence has a known word, texts are given without an encoder,
            or a parameter is out of range.
        CorpusError, ModelError
            If a file, an index or an encoder cannot be read.
        ImportError
            If a package required by `reduction` is missing.
        """
        self._check_parameters()
        source = (texts, self.encoder)
        with opened_sentences(
            *source, splits=self.splits, by_words=False, workers=self.workers, progress=progress
        ) as index:
            groups = self._grouped(index.table, progress)
            lines, n_lines = lines_of(index)
            terms = Terms.of(index, progress=progress)
            terms = terms.without(terms.stop_words(groups.labels, self.stop_words))
            self.terms_ = terms.with_bigrams() if self.bigrams else terms
            self._maker: Maker = index.state
            self._columns = index.contents.dimension
            self._parts = Parts.of(groups)
            self.labels_, self.similarities_ = groups.labels, groups.similarities
            self._lines, self._n_lines = lines, n_lines
            self._name()
            if self.n_topics is not None and self.n_topics < len(self.keywords_):
                self._take(self.hierarchy().cut(self.n_topics))
            self.representative_ = self._typical(index)
            is_folder = isinstance(texts, (str, os.PathLike)) and is_index(texts)
            if not isinstance(texts, SentenceIndex) and not is_folder and not self.splits:
                self._align_with_texts(index)
        return self

    def _check_parameters(self) -> None:
        for name, known in (("method", METHODS), ("reduction", REDUCTIONS)):
            if getattr(self, name) not in known:
                raise ValueError(f"{name} must be {' or '.join(map(repr, known))}, not {getattr(self, name)!r:.80}")
        for name, least in (("n_clusters", 1), ("n_topics", 1), ("min_size", 2), ("dims", 1), ("n_words", 1)):
            value = getattr(self, name)
            is_number = isinstance(value, Integral) and not isinstance(value, bool)
            if value is not None and not (is_number and value >= least):
                raise ValueError(f"{name} must be a whole number of at least {least}, not {value!r:.80}")
        Seed("").check("random_state", self.random_state)
        if self.n_clusters is not None and self.method == "hdbscan":
            raise ValueError("n_clusters is for k-means; HDBSCAN finds the number itself, and n_topics merges topics")

    def _grouped(self, table: VectorTable, progress: Progress | None) -> Groups:
        seed = seed_of(self.random_state)
        if self.method == "hdbscan":
            if progress is not None:
                progress("clustering", 0, None)
            return by_density(table, self.min_size, self.reduction, self.dims, seed)
        told = None if progress is None else lambda done, total: progress("clustering", done, total)
        return by_centres(table, self.n_clusters, seed, told)

    def _name(self) -> None:
        """Compute the keywords of the topics, and their centres from their parts."""
        self.keywords_ = self.terms_.keywords(self.labels_, self.n_words, self._parts.n_topics)
        self.centers_ = self._parts.centers(self.labels_, self.similarities_)

    def _take(self, group: NDArray[np.int64]) -> None:
        """Merge topics: `group` gives for each topic the one it becomes."""
        becomes = by_falling_size(np.bincount(group, self.sizes_))[group]
        self.labels_ = np.where(self.labels_ >= 0, becomes[np.maximum(self.labels_, 0)], -1).astype(np.int32)
        self._parts = self._parts._replace(owner=becomes[self._parts.owner])
        self._name()
        if "representative_" in vars(self):
            together: list[list[Hit]] = [[] for _ in self.keywords_]
            for old, hits in zip(becomes.tolist(), self.representative_, strict=True):
                together[old] += hits
            self.representative_ = [Hits(sorted(hits, key=lambda hit: -hit.similarity)[:_SHOWN]) for hits in together]

    def _typical(self, index: SentenceIndex) -> list[Hits]:
        words = [[word for keyword in words for word in keyword.word.split(" ")] for words in self.keywords_]
        found = []
        for rows in typical_rows(index, self.labels_, self.similarities_, words):
            places = ((index.place(row), float(self.similarities_[row])) for row in rows)
            found.append(Hits(Hit(place.sentence, score, place.line, place.file) for place, score in places))
        return found

    def _align_with_texts(self, index: SentenceIndex) -> None:
        """Add the given texts that have no vector to the labels, as outliers."""
        if any(source.name for source in index.contents.sources):
            return
        n, rows = self._n_lines, self._lines
        labels, similarities = np.full(n, -1, np.int32), np.zeros(n, np.float16)
        labels[rows], similarities[rows] = self.labels_, self.similarities_
        lengths = np.zeros(n, np.int64)
        lengths[rows] = np.diff(self.terms_.offsets)
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        self.terms_ = Terms(self.terms_.names, self.terms_.ids, offsets, self.terms_.n_single)
        self._parts = self._parts.spread(rows, n)
        self.labels_, self.similarities_, self._lines = labels, similarities, np.arange(n)

    def fit_predict(self, texts: Any, y: object = None, *, progress: Progress | None = None) -> NDArray[np.int32]:
        """Find the topics of texts and return the topic of each; see `fit`."""
        return self.fit(texts, progress=progress).labels_

    def merged(self, n_topics: int, linkage: Linkage = "ward") -> Topics:
        """Return the topics with the nearest ones merged until `n_topics` are left; see `hierarchy`.

        Raises
        ------
        ValueError
            If `n_topics` is below 1 or above the number of topics.
        """
        merged = Topics(**self.get_params())
        vars(merged).update(vars(self))
        merged._take(self.hierarchy(linkage).cut(n_topics))
        return merged

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Write a folder for `open`, with the topics, the words of the sentences and the encoder; nothing is pickled.

        Parameters
        ----------
        path : str or path-like
        overwrite : bool, default False
            Replace existing topics.

        Returns
        -------
        Path
            The path of the folder.

        Raises
        ------
        ModelError
            If something is there (with `overwrite`: other than topics), or the folder cannot be written.
        """
        self._check_fitted()
        parameters = {
            name: value.item() if isinstance(value, np.generic) else value
            for name, value in self.get_params().items()
            if name != "encoder"
        }
        if not isinstance(self.random_state, Integral):
            parameters["random_state"] = None  # what a generator drew is not drawn again
        if not isinstance(self.stop_words, (str, type(None))):
            parameters["stop_words"] = sorted(self.stop_words)
        arrays: dict[str, NDArray[Any]] = {
            "labels": self.labels_,
            "similarities": self.similarities_,
            "centroids": self._parts.centroids,
            "limits": self._parts.limits,
            "owner": self._parts.owner.astype(np.int64),
            "parts": self._parts.of_sentences,
            "lines": self._lines.astype(np.int64),
            "ids": self.terms_.ids,
            "offsets": self.terms_.offsets.astype(np.int64),
        }
        hits = [[hit._asdict() for hit in hits] for hits in self.representative_]
        files = TopicFiles(
            parameters, self._columns, self._n_lines, hits, self.terms_.names, self.terms_.n_single, arrays
        )
        return write_topics(Path(path), files, self._maker, overwrite=overwrite)

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Topics:
        """Open saved topics.

        Raises
        ------
        ModelError
            If the folder is missing, of another kind, damaged or of a newer version.
        """
        files, maker = read_topics(path)
        topics, arrays = cls(**files.parameters), files.arrays
        topics._maker, topics._columns, topics._n_lines = maker, files.columns, files.n_lines
        topics._parts = Parts(*(arrays[name] for name in ("centroids", "limits", "owner", "parts")))
        topics._lines = arrays["lines"]
        topics.labels_, topics.similarities_ = arrays["labels"], arrays["similarities"]
        topics.terms_ = Terms(files.words, arrays["ids"], arrays["offsets"], files.n_single)
        topics._name()
        topics.representative_ = [Hits(Hit(**hit) for hit in hits) for hits in files.representative]
        return topics
