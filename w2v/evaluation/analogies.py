"""Analogy questions, section by section: which word is to the third as the second is to the first."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from w2v.display.html import html_table
from w2v.display.wording import percent
from w2v.evaluation.correlations import or_none
from w2v.evaluation.files import EvaluationError, first_rows, read_lines
from w2v.vectors.embeddings import Embeddings
from w2v.vectors.ranking import cosines

_BLOCK_WORDS = 4096  # vocabulary rows scored at a time
_BLOCK_QUESTIONS = 128
_MUL_EPSILON = 1e-6  # Levy and Goldberg 2014, eq. 4


@dataclass(frozen=True)
class AnalogySection:
    """The result of one section of an analogy file.

    Attributes
    ----------
    name : str
        The section's name.
    correct : int
        Questions answered correctly.
    total : int
        Questions asked, that is, those with all four words in the vocabulary.
    skipped : int
        Questions with an unknown word.
    """

    name: str
    correct: int
    total: int
    skipped: int

    @property
    def accuracy(self) -> float:
        """Fraction of the questions asked that were answered correctly; NaN if none was asked."""
        return self.correct / self.total if self.total else math.nan

    @property
    def coverage(self) -> float:
        """Fraction of the file's questions that could be asked; NaN if there were none."""
        return self.total / (self.total + self.skipped) if self.total + self.skipped else math.nan

    def to_dict(self) -> dict[str, Any]:
        """Return the result in JSON types, with None for NaN."""
        return asdict(self) | {"accuracy": or_none(self.accuracy), "coverage": or_none(self.coverage)}


@dataclass(frozen=True)
class AnalogyReport:
    """The result of an analogy file.

    Attributes
    ----------
    sections : tuple of AnalogySection
        In the order of the file.
    total : AnalogySection
        All sections together, named "total".
    """

    sections: tuple[AnalogySection, ...]
    total: AnalogySection

    def table(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Return the column names, with ">" before right-aligned ones, and a row for each section."""
        rows: list[tuple[str, ...]] = [
            (part.name, f"{part.correct:,}", f"{part.total:,}", percent(part.accuracy), percent(part.coverage))
            for part in (*self.sections, self.total)
        ]
        return ("section", ">correct", ">asked", ">accuracy", ">coverage"), rows

    def _repr_html_(self) -> str:
        return html_table(*self.table())

    def to_dict(self) -> dict[str, Any]:
        """Return the result in JSON types."""
        return {"sections": [section.to_dict() for section in self.sections], "total": self.total.to_dict()}


def evaluate_analogies(
    embeddings: Embeddings,
    path: str | os.PathLike[str],
    *,
    restrict_vocab: int | None = 300_000,
    method: Literal["add", "mul", "nearest"] = "add",
    lowercase: bool = True,
) -> AnalogyReport:
    """Evaluate the analogy questions of a file in the format of Google's ``questions-words.txt``.

    Parameters
    ----------
    embeddings : Embeddings
        The model.
    path : str or path-like
        Text in UTF-8, compressed or not. Lines beginning with ``:`` name a section; every other line holds four words,
        the last of which is the answer. Questions before the first section belong to one named "questions".
    restrict_vocab : int or None, default 300,000
        Consider only this many of the most frequent words, both in questions and as answers; None for all.
    method : {"add", "mul", "nearest"}, default "add"
        See `Embeddings.analogy`. "nearest" is a baseline: the word nearest to the third one, ignoring the first two
        [1]_.
    lowercase : bool, default True
        Ignore case: the first in the vocabulary represents all words that differ only in case.

    Returns
    -------
    AnalogyReport

    Raises
    ------
    EvaluationError
        If the file cannot be read or has no questions, or a line is not four words.
    ValueError
        If `method` is unknown or `restrict_vocab` less than 1.

    Notes
    -----
    The same questions count as correct as in gensim's ``evaluate_word_analogies``. The scores of a question are a sum
    of three rows of a small table: the cosines (for "mul", their logarithms) of the few hundred distinct question words
    with the vocabulary. So the matrix product is computed once for each word, not for each question.

    References
    ----------
    .. [1] Linzen 2016, "Issues in evaluating semantic spaces using word analogies", RepEval, "only-b".
    """
    if method not in ("add", "mul", "nearest"):
        raise ValueError(f"method must be 'add', 'mul' or 'nearest', not {method!r:.80}")
    if restrict_vocab is not None and restrict_vocab < 1:
        raise ValueError(f"restrict_vocab must be at least 1, not {restrict_vocab}")
    names, sections, questions = _read_questions(path, lowercase)
    groups, stands_for = first_rows(embeddings.index_to_key[:restrict_vocab], lowercase)
    group_of = np.array(stands_for, dtype=np.int64)
    for word in {word for question in questions for word in question} - groups.keys():
        row = embeddings.get_index(word, -1)  # as other queries find it, such as of letters that are composed there
        if 0 <= row < len(stands_for):
            groups[word] = stands_for[row]
    asked = np.array([[groups.get(word, -1) for word in question] for question in questions], dtype=np.int64)
    section_ids = np.array(sections)
    known: NDArray[np.bool_] = np.all(asked >= 0, axis=1)
    answers = _answer(embeddings, asked[known], group_of, method)
    correct = np.zeros(len(asked), dtype=bool)
    correct[known] = (answers >= 0) & (group_of[answers] == asked[known, 3])
    results = tuple(
        _summarise(name, correct[section_ids == index], known[section_ids == index]) for index, name in enumerate(names)
    )
    return AnalogyReport(results, _summarise("total", correct, known))


def count_known_questions(
    words: Sequence[str], path: str | os.PathLike[str], *, restrict_vocab: int | None = 300_000, lowercase: bool = True
) -> int:
    """Return how many questions `evaluate_analogies` would ask a model with these words; same parameters."""
    known = {word.lower() if lowercase else word for word in words[:restrict_vocab]}
    return sum(known.issuperset(question) for question in _read_questions(path, lowercase)[2])


def _read_questions(path: str | os.PathLike[str], lowercase: bool) -> tuple[list[str], list[int], list[list[str]]]:
    """Return the names of the sections, and for each question the index of its section and its four words."""
    names: list[str] = []
    sections: list[int] = []
    questions: list[list[str]] = []
    for number, text in read_lines(path):
        line = text.strip()
        if not line:
            continue
        if line.startswith(":"):
            names.append(line[1:].strip())
            continue
        words = (line.lower() if lowercase else line).split()
        if len(words) != 4:
            raise EvaluationError(
                f"{os.fspath(path)}, line {number}: a question must be four words, but this line has {len(words)}: "
                f"{line[:60]!r}"
            )
        if not names:
            names.append("questions")
        sections.append(len(names) - 1)
        questions.append(words)
    if not questions:
        raise EvaluationError(f"{os.fspath(path)} contains no analogy questions: expected lines of four words")
    return names, sections, questions


def _answer(
    embeddings: Embeddings, questions: NDArray[np.int64], group_of: NDArray[np.int64], method: str
) -> NDArray[np.int64]:
    """Return the row of the best answer to each question, the first of equals, -1 if there is none; shape (Q,).

    `questions`, shape (Q, 4), are rows of the words a, b, c and the expected answer, which is not used. `group_of`,
    shape (V,), is the row that represents each word: words in the same group as a, b or c are excluded.
    """
    given, positions = np.unique(questions[:, :3], return_inverse=True)
    a, b, c = positions.reshape(-1, 3).T
    table = embeddings.table
    units = table.units(given)
    excluded_questions, excluded_rows = _excluded(questions[:, :3], group_of)
    best_scores = np.full(len(questions), -np.inf, dtype=np.float32)
    best = np.full(len(questions), -1, dtype=np.int64)
    for first in range(0, len(group_of), _BLOCK_WORDS):
        rows = slice(first, min(first + _BLOCK_WORDS, len(group_of)))
        near = cosines(units, table, rows)
        near, far = _log_shifted(near) if method == "mul" else (near, np.maximum(near, -1))  # far is never -inf
        inside = (excluded_rows >= rows.start) & (excluded_rows < rows.stop)
        barred_questions, barred_columns = excluded_questions[inside], excluded_rows[inside] - first
        for start in range(0, len(questions), _BLOCK_QUESTIONS):
            chunk = slice(start, min(start + _BLOCK_QUESTIONS, len(questions)))
            scores = near[c[chunk]]
            if method != "nearest":
                scores += near[b[chunk]]
                scores -= far[a[chunk]]
            here = slice(*np.searchsorted(barred_questions, (chunk.start, chunk.stop)))
            scores[barred_questions[here] - start, barred_columns[here]] = -np.inf
            columns = scores.argmax(axis=1)
            highest = np.take_along_axis(scores, columns[:, None], axis=1)[:, 0]
            better = highest > best_scores[chunk]
            best_scores[chunk][better] = highest[better]
            best[chunk][better] = columns[better] + first
    return best


def _log_shifted(scores: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the logarithms of the shifted cosines as factor and as divisor, which turn products into sums."""
    with np.errstate(divide="ignore"):
        shifted = np.maximum((1 + scores) / 2, 0)  # 0 for -inf too: its logarithm is -inf as a factor, finite below
        return np.log(shifted), np.log(shifted + np.float32(_MUL_EPSILON))


def _excluded(given: NDArray[np.int64], group_of: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return (question, row) of every word equal to a question word, maybe except for case, sorted by question."""
    by_group = np.argsort(group_of, kind="stable")
    sorted_groups = group_of[by_group]
    wanted = given.reshape(-1)
    starts = np.searchsorted(sorted_groups, wanted, side="left")
    sizes = np.searchsorted(sorted_groups, wanted, side="right") - starts
    questions = np.repeat(np.arange(len(given)).repeat(given.shape[1]), sizes)
    within = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return questions, by_group[np.repeat(starts, sizes) + within]


def _summarise(name: str, correct: NDArray[np.bool_], known: NDArray[np.bool_]) -> AnalogySection:
    """Return the result of a section from which questions were correct and which were known, bool arrays."""
    return AnalogySection(name, int(correct.sum()), int(known.sum()), int((~known).sum()))
