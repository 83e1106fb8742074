"""Given pairs with negative sampling: they are trained like targets of CBOW with a context of one word.

References
----------
Levy and Goldberg 2014, Dependency-based word embeddings, section 3 (pairs of any kind).
"""

from __future__ import annotations

import numpy as np

from w2v.kernels.arguments import KEPT, LOSS, PAIRS
from w2v.kernels.cbow import move_noise, positive_errors, score_noise, sum_noise
from w2v.kernels.jit import lean
from w2v.kernels.simd import LANES, fma, load, load_vector, splat, store_vector
from w2v.kernels.training import place_noise, prefetch_row, weight_of
from w2v.kernels.vector_math import gather_rows, move_rows, transpose_rows

_float32 = np.float32


@lean
def train_pairs(text, segment, chunk, noise, tables, members, scratch, stats):
    """Train on the pairs of a segment; both tables are overwritten.

    Tokens 2 i and 2 i + 1 are the input and target of pair i, which is sentence i. With x_k and y_k the rows of pair k
    in a chunk, v_k its weight and z_n the N noise rows shared by the T pairs::

        e_k     = alpha v_k (1 - sigmoid(x_k . y_k))
        G[n, k] = -alpha v_k negative / N sigmoid(x_k . z_n)
        w_in[input k]   += e_k y_k + sum over n of G[n, k] z_n
        w_out[target k] += e_k x_k          w_out[noise n] += sum over k of G[n, k] x_k

    Parameters are those of `train_skipgram`, with the scratch of `train_cbow`. Offsets, probabilities, windows and
    members are not used: pairs are not subsampled, and an input is a single row.
    """
    n_targets, (w_in, w_out, row_size, _) = chunk.n_targets, tables
    zero_row, tokens, error = w_out.size - row_size, text.tokens, scratch.error
    copy, grad, gain, transposed = scratch.hidden, scratch.grad, scratch.gain, scratch.transposed
    input_rows, target_rows = scratch.input_rows, scratch.rows
    stride = transposed.size // row_size
    position, stop, sentence, alpha_start, alpha_end, state = segment
    state = place_noise(noise, tables, scratch, state)
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
        state = place_noise(noise, tables, scratch, state)
        for j in range(0, stride, LANES):
            gather_rows(w_in, input_rows, j, j + LANES, row_size, copy)
            transpose_rows(copy, j, row_size, transposed, j, stride)
        stats[LOSS] += positive_errors(w_out, n_targets, alpha, row_size, scratch)
        stats[LOSS] += score_noise(scratch, n_targets, noise, tables, alpha)
        sum_noise(scratch, n_targets, noise, tables)
        for k in range(n_targets):
            rate, own, row, target = splat(load(error, k)), k * row_size, load(input_rows, k), load(target_rows, k)
            for d in range(0, row_size, LANES):
                step = fma(rate, load_vector(w_out, target + d), load_vector(grad, own + d))
                store_vector(w_in, row + d, load_vector(w_in, row + d) + step)
        move_rows(error, copy, n_targets, row_size, w_out, target_rows)
        move_noise(scratch, n_targets, noise, tables)
    stats[KEPT] += 2 * n
