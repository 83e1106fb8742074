"""`w2v fit-classifier` and `w2v classify`: text classification."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from w2v.commands.labels.columns import text_column_options
from w2v.commands.labels.reporting import print_classes
from w2v.commands.labels.starting import opened_start, start_option
from w2v.commands.shared.fitting import fit_options, train_network
from w2v.commands.shared.long_help import LongCommand
from w2v.commands.shared.option_names import refuse_given
from w2v.commands.shared.options import (
    errors_option,
    file_option,
    json_option,
    model_argument,
    number_option,
)
from w2v.commands.shared.output import json_text, say
from w2v.corpora.labels.labelled import TableColumns, is_table, read_unlabelled, without_labels
from w2v.corpora.readers import TextReader
from w2v.display.wording import printable
from w2v.neural.tasks.labels.classification.parameters import ClassifierParameters

if TYPE_CHECKING:
    from w2v.neural.tasks.labels.classification.text_classifier import TextClassifier

_AT_ONCE = 4096
_MOST_WORDS = 5


@click.command(
    "fit-classifier",
    cls=LongCommand,
    first="output resume validation text-column label-column multi-label vectors architecture layers hidden-size "
    "epochs max-time workers seed",
    epilog="""\b
Examples:
  w2v fit-classifier labels.tsv --output topics.classifier
  w2v fit-classifier train.csv --text-column title --text-column body --label-column topic --output topics.classifier
  w2v fit-classifier fasttext.train --output topics.classifier --max-n 5
  w2v fit-classifier train.tsv -v dev.tsv --output sentiment.classifier --vectors my.model --max-time 2m
  w2v fit-classifier train.tsv --start wiki.encoder --output sentiment.classifier
  w2v fit-classifier --resume sentiment.classifier""",
)
@click.argument("files", metavar="FILE...", nargs=-1)
@fit_options(
    "classifier", "Labelled texts for choosing and calibrating; by default, some of FILE. May be repeated.",
    ClassifierParameters,
)  # fmt: skip
@text_column_options
@file_option(
    "--vectors",
    metavar="MODEL",
    help="Word vectors: initial values of words; layers also read them as fixed inputs, stored in the model.",
)
@start_option
@errors_option
def fit_classifier(
    files: tuple[str, ...],
    validation: tuple[str, ...],
    text_column: tuple[str, ...],
    label_column: str | None,
    label_separator: str | None,
    vectors: Path | None,
    start: Path | None,
    errors: str,
    **options: Any,
) -> None:
    """Train a classifier on labelled texts.

    FILE has lines of a label, a tab and a text, or fastText's __label__ and a text; or it is a CSV, TSV or JSON lines
    table, whose columns you name. A text may have several labels.

    Without layers, it is fastText's classifier: a linear model on the mean of words and word n-grams. With --max-time,
    it also tries layers, naive Bayes and mixtures, and keeps what classifies held-out texts best.

    During training with --layers, the output holds the best of the last checkpoint. Ctrl-C and SIGTERM save once more.
    `--resume DIR` continues and ends with exactly the same model.
    """
    from w2v.neural.tasks.labels.classification.text_classifier import TextClassifier

    def begin(model: TextClassifier) -> Callable[..., object]:
        columns = TableColumns(text_column, label_column, label_separator, errors)
        return partial(
            model.fit, [Path(name) for name in files], validation=list(validation) or None, columns=columns,
            vectors=vectors, start=opened_start(start, options),
        )  # fmt: skip

    as_json = options["as_json"]
    model = train_network(TextClassifier, files, "FILE", options, begin, _facts)
    if not as_json and model.validation_:
        click.echo()
        print_classes("held out", model.validation_)


def _facts(model: TextClassifier) -> dict[str, Any]:
    calibration = model.calibration_
    metadata = model.network_.metadata
    facts = {"texts": metadata["texts"], "classes": len(model.classes_)}
    if calibration.error is not None:
        facts |= {
            "calibration_error": calibration.error, "calibration_error_before": calibration.error_before,
            "temperature": calibration.temperature,
        }  # fmt: skip
    if metadata.get("chosen"):
        facts["chosen"] = metadata["chosen"]
    return facts


@click.command(
    epilog="""\b
Examples:
  w2v classify topics.classifier news.txt > labelled.tsv
  echo "a ship at sea" | w2v classify topics.classifier
  w2v classify topics.classifier news.txt --top 3 --json
  w2v classify topics.classifier news.txt --why""",
)
@model_argument
@click.argument("files", metavar="[FILE]...", nargs=-1)
@number_option("--top", default=1, help="With --json: number of most probable labels per line.")
@click.option("--why", is_flag=True, help="Show how much each word adds to the log-odds of the label.")
@click.option(
    "--text-column", multiple=True, metavar="NAME",
    help="FILE is a CSV, TSV or JSON lines table: column of the texts. May be repeated; the columns are joined.",
)  # fmt: skip
@errors_option
@json_option
def classify(
    model: Path,
    files: tuple[str, ...],
    top: int,
    why: bool,
    text_column: tuple[str, ...],
    errors: str,
    as_json: bool,
) -> None:
    """Classify each line of files, or of standard input.

    Each output line has the label, its probability and the text, separated by tabs; several labels are separated by
    commas. --why adds the words that contribute most. --json prints one object per line. fastText's __label__ marks are
    no part of a text.
    """
    if not as_json:
        refuse_given(("top",), "needs --json: without it, each line has one answer")
    from w2v.neural.tasks.labels.classification.text_classifier import TextClassifier

    if text_column:
        lines = iter(read_unlabelled(files or "-", TableColumns(text_column, errors=errors)))
    else:
        if tables := [name for name in files if is_table(name)]:
            say(f"{tables[0]} is read as lines of text; --text-column NAME reads one of its columns.")
        lines = map(without_labels, TextReader(files or "-", errors=errors).lines())
    opened = TextClassifier.load(model)
    while texts := list(islice(lines, _AT_ONCE)):
        for text, answer in zip(texts, opened.explain(texts), strict=True):
            words = opened.contributions(text) if why else []
            if as_json:
                probable = [{"label": label, "probability": p} for label, p in answer.probable(top)]
                found: dict[str, Any] = {"text": text, "labels": list(answer.labels), "probable": probable}
                click.echo(json_text(found | ({"words": words} if why else {})))
            else:
                labels = ",".join(printable(str(label)) for label in answer.labels)
                shown = [printable(text) if sys.stdout.isatty() else text]
                shown += [", ".join(f"{word} {x:+.1f}" for word, x in _strongest(words))] if why else []
                click.echo("\t".join((labels, f"{answer.probability:.3f}", *shown)))


def _strongest(words: list[tuple[str, float]]) -> list[tuple[str, float]]:
    """Return the words that contribute most to a label, each once."""
    return sorted(dict(words).items(), key=lambda one: -one[1])[:_MOST_WORDS]
