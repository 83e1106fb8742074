"""From the bytes of lines to the sums of their words' rows, in Numba; `w2v.encoder.model.lookup` defines the sums."""

from __future__ import annotations

import numpy as np

from w2v.encoder.model.identity import FNV_BASIS, FNV_PRIME, GOLDEN, MIX_1, MIX_2
from w2v.kernels.jit import compiled
from w2v.kernels.scanner import HASH, LENGTH, SEPARATOR, START, find_slot, hash_bytes, token_end
from w2v.kernels.simd import LANES, fma, load, load_vector, prefetch_read, select_lanes, splat, store_vector, sum_lanes

LINE_FEED = 10

_BATCH = 128
_AHEAD = 6  # rows that are asked for before they are needed
_LINE = 16  # floats of a cache line
_float32, _uint64 = np.float32, np.uint64


@compiled
def index_words(arena, ends, slots, entries):
    """Fill a hash table with the words of a vocabulary, which are distinct.

    Parameters
    ----------
    arena : ndarray of shape (n_bytes,), uint8
        The words in UTF-8, one after another.
    ends : ndarray of shape (V,), int64
        Where each ends.
    slots : ndarray of shape (power of two above V,), int32
        All -1. Overwritten: the number of a word, or -1 where none is.
    entries : ndarray of shape (V, 3), int64
        Overwritten: hash, start in `arena`, length.
    """
    start = 0
    for word in range(ends.size):
        length = ends[word] - start
        h = hash_bytes(arena, start, ends[word])
        slot = find_slot(arena, start, length, h, slots, entries, arena)
        slots[slot] = word
        entries[word, HASH], entries[word, START], entries[word, LENGTH] = h, start, length
        start = ends[word]


@compiled
def find_words(data, slots, entries, arena, ids, offsets, spans):
    """Look up the tokens of lines.

    Tokens are taken in batches: all are cut out and hashed before the first is looked up, so that the table's rows,
    which lie all over the memory, are fetched side by side.

    Parameters
    ----------
    data : ndarray of shape (n_bytes,), uint8
        Tokens between ASCII white space; every line ends with a line feed.
    slots, entries, arena : ndarray
        See `index_words`.
    ids : ndarray of shape (at least n_bytes // 2 + 1,), int32
        Overwritten: the words' numbers; that of unknown word k of these lines, if they are wanted, is -1 - k.
    offsets : ndarray of shape (n_lines + 1,), int64
        Overwritten: line i has the tokens ids[offsets[i]:offsets[i + 1]].
    spans : ndarray of shape (as `ids`, or 0, 2), int64
        Overwritten: start and end in `data` of each unknown word. Where there is no room, unknown words are left out.

    Returns
    -------
    (n_tokens, n_unknown)
    """
    mask = _uint64(slots.size - 1)
    rows = entries.reshape(-1)
    starts, stops = np.empty(_BATCH, np.int64), np.empty(_BATCH, np.int64)
    hashes = np.empty(_BATCH, np.uint64)
    n = n_lines = n_unknown = at = 0
    offsets[0] = 0
    while at < data.size:
        m = 0
        while at < data.size and m < _BATCH:
            kind = SEPARATOR[data[_uint64(at)]]
            if kind == 0:
                end = token_end(data, at + 1)
                h = hash_bytes(data, at, end)
                prefetch_read(slots, np.int64(h & mask))
                starts[m], stops[m], hashes[m] = at, end, h
                m += 1
                at = end
            else:
                if kind == 2:
                    starts[m], hashes[m] = -1, 0
                    m += 1
                at += 1
        for k in range(m):
            word = slots[hashes[k] & mask]
            if word >= 0:
                prefetch_read(rows, np.int64(word) * entries.shape[1])
        for k in range(m):
            start = starts[k]
            if start < 0:
                n_lines += 1
                offsets[n_lines] = n
                continue
            word = slots[find_slot(data, start, stops[k] - start, hashes[k], slots, entries, arena)]
            if word >= 0:
                ids[n] = word
                n += 1
            elif spans.shape[0]:
                spans[n_unknown, 0], spans[n_unknown, 1] = start, stops[k]
                n_unknown += 1
                ids[n] = -n_unknown
                n += 1
    return n, n_unknown


@compiled
def _add_row(table, row, gain, width, out, target):
    """Add gain * table[row : row + width] to out[target : target + width]."""
    weight = splat(gain)
    full = width // LANES * LANES
    for d in range(0, full, LANES):
        store_vector(out, target + d, fma(weight, load_vector(table, row + d), load_vector(out, target + d)))
    if full == width:
        return
    if full:  # the last columns, by a vector whose first lanes were added already and stay as they are
        d = width - LANES
        left = select_lanes(load_vector(table, row + d), splat(_float32(0)), full - d, LANES)
        store_vector(out, target + d, fma(weight, left, load_vector(out, target + d)))
    else:
        for d in range(width):
            out[target + d] += gain * table[row + d]


@compiled
def sum_rows(ids, offsets, gains, table, extra, width, out):
    """Set out[s] to the sum of gains[i] * table[i] over the tokens i of sentence s, in their order.

    Parameters
    ----------
    ids : ndarray of shape (N,), int32
        Words in [0, V); -1 - k stands for row k of `extra`, whose gain is 1.
    offsets : ndarray of shape (S + 1,), int64
        Sentence s has the tokens ids[offsets[s]:offsets[s + 1]].
    gains : ndarray of shape (V,), float32
    table : ndarray of shape (V * d,), float32
    extra : ndarray of shape (K * d,), float32
    width : int
        d.
    out : ndarray of shape (S * d,), float32
        Overwritten.

    Notes
    -----
    NumPy equivalent : ``out[s] = (gains[ids[s], None] * table[ids[s]]).sum(axis=0)``, one row after another.
    A sentence's sum depends on its own tokens only, bit for bit.
    """
    one = _float32(1)
    for s in range(offsets.size - 1):
        target = s * width
        for d in range(width):
            out[target + d] = 0
        for t in range(offsets[s], offsets[s + 1]):
            ahead = t + _AHEAD
            if ahead < ids.size:
                coming = np.int64(load(ids, ahead))
                if coming >= 0:
                    for d in range(0, width, _LINE):
                        prefetch_read(table, coming * width + d)
            word = np.int64(load(ids, t))
            if word >= 0:
                _add_row(table, word * width, load(gains, word), width, out, target)
            else:
                _add_row(extra, (-1 - word) * width, one, width, out, target)


@compiled
def scale_to_unit(rows, width):
    """Bring each row of `rows`, flat and of `width` columns, to length 1 in place; rows of zeros stay zero.

    Returns
    -------
    bool
        Whether the length of every row was a finite number.
    """
    is_finite = True
    full = width // LANES * LANES
    for start in range(0, rows.size, width):
        total = splat(_float32(0))
        for d in range(0, full, LANES):
            part = load_vector(rows, start + d)
            total = fma(part, part, total)
        square = np.float64(sum_lanes(total))
        for d in range(full, width):
            square += np.float64(rows[start + d]) * np.float64(rows[start + d])
        if not np.isfinite(square):
            is_finite = False
        elif square > 0:
            scale = _float32(1 / np.sqrt(square))
            for d in range(width):
                rows[start + d] *= scale
    return is_finite


@compiled
def _spelling_hash(data, start, end):
    """Return the 64-bit FNV-1a hash of data[start:end]."""
    h = _uint64(FNV_BASIS)
    for i in range(start, end):
        h = (h ^ _uint64(data[i])) * _uint64(FNV_PRIME)
    return h


@compiled
def _mixed(z):
    """Return the output of SplitMix64 for the state z."""
    z = (z ^ (z >> _uint64(30))) * _uint64(MIX_1)
    z = (z ^ (z >> _uint64(27))) * _uint64(MIX_2)
    return z ^ (z >> _uint64(31))


@compiled
def add_identities(data, ends, length, start_column, rows):
    """Add to each row the direction of a word's spelling; see `w2v.encoder.model.identity.Identity`.

    Parameters
    ----------
    data : ndarray of shape (n_bytes,), uint8
        The words in UTF-8, one after another.
    ends : ndarray of shape (n,), int64
        Where each ends.
    length : float32
        Of every entry.
    start_column : int
    rows : ndarray of shape (n, d), float32
        rows[:, start_column:] is changed.
    """
    start = 0
    for word in range(ends.size):
        h = _spelling_hash(data, start, ends[word])
        start = ends[word]
        bits = _uint64(0)
        for d in range(start_column, rows.shape[1]):
            column = d - start_column
            if column % 64 == 0:
                bits = _mixed(h + _uint64(column // 64 + 1) * _uint64(GOLDEN))
            if bits & _uint64(1):
                rows[word, d] -= length
            else:
                rows[word, d] += length
            bits >>= _uint64(1)


@compiled
def add_hashed_words(ids, offsets, gains, known, known_ends, unknown, unknown_ends, out):
    """Add to each sentence's row the gain of each of its words, in the column and with the sign of the word's hash.

    Parameters
    ----------
    ids, offsets, gains : ndarray
        As for `sum_rows`.
    known, unknown : ndarray of uint8
        The words of the vocabulary and the others in UTF-8, one after another.
    known_ends, unknown_ends : ndarray of int64
        Where each ends.
    out : ndarray of shape (S, columns), float32
    """
    columns = _uint64(out.shape[1])
    for s in range(offsets.size - 1):
        for t in range(offsets[s], offsets[s + 1]):
            word = np.int64(ids[t])
            if word >= 0:
                start = known_ends[word - 1] if word else 0
                h = _mixed(_spelling_hash(known, start, known_ends[word]))
                gain = gains[word]
            else:
                word = -1 - word
                start = unknown_ends[word - 1] if word else 0
                h = _mixed(_spelling_hash(unknown, start, unknown_ends[word]))
                gain = _float32(1)
            column = np.int64((h >> _uint64(1)) % columns)
            out[s, column] += -gain if h & _uint64(1) else gain
