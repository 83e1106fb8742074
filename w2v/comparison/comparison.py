"""Train here and in other programs on the same text with the same parameters and threads, and measure all alike."""

from __future__ import annotations

import math
import os
import statistics
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from w2v.comparison.contenders import OTHERS, PROGRAMS, Trained, check_counterparts, compile_w2v
from w2v.corpora.readers import TextReader
from w2v.corpora.tokenizers import get_tokenizer
from w2v.display.html import html_table
from w2v.evaluation import AnalogyReport, PairsReport, evaluate_analogies, evaluate_word_pairs
from w2v.settings.constraints import MAX_SEED
from w2v.settings.parameters import Parameters

PathLike = str | os.PathLike[str]
MOST_SEEDS = 100


@dataclass(frozen=True)
class Run:
    """What one program did with one seed.

    Attributes
    ----------
    seed : int or None
        None is each program's own choice.
    vocabulary_size : int
        Words V that it learned.
    vocabulary_seconds, training_seconds : float
        Wall-clock time from text to vocabulary (ours: and encoded text), and from there to vectors.
    analogies : dict of str to AnalogyReport
        By file.
    pairs : dict of str to PairsReport
        By file.
    """

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
        """Return the figures in JSON types."""
        return {
            "seed": self.seed,
            "vocabulary_size": self.vocabulary_size,
            "vocabulary_seconds": self.vocabulary_seconds,
            "training_seconds": self.training_seconds,
            "total_seconds": self.total_seconds,
            "analogies": {path: report.to_dict()["total"] for path, report in self.analogies.items()},
            "pairs": {path: report.to_dict() for path, report in self.pairs.items()},
        }


@dataclass(frozen=True)
class Measure:
    """One figure of every run.

    Attributes
    ----------
    name : str
        What is measured.
    kind : {"seconds", "count", "share", "correlation"}
        How it is written.
    values : dict of str to list of float
        By program, one a seed; NaN where it could not be measured.
    heading : str
        Short name of the file that it was measured on; empty if there is none.
    """

    name: str
    kind: Literal["seconds", "count", "share", "correlation"]
    values: dict[str, list[float]]
    heading: str = ""

    def mean(self, program: str) -> float:
        """Return the mean over the seeds."""
        return statistics.fmean(self.values[program])

    def deviation(self, program: str) -> float:
        """Return the standard deviation of a single run, estimated from the seeds; NaN if there is one seed."""
        values = self.values[program]
        return statistics.stdev(values) if len(values) > 1 and all(map(math.isfinite, values)) else math.nan

    def ratio(self, program: str) -> float:
        """Return a program's mean by ours."""
        ours = self.mean("w2v")
        return self.mean(program) / ours if ours else math.nan

    @property
    def is_quality(self) -> bool:
        """Whether it tells how good the vectors are."""
        return self.kind in ("share", "correlation")


@dataclass(frozen=True)
class Comparison:
    """Several programs side by side.

    Attributes
    ----------
    parameters : Parameters
        What all were told; `workers` is resolved, `random_state` the first seed.
    n_words : int
        Words of the text, those below `min_count` included.
    compile_seconds : float
        Time that our compiled code took to be ready (little when it is cached), which is not counted in our runs.
    titles : dict of str to str
        Name and version of each program, by its key; ours is "w2v" and comes first.
    runs : dict of str to list of Run
        By program, one a seed.
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
        """Return the words of the text times `epochs` by the time of training, the same count for all."""
        return self.n_words * self.parameters.epochs / run.training_seconds

    def measures(self) -> list[Measure]:
        """Return all that was measured: times, speed, vocabulary, then quality file by file."""

        def measure(name: str, kind: Literal["seconds", "count"], value: Callable[[Run], float]) -> Measure:
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
            found.append(Measure(name, "share", accuracies, Path(path).stem))
        for path, pairs in first.pairs.items():
            name = _of_file(path, "Spearman", pairs.coverage)
            correlations = {key: [run.pairs[path].spearman for run in runs] for key, runs in self.runs.items()}
            found.append(Measure(name, "correlation", correlations, Path(path).stem))
        return found

    def _repr_html_(self) -> str:
        from w2v.comparison.report import table

        return html_table(*table(self))

    def to_dict(self) -> dict[str, Any]:
        """Return everything in JSON types; the figures of a program are means over its runs."""
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


def compare_programs(
    corpus: TextReader,
    parameters: Parameters,
    *,
    programs: Sequence[str] = ("gensim",),
    n_seeds: int = 1,
    analogies: Sequence[PathLike] = (),
    pairs: Sequence[PathLike] = (),
    tell: Callable[[str], None] = lambda message: None,
) -> Comparison:
    """Train here and in other programs, in turns, and measure time and quality.

    Parameters
    ----------
    corpus : TextReader
        The text. It is tokenised once, by `parameters.tokenizer`, into a temporary file from which all programs train,
        so that they see the same words.
    parameters : Parameters
        For all. `max_time` must be None; `random_state` an int or None. An `alpha` of None is each program's own.
    programs : sequence of {"gensim", "fasttext"}, default ("gensim",)
        What to compare with.
    n_seeds : int, default 1
        Runs of each program, 1 to 100, with the seeds `random_state`, `random_state` + 1, ... (from 1 on if it is None
        and there is more than one). All programs run once before any runs again.
    analogies, pairs : sequence of str or path-like, optional
        Files to evaluate on. With neither, those that gensim brings: ``questions-words.txt`` and ``wordsim353.tsv``.
    tell : callable, optional
        Called with a sentence when a step begins.

    Returns
    -------
    Comparison

    Raises
    ------
    ImportError
        If a program is not installed.
    ValueError
        If a parameter has no counterpart in one of the programs or is out of range, or as training and evaluation
        raise it.
    """
    keys = ("w2v", *_check_programs(programs))
    check_counterparts(parameters, keys)
    seeds = _seeds(parameters.random_state, n_seeds)
    titles = {key: PROGRAMS[key].title() for key in keys}
    if not analogies and not pairs:
        analogies, pairs = _gensim_test_data("questions-words.txt"), _gensim_test_data("wordsim353.tsv")
    for path in (*analogies, *pairs):  # a missing file should not be found out after the training
        open(path, "rb").close()
    parameters = replace(parameters, workers=_count_workers(parameters), random_state=seeds[0])
    runs: dict[str, list[Run]] = {key: [] for key in keys}
    with tempfile.TemporaryDirectory(prefix="w2v-compare-") as folder:
        text = Path(folder, "tokenised.txt")
        tell("Tokenising the text for all ...")
        n_words = _tokenise(corpus, parameters, text)
        tell("Compiling ...")
        compile_seconds = compile_w2v(Path(folder, "small.txt"), parameters)
        for index, seed in enumerate(seeds):
            for key in keys:
                which = f" ({index + 1} of {len(seeds)})" if len(seeds) > 1 else ""
                tell(f"Training in {titles[key]}{which}: {parameters.epochs} epochs over {n_words:,} words ...")
                trained = _train(key, text, replace(parameters, random_state=seed), corpus)
                runs[key].append(_evaluate(seed, trained, analogies, pairs))
    return Comparison(parameters, n_words, compile_seconds, titles, runs)


def _of_file(path: str, what: str, coverage: float) -> str:
    """Name what was measured on a file, and how much of it could be asked where that is not all."""
    partly = f" ({100 * coverage:.1f} % of it)" if coverage < 0.9995 else ""
    return f"{os.path.basename(path)}{partly}, {what}"


def _check_programs(programs: Sequence[str]) -> list[str]:
    different = list(dict.fromkeys(programs))
    for key in different:
        if key not in OTHERS:
            raise ValueError(f"programs to compare with are {' and '.join(OTHERS)}, not {key!r:.80}")
    if not different:
        raise ValueError("there is no program to compare with")
    return different


def _seeds(first: int | None, n_seeds: int) -> list[int | None]:
    if not 1 <= n_seeds <= MOST_SEEDS:
        raise ValueError(f"n_seeds must be from 1 to {MOST_SEEDS}, not {n_seeds}")
    if first is None and n_seeds == 1:
        return [None]
    start = 1 if first is None else first
    return [(start + offset) % (MAX_SEED + 1) for offset in range(n_seeds)]


def _count_workers(parameters: Parameters) -> int:
    from w2v.settings.environment import default_workers

    return default_workers() if parameters.workers is None else parameters.workers


def _train(key: str, text: Path, parameters: Parameters, corpus: TextReader) -> Trained:
    from w2v.encoding.stream import EmptyVocabularyError

    try:
        return PROGRAMS[key].train(text, parameters)
    except EmptyVocabularyError as error:  # the temporary file means nothing to the caller
        raise EmptyVocabularyError(str(error).replace(str(text), ", ".join(corpus.paths))) from None


def _gensim_test_data(name: str) -> list[str]:
    PROGRAMS["gensim"].title()  # says what to install
    from gensim.test.utils import datapath

    return [datapath(name)]


def _tokenise(corpus: TextReader, parameters: Parameters, path: Path) -> int:
    """Write one sentence a line, words set apart by spaces, and return the number of words."""
    tokenizer = get_tokenizer(parameters.tokenizer)
    n_words = 0
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        for line in corpus.lines():
            words = tokenizer(line)
            n_words += len(words)
            # only names of items hold spaces, which would fall apart in the other programs
            file.write(" ".join(word.replace(" ", "_") for word in words) + "\n")
    return n_words


def _evaluate(seed: int | None, trained: Trained, analogies: Sequence[PathLike], pairs: Sequence[PathLike]) -> Run:
    embeddings = trained.embeddings
    return Run(
        seed=seed,
        vocabulary_size=len(embeddings),
        vocabulary_seconds=trained.vocabulary_seconds,
        training_seconds=trained.training_seconds,
        analogies={os.fspath(path): evaluate_analogies(embeddings, path) for path in analogies},
        pairs={os.fspath(path): evaluate_word_pairs(embeddings, path) for path in pairs},
    )
