"""Measures of encoders: scored sentence pairs, classification, word order, and the comparison of two encoders.

An encoder is any callable from a list of sentences to an array of shape (n, d). Results are kept per item, so that
`compare` can resample them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.tokenizers import Tokenizer, WordsTokenizer
from w2v.display.html import html_table
from w2v.display.wording import decimals, percent
from w2v.encoder.evaluation.classifier import choose_penalty, cross_validated, predict, stratified
from w2v.encoder.evaluation.files import LabelledSentences, ScoredPairs
from w2v.evaluation import EvaluationError, correlation, or_none, ranks

Encode = Callable[[Sequence[str]], NDArray[Any]]
"""Maps n sentences to n vectors."""

FOLDS = 10
PROBE_FOLDS = 5
N_RESAMPLES = 2_000
_MIN_PROBE_TOKENS = 4


@dataclass(frozen=True)
class StsReport:
    """Agreement of an encoder's cosines with human scores.

    Attributes
    ----------
    cosines, scores : ndarray of shape (n,), float64
        One per pair. The cosine with a zero vector is 0.
    is_empty : ndarray of shape (n,), bool, optional
        Whether either sentence of the pair has a zero vector.
    genres : tuple of n (str, str), or empty
        See `ScoredPairs`.
    """

    cosines: NDArray[np.float64]
    scores: NDArray[np.float64]
    is_empty: NDArray[np.bool_] | None = None
    genres: tuple[tuple[str, str], ...] = ()

    @property
    def n_empty(self) -> int:
        """Number of pairs in which a sentence has a zero vector."""
        return 0 if self.is_empty is None else int(self.is_empty.sum())

    @property
    def by_genre(self) -> dict[str, StsReport]:
        """Reports by genre, and by collection, as "genre/file", if a genre has several.

        They are in order of first occurrence; empty if the pairs have no genres.
        """
        rows: dict[str, dict[str, list[int]]] = {}
        for row, (genre, file) in enumerate(self.genres):
            rows.setdefault(genre, {}).setdefault(file, []).append(row)
        parts: dict[str, StsReport] = {}
        for genre, files in rows.items():
            parts[genre] = self._part(sorted(row for own in files.values() for row in own))
            if len(files) > 1:
                parts |= {f"{genre}/{file}": self._part(own) for file, own in files.items()}
        return parts

    def _part(self, rows: list[int]) -> StsReport:
        """Return the report of some pairs, without genres."""
        empty = None if self.is_empty is None else self.is_empty[rows]
        return StsReport(self.cosines[rows], self.scores[rows], empty)

    @property
    def spearman(self) -> float:
        """Spearman's rank correlation; NaN if one side is constant."""
        return spearman(self.cosines, self.scores)

    @property
    def pearson(self) -> float:
        """Pearson correlation; NaN if one side is constant."""
        return correlation(self.cosines, self.scores)

    @property
    def figure(self) -> float:
        """The figure that `compare` uses: Spearman's correlation."""
        return self.spearman

    def resampled(self, items: NDArray[np.intp]) -> float:
        """Return Spearman's correlation of the resampled pairs."""
        return spearman(self.cosines[items], self.scores[items])

    def __len__(self) -> int:
        return len(self.scores)

    def _repr_html_(self) -> str:
        parts = {"all": self} | self.by_genre
        rows = [
            (name, f"{len(part):,}", decimals(part.spearman), decimals(part.pearson), f"{part.n_empty:,}")
            for name, part in parts.items()
        ]
        return html_table(("genre", ">pairs", ">Spearman", ">Pearson", ">without a known word"), rows)

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON values, NaN as None; includes those of the genres, if there are any."""
        genres = {name: part.to_dict() for name, part in self.by_genre.items()}
        return {
            "n_pairs": len(self),
            "n_empty": self.n_empty,
            "spearman": or_none(self.spearman),
            "pearson": or_none(self.pearson),
            **({"genres": genres} if genres else {}),
        }


@dataclass(frozen=True)
class AccuracyReport:
    """Which items a linear classifier on the encoder's vectors classified correctly when they were held out.

    Attributes
    ----------
    correct : ndarray of shape (n,), bool
    n_labels : int
    majority : float
        Fraction of the most frequent label, the accuracy of always answering with it.
    """

    correct: NDArray[np.bool_]
    n_labels: int
    majority: float

    @property
    def accuracy(self) -> float:
        """Fraction of correct answers."""
        return float(self.correct.mean())

    @property
    def figure(self) -> float:
        """The figure that `compare` uses: the accuracy."""
        return self.accuracy

    def resampled(self, items: NDArray[np.intp]) -> float:
        """Return the accuracy of the resampled items."""
        return float(self.correct[items].mean())

    def __len__(self) -> int:
        return len(self.correct)

    def _repr_html_(self) -> str:
        row = f"{len(self):,}", f"{self.n_labels:,}", percent(self.accuracy), percent(self.majority)
        return html_table((">sentences", ">labels", ">accuracy", ">most frequent label"), [row])

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON values."""
        return {
            "n_sentences": len(self),
            "n_labels": self.n_labels,
            "majority": self.majority,
            "accuracy": self.accuracy,
        }


Report = StsReport | AccuracyReport


class Measured(Protocol):
    """A result per item, so that it can be compared by resampling."""

    @property
    def figure(self) -> float:
        """The figure to compare."""
        ...

    def resampled(self, items: NDArray[np.intp]) -> float:
        """Return the figure of the resampled items."""
        ...

    def __len__(self) -> int: ...


@dataclass(frozen=True)
class Difference:
    """How much better one encoder is than another, and how certain that is.

    Attributes
    ----------
    difference : float
        Difference of the mean figures, first minus second.
    low, high : float
        The 95 % interval of the differences over bootstrap resamples of the items.
    p_worse : float
        Fraction of resamples in which the first is not better.
    """

    difference: float
    low: float
    high: float
    p_worse: float

    @property
    def is_sure(self) -> bool:
        """Whether 0 is outside the 95 % interval."""
        return self.low > 0 or self.high < 0

    def _repr_html_(self) -> str:
        row = f"{self.difference:+.4f}", f"{self.low:+.4f} … {self.high:+.4f}", "yes" if self.is_sure else "no"
        return html_table((">difference", ">95 % of draws", "sure"), [row])

    def to_dict(self) -> dict[str, float]:
        """Return the attributes by name."""
        return asdict(self)


def evaluate_sts(encode: Encode, pairs: ScoredPairs) -> StsReport:
    """Compare an encoder's cosines with human scores, overall and by genre.

    Raises
    ------
    EvaluationError
        If the vectors have the wrong shape or are not finite.
    """
    rows = _encoded(encode, [*pairs.first, *pairs.second])
    n = len(pairs)
    is_empty = np.logical_not(np.any(rows, axis=1)).reshape(-1)
    return StsReport(_cosines(rows[:n], rows[n:]), pairs.scores, is_empty[:n] | is_empty[n:], pairs.genres)


def evaluate_classification(
    encode: Encode,
    labelled: LabelledSentences,
    *,
    held_out: LabelledSentences | None = None,
    folds: int = FOLDS,
    seed: int = 0,
) -> AccuracyReport:
    """Classify sentences by logistic regression on the encoder's vectors.

    Parameters
    ----------
    encode : callable
    labelled : LabelledSentences
        Split into folds, each classified by a model trained on the others.
    held_out : LabelledSentences, optional
        If given, classify these instead, by one model trained on all of `labelled`.
    folds : int, default 10
        At least 2; fewer are used if a label has fewer sentences.
    seed : int, default 0
        Seed of the folds.

    Raises
    ------
    EvaluationError
        If the vectors have the wrong shape or are not finite, or a label has only one sentence.
    ValueError
        If `folds` is less than 2.

    Notes
    -----
    Vectors are scaled to length 1, and their columns to mean 0 and variance 1 on the training part. The regularisation
    strength is the best of four on a tenth of the (first) training part, and the same for all folds.
    """
    if folds < 2:
        raise ValueError(f"folds must be at least 2, not {folds}")
    names, classes = np.unique(np.array(labelled.labels), return_inverse=True)
    features = _units(_encoded(encode, labelled.sentences))
    if held_out is None:
        least = int(np.bincount(classes).min())
        if least < 2:
            rare = names[np.bincount(classes).argmin()]
            raise EvaluationError(f"{labelled.path}: the label {str(rare)!r:.80} has one sentence only")
        fold_of = stratified(classes, min(folds, least), seed)
        predicted = cross_validated(features, classes, fold_of, seed)
        expected = classes
    else:
        position = {name: index for index, name in enumerate(names.tolist())}
        expected = np.array([position.get(label, -1) for label in held_out.labels])
        penalty = choose_penalty(features, classes, seed)
        tested = _units(_encoded(encode, held_out.sentences))
        predicted = predict(features, classes, tested, penalty)
    majority = float(np.bincount(expected[expected >= 0], minlength=1).max() / len(expected))
    return AccuracyReport(predicted == expected, len(names), majority)


def swapped_neighbors(
    sentences: Sequence[str], tokenizer: Tokenizer | None = None, *, seed: int = 0
) -> tuple[list[str], list[str]]:
    """Return sentences, and the same sentences with two adjacent words swapped.

    Both forms are the words of the tokenizer, by default `WordsTokenizer()`, joined by spaces, so they differ only in
    word order. Sentences of fewer than four words, and those without two different adjacent words, are left out. The
    seed decides which words are swapped.
    """
    tokenize = WordsTokenizer() if tokenizer is None else tokenizer
    rng = np.random.default_rng(seed)
    intact, swapped = [], []
    for sentence in sentences:
        words = tokenize(sentence)
        places = [i for i in range(len(words) - 1) if words[i] != words[i + 1]]
        if len(words) < _MIN_PROBE_TOKENS or not places:
            continue
        i = places[rng.integers(len(places))]
        intact.append(" ".join(words))
        swapped.append(" ".join([*words[:i], words[i + 1], words[i], *words[i + 2 :]]))
    return intact, swapped


def probe_word_order(
    encode: Encode, sentences: Sequence[str], tokenizer: Tokenizer | None = None, *, seed: int = 0
) -> AccuracyReport:
    """Test whether a sentence's vector reveals that two adjacent words were swapped; chance is 50 %.

    A logistic regression classifies single vectors, half of them intact and half swapped; it is tested on sentences of
    which it has seen neither form. An encoder that sums word vectors cannot tell them apart.

    Parameters
    ----------
    encode : callable
    sentences : sequence of str
        See `swapped_neighbors`, also for `tokenizer` and `seed`.

    Returns
    -------
    AccuracyReport
        The intact sentences come first, then the swapped ones.

    Raises
    ------
    EvaluationError
        If fewer than 20 sentences are usable, or the vectors have the wrong shape or are not finite.
    """
    intact, swapped = swapped_neighbors(sentences, tokenizer, seed=seed)
    n = len(intact)
    if n < 4 * PROBE_FOLDS:
        raise EvaluationError(f"the word-order probe needs {4 * PROBE_FOLDS} sentences of four words or more, not {n}")
    features = _units(_encoded(encode, [*intact, *swapped]))
    fold_of = np.random.default_rng(seed).permutation(np.arange(n) % PROBE_FOLDS)
    classes = np.repeat([0, 1], n)
    both = np.tile(fold_of, 2)  # both forms of a sentence are in the same fold
    return AccuracyReport(cross_validated(features, classes, both, seed) == classes, 2, 0.5)


def compare(
    first: Sequence[Measured], second: Sequence[Measured], *, n_resamples: int = N_RESAMPLES, seed: int = 0
) -> Difference:
    """Compare two encoders measured on the same files by a paired bootstrap.

    Parameters
    ----------
    first, second : sequences of reports
        Reports of the one and of the other encoder, file by file. The mean of the files' figures is compared.
    n_resamples : int, default 2000
    seed : int, default 0

    Returns
    -------
    Difference

    Raises
    ------
    ValueError
        If there is no report, or the encoders were not measured on the same items.

    References
    ----------
    .. [1] Efron and Tibshirani 1993, An introduction to the bootstrap, chapter 16.
    """
    if not first or [len(report) for report in first] != [len(report) for report in second]:
        raise ValueError("encoders can only be compared on the same items, from at least one file")
    rng = np.random.default_rng(seed)
    drawn = np.empty(n_resamples)
    for k in range(n_resamples):
        differences = []
        for a, b in zip(first, second, strict=True):
            items = rng.integers(len(a), size=len(a))
            differences.append(a.resampled(items) - b.resampled(items))
        drawn[k] = np.mean(differences)
    measured = float(np.mean([a.figure - b.figure for a, b in zip(first, second, strict=True)]))
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    return Difference(measured, float(low), float(high), float(np.mean(drawn <= 0)))


def spearman(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Return Spearman's rank correlation, with mean ranks for ties; NaN if one side is constant."""
    return correlation(ranks(x), ranks(y))


def _encoded(encode: Encode, sentences: Sequence[str]) -> NDArray[np.float64]:
    rows = np.asarray(encode(list(sentences)))
    if rows.ndim != 2 or len(rows) != len(sentences):
        raise EvaluationError(f"the encoder returned an array of shape {rows.shape} for {len(sentences)} sentences")
    if not np.isfinite(rows).all():
        raise EvaluationError("the encoder returned a vector that is not finite")
    return rows.astype(np.float64)


def _units(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return rows scaled to length 1; zero rows stay zero."""
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    units: NDArray[np.float64] = rows / np.where(norms > 0, norms, 1)
    return units


def _cosines(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    cosines: NDArray[np.float64] = np.einsum("ij,ij->i", _units(first), _units(second))
    return cosines
