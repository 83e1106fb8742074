"""Counting co-occurrences: row i holds the words j <= i, that is, more frequent words and the word itself.

An index lists the positions of each word (`index_words`), so a row is counted at once, in one sum per word, and these
sums stay in the caches; nothing is sorted or hashed. Sums are integers, and the weight of distance d is round(ONE / d),
so they do not depend on how text or rows are divided.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.kernels.jit import compiled
from w2v.kernels.random import below, next_random
from w2v.kernels.simd import load, prefetch_read

ONE = 1 << 30
"""The weight of a pair at distance 1, as an integer."""

_AHEAD = 12  # prefetch distance, in positions
_DENSE = 16  # a row with more than 1 / 16 of all words is scanned in order, a shorter one is sorted


class Index(NamedTuple):
    """The positions of each word: text[p] is word v for p in places[starts[v] : starts[v + 1]]."""

    text: NDArray[np.int32]
    """Words, with -1 before and after each sentence: shape (n_tokens + n_sentences + 1,)."""
    gains: NDArray[np.int64] | None
    """round(weight * ONE) of the sentence of each entry of `text`; None means ONE."""
    starts: NDArray[np.int64]
    """Shape (V + 1,)."""
    places: NDArray[np.int32]


@compiled
def index_words(tokens, offsets, weights, first, last, index):
    """Fill the index of a text; tokens first to last - 1 are listed, and the others serve as neighbours.

    `tokens` and `offsets` are as in `Text`; `weights` are those of the sentences, or None. `index` is overwritten.
    """
    text, gains, starts, places = index
    starts[:] = 0
    text[0] = -1
    at = 1
    for s in range(offsets.size - 1):
        for i in range(offsets[s], offsets[s + 1]):
            word = load(tokens, i)
            text[at] = word
            _set_gain(gains, at, weights, s)
            if first <= i < last:
                starts[word + 1] += 1
            at += 1
        text[at] = -1
        at += 1
    for v in range(1, starts.size):
        starts[v] += starts[v - 1]
    at = 1
    for s in range(offsets.size - 1):
        for i in range(offsets[s], offsets[s + 1]):
            if first <= i < last:
                word = load(tokens, i)
                places[starts[word]] = at
                starts[word] += 1
            at += 1
        at += 1
    for v in range(starts.size - 1, 0, -1):
        starts[v] = starts[v - 1]
    starts[0] = 0


@compiled
def _set_gain(gains, at, weights, sentence):
    if weights is not None:
        gains[at] = np.int64(np.rint(np.float64(weights[sentence]) * ONE))


@compiled
def _weighted(amount, gains, place):
    if gains is None:
        return amount
    return np.int64(np.rint(amount * (gains[place] / ONE)))


@compiled
def _add(sums, found, n, column, amount):
    before = load(sums, column)
    if before == 0:
        found[n] = column
        n += 1
    sums[column] = before + amount
    return n


@compiled
def _write_row(sums, found, n, row, columns, values, at):
    """Write the n columns of a row in ascending order with their sums, and reset the sums to zero."""
    if n * _DENSE > row:
        for column in range(row + 1):
            if sums[column]:
                columns[at], values[at] = column, sums[column]
                sums[column] = 0
                at += 1
    else:
        in_order = np.sort(found[:n])
        for k in range(n):
            columns[at], values[at] = in_order[k], sums[in_order[k]]
            sums[in_order[k]] = 0
            at += 1
    return at


@compiled
def count_rows(index, distances, first_row, sums, found, lengths, columns, values):
    """Count rows first_row to first_row + lengths.size - 1; return their total number of cells.

    distances[d] is the weight of distance d, times ONE. `sums`, int64 of shape (V,), is zero on entry and on return;
    `found`, int32 of shape (V,), is overwritten. The cells of each row, in ascending order, are written to `columns`,
    int32, and `values`, int64, and their number to `lengths`.
    """
    text, gains, starts, places = index
    at = 0
    for r in range(lengths.size):
        row = first_row + r
        n = 0
        for k in range(starts[row], starts[row + 1]):
            if k + _AHEAD < places.size:
                prefetch_read(text, np.int64(places[k + _AHEAD]))
            place = np.int64(places[k])
            for step in (-1, 1):
                i = place
                for d in range(1, distances.size):
                    i += step
                    column = np.int64(load(text, i))
                    if column < 0:
                        break
                    if column <= row:
                        n = _add(sums, found, n, column, _weighted(distances[d], gains, place))
        before = at
        at = _write_row(sums, found, n, row, columns, values, at)
        lengths[r] = at - before
    return at


@compiled
def add_rows(lengths, columns, values, first_row, sums, found, merged_lengths, merged):
    """Add up rows counted in several parts of a text; return their total number of cells.

    lengths[p, r] is the number of cells that `count_rows` found in part p; `columns` and `values` are its results, part
    after part. `merged` is (columns, values), like those of `count_rows`.
    """
    at, n_parts, begun = 0, lengths.shape[0], np.zeros(lengths.shape[0], np.int64)
    for p in range(1, n_parts):
        begun[p] = begun[p - 1] + lengths[p - 1].sum()
    for r in range(merged_lengths.size):
        n = 0
        for p in range(n_parts):
            end = begun[p] + lengths[p, r]
            for k in range(begun[p], end):
                n = _add(sums, found, n, np.int64(columns[k]), values[k])
            begun[p] = end
        before = at
        at = _write_row(sums, found, n, first_row + r, merged[0], merged[1], at)
        merged_lengths[r] = at - before
    return at


@compiled
def arrange(lengths, columns, values, first_run, run_starts, state, cells, counts):
    """Divide rows into runs of randomly drawn cells, and write the runs to their places.

    The runs of the first row begin at run `first_run` of `run_starts`, shape (n_runs, 2), which has for each run, in
    the order of rows, its start and end in `cells` and `counts`. `columns` and `values` are overwritten.
    """
    at, run = 0, first_run
    for r in range(lengths.size):
        end = at + lengths[r]
        for k in range(end - 1, at, -1):
            state = next_random(state)
            other = at + below(state, k - at + 1)
            columns[k], columns[other] = columns[other], columns[k]
            values[k], values[other] = values[other], values[k]
        while at < end:
            start, stop = run_starts[run, 0], run_starts[run, 1]
            for place in range(start, stop):
                cells[place] = columns[at]
                counts[place] = np.float32(np.float64(values[at]) / ONE)
                at += 1
            run += 1
    return state
