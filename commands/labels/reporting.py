"""Tables of a text classifier's results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from w2v.commands.shared.output import decimals, percent, print_table, say

if TYPE_CHECKING:
    from w2v.neural.tasks.labels.classification.measures import ClassificationReport

_MOST_CONFUSIONS = 12


def evaluate_labels(model: Path, files: Sequence[Path], columns: Mapping[str, Any]) -> dict[str, ClassificationReport]:
    """Return the report on each file of labelled texts; `columns` overrides the columns of training."""
    from w2v.neural.tasks.labels.classification.text_classifier import TextClassifier

    opened = TextClassifier.load(model)
    own = replace(opened.columns_, **columns)
    return {str(path): opened.evaluate(path, columns=own) for path in files}


def print_labels(reports: Mapping[str, ClassificationReport]) -> None:
    """Print a row per file, then the classes and confusions of each."""
    rows = [
        (
            path,
            f"{len(report):,}",
            percent(report.accuracy),
            percent(report.macro_f1),
            percent(report.micro_f1),
            decimals(report.loss),
            percent(report.calibration_error),
        )
        for path, report in reports.items()
    ]
    header = ["labels", ">texts", ">accuracy", ">macro F1", ">micro F1", ">loss", ">calibration error"]
    print_table(header, rows)
    for path, report in reports.items():
        click.echo()
        print_classes(path, report.to_dict())
        for label, count in report.unknown.items():
            say(f"{path}: {count:,} texts have the label {label}, unknown to the model; they count as wrong")


def print_classes(title: str, report: Mapping[str, Any]) -> None:
    """Print precision and recall by class, and the confusion matrix if there are few classes."""
    rows = [
        [str(one["label"]), f"{one['texts']:,}", *(percent(one[name]) for name in ("precision", "recall", "f1"))]
        for one in report["by_class"]
    ]
    header = [title, ">texts", ">precision", ">recall", ">F1"]
    confusion = report["confusion"]
    if confusion is not None and len(confusion) <= _MOST_CONFUSIONS:
        header += [f">as {label}" for label in report["classes"]]
        rows = [[*row, *(f"{n:,}" for n in taken)] for row, taken in zip(rows, confusion, strict=True)]
    print_table(header, rows)
