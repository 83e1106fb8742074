"""Skip-gram and CBOW with hierarchical softmax: the probability of a word is that of its path through a Huffman tree.

Every inner node of the tree has an output row; the sigmoid of its score with an input is the probability of one of its
two branches. `w2v.huffman` makes the tree. A target meets the rows of its path, a dozen of them, instead of one row and
its noise.

The root is on every path and the nodes below it are on many: a chunk of targets at the same values would move them much
too far at once. So targets are trained one after another, each at the output rows that the one before it left, and only
what a single target brings is put into products: its path, and up to INPUTS of its inputs at a time.

The path of word v is ``path_steps[path_offsets[v] : path_offsets[v + 1]]``, the root first: the number of the node, or
its complement (~) where the path takes the branch of code 1. LANES or more entries follow the last path.

The formulae are derived in docs/derivations/hierarchical_softmax.md and written again, in float64 NumPy, in
tests/naive_hierarchical.py.

References
----------
Morin & Bengio 2005, AISTATS (hierarchical softmax); Mikolov et al. 2013, arXiv:1310.4546, section 2.1.
"""

from __future__ import annotations

import numpy as np

from ._cbow import close_windows, context_means
from ._composition import compose, spread
from ._kernels import (
    BUFFER,
    GROUP,
    KEPT,
    LOSS,
    PAIRS,
    aligned_zeros,
    logarithm,
    place_chunk,
    prefetch_row,
    round_up,
    sample_tokens,
    sigmoid,
)
from ._simd import (
    LANES,
    fma,
    fma_inner,
    load,
    load_vector,
    prefetch_read,
    splat,
    steps,
    store_vector,
    sum_lanes,
    sum_tile,
    take,
    zero_tile,
)
from .jit import compiled

INPUTS = 4
"""Inputs of a skip-gram target that meet its path at once."""

_float32 = np.float32
_LN2 = 0.6931471805599453
_LINE = 16
_PATH_ROWS = LANES // INPUTS  # of a tile: its scores fill one vector
_FAR, _NEAR = 16, 8  # tokens ahead at which the place of a path is asked for, and the path itself
_LIKELIHOODS = 1024  # collected before logarithms are taken


# Paths and losses.


@compiled
def _prefetch_path(words, i, n, path_offsets, path_steps):
    if i + _FAR < n:
        prefetch_read(path_offsets, words[i + _FAR])
    if i + _NEAR < n:
        first = load(path_offsets, words[i + _NEAR])
        prefetch_read(path_steps, first)
        prefetch_read(path_steps, first + _LINE - 1)


@compiled
def _place_path(words, i, n, path_offsets, path_steps, row_size, zero_row, w_out, first, rows, signs):
    """Set rows[first:] to the path of words[i] and prefetch them; return its length, 0 beyond the n words.

    signs[first:] are 1 where the code is 0, and -1 where it is 1. Both are filled up to whole vectors, with the zero
    row and with 0.
    """
    _prefetch_path(words, i, n, path_offsets, path_steps)
    if i >= n:
        return 0
    start = load(path_offsets, words[i])
    length = load(path_offsets, words[i] + 1) - start
    for block in range(0, length, LANES):
        for j in range(block, block + LANES):
            step = np.int64(load(path_steps, start + j))
            complement = step >> 63
            inside = j < length
            rows[first + j] = (step ^ complement) * row_size if inside else zero_row
            signs[first + j] = _float32(1 + 2 * complement) if inside else _float32(0)
    for j in range(length):
        prefetch_row(w_out, load(rows, first + j), row_size)
    return length


@compiled
def _sum_losses(likelihoods, n):
    """Return minus the sum of the logarithms of n numbers, whole vectors of them; what follows them is overwritten."""
    one, total = splat(_float32(1)), splat(_float32(0))
    for i in range(n, round_up(n, GROUP * LANES), LANES):
        store_vector(likelihoods, i, one)
    for i in range(0, n, GROUP * LANES):
        product = load_vector(likelihoods, i)
        for j in range(i + LANES, i + GROUP * LANES, LANES):
            product = product * load_vector(likelihoods, j)
        total = total - logarithm(product)
    return np.float64(sum_lanes(total))


# Skip-gram.


@compiled
def _place_inputs(words, i, first, last, start, members, row_size, empty_row, input_rows):
    """Set the rows of the context of words[i], filled up to whole groups; return its size.

    They are the words' rows, or, with `members`, row j - start for position j.
    """
    n = 0
    for j in range(first, last):
        input_rows[n] = (words[j] if members is None else j - start) * row_size
        n += j != i
    for j in range(n, round_up(n, INPUTS)):
        input_rows[j] = empty_row
    return n


@compiled
def _widen(signs, first, n_rows, wide):
    """Repeat the sign of each path row INPUTS times."""
    for i in range(n_rows):
        for c in range(INPUTS):
            wide[i * INPUTS + c] = load(signs, first + i)


@compiled
def _score_group(inputs, input_rows, j, w_out, rows, first, n_path, signs, alpha, row_size, g, likelihoods, used):
    """Set g[i * INPUTS + c] to the step of path row i with input j + c, and likelihoods[used:] to those of its branch.

    The step is alpha * sign * (1 - likelihood), the likelihood sigmoid(sign * score).
    """
    one, rate = splat(_float32(1)), splat(alpha)
    group = take(input_rows, j, INPUTS)
    for i in range(0, n_path, _PATH_ROWS):
        path = take(rows, first + i, _PATH_ROWS)
        tile = zero_tile(_PATH_ROWS, INPUTS)
        for d in range(0, row_size, LANES):
            tile = fma_inner(tile, w_out, path, inputs, group, d)
        store_vector(g, i * INPUTS, sum_tile(tile))
    for i in range(0, n_path * INPUTS, LANES):
        sign = load_vector(signs, i)
        s = sigmoid(load_vector(g, i) * sign)
        store_vector(g, i, (one - s) * (sign * rate))
        store_vector(likelihoods, used + i, s)


@compiled
def _step_group(inputs, input_rows, j, n_inputs, w_out, rows, first, n_path, row_size, g):
    """Add the sum of g[i, c] x_c to path row i, and that of g[i, c] y_i to input j + c, both from the values before."""
    row_0, row_1 = load(input_rows, j), load(input_rows, j + 1)
    row_2, row_3 = load(input_rows, j + 2), load(input_rows, j + 3)
    for d in range(0, row_size, LANES):
        x_0, x_1 = load_vector(inputs, row_0 + d), load_vector(inputs, row_1 + d)
        x_2, x_3 = load_vector(inputs, row_2 + d), load_vector(inputs, row_3 + d)
        dx_0 = dx_1 = dx_2 = dx_3 = splat(_float32(0))
        for i in range(n_path):
            at = load(rows, first + i) + d
            y, c = load_vector(w_out, at), i * INPUTS
            g_0, g_1, g_2, g_3 = splat(load(g, c)), splat(load(g, c + 1)), splat(load(g, c + 2)), splat(load(g, c + 3))
            dx_0, dx_1, dx_2, dx_3 = fma(g_0, y, dx_0), fma(g_1, y, dx_1), fma(g_2, y, dx_2), fma(g_3, y, dx_3)
            store_vector(w_out, at, fma(g_0, x_0, fma(g_1, x_1, fma(g_2, x_2, fma(g_3, x_3, y)))))
        store_vector(inputs, row_0 + d, load_vector(inputs, row_0 + d) + dx_0)
        if n_inputs > 1:  # rows that only fill up must stay zero
            store_vector(inputs, row_1 + d, load_vector(inputs, row_1 + d) + dx_1)
        if n_inputs > 2:
            store_vector(inputs, row_2 + d, load_vector(inputs, row_2 + d) + dx_2)
        if n_inputs > 3:
            store_vector(inputs, row_3 + d, load_vector(inputs, row_3 + d) + dx_3)


@compiled
def _compose_chunk(
    words, n, start, n_inputs, w_in, members, member_rows, row_size, zero_row, chunk_rows, inputs, before
):  # fmt: skip
    """Set the input vectors of n_inputs positions from `start` on, some beyond a border, and a copy of them."""
    for j in range(n_inputs):
        i = start + j
        chunk_rows[j] = words[i] * row_size if 0 <= i < n else zero_row
    compose(w_in, members, member_rows, chunk_rows, 0, n_inputs, row_size, inputs)
    for j in range(0, n_inputs * row_size, LANES):
        store_vector(before, j, load_vector(inputs, j))


@compiled
def _spread_chunk(
    n_inputs, w_in, members, member_rows, frozen, row_size, zero_row, chunk_rows, inputs, before
):  # fmt: skip
    """Add what the input vectors of a chunk have moved since `_compose_chunk` to the rows that they are made of."""
    for j in range(0, n_inputs * row_size, LANES):
        store_vector(before, j, load_vector(inputs, j) - load_vector(before, j))
    spread(before, members, member_rows, frozen, chunk_rows, n_inputs, zero_row, row_size, w_in)


@compiled
def train_skipgram_hs(
    tokens, offsets, position, stop, sentence, keep, path_offsets, path_steps, w_in, w_out, row_size, vector_size,
    window, shrink, longest, n_targets, alpha_start, alpha_end, state, stats, members, member_rows, frozen, weights,
):  # fmt: skip
    """Train skip-gram with hierarchical softmax on tokens[position:stop]; both tables are overwritten.

    For one target after another, and for INPUTS words of its context after another, with x_c their input vectors, y_i
    the rows of the target's path and b_i = 1 where its code is 0, else -1::

        g[i, c] = alpha b_i (1 - sigmoid(b_i x_c . y_i))
        w_in[input c] += sum over i of g[i, c] y_i        w_out[node i] += sum over c of g[i, c] x_c

    Parameters
    ----------
    tokens, offsets, position, stop, sentence, keep, window, shrink
        As in `sample_tokens`.
    path_offsets : ndarray of shape (V + 1,), int64
    path_steps : ndarray of int32
        The path of each word, see above.
    w_in, w_out : ndarray of shape ((V + 1) * S,), float32, on a cache line
        Input vectors and vectors of the inner nodes, V - 1 at most; row V of both is zero. With `members`, `w_in` may
        have more rows; its last is zero as well.
    row_size, vector_size : int
        S and D.
    longest : int
        Length of the longest path.
    n_targets : int
        Only with `members`: input vectors are made anew for every so many targets.
    alpha_start, alpha_end : float
        Step size at both ends of the segment; linear between, one value for each buffer.
    state : uint64
        Random state of the segment.
    stats : ndarray of shape (3,), float64
        Entries LOSS, PAIRS and KEPT are added to.
    members, member_rows, frozen, weights
        As in `train_skipgram`.
    """
    words, left = np.empty(BUFFER, np.int64), np.empty(BUFFER, np.int64)
    right, pairs = np.empty(BUFFER, np.int64), np.empty(BUFFER, np.int64)
    gains = np.empty(BUFFER, np.float32)
    zero_row = w_out.size - row_size
    most = round_up(longest, LANES)
    rows, signs = np.full(2 * most, zero_row), aligned_zeros(2 * most)  # of a target and the next, in turns
    wide, g = aligned_zeros(most * INPUTS), aligned_zeros(most * INPUTS)
    input_rows = np.full(2 * window + INPUTS, zero_row)
    likelihoods = aligned_zeros(_LIKELIHOODS + most * (2 * window + INPUTS) + GROUP * LANES)
    n_chunk = n_targets + 2 * window
    if members is None:
        inputs, empty_row = w_in, zero_row
    else:
        inputs, empty_row = aligned_zeros((n_chunk + 1) * row_size), n_chunk * row_size
        before, chunk_rows = aligned_zeros(n_chunk * row_size), np.empty(n_chunk, np.int64)
    begin, gain, start = position, _float32(1), 0
    while position < stop:
        alpha = _float32(alpha_start + (alpha_end - alpha_start) * (position - begin) / (stop - begin))
        n, position, sentence, state = sample_tokens(
            tokens, offsets, position, stop, sentence, keep, window, shrink, words, left, right, pairs, state, weights,
            gains,
        )  # fmt: skip
        stats[KEPT] += n
        first = used = 0
        next_path = _place_path(words, 0, n, path_offsets, path_steps, row_size, zero_row, w_out, first, rows, signs)
        for t in range(n):
            n_path = next_path
            next_path = _place_path(
                words, t + 1, n, path_offsets, path_steps, row_size, zero_row, w_out, most - first, rows, signs
            )
            if members is None:
                if t + window + 2 < n:
                    prefetch_row(w_in, words[t + window + 2] * row_size, row_size)
            elif t % n_targets == 0:
                start = t - window
                _compose_chunk(
                    words, n, start, n_chunk, w_in, members, member_rows, row_size, zero_row, chunk_rows, inputs, before
                )
            if weights is not None:
                gain = gains[t]
            n_inputs = _place_inputs(words, t, left[t], right[t], start, members, row_size, empty_row, input_rows)
            n_rows = round_up(n_path, _PATH_ROWS)
            _widen(signs, first, n_rows, wide)
            for j in range(0, n_inputs, INPUTS):
                _score_group(
                    inputs, input_rows, j, w_out, rows, first, n_path, wide, alpha * gain, row_size, g, likelihoods,
                    used,
                )  # fmt: skip
                _step_group(inputs, input_rows, j, n_inputs - j, w_out, rows, first, n_path, row_size, g)
                used += n_rows * INPUTS
            stats[PAIRS] += n_inputs * gain
            # what only fills up has a score of 0, so a loss of ln 2
            stats[LOSS] -= gain * (round_up(n_inputs, INPUTS) * n_rows - n_inputs * n_path) * _LN2
            if used > _LIKELIHOODS or t == n - 1 or weights is not None:
                stats[LOSS] += gain * _sum_losses(likelihoods, used)
                used = 0
            if members is not None:
                if (t + 1) % n_targets == 0 or t == n - 1:
                    _spread_chunk(
                        n_chunk, w_in, members, member_rows, frozen, row_size, zero_row, chunk_rows, inputs, before
                    )
            first = most - first


# CBOW.


@compiled
def _step_path(
    hidden, own, share, low, high, prefix, w_out, rows, first, n_path, signs, alpha, row_size, g, likelihoods, used
):  # fmt: skip
    """Move the path of a target whose mean of inputs is hidden[own:], and put its gradient into its window's borders.

    hidden[own:] becomes the gradient of each of its inputs, `share` of that of the mean; it is added to prefix[low:],
    where the window opens, and taken from prefix[high:], where it ends.
    """
    one, rate, scale = splat(_float32(1)), splat(alpha), splat(share)
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
        dx = dh * scale
        store_vector(hidden, own + d, dx)
        store_vector(prefix, low + d, load_vector(prefix, low + d) + dx)
        store_vector(prefix, high + d, load_vector(prefix, high + d) - dx)


@compiled
def train_cbow_hs(
    tokens, offsets, position, stop, sentence, keep, path_offsets, path_steps, w_in, w_out, row_size, vector_size,
    window, shrink, longest, n_targets, alpha_start, alpha_end, state, stats, members, member_rows, frozen, weights,
):  # fmt: skip
    """Train CBOW with hierarchical softmax on tokens[position:stop]; both tables are overwritten.

    With h the mean of the C context rows of a target, y_i the rows of its path and b_i = 1 where its code is 0, else
    -1, for one target after another::

        g[i] = alpha b_i (1 - sigmoid(b_i h . y_i))
        dh = sum over i of g[i] y_i             w_out[node i] += g[i] h

    The means of a chunk are those of the input rows before it; after it, the C context rows of each target receive
    dh / C. Targets without context are skipped.

    Parameters are those of `train_skipgram_hs`; n_targets is the number of targets in a chunk.
    """
    n_inputs = n_targets + 2 * window
    words, left = np.empty(BUFFER, np.int64), np.empty(BUFFER, np.int64)
    right, pairs = np.empty(BUFFER, np.int64), np.empty(BUFFER, np.int64)
    gains = np.empty(BUFFER, np.float32)
    zero_row = w_out.size - row_size
    prefix, hidden = aligned_zeros((n_inputs + 1) * row_size), aligned_zeros(n_targets * row_size)
    active, size = np.zeros(n_targets, np.float32), np.zeros(n_targets, np.float32)
    input_rows, target_rows = np.full(n_inputs, zero_row), np.full(n_targets, zero_row)
    low, high = np.zeros(n_targets, np.int64), np.zeros(n_targets, np.int64)
    most = round_up(longest, LANES)
    rows, signs = np.full(2 * most, zero_row), aligned_zeros(2 * most)  # of a target and the next, in turns
    g, likelihoods = aligned_zeros(most), aligned_zeros(n_targets * most + GROUP * LANES)
    if members is None:
        inputs, steps_in, own_inputs = w_in, w_in, input_rows
    else:
        inputs, steps_in = aligned_zeros((n_inputs + 1) * row_size), aligned_zeros((n_inputs + 1) * row_size)
        own_inputs = np.empty(n_inputs, np.int64)
    begin, gain = position, _float32(1)
    while position < stop:
        alpha = _float32(alpha_start + (alpha_end - alpha_start) * (position - begin) / (stop - begin))
        n, position, sentence, state = sample_tokens(
            tokens, offsets, position, stop, sentence, keep, window, shrink, words, left, right, pairs, state, weights,
            gains,
        )  # fmt: skip
        stats[KEPT] += n
        first = 0
        next_path = _place_path(words, 0, n, path_offsets, path_steps, row_size, zero_row, w_out, first, rows, signs)
        for t in range(0, n, n_targets):
            place_chunk(
                words, left, right, n, t, n_targets, window, zero_row, row_size, input_rows, target_rows, low, high
            )
            if members is None:
                for i in range(t + n_targets + window, min(t + 2 * n_targets + window, n)):
                    prefetch_row(w_in, words[i] * row_size, row_size)
            else:
                compose(w_in, members, member_rows, input_rows, 0, n_inputs, row_size, inputs)
                steps_in[:] = 0
                for j in range(n_inputs):
                    own_inputs[j] = (n_inputs if input_rows[j] == zero_row else j) * row_size
            context_means(
                inputs, own_inputs, n_inputs, n_targets, window, low, high, row_size, prefix, hidden, active, size
            )
            for j in range(0, (n_inputs + 1) * row_size, LANES):
                store_vector(prefix, j, splat(_float32(0)))
            used = 0
            for k in range(min(n_targets, n - t)):
                n_path = next_path
                next_path = _place_path(
                    words, t + k + 1, n, path_offsets, path_steps, row_size, zero_row, w_out, most - first, rows, signs
                )
                if high[k] > 0:
                    if weights is not None:
                        gain = gains[t + k]
                    _step_path(
                        hidden, k * row_size, size[k], low[k] * row_size, high[k] * row_size, prefix, w_out, rows,
                        first, n_path, signs, alpha * gain, row_size, g, likelihoods, used,
                    )  # fmt: skip
                    used += round_up(n_path, LANES)
                    stats[PAIRS] += gain
                    # what only fills up has a score of 0, so a loss of ln 2
                    stats[LOSS] -= gain * (round_up(n_path, LANES) - n_path) * _LN2
                    if weights is not None:
                        stats[LOSS] += gain * _sum_losses(likelihoods, used)
                        used = 0
                first = most - first
            stats[LOSS] += _sum_losses(likelihoods, used)
            close_windows(hidden, n_inputs, n_targets, window, row_size, prefix, steps_in, own_inputs)
            if members is not None:
                spread(steps_in, members, member_rows, frozen, input_rows, n_inputs, zero_row, row_size, w_in)
