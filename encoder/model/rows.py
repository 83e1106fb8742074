"""The embeddings of a sentence's words in an encoder, gathered or summed, and the further blocks of its vector."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from w2v.encoder.model.blocks import Blocks
from w2v.encoder.model.lookup import FoundWords, WordLookup, encode_words
from w2v.encoder.model.lookup_kernels import Bag, Rows, add_identities, hash_words, join_blocks, sum_rows
from w2v.encoder.model.state import EncoderState
from w2v.encoder.model.weights import log_weights, word_probabilities
from w2v.encoding.vocabulary import Vocabulary
from w2v.kernels.subwords import take_ngrams
from w2v.vectors.subwords import SubwordVectors


class WordRows:
    """The embeddings of words: exp(b_i) · E_i for known words, spelling and n-grams for unknown ones.

    Its methods are thread-safe. `gains` are exp(b), shape (V,), read-only. `has_unknown` says whether unknown words
    have an embedding; `beside` makes the further blocks.
    """

    def __init__(self, state: EncoderState) -> None:
        self.state = state
        self.lookup = WordLookup(state.vocabulary, state.tokenizer)
        self.has_unknown = state.identity is not None or state.subwords is not None
        self.beside = BesideRows(state.blocks, state.vocabulary) if state.blocks else None
        self.gains = _frozen(state.gains)
        self._table = _frozen(state.table.reshape(-1))

    def find(self, sentences: Sequence[str], *, first: int = 0) -> FoundWords:
        """Look up the words of sentences; words without an embedding are left out. See `WordLookup.find`."""
        return self.lookup.find(sentences, with_unknown=self.state.has_unknown, first=first)

    def find_lines(self, data: bytes) -> FoundWords:
        """Look up the words of the lines of a text; see `WordLookup.find_lines`."""
        return self.lookup.find_lines(data, with_unknown=self.state.has_unknown)

    def sums(self, found: FoundWords, out: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
        """Return the sum of each sentence's embeddings, shape (S, d), in `out` if given; zero without words.

        The sum of a sentence does not depend on the others, bit for bit.
        """
        sums = np.empty((len(found), self.state.width), np.float32) if out is None else out
        extra = _frozen(self.unknown_rows(found.unknown).reshape(-1))
        sum_rows(found.ids, found.offsets, self.gains, self._table, extra, self.state.width, sums.reshape(-1))
        return sums

    def join(self, found: FoundWords, out: NDArray[np.float32], *, has_sums: bool, normalize: bool) -> bool:
        """Write the vectors of sentences with all blocks to `out`, shape (S, columns); return whether they are finite.

        With `has_sums`, `out` already has the first block, not yet normalized.
        """
        assert self.beside is not None
        if has_sums:
            return self.beside.join(found, out, normalize=normalize)
        extra = self.unknown_rows(found.unknown) if self.has_unknown else np.empty(0, np.float32)
        first = Rows(self.gains, self._table, _frozen(extra.reshape(-1)), self.state.width)
        return self.beside.join(found, out, first, normalize=normalize)

    def gather(self, found: FoundWords) -> NDArray[np.float32]:
        """Return a copy of the embedding of every token, shape (N, d)."""
        rows = np.empty((len(found.ids), self.state.width), np.float32)
        known = found.ids >= 0
        if known.all():
            np.take(self.state.table, found.ids, axis=0, out=rows)
            rows *= self.gains[found.ids, None]
            return rows
        rows[known] = self.state.table[found.ids[known]] * self.gains[found.ids[known], None]
        rows[~known] = self.unknown_rows(found.unknown)[-1 - found.ids[~known]]
        return rows

    def unknown_rows(self, words: list[str]) -> NDArray[np.float32]:
        """Return the embeddings of unknown words, shape (K, d)."""
        state = self.state
        rows = np.zeros((len(words), state.width), np.float32)
        if not words:
            return rows
        if state.subwords is not None:
            width = state.subwords.ngram_vectors.shape[1]
            rows[:, :width] = _ngram_means(state.subwords, words) * np.float32(state.subword_scale)
        if state.identity is not None:
            start = state.identity.start
            length = np.float32(state.identity.scale / np.sqrt(state.width - start))
            add_identities(*encode_words(words), length, start, rows)
        return rows


class BesideRows:
    """Makes the further blocks, which have `columns` columns."""

    def __init__(self, blocks: Blocks, vocabulary: Vocabulary) -> None:
        self.blocks, self.columns, self._n_words = blocks, blocks.columns, len(vocabulary)
        nothing = _frozen(np.empty(0, np.float32))
        self._bag, self._mean = Bag(nothing, nothing, 0), _no_rows(0)
        if blocks.bag is not None:
            entries = self._entries(vocabulary.index_to_key)
            entries[::2] *= np.exp(log_weights(word_probabilities(vocabulary), blocks.bag.a))
            self._bag = Bag(_frozen(entries), nothing, blocks.bag.columns)
        if blocks.mean is not None:
            vectors = blocks.mean.vectors
            ones = _frozen(np.ones(len(vectors), np.float32))
            self._mean = Rows(ones, _frozen(vectors.reshape(-1)), nothing, vectors.shape[1])
        self._weights = np.array([one.weight if one else 0.0 for one in (blocks.bag, blocks.mean)])

    def join(self, found: FoundWords, out: NDArray[np.float32], first: Rows | None = None, *, normalize: bool) -> bool:
        """Write the vectors of sentences to `out`, shape (S, d); return whether they are finite. See `join_blocks`.

        Without `first`, `out` already has the first block, not yet normalized.
        """
        flags, bag = (first is None, normalize), self._bag._replace(extra=_frozen(self._entries(found.unknown)))
        first = _no_rows(out.shape[1] - self.columns) if first is None else first
        finite: bool = join_blocks(
            found.ids, found.offsets, first, bag, self._mean, self._weights, flags, out.reshape(-1)
        )
        return finite

    def gather(self, found: FoundWords) -> NDArray[np.float32]:
        """Return each token's contribution to these blocks of its sentence's vector, shape (N, columns)."""
        parts = self._rows_of(found.ids, self._entries(found.unknown))
        for rows, weight in parts:
            scale_sentences(rows, found.offsets, weight)
        return np.hstack([rows for rows, _ in parts])

    def of_vocabulary(self) -> list[tuple[NDArray[np.float32], float]]:
        """Return for each block its weight and the rows of the words; the block is their sum, normalized."""
        return self._rows_of(np.arange(self._n_words, dtype=np.int32), np.empty(0, np.float32))

    def _rows_of(self, ids: NDArray[np.int32], unknown: NDArray[np.float32]) -> list[tuple[NDArray[np.float32], float]]:
        """Return the rows of words in each block and its weight; `unknown` has the entries of ids below 0."""
        parts, known = [], ids >= 0
        bag, mean = self.blocks.bag, self.blocks.mean
        if bag is not None:
            entries = np.empty((len(ids), 2), np.float32)
            entries[known] = self._bag.entries.reshape(-1, 2)[ids[known]]
            entries[~known] = unknown.reshape(-1, 2)[-1 - ids[~known]]
            rows = np.zeros((len(ids), bag.columns), np.float32)
            rows[np.arange(len(ids)), entries[:, 1].astype(np.intp)] = entries[:, 0]
            parts.append((rows, bag.weight))
        if mean is not None:
            rows = np.zeros((len(ids), mean.vectors.shape[1]), np.float32)
            rows[known] = mean.vectors[ids[known]]
            parts.append((rows, mean.weight))
        return parts

    def _entries(self, words: Sequence[str]) -> NDArray[np.float32]:
        """Return the signs and columns of words in the layout of `hash_words`."""
        bag = self.blocks.bag
        entries = np.empty(2 * len(words) if bag else 0, np.float32)
        if bag is not None and words:
            hash_words(*encode_words(bag.beginnings(words)), bag.columns, entries)
        return entries


def scale_sentences(rows: NDArray[np.float32], offsets: NDArray[np.int64], length: float) -> None:
    """Scale the rows of each sentence in place so that their sum has the given length; a zero sum stays zero."""
    for start, stop in zip(offsets.tolist(), offsets[1:].tolist(), strict=False):
        own = float(np.linalg.norm(rows[start:stop].sum(axis=0, dtype=np.float64)))
        if own > 0:
            rows[start:stop] *= np.float32(length / own)


def _no_rows(width: int) -> Rows:
    nothing = _frozen(np.empty(0, np.float32))
    return Rows(nothing, nothing, nothing, width)


def _ngram_means(subwords: SubwordVectors, words: list[str]) -> NDArray[np.float32]:
    """Return the mean vector of each word's n-grams; zeros for a word without any."""
    offsets, buckets = subwords.subwords.table(words)
    places = subwords.places(buckets)
    sums = np.zeros((len(words), subwords.ngram_vectors.shape[1]), np.float32)
    take_ngrams(sums, subwords.ngram_vectors, offsets, places)  # leaves minus the sums of those that have a row
    known = np.concatenate([[0], np.cumsum(places >= 0)])
    counts = np.diff(known[offsets])
    means: NDArray[np.float32] = -sums / np.maximum(counts, 1).astype(np.float32)[:, None]
    return means


def _frozen(array: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a read-only view, so that compiled code sees one type of array wherever it comes from."""
    view = array.view()
    view.setflags(write=False)
    return view
