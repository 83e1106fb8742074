"""The layers, token by token in Python floats, from the papers' formulae; imports nothing from the package."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
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
    """Return a head's vector with the pairs (k, k + half) rotated by position / 10000**(2 k / size)."""
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
    """Return y, shape (T, E), and the attention weights, shape (n_heads, T, S), of one sentence."""
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


def bert(
    arrays: Mapping[str, Array],
    ids: Sequence[int],
    n_heads: int,
    *,
    first_position: int = 0,
    epsilon: float = 1e-12,
    token_types: Sequence[int] | None = None,
) -> Array:
    """Return the last hidden states of one sentence, shape (T, E), from arrays under the names that transformers uses.

    Token t has row `first_position` + t of the position embeddings, and type 0 unless `token_types` is given.
    """
    numbers = {name: np.asarray(array, np.float64) for name, array in arrays.items()}

    def linear(x: Array, name: str) -> Array:
        return np.array([numbers[f"{name}.weight"] @ row + numbers[f"{name}.bias"] for row in x])

    def norm(x: Array, name: str) -> Array:
        return np.array([layer_norm(row, numbers[f"{name}.weight"], numbers[f"{name}.bias"], epsilon) for row in x])

    words, positions, types = (
        numbers[f"embeddings.{name}_embeddings.weight"] for name in ("word", "position", "token_type")
    )
    of_type = token_types or [0] * len(ids)
    x = norm(
        np.array([words[i] + positions[first_position + t] + types[of_type[t]] for t, i in enumerate(ids)]),
        "embeddings.LayerNorm",
    )
    layer = 0
    while f"encoder.layer.{layer}.output.dense.weight" in numbers:
        own = f"encoder.layer.{layer}"
        q, k, v = (linear(x, f"{own}.attention.self.{name}") for name in ("query", "key", "value"))
        mixed = linear(attention(q, k, v, n_heads)[0], f"{own}.attention.output.dense")
        x = norm(x + mixed, f"{own}.attention.output.LayerNorm")
        inner = np.vectorize(gelu)(linear(x, f"{own}.intermediate.dense"))
        x = norm(x + linear(inner, f"{own}.output.dense"), f"{own}.output.LayerNorm")
        layer += 1
    return x
