"""A table of topics and their keywords."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from w2v.display.frames import frame_of
from w2v.display.html import html_table

if TYPE_CHECKING:
    from pandas import DataFrame


class TopicRow(NamedTuple):
    """A topic and its keywords.

    Attributes
    ----------
    topic : int
        From 0 in order of decreasing size; -1 means the outliers.
    size : int
        Number of sentences.
    name : str
        Its first keywords.
    keywords : list of str
        The best first.
    representative : list of str
        Sentences near its centre.
    """

    topic: int
    size: int
    name: str
    keywords: list[str]
    representative: list[str]


class TopicTable(list[TopicRow]):
    """One row per topic, outliers first if there are any: a list that notebooks show as a table."""

    __slots__ = ()

    def to_pandas(self) -> DataFrame:
        """Return a data frame with the fields of `TopicRow` as columns; ImportError without pandas."""
        return frame_of(self, TopicRow._fields)

    def _repr_html_(self) -> str:
        rows = [
            (str(row.topic), f"{row.size:,}", ", ".join(row.keywords), (row.representative or [""])[0]) for row in self
        ]
        return html_table((">topic", ">sentences", "keywords", "example"), rows)
