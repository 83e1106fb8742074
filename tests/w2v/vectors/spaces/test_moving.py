"""Vectors that are centred, and those with their output vectors beside them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.command_line import assert_mistake, run
from w2v import Embeddings, Word2Vec
from w2v.vectors.inverses import read_output_vectors
from w2v.vectors.spaces.moving import beside_outputs, centred
from w2v.vectors.subwords import Subwords, SubwordVectors

WORDS = [f"word{i}" for i in range(50)]


@pytest.fixture
def embeddings(rng: np.random.Generator) -> Embeddings:
    return Embeddings(WORDS, rng.standard_normal((50, 6)) + 2)


@pytest.mark.parametrize(("dtype", "near"), [("float32", 1e-6), ("float16", 0.004), ("int8", 0.04)])
def test_centred_subtracts_the_mean_of_the_frequent_words(embeddings: Embeddings, dtype: str, near: float) -> None:
    vectors = embeddings.vectors.astype(np.float64)
    found = centred(embeddings.astype(dtype), 20)  # type: ignore[arg-type]
    assert found.dtype == dtype and list(found) == WORDS
    np.testing.assert_allclose(found.vectors, vectors - vectors[:20].mean(axis=0), atol=near)


def test_centred_words_that_were_never_seen_come_along(embeddings: Embeddings, rng: np.random.Generator) -> None:
    ngrams = SubwordVectors(Subwords(3, 4, 40), rng.standard_normal((40, 6)).astype(np.float32))
    whole = Embeddings(WORDS, embeddings.vectors, subwords=ngrams)
    mean = embeddings.vectors.mean(axis=0, dtype=np.float64)
    np.testing.assert_allclose(centred(whole)["unseen"], whole["unseen"] - mean, atol=1e-5)


def test_centred_refuses_what_has_no_mean(embeddings: Embeddings) -> None:
    with pytest.raises(ValueError, match="n_frequent must be at least 1"):
        centred(embeddings, 0)
    with pytest.raises(ValueError, match="a frequent word's vector is not finite"):
        centred(Embeddings(["a", "b"], [[1.0, 2.0], [np.nan, 1.0]]))


def test_cosines_beside_outputs_are_weighted_means_of_both(embeddings: Embeddings, rng: np.random.Generator) -> None:
    outputs = rng.standard_normal((50, 6)).astype(np.float32)
    both = beside_outputs(embeddings, outputs, 0.5)
    assert both.vector_size == 12
    w, c = (table / np.linalg.norm(table, axis=1, keepdims=True) for table in (embeddings.vectors, outputs))
    expected = (w @ w.T + 0.25 * c @ c.T) / 1.25
    np.testing.assert_allclose(both.normalized_vectors @ both.normalized_vectors.T, expected, atol=1e-5)
    with pytest.raises(ValueError, match=r"of shape \(50, 6\), not of \(50, 5\)"):
        beside_outputs(embeddings, outputs[:, :5])
    ngrams = SubwordVectors(Subwords(3, 4, 40), rng.standard_normal((40, 6)).astype(np.float32))
    with pytest.raises(ValueError, match="only words have output vectors"):
        beside_outputs(Embeddings(WORDS, embeddings.vectors, subwords=ngrams), outputs)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("trained") / "my.model"
    text = ["the king and the queen saw a river", "a river and the sea near the king"] * 40
    Word2Vec(vector_size=8, min_count=1, epochs=2, workers=1, random_state=1).fit(text).save(path)
    return path


def test_prune_and_export_move_the_vectors(trained: Path, tmp_path: Path) -> None:
    before = Embeddings.load(trained)
    outputs = read_output_vectors(trained, before.table.shape)
    assert outputs is not None
    expected = centred(beside_outputs(before, outputs))
    result = run("prune", trained, "--output", tmp_path / "p", "--center", "--both")
    assert result.exit_code == 0, result.output
    assert (Embeddings.load(tmp_path / "p").vectors == expected.vectors).all()
    result = run("export", trained, tmp_path / "v.npz", "--format", "numpy", "--center", "--both")
    assert result.exit_code == 0, result.output
    assert (np.load(tmp_path / "v.npz")["vectors"] == expected.vectors).all()
    assert run("neighbors", tmp_path / "p", "king").exit_code == 0


def test_what_has_no_output_vectors_is_named(trained: Path, tmp_path: Path) -> None:
    Embeddings.load(trained).save(tmp_path / "plain")
    result = run("prune", tmp_path / "plain", "--output", tmp_path / "p", "--both")
    assert_mistake(result, 1, "plain has no output vectors")
    assert not (tmp_path / "p").exists()
    result = run("export", trained, tmp_path / "m", "--format", "model2vec", "--center")
    assert_mistake(result, 2, "--center and --both are for formats of word vectors, which model2vec is not")


@pytest.mark.parametrize("objective", ["hs", "glove", "softmax"])
def test_output_vectors_of_a_tree_and_sums_are_not_put_beside_words(objective: str, tmp_path: Path) -> None:
    text = ["the king and the queen saw a river", "a river and the sea near the king"] * 40
    model = Word2Vec(objective=objective, vector_size=8, min_count=1, epochs=2, workers=1, random_state=1).fit(text)
    model.save(tmp_path / "m")
    arguments = [
        ("prune", tmp_path / "m", "--output", tmp_path / "new", "--both"),
        ("export", tmp_path / "m", tmp_path / "v.npz", "--format", "numpy", "--both"),
    ]
    for given in arguments:
        result = run(*given)
        if objective == "softmax":
            assert result.exit_code == 0, result.output
        else:
            assert_mistake(result, 1, "the objective hs are of a tree, and glove has added them already")
    assert ("output_vectors" in json.loads(run("info", tmp_path / "m", "--json").stdout)) == (objective == "softmax")
