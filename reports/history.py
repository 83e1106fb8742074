"""Training curves, and what was measured on the way."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from w2v.display.wording import in_words, is_number
from w2v.reports.blocks import Block, Curves, Paragraph, Section, Series, Table

Record = Mapping[str, Any]
_Kind = tuple[str, str, str, tuple[tuple[str, str], ...]]
"""Name, title and unit of a picture, and the entries of a record that it shows with what they are called."""

_MOST_ROWS, _MOST_COLUMNS = 40, 12
_NOT_SHOWN = ("kept", "pairs", "words")
_WORDS: tuple[_Kind, ...] = (
    ("training", "Loss", "nats a pair", (("loss", "training"), ("holdout_loss", "held-out text"))),
    ("quality", "Quality while training", "fraction, correlation",
     (("analogies", "analogies, accuracy"), ("word_pairs", "word pairs, Spearman"))),
)  # fmt: skip
_LOSSES = {"held_out_loss": "held-out sentences", "neighbors_loss": "neighbouring sentences"}


def training_section(history: Sequence[Record], along: str) -> Section | None:
    """Return the curves of a training and its figures, or None if none was recorded.

    `along` runs along the horizontal axis: epochs of word vectors, steps of an encoder. What is no finite number in the
    history, which a model folder held, is passed over.
    """
    if not history:
        return None
    blocks: list[Block] = []
    kinds = _WORDS if along == "epoch" else _curves_of_encoder(history)
    for name, title, unit, entries in kinds:
        series = tuple(Series(shown, points) for entry, shown in entries if (points := _points(history, along, entry)))
        if any(len(one.points) > 1 for one in series):
            best = tuple(
                (entry[along], entry["held_out_loss"])
                for entry in [record for record in history if record.get("best") is True][-1:]
                if is_number(entry.get(along)) and is_number(entry.get("held_out_loss"))
            )
            blocks.append(Curves(name, title, along, unit, series, best))
    names = [name for name in dict.fromkeys(name for record in history for name in record) if name not in _NOT_SHOWN]
    names = names[:_MOST_COLUMNS]
    shown = history if len(history) <= _MOST_ROWS else history[:: math.ceil(len(history) / _MOST_ROWS)]
    rows = tuple(tuple(in_words(record.get(name)) for name in names) for record in shown)
    header = tuple(f">{name.replace('_', ' ')}" for name in names)
    blocks.append(Table(header, rows, f"Measured after each {along}", is_detail=bool(blocks)))
    if any(record.get("best") is True for record in history):
        blocks.append(Paragraph("The ring marks what was kept: the lowest loss on held-out sentences."))
    return Section("Training", tuple(blocks))


def _curves_of_encoder(history: Sequence[Record]) -> list[_Kind]:
    """Return what to draw of an encoder's history: every loss in it."""
    losses = [name for name in dict.fromkeys(name for record in history for name in record) if name.endswith("_loss")]
    entries = tuple((name, _LOSSES.get(name, name.removesuffix("_loss"))) for name in losses)
    return [("training", "Loss", "nats a sentence", entries)]


def _points(history: Sequence[Record], along: str, entry: str) -> tuple[tuple[float, float], ...]:
    """Return where an entry was recorded; of several stages the last, since the steps of each begin at 0."""
    points: list[tuple[float, float]] = []
    for record in history:
        x, y = record.get(along), record.get(entry)
        if is_number(x) and is_number(y):
            if points and x <= points[-1][0]:
                points.clear()
            points.append((float(x), float(y)))
    return tuple(points)


def records(value: object) -> list[dict[str, Any]]:
    """Return the objects of a list that JSON held, none if it is no list."""
    return [record for record in value if isinstance(record, dict)] if isinstance(value, list) else []
