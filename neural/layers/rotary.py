"""Rotary positions: queries and keys are rotated by their positions, so that their products depend on distances.

References
----------
Su et al. 2021, RoFormer, arXiv:2104.09864, section 3.2. Derivation: docs/derivations/positions.md.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from w2v.neural.buffers import empty
from w2v.neural.kernels import rows as kernels
from w2v.neural.layers.positions import places

BASE = 10000.0
"""Pair k of a head of size D rotates by position · BASE ** (−2 k / D)."""


class Cache(NamedTuple):
    """Values that `backward` needs."""

    cos: NDArray[Any]
    sin: NDArray[Any]
    positions: NDArray[np.int64]
    n_heads: int


def forward(x: NDArray[Any], offsets: NDArray[np.int64], n_heads: int) -> tuple[NDArray[Any], Cache]:
    """Rotate pairs (k, k + D / 2) of every head of x, shape (N, n_heads · D) with even D, by the position's angle."""
    positions = places(offsets)
    cos, sin = angles(int(positions.max(initial=-1)) + 1, x.shape[1] // n_heads, x.dtype)
    cache = Cache(cos, sin, positions, n_heads)
    y = empty(x.shape, x.dtype)
    kernels.rotate(x, n_heads, cos, sin, positions, 1, y)
    return y, cache


def backward(dy: NDArray[Any], cache: Cache) -> NDArray[Any]:
    """Return dx: the gradient rotated back, since the transpose of a rotation is its inverse."""
    dx = empty(dy.shape, dy.dtype)
    kernels.rotate(dy, cache.n_heads, cache.cos, cache.sin, cache.positions, -1, dx)
    return dx


def angles(n_positions: int, head_size: int, dtype: DTypeLike) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the cosines and sines of all angles, shape (n_positions, head_size / 2), computed in float64."""
    turns = np.arange(n_positions)[:, None] * BASE ** (-2 * np.arange(head_size // 2) / head_size)
    return np.cos(turns).astype(dtype), np.sin(turns).astype(dtype)
