"""Queries of other types than words: what is taken, and what is refused in a sentence."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from w2v import Embeddings
from w2v.alignment import WordTranslator

WORDS = ["a", "b", "c", "d"]


@pytest.fixture
def embeddings() -> Embeddings:
    return Embeddings(WORDS, [[1.0, 0.2, 0.0], [0.9, 0.4, 0.1], [0.0, 1.0, 0.3], [0.1, 0.2, 1.0]])


@pytest.mark.parametrize(
    "ask",
    [
        lambda e: e.neighbors("a", "a"),
        lambda e: e.neighbors(["a", "b"], ["b", "a"]),
        lambda e: e.neighbors([("a", 0.1), ("a", 0.2)], [("a", 0.3)]),
        lambda e: e.neighbors([("a", 0.0)]),
        lambda e: e.most_similar(positive=["a"], negative=["a"]),
        lambda e: e.neighbors(e.get_vector("a", norm=True), "a"),
    ],
)
def test_a_query_that_cancels_out_is_refused(ask: Callable[[Embeddings], Any], embeddings: Embeddings) -> None:
    with pytest.raises(ValueError, match="the query cancel out: their sum is zero"):
        ask(embeddings)


def test_a_vector_of_zeros_is_alike_to_everything_as_before() -> None:
    embeddings = Embeddings(["a", "zero"], [[1.0, 0.0], [0.0, 0.0]])
    assert embeddings.neighbors("zero") == [("a", 0.0)]
    assert embeddings.neighbors(["a", "zero"]) == []  # both are asked for


@pytest.mark.parametrize(
    ("ask", "kind", "message"),
    [
        (lambda e: e.neighbors(None), TypeError, "a query must be words or vectors, not NoneType: None"),
        (lambda e: e.neighbors(5), TypeError, "a query must be words or vectors, not int: 5"),
        (lambda e: e.neighbors(b"a"), TypeError, "a query must be words or vectors, not bytes: b'a'"),
        (lambda e: e.neighbors([1.0, 0.0, 0.5]), TypeError, "make an array first: np.array([…])"),
        (lambda e: e.neighbors(["a", None]), TypeError, "a query must be a word or a vector, not None"),
        (lambda e: e.neighbors("a", top_n="5"), TypeError, "top_n must be a whole number, not '5'"),
        (lambda e: e.neighbors("a", top_n=5.0), TypeError, "top_n must be a whole number, not 5.0"),
        (lambda e: e.neighbors("a", top_n=-1), ValueError, "top_n must be at least 0, not -1"),
        (lambda e: e.neighbors("a", restrict_vocab=3.5), TypeError, "restrict_vocab must be a whole number, not 3.5"),
        (lambda e: e.neighbors("a", restrict_vocab=0), ValueError, "restrict_vocab must be at least 1, not 0"),
        (lambda e: e.most_similar("a", topn="5"), TypeError, "topn must be a whole number, not '5'"),
        (lambda e: e.most_frequent("3"), TypeError, "n must be a whole number, not '3'"),
        (lambda e: e.head(0), ValueError, "n must be at least 1, not 0"),
        (lambda e: e.neighbors_batch({"a": 1}), TypeError, "a dict is not a list"),
        (lambda e: e.neighbors_batch({"a"}), TypeError, "a set has no order"),
        (lambda e: e.neighbors_batch(None), TypeError, "a list of words is needed, not NoneType"),
        (lambda e: e.n_similarity("ab", ["c"]), TypeError, "needs a list of words, not one string: write ['ab']"),
        (lambda e: e.get_mean_vector("ab"), TypeError, "get_mean_vector needs a list of words, not one string"),
        (lambda e: e.distances("a", "bc"), TypeError, "distances needs a list of words, not one string"),
        (lambda e: e.rank_by_centrality("ab"), TypeError, "rank_by_centrality needs a list of words"),
        (lambda e: e.most_similar_to_given("a", "bc"), TypeError, "most_similar_to_given needs a list of words"),
        (lambda e: e.neighbors("a", topn=1, top_n=2), TypeError, "topn is another name of top_n"),
    ],
)  # fmt: skip
def test_queries_of_other_types_are_refused(
    ask: Callable[[Embeddings], Any], kind: type[Exception], message: str, embeddings: Embeddings
) -> None:
    with pytest.raises(kind, match=re.escape(message)):
        ask(embeddings)


def test_gensims_topn_is_top_n(embeddings: Embeddings) -> None:
    queries: Any = embeddings
    assert queries.neighbors("a", topn=1) == embeddings.neighbors("a", top_n=1)
    assert queries.analogy("a", "b", "c", topn=1) == embeddings.analogy("a", "b", "c", top_n=1)
    assert queries.neighbors_batch(["a"], topn=1) == embeddings.neighbors_batch(["a"], top_n=1)
    translator: Any = WordTranslator(embeddings, embeddings)
    assert translator.translate(["a"], topn=1) == translator.translate(["a"], top_n=1)


def test_a_column_of_words_is_a_list_of_words(embeddings: Embeddings) -> None:
    pandas = pytest.importorskip("pandas")
    expected = embeddings.neighbors_batch(["a", "c"])
    frame = pandas.DataFrame({"b": ["a", "c"]})  # the name of the column is a word, too
    for words in (frame, frame["b"], frame["b"].to_numpy(), (word for word in "ac")):
        assert embeddings.neighbors_batch(words) == expected
    translator = WordTranslator(embeddings, embeddings)
    assert translator.translate(frame) == translator.translate(["a", "c"])
    assert embeddings.neighbors_batch(embeddings[["a", "c"]])[0][0][0] == "a"  # rows of an array are vectors


def test_vectors_to_translate_have_the_right_width(embeddings: Embeddings) -> None:
    translator = WordTranslator(embeddings, embeddings)
    assert translator.translate_vectors(["x"], embeddings["a"], top_n=1)[0][0][0] == "a"
    with pytest.raises(ValueError, match=re.escape("vectors of 3 columns are needed, not an array of shape (1, 2)")):
        translator.translate_vectors(["x"], np.ones(2))
    with pytest.raises(TypeError, match="a list of names, not one string"):
        translator.translate_vectors("x", embeddings["a"])


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        ([[1.0, 2.0], [1.0]], "vectors must be rows of numbers, all of one length"),
        ([[1.0, 1e300], [0.0, 1.0]], "a vector holds 1e+300, which float32 does not have"),
    ],
)
def test_vectors_that_no_table_can_hold_are_refused(vectors: Any, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        Embeddings(["a", "b"], vectors)
    assert not np.isfinite(Embeddings(["a"], [[1.0, np.inf]])["a"]).all()  # infinity stays what it is
