"""Input vectors composed of several rows: a word's own row and those of its n-grams, as in fastText.

The input vector of word v is the mean of the rows ``rows[offsets[v] : offsets[v + 1]]`` of the input table. Word V,
which represents positions beyond a border, has only the zero row. The full step of the word's vector is added to each
of its rows, as in fastText, so the mean of the rows moves by exactly that step (docs/derivations/subwords.md).

The same scheme serves words with fixed rows: each word has one row, and `frozen` rows are skipped.

With CBOW, each position in the window may also have a vector of learned weights. With d_p the weights of position p, -w
<= p <= w, p != 0, and * the elementwise product, the hidden vector of target k is::

    h_k = 1 / C_k sum over the positions p of its context of d_p * x_p

where x_p is the input vector of the word at position p. All d_p start at 1, which is plain CBOW. With dh_k the step of
h_k::

    x_p += d_p * dh_k / C_k        d_p += x_p * dh_k / C_k

References
----------
Bojanowski et al. 2017, arXiv:1607.04606, section 3.2.
Mnih and Kavukcuoglu 2013, Learning word embeddings efficiently with noise-contrastive estimation, section 3.
Mikolov et al. 2018, arXiv:1712.09405, section 2.2.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.kernels.jit import lean
from w2v.kernels.simd import LANES, fma, load, load_vector, splat, store_vector, sum_lanes
from w2v.kernels.vector_math import move_rows

_float32 = np.float32


class Members(NamedTuple):
    """The rows that the input vectors are composed of."""

    offsets: NDArray[np.int64]
    """Start of each word's rows in `rows`, shape (V + 2,); empty in `NO_MEMBERS`."""
    rows: NDArray[np.int64]
    """Offsets into `w_in`, which may have more than V + 1 rows; its last row is zero too."""
    frozen: NDArray[np.uint8] = np.zeros(0, np.uint8)
    """Nonzero for rows that must not move. Empty if all rows move."""
    positions: NDArray[np.float32] = np.zeros(0, np.float32)
    """CBOW only: weights of the positions in a window, shape ((2 w + 1) * S,). Empty if there are none."""


NO_MEMBERS = Members(np.zeros(0, np.int64), np.zeros(0, np.int64))
"""The input vector of word v is just row v. The type is the same, so every kernel is compiled only once."""


@lean
def compose(w_in, members, rows, first, last, row_size, out):
    """Assign out[j * S :][:S] the input vector of the word whose output row is rows[j], first <= j < last."""
    offsets, member_rows = members.offsets, members.rows
    for j in range(first, last):
        word = load(rows, j) // row_size
        start, stop = load(offsets, word), load(offsets, word + 1)
        scale = splat(_float32(1) / _float32(stop - start))
        own = load(member_rows, start)
        for d in range(0, row_size, LANES):
            total = load_vector(w_in, own + d)
            for i in range(start + 1, stop):
                total = total + load_vector(w_in, load(member_rows, i) + d)
            store_vector(out, j * row_size + d, total * scale)


@lean
def _is_frozen(frozen, row):
    return frozen.size > 0 and load(frozen, row) != 0


@lean
def spread(step, members, rows, last, zero_row, row_size, w_in):
    """Add step[j * S :][:S] to every row, except frozen ones, of the word whose output row is rows[j], j < last."""
    offsets, member_rows, frozen = members.offsets, members.rows, members.frozen
    for j in range(last):
        row = load(rows, j)
        if row == zero_row:
            continue
        word = row // row_size
        for i in range(load(offsets, word), load(offsets, word + 1)):
            member = load(member_rows, i)
            if _is_frozen(frozen, member // row_size):
                continue
            for d in range(0, row_size, LANES):
                store_vector(w_in, member + d, load_vector(w_in, member + d) + load_vector(step, j * row_size + d))


@lean
def compose_all(w_in, members, row_size, vector_size, vectors):
    """Set vectors[v] to the input vector of each word v; vectors has shape (V, D)."""
    offsets, rows = members.offsets, members.rows
    for word in range(vectors.shape[0]):
        start, stop = offsets[word], offsets[word + 1]
        for d in range(vector_size):
            total = _float32(0)
            for i in range(start, stop):
                total += w_in[rows[i] + d]
            vectors[word, d] = total / _float32(stop - start)


@lean
def weighted_means(inputs, chunk, row_size, positions, scratch):
    """Set hidden[k] to h_k, size[k] to 1 / C_k and gain[k] to C_k > 0.

    `inputs`, shape ((H + 1) * S,), holds the input vectors of the chunk. Row w + p of `positions`, shape ((2 w + 1) *
    S,), is d_p; row w is not used.
    """
    low, high, hidden, gain, size = scratch.low, scratch.high, scratch.hidden, scratch.gain, scratch.size
    zero, window = splat(_float32(0)), chunk.window
    for k in range(chunk.n_targets):
        n_context = high[k] - low[k] - 1
        gain[k] = 1 if n_context > 0 else 0
        size[k] = _float32(1) / _float32(n_context) if n_context > 0 else 0
        scale = splat(load(size, k))
        for d in range(0, row_size, LANES):
            total = zero
            for j in range(low[k], high[k]):
                if j != k + window:
                    place = (j - k) * row_size + d
                    total = fma(load_vector(positions, place), load_vector(inputs, j * row_size + d), total)
            store_vector(hidden, k * row_size + d, total * scale)


@lean
def apply_weighted_gradients(scratch, chunk, tables, inputs, steps_in, positions):
    """Update the target rows and the position weights, and set steps_in[j] to the step of input j.

    `position_steps`, with the shape of `positions`, is overwritten; `steps_in` must be zero on entry.
    """
    grad, error, hidden, position_steps = scratch.grad, scratch.error, scratch.hidden, scratch.position_steps
    low, high, size, target_rows = scratch.low, scratch.high, scratch.size, scratch.rows
    w_out, row_size, window, n_targets = tables.w_out, tables.row_size, chunk.window, chunk.n_targets
    position_steps[:] = 0
    for k in range(n_targets):
        scale, rate = splat(load(size, k)), splat(load(error, k))
        own, row = k * row_size, load(target_rows, k)
        for d in range(0, row_size, LANES):
            g = fma(rate, load_vector(w_out, row + d), load_vector(grad, own + d)) * scale
            for j in range(low[k], high[k]):
                if j != k + window:
                    at, place = j * row_size + d, (j - k) * row_size + d
                    step = fma(g, load_vector(positions, place), load_vector(steps_in, at))
                    store_vector(steps_in, at, step)
                    step = fma(g, load_vector(inputs, at), load_vector(position_steps, place))
                    store_vector(position_steps, place, step)
    move_rows(error, hidden, n_targets, row_size, w_out, target_rows)
    share, squares = splat(_float32(1) / _float32(n_targets)), splat(_float32(0))
    for d in range(0, position_steps.size, LANES):
        moved = fma(share, load_vector(position_steps, d), load_vector(positions, d))
        squares = fma(moved, moved, squares)
        store_vector(positions, d, moved)
    scale = splat(_float32(np.sqrt(2 * window * tables.vector_size / sum_lanes(squares))))
    for d in range(0, position_steps.size, LANES):
        store_vector(positions, d, load_vector(positions, d) * scale)
