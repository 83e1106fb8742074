"""The layers written token by token in Python floats, from the papers' formulae; imports nothing of the package."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def gelu(x: float) -> float:
    return x * (1 + math.erf(x / math.sqrt(2))) / 2


def layer_norm(row: Array, gain: Array, bias: Array, epsilon: float) -> Array:
    mean = sum(row) / len(row)
    variance = sum((number - mean) ** 2 for number in row) / len(row)
    return np.array(
        [(number - mean) / math.sqrt(variance + epsilon) * g + b for number, g, b in zip(row, gain, bias, strict=True)]
    )


def turn(head: Array, position: int) -> Array:
    """Return a head's numbers, the pairs (k, k + half) turned by position / 10000**(2 k / size)."""
    half = len(head) // 2
    turned = np.empty(len(head))
    for k in range(half):
        angle = position / 10000 ** (2 * k / len(head))
        turned[k] = head[k] * math.cos(angle) - head[half + k] * math.sin(angle)
        turned[half + k] = head[k] * math.sin(angle) + head[half + k] * math.cos(angle)
    return turned


def attention(
    q: Array,
    k: Array,
    v: Array,
    n_heads: int,
    *,
    causal: bool = False,
    mask: Array | None = None,
    bias: Array | None = None,
    rotary: bool = False,
) -> tuple[Array, Array]:
    """Return y, shape (T, E), and weights, shape (n_heads, T, S), of one sentence."""
    size = q.shape[1] // n_heads
    y, weights = np.zeros(q.shape), np.zeros((n_heads, len(q), len(k)))
    for h in range(n_heads):
        own = slice(h * size, (h + 1) * size)
        for i in range(len(q)):
            scores: dict[int, float] = {}
            for j in range(len(k)):
                if (causal and j > i) or (mask is not None and not mask[j]):
                    continue
                query, key = q[i, own], k[j, own]
                if rotary:
                    query, key = turn(query, i), turn(key, j)
                scores[j] = float(query @ key) / math.sqrt(size)
                if bias is not None:
                    reach = bias.shape[1] // 2
                    scores[j] += bias[h, max(-reach, min(reach, j - i)) + reach]
            total = sum(math.exp(score) for score in scores.values())
            for j, score in scores.items():
                weights[h, i, j] = math.exp(score) / total
                y[i, own] += weights[h, i, j] * v[j, own]
    return y, weights
