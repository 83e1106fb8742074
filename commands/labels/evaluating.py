"""`w2v evaluate --tags`: precision and recall of a tagger by label."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from w2v.commands.shared.output import percent, print_table

if TYPE_CHECKING:
    from w2v.neural.tasks.labels.spans import TagScores


def evaluate_tags(model: Path, files: Sequence[Path], columns: Mapping[str, Any]) -> dict[str, TagScores]:
    """Return a tagger's scores on each file; `columns` overrides the columns of training."""
    from w2v.neural.tasks.labels.tagging import Tagger

    tagger = Tagger.load(model)
    numbers = replace(tagger.column_numbers_, **columns)
    return {str(path): tagger.evaluate(path, column_numbers=numbers) for path in files}


def print_tag_scores(scores: dict[str, TagScores]) -> None:
    """Print a table for each file: each label, and all together."""
    for path, found in scores.items():
        header = [path, ">number", ">precision", ">recall", ">F1"]
        rows = [[name, f"{own.n_wanted:,}", percent(own.precision), percent(own.recall), percent(own.f1)]
                for name, own in _rows_of(found)]  # fmt: skip
        print_table(header, rows, title=f"{percent(found.accuracy)} of {found.n_words:,} words have the right tag")


def _rows_of(found: TagScores) -> Iterator[tuple[str, Any]]:
    yield from found.labels.items()
    if found.spans is not None:
        yield "all", found.spans
