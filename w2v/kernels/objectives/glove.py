"""GloVe: weighted least squares on the logarithms of co-occurrences, by AdaGrad.

With x the weighted count of word i near word j, and its weight f = min(1, (x / x_max) ** exponent), a cell costs::

    1/2 f (w_i . v_j + b_i + c_j - ln x)**2

The first half of an input row holds w, then b, then 1, then zeros; that of an output row holds v, then 1, then c. So
their product is the whole prediction. The second half of a row holds AdaGrad's sums of squares for the first half, so a
step reads and writes one contiguous stretch in each table. The constant ones have such a large sum of squares that they
do not change.

Co-occurrence is symmetric: a cell is stored once, under the rarer of its words, and trained in both directions, which
touch different vectors. Cells of one word form runs of up to a few dozen, during which its rows stay in the L1 cache;
those of the other, more frequent words are mostly in the caches too.

The formulae are derived in docs/derivations/glove.md and written again, in float64 NumPy, in
tests/helpers/twins/naive_glove.py.

References
----------
Pennington, Socher & Manning 2014, EMNLP, GloVe: Global vectors for word representation.
Duchi, Hazan & Singer 2011, JMLR 12 (AdaGrad).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.kernels.arguments import LOSS, PAIRS, Chunk, TableArrays, aligned_zeros
from w2v.kernels.composition import Members
from w2v.kernels.jit import inlined, lean
from w2v.kernels.simd import LANES, fma, load, load_vector, splat, square_root, store_vector, sum_lanes
from w2v.kernels.training import prefetch_row
from w2v.kernels.vector_math import exponential, logarithm

LONGEST_RUN = 32
"""Most cells of one word that are trained one after another."""

_float32 = np.float32


class Weighting(NamedTuple):
    """What `Text` does not have of the cells: rows, counts and weighting."""

    rows: NDArray[np.int32]
    """The word of each run, shape (n_runs,)."""
    counts: NDArray[np.float32]
    """x of each cell, above 0."""
    x_max: float
    exponent: float


class Scratch(NamedTuple):
    """Memory of one thread."""

    x: NDArray[np.float32]
    logarithms: NDArray[np.float32]
    weights: NDArray[np.float32]
    """x, its logarithm and the weight of each cell of a run."""


def make_scratch(chunk: Chunk, cells: Weighting, tables: TableArrays, members: Members) -> Scratch:
    """Allocate the scratch memory of `train_glove`."""
    return Scratch(*(aligned_zeros(LONGEST_RUN + LANES) for _ in range(3)))


@inlined
def _weigh(cells, start, n, scratch):
    """Set the logarithms and weights of n cells."""
    x, one = scratch.x, splat(_float32(1))
    for k in range(n):
        x[k] = load(cells.counts, start + k)
    for k in range(n, n + LANES):
        x[k] = 1
    exponent = splat(_float32(cells.exponent))
    offset = splat(_float32(-cells.exponent * np.log(cells.x_max)))
    for k in range(0, n, LANES):
        logs = logarithm(load_vector(x, k))
        store_vector(scratch.logarithms, k, logs)
        store_vector(scratch.weights, k, min(exponential(fma(exponent, logs, offset)), one))


@inlined
def _step(w_in, row, w_out, column, half, log, weight, alpha):
    """Update the rows that begin at `row` and `column`; return the cost of the cell before."""
    total = splat(_float32(0))
    for d in range(0, half, LANES):
        total = fma(load_vector(w_in, row + d), load_vector(w_out, column + d), total)
    difference = sum_lanes(total) - log
    rate = splat(alpha * weight * difference)
    for d in range(0, half, LANES):
        at, to = row + d, column + d
        x, y = load_vector(w_in, at), load_vector(w_out, to)
        dx, dy = rate * y, rate * x
        squares_x, squares_y = load_vector(w_in, at + half), load_vector(w_out, to + half)
        store_vector(w_in, at, x - dx / square_root(squares_x))
        store_vector(w_out, to, y - dy / square_root(squares_y))
        store_vector(w_in, at + half, fma(dx, dx, squares_x))
        store_vector(w_out, to + half, fma(dy, dy, squares_y))
    return np.float64(weight) * difference * difference / 2


@lean
def train_glove(text, segment, chunk, cells, tables, members, scratch, stats):
    """Train the cells of a segment, one after another; both tables are overwritten.

    `text.tokens` are the columns of the cells. Run r is the cells text.offsets[r] to text.offsets[r + 1], all of word
    cells.rows[r]. With e = w_i . v_j + b_i + c_j - ln x the error of a cell, alpha the learning rate, and S the sums of
    squares, which start at 1, elementwise::

        d = alpha f e v_j       w_i -= d / sqrt(S_i)     S_i += d**2        and alike for v_j (from w_i), b_i and c_j

    The cost and the number of cells, in both directions, are added to the entries LOSS and PAIRS of `stats`.
    """
    w_in, w_out, row_size, _ = tables
    columns, runs = text.tokens, text.offsets
    half = row_size // 2
    position, stop, run = segment.start, segment.stop, segment.sentence
    alpha = _float32(segment.alpha)
    while position < stop:
        end = min(runs[run + 1], stop)
        row = np.int64(load(cells.rows, run)) * row_size
        _weigh(cells, position, end - position, scratch)
        for k in range(end - position):
            column = np.int64(load(columns, position + k)) * row_size
            if position + k + 1 < stop:
                following = np.int64(load(columns, position + k + 1)) * row_size
                prefetch_row(w_in, following, row_size)
                prefetch_row(w_out, following, row_size)
            log, weight = load(scratch.logarithms, k), load(scratch.weights, k)
            stats[LOSS] += _step(w_in, row, w_out, column, half, log, weight, alpha)
            stats[PAIRS] += 1
            if column != row:
                stats[LOSS] += _step(w_in, column, w_out, row, half, log, weight, alpha)
                stats[PAIRS] += 1
        position = end
        run += 1
