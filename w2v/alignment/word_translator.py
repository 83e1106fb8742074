"""`WordTranslator`: translates words by their nearest neighbours in another language."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from w2v.alignment.aligner import AlignmentError, check_widths, units_of
from w2v.alignment.similarities import hub_means, nearest
from w2v.settings.constraints import Integer
from w2v.settings.habits import also_called
from w2v.settings.tables import MANY
from w2v.vectors.lookup import NeighborsOfMany, to_unit
from w2v.vectors.queries import in_order

if TYPE_CHECKING:
    from w2v.vectors.embeddings import Embeddings

Method = Literal["csls", "nearest"]
_COUNT = Integer("How many.", 1, MANY)
METHODS: tuple[Method, ...] = ("csls", "nearest")


class WordTranslator:
    """Translates words between two models in one space: aligned models, or parts of one trained on both languages.

    Parameters
    ----------
    source, target : Embeddings
        Embeddings with the same number of dimensions.
    k : int, default 10
        Number of nearest words that CSLS averages over.
    restrict_vocab : int, optional
        Translate only into the N most frequent words.

    Raises
    ------
    AlignmentError
        If the numbers of dimensions differ.
    ValueError
        If `k` or `restrict_vocab` is not a whole number of at least 1.

    Examples
    --------
    >>> from w2v import Embeddings
    >>> english = Embeddings(["one", "two"], [[1.0, 0.0], [0.0, 1.0]])
    >>> german = Embeddings(["zwei", "eins"], [[0.1, 0.9], [0.9, 0.1]])
    >>> WordTranslator(english, german).translate(["two"], top_n=1, method="nearest")[0][0][0]
    'zwei'
    """

    def __init__(
        self, source: Embeddings, target: Embeddings, *, k: int = 10, restrict_vocab: int | None = None
    ) -> None:
        _COUNT.check("k", k)
        if restrict_vocab is not None:
            _COUNT.check("restrict_vocab", restrict_vocab)
        check_widths(source, target)
        self.source, self.target, self.k = source, target, k
        self._units = units_of(target)[:restrict_vocab]

    @also_called(topn="top_n")
    def translate(self, words: Iterable[str], *, top_n: int = 10, method: Method = "csls") -> NeighborsOfMany:
        """Return the nearest words in the other language for each word.

        Parameters
        ----------
        words : iterable of str
        top_n : int, default 10
            At least 1.
        method : {"csls", "nearest"}, default "csls"
            Score by CSLS, 2 cos(x, y) − r(x) − r(y), or by cosine. The first use of CSLS scans all pairs of words.

        Returns
        -------
        list of list of (str, float)
            Words and scores for each word, highest first.

        Raises
        ------
        UnknownWordError
            If words have no vector; it names all of them.
        AlignmentError
            If the vector of a word is not finite.
        ValueError
            If `top_n` is not a whole number of at least 1, or `method` is unknown.
        """
        if isinstance(words, str) or not isinstance(words, Iterable):
            raise TypeError(f"translate needs a list of words, such as ['house'], not {words!r:.80}")
        words = in_order(words)
        return self.translate_vectors(words, self.source[words] if words else [], top_n=top_n, method=method)

    def translate_vectors(
        self, names: Sequence[str], vectors: ArrayLike, *, top_n: int = 10, method: Method = "csls"
    ) -> NeighborsOfMany:
        """Return the nearest words in the other language for vectors, such as those of phrases.

        Parameters
        ----------
        names : sequence of str
            A name for each vector, used in errors.
        vectors : array-like of shape (Q, D)
            Vectors in the source's space.
        top_n, method
            As for `translate`.

        Returns
        -------
        list of list of (str, float)
            As for `translate`.

        Raises
        ------
        AlignmentError
            If a vector is not finite.
        ValueError
            If the numbers of names and vectors differ, `top_n` is not a whole number of at least 1, or `method` is
            unknown.
        """
        _COUNT.check("top_n", top_n)
        if method not in METHODS:
            raise ValueError(f"method must be 'csls' or 'nearest', not {method!r:.80}")
        if isinstance(names, str):
            raise TypeError(f"translate_vectors needs a list of names, not one string: write [{names!r:.60}]")
        vectors = np.atleast_2d(np.asarray(vectors, np.float32))
        width = self.source.vector_size
        if vectors.size and vectors.shape[1:] != (width,):
            raise ValueError(f"vectors of {width} columns are needed, not an array of shape {vectors.shape}")
        vectors = vectors.reshape(-1, width)
        if len(names) != len(vectors):
            raise ValueError(f"there are {len(names)} names and {len(vectors)} vectors")
        if not len(vectors):
            return NeighborsOfMany([], [])
        for name, vector in zip(names, vectors, strict=True):
            if not np.isfinite(vector).all():
                raise AlignmentError(f"the vector of {name!r:.80} is not finite, so it has no translation")
        units = np.stack([to_unit(vector) for vector in vectors])
        scores, rows = self.nearest_rows(units.astype(np.float32), top_n, method)
        words = self.target.index_to_key
        found = (
            [(words[row], float(score)) for row, score in zip(near, of_word, strict=True) if row >= 0]
            for near, of_word in zip(rows.tolist(), scores.tolist(), strict=True)
        )
        return NeighborsOfMany(list(names), found)

    def nearest_rows(
        self, units: NDArray[np.float32], n: int, method: Method
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Return scores and target rows for unit vectors, shape (Q, D), in the source's space, best first.

        The results have the shapes of those of `w2v.alignment.similarities.nearest`.
        """
        if method == "nearest":
            scores, rows = nearest(units, self._units, n, np.zeros(len(self._units), np.float32))
            return scores * np.float32(0.5), rows
        scores, rows = nearest(units, self._units, n, self._hubs)
        scores -= hub_means(units, self._units, self.k)[0][:, None]
        return scores, rows

    @cached_property
    def _hubs(self) -> NDArray[np.float32]:
        """Mean cosine of each target word with its k nearest source words: its r; shape (m,), float32."""
        return hub_means(units_of(self.source), self._units, self.k)[1]
