"""Contributions of words to a classifier's answer: exact if it is linear, otherwise by leaving each word out.

Without layers, the logits are a sum over features, z = Σ output row(f) / n, or undivided, so each feature contributes a
part. A word gets the parts of itself and its character n-grams, and an equal share of each word n-gram it is in. These
parts and that of the end of the text sum to z. With layers there is no such sum: the text is classified again without
each word.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.neural.kernels.bags import Linear
from w2v.neural.tasks.labels.classification.ngrams.bags import BagFeatures

Floats = NDArray[np.float64]
_TINY = 1e-12


class Contributions(NamedTuple):
    """Contributions of the words of a text to the log-odds of each class.

    Attributes
    ----------
    words : list of str
        As the classifier reads them.
    values : ndarray of shape (N, K)
        If exact: parts of the logits divided by the temperature. The difference of two columns, including `rest`, sums
        to log(p / q) of their classes; with several labels per text, a column sums to the log-odds of its class.
        Otherwise: the decrease of each class's log-odds when the word is left out.
    rest : ndarray of shape (K,)
        Contribution of no word: that of the end of the text. Zero if words were left out.
    is_exact : bool
    """

    words: list[str]
    values: Floats
    rest: Floats
    is_exact: bool


def linear_contributions(
    features: BagFeatures, linear: Linear, text: str, temperature: float, *, is_sum: bool = False
) -> Contributions:
    """Return the exact contribution of each word to the logits of a classifier without layers."""
    tokens, runs = features.runs(text)
    table, output = (each.reshape(-1, linear.width).astype(np.float64) for each in linear[:2])
    sums = []
    for bags in runs:
        total = np.zeros((len(bags.starts) - 1, linear.width + 1))  # the last column counts
        owners = np.repeat(np.arange(len(total)), np.diff(bags.starts))
        np.add.at(total[:, :-1], owners, table[bags.features])
        np.add.at(total[:, -1], owners, 1)
        sums.append(total)
    parts = np.zeros((len(tokens), linear.width + 1))
    for m, own in enumerate(sums):
        if m > 0:  # minus the two shorter runs inside, so that each feature counts once
            own = own - sums[m - 1][:-1] - sums[m - 1][1:] + (sums[m - 2][1:-1] if m > 1 else 0)
        for place in range(m + 1):
            parts[place : place + len(own)] += own / (m + 1)
    n = 1.0 if is_sum else max(parts[:, -1].sum(), 1)
    values = parts[:, :-1] @ output.T / (n * temperature)
    return Contributions(tokens[:-1], values[:-1], values[-1], True)


def left_out(predict_proba: Callable[[Sequence[str]], Floats], words: list[str]) -> Contributions:
    """Return the decrease of each class's log-odds when each word is left out."""
    p = predict_proba([" ".join(words), *(" ".join(words[:i] + words[i + 1 :]) for i in range(len(words)))])
    odds = np.log(np.maximum(p, _TINY)) - np.log(np.maximum(1 - p, _TINY))
    return Contributions(words, odds[0] - odds[1:], np.zeros(p.shape[1]), False)
