"""Word similarities compared with human scores of word pairs."""

from __future__ import annotations

import csv
import math
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.display.html import html_table
from w2v.display.wording import decimals, percent
from w2v.evaluation.correlations import correlation, or_none, ranks
from w2v.evaluation.files import EvaluationError, first_rows, read_lines
from w2v.vectors.embeddings import Embeddings

_DECIMAL_COMMA = re.compile(r"(?<=\d),(?=\d+$)")


@dataclass(frozen=True)
class PairsReport:
    """The result of a file of word pairs.

    Attributes
    ----------
    spearman, pearson : float
        Correlation of the ranks, and of the values, of the model's cosines with the human scores. NaN if fewer than two
        pairs were used, or all their scores or cosines are equal.
    n_pairs : int
        Number of pairs in the file.
    n_used : int
        Number of pairs with both words in the vocabulary.
    """

    spearman: float
    pearson: float
    n_pairs: int
    n_used: int

    @property
    def coverage(self) -> float:
        """Fraction of the pairs that were used."""
        return self.n_used / self.n_pairs

    def _repr_html_(self) -> str:
        row = f"{self.n_pairs:,}", percent(self.coverage), decimals(self.spearman), decimals(self.pearson)
        return html_table((">pairs", ">coverage", ">Spearman", ">Pearson"), [row])

    def to_dict(self) -> dict[str, Any]:
        """Return the result in JSON types, with None for NaN."""
        correlations = {"spearman": or_none(self.spearman), "pearson": or_none(self.pearson)}
        return asdict(self) | correlations | {"coverage": self.coverage}


def count_known_pairs(words: Sequence[str], path: str | os.PathLike[str], *, lowercase: bool = True) -> int:
    """Return how many pairs `evaluate_word_pairs` would use for a model with these words; same parameters."""
    known = {word.lower() if lowercase else word for word in words}
    return sum(known.issuperset(pair[:2]) for pair in _read_pairs(path, lowercase))


def evaluate_word_pairs(embeddings: Embeddings, path: str | os.PathLike[str], *, lowercase: bool = True) -> PairsReport:
    """Compare the model's cosines with human scores of word pairs.

    Parameters
    ----------
    embeddings : Embeddings
        The model. With ``subwords``, unseen words have vectors from their n-grams and are used too.
    path : str or path-like
        Text in UTF-8, compressed or not, with columns separated by tabs, semicolons, commas or white space. Each line
        has two words; the score is the first column after them that is a number, perhaps with a decimal comma. A column
        of line numbers may come first. Lines beginning with ``#`` are comments; a first line without a number counts as
        a header. WordSim-353, SimLex-999 and MEN have this format.
    lowercase : bool, default True
        Ignore case, as in `evaluate_analogies`.

    Returns
    -------
    PairsReport

    Raises
    ------
    EvaluationError
        If the file cannot be read or has no pairs, or a line is not two words and a score.
    """
    pairs = list(_read_pairs(path, lowercase))
    rows, _ = first_rows(embeddings.index_to_key, lowercase)
    vectors = {}
    for word in {word for first, second, _ in pairs for word in (first, second)}:
        row = rows.get(word, embeddings.get_index(word, -1))  # as other queries find it: a phrase, or composed letters
        if row >= 0:
            vectors[word] = embeddings.rows([row])[0]
        elif embeddings.subwords is not None and (made := embeddings.subwords.vector(word)) is not None:
            vectors[word] = made
    used = [pair for pair in pairs if pair[0] in vectors and pair[1] in vectors]
    if not used:
        return PairsReport(math.nan, math.nan, len(pairs), 0)
    first = np.stack([vectors[word] for word, _, _ in used])
    second = np.stack([vectors[word] for _, word, _ in used])
    return _report(_pair_cosines(first, second), used, len(pairs))


def evaluate_spelling(path: str | os.PathLike[str], *, lowercase: bool = True) -> PairsReport:
    """Compare similarity of spelling with human scores: a baseline for word vectors.

    The similarity of two words is Dice's coefficient of their trigrams, word boundaries included, so all pairs are
    used. For the parameters and errors see `evaluate_word_pairs`.
    """
    pairs = list(_read_pairs(path, lowercase))
    alike = np.array([_shared_trigrams(first, second) for first, second, _ in pairs])
    return _report(alike, pairs, len(pairs))


def _report(similarities: NDArray[np.float64], used: Sequence[tuple[str, str, float]], n_pairs: int) -> PairsReport:
    """Return the correlations between the similarities, shape (n,), of the used pairs and their scores."""
    scores = np.array([score for _, _, score in used])
    spearman, pearson = correlation(ranks(similarities), ranks(scores)), correlation(similarities, scores)
    return PairsReport(spearman, pearson, n_pairs, len(used))


def _shared_trigrams(first: str, second: str) -> float:
    """Return Dice's coefficient of the trigrams of two words."""
    a, b = ({word[i : i + 3] for i in range(len(word) - 2)} for word in (f"<{first}>", f"<{second}>"))
    return 2 * len(a & b) / (len(a) + len(b))


def _read_pairs(path: str | os.PathLike[str], lowercase: bool) -> Iterator[tuple[str, str, float]]:
    """Yield the two words and the score of each line."""
    lines: list[tuple[int, str, list[str]]] = []
    for number, text in read_lines(path):
        line = text.strip()
        if line and not line.startswith("#"):
            lines.append((number, line, _columns(line.lower() if lowercase else line)))
    if lines and not any(map(_looks_like_score, lines[0][2][2:])):  # the names of the columns
        del lines[0]
    if not lines:
        raise EvaluationError(f"{os.fspath(path)} holds no word pair: expected lines of two words and a score")
    first = 1 if all(_is_numbered(columns) for _, _, columns in lines) else 0
    for number, line, columns in lines:
        words = columns[first : first + 2]
        score = next((value for value in map(_parse_score, columns[first + 2 :]) if value is not None), None)
        if score is None or not all(words):
            raise EvaluationError(
                f"{os.fspath(path)}, line {number}: expected two words and a score, not {line[:60]!r}"
            )
        yield words[0], words[1], score


def _columns(line: str) -> list[str]:
    """Return the columns of a line: between tabs, else semicolons or commas, quoted or not, else white space."""
    if "\t" in line:
        columns = line.split("\t")
    else:
        mark = next((mark for mark in ";," if line.count(mark) > 1), None)
        columns = line.split() if mark is None else next(csv.reader([line], delimiter=mark, skipinitialspace=True))
    return [column.strip() for column in columns]


def _is_numbered(columns: list[str]) -> bool:
    """Tell whether two words stand behind the number of their line."""
    words = columns[1:3]
    return columns[0].isdecimal() and len(words) == 2 and not any(map(_looks_like_score, words))


def _looks_like_score(text: str) -> bool:
    """Tell whether a text is a number, infinity or NaN, which is no score, but no name of a column either."""
    try:
        float(_DECIMAL_COMMA.sub(".", text))
    except ValueError:
        return False
    return True


def _parse_score(text: str) -> float | None:
    """Return a finite number, which may have a decimal comma, or None if the text is none."""
    score = float(_DECIMAL_COMMA.sub(".", text)) if _looks_like_score(text) else math.nan
    return score if math.isfinite(score) else None


def _pair_cosines(first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the cosine of each pair of rows, 0 if one is zero; shape (n,), float64."""
    a, b = first.astype(np.float64), second.astype(np.float64)
    lengths = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    cosine: NDArray[np.float64] = (a * b).sum(axis=1) / np.where(lengths > 0, lengths, 1)
    return cosine
