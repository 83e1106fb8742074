"""Sentences as concatenated word ids, and batches drawn from them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.sentences import MAX_TOKENS, MIN_TOKENS, split_sentences
from w2v.encoder.model.lookup import WordLookup
from w2v.encoder.training.teacher_cache import KeptVectors

_SENTENCES_AT_ONCE = 1 << 16
_ROWS_AT_ONCE = 1 << 16

Rows = NDArray[np.integer[Any]]


@dataclass(frozen=True, eq=False)
class PackedSentences:
    """S sentences of known words: sentence s has tokens[offsets[s]:offsets[s + 1]], perhaps none.

    `tokens` are ids of the vocabulary, shape (N,); `offsets` has shape (S + 1,).
    """

    tokens: NDArray[np.int32]
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Number of tokens of each sentence."""
        return np.diff(self.offsets)

    def take(self, rows: Rows) -> PackedSentences:
        """Return the given sentences in the given order."""
        starts = self.offsets[rows]
        lengths = self.offsets[np.asarray(rows) + 1] - starts
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        places = np.repeat(starts - offsets[:-1], lengths) + np.arange(offsets[-1])
        return PackedSentences(self.tokens[places], offsets)

    def __getitem__(self, part: slice) -> PackedSentences:
        """Return consecutive sentences, without a copy of their tokens."""
        first, last, _ = part.indices(len(self))
        offsets = self.offsets[first : max(first, last) + 1]
        return PackedSentences(self.tokens[offsets[0] : offsets[-1]], offsets - offsets[0])

    @classmethod
    def join(cls, parts: Sequence[PackedSentences]) -> PackedSentences:
        """Return all sentences of several packs."""
        if not parts:
            return cls(np.empty(0, np.int32), np.zeros(1, np.int64))
        lengths = np.concatenate([part.lengths for part in parts])
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        return cls(np.concatenate([part.tokens for part in parts]), offsets)


def digest(*arrays: NDArray[Any] | KeptVectors) -> str:
    """Return a digest of 16 letters of the arrays, which identifies the training data."""
    found = hashlib.blake2b(digest_size=8)
    for array in arrays:
        found.update(repr((array.shape, array.dtype.str)).encode())
        for start in range(0, len(array), _ROWS_AT_ONCE):
            found.update(np.ascontiguousarray(array[start : start + _ROWS_AT_ONCE]).data)
    return found.hexdigest()


def pack_sentences(lookup: WordLookup, sentences: Iterable[str]) -> PackedSentences:
    """Return the known words of each sentence; the text is processed in pieces, so that a stream is never in memory."""
    parts = []
    stream = iter(sentences)
    n_before = 0
    while some := list(islice(stream, _SENTENCES_AT_ONCE)):
        found = lookup.find(some, first=n_before)
        n_before += len(some)
        parts.append(PackedSentences(found.ids, found.offsets))
    return PackedSentences.join(parts)


@dataclass(frozen=True, eq=False)
class Neighbors:
    """Sentences of paragraphs in order, and which of them are followed by a sentence of the same paragraph."""

    sentences: PackedSentences
    firsts: NDArray[np.int64]


def pack_neighbors(
    lookup: WordLookup,
    paragraphs: Iterable[str],
    *,
    min_tokens: int = MIN_TOKENS,
    max_tokens: int = MAX_TOKENS,
) -> Neighbors:
    """Cut paragraphs into sentences and find neighbours within the limits of length.

    A sentence with fewer than `min_tokens` or more than `max_tokens` known words is left out, and the sentences on its
    two sides do not become neighbours. Equal to `w2v.corpora.sentences.sentence_runs`, but compiled, and only known
    words count.
    """
    if not 1 <= min_tokens <= max_tokens:
        raise ValueError(f"min_tokens and max_tokens must be 1 <= {min_tokens} <= {max_tokens}")
    parts: list[PackedSentences] = []
    firsts: list[NDArray[np.int64]] = []
    n_kept = 0
    for sentences, begins in _cut(paragraphs):
        found = lookup.find(sentences)
        lengths = np.diff(found.offsets)
        is_kept = (lengths >= min_tokens) & (lengths <= max_tokens)
        is_first = is_kept[:-1] & is_kept[1:] & ~np.array(begins[1:], bool)
        kept = np.flatnonzero(is_kept)
        parts.append(PackedSentences(found.ids, found.offsets).take(kept))
        firsts.append(n_kept + np.searchsorted(kept, np.flatnonzero(is_first)))
        n_kept += len(kept)
    return Neighbors(PackedSentences.join(parts), np.concatenate([np.empty(0, np.int64), *firsts]).astype(np.int64))


def _cut(paragraphs: Iterable[str]) -> Iterator[tuple[list[str], list[bool]]]:
    """Yield sentences of whole paragraphs, many at once, and which of them begin a paragraph."""
    sentences: list[str] = []
    begins: list[bool] = []
    for paragraph in paragraphs:
        cut = split_sentences(paragraph)
        sentences += cut
        begins += [place == 0 for place in range(len(cut))]
        if len(sentences) >= _SENTENCES_AT_ONCE:
            yield sentences, begins
            sentences, begins = [], []
    if sentences:
        yield sentences, begins


class Shuffled:
    """Batches of 0 … n - 1 in an order that depends only on the seed and the step, so that training can be resumed.

    Every number comes once per pass; a remainder smaller than a batch is left out.
    """

    def __init__(self, n: int, batch_size: int, seed: int) -> None:
        if not 1 <= batch_size <= n:
            raise ValueError(f"a batch must have 1 to {n} items, the number of all items, not {batch_size}")
        self.n, self.batch_size, self.seed = n, batch_size, seed
        self._pass, self._order = -1, np.empty(0, np.int64)

    def batch(self, step: int) -> NDArray[np.int64]:
        """Return the numbers of one step."""
        number, place = divmod(step, self.n // self.batch_size)
        if number != self._pass:
            self._pass, self._order = number, self._ordered(np.random.default_rng([self.seed, number]))
        return self._order[place * self.batch_size : (place + 1) * self.batch_size]

    def _ordered(self, rng: np.random.Generator) -> NDArray[np.int64]:
        """Return the order of a pass."""
        return rng.permutation(self.n)


class ShuffledRuns(Shuffled):
    """Batches of 0 … n - 1 that consist of runs from one group each, in an order that depends on the seed and the step.

    A run may go on into the next group, whose number is higher, so that every number comes once per pass.

    Parameters
    ----------
    groups : ndarray of shape (n,)
        The group of each number.
    run : int
        Length of a run; at most the batch size.
    batch_size, seed : int
    """

    def __init__(self, groups: NDArray[np.integer[Any]], run: int, batch_size: int, seed: int) -> None:
        super().__init__(len(groups), batch_size, seed)
        self._groups, self._run = groups, min(run, batch_size)

    def _ordered(self, rng: np.random.Generator) -> NDArray[np.int64]:
        order = rng.permutation(self.n)
        order = order[np.argsort(self._groups[order], kind="stable")]
        order = np.roll(order, int(rng.integers(self.n)))  # other runs each time, and another rest
        n_runs = self.n // self._run
        runs = order[: n_runs * self._run].reshape(n_runs, self._run)
        return np.concatenate([runs[rng.permutation(n_runs)].ravel(), order[n_runs * self._run :]])
