"""Counting and joining pairs of words over the token stream, in Numba.

A pair is a first word, a last word, and the gap between them: connector words, usually none. Gaps are numbered: 0 is
the empty one, and gap g > 0 is `gap_keys[g - 1]` = (gap << 32 | connector), a shorter gap and the connector after it;
`gap_slots` finds them by key. So a pair is two words, (first << 32 | last) and the number of its gap.

A table of pairs is open addressing over `rows` of shape (power of two, 2), uint64: the first column is the pair's
words, the second its gap << VALUE_BITS | value. A value is never 0, so a row of zeros is free.

What kind of word each id is, `kinds` says: PLAIN, CONNECTOR, or BREAK, which is in no pair and ends a gap.
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
"""Pairs that are looked up side by side; a table that is scanned into needs as much room."""

AT, SENTENCE, FIRST, GAP, SIZE, N_GAPS, LOST = range(7)
"""Entries of a scan's `state`: position in the tokens, sentence, open first word (-1: none), the gap after it, rows and
gaps in use, and pairs that were not counted since there were too many gaps."""

_MULTIPLIER, _GAP_MULTIPLIER = 0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93
_VALUE_MASK = (1 << VALUE_BITS) - 1
_uint64 = np.uint64


class Corpus(NamedTuple):
    """What is read."""

    tokens: NDArray[np.int32]
    offsets: NDArray[np.int64]
    """Where sentences begin, and the end of the last; no pair reaches beyond its sentence."""
    kinds: NDArray[np.uint8]
    """PLAIN, CONNECTOR or BREAK, shape (V,)."""


class Pairs(NamedTuple):
    """Pairs and the gaps in them, see above."""

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
    """Return the row of a pair, or the free one where it belongs."""
    mask = _uint64(rows.shape[0] - 1)
    row = h & mask
    while True:
        value = rows[row, 1]
        if value == _uint64(0) or (rows[row, 0] == words and value >> _uint64(VALUE_BITS) == _uint64(gap)):
            return row
        row = (row + _uint64(1)) & mask


@compiled
def find_gap_slot(gap_slots, gap_keys, key):
    """Return the slot that holds the gap with this key, or the free one (-1) where it belongs."""
    mask = _uint64(gap_slots.size - 1)
    slot = hash_pair(key, 0) & mask
    while gap_slots[slot] >= 0 and gap_keys[gap_slots[slot]] != key:
        slot = (slot + _uint64(1)) & mask
    return slot


@compiled
def _longer_gap(gap_slots, gap_keys, gap, word):
    """Return the number of the gap that `word` makes of `gap`, -1 if it is not known."""
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
    """Count this worker's share of the pairs up to a position, or until a table is full.

    Every worker scans all tokens, numbers the gaps alike, and counts the pairs whose hash falls to it: nothing is
    merged afterwards, and nothing depends on the number of workers. Pairs are taken in batches, so that their rows,
    which lie all over the memory, are fetched side by side.

    The values of `pairs` are counts; at most three quarters of its rows are filled. `state`, int64 of shape (7,), holds
    AT and what is named beside it; the scan may go on at `stop` later. Returns whether `stop` was reached; if not, a
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
    """Copy the rows with a larger value into an empty table that has room for them."""
    for r in range(rows.shape[0]):
        if _value(rows, r) > value:
            words, gap = rows[r, 0], rows[r, 1] >> _uint64(VALUE_BITS)
            row = find_row(kept, words, gap, hash_pair(words, gap))
            kept[row, 0], kept[row, 1] = rows[r, 0], rows[r, 1]


@compiled
def select_rows(rows, least, out):
    """Copy the rows whose value is `least` or more to the first rows of `out`; return how many."""
    n = 0
    for r in range(rows.shape[0]):
        if _value(rows, r) >= least:
            out[n, 0], out[n, 1] = rows[r, 0], rows[r, 1]
            n += 1
    return n


@compiled
def insert_gap(gap_slots, gap_keys, n_gaps, gap, word):
    """Return the number of the gap that `word` makes of `gap`, a new one if it has none, and the gaps in use."""
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
    """Put pairs with their values into a table that has room; a pair that is there keeps its value."""
    for k in range(words.size):
        row = find_row(rows, words[k], gaps[k], hash_pair(words[k], gaps[k]))
        if rows[row, 1] == _uint64(0):
            rows[row, 0] = words[k]
            rows[row, 1] = _uint64(gaps[k]) << _uint64(VALUE_BITS) | _uint64(values[k])


@compiled
def join_pairs(corpus, first_sentence, last_sentence, start, begins, pairs):
    """Replace phrases by one token each in a range of sentences, from left to right, in place.

    Tokens are overwritten from `start` on, and offsets[s + 1] with the new end of each sentence s of the range. `start`
    is offsets[first_sentence], which is not read: another thread may be writing it. No word of the corpus is a BREAK;
    `begins`, bool of shape (V,), tells which are the first of any phrase. The values of `pairs` are ids of joined
    words, plus 1. Returns where the joined tokens end.
    """
    tokens, offsets, kinds = corpus
    rows, gap_slots, gap_keys = pairs
    n = at = start
    for s in range(first_sentence, last_sentence):
        end = offsets[s + 1]
        open_at, first, gap = at, np.int64(-1), np.int64(0)  # tokens[open_at:at] wait for what follows
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
    """Count every id, and note where it is first; `first` holds n_tokens for an id that does not occur."""
    counts[:] = 0
    first[:] = tokens.size
    for i in range(tokens.size - 1, -1, -1):
        word = _uint64(tokens[_uint64(i)])
        counts[word] += 1
        first[word] = i


@compiled
def write_sentences(tokens, offsets, first_sentence, last_sentence, letters, starts, out):
    """Write sentences as bytes, one a line, words set apart by spaces.

    `letters`, uint8, are the words in UTF-8, one after another, and starts[v] is where word v begins. `out`, uint8, has
    room for the words of the range and one more byte for each token. Returns how many bytes are written.
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
