"""Hashing and summing the character n-grams of a vocabulary in Numba; `w2v.vectors.subwords` defines them."""

from __future__ import annotations

import numpy as np

from w2v.kernels.jit import compiled

# The same two constants are in `w2v.vectors.subwords`: compiled code freezes values from other files.
_OFFSET_BASIS, _PRIME = np.uint32(2166136261), np.uint32(16777619)


@compiled
def hash_ngrams(data, starts, offsets, min_n, max_n, buckets, rows):
    """Write the bucket of every n-gram of every word.

    `data`, uint8, holds the words in UTF-8, one after another, each with its two boundary characters, and `starts`,
    int64 of shape (V + 1,), where each begins. The n-grams of word v are written to rows[offsets[v] : offsets[v + 1]],
    int64, which `Subwords.table` sized by counting them. A word without room is skipped, such as the end of a sentence,
    which has no n-grams. `w2v.vectors.subwords.Subwords` explains the rest, and its `rows` is the Python equivalent.
    """
    modulus = np.uint32(buckets)
    for word in range(len(starts) - 1):
        at = offsets[word]
        if offsets[word + 1] == at:
            continue
        first, end = starts[word], starts[word + 1]
        for start in range(first, end):
            if data[start] & 0xC0 == 0x80:  # inside a character
                continue
            hashed = _OFFSET_BASIS
            stop = start
            for n in range(1, max_n + 1):
                if stop == end:
                    break
                hashed = _hash_byte(hashed, data[stop])
                stop += 1
                while stop < end and data[stop] & 0xC0 == 0x80:
                    hashed = _hash_byte(hashed, data[stop])
                    stop += 1
                if n >= min_n and not (n == 1 and (start == first or stop == end)):
                    rows[at] = hashed % modulus
                    at += 1


@compiled
def _hash_byte(hashed, byte):
    """Update an FNV-1a hash with a byte, as signed: fastText's `int8_t` extends the sign."""
    extended = np.uint32(byte) | (np.uint32(0xFFFFFF00) if byte >= 128 else np.uint32(0))
    return np.uint32((hashed ^ extended) * _PRIME)


@compiled
def add_ngrams(vectors, ngram_vectors, offsets, rows):
    """Replace each word's own vector by the mean of it and the vectors of its n-grams.

    `vectors`, float32 of shape (V, D), are overwritten; `ngram_vectors`, shape (buckets, D), may be mapped from a file,
    unaligned. `offsets`, shape (V + 1,), and `rows`, in [0, buckets), are those of `Subwords.table`. NumPy equivalent:
    ``(vectors[v] + ngram_vectors[rows[offsets[v] : offsets[v + 1]]].sum(0)) / (1 + n_ngrams)``.
    """
    for word in range(len(vectors)):
        for at in range(offsets[word], offsets[word + 1]):
            for d in range(vectors.shape[1]):
                vectors[word, d] += ngram_vectors[rows[at], d]
        scale = np.float32(1.0 / (1 + offsets[word + 1] - offsets[word]))
        for d in range(vectors.shape[1]):
            vectors[word, d] *= scale


@compiled
def take_ngrams(vectors, ngram_vectors, offsets, rows):
    """Undo `add_ngrams`, with the same parameters: `vectors` are the means on entry and the words' own on return.

    A row of -1 means a vector of zeros. Sums are in float64, because a word's own vector can be much larger than the
    mean.
    """
    own = np.empty(vectors.shape[1], np.float64)
    for word in range(len(vectors)):
        scale = 1 + offsets[word + 1] - offsets[word]
        for d in range(vectors.shape[1]):
            own[d] = np.float64(vectors[word, d]) * scale
        for at in range(offsets[word], offsets[word + 1]):
            if rows[at] < 0:
                continue
            for d in range(vectors.shape[1]):
                own[d] -= ngram_vectors[rows[at], d]
        for d in range(vectors.shape[1]):
            vectors[word, d] = own[d]


@compiled
def hash_words(data, starts, lengths, hashes):
    """Write the hash of each word data[starts[v] : starts[v] + lengths[v]], int32, as fastText hashes whole words."""
    for word in range(starts.size):
        hashed = _OFFSET_BASIS
        for i in range(starts[word], starts[word] + lengths[word]):
            hashed = _hash_byte(hashed, data[i])
        hashes[word] = np.int32(hashed)
