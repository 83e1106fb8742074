"""The table of topics: what each is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from w2v.display.frames import frame_of
from w2v.display.html import html_table

if TYPE_CHECKING:
    from pandas import DataFrame


class TopicRow(NamedTuple):
    """What a topic is about.

    Attributes
    ----------
    topic : int
        From 0 by falling size; -1 stands for the outliers.
    size : int
        How many sentences.
    name : str
        Its first keywords.
    keywords : list of str
        The most telling first.
    representative : list of str
        Sentences near to its centre.
    """

    topic: int
    size: int
    name: str
    keywords: list[str]
    representative: list[str]


class TopicTable(list[TopicRow]):
    """A row a topic, outliers first if there are any: a list, which a notebook shows as a table."""

    __slots__ = ()

    def to_pandas(self) -> DataFrame:
        """Return a data frame with the fields of `TopicRow` as columns; ImportError without pandas."""
        return frame_of(self, TopicRow._fields)

    def _repr_html_(self) -> str:
        rows = [
            (str(row.topic), f"{row.size:,}", ", ".join(row.keywords), (row.representative or [""])[0]) for row in self
        ]
        return html_table((">topic", ">sentences", "keywords", "example"), rows)
