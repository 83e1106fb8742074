"""What a card is asked to hold, and what the cards of all kinds of models have in common."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from w2v.display.wording import is_number, seconds_in_words, size_in_words
from w2v.lazy import installed_version
from w2v.reports.blocks import Card, Code, Section
from w2v.reports.landscape import N_WORDS
from w2v.reports.measures import Evaluations, Measured

PathLike = str | os.PathLike[str]
Tell = Callable[[str], None]


@dataclass(frozen=True)
class CardOptions:
    """What a card says beyond what the model itself holds.

    Attributes
    ----------
    title : str, optional
        By default the name of the folder.
    words : sequence of str, default ()
        Whose nearest words are shown; by default keywords of the largest topics.
    sentences : path-like, optional
        A file of sentences, one a line, some of which are shown with those nearest to them.
    map_words : int, default 360
        So many words at most on the map; 0 leaves it out.
    language, license : str, default ""
        Code of the language of the text, and identifier of the licence that the model is given away under.
    tags, datasets : sequence of str, default ()
        Further tags, and the hub's names of what it was trained on.
    """

    title: str | None = None
    words: Sequence[str] = ()
    map_words: int = N_WORDS
    language: str = ""
    license: str = ""
    tags: Sequence[str] = ()
    datasets: Sequence[str] = ()
    sentences: PathLike | None = None

    def __post_init__(self) -> None:
        if self.map_words < 0:
            raise ValueError(f"map_words must not be negative, but is {self.map_words}")


class Request(NamedTuple):
    """What a card is to hold, and the folder of its model, if that is in one."""

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
    """Return a card of those facts and sections that there are; `hub` is the hub's name of the use, and tags."""
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
    """Return the name of the model's folder, or another."""
    return otherwise if folder is None else folder.resolve().name


def shell(*commands: str) -> Code:
    """Return commands of w2v to be typed."""
    return Code("\n".join(f"$ w2v {command}" for command in commands), "console")


def duration(history: Sequence[Mapping[str, Any]]) -> str | None:
    """Return how long the training took, if that is known."""
    seconds = history[-1].get("seconds") if history else None
    return seconds_in_words(seconds) if is_number(seconds) else None


def size_on_disk(folder: Path | None) -> str | None:
    """Return how much the folder takes on the disk."""
    if folder is None:
        return None
    return size_in_words(sum(file.stat().st_size for file in folder.iterdir() if file.is_file()))
