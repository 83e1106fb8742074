"""Two encoders on the same sentences: their difference, and the tables that `w2v evaluate` prints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from w2v.commands.shared.output import (
    decimals,
    percent,
    print_table,
)

if TYPE_CHECKING:
    from w2v.encoder.evaluation.reports import Difference, Report

    Reports: TypeAlias = Mapping[str, Mapping[str, Report]]  # of every file, by kind


class _Compared(NamedTuple):
    """The difference between two encoders on one or more files, and on the genres of the file."""

    whole: Difference
    genres: dict[str, Difference]

    def to_dict(self) -> dict[str, Any]:
        """Return the figures in JSON types."""
        genres = {name: found.to_dict() for name, found in self.genres.items()}
        return {**self.whole.to_dict(), **({"genres": genres} if genres else {})}


def compare(reports: Reports, others: Reports) -> dict[str, dict[str, _Compared]]:
    """Return the difference on every file, and the mean over the files of a kind if there are several."""
    from w2v.encoder.evaluation.reports import compare

    differences: dict[str, dict[str, _Compared]] = {}
    for kind, files in reports.items():
        differences[kind] = {}
        for path, report in files.items():
            beside = _genres(others[kind][path])
            genres = {name: compare([part], [beside[name]]) for name, part in _genres(report).items()}
            differences[kind][path] = _Compared(compare([report], [others[kind][path]]), genres)
        if len(files) > 1:
            both = list(files.values()), [others[kind][path] for path in files]
            differences[kind]["mean"] = _Compared(compare(*both), {})
    return differences


def _genres(report: Report) -> Mapping[str, Report]:
    """Return the reports of the genres of scored pairs."""
    from w2v.encoder.evaluation.reports import StsReport

    return report.by_genre if isinstance(report, StsReport) else {}


def print_sentences(
    model: str, reports: Reports, others: Reports, differences: Mapping[str, Mapping[str, _Compared]]
) -> None:
    """Print one row per file, its genres below, and the difference to another encoder with its confidence interval."""
    figures = {"sts": "Spearman", "classify": "accuracy", "word_order": "accuracy, chance 50 %"}
    for kind, files in reports.items():
        header = [kind.replace("_", " "), ">number", f">{figures[kind]}"]
        header += [">Pearson"] if kind == "sts" else []
        header += [">against", ">difference", ">95 % of draws"] if others else []
        rows = []
        for path, report in files.items():
            other = others[kind][path] if others else None
            found = differences[kind][path] if others else None
            rows.append(_row(path, kind, report, other, None if found is None else found.whole))
            beside = {} if other is None else _genres(other)
            for name, part in _genres(report).items():
                genre, _, file = name.partition("/")
                shown = f"    {file}" if file else f"  {genre}"
                rows.append(_row(shown, kind, part, beside.get(name), None if found is None else found.genres[name]))
        if len(files) > 1:
            sides = [reports, others] if others else [reports]
            means = [_shown(sum(one.figure for one in side[kind].values()) / len(files), kind) for side in sides]
            row = ["mean of the files", "", means[0], *([""] if kind == "sts" else []), *means[1:]]
            rows.append([*row, *(_difference(differences[kind]["mean"].whole, kind) if others else [])])
        print_table(header, rows, title=model)


def _row(name: str, kind: str, report: Report, other: Report | None, found: Difference | None) -> list[str]:
    """Return the cells of a report, and of another encoder's report if there is one."""
    row = [name, f"{len(report):,}", _shown(report.figure, kind)]
    row += [decimals(getattr(report, "pearson", None))] if kind == "sts" else []
    return row if other is None or found is None else [*row, _shown(other.figure, kind), *_difference(found, kind)]


def _shown(figure: float, kind: str) -> str:
    return decimals(figure) if kind == "sts" else percent(figure)


def _difference(found: Difference, kind: str) -> list[str]:
    """Return the difference and its 95 % interval, in the unit of the measure."""
    scale, digits = (1, 3) if kind == "sts" else (100, 1)
    low, high = (f"{scale * value:+.{digits}f}" for value in (found.low, found.high))
    return [f"{scale * found.difference:+.{digits}f}", f"{low} … {high}"]
