"""Tables of an encoder's word embeddings for other programs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.pieces import PiecesTokenizer
from w2v.encoder.model.rows import BesideRows
from w2v.encoder.model.state import EncoderState
from w2v.encoder.model.weights import typical_length, word_probabilities


def token_rows(state: EncoderState, last: int = -1) -> NDArray[np.float32]:
    """Return the embeddings by token id, at least up to the id `last`, with word weights folded in.

    Words have their ids in the vocabulary, subwords those of the tokenizer. Rows after them, and of subwords that the
    encoder does not have, are zero. Further blocks are left out.
    """
    return by_tokens(state, state.table * state.gains[:, None], last)


def by_tokens(state: EncoderState, rows: NDArray[np.float32], last: int = -1) -> NDArray[np.float32]:
    """Reorder rows of the vocabulary by token ids, as `token_rows` does."""
    pieces = state.tokenizer.pieces if isinstance(state.tokenizer, PiecesTokenizer) else None
    if pieces is None and last < len(rows):
        return rows
    table = np.zeros((max(len(pieces or ()), last + 1), rows.shape[1]), np.float32)
    if pieces is None:
        table[: len(rows)] = rows
        return table
    numbers = state.vocabulary.key_to_index
    found = np.array([numbers.get(piece, -1) for piece in pieces])
    known = np.flatnonzero(found >= 0)
    table[known] = rows[found[known]]
    return table


def folded_rows(state: EncoderState) -> NDArray[np.float32]:
    """Return the embeddings of the words, followed by those of all blocks, shape (V, columns), with weights folded in.

    Without further blocks, sums of these rows are the encoder's vectors. With blocks they are an approximation: each
    block is scaled to its expected length for words drawn by their probabilities, not to its exact length in each
    sentence.
    """
    first = state.table * state.gains[:, None]
    if not state.blocks:
        return first
    probabilities = word_probabilities(state.vocabulary)
    own, parts = typical_length(first, probabilities), [first]
    for rows, weight in BesideRows(state.blocks, state.vocabulary).of_vocabulary():
        length = typical_length(rows, probabilities)
        parts.append(rows * np.float32(weight * own / length if length > 0 else 0))
    return np.hstack(parts)
