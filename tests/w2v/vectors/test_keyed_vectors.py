"""The methods of gensim's KeyedVectors, against gensim itself."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

from w2v.encoding.vocabulary import UnknownWordError, Vocabulary
from w2v.vectors.embeddings import Embeddings

pytestmark = pytest.mark.interop
WORDS = [f"word{i}" for i in range(300)]


def random_vectors(rng: np.random.Generator) -> np.ndarray:
    return rng.normal(size=(300, 12))


def vectors_like_trained_ones(rng: np.random.Generator) -> np.ndarray:
    """Return rows with a few strong directions, a common mean and lengths that differ, as training leaves them."""
    topics = rng.normal(size=(10, 12)) * np.geomspace(3, 0.1, 12)
    return (topics[rng.integers(0, 10, 300)] + rng.normal(size=(300, 12)) * 0.3 + 0.5) * rng.uniform(0.2, 4, (300, 1))


@pytest.fixture(params=[random_vectors, vectors_like_trained_ones])
def embeddings(request: pytest.FixtureRequest, rng: np.random.Generator) -> Embeddings:
    counts = np.arange(300, 0, -1)
    return Embeddings(Vocabulary(WORDS, counts), request.param(rng).astype(np.float32))


@pytest.fixture
def keyed(embeddings: Embeddings) -> Any:
    pytest.importorskip("gensim")
    return embeddings.to_gensim()


def assert_same_ranking(found: Any, expected: list[tuple[str, float]], rtol: float = 1e-5) -> None:
    assert [word for word, _ in found] == [word for word, _ in expected]
    np.testing.assert_allclose([score for _, score in found], [score for _, score in expected], rtol=rtol, atol=2e-6)


@pytest.mark.parametrize(
    ("positive", "negative"),
    [
        ("word1", None),
        (["word1", "word2"], ["word3"]),
        ([("word1", 2.5), "word2", ("word4", 0.25)], "word3"),
        ([("word1", -1.0), "word2"], [("word3", -0.5)]),
        ("word1", [("word3", 0.5)]),
        ("word1", [("word3", 1.0)]),
        (None, ["word9", "word10"]),
    ],
)
def test_most_similar_agrees_with_gensim(embeddings: Embeddings, keyed: Any, positive: Any, negative: Any) -> None:
    ours, theirs = embeddings.most_similar, keyed.most_similar
    assert_same_ranking(ours(positive, negative, topn=25), theirs(positive, negative, topn=25))
    assert_same_ranking(ours(positive, negative, restrict_vocab=40), theirs(positive, negative, restrict_vocab=40))
    clipped = {"clip_start": 30, "clip_end": 200}
    assert_same_ranking(ours(positive, negative, **clipped), theirs(positive, negative, **clipped))
    scores = theirs(positive, negative, topn=None)
    np.testing.assert_allclose(np.asarray(ours(positive, negative, topn=None)), scores, atol=2e-6)


def test_most_similar_takes_vectors_with_weights_as_gensim_does(embeddings: Embeddings, keyed: Any) -> None:
    terms: list[Any] = [(embeddings["word5"], 0.3), "word6"]
    assert_same_ranking(embeddings.most_similar(terms), keyed.most_similar(terms))
    vector = embeddings["word5"] * 3
    assert_same_ranking(embeddings.similar_by_vector(vector), keyed.similar_by_vector(vector))
    assert_same_ranking(embeddings.similar_by_word("word7", 3), keyed.similar_by_word("word7", 3))
    assert_same_ranking(embeddings.similar_by_key("word7", 3, 50), keyed.similar_by_key("word7", 3, 50))
    assert embeddings.most_similar("word7", topn=0) == keyed.most_similar("word7", topn=0) == []


@pytest.mark.filterwarnings("ignore:Call to deprecated:DeprecationWarning")  # gensim calls itself
@pytest.mark.parametrize(
    ("positive", "negative"),
    [("word1", None), (["word1", "word2"], ["word3"]), (["word1"], ["word2", "word3"]), (["word4"] * 2, [])],
)
def test_most_similar_cosmul_agrees_with_gensim(
    embeddings: Embeddings, keyed: Any, positive: Any, negative: Any
) -> None:
    expected = keyed.most_similar_cosmul(positive, negative, topn=10)
    assert_same_ranking(embeddings.most_similar_cosmul(positive, negative), expected, rtol=1e-4)
    scores = keyed.most_similar_cosmul(positive, negative, topn=None)
    found = np.asarray(embeddings.most_similar_cosmul(positive, negative, topn=None))
    np.testing.assert_allclose(found, scores, rtol=2e-4)


def test_distances_and_ranks_agree_with_gensim(embeddings: Embeddings, keyed: Any) -> None:
    np.testing.assert_allclose(embeddings.distances("word3"), keyed.distances("word3"), atol=2e-6)
    others = ["word9", "word1", "word9"]
    np.testing.assert_allclose(embeddings.distances("word3", others), keyed.distances("word3", others), atol=2e-6)
    vector = embeddings["word8"] * 5
    np.testing.assert_allclose(embeddings.distances(vector), keyed.distances(vector), atol=2e-6)
    for other in WORDS[:40:7]:
        assert embeddings.distance("word2", other) == pytest.approx(keyed.distance("word2", other), abs=2e-6)
        assert embeddings.closer_than("word2", other) == keyed.closer_than("word2", other)
        assert embeddings.rank("word2", other) == keyed.rank("word2", other)
    assert embeddings.most_similar_to_given("word2", others) == keyed.most_similar_to_given("word2", others)
    vectors = embeddings.vectors[:9]
    expected = keyed.cosine_similarities(vector, vectors)
    np.testing.assert_allclose(embeddings.cosine_similarities(vector, vectors), expected, atol=1e-6)


def test_sets_of_words_agree_with_gensim(embeddings: Embeddings, keyed: Any) -> None:
    first, second = WORDS[:6], WORDS[4:9]
    assert embeddings.n_similarity(first, second) == pytest.approx(keyed.n_similarity(first, second), abs=2e-6)
    for use_norm in (True, False):
        ranked = embeddings.rank_by_centrality(first, use_norm)
        expected = keyed.rank_by_centrality(first, use_norm)
        assert [word for _, word in ranked] == [word for _, word in expected]
        np.testing.assert_allclose([score for score, _ in ranked], [score for score, _ in expected], atol=1e-5)
    relative = keyed.relative_cosine_similarity("word1", "word2")
    assert embeddings.relative_cosine_similarity("word1", "word2") == pytest.approx(relative, rel=1e-4)


@pytest.mark.parametrize("pre_normalize", [True, False])
@pytest.mark.parametrize("post_normalize", [True, False])
@pytest.mark.parametrize("weights", [None, [0.5, -2, 1, 3]])
def test_mean_vector_agrees_with_gensim(
    embeddings: Embeddings, keyed: Any, pre_normalize: bool, post_normalize: bool, weights: Any
) -> None:
    keys: list[Any] = ["word1", "nowhere", embeddings["word2"], "word5"]
    mean = embeddings.get_mean_vector(keys, weights, pre_normalize, post_normalize)
    np.testing.assert_allclose(mean, keyed.get_mean_vector(keys, weights, pre_normalize, post_normalize), atol=2e-6)
    assert mean.dtype == np.float32
    with pytest.raises(UnknownWordError, match="nowhere"):
        embeddings.get_mean_vector(keys, ignore_missing=False)


def test_look_ups_agree_with_gensim(embeddings: Embeddings, keyed: Any) -> None:
    np.testing.assert_array_equal(embeddings.get_vector("word4"), keyed.get_vector("word4"))
    unit = embeddings.get_vector("word4", norm=True)
    np.testing.assert_allclose(unit, keyed.get_vector("word4", norm=True), atol=1e-6)
    np.testing.assert_allclose(embeddings.get_normed_vectors(), keyed.get_normed_vectors(), atol=1e-6)
    assert embeddings.get_index("word4") == keyed.get_index("word4") == 4
    assert embeddings.get_index("nowhere", -1) == keyed.get_index("nowhere", -1) == -1
    assert embeddings.get_vecattr("word4", "count") == keyed.get_vecattr("word4", "count") == 296
    assert embeddings.has_index_for("word4") and not embeddings.has_index_for("nowhere")
    assert list(embeddings.key_to_index) == list(keyed.key_to_index)
    with pytest.raises(UnknownWordError):
        embeddings.get_index("nowhere")
    with pytest.raises(KeyError, match="colour"):
        embeddings.get_vecattr("word4", "colour")
    with pytest.raises(ValueError, match="read-only"):
        unit[0] = 1


@pytest.mark.filterwarnings("ignore:Adding single vectors:UserWarning")
@pytest.mark.parametrize("replace", [True, False])
def test_add_vectors_agrees_with_gensim(
    embeddings: Embeddings, keyed: Any, rng: np.random.Generator, replace: bool
) -> None:
    words, vectors = ["new1", "word3", "new2"], rng.normal(size=(3, 12)).astype(np.float32)
    keyed.add_vectors(words, vectors, replace=replace)
    grown = embeddings.add_vectors(words, vectors, replace=replace)
    np.testing.assert_array_equal(grown.vectors, keyed.vectors)
    assert grown.index_to_key == keyed.index_to_key
    assert len(embeddings) == 300 and "new1" not in embeddings
    again = grown.add_vector("new3", vectors[0])
    keyed.add_vector("new3", vectors[0])
    assert_same_ranking(again.most_similar("new3"), keyed.most_similar("new3"))


@pytest.mark.parametrize("norm", [True, False])
@pytest.mark.parametrize(
    ("first", "second"),
    [
        (["word1", "word2", "word3"], ["word4", "word5"]),
        (["word1", "word1", "word2", "nowhere"], ["word2", "word7", "word8", "word9"]),
        (["word1"], ["word2"]),
        (["word1"], ["word1"]),
        (["nowhere"], ["word1"]),
        (WORDS[:40], WORDS[20:90]),
    ],
)
def test_wmdistance_agrees_with_gensim(
    embeddings: Embeddings, keyed: Any, first: list[str], second: list[str], norm: bool
) -> None:
    pytest.importorskip("ot", reason="POT solves the transport problem")
    expected = keyed.wmdistance(first, second, norm=norm)
    assert embeddings.wmdistance(first, second, norm=norm) == pytest.approx(expected, rel=1e-6, abs=1e-7)


def test_wmdistance_of_words_with_equal_vectors_is_zero() -> None:
    pytest.importorskip("ot", reason="POT solves the transport problem")
    embeddings = Embeddings(["a", "b"], np.ones((2, 3)))
    assert embeddings.wmdistance(["a"], ["b"]) == 0
    with pytest.raises(TypeError, match="lists of words"):
        embeddings.wmdistance("a b", ["b"])


def test_wmdistance_without_its_library_says_what_to_install(
    embeddings: Embeddings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ot", None)
    with pytest.raises(ImportError, match="pip install POT"):
        embeddings.wmdistance(["word1"], ["word2"])


@pytest.mark.parametrize(
    ("method", "arguments", "error", "message"),
    [
        ("most_similar", (), ValueError, "at least one word"),
        ("most_similar", ([("word1", np.nan)],), ValueError, "weight of 'word1' must be finite"),
        ("most_similar", (["word1", "nowhere"],), UnknownWordError, "nowhere"),
        ("most_similar_cosmul", (None, "word1"), ValueError, "at least one positive"),
        ("similar_by_vector", (np.ones(5),), ValueError, "12 finite numbers"),
        ("most_similar_to_given", ("word1", []), ValueError, "choose from"),
        ("n_similarity", (["word1"], ["nowhere"]), ValueError, "at least one known word"),
        ("rank_by_centrality", (["nowhere"],), ValueError, "at least one known word"),
        ("get_mean_vector", ([],), ValueError, "at least one"),
        ("get_mean_vector", (["word1"], [1, 2]), ValueError, "1 words, but the weights"),
        ("closer_than", ("word1", "nowhere"), UnknownWordError, "nowhere"),
        ("add_vectors", (["a", "b"], np.ones((2, 5))), ValueError, r"shape \(2, 12\), not \(2, 5\)"),
        ("add_vectors", (["a", "a"], np.ones((2, 12))), ValueError, "'a' occurs more than once"),
        ("add_vectors", (["a"], np.full((1, 12), np.inf)), ValueError, "the word 'a' is not finite"),
        ("add_vectors", ("ab", np.ones((2, 12))), TypeError, "add_vector"),
    ],
)
def test_methods_reject_bad_arguments(
    embeddings: Embeddings, method: str, arguments: tuple[Any, ...], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        getattr(embeddings, method)(*arguments)
