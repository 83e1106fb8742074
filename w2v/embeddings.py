"""Word vectors after training: look up, compare, find neighbours, solve analogies."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from w2v._ranking import best_rows, cosines, inverse_row_norms
from w2v._spelling import near_spellings
from w2v.vocabulary import UnknownWordError, Vocabulary

if TYPE_CHECKING:
    from gensim.models import KeyedVectors

    from corpora.tokenizers import Tokenizer
    from w2v.subwords import SubwordVectors

Vector = NDArray[np.float32]
Neighbor = tuple[str, float]
_BATCH_SCORES = 1 << 24  # 64 MiB of scores at a time


class Embeddings:
    """A vocabulary and one vector a word, read-only. What training yields, and what queries and encoders use.

    Parameters
    ----------
    vocabulary : Vocabulary or sequence of str
        The V words, in the order of the rows.
    vectors : ndarray of shape (V, D), float32
        Not copied, so that it may be a memory-mapped file; other floating or integer types are converted.
    tokenizer : Tokenizer, optional
        How text was turned into words before training. A word asked for is looked up as it is written; where it is
        absent and the tokenizer makes exactly one word of it (``"Paris"`` to ``"paris"``), that word is looked up.
    metadata : dict, optional
        Whatever else is to be kept with the model, in JSON types: ``parameters`` (dict), ``history`` (list).
    subwords : SubwordVectors, optional
        Vectors of character n-grams. A word that is not in the vocabulary, as it is written or as the tokenizer writes
        it, then has the mean of its n-grams' vectors (of the spelling that the tokenizer makes, if that is one word),
        and is ``in`` the embeddings unless it is too short to have an n-gram; ``word in embeddings.vocabulary`` tells
        whether it was seen. Neighbours are always words of the vocabulary.

    Attributes
    ----------
    vocabulary : Vocabulary
    vectors : ndarray of shape (V, D), float32
        A read-only view.
    tokenizer : Tokenizer or None
    metadata : dict
    subwords : SubwordVectors or None

    Raises
    ------
    TypeError
        If `vectors` is not of real numbers, or `vocabulary` not of str.
    ValueError
        If `vectors` is not two-dimensional, has no row or no column, or another number of rows than there are
        words, or if the vectors of `subwords` have another width.

    Notes
    -----
    Deviation from gensim: a vector of zeros is at similarity 0 from everything (gensim: NaN), a row with NaN or
    infinity is never a neighbour, and equal similarities come in the order of the vocabulary.
    """

    def __init__(
        self,
        vocabulary: Vocabulary | Sequence[str],
        vectors: ArrayLike,
        *,
        tokenizer: Tokenizer | None = None,
        metadata: dict[str, Any] | None = None,
        subwords: SubwordVectors | None = None,
    ) -> None:
        self.vocabulary = vocabulary if isinstance(vocabulary, Vocabulary) else Vocabulary(vocabulary)
        self.vectors: Vector = _as_table(vectors, len(self.vocabulary))
        self.tokenizer = tokenizer
        self.metadata: dict[str, Any] = dict(metadata or {})
        if subwords is not None and subwords.ngram_vectors.shape[1] != self.vector_size:
            width = subwords.ngram_vectors.shape[1]
            raise ValueError(f"the vectors of n-grams have {width} columns, those of words {self.vector_size}")
        self.subwords = subwords
        self._cached_inverse_norms: Vector | None = None
        self._cached_unit: Vector | None = None

    @property
    def vector_size(self) -> int:
        """Width D of the vectors."""
        return int(self.vectors.shape[1])

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
            unit = self.vectors * self._inverse_norms[:, None]
            unit.setflags(write=False)
            self._cached_unit = unit
        return self._cached_unit

    def __len__(self) -> int:
        return len(self.vocabulary)

    def __iter__(self) -> Iterator[str]:
        return iter(self.vocabulary)

    def __contains__(self, word: object) -> bool:
        return isinstance(word, str) and self._find(word) is not None

    def __getitem__(self, words: str | Sequence[str]) -> Vector:
        """Return the vector of a word, shape (D,), read-only, or those of a list of words, shape (n, D), a copy.

        Raises
        ------
        UnknownWordError
            If a word is not in the vocabulary; it is a KeyError.
        """
        if isinstance(words, str):
            found = self._find_all([words])[0]
            return self.vectors[found] if isinstance(found, int) else found
        if not isinstance(words, (list, tuple, np.ndarray)):
            raise TypeError(f"vectors are looked up by a word or a list of words, not by {type(words).__name__}")
        places = self._find_all(words)
        vectors: Vector = self.vectors[[place if isinstance(place, int) else 0 for place in places]]
        for index, place in enumerate(places):
            if not isinstance(place, int):
                vectors[index] = place
        return vectors

    def __repr__(self) -> str:
        return f"Embeddings({len(self)} words, vector_size={self.vector_size})"

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        for array in (self.vectors, self._cached_inverse_norms, self._cached_unit):
            if array is not None:
                array.setflags(write=False)  # pickle does not keep it

    def similarity(self, a: str | Vector, b: str | Vector) -> float:
        """Return the cosine of two words (or vectors), 0 if one of them is a vector of zeros.

        Raises
        ------
        UnknownWordError
            If a word is not in the vocabulary.
        """
        (first, second), _ = self._queries([a, b])
        return float(np.clip(_to_unit(first) @ _to_unit(second), -1, 1))

    def neighbors(
        self,
        positive: str | Vector | Sequence[str | Vector] = (),
        negative: str | Vector | Sequence[str | Vector] = (),
        *,
        top_n: int = 10,
        restrict_vocab: int | None = None,
    ) -> list[Neighbor]:
        """Return the words nearest to the mean of the unit vectors of `positive` minus those of `negative`.

        Parameters
        ----------
        positive, negative : str, ndarray of shape (D,), or sequence of them
            Words to be near to, and far from. A vector, unlike a word, is used at its own length.
        top_n : int, default 10
            At most so many; fewer where the vocabulary is smaller.
        restrict_vocab : int, optional
            Consider the first (most frequent) so many words only.

        Returns
        -------
        list of (str, float)
            Words, without those asked for, and their cosine with the mean, highest first.

        Raises
        ------
        UnknownWordError
            If a word is not in the vocabulary; names all of them.
        ValueError
            If there is nothing to be near to or far from, a vector has another shape, or a number is out of range.
        """
        added, taken = _as_list(positive), _as_list(negative)
        if not added and not taken:
            raise ValueError("neighbors needs at least one word or vector")
        vectors, rows = self._queries(added + taken)
        signs = np.array([1] * len(added) + [-1] * len(taken), dtype=np.float32)
        query = _to_unit(signs @ np.stack(vectors))
        return self._best(self._scores(query, restrict_vocab), rows, top_n)

    def neighbors_batch(
        self, words: Sequence[str | Vector], *, top_n: int = 10, restrict_vocab: int | None = None
    ) -> list[list[Neighbor]]:
        """Return the neighbours of each of many words, as `neighbors` does one by one, with far fewer passes.

        Parameters
        ----------
        words : sequence of str or ndarray of shape (D,)
            The words (or vectors).
        top_n, restrict_vocab
            See `neighbors`.

        Returns
        -------
        list of list of (str, float)
            One list for each of `words`.

        Raises
        ------
        UnknownWordError
            If a word is not in the vocabulary; names all of them.
        """
        if isinstance(words, str):
            raise TypeError("neighbors_batch needs a sequence of words; for one word call neighbors")
        queries = _as_list(words)
        self._find_all(query for query in queries if isinstance(query, str))  # all unknown words in one error
        step = max(1, _BATCH_SCORES // self._n_candidates(restrict_vocab))
        found = []
        for start in range(0, len(queries), step):
            resolved = [self._queries([query]) for query in queries[start : start + step]]
            scores = self._scores(np.stack([_to_unit(vectors[0]) for vectors, _ in resolved]), restrict_vocab)
            found += [self._best(row, rows, top_n) for row, (_, rows) in zip(scores, resolved, strict=True)]
        return found

    def analogy(
        self,
        a: str | Vector,
        b: str | Vector,
        c: str | Vector,
        *,
        method: Literal["add", "mul"] = "add",
        top_n: int = 10,
        restrict_vocab: int | None = None,
    ) -> list[Neighbor]:
        """Answer "`a` is to `b` as `c` is to …": ``analogy("man", "king", "woman")`` should begin with "queen".

        Parameters
        ----------
        a, b, c : str or ndarray of shape (D,)
            The three given words (or vectors).
        method : {"add", "mul"}, default "add"
            "add" ranks by the cosine with b - a + c [1]_, "mul" by the product of the shifted cosines with b and c over
            that with a [2]_, which no single large term can dominate.
        top_n, restrict_vocab
            See `neighbors`.

        Returns
        -------
        list of (str, float)
            Words, without the three given ones, and their score, highest first.

        Raises
        ------
        UnknownWordError
            If a word is not in the vocabulary; names all of them.
        ValueError
            If `method` is unknown.

        References
        ----------
        .. [1] Mikolov et al. 2013, arXiv:1301.3781.
        .. [2] Levy and Goldberg 2014, "Linguistic Regularities in Sparse and Explicit Word Representations", eq. 4.
        """
        if method not in ("add", "mul"):
            raise ValueError(f"method must be 'add' or 'mul', not {method!r}")
        if method == "add":
            return self.neighbors([b, c], [a], top_n=top_n, restrict_vocab=restrict_vocab)
        queries, rows = self._queries([a, b, c])
        scores = self._scores(np.stack([_to_unit(query) for query in queries]), restrict_vocab)
        to_a, to_b, to_c = (1 + np.maximum(scores, -1)) / 2
        product = to_b * to_c / (to_a + np.float32(1e-6))
        product[np.isneginf(scores[0])] = -np.inf
        return self._best(product, rows, top_n)

    def doesnt_match(self, words: Iterable[str]) -> str:
        """Return the word that is least like the others: the one furthest from the mean of their unit vectors.

        Raises
        ------
        UnknownWordError
            If a word is not in the vocabulary (gensim passes over it in silence).
        ValueError
            If there are no words.
        """
        if isinstance(words, str):
            raise TypeError("doesnt_match needs several words, not one string")
        candidates = list(words)
        if not candidates:
            raise ValueError("doesnt_match needs at least one word")
        units = np.stack(self._queries(candidates)[0])
        return candidates[int(np.argmin(units @ units.mean(axis=0)))]

    def suggest(self, word: str, n: int = 3) -> list[str]:
        """Return up to `n` words of the vocabulary that are spelled like `word`, the nearest first."""
        return near_spellings(word, self.index_to_key, n)

    def to_gensim(self) -> KeyedVectors:
        """Return a copy as ``gensim.models.KeyedVectors``, with the counts where they are known.

        Raises
        ------
        ImportError
            If gensim is not installed.
        """
        try:
            from gensim.models import KeyedVectors
        except ImportError as error:
            raise ImportError("to_gensim needs gensim; install it with: pip install gensim") from error
        keyed = KeyedVectors(self.vector_size)
        keyed.vectors = np.array(self.vectors, order="C")
        keyed.index_to_key = list(self.index_to_key)
        keyed.key_to_index = dict(self.key_to_index)
        if self.vocabulary.counts is not None:
            keyed.expandos["count"] = self.vocabulary.counts.copy()
        return keyed

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write a model folder; see `w2v.persistence.save_embeddings`."""
        from w2v.persistence import save_embeddings

        save_embeddings(self, path, overwrite=overwrite)

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, mmap: bool = True, tokenizer: Tokenizer | None = None) -> Embeddings:
        """Open a model folder; see `w2v.persistence.load_embeddings`."""
        from w2v.persistence import load_embeddings

        return load_embeddings(path, mmap=mmap, tokenizer=tokenizer)

    @property
    def _inverse_norms(self) -> Vector:
        """1 / length of each row, shape (V,): see `inverse_row_norms`."""
        if self._cached_inverse_norms is None:
            self._cached_inverse_norms = inverse_row_norms(self.vectors)
        return self._cached_inverse_norms

    def _find(self, word: str) -> int | Vector | None:
        """Return the row of a word, or the vector that its n-grams make, or None where it has neither."""
        row = self.key_to_index.get(word)
        if row is not None:
            return row
        if self.tokenizer is not None:
            tokens = self.tokenizer(word)
            if len(tokens) == 1:
                word = tokens[0]
                row = self.key_to_index.get(word)
        if row is None and self.subwords is not None:
            return self.subwords.vector(word)
        return row

    def _find_all(self, words: Iterable[str]) -> list[int | Vector]:
        """Return the rows of words, or the vectors of those without one; raise one error that names all the unknown."""
        found: list[int | Vector] = []
        unknown = []
        for word in words:
            if not isinstance(word, str):
                raise TypeError(f"a word must be a str, not {type(word).__name__}: {word!r}")
            place = self._find(word)
            if place is None:
                unknown.append(word)
            else:
                found.append(place)
        if unknown:
            raise UnknownWordError(list(dict.fromkeys(unknown)), self.suggest)
        return found

    def _n_candidates(self, restrict_vocab: int | None) -> int:
        if restrict_vocab is None:
            return len(self)
        if restrict_vocab < 1:
            raise ValueError(f"restrict_vocab must be at least 1, not {restrict_vocab}")
        return min(int(restrict_vocab), len(self))

    def _queries(self, items: Sequence[str | Vector]) -> tuple[list[Vector], list[int]]:
        """Return the unit vectors of words and the given vectors as they are, and the rows of words that have one."""
        words = [item for item in items if isinstance(item, str)]
        place_of = dict(zip(words, self._find_all(words), strict=True))
        vectors = []
        for item in items:
            if isinstance(item, str):
                place = place_of[item]
                vectors.append(_to_unit(self.vectors[place] if isinstance(place, int) else place))
            else:
                vectors.append(_as_vector(item, self.vector_size))
        return vectors, [place for place in place_of.values() if isinstance(place, int)]

    def _scores(self, queries: Vector, restrict_vocab: int | None) -> Vector:
        n = self._n_candidates(restrict_vocab)
        return cosines(queries, self.vectors[:n], self._inverse_norms[:n])

    def _best(self, scores: Vector, excluded: Sequence[int], top_n: int) -> list[Neighbor]:
        """Return the best-scoring words; overwrites the scores of the `excluded` rows."""
        if top_n < 0:
            raise ValueError(f"top_n must not be negative, but is {top_n}")
        scores[[row for row in excluded if row < len(scores)]] = -np.inf
        return [(self.index_to_key[row], float(scores[row])) for row in best_rows(scores, top_n)]


def _as_table(vectors: ArrayLike, n_words: int) -> Vector:
    """Return `vectors` as a read-only float32 view, converted only where the type is another."""
    table = np.asarray(vectors)
    if table.dtype.kind not in "fiu":
        raise TypeError(f"vectors must be real numbers, not {table.dtype}")
    if table.ndim != 2 or 0 in table.shape:
        raise ValueError(f"vectors must have shape (V, D) with at least one row and one column, not {table.shape}")
    if len(table) != n_words:
        raise ValueError(f"there are {n_words} words, but {len(table)} vectors")
    view: Vector = table.astype(np.float32, copy=False).view()
    view.setflags(write=False)
    return view


def _as_list(items: str | Vector | Sequence[str | Vector]) -> list[str | Vector]:
    if isinstance(items, str) or (isinstance(items, np.ndarray) and items.dtype.kind in "fiu" and items.ndim == 1):
        return [items]
    return list(items)


def _as_vector(item: object, vector_size: int) -> Vector:
    vector = np.asarray(item)
    if vector.dtype.kind not in "fiu":
        raise TypeError(f"a query must be a word or a vector, not {item!r}")
    if vector.shape != (vector_size,) or not np.isfinite(vector).all():
        raise ValueError(f"a query vector must be {vector_size} finite numbers; this one has shape {vector.shape}")
    return vector.astype(np.float32)


def _to_unit(vector: NDArray[Any]) -> Vector:
    """Return the vector at length 1, float32; zero stays zero."""
    exact = vector.astype(np.float64)
    length = float(np.sqrt(exact @ exact))
    unit: Vector = (exact / length if length > 0 else exact).astype(np.float32)
    return unit
