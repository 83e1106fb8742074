"""From bytes of text to word counts and ids, in Numba, without a Python object for each token.

A `Table` is an open-addressing hash map over the bytes of the words seen so far. `slots` holds entry indices, -1 if
free; row e of `entries` is (hash, start in `arena`, length, count, first position in the corpus). Every worker scans
its own blocks into its own table, and `merge_tables` merges them, so the result does not depend on the number of
workers.

Text for the tokenizers `words`, `characters` and `tabs` is rewritten first (`w2v.kernels.rewriting`), so one scanner
serves them all.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from w2v.kernels.jit import compiled
from w2v.kernels.simd import prefetch

HASH, START, LENGTH, COUNT, FIRST = range(5)
"""Columns of `Table.entries`."""

_BATCH = 128

SEPARATOR = np.zeros(256, np.uint8)
SEPARATOR[[9, 11, 12, 13, 32]] = 1
SEPARATOR[10] = 2
"""For each byte: 0 in a token, 1 between tokens, 2 for the line feed, which ends a sentence as well."""

_MULTIPLIER, _LENGTH_MULTIPLIER = 0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93
_FIRST_VISIBLE, _HIGH_BITS = 0x2121212121212121, 0x8080808080808080
_uint64 = np.uint64


class Words(NamedTuple):
    """The arrays of a `Table`."""

    slots: NDArray[np.int32]
    """Shape (a power of two,)."""
    entries: NDArray[np.int64]
    """Shape (capacity, 5)."""
    arena: NDArray[np.uint8]
    """The words, one after another."""


class Found(NamedTuple):
    """The results of a scan."""

    entries: NDArray[np.int32]
    """The table entry of every token."""
    ends: NDArray[np.int64]
    """Number of tokens before each line feed that ends a sentence. The first may end a sentence of the previous block;
    other empty lines are skipped."""


class Progress(NamedTuple):
    """The progress of a scan."""

    at: int
    """Position in the block."""
    size: int
    used: int
    """Entries, and bytes of the arena, in use."""
    n_tokens: int
    n_sentences: int


class Table:
    """The words that one worker has seen; `size` entries and `used` bytes of the arena are in use."""

    def __init__(self, capacity: int = 1 << 14) -> None:
        self.slots = np.full(2 * capacity, -1, np.int32)
        self.entries = np.empty((capacity, 5), np.int64)
        self.arena = np.empty(8 * capacity, np.uint8)
        self.size = self.used = 0

    def reserve(self, entries: int, n_bytes: int) -> None:
        """Make room for more entries and bytes."""
        if self.size + entries > len(self.entries):
            capacity = max(2 * len(self.entries), self.size + entries)
            self.entries = _grown(self.entries, self.size, capacity)
            self.slots = rehash(self.entries, self.size, 1 << (2 * capacity - 1).bit_length())
        if self.used + n_bytes > len(self.arena):
            self.arena = _grown(self.arena, self.used, max(2 * len(self.arena), self.used + n_bytes))

    def scan(self, data: NDArray[np.uint8], position: int) -> Found:
        """Count the tokens of a block: bytes between ASCII white space; a line feed also ends a sentence.

        `data` has shape (n_bytes,). `position` is the start of the block in the corpus, in any unit that grows by at
        least the bytes of each block.
        """
        most = len(data) // 2 + 1
        found, done = Found(np.empty(most, np.int32), np.empty(most, np.int64)), Progress(0, self.size, self.used, 0, 0)
        while done.at < len(data):
            done = Progress(*scan_some(data, position, Words(self.slots, self.entries, self.arena), found, done))
            self.size, self.used = done.size, done.used
            if done.at < len(data):
                self.reserve(_BATCH, len(data) - done.at)
        return Found(found.entries[: done.n_tokens], found.ends[: done.n_sentences])

    def words(self, order: NDArray[np.int64]) -> list[str]:
        """Return the words of the entries in `order`, shape (n,)."""
        raw = self.arena[: self.used].tobytes()
        starts, lengths = self.entries[order, START].tolist(), self.entries[order, LENGTH].tolist()
        return [raw[start : start + length].decode() for start, length in zip(starts, lengths, strict=True)]


def merge_tables(tables: list[Table]) -> tuple[Table, list[NDArray[np.int32]]]:
    """Merge tables: counts are added, and the earliest first position is kept. The first table is overwritten.

    Returns it, and for each table a map from its entries to those of the merged table, shape (size,), int32.
    """
    joint = tables[0]
    maps = [np.arange(joint.size, dtype=np.int32)]
    for table in tables[1:]:
        joint.reserve(table.size, table.used)
        joint.size, joint.used, entry_map = merge(
            table.entries[: table.size], table.arena, joint.slots, joint.entries, joint.arena, joint.size, joint.used
        )
        maps.append(entry_map)
    return joint, maps


def _grown(array: NDArray, used: int, capacity: int) -> NDArray:  # type: ignore[type-arg]
    larger = np.empty((capacity, *array.shape[1:]), array.dtype)
    larger[:used] = array[:used]
    return larger


@intrinsic
def _load8(typing_context, data, i):
    """Return the 8 bytes data[i : i + 8] as an unsigned integer."""

    def code(c, b, signature, arguments):
        base = c.make_array(signature.args[0])(c, b, arguments[0]).data
        value = b.load(b.bitcast(b.gep(base, [arguments[1]]), ir.IntType(64).as_pointer()))
        value.align = 1
        return value

    return types.uint64(data, types.int64), code


@intrinsic
def _trailing_zeros(typing_context, x):
    """Return the number of trailing zero bits of x, which is not 0."""

    def code(c, b, signature, arguments):
        return b.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.uint64(types.uint64), code


@compiled
def token_end(data, at):
    """Return the position of the first separator from `at` on, or the end of the data."""
    while at + 8 <= data.size:
        word = _load8(data, at)
        # the lowest marked byte is below 0x21: a separator or, rarely, another control character
        marked = (word - _uint64(_FIRST_VISIBLE)) & ~word & _uint64(_HIGH_BITS)
        if marked == _uint64(0):
            at += 8
        else:
            at += np.int64(_trailing_zeros(marked) >> _uint64(3))
            if SEPARATOR[data[_uint64(at)]]:
                return at
            at += 1
    while at < data.size and SEPARATOR[data[_uint64(at)]] == 0:
        at += 1
    return at


@compiled
def hash_bytes(data, start, end):
    """Return a 64-bit hash of data[start:end], which is unique among tokens of the same length up to 8 bytes."""
    h = _uint64(end - start) * _uint64(_LENGTH_MULTIPLIER)
    i = start
    while i < end:
        k = end - i
        if k >= 8:
            word = _load8(data, i)
        elif i + 8 <= data.size:
            word = _load8(data, i) & ((_uint64(1) << _uint64(8 * k)) - _uint64(1))
        else:
            word = _uint64(0)
            for j in range(k):
                word |= _uint64(data[i + j]) << _uint64(8 * j)
        h = (h ^ word) * _uint64(_MULTIPLIER)
        h ^= h >> _uint64(32)
        i += 8
    return h ^ (h >> _uint64(29))


@compiled
def _same_bytes(a, i, b, j, n):
    """Return whether a[i : i + n] equals b[j : j + n], for n >= 8."""
    k = 0
    while k + 8 < n:
        if _load8(a, i + k) != _load8(b, j + k):
            return False
        k += 8
    return _load8(a, i + n - 8) == _load8(b, j + n - 8)


@compiled
def find_slot(data, start, length, h, slots, entries, arena):
    """Return the slot of data[start : start + length], or the free slot for it."""
    mask = _uint64(slots.size - 1)
    slot = h & mask
    while True:
        e = slots[slot]
        if e < 0:
            return slot
        row = _uint64(e)
        # up to 8 bytes the hash is unique for a given length, so only longer tokens need comparing
        if _uint64(entries[row, HASH]) == h and entries[row, LENGTH] == length:
            if length <= 8 or _same_bytes(arena, entries[row, START], data, start, length):
                return slot
        slot = (slot + _uint64(1)) & mask


@compiled
def rehash(entries, size, n_slots):
    """Return fresh slots for the first `size` entries; n_slots is a power of two."""
    slots, mask = np.full(n_slots, -1, np.int32), _uint64(n_slots - 1)
    for e in range(size):
        slot = _uint64(entries[e, HASH]) & mask
        while slots[slot] >= 0:
            slot = (slot + _uint64(1)) & mask
        slots[slot] = e
    return slots


@compiled
def scan_some(data, position, words, found_and_ends, done):
    """Scan from data[done.at] to its end or until the table is full; see `Table.scan`.

    Tokens are processed in batches: all are found and hashed before the first is looked up, so the table's rows, which
    are scattered in memory, are fetched in parallel.

    The arrays are never rebound here: inside the loop, that would make Numba count references at every token, which
    costs more than the scan itself.

    Results are written to `found_and_ends`. Returns the entries of `Progress`.
    """
    slots, entries, arena = words
    found, ends = found_and_ends
    at, size, used, n_tokens, n_sentences = done
    n = data.size
    mask = _uint64(slots.size - 1)
    rows = entries.reshape(-1)
    starts, stops = np.empty(_BATCH, np.int64), np.empty(_BATCH, np.int64)
    hashes = np.empty(_BATCH, np.uint64)
    last = ends[n_sentences - 1] if n_sentences else 0
    while at < n:
        batch_at, batch_sentences, n_bytes = at, n_sentences, 0
        m = 0
        while at < n and m < _BATCH:
            kind = SEPARATOR[data[_uint64(at)]]
            if kind == 0:
                end = token_end(data, at + 1)
                h = hash_bytes(data, at, end)
                prefetch(slots, np.int64(h & mask))
                row = _uint64(m)
                starts[row], stops[row], hashes[row] = at, end, h
                n_bytes += end - at
                m += 1
                at = end
            else:
                # the first line feed may end a sentence that began in the previous block
                if kind == 2 and (n_tokens + m > last or n_sentences == 0):
                    ends[n_sentences] = last = n_tokens + m
                    n_sentences += 1
                at += 1
        if size + m > entries.shape[0] or used + n_bytes > arena.size:
            return batch_at, size, used, n_tokens, batch_sentences
        for k in range(m):
            e = slots[hashes[k] & mask]
            if e >= 0:
                prefetch(rows, np.int64(e) * entries.shape[1])
        for k in range(m):
            start, length, h = starts[k], stops[k] - starts[k], hashes[k]
            slot = find_slot(data, start, length, h, slots, entries, arena)
            e = slots[slot]
            if e < 0:
                e = slots[slot] = size
                entries[size, HASH], entries[size, START], entries[size, LENGTH] = h, used, length
                entries[size, COUNT], entries[size, FIRST] = 0, position + start
                for i in range(start, start + length):
                    arena[used] = data[i]
                    used += 1
                size += 1
            entries[_uint64(e), COUNT] += 1
            found[_uint64(n_tokens + k)] = e
        n_tokens += m
    return at, size, used, n_tokens, n_sentences


@compiled
def merge(part, part_arena, slots, entries, arena, size, used):
    """Add the entries of one table to another with enough room; return (size, used, map of entries)."""
    entry_map = np.empty(part.shape[0], np.int32)
    for p in range(part.shape[0]):
        start, length = part[p, START], part[p, LENGTH]
        slot = find_slot(part_arena, start, length, _uint64(part[p, HASH]), slots, entries, arena)
        e = slots[slot]
        if e < 0:
            e = slots[slot] = size
            for column in range(part.shape[1]):  # slices would have Numba compile the messages of errors as well
                entries[size, column] = part[p, column]
            entries[size, START] = used
            for i in range(length):
                arena[used + i] = part_arena[start + i]
            size += 1
            used += length
        else:
            entries[e, COUNT] += part[p, COUNT]
            entries[e, FIRST] = min(entries[e, FIRST], part[p, FIRST])
        entry_map[p] = e
    return size, used, entry_map


@compiled
def encode_block(found, ends, closes, ids, tokens, n_tokens, offsets, n_sentences):
    """Append the kept tokens of a block to the stream.

    `found` and `ends` are results of `Table.scan`; `closes` is whether the end of the block ends a sentence. ids[e],
    int32, is the word id of entry e; a negative id drops the token. tokens[n_tokens:] is overwritten. offsets[s] is the
    start of sentence s. Sentence `n_sentences` is open: offsets[n_sentences] is already set, and the previous block may
    have added tokens to it. Sentences without kept tokens are dropped. Returns (n_tokens, n_sentences).
    """
    p = 0
    for k in range(ends.size + 1):
        end = ends[k] if k < ends.size else found.size
        while p < end:
            word = ids[found[p]]
            p += 1
            if word >= 0:
                tokens[n_tokens] = word
                n_tokens += 1
        if (k < ends.size or closes) and n_tokens > offsets[n_sentences]:
            n_sentences += 1
            offsets[n_sentences] = n_tokens
    return n_tokens, n_sentences
