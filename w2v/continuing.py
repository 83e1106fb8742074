"""Continued training: the vocabulary of a model grows by the words of a new text, and so do its tables.

What changes and what does not is written down in docs/continuing.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .trainer import Tables
from .vocabulary import Vocabulary

_ROWS_AT_ONCE = 1 << 14


def rows_before(vocabulary: Vocabulary, known: Vocabulary) -> NDArray[np.int64]:
    """Return the row of each word in `known`, -1 for a new word; shape (V,), int64."""
    return np.fromiter((known.key_to_index.get(word, -1) for word in vocabulary), np.int64, len(vocabulary))


def counts_before(rows: NDArray[np.int64], known: Vocabulary) -> NDArray[np.int64]:
    """Return the count of each word in `known`, -1 for a new word; shape (V,), int64."""
    assert known.counts is not None
    counts: NDArray[np.int64] = np.where(rows >= 0, known.counts[rows], -1)
    return counts


def grow_tables(tables: Tables, rows: NDArray[np.int64], seed: int) -> Tables:
    """Return larger tables: the old rows where `rows` says, and those of new words as at the start of a training.

    Parameters
    ----------
    tables : Tables
        The old ones, which are left alone.
    rows : ndarray of shape (V,), int64
        For each new row its old one, -1 for a new word.
    seed : int
        Decides how new words start.

    Returns
    -------
    Tables
        Of V rows.
    """
    grown = Tables.random(len(rows), tables.vector_size, seed)
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        old = rows[start : start + _ROWS_AT_ONCE]
        at = start + np.flatnonzero(old >= 0)
        grown.input_vectors[at] = tables.input_vectors[old[old >= 0]]
        grown.output_vectors[at] = tables.output_vectors[old[old >= 0]]
    return grown
