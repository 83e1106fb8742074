"""From words to vectors: the rows of a vocabulary, and n-grams for words that it does not hold."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from w2v.display.frames import frame_of
from w2v.display.html import html_bar, html_table
from w2v.encoding.vocabulary import UnknownWordError, Vocabulary
from w2v.settings.habits import Answering
from w2v.vectors.spelling import near_spellings
from w2v.vectors.table import DType, VectorTable

if TYPE_CHECKING:
    from pandas import DataFrame

    from w2v.corpora.tokenizers import Tokenizer
    from w2v.vectors.subwords import SubwordVectors

Vector = NDArray[np.float32]
Neighbor = tuple[str, float]


class Neighbors(list[Neighbor]):
    """Words and their scores, highest first: a list, which a notebook shows as a table."""

    __slots__ = ()

    def to_pandas(self) -> DataFrame:
        """Return a data frame of the columns word and score; ImportError without pandas."""
        return frame_of(self, ("word", "score"))

    def _repr_html_(self) -> str:
        bars = [(word, f"{score:.3f}", html_bar(score)) for word, score in self]
        return html_table(("word", ">score", ""), bars)


class NeighborsOfMany(list[list[Neighbor]]):
    """The neighbours of each of several words: a list of lists, which a notebook shows as a table."""

    def __init__(self, queries: Sequence[str], found: Iterable[list[Neighbor]]) -> None:
        super().__init__(found)
        self.queries = list(queries)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.queries, list(self))

    def _repr_html_(self) -> str:
        rows = [(query, ", ".join(word for word, _ in near)) for query, near in zip(self.queries, self, strict=False)]
        return html_table(("word", "nearest words"), rows)


class WordVectors(Answering):
    """The look-up part of `Embeddings`, which documents the parameters and attributes."""

    def __init__(
        self,
        vocabulary: Vocabulary | Sequence[str],
        vectors: ArrayLike | VectorTable | None = None,
        *,
        tokenizer: Tokenizer | None = None,
        metadata: dict[str, Any] | None = None,
        subwords: SubwordVectors | None = None,
    ) -> None:
        if vectors is None:
            name = type(self).__name__
            raise TypeError(f"{name} is made of words and their vectors; {name}.load(path) opens a model's folder")
        self.vocabulary = vocabulary if isinstance(vocabulary, Vocabulary) else Vocabulary(vocabulary)
        self.table = vectors if isinstance(vectors, VectorTable) else VectorTable.from_numbers(vectors)
        if len(self.table) != len(self.vocabulary):
            raise ValueError(f"there are {len(self.vocabulary)} words, but {len(self.table)} vectors")
        self.tokenizer = tokenizer
        self.metadata: dict[str, Any] = dict(metadata or {})
        if subwords is not None and subwords.ngram_vectors.shape[1] != self.vector_size:
            width = subwords.ngram_vectors.shape[1]
            raise ValueError(f"the vectors of n-grams have {width} columns, those of words {self.vector_size}")
        self.subwords = subwords
        self._cached_unit: Vector | None = None

    @property
    def vectors(self) -> Vector:
        """The vectors, shape (V, D), float32, read-only.

        A view where they are stored so. Vectors stored as float16 or int8 are converted, all of them at each use, which
        takes V * D * 4 bytes; `rows` converts some of them. Queries convert block by block.
        """
        return self.rows(slice(None))

    @property
    def vector_size(self) -> int:
        """Width D of the vectors."""
        return self.table.shape[1]

    @property
    def dtype(self) -> DType:
        """How the vectors are stored: "float32", "float16" or "int8"."""
        return self.table.dtype

    @property
    def index_to_key(self) -> list[str]:
        """Word of each row. Not to be modified."""
        return self.vocabulary.index_to_key

    @property
    def key_to_index(self) -> dict[str, int]:
        """Row of each word, exactly as it is written. Not to be modified."""
        return self.vocabulary.key_to_index

    @property
    def normalized_vectors(self) -> Vector:
        """The vectors at length 1, shape (V, D), float32, read-only; rows of zeros stay zero.

        Computed at the first use and kept: a second table in memory. Queries do not need it.
        """
        if self._cached_unit is None:
            unit = self.table.units(slice(None))
            unit.setflags(write=False)
            self._cached_unit = unit
        return self._cached_unit

    def rows(self, index: slice | Sequence[int] | NDArray[np.integer[Any]]) -> Vector:
        """Return the vectors of some rows as float32, shape (n, D), read-only; a view where they are stored so."""
        rows = self.table.rows(index if isinstance(index, slice) else np.asarray(index, dtype=np.intp))
        rows.setflags(write=False)
        return rows

    def suggest(self, word: str, n: int = 3) -> list[str]:
        """Return up to `n` words of the vocabulary that are spelled like `word`, the nearest first.

        Before them come those that are `word` with the tag of a language: ``en:house`` for house.
        """
        tagged = [known for known in self.index_to_key if known.endswith(f":{word}")] if word else []
        return [*tagged, *near_spellings(word, self.index_to_key, n)][:n]

    def __len__(self) -> int:
        return len(self.vocabulary)

    def __iter__(self) -> Iterator[str]:
        return iter(self.vocabulary)

    def __contains__(self, word: object) -> bool:
        """Say whether the word has a vector: in the vocabulary, or made of its n-grams."""
        return isinstance(word, str) and self._find(word) is not None

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if self._cached_unit is not None:
            self._cached_unit.setflags(write=False)  # pickle does not keep it

    def _row(self, word: str) -> int | None:
        """Return the row of a word as written or as the tokenizer writes it, behind the tag of a language too."""
        row = self.key_to_index.get(word)
        if row is None:
            row = self.key_to_index.get(self._as_token(word))
        if row is None and ":" in word:
            tag, _, rest = word.partition(":")
            row = self.key_to_index.get(f"{tag}:{self._as_token(rest)}")
        return row

    def _as_token(self, word: str) -> str:
        """Return the one token that the tokenizer makes of a word; the word itself if that is not one token."""
        tokens = self.tokenizer(word) if self.tokenizer is not None else []
        return tokens[0] if len(tokens) == 1 else word

    def _find(self, word: str) -> int | Vector | None:
        """Return the row of a word, or the vector that its n-grams make, or None; all look-ups go through here."""
        row = self._row(word)
        if row is None and self.subwords is not None:
            return self.subwords.vector(self._as_token(word))
        return row

    def _find_all(self, words: Iterable[str]) -> list[int | Vector]:
        """Return what `_find` does for each word; raise one error that names all the unknown ones."""
        found, unknown = [], []
        for word in words:
            if not isinstance(word, str):
                raise TypeError(f"a word must be a str, not {type(word).__name__}: {word!r:.80}")
            row_or_vector = self._find(word)
            if row_or_vector is None:
                unknown.append(word)
            else:
                found.append(row_or_vector)
        if unknown:
            raise self._unknown(unknown)
        return found

    def _unknown(self, words: Sequence[str]) -> UnknownWordError:
        """Return the error that names these words, each once."""
        return UnknownWordError(list(dict.fromkeys(words)), self.suggest)

    def _vector_of(self, word: str) -> Vector:
        """Return the vector of a word, shape (D,), read-only."""
        return self._at(self._find_all([word])[0])

    def _vectors_of(self, words: Iterable[str]) -> Vector:
        """Return the vectors of words, shape (n, D), a copy."""
        found = self._find_all(words)
        vectors = np.empty((len(found), self.vector_size), dtype=np.float32)
        made = np.array([not isinstance(item, int) for item in found], dtype=bool)
        vectors[~made] = self.table.rows(np.array([item for item in found if isinstance(item, int)], dtype=np.intp))
        for place in np.flatnonzero(made):
            vectors[place] = found[place]
        return vectors

    def _at(self, row_or_vector: int | Vector) -> Vector:
        """Return the vector of what `_find` found."""
        if not isinstance(row_or_vector, int):
            return row_or_vector
        vector: Vector = self.rows(slice(row_or_vector, row_or_vector + 1))[0]
        return vector

    def _queries(self, items: Sequence[str | Vector]) -> tuple[list[Vector], list[int]]:
        """Return the unit vectors of words and given vectors, checked, and the rows of the words that have one."""
        words = [item for item in items if isinstance(item, str)]
        found = self._find_all(words)
        vector_of = {word: self._at(item) for word, item in zip(words, found, strict=True)}
        for word, vector in vector_of.items():
            if not np.isfinite(vector).all():
                raise ValueError(
                    f"the vector of the word {word!r:.80} is not finite, so nothing can be compared with it"
                )
        vectors = [
            to_unit(vector_of[item]) if isinstance(item, str) else as_vector(item, self.vector_size) for item in items
        ]
        return vectors, [item for item in found if isinstance(item, int)]


def as_vector(item: object, vector_size: int) -> Vector:
    """Return a vector that a user gave as a query, shape (D,), float32, checked."""
    vector = np.asarray(item)
    if vector.dtype.kind not in "fiu" or vector.ndim == 0:
        remedy = "; of its numbers make an array first: np.array([…])" if vector.dtype.kind in "fiu" else ""
        raise TypeError(f"a query must be a word or a vector, not {item!r:.80}{remedy}")
    if vector.shape != (vector_size,) or not np.isfinite(vector).all():
        raise ValueError(f"a query vector must be {vector_size} finite numbers; this one has shape {vector.shape}")
    return vector.astype(np.float32)


def whole_number(name: str, value: object, least: int) -> int:
    """Return a number of words; TypeError if it is not a whole number, ValueError below `least`."""
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"{name} must be a whole number, not {value!r:.60}") from None
    if number < least:
        raise ValueError(f"{name} must be at least {least}, not {number}")
    return number


def to_units(vectors: NDArray[Any]) -> NDArray[np.float64]:
    """Return rows at length 1, shape (n, D), float64; zero stays zero."""
    exact = np.array(vectors, dtype=np.float64)
    lengths = np.sqrt((exact**2).sum(axis=1, keepdims=True))
    units: NDArray[np.float64] = np.divide(exact, lengths, out=exact, where=lengths > 0)
    return units


def to_unit(vector: NDArray[Any]) -> Vector:
    """Return the vector at length 1, float32; zero stays zero."""
    exact = vector.astype(np.float64)
    length = float(np.sqrt(exact @ exact))
    unit: Vector = (exact / length if length > 0 else exact).astype(np.float32)
    return unit
