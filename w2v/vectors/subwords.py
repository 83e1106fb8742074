"""Character n-grams as in fastText: a word's rows in the n-gram table, and the vector they give."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

END_OF_SENTENCE = "</s>"
"""fastText's token for the end of a line, the one word without n-grams."""

_BEGIN, _END = "<", ">"
_OFFSET_BASIS, _PRIME, _32_BITS = 2166136261, 16777619, 0xFFFFFFFF
_MAX_BUCKETS = (1 << 31) - 1  # fastText stores the number in an int32


@dataclass(frozen=True)
class Subwords:
    """Extracts and hashes the n-grams of a word, exactly as in fastText.

    A word is enclosed in ``<`` and ``>``. Its n-grams are all substrings of `min_n` to `max_n` code points of that,
    sorted by start and then by length, except a boundary character alone. Each is hashed (32-bit FNV-1a over its UTF-8
    bytes as signed values), and the hash modulo `buckets` is its row, so different n-grams may share a row. The end of
    a sentence, ``</s>``, has no n-grams.

    Parameters
    ----------
    min_n, max_n : int, default 3 and 6
        Shortest and longest n-gram in code points, boundary characters included.
    buckets : int, default 2,000,000
        Rows of the n-gram table.

    Raises
    ------
    ValueError
        Unless 1 <= `min_n` <= `max_n` < 2 ** 31 and 1 <= `buckets` < 2 ** 31.

    Notes
    -----
    Only `table` needs compiled code; its kernel is imported at the first call.

    References
    ----------
    .. [1] Bojanowski et al. 2017, Enriching Word Vectors with Subword Information, arXiv:1607.04606, section 3.2.
    """

    min_n: int = 3
    max_n: int = 6
    buckets: int = 2_000_000

    def __post_init__(self) -> None:
        if not 1 <= self.min_n <= self.max_n <= _MAX_BUCKETS:
            raise ValueError(f"n-grams must have 1 <= min_n <= max_n, not min_n={self.min_n} and max_n={self.max_n}")
        if not 1 <= self.buckets <= _MAX_BUCKETS:
            raise ValueError(f"buckets must be between 1 and {_MAX_BUCKETS}, not {self.buckets}")

    def ngrams(self, word: str) -> list[str]:
        """Return the n-grams of a word, in fastText's order."""
        return [ngram for ngram, _ in self._hashed(word)]

    def rows(self, word: str) -> NDArray[np.int64]:
        """Return the rows of a word's n-grams, in fastText's order, shape (n_ngrams,), int64, in [0, buckets).

        Rows repeat if n-grams do or share a row. There are none for a word that is shorter than `min_n` including its
        boundary characters, nor for the end of a sentence.
        """
        return np.array([hashed % self.buckets for _, hashed in self._hashed(word)], dtype=np.int64)

    def table(self, words: Sequence[str] | Sequence[bytes]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the `rows` of many words at once, by compiled code that takes about 6 ns per n-gram.

        Bytes are treated as UTF-8 but need not be valid: files of fastText may hold words cut inside a character.

        Returns
        -------
        offsets : ndarray of shape (V + 1,), int64
            The rows of word v are ``rows[offsets[v] : offsets[v + 1]]``.
        rows : ndarray of shape (offsets[V],), int64
        """
        from w2v.kernels.subwords import hash_ngrams

        encoded = [word if isinstance(word, bytes) else word.encode("utf-8", "surrogatepass") for word in words]
        borders = len(_BEGIN) + len(_END)
        starts = np.zeros(len(words) + 1, np.int64)
        np.cumsum(np.fromiter(map(len, encoded), np.int64, len(words)) + borders, out=starts[1:])
        data = np.frombuffer(_BEGIN.encode() + (_END + _BEGIN).encode().join(encoded) + _END.encode(), np.uint8)
        counts = self._count_ngrams(data, starts)
        counts[[row for row, word in enumerate(encoded) if word == END_OF_SENTENCE.encode()]] = 0
        offsets = np.zeros(len(words) + 1, np.int64)
        np.cumsum(counts, out=offsets[1:])
        rows = np.empty(int(offsets[-1]), np.int64)
        hash_ngrams(data, starts, offsets, self.min_n, self.max_n, self.buckets, rows)
        return offsets, rows

    def _count_ngrams(self, data: NDArray[np.uint8], starts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the number of n-grams of each word, which includes its boundary characters; shape (V,), int64."""
        characters = np.zeros(len(data) + 1, np.int64)
        np.cumsum(data & 0xC0 != 0x80, out=characters[1:])  # counts all bytes except those inside a character
        n_characters = np.diff(characters[starts])
        counts = np.zeros(len(n_characters), np.int64)
        longest = min(self.max_n, int(n_characters.max(initial=0)))
        for n in range(self.min_n, longest + 1):
            counts += np.maximum(n_characters - n + 1, 0)
        if self.min_n == 1:
            counts -= 2  # the two boundary characters
        return counts

    def _hashed(self, word: str) -> Iterator[tuple[str, int]]:
        """Yield each n-gram with its 32-bit hash."""
        if word == END_OF_SENTENCE:
            return
        bordered = _BEGIN + word + _END
        characters = [character.encode("utf-8", "surrogatepass") for character in bordered]
        for start in range(len(bordered)):
            hashed = _OFFSET_BASIS
            for stop in range(start, min(start + self.max_n, len(bordered))):
                for byte in characters[stop]:
                    hashed = (hashed ^ (byte if byte < 128 else byte | 0xFFFFFF00)) * _PRIME & _32_BITS
                n = stop - start + 1
                if n >= self.min_n and not (n == 1 and (start == 0 or stop == len(bordered) - 1)):
                    yield bordered[start : stop + 1], hashed


class SubwordVectors:
    """The vectors of n-grams, which give unseen words a vector. Read-only.

    Parameters
    ----------
    subwords : Subwords
        How n-grams are extracted.
    ngram_vectors : ndarray of shape (n, D), float32
        Not copied, so it may be a memory-mapped file.
    numbers : ndarray of shape (n,), int64, optional
        The bucket of each row, ascending. By default every bucket has a row. N-grams in buckets without a row were
        never seen and are ignored.

    Raises
    ------
    TypeError, ValueError
        If an array has the wrong dtype or shape, or `numbers` are not ascending buckets.
    """

    def __init__(
        self, subwords: Subwords, ngram_vectors: NDArray[np.float32], numbers: NDArray[np.int64] | None = None
    ) -> None:
        if ngram_vectors.dtype != np.float32:
            raise TypeError(f"ngram_vectors must be float32, not {ngram_vectors.dtype}")
        n_rows = subwords.buckets if numbers is None else len(numbers)
        if ngram_vectors.ndim != 2 or len(ngram_vectors) != n_rows:
            raise ValueError(f"ngram_vectors must have shape ({n_rows}, D), not {ngram_vectors.shape}")
        if numbers is not None:
            _check_numbers(numbers, subwords.buckets)
        self.subwords, self.numbers = subwords, numbers
        self.ngram_vectors: NDArray[np.float32] = ngram_vectors.view()
        self.ngram_vectors.setflags(write=False)

    def __repr__(self) -> str:
        return f"SubwordVectors({self.subwords}, vector_size={self.ngram_vectors.shape[1]})"

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.ngram_vectors.setflags(write=False)  # not preserved by pickle

    def vector(self, word: str) -> NDArray[np.float32] | None:
        """Return the mean of the vectors of a word's n-grams, shape (D,), float32; None if it has none.

        For a word without n-grams, fastText and gensim return zeros instead.
        """
        rows = self.places(self.subwords.rows(word))
        rows = rows[rows >= 0]
        if not len(rows):
            return None
        vector: NDArray[np.float32] = self.ngram_vectors[rows].mean(axis=0, dtype=np.float64).astype(np.float32)
        vector.setflags(write=False)
        return vector

    def own_vectors(self, words: Sequence[str], vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the words' own vectors, whose mean with the n-gram vectors is `vectors`; shape (V, D), float32.

        fastText and gensim store words' own vectors and compute the means from them. For a word with n n-grams, its own
        vector is (1 + n) times the mean, minus the sum of its n-grams' vectors; those without a row count as zeros.
        """
        from w2v.kernels.subwords import take_ngrams

        offsets, rows = self.subwords.table(words)
        own = np.array(vectors, dtype=np.float32, order="C")
        take_ngrams(own, self.ngram_vectors, offsets, self.places(rows))
        return own

    def bucket_rows(self, buckets: slice) -> NDArray[np.float32]:
        """Return the vectors of a range of buckets, shape (n, D), float32, with zeros for those without a row."""
        if self.numbers is None:
            return self.ngram_vectors[buckets]
        start, stop, _ = buckets.indices(self.subwords.buckets)
        first, last = np.searchsorted(self.numbers, (start, stop))
        dense = np.zeros((stop - start, self.ngram_vectors.shape[1]), dtype=np.float32)
        dense[self.numbers[first:last] - start] = self.ngram_vectors[first:last]
        return dense

    def places(self, buckets: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the rows of buckets in `ngram_vectors`, -1 for buckets without a row; shape (n,), int64."""
        if self.numbers is None:
            return buckets
        if not len(self.numbers):
            return np.full_like(buckets, -1)
        places = np.minimum(np.searchsorted(self.numbers, buckets), len(self.numbers) - 1)
        return np.where(self.numbers[places] == buckets, places, -1)


def _check_numbers(numbers: NDArray[np.int64], buckets: int) -> None:
    """Raise TypeError or ValueError unless these are ascending buckets."""
    if numbers.dtype != np.int64 or numbers.ndim != 1:
        raise TypeError(
            f"numbers must be a one-dimensional array of int64, not {numbers.dtype} of shape {numbers.shape}"
        )
    if len(numbers) and not (numbers[0] >= 0 and numbers[-1] < buckets and bool((np.diff(numbers) > 0).all())):
        raise ValueError(f"numbers must be ascending and in [0, {buckets})")
