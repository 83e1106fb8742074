"""Static encoders as tables of words, for other tools."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.command_line import assert_mistake, run
from tests.helpers.examples.encoder_examples import COUNTS, SENTENCES, make_embeddings
from w2v import ModelError
from w2v.encoder import EncoderState, SentenceEncoder, sif_state
from w2v.encoder.formats import read_encoder, write_encoder
from w2v.encoder.model.blocks import Blocks, HashedBag, PlainMean
from w2v.formats import read_vectors


def state_of_blocks() -> EncoderState:
    mean = PlainMean(np.ascontiguousarray(make_embeddings(9, seed=3).vectors), 0.3)
    return replace(sif_state(make_embeddings(), 1e-2), blocks=Blocks(HashedBag(16, 0.5, 1e-3), mean))


def test_a_table_of_words_has_blocks_side_by_side_near_what_they_are() -> None:
    state = state_of_blocks()
    folded = SentenceEncoder(state).to_embeddings()
    rows, first = folded.vectors, state.table * state.gains[:, None]
    np.testing.assert_array_equal(rows[:, :20], first)
    shares = COUNTS / COUNTS.sum()

    def squared(part: np.ndarray) -> float:
        """Return the mean square of sums of eleven words, by drawing them."""
        drawn = np.random.default_rng(1).choice(len(part), (40_000, 11), p=shares)
        return float((part[drawn].sum(axis=1) ** 2).sum(axis=1).mean())

    own, bag, mean = squared(first), squared(rows[:, 20:36]), squared(rows[:, 36:])
    assert bag / own == pytest.approx(0.5**2, rel=0.05)
    assert mean / own == pytest.approx(0.3**2, rel=0.05)
    near = SentenceEncoder(folded, a=np.inf).encode(SENTENCES)
    cosines = (near * SentenceEncoder(state).encode(SENTENCES)).sum(axis=1)
    assert (cosines[near.any(axis=1)] > 0.6).all()


def test_exports_of_blocks_say_what_is_lost(tmp_path: Path) -> None:
    SentenceEncoder(state_of_blocks()).save(tmp_path / "e")
    for format_, out in (("model2vec", "m"), ("word2vec-text", "v.txt")):
        told = run("export", tmp_path / "e", tmp_path / out, "--format", format_)
        assert told.exit_code == 0 and "cosines differ slightly" in told.stderr, told.output
        alone = run("export", tmp_path / "e", tmp_path / f"1-{out}", "--format", format_, "--first-block")
        assert alone.exit_code == 0 and "cosines differ slightly" not in alone.stderr, alone.output
    expected = SentenceEncoder(sif_state(make_embeddings(), 1e-2)).encode(SENTENCES)
    np.testing.assert_allclose(SentenceEncoder(read_encoder(tmp_path / "1-m")).encode(SENTENCES), expected, atol=1e-6)
    assert read_encoder(tmp_path / "m").table.shape[1] == 20 + 16 + 9


def test_bert_has_no_place_for_blocks(tmp_path: Path) -> None:
    network: dict[str, Any] = {"norm": "post", "positions": "learned", "head": "linear", "dim": 24, "heads": 2}
    state = SentenceEncoder(make_embeddings(), "attention", bag_columns=8, **network).state
    with pytest.raises(ModelError, match="this encoder has a bag; use the format onnx, or leave the blocks out"):
        write_encoder(state, tmp_path / "f", format="sentence-transformers")
    assert not (tmp_path / "f").exists()
    SentenceEncoder(state).save(tmp_path / "e")
    result = run("export", tmp_path / "e", tmp_path / "f", "--format", "sentence-transformers", "--first-block")
    assert result.exit_code == 0, result.output


def test_to_embeddings_folds_the_weights_in() -> None:
    encoder = SentenceEncoder(make_embeddings(), a=1e-2)
    folded = encoder.to_embeddings()
    again = SentenceEncoder(folded, a=np.inf)
    np.testing.assert_allclose(again.encode(SENTENCES), encoder.encode(SENTENCES), atol=1e-5)
    assert folded.tokenizer == encoder.state.tokenizer
    with pytest.raises(ValueError, match="an encoder with attention is more than a table"):
        SentenceEncoder(make_embeddings(), "attention").to_embeddings()


def test_export_takes_a_static_encoder(tmp_path: Path) -> None:
    encoder = SentenceEncoder(make_embeddings(), a=1e-2).fit()
    encoder.save(tmp_path / "e")
    result = run("export", tmp_path / "e", tmp_path / "v.bin", "--format", "word2vec-binary")
    assert result.exit_code == 0, result.output
    np.testing.assert_array_equal(read_vectors(tmp_path / "v.bin").vectors, encoder.to_embeddings().vectors)
    SentenceEncoder(make_embeddings(), "attention").save(tmp_path / "a")
    assert_mistake(run("export", tmp_path / "a", tmp_path / "w.bin", "--format", "glove"), 1, "with attention")
    assert_mistake(run("export", tmp_path / "none", tmp_path / "w.bin", "--format", "glove"), 1, "does not exist")
