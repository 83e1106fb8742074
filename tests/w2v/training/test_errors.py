"""No error prints an unbounded value, and what comes too early or in the wrong place says where it belongs."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone

from w2v import Embeddings, Phrases, Word2Vec
from w2v.corpora.readers import TextReader
from w2v.corpora.tokenizers import WordsTokenizer, get_tokenizer
from w2v.encoder import SentenceEncoder
from w2v.settings.descriptions import CONSTRAINTS

LONG = [["the", "king", "and", "queen"]] * 10_000
LONG_NAME = "x" * 300_000
WORDS = Embeddings(["a", "b"], np.eye(2))


def test_parameters_are_given_by_name_and_sentences_go_to_fit() -> None:
    with pytest.raises(TypeError, match=r"by name, and sentences go to fit"):
        Word2Vec(LONG)  # type: ignore[arg-type,call-arg]
    with pytest.raises(TypeError, match="sentences go to fit"):
        Phrases(LONG)  # type: ignore[arg-type,call-arg]
    with pytest.raises(TypeError, match="no parameter 'sentences'; sentences go to fit"):
        Word2Vec(sentences=LONG)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="no parameter 'seed'; it is random_state"):
        Word2Vec(seed=1)  # type: ignore[call-arg]
    assert clone(Word2Vec(window=3)).get_params()["window"] == 3


@pytest.mark.parametrize("name", list(CONSTRAINTS))
@pytest.mark.parametrize("value", [LONG, LONG_NAME])
def test_a_wrong_parameter_is_told_in_short(name: str, value: Any) -> None:
    if isinstance(value, str) and name.startswith(("eval_", "random")):
        pytest.skip("a name may be long")
    with pytest.raises((ValueError, TypeError)) as caught:
        Word2Vec(**{name: value}).fit([["a", "b"]])
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    "act",
    [
        lambda: Phrases(scoring=LONG).fit([["a", "b"]]),  # type: ignore[arg-type]
        lambda: Phrases(connector_words=LONG).fit([["a", "b"]]),  # type: ignore[arg-type]
        lambda: SentenceEncoder(WORDS, LONG_NAME).fit(),
        lambda: SentenceEncoder(WORDS, heads=LONG, architecture="attention").fit(["a b. b a."]),  # type: ignore[arg-type]
        lambda: get_tokenizer(LONG_NAME),
        lambda: WordsTokenizer(LONG),  # type: ignore[arg-type]
        lambda: WORDS[LONG_NAME],
        lambda: WORDS[[f"unknown{number}" for number in range(10_000)]],
        lambda: WORDS.neighbors([LONG]),  # type: ignore[list-item]
        lambda: WORDS.analogy("a", "b", "a", method=LONG_NAME),  # type: ignore[arg-type]
        lambda: WORDS.astype(LONG_NAME),  # type: ignore[arg-type]
        lambda: Word2Vec().fit([["a", LONG]]),
        lambda: Word2Vec(lines="weighted").fit([LONG]),
        lambda: Word2Vec().set_params(algorithm=LONG).fit([["a", "b"]]),
        lambda: TextReader([], errors=LONG_NAME),
    ],
)
def test_a_wrong_value_is_told_in_short(act: Callable[[], Any]) -> None:
    with pytest.raises((ValueError, TypeError, KeyError)) as caught:
        act()
    assert len(str(caught.value)) < 2_000


def test_what_only_fit_makes_says_so() -> None:
    for estimator, name in ((Word2Vec(), "embeddings_"), (Phrases(), "phrases_"), (SentenceEncoder(), "history_")):
        assert not hasattr(estimator, name)
        with pytest.raises(AttributeError, match=f"no {name} yet: call fit first"):
            getattr(estimator, name)
    with pytest.raises(AttributeError, match="has no attribute 'vw'"):
        getattr(Word2Vec(), "vw")  # noqa: B009
