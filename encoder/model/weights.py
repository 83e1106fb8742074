"""Word weights in closed form, from the probabilities of words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from w2v.encoding.vocabulary import Vocabulary

if TYPE_CHECKING:
    from w2v.vectors.embeddings import Embeddings

SENTENCE_LENGTH = 11
"""Assumed number of words of a sentence, as in uSIF's paper."""

_N_FREQUENT = 20_000
_ZIPF_SHIFT = 2.7  # Mandelbrot's: p is in proportion to 1 / (rank + 2.7)


def word_probabilities(vocabulary: Vocabulary) -> NDArray[np.float64]:
    """Return the fraction of each word in the training corpus, shape (V,).

    Without counts, or with only zeros, the fractions follow Zipf's law in the order of the words.
    """
    counts = vocabulary.counts
    if counts is not None and counts.any():
        fractions: NDArray[np.float64] = counts / counts.sum()
        return fractions
    guess = 1 / (np.arange(1, len(vocabulary) + 1) + _ZIPF_SHIFT)
    guess /= guess.sum()
    return guess


def log_weights(probabilities: NDArray[np.float64], a: float) -> NDArray[np.float32]:
    """Return log(a / (a + p)) of every word, shape (V,), float32; zeros if `a` is infinite."""
    weights: NDArray[np.float32] = -np.log1p(probabilities / a).astype(np.float32)
    return weights


def row_scale(embeddings: Embeddings) -> float:
    """Return the factor that scales the 20,000 most frequent words' vectors to a root mean square length of 1.

    It is 1 if all of them are zero or one is not finite. Cosines do not depend on it; learning rates do.
    """
    vectors = embeddings.most_frequent(_N_FREQUENT).vectors
    total = float(np.einsum("ij,ij->", vectors, vectors, dtype=np.float64))
    return float(np.sqrt(len(vectors) / total)) if 0 < total < np.inf else 1.0


def typical_length(rows: NDArray[np.float32], probabilities: NDArray[np.float64]) -> float:
    """Return the root mean square length of the sum of the rows of eleven words, drawn by their probabilities."""
    mean = probabilities @ rows
    squares = float(probabilities @ np.einsum("ij,ij->i", rows, rows, dtype=np.float64))
    apart = squares - float(mean @ mean)
    return float(np.sqrt(SENTENCE_LENGTH * apart + SENTENCE_LENGTH**2 * float(mean @ mean)))


def usif_weights(probabilities: NDArray[np.float64], sentence_length: int) -> NDArray[np.float32]:
    """Return the logarithms of uSIF's word weights a / (a / 2 + p), shape (V,), float32.

    a = (1 - alpha) / (alpha V / 2), where alpha is the fraction of words with p > 1 - (1 - 1 / V)^n, which are expected
    in a random walk of n words, the `sentence_length`; at least one word is.

    References
    ----------
    .. [1] Ethayarajh 2018, Unsupervised random walk sentence embeddings, RepL4NLP, section 3.
    """
    if sentence_length < 1:
        raise ValueError(f"sentence_length must be at least 1, not {sentence_length}")
    n_words = len(probabilities)
    threshold = -np.expm1(sentence_length * np.log1p(-1 / n_words)) if n_words > 1 else 1.0
    alpha = max(1, int((probabilities > threshold).sum())) / n_words
    a = max(1 - alpha, 1 / n_words) / (alpha * n_words / 2)
    weights: NDArray[np.float32] = np.log(a / (a / 2 + probabilities)).astype(np.float32)
    return weights
