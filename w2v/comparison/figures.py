"""The results of a comparison: runs, means and the cells of a table."""

from __future__ import annotations

import math
import os
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from w2v.comparison.contenders import PROGRAMS
from w2v.corpora.tokenizers import get_tokenizer
from w2v.display.html import html_table
from w2v.evaluation import AnalogyReport, PairsReport
from w2v.settings.parameters import Parameters

Kind = Literal["seconds", "count", "fraction", "correlation"]


@dataclass(frozen=True)
class Run:
    """The results of one program with one seed (None: its own choice); times as in `Trained`, reports by file."""

    seed: int | None
    vocabulary_size: int
    vocabulary_seconds: float
    training_seconds: float
    analogies: dict[str, AnalogyReport]
    pairs: dict[str, PairsReport]

    @property
    def total_seconds(self) -> float:
        """Wall-clock time from text to vectors."""
        return self.vocabulary_seconds + self.training_seconds

    def to_dict(self) -> dict[str, Any]:
        """Return the results in JSON types."""
        return vars(self) | {
            "total_seconds": self.total_seconds,
            "analogies": {path: report.to_dict()["total"] for path, report in self.analogies.items()},
            "pairs": {path: report.to_dict() for path, report in self.pairs.items()},
        }


@dataclass(frozen=True)
class Measure:
    """One figure for every program and seed; NaN if it could not be measured.

    `kind` determines its format. `heading` is the short name of the file used for evaluation, if any.
    """

    name: str
    kind: Kind
    values: dict[str, list[float]]
    heading: str = ""

    def mean(self, program: str) -> float:
        """Return the mean over the seeds."""
        return statistics.fmean(self.values[program])

    def deviation(self, program: str) -> float:
        """Return the standard deviation of a single run, estimated from the seeds; NaN if there is only one seed."""
        values = self.values[program]
        return statistics.stdev(values) if len(values) > 1 and all(map(math.isfinite, values)) else math.nan

    def ratio(self, program: str) -> float:
        """Return the ratio of a program's mean to ours."""
        ours = self.mean("w2v")
        return self.mean(program) / ours if ours else math.nan

    @property
    def is_quality(self) -> bool:
        """Whether it measures the quality of the vectors."""
        return self.kind in ("fraction", "correlation")


@dataclass(frozen=True)
class Comparison:
    """Several programs side by side.

    Attributes
    ----------
    parameters : Parameters
        The parameters of all programs; `workers` is resolved, and `random_state` is the first seed.
    n_words : int
        Number of words in the text, including those below `min_count`.
    compile_seconds : float
        Time to compile our kernels (short if they are cached), which is not counted in the runs.
    titles : dict of str to str
        Name and version of each program by key; ours is "w2v" and comes first.
    runs : dict of str to list of Run
        By program, one run for each seed.
    """

    parameters: Parameters
    n_words: int
    compile_seconds: float
    titles: dict[str, str]
    runs: dict[str, list[Run]]

    @property
    def seeds(self) -> list[int | None]:
        """The seeds, in the order of the runs."""
        return [run.seed for run in self.runs["w2v"]]

    def words_per_second(self, run: Run) -> float:
        """Return the number of words in the text times `epochs`, the same for all programs, per second of training."""
        return self.n_words * self.parameters.epochs / run.training_seconds

    def measures(self) -> list[Measure]:
        """Return all measures: times, speed, vocabulary, then quality file by file."""

        def measure(name: str, kind: Kind, value: Callable[[Run], float]) -> Measure:
            return Measure(name, kind, {key: [value(run) for run in runs] for key, runs in self.runs.items()})

        found = [
            measure("vocabulary, seconds", "seconds", lambda run: run.vocabulary_seconds),
            measure("training, seconds", "seconds", lambda run: run.training_seconds),
            measure("both, seconds", "seconds", lambda run: run.total_seconds),
            measure("words a second", "count", self.words_per_second),
            measure("vocabulary, words", "count", lambda run: run.vocabulary_size),
        ]
        first = self.runs["w2v"][0]
        for path, report in first.analogies.items():
            name = _of_file(path, "accuracy", report.total.coverage)
            accuracies = {key: [run.analogies[path].total.accuracy for run in runs] for key, runs in self.runs.items()}
            found.append(Measure(name, "fraction", accuracies, Path(path).stem))
        for path, pairs in first.pairs.items():
            name = _of_file(path, "Spearman", pairs.coverage)
            correlations = {key: [run.pairs[path].spearman for run in runs] for key, runs in self.runs.items()}
            found.append(Measure(name, "correlation", correlations, Path(path).stem))
        return found

    def _repr_html_(self) -> str:
        return html_table(*table(self))

    def to_dict(self) -> dict[str, Any]:
        """Return everything in JSON types; a program's figures are means over its runs."""
        vocabulary, training, total, speed, size = self.measures()[:5]
        programs = {
            key: {
                "name": title,
                "vocabulary_size": round(size.mean(key)),
                "vocabulary_seconds": vocabulary.mean(key),
                "training_seconds": training.mean(key),
                "total_seconds": total.mean(key),
                "words_per_second": speed.mean(key),
                "runs": [run.to_dict() | {"words_per_second": self.words_per_second(run)} for run in self.runs[key]],
            }
            for key, title in self.titles.items()
        }
        others = [key for key in self.titles if key != "w2v"]
        return {
            "parameters": vars(self.parameters) | {"tokenizer": get_tokenizer(self.parameters.tokenizer).to_config()},
            "n_words": self.n_words,
            "compile_seconds": self.compile_seconds,
            "seeds": self.seeds,
            **programs,
            "training_speedup": {key: training.ratio(key) for key in others},
            "total_speedup": {key: total.ratio(key) for key in others},
        }


def cell(measure: Measure, program: str) -> str:
    """Format a program's mean, with the standard deviation if there are several seeds."""
    mean, deviation = measure.mean(program), measure.deviation(program)
    if not math.isfinite(mean):
        return "-"
    scale = 100 if measure.kind == "fraction" else 1
    style = {"seconds": ".2f", "count": ",.0f", "fraction": ".1f", "correlation": ".3f"}[measure.kind]
    is_spread = math.isfinite(deviation) and (deviation > 0 or measure.kind != "count")
    spread = f" ± {scale * deviation:{style}}" if is_spread else ""
    return f"{scale * mean:{style}}{spread}{' %' if measure.kind == 'fraction' else ''}"


def ratio(measure: Measure, program: str) -> str:
    """Format the ratio of a program's time to ours; empty for other measures."""
    times = measure.ratio(program)
    return f"{times:.1f}x" if measure.kind == "seconds" and math.isfinite(times) else ""


def table(comparison: Comparison) -> tuple[list[str], list[list[str]]]:
    """Return the column names, with ">" before right-aligned ones, and the rows."""
    keys = list(comparison.titles)
    others = keys[1:]
    titles = [*comparison.titles.values(), *(f"{PROGRAMS[key].name} / w2v" for key in others)]
    rows = [
        [measure.name, *(cell(measure, key) for key in keys), *(ratio(measure, key) for key in others)]
        for measure in comparison.measures()
    ]
    return ["", *(f">{title}" for title in titles)], rows


def _of_file(path: str, what: str, coverage: float) -> str:
    """Return the name of a measure on a file, with the coverage if it is not complete."""
    partly = f" ({100 * coverage:.1f} % of it)" if coverage < 0.9995 else ""
    return f"{os.path.basename(path)}{partly}, {what}"
