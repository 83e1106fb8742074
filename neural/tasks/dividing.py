"""Which labelled things to train on, and which of every class in its proportion to measure by."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def stratified(
    wanted: NDArray[np.integer[Any]], count: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Divide n things whose classes are `wanted`, shape (n,); both parts are in rising order.

    `count` of them are set aside, or fewer, since of each class one stays. As with `stratify` of scikit-learn's
    `train_test_split`, a class's part of what is set aside is its part of everything, up to rounding.
    """
    n = len(wanted)
    order = rng.permutation(n)
    place = np.empty(n)  # in a queue where classes take turns
    for label in np.unique(wanted):
        own = order[wanted[order] == label]
        place[own] = np.where(np.arange(len(own)) < len(own) - 1, (np.arange(len(own)) + 0.5) / len(own), np.inf)
    apart = order[np.argsort(place[order], kind="stable")][:count]
    apart = np.sort(apart[np.isfinite(place[apart])])
    return np.setdiff1d(np.arange(n), apart), apart
