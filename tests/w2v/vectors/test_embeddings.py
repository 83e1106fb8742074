"""Queries on word vectors, against plain NumPy and against gensim."""

from __future__ import annotations

import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from w2v.encoding.vocabulary import UnknownWordError, Vocabulary
from w2v.vectors.embeddings import Embeddings, Vector

WORDS = [f"word{i}" for i in range(60)]


@pytest.fixture
def embeddings(rng: np.random.Generator) -> Embeddings:
    lengths = rng.uniform(0.1, 10, size=(60, 1))
    return Embeddings(WORDS, (rng.normal(size=(60, 8)) * lengths).astype(np.float32))


def naive_unit(vectors: np.ndarray) -> np.ndarray:
    """Rows at length 1 in float64."""
    return np.array([row / np.linalg.norm(row) for row in vectors.astype(np.float64)])


def naive_neighbors(embeddings: Embeddings, positive: list[str], negative: list[str]) -> list[tuple[str, float]]:
    unit = naive_unit(embeddings.vectors)
    mean = np.zeros(embeddings.vector_size)
    for word in positive:
        mean += unit[WORDS.index(word)]
    for word in negative:
        mean -= unit[WORDS.index(word)]
    mean /= np.linalg.norm(mean)
    scored = [(float(row @ mean), word) for row, word in zip(unit, WORDS, strict=True)]
    return [(word, score) for score, word in sorted(scored, reverse=True) if word not in positive + negative]


def assert_same_neighbors(
    found: list[tuple[str, float]], expected: list[tuple[str, float]], rtol: float = 1e-5
) -> None:
    assert [word for word, _ in found] == [word for word, _ in expected]
    np.testing.assert_allclose([score for _, score in found], [score for _, score in expected], rtol=rtol, atol=1e-6)


class LowercaseTokenizer:
    """Splits at spaces and lower-cases, as `words` would."""

    name = "lowercase"

    def __call__(self, text: str) -> list[str]:
        return text.lower().split()

    def to_config(self) -> dict[str, Any]:
        return {"name": self.name}


# construction


def test_embeddings_expose_vocabulary_and_vectors(embeddings: Embeddings) -> None:
    assert len(embeddings) == 60
    assert embeddings.vector_size == 8
    assert list(embeddings) == embeddings.index_to_key == WORDS
    assert embeddings.key_to_index["word3"] == 3
    assert repr(embeddings) == "Embeddings(60 words, vector_size=8)"
    assert embeddings.tokenizer is None
    assert embeddings.metadata == {}


def test_embeddings_vectors_are_a_read_only_view_and_the_callers_array_stays_writable() -> None:
    table = np.ones((2, 3), dtype=np.float32)
    embeddings = Embeddings(["a", "b"], table)
    assert np.shares_memory(embeddings.vectors, table)
    with pytest.raises(ValueError, match="read-only"):
        embeddings.vectors[0, 0] = 5
    with pytest.raises(ValueError, match="read-only"):
        embeddings["a"][0] = 5
    table[0, 0] = 2


def test_embeddings_take_a_padded_view_without_copying(rng: np.random.Generator) -> None:
    padded = rng.normal(size=(60, 16)).astype(np.float32)
    embeddings = Embeddings(WORDS, padded[:, :8])
    assert np.shares_memory(embeddings.vectors, padded)
    contiguous = Embeddings(WORDS, padded[:, :8].copy())
    assert_same_neighbors(embeddings.neighbors("word0"), contiguous.neighbors("word0"))


@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.int32])
def test_embeddings_convert_other_number_types_to_float32(dtype: type) -> None:
    embeddings = Embeddings(["a", "b"], np.array([[1, 2], [3, 4]], dtype=dtype))
    assert embeddings.vectors.dtype == np.float32
    assert embeddings.vectors.tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("vectors", "error", "message"),
    [
        (np.ones((3, 2)), ValueError, "2 words, but 3 vectors"),
        (np.ones(2), ValueError, "shape"),
        (np.ones((2, 0)), ValueError, "at least one row and one column"),
        (np.ones((2, 2), dtype=complex), TypeError, "real numbers"),
        ([["x", "y"], ["z", "w"]], TypeError, "real numbers"),
    ],
)
def test_embeddings_reject_impossible_vectors(vectors: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Embeddings(["a", "b"], vectors)


def test_embeddings_stay_read_only_after_pickle(embeddings: Embeddings) -> None:
    expected = embeddings.neighbors("word1")
    copy = pickle.loads(pickle.dumps(embeddings))
    assert copy.neighbors("word1") == expected
    with pytest.raises(ValueError, match="read-only"):
        copy.vectors[0] = 0


# look-up


def test_getitem_returns_one_vector_or_a_stack(embeddings: Embeddings) -> None:
    np.testing.assert_array_equal(embeddings["word2"], embeddings.vectors[2])
    np.testing.assert_array_equal(embeddings[["word2", "word0", "word2"]], embeddings.vectors[[2, 0, 2]])
    assert embeddings[[]].shape == (0, 8)


@pytest.mark.parametrize("key", [3, None, ["word1", 3], {"word1"}])
def test_getitem_rejects_what_is_no_word(embeddings: Embeddings, key: Any) -> None:
    with pytest.raises(TypeError):
        embeddings[key]


def test_unknown_words_are_all_named_with_suggestions(embeddings: Embeddings) -> None:
    with pytest.raises(UnknownWordError) as caught:
        embeddings[["word1", "wrod2", "zzz", "zzz"]]
    assert caught.value.words == ("wrod2", "zzz")
    assert "word2" in caught.value.suggestions["wrod2"]
    assert "zzz" not in caught.value.suggestions


def test_words_are_looked_up_as_written_first_and_then_through_the_tokenizer() -> None:
    embeddings = Embeddings(["paris", "Bonn", "bonn"], np.eye(3), tokenizer=LowercaseTokenizer())
    assert "Paris" in embeddings
    np.testing.assert_array_equal(embeddings["PARIS"], embeddings["paris"])
    np.testing.assert_array_equal(embeddings["Bonn"], [0, 1, 0])
    assert "Paris Bonn" not in embeddings and "" not in embeddings
    assert [word for word, _ in embeddings.neighbors("PARIS")] == ["Bonn", "bonn"]
    assert "Paris" not in Embeddings(["paris"], [[1.0]])


# norms


def test_normalized_vectors_have_length_one_and_zero_stays_zero() -> None:
    embeddings = Embeddings(["a", "b", "c"], np.array([[3, 4], [0, 0], [1e-30, 0]]))
    np.testing.assert_allclose(embeddings.normalized_vectors, np.array([[0.6, 0.8], [0, 0], [1, 0]]), rtol=1e-6)
    assert embeddings.normalized_vectors is embeddings.normalized_vectors
    with pytest.raises(ValueError, match="read-only"):
        embeddings.normalized_vectors[0, 0] = 1


def test_queries_do_not_build_the_normalized_table(embeddings: Embeddings) -> None:
    embeddings.neighbors("word0")
    embeddings.analogy("word0", "word1", "word2", method="mul")
    assert embeddings._cached_unit is None


def test_huge_vectors_do_not_overflow() -> None:
    embeddings = Embeddings(["a", "b", "c"], np.array([[1e30, 1e30], [1e30, 0], [0, -1e30]]))
    np.testing.assert_allclose([score for _, score in embeddings.neighbors("a")], [0.5**0.5, -(0.5**0.5)], rtol=1e-6)


def test_zero_vectors_are_similar_to_nothing() -> None:
    embeddings = Embeddings(["a", "zero", "b", "c"], [[1, 0], [0, 0], [1, 0], [-1, 0]])
    assert embeddings.neighbors("a") == [("b", 1.0), ("zero", 0.0), ("c", -1.0)]
    assert embeddings.neighbors("zero") == [("a", 0.0), ("b", 0.0), ("c", 0.0)]
    assert embeddings.similarity("a", "zero") == 0.0


def test_rows_with_nan_are_never_neighbors() -> None:
    embeddings = Embeddings(["a", "nan", "inf", "b"], np.array([[1, 0], [np.nan, 1], [np.inf, 1], [0, 1]]))
    assert embeddings.neighbors("a") == [("b", 0.0)]
    assert [word for word, _ in embeddings.analogy("a", "b", "a", method="mul")] == []


# similarity and neighbours


def test_similarity_is_the_cosine(embeddings: Embeddings) -> None:
    unit = naive_unit(embeddings.vectors)
    assert embeddings.similarity("word1", "word2") == pytest.approx(unit[1] @ unit[2], abs=1e-6)
    assert embeddings.similarity("word1", embeddings.vectors[2] * 5) == pytest.approx(unit[1] @ unit[2], abs=1e-6)
    assert embeddings.similarity("word1", "word1") == pytest.approx(1)


@pytest.mark.parametrize(
    ("positive", "negative"),
    [(["word0"], []), (["word0", "word1"], []), (["word0", "word5"], ["word9"]), ([], ["word3"]), (["word1"] * 2, [])],
)
def test_neighbors_match_the_naive_ranking(embeddings: Embeddings, positive: list[str], negative: list[str]) -> None:
    expected = naive_neighbors(embeddings, positive, negative)
    assert_same_neighbors(embeddings.neighbors(positive, negative, top_n=7), expected[:7])
    assert_same_neighbors(embeddings.neighbors(positive, negative, top_n=1000), expected)


def test_neighbors_take_a_word_or_a_vector_alone(embeddings: Embeddings) -> None:
    by_word = embeddings.neighbors("word4", top_n=5)
    by_vector = embeddings.neighbors(embeddings["word4"], top_n=6)
    assert by_vector[0][0] == "word4"  # a vector excludes no word
    assert by_vector[0][1] == pytest.approx(1)
    assert_same_neighbors(by_vector[1:], by_word)


def test_neighbors_restrict_vocab_limits_answers_but_not_queries(embeddings: Embeddings) -> None:
    expected = [item for item in naive_neighbors(embeddings, ["word50"], []) if WORDS.index(item[0]) < 20]
    assert_same_neighbors(embeddings.neighbors("word50", top_n=100, restrict_vocab=20), expected)
    assert len(embeddings.neighbors("word50", top_n=100, restrict_vocab=10**9)) == 59


def test_neighbors_of_equal_score_come_in_the_order_of_the_vocabulary(rng: np.random.Generator) -> None:
    sides = rng.integers(0, 2, size=2000)
    embeddings = Embeddings([f"word{i}" for i in range(2000)], np.eye(2)[sides])
    query = int(np.argmax(sides))
    expected = [f"word{i}" for side in (1, 0) for i in np.flatnonzero(sides == side) if i != query]
    assert [word for word, _ in embeddings.neighbors(f"word{query}", top_n=2000)] == expected
    assert [word for word, _ in embeddings.neighbors(f"word{query}", top_n=30)] == expected[:30]


def test_neighbors_never_exceed_one(rng: np.random.Generator) -> None:
    row = rng.normal(size=100)
    embeddings = Embeddings(WORDS, np.outer(rng.uniform(1, 2, 60), row))
    assert all(score <= 1 for _, score in embeddings.neighbors("word0", top_n=60))


def test_single_word_model_has_no_neighbors() -> None:
    embeddings = Embeddings(["only"], [[1.0, 2.0]])
    assert embeddings.neighbors("only") == []
    assert embeddings.neighbors_batch(["only"]) == [[]]
    assert embeddings.analogy("only", "only", "only") == []
    assert embeddings.doesnt_match(["only"]) == "only"


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ([], {}, ValueError, "at least one word"),
        (["word1"], {"top_n": -1}, ValueError, "top_n"),
        (["word1"], {"restrict_vocab": 0}, ValueError, "restrict_vocab"),
        ([np.ones(3)], {}, ValueError, "8 finite numbers"),
        ([np.full(8, np.nan)], {}, ValueError, "finite"),
        ([["word1", 5j]], {}, TypeError, "a word or a vector"),
        ([["word1", "nope"]], {}, UnknownWordError, "nope"),
        (["word1", "nope"], {}, UnknownWordError, "nope"),
    ],
)
def test_neighbors_reject_bad_arguments(
    embeddings: Embeddings, arguments: list[Any], options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        embeddings.neighbors(*arguments, **options)


@pytest.mark.parametrize("queries_at_a_time", [1, 3, 1024])
def test_neighbors_batch_equals_one_by_one(
    embeddings: Embeddings, monkeypatch: pytest.MonkeyPatch, queries_at_a_time: int
) -> None:
    monkeypatch.setattr("w2v.vectors.queries._BATCH_QUERIES", queries_at_a_time)
    queries: list[str | Vector] = ["word5", embeddings["word7"], "word5", "word59"]
    found = embeddings.neighbors_batch(queries, top_n=4, restrict_vocab=40)
    assert len(found) == 4
    for query, batch in zip(queries, found, strict=True):
        assert_same_neighbors(batch, embeddings.neighbors(query, top_n=4, restrict_vocab=40))


def test_neighbors_batch_checks_its_words_first(embeddings: Embeddings) -> None:
    assert embeddings.neighbors_batch([]) == []
    with pytest.raises(UnknownWordError) as caught:
        embeddings.neighbors_batch(["x1", "word1", "x2"])
    assert caught.value.words == ("x1", "x2")
    with pytest.raises(TypeError, match="call neighbors"):
        embeddings.neighbors_batch("word1")


# analogy and doesnt_match


def test_analogy_answers_a_planted_question() -> None:
    words = ["man", "woman", "king", "queen", "apple"]
    vectors = np.array([[1, 0, 0, 0.1], [0, 1, 0, 0.1], [1, 0, 1, 0], [0, 1, 1, 0], [0.3, 0.3, -1, 1]])
    embeddings = Embeddings(words, vectors)
    assert embeddings.analogy("man", "king", "woman")[0][0] == "queen"
    assert embeddings.analogy("man", "king", "woman", method="mul", top_n=1)[0][0] == "queen"


def test_analogy_add_is_b_minus_a_plus_c(embeddings: Embeddings) -> None:
    expected = naive_neighbors(embeddings, ["word2", "word3"], ["word1"])
    assert_same_neighbors(embeddings.analogy("word1", "word2", "word3", top_n=60), expected)


def test_analogy_mul_matches_its_formula(embeddings: Embeddings) -> None:
    shifted = (naive_unit(embeddings.vectors) @ naive_unit(embeddings.vectors).T + 1) / 2
    score = shifted[2] * shifted[3] / (shifted[1] + 1e-6)
    order = [row for row in np.argsort(-score) if row not in (1, 2, 3)]
    found = embeddings.analogy("word1", "word2", "word3", method="mul", top_n=60)
    assert_same_neighbors(found, [(WORDS[row], score[row]) for row in order], rtol=1e-4)


def test_analogy_rejects_an_unknown_method(embeddings: Embeddings) -> None:
    with pytest.raises(ValueError, match="'add' or 'mul', not 'sub'"):
        embeddings.analogy("word1", "word2", "word3", method="sub")  # type: ignore[arg-type]


def test_doesnt_match_finds_the_outlier() -> None:
    embeddings = Embeddings(["cat", "dog", "cow", "car"], np.array([[5, 0.2], [1, 0.1], [2, 0], [0, 3]]))
    assert embeddings.doesnt_match(["cat", "car", "dog", "cow"]) == "car"
    assert embeddings.doesnt_match(["cat", "bus", "car", "dog"]) == "car"
    with pytest.raises(UnknownWordError, match="bus"):
        embeddings.doesnt_match(["bus", "tram"])
    with pytest.raises(ValueError, match="at least one"):
        embeddings.doesnt_match([])
    with pytest.raises(TypeError, match="several"):
        embeddings.doesnt_match("cat dog")


# weights, slices and sets


def test_neighbors_weigh_pairs(embeddings: Embeddings) -> None:
    unit = naive_unit(embeddings.vectors)
    query = 2 * unit[1] + unit[2] - 0.5 * unit[3]
    scores = unit @ (query / np.linalg.norm(query))
    expected = [(WORDS[row], float(scores[row])) for row in np.argsort(-scores) if row not in (1, 2, 3)]
    assert_same_neighbors(embeddings.neighbors([("word1", 2), "word2"], ("word3", 0.5), top_n=60), expected)
    assert_same_neighbors(embeddings.neighbors(("word1", 3.0)), embeddings.neighbors("word1"))
    with pytest.raises(ValueError, match="weight of 'word1' must be finite, not inf"):
        embeddings.neighbors([("word1", float("inf"))])


def test_query_for_a_word_whose_vector_is_not_finite_is_an_error() -> None:
    embeddings = Embeddings(["a", "nan"], np.array([[1, 0], [np.nan, 1]]))
    for query in (embeddings.neighbors, embeddings.distances, lambda word: embeddings.similarity("a", word)):
        with pytest.raises(ValueError, match="the vector of the word 'nan' is not finite"):
            query("nan")


def test_slices_share_vectors_and_keep_counts(rng: np.random.Generator) -> None:
    vectors = rng.normal(size=(60, 8)).astype(np.float32)
    metadata = {"parameters": {"window": 5}, "training": {"complete": True}}
    embeddings = Embeddings(Vocabulary(WORDS, np.arange(60, 0, -1)), vectors, metadata=metadata)
    for part, rows in ((embeddings[10:20], range(10, 20)), (embeddings.head(7), range(7)), (embeddings[::-3], None)):
        kept = list(rows if rows is not None else range(60)[::-3])
        assert part.index_to_key == [WORDS[row] for row in kept]
        np.testing.assert_array_equal(part.vectors, vectors[kept])
        assert np.shares_memory(part.vectors, vectors)
        assert part.vocabulary.counts is not None and part.vocabulary.counts.tolist() == [60 - row for row in kept]
        assert part.metadata == {"parameters": {"window": 5}}
    assert len(embeddings.head(1000)) == 60
    with pytest.raises(ValueError, match="no word would be left"):
        embeddings[60:]
    with pytest.raises(ValueError, match="at least 1"):
        embeddings.head(0)


def test_most_frequent_goes_by_counts_where_they_are_known(rng: np.random.Generator) -> None:
    counts, vectors = rng.permutation(60), rng.normal(size=(60, 2))
    kept = Embeddings(Vocabulary(WORDS, counts), vectors).most_frequent(10)
    assert kept.index_to_key == [word for word, count in zip(WORDS, counts, strict=True) if count >= 50]
    assert Embeddings(WORDS, vectors).most_frequent(3).index_to_key == WORDS[:3]


def test_restrict_takes_words_in_the_order_given(embeddings: Embeddings) -> None:
    part = embeddings.restrict(["word9", "word2", "word9"])
    assert part.index_to_key == ["word9", "word2"]
    np.testing.assert_array_equal(part.vectors, embeddings[["word9", "word2"]])
    with pytest.raises(UnknownWordError) as caught:
        embeddings.restrict(["word1", "x", "y"])
    assert caught.value.words == ("x", "y")


def test_set_operations_are_those_of_the_words(embeddings: Embeddings) -> None:
    other = Embeddings(["new", "word5", "word3"], np.arange(24).reshape(3, 8))
    assert (embeddings & other).index_to_key == ["word3", "word5"]
    assert (embeddings - other).index_to_key == [word for word in WORDS if word not in ("word3", "word5")]
    assert (other - embeddings).index_to_key == ["new"]
    joined = embeddings | other
    assert joined.index_to_key == [*WORDS, "new"]
    np.testing.assert_array_equal(joined["word5"], embeddings["word5"])
    np.testing.assert_array_equal(joined["new"], np.arange(8))
    assert embeddings | embeddings.head(5) is embeddings
    assert embeddings.intersection(["word1", "x"]).index_to_key == ["word1"]
    assert embeddings.difference(Vocabulary(WORDS[1:])).index_to_key == ["word0"]
    assert embeddings.intersection({"word7"}).neighbors("word7") == []


def test_union_keeps_counts_where_both_know_them() -> None:
    one = Embeddings(Vocabulary(["a"], np.array([3])), [[1.0]])
    two = Embeddings(Vocabulary(["a", "b"], np.array([7, 2])), [[5.0], [6.0]])
    counts = (one | two).vocabulary.counts
    assert counts is not None and counts.tolist() == [3, 2]
    assert (one | Embeddings(["b"], [[1.0]])).vocabulary.counts is None


def test_set_operations_reject_what_cannot_be(embeddings: Embeddings) -> None:
    with pytest.raises(ValueError, match="8 and of 2 dimensions"):
        embeddings.union(Embeddings(["a"], [[1, 2]]))
    with pytest.raises(ValueError, match="no word would be left"):
        embeddings - embeddings
    with pytest.raises(TypeError, match="not one string"):
        embeddings.intersection("word1")


# suggestions


@pytest.mark.parametrize(
    ("word", "expected"),
    [("quen", "queen"), ("Pairs", "paris"), ("pariss", "paris"), ("KING", "king"), ("berln", "Berlin")],
)
def test_suggest_finds_near_spellings(word: str, expected: str) -> None:
    words = ["the", "queen", "king", "paris", "Berlin", "printing", *WORDS]
    embeddings = Embeddings(words, np.ones((len(words), 1)))
    assert embeddings.suggest(word)[0] == expected


def test_suggest_prefers_frequent_words_and_gives_up_on_nonsense() -> None:
    embeddings = Embeddings(["cat", "car", "cap", "can"], np.eye(4))
    assert embeddings.suggest("caz", 2) == ["cat", "car"]
    assert embeddings.suggest("xylophone") == []
    assert Embeddings(["silent", "danger"], np.eye(2)).suggest("listen") == []  # the same letters, elsewhere
    assert embeddings.suggest("") == []
    assert embeddings.suggest("cat", 0) == []


# gensim


@pytest.mark.interop
def test_neighbors_agree_with_gensim(embeddings: Embeddings) -> None:
    pytest.importorskip("gensim")
    keyed = embeddings.to_gensim()
    for positive, negative in ((["word0"], []), (["word1", "word2"], ["word3"]), (["word4", "word4"], ["word5"])):
        expected = keyed.most_similar(positive, negative, topn=15)
        assert_same_neighbors(embeddings.neighbors(positive, negative, top_n=15), expected)
        expected = keyed.most_similar(positive, negative, topn=15, restrict_vocab=30)
        assert_same_neighbors(embeddings.neighbors(positive, negative, top_n=15, restrict_vocab=30), expected)
    mixed: list[str | Vector] = ["word1", embeddings["word9"]]
    assert_same_neighbors(embeddings.neighbors(mixed, top_n=9), keyed.most_similar(mixed, topn=9))


@pytest.mark.interop
@pytest.mark.filterwarnings("ignore:Call to deprecated:DeprecationWarning")  # gensim calls itself
def test_analogy_mul_agrees_with_gensim(embeddings: Embeddings) -> None:
    pytest.importorskip("gensim")
    expected = embeddings.to_gensim().most_similar_cosmul(["word2", "word3"], ["word1"], topn=20)
    assert_same_neighbors(embeddings.analogy("word1", "word2", "word3", method="mul", top_n=20), expected, rtol=1e-4)


@pytest.mark.interop
def test_doesnt_match_and_similarity_agree_with_gensim(embeddings: Embeddings) -> None:
    pytest.importorskip("gensim")
    keyed = embeddings.to_gensim()
    for start in range(0, 50, 5):
        words = WORDS[start : start + 6]
        assert embeddings.doesnt_match(words) == keyed.doesnt_match(words)
        assert embeddings.similarity(*words[:2]) == pytest.approx(keyed.similarity(*words[:2]), abs=1e-6)


@pytest.mark.interop
@pytest.mark.filterwarnings("ignore:Adding single vectors:UserWarning")
def test_to_gensim_copies_vectors_and_counts(rng: np.random.Generator) -> None:
    pytest.importorskip("gensim")
    vectors = rng.normal(size=(3, 4)).astype(np.float32)
    keyed = Embeddings(Vocabulary(["a", "b", "c"], np.array([9, 5, 1])), vectors).to_gensim()
    np.testing.assert_array_equal(keyed.vectors, vectors)
    assert keyed.index_to_key == ["a", "b", "c"]
    assert [keyed.get_vecattr(word, "count") for word in "abc"] == [9, 5, 1]
    keyed.vectors[0] = 1
    keyed.add_vector("d", np.ones(4, dtype=np.float32))
    assert keyed.most_similar("d", topn=1)
    assert (vectors[0] != 1).all()


def test_queries_import_nothing_heavy() -> None:
    program = (
        "import sys, w2v.vectors.embeddings, w2v.vectors.persistence, w2v.evaluation, w2v.formats.word2vec\n"
        "heavy = {'numba', 'scipy', 'sklearn', 'gensim'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
