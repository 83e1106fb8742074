"""Skip-gram with hierarchical softmax: a target's path with up to INPUTS of its inputs at a time."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.kernels.arguments import LOSS, PAIRS, Chunk, Sample, TableArrays, aligned_zeros, make_sample
from w2v.kernels.composition import Members, compose, spread
from w2v.kernels.hierarchical.paths import LN2, Paths, Turns, make_turns, place_path, prefetch_columns, sum_losses
from w2v.kernels.jit import inlined, lean
from w2v.kernels.simd import (
    LANES,
    fma,
    fma_inner,
    load,
    load_repeated,
    load_vector,
    splat,
    store_vector,
    sum_tile,
    take,
    zero_tile,
)
from w2v.kernels.training import fill_buffer, is_given, prefetch_row, round_up, to_multiple
from w2v.kernels.vector_math import GROUP, sigmoid

INPUTS = 4
"""Inputs of a target that are trained on its path at once."""

_float32 = np.float32
_PAIR = 2  # inputs of the last group if no more are left: most targets have an even number
_LIKELIHOODS = 1024  # number to collect before taking logarithms


@inlined
def _place_inputs(words, i, first, last, start, is_composed, row_size, empty_row, input_rows):
    """Set the rows of the context of words[i], padded to whole groups; return its size.

    They are the words' rows or, if inputs are composed, row j - start for position j.
    """
    n = 0
    for j in range(first, last):
        input_rows[n] = (j - start if is_composed else words[j]) * row_size
        n += j != i
    for j in range(n, round_up(n, INPUTS)):
        input_rows[j] = empty_row
    return n


class SkipgramScratch(NamedTuple):
    """Memory of one thread, see `make_skipgram_scratch`."""

    sample: Sample
    turns: Turns
    g: NDArray[np.float32]
    input_rows: NDArray[np.int64]
    likelihoods: NDArray[np.float32]
    inputs: NDArray[np.float32]
    before: NDArray[np.float32]
    """With members: the input vectors of a chunk with a row of zeros, and a copy of them from before training."""
    chunk_rows: NDArray[np.int64]


def make_skipgram_scratch(chunk: Chunk, paths: Paths, tables: TableArrays, members: Members) -> SkipgramScratch:
    """Allocate the scratch memory of `train_skipgram_hs`."""
    row_size, zero_row = tables.row_size, len(tables.w_out) - tables.row_size
    most, n_inputs = to_multiple(paths.longest, LANES), 2 * chunk.window + INPUTS
    n_chunk = chunk.n_targets + 2 * chunk.window if members.offsets.size else 0
    return SkipgramScratch(
        make_sample(),
        make_turns(paths, zero_row),
        g=aligned_zeros(most * INPUTS),
        input_rows=np.full(n_inputs, zero_row),
        likelihoods=aligned_zeros(_LIKELIHOODS + most * n_inputs + GROUP * LANES),
        inputs=aligned_zeros((n_chunk + 1) * row_size),
        before=aligned_zeros(n_chunk * row_size),
        chunk_rows=np.zeros(n_chunk, np.int64),
    )


def _score_of(width):
    """Return the function that scores `width` inputs, whose tiles of LANES / width rows fill one vector."""
    n_rows = LANES // width

    @inlined
    def score(inputs, j, first, n_path, used, alpha, tables, scratch):
        """Set g[i * width + c] to the step of path row i with input j + c, and set likelihoods[used:].

        The step is alpha * sign * (1 - likelihood), where the likelihood of the branch is sigmoid(sign * score). Return
        the end of the likelihoods; those of padding are 1 / 2.
        """
        w_out, row_size, rows, signs = tables.w_out, tables.row_size, scratch.turns.rows, scratch.turns.signs
        one, rate = splat(_float32(1)), splat(alpha)
        group = take(scratch.input_rows, j, width)
        for i in range(0, n_path, n_rows):
            path = take(rows, first + i, n_rows)
            tile = zero_tile(n_rows, width)
            for d in range(0, row_size, LANES):
                tile = fma_inner(tile, w_out, path, inputs, group, d)
            sign = load_repeated(signs, first + i, width)
            s = sigmoid(sum_tile(tile) * sign)
            store_vector(scratch.g, i * width, (one - s) * (sign * rate))
            store_vector(scratch.likelihoods, used, s)
            used += LANES
        return used

    return score


_score_group, _score_pair = _score_of(INPUTS), _score_of(_PAIR)


@inlined
def _step_pair(inputs, j, n_inputs, first, n_path, following, n_following, tables, scratch):
    """Do what `_step_group` does for one or two inputs."""
    w_out, row_size, rows, g = tables.w_out, tables.row_size, scratch.turns.rows, scratch.g
    row_0, row_1 = load(scratch.input_rows, j), load(scratch.input_rows, j + 1)
    for d in range(0, row_size, LANES):
        x_0, x_1 = load_vector(inputs, row_0 + d), load_vector(inputs, row_1 + d)
        dx_0 = dx_1 = splat(_float32(0))
        for i in range(n_path):
            at = load(rows, first + i) + d
            y = load_vector(w_out, at)
            g_0, g_1 = splat(load(g, i * _PAIR)), splat(load(g, i * _PAIR + 1))
            dx_0, dx_1 = fma(g_0, y, dx_0), fma(g_1, y, dx_1)
            store_vector(w_out, at, fma(g_0, x_0, fma(g_1, x_1, y)))
        prefetch_columns(following, n_following, d, tables, scratch)
        store_vector(inputs, row_0 + d, load_vector(inputs, row_0 + d) + dx_0)
        if n_inputs > 1:
            store_vector(inputs, row_1 + d, load_vector(inputs, row_1 + d) + dx_1)


@inlined
def _step_group(inputs, j, n_inputs, first, n_path, following, n_following, tables, scratch):
    """Add the sum of g[i, c] x_c to path row i and that of g[i, c] y_i to input j + c, both from the old values.

    Three or four inputs are left. The rows of the path at `following` are prefetched.
    """
    w_out, row_size, rows, g, input_rows = (
        tables.w_out, tables.row_size, scratch.turns.rows, scratch.g, scratch.input_rows
    )  # fmt: skip
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
        prefetch_columns(following, n_following, d, tables, scratch)
        store_vector(inputs, row_0 + d, load_vector(inputs, row_0 + d) + dx_0)
        store_vector(inputs, row_1 + d, load_vector(inputs, row_1 + d) + dx_1)
        store_vector(inputs, row_2 + d, load_vector(inputs, row_2 + d) + dx_2)
        if n_inputs > 3:  # padding rows must stay zero
            store_vector(inputs, row_3 + d, load_vector(inputs, row_3 + d) + dx_3)


@lean
def _compose_chunk(words, n, start, tables, members, scratch):
    """Set the input vectors of a chunk's positions from `start` on, including some beyond a border, and copy them."""
    row_size, zero_row, chunk_rows = tables.row_size, tables.w_out.size - tables.row_size, scratch.chunk_rows
    for j in range(chunk_rows.size):
        i = start + j
        chunk_rows[j] = words[i] * row_size if 0 <= i < n else zero_row
    compose(tables.w_in, members, chunk_rows, 0, chunk_rows.size, row_size, scratch.inputs)
    for j in range(0, scratch.before.size, LANES):
        store_vector(scratch.before, j, load_vector(scratch.inputs, j))


@lean
def _spread_chunk(tables, members, scratch):
    """Add the changes of a chunk's input vectors since `_compose_chunk` to the rows they are composed of."""
    before, chunk_rows = scratch.before, scratch.chunk_rows
    for j in range(0, before.size, LANES):
        store_vector(before, j, load_vector(scratch.inputs, j) - load_vector(before, j))
    zero_row = tables.w_out.size - tables.row_size
    spread(before, members, chunk_rows, chunk_rows.size, zero_row, tables.row_size, tables.w_in)


@lean
def train_skipgram_hs(text, segment, chunk, paths, tables, members, scratch, stats):
    """Train skip-gram with hierarchical softmax on a segment; both tables are overwritten.

    For each target in turn, and for each group of INPUTS words of its context in turn, with x_c their input vectors,
    y_i the rows of the target's path, and b_i = 1 for code 0, else -1::

        g[i, c] = alpha b_i (1 - sigmoid(b_i x_c . y_i))
        w_in[input c] += sum over i of g[i, c] y_i        w_out[node i] += sum over c of g[i, c] x_c

    Parameters are those of `w2v.kernels.skipgram.train_skipgram`, with `Paths` instead of noise. `w_out` holds the
    vectors of the inner nodes, at most V - 1. The size of a chunk matters only with `members`, because each chunk
    composes its input vectors anew.
    """
    window, _, n_targets = chunk
    w_in, w_out, row_size, _ = tables
    zero_row, is_weighted, is_composed = w_out.size - row_size, is_given(text.weights), is_given(members.offsets)
    sample, turns, likelihoods = scratch.sample, scratch.turns, scratch.likelihoods
    words, left, right, _, gains = sample
    most = turns.rows.size // 2
    if is_composed:
        inputs, empty_row = scratch.inputs, scratch.before.size
    else:
        inputs, empty_row = w_in, zero_row
    position, stop, sentence, _, _, state = segment
    gain, start = _float32(1), 0
    while position < stop:
        n, alpha, position, sentence, state = fill_buffer(
            text, segment, chunk, sample, position, sentence, state, stats
        )
        first = used = 0
        next_path = place_path(words, 0, n, paths, tables, turns, first)
        for t in range(n):
            n_path = next_path
            next_path = place_path(words, t + 1, n, paths, tables, turns, most - first)
            if not is_composed:
                if t + window + 2 < n:
                    prefetch_row(w_in, words[t + window + 2] * row_size, row_size)
            elif t % n_targets == 0:
                start = t - window
                _compose_chunk(words, n, start, tables, members, scratch)
            if is_weighted:
                gain = gains[t]
            n_inputs = _place_inputs(
                words, t, left[t], right[t], start, is_composed, row_size, empty_row, scratch.input_rows
            )
            before = used
            for j in range(0, n_inputs, INPUTS):
                n_following = next_path if j == 0 else 0
                if n_inputs - j > _PAIR:
                    used = _score_group(inputs, j, first, n_path, used, alpha * gain, tables, scratch)
                    _step_group(inputs, j, n_inputs - j, first, n_path, most - first, n_following, tables, scratch)
                else:
                    used = _score_pair(inputs, j, first, n_path, used, alpha * gain, tables, scratch)
                    _step_pair(inputs, j, n_inputs - j, first, n_path, most - first, n_following, tables, scratch)
            stats[PAIRS] += n_inputs * gain
            # padding has a score of 0, so a loss of ln 2
            stats[LOSS] -= gain * (used - before - n_inputs * n_path) * LN2
            if used > _LIKELIHOODS or t == n - 1 or is_weighted:
                stats[LOSS] += gain * sum_losses(likelihoods, used)
                used = 0
            if is_composed:
                if (t + 1) % n_targets == 0 or t == n - 1:
                    _spread_chunk(tables, members, scratch)
            first = most - first
