"""Products of a few vectors with rows that may be stored in fewer bits and are widened in registers (Numba)."""

from __future__ import annotations

import numpy as np

from w2v.kernels.jit import compiled
from w2v.kernels.simd import LANES, fma, load_vector, load_widened, select_lanes, splat, sum_lanes

_float32 = np.float32


@compiled
def multiply_rows(stored, width, queries, n_queries, first, last, products):
    """Assign the products of stored rows and some vectors.

    Parameters
    ----------
    stored : ndarray of shape (N * width,), float32, int8, or uint16 with the bits of finite float16 numbers
    width : int
        At least LANES.
    queries : ndarray of shape (n_queries * width,), float32
    n_queries : int
    first, last : int
        The range of rows: from `first` to below `last`.
    products : ndarray of shape (n_queries, N), float32
        products[q, first:last] is overwritten.

    Notes
    -----
    NumPy equivalent: products[:, first:last] = queries @ rows[first:last].T, except that each sum is accumulated in
    the same order, whichever rows and queries are given.
    """
    whole = width // LANES * LANES
    low = LANES - (width - whole)
    zero = splat(_float32(0))
    for row in range(first, last):
        start = row * width
        for query in range(n_queries):
            at = query * width
            even, odd = zero, zero
            d = 0
            while d + 2 * LANES <= whole:
                even = fma(load_widened(stored, start + d), load_vector(queries, at + d), even)
                odd = fma(load_widened(stored, start + d + LANES), load_vector(queries, at + d + LANES), odd)
                d += 2 * LANES
            if d < whole:
                even = fma(load_widened(stored, start + d), load_vector(queries, at + d), even)
            if whole < width:  # the last columns: a vector that overlaps columns already summed
                left = select_lanes(load_widened(stored, start + width - LANES), zero, low, LANES)
                odd = fma(left, load_vector(queries, at + width - LANES), odd)
            products[query, row] = sum_lanes(even) + sum_lanes(odd)
