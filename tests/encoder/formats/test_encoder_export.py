"""Static encoders as tables of words, for other tools."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.helpers.command_line import assert_mistake, run
from tests.helpers.encoder_examples import SENTENCES, make_embeddings
from w2v.encoder import SentenceEncoder
from w2v.formats import read_vectors


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
