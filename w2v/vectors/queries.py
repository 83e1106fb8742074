"""Queries of word vectors: similarity, nearest words, analogies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, TypeGuard, cast

import numpy as np

from w2v.corpora.columns import one_column
from w2v.settings.constraints import whole_number
from w2v.settings.habits import also_called
from w2v.storage.files import ModelError
from w2v.vectors.index import NeighborIndex
from w2v.vectors.lookup import Neighbor, Neighbors, NeighborsOfMany, Vector, WordVectors, to_unit
from w2v.vectors.ranking import best_rows, cosines, top_rows

Item = str | Vector
Weighted = tuple[Item, float]
Items = Item | Weighted | Sequence[Item | Weighted]
_BATCH_QUERIES = 1024
_CANCELLED = 1e-6
"""A sum this much shorter than its terms is what their rounding left."""


class Queries(WordVectors):
    """The query part of `Embeddings`. Words are looked up by `WordVectors._find`."""

    _index: NeighborIndex | None = None
    _folder: Path | None = None

    @property
    def index(self) -> NeighborIndex:
        """The index for approximate search, as built or from the model's folder.

        Raises ModelError if there is none, and ImportError without usearch.
        """
        if self._index is None:
            if self._folder is None:
                raise ModelError("there is no index for approximate search; call build_index() first")
            self._index = NeighborIndex.open(self._folder, self.table)
        return self._index

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_index": None}  # native memory; built or opened again when needed

    def similarity(self, a: Item, b: Item) -> float:
        """Return the cosine of two words (or vectors); 0 if one of the vectors is zero."""
        (first, second), _ = self._queries([a, b])
        return float(np.clip(to_unit(first) @ to_unit(second), -1, 1))

    @also_called(topn="top_n")
    def neighbors(
        self,
        positive: Items = (),
        negative: Items = (),
        *,
        top_n: int = 10,
        restrict_vocab: int | None = None,
        approximate: bool = False,
    ) -> list[Neighbor]:
        """Return the words nearest to the mean of the unit vectors of `positive` minus those of `negative`.

        Parameters
        ----------
        positive, negative : str, ndarray of shape (D,), pair of either with a weight, or sequence of them
            Words to be near to and far from, such as ``["king", ("woman", 0.5)]``. A vector, unlike a word, is not
            normalised.
        top_n : int, default 10
            Maximum number of words to return.
        restrict_vocab : int, optional
            Consider only this many of the first (most frequent) words.
        approximate : bool, default False
            Search the index from `Embeddings.build_index`: much faster with millions of words, but a few of the nearest
            may be missing. The similarities are exact.

        Returns
        -------
        list of (str, float)
            Words, without those in the query, and their cosines with the mean, highest first.

        Raises
        ------
        UnknownWordError, ValueError
            As in all queries; if `positive` and `negative` are both empty, or their sum is zero.
        ModelError
            If `approximate` and there is no index, or it is of other vectors.
        ImportError
            If `approximate` and usearch is not installed.
        """
        query, excluded = self._mean_query(weigh(positive, 1), [(item, -weight) for item, weight in weigh(negative, 1)])
        candidates = self._candidates(restrict_vocab)
        return self._nearest(query[None], [excluded], top_n, candidates, approximate)[0]

    @also_called(topn="top_n")
    def neighbors_batch(
        self,
        words: Iterable[Item] | Vector,
        *,
        top_n: int = 10,
        restrict_vocab: int | None = None,
        approximate: bool = False,
    ) -> list[list[Neighbor]]:
        """Return the neighbours of many words, like `neighbors` for each, but in far fewer passes over the table.

        The parameters are those of `neighbors`; the result has one list for each of `words`, which may be a column of a
        data frame, or vectors as an array of shape (Q, D).
        """
        if isinstance(words, str):
            raise TypeError("neighbors_batch needs a sequence of words; for one word call neighbors")
        queries: list[Item] = [words] if _is_vector(words) else in_order(words)
        self._find_all(query for query in queries if isinstance(query, str))  # raises one error for all unknown words
        candidates = self._candidates(restrict_vocab)
        found: list[list[Neighbor]] = []
        for start in range(0, len(queries), _BATCH_QUERIES):
            resolved = [self._queries([query]) for query in queries[start : start + _BATCH_QUERIES]]
            units = np.stack([to_unit(vectors[0]) for vectors, _ in resolved])
            found += self._nearest(units, [rows for _, rows in resolved], top_n, candidates, approximate)
        return NeighborsOfMany([query if isinstance(query, str) else "a vector" for query in queries], found)

    @also_called(topn="top_n")
    def analogy(
        self,
        a: Item,
        b: Item,
        c: Item,
        *,
        method: Literal["add", "mul"] = "add",
        top_n: int = 10,
        restrict_vocab: int | None = None,
    ) -> list[Neighbor]:
        """Answer "`a` is to `b` as `c` is to …": ``analogy("man", "king", "woman")`` should begin with "queen".

        Parameters
        ----------
        a, b, c : str or ndarray of shape (D,)
            The three words (or vectors) of the question.
        method : {"add", "mul"}, default "add"
            "add" ranks by the cosine with b - a + c [1]_, "mul" by the product of the shifted cosines with b and c over
            that with a [2]_, which no single large term can dominate.
        top_n, restrict_vocab
            See `neighbors`.

        Returns
        -------
        list of (str, float)
            Words, without the three given ones, and their scores, highest first.

        References
        ----------
        .. [1] Mikolov et al. 2013, arXiv:1301.3781.
        .. [2] Levy and Goldberg 2014, "Linguistic Regularities in Sparse and Explicit Word Representations", eq. 4.
        """
        if method not in ("add", "mul"):
            raise ValueError(f"method must be 'add' or 'mul', not {method!r:.80}")
        if method == "add":
            return self.neighbors([b, c], [a], top_n=top_n, restrict_vocab=restrict_vocab)
        scores, rows = self._products([b, c], [a], self._candidates(restrict_vocab))
        return self._best(scores, rows, top_n)

    def doesnt_match(self, words: Iterable[str]) -> str:
        """Return the word that matches the others least: the one furthest from the mean of their unit vectors.

        Words without a vector are ignored, as in gensim, unless none has one.
        """
        if isinstance(words, str):
            raise TypeError("doesnt_match needs several words, not one string")
        given = list(words)
        if not given:
            raise ValueError("doesnt_match needs at least one word")
        candidates = [word for word in given if word in self or not isinstance(word, str)] or given
        units = np.stack(self._queries(candidates)[0])
        return candidates[int(np.argmin(units @ units.mean(axis=0)))]

    def _mean_query(self, *weighted: Sequence[tuple[Item, float]]) -> tuple[Vector, list[int]]:
        """Return the weighted sum of words and vectors, normalised, and the rows of the words."""
        pairs = [pair for group in weighted for pair in group]
        if not pairs:
            raise ValueError("neighbors needs at least one word or vector")
        vectors, rows = self._queries([item for item, _ in pairs])
        weights, terms = np.array([weight for _, weight in pairs], np.float64), np.stack(vectors).astype(np.float64)
        total, lengths = weights @ terms, np.linalg.norm(terms, axis=1)
        if lengths.any() and np.linalg.norm(total) <= _CANCELLED * (np.abs(weights) @ lengths):
            raise ValueError("the words of the query cancel out: their sum is zero, to which nothing is near")
        return to_unit(total), rows

    def _products(
        self, positive: Sequence[Item], negative: Sequence[Item], candidates: slice
    ) -> tuple[Vector, list[int]]:
        """Return 3CosMul's score of each candidate, generalised to any number of terms, and the rows of the words."""
        queries, rows = self._queries([*positive, *negative])
        scores = self._scores(np.stack([to_unit(query) for query in queries]), candidates)
        shifted = (1 + np.maximum(scores, -1)) / 2
        above, below = shifted[: len(positive)].prod(axis=0), shifted[len(positive) :].prod(axis=0)
        product: Vector = above / (below + np.float32(1e-6))
        product[np.isneginf(scores[0])] = -np.inf
        return product, rows

    def _candidates(self, restrict_vocab: int | None) -> slice:
        """Return the slice of rows to consider."""
        if restrict_vocab is None:
            return slice(0, len(self))
        return slice(0, min(whole_number("restrict_vocab", restrict_vocab, 1), len(self)))

    def _scores(self, queries: Vector, candidates: slice) -> Vector:
        """Return the cosines of unit queries with the candidate rows."""
        return cosines(queries, self.table, candidates)

    def _nearest(
        self,
        queries: Vector,
        excluded: Sequence[Sequence[int]],
        top_n: int,
        candidates: slice,
        approximate: bool = False,
    ) -> list[list[Neighbor]]:
        """Return the `top_n` of the candidate rows nearest to each unit query, shape (Q, D), without the `excluded`."""
        top_n = whole_number("top_n", top_n, 0)
        wanted = top_n + max((len(set(rows)) for rows in excluded), default=0) if top_n else 0
        if not approximate:
            scores, rows = top_rows(queries, self.table, candidates, wanted)
        elif candidates == slice(0, len(self)):
            scores, rows = self.index.search(queries, self.table, wanted)
        else:
            raise ValueError("restrict_vocab needs an exact search: the index holds all words")
        words = self.index_to_key
        found: list[list[Neighbor]] = []
        for query, barred in enumerate(excluded):
            pairs = zip(rows[query].tolist(), scores[query].tolist(), strict=True)
            near = [(words[row], score) for row, score in pairs if row >= 0 and row not in barred]
            found.append(Neighbors(near[:top_n]))
        return found

    def _best(self, scores: Vector, excluded: Sequence[int], top_n: int) -> list[Neighbor]:
        """Return the best-scoring words; overwrites the scores of the `excluded` rows."""
        top_n = whole_number("top_n", top_n, 0)
        scores[[row for row in excluded if row < len(scores)]] = -np.inf
        return Neighbors((self.index_to_key[row], float(scores[row])) for row in best_rows(scores, top_n))


def in_order(words: object) -> list[Any]:
    """Return a list of words and vectors, or the words of a column; TypeError for what has no order."""
    if isinstance(words, bytes) or not isinstance(words, Iterable):
        raise TypeError(f"a list of words is needed, not {type(words).__name__}: {words!r:.60}")
    return list(words if isinstance(words, np.ndarray) else one_column(words))


def weigh(items: Items, default: float) -> list[tuple[Item, float]]:
    """Pair words and vectors with their weights: that of a given pair, or the default."""
    alone = isinstance(items, str) or _is_vector(items) or _is_pair(items)
    given: object = items
    if not alone and (isinstance(given, bytes) or not isinstance(given, Iterable)):
        raise TypeError(f"a query must be words or vectors, not {type(given).__name__}: {given!r:.60}")
    pairs: list[tuple[Item, float]] = []
    for item in [items] if alone else items:
        pairs.append(item if _is_pair(item) else (cast("Item", item), default))
        if not np.isfinite(pairs[-1][1]):
            raise ValueError(f"the weight of {pairs[-1][0]!r:.80} must be finite, not {pairs[-1][1]}")
    return pairs


def _is_pair(item: object) -> TypeGuard[tuple[Item, float]]:
    return isinstance(item, tuple) and len(item) == 2 and isinstance(item[1], (int, float, np.number))


def _is_vector(item: object) -> TypeGuard[Vector]:
    return isinstance(item, np.ndarray) and item.dtype.kind in "fiu" and item.ndim == 1
