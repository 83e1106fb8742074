"""Topics over time: the size and keywords of each topic in each period."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.display.frames import frame_of
from w2v.display.html import html_table
from w2v.encoder.retrieval.keywords.terms import Terms
from w2v.encoder.retrieval.keywords.weights import heaviest, weighed
from w2v.encoder.retrieval.topics.dates import Times

if TYPE_CHECKING:
    from pandas import DataFrame


class Period(NamedTuple):
    """A topic in one time bin.

    Attributes
    ----------
    topic : int
        -1 means the outliers.
    start, stop : str
        Start and end (exclusive) in ISO 8601 format; only the date if all bins start at midnight.
    size : int
        Number of the topic's sentences in the bin.
    fraction : float
        Fraction of all sentences in the bin.
    keywords : list of str
        Keywords of the topic in this bin.
    """

    topic: int
    start: str
    stop: str
    size: int
    fraction: float
    keywords: list[str]


class Periods(list[Period]):
    """Topics over time, sorted by topic and time: a list that notebooks show as a table.

    Attributes
    ----------
    n_undated : int
        Number of sentences without a date, which are left out.
    """

    __slots__ = ("n_undated",)

    def __init__(self, rows: list[Period], n_undated: int = 0) -> None:
        super().__init__(rows)
        self.n_undated = n_undated

    def to_pandas(self) -> DataFrame:
        """Return a data frame with the fields of `Period` as columns; ImportError without pandas."""
        return frame_of(self, Period._fields)

    def _repr_html_(self) -> str:
        rows = [
            (str(row.topic), row.start, f"{row.size:,}", f"{row.fraction:.1%}", ", ".join(row.keywords)) for row in self
        ]
        return html_table((">topic", "from", ">sentences", ">of all", "keywords"), rows)


def periods(
    terms: Terms,
    labels: NDArray[np.int32],
    n_topics: int,
    places: NDArray[np.int64],
    borders: Times,
    rarities: NDArray[np.float64],
    n_words: int,
) -> Periods:
    """Return the size and keywords of each topic in each bin, outliers first.

    Parameters
    ----------
    terms : Terms
        Words of the S sentences.
    labels : ndarray of shape (S,), int32
        Their topics, -1 for outliers.
    places, borders
        See `binned`.
    rarities : ndarray of shape (V,)
        Word weights.
    """
    n_bins = len(borders) - 1
    cell = np.where(places >= 0, (labels.astype(np.int64) + 1) * n_bins + places, -1)
    counts = np.bincount(cell[cell >= 0], minlength=(n_topics + 1) * n_bins)
    in_bin = np.maximum(counts.reshape(-1, n_bins).sum(axis=0), 1)
    words = heaviest(weighed(terms.in_groups(cell, len(counts)), rarities), terms.names, n_words)
    shown = _shown(borders)
    rows = [
        Period(
            number // n_bins - 1,
            shown[number % n_bins],
            shown[number % n_bins + 1],
            count,
            count / int(in_bin[number % n_bins]),
            words[number] if number >= n_bins else [],
        )
        for number, count in enumerate(counts.tolist())
    ]
    has_outliers = bool((labels < 0).any())
    return Periods(rows if has_outliers else rows[n_bins:], int((places < 0).sum()))


def _shown(borders: Times) -> list[str]:
    """Return times in ISO 8601 format, without the time of day if all are at midnight."""
    days = borders.astype("datetime64[D]")
    return [str(one) for one in (days if (days == borders).all() else borders)]
