"""The blocks of a report, independent of the output format: sections of paragraphs, tables, curves and a map.

All text here is plain: `w2v.reports.page` and `w2v.reports.markdown` escape it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Paragraph:
    """Running text."""

    text: str


@dataclass(frozen=True)
class Bullets:
    """Sentences that stand on their own."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class Code:
    """Lines of code in a `language`, python or console."""

    text: str
    language: str


@dataclass(frozen=True)
class Table:
    """Rows of cells. A column whose name starts with ">" is aligned to the right.

    With `is_detail`, the table is folded until the reader opens it.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""
    is_detail: bool = False


@dataclass(frozen=True)
class Series:
    """One curve: at least one finite point, in order of x."""

    name: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Curves:
    """Curves over one pair of axes, and points to mark on them; `name` is the file of the picture."""

    name: str
    title: str
    x_label: str
    y_label: str
    series: tuple[Series, ...]
    best: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class MapPoint:
    """A word on the map, where y grows upwards.

    `group` is of `WordMap.groups`; words of larger weight are labelled first.
    """

    word: str
    x: float
    y: float
    group: int
    weight: float


@dataclass(frozen=True)
class WordMap:
    """Words on the plane, in groups named by a few of their words.

    `name` is the file of the picture; the caption explains the distances.
    """

    name: str
    title: str
    groups: tuple[str, ...]
    points: tuple[MapPoint, ...]
    caption: str


@dataclass(frozen=True)
class Matrix:
    """A confusion matrix, true labels by row and predicted ones by column; `name` is the file of the picture."""

    name: str
    title: str
    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Tiles:
    """Small pictures, as the bytes of PNG files, each with its caption; `name` is the file of the picture."""

    name: str
    title: str
    pictures: tuple[tuple[bytes, str], ...]


Block = Paragraph | Bullets | Code | Table | Curves | WordMap | Matrix | Tiles
DRAWN = (Curves, WordMap, Matrix, Tiles)
"""The blocks that are pictures."""


@dataclass(frozen=True)
class Section:
    """A heading and its blocks."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Result:
    """A finite figure for the Hub; task and metric are the Hub's names."""

    task: str
    dataset: str
    metric: str
    value: float


@dataclass(frozen=True)
class Card:
    """A report.

    Attributes
    ----------
    title : str
    kind : str
        What the model is, in two or three words.
    summary : str
        One or two sentences.
    facts : tuple of (str, str)
        The most important figures, each with its name.
    sections : tuple of Section
    pipeline_tag : str
        The Hub's pipeline tag.
    tags : tuple of str
    results : tuple of Result
    language, license : str, default ""
        Code of the language of the text, and identifier of the licence; empty if unknown.
    datasets : tuple of str, default ()
        The Hub's names of the training data.
    version : str, default ""
        Version of the toolkit that made the report.
    """

    title: str
    kind: str
    summary: str
    facts: tuple[tuple[str, str], ...]
    sections: tuple[Section, ...]
    pipeline_tag: str
    tags: tuple[str, ...]
    results: tuple[Result, ...] = ()
    language: str = ""
    license: str = ""
    datasets: tuple[str, ...] = ()
    version: str = ""
