"""CBOW with negative sampling, a chunk of targets at a time; see `_kernels` for what a chunk is.

References
----------
Mikolov et al. 2013, arXiv:1301.3781 (CBOW) and arXiv:1310.4546, equation 4 (negative sampling).
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
    combine,
    logarithm,
    move_rows,
    place_chunk,
    place_noise,
    prefetch_chunk,
    round_up,
    sample_tokens,
    score,
    sigmoid,
)
from ._positional import apply_weighted_gradients, weighted_means
from ._simd import (
    LANES,
    TILE_ROWS,
    fma,
    load,
    load_vector,
    splat,
    steps,
    store_vector,
    sum_lanes,
    transpose,
)
from .jit import compiled

_float32 = np.float32


@compiled
def context_means(w_in, input_rows, n_inputs, n_targets, window, low, high, row_size, prefix, hidden, gain, size):
    """Set hidden[k] to the mean of the C_k context rows of target k, size[k] to 1 / C_k and gain[k] to C_k > 0.

    prefix[j], the sum of the first j input rows, makes it three additions whatever the window.
    """
    for j in range(n_inputs):
        row, here, following = load(input_rows, j), j * row_size, (j + 1) * row_size
        for d in range(0, row_size, LANES):
            store_vector(prefix, following + d, load_vector(prefix, here + d) + load_vector(w_in, row + d))
    for k in range(n_targets):
        n_context = high[k] - low[k] - 1
        gain[k] = 1 if n_context > 0 else 0
        size[k] = _float32(1) / _float32(n_context) if n_context > 0 else 0
        scale = splat(load(size, k))
        own, a, b = load(input_rows, k + window), high[k] * row_size, low[k] * row_size
        for d in range(0, row_size, LANES):
            between = load_vector(prefix, a + d) - load_vector(prefix, b + d)
            store_vector(hidden, k * row_size + d, (between - load_vector(w_in, own + d)) * scale)


@compiled
def positive_errors(hidden, w_out, target_rows, n_targets, gain, alpha, row_size, error):
    """Set error[k] = alpha (1 - sigmoid(h_k . y_k)), 0 without context; return the summed loss."""
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


@compiled
def close_windows(grad, n_inputs, n_targets, window, row_size, prefix, w_in, input_rows):
    """Add to every input row the gradients of the windows that hold it, but for that of its own place.

    prefix[j] is what the windows that open at input j have more of than those that end there. It is summed up in place,
    and its row 0 is left zero.
    """
    zero, zero_row = splat(_float32(0)), w_in.size - row_size
    for j in range(n_inputs):
        row, here, following = load(input_rows, j), j * row_size, (j + 1) * row_size
        if row == zero_row:  # beyond a border: no window is open, and rounding must not leave anything there
            continue
        own = (j - window) * row_size
        has_own = window <= j < window + n_targets
        for d in range(0, row_size, LANES):
            running = load_vector(prefix, here + d)
            step = running - load_vector(grad, own + d) if has_own else running
            store_vector(w_in, row + d, load_vector(w_in, row + d) + step)
            store_vector(prefix, following + d, running + load_vector(prefix, following + d))
    for d in range(0, row_size, LANES):
        store_vector(prefix, d, zero)


@compiled
def _apply_gradients(
    grad, error, hidden, n_inputs, n_targets, window, low, high, size, row_size, prefix, w_in, input_rows, w_out,
    target_rows,
):  # fmt: skip
    """Add error[k] h_k to target row k, and (grad[k] + error[k] y_k) / C_k to the C_k context rows of every target k.

    The context rows get their sums through a difference array over the inputs. `grad` and `prefix` are overwritten; row
    0 of `prefix` is left zero.
    """
    zero = splat(_float32(0))
    for j in range(0, (n_inputs + 1) * row_size, LANES):
        store_vector(prefix, j, zero)
    for k in range(n_targets):
        scale, rate = splat(load(size, k)), splat(load(error, k))
        a, b, own, row = low[k] * row_size, high[k] * row_size, k * row_size, load(target_rows, k)
        for d in range(0, row_size, LANES):
            g = fma(rate, load_vector(w_out, row + d), load_vector(grad, own + d)) * scale
            store_vector(grad, own + d, g)
            store_vector(prefix, a + d, load_vector(prefix, a + d) + g)
            store_vector(prefix, b + d, load_vector(prefix, b + d) - g)
    move_rows(error, hidden, n_targets, row_size, w_out, target_rows)
    close_windows(grad, n_inputs, n_targets, window, row_size, prefix, w_in, input_rows)


@compiled
def noise_errors(scores, stride, n_targets, n_noise, gain, weight, alpha):
    """Turn noise scores into -alpha * weight * sigmoid(score) in place, 0 without context; return the summed loss."""
    zero, one = splat(_float32(0)), splat(_float32(1))
    total = zero
    for c in range(0, n_targets, LANES):
        weights = load_vector(gain, c) * splat(weight)
        step = zero - weights * splat(alpha)
        for group in range(0, n_noise, GROUP):
            product = one
            for k in range(group, group + GROUP):
                s = sigmoid(zero - load_vector(scores, k * stride + c))
                store_vector(scores, k * stride + c, (one - s) * step)
                product = product * s
            total = total - weights * logarithm(product)
    return np.float64(sum_lanes(total))


@compiled
def train_cbow(
    tokens, offsets, position, stop, sentence, keep, threshold, alias, w_in, w_out, row_size, vector_size,
    window, shrink, negative, n_targets, n_noise, alpha_start, alpha_end, state, stats, members, member_rows, frozen,
    weights, positions,
):  # fmt: skip
    """Train CBOW with the mean of the context on tokens[position:stop]; both tables are overwritten.

    With h_k the mean of the C_k context rows of target k, y_k its output row and z_n the N noise rows of a chunk::

        e_k     = alpha (1 - sigmoid(h_k . y_k))
        G[n, k] = -alpha negative / N sigmoid(h_k . z_n)
        dh_k    = e_k y_k + sum over n of G[n, k] z_n
        w_out[target k] += e_k h_k          w_out[noise n] += sum over k of G[n, k] h_k
        w_in[i]         += dh_k / C_k       for each context word i of each target k

    This is the gradient of the mean; word2vec.c and gensim leave out the 1 / C_k (docs/deviations.md, D1). Targets
    without context are skipped.

    Parameters are those of `train_skipgram`, and:

    Parameters
    ----------
    positions : ndarray of shape ((2 w + 1) * S,), float32, or None
        Weights of the positions of a window, overwritten: see `_positional`. Only with `members`.
    """
    tile_targets = round_up(n_targets, TILE_ROWS)
    n_inputs = n_targets + 2 * window
    stride = round_up(tile_targets, LANES)
    words, left = np.empty(BUFFER, np.int64), np.empty(BUFFER, np.int64)
    right, pairs = np.empty(BUFFER, np.int64), np.empty(BUFFER, np.int64)
    zero_row = w_out.size - row_size
    prefix, transposed = aligned_zeros((n_inputs + 1) * row_size), aligned_zeros(row_size * stride)
    hidden, grad = aligned_zeros(stride * row_size), aligned_zeros(stride * row_size)
    scores, gain, size, error = (
        aligned_zeros(n_noise * stride),
        aligned_zeros(stride),
        aligned_zeros(stride),
        aligned_zeros(stride),
    )
    input_rows, target_rows = np.full(n_inputs, zero_row), np.full(tile_targets, zero_row)
    noise_rows, next_noise = np.full(n_noise, zero_row), np.full(n_noise, zero_row)
    own_rows = np.arange(stride) * row_size
    low, high = np.zeros(tile_targets, np.int64), np.zeros(tile_targets, np.int64)
    weight = _float32(negative) / _float32(n_noise)
    if members is None:
        inputs, steps_in, own_inputs = w_in, w_in, input_rows
    else:
        inputs, steps_in = aligned_zeros((n_inputs + 1) * row_size), aligned_zeros((n_inputs + 1) * row_size)
        own_inputs = np.empty(n_inputs, np.int64)
    gains = np.empty(BUFFER, np.float32)
    position_steps = aligned_zeros((2 * window + 1) * row_size)
    state = place_noise(next_noise, threshold, alias, w_out, row_size, noise_rows, 0, state)
    begin = position
    while position < stop:
        alpha = _float32(alpha_start + (alpha_end - alpha_start) * (position - begin) / (stop - begin))
        n, position, sentence, state = sample_tokens(
            tokens, offsets, position, stop, sentence, keep, window, shrink, words, left, right, pairs, state, weights,
            gains,
        )  # fmt: skip
        stats[KEPT] += n
        for t in range(0, n, n_targets):
            active = place_chunk(
                words, left, right, n, t, n_targets, window, zero_row, row_size, input_rows, target_rows, low, high
            )
            state = place_noise(next_noise, threshold, alias, w_out, row_size, noise_rows, 0, state)
            prefetch_chunk(words, n, t, n_targets, window, w_in, w_out, row_size, members, member_rows)
            if members is not None:
                compose(w_in, members, member_rows, input_rows, 0, n_inputs, row_size, inputs)
                steps_in[:] = 0
                for j in range(n_inputs):
                    own_inputs[j] = (n_inputs if input_rows[j] == zero_row else j) * row_size
            if positions is None:
                context_means(
                    inputs, own_inputs, n_inputs, n_targets, window, low, high, row_size, prefix, hidden, gain, size
                )
            else:
                weighted_means(inputs, n_targets, window, low, high, row_size, positions, hidden, gain, size)
            for k in range(0, stride, LANES):
                for d in range(0, row_size, LANES):
                    transpose(hidden, steps(k * row_size, row_size, LANES), d, transposed, d * stride + k, stride)
            if weights is None:
                stats[PAIRS] += active
            else:
                for k in range(min(n_targets, n - t)):
                    gain[k] *= gains[t + k]
                    stats[PAIRS] += gain[k]
            stats[LOSS] += positive_errors(hidden, w_out, target_rows, n_targets, gain, alpha, row_size, error)
            score(w_out, noise_rows, 0, n_noise, transposed, stride, 0, round_up(n_targets, LANES), vector_size, scores)
            stats[LOSS] += noise_errors(scores, stride, n_targets, n_noise, gain, weight, alpha)
            for k in range(0, tile_targets, TILE_ROWS):
                combine(grad, k, scores, 1, stride, w_out, noise_rows, n_noise, row_size)
            if positions is None:
                _apply_gradients(
                    grad, error, hidden, n_inputs, n_targets, window, low, high, size, row_size, prefix, steps_in,
                    own_inputs, w_out, target_rows,
                )  # fmt: skip
            else:
                apply_weighted_gradients(
                    grad, error, hidden, n_targets, window, low, high, size, row_size, vector_size,
                    inputs, positions, position_steps, steps_in, w_out, target_rows,
                )  # fmt: skip
            if members is not None:
                spread(steps_in, members, member_rows, frozen, input_rows, n_inputs, zero_row, row_size, w_in)
            for k in range(0, n_noise, TILE_ROWS):
                accumulate(w_out, noise_rows, k, scores, stride, 1, hidden, own_rows, 0, n_targets, 0, 0, row_size)
