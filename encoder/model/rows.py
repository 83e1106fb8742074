"""The rows that a sentence's words have in an encoder, gathered or summed up."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from w2v.encoder.model.lookup import FoundWords, WordLookup, encode_words
from w2v.encoder.model.lookup_kernels import add_identities, sum_rows
from w2v.encoder.model.state import EncoderState
from w2v.kernels.subwords import take_ngrams
from w2v.vectors.subwords import SubwordVectors


class WordRows:
    """What `EncoderState` says of words: exp(b_i) · E_i for known ones, spelling and n-grams for others.

    Its methods may be called from several threads at once. `gains` are exp(b), shape (V,), read-only.
    """

    def __init__(self, state: EncoderState) -> None:
        self.state = state
        self.lookup = WordLookup(state.vocabulary, state.tokenizer)
        self.has_unknown = state.identity is not None or state.subwords is not None
        self.gains = _frozen(state.gains)
        self._table = _frozen(state.table.reshape(-1))

    def find(self, sentences: Sequence[str], *, first: int = 0) -> FoundWords:
        """Look up the words of sentences; those that have no row at all are left out. See `WordLookup.find`."""
        return self.lookup.find(sentences, with_unknown=self.has_unknown, first=first)

    def find_lines(self, data: bytes) -> FoundWords:
        """Look up the words of the lines of a text; see `WordLookup.find_lines`."""
        return self.lookup.find_lines(data, with_unknown=self.has_unknown)

    def sums(self, found: FoundWords, out: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
        """Return the sum of the rows of each sentence, shape (S, d); zero for a sentence without words.

        It is written to `out` if that is given. The sum of a sentence does not depend on the others, bit for bit.
        """
        sums = np.empty((len(found), self.state.width), np.float32) if out is None else out
        extra = _frozen(self.unknown_rows(found.unknown).reshape(-1))
        sum_rows(found.ids, found.offsets, self.gains, self._table, extra, self.state.width, sums.reshape(-1))
        return sums

    def gather(self, found: FoundWords) -> NDArray[np.float32]:
        """Return the row of every token, shape (N, d), a copy."""
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
        """Return the rows of words that the vocabulary does not hold, shape (K, d)."""
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


def _ngram_means(subwords: SubwordVectors, words: list[str]) -> NDArray[np.float32]:
    """Return the mean of the vectors of each word's n-grams; zeros for a word that has none."""
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
