"""`FoundTopics`: topics of texts, once they are found: named, counted, over time, as a tree."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.columns import checked_texts
from w2v.display.html import Html, html_facts
from w2v.encoder.model.inference import Output
from w2v.encoder.retrieval.hits import Hits
from w2v.encoder.retrieval.index.pictures import Maker, inference_of
from w2v.encoder.retrieval.keywords.terms import Keyword, Terms
from w2v.encoder.retrieval.keywords.weights import rarity
from w2v.encoder.retrieval.topics.dates import Times, Unit, binned, spread
from w2v.encoder.retrieval.topics.hierarchy import Hierarchy, Linkage, hierarchy_of
from w2v.encoder.retrieval.topics.parts import Parts
from w2v.encoder.retrieval.topics.periods import Periods, periods
from w2v.encoder.retrieval.topics.table import TopicRow, TopicTable
from w2v.settings.estimator import Estimator

if TYPE_CHECKING:
    from scipy.sparse import csr_array

NO_NAME = "no keywords"
_IN_NAME = 4  # words


class FoundTopics(Estimator):
    """What `Topics` knows after `fit`; see there for the attributes."""

    method: str
    workers: int | None
    labels_: NDArray[np.int32]
    similarities_: NDArray[np.float16]
    centers_: NDArray[np.float32]
    keywords_: list[list[Keyword]]
    representative_: list[Hits]
    terms_: Terms
    _maker: Maker
    _columns: int
    _parts: Parts
    _lines: NDArray[np.int64]
    _n_lines: int

    def predict(self, texts: Iterable[str]) -> NDArray[np.int32]:
        """Return the topic of each new text, that with the nearest centre, shape (S,), int32.

        -1 for texts without a known word and, after HDBSCAN, for texts farther from the centre than nearly all of the
        topic.

        Raises
        ------
        TypeError, ValueError
            As `w2v.corpora.columns.checked_texts` for texts.
        """
        self._check_fitted()
        inference, given = inference_of(self._maker, self.workers), checked_texts(texts)
        if not given:
            return np.empty(0, np.int32)
        return self._parts.topics(inference.encode(given, Output(truncate_dim=self._columns)))

    def __len__(self) -> int:
        return len(self.keywords_)

    @property
    def sizes_(self) -> NDArray[np.int64]:
        """Number of sentences of each topic, shape (K,), int64."""
        return np.bincount(self.labels_[self.labels_ >= 0], minlength=self._parts.n_topics)

    @property
    def n_outliers_(self) -> int:
        """Number of sentences in no topic."""
        return int((self.labels_ < 0).sum())

    @property
    def names_(self) -> list[str]:
        """The first keywords of each topic."""
        return [", ".join(word for word, _ in words[:_IN_NAME]) or NO_NAME for words in self.keywords_]

    def info(self) -> TopicTable:
        """Return one row per topic: its size, keywords and some of its sentences; outliers first."""
        self._check_fitted()
        rows = [
            TopicRow(topic, size, name, [word for word, _ in words], [hit.sentence for hit in hits])
            for topic, (size, name, words, hits) in enumerate(
                zip(self.sizes_.tolist(), self.names_, self.keywords_, self.representative_, strict=True)
            )
        ]
        outliers = [TopicRow(-1, self.n_outliers_, "outliers", [], [])] if self.n_outliers_ else []
        return TopicTable([*outliers, *rows])

    def over_time(self, dates: Times | Sequence[Any], *, bins: int | Unit = 10, n_words: int = 5) -> Periods:
        """Return the size and keywords of each topic over time.

        Parameters
        ----------
        dates : sequence of str, int, date, datetime or datetime64
            One per sentence, or one per line of the input; see `read_dates`. None or "" if unknown.
        bins : int or {"day", "month", "year"}, default 10
            Number of bins of equal length, or the length of a bin.
        n_words : int, default 5
            Keywords per topic and bin. Their weights are those of the topic, but with their frequency in the bin.

        Raises
        ------
        ValueError
            If the number of dates matches neither sentences nor lines, a date is invalid, none is known, or `bins` is
            out of range.
        """
        self._check_fitted()
        places, borders = binned(spread(dates, self._lines, self._n_lines), bins)
        return periods(self.terms_, self.labels_, len(self), places, borders, rarity(self._counts()), n_words)

    def _counts(self) -> csr_array:
        """Return the number of sentences of each topic, and of the outliers, that contain each word."""
        n_topics = len(self)
        labels = np.where(self.labels_ >= 0, self.labels_, n_topics)
        return self.terms_.in_groups(labels, n_topics + (1 if self.n_outliers_ else 0))

    def hierarchy(self, linkage: Linkage = "ward") -> Hierarchy:
        """Return the topics as a tree, by their centres; print it to see it.

        Parameters
        ----------
        linkage : {"ward", "average"}, default "ward"
            Which topics to merge: those that increase the variance least [1]_, or those with the largest mean cosine.

        Raises
        ------
        ValueError
            If `linkage` is unknown.

        References
        ----------
        .. [1] Ward 1963, Hierarchical grouping to optimize an objective function, JASA 58.
        """
        self._check_fitted()
        return hierarchy_of(self.centers_, self._counts(), self.terms_.names, self.names_, self.sizes_, linkage)

    def _repr_html_(self) -> str:
        if "labels_" not in vars(self):
            return html_facts("Topics", [("not fitted", repr(self))])
        facts = [
            ("topics", f"{len(self):,}"),
            ("sentences", f"{len(self.labels_):,}"),
            ("outliers", f"{self.n_outliers_:,}"),
            ("method", self.method),
        ]
        return Html(html_facts("Topics", facts) + self.info()._repr_html_())
