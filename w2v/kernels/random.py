"""Random numbers, and drawing noise words.

References
----------
Vose 1991, IEEE Transactions on Software Engineering 17, 972-975 (alias tables).
"""

from __future__ import annotations

import numpy as np

from w2v.kernels.jit import compiled, lean
from w2v.kernels.simd import load

_float32 = np.float32


@lean
def next_random(state):
    """Advance a 64-bit linear congruential generator (Knuth's MMIX); its upper bits are the random number."""
    return state * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)


@lean
def uniform(state):
    """Return the state as a float32 in [0, 1), a multiple of 2**-24."""
    return _float32(state >> np.uint64(40)) * _float32(1 / (1 << 24))


@lean
def below(state, n):
    """Return the state as an integer in [0, n), n < 2**32."""
    return np.int64(((state >> np.uint64(32)) * np.uint64(n)) >> np.uint64(32))


@lean
def draw_noise(threshold, alias, state):
    """Draw a word id by Walker's alias method; return (id, state)."""
    state = next_random(state)
    i = below(state, threshold.size)
    state = next_random(state)
    other = np.int64(load(alias, i))  # read unconditionally: a mispredicted branch would wait for memory twice
    return (i if uniform(state) < load(threshold, i) else other), state


@compiled
def build_alias(probabilities, threshold, alias):
    """Fill the tables of `draw_noise`: draw i uniformly, take i with probability threshold[i], else alias[i].

    The probabilities are float64 of shape (V,) and sum to 1; they are overwritten, as are threshold and alias, float32
    and int32 of that shape.
    """
    n = probabilities.size
    small, large = np.empty(n, np.int32), np.empty(n, np.int32)
    n_small = n_large = 0
    for i in range(n):
        probabilities[i] *= n
        threshold[i], alias[i] = 1, i
        if probabilities[i] < 1:
            small[n_small] = i
            n_small += 1
        else:
            large[n_large] = i
            n_large += 1
    while n_small and n_large:
        n_small -= 1
        i, j = small[n_small], large[n_large - 1]
        threshold[i], alias[i] = probabilities[i], j
        probabilities[j] -= 1 - probabilities[i]
        if probabilities[j] < 1:
            n_large -= 1
            small[n_small] = j
            n_small += 1
