"""Sentences that were found, and where they came from."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from w2v.display.frames import frame_of
from w2v.display.html import html_table

if TYPE_CHECKING:
    from pandas import DataFrame


class Hit(NamedTuple):
    """A sentence that was found.

    Attributes
    ----------
    sentence : str
    similarity : float
        Cosine of its vector, as it is stored, with the query's.
    line : int
        Its line in the file, from 1; its place, from 1, among the texts that a program has added. Of equal sentences
        the first.
    file : str
        The file; empty for texts that a program has added.
    """

    sentence: str
    similarity: float
    line: int
    file: str


class Hits(list[Hit]):
    """What a query has found, the nearest first: a list, which a notebook shows as a table."""

    __slots__ = ()

    def to_pandas(self) -> DataFrame:
        """Return a data frame with the fields of `Hit` as columns; ImportError without pandas."""
        return frame_of(self, Hit._fields)

    def _repr_html_(self) -> str:
        rows = [(f"{hit.similarity:.3f}", hit.sentence, f"{hit.line:,}", hit.file) for hit in self]
        return html_table((">similarity", "sentence", ">line", "file"), rows)


class Place(NamedTuple):
    """A sentence and where it came from; see `Hit`.

    Attributes
    ----------
    sentence : str
    line : int
    file : str
    """

    sentence: str
    line: int
    file: str
