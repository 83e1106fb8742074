"""Training curves of a report."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from w2v.display.wording import in_words, is_number
from w2v.reports.blocks import Block, Curves, Paragraph, Section, Series, Table

Record = Mapping[str, Any]


class Picture(NamedTuple):
    """Curves from a history: the entries of its records to draw, and the horizontal axis."""

    name: str
    title: str
    unit: str
    entries: tuple[tuple[str, str], ...]  # with their names
    along: str
    label: str
    scale: float = 1.0  # divisor of `along`
    floor: tuple[str, float] | None = None  # a reference line


_MOST_ROWS, _MOST_COLUMNS = 40, 12
_LONG = 300
"""Seconds above which time is shown in minutes."""
_NOT_SHOWN = ("kept", "pairs", "words")
_WORDS = (
    Picture(
        "training", "Loss", "mean over pairs",
        (("loss", "training"), ("holdout_loss", "held-out text")), "epoch", "epoch",
    ),
    Picture(
        "quality", "Quality while training", "fraction, correlation",
        (("analogies", "analogies, accuracy"), ("word_pairs", "word pairs, Spearman")), "epoch", "epoch",
    ),
)  # fmt: skip
_LOSSES = {"held_out_loss": "held-out sentences", "neighbors_loss": "neighbouring sentences"}


def training_section(
    history: Sequence[Record],
    along: str,
    pictures: Sequence[Picture] | None = None,
    kept: str = "the lowest held-out loss",
) -> Section | None:
    """Return the curves and figures of a training, or None if none was recorded.

    `along` is the unit of progress: epochs for word vectors, steps for networks. By default, `pictures` are those of
    word vectors or of an encoder; `kept` is the criterion for the best parameters. Values of the history that are not
    finite numbers are skipped, since it comes from a model folder.
    """
    if not history:
        return None
    if pictures is None:
        pictures = _WORDS if along == "epoch" else _pictures_of_encoder(history)
    blocks: list[Block] = [drawn for picture in pictures if (drawn := _draw(history, picture)) is not None]
    names = [name for name in dict.fromkeys(name for record in history for name in record) if name not in _NOT_SHOWN]
    names = names[:_MOST_COLUMNS]
    shown = history if len(history) <= _MOST_ROWS else history[:: math.ceil(len(history) / _MOST_ROWS)]
    rows = tuple(tuple(in_words(record.get(name)) for name in names) for record in shown)
    header = tuple(f">{name.replace('_', ' ')}" for name in names)
    blocks.append(Table(header, rows, f"Measured after each {along}", is_detail=bool(blocks)))
    if any(record.get("best") is True for record in history):
        blocks.append(Paragraph(f"The ring marks the parameters that were kept, chosen by {kept}."))
    return Section("Training", tuple(blocks))


def _pictures_of_encoder(history: Sequence[Record]) -> list[Picture]:
    """Return the curves of an encoder's history: all losses in it."""
    losses = [name for name in dict.fromkeys(name for record in history for name in record) if name.endswith("_loss")]
    entries = tuple((name, _LOSSES.get(name, name.removesuffix("_loss"))) for name in losses)
    return [Picture("training", "Loss", "nats per sentence", entries, "step", "step")]


def pictures_of_text(history: Sequence[Record], floor: object = None) -> list[Picture]:
    """Return the curves of a translator's or a language model's history, by step and by time.

    `floor` is the loss of the n-grams.
    """
    seconds = history[-1].get("seconds") if history else None
    label, scale = ("minutes", 60.0) if is_number(seconds) and seconds >= _LONG else ("seconds", 1.0)
    losses = (("plain_loss", "training"), ("held_out_loss", "held-out text"))
    lowest = ("n-grams", float(floor)) if is_number(floor) else None
    by_step = [
        Picture("training", "Loss", "nats per token", losses, "step", "step", floor=lowest),
        Picture("quality", "BLEU", "BLEU", (("bleu", "held-out lines"),), "step", "step"),
    ]
    by_time = [
        picture._replace(
            name=f"{picture.name}-time", title=f"{picture.title} by time", along="seconds", label=label, scale=scale
        )
        for picture in by_step
    ]
    return by_step + by_time


def pictures_of_labels(history: Sequence[Record], figure: str) -> list[Picture]:
    """Return the curves of a classifier's or tagger's history; `figure` is the criterion for the best parameters."""
    loss = "plain_loss" if any("plain_loss" in record for record in history) else "loss"
    losses = ((loss, "training"), ("held_out_loss", "held out"))
    return [
        Picture("training", "Loss", "nats", losses, "step", "step"),
        Picture("quality", figure.capitalize(), figure, ((figure, "held out"),), "step", "step"),
    ]


def _draw(history: Sequence[Record], picture: Picture) -> Curves | None:
    """Return the curves, with a ring around the best parameters; None if there are fewer than two points."""
    series = [Series(shown, points) for entry, shown in picture.entries if (points := _points(history, picture, entry))]
    if not any(len(one.points) > 1 for one in series):
        return None
    names = [entry for entry, _ in picture.entries]
    kept = "held_out_loss" if "held_out_loss" in names else names[0]
    best = _points([record for record in history if record.get("best") is True][-1:], picture, kept)
    if picture.floor is not None:
        name, height = picture.floor
        xs = [x for one in series for x, _ in one.points]
        series.append(Series(name, ((min(xs), height), (max(xs), height))))
    return Curves(picture.name, picture.title, picture.label, picture.unit, tuple(series), best)


def _points(history: Sequence[Record], picture: Picture, entry: str) -> tuple[tuple[float, float], ...]:
    """Return the values of an entry; if there are several stages, of the last, since each counts steps from 0."""
    points: list[tuple[float, float]] = []
    for record in history:
        x, y = record.get(picture.along), record.get(entry)
        if is_number(x) and is_number(y):
            x = float(x) / picture.scale
            if points and x <= points[-1][0]:
                points.clear()
            points.append((x, float(y)))
    return tuple(points)


def records(value: object) -> list[dict[str, Any]]:
    """Return the objects in a list from JSON; empty if it is not a list."""
    return [record for record in value if isinstance(record, dict)] if isinstance(value, list) else []
