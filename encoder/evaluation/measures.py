"""Measures of encoders: scored sentence pairs, classification and word order.

An encoder is any callable from a list of sentences to an array of shape (n, d). Results are kept per item, so that
`w2v.encoder.evaluation.reports.compare` can resample them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.tokenizers import Tokenizer, WordsTokenizer
from w2v.encoder.evaluation.classifier import choose_penalty, cross_validated, predict, stratified
from w2v.encoder.evaluation.files import LabelledSentences, ScoredPairs
from w2v.encoder.evaluation.reports import AccuracyReport, StsReport
from w2v.evaluation import EvaluationError

Encode = Callable[[Sequence[str]], NDArray[Any]]
"""Maps n sentences to n vectors."""

FOLDS = 10
PROBE_FOLDS = 5
_MIN_PROBE_TOKENS = 4


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
