"""Continued training: the vocabulary of a model grows by the words of a new text, and so do its tables.

What changes and what does not is written down in docs/continuing.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from w2v.encoding.vocabulary import Vocabulary
from w2v.training.tables import Tables

_ROWS_AT_ONCE = 1 << 14


def rows_before(vocabulary: Vocabulary, known: Vocabulary) -> NDArray[np.int64]:
    """Return the row of each word in `known`, -1 for a new word; shape (V,), int64."""
    return np.fromiter((known.key_to_index.get(word, -1) for word in vocabulary), np.int64, len(vocabulary))


def counts_before(rows: NDArray[np.int64], known: Vocabulary) -> NDArray[np.int64]:
    """Return the count of each word in `known`, -1 for a new word; shape (V,), int64."""
    assert known.counts is not None
    counts: NDArray[np.int64] = np.where(rows >= 0, known.counts[rows], -1)
    return counts


def grow_tables(tables: Tables, rows: NDArray[np.int64], grown: Tables) -> Tables:
    """Copy old rows to larger tables: where `rows` says, those of the n-grams that are in both, and all positions.

    Parameters
    ----------
    tables : Tables
        The old ones, which are left alone.
    rows : ndarray of shape (V,), int64
        For each new row its old one, -1 for a new word.
    grown : Tables
        Of V rows, as at the start of a training. Overwritten.

    Returns
    -------
    Tables
        `grown`.
    """
    _copy_rows(tables.output_vectors, rows, grown.output_vectors)
    _copy_rows(tables.input_rows, rows, grown.input_rows)
    if tables.composition is not None and grown.composition is not None:
        old, new = tables.composition.buckets, grown.composition.buckets
        _, in_old, in_new = np.intersect1d(old, new, assume_unique=True, return_indices=True)
        of_ngrams = np.full(len(new), -1, np.int64)
        of_ngrams[in_new] = in_old
        _copy_rows(tables.ngram_vectors, of_ngrams, grown.ngram_vectors)
    if tables.position_weights is not None and grown.position_weights is not None:
        grown.position_weights[:] = tables.position_weights
    return grown


def _copy_rows(old: NDArray[np.float32], rows: NDArray[np.int64], new: NDArray[np.float32]) -> None:
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        wanted = rows[start : start + _ROWS_AT_ONCE]
        new[start + np.flatnonzero(wanted >= 0)] = old[wanted[wanted >= 0]]
