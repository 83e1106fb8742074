"""What each word of a text contributes to the answer of a classifier: exactly where it is linear, else by leaving out.

Without layers the logits are a sum over features, z = Σ output row(f) / n, or undivided, so that each feature has its
part of them: a word that of itself and of its n-grams, and of each run of words as much as the others in it. All parts,
and that of the end of the text, add up to z. With layers there is no such sum: the text is classified again without
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
    """What the words of a text contribute to the log-odds of each class.

    Attributes
    ----------
    words : list of str
        As the classifier reads them.
    values : ndarray of shape (N, K)
        Exact: parts of the logits, over the temperature; the difference of two columns adds up, with that of `rest`, to
        log(p / q) of their two classes, and, where a text may have several labels, a column to the log-odds of its
        class. Else what the log-odds of each class lose without the word.
    rest : ndarray of shape (K,)
        What belongs to no word: the end of the text. Zero where words were left out.
    is_exact : bool
    """

    words: list[str]
    values: Floats
    rest: Floats
    is_exact: bool


def linear_contributions(
    features: BagFeatures, linear: Linear, text: str, temperature: float, *, is_sum: bool = False
) -> Contributions:
    """Return what each word adds to the logits of a classifier without layers, exactly."""
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
        if m > 0:  # without what is in the two shorter runs within, each feature once
            own = own - sums[m - 1][:-1] - sums[m - 1][1:] + (sums[m - 2][1:-1] if m > 1 else 0)
        for place in range(m + 1):
            parts[place : place + len(own)] += own / (m + 1)
    n = 1.0 if is_sum else max(parts[:, -1].sum(), 1)
    values = parts[:, :-1] @ output.T / (n * temperature)
    return Contributions(tokens[:-1], values[:-1], values[-1], True)


def left_out(predict_proba: Callable[[Sequence[str]], Floats], words: list[str]) -> Contributions:
    """Return what the log-odds of each class lose without each word."""
    p = predict_proba([" ".join(words), *(" ".join(words[:i] + words[i + 1 :]) for i in range(len(words)))])
    odds = np.log(np.maximum(p, _TINY)) - np.log(np.maximum(1 - p, _TINY))
    return Contributions(words, odds[0] - odds[1:], np.zeros(p.shape[1]), False)
