"""Stratified splits: examples to train on, and held-out examples with the same proportions of classes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def stratified(
    wanted: NDArray[np.integer[Any]], count: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Divide n examples with the classes `wanted`, shape (n,); both parts are in ascending order.

    `count` examples are held out, or fewer, because one of each class stays. As with `stratify` of scikit-learn's
    `train_test_split`, the held-out part has the same proportions of classes, up to rounding.
    """
    n = len(wanted)
    order = rng.permutation(n)
    place = np.empty(n)  # position in a queue in which classes take turns
    for label in np.unique(wanted):
        own = order[wanted[order] == label]
        place[own] = np.where(np.arange(len(own)) < len(own) - 1, (np.arange(len(own)) + 0.5) / len(own), np.inf)
    apart = order[np.argsort(place[order], kind="stable")][:count]
    apart = np.sort(apart[np.isfinite(place[apart])])
    return np.setdiff1d(np.arange(n), apart), apart
