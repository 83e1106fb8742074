"""The contexts of a chunk of targets: their mean inputs, and gradients added to all words of a window at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.kernels.arguments import Chunk, Sample, TableArrays, aligned_zeros, make_sample
from w2v.kernels.composition import Members, compose
from w2v.kernels.jit import inlined
from w2v.kernels.simd import LANES, TILE_ROWS, load, load_vector, splat, store_vector
from w2v.kernels.training import is_given, to_multiple

_float32 = np.float32


class Scratch(NamedTuple):
    """Memory of one thread, see `allocate`; T' is T rounded up to whole tiles, H the inputs of a chunk."""

    sample: Sample
    inputs: NDArray[np.float32]
    steps: NDArray[np.float32]
    """With members: the H input vectors, their steps, and a row of zeros."""
    own_inputs: NDArray[np.int64]
    """With members: the rows of `inputs`."""
    prefix: NDArray[np.float32]
    change: NDArray[np.float32]
    """LANES columns of prefix sums of inputs, and of changes in the sum of gradients from input to input; the changes
    are zero between chunks."""
    hidden: NDArray[np.float32]
    transposed: NDArray[np.float32]
    """The means of the contexts, by row and by column."""
    grad: NDArray[np.float32]
    scores: NDArray[np.float32]
    gain: NDArray[np.float32]
    size: NDArray[np.float32]
    error: NDArray[np.float32]
    position_steps: NDArray[np.float32]
    input_rows: NDArray[np.int64]
    rows: NDArray[np.int64]
    """Rows of the targets."""
    noise_rows: NDArray[np.int64]
    next_noise: NDArray[np.int64]
    own_rows: NDArray[np.int64]
    low: NDArray[np.int64]
    high: NDArray[np.int64]


def allocate(chunk: Chunk, n_noise: int, tables: TableArrays, members: Members) -> Scratch:
    """Allocate the scratch memory of CBOW with any objective."""
    row_size, zero_row = tables.row_size, len(tables.w_out) - tables.row_size
    tile_targets, n_inputs = to_multiple(chunk.n_targets, TILE_ROWS), chunk.n_targets + 2 * chunk.window
    stride, n_composed = to_multiple(tile_targets, LANES), n_inputs + 1 if members.offsets.size else 0
    return Scratch(
        make_sample(),
        inputs=aligned_zeros(n_composed * row_size),
        steps=aligned_zeros(n_composed * row_size),
        own_inputs=np.zeros(n_inputs, np.int64),
        prefix=aligned_zeros((n_inputs + 1) * LANES),
        change=aligned_zeros((n_inputs + 1) * LANES),
        hidden=aligned_zeros(stride * row_size),
        transposed=aligned_zeros(stride * row_size),
        grad=aligned_zeros(stride * row_size),
        scores=aligned_zeros(n_noise * stride),
        gain=aligned_zeros(stride),
        size=aligned_zeros(stride),
        error=aligned_zeros(stride),
        position_steps=aligned_zeros((2 * chunk.window + 1) * row_size),
        input_rows=np.full(max(n_inputs, stride), zero_row),
        rows=np.full(stride, zero_row),
        noise_rows=np.full(n_noise, zero_row),
        next_noise=np.full(n_noise, zero_row),
        own_rows=np.arange(stride) * row_size,
        low=np.zeros(tile_targets, np.int64),
        high=np.zeros(tile_targets, np.int64),
    )


@inlined
def input_places(w_in, members, scratch):
    """Return the arrays of input vectors and of steps, and the rows in both of the inputs of a chunk."""
    if is_given(members.offsets):
        return scratch.inputs, scratch.steps, scratch.own_inputs
    return w_in, w_in, scratch.input_rows


@inlined
def compose_inputs(w_in, members, chunk, row_size, zero_row, scratch):
    """Set the input vectors of a chunk and their rows (zeros beyond a border), and reset their steps to zero."""
    n_inputs, input_rows, own_inputs = chunk.n_targets + 2 * chunk.window, scratch.input_rows, scratch.own_inputs
    compose(w_in, members, input_rows, 0, n_inputs, row_size, scratch.inputs)
    scratch.steps[:] = 0
    for j in range(n_inputs):
        own_inputs[j] = (n_inputs if input_rows[j] == zero_row else j) * row_size


@inlined
def context_means(w_in, input_rows, chunk, row_size, scratch):
    """Set hidden[k] to the mean of the C_k context rows of target k, size[k] to 1 / C_k and gain[k] to C_k > 0.

    prefix[j] is the sum of the first j input rows, so a mean takes three additions whatever the window. LANES columns
    are summed at a time, which keeps all of it in the L1 cache.
    """
    prefix, hidden, gain, size = scratch.prefix, scratch.hidden, scratch.gain, scratch.size
    low, high, window, n_targets = scratch.low, scratch.high, chunk.window, chunk.n_targets
    for k in range(n_targets):
        n_context = high[k] - low[k] - 1
        gain[k] = 1 if n_context > 0 else 0
        size[k] = _float32(1) / _float32(n_context) if n_context > 0 else 0
    for d in range(0, row_size, LANES):
        total = splat(_float32(0))
        for j in range(n_targets + 2 * window):
            total = total + load_vector(w_in, load(input_rows, j) + d)
            store_vector(prefix, (j + 1) * LANES, total)
        for k in range(n_targets):
            between = load_vector(prefix, load(high, k) * LANES) - load_vector(prefix, load(low, k) * LANES)
            own = load_vector(w_in, load(input_rows, k + window) + d)
            store_vector(hidden, k * row_size + d, (between - own) * splat(load(size, k)))


@inlined
def open_window(k, gradient, scratch):
    """Record LANES columns of the gradient of target k at the start and the end of its window; see `close_windows`."""
    change, a, b = scratch.change, load(scratch.low, k) * LANES, load(scratch.high, k) * LANES
    store_vector(change, a, load_vector(change, a) + gradient)
    store_vector(change, b, load_vector(change, b) - gradient)


@inlined
def close_windows(grad, at, stride, d, chunk, row_size, scratch, w_in, input_rows):
    """Add the gradients of its windows, except that of its own position, to LANES columns of every input row.

    The columns begin at d, and those of the gradient of target k are at grad[at + k * stride].

    change[j] is the gradient of windows that open at input j minus that of those that end there; it is reset to zero.
    """
    zero, zero_row, change = splat(_float32(0)), w_in.size - row_size, scratch.change
    window, n_targets = chunk.window, chunk.n_targets
    n_inputs, running = n_targets + 2 * window, zero
    for j in range(n_inputs):
        row = load(input_rows, j)
        running = running + load_vector(change, j * LANES)
        store_vector(change, j * LANES, zero)
        if row == zero_row:  # beyond a border: no window is open, so drop the rounding errors
            running = zero
            continue
        step = running
        if window <= j < window + n_targets:
            step = running - load_vector(grad, at + (j - window) * stride)
        store_vector(w_in, row + d, load_vector(w_in, row + d) + step)
    store_vector(change, n_inputs * LANES, zero)
