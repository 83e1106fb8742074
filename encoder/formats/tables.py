"""The embeddings of an encoder's words as tables for other programs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.pieces import PiecesTokenizer
from w2v.encoder.model.state import EncoderState


def token_rows(state: EncoderState, n_rows: int) -> NDArray[np.float32]:
    """Return the table by the numbers of tokens, shape (n_rows, width), with the words' weights folded in.

    Words have the numbers that they have here, pieces those of their tokenizer. Zeros are behind them, and where the
    encoder does not hold a piece.
    """
    table = np.zeros((n_rows, state.width), np.float32)
    if not isinstance(state.tokenizer, PiecesTokenizer):
        np.multiply(state.table, state.gains[:, None], out=table[: len(state.vocabulary)])
        return table
    rows = state.vocabulary.key_to_index
    found = np.array([rows.get(piece, -1) for piece in state.tokenizer.pieces])
    known = np.flatnonzero(found >= 0)
    table[known] = state.table[found[known]] * state.gains[found[known], None]
    return table
