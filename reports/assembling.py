"""Options of model cards, and the parts common to the cards of all kinds of models."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from w2v.display.wording import is_number, seconds_in_words, size_in_words
from w2v.lazy import installed_version
from w2v.reports.blocks import Card, Code, Section
from w2v.reports.measures import Evaluations, Measured

PathLike = str | os.PathLike[str]
Tell = Callable[[str], None]


@dataclass(frozen=True)
class CardOptions:
    """Options of a card.

    Attributes
    ----------
    title : str, optional
        By default the name of the folder.
    words : sequence of str, default ()
        Words whose nearest words are shown; by default keywords of the largest topics.
    sentences : path-like, optional
        A file of sentences, one per line; some are shown with their nearest sentences.
    map_words : int, optional
        Maximum number of words on the map, by default 360; 0 leaves the map out.
    language, license : str, default ""
        Code of the language of the text, and identifier of the model's licence.
    tags, datasets : sequence of str, default ()
        Further tags, and the Hub's names of the training data.
    """

    title: str | None = None
    words: Sequence[str] = ()
    map_words: int | None = None
    language: str = ""
    license: str = ""
    tags: Sequence[str] = ()
    datasets: Sequence[str] = ()
    sentences: PathLike | None = None

    def __post_init__(self) -> None:
        if self.map_words is not None and self.map_words < 0:
            raise ValueError(f"map_words must not be negative, but is {self.map_words}")


class Request(NamedTuple):
    """The requested contents of a card, and the folder of its model, if there is one."""

    folder: Path | None
    files: Evaluations
    options: CardOptions
    tell: Tell


def make_card(
    kind: str,
    summary: str,
    facts: Sequence[tuple[str, str | None]],
    sections: Sequence[Section | None],
    hub: tuple[str, tuple[str, ...]],
    measured: Measured,
    request: Request,
) -> Card:
    """Return a card of the available facts and sections; `hub` has the Hub's pipeline tag, and further tags."""
    (pipeline_tag, tags), folder, options = hub, request.folder, request.options
    return Card(
        options.title or (kind if folder is None else folder.resolve().stem) or kind,
        kind,
        summary,
        tuple((name, value) for name, value in facts if value is not None),
        tuple(section for section in sections if section is not None),
        pipeline_tag,
        (*tags, *options.tags),
        tuple(measured.results),
        options.language,
        options.license,
        tuple(options.datasets),
        installed_version(),
    )


def name_of(folder: Path | None, otherwise: str) -> str:
    """Return the name of the model's folder, or a default."""
    return otherwise if folder is None else folder.resolve().name


def shell(*commands: str) -> Code:
    """Return a block of w2v commands."""
    return Code("\n".join(f"$ w2v {command}" for command in commands), "console")


def duration(history: Sequence[Mapping[str, Any]]) -> str | None:
    """Return the training time, if it is known."""
    seconds = history[-1].get("seconds") if history else None
    return seconds_in_words(seconds) if is_number(seconds) else None


def size_on_disk(folder: Path | None) -> str | None:
    """Return the size of the folder on disk."""
    if folder is None:
        return None
    return size_in_words(sum(file.stat().st_size for file in folder.iterdir() if file.is_file()))
