"""Counting and joining pairs of words over the token stream, in Numba.

A pair is a first word, a last word, and the gap between them: connector words, usually none. Gaps have ids: 0 is the
empty gap, and gap g > 0 is `gap_keys[g - 1]` = (gap << 32 | connector), a shorter gap followed by a connector;
`gap_slots` finds gaps by key. So a pair is stored as two integers, (first << 32 | last) and the id of its gap.

A table of pairs is a hash table with open addressing, `rows` of shape (power of two, 2), uint64: the first column holds
the words, the second gap << VALUE_BITS | value. A value is never 0, so a row of zeros is free.

`kinds` is the kind of each word id: PLAIN, CONNECTOR, or BREAK, which belongs to no pair and ends a gap.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.kernels.jit import compiled
from w2v.kernels.simd import prefetch

PLAIN, CONNECTOR, BREAK = range(3)
VALUE_BITS = 40
"""Bits of a row's second column that hold the value; the 24 bits above hold the gap."""

MAX_GAPS = (1 << (64 - VALUE_BITS)) - 1
BATCH = 128
"""Pairs to look up at a time; a table needs room for this many when a scan starts."""

AT, SENTENCE, FIRST, GAP, SIZE, N_GAPS, LOST = range(7)
"""Entries of a scan's `state`: position in the tokens, sentence, pending first word (-1: none), the gap after it, rows
and gaps in use, and pairs not counted because there were too many gaps."""

_MULTIPLIER, _GAP_MULTIPLIER = 0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93
_VALUE_MASK = (1 << VALUE_BITS) - 1
_uint64 = np.uint64


class Corpus(NamedTuple):
    """The corpus to scan."""

    tokens: NDArray[np.int32]
    offsets: NDArray[np.int64]
    """Start of each sentence, and the end of the last; no pair crosses a sentence border."""
    kinds: NDArray[np.uint8]
    """PLAIN, CONNECTOR or BREAK, shape (V,)."""


class Pairs(NamedTuple):
    """A table of pairs and their gaps; see the module's docstring."""

    rows: NDArray[np.uint64]
    gap_slots: NDArray[np.int32]
    gap_keys: NDArray[np.uint64]


@compiled
def hash_pair(words, gap):
    """Return a 64-bit hash of a pair."""
    h = (words ^ _uint64(gap) * _uint64(_GAP_MULTIPLIER)) * _uint64(_MULTIPLIER)
    h ^= h >> _uint64(32)
    h *= _uint64(_GAP_MULTIPLIER)
    return h ^ (h >> _uint64(29))


@compiled
def _value(rows, r):
    return np.int64(rows[r, 1] & _uint64(_VALUE_MASK))


@compiled
def find_row(rows, words, gap, h):
    """Return the row of a pair, or the free row for it."""
    mask = _uint64(rows.shape[0] - 1)
    row = h & mask
    while True:
        value = rows[row, 1]
        if value == _uint64(0) or (rows[row, 0] == words and value >> _uint64(VALUE_BITS) == _uint64(gap)):
            return row
        row = (row + _uint64(1)) & mask


@compiled
def find_gap_slot(gap_slots, gap_keys, key):
    """Return the slot of the gap with this key, or the free slot (-1) for it."""
    mask = _uint64(gap_slots.size - 1)
    slot = hash_pair(key, 0) & mask
    while gap_slots[slot] >= 0 and gap_keys[gap_slots[slot]] != key:
        slot = (slot + _uint64(1)) & mask
    return slot


@compiled
def _longer_gap(gap_slots, gap_keys, gap, word):
    """Return the id of `gap` extended by `word`, -1 if it is unknown."""
    slot = find_gap_slot(gap_slots, gap_keys, _uint64(gap) << _uint64(32) | _uint64(word))
    return np.int64(gap_slots[slot]) + 1 if gap_slots[slot] >= 0 else np.int64(-1)


@compiled
def _add_gap(gap_slots, gap_keys, n_gaps, gap, word):
    key = _uint64(gap) << _uint64(32) | _uint64(word)
    gap_slots[find_gap_slot(gap_slots, gap_keys, key)] = n_gaps
    gap_keys[n_gaps] = key
    return np.int64(n_gaps + 1)


@compiled
def count_pairs(corpus, stop, worker, workers, pairs, state):
    """Count this worker's part of the pairs up to a position, or until a table is full.

    Every worker scans all tokens, gives gaps the same ids, and counts the pairs assigned to it by their hash. So
    nothing is merged afterwards, and the result does not depend on the number of workers. Pairs are looked up in
    batches, so their rows, which are scattered in memory, are fetched in parallel.

    The values of `pairs` are counts; at most three quarters of its rows are filled. `state`, int64 of shape (7,), has
    the entries AT to LOST; a later call continues the scan from `stop`. Returns whether `stop` was reached; if not, a
    table must grow.
    """
    tokens, offsets, kinds = corpus
    rows, gap_slots, gap_keys = pairs
    at, sentence, first, gap = state[AT], state[SENTENCE], state[FIRST], state[GAP]
    size, n_gaps, lost = state[SIZE], state[N_GAPS], state[LOST]
    end = offsets[sentence + 1]
    flat = rows.reshape(-1)
    mask = _uint64(rows.shape[0] - 1)
    room = rows.shape[0] // 4 * 3 - BATCH
    batch_words, batch_gaps = np.empty(BATCH, np.uint64), np.empty(BATCH, np.int64)
    batch_hashes = np.empty(BATCH, np.uint64)
    full = False
    while at < stop and not full:
        if size > room:
            full = True
            break
        m = 0
        while at < stop and m < BATCH:
            if at == end:
                sentence += 1
                end = offsets[sentence + 1]
                first = np.int64(-1)
            word = np.int64(tokens[_uint64(at)])
            kind = kinds[_uint64(word)]
            if kind == CONNECTOR:
                if first >= 0 and gap >= 0:
                    longer = _longer_gap(gap_slots, gap_keys, gap, word)
                    if longer < 0 and n_gaps < MAX_GAPS:
                        if n_gaps == gap_keys.size:
                            full = True
                            break
                        longer = n_gaps = _add_gap(gap_slots, gap_keys, n_gaps, gap, word)
                    gap = longer
            else:
                if kind == PLAIN and first >= 0:
                    if gap < 0:
                        lost += 1
                    else:
                        words = _uint64(first) << _uint64(32) | _uint64(word)
                        h = hash_pair(words, gap)
                        if np.int64((h >> _uint64(32)) * _uint64(workers) >> _uint64(32)) == worker:
                            prefetch(flat, np.int64(h & mask) * 2)
                            i = _uint64(m)
                            batch_words[i], batch_gaps[i], batch_hashes[i] = words, gap, h
                            m += 1
                first = word if kind == PLAIN else np.int64(-1)
                gap = np.int64(0)
            at += 1
        for k in range(m):
            row = find_row(rows, batch_words[k], batch_gaps[k], batch_hashes[k])
            if rows[row, 1] == _uint64(0):
                rows[row, 0], rows[row, 1] = batch_words[k], _uint64(batch_gaps[k]) << _uint64(VALUE_BITS)
                size += 1
            rows[row, 1] += _uint64(1)
    state[AT], state[SENTENCE], state[FIRST], state[GAP] = at, sentence, first, gap
    state[SIZE], state[N_GAPS], state[LOST] = size, n_gaps, lost
    return not full


@compiled
def count_above(rows, value):
    """Return how many rows have a larger value; with 0, how many are in use."""
    n = 0
    for r in range(rows.shape[0]):
        n += _value(rows, r) > value
    return n


@compiled
def keep_above(rows, value, kept):
    """Copy the rows with a larger value into an empty table with enough room."""
    for r in range(rows.shape[0]):
        if _value(rows, r) > value:
            words, gap = rows[r, 0], rows[r, 1] >> _uint64(VALUE_BITS)
            row = find_row(kept, words, gap, hash_pair(words, gap))
            kept[row, 0], kept[row, 1] = rows[r, 0], rows[r, 1]


@compiled
def select_rows(rows, least, out):
    """Copy the rows with a value of at least `least` to the first rows of `out`; return their number."""
    n = 0
    for r in range(rows.shape[0]):
        if _value(rows, r) >= least:
            out[n, 0], out[n, 1] = rows[r, 0], rows[r, 1]
            n += 1
    return n


@compiled
def insert_gap(gap_slots, gap_keys, n_gaps, gap, word):
    """Return the id of `gap` extended by `word`, created if necessary, and the number of gaps in use."""
    longer = _longer_gap(gap_slots, gap_keys, gap, word)
    if longer >= 0:
        return longer, n_gaps
    longer = _add_gap(gap_slots, gap_keys, n_gaps, gap, word)
    return longer, longer


@compiled
def rehash_gaps(gap_keys, n_gaps, n_slots):
    """Return fresh slots for the first `n_gaps` gaps; n_slots is a power of two."""
    gap_slots = np.full(n_slots, -1, np.int32)
    for g in range(n_gaps):
        gap_slots[find_gap_slot(gap_slots, gap_keys, gap_keys[g])] = g
    return gap_slots


@compiled
def insert_pairs(rows, words, gaps, values):
    """Insert pairs with their values into a table with enough room; existing pairs keep their values."""
    for k in range(words.size):
        row = find_row(rows, words[k], gaps[k], hash_pair(words[k], gaps[k]))
        if rows[row, 1] == _uint64(0):
            rows[row, 0] = words[k]
            rows[row, 1] = _uint64(gaps[k]) << _uint64(VALUE_BITS) | _uint64(values[k])


@compiled
def join_pairs(corpus, first_sentence, last_sentence, start, begins, pairs):
    """Replace phrases by one token each in a range of sentences, from left to right, in place.

    Tokens are overwritten from `start` on, and offsets[s + 1] with the new end of each sentence s in the range. `start`
    is offsets[first_sentence], which is not read, because another thread may be writing it. No word of the corpus is a
    BREAK; `begins`, bool of shape (V,), marks the first words of phrases. The values of `pairs` are ids of joined
    words, plus 1. Returns the end of the joined tokens.
    """
    tokens, offsets, kinds = corpus
    rows, gap_slots, gap_keys = pairs
    n = at = start
    for s in range(first_sentence, last_sentence):
        end = offsets[s + 1]
        open_at, first, gap = at, np.int64(-1), np.int64(0)  # tokens[open_at:at] are pending until the next word
        while at < end:
            word = np.int64(tokens[_uint64(at)])
            at += 1
            if first >= 0:
                if kinds[_uint64(word)] == CONNECTOR:
                    if gap >= 0:
                        gap = _longer_gap(gap_slots, gap_keys, gap, word)
                    continue
                if gap >= 0:
                    words = _uint64(first) << _uint64(32) | _uint64(word)
                    value = _value(rows, find_row(rows, words, gap, hash_pair(words, gap)))
                    if value:
                        tokens[_uint64(n)] = np.int32(value) - 1
                        n += 1
                        open_at, first = at, np.int64(-1)
                        continue
                while open_at < at - 1:
                    tokens[_uint64(n)] = tokens[_uint64(open_at)]
                    n += 1
                    open_at += 1
            if begins[_uint64(word)]:
                first, gap = word, np.int64(0)
            else:
                first = np.int64(-1)
                tokens[_uint64(n)] = word
                n += 1
                open_at = at
        while open_at < end:
            tokens[_uint64(n)] = tokens[_uint64(open_at)]
            n += 1
            open_at += 1
        offsets[s + 1] = n
    return n


@compiled
def count_words(tokens, counts, first):
    """Count every id and find its first position; for an id that does not occur, `first` is n_tokens."""
    counts[:] = 0
    first[:] = tokens.size
    for i in range(tokens.size - 1, -1, -1):
        word = _uint64(tokens[_uint64(i)])
        counts[word] += 1
        first[word] = i


@compiled
def write_sentences(tokens, offsets, first_sentence, last_sentence, letters, starts, out):
    """Write sentences as bytes, one sentence a line, words separated by spaces.

    `letters`, uint8, holds the words in UTF-8, one after another, and word v begins at starts[v]. `out`, uint8, has
    room for the words of the range and one more byte for each token. Returns the number of bytes written.
    """
    n = 0
    for s in range(first_sentence, last_sentence):
        for i in range(offsets[s], offsets[s + 1]):
            word = tokens[i]
            for j in range(starts[word], starts[word + 1]):
                out[_uint64(n)] = letters[_uint64(j)]
                n += 1
            out[_uint64(n)] = 32
            n += 1
        out[_uint64(n - 1)] = 10
    return n
