"""Word vectors after training: lookup, queries, subsets, unions, compact storage and saving."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from w2v.display.frames import data_frame
from w2v.display.html import html_facts
from w2v.encoding.vocabulary import Vocabulary
from w2v.settings.constraints import whole_number
from w2v.vectors import keyed_copy
from w2v.vectors.index import NeighborIndex
from w2v.vectors.keyed_vectors import KeyedVectorsMethods
from w2v.vectors.lookup import Neighbor, Vector
from w2v.vectors.persistence import read_parts, save_embeddings
from w2v.vectors.table import DType, RowError, VectorTable

if TYPE_CHECKING:
    from gensim.models import KeyedVectors
    from pandas import DataFrame

    from w2v.corpora.tokenizers import Tokenizer

__all__ = ["Embeddings", "Neighbor", "Vector"]

_SHOWN_WORDS = 12
_HABITS = {
    "load_word2vec_format": "w2v.formats.read_vectors(path) reads the files of other programs",
    "save_word2vec_format": "w2v.formats.write_vectors(embeddings, path) writes the files of other programs",
    "init_sims": "lengths are computed when they are needed",
    "fill_norms": "lengths are computed when they are needed",
    "vectors_for_all": "restrict(words) keeps some of the words",
    "evaluate_word_analogies": "use w2v.evaluation.evaluate_analogies(embeddings, path)",
    "evaluate_word_pairs": "use w2v.evaluation.evaluate_word_pairs(embeddings, path)",
    "wv": "these are the vectors",
    "get_nearest_neighbors": "it is neighbors(word)",
    "get_word_vector": "it is embeddings[word]",
    "get_analogies": "it is analogy(a, b, c)",
}


class Embeddings(KeyedVectorsMethods):
    """A vocabulary with one vector per word, read-only: the result of training, for queries and encoders.

    Queries are `neighbors`, `analogy` and the others below, and those of gensim's KeyedVectors under gensim's names.
    They take words or vectors, shape (D,). They raise UnknownWordError, a KeyError that names all unknown words, and
    ValueError for a vector that is not finite or has the wrong shape, or for a number out of range. Methods that change
    words or vectors return new Embeddings.

    Parameters
    ----------
    vocabulary : Vocabulary or sequence of str
        The V words, in the order of the rows.
    vectors : ndarray of shape (V, D), float32, or VectorTable
        Not copied, so it may be a memory-mapped file. Other floating or integer types are converted to float32; a
        `VectorTable` can also store float16 and int8.
    tokenizer : Tokenizer, optional
        The tokenizer of the training text. A query word is first looked up as written; if it is missing and the
        tokenizer turns it into exactly one word (``"Paris"`` to ``"paris"``), that word is looked up.
    metadata : dict, optional
        Other data to keep with the model, in JSON types: ``parameters`` (dict), ``history`` (list).
    subwords : SubwordVectors, optional
        Vectors of character n-grams. A word that is unknown in both spellings then has the mean of its n-grams' vectors
        (in the tokenizer's spelling, if that is one word). It is ``in`` the embeddings unless it is too short to have
        n-grams; ``word in embeddings.vocabulary`` is whether training saw it. Neighbours are always words of the
        vocabulary.

    Attributes
    ----------
    table : VectorTable
        The vectors as they are stored. All other arguments are attributes with the names of their parameters.

    Raises
    ------
    TypeError, ValueError
        If `vectors` are not real numbers, not two-dimensional or do not match the number of words, if `vocabulary` does
        not contain str, or if the vectors of `subwords` have another number of dimensions.

    Notes
    -----
    Deviation from gensim: a zero vector has similarity 0 with everything (gensim: NaN), a row with NaN or infinity is
    never a neighbour, and equal similarities are in the order of the vocabulary.
    """

    habits = _HABITS

    @overload
    def __getitem__(self, words: str | Sequence[str]) -> Vector: ...
    @overload
    def __getitem__(self, words: slice) -> Embeddings: ...
    def __getitem__(self, words: str | Sequence[str] | slice) -> Vector | Embeddings:
        """Return the vector of a word, the vectors of a list of words, or the embeddings of a slice of the vocabulary.

        Returns
        -------
        ndarray of shape (D,), ndarray of shape (n, D), or Embeddings
            The vector is read-only, the vectors of a list are a copy, and the Embeddings share their vectors.
        """
        if isinstance(words, slice):
            return self._take(words)
        if isinstance(words, str):
            return self._vector_of(words)
        if not isinstance(words, (list, tuple, np.ndarray)):
            raise TypeError(
                f"vectors are looked up by a word, a list of words or a slice, not by {type(words).__name__}"
            )
        return self._vectors_of(words)

    def __repr__(self) -> str:
        dtype = "" if self.dtype == "float32" else f", dtype={self.dtype!r}"
        return f"Embeddings({len(self)} words, vector_size={self.vector_size}{dtype})"

    def _repr_html_(self) -> str:
        counts = self.vocabulary.counts
        words = self.index_to_key[:_SHOWN_WORDS]
        facts: list[tuple[str, object]] = [
            ("words", f"{len(self):,}"),
            ("columns", f"{self.vector_size:,} of {self.dtype}"),
            ("first words", ", ".join(words) + (" …" if len(self) > len(words) else "")),
        ]
        if counts is not None:
            facts.insert(2, ("counted", f"{int(counts.sum()):,} times"))
        if self.subwords is not None:
            facts.append(("unknown words", "get vectors from their n-grams"))
        return html_facts("Embeddings", facts)

    def to_pandas(self) -> DataFrame:
        """Return a data frame with one row per word, indexed by the words; needs pandas."""
        columns = {str(i): column for i, column in enumerate(self.vectors.T)}
        return data_frame(columns).set_axis(self.index_to_key, axis=0)

    def __sklearn_clone__(self) -> Embeddings:
        return self  # read-only: a clone of an estimator shares it

    def head(self, n: int) -> Embeddings:
        """Return the embeddings of the first, usually the most frequent, `n` >= 1 words; they share the vectors."""
        return self._take(slice(0, whole_number("n", n, 1)))

    def most_frequent(self, n: int) -> Embeddings:
        """Return the embeddings of the `n` >= 1 words with the largest counts; without counts, of the first words."""
        counts = self.vocabulary.counts
        n = whole_number("n", n, 1)
        if counts is None or (counts[1:] <= counts[:-1]).all():
            return self.head(n)
        return self._take(np.sort(np.argsort(-counts, kind="stable")[:n]))

    def restrict(self, words: Iterable[str]) -> Embeddings:
        """Return the embeddings of only these words, in the given order, without duplicates.

        Unknown words raise UnknownWordError; `intersection` ignores them.
        """
        wanted = list(dict.fromkeys(words)) if not isinstance(words, str) else [words]
        rows = [self._row(word) for word in wanted]
        if None in rows:
            raise self._unknown([word for word, row in zip(wanted, rows, strict=True) if row is None])
        return self._take(np.array(list(dict.fromkeys(rows)), dtype=np.intp))

    def intersection(self, words: Collection[str]) -> Embeddings:
        """Return the embeddings of the words that are also in `words`, in this object's order; also ``&``.

        Spellings must be equal. `words` may be other embeddings, a Vocabulary or any collection of str.
        """
        return self._where(words, True)

    def difference(self, words: Collection[str]) -> Embeddings:
        """Return the embeddings of the words that are not in `words`; also ``-``."""
        return self._where(words, False)

    def union(self, other: Embeddings) -> Embeddings:
        """Return the embeddings of all words of both; also ``|``. Shared words keep their vectors of this object.

        Vectors of separate trainings are not comparable unless they were aligned. Raises ValueError if the numbers of
        dimensions differ.
        """
        if other.vector_size != self.vector_size:
            raise ValueError(f"vectors of {self.vector_size} and of {other.vector_size} dimensions cannot be joined")
        further = [row for row, word in enumerate(other) if word not in self.key_to_index]
        if not further:
            return self
        counts = other.vocabulary.counts
        words = [other.index_to_key[row] for row in further]
        return self._append(words, other.rows(further), None if counts is None else counts[further])

    __and__, __sub__, __or__ = intersection, difference, union

    def add_vectors(
        self, words: Sequence[str], vectors: ArrayLike, *, counts: ArrayLike | None = None, replace: bool = False
    ) -> Embeddings:
        """Return embeddings with these words added at the end.

        Parameters
        ----------
        words : sequence of str
            Distinct words.
        vectors : ndarray of shape (n, D)
            Their finite vectors, stored in the same dtype as the others.
        counts : sequence of int, optional
            Their counts; 0 by default.
        replace : bool, default False
            Replace the vectors of words that exist already; otherwise, as in gensim, they keep their own.
        """
        if isinstance(words, str):
            raise TypeError("add_vectors needs a sequence of words; for one word call add_vector")
        added = np.asarray(vectors)
        if added.shape != (len(words), self.vector_size):
            expected = (len(words), self.vector_size)
            raise ValueError(f"the vectors of {len(words)} words must have shape {expected}, not {added.shape}")
        wrong = np.flatnonzero(~np.isfinite(added).all(axis=1))
        if wrong.size:
            raise ValueError(f"the vector of the word {words[wrong[0]]!r:.80} is not finite")
        numbers = np.zeros(len(words), np.int64) if counts is None else np.asarray(counts)
        fresh = Vocabulary(words, numbers)
        known = [place for place, word in enumerate(fresh) if word in self.key_to_index]
        base = self
        if replace and known:
            table = self.table.astype("float32").stored.copy()
            table[[self.key_to_index[words[place]] for place in known]] = added[known]
            base = self._with(self.vocabulary, VectorTable(table).astype(self.dtype))
        new = [place for place, word in enumerate(fresh) if word not in self.key_to_index]
        return base._append([words[place] for place in new], added[new], numbers[new]) if new else base

    def add_vector(self, key: str, vector: ArrayLike) -> Embeddings:
        """Return embeddings with this word added, or unchanged if they have it; see `add_vectors`."""
        return self.add_vectors([key], np.asarray(vector)[None])

    def astype(self, dtype: DType) -> Embeddings:
        """Return the embeddings with vectors stored as "float32", "float16" (half the size) or "int8" (a quarter).

        Raises ValueError for a vector that cannot be stored: it is not finite, or too large or small for float16.
        """
        try:
            table = self.table.astype(dtype)
            return self if table is self.table else self._with(self.vocabulary, table)
        except RowError as error:
            raise ValueError(f"the vector of the word {self.index_to_key[error.row]!r:.80} {error.reason}") from error

    def build_index(
        self,
        *,
        connectivity: int = 16,
        effort: int = 128,
        dtype: Literal["float16", "int8"] = "float16",
        workers: int | None = None,
    ) -> NeighborIndex:
        """Build an index for ``neighbors(..., approximate=True)``, and use it from now on.

        ``embeddings.build_index().save(folder)`` stores it in the model's folder, from which it is loaded with the
        model. For the parameters and errors see `NeighborIndex.build`.
        """
        self._index = NeighborIndex.build(
            self.table, connectivity=connectivity, effort=effort, dtype=dtype, workers=workers
        )
        return self._index

    def to_gensim(self) -> KeyedVectors:
        """Return a copy as gensim's KeyedVectors; see `w2v.formats.gensim.to_gensim`."""
        return keyed_copy.to_gensim(self)

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False, dtype: DType | None = None) -> None:
        """Write a model folder atomically, optionally in another dtype.

        `overwrite` replaces an existing model folder; anything else is never replaced.
        """
        save_embeddings(self if dtype is None else self.astype(dtype), path, overwrite=overwrite)

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, mmap: bool = True, tokenizer: Tokenizer | None = None) -> Embeddings:
        """Open a model folder; see `w2v.vectors.persistence.read_parts`."""
        parts = read_parts(path, mmap=mmap, tokenizer=tokenizer)
        embeddings = cls(
            parts.vocabulary, parts.table, tokenizer=parts.tokenizer, metadata=parts.metadata, subwords=parts.subwords
        )
        embeddings._folder = Path(path)
        return embeddings

    def _take(self, rows: slice | NDArray[np.intp]) -> Embeddings:
        """Return the embeddings of some rows."""
        picked = range(len(self))[rows] if isinstance(rows, slice) else rows.tolist()
        if len(picked) == 0:
            raise ValueError("no word would be left, but embeddings need at least one")
        words = self.index_to_key
        counts = self.vocabulary.counts
        vocabulary = Vocabulary([words[row] for row in picked], None if counts is None else counts[rows])
        return self._with(vocabulary, self.table.take(rows))

    def _where(self, words: Collection[str], is_in: bool) -> Embeddings:
        """Return the embeddings of the words that are, or are not, in a collection."""
        if isinstance(words, str):
            raise TypeError("a collection of words is needed, not one string")
        known = words.key_to_index if isinstance(words, (Embeddings, Vocabulary)) else set(words)
        return self._take(np.array([row for row, word in enumerate(self) if (word in known) == is_in], dtype=np.intp))

    def _append(self, words: Sequence[str], vectors: ArrayLike, counts: NDArray[np.integer[Any]] | None) -> Embeddings:
        """Return embeddings with more words, in the same dtype."""
        own = self.vocabulary.counts
        joined = None if own is None or counts is None else np.concatenate([own, counts])
        return self._with(
            Vocabulary([*self.index_to_key, *words], joined),
            self.table.append(VectorTable.from_numbers(vectors).astype(self.dtype)),
        )

    def _with(self, vocabulary: Vocabulary, table: VectorTable) -> Embeddings:
        """Return embeddings of other words or vectors, without the training state, which no longer matches."""
        metadata = {name: value for name, value in self.metadata.items() if name != "training"}
        return Embeddings(vocabulary, table, tokenizer=self.tokenizer, metadata=metadata, subwords=self.subwords)
