"""Continued training: the vocabulary and tables of a model grow by the words of a new text.

docs/running/continuing.md describes what changes and what does not.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from w2v.encoding.vocabulary import Vocabulary
from w2v.training.tables import Tables, copy_rows


def counts_before(rows: NDArray[np.int64], known: Vocabulary) -> NDArray[np.int64]:
    """Return the count of each word in `known`, -1 for a new word; shape (V,), int64."""
    assert known.counts is not None
    counts: NDArray[np.int64] = np.where(rows >= 0, known.counts[rows], -1)
    return counts


def grow_tables(tables: Tables, rows: NDArray[np.int64], grown: Tables) -> Tables:
    """Copy the rows of `tables` to larger tables: words, n-grams that both have, and all positions.

    `rows`, shape (V,), has the old row of each new row, -1 for a new word. `grown` has V rows with initial values; it
    is overwritten and returned.
    """
    copy_rows(tables.output_vectors, rows, grown.output_vectors)
    copy_rows(tables.input_rows, rows, grown.input_rows)
    if tables.composition is not None and grown.composition is not None:
        old, new = tables.composition.buckets, grown.composition.buckets
        _, in_old, in_new = np.intersect1d(old, new, assume_unique=True, return_indices=True)
        of_ngrams = np.full(len(new), -1, np.int64)
        of_ngrams[in_new] = in_old
        copy_rows(tables.ngram_vectors, of_ngrams, grown.ngram_vectors)
    if tables.position_weights is not None and grown.position_weights is not None:
        grown.position_weights[:] = tables.position_weights
    return grown
