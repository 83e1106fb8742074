"""Skip-gram with negative sampling, a chunk of targets at a time; see `_kernels` for what a chunk is.

References
----------
Mikolov et al. 2013, arXiv:1310.4546, equation 4.
"""

from __future__ import annotations

import numpy as np

from ._composition import compose, spread
from ._kernels import (
    BUFFER,
    GROUP,
    KEPT,
    LOSS,
    PAIRS,
    accumulate,
    aligned_zeros,
    logarithm,
    place_chunk,
    place_noise,
    prefetch_chunk,
    round_up,
    sample_tokens,
    score,
    sigmoid,
)
from ._simd import (
    LANES,
    TILE_ROWS,
    load,
    load_vector,
    select_lanes,
    splat,
    steps,
    store_vector,
    sum_lanes,
    transpose,
)
from .jit import compiled

_float32 = np.float32


@compiled
def _skipgram_errors(
    scores, stride, n_targets, tile_targets, n_noise, window, shift, band, low, high, weight, alpha, gain, weights
):
    """Turn scores into step sizes in place; return the summed loss of the chunk.

    Target k and input j inside its window: alpha * (1 - sigmoid(score)), loss -ln sigmoid(score), both times gain[k]
    unless `weights` is None. Noise word, target position k: -alpha * weight[k] * sigmoid(score), loss -weight[k] * ln
    sigmoid(-score). Zero elsewhere.
    """
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
                    if weights is None:
                        store_vector(scores, at, (one - s) * rate)
                        product = product * s
                    else:
                        gains = splat(load(gain, k))
                        store_vector(scores, at, (one - s) * rate * gains)
                        total = total - logarithm(s) * gains
                if weights is None:
                    total = total - logarithm(product)
    for c in range(0, n_targets, LANES):
        weights = load_vector(weight, c)
        step = zero - weights * rate
        for group in range(tile_targets, tile_targets + n_noise, GROUP):
            product = one
            for k in range(group, group + GROUP):
                at = k * stride + c + window + shift
                s = sigmoid(zero - load_vector(scores, at))
                store_vector(scores, at, (one - s) * step)
                product = product * s
            total = total - weights * logarithm(product)
    return np.float64(sum_lanes(total))


@compiled
def _copy_rows(table, rows, first, last, row_size, copy):
    for j in range(first, last):
        row = load(rows, j)
        for d in range(0, row_size, LANES):
            store_vector(copy, j * row_size + d, load_vector(table, row + d))


@compiled
def train_skipgram(
    tokens, offsets, position, stop, sentence, keep, threshold, alias, w_in, w_out, row_size, vector_size,
    window, shrink, negative, n_targets, n_noise, alpha_start, alpha_end, state, stats, members, member_rows, frozen,
    weights,
):  # fmt: skip
    """Train skip-gram on tokens[position:stop]; both tables are overwritten.

    With X the H input rows and Y the T target rows followed by the N noise rows of a chunk::

        scores = Y X^T
        G[k, j] = alpha (1 - sigmoid(scores[k, j]))                     target k, input j inside its window
        G[n, j] = -alpha n_j negative / N sigmoid(scores[n, j])         noise word n, target position j = k + w
        w_in[input j]  += sum over k of G[k, j] Y[k]
        w_out[row k]   += sum over j of G[k, j] X[j]

    where n_j counts the targets that have input j in their context, so that every pair meets `negative` noise words on
    average. Only tiles that meet a window are computed.

    Parameters
    ----------
    tokens, offsets, position, stop, sentence, keep, window, shrink
        As in `sample_tokens`.
    threshold, alias : ndarray of shape (V,), float32 and int32
        Alias table of the noise distribution.
    w_in, w_out : ndarray of shape ((V + 1) * S,), float32, on a cache line
        Input and output vectors. With `members`, `w_in` may have more rows; its last is zero as well.
    row_size, vector_size : int
        S and D.
    negative : int
        Noise words for each pair, on average.
    n_targets, n_noise : int
        T, and N, a multiple of TILE_ROWS: see `trainer.chunk_shape`.
    alpha_start, alpha_end : float
        Step size at both ends of the segment; linear between, one value for each buffer.
    state : uint64
        Random state of the segment.
    stats : ndarray of shape (3,), float64
        Entries LOSS, PAIRS and KEPT are added to.
    members : ndarray of shape (V + 2,), int64, or None
        Where the rows of each word begin in `member_rows`; None if the input vector of word v is row v. See
        `_composition`.
    member_rows : ndarray of int64, or None
        Offsets into `w_in`.
    frozen : ndarray of uint8 or None
        Rows of `w_in` that must not move; only with `members`.
    weights : ndarray of shape (n_sentences,), float32, or None
        What the steps and losses of each sentence are multiplied by, and how much its pairs count.
    """
    tile_targets = round_up(n_targets, TILE_ROWS)
    n_inputs = n_targets + 2 * window
    tile_inputs = round_up(n_inputs, TILE_ROWS)
    shift = round_up(window, LANES) - window  # so that the column of input `window`, the first target, is aligned
    band = round_up(TILE_ROWS + 2 * window, LANES)
    stride = round_up(shift + max(tile_targets + band, tile_inputs + LANES), LANES)
    words, left = np.empty(BUFFER, np.int64), np.empty(BUFFER, np.int64)
    right, pairs = np.empty(BUFFER, np.int64), np.empty(BUFFER, np.int64)
    zero_row = w_out.size - row_size
    copy, transposed = aligned_zeros((tile_inputs + LANES) * row_size), aligned_zeros(row_size * stride)
    scores, weight = aligned_zeros((tile_targets + n_noise) * stride), aligned_zeros(round_up(n_targets, LANES))
    input_rows, copy_rows = np.full(tile_inputs + LANES, zero_row), np.arange(tile_inputs + LANES) * row_size
    rows, next_noise = np.full(tile_targets + n_noise, zero_row), np.full(n_noise, zero_row)
    low, high = np.zeros(tile_targets, np.int64), np.zeros(tile_targets, np.int64)
    if members is None:
        steps_in, step_rows = w_in, input_rows
    else:
        steps_in, step_rows = aligned_zeros((tile_inputs + LANES) * row_size), copy_rows
    gains, gain = np.empty(BUFFER, np.float32), aligned_zeros(tile_targets)
    state = place_noise(next_noise, threshold, alias, w_out, row_size, rows, tile_targets, state)
    begin = position
    while position < stop:
        alpha = _float32(alpha_start + (alpha_end - alpha_start) * (position - begin) / (stop - begin))
        n, position, sentence, state = sample_tokens(
            tokens, offsets, position, stop, sentence, keep, window, shrink, words, left, right, pairs, state, weights,
            gains,
        )  # fmt: skip
        stats[KEPT] += n
        for t in range(0, n, n_targets):
            place_chunk(words, left, right, n, t, n_targets, window, zero_row, row_size, input_rows, rows, low, high)
            for k in range(n_targets):
                weight[k] = pairs[t + k] * _float32(negative) / _float32(n_noise) if t + k < n else 0
                n_pairs = max(0, high[k] - low[k] - 1)
                if weights is None:
                    stats[PAIRS] += n_pairs
                else:
                    gain[k] = gains[t + k] if t + k < n else 0
                    weight[k] *= gain[k]
                    stats[PAIRS] += n_pairs * gain[k]
            state = place_noise(next_noise, threshold, alias, w_out, row_size, rows, tile_targets, state)
            prefetch_chunk(words, n, t, n_targets, window, w_in, w_out, row_size, members, member_rows)
            for j in range(0, tile_inputs, LANES):
                if members is None:
                    _copy_rows(w_in, input_rows, j, j + LANES, row_size, copy)
                else:
                    compose(w_in, members, member_rows, input_rows, j, j + LANES, row_size, copy)
                for d in range(0, row_size, LANES):
                    transpose(copy, steps(j * row_size, row_size, LANES), d, transposed, d * stride + j + shift, stride)
            if members is not None:
                steps_in[:] = 0
            for k in range(0, tile_targets, TILE_ROWS):
                c = k + shift
                score(w_out, rows, k, k + TILE_ROWS, transposed, stride, c, c + band, vector_size, scores)
            core = window + shift
            score(
                w_out, rows, tile_targets, tile_targets + n_noise, transposed, stride, core,
                core + round_up(n_targets, LANES), vector_size, scores,
            )  # fmt: skip
            stats[LOSS] += _skipgram_errors(
                scores, stride, n_targets, tile_targets, n_noise, window, shift, band, low, high, weight, alpha,
                gain, weights,
            )  # fmt: skip
            g = scores[shift:]  # g[k * stride + j]
            for j in range(0, tile_inputs, TILE_ROWS):
                is_core = window - TILE_ROWS < j < window + n_targets
                accumulate(
                    steps_in, step_rows, j, g, 1, stride, w_out, rows, max(0, j - 2 * window),
                    min(n_targets, j + TILE_ROWS), tile_targets, tile_targets + (n_noise if is_core else 0), row_size,
                )  # fmt: skip
            for k in range(0, tile_targets, TILE_ROWS):
                end = min(n_inputs, k + TILE_ROWS + 2 * window)
                accumulate(w_out, rows, k, g, stride, 1, copy, copy_rows, k, end, 0, 0, row_size)
            for k in range(tile_targets, tile_targets + n_noise, TILE_ROWS):
                end = window + n_targets
                accumulate(w_out, rows, k, g, stride, 1, copy, copy_rows, window, end, 0, 0, row_size)
            if members is not None:
                spread(steps_in, members, member_rows, frozen, input_rows, n_inputs, zero_row, row_size, w_in)
