"""Files to evaluate encoders on: scored pairs of sentences, and labelled sentences."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.inputs import CorpusError
from w2v.corpora.tables.files import read_records
from w2v.evaluation.files import EvaluationError, read_lines

_NAMES = (
    ("sentence_A", "sentence_B", "relatedness_score"),  # SICK
    ("sentence1", "sentence2", "score"),  # GLUE, and the sets of sentence-transformers
    ("sentence1", "sentence2", "similarity_score"),
)
_JSON = (".jsonl", ".ndjson")
_STS = (5, 6, 4)  # columns of the two sentences and the score
_STS_COLUMNS = 7  # genre, file, year, id, score, and two sentences; some lines end with one or two sources
_TREC = re.compile(r"([A-Z]+):[a-z]+ (.+)")
_CONTROL = re.compile(r"[\0-\x08\x0e-\x1f]")
_SHOWN = 60


@dataclass(frozen=True)
class ScoredPairs:
    """Pairs of sentences with human similarity scores.

    Attributes
    ----------
    first, second : tuple of str
    scores : ndarray of shape (n,), float64
        On any scale.
    path : str
    genres : tuple of n (str, str), or empty
        Genre and source collection of each pair, as in STS Benchmark.
    """

    first: tuple[str, ...]
    second: tuple[str, ...]
    scores: NDArray[np.float64]
    path: str = ""
    genres: tuple[tuple[str, str], ...] = ()

    def __len__(self) -> int:
        return len(self.first)


@dataclass(frozen=True)
class LabelledSentences:
    """Sentences with one label each.

    Attributes
    ----------
    sentences : tuple of str
    labels : tuple of str
    path : str
    """

    sentences: tuple[str, ...]
    labels: tuple[str, ...]
    path: str = ""

    def __len__(self) -> int:
        return len(self.sentences)


def read_scored_pairs(path: str | os.PathLike[str]) -> ScoredPairs:
    """Read pairs of sentences with scores, in the layout of STS Benchmark or SICK, as a table, or plain.

    Parameters
    ----------
    path : str or path-like
        UTF-8 text with tab-separated columns, in one of these layouts:

        - STS Benchmark: genre, file, year, id, score, sentence, sentence; genres and files are kept;
        - a header line with the names of the columns: SICK's, or sentence1, sentence2 and score;
        - two sentences and a score, or a score and two sentences; further columns are ignored.

        A ``.csv`` without tabs and a ``.jsonl`` have columns of these names too.

    Returns
    -------
    ScoredPairs

    Raises
    ------
    EvaluationError
        If the file cannot be read, contains no pair, or a line has no score in the score column; the message names the
        file and the line.
    """
    name = os.fspath(path)
    lines = list(_lines(name, latin=False))
    if name.lower().endswith((*_JSON, ".csv")) and lines and "\t" not in lines[0][1]:
        return _read_table(name)
    first: list[str] = []
    second: list[str] = []
    scores: list[float] = []
    genres: list[tuple[str, str]] = []
    layout: tuple[int, int, int] | None = None
    for number, line in lines:
        columns = [column.strip() for column in line.split("\t")]
        if layout is None:
            header = _header(columns)
            layout = header or _find_layout(columns, name, number)
            if header:
                continue
        scores.append(_score(columns, layout, name, number))
        first.append(columns[layout[0]])
        second.append(columns[layout[1]])
        if layout == _STS:
            genres.append((columns[0], columns[1]))
    if not scores:
        raise EvaluationError(f"{name} contains no pair: each line needs two sentences and a score, separated by tabs")
    return ScoredPairs(tuple(first), tuple(second), np.array(scores), name, tuple(genres))


def read_labelled(path: str | os.PathLike[str]) -> LabelledSentences:
    """Read sentences with labels.

    Parameters
    ----------
    path : str or path-like
        Text in UTF-8, or else Latin-1. Each line has a label, a tab and a sentence, or a sentence, a tab and a label
        (the label column is the one with fewer distinct values). Lines of ``LABEL:fine sentence`` without tabs are read
        as TREC's, with the coarse label.

    Returns
    -------
    LabelledSentences

    Raises
    ------
    EvaluationError
        If the file cannot be read, a line has another layout, or there are fewer than two labels; the message names the
        file and the line.
    """
    name = os.fspath(path)
    lines = list(_lines(name, latin=True))
    if not lines:
        raise EvaluationError(f"{name} contains no sentence: expected lines of a label, a tab and a sentence")
    split: Callable[[str], tuple[str, str] | None] = _split_trec if "\t" not in lines[0][1] else _split_tab
    rows = []
    for number, line in lines:
        row = split(line)
        if row is None:
            raise EvaluationError(
                f"{name}, line {number}: expected a label, a tab and a sentence, not {_shortened(line)}"
            )
        rows.append(row)
    left, right = zip(*rows, strict=True)
    labels, sentences = (right, left) if len(set(right)) < len(set(left)) else (left, right)
    if len(set(labels)) < 2:
        raise EvaluationError(f"{name}: all sentences have the label {_shortened(labels[0])}; at least two are needed")
    return LabelledSentences(sentences, labels, name)


def _lines(name: str, *, latin: bool) -> Iterator[tuple[int, str]]:
    """Yield the lines that are not blank, with their line numbers."""
    for number, line in read_lines(name, latin=latin):
        if control := _CONTROL.search(line):
            raise EvaluationError(f"{name}, line {number}: the character {control[0]!r:.80} is not text")
        if line.strip():
            yield number, line.strip("\r")


def _header(columns: list[str]) -> tuple[int, int, int] | None:
    """Return where the two sentences and the score are, if the columns have known names."""
    names = next((names for names in _NAMES if set(names).issubset(columns)), None)
    if names is None:
        return None
    first, second, score = map(columns.index, names)
    return first, second, score


def _read_table(name: str) -> ScoredPairs:
    """Return the pairs of a table between commas, or of JSON lines, by the names of its columns."""
    try:
        records = read_records(name)
    except CorpusError as error:
        raise EvaluationError(str(error)) from error
    layout = _header(records.names)
    if layout is None:
        shown = ", ".join(map(repr, records.names)) or "none"
        raise EvaluationError(f"{name} has the columns {shown:.200}; expected sentence1, sentence2 and score")
    first, second, scores = (
        [value for part in records.parts for value in part.values(records.names[place])] for place in layout
    )
    found = []
    for place, *row in zip(records.places(), first, second, scores, strict=True):
        score = _number(str(row[2])) if isinstance(row[2], (str, int, float)) else None
        if score is None or not all(isinstance(sentence, str) for sentence in row[:2]):
            raise EvaluationError(f"{place}: expected two sentences and a score, not {_shortened(str(row))}")
        found.append(score)
    return ScoredPairs(tuple(first), tuple(second), np.array(found), name)


def _find_layout(columns: list[str], name: str, number: int) -> tuple[int, int, int]:
    """Return the columns of the two sentences and the score, judged by the first line."""
    numeric = [_number(column) is not None for column in columns]
    if len(columns) >= _STS_COLUMNS and numeric[4]:
        return _STS
    if len(columns) >= 3 and numeric[2]:
        return 0, 1, 2
    if len(columns) >= 3 and numeric[0]:
        return 1, 2, 0
    raise EvaluationError(
        f"{name}, line {number}: expected two sentences and a score, separated by tabs, not "
        f"{_shortened(' | '.join(columns))}"
    )


def _score(columns: list[str], layout: tuple[int, int, int], name: str, number: int) -> float:
    if len(columns) <= max(layout):
        raise EvaluationError(f"{name}, line {number}: {len(columns)} columns, expected at least {max(layout) + 1}")
    score = _number(columns[layout[2]])
    if score is None:
        raise EvaluationError(f"{name}, line {number}: the score {_shortened(columns[layout[2]])} is not a number")
    return score


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _split_trec(line: str) -> tuple[str, str] | None:
    found = _TREC.fullmatch(line.strip())
    return (found[1], found[2]) if found else None


def _split_tab(line: str) -> tuple[str, str] | None:
    columns = [column.strip() for column in line.split("\t")]
    return (columns[0], columns[1]) if len(columns) == 2 and all(columns) else None


def _shortened(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…")
