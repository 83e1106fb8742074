"""Shared by the training kernels: a buffer of sampled tokens, and its chunks.

A segment of the token stream is sampled into a buffer of `BUFFER` kept tokens at a time, and the buffer is trained in
chunks of T consecutive targets. With w = window, a chunk has H = T + 2 w inputs (target k is input k + w) and N noise
words shared by all its targets. All gradients of a chunk are computed with the values from before the chunk, and then
applied. The kernels check nothing: `trainer` validates ids, shapes and parameters.

The formulae are derived in docs/derivations/negative_sampling.md and written again, in float64 NumPy, in
tests/helpers/twins/naive_w2v.py, which the tests compare with `skipgram` and `cbow`.

References
----------
Mikolov et al. 2013, arXiv:1310.4546, section 2.3 (subsampling).
Ji et al. 2016, arXiv:1604.04661 (negative sampling as matrix products with shared noise words).
"""

from __future__ import annotations

import numpy as np

from w2v.kernels.arguments import KEPT, ROW_MULTIPLE
from w2v.kernels.jit import inlined, lean
from w2v.kernels.random import below, draw_noise, next_random, uniform
from w2v.kernels.simd import load, prefetch

_float32 = np.float32


@lean
def is_given(array):
    """Return whether an optional array was given; if not, it is empty."""
    return array.size > 0


@lean
def weight_of(weights, sentence):
    """Return the weight of a sentence; 1 if there are no weights."""
    return weights[sentence] if is_given(weights) else _float32(1)


@lean
def sample_tokens(text, position, stop, sentence, window, shrink, sample, state):
    """Subsample tokens[position:stop] into `sample`, and draw the window of each token.

    `position` lies in `sentence`; for window and shrink see `Chunk`. Returns (n, position, sentence, state): n tokens
    were kept, and the next token to read is at `position` in `sentence`.
    """
    tokens, offsets, keep, is_weighted = text.tokens, text.offsets, text.keep, is_given(text.weights)
    words, left, right, pairs, gains = sample
    n = 0
    while position < stop and n < words.size:
        first = n
        gain = weight_of(text.weights, sentence)
        end = min(offsets[sentence + 1], stop)
        while position < end and n < words.size:
            word = load(tokens, position)
            position += 1
            state = next_random(state)
            words[n] = word  # written in any case, since a branch would be mispredicted for many words
            pairs[n] = 0
            n += keep[word] > uniform(state)
        if position == end:
            sentence += 1
        for i in range(first, n):
            state = next_random(state)
            radius = min(window, shrink - below(state, shrink)) if shrink else window
            left[i] = max(i - radius, first)
            right[i] = min(i + radius + 1, n)
            pairs[left[i]] += 1  # a difference array, summed below
            if right[i] < n:
                pairs[right[i]] -= 1
            if is_weighted:
                gains[i] = gain
        open_windows = 0
        for i in range(first, n):
            open_windows += pairs[i]
            pairs[i] = open_windows - 1
    return n, position, sentence, state


@lean
def fill_buffer(text, segment, chunk, sample, position, sentence, state, stats):
    """Sample tokens from `position` on; return (n, step size of the buffer, position, sentence, state)."""
    start, stop = segment.start, segment.stop
    alpha = _float32(segment.alpha + (segment.alpha_end - segment.alpha) * (position - start) / (stop - start))
    n, position, sentence, state = sample_tokens(
        text, position, stop, sentence, chunk.window, chunk.shrink, sample, state
    )
    stats[KEPT] += n
    return n, alpha, position, sentence, state


@lean
def round_up(n, multiple):
    """Return the smallest multiple that is not below n."""
    return (n + multiple - 1) // multiple * multiple


to_multiple = round_up.py_func
"""The same in pure Python, which avoids compilation outside of kernels."""


@lean
def prefetch_row(table, row, row_size):
    """Prefetch the cache lines of a row of a flat table; `row` is the index of its first element."""
    for d in range(0, row_size, ROW_MULTIPLE):
        prefetch(table, row + d)


@inlined
def place_chunk(n, t, chunk, tables, scratch):
    """Set the rows and windows of the chunk whose first target is words[t]; return the number of targets with context.

    In `scratch` these are `input_rows`, `rows` (of the targets), `low` and `high`.
    """
    row_size, zero_row = tables.row_size, tables.w_out.size - tables.row_size
    words, left, right = scratch.sample.words, scratch.sample.left, scratch.sample.right
    input_rows, target_rows, low, high = scratch.input_rows, scratch.rows, scratch.low, scratch.high
    start = t - chunk.window
    for j in range(chunk.n_targets + 2 * chunk.window):
        i = start + j
        input_rows[j] = words[i] * row_size if 0 <= i < n else zero_row
    active = 0
    for k in range(chunk.n_targets):
        i = t + k
        low[k] = high[k] = 0
        target_rows[k] = zero_row
        if i < n and right[i] - left[i] > 1:
            low[k] = left[i] - start
            high[k] = right[i] - start
            target_rows[k] = words[i] * row_size
            active += 1
    return active


@inlined
def draw_ahead(noise, tables, scratch, state):
    """Use the noise words drawn a chunk earlier, and draw those of the next chunk, whose rows are to be prefetched."""
    noise_rows, next_noise = scratch.noise_rows, scratch.next_noise
    for k in range(next_noise.size):
        noise_rows[k] = next_noise[k]
        word, state = draw_noise(noise.threshold, noise.alias, state)
        next_noise[k] = word * tables.row_size
    return state


@inlined
def place_noise(noise, tables, scratch, state):
    """Do what `draw_ahead` does, and prefetch the rows."""
    state = draw_ahead(noise, tables, scratch, state)
    for k in range(scratch.next_noise.size):
        prefetch_row(tables.w_out, scratch.next_noise[k], tables.row_size)
    return state


@inlined
def prefetch_part(part, n_parts, n, t, chunk, tables, scratch):
    """Prefetch one of `n_parts` parts of the rows that the chunk after the one at `t` adds; return the next part.

    A core waits for few lines at a time. It computes meanwhile if it is asked for them bit by bit, and stands still if
    for all at once.
    """
    n_targets, row_size, words, next_noise = chunk.n_targets, tables.row_size, scratch.sample.words, scratch.next_noise
    for k in range(part, n_targets, n_parts):
        i = t + n_targets + k
        if i < n:
            prefetch_row(tables.w_out, words[i] * row_size, row_size)
        if i + chunk.window < n:
            prefetch_row(tables.w_in, words[i + chunk.window] * row_size, row_size)
    for k in range(part, next_noise.size, n_parts):
        prefetch_row(tables.w_out, next_noise[k], row_size)
    return part + 1


@lean
def prefetch_inputs(words, n, t, chunk, tables, members):
    """Prefetch the input rows added by the chunk after the one at `t`; `members` as in `composition`."""
    n_targets, window, w_in, row_size = chunk.n_targets, chunk.window, tables.w_in, tables.row_size
    first, last = t + n_targets + window, min(t + 2 * n_targets + window, n)
    offsets, rows = members.offsets, members.rows
    if not is_given(offsets):
        for i in range(first, last):
            prefetch_row(w_in, words[i] * row_size, row_size)
    else:
        for i in range(first, last):
            for m in range(load(offsets, words[i]), load(offsets, words[i] + 1)):
                prefetch_row(w_in, load(rows, m), row_size)
