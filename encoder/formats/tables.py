"""The embeddings of an encoder's words as tables for other programs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.pieces import PiecesTokenizer
from w2v.encoder.model.state import EncoderState


def token_rows(state: EncoderState, last: int = -1) -> NDArray[np.float32]:
    """Return the table by the numbers of tokens, up to `last` at least, with the words' weights folded in.

    Words have the numbers that they have here, pieces those of their tokenizer. Zeros are behind them, and where the
    encoder does not hold a piece.
    """
    pieces = state.tokenizer.pieces if isinstance(state.tokenizer, PiecesTokenizer) else None
    table = np.zeros((max(len(pieces or ()), last + 1), state.width), np.float32)
    if pieces is None:
        np.multiply(state.table, state.gains[:, None], out=table[: len(state.vocabulary)])
        return table
    rows = state.vocabulary.key_to_index
    found = np.array([rows.get(piece, -1) for piece in pieces])
    known = np.flatnonzero(found >= 0)
    table[known] = state.table[found[known]] * state.gains[found[known], None]
    return table
