"""Reliability: the accuracy of predictions by their confidence."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Bins = list[tuple[int, float, float]]
"""For each non-empty bin of confidence: the number of predictions, their mean confidence, and their accuracy."""

_BINS = 15


def reliability(confidence: NDArray[np.floating[Any]], right: NDArray[np.bool_]) -> Bins:
    """Return the predictions in 15 bins of equal width by confidence, without empty bins."""
    rows = np.minimum((confidence * _BINS).astype(np.int64), _BINS - 1)
    counts = np.bincount(rows, minlength=_BINS)
    sums = (np.bincount(rows, weights=each, minlength=_BINS) for each in (confidence, right))
    mean, accuracy = (each / np.maximum(counts, 1) for each in sums)
    return [(int(n), float(p), float(a)) for n, p, a in zip(counts, mean, accuracy, strict=True) if n]


def calibration_error_of(bins: Bins) -> float:
    """Return the mean distance of confidence and accuracy over all predictions; NaN without any.

    References
    ----------
    Guo et al. 2017, On calibration of modern neural networks, arXiv:1706.04599 (expected calibration error).
    """
    total = sum(n for n, _, _ in bins)
    return sum(n * abs(p - a) for n, p, a in bins) / total if total else float("nan")
