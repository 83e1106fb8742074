"""CBOW with negative sampling, a chunk of targets at a time; see `w2v.kernels.training` for what a chunk is.

References
----------
Mikolov et al. 2013, arXiv:1301.3781 (CBOW) and arXiv:1310.4546, equation 4 (negative sampling).
"""

from __future__ import annotations

import numpy as np

from w2v.kernels.arguments import LOSS, PAIRS, Chunk, Noise, TableArrays
from w2v.kernels.cbow.windows import (
    Scratch,
    allocate,
    close_windows,
    compose_inputs,
    context_means,
    input_places,
    open_window,
)
from w2v.kernels.composition import Members, apply_weighted_gradients, spread, weighted_means
from w2v.kernels.jit import inlined, lean
from w2v.kernels.simd import (
    LANES,
    TILE_ROWS,
    add_tile,
    fma,
    load,
    load_vector,
    splat,
    steps,
    store_tile,
    store_vector,
    sum_lanes,
    take,
    zero_tile,
)
from w2v.kernels.training import (
    draw_ahead,
    fill_buffer,
    is_given,
    place_chunk,
    place_noise,
    prefetch_inputs,
    prefetch_part,
    round_up,
)
from w2v.kernels.vector_math import (
    accumulate,
    combine,
    logarithm,
    noise_losses,
    score,
    sigmoid,
    sum_rows,
    transpose_rows,
)

_float32 = np.float32


def make_scratch(chunk: Chunk, noise: Noise, tables: TableArrays, members: Members) -> Scratch:
    """Allocate the scratch memory of `train_cbow` and `train_pairs`."""
    return allocate(chunk, noise.n_rows, tables, members)


@inlined
def positive_errors(w_out, n_targets, alpha, row_size, scratch):
    """Set error[k] = alpha (1 - sigmoid(h_k . y_k)), or 0 without context; return the summed loss."""
    hidden, target_rows, gain, error = scratch.hidden, scratch.rows, scratch.gain, scratch.error
    for k in range(n_targets):
        row, own = load(target_rows, k), k * row_size
        even, odd = splat(_float32(0)), splat(_float32(0))
        for d in range(0, row_size - LANES, 2 * LANES):
            even = fma(load_vector(hidden, own + d), load_vector(w_out, row + d), even)
            odd = fma(load_vector(hidden, own + d + LANES), load_vector(w_out, row + d + LANES), odd)
        if row_size % (2 * LANES):
            d = row_size - LANES
            even = fma(load_vector(hidden, own + d), load_vector(w_out, row + d), even)
        error[k] = sum_lanes(even + odd)
    one, total = splat(_float32(1)), splat(_float32(0))
    for k in range(0, n_targets, LANES):
        s = sigmoid(load_vector(error, k))
        gains = load_vector(gain, k)
        store_vector(error, k, (one - s) * gains * splat(alpha))
        total = total - gains * logarithm(s)
    return np.float64(sum_lanes(total))


@inlined
def apply_gradients(scratch, chunk, tables, steps_in, input_rows):
    """Add error[k] h_k to target row k, and (grad[k] + error[k] y_k) / C_k to the C_k context rows of every target k.

    `grad` is overwritten.
    """
    for d in range(0, tables.row_size, LANES):
        apply_columns(scratch.grad, d, tables.row_size, d, scratch, chunk, tables, steps_in, input_rows)


@inlined
def apply_columns(grad, at, stride, d, scratch, chunk, tables, steps_in, input_rows):
    """Do what `apply_gradients` does for LANES columns from d on; those of grad[k] are at grad[at + k * stride]."""
    error, hidden, size, target_rows = scratch.error, scratch.hidden, scratch.size, scratch.rows
    w_out, row_size, n_targets = tables.w_out, tables.row_size, chunk.n_targets
    for k in range(n_targets):
        own = at + k * stride
        g = fma(splat(load(error, k)), load_vector(w_out, load(target_rows, k) + d), load_vector(grad, own))
        g = g * splat(load(size, k))
        store_vector(grad, own, g)
        open_window(k, g, scratch)
    for k in range(n_targets):
        row = load(target_rows, k) + d
        moved = fma(splat(load(error, k)), load_vector(hidden, k * row_size + d), load_vector(w_out, row))
        store_vector(w_out, row, moved)
    close_windows(grad, at, stride, d, chunk, row_size, scratch, steps_in, input_rows)


@inlined
def score_noise(scratch, n_targets, noise, tables, alpha):
    """Set scores to -alpha * weight * sigmoid(score), or 0 without context; return the summed loss.

    `weight` is that of each noise word, so that together they count as much as `negative` words.
    """
    scores, n_noise, columns = scratch.scores, noise.n_rows, round_up(n_targets, LANES)
    stride, weight = scores.size // n_noise, _float32(noise.negative) / _float32(n_noise)
    score(
        tables.w_out, scratch.noise_rows, 0, n_noise, scratch.transposed, stride, 0, columns, tables.vector_size, scores
    )
    total = splat(_float32(0))
    return np.float64(
        sum_lanes(noise_losses(total, scores, 0, stride, n_targets, n_noise, scratch.gain, weight, alpha))
    )


@inlined
def sum_noise(scratch, n_targets, noise, tables):
    """Set grad[k] to the sum of the noise rows, each times its step with target k."""
    stride = scratch.scores.size // noise.n_rows
    for k in range(0, round_up(n_targets, TILE_ROWS), TILE_ROWS):
        combine(
            scratch.grad, k, scratch.scores, 1, stride, tables.w_out, scratch.noise_rows, noise.n_rows, tables.row_size
        )


@inlined
def move_noise(scratch, n_targets, noise, tables):
    """Add to every noise row the sum over k of hidden[k] times its step with target k."""
    stride, g, w_out, rows = scratch.scores.size // noise.n_rows, scratch.scores, tables.w_out, scratch.noise_rows
    for k in range(0, noise.n_rows, TILE_ROWS):
        accumulate(w_out, rows, k, g, stride, 1, scratch.hidden, scratch.own_rows, 0, n_targets, 0, 0, tables.row_size)


def _learn_of(columns):
    """Return the function that moves the rows of a chunk in `columns` vectors of their columns."""
    width = columns * LANES

    @inlined
    def learn(d, part, n_parts, n, t, chunk, noise, tables, scratch, steps_in, input_rows):
        """Do what `sum_noise`, `apply_gradients` and `move_noise` do, for the columns from d on.

        The gradients of these columns stay in the nearest cache. The rows of the next chunk are prefetched meanwhile,
        from part `part` of `n_parts` on; return the next part.
        """
        w_out, scores, grad, noise_rows = tables.w_out, scratch.scores, scratch.grad, scratch.noise_rows
        stride = scores.size // noise.n_rows
        for k in range(0, round_up(chunk.n_targets, TILE_ROWS), TILE_ROWS):
            own = steps(k, 1, TILE_ROWS)
            tile = zero_tile(TILE_ROWS, columns)
            tile = sum_rows(tile, scores, own, stride, w_out, noise_rows, 0, noise.n_rows, d)
            store_tile(tile, grad, steps(k * width, width, TILE_ROWS), 0)
            part = prefetch_part(part, n_parts, n, t, chunk, tables, scratch)
        for c in range(0, width, LANES):
            apply_columns(grad, c, width, d + c, scratch, chunk, tables, steps_in, input_rows)
        for k in range(0, noise.n_rows, TILE_ROWS):
            own = steps(k * stride, stride, TILE_ROWS)
            tile = zero_tile(TILE_ROWS, columns)
            tile = sum_rows(tile, scores, own, 1, scratch.hidden, scratch.own_rows, 0, chunk.n_targets, d)
            add_tile(tile, w_out, take(noise_rows, k, TILE_ROWS), d)
            part = prefetch_part(part, n_parts, n, t, chunk, tables, scratch)
        return part

    return learn


_learn_two, _learn_one = _learn_of(2), _learn_of(1)


@inlined
def _learn(n, t, chunk, noise, tables, scratch, steps_in, input_rows):
    """Move all rows of the chunk at t, and prefetch those of the next; `grad` is overwritten."""
    row_size, pair = tables.row_size, 2 * LANES
    n_tiles = round_up(chunk.n_targets, TILE_ROWS) // TILE_ROWS + noise.n_rows // TILE_ROWS
    part, n_parts, d = 0, round_up(row_size, pair) // pair * n_tiles, 0
    while d + pair <= row_size:
        part = _learn_two(d, part, n_parts, n, t, chunk, noise, tables, scratch, steps_in, input_rows)
        d += pair
    if d < row_size:
        _learn_one(d, part, n_parts, n, t, chunk, noise, tables, scratch, steps_in, input_rows)


@lean
def train_cbow(text, segment, chunk, noise, tables, members, scratch, stats):
    """Train CBOW with the mean of the context on a segment; both tables are overwritten.

    With h_k the mean of the C_k context rows of target k, y_k its output row and z_n the N noise rows of a chunk::

        e_k     = alpha (1 - sigmoid(h_k . y_k))
        G[n, k] = -alpha negative / N sigmoid(h_k . z_n)
        dh_k    = e_k y_k + sum over n of G[n, k] z_n
        w_out[target k] += e_k h_k          w_out[noise n] += sum over k of G[n, k] h_k
        w_in[i]         += dh_k / C_k       for each context word i of each target k

    This is the gradient of the mean; word2vec.c and gensim omit the factor 1 / C_k (docs/how-it-works/deviations.md,
    D1). Targets without context are skipped.

    Parameters are those of `train_skipgram`; `members` may have position weights, see `w2v.kernels.composition`.
    """
    n_targets, n_inputs = chunk.n_targets, chunk.n_targets + 2 * chunk.window
    w_in, w_out, row_size, _ = tables
    zero_row, positions = w_out.size - row_size, members.positions
    is_weighted, is_composed, has_positions = is_given(text.weights), is_given(members.offsets), is_given(positions)
    sample, hidden, transposed, gain = scratch.sample, scratch.hidden, scratch.transposed, scratch.gain
    stride = transposed.size // row_size
    inputs, steps_in, own_inputs = input_places(w_in, members, scratch)
    position, stop, sentence, _, _, state = segment
    state = place_noise(noise, tables, scratch, state)
    while position < stop:
        n, alpha, position, sentence, state = fill_buffer(
            text, segment, chunk, sample, position, sentence, state, stats
        )
        for t in range(0, n, n_targets):
            active = place_chunk(n, t, chunk, tables, scratch)
            state = draw_ahead(noise, tables, scratch, state)
            if is_composed:
                prefetch_inputs(sample.words, n, t, chunk, tables, members)
                compose_inputs(w_in, members, chunk, row_size, zero_row, scratch)
            if has_positions:
                weighted_means(inputs, chunk, row_size, positions, scratch)
            else:
                context_means(inputs, own_inputs, chunk, row_size, scratch)
            for k in range(0, stride, LANES):
                transpose_rows(hidden, k, row_size, transposed, k, stride)
            if not is_weighted:
                stats[PAIRS] += active
            else:
                for k in range(min(n_targets, n - t)):
                    gain[k] *= sample.gains[t + k]
                    stats[PAIRS] += gain[k]
            stats[LOSS] += positive_errors(w_out, n_targets, alpha, row_size, scratch)
            stats[LOSS] += score_noise(scratch, n_targets, noise, tables, alpha)
            if has_positions:
                prefetch_part(0, 1, n, t, chunk, tables, scratch)
                sum_noise(scratch, n_targets, noise, tables)
                apply_weighted_gradients(scratch, chunk, tables, inputs, steps_in, positions)
                move_noise(scratch, n_targets, noise, tables)
            else:
                _learn(n, t, chunk, noise, tables, scratch, steps_in, own_inputs)
            if is_composed:
                spread(steps_in, members, scratch.input_rows, n_inputs, zero_row, row_size, w_in)
