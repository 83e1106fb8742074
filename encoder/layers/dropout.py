"""Dropout: numbers are set to zero at random and the others scaled up, so that the expectation stays.

References
----------
Srivastava et al. 2014, Dropout, JMLR 15, 1929-1958.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import _row_kernels as kernels


class Draw(NamedTuple):
    """Which numbers are dropped: a function of these alone, so that nothing is kept for the backward pass.

    Attributes
    ----------
    rate : float
        Probability to be dropped, in [0, 1).
    seed : int
        One for each place in a network and each step of training, at least 0 and below 2**64.
    first_row : int
        The row of the whole batch that the first row here is: a part of a batch draws what the batch draws.
    """

    rate: float
    seed: int
    first_row: int = 0


def forward(x: NDArray[Any], draw: Draw | None) -> NDArray[Any]:
    """Return x, shape (N, E), with numbers dropped; x itself where there is no draw."""
    if draw is None or draw.rate == 0:
        return x
    y = np.empty_like(x)
    threshold, scale = round(draw.rate * 2**32), x.dtype.type(1 / (1 - draw.rate))
    kernels.drop(x.ravel(), draw.first_row * x.shape[1], np.uint64(draw.seed), np.uint64(threshold), scale, y.ravel())
    return y


def backward(dy: NDArray[Any], draw: Draw | None) -> NDArray[Any]:
    """Return dx: the same numbers are dropped, the others scaled alike."""
    return forward(dy, draw)
