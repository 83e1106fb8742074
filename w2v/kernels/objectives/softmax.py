"""Skip-gram and CBOW with the full softmax, which negative sampling and hierarchical softmax approximate.

With h the input vector (skip-gram: of a word; CBOW: the mean of a window) and y_v the output vector of word v, the
probability of word v is exp(h . y_v) / sum over all u of exp(h . y_u). Every word is scored for every word of the text,
which is feasible for vocabularies of some ten thousand words. A chunk is T of these h, all with the output vectors from
before the chunk, so scores and gradients are matrix products.

The formulae are derived in docs/derivations/softmax.md and written again, in float64 NumPy, in
tests/helpers/twins/naive_softmax.py.

References
----------
Mikolov et al. 2013, arXiv:1310.4546, equation 2.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from w2v.kernels import cbow
from w2v.kernels.arguments import LOSS, PAIRS, Chunk, TableArrays
from w2v.kernels.cbow import apply_gradients, compose_inputs, context_means, input_places
from w2v.kernels.composition import Members, compose, spread
from w2v.kernels.jit import inlined, lean
from w2v.kernels.simd import LANES, TILE_ROWS, fma, load, load_vector, splat, store_vector
from w2v.kernels.training import fill_buffer, is_given, place_chunk, to_multiple
from w2v.kernels.vector_math import accumulate, exponential, gather_rows, score, transpose_rows

_float32 = np.float32
_BLOCK = 240  # output rows processed for all h of a chunk before the next block: they stay in the L2 cache


class Words(NamedTuple):
    """The words in the softmax."""

    n_words: int


def make_scratch(chunk: Chunk, words: Words, tables: TableArrays, members: Members) -> cbow.Scratch:
    """Allocate the scratch memory of both kernels; the rows of all words take the place of noise."""
    scratch = cbow.allocate(chunk, to_multiple(words.n_words, TILE_ROWS), tables, members)
    scratch.noise_rows[: words.n_words] = np.arange(words.n_words) * tables.row_size
    return scratch


@inlined
def _score_all(tables, scratch):
    """Set scores[v, k] to h_k . y_v."""
    rows, stride = scratch.noise_rows, scratch.scores.size // scratch.noise_rows.size
    for k in range(0, stride, LANES):
        transpose_rows(scratch.hidden, k, tables.row_size, scratch.transposed, k, stride)
    score(tables.w_out, rows, 0, rows.size, scratch.transposed, stride, 0, stride, tables.vector_size, scratch.scores)


@lean
def _exponentiate(n_words, alpha, scratch):
    """Turn scores into exp(score - maximum of h_k); return the sum over k of gain[k] ln(sum over v of exp(score)).

    error[k] becomes the factor for these values: -alpha gain[k] / their sum.
    """
    scores, n_rows, gain, error = scratch.scores, scratch.noise_rows.size, scratch.gain, scratch.error
    stride, zero, loss = scores.size // n_rows, splat(_float32(0)), 0.0
    for c in range(0, stride, LANES):
        peak, total = load_vector(scores, c), zero
        for v in range(1, n_words):
            peak = max(peak, load_vector(scores, v * stride + c))
        store_vector(error, c, peak)
        for k in range(c, c + LANES):
            loss += np.float64(gain[k]) * error[k]
        for v in range(n_words):
            e = exponential(load_vector(scores, v * stride + c) - peak)
            store_vector(scores, v * stride + c, e)
            total = total + e
        for v in range(n_words, n_rows):
            store_vector(scores, v * stride + c, zero)
        store_vector(error, c, total)
        for k in range(c, c + LANES):
            loss += gain[k] * np.log(np.float64(error[k]))
        store_vector(error, c, splat(-alpha) * load_vector(gain, c) / total)
    return loss


@inlined
def _sum_gradients(tables, n_targets, scratch):
    """Set grad[k] to error[k] times the sum over v of scores[v, k] y_v, and row k of `transposed` to error[k] h_k."""
    scores, rows, row_size, grad = scratch.scores, scratch.noise_rows, tables.row_size, scratch.grad
    stride = scores.size // rows.size
    grad[:] = 0
    for first in range(0, rows.size, _BLOCK):
        last = min(first + _BLOCK, rows.size)
        for k in range(0, n_targets, TILE_ROWS):
            accumulate(grad, scratch.own_rows, k, scores, 1, stride, tables.w_out, rows, first, last, 0, 0, row_size)
    for k in range(n_targets):
        factor = splat(load(scratch.error, k))
        for d in range(k * row_size, (k + 1) * row_size, LANES):
            store_vector(grad, d, load_vector(grad, d) * factor)
            store_vector(scratch.transposed, d, load_vector(scratch.hidden, d) * factor)


@inlined
def _move_all(tables, n_targets, scratch):
    """Add to every output row the sum over k of scores[v, k] error[k] h_k."""
    scores, rows = scratch.scores, scratch.noise_rows
    stride = scores.size // rows.size
    for v in range(0, rows.size, TILE_ROWS):
        accumulate(
            tables.w_out, rows, v, scores, stride, 1, scratch.transposed, scratch.own_rows, 0, n_targets, 0, 0,
            tables.row_size,
        )  # fmt: skip


@inlined
def _place_words(n, t, n_targets, zero_row, row_size, scratch):
    """Set the rows of words[t:], and gain[k] to the number of words that each predicts."""
    sample, rows, gain = scratch.sample, scratch.rows, scratch.gain
    for k in range(n_targets):
        i = t + k
        rows[k], gain[k] = zero_row, 0
        if i < n and sample.right[i] - sample.left[i] > 1:
            rows[k], gain[k] = sample.words[i] * row_size, sample.right[i] - sample.left[i] - 1


@inlined
def _add_wanted(t, k, step, tables, scratch):
    """Add to grad[k] `step` times the sum of the output rows that h_k predicts."""
    sample, grad, row_size = scratch.sample, scratch.grad, tables.row_size
    i, own, rate = t + k, k * row_size, splat(step)
    for j in range(sample.left[i], sample.right[i]):
        if j != i:
            row = sample.words[j] * row_size
            for d in range(0, row_size, LANES):
                store_vector(grad, own + d, fma(rate, load_vector(tables.w_out, row + d), load_vector(grad, own + d)))


@inlined
def _move_wanted(t, k, step, tables, scratch):
    """Add `step` times h_k to the output rows that it predicts."""
    sample, hidden, row_size, w_out = scratch.sample, scratch.hidden, tables.row_size, tables.w_out
    i, own, rate = t + k, k * row_size, splat(step)
    for j in range(sample.left[i], sample.right[i]):
        if j != i:
            row = sample.words[j] * row_size
            for d in range(0, row_size, LANES):
                store_vector(w_out, row + d, fma(rate, load_vector(hidden, own + d), load_vector(w_out, row + d)))


@inlined
def _wanted_scores(t, k, row_size, scratch):
    sample, scores, total = scratch.sample, scratch.scores, 0.0
    stride = scores.size // scratch.noise_rows.size
    for j in range(sample.left[t + k], sample.right[t + k]):
        if j != t + k:
            total += scores[sample.words[j] * stride + k]
    return total


@lean
def train_skipgram_softmax(text, segment, chunk, words, tables, members, scratch, stats):
    """Train skip-gram with the full softmax on a segment; both tables are overwritten.

    With x_k the input vector of word k of a chunk, C_k the words of its window, n_k their number and p[v, k] the
    probability of word v::

        dx_k      = alpha (sum over c in C_k of y_c - n_k sum over v of p[v, k] y_v)
        w_out[v] += alpha (sum over the k that have v in C_k of x_k - sum over k of n_k p[v, k] x_k)

    all with the values from before the chunk. The loss in `stats` is the sum of -ln p[c, k] over pairs, in nats.

    Parameters are those of `w2v.kernels.skipgram.train_skipgram`, with `Words` instead of noise.
    """
    n_targets, (w_in, w_out, row_size, _) = chunk.n_targets, tables
    zero_row, is_weighted, is_composed = w_out.size - row_size, is_given(text.weights), is_given(members.offsets)
    sample, rows, hidden, gain, grad = scratch.sample, scratch.rows, scratch.hidden, scratch.gain, scratch.grad
    position, stop, sentence, _, _, state = segment
    weight = _float32(1)
    while position < stop:
        n, alpha, position, sentence, state = fill_buffer(
            text, segment, chunk, sample, position, sentence, state, stats
        )
        for t in range(0, n, n_targets):
            _place_words(n, t, n_targets, zero_row, row_size, scratch)
            if is_composed:
                compose(w_in, members, rows, 0, n_targets, row_size, hidden)
            else:
                gather_rows(w_in, rows, 0, n_targets, row_size, hidden)
            _score_all(tables, scratch)
            for k in range(n_targets):
                if gain[k]:
                    if is_weighted:
                        weight = sample.gains[t + k]
                        gain[k] *= weight
                    stats[PAIRS] += gain[k]
                    stats[LOSS] -= weight * _wanted_scores(t, k, row_size, scratch)
            stats[LOSS] += _exponentiate(words.n_words, alpha, scratch)
            _sum_gradients(tables, n_targets, scratch)
            for k in range(n_targets):
                if gain[k]:
                    if is_weighted:
                        weight = sample.gains[t + k]
                    _add_wanted(t, k, alpha * weight, tables, scratch)
            _move_all(tables, n_targets, scratch)
            for k in range(n_targets):
                if gain[k]:
                    if is_weighted:
                        weight = sample.gains[t + k]
                    _move_wanted(t, k, alpha * weight, tables, scratch)
                    if not is_composed:
                        for d in range(0, row_size, LANES):
                            at = rows[k] + d
                            store_vector(w_in, at, load_vector(w_in, at) + load_vector(grad, k * row_size + d))
            if is_composed:
                spread(grad, members, rows, n_targets, zero_row, row_size, w_in)


@lean
def train_cbow_softmax(text, segment, chunk, words, tables, members, scratch, stats):
    """Train CBOW with the full softmax on a segment; both tables are overwritten.

    With h_k the mean of the C_k context rows of target k, y_k its output row and p[v, k] the probability of word v::

        dh_k      = alpha (y_k - sum over v of p[v, k] y_v)
        w_out[v] += alpha (sum over the k whose target is v of h_k - sum over k of p[v, k] h_k)
        w_in[i]  += dh_k / C_k       for each context word i of each target k

    Targets without context are skipped. Parameters are those of `train_skipgram_softmax`.
    """
    n_targets, n_inputs = chunk.n_targets, chunk.n_targets + 2 * chunk.window
    w_in, w_out, row_size, _ = tables
    zero_row, is_weighted, is_composed = w_out.size - row_size, is_given(text.weights), is_given(members.offsets)
    sample, gain, error = scratch.sample, scratch.gain, scratch.error
    stride = scratch.scores.size // scratch.noise_rows.size
    inputs, steps_in, own_inputs = input_places(w_in, members, scratch)
    position, stop, sentence, _, _, state = segment
    while position < stop:
        n, alpha, position, sentence, state = fill_buffer(
            text, segment, chunk, sample, position, sentence, state, stats
        )
        for t in range(0, n, n_targets):
            place_chunk(n, t, chunk, tables, scratch)
            if is_composed:
                compose_inputs(w_in, members, chunk, row_size, zero_row, scratch)
            context_means(inputs, own_inputs, chunk, row_size, scratch)
            _score_all(tables, scratch)
            for k in range(min(n_targets, n - t)):
                if is_weighted:
                    gain[k] *= sample.gains[t + k]
                stats[PAIRS] += gain[k]
                stats[LOSS] -= gain[k] * np.float64(scratch.scores[sample.words[t + k] * stride + k])
            stats[LOSS] += _exponentiate(words.n_words, alpha, scratch)
            _sum_gradients(tables, n_targets, scratch)
            for k in range(n_targets):
                error[k] = alpha * gain[k]
            apply_gradients(scratch, chunk, tables, steps_in, own_inputs)
            _move_all(tables, n_targets, scratch)
            if is_composed:
                spread(steps_in, members, scratch.input_rows, n_inputs, zero_row, row_size, w_in)
