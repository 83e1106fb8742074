"""How good vectors are: analogy questions by section, and similarity judgements of people."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from w2v.display.html import html_table
from w2v.display.wording import decimals, percent
from w2v.vectors.embeddings import Embeddings
from w2v.vectors.ranking import cosines

_BLOCK_WORDS = 4096  # vocabulary rows scored at a time
_BLOCK_QUESTIONS = 128
_MUL_EPSILON = 1e-6  # Levy and Goldberg 2014, eq. 4


class EvaluationError(ValueError):
    """A file of questions or pairs cannot be used; the message names the file and the line."""


@dataclass(frozen=True)
class AnalogySection:
    """The result of one section of an analogy file.

    Attributes
    ----------
    name : str
        The section's name.
    correct : int
        Questions answered rightly.
    total : int
        Questions asked: those whose four words are all in the vocabulary.
    skipped : int
        Questions with an unknown word.
    """

    name: str
    correct: int
    total: int
    skipped: int

    @property
    def accuracy(self) -> float:
        """Share of the questions asked that were answered rightly; NaN if none was asked."""
        return self.correct / self.total if self.total else math.nan

    @property
    def coverage(self) -> float:
        """Share of the file's questions that could be asked; NaN if there was none."""
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
        All of them together, named "total".
    """

    sections: tuple[AnalogySection, ...]
    total: AnalogySection

    def _repr_html_(self) -> str:
        rows = [
            (part.name, f"{part.correct:,}", f"{part.total:,}", percent(part.accuracy), percent(part.coverage))
            for part in (*self.sections, self.total)
        ]
        return html_table(("section", ">correct", ">asked", ">accuracy", ">coverage"), rows)

    def to_dict(self) -> dict[str, Any]:
        """Return the result in JSON types."""
        return {"sections": [section.to_dict() for section in self.sections], "total": self.total.to_dict()}


@dataclass(frozen=True)
class PairsReport:
    """The result of a file of word pairs.

    Attributes
    ----------
    spearman, pearson : float
        Correlation of the ranks, and of the values, of the model's cosines with people's scores. NaN where fewer than
        two pairs were used, or all their scores or cosines are equal.
    n_pairs : int
        Pairs in the file.
    n_used : int
        Pairs whose words are both in the vocabulary.
    """

    spearman: float
    pearson: float
    n_pairs: int
    n_used: int

    @property
    def coverage(self) -> float:
        """Share of the pairs that were used."""
        return self.n_used / self.n_pairs

    def _repr_html_(self) -> str:
        row = f"{self.n_pairs:,}", percent(self.coverage), decimals(self.spearman), decimals(self.pearson)
        return html_table((">pairs", ">coverage", ">Spearman", ">Pearson"), [row])

    def to_dict(self) -> dict[str, Any]:
        """Return the result in JSON types, with None for NaN."""
        correlations = {"spearman": or_none(self.spearman), "pearson": or_none(self.pearson)}
        return asdict(self) | correlations | {"coverage": self.coverage}


def evaluate_analogies(
    embeddings: Embeddings,
    path: str | os.PathLike[str],
    *,
    restrict_vocab: int | None = 300_000,
    method: Literal["add", "mul", "nearest"] = "add",
    lowercase: bool = True,
) -> AnalogyReport:
    """Ask the analogy questions of a file, in the format of Google's ``questions-words.txt``.

    Parameters
    ----------
    embeddings : Embeddings
        The model.
    path : str or path-like
        Text in UTF-8. Lines beginning with ``:`` name a section; every other line holds four words, the last of which
        is the answer. Questions before the first section belong to one named "questions".
    restrict_vocab : int or None, default 300,000
        Consider the first (most frequent) so many words only, both as given words and as answers; None for all.
    method : {"add", "mul", "nearest"}, default "add"
        See `Embeddings.analogy`. "nearest" is what the others must beat: the word nearest to the third one, whatever
        the first two are [1]_.
    lowercase : bool, default True
        Ignore case: of words that differ in case only, the first in the vocabulary stands for all of them.

    Returns
    -------
    AnalogyReport

    Raises
    ------
    EvaluationError
        If the file cannot be read, has no question, or a line is not four words.
    ValueError
        If `method` is unknown or `restrict_vocab` less than 1.

    Notes
    -----
    The same questions are right as in gensim's ``evaluate_word_analogies``. The scores of a question are a sum of
    three rows of one small table, the cosines (or their logarithms, for "mul") of the few hundred distinct given
    words with the vocabulary; so the matrix product is done once a word, not once a question.

    References
    ----------
    .. [1] Linzen 2016, "Issues in evaluating semantic spaces using word analogies", RepEval, "only-b".
    """
    if method not in ("add", "mul", "nearest"):
        raise ValueError(f"method must be 'add', 'mul' or 'nearest', not {method!r:.80}")
    if restrict_vocab is not None and restrict_vocab < 1:
        raise ValueError(f"restrict_vocab must be at least 1, not {restrict_vocab}")
    names, sections, questions = _read_questions(path, lowercase)
    groups, group_of = _group_words(embeddings.index_to_key[:restrict_vocab], lowercase)
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
    """Return how many questions `evaluate_analogies` would ask of a model with these words.

    Parameters
    ----------
    words : sequence of str
        A model's words in its order.
    path, restrict_vocab, lowercase
        As in `evaluate_analogies`.

    Returns
    -------
    int

    Raises
    ------
    EvaluationError
        As in `evaluate_analogies`.
    """
    known = {word.lower() if lowercase else word for word in words[:restrict_vocab]}
    return sum(known.issuperset(question) for question in _read_questions(path, lowercase)[2])


def count_known_pairs(words: Sequence[str], path: str | os.PathLike[str], *, lowercase: bool = True) -> int:
    """Return how many pairs `evaluate_word_pairs` would use of a model with these words; parameters are its own."""
    known = {word.lower() if lowercase else word for word in words}
    return sum(known.issuperset(pair[:2]) for pair in _read_pairs(path, lowercase))


def evaluate_word_pairs(embeddings: Embeddings, path: str | os.PathLike[str], *, lowercase: bool = True) -> PairsReport:
    """Compare the model's similarities with scores that people gave to pairs of words.

    Parameters
    ----------
    embeddings : Embeddings
        The model. With ``subwords``, words that it has not seen have the vectors of their n-grams and are used, too.
    path : str or path-like
        Text in UTF-8: on each line two words and, in the first column after them that is a number, a score, separated
        by tabs, commas or white space. Lines beginning with ``#`` are comments; a first line without a number is
        taken for the names of the columns. WordSim-353, SimLex-999 and MEN come like this.
    lowercase : bool, default True
        Ignore case, as in `evaluate_analogies`.

    Returns
    -------
    PairsReport

    Raises
    ------
    EvaluationError
        If the file cannot be read, has no pair, or a line is not two words and a score.
    """
    pairs = list(_read_pairs(path, lowercase))
    rows, _ = _first_rows(embeddings.index_to_key, lowercase)
    vectors = {}
    for word in {word for first, second, _ in pairs for word in (first, second)}:
        if word in rows:
            vectors[word] = embeddings.rows([rows[word]])[0]
        elif embeddings.subwords is not None and (made := embeddings.subwords.vector(word)) is not None:
            vectors[word] = made
    used = [pair for pair in pairs if pair[0] in vectors and pair[1] in vectors]
    if not used:
        return PairsReport(math.nan, math.nan, len(pairs), 0)
    scores = np.array([score for _, _, score in used])
    similarities = _pair_cosines(
        np.stack([vectors[word] for word, _, _ in used]), np.stack([vectors[word] for _, word, _ in used])
    )
    return PairsReport(
        spearman=correlation(ranks(similarities), ranks(scores)),
        pearson=correlation(similarities, scores),
        n_pairs=len(pairs),
        n_used=len(used),
    )


def evaluate_spelling(path: str | os.PathLike[str], *, lowercase: bool = True) -> PairsReport:
    """Compare how alike words are spelt with scores that people gave them: what word vectors must beat.

    Parameters
    ----------
    path, lowercase
        As in `evaluate_word_pairs`.

    Returns
    -------
    PairsReport
        Of all pairs: two words are as alike as the share of trigrams, borders included, that both have.

    Raises
    ------
    EvaluationError
        As `evaluate_word_pairs`.
    """
    pairs = list(_read_pairs(path, lowercase))
    alike = np.array([_shared_trigrams(first, second) for first, second, _ in pairs])
    scores = np.array([score for _, _, score in pairs])
    return PairsReport(correlation(ranks(alike), ranks(scores)), correlation(alike, scores), len(pairs), len(pairs))


def _shared_trigrams(first: str, second: str) -> float:
    """Return Dice's coefficient of the trigrams of two words."""
    a, b = ({word[i : i + 3] for i in range(len(word) - 2)} for word in (f"<{first}>", f"<{second}>"))
    return 2 * len(a & b) / (len(a) + len(b))


def _read_lines(path: str | os.PathLike[str]) -> Iterator[tuple[int, str]]:
    """Yield the lines that are not blank, stripped, with their numbers."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise EvaluationError(f"{os.fspath(path)} cannot be read: {error.strerror or error}") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        wrong = data.count(b"\n", 0, error.start) + 1
        raise EvaluationError(f"{os.fspath(path)}, line {wrong}: not UTF-8; convert the file first") from error
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield number, line.strip()


def _read_questions(path: str | os.PathLike[str], lowercase: bool) -> tuple[list[str], list[int], list[list[str]]]:
    """Return the names of the sections, and for each question the index of its section and its four words."""
    names: list[str] = []
    sections: list[int] = []
    questions: list[list[str]] = []
    for number, line in _read_lines(path):
        if line.startswith(":"):
            names.append(line[1:].strip())
            continue
        words = (line.lower() if lowercase else line).split()
        if len(words) != 4:
            raise EvaluationError(
                f"{os.fspath(path)}, line {number}: a question is four words, this line has {len(words)}: {line[:60]!r}"
            )
        if not names:
            names.append("questions")
        sections.append(len(names) - 1)
        questions.append(words)
    if not questions:
        raise EvaluationError(f"{os.fspath(path)} holds no analogy question: expected lines of four words")
    return names, sections, questions


def _read_pairs(path: str | os.PathLike[str], lowercase: bool) -> Iterator[tuple[str, str, float]]:
    n_lines = n_pairs = 0
    for number, line in _read_lines(path):
        if line.startswith("#"):
            continue
        n_lines += 1
        separator = "\t" if "\t" in line else "," if "," in line else None
        columns = [column.strip() for column in (line.lower() if lowercase else line).split(separator)]
        score = next((value for value in map(_parse_score, columns[2:]) if value is not None), None)
        if score is not None and columns[0] and columns[1]:
            n_pairs += 1
            yield columns[0], columns[1], score
        elif n_lines > 1:
            raise EvaluationError(
                f"{os.fspath(path)}, line {number}: expected two words and a score, not {line[:60]!r}"
            )
    if n_pairs == 0:
        raise EvaluationError(f"{os.fspath(path)} holds no word pair: expected lines of two words and a score")


def _parse_score(text: str) -> float | None:
    try:
        score = float(text)
    except ValueError:
        return None
    return score if math.isfinite(score) else None


def _first_rows(words: Iterable[str], lowercase: bool) -> tuple[dict[str, int], list[int]]:
    """Return the row of the first word of each spelling, and for every word the row that stands for it."""
    rows: dict[str, int] = {}
    keys = (word.lower() for word in words) if lowercase else words
    return rows, [rows.setdefault(key, row) for row, key in enumerate(keys)]


def _group_words(words: list[str], lowercase: bool) -> tuple[dict[str, int], NDArray[np.int64]]:
    rows, group_of = _first_rows(words, lowercase)
    return rows, np.array(group_of, dtype=np.int64)


def _answer(
    embeddings: Embeddings, questions: NDArray[np.int64], group_of: NDArray[np.int64], method: str
) -> NDArray[np.int64]:
    """Return the row of the best answer to each question; of equal ones the first, and -1 where there is none.

    Parameters
    ----------
    embeddings : Embeddings
    questions : ndarray of shape (Q, 4), int64
        Rows of the words a, b, c and the expected answer, which is not used.
    group_of : ndarray of shape (V,), int64
        Row that stands for each word: words of the same group as a, b or c are no answers.
    method : {"add", "mul", "nearest"}

    Returns
    -------
    ndarray of shape (Q,), int64
    """
    given, positions = np.unique(questions[:, :3], return_inverse=True)
    a, b, c = positions.reshape(-1, 3).T
    table = embeddings.table
    units = table.unscaled(given) * table.inverse_norms(given)[:, None]
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
    """Return the logarithms of the shifted cosines, as factor and as divisor, so that a product becomes a sum."""
    with np.errstate(divide="ignore"):
        shifted = np.maximum((1 + scores) / 2, 0)  # 0 for -inf too: its logarithm is -inf as a factor, finite below
        return np.log(shifted), np.log(shifted + np.float32(_MUL_EPSILON))


def _excluded(given: NDArray[np.int64], group_of: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return (question, row) of every word that is one of a question's given words, in some case; by question."""
    by_group = np.argsort(group_of, kind="stable")
    sorted_groups = group_of[by_group]
    wanted = given.reshape(-1)
    starts = np.searchsorted(sorted_groups, wanted, side="left")
    sizes = np.searchsorted(sorted_groups, wanted, side="right") - starts
    questions = np.repeat(np.arange(len(given)).repeat(given.shape[1]), sizes)
    within = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return questions, by_group[np.repeat(starts, sizes) + within]


def _summarise(name: str, correct: NDArray[np.bool_], known: NDArray[np.bool_]) -> AnalogySection:
    return AnalogySection(name, int(correct.sum()), int(known.sum()), int((~known).sum()))


def _pair_cosines(first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the cosine of each pair of rows, 0 where one is zero."""
    a, b = first.astype(np.float64), second.astype(np.float64)
    lengths = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    cosine: NDArray[np.float64] = (a * b).sum(axis=1) / np.where(lengths > 0, lengths, 1)
    return cosine


def ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the rank of each value, equal values sharing the mean of their ranks."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: NDArray[np.float64] = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return ranks


def correlation(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Return Pearson's correlation; NaN where one of the two does not vary."""
    x, y = x - x.mean(), y - y.mean()
    scale = math.sqrt(float(x @ x) * float(y @ y))
    return float(np.clip(x @ y / scale, -1, 1)) if scale > 0 else math.nan


def or_none(value: float) -> float | None:
    """Return None in place of NaN, which JSON does not have."""
    return None if math.isnan(value) else value
