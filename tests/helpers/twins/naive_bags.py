"""fastText's features and the training of its classifier, written out in float64."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Rows = Sequence[Sequence[int]]
END = "</s>"


def word_hash(word: str) -> int:
    """Return the 32-bit FNV-1a hash, with bytes read as signed."""
    h = 2166136261
    for byte in word.encode():
        h = ((h ^ (byte if byte < 128 else byte | 0xFFFFFF00)) * 16777619) & 0xFFFFFFFF
    return h


def signed(h: int) -> int:
    """Return 32 bits read as a signed integer."""
    return h - (1 << 32) if h >= 1 << 31 else h


def run_buckets(words: Sequence[str], longest: int, buckets: int) -> list[int]:
    """Return the bucket of each run of two to `longest` words."""
    found = []
    for i in range(len(words)):
        h = signed(word_hash(words[i])) % (1 << 64)
        for j in range(i + 1, min(i + longest, len(words))):
            h = (h * 116049371 + signed(word_hash(words[j]))) % (1 << 64)
            found.append(h % buckets)
    return found


def ngram_buckets(word: str, min_n: int, max_n: int, buckets: int) -> list[int]:
    """Return the bucket of each n-gram of a word's characters."""
    bordered = f"<{word}>"
    return [
        word_hash(bordered[start : start + n]) % buckets
        for start in range(len(bordered))
        for n in range(min_n, max_n + 1)
        if start + n <= len(bordered) and not (n == 1 and start in (0, len(bordered) - 1))
    ]


def probabilities(z: NDArray[np.float64], *, one_of_many: bool) -> NDArray[np.float64]:
    """Return the softmax of the logits, or the sigmoid of each."""
    e: NDArray[np.float64] = np.exp(z - z.max()) if one_of_many else 1 / (1 + np.exp(-z))
    return e / e.sum() if one_of_many else e


def train(
    bags: Rows,
    classes: Rows,
    weights: NDArray[np.float64],
    order: Sequence[int],
    table: NDArray[np.float64],
    output: NDArray[np.float64],
    rates: tuple[float, float],
    *,
    one_of_many: bool,
) -> float:
    """Take one step for each text in `order`, in place; return the sum of the losses."""
    loss = 0.0
    for step, text in enumerate(order):
        rate = rates[0] + (rates[1] - rates[0]) * step / len(order)
        rows = list(bags[text])
        if not rows:
            continue
        h = table[rows].mean(axis=0)
        p = probabilities(output @ h, one_of_many=one_of_many)
        wanted = np.isin(np.arange(len(output)), classes[text])
        weight = np.full(len(output), weights[classes[text][0]]) if one_of_many else weights
        parts = np.log(p[wanted]), np.log(1 - p[~wanted]) * (not one_of_many)
        loss -= float((weight[wanted] * parts[0]).sum() + (weight[~wanted] * parts[1]).sum())
        g = rate * weight * (wanted - p)
        moved = g @ output
        output += np.outer(g, h)
        np.add.at(table, rows, moved / len(rows))
    return loss
