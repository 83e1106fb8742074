"""The compiled training kernels: skip-gram and CBOW with negative sampling as products over chunks.

A segment of the token stream is sampled into a buffer of `BUFFER` kept tokens at a time, and the buffer is trained in
chunks of T consecutive targets. With w = window, a chunk has H = T + 2 w inputs (target k is input k + w) and N noise
words that all of its targets share. Every gradient of a chunk is taken at the values before the chunk, then all are
applied. S is the length of a table row: `vector_size` rounded up to ROW_MULTIPLE, the rest zero.

Tables are flat float32 arrays of V + 1 rows; row V is zero and stays zero: it stands in for positions beyond a border.
Offsets into tables count elements. The kernels check nothing: `trainer` validates ids, shapes and parameters.

The formulae are derived in docs/derivations/negative_sampling.md and written again, in float64 NumPy, in
tests/naive_w2v.py, which the tests hold against this file.

References
----------
Mikolov et al. 2013, arXiv:1310.4546, equation 4 (negative sampling) and section 2.3 (subsampling).
Ji et al. 2016, arXiv:1604.04661 (negative sampling as matrix products with shared noise words).
Niu et al. 2011, arXiv:1106.5730 (workers that share the tables without locks).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from ._simd import (
    LANES,
    TILE_COLUMNS,
    TILE_ROWS,
    add_tile,
    exponent_of,
    fma,
    fma_outer,
    load,
    load_vector,
    mantissa_of,
    power_of_two,
    prefetch,
    select_lanes,
    splat,
    steps,
    store_tile,
    store_vector,
    sum_lanes,
    take,
    transpose,
    zero_tile,
)

JIT: Any = {"nogil": True, "error_model": "numpy", "cache": True}
ROW_MULTIPLE = 16
"""Table rows are a multiple of 16 floats, one cache line, on every host."""
BUFFER = 8192
"""Kept tokens that are sampled at a time; windows end at its borders."""
LOSS, PAIRS, KEPT = 0, 1, 2
"""Entries of `stats`: summed loss in nats, positive terms it is summed over, tokens that survived subsampling."""

_float32 = np.float32
_LINE = 16
_LOG_LIMIT = 20.0
_LOG2E, _LN2 = 1.4426950408889634, 0.6931471805599453
_ROUNDER = 12582912.0  # 1.5 * 2**23: adding it leaves no bits for a fraction
_GROUP = 3  # sigmoids multiplied before a logarithm is taken: sigmoid(-20)**3 is still a normal float32


# Random numbers and sampling.


@njit(**JIT)
def next_random(state):
    """Advance a 64-bit linear congruential generator (Knuth's MMIX); its upper bits are the random number."""
    return state * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)


@njit(**JIT)
def uniform(state):
    """Return the state as a float32 in [0, 1), a multiple of 2**-24."""
    return _float32(state >> np.uint64(40)) * _float32(1 / (1 << 24))


@njit(**JIT)
def below(state, n):
    """Return the state as an integer in [0, n), n < 2**32."""
    return np.int64(((state >> np.uint64(32)) * np.uint64(n)) >> np.uint64(32))


@njit(**JIT)
def draw_noise(threshold, alias, state):
    """Draw a word id by Walker's alias method; return (id, state)."""
    state = next_random(state)
    i = below(state, threshold.size)
    state = next_random(state)
    return (i if uniform(state) < threshold[i] else np.int64(alias[i])), state


@njit(**JIT)
def sample_tokens(tokens, offsets, position, stop, sentence, keep, window, shrink, words, left, right, pairs, state):
    """Subsample tokens[position:stop] into `words` and draw the window of each.

    Parameters
    ----------
    tokens : ndarray of shape (n_tokens,), int32
    offsets : ndarray of shape (n_sentences + 1,), int64
    sentence : int
        The sentence that holds `position`.
    keep : ndarray of shape (V,), float32
        Probability that a token of each word is kept.
    window : int
    shrink : bool
        Draw the radius uniformly from 1..window, as word2vec does, instead of always using `window`.
    words, left, right, pairs : ndarray of shape (BUFFER,), int64
        Overwritten. The context of words[i] is words[left[i]:right[i]] without words[i] itself; pairs[i] counts the
        targets that have words[i] in their context.

    Returns
    -------
    (n, position, sentence, state)
        n tokens were kept; the next one to look at is at `position` in `sentence`.
    """
    n = 0
    while position < stop and n < words.size:
        first = n
        end = min(offsets[sentence + 1], stop)
        while position < end and n < words.size:
            word = load(tokens, position)
            position += 1
            state = next_random(state)
            if keep[word] > uniform(state):
                words[n] = word
                pairs[n] = 0
                n += 1
        if position == end:
            sentence += 1
        for i in range(first, n):
            state = next_random(state)
            radius = window - below(state, window) if shrink else window
            left[i] = max(i - radius, first)
            right[i] = min(i + radius + 1, n)
            pairs[left[i]] += 1  # a difference array: summed up below
            if right[i] < n:
                pairs[right[i]] -= 1
        open_windows = 0
        for i in range(first, n):
            open_windows += pairs[i]
            pairs[i] = open_windows - 1
    return n, position, sentence, state


# Functions of vectors.


@njit(**JIT)
def sigmoid(x):
    """Return 1 / (1 + exp(-x)) lane by lane, to a relative error below 2e-6; x is clamped to [-20, 20]."""
    limit = splat(_float32(_LOG_LIMIT))
    x = max(min(x, limit), splat(_float32(-_LOG_LIMIT)))
    scaled = x * splat(_float32(-_LOG2E))
    rounder = splat(_float32(_ROUNDER))
    whole = (scaled + rounder) - rounder
    r = (scaled - whole) * splat(_float32(_LN2))
    e = splat(_float32(1 / 720))  # the Taylor series of exp on [-ln(2)/2, ln(2)/2]
    e = fma(e, r, splat(_float32(1 / 120)))
    e = fma(e, r, splat(_float32(1 / 24)))
    e = fma(e, r, splat(_float32(1 / 6)))
    e = fma(e, r, splat(_float32(0.5)))
    e = fma(e, r, splat(_float32(1)))
    e = fma(e, r, splat(_float32(1)))
    one = splat(_float32(1))
    return one / fma(e, power_of_two(whole), one)


@njit(**JIT)
def logarithm(x):
    """Return ln(x) lane by lane for normal x > 0, to an absolute error below 2e-6 * (1 + |ln(x)|)."""
    one = splat(_float32(1))
    m = mantissa_of(x)
    s = (m - one) / (m + one)  # ln(m) = 2 artanh(s), 0 <= s < 1/3
    z = s * s
    p = splat(_float32(2 / 9))
    p = fma(p, z, splat(_float32(2 / 7)))
    p = fma(p, z, splat(_float32(2 / 5)))
    p = fma(p, z, splat(_float32(2 / 3)))
    p = fma(p, z, splat(_float32(2)))
    return fma(exponent_of(x), splat(_float32(_LN2)), p * s)


# Products. Tiles of TILE_ROWS rows; `steps` and `take` make the row offsets of one tile.


@njit(**JIT)
def _score_tile(tile, left, left_rows, right, column, stride, vector_size, scores, score_rows):
    for d in range(vector_size):
        tile = fma_outer(tile, left, left_rows, d, right, d * stride + column)
    store_tile(tile, scores, score_rows, column)


@njit(**JIT)
def score(left, rows, first, last, right, stride, column, end_column, vector_size, scores):
    """Assign scores[k, c] = sum over d of left[rows[k] + d] * right[d, c], first <= k < last, column <= c < end_column.

    `right` has shape (S, stride) and `scores` (?, stride), both flat. last - first is a multiple of TILE_ROWS and
    end_column - column of LANES. NumPy equivalent: ``scores[first:last] = left_rows @ right``.
    """
    for k in range(first, last, TILE_ROWS):
        left_rows = take(rows, k, TILE_ROWS)
        score_rows = steps(k * stride, stride, TILE_ROWS)
        c = column
        while c + TILE_COLUMNS * LANES <= end_column:
            tile = zero_tile(TILE_ROWS, TILE_COLUMNS)
            _score_tile(tile, left, left_rows, right, c, stride, vector_size, scores, score_rows)
            c += TILE_COLUMNS * LANES
        while c < end_column:
            _score_tile(zero_tile(TILE_ROWS, 1), left, left_rows, right, c, stride, vector_size, scores, score_rows)
            c += LANES


@njit(**JIT)
def _sum_rows(tile, g, g_rows, g_step, source, rows, start, end, d):
    for k in range(start, end):
        tile = fma_outer(tile, g, g_rows, k * g_step, source, load(rows, k) + d)
    return tile


@njit(**JIT)
def accumulate(table, table_rows, first, g, g_row, g_step, source, rows, a, a_end, b, b_end, row_size):
    """Add sum over k of g[i * g_row + k * g_step] * source[rows[k]:][:S] to the table rows i of one tile.

    The tile is i = first .. first + TILE_ROWS - 1, written at table[table_rows[i]:][:S]; k runs over [a, a_end) and
    [b, b_end). NumPy equivalent: ``table[tile] += g[tile][:, k] @ source[k]``.
    """
    tile_rows = take(table_rows, first, TILE_ROWS)
    g_rows = steps(first * g_row, g_row, TILE_ROWS)
    d = 0
    while d + TILE_COLUMNS * LANES <= row_size:
        tile = _sum_rows(zero_tile(TILE_ROWS, TILE_COLUMNS), g, g_rows, g_step, source, rows, a, a_end, d)
        add_tile(_sum_rows(tile, g, g_rows, g_step, source, rows, b, b_end, d), table, tile_rows, d)
        d += TILE_COLUMNS * LANES
    while d < row_size:
        tile = _sum_rows(zero_tile(TILE_ROWS, 1), g, g_rows, g_step, source, rows, a, a_end, d)
        add_tile(_sum_rows(tile, g, g_rows, g_step, source, rows, b, b_end, d), table, tile_rows, d)
        d += LANES


@njit(**JIT)
def combine(table, first, g, g_row, g_step, source, rows, end, row_size):
    """Assign the sums of `accumulate`, over k in [0, end), to TILE_ROWS rows of a table from row `first` on."""
    tile_rows = steps(first * row_size, row_size, TILE_ROWS)
    g_rows = steps(first * g_row, g_row, TILE_ROWS)
    d = 0
    while d + TILE_COLUMNS * LANES <= row_size:
        tile = zero_tile(TILE_ROWS, TILE_COLUMNS)
        store_tile(_sum_rows(tile, g, g_rows, g_step, source, rows, 0, end, d), table, tile_rows, d)
        d += TILE_COLUMNS * LANES
    while d < row_size:
        tile = zero_tile(TILE_ROWS, 1)
        store_tile(_sum_rows(tile, g, g_rows, g_step, source, rows, 0, end, d), table, tile_rows, d)
        d += LANES


# What both algorithms share: memory, rows of a chunk, noise.


@njit(**JIT)
def _aligned(n):
    """Return n float32 zeros that start on a cache line."""
    raw = np.zeros(n + _LINE, np.float32)
    start = (-(raw.ctypes.data >> 2)) % _LINE
    return raw[start : start + n]


@njit(**JIT)
def _round_up(n, multiple):
    return (n + multiple - 1) // multiple * multiple


@njit(**JIT)
def _prefetch_row(table, row, row_size):
    for d in range(0, row_size, _LINE):
        prefetch(table, row + d)


@njit(**JIT)
def _place_chunk(words, left, right, n, t, n_targets, window, zero_row, row_size, input_rows, target_rows, low, high):
    """Set the rows and windows of the chunk whose first target is words[t]; return how many targets have a context."""
    start = t - window
    for j in range(n_targets + 2 * window):
        i = start + j
        input_rows[j] = words[i] * row_size if 0 <= i < n else zero_row
    active = 0
    for k in range(n_targets):
        i = t + k
        low[k] = high[k] = 0
        target_rows[k] = zero_row
        if i < n and right[i] - left[i] > 1:
            low[k] = left[i] - start
            high[k] = right[i] - start
            target_rows[k] = words[i] * row_size
            active += 1
    return active


@njit(**JIT)
def _place_noise(next_noise, threshold, alias, w_out, row_size, noise_rows, first, state):
    """Use the noise words drawn a chunk ago, whose rows have arrived by now, and draw those of the next chunk."""
    for k in range(next_noise.size):
        noise_rows[first + k] = next_noise[k]
        word, state = draw_noise(threshold, alias, state)
        next_noise[k] = word * row_size
        _prefetch_row(w_out, next_noise[k], row_size)
    return state


@njit(**JIT)
def _prefetch_chunk(words, n, t, n_targets, window, w_in, w_out, row_size):
    """Prefetch the rows that the chunk after the one at `t` adds."""
    for i in range(t + n_targets, min(t + 2 * n_targets, n)):
        _prefetch_row(w_out, words[i] * row_size, row_size)
    for i in range(t + n_targets + window, min(t + 2 * n_targets + window, n)):
        _prefetch_row(w_in, words[i] * row_size, row_size)


# Skip-gram.


@njit(**JIT)
def _skipgram_errors(scores, stride, n_targets, tile_targets, n_noise, window, shift, band, low, high, weight, alpha):
    """Turn scores into step sizes in place; return the summed loss of the chunk.

    Target k and input j inside its window: alpha * (1 - sigmoid(score)), loss -ln sigmoid(score). Noise word and target
    position k: -alpha * weight[k] * sigmoid(score), loss -weight[k] * ln sigmoid(-score). Zero elsewhere.
    """
    zero, one, rate = splat(_float32(0)), splat(_float32(1)), splat(alpha)
    total = zero
    for first in range(0, tile_targets, TILE_ROWS):
        for group in range(first, first + TILE_ROWS, _GROUP):
            for c in range(first + shift, first + shift + band, LANES):
                product = one
                for k in range(group, group + _GROUP):
                    at = k * stride + c
                    own = k + window + shift - c
                    s = select_lanes(sigmoid(load_vector(scores, at)), one, low[k] + shift - c, high[k] + shift - c)
                    s = select_lanes(one, s, own, own + 1)
                    store_vector(scores, at, (one - s) * rate)
                    product = product * s
                total = total - logarithm(product)
    for c in range(0, n_targets, LANES):
        weights = load_vector(weight, c)
        step = zero - weights * rate
        for group in range(tile_targets, tile_targets + n_noise, _GROUP):
            product = one
            for k in range(group, group + _GROUP):
                at = k * stride + c + window + shift
                s = sigmoid(zero - load_vector(scores, at))
                store_vector(scores, at, (one - s) * step)
                product = product * s
            total = total - weights * logarithm(product)
    return np.float64(sum_lanes(total))


@njit(**JIT)
def train_skipgram(
    tokens, offsets, position, stop, sentence, keep, threshold, alias, w_in, w_out, row_size, vector_size,
    window, shrink, negative, n_targets, n_noise, alpha_start, alpha_end, state, stats,
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
        Input and output vectors.
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
    """
    tile_targets = _round_up(n_targets, TILE_ROWS)
    n_inputs = n_targets + 2 * window
    tile_inputs = _round_up(n_inputs, TILE_ROWS)
    shift = _round_up(window, LANES) - window  # so that the column of input `window`, the first target, is aligned
    band = _round_up(TILE_ROWS + 2 * window, LANES)
    stride = _round_up(shift + max(tile_targets + band, tile_inputs + LANES), LANES)
    words, left = np.empty(BUFFER, np.int64), np.empty(BUFFER, np.int64)
    right, pairs = np.empty(BUFFER, np.int64), np.empty(BUFFER, np.int64)
    zero_row = w_in.size - row_size
    copy, transposed = _aligned((tile_inputs + LANES) * row_size), _aligned(row_size * stride)
    scores, weight = _aligned((tile_targets + n_noise) * stride), _aligned(_round_up(n_targets, LANES))
    input_rows, copy_rows = np.full(tile_inputs + LANES, zero_row), np.arange(tile_inputs + LANES) * row_size
    rows, next_noise = np.full(tile_targets + n_noise, zero_row), np.full(n_noise, zero_row)
    low, high = np.zeros(tile_targets, np.int64), np.zeros(tile_targets, np.int64)
    state = _place_noise(next_noise, threshold, alias, w_out, row_size, rows, tile_targets, state)
    begin = position
    while position < stop:
        alpha = _float32(alpha_start + (alpha_end - alpha_start) * (position - begin) / (stop - begin))
        n, position, sentence, state = sample_tokens(
            tokens, offsets, position, stop, sentence, keep, window, shrink, words, left, right, pairs, state
        )
        stats[KEPT] += n
        for t in range(0, n, n_targets):
            active = _place_chunk(
                words, left, right, n, t, n_targets, window, zero_row, row_size, input_rows, rows, low, high
            )
            for k in range(n_targets):
                weight[k] = pairs[t + k] * _float32(negative) / _float32(n_noise) if t + k < n else 0
                stats[PAIRS] += high[k] - low[k]
            stats[PAIRS] -= active
            state = _place_noise(next_noise, threshold, alias, w_out, row_size, rows, tile_targets, state)
            _prefetch_chunk(words, n, t, n_targets, window, w_in, w_out, row_size)
            for j in range(0, tile_inputs, LANES):
                for d in range(0, row_size, LANES):
                    for r in range(j, j + LANES):
                        store_vector(copy, r * row_size + d, load_vector(w_in, load(input_rows, r) + d))
                    transpose(copy, steps(j * row_size, row_size, LANES), d, transposed, d * stride + j + shift, stride)
            for k in range(0, tile_targets, TILE_ROWS):
                c = k + shift
                score(w_out, rows, k, k + TILE_ROWS, transposed, stride, c, c + band, vector_size, scores)
            core = window + shift
            score(
                w_out, rows, tile_targets, tile_targets + n_noise, transposed, stride, core,
                core + _round_up(n_targets, LANES), vector_size, scores,
            )  # fmt: skip
            stats[LOSS] += _skipgram_errors(
                scores, stride, n_targets, tile_targets, n_noise, window, shift, band, low, high, weight, alpha
            )
            g = scores[shift:]  # g[k * stride + j]
            for j in range(0, tile_inputs, TILE_ROWS):
                is_core = window - TILE_ROWS < j < window + n_targets
                accumulate(
                    w_in, input_rows, j, g, 1, stride, w_out, rows, max(0, j - 2 * window),
                    min(n_targets, j + TILE_ROWS), tile_targets, tile_targets + (n_noise if is_core else 0), row_size,
                )  # fmt: skip
            for k in range(0, tile_targets, TILE_ROWS):
                end = min(n_inputs, k + TILE_ROWS + 2 * window)
                accumulate(w_out, rows, k, g, stride, 1, copy, copy_rows, k, end, 0, 0, row_size)
            for k in range(tile_targets, tile_targets + n_noise, TILE_ROWS):
                end = window + n_targets
                accumulate(w_out, rows, k, g, stride, 1, copy, copy_rows, window, end, 0, 0, row_size)


# CBOW.


@njit(**JIT)
def _context_means(w_in, input_rows, n_inputs, n_targets, window, low, high, row_size, prefix, hidden, gain, size):
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


@njit(**JIT)
def _positive_errors(hidden, w_out, target_rows, n_targets, gain, alpha, row_size, error):
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


@njit(**JIT)
def _apply_gradients(
    grad, error, hidden, n_inputs, n_targets, window, low, high, size, row_size, prefix, w_in, input_rows, w_out,
    target_rows,
):  # fmt: skip
    """Add error[k] h_k to target row k, and (grad[k] + error[k] y_k) / C_k to the C_k context rows of every target k.

    The context rows get their sums through a difference array over the inputs. `grad` and `prefix` are overwritten; row
    0 of `prefix` is left zero.
    """
    zero, zero_row = splat(_float32(0)), w_in.size - row_size
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
    for k in range(n_targets):  # not above: a word that is a target twice is read twice before it moves
        rate, own, row = splat(load(error, k)), k * row_size, load(target_rows, k)
        for d in range(0, row_size, LANES):
            store_vector(w_out, row + d, fma(rate, load_vector(hidden, own + d), load_vector(w_out, row + d)))
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


@njit(**JIT)
def _cbow_noise_errors(scores, stride, n_targets, n_noise, gain, weight, alpha):
    """Turn noise scores into -alpha * weight * sigmoid(score) in place, 0 without context; return the summed loss."""
    zero, one = splat(_float32(0)), splat(_float32(1))
    total = zero
    for c in range(0, n_targets, LANES):
        weights = load_vector(gain, c) * splat(weight)
        step = zero - weights * splat(alpha)
        for group in range(0, n_noise, _GROUP):
            product = one
            for k in range(group, group + _GROUP):
                s = sigmoid(zero - load_vector(scores, k * stride + c))
                store_vector(scores, k * stride + c, (one - s) * step)
                product = product * s
            total = total - weights * logarithm(product)
    return np.float64(sum_lanes(total))


@njit(**JIT)
def train_cbow(
    tokens, offsets, position, stop, sentence, keep, threshold, alias, w_in, w_out, row_size, vector_size,
    window, shrink, negative, n_targets, n_noise, alpha_start, alpha_end, state, stats,
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

    Parameters are those of `train_skipgram`.
    """
    tile_targets = _round_up(n_targets, TILE_ROWS)
    n_inputs = n_targets + 2 * window
    stride = _round_up(tile_targets, LANES)
    words, left = np.empty(BUFFER, np.int64), np.empty(BUFFER, np.int64)
    right, pairs = np.empty(BUFFER, np.int64), np.empty(BUFFER, np.int64)
    zero_row = w_in.size - row_size
    prefix, transposed = _aligned((n_inputs + 1) * row_size), _aligned(row_size * stride)
    hidden, grad = _aligned(stride * row_size), _aligned(stride * row_size)
    scores, gain, size, error = _aligned(n_noise * stride), _aligned(stride), _aligned(stride), _aligned(stride)
    input_rows, target_rows = np.full(n_inputs, zero_row), np.full(tile_targets, zero_row)
    noise_rows, next_noise = np.full(n_noise, zero_row), np.full(n_noise, zero_row)
    own_rows = np.arange(stride) * row_size
    low, high = np.zeros(tile_targets, np.int64), np.zeros(tile_targets, np.int64)
    weight = _float32(negative) / _float32(n_noise)
    state = _place_noise(next_noise, threshold, alias, w_out, row_size, noise_rows, 0, state)
    begin = position
    while position < stop:
        alpha = _float32(alpha_start + (alpha_end - alpha_start) * (position - begin) / (stop - begin))
        n, position, sentence, state = sample_tokens(
            tokens, offsets, position, stop, sentence, keep, window, shrink, words, left, right, pairs, state
        )
        stats[KEPT] += n
        for t in range(0, n, n_targets):
            stats[PAIRS] += _place_chunk(
                words, left, right, n, t, n_targets, window, zero_row, row_size, input_rows, target_rows, low, high
            )
            state = _place_noise(next_noise, threshold, alias, w_out, row_size, noise_rows, 0, state)
            _prefetch_chunk(words, n, t, n_targets, window, w_in, w_out, row_size)
            _context_means(
                w_in, input_rows, n_inputs, n_targets, window, low, high, row_size, prefix, hidden, gain, size
            )
            for k in range(0, stride, LANES):
                for d in range(0, row_size, LANES):
                    transpose(hidden, steps(k * row_size, row_size, LANES), d, transposed, d * stride + k, stride)
            stats[LOSS] += _positive_errors(hidden, w_out, target_rows, n_targets, gain, alpha, row_size, error)
            score(
                w_out, noise_rows, 0, n_noise, transposed, stride, 0, _round_up(n_targets, LANES), vector_size, scores
            )
            stats[LOSS] += _cbow_noise_errors(scores, stride, n_targets, n_noise, gain, weight, alpha)
            for k in range(0, tile_targets, TILE_ROWS):
                combine(grad, k, scores, 1, stride, w_out, noise_rows, n_noise, row_size)
            _apply_gradients(
                grad, error, hidden, n_inputs, n_targets, window, low, high, size, row_size, prefix, w_in, input_rows,
                w_out, target_rows,
            )  # fmt: skip
            for k in range(0, n_noise, TILE_ROWS):
                accumulate(w_out, noise_rows, k, scores, stride, 1, hidden, own_rows, 0, n_targets, 0, 0, row_size)


# Preparation.


@njit(**JIT)
def build_alias(probabilities, threshold, alias):
    """Fill the tables of `draw_noise`: draw i uniformly, take i with probability threshold[i], else alias[i].

    Vose 1991, IEEE Transactions on Software Engineering 17, 972-975.

    Parameters
    ----------
    probabilities : ndarray of shape (V,), float64
        They sum to 1. Overwritten.
    threshold, alias : ndarray of shape (V,), float32 and int32
        Overwritten.
    """
    n = probabilities.size
    small, large = np.empty(n, np.int32), np.empty(n, np.int32)
    n_small = n_large = 0
    for i in range(n):
        probabilities[i] *= n
        threshold[i], alias[i] = 1, i
        if probabilities[i] < 1:
            small[n_small] = i
            n_small += 1
        else:
            large[n_large] = i
            n_large += 1
    while n_small and n_large:
        n_small -= 1
        i, j = small[n_small], large[n_large - 1]
        threshold[i], alias[i] = probabilities[i], j
        probabilities[j] -= 1 - probabilities[i]
        if probabilities[j] < 1:
            n_large -= 1
            small[n_small] = j
            n_small += 1
