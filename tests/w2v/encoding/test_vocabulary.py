"""The vocabulary and the error for a word that is not in it."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from w2v.encoding.vocabulary import UnknownWordError, Vocabulary


def test_vocabulary_maps_words_to_rows_and_back() -> None:
    vocabulary = Vocabulary(["the", "cat", ""], np.array([5, 3, 1]))
    assert vocabulary.index_to_key == ["the", "cat", ""]
    assert vocabulary.key_to_index == {"the": 0, "cat": 1, "": 2}
    assert list(vocabulary) == ["the", "cat", ""]
    assert len(vocabulary) == 3
    assert "cat" in vocabulary and "" in vocabulary and "dog" not in vocabulary and 3 not in vocabulary


def test_vocabulary_counts_are_a_read_only_int64_copy() -> None:
    counts = np.array([5, 3], dtype=np.uint16)
    vocabulary = Vocabulary(["a", "b"], counts)
    counts[0] = 9
    assert vocabulary.counts is not None
    assert vocabulary.counts.dtype == np.int64 and vocabulary.counts.tolist() == [5, 3]
    with pytest.raises(ValueError, match="read-only"):
        vocabulary.counts[0] = 1
    assert Vocabulary(["a"]).counts is None


def test_vocabulary_is_immutable() -> None:
    vocabulary = Vocabulary(["a"])
    with pytest.raises(AttributeError, match="immutable"):
        vocabulary.counts = None
    with pytest.raises(AttributeError, match="immutable"):
        del vocabulary.index_to_key


def test_vocabulary_keeps_its_own_list_of_words() -> None:
    words = ["a", "b"]
    vocabulary = Vocabulary(words)
    words.append("c")
    assert vocabulary.index_to_key == ["a", "b"]


def test_vocabulary_turns_numpy_strings_into_plain_ones() -> None:
    vocabulary = Vocabulary(list(np.array(["a", "b"])))
    assert {type(word) for word in vocabulary} == {str}


@pytest.mark.parametrize(
    ("words", "counts", "error", "message"),
    [
        ("abc", None, TypeError, "one string"),
        (["a", 1], None, TypeError, "not int: 1"),
        (["a", b"b"], None, TypeError, "not bytes"),
        (["a", "b", "a"], None, ValueError, "'a' occurs more than once"),
        (["a", "x\ud800"], None, ValueError, "surrogate"),
        (["a"], np.array([1.0]), TypeError, "float64"),
        (["a"], np.array([1, 2]), ValueError, r"shape \(1,\)"),
        (["a", "b"], np.array([1, -2]), ValueError, "entry 1 is -2"),
    ],
)
def test_vocabulary_rejects_what_it_cannot_be(
    words: list[str], counts: np.ndarray | None, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        Vocabulary(words, counts)


def test_vocabulary_survives_pickle() -> None:
    vocabulary = pickle.loads(pickle.dumps(Vocabulary(["a", "b"], np.array([2, 1]))))
    assert vocabulary.index_to_key == ["a", "b"]
    assert vocabulary.counts.tolist() == [2, 1]


def test_unknown_word_error_is_a_readable_key_error() -> None:
    error = UnknownWordError("quen", lambda word: ["queen", "queer"])
    assert isinstance(error, KeyError)
    assert error.words == ("quen",)
    assert error.suggestions == {"quen": ["queen", "queer"]}
    assert str(error) == "the word 'quen' is not in the vocabulary; did you mean 'queen' or 'queer'?"


def test_unknown_word_error_names_every_word_and_only_real_suggestions() -> None:
    error = UnknownWordError(["x", "y"], lambda word: ["yy"] if word == "y" else [])
    assert error.suggestions == {"y": ["yy"]}
    assert str(error).splitlines() == [
        "the word 'x' is not in the vocabulary",
        "the word 'y' is not in the vocabulary; did you mean 'yy'?",
    ]


def test_unknown_word_error_looks_for_suggestions_only_when_asked() -> None:
    calls: list[str] = []

    def suggest(word: str) -> list[str]:
        calls.append(word)
        return ["y"]

    error = UnknownWordError("x", suggest)
    assert calls == []
    assert error.suggestions == error.suggestions == {"x": ["y"]}
    assert calls == ["x"]


def test_unknown_word_error_survives_pickle() -> None:
    error = pickle.loads(pickle.dumps(UnknownWordError(["x"], lambda word: ["y"])))
    assert str(error) == "the word 'x' is not in the vocabulary; did you mean 'y'?"
