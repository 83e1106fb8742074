"""gensim's KeyedVectors: to and from them, and to files that gensim opens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from w2v.encoding.vocabulary import Vocabulary
from w2v.formats.gensim import from_gensim, read_gensim, write_gensim
from w2v.vectors.embeddings import Embeddings
from w2v.vectors.persistence import ModelError
from w2v.vectors.subwords import Subwords, SubwordVectors

pytestmark = pytest.mark.interop
gensim: Any = pytest.importorskip("gensim")

WORDS = ["the", "river", "日本", "x y"]


@pytest.fixture
def embeddings(rng: np.random.Generator) -> Embeddings:
    return Embeddings(Vocabulary(WORDS, np.arange(4, 0, -1)), rng.normal(size=(4, 5)).astype(np.float32))


@pytest.fixture
def with_ngrams(embeddings: Embeddings, rng: np.random.Generator) -> Embeddings:
    subwords = SubwordVectors(Subwords(3, 5, 60), rng.normal(size=(60, 5)).astype(np.float32))
    return Embeddings(embeddings.vocabulary, embeddings.vectors, subwords=subwords)


def assert_same(found: Embeddings, expected: Embeddings) -> None:
    assert found.index_to_key == expected.index_to_key
    np.testing.assert_array_equal(found.vectors, expected.vectors)
    assert found.vocabulary.counts is not None and found.vocabulary.counts.tolist() == [4, 3, 2, 1]


def test_keyed_vectors_come_back(embeddings: Embeddings, tmp_path: Path) -> None:
    write_gensim(embeddings, tmp_path / "v.kv")
    keyed = gensim.models.KeyedVectors.load(str(tmp_path / "v.kv"))
    assert keyed.most_similar("river")[0][0] == embeddings.neighbors("river")[0][0]
    assert_same(from_gensim(keyed), embeddings)
    assert [path.name for path in tmp_path.iterdir()] == ["v.kv"]
    write_gensim(embeddings, tmp_path / "new" / "v.kv")
    assert_same(from_gensim(gensim.models.KeyedVectors.load(str(tmp_path / "new" / "v.kv"))), embeddings)


@pytest.mark.slow
def test_large_arrays_come_as_files_beside(tmp_path: Path, rng: np.random.Generator) -> None:
    large = Embeddings([f"w{i}" for i in range(110_000)], rng.normal(size=(110_000, 100)).astype(np.float32))
    write_gensim(large, tmp_path / "v.kv")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["v.kv", "v.kv.vectors.npy"]
    keyed = gensim.models.KeyedVectors.load(str(tmp_path / "v.kv"), mmap="r")
    np.testing.assert_array_equal(keyed["w7"], large["w7"])


def test_ngrams_go_to_gensim_and_back(with_ngrams: Embeddings, tmp_path: Path) -> None:
    write_gensim(with_ngrams, tmp_path / "v.kv")
    keyed = gensim.models.fasttext.FastTextKeyedVectors.load(str(tmp_path / "v.kv"))
    for word in [*WORDS, "rivers", "日本語"]:
        np.testing.assert_allclose(keyed[word], with_ngrams[word], rtol=1e-5, atol=1e-6)
    keyed.adjust_vectors()  # gensim's own sum of the words' vectors and those of their n-grams
    np.testing.assert_allclose(keyed.vectors, with_ngrams.vectors, rtol=1e-5, atol=1e-6)
    again = from_gensim(keyed)
    np.testing.assert_allclose(again["rivers"], with_ngrams["rivers"], rtol=1e-6)


def test_models_trained_by_gensim_give_their_vectors() -> None:
    sentences = [["the", "river", "flows"], ["the", "banks"]] * 10
    model = gensim.models.FastText(sentences, vector_size=4, min_count=1, bucket=100, epochs=1, workers=1, seed=1)
    found = from_gensim(model)
    assert found.index_to_key == model.wv.index_to_key
    for word in ["the", "banks", "rivers"]:
        np.testing.assert_allclose(found[word], model.wv[word], rtol=1e-5, atol=1e-8)
    word2vec = gensim.models.Word2Vec(sentences, vector_size=4, min_count=1, epochs=1, workers=1, seed=1)
    np.testing.assert_array_equal(from_gensim(word2vec).vectors, word2vec.wv.vectors)


def test_from_gensim_refuses_other_things() -> None:
    with pytest.raises(TypeError, match="not dict"):
        from_gensim({})
    with pytest.raises(ValueError, match="at least one row"):
        from_gensim(gensim.models.KeyedVectors(3))


def test_pickles_are_never_opened(embeddings: Embeddings, tmp_path: Path) -> None:
    write_gensim(embeddings, tmp_path / "v.kv")
    with pytest.raises(ModelError, match=r"v\.kv is a pickle, which can run code.*from_gensim"):
        read_gensim(tmp_path / "v.kv")


def test_files_are_replaced_only_when_asked(embeddings: Embeddings, tmp_path: Path) -> None:
    (tmp_path / "v.kv").write_text("mine")
    with pytest.raises(ModelError, match="exists already"):
        write_gensim(embeddings, tmp_path / "v.kv")
    assert (tmp_path / "v.kv").read_text() == "mine"
    write_gensim(embeddings, tmp_path / "v.kv", overwrite=True)
    assert_same(from_gensim(gensim.models.KeyedVectors.load(str(tmp_path / "v.kv"))), embeddings)
    with pytest.raises(ModelError, match="folder"):
        write_gensim(embeddings, tmp_path)
    with pytest.raises(ModelError, match="'bad' holds NaN"):
        write_gensim(Embeddings(["bad"], np.array([[np.nan]])), tmp_path / "w.kv")
    assert [path.name for path in tmp_path.iterdir()] == ["v.kv"]
    write_gensim(embeddings, tmp_path / "new" / "v.kv")
    assert_same(from_gensim(gensim.models.KeyedVectors.load(str(tmp_path / "new" / "v.kv"))), embeddings)
