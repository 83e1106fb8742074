"""Plain twins of the static path, in Python and float64; nothing is imported from the packages under test."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_64 = (1 << 64) - 1


def sif_sum(
    tokens: Sequence[str], vectors: dict[str, NDArray[np.float64]], share: dict[str, float], a: float
) -> NDArray[np.float64]:
    """Return the sum of a / (a + p(w)) * v(w) over the known words of a sentence, shape (D,)."""
    total: NDArray[np.float64] = np.zeros_like(next(iter(vectors.values())))
    for token in tokens:
        if token in vectors:
            total = total + a / (a + share[token]) * vectors[token]
    return total


def row_scale(vectors: NDArray[np.float64], n_frequent: int) -> float:
    """Return 1 / sqrt(mean squared length of the first `n_frequent` rows)."""
    lengths = [float(np.dot(row, row)) for row in vectors[:n_frequent]]
    return float((len(lengths) / sum(lengths)) ** 0.5)


def spelling_signs(word: str, width: int) -> list[int]:
    """Return +1 or -1 for each column: the bits of SplitMix64 seeded with the 64-bit FNV-1a hash of the spelling."""
    seed = 0xCBF29CE484222325
    for byte in word.encode():
        seed = ((seed ^ byte) * 0x100000001B3) & _64
    signs: list[int] = []
    while len(signs) < width:
        seed = (seed + 0x9E3779B97F4A7C15) & _64
        z = seed
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _64
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _64
        z ^= z >> 31
        signs += [-1 if z >> bit & 1 else 1 for bit in range(64)]
    return signs[:width]


def hashed_slot(word: str, columns: int) -> tuple[int, int]:
    """Return a word's column and its sign, given by the last bit of its hash."""
    z = 0xCBF29CE484222325
    for byte in word.encode():
        z = ((z ^ byte) * 0x100000001B3) & _64
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _64
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _64
    z ^= z >> 31
    return (z >> 1) % columns, -1 if z & 1 else 1


def hashed_bag(tokens: Sequence[str], share: dict[str, float], a: float, columns: int) -> NDArray[np.float64]:
    """Return a sentence's bag of words, shape (columns,); words without a share have weight 1."""
    bag = np.zeros(columns)
    for token in tokens:
        column, sign = hashed_slot(token, columns)
        bag[column] += sign * (a / (a + share[token]) if token in share else 1.0)
    return bag


def side_by_side(blocks: Sequence[tuple[NDArray[np.float64], float]]) -> NDArray[np.float64]:
    """Return the blocks concatenated, each scaled to the length of its weight; zeros stay zeros."""
    parts = [block * (weight / np.linalg.norm(block)) if block.any() else block for block, weight in blocks]
    return np.concatenate(parts)
