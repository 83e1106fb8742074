"""What the training kernels share: sampling, noise, vector functions and products of small matrices.

A segment of the token stream is sampled into a buffer of `BUFFER` kept tokens at a time, and the buffer is trained in
chunks of T consecutive targets. With w = window, a chunk has H = T + 2 w inputs (target k is input k + w) and N noise
words that all of its targets share. Every gradient of a chunk is taken at the values before the chunk, then all are
applied. S is the length of a table row: `vector_size` rounded up to ROW_MULTIPLE, the rest zero.

Tables are flat float32 arrays of V + 1 rows; row V is zero and stays zero: it stands in for positions beyond a border.
Offsets into tables count elements. The kernels check nothing: `trainer` validates ids, shapes and parameters.

The formulae are derived in docs/derivations/negative_sampling.md and written again, in float64 NumPy, in
tests/helpers/naive_w2v.py, which the tests hold against `skipgram` and `cbow`.

References
----------
Mikolov et al. 2013, arXiv:1310.4546, section 2.3 (subsampling).
Ji et al. 2016, arXiv:1604.04661 (negative sampling as matrix products with shared noise words).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.kernels.jit import compiled
from w2v.kernels.simd import (
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
    splat,
    steps,
    store_tile,
    store_vector,
    take,
    zero_tile,
)

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
GROUP = 3  # sigmoids multiplied before a logarithm is taken: sigmoid(-20)**3 is still a normal float32


# What kernels are given.


class Text(NamedTuple):
    """What is trained on."""

    tokens: NDArray[np.int32]
    """Ids, shape (n_tokens,)."""
    offsets: NDArray[np.int64]
    """Where sentences begin, and the end of the last; shape (n_sentences + 1,)."""
    keep: NDArray[np.float32]
    """Probability that a token of each word is kept, shape (V,)."""
    weights: NDArray[np.float32] | None
    """What the steps and losses of each sentence are multiplied by, and how much its pairs count; None is 1."""


class Segment(NamedTuple):
    """A part of the text, and how it is trained."""

    start: int
    stop: int
    sentence: int
    """That holds token `start`."""
    alpha: float
    alpha_end: float
    """Step size at both ends; linear between, one value for each buffer."""
    state: np.uint64
    """Of the random numbers."""


class Chunk(NamedTuple):
    """How many targets are trained at once, and with which context."""

    window: int
    """The largest radius."""
    shrink: int
    """Draw the radius uniformly from 1..shrink, as word2vec does, and cut it to `window`; 0 is always `window`."""
    n_targets: int


class Noise(NamedTuple):
    """The noise distribution and how much is drawn of it."""

    threshold: NDArray[np.float32]
    alias: NDArray[np.int32]
    """Alias table, shape (V,) both: see `draw_noise`."""
    negative: int
    """Noise words for each pair, on average."""
    n_rows: int
    """N, noise words of a chunk: a multiple of TILE_ROWS."""


class TableArrays(NamedTuple):
    """Both tables, see above, each starting on a cache line."""

    w_in: NDArray[np.float32]
    w_out: NDArray[np.float32]
    row_size: int
    vector_size: int


class Sample(NamedTuple):
    """Tokens that survive subsampling; each array has shape (BUFFER,)."""

    words: NDArray[np.int64]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    """The context of words[i] is words[left[i]:right[i]] without words[i] itself."""
    pairs: NDArray[np.int64]
    """How many targets have words[i] in their context."""
    gains: NDArray[np.float32]
    """With weights: that of the sentence of words[i]."""


def make_sample(size: int = BUFFER) -> Sample:
    """Allocate room for tokens."""
    return Sample(*np.empty((4, size), np.int64), np.empty(size, np.float32))


def aligned_zeros(n: int) -> NDArray[np.float32]:
    """Return n float32 zeros that start on a cache line."""
    raw = np.zeros(n + _LINE, np.float32)
    start = -(raw.ctypes.data // 4) % _LINE
    return raw[start : start + n]


# Random numbers and sampling.


@compiled
def next_random(state):
    """Advance a 64-bit linear congruential generator (Knuth's MMIX); its upper bits are the random number."""
    return state * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)


@compiled
def uniform(state):
    """Return the state as a float32 in [0, 1), a multiple of 2**-24."""
    return _float32(state >> np.uint64(40)) * _float32(1 / (1 << 24))


@compiled
def below(state, n):
    """Return the state as an integer in [0, n), n < 2**32."""
    return np.int64(((state >> np.uint64(32)) * np.uint64(n)) >> np.uint64(32))


@compiled
def draw_noise(threshold, alias, state):
    """Draw a word id by Walker's alias method; return (id, state)."""
    state = next_random(state)
    i = below(state, threshold.size)
    state = next_random(state)
    return (i if uniform(state) < threshold[i] else np.int64(alias[i])), state


@compiled
def is_given(value):
    """Tell whether an argument is not None; a constant when compiled."""
    return value is not None


@compiled
def weight_of(weights, sentence):
    """Return the weight of a sentence, 1 if none are given."""
    if weights is None:
        return _float32(1)
    return weights[sentence]


@compiled
def sample_tokens(text, position, stop, sentence, window, shrink, sample, state):
    """Subsample tokens[position:stop] into `sample` and draw the window of each.

    Parameters
    ----------
    text : Text
    position, stop, sentence : int
        `sentence` holds `position`.
    window, shrink
        See `Chunk`.
    sample : Sample
        Overwritten.
    state : uint64

    Returns
    -------
    (n, position, sentence, state)
        n tokens were kept; the next one to look at is at `position` in `sentence`.
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
            if keep[word] > uniform(state):
                words[n] = word
                pairs[n] = 0
                n += 1
        if position == end:
            sentence += 1
        for i in range(first, n):
            state = next_random(state)
            radius = min(window, shrink - below(state, shrink)) if shrink else window
            left[i] = max(i - radius, first)
            right[i] = min(i + radius + 1, n)
            pairs[left[i]] += 1  # a difference array: summed up below
            if right[i] < n:
                pairs[right[i]] -= 1
            if is_weighted:
                gains[i] = gain
        open_windows = 0
        for i in range(first, n):
            open_windows += pairs[i]
            pairs[i] = open_windows - 1
    return n, position, sentence, state


# Functions of vectors.


@compiled
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


@compiled
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


@compiled
def _score_tile(tile, left, left_rows, right, column, stride, vector_size, scores, score_rows):
    for d in range(vector_size):
        tile = fma_outer(tile, left, left_rows, d, right, d * stride + column)
    store_tile(tile, scores, score_rows, column)


@compiled
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


@compiled
def _sum_rows(tile, g, g_rows, g_step, source, rows, start, end, d):
    for k in range(start, end):
        tile = fma_outer(tile, g, g_rows, k * g_step, source, load(rows, k) + d)
    return tile


@compiled
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


@compiled
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


@compiled
def move_rows(error, hidden, n_targets, row_size, table, rows):
    """Add error[k] hidden[k] to the table row at rows[k]."""
    for k in range(n_targets):
        rate, own, row = splat(load(error, k)), k * row_size, load(rows, k)
        for d in range(0, row_size, LANES):
            store_vector(table, row + d, fma(rate, load_vector(hidden, own + d), load_vector(table, row + d)))


# What both algorithms share: rows of a chunk, noise.


@compiled
def round_up(n, multiple):
    """Return the smallest multiple that is not below n."""
    return (n + multiple - 1) // multiple * multiple


to_multiple = round_up.py_func
"""The same outside of kernels, where nothing is to be compiled for it."""


@compiled
def prefetch_row(table, row, row_size):
    """Ask for the cache lines of one row of a flat table; `row` is the index of its first element."""
    for d in range(0, row_size, _LINE):
        prefetch(table, row + d)


@compiled
def place_chunk(sample, n, t, chunk, row_size, zero_row, input_rows, scratch):
    """Set the rows and windows of the chunk whose first target is words[t]; return how many targets have a context.

    Those of `scratch` are `rows`, of the targets, and `low` and `high`.
    """
    words, left, right = sample.words, sample.left, sample.right
    target_rows, low, high = scratch.rows, scratch.low, scratch.high
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


@compiled
def place_noise(next_noise, noise, w_out, row_size, noise_rows, first, state):
    """Use the noise words drawn a chunk ago, whose rows have arrived by now, and draw those of the next chunk."""
    threshold, alias = noise.threshold, noise.alias
    for k in range(next_noise.size):
        noise_rows[first + k] = next_noise[k]
        word, state = draw_noise(threshold, alias, state)
        next_noise[k] = word * row_size
        prefetch_row(w_out, next_noise[k], row_size)
    return state


@compiled
def prefetch_inputs(words, n, t, chunk, w_in, row_size, members):
    """Prefetch the input rows that the chunk after the one at `t` adds; `members` as in `composition`, or None."""
    n_targets, window = chunk.n_targets, chunk.window
    first, last = t + n_targets + window, min(t + 2 * n_targets + window, n)
    if members is None:
        for i in range(first, last):
            prefetch_row(w_in, words[i] * row_size, row_size)
    else:
        offsets, rows = members.offsets, members.rows
        for i in range(first, last):
            for m in range(load(offsets, words[i]), load(offsets, words[i] + 1)):
                prefetch_row(w_in, load(rows, m), row_size)


@compiled
def prefetch_chunk(words, n, t, chunk, tables, members):
    """Prefetch the rows of both tables that the chunk after the one at `t` adds."""
    w_in, w_out, row_size, _ = tables
    for i in range(t + chunk.n_targets, min(t + 2 * chunk.n_targets, n)):
        prefetch_row(w_out, words[i] * row_size, row_size)
    prefetch_inputs(words, n, t, chunk, w_in, row_size, members)


# Preparation.


@compiled
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
