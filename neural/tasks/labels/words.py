"""Words as input of a network: table rows for the word itself, its n-grams, its shape, and given columns.

Words are looked up in lower case, with every digit as 0; the shape encodes case and digits.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from itertools import chain, groupby
from typing import Any, NamedTuple
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray

from w2v.neural.packing import take_sequences
from w2v.neural.tasks.labels.spelling.cases import case_of, usual_case
from w2v.neural.tasks.labels.spelling.compounds import compound
from w2v.neural.tasks.starting import open_vectors
from w2v.storage.json_values import from_json
from w2v.vectors.subwords import Subwords

UNKNOWN = 0
"""Row of values not seen in training, in the word table and in the table of each column."""

_CLASSES, _RUNS = 6, 4
N_SHAPES = _CLASSES**_RUNS
_DIGIT = re.compile(r"\d")
_MOST = 1 << 24

WORD_DEVIATION = 0.3
"""Standard deviation of the initial rows of the trained word table."""


class Bags(NamedTuple):
    """Rows of a table for each of T words.

    Attributes
    ----------
    rows, offsets : ndarray of shape (G,) and (T + 1,), int64
        Word t has the rows ``rows[offsets[t] : offsets[t + 1]]``.
    """

    rows: NDArray[np.int64]
    offsets: NDArray[np.int64]

    @classmethod
    def of(cls, rows: Sequence[Sequence[int]]) -> Bags:
        """Return the bags of lists of rows."""
        offsets = np.cumsum([0, *map(len, rows)], dtype=np.int64)
        return cls(np.fromiter(chain.from_iterable(rows), np.int64, int(offsets[-1])), offsets)

    def take(self, which: NDArray[np.int64]) -> Bags:
        """Return the bags of some of the words, in the order of `which`."""
        offsets, places = take_sequences(self.offsets, which)
        return Bags(self.rows[places], offsets)

    def means(self, table: NDArray[Any], dtype: Any) -> NDArray[Any]:
        """Return the mean of each word's rows of a table, shape (T, d); every word must have at least one row."""
        rows = table[self.rows].astype(dtype, copy=False)
        counts = np.diff(self.offsets)
        if len(rows) == len(counts):
            return rows
        means: NDArray[Any] = np.add.reduceat(rows, self.offsets[:-1], axis=0) / counts[:, None].astype(dtype)
        return means


class Lexicon(NamedTuple):
    """Features of T distinct words.

    Attributes
    ----------
    own : ndarray of shape (T,), int64
        The row of each word in the trained table; `UNKNOWN` if it has none.
    given : tuple of Bags
        The rows of `vectors` to average, 0 for unknown words: those of the word as spelled, and optionally in lower
        case.
    ngrams : Bags
    shapes : ndarray of shape (T,), int64
        See `shape_of`.
    cases, usual : ndarray of shape (T,), int64
        See `case_of` and `usual_case`.
    vectors : ndarray of shape (K + 1, d), float16
        Fixed vectors, with d = 0 if there are none; row 0 is zero.
    counts : ndarray of shape (T,), int64
        Number of occurrences of each word in training.
    """

    own: NDArray[np.int64]
    given: tuple[Bags, ...]
    ngrams: Bags
    shapes: NDArray[np.int64]
    cases: NDArray[np.int64]
    usual: NDArray[np.int64]
    vectors: NDArray[Any]
    counts: NDArray[np.int64]


class Tokens(NamedTuple):
    """Concatenated sentences.

    Attributes
    ----------
    ids : ndarray of shape (N,), int64
        The index of each token's word in a `Lexicon`.
    offsets : ndarray of shape (B + 1,), int64
        Start of each sentence; the last is N.
    columns : ndarray of shape (N, C), int64
        The row of each given column's value.
    """

    ids: NDArray[np.int64]
    offsets: NDArray[np.int64]
    columns: NDArray[np.int64]

    @property
    def n_sequences(self) -> int:
        """B, the number of sentences."""
        return len(self.offsets) - 1

    def part(self, first: int, last: int) -> Tokens:
        """Return the sentences first … last − 1; only offsets are copied."""
        offsets = self.offsets[first : last + 1]
        own = slice(offsets[0], offsets[-1])
        return Tokens(self.ids[own], offsets - offsets[0], self.columns[own])

    def take(self, which: NDArray[np.int64]) -> Tokens:
        """Return some of the sentences, in the order of `which`."""
        offsets, places = take_sequences(self.offsets, which)
        return Tokens(self.ids[places], offsets, self.columns[places])


def folded(word: str) -> str:
    """Return a word in lower case, composed (NFC), every digit as 0."""
    return _DIGIT.sub("0", normalize("NFC", word).lower())


def spellings(word: str) -> tuple[str, ...]:
    """Return how given vectors may spell a word, best first: as it is, in lower case, with digits as 0, as a name.

    All are composed (NFC), as the words of vectors are.
    """
    composed = normalize("NFC", word)
    return composed, composed.lower(), folded(word), composed.capitalize()


def shape_of(word: str) -> int:
    """Return the shape of a word, in [0, N_SHAPES): its first four runs of characters of one class.

    Classes are lower case, upper case (a single letter apart from several), digits, and all else.
    """
    shape = 0
    for run, (kind, characters) in enumerate(groupby(normalize("NFC", word), _class_of)):
        if run == _RUNS:
            break
        several = kind == 2 and len(list(characters)) > 1
        shape = shape * _CLASSES + (5 if several else kind)
    return shape


def _class_of(character: str) -> int:
    if character.islower():
        return 1
    if character.isupper():
        return 2
    return 3 if character.isdecimal() else 4


@dataclass(frozen=True)
class Columns:
    """The values of each given column in training, such as parts of speech; other values are unknown."""

    values: tuple[tuple[str, ...], ...] = ()

    @cached_property
    def _rows(self) -> list[dict[str, int]]:
        return [{value: row for row, value in enumerate(values, 1)} for values in self.values]

    def encode(self, rows: Sequence[Sequence[str]]) -> NDArray[np.int64]:
        """Return the rows of the column values of each token, shape (N, C)."""
        found = np.empty((len(rows), len(self.values)), np.int64)
        for column, known in enumerate(self._rows):
            found[:, column] = [known.get(row[column], UNKNOWN) for row in rows]
        return found

    @classmethod
    def learn(cls, rows: Iterable[Sequence[str]], n_columns: int) -> Columns:
        """Collect the values of columns, most frequent first."""
        counts = [Counter[str]() for _ in range(n_columns)]
        for row in rows:
            for counter, value in zip(counts, row, strict=True):
                counter[value] += 1
        return cls(tuple(tuple(value for value, _ in counter.most_common()) for counter in counts))


@dataclass(frozen=True)
class WordVocabulary:
    """Maps words to table rows.

    Parameters
    ----------
    words : tuple of str
        Words with rows of their own, from 1; folded (see `folded`).
    counts : tuple of int
        Number of occurrences of each in training.
    given : tuple of str
        Words with fixed vectors, rows from 1.
    subwords : Subwords
        How n-grams are extracted and hashed.
    by_spelling : bool
        Whether to read the vector of the lower-case word as well, to add the usual case of words, and to represent a
        word without a vector by those of its parts; see `compound`.
    """

    words: tuple[str, ...]
    counts: tuple[int, ...]
    given: tuple[str, ...] = ()
    subwords: Subwords = field(default_factory=lambda: Subwords(2, 5, 1 << 14))
    by_spelling: bool = False

    @cached_property
    def _own(self) -> dict[str, int]:
        return {word: row for row, word in enumerate(self.words, 1)}

    @cached_property
    def _given(self) -> dict[str, int]:
        return {word: row for row, word in enumerate(self.given, 1)}

    @cached_property
    def _any_case(self) -> dict[str, int]:
        """The row of the first, most frequent spelling of each of `given`, by its lower-case form."""
        return {word.lower(): row for word, row in reversed(self._given.items())}

    @classmethod
    def learn(
        cls,
        words: Iterable[str],
        *,
        min_count: int = 1,
        given: Sequence[str] = (),
        subwords: Subwords,
        by_spelling: bool = False,
    ) -> WordVocabulary:
        """Collect words, most frequent first; those with fewer than `min_count` occurrences get no row of their own."""
        counts = Counter(map(folded, words))
        kept = sorted((-count, word) for word, count in counts.items() if count >= min_count)
        return cls(
            tuple(word for _, word in kept), tuple(-count for count, _ in kept), tuple(given), subwords, by_spelling
        )

    def lexicon(self, words: Sequence[str], vectors: NDArray[Any]) -> Lexicon:
        """Return the features of distinct words; `vectors` are those of `given`, preceded by a zero row."""
        words = [normalize("NFC", word) for word in words]
        low = [folded(word) for word in words]
        own = np.array([self._own.get(word, UNKNOWN) for word in low], np.int64)
        offsets, ngrams = self.subwords.table(low)
        given = [Bags.of([self._given_rows(word) for word in words])]
        usual = np.zeros(len(words), np.int64)
        if self.by_spelling:
            given.append(Bags.of([self._given_rows(word.lower()) for word in words]))
            usual[:] = [usual_case(word, self._given) for word in words]
        return Lexicon(
            own,
            tuple(given),
            Bags(ngrams, offsets),
            np.array([shape_of(word) for word in words], np.int64),
            np.array([case_of(word) for word in words], np.int64),
            usual,
            vectors,
            np.array([0, *self.counts], np.int64)[own],
        )

    def _given_rows(self, word: str) -> list[int]:
        row = self._given_row(word)
        if row or not self.by_spelling:
            return [row]
        return compound(word, self._any_case, self._given_row) or [0]

    def begin_with(self, table: NDArray[np.float32], vectors: NDArray[Any]) -> None:
        """Initialise the rows of words with their vectors, scaled to the deviation of random rows.

        Parameters
        ----------
        table : ndarray of shape (len(words) + 1, d), float32
        vectors : ndarray of shape (len(given) + 1, d)
            With standard deviation 1: those of `given`, preceded by a zero row.
        """
        rows = np.array([0, *map(self._given_row, self.words)], np.int64)
        is_known = np.asarray(vectors.any(axis=1))[rows]
        table[is_known] = vectors[rows[is_known]] * np.float32(WORD_DEVIATION)

    def _given_row(self, word: str) -> int:
        rows = self._given
        return next((rows[one] for one in spellings(word) if one in rows), 0) if rows else 0

    def to_config(self) -> dict[str, Any]:
        """Return the vocabulary as JSON values for `from_config`."""
        return {
            "words": list(self.words),
            "counts": list(self.counts),
            "given": list(self.given),
            "subwords": asdict(self.subwords),
            "by_spelling": self.by_spelling,
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> WordVocabulary:
        """Return the vocabulary described by `to_config`; ValueError or TypeError if the input is invalid."""
        words, given, counts = (
            checked_names(config.get("words")),
            checked_names(config.get("given")),
            config.get("counts"),
        )
        if not isinstance(counts, list) or len(counts) != len(words):
            raise ValueError("every word must have a count")
        if any(type(n) is not int or not 1 <= n < 1 << 63 for n in counts):
            raise ValueError("the counts of words must be whole numbers above 0")
        by_spelling = config.get("by_spelling", False)
        if type(by_spelling) is not bool:
            raise ValueError("by_spelling must be true or false")
        return cls(words, tuple(counts), given, from_json(Subwords, config.get("subwords")), by_spelling)


def checked_names(values: Any) -> tuple[str, ...]:
    """Return a list of distinct names read from a file; ValueError if it is anything else."""
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ValueError("names must be a list of texts")
    if len(set(values)) != len(values) or len(values) > _MOST:
        raise ValueError(f"names must be distinct, and at most {_MOST}")
    return tuple(values)


class GivenVectors(NamedTuple):
    """Fixed word vectors that a network reads.

    Attributes
    ----------
    words : tuple of str
        K words.
    table : ndarray of shape (K + 1, d), float16
        Their vectors, preceded by a zero row, scaled to standard deviation 1; d is 0 if there are none.
    scale : float
        Divisor by which they were scaled.
    known : int
        Number of training words among them, as spelled there or folded.
    """

    words: tuple[str, ...] = ()
    table: NDArray[np.float16] = np.zeros((1, 0), np.float16)
    scale: float = 1.0
    known: int = 0


def given_vectors(given: Any, words: Iterable[str] = (), most: int = 200_000) -> GivenVectors:
    """Return the fixed word vectors for a network; none if `given` is None.

    Parameters
    ----------
    given : Embeddings, str, path-like, or None
        Word vectors, or their model folder.
    words : iterable of str
        The words of the training, which are kept even if they are rare.
    most : int
        Maximum number of further words to keep, the most frequent ones.
    """
    if given is None:
        return GivenVectors()
    embeddings = open_vectors(given)
    known = embeddings.key_to_index
    rows = {known[word] for spelled in words for word in spellings(spelled) if word in known}
    n_known = len(rows)
    kept = np.array(sorted(rows.union(range(min(most, len(embeddings))))), np.int64)
    vectors = np.zeros((len(kept) + 1, embeddings.vector_size), np.float32)
    vectors[1:] = embeddings.rows(kept)
    scale = max(float(np.sqrt(np.square(vectors[1:]).mean())), 1e-12)
    vectors /= scale
    listed = tuple(embeddings.index_to_key[row] for row in kept.tolist())
    return GivenVectors(listed, vectors.astype(np.float16), scale, n_known)
