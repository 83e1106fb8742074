"""The paths of words through the tree, as rows and signs of their nodes, and the loss along them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.kernels.arguments import aligned_zeros
from w2v.kernels.jit import inlined, lean
from w2v.kernels.simd import (
    LANES,
    load,
    load_vector,
    prefetch,
    prefetch_read,
    splat,
    store_steps,
    store_vector,
    sum_lanes,
)
from w2v.kernels.training import round_up, to_multiple
from w2v.kernels.vector_math import GROUP, logarithm

LN2 = 0.6931471805599453
"""The loss of a padding row, whose score is 0."""

_float32 = np.float32
_LINE = 16
_FAR, _NEAR = 16, 8  # prefetch distance in tokens, for the offsets of a path and for the path
_CACHED = 5  # nodes at the start of a path, which so many paths share that they are in the L1 cache


class Paths(NamedTuple):
    """The path of each word through the tree; see the module's docstring."""

    offsets: NDArray[np.int64]
    steps: NDArray[np.int32]
    longest: int
    """Length of the longest path."""


class Turns(NamedTuple):
    """The paths of a target and of the next, alternating between the two halves of the arrays."""

    rows: NDArray[np.int64]
    signs: NDArray[np.float32]


def make_turns(paths: Paths, zero_row: int) -> Turns:
    """Allocate the turns of one thread, filled with padding."""
    most = to_multiple(paths.longest, LANES)
    return Turns(np.full(2 * most, zero_row), aligned_zeros(2 * most))


# Paths and losses.


@lean
def _prefetch_path(words, i, n, paths):
    if i + _FAR < n:
        prefetch_read(paths.offsets, words[i + _FAR])
    if i + _NEAR < n:
        first = load(paths.offsets, words[i + _NEAR])
        prefetch_read(paths.steps, first)
        prefetch_read(paths.steps, first + _LINE - 1)


@inlined
def place_path(words, i, n, paths, tables, turns, first):
    """Set turns.rows[first:] to the path of words[i]; return its length, 0 beyond the n words.

    turns.signs[first:] are 1 for code 0 and -1 for code 1. Both are padded to whole vectors, with the zero row and with
    0.
    """
    _prefetch_path(words, i, n, paths)
    if i >= n:
        return 0
    rows, signs, row_size, zero_row = turns.rows, turns.signs, tables.row_size, tables.w_out.size - tables.row_size
    start = load(paths.offsets, words[i])
    length = load(paths.offsets, words[i] + 1) - start
    for i in range(0, length, LANES):
        store_steps(paths.steps, start + i, length - i, row_size, zero_row, rows, signs, first + i)
    return length


@inlined
def prefetch_columns(first, n_path, d, tables, scratch):
    """Prefetch the columns from d on of the path at `first`: if asked for whole rows, the core would wait for them."""
    for i in range(_CACHED, n_path):
        prefetch(tables.w_out, load(scratch.turns.rows, first + i) + d)


@lean
def sum_losses(likelihoods, n):
    """Return the negative sum of the logarithms of n numbers, n a multiple of LANES; overwrite what follows them."""
    one, total = splat(_float32(1)), splat(_float32(0))
    for i in range(n, round_up(n, GROUP * LANES), LANES):
        store_vector(likelihoods, i, one)
    for i in range(0, n, GROUP * LANES):
        product = load_vector(likelihoods, i)
        for j in range(i + LANES, i + GROUP * LANES, LANES):
            product = product * load_vector(likelihoods, j)
        total = total - logarithm(product)
    return np.float64(sum_lanes(total))
