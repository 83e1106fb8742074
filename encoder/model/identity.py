"""A random direction for every spelling, so that unknown words still distinguish sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Compiled into kernels: the five constants below.
FNV_BASIS, FNV_PRIME = 0xCBF29CE484222325, 0x100000001B3
"""Constants of the 64-bit FNV-1a hash of a word's UTF-8 bytes."""

GOLDEN, MIX_1, MIX_2 = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
"""Constants of SplitMix64, which draws the signs."""

_64_BITS = (1 << 64) - 1
_WORDS_AT_ONCE = 1 << 12


@dataclass(frozen=True)
class Identity:
    """A fixed random direction for each word, derived from its spelling.

    Known words have it added to their row of the table, where training may move it. Unknown words have only this
    direction (and their n-grams, if any), so that two sentences with the same unknown name are similar.

    Parameters
    ----------
    scale : float
        Length of the direction, relative to rows whose root mean square length is 1.
    start : int, default 0
        First of the table's d columns that it uses: 0 shares all columns with the word vectors; their width gives it
        the columns after them.

    Raises
    ------
    ValueError
        If `scale` is not positive and finite, or `start` is negative.

    Notes
    -----
    The direction of a word is ±scale / sqrt(n) in each of its n columns. The sign of column j is bit ``j % 64`` of
    output ``j // 64`` of SplitMix64, seeded with the FNV-1a hash of the UTF-8 bytes; a set bit is minus. Two of them
    are nearly orthogonal: their cosine has mean 0 and standard deviation 1 / sqrt(n). Saved encoders depend on this.

    References
    ----------
    .. [1] Steele, Lea and Flood 2014, Fast splittable pseudorandom number generators, OOPSLA, figure 16.
    """

    scale: float
    start: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.scale < float("inf"):
            raise ValueError(f"the scale of the identity must be positive, not {self.scale}")
        if self.start < 0:
            raise ValueError(f"the first column of the identity must not be negative, not {self.start}")

    def directions(self, words: Sequence[str], n_columns: int) -> NDArray[np.float32]:
        """Return the directions of n words in a table of d columns, more than `start`, shape (n, d - start)."""
        width = n_columns - self.start
        directions = np.empty((len(words), width), np.float32)
        length = np.float32(self.scale / np.sqrt(width))
        for first in range(0, len(words), _WORDS_AT_ONCE):
            hashes = np.array([_fnv(word) for word in words[first : first + _WORDS_AT_ONCE]], np.uint64)
            directions[first : first + _WORDS_AT_ONCE] = np.where(_signs(hashes, width), -length, length)
        return directions


def _fnv(word: str) -> int:
    h = FNV_BASIS
    for byte in word.encode("utf-8", "surrogatepass"):
        h = (h ^ byte) * FNV_PRIME & _64_BITS
    return h


def _signs(hashes: NDArray[np.uint64], width: int) -> NDArray[np.bool_]:
    """Return whether each entry of the directions is negative, shape (n, width)."""
    steps = np.arange(1, -(-width // 64) + 1, dtype=np.uint64)
    z = hashes[:, None] + steps * np.uint64(GOLDEN)  # modulo 2**64
    z = (z ^ (z >> np.uint64(30))) * np.uint64(MIX_1)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(MIX_2)
    z ^= z >> np.uint64(31)
    bits = (z[:, :, None] >> np.arange(64, dtype=np.uint64)) & np.uint64(1)
    signs: NDArray[np.bool_] = bits.reshape(len(hashes), -1)[:, :width].astype(bool)
    return signs
