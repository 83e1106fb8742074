"""The rows of an encoder's words as tables for other programs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.pieces import PiecesTokenizer
from w2v.encoder.model.state import EncoderState


def folded_rows(state: EncoderState, n_rows: int) -> NDArray[np.float32]:
    """Return the table with the words' weights folded in, and zeros behind it, shape (n_rows, width)."""
    table = np.zeros((n_rows, state.width), np.float32)
    np.multiply(state.table, state.gains[:, None], out=table[: len(state.vocabulary)])
    return table


def piece_rows(state: EncoderState, tokenizer: PiecesTokenizer, n_rows: int) -> NDArray[np.float32]:
    """Return such a table in the order of the numbers of pieces; zeros for those that the encoder does not hold."""
    table = np.zeros((n_rows, state.width), np.float32)
    rows = state.vocabulary.key_to_index
    found = np.array([rows.get(piece, -1) for piece in tokenizer.pieces])
    known = np.flatnonzero(found >= 0)
    table[known] = state.table[found[known]] * state.gains[found[known], None]
    return table
