"""Training on pairs that are given, with negative sampling, a chunk of pairs at a time; see `w2v.kernels.training`.

References
----------
Levy and Goldberg 2014, Dependency-based word embeddings, section 3 (pairs of any kind).
Mikolov et al. 2013, arXiv:1310.4546, equation 4 (negative sampling).
"""

from __future__ import annotations

import numpy as np

from w2v.kernels.cbow import noise_errors, positive_errors
from w2v.kernels.jit import compiled
from w2v.kernels.simd import LANES, TILE_ROWS, fma, load, load_vector, splat, steps, store_vector, transpose
from w2v.kernels.training import (
    KEPT,
    LOSS,
    PAIRS,
    accumulate,
    combine,
    move_rows,
    place_noise,
    prefetch_row,
    round_up,
    score,
    weight_of,
)

_float32 = np.float32


@compiled
def train_pairs(text, segment, chunk, noise, tables, members, scratch, stats):
    """Train on the pairs of a segment; both tables are overwritten.

    Tokens 2 i and 2 i + 1 are input and target of pair i, which is sentence i. With x_k and y_k the rows of pair k of a
    chunk, v_k its weight and z_n the N noise rows that the T pairs share::

        e_k     = alpha v_k (1 - sigmoid(x_k . y_k))
        G[n, k] = -alpha v_k negative / N sigmoid(x_k . z_n)
        w_in[input k]   += e_k y_k + sum over n of G[n, k] z_n
        w_out[target k] += e_k x_k          w_out[noise n] += sum over k of G[n, k] x_k

    Parameters are those of `train_skipgram`, with the scratch of `train_cbow`. Offsets, probabilities and windows are
    not used, nor are members: pairs are not thinned out, and an input is one row.
    """
    n_targets, n_noise = chunk.n_targets, noise.n_rows
    w_in, w_out, row_size, vector_size = tables
    tile_targets = round_up(n_targets, TILE_ROWS)
    stride, zero_row, tokens = round_up(tile_targets, LANES), w_out.size - row_size, text.tokens
    copy, grad, transposed, scores = scratch.hidden, scratch.grad, scratch.transposed, scratch.scores
    gain, error = scratch.gain, scratch.error
    input_rows, target_rows, noise_rows = scratch.input_rows, scratch.rows, scratch.noise_rows
    position, stop, sentence, alpha_start, alpha_end, state = segment
    state = place_noise(scratch.next_noise, noise, w_out, row_size, noise_rows, 0, state)
    n = (stop - position) // 2
    for first in range(0, n, n_targets):
        alpha = _float32(alpha_start + (alpha_end - alpha_start) * first / n)
        for k in range(n_targets):
            at = position + 2 * (first + k)
            input_rows[k] = target_rows[k] = zero_row
            gain[k] = 0
            if first + k < n:
                input_rows[k], target_rows[k] = tokens[at] * row_size, tokens[at + 1] * row_size
                gain[k] = weight_of(text.weights, sentence + first + k)
                stats[PAIRS] += gain[k]
            if first + k + n_targets < n:
                prefetch_row(w_in, tokens[at + 2 * n_targets] * row_size, row_size)
                prefetch_row(w_out, tokens[at + 2 * n_targets + 1] * row_size, row_size)
        state = place_noise(scratch.next_noise, noise, w_out, row_size, noise_rows, 0, state)
        for j in range(0, stride, LANES):
            for d in range(0, row_size, LANES):
                for r in range(j, j + LANES):
                    store_vector(copy, r * row_size + d, load_vector(w_in, load(input_rows, r) + d))
                transpose(copy, steps(j * row_size, row_size, LANES), d, transposed, d * stride + j, stride)
        stats[LOSS] += positive_errors(w_out, n_targets, alpha, row_size, scratch)
        score(w_out, noise_rows, 0, n_noise, transposed, stride, 0, round_up(n_targets, LANES), vector_size, scores)
        stats[LOSS] += noise_errors(scratch, n_targets, noise, alpha)
        for k in range(0, tile_targets, TILE_ROWS):
            combine(grad, k, scores, 1, stride, w_out, noise_rows, n_noise, row_size)
        for k in range(n_targets):
            rate, own, row, target = splat(load(error, k)), k * row_size, load(input_rows, k), load(target_rows, k)
            for d in range(0, row_size, LANES):
                step = fma(rate, load_vector(w_out, target + d), load_vector(grad, own + d))
                store_vector(w_in, row + d, load_vector(w_in, row + d) + step)
        move_rows(error, copy, n_targets, row_size, w_out, target_rows)
        for k in range(0, n_noise, TILE_ROWS):
            accumulate(w_out, noise_rows, k, scores, stride, 1, copy, scratch.own_rows, 0, n_targets, 0, 0, row_size)
    stats[KEPT] += 2 * n
