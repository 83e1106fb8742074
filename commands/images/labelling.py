"""`w2v label-images`: labels of pictures, attention maps and accuracy."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from w2v.commands.shared.option_names import refuse_given
from w2v.commands.shared.options import (
    file_option,
    json_option,
    model_argument,
    number_option,
    overwrite_option,
    workers_option,
)
from w2v.commands.shared.output import json_text, note_missing_glyphs, say
from w2v.display.wording import printable
from w2v.plots import check_picture_path, save_figure


@click.command(
    "label-images",
    epilog="""\b
Examples:
  w2v label-images flowers.images garden.jpg
  w2v label-images flowers.images garden/*.jpg --top 3
  w2v label-images mnist.images mnist/t10k-images-idx3-ubyte.gz --confusion mistakes.png
  w2v label-images mnist.images mnist/t10k-images-idx3-ubyte.gz --wrong
  w2v label-images digits.images 'digits#7' --attention look.png""",
)
@model_argument
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@number_option("--top", default=1, help="Show the N most probable labels of each picture.")
@click.option("--wrong", is_flag=True, help="Show only wrongly labelled pictures; needs known labels.")
@file_option("--attention", help="Draw the attention over the first pictures, at most 16, to FILE.png.")
@number_option("--layer", unset="the last", help="With --attention: number of the layer.")
@file_option("--confusion", help="Draw the confusion matrix to FILE.png; needs known labels.")
@workers_option
@overwrite_option
@json_option
def label_images(
    model: Path,
    files: tuple[str, ...],
    top: int,
    wrong: bool,
    attention: Path | None,
    layer: int | None,
    confusion: Path | None,
    workers: int | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Label pictures: print name, label and probability, one picture per line.

    FILE is a picture, or a folder or file of many, as for `w2v fit-images`; FILE#N is picture N of a file, from 0. If
    the labels are known, the command prints the accuracy on standard error.
    """
    if attention is None:
        refuse_given(("layer",), "selects what --attention FILE draws")
    import numpy as np

    from w2v.neural.tasks.images.classifier import ImageClassifier
    from w2v.neural.tasks.images.data import comparable

    for path in (attention, confusion):
        if path is not None:
            check_picture_path(path, overwrite)
    classifier = ImageClassifier.load(model)
    pictures = classifier.pictures(files[0] if len(files) == 1 else list(files))
    if (wrong or confusion is not None) and pictures.labels is None:
        raise click.ClickException(f"{files[0]} has no labels to compare with.")
    probabilities = classifier.predict_proba(pictures, workers=workers)
    found = classifier.classes_[probabilities.argmax(axis=1)]
    right, known = None, pictures.labels
    if known is not None:
        found, known = comparable(found, known)
        right = found == known
    if attention is not None or confusion is not None:
        from w2v.neural.tasks.images import plots

        first = pictures.take(np.arange(min(len(pictures), plots.MOST_DRAWN)))
        _draw(lambda: plots.plot_attention(classifier, first, layer=layer), attention, overwrite)
        _draw(lambda: plots.plot_confusion(np.asarray(known), found), confusion, overwrite)
    rows = np.arange(len(pictures)) if right is None or not wrong else np.flatnonzero(~right)
    order = (-probabilities[rows]).argsort(axis=1, kind="stable")[:, :top]
    for row, best in zip(rows.tolist(), order.tolist(), strict=True):
        pairs = [(classifier.classes_[k].item(), float(probabilities[row, k])) for k in best]
        expected = None if known is None else known[row].item()
        click.echo(_as_json(pictures.names[row], pairs, expected) if as_json else
                   _as_line(pictures.names[row], pairs, expected if wrong else None))  # fmt: skip
    if right is not None:
        say(f"accuracy {100 * right.mean():.2f} % of {len(right):,} pictures, {int((~right).sum()):,} wrong")


def _as_json(name: str, pairs: list[tuple[Any, float]], expected: Any) -> str:
    shown = [{"label": label, "probability": probability} for label, probability in pairs]
    return json_text({"picture": name, **({} if expected is None else {"expected": expected}), "labels": shown})


def _as_line(name: str, pairs: list[tuple[Any, float]], instead_of: Any) -> str:
    cells = [name, *(cell for label, probability in pairs for cell in (str(label), f"{probability:.4f}"))]
    line = "\t".join([*cells, *([] if instead_of is None else [f"not {instead_of}"])])
    return printable(line) if sys.stdout.isatty() else line


def _draw(draw: Callable[[], Any], path: Path | None, overwrite: bool) -> None:
    if path is None:
        return
    with note_missing_glyphs():
        figure = draw()
    save_figure(figure, path, overwrite=overwrite)
    say(f"Drawn: {path}")
