"""Words, phrases and sentences near to a phrase, by the encoder's weights."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.command_line import assert_mistake, run
from w2v import Embeddings, SentenceEncoder, Vocabulary

WORDS = ["the", "red", "apple", "green", "pear", "sea", "苹果", "和", "香蕉"]


@pytest.fixture
def embeddings(rng: np.random.Generator) -> Embeddings:
    counts = np.array([5000, 90, 80, 70, 60, 50, 40, 30, 20])
    return Embeddings(Vocabulary(WORDS, counts), rng.standard_normal((9, 5)))


def test_most_similar_sums_words_by_their_weights(embeddings: Embeddings) -> None:
    encoder = SentenceEncoder(embeddings)
    found = encoder.most_similar("the red apple", topn=20)
    probability = embeddings.vocabulary.counts / embeddings.vocabulary.counts.sum()  # type: ignore[union-attr]
    weights = 3e-4 / (3e-4 + probability)
    query = (weights[:3, None] * embeddings.vectors[:3].astype(np.float64)).sum(axis=0)
    rows = embeddings.vectors.astype(np.float64)
    cosines = rows @ query / np.linalg.norm(rows, axis=1) / np.linalg.norm(query)
    expected = {
        word: cosine for word, cosine in zip(WORDS, cosines, strict=True) if word not in ("the", "red", "apple")
    }
    assert [near.text for near in found] == sorted(expected, key=lambda word: -expected[word])
    assert {near.text: near.similarity for near in found} == pytest.approx(expected, abs=1e-5)
    assert found.unknown == [] and all(near.line is None for near in found)


def test_a_word_alone_has_the_neighbours_of_its_vector(embeddings: Embeddings) -> None:
    found = SentenceEncoder(embeddings).most_similar("red", topn=3)
    expected = embeddings.neighbors("red", top_n=3)
    assert [near.text for near in found] == [word for word, _ in expected]
    assert [near.similarity for near in found] == pytest.approx([score for _, score in expected], abs=1e-5)


def test_sentences_stand_among_the_words_and_unknown_words_are_named(embeddings: Embeddings) -> None:
    encoder = SentenceEncoder(embeddings)
    found = encoder.most_similar("red apple zzz", topn=30, texts=["apple, red!", "nothing known", "the sea"])
    assert found.unknown == ["zzz"]
    assert (found[0].text, found[0].line) == ("apple, red!", 1) and found[0].similarity == pytest.approx(1, abs=1e-5)
    scores = [near.similarity for near in found]
    assert scores == sorted(scores, reverse=True) and len(found) == 7 + 2
    vectors = encoder.encode(["red apple", "the sea"])
    assert next(near.similarity for near in found if near.line == 3) == pytest.approx(vectors[0] @ vectors[1], abs=1e-5)


def test_a_network_compares_what_it_makes_of_words(embeddings: Embeddings) -> None:
    encoder = SentenceEncoder(embeddings, "attention", dim=4, heads=1, layers=1, random_state=1)
    found = encoder.most_similar("red apple", topn=3)
    query, *rows = encoder.encode(["red apple", *(near.text for near in found)])
    assert [near.similarity for near in found] == pytest.approx([float(row @ query) for row in rows], abs=1e-5)


def test_most_similar_refuses_what_it_cannot_answer(embeddings: Embeddings) -> None:
    encoder = SentenceEncoder(embeddings)
    with pytest.raises(ValueError, match="no word of 'foo bar' is known"):
        encoder.most_similar("foo bar")
    with pytest.raises(ValueError, match="topn must be a whole number from 1"):
        encoder.most_similar("red", topn=0)
    with pytest.raises(TypeError, match="the query must be a str, not list"):
        encoder.most_similar(["red"])  # type: ignore[arg-type]


def test_neighbors_answers_phrases_of_words_and_of_encoders(embeddings: Embeddings, tmp_path: Path) -> None:
    embeddings.save(tmp_path / "my.model")
    SentenceEncoder(embeddings).save(tmp_path / "my.encoder")
    expected = [near._asdict() for near in SentenceEncoder(embeddings).most_similar("red apple zzz", topn=2)]
    for model in ("my.model", "my.encoder"):
        result = run("neighbors", tmp_path / model, "red apple zzz", "--top", 2, "--json")
        assert result.exit_code == 0, result.output
        [answer] = json.loads(result.stdout)
        assert answer == {"query": "red apple zzz", "unknown": ["zzz"], "neighbors": expected}
    (tmp_path / "s.txt").write_text("red pear\n\ngreen apple\n", encoding="utf-8")
    result = run("neighbors", tmp_path / "my.model", "red", "apple zzz", "--sentences", tmp_path / "s.txt", "--top", 4)
    assert result.exit_code == 0 and "unknown words left out of 'apple zzz': zzz" in result.stderr
    assert "green apple" in result.stdout and "near red" in result.stdout
    assert_mistake(run("neighbors", tmp_path / "my.model", "foo bar"), 1, "no word of 'foo bar' is known")
    assert_mistake(
        run("neighbors", tmp_path / "my.encoder", "red", "--minus", "sea"), 2, "only --top and --json are possible"
    )
    missing = run("neighbors", tmp_path / "my.model", "red", "--sentences", tmp_path / "nowhere.txt")
    assert_mistake(missing, 1, "nowhere.txt")


def test_neighbors_of_chinese_phrases(embeddings: Embeddings, tmp_path: Path) -> None:
    from w2v.corpora import get_tokenizer

    characters = Embeddings(["苹", "果", "和", "香", "蕉"], np.eye(5) + 0.1, tokenizer=get_tokenizer("characters"))
    characters.save(tmp_path / "zh.model")
    result = run("neighbors", tmp_path / "zh.model", "苹果和香", "--json")
    assert result.exit_code == 0, result.output
    assert [near["text"] for near in json.loads(result.stdout)[0]["neighbors"]] == ["蕉"]


@pytest.mark.parametrize("topn", [0, 2.5, True, "3"])
def test_how_many_is_a_whole_number(topn: object) -> None:
    encoder = SentenceEncoder(Embeddings(["a", "b"], [[1.0, 0.0], [0.0, 1.0]]))
    with pytest.raises(ValueError, match="topn must be a whole number from 1"):
        encoder.most_similar("a", topn=topn)  # type: ignore[arg-type]
