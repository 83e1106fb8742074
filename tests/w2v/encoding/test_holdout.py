"""Sentences that are set aside: nothing is lost, nothing is shared, and the seed decides."""

from __future__ import annotations

import numpy as np
import pytest

from w2v.encoding import holdout
from w2v.encoding.holdout import PIECE, hold_out
from w2v.encoding.stream import TokenStream


def stream_of(lengths: list[int]) -> TokenStream:
    """Return a stream in which every token occurs once."""
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return TokenStream(np.arange(offsets[-1], dtype=np.int32), offsets, int(offsets[-1]) + 7)


def sentences(stream: TokenStream) -> list[tuple[int, ...]]:
    tokens, offsets = stream.tokens.tolist(), stream.offsets.tolist()
    return [tuple(tokens[first:last]) for first, last in zip(offsets[:-1], offsets[1:], strict=True)]


@pytest.fixture
def lengths() -> list[int]:
    return [int(length) for length in np.random.default_rng(4).integers(1, 30, 500)]


@pytest.mark.parametrize("at_once", [1, 7, 1000])
def test_hold_out_splits_whole_sentences(lengths: list[int], at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holdout, "_SENTENCES_AT_ONCE", at_once)
    whole = sentences(stream_of(lengths))
    train, held = hold_out(stream_of(lengths), 0.2, seed=3)
    assert sorted(sentences(train) + sentences(held)) == whole
    assert sentences(train) == sorted(sentences(train)) and sentences(held) == sorted(sentences(held))
    assert 60 < held.n_sentences < 140
    assert train.n_words == held.n_words == sum(lengths) + 7
    assert train.tokens.dtype == held.tokens.dtype == np.int32 and train.offsets.dtype == held.offsets.dtype == np.int64


def test_hold_out_is_decided_by_the_seed(lengths: list[int]) -> None:
    held = [sentences(hold_out(stream_of(lengths), 0.1, seed)[1]) for seed in (1, 1, 2)]
    assert held[0] == held[1] != held[2]


def test_hold_out_takes_the_place_of_the_stream(lengths: list[int]) -> None:
    stream = stream_of(lengths)
    train, held = hold_out(stream, 0.5, seed=1)
    assert np.shares_memory(train.tokens, stream.tokens) and np.shares_memory(train.offsets, stream.offsets)
    assert not np.shares_memory(held.tokens, stream.tokens)


def test_hold_out_cuts_long_sentences() -> None:
    lengths = [3, 4 * PIECE + 5, 2 * PIECE, 2]
    train, held = hold_out(stream_of(lengths), 0.5, seed=2)
    together = sorted(sentences(train) + sentences(held))
    assert [len(sentence) for sentence in together] == [3, *[PIECE] * 4, 5, PIECE, PIECE, 2]
    assert [token for sentence in together for token in sentence] == list(range(sum(lengths)))


@pytest.mark.parametrize("share", [1e-9, 0.5])
def test_hold_out_leaves_one_sentence_on_each_side(share: float) -> None:
    for seed in range(8):
        train, held = hold_out(stream_of([2, 3]), share, seed)
        assert train.n_sentences == held.n_sentences == 1


def test_hold_out_refuses_a_single_sentence() -> None:
    with pytest.raises(ValueError, match="the corpus is one short sentence"):
        hold_out(stream_of([PIECE]), 0.5, seed=1)
