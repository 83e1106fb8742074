"""Interpolated modified Kneser-Ney: a count-based language model, and the baseline for neural ones.

::

    p(w | u) = max(c(u w) − D(c), 0) / c(u ·) + γ(u) p(w | u without its first token)

c is the count of an n-gram; in orders below the highest, the number of distinct tokens before it, or for n-grams at the
start of a sequence, their count. D depends on whether c is 1, 2 or more, and is estimated from the number of n-grams of
that order with counts of 1, 2, 3 and 4; γ makes the probabilities sum to 1. The lowest order backs off to the uniform
distribution. These are the conventions of KenLM.

References
----------
Chen and Goodman 1998, An empirical study of smoothing techniques for language modeling, TR-10-98, Harvard. Heafield et
al. 2013, Scalable modified Kneser-Ney language model estimation, ACL.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.neural.configs import END, START
from w2v.neural.kernels import ngrams as kernels
from w2v.neural.packing import Packed, check_offsets

LARGEST_ORDER = 7
FALLBACK = (0.5, 1.0, 1.5)
"""Discounts used if there are too few n-grams to estimate them."""
_MOST = 2**31 - 1


@dataclass(frozen=True, eq=False)
class NgramModel:
    """N-grams and their probabilities, as arrays.

    Attributes
    ----------
    order : int
        Length of the longest n-grams.
    sentences : bool
        Whether sequences are sentences, which start with START and end with END. A running text has neither.
    discounts : ndarray of shape (order, 3), float64
    words : ndarray of shape (n,), int32
        The last token of each n-gram; see `kernels.ngrams` for their order.
    first : ndarray of shape (m + 1,), int32
        The start of the continuations of each n-gram but the longest.
    masses : ndarray of shape (n,), float32
        The contribution of their counts to their probability.
    backoffs : ndarray of shape (m,), float32
        γ.
    """

    order: int
    sentences: bool
    discounts: NDArray[np.float64]
    words: NDArray[np.int32]
    first: NDArray[np.int32]
    masses: NDArray[np.float32]
    backoffs: NDArray[np.float32]

    @classmethod
    def fit(cls, text: Packed, order: int, n_tokens: int, *, sentences: bool = True) -> NgramModel:
        """Count the n-grams of a text.

        Parameters
        ----------
        text : Packed
            Must contain neither START nor END.
        order : int
            From 1 to 7.
        n_tokens : int
            V, the size of the vocabulary.
        sentences : bool, default True
            Whether each sequence is a sentence with an end; a running text has none.

        Returns
        -------
        NgramModel

        Raises
        ------
        ValueError
            If the order or a token is out of range.

        Notes
        -----
        Memory is about 30 bytes per token of the text during counting, and 16 per n-gram, 8 for the longest. There must
        be fewer than 2**31 tokens and fewer than 2**31 n-grams.
        """
        if not 1 <= order <= LARGEST_ORDER:
            raise ValueError(f"order must be from 1 to {LARGEST_ORDER}, not {order}")
        stream = _stream(text, n_tokens, sentences)
        tokens, offsets = stream.ids.astype(np.int32), stream.offsets
        if len(tokens) > _MOST:
            raise ValueError(f"the text has more than {_MOST:,} tokens: use part of it")
        by_token, nodes = np.empty(len(tokens), np.int32), tokens.copy()
        kernels.sort_by_token(tokens, n_tokens, by_token)
        level = _Level(
            np.array([0, n_tokens], np.int32),
            np.arange(n_tokens, dtype=np.int32),
            np.bincount(tokens, minlength=n_tokens).astype(np.int32),
        )
        discounts, start = np.empty((order, 3)), 1
        parts: dict[str, list[NDArray[Any]]] = {name: [] for name in ("words", "first", "masses", "backoffs")}
        for n in range(1, order + 1):
            following = None
            if n < order:
                adjusted = np.zeros(len(level.words), np.int32)
                following = _extend(tokens, offsets, by_token, nodes, adjusted)
                level = level._replace(counts=adjusted)
            if n == 1:
                level.counts[START] = 0  # it is never predicted
            discounts[n - 1] = _discounts(level.counts)
            masses, backoffs = np.empty(len(level.words), np.float32), np.empty(len(level.first) - 1, np.float32)
            kernels.weigh(level.first, level.counts, discounts[n - 1], masses, backoffs)
            arrays = level.words, level.first[:-1] + np.int32(start), masses, backoffs
            for part, array in zip(parts.values(), arrays, strict=True):
                part.append(array)
            start += len(level.words)
            if start > _MOST:
                raise ValueError(f"the text has more than {_MOST:,} n-grams: use a lower order")
            if following is not None:
                level = following
        parts["words"].insert(0, np.zeros(1, np.int32))
        parts["masses"].insert(0, np.zeros(1, np.float32))
        parts["first"].append(np.array([start], np.int32))
        return cls(order, sentences, discounts, **{name: np.concatenate(parts.pop(name)) for name in list(parts)})

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> NgramModel:
        """Return the model with these `arrays`.

        Raises
        ------
        ValueError
            If an array is missing, or they do not form a trie; the message explains what is wrong.
        """
        for name, dtype in _ARRAYS.items():
            if name not in arrays:
                raise ValueError(f"the array {name!r} is missing")
            if arrays[name].dtype != dtype:
                raise ValueError(f"the array {name!r} has dtype {arrays[name].dtype}, not {np.dtype(dtype)}")
        if arrays["settings"].shape != (2,):
            raise ValueError("the array 'settings' must contain the order and whether there are sentences")
        order, sentences = arrays["settings"].tolist()
        model = cls(order, bool(sentences), **{name: arrays[name] for name in _ARRAYS if name != "settings"})
        model._check()
        return model

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays to save."""
        return {name: getattr(self, name) for name in _ARRAYS if name != "settings"} | {
            "settings": np.array([self.order, self.sentences], np.int64)
        }

    def _check(self) -> None:
        """Raise ValueError unless all lookups stay within the arrays."""
        n, m = len(self.words), len(self.backoffs)
        if not 1 <= self.order <= LARGEST_ORDER or self.discounts.shape != (self.order, 3):
            raise ValueError(f"an n-gram model needs an order from 1 to {LARGEST_ORDER} and three discounts for each")
        if self.words.ndim != 1 or self.masses.shape != (n,) or self.first.shape != (m + 1,) or m < 1:
            raise ValueError("the arrays of the n-gram model have different sizes")
        if self.first[0] != 1 or self.first[-1] != n or (np.diff(self.first) < 0).any():
            raise ValueError("the n-gram model does not contain valid positions of continuations")
        if self.n_tokens <= END or sum(self.n_grams) != n - 1 or n - self.n_grams[-1] != m:
            raise ValueError("the n-gram model has a different number of n-grams than it records")
        if self.words.min() < 0 or self.words.max() >= self.n_tokens:
            raise ValueError("the n-gram model has tokens that are not in its vocabulary")
        if not (np.isfinite(self.masses).all() and np.isfinite(self.backoffs).all()):
            raise ValueError("the n-gram model has a probability that is not finite")

    @property
    def n_tokens(self) -> int:
        """V."""
        return int(self.first[1] - self.first[0])

    @property
    def n_grams(self) -> list[int]:
        """Number of n-grams of each order; for order 1, all tokens."""
        borders = [0]
        for _ in range(self.order + 1):
            borders.append(int(self.first[min(borders[-1], len(self.first) - 1)]))
        sizes: list[int] = np.diff(borders[1:]).tolist()
        return sizes

    def log_probabilities(self, text: Packed) -> NDArray[np.float64]:
        """Return the natural log-probability of every token; for sentences, that of END follows those of the tokens.

        Parameters
        ----------
        text : Packed

        Returns
        -------
        ndarray of shape (N,), or for sentences (N + B,), float64

        Raises
        ------
        ValueError
            If a token is not in the vocabulary.
        """
        stream, skipped = _stream(text, self.n_tokens, self.sentences), int(self.sentences)
        found = np.empty(len(stream.ids) - skipped * text.n_sequences, np.float64)
        tokens = stream.ids.astype(np.int32)
        kernels.score(self._trie, self.order, tokens, stream.offsets, skipped, self._lowest(), found)
        return found

    def next_distribution(self, context: NDArray[np.integer[Any]]) -> NDArray[np.float64]:
        """Return the probability of every token after a context, shape (V,).

        Parameters
        ----------
        context : ndarray of shape (m,), integers
            The preceding tokens; for a sentence from its beginning, starting with START.
        """
        context = np.asarray(context)
        if context.size and not 0 <= context.min() <= context.max() < self.n_tokens:
            raise ValueError(f"tokens must be from 0 to {self.n_tokens - 1}")
        found = self._lowest()
        kernels.distribute(self._trie, self.order, context.astype(np.int32), found)
        return found

    @property
    def _trie(self) -> tuple[Any, ...]:
        return self.words, self.first, self.masses, self.backoffs

    def _lowest(self) -> NDArray[np.float64]:
        """Return the uniform distribution over all tokens that can be predicted."""
        told = np.ones(self.n_tokens)
        told[START] = 0
        told[END] = self.sentences
        lowest: NDArray[np.float64] = told / told.sum()
        return lowest


_ARRAYS: dict[str, type[np.generic]] = {
    "words": np.int32,
    "first": np.int32,
    "masses": np.float32,
    "backoffs": np.float32,
    "discounts": np.float64,
    "settings": np.int64,
}


class _Level(NamedTuple):
    """The n-grams of one order: the start of each context's n-grams, their last tokens, and their counts."""

    first: NDArray[np.int32]
    words: NDArray[np.int32]
    counts: NDArray[np.int32]


def _stream(text: Packed, n_tokens: int, sentences: bool) -> Packed:
    """Return the tokens with START and END added, after a check."""
    ids, offsets = text
    check_offsets(offsets, len(ids))
    if n_tokens <= END:
        raise ValueError(f"a vocabulary must have more than {END + 1} tokens, not {n_tokens}")
    if len(ids) and not 0 <= ids.min() <= ids.max() < n_tokens:
        raise ValueError(f"tokens must be from 0 to {n_tokens - 1}")
    if np.isin(ids, (START, END)).any():
        raise ValueError("START and END are added to sentences automatically: the text must not contain them")
    if not sentences:
        return text
    borders = np.arange(text.n_sequences + 1)
    both = np.repeat(offsets, 2)[1:-1]
    return Packed(np.insert(ids, both, np.tile([START, END], text.n_sequences)), offsets + 2 * borders)


def _extend(
    tokens: NDArray[np.int32],
    offsets: NDArray[np.int64],
    by_token: NDArray[np.int32],
    nodes: NDArray[np.int32],
    adjusted: NDArray[np.int32],
) -> _Level:
    """Return the n-grams of the next order; see `kernels.ngrams.extend`."""
    first, words = np.empty(len(adjusted) + 1, np.int32), np.empty(len(tokens), np.int32)
    counts = np.empty(len(tokens), np.int32)
    n = kernels.extend(tokens, offsets, by_token, nodes, len(adjusted), adjusted, first, words, counts)
    return _Level(first, words[:n].copy(), counts[:n].copy())


def _discounts(counts: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return the discounts of counts of 1, of 2 and of more: Chen and Goodman's estimate, or the fallback."""
    t = kernels.counts_of_counts(counts).astype(np.float64)
    if (t[:3] == 0).any():
        return np.array(FALLBACK)
    k = np.arange(1, 4)
    found: NDArray[np.float64] = k - (k + 1) * t[0] / (t[0] + 2 * t[1]) * t[1:] / t[:3]
    return found if ((found >= 0) & (found <= k)).all() else np.array(FALLBACK)
