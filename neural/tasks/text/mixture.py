"""A mixture of a network and n-grams: p = w · p(network) + (1 - w) · p(n-grams), with the best weight for a text.

The two complement each other: n-grams memorise word sequences of the text; a network sees a longer context and
similarities between words. The mixture is a distribution too, and on the text that decides its weight it is never worse
than the better of the two.

References
----------
Jelinek and Mercer 1980, Interpolated estimation of Markov source parameters from sparse data.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_HALVINGS = 40

Floats = NDArray[np.float64]


def mixed(network: Floats, ngrams: Floats, weight: float) -> Floats:
    """Return the log-probabilities of the mixture in which the network has this weight, in [0, 1]."""
    with np.errstate(divide="ignore"):  # for a weight of 0 or 1
        found: Floats = np.logaddexp(network + np.log(weight), ngrams + np.log1p(-weight))
    return found


def best_weight(network: Floats, ngrams: Floats) -> float:
    """Return the weight of the network that makes a text most probable, to within 1e-12.

    Parameters
    ----------
    network, ngrams : ndarray of shape (N,)
        Log-probabilities of the same N tokens, N > 0; no token has probability 0 in both.
    """
    most = np.maximum(network, ngrams)
    p, q = np.exp(network - most), np.exp(ngrams - most)
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):  # mean log (w p + (1 - w) q) is concave in w: find the zero of its slope
        weight = (low + high) / 2
        if np.mean((p - q) / (weight * p + (1 - weight) * q)) > 0:
            low = weight
        else:
            high = weight
    return (low + high) / 2
