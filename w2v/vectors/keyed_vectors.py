"""The methods of gensim's KeyedVectors under the same names, so code written for gensim keeps working."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.lazy import load_optional
from w2v.settings.constraints import whole_number
from w2v.vectors.lookup import Neighbor, Vector, as_vector, to_unit
from w2v.vectors.queries import Item, Items, Queries, weigh


class KeyedVectorsMethods(Queries):
    """The methods of `Embeddings` that equal those of gensim 4: same names, arguments and values, up to rounding.

    Differences: words are always str, never row numbers; a zero vector has similarity 0 with everything; and methods
    that change a KeyedVectors return a new `Embeddings` here.
    """

    def most_similar(
        self,
        positive: Items | None = None,
        negative: Items | None = None,
        topn: int | None = 10,
        clip_start: int = 0,
        clip_end: int | None = None,
        restrict_vocab: int | None = None,
    ) -> list[Neighbor] | Vector:
        """Return the nearest words, as `neighbors` does.

        Parameters
        ----------
        positive, negative : str, ndarray of shape (D,), pair of either with a weight, or sequence of them
            As in `neighbors`, except for a weight in `negative`, which replaces -1, as in gensim: give a negative
            weight, or use `neighbors`, which subtracts.
        topn : int or None, default 10
            None returns the cosines of all words, shape (V,), float32.
        clip_start, clip_end : int, optional
            Consider only these rows.
        restrict_vocab : int, optional
            Consider only this many words from the first on, and ignore `clip_start` and `clip_end`.

        Returns
        -------
        list of (str, float), or ndarray
        """
        query, excluded = self._mean_query(weigh(_or_none(positive), 1), weigh(_or_none(negative), -1))
        rows = slice(clip_start, len(self) if clip_end is None else clip_end)
        rows = slice(*rows.indices(len(self))[:2]) if restrict_vocab is None else self._candidates(restrict_vocab)
        if topn is None:
            return self._scores(query, rows)
        return self._nearest(query[None], [excluded], _at_least_none(topn), rows)[0]

    def similar_by_word(
        self, word: str, topn: int | None = 10, restrict_vocab: int | None = None
    ) -> list[Neighbor] | Vector:
        """Return the words nearest to a word; see `most_similar`."""
        return self.most_similar(word, topn=topn, restrict_vocab=restrict_vocab)

    def similar_by_key(
        self, key: str, topn: int | None = 10, restrict_vocab: int | None = None
    ) -> list[Neighbor] | Vector:
        """Return the words nearest to a word; see `most_similar`."""
        return self.most_similar(key, topn=topn, restrict_vocab=restrict_vocab)

    def similar_by_vector(
        self, vector: Vector, topn: int | None = 10, restrict_vocab: int | None = None
    ) -> list[Neighbor] | Vector:
        """Return the words nearest to a vector; see `most_similar`."""
        return self.most_similar(as_vector(vector, self.vector_size), topn=topn, restrict_vocab=restrict_vocab)

    def most_similar_cosmul(
        self,
        positive: Item | Sequence[Item] | None = None,
        negative: Item | Sequence[Item] | None = None,
        topn: int | None = 10,
        restrict_vocab: int | None = None,
    ) -> list[Neighbor] | Vector:
        """Return the words with the largest product of shifted cosines, 3CosMul for any number of words.

        `analogy` with ``method="mul"`` is the case of two positive words and a negative one. With a `topn` of None,
        returns the products of all words, shape (V,), float32.
        """
        above, below = ([item for item, _ in weigh(_or_none(items), 1)] for items in (positive, negative))
        if not above:
            raise ValueError("most_similar_cosmul needs at least one positive word or vector")
        scores, excluded = self._products(above, below, self._candidates(restrict_vocab))
        return scores if topn is None else self._best(scores, excluded, _at_least_none(topn))

    def most_similar_to_given(self, key1: str, keys_list: Sequence[str]) -> str:
        """Return the word of `keys_list` that is nearest to `key1`."""
        _refuse_string("most_similar_to_given", keys_list)
        if not len(keys_list):
            raise ValueError("most_similar_to_given needs at least one word to choose from")
        return keys_list[int(np.argmin(self.distances(key1, keys_list)))]

    def closer_than(self, key1: str, key2: str) -> list[str]:
        """Return all words that are nearer to `key1` than `key2` is, in the order of the vocabulary."""
        (first, second), rows = self._queries([key1, key2])
        scores = self._scores(first, slice(0, len(self)))
        row = self._row(key2)
        near = scores[row] if row is not None else np.float32(first @ second)
        own = self._row(key1)
        return [self.index_to_key[index] for index in np.flatnonzero(scores > near) if index != own]

    def rank(self, key1: str, key2: str) -> int:
        """Return the rank of `key2` among the neighbours of `key1`; 1 is the nearest."""
        return len(self.closer_than(key1, key2)) + 1

    def distance(self, w1: Item, w2: Item) -> float:
        """Return 1 minus the cosine of two words."""
        return 1 - self.similarity(w1, w2)

    def distances(self, word_or_vector: Item, other_words: Sequence[str] = ()) -> Vector:
        """Return 1 minus the cosine with each of some words, all words by default; shape (n,), float32."""
        _refuse_string("distances", other_words)
        (query,), _ = self._queries([word_or_vector])
        unit = to_unit(query)
        if len(other_words) == 0:
            return np.asarray(1 - self._scores(unit, slice(0, len(self))))
        others = np.stack(self._queries(list(other_words))[0])
        return np.asarray(1 - np.clip(others @ unit, -1, 1))

    @staticmethod
    def cosine_similarities(vector_1: Vector, vectors_all: Vector) -> Vector:
        """Return the cosines of a vector, shape (D,), with others, shape (n, D); 0 for zero vectors."""
        others = np.asarray(vectors_all)
        lengths = np.linalg.norm(vector_1) * np.linalg.norm(others, axis=1)
        return np.asarray((others @ vector_1) / np.where(lengths > 0, lengths, 1), dtype=np.float32)

    def n_similarity(self, ws1: Sequence[str], ws2: Sequence[str]) -> float:
        """Return the cosine of the means of two lists of words; words without a vector are ignored."""
        means = []
        for words in (ws1, ws2):
            _refuse_string("n_similarity", words)
            known = [word for word in words if word in self]
            if not known:
                raise ValueError("n_similarity needs at least one known word in each list")
            means.append(to_unit(self.get_mean_vector(known, pre_normalize=False)))
        return float(np.clip(means[0] @ means[1], -1, 1))

    def relative_cosine_similarity(self, wa: str, wb: str, topn: int = 10) -> float:
        """Return the cosine of two words, divided by the sum of cosines of the first word's `topn` neighbours [1]_.

        References
        ----------
        .. [1] Leeuwenberg et al. 2016, "A Minimally Supervised Approach for Synonym Extraction with Word Embeddings".
        """
        total = sum(score for _, score in self.neighbors(wa, top_n=topn))
        return self.similarity(wa, wb) / total

    def rank_by_centrality(self, words: Sequence[str], use_norm: bool = True) -> list[tuple[float, str]]:
        """Return words with their cosine to the mean of all of them, highest first; unknown words are ignored.

        With `use_norm`, vectors are scaled to unit length before the mean is taken.
        """
        _refuse_string("rank_by_centrality", words)
        known = [word for word in words if word in self]
        if not known:
            raise ValueError("rank_by_centrality needs at least one known word")
        vectors = np.stack([self.get_vector(word, norm=use_norm) for word in known])
        centre = to_unit(vectors.mean(axis=0, dtype=np.float64))
        return sorted(zip((vectors @ centre).tolist(), known, strict=True), reverse=True)

    def get_vector(self, key: str, norm: bool = False) -> Vector:
        """Return the vector of a word, shape (D,), read-only; with `norm`, at unit length."""
        vector = self._vector_of(key)
        if norm:
            vector = to_unit(vector)
            vector.setflags(write=False)
        return vector

    def get_normed_vectors(self) -> Vector:
        """Return `normalized_vectors`, shape (V, D), float32."""
        return self.normalized_vectors

    def get_index(self, key: str, default: int | None = None) -> int:
        """Return the row of a word, or for an unknown word, `default` if it is given."""
        row = self._row(key)
        if row is not None:
            return row
        if default is not None:
            return default
        raise self._unknown([key])

    def has_index_for(self, key: str) -> bool:
        """Return whether a word has a row, as written or in the tokenizer's spelling."""
        return self._row(key) is not None

    def get_vecattr(self, key: str, attr: str) -> int:
        """Return the count of a word; "count" is the only one of gensim's attributes."""
        counts = self.vocabulary.counts
        if attr != "count":
            raise KeyError(f"words have no attribute {attr!r:.80} here")
        if counts is None:
            raise KeyError("the counts are not known")
        return int(counts[self.get_index(key)])

    def get_mean_vector(
        self,
        keys: Sequence[Item],
        weights: Sequence[float] | NDArray[Any] | None = None,
        pre_normalize: bool = True,
        post_normalize: bool = False,
        ignore_missing: bool = True,
    ) -> Vector:
        """Return the weighted mean of the vectors of words, shape (D,), float32.

        Parameters
        ----------
        keys : sequence of str or ndarray of shape (D,)
            Words and vectors.
        weights : sequence of float, optional
            One weight for each; 1 by default. The weighted sum is divided by the sum of absolute weights.
        pre_normalize : bool, default True
            Scale the vectors of words, but not given vectors, to unit length first.
        post_normalize : bool, default False
            Scale the mean to unit length.
        ignore_missing : bool, default True
            Ignore words without a vector; the mean of no vectors is zero.
        """
        _refuse_string("get_mean_vector", keys)
        if len(keys) == 0:
            raise ValueError("get_mean_vector needs at least one word or vector")
        weight_of = np.ones(len(keys)) if weights is None else np.asarray(weights, dtype=np.float64)
        if weight_of.shape != (len(keys),):
            raise ValueError(f"there are {len(keys)} words, but the weights have shape {weight_of.shape}")
        used = [place for place, key in enumerate(keys) if not isinstance(key, str) or key in self]
        if not ignore_missing and len(used) < len(keys):
            raise self._unknown([key for key in keys if isinstance(key, str) and key not in self])
        total = np.zeros(self.vector_size)
        for place in used:
            key = keys[place]
            vector = self.get_vector(key, pre_normalize) if isinstance(key, str) else as_vector(key, self.vector_size)
            total += weight_of[place] * vector
        whole = np.abs(weight_of[used]).sum()
        mean = total / whole if whole > 0 else total
        return to_unit(mean) if post_normalize else mean.astype(np.float32)

    def wmdistance(self, document1: Iterable[str], document2: Iterable[str], norm: bool = True) -> float:
        """Return the word mover's distance of two documents [1]_.

        Parameters
        ----------
        document1, document2 : iterable of str
            Words; words without a vector are ignored, and repeated words weigh more.
        norm : bool, default True
            Scale the vectors to unit length first.

        Returns
        -------
        float
            Infinity if a document has no word with a vector.

        Raises
        ------
        ImportError
            If POT, which solves the transport problem, is not installed.

        Notes
        -----
        Deviation from gensim: documents whose words all have the same vector have distance 0 (gensim: infinity).

        References
        ----------
        .. [1] Kusner et al. 2015, "From Word Embeddings To Document Distances", ICML.
        """
        if isinstance(document1, str) or isinstance(document2, str):
            raise TypeError("wmdistance needs lists of words, not a string; split it into words first")
        bags = [Counter(word for word in document if word in self) for document in (document1, document2)]
        if not bags[0] or not bags[1]:
            return float("inf")
        vectors = [np.stack([self.get_vector(word, norm=norm) for word in bag]) for bag in bags]
        supply, demand = (np.fromiter(bag.values(), np.float64) / bag.total() for bag in bags)
        return _transport_cost(vectors[0], supply, vectors[1], demand)


def _refuse_string(name: str, words: object) -> None:
    """Raise TypeError for one string, whose letters would be taken for words."""
    if isinstance(words, str):
        raise TypeError(f"{name} needs a list of words, not one string: write [{words!r:.60}]")


def _at_least_none(topn: int) -> int:
    """Return the number of words wanted, none for a negative one, as gensim does."""
    return max(0, whole_number("topn", topn, -sys.maxsize))


def _or_none(items: Items | None) -> Items:
    """Replace None by no items."""
    return () if items is None else items


def _transport_cost(
    sources: Vector, supply: NDArray[np.float64], targets: Vector, demand: NDArray[np.float64]
) -> float:
    """Return the minimum cost of moving `supply`, shape (n,), to `demand`, shape (m,), by Euclidean distance."""
    ot = load_optional("ot", "wmdistance needs POT; install it with: pip install POT")
    from scipy.spatial.distance import cdist

    costs = cdist(sources, targets)
    return float(ot.emd2(supply, demand, costs)) if costs.any() else 0.0
