"""Attention of a single query to keys and values that lie anywhere in a cache: scores, weights and the weighted sum.

The order of summation is that of `attention.attend`, so the results are equal bit for bit. Arrays are flat; nothing is
checked.
"""

from __future__ import annotations

import numpy as np

from w2v.kernels.jit import compiled
from w2v.kernels.simd import LANES, fma, load, load_vector, select_lanes, splat, store_vector
from w2v.neural.kernels.vector_math import exponential

_float32 = np.float32
_LOWEST, _TINY = -3.0e38, 1e-30


@compiled
def weigh(scores, n_keys, scale, bias, head, distance):
    """Turn the scores of one query's keys into weights; see `attention._softmax`."""
    lowest, zero, factor = splat(_float32(_LOWEST)), splat(_float32(0)), splat(scale)
    top = _float32(_LOWEST)
    middle = head * (2 * distance + 1) + distance
    for j in range(0, n_keys, LANES):
        store_vector(scores, j, load_vector(scores, j) * factor)
    for j in range(n_keys):
        if distance >= 0:
            scores[j] += bias[middle - min(n_keys - 1 - j, distance)]
        top = max(top, scores[j])
    highest = splat(top)
    for j in range(0, n_keys, LANES):
        s = select_lanes(load_vector(scores, j), lowest, 0, n_keys - j)
        store_vector(scores, j, select_lanes(exponential(s - highest), zero, 0, n_keys - j))
    total = _float32(0)
    for j in range(n_keys):
        total += scores[j]
    inverse = splat(_float32(1) / max(total, _float32(_TINY)))
    for j in range(0, n_keys, LANES):
        store_vector(scores, j, load_vector(scores, j) * inverse)


@compiled
def dot_transposed(query, at, size, keys, first, stride, scores, j):
    """Write the dot products of a query with LANES keys, whose dimensions are `stride` apart, to scores[j:]."""
    total = splat(_float32(0))
    for d in range(size):
        total = fma(splat(load(query, at + d)), load_vector(keys, first + d * stride), total)
    store_vector(scores, j, total)


@compiled
def mix(scores, places, n_keys, values, column, size, out, at):
    """Write the weighted sum of the values that start at values[places[j] + column] to out[at : at + size].

    Two vectors are processed at once where possible.
    """
    c = 0
    while c + 2 * LANES <= size:
        first = second = splat(_float32(0))
        for j in range(n_keys):
            weight, place = splat(load(scores, j)), places[j] + column + c
            first = fma(weight, load_vector(values, place), first)
            second = fma(weight, load_vector(values, place + LANES), second)
        store_vector(out, at + c, first)
        store_vector(out, at + c + LANES, second)
        c += 2 * LANES
    while c < size:
        total = splat(_float32(0))
        for j in range(n_keys):
            total = fma(splat(load(scores, j)), load_vector(values, places[j] + column + c), total)
        store_vector(out, at + c, total)
        c += LANES
