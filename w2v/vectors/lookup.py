"""Looking up the vectors of words: rows of the vocabulary, and n-grams for unknown words."""

from __future__ import annotations

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
    """A list of words and scores, highest first, shown as a table in notebooks."""

    __slots__ = ()

    def to_pandas(self) -> DataFrame:
        """Return a data frame with the columns word and score; raise ImportError without pandas."""
        return frame_of(self, ("word", "score"))

    def _repr_html_(self) -> str:
        bars = [(word, f"{score:.3f}", html_bar(score)) for word, score in self]
        return html_table(("word", ">score", ""), bars)


class NeighborsOfMany(list[list[Neighbor]]):
    """A list of the neighbours of several words, shown as a table in notebooks."""

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
            raise TypeError(f"{name} takes words and their vectors; {name}.load(path) opens a model folder")
        self.vocabulary = vocabulary if isinstance(vocabulary, Vocabulary) else Vocabulary(vocabulary)
        self.table = vectors if isinstance(vectors, VectorTable) else VectorTable.from_numbers(vectors)
        if len(self.table) != len(self.vocabulary):
            raise ValueError(f"there are {len(self.vocabulary)} words, but {len(self.table)} vectors")
        self.tokenizer = tokenizer
        self.metadata: dict[str, Any] = dict(metadata or {})
        if subwords is not None and subwords.ngram_vectors.shape[1] != self.vector_size:
            width = subwords.ngram_vectors.shape[1]
            raise ValueError(f"the vectors of n-grams have {width} dimensions, those of words {self.vector_size}")
        self.subwords = subwords
        self._cached_unit: Vector | None = None

    @property
    def vectors(self) -> Vector:
        """The vectors, shape (V, D), float32, read-only.

        A view if they are stored as float32. Vectors stored as float16 or int8 are all converted at each use, which
        takes V * D * 4 bytes; `rows` converts only some. Queries convert block by block.
        """
        return self.rows(slice(None))

    @property
    def vector_size(self) -> int:
        """Number of dimensions D of the vectors."""
        return self.table.shape[1]

    @property
    def dtype(self) -> DType:
        """Storage type of the vectors: "float32", "float16" or "int8"."""
        return self.table.dtype

    @property
    def index_to_key(self) -> list[str]:
        """Word of each row. Do not modify."""
        return self.vocabulary.index_to_key

    @property
    def key_to_index(self) -> dict[str, int]:
        """Row of each word, spelled exactly as in the vocabulary. Do not modify."""
        return self.vocabulary.key_to_index

    @property
    def normalized_vectors(self) -> Vector:
        """The unit vectors, shape (V, D), float32, read-only; rows of zeros stay zero.

        Computed at the first use and kept as a second table in memory. Queries do not need it.
        """
        if self._cached_unit is None:
            unit = self.table.units(slice(None))
            unit.setflags(write=False)
            self._cached_unit = unit
        return self._cached_unit

    def rows(self, index: slice | Sequence[int] | NDArray[np.integer[Any]]) -> Vector:
        """Return the vectors of some rows, shape (n, D), float32, read-only; a view if stored as float32."""
        rows = self.table.rows(index if isinstance(index, slice) else np.asarray(index, dtype=np.intp))
        rows.setflags(write=False)
        return rows

    def suggest(self, word: str, n: int = 3) -> list[str]:
        """Return up to `n` words of the vocabulary with a spelling similar to `word`, the most similar first.

        Words that are `word` with a language tag come first: ``en:house`` for house.
        """
        tagged = [known for known in self.index_to_key if known.endswith(f":{word}")] if word else []
        return [*tagged, *near_spellings(word, self.index_to_key, n)][:n]

    def __len__(self) -> int:
        return len(self.vocabulary)

    def __iter__(self) -> Iterator[str]:
        return iter(self.vocabulary)

    def __contains__(self, word: object) -> bool:
        """Return whether the word has a vector, from the vocabulary or from its n-grams."""
        return isinstance(word, str) and self._find(word) is not None

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if self._cached_unit is not None:
            self._cached_unit.setflags(write=False)  # not preserved by pickle

    def _row(self, word: str) -> int | None:
        """Return the row of a word as written or as tokenized, also after a language tag; None if unknown."""
        row = self.key_to_index.get(word)
        if row is None:
            row = self.key_to_index.get(self._as_token(word))
        if row is None and ":" in word:
            tag, _, rest = word.partition(":")
            row = self.key_to_index.get(f"{tag}:{self._as_token(rest)}")
        return row

    def _as_token(self, word: str) -> str:
        """Return the tokenizer's token for a word; the word itself if there is not exactly one token."""
        tokens = self.tokenizer(word) if self.tokenizer is not None else []
        return tokens[0] if len(tokens) == 1 else word

    def _find(self, word: str) -> int | Vector | None:
        """Return the row of a word, or the vector from its n-grams, or None; all lookups go through here."""
        row = self._row(word)
        if row is None and self.subwords is not None:
            return self.subwords.vector(self._as_token(word))
        return row

    def _find_all(self, words: Iterable[str]) -> list[int | Vector]:
        """Return the result of `_find` for each word; raise one error that names all unknown words."""
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
        """Return the error for these unknown words, without duplicates."""
        return UnknownWordError(list(dict.fromkeys(words)), self.suggest)

    def _vector_of(self, word: str) -> Vector:
        """Return the vector of a word, shape (D,), read-only."""
        return self._at(self._find_all([word])[0])

    def _vectors_of(self, words: Iterable[str]) -> Vector:
        """Return a copy of the vectors of words, shape (n, D), float32."""
        found = self._find_all(words)
        vectors = np.empty((len(found), self.vector_size), dtype=np.float32)
        made = np.array([not isinstance(item, int) for item in found], dtype=bool)
        vectors[~made] = self.table.rows(np.array([item for item in found if isinstance(item, int)], dtype=np.intp))
        for place in np.flatnonzero(made):
            vectors[place] = found[place]
        return vectors

    def _at(self, row_or_vector: int | Vector) -> Vector:
        """Return the vector for a result of `_find`, shape (D,), read-only."""
        if not isinstance(row_or_vector, int):
            return row_or_vector
        vector: Vector = self.rows(slice(row_or_vector, row_or_vector + 1))[0]
        return vector

    def _queries(self, items: Sequence[str | Vector]) -> tuple[list[Vector], list[int]]:
        """Return the unit vectors of words, given vectors as they are, both checked, and the rows of known words."""
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
    """Check a query vector, shape (D,), and return it as float32."""
    vector = np.asarray(item)
    if vector.dtype.kind not in "fiu" or vector.ndim == 0:
        remedy = "; of its numbers make an array first: np.array([…])" if vector.dtype.kind in "fiu" else ""
        raise TypeError(f"a query must be a word or a vector, not {item!r:.80}{remedy}")
    if vector.shape != (vector_size,) or not np.isfinite(vector).all():
        raise ValueError(f"a query vector must be {vector_size} finite numbers; this one has shape {vector.shape}")
    return vector.astype(np.float32)


def to_units(vectors: NDArray[Any]) -> NDArray[np.float64]:
    """Normalise rows to length 1, shape (n, D), float64; zero stays zero."""
    exact = np.array(vectors, dtype=np.float64)
    lengths = np.sqrt((exact**2).sum(axis=1, keepdims=True))
    units: NDArray[np.float64] = np.divide(exact, lengths, out=exact, where=lengths > 0)
    return units


def to_unit(vector: NDArray[Any]) -> Vector:
    """Normalise a vector to length 1, shape (D,), float32; zero stays zero."""
    exact = vector.astype(np.float64)
    length = float(np.sqrt(exact @ exact))
    unit: Vector = (exact / length if length > 0 else exact).astype(np.float32)
    return unit
