"""Skip-gram with negative sampling, a chunk of targets at a time; see `w2v.kernels.training` for what a chunk is.

References
----------
Mikolov et al. 2013, arXiv:1310.4546, equation 4.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.kernels.arguments import LOSS, PAIRS, Chunk, Noise, Sample, TableArrays, aligned_zeros, make_sample
from w2v.kernels.composition import Members, compose, spread
from w2v.kernels.jit import inlined, lean
from w2v.kernels.simd import (
    LANES,
    TILE_ROWS,
    load,
    load_vector,
    select_lanes,
    splat,
    store_vector,
    sum_lanes,
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
    to_multiple,
)
from w2v.kernels.vector_math import (
    GROUP,
    accumulate,
    gather_rows,
    logarithm,
    noise_losses,
    score,
    sigmoid,
    transpose_rows,
)

_float32 = np.float32


class Scratch(NamedTuple):
    """Memory of one thread, see `make_scratch`; H' and T' are H and T rounded up to whole tiles."""

    sample: Sample
    copy: NDArray[np.float32]
    transposed: NDArray[np.float32]
    """The input vectors of the chunk, by row and by column."""
    steps: NDArray[np.float32]
    """With members: steps of the input vectors."""
    scores: NDArray[np.float32]
    weight: NDArray[np.float32]
    gain: NDArray[np.float32]
    input_rows: NDArray[np.int64]
    copy_rows: NDArray[np.int64]
    rows: NDArray[np.int64]
    """Rows of T' targets and N noise words."""
    noise_rows: NDArray[np.int64]
    """Rows of the N noise words."""
    next_noise: NDArray[np.int64]
    low: NDArray[np.int64]
    high: NDArray[np.int64]


def make_scratch(chunk: Chunk, noise: Noise, tables: TableArrays, members: Members) -> Scratch:
    """Allocate the scratch memory of `train_skipgram`."""
    row_size, zero_row = tables.row_size, len(tables.w_out) - tables.row_size
    tile_targets = to_multiple(chunk.n_targets, TILE_ROWS)
    n_copies = to_multiple(chunk.n_targets + 2 * chunk.window, TILE_ROWS) + LANES
    shift = to_multiple(chunk.window, LANES) - chunk.window
    band = to_multiple(TILE_ROWS + 2 * chunk.window, LANES)
    stride = to_multiple(shift + max(tile_targets + band, n_copies), LANES)
    rows = np.full(tile_targets + noise.n_rows, zero_row)
    return Scratch(
        make_sample(),
        copy=aligned_zeros(n_copies * row_size),
        transposed=aligned_zeros(row_size * stride),
        steps=aligned_zeros(n_copies * row_size if members.offsets.size else 0),
        scores=aligned_zeros((tile_targets + noise.n_rows) * stride),
        weight=aligned_zeros(to_multiple(chunk.n_targets, LANES)),
        gain=aligned_zeros(tile_targets),
        input_rows=np.full(n_copies, zero_row),
        copy_rows=np.arange(n_copies) * row_size,
        rows=rows,
        noise_rows=rows[tile_targets:],
        next_noise=np.full(noise.n_rows, zero_row),
        low=np.zeros(tile_targets, np.int64),
        high=np.zeros(tile_targets, np.int64),
    )


@inlined
def _skipgram_errors(scratch, stride, chunk, n_noise, shift, band, alpha, gain):
    """Turn scores into step sizes in place; return the summed loss of the chunk.

    For target k and input j inside its window, the step is alpha * (1 - sigmoid(score)) and the loss -ln
    sigmoid(score), both times gain[k] unless `gain` is None. For a noise word and target position k, the step is -alpha
    * weight[k] * sigmoid(score) and the loss -weight[k] * ln sigmoid(-score). Steps are zero elsewhere.
    """
    scores, low, high = scratch.scores, scratch.low, scratch.high
    window, n_targets = chunk.window, chunk.n_targets
    tile_targets = round_up(n_targets, TILE_ROWS)
    zero, one, rate = splat(_float32(0)), splat(_float32(1)), splat(alpha)
    total = zero
    for first in range(0, tile_targets, TILE_ROWS):
        for group in range(first, first + TILE_ROWS, GROUP):
            for c in range(first + shift, first + shift + band, LANES):
                product = one
                for k in range(group, group + GROUP):
                    at = k * stride + c
                    own = k + window + shift - c
                    s = select_lanes(sigmoid(load_vector(scores, at)), one, low[k] + shift - c, high[k] + shift - c)
                    s = select_lanes(one, s, own, own + 1)
                    if gain is None:
                        store_vector(scores, at, (one - s) * rate)
                        product = product * s
                    else:
                        gains = splat(load(gain, k))
                        store_vector(scores, at, (one - s) * rate * gains)
                        total = total - logarithm(s) * gains
                if gain is None:
                    total = total - logarithm(product)
    first = tile_targets * stride + window + shift
    total = noise_losses(total, scores, first, stride, n_targets, n_noise, scratch.weight, _float32(1), alpha)
    return np.float64(sum_lanes(total))


@lean
def train_skipgram(text, segment, chunk, noise, tables, members, scratch, stats):
    """Train skip-gram on a segment; both tables are overwritten.

    With X the H input rows and Y the T target rows followed by the N noise rows of a chunk::

        scores = Y X^T
        G[k, j] = alpha (1 - sigmoid(scores[k, j]))                     target k, input j inside its window
        G[n, j] = -alpha n_j negative / N sigmoid(scores[n, j])         noise word n, target position j = k + w
        w_in[input j]  += sum over k of G[k, j] Y[k]
        w_out[row k]   += sum over j of G[k, j] X[j]

    where n_j counts the targets with input j in their context, so every pair gets `negative` noise words on average.
    Only tiles that overlap a window are computed.

    `objectives.chunk_shape` chooses the chunk. `scratch` belongs to one thread. The results are added to the entries
    LOSS, PAIRS and KEPT of `stats`, float64.
    """
    window, _, n_targets = chunk
    w_in, w_out, row_size, vector_size = tables
    tile_targets = round_up(n_targets, TILE_ROWS)
    n_inputs, n_noise = n_targets + 2 * window, noise.n_rows
    tile_inputs = round_up(n_inputs, TILE_ROWS)
    n_parts = (tile_inputs + tile_targets + n_noise) // TILE_ROWS
    shift = round_up(window, LANES) - window  # aligns the column of input `window`, the first target
    band = round_up(TILE_ROWS + 2 * window, LANES)
    zero_row, is_weighted, is_composed = w_out.size - row_size, is_given(text.weights), is_given(members.offsets)
    sample, copy, transposed, scores = scratch.sample, scratch.copy, scratch.transposed, scratch.scores
    stride = transposed.size // row_size
    words, _, _, pairs, gains = sample
    weight, gain = scratch.weight, scratch.gain
    input_rows, copy_rows, rows = scratch.input_rows, scratch.copy_rows, scratch.rows
    low, high = scratch.low, scratch.high
    if is_composed:
        steps_in, step_rows = scratch.steps, copy_rows
    else:
        steps_in, step_rows = w_in, input_rows
    position, stop, sentence, _, _, state = segment
    state = place_noise(noise, tables, scratch, state)
    while position < stop:
        n, alpha, position, sentence, state = fill_buffer(
            text, segment, chunk, sample, position, sentence, state, stats
        )
        for t in range(0, n, n_targets):
            place_chunk(n, t, chunk, tables, scratch)
            for k in range(n_targets):
                weight[k] = pairs[t + k] * _float32(noise.negative) / _float32(n_noise) if t + k < n else 0
                n_pairs = max(0, high[k] - low[k] - 1)
                if not is_weighted:
                    stats[PAIRS] += n_pairs
                else:
                    gain[k] = gains[t + k] if t + k < n else 0
                    weight[k] *= gain[k]
                    stats[PAIRS] += n_pairs * gain[k]
            state = draw_ahead(noise, tables, scratch, state)
            part = 0
            for j in range(0, tile_inputs, LANES):
                if is_composed:
                    compose(w_in, members, input_rows, j, j + LANES, row_size, copy)
                else:
                    gather_rows(w_in, input_rows, j, j + LANES, row_size, copy)
                transpose_rows(copy, j, row_size, transposed, j + shift, stride)
            if is_composed:
                prefetch_inputs(words, n, t, chunk, tables, members)
                steps_in[:] = 0
            for k in range(0, tile_targets, TILE_ROWS):
                c = k + shift
                score(w_out, rows, k, k + TILE_ROWS, transposed, stride, c, c + band, vector_size, scores)
                part = prefetch_part(part, n_parts, n, t, chunk, tables, scratch)
            core = window + shift
            for k in range(tile_targets, tile_targets + n_noise, TILE_ROWS):
                end = core + round_up(n_targets, LANES)
                score(w_out, rows, k, k + TILE_ROWS, transposed, stride, core, end, vector_size, scores)
                part = prefetch_part(part, n_parts, n, t, chunk, tables, scratch)
            if is_weighted:
                stats[LOSS] += _skipgram_errors(scratch, stride, chunk, n_noise, shift, band, alpha, gain)
            else:
                stats[LOSS] += _skipgram_errors(scratch, stride, chunk, n_noise, shift, band, alpha, None)
            g = scores[shift:]  # g[k * stride + j]
            for j in range(0, tile_inputs, TILE_ROWS):
                is_core = window - TILE_ROWS < j < window + n_targets
                accumulate(
                    steps_in, step_rows, j, g, 1, stride, w_out, rows, max(0, j - 2 * window),
                    min(n_targets, j + TILE_ROWS), tile_targets, tile_targets + (n_noise if is_core else 0), row_size,
                )  # fmt: skip
                part = prefetch_part(part, n_parts, n, t, chunk, tables, scratch)
            for k in range(0, tile_targets, TILE_ROWS):
                end = min(n_inputs, k + TILE_ROWS + 2 * window)
                accumulate(w_out, rows, k, g, stride, 1, copy, copy_rows, k, end, 0, 0, row_size)
            for k in range(tile_targets, tile_targets + n_noise, TILE_ROWS):
                end = window + n_targets
                accumulate(w_out, rows, k, g, stride, 1, copy, copy_rows, window, end, 0, 0, row_size)
            if is_composed:
                spread(steps_in, members, input_rows, n_inputs, zero_row, row_size, w_in)
