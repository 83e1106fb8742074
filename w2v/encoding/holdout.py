"""Holding out sentences: training never sees them, and their loss measures how well the model generalises.

Whole sentences are drawn, so no window spans both parts. A sentence of more than `PIECE` tokens (text without line
breaks is one sentence) is cut into pieces of that length first, and windows end at the cuts.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from w2v.encoding.stream import TokenStream

PIECE = 1_000
"""Tokens per piece; longer sentences are cut."""
_SENTENCES_AT_ONCE = 1 << 16


def hold_out(stream: TokenStream, fraction: float, seed: int) -> tuple[TokenStream, TokenStream]:
    """Split a stream at random into a training part and a held-out part, each in the original order.

    The first result overwrites the stream, so the tokens are never in memory twice. Each sentence is held out with
    probability `fraction`; each part gets at least one. The seed decides which. Raises ValueError if there is only one
    sentence.
    """
    n_pieces = sum(len(lengths) for lengths in _piece_lengths(stream))
    if n_pieces < 2:
        raise ValueError(
            "the corpus is one short sentence, too short to hold out a part; give more text or leave out holdout"
        )
    tokens, offsets = stream.tokens, stream.offsets
    if n_pieces > stream.n_sentences:
        offsets = np.zeros(n_pieces + 1, np.int64)
    generator = np.random.default_rng([seed, 3])
    trained, set_aside = generator.choice(n_pieces, 2, replace=False)
    seen = position = n_kept = n_sentences = 0
    held_tokens, held_lengths = [], []
    for lengths in _piece_lengths(stream):  # only what has been read is overwritten
        held = generator.random(len(lengths)) < fraction
        for piece, is_held in ((trained, False), (set_aside, True)):
            if seen <= piece < seen + len(lengths):
                held[piece - seen] = is_held
        block = np.array(tokens[position : position + lengths.sum()])
        token_held = np.repeat(held, lengths)
        held_tokens.append(block[token_held])
        held_lengths.append(lengths[held])
        kept, kept_lengths = block[~token_held], lengths[~held]
        tokens[n_kept : n_kept + len(kept)] = kept
        offsets[n_sentences + 1 : n_sentences + 1 + len(kept_lengths)] = n_kept + np.cumsum(kept_lengths)
        seen, position = seen + len(lengths), position + len(block)
        n_kept, n_sentences = n_kept + len(kept), n_sentences + len(kept_lengths)
    held_offsets = np.concatenate([[0], np.cumsum(np.concatenate(held_lengths))]).astype(np.int64)
    return (
        TokenStream(tokens[:n_kept], offsets[: n_sentences + 1], stream.n_words),
        TokenStream(np.concatenate(held_tokens), held_offsets, stream.n_words),
    )


def _piece_lengths(stream: TokenStream) -> Iterator[NDArray[np.int64]]:
    """Yield the lengths of the pieces, for a batch of sentences at a time."""
    for first in range(0, stream.n_sentences, _SENTENCES_AT_ONCE):
        lengths = np.diff(stream.offsets[first : first + _SENTENCES_AT_ONCE + 1])
        n_pieces = -(-lengths // PIECE)
        pieces = np.full(n_pieces.sum(), PIECE, np.int64)
        pieces[np.cumsum(n_pieces) - 1] = lengths - PIECE * (n_pieces - 1)
        yield pieces
