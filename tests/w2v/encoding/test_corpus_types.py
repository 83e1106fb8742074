"""Corpora of other types than lists: tables of pairs and weights, columns, sets, and what is missing."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from w2v import Phrases, Word2Vec

SMALL: dict[str, Any] = {
    "min_count": 1, "vector_size": 4, "epochs": 2, "sample": 0, "workers": 1, "random_state": 1,
}  # fmt: skip
ROWS: dict[str, list[tuple[Any, ...]]] = {
    "pairs": [("a", "b"), ("b", "c"), ("c", "a")],
    "weighted": [(2.0, "a b c"), (1.0, "b c d")],
    "parallel": [("a b", "x y"), ("b c", "y z")],
}


def tables(rows: list[tuple[Any, ...]]) -> list[Any]:
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    columns = {"one": [row[0] for row in rows], "two": [row[1] for row in rows]}
    made = [pandas.DataFrame(columns), polars.DataFrame(columns)]
    return made if isinstance(rows[0][0], float) else [*made, np.array(rows)]


@pytest.mark.parametrize("lines", ROWS)
def test_tables_are_pairs_weighted_and_parallel_sentences(lines: str) -> None:
    expected = Word2Vec(**SMALL, lines=lines).fit(ROWS[lines])
    for table in tables(ROWS[lines]):
        found = Word2Vec(**SMALL, lines=lines).fit(table)
        assert found.vocabulary_.index_to_key == expected.vocabulary_.index_to_key
        assert np.array_equal(found.vectors_, expected.vectors_)


def test_a_column_of_pyarrow_is_its_texts() -> None:
    pyarrow = pytest.importorskip("pyarrow")
    texts = ["a b c", "c b a"]
    for column in (pyarrow.array(texts), pyarrow.chunked_array([texts[:1], texts[1:]])):
        assert Word2Vec(**SMALL).fit(column).vocabulary_.index_to_key == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("lines", "corpus"),
    [
        ("text", [{"a", "b", "c"}]),
        ("text", [["a", "b"], frozenset(["a", "b"])]),
        ("weighted", [(1, {"a", "b"})]),
        ("parallel", [(["a"], ["b"]), (["a"], {"b"})]),
    ],
    ids=["a set", "a frozen set", "weighted", "parallel"],
)
def test_sets_of_words_are_refused_since_seeds_would_not_reproduce(lines: str, corpus: Any) -> None:
    with pytest.raises(TypeError, match=r"text \d is a (frozen)?set, whose words have no order"):
        Word2Vec(**SMALL, lines=lines).fit(corpus)


@pytest.mark.parametrize("missing", [None, float("nan"), np.float64("nan"), "NA"])
@pytest.mark.parametrize("as_tokens", [False, True])
def test_a_missing_text_is_named(missing: Any, as_tokens: bool) -> None:
    if missing == "NA":
        missing = pytest.importorskip("pandas").NA
    texts: list[Any] = ["a b", "b c"]
    for corpus in ([*map(str.split, texts), missing] if as_tokens else [*texts, missing],):
        with pytest.raises(TypeError, match=r"text 3 is missing \((None|nan|<NA>)\): leave it out"):
            Word2Vec(**SMALL).fit(corpus)


def test_an_array_among_texts_is_told_apart() -> None:
    with pytest.raises(TypeError, match="sentences must all be text or all be lists of tokens; at text 2 got ndarray"):
        Word2Vec(**SMALL).fit(["a b", np.array(["a", "b"])])


@pytest.mark.parametrize("weight", [None, "2", True, float("nan"), float("inf"), -1, [1], 2_000_000])
def test_a_weight_that_is_none_is_named(weight: Any) -> None:
    with pytest.raises(ValueError, match="item 2: a weight is a number from 0 to 1,000,000, not "):
        Word2Vec(**SMALL, lines="weighted").fit([(np.float32(2), "a b"), (weight, "a b")])


def test_phrases_join_in_texts_as_they_were_found_in_texts() -> None:
    draw = random.Random(0)
    around = ["in", *"abcdefgh"]
    texts = [f"{draw.choice(around)} New York, {draw.choice(around)}" for _ in range(100)]
    phrases = Phrases(min_count=2, threshold=0.9, scoring="npmi").fit(texts)
    assert phrases.transform(["In New York!"]) == [["in", "new_york"]]
    assert phrases.transform([["new", "york"]]) == [["new_york"]]
    assert list(phrases.find(["In New York!"])) == list(phrases.find([["in", "new", "york"]])) == ["new_york"]
    for call in (phrases.transform, phrases.find):
        with pytest.raises(TypeError, match="a list of sentences is needed, not one: write"):
            call("new york")
        with pytest.raises(TypeError, match="a token must be a str, not NoneType"):
            call([["new", None]])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="need the tokens of a sentence, not a text"):
        phrases.phrase_list_.find(["new york"])
    with pytest.raises(AttributeError, match=r"Phrases has no freeze; export\(\) returns the phrases alone"):
        _ = phrases.freeze
