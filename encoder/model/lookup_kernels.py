"""From the bytes of lines to the sums of their words' embeddings, in Numba; see `w2v.encoder.model.lookup`."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from w2v.encoder.model.identity import FNV_BASIS, FNV_PRIME, GOLDEN, MIX_1, MIX_2
from w2v.kernels.jit import compiled
from w2v.kernels.scanner import HASH, LENGTH, SEPARATOR, START, find_slot, hash_bytes, token_end
from w2v.kernels.simd import LANES, fma, load, load_vector, prefetch_read, select_lanes, splat, store_vector, sum_lanes

LINE_FEED = 10

_BATCH = 128
_AHEAD = 6  # rows to prefetch
_LINE = 16  # floats of a cache line
_float32, _uint64 = np.float32, np.uint64


@compiled
def index_words(arena, ends, slots, entries):
    """Fill a hash table with the distinct words of a vocabulary.

    Parameters
    ----------
    arena : ndarray of shape (n_bytes,), uint8
        The concatenated words in UTF-8.
    ends : ndarray of shape (V,), int64
        The end of each word.
    slots : ndarray of shape (power of two above V,), int32
        All -1. Overwritten: the id of a word, or -1 for an empty slot.
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

    Tokens are processed in batches: all are cut out and hashed before the first is looked up, so that the scattered
    rows of the table are fetched in parallel.

    Parameters
    ----------
    data : ndarray of shape (n_bytes,), uint8
        Tokens between ASCII white space; every line ends with a line feed.
    slots, entries, arena : ndarray
        See `index_words`.
    ids : ndarray of shape (at least n_bytes // 2 + 1,), int32
        Overwritten: the words' ids; unknown word k of these lines has -1 - k.
    offsets : ndarray of shape (n_lines + 1,), int64
        Overwritten: line i has the tokens ids[offsets[i]:offsets[i + 1]].
    spans : ndarray of shape (as `ids`, or 0, 2), int64
        Overwritten: start and end in `data` of each unknown word. With 0 rows, unknown words are left out.

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
    if full:  # the last columns: a vector whose first lanes have been added already stays unchanged there
        d = width - LANES
        left = select_lanes(load_vector(table, row + d), splat(_float32(0)), full - d, LANES)
        store_vector(out, target + d, fma(weight, left, load_vector(out, target + d)))
    else:
        for d in range(width):
            out[target + d] += gain * table[row + d]


@compiled
def _sum_sentence(ids, start, stop, gains, table, extra, width, out, target):
    """Set out[target : target + width] to the sum of the rows of the words ids[start:stop]; see `sum_rows`."""
    one = _float32(1)
    for d in range(width):
        out[target + d] = 0
    for t in range(start, stop):
        ahead = t + _AHEAD
        if ahead < ids.size:
            coming = np.int64(load(ids, ahead))
            if coming >= 0:
                for d in range(0, width, _LINE):
                    prefetch_read(table, coming * width + d)
        word = np.int64(load(ids, t))
        if word >= 0:
            _add_row(table, word * width, load(gains, word), width, out, target)
        elif extra.size:
            _add_row(extra, (-1 - word) * width, one, width, out, target)


@compiled
def sum_rows(ids, offsets, gains, table, extra, width, out):
    """Set out[s] to the sum of gains[i] * table[i] over the tokens i of sentence s, in order.

    Parameters
    ----------
    ids : ndarray of shape (N,), int32
        Words in [0, V); -1 - k stands for row k of `extra`, with gain 1.
    offsets : ndarray of shape (S + 1,), int64
        Sentence s has the tokens ids[offsets[s]:offsets[s + 1]].
    gains : ndarray of shape (V,), float32
    table : ndarray of shape (V * d,), float32
    extra : ndarray of shape (K * d,), float32
        Empty to leave unknown words out.
    width : int
        d.
    out : ndarray of shape (S * d,), float32
        Overwritten.

    Notes
    -----
    NumPy equivalent: ``out[s] = (gains[ids[s], None] * table[ids[s]]).sum(axis=0)``, one row after another.
    The sum of a sentence depends only on its own tokens, bit for bit.
    """
    for s in range(offsets.size - 1):
        _sum_sentence(ids, offsets[s], offsets[s + 1], gains, table, extra, width, out, s * width)


@compiled
def _square(rows, start, width):
    """Return the squared length of rows[start : start + width]."""
    total = splat(_float32(0))
    full = width // LANES * LANES
    for d in range(0, full, LANES):
        part = load_vector(rows, start + d)
        total = fma(part, part, total)
    square = np.float64(sum_lanes(total))
    for d in range(full, width):
        square += np.float64(rows[start + d]) * np.float64(rows[start + d])
    return square


@compiled
def _scale_to(rows, start, width, length, square):
    """Scale rows[start : start + width] to a length, unless it is zero; `square` is its current squared length."""
    if square > 0:
        scale = _float32(length / np.sqrt(square))
        full = width // LANES * LANES
        for d in range(0, full, LANES):
            store_vector(rows, start + d, load_vector(rows, start + d) * splat(scale))
        for d in range(full, width):
            rows[start + d] *= scale


@compiled
def scale_to_unit(rows, width):
    """Scale each row of `rows`, flat with `width` columns, to length 1 in place; zero rows stay zero.

    Returns
    -------
    bool
        Whether the length of every row is finite.
    """
    is_finite = True
    for start in range(0, rows.size, width):
        square = _square(rows, start, width)
        if np.isfinite(square):
            _scale_to(rows, start, width, 1.0, square)
        else:
            is_finite = False
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
        The concatenated words in UTF-8.
    ends : ndarray of shape (n,), int64
        The end of each word.
    length : float32
        Absolute value of every entry.
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
def hash_words(data, ends, columns, entries):
    """Write for each word its sign and its column; see `w2v.encoder.model.blocks.HashedBag`.

    Parameters
    ----------
    data : ndarray of shape (n_bytes,), uint8
        The concatenated words in UTF-8.
    ends : ndarray of shape (n,), int64
        The end of each word.
    columns : int
        At most 2**24, so that float32 represents each exactly.
    entries : ndarray of shape (2 * n,), float32
        Overwritten: 1 or -1, and the column, interleaved.
    """
    start = 0
    for word in range(ends.size):
        h = _mixed(_spelling_hash(data, start, ends[word]))
        start = ends[word]
        entries[2 * word] = -1 if h & _uint64(1) else 1
        entries[2 * word + 1] = (h >> _uint64(1)) % _uint64(columns)


class Rows(NamedTuple):
    """Rows of `width` columns in the layout of `sum_rows`."""

    gains: Any
    table: Any
    extra: Any
    width: int


class Bag(NamedTuple):
    """The value and the column of each word in a bag, interleaved: V known words, and in `extra` K unknown ones."""

    entries: Any
    extra: Any
    columns: int


@compiled
def _count_words(ids, start, stop, bag, out, target):
    """Set out[target : target + bag.columns] to the bag of the words ids[start:stop]."""
    for d in range(bag.columns):
        out[target + d] = 0
    for t in range(start, stop):
        word = np.int64(load(ids, t))
        if word >= 0:
            out[target + np.int64(load(bag.entries, 2 * word + 1))] += load(bag.entries, 2 * word)
        else:
            word = -1 - word
            out[target + np.int64(load(bag.extra, 2 * word + 1))] += load(bag.extra, 2 * word)


@compiled
def join_blocks(ids, offsets, first, bag, mean, weights, flags, out):
    """Write the vectors of sentences: concatenated blocks, scaled to unit length times their weights; zeros stay zero.

    Parameters
    ----------
    ids, offsets : ndarray
        As for `sum_rows`.
    first, mean : Rows
        The first and the last block, which are sums of rows.
    bag : Bag
        The block between them.
    weights : ndarray of shape (2,), float64
        Weights of the bag and of the mean; that of the first block is 1.
    flags : (bool, bool)
        Whether `out` already contains the sums of the first block, and whether to scale whole vectors to length 1.
    out : ndarray of shape (S * columns,), float32
        Overwritten.

    Returns
    -------
    bool
        Whether all lengths are finite.

    Notes
    -----
    NumPy equivalent: ``np.hstack([unit(s), weights[0] * unit(h), weights[1] * unit(m)])`` for the sums s and m of rows
    and the bags h, then `unit` of that. A sentence is completed while it is in the cache.
    """
    has_sums, normalize = flags
    columns = first.width + bag.columns + mean.width
    is_finite = True
    for s in range(offsets.size - 1):
        start, stop, one = offsets[s], offsets[s + 1], s * columns
        two, three = one + first.width, one + first.width + bag.columns
        if not has_sums:
            _sum_sentence(ids, start, stop, first.gains, first.table, first.extra, first.width, out, one)
        if bag.columns:
            _count_words(ids, start, stop, bag, out, two)
        if mean.width:
            _sum_sentence(ids, start, stop, mean.gains, mean.table, mean.extra, mean.width, out, three)
        squares = (
            _square(out, one, first.width),
            _square(out, two, bag.columns),
            _square(out, three, mean.width),
        )
        if not np.isfinite(squares[0] + squares[1] + squares[2]):
            is_finite = False
            continue
        total = 0.0
        if squares[0] > 0:
            total += 1
        if squares[1] > 0:
            total += weights[0] ** 2
        if squares[2] > 0:
            total += weights[1] ** 2
        whole = 1 / np.sqrt(total) if normalize and total > 0 else 1.0
        _scale_to(out, one, first.width, whole, squares[0])
        _scale_to(out, two, bag.columns, whole * weights[0], squares[1])
        _scale_to(out, three, mean.width, whole * weights[1], squares[2])
    return is_finite
