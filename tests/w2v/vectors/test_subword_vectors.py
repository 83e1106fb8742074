"""Embeddings with vectors of n-grams: words that were never seen, in queries and in model folders."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

from w2v.corpora.tokenizers import WordsTokenizer
from w2v.encoding.vocabulary import UnknownWordError
from w2v.evaluation import evaluate_word_pairs
from w2v.vectors.embeddings import Embeddings
from w2v.vectors.persistence import LAYOUT, ModelError
from w2v.vectors.subwords import Subwords, SubwordVectors

BUCKETS = 5000
WORDS = ["river", "rivers", "mountain", "monday"]


@pytest.fixture
def embeddings(rng: np.random.Generator) -> Embeddings:
    subwords = Subwords(3, 5, BUCKETS)
    ngram_vectors = rng.normal(size=(BUCKETS, 64)).astype(np.float32)
    vectors = np.stack([ngram_vectors[subwords.rows(word)].mean(axis=0) for word in WORDS])
    return Embeddings(WORDS, vectors, subwords=SubwordVectors(subwords, ngram_vectors), tokenizer=WordsTokenizer())


def mean_of_ngrams(embeddings: Embeddings, word: str) -> np.ndarray:
    assert embeddings.subwords is not None
    rows = embeddings.subwords.subwords.rows(word)
    mean: np.ndarray = embeddings.subwords.ngram_vectors[rows].astype(np.float64).mean(axis=0)
    return mean


def test_vector_of_an_unseen_word_is_the_mean_of_its_ngrams(embeddings: Embeddings) -> None:
    found = embeddings["riverz"]
    assert found.dtype == np.float32 and not found.flags.writeable
    np.testing.assert_allclose(found, mean_of_ngrams(embeddings, "riverz"), rtol=1e-6)


def test_unseen_word_is_cut_as_the_tokenizer_writes_it(embeddings: Embeddings) -> None:
    np.testing.assert_array_equal(embeddings["RiverZ"], embeddings["riverz"])
    np.testing.assert_allclose(embeddings["No Word"], mean_of_ngrams(embeddings, "No Word"), rtol=1e-6)


def test_list_of_seen_and_unseen_words_gives_all_their_vectors(embeddings: Embeddings) -> None:
    found = embeddings[["monday", "mondey", "river"]]
    np.testing.assert_array_equal(found, np.stack([embeddings[word] for word in ("monday", "mondey", "river")]))


def test_contains_is_true_for_whatever_has_a_vector(embeddings: Embeddings) -> None:
    assert "monday" in embeddings and "Mundayy" in embeddings
    assert "Mundayy" not in embeddings.vocabulary
    assert "" not in embeddings and "</s>" in embeddings  # the tokenizer makes "s" of it


def test_word_without_ngrams_is_unknown(embeddings: Embeddings) -> None:
    with pytest.raises(UnknownWordError, match="''"):
        embeddings[""]
    with pytest.raises(UnknownWordError, match="''"):
        embeddings[["river", ""]]


def test_neighbors_of_a_misspelt_word_begin_with_the_word(embeddings: Embeddings) -> None:
    assert embeddings.neighbors("mountaain")[0][0] == "mountain"
    assert embeddings.neighbors("rivver", top_n=2)[0][0] in ("river", "rivers")
    assert [near[0][0] for near in embeddings.neighbors_batch(["mondday", "river"])] == ["monday", "rivers"]
    assert embeddings.similarity("mondday", "monday") > embeddings.similarity("mondday", "mountain")
    assert embeddings.doesnt_match(["rivver", "river", "mountaain"]) == "mountaain"


def test_pairs_of_words_are_evaluated_with_those_never_seen(embeddings: Embeddings, tmp_path: Path) -> None:
    path = tmp_path / "pairs.txt"
    path.write_text("river rivvers 9\nmonday mountaain 1\nmondayy monday 10\nriver a 5\n", encoding="utf-8")
    report = evaluate_word_pairs(embeddings, path)
    assert (report.n_pairs, report.n_used) == (4, 4)  # "a" has the n-gram "<a>"
    pairs = (("river", "rivvers"), ("monday", "mountaain"), ("mondayy", "monday"), ("river", "a"))
    cosines = [embeddings.similarity(*pair) for pair in pairs]
    assert cosines[0] > cosines[1]
    assert report.spearman == pytest.approx(spearmanr(cosines, [9, 1, 10, 5])[0], rel=1e-12)
    assert evaluate_word_pairs(Embeddings(WORDS, embeddings.vectors), path).n_used == 0


def test_folder_keeps_the_ngrams_and_maps_them(embeddings: Embeddings, tmp_path: Path) -> None:
    embeddings.save(tmp_path / "model")
    embeddings.save(tmp_path / "model", overwrite=True)
    for mmap in (True, False):
        loaded = Embeddings.load(tmp_path / "model", mmap=mmap)
        assert loaded.subwords is not None and embeddings.subwords is not None
        assert loaded.subwords.subwords == Subwords(3, 5, BUCKETS)
        assert loaded.subwords.ngram_vectors.tobytes() == embeddings.subwords.ngram_vectors.tobytes()
        assert not loaded.subwords.ngram_vectors.flags.owndata
        np.testing.assert_array_equal(loaded["riverz"], embeddings["riverz"])
        assert "subwords" not in loaded.metadata
    again = pickle.loads(pickle.dumps(embeddings))
    np.testing.assert_array_equal(again["riverz"], embeddings["riverz"])
    assert not again.subwords.ngram_vectors.flags.writeable


def test_folder_without_ngrams_has_no_file_of_them(embeddings: Embeddings, tmp_path: Path) -> None:
    Embeddings(WORDS, embeddings.vectors).save(tmp_path / "model")
    assert not (tmp_path / "model" / LAYOUT.subwords).exists()
    assert "riverz" not in Embeddings.load(tmp_path / "model")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"min_n": 3, "max_n": 5}, "must hold the integers min_n, max_n, buckets"),
        ({"min_n": 3, "max_n": 5, "buckets": "9"}, "must hold the integers"),
        ({"min_n": 3, "max_n": 5, "buckets": 9, "more": 1}, "must hold the integers"),
        ({"min_n": 6, "max_n": 5, "buckets": BUCKETS}, "min_n <= max_n"),
        ({"min_n": 3, "max_n": 5, "buckets": 9}, r"shape \(5000, 64\)"),
        ([3, 5, 9], "subwords has the wrong type"),
    ],
)
def test_load_refuses_settings_that_contradict_the_file(
    embeddings: Embeddings, tmp_path: Path, settings: object, message: str
) -> None:
    embeddings.save(tmp_path / "model")
    file = tmp_path / "model" / LAYOUT.config
    file.write_text(json.dumps(json.loads(file.read_text(encoding="utf-8")) | {"subwords": settings}), encoding="utf-8")
    with pytest.raises(ModelError, match=message):
        Embeddings.load(tmp_path / "model")


def test_load_names_the_missing_file_of_ngrams(embeddings: Embeddings, tmp_path: Path) -> None:
    embeddings.save(tmp_path / "model")
    (tmp_path / "model" / LAYOUT.subwords).unlink()
    with pytest.raises(ModelError, match=r"subwords\.safetensors does not exist"):
        Embeddings.load(tmp_path / "model")


def test_subword_vectors_check_shape_and_type() -> None:
    with pytest.raises(ValueError, match=r"shape \(9, D\)"):
        SubwordVectors(Subwords(3, 6, 9), np.zeros((8, 2), np.float32))
    with pytest.raises(TypeError, match="float64"):
        SubwordVectors(Subwords(3, 6, 8), np.zeros((8, 2)))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="2 dimensions, those of words 3"):
        Embeddings(["a"], np.ones((1, 3)), subwords=SubwordVectors(Subwords(3, 6, 8), np.zeros((8, 2), np.float32)))
