"""Baselines: the formulas they stand for."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.command_line import assert_mistake, run
from tests.helpers.examples.encoder_examples import COUNTS, SENTENCES, WORDS, make_embeddings
from w2v.corpora.tokenizers import WordsTokenizer
from w2v.encoder.evaluation.baselines import (
    BASELINES,
    BagOfWords,
    UnweightedSif,
    get_baseline,
    random_network,
    sentence_moments,
)
from w2v.encoder.model.state import sif_state
from w2v.encoder.model.weights import usif_weights, word_probabilities
from w2v.encoder.sentence_encoder import SentenceEncoder


@pytest.mark.parametrize("name", BASELINES)
def test_every_baseline_makes_unit_vectors_one_sentence_at_a_time(name: str) -> None:
    baseline = get_baseline(name, make_embeddings())
    found = baseline.encode(SENTENCES)
    norms = np.linalg.norm(found, axis=1)
    assert norms[2] == 0
    np.testing.assert_allclose(norms[[0, 1, 4, 5, 6, 7]], 1, atol=1e-5)
    alone = np.stack([baseline.encode([sentence])[0] for sentence in SENTENCES])
    np.testing.assert_allclose(found, alone, atol=1e-6)
    np.testing.assert_array_equal(found, get_baseline(name, make_embeddings()).encode(iter(SENTENCES)))


def test_get_baseline_lists_the_names() -> None:
    with pytest.raises(ValueError, match="no baseline 'best'; known are bag-of-words, mean, sif, usif, random-network"):
        get_baseline("best", make_embeddings())


def test_bag_of_words_counts_shared_words_by_their_weights() -> None:
    sentences = ["the river don't zebra", "a river zebra zebra", "Naïve"]
    share = dict(zip(WORDS, COUNTS / COUNTS.sum(), strict=True))
    words = ["the", "river", "don't", "zebra", "a", "naïve"]
    weights = np.array([1e-2 / (1e-2 + share.get(word, 0.0)) for word in words])
    tokenizer = WordsTokenizer()
    exact = np.array([[tokenizer(sentence).count(word) for word in words] for sentence in sentences]) * weights
    exact /= np.linalg.norm(exact, axis=1, keepdims=True)
    found = BagOfWords(make_embeddings(), a=1e-2).encode(sentences)
    assert found.shape == (3, 8192)
    np.testing.assert_allclose(found @ found.T, exact @ exact.T, atol=1e-6)


def test_bag_of_words_in_few_columns_is_unbiased_by_its_signs() -> None:
    embeddings = make_embeddings()
    texts = [" ".join(f"w{i}x{j}" for j in range(10)) for i in range(400)]
    found = BagOfWords(embeddings, columns=64).encode(texts)
    cosines = (found @ found.T)[np.triu_indices(400, 1)]
    assert abs(cosines.mean()) < 0.01 < cosines.std()
    with pytest.raises(ValueError, match="columns must be at least 1"):
        BagOfWords(embeddings, columns=0)


def test_mean_is_the_plain_mean() -> None:
    embeddings = make_embeddings()
    [found] = get_baseline("mean", embeddings).encode(["the river river"])
    mean = embeddings[["the", "river", "river"]].mean(axis=0)
    np.testing.assert_allclose(found, mean / np.linalg.norm(mean), atol=1e-6)


def test_usif_weights_follow_the_paper() -> None:
    shares = np.array([0.4, 0.3, 0.2, 0.05, 0.03, 0.02])
    threshold = 1 - (1 - 1 / 6) ** 2  # 0.306: one word of six is above it
    alpha = 1 / 6
    assert (shares > threshold).sum() == 1
    a = (1 - alpha) / (alpha * 3)
    np.testing.assert_allclose(np.exp(usif_weights(shares, 2)), a / (a / 2 + shares), rtol=1e-6)
    assert np.isfinite(usif_weights(np.array([1.0]), 11)).all()  # V = 1
    with pytest.raises(ValueError, match="sentence_length must be at least 1"):
        usif_weights(shares, 0)


def test_sentence_moments_are_those_of_random_sentences(rng: np.random.Generator) -> None:
    state = sif_state(make_embeddings(3), a=1e-1)
    shares = word_probabilities(state.vocabulary)
    draws = rng.choice(len(WORDS), size=(200_000, 4), p=shares)
    rows = state.table * state.gains[:, None]
    sums = rows[draws].sum(axis=1).astype(np.float64)
    expected = sums.T @ sums / len(sums)
    found = sentence_moments(state.table, state.gains, shares, 4)
    np.testing.assert_allclose(found, expected, atol=0.02 * np.abs(expected).max())


def test_usif_takes_out_its_share_of_each_direction() -> None:
    embeddings = make_embeddings()
    baseline = UnweightedSif(embeddings, n_components=2)
    plain = UnweightedSif(embeddings, n_components=0).encode(SENTENCES)
    assert baseline.shares.sum() == pytest.approx(1) and baseline.shares[0] > baseline.shares[1]
    np.testing.assert_allclose(baseline.components @ baseline.components.T, np.eye(2), atol=1e-9)
    expected = plain - (plain @ baseline.components.T * baseline.shares) @ baseline.components
    norms = np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(baseline.encode(SENTENCES), expected / np.where(norms > 0, norms, 1), atol=1e-5)
    with pytest.raises(ValueError, match="n_components must be between 0 and 20"):
        UnweightedSif(embeddings, n_components=21)


def test_random_network_is_not_sif_but_near_it() -> None:
    embeddings = make_embeddings(64)
    sif = SentenceEncoder(embeddings).encode(SENTENCES)
    for layers in (1, 2):
        found = random_network(embeddings, layers=layers).encode(SENTENCES)
        cosines = (sif * found).sum(axis=1)[[0, 1, 4, 6]]
        assert cosines.min() < 0.99 and cosines.mean() > 0.5
    other = random_network(embeddings, random_state=1).encode(SENTENCES)
    assert np.abs(other - random_network(embeddings).encode(SENTENCES)).max() > 0.01


def test_evaluate_measures_a_baseline(tmp_path: Path) -> None:
    embeddings = make_embeddings()
    embeddings.save(tmp_path / "m")
    SentenceEncoder(embeddings, "attention").save(tmp_path / "e")
    pairs = [
        ("the river", "a river", 4.0),
        ("river x", "don't x", 2.5),
        ("42", "naïve", 0.0),
        ("the 日本", "日本", 5.0),
    ]
    (tmp_path / "sts").write_text("".join(f"{a}\t{b}\t{score}\n" for a, b, score in pairs), encoding="utf-8")
    for name in BASELINES:
        result = run("evaluate", tmp_path / "m", "--sts", tmp_path / "sts", "--baseline", name, "--json")
        assert result.exit_code == 0, result.output
        [report] = json.loads(result.stdout)["sts"].values()
        first, second = (get_baseline(name, embeddings).encode([str(pair[i]) for pair in pairs]) for i in (0, 1))
        expected = np.corrcoef((first * second).sum(axis=1), [pair[2] for pair in pairs])[0, 1]
        assert report["pearson"] == pytest.approx(expected, abs=1e-5)
    assert_mistake(run("evaluate", tmp_path / "m", "--sts", tmp_path / "sts", "--baseline", "best"), 2, "'best'")
    assert_mistake(
        run("evaluate", tmp_path / "m", "--word-pairs", "x", "--baseline", "sif"), 2, "--baseline makes vectors"
    )
    encoder = ("evaluate", tmp_path / "e", "--sts", tmp_path / "sts", "--baseline", "sif")
    assert_mistake(run(*encoder), 1, "'sentence-encoder', not 'word-vectors'")
