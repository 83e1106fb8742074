"""The nearest lines of a text."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.helpers.examples.encoder_examples import make_embeddings
from w2v.corpora.readers import TextReader
from w2v.encoder.model.contributions import token_shares
from w2v.encoder.model.inference import Inference
from w2v.encoder.model.state import sif_state
from w2v.encoder.retrieval.similar import similar_sentences

LINES = [
    "the river",
    "River, a river!",
    "",
    "don't 42",
    "unheard",
    "naïve river",
    "日本 x",
    "a river",
    "the  river",
    "x",
]


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt"
    path.write_text("\n".join(LINES * 3) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def inference() -> Inference:
    return Inference(sif_state(make_embeddings()), 2)


@pytest.mark.parametrize("top_n", [1, 3, 20])
@pytest.mark.parametrize("batch_size", [1, 4, 1024])
def test_similar_sentences_are_those_of_the_highest_cosines(
    text: Path, inference: Inference, monkeypatch: pytest.MonkeyPatch, top_n: int, batch_size: int
) -> None:
    encode_blocks = inference.encode_blocks
    monkeypatch.setattr(inference, "encode_blocks", lambda blocks, output: encode_blocks(blocks, output, batch_size))
    found = similar_sentences(inference, "the river a", TextReader(text, block_size=32), top_n=top_n)
    from w2v.encoder.model.inference import Output

    vectors = inference.encode(LINES, Output()).astype(np.float64)
    [query] = inference.encode(["the river a"], Output())
    cosines = vectors @ query
    expected = sorted((-cosines[i], i) for i in range(len(LINES)) if vectors[i].any())[:top_n]
    assert [(near.line, near.sentence) for near in found] == [(i + 1, LINES[i]) for _, i in expected]
    np.testing.assert_allclose([near.similarity for near in found], [-minus for minus, _ in expected], atol=1e-6)


def test_similar_sentences_leaves_out_the_query_itself_and_repeats(text: Path, inference: Inference) -> None:
    found = similar_sentences(inference, "the river", TextReader(text), top_n=20)
    sentences = [near.sentence for near in found]
    assert "the river" not in sentences and len(set(sentences)) == len(sentences) == 7
    assert found[0].sentence == "the  river" and found[0].similarity == pytest.approx(1)


def test_similar_sentences_uses_vectors_that_were_computed_before(text: Path, inference: Inference) -> None:
    from w2v.encoder.model.inference import Output

    expected = similar_sentences(inference, "a river", TextReader(text), top_n=4)
    for output in (Output(), Output(normalize=False), Output(precision="float16")):
        vectors = inference.encode(LINES * 3, output)
        found = similar_sentences(inference, "a river", TextReader(text, block_size=40), top_n=4, vectors=vectors)
        assert [near.line for near in found] == [near.line for near in expected]
    for wrong in (vectors[:-1], np.concatenate([vectors, vectors[:1]])):
        with pytest.raises(ValueError, match="they must come from another text"):
            similar_sentences(inference, "a river", TextReader(text), vectors=wrong)


def test_similar_sentences_refuses_a_query_of_unknown_words(text: Path, inference: Inference) -> None:
    with pytest.raises(ValueError, match="no word of the sentence 'unheard of' is known"):
        similar_sentences(inference, "unheard of", TextReader(text))
    with pytest.raises(ValueError, match="top_n must be at least 1"):
        similar_sentences(inference, "river", TextReader(text), top_n=0)


def test_similar_sentences_of_lines_without_words_are_none(tmp_path: Path, inference: Inference) -> None:
    (tmp_path / "empty").write_text("\nunheard\n\n")
    assert similar_sentences(inference, "river", TextReader(tmp_path / "empty")) == []


def test_token_shares_are_parts_of_the_sum(rng: np.random.Generator) -> None:
    rows = rng.normal(size=(4, 7)).astype(np.float32)
    shares = token_shares(rows)
    assert shares.sum() == pytest.approx(1)
    total = rows.sum(axis=0)
    assert shares[2] == pytest.approx(rows[2] @ total / (total @ total), rel=1e-5)
    assert token_shares(np.array([[1, 0], [-1, 0]], np.float32)).tolist() == [0, 0]


def test_similar_sentences_refuses_an_empty_text(tmp_path: Path, inference: Inference) -> None:
    (tmp_path / "empty").write_bytes(b"")
    with pytest.raises(ValueError, match="the text has no lines"):
        similar_sentences(inference, "river", TextReader(tmp_path / "empty"))
