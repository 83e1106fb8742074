"""Dropout: random values are set to zero and the others scaled up, which preserves the expectation.

References
----------
Srivastava et al. 2014, Dropout, JMLR 15, 1929-1958.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.neural.buffers import empty
from w2v.neural.kernels import rows as kernels


class DropoutMask(NamedTuple):
    """Which values a layer drops, computed from these fields alone, so that the backward pass needs no stored mask.

    Attributes
    ----------
    rate : float
        Probability of being dropped, in [0, 1).
    seed : int
        Distinct for each place in a network and each training step; at least 0 and below 2**64.
    first_row : int
        Index of the first row within the whole batch, so that part of a batch drops the same values as the batch.
    """

    rate: float
    seed: int
    first_row: int = 0


class Dropout(NamedTuple):
    """What a network drops in one training step.

    Attributes
    ----------
    rate : float
        Probability of being dropped, in [0, 1).
    seed : int
        Distinct for each step, at least 0.
    first_row : int
        Index of the first row within the whole batch.
    """

    rate: float
    seed: int
    first_row: int = 0

    def mask(self, place: int) -> DropoutMask | None:
        """Return the mask for a place in the network; None if nothing is dropped."""
        if not self.rate:
            return None
        state = np.random.SeedSequence([self.seed, place]).generate_state(1, np.uint64)
        return DropoutMask(self.rate, int(state[0]), self.first_row)


def forward(x: NDArray[Any], mask: DropoutMask | None) -> NDArray[Any]:
    """Return x, shape (N, E), with values dropped; x itself without a mask."""
    if mask is None or mask.rate == 0:
        return x
    y = empty(x.shape, x.dtype)
    kernels.drop(x.ravel(), *_drawn(x, mask), y.ravel())
    return y


def add(h: NDArray[Any], x: NDArray[Any], mask: DropoutMask | None) -> NDArray[Any]:
    """Return h + `forward` of x, both of shape (N, E), in the memory of x."""
    if mask is None or mask.rate == 0:
        total: NDArray[Any] = np.add(h, x, out=x)
        return total
    kernels.drop_onto(x.ravel(), *_drawn(x, mask), h.ravel())
    return x


def _drawn(x: NDArray[Any], mask: DropoutMask) -> tuple[Any, ...]:
    """Return what the kernels draw by: the number of the first value, the seed, the threshold and the scale."""
    threshold, scale = np.uint64(round(mask.rate * 2**32)), x.dtype.type(1 / (1 - mask.rate))
    return mask.first_row * x.shape[1], np.uint64(mask.seed), threshold, scale


def backward(dy: NDArray[Any], mask: DropoutMask | None) -> NDArray[Any]:
    """Return dx: the same values are dropped, the others scaled in the same way."""
    return forward(dy, mask)
