"""Whether confidence means what it says: what was said with some confidence, beside how much of it is right."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Bins = list[tuple[int, float, float]]
"""Of each bin of confidence with something in it: how many answers, their mean confidence, the fraction right."""

_BINS = 15


def reliability(confidence: NDArray[np.floating[Any]], right: NDArray[np.bool_]) -> Bins:
    """Return the answers in 15 bins of equal width, by rising confidence; bins without any are left out."""
    rows = np.minimum((confidence * _BINS).astype(np.int64), _BINS - 1)
    counts = np.bincount(rows, minlength=_BINS)
    sums = (np.bincount(rows, weights=each, minlength=_BINS) for each in (confidence, right))
    mean, accuracy = (each / np.maximum(counts, 1) for each in sums)
    return [(int(n), float(p), float(a)) for n, p, a in zip(counts, mean, accuracy, strict=True) if n]


def calibration_error_of(bins: Bins) -> float:
    """Return how far confidence and accuracy are apart, the mean over all answers; NaN of none.

    References
    ----------
    Guo et al. 2017, On calibration of modern neural networks, arXiv:1706.04599 (expected calibration error).
    """
    total = sum(n for n, _, _ in bins)
    return sum(n * abs(p - a) for n, p, a in bins) / total if total else float("nan")
