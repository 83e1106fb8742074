"""CBOW with hierarchical softmax: a target's path with the mean of its context."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.kernels.arguments import LOSS, PAIRS, Chunk, TableArrays, aligned_zeros
from w2v.kernels.cbow.windows import (
    Scratch,
    allocate,
    close_windows,
    compose_inputs,
    context_means,
    input_places,
    open_window,
)
from w2v.kernels.composition import Members, spread
from w2v.kernels.hierarchical.paths import LN2, Paths, Turns, make_turns, place_path, prefetch_columns, sum_losses
from w2v.kernels.jit import inlined, lean
from w2v.kernels.simd import (
    LANES,
    fma,
    fma_inner,
    load,
    load_vector,
    splat,
    steps,
    store_vector,
    sum_tile,
    take,
    zero_tile,
)
from w2v.kernels.training import fill_buffer, is_given, place_chunk, prefetch_inputs, round_up, to_multiple
from w2v.kernels.vector_math import GROUP, sigmoid

_float32 = np.float32


class CbowScratch(NamedTuple):
    """Memory of one thread, see `make_cbow_scratch`."""

    plain: Scratch
    """The scratch memory of CBOW, without noise."""
    turns: Turns
    g: NDArray[np.float32]
    likelihoods: NDArray[np.float32]


def make_cbow_scratch(chunk: Chunk, paths: Paths, tables: TableArrays, members: Members) -> CbowScratch:
    """Allocate the scratch memory of `train_cbow_hs`."""
    most = to_multiple(paths.longest, LANES)
    return CbowScratch(
        allocate(chunk, 0, tables, members),
        make_turns(paths, len(tables.w_out) - tables.row_size),
        g=aligned_zeros(most),
        likelihoods=aligned_zeros(chunk.n_targets * most + GROUP * LANES),
    )


@inlined
def _step_path(k, first, n_path, following, n_following, used, alpha, tables, scratch):
    """Update the path of target k, whose mean input is hidden[k], and prefetch the rows of the path at `following`.

    hidden[k] becomes the step of each of its inputs, size[k] times that of the mean.
    """
    w_out, row_size, rows, signs = tables.w_out, tables.row_size, scratch.turns.rows, scratch.turns.signs
    hidden, g, likelihoods, own = scratch.plain.hidden, scratch.g, scratch.likelihoods, k * row_size
    one, rate, scale = splat(_float32(1)), splat(alpha), splat(load(scratch.plain.size, k))
    mean = steps(own, 0, 1)
    for i in range(0, n_path, LANES):
        path = take(rows, first + i, LANES)
        tile = zero_tile(LANES, 1)
        for d in range(0, row_size, LANES):
            tile = fma_inner(tile, w_out, path, hidden, mean, d)
        sign = load_vector(signs, first + i)
        s = sigmoid(sum_tile(tile) * sign)
        store_vector(g, i, (one - s) * (sign * rate))
        store_vector(likelihoods, used + i, s)
    for d in range(0, row_size, LANES):
        h, dh = load_vector(hidden, own + d), splat(_float32(0))
        for i in range(n_path):
            step, at = splat(load(g, i)), load(rows, first + i) + d
            y = load_vector(w_out, at)
            dh = fma(step, y, dh)
            store_vector(w_out, at, fma(step, h, y))
        prefetch_columns(following, n_following, d, tables, scratch)
        store_vector(hidden, own + d, dh * scale)


@lean
def train_cbow_hs(text, segment, chunk, paths, tables, members, scratch, stats):
    """Train CBOW with hierarchical softmax on a segment; both tables are overwritten.

    With h the mean of the C context rows of a target, y_i the rows of its path, and b_i = 1 for code 0, else -1, for
    each target in turn::

        g[i] = alpha b_i (1 - sigmoid(b_i h . y_i))
        dh = sum over i of g[i] y_i             w_out[node i] += g[i] h

    The means use the input rows from before the chunk. After it, dh / C is added to the C context rows of each target.
    Targets without context are skipped.

    Parameters are those of `train_skipgram_hs`.
    """
    n_targets, n_inputs = chunk.n_targets, chunk.n_targets + 2 * chunk.window
    w_in, w_out, row_size, _ = tables
    zero_row, is_weighted, is_composed = w_out.size - row_size, is_given(text.weights), is_given(members.offsets)
    plain, turns, likelihoods = scratch.plain, scratch.turns, scratch.likelihoods
    sample, high, most = plain.sample, plain.high, turns.rows.size // 2
    words, gains = sample.words, sample.gains
    inputs, steps_in, own_inputs = input_places(w_in, members, plain)
    position, stop, sentence, _, _, state = segment
    gain = _float32(1)
    while position < stop:
        n, alpha, position, sentence, state = fill_buffer(
            text, segment, chunk, sample, position, sentence, state, stats
        )
        first = 0
        next_path = place_path(words, 0, n, paths, tables, turns, first)
        for t in range(0, n, n_targets):
            place_chunk(n, t, chunk, tables, plain)
            if is_composed:
                compose_inputs(w_in, members, chunk, row_size, zero_row, plain)
            else:
                prefetch_inputs(words, n, t, chunk, tables, members)
            context_means(inputs, own_inputs, chunk, row_size, plain)
            used = 0
            for k in range(min(n_targets, n - t)):
                n_path = next_path
                next_path = place_path(words, t + k + 1, n, paths, tables, turns, most - first)
                if high[k] > 0:
                    if is_weighted:
                        gain = gains[t + k]
                    _step_path(k, first, n_path, most - first, next_path, used, alpha * gain, tables, scratch)
                    used += round_up(n_path, LANES)
                    stats[PAIRS] += gain
                    # padding has a score of 0, so a loss of ln 2
                    stats[LOSS] -= gain * (round_up(n_path, LANES) - n_path) * LN2
                    if is_weighted:
                        stats[LOSS] += gain * sum_losses(likelihoods, used)
                        used = 0
                first = most - first
            stats[LOSS] += sum_losses(likelihoods, used)
            for d in range(0, row_size, LANES):
                for k in range(n_targets):
                    open_window(k, load_vector(plain.hidden, k * row_size + d), plain)
                close_windows(plain.hidden, d, row_size, d, chunk, row_size, plain, steps_in, own_inputs)
            if is_composed:
                spread(steps_in, members, plain.input_rows, n_inputs, zero_row, row_size, w_in)
