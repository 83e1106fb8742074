"""`WordTranslator`: what it takes and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from w2v import Embeddings
from w2v.alignment import WordTranslator

ENGLISH = Embeddings(["one", "two"], [[1.0, 0.0], [0.0, 1.0]])
GERMAN = Embeddings(["zwei", "eins"], [[0.1, 0.9], [0.9, 0.1]])


def test_translate_takes_any_iterable_of_words_and_whole_numbers_of_numpy() -> None:
    translator = WordTranslator(ENGLISH, GERMAN, k=np.int64(2), restrict_vocab=np.int32(2))
    for words in (["two", "one"], ("two", "one"), iter(["two", "one"]), np.array(["two", "one"])):
        found = translator.translate(words, top_n=np.int64(1))
        assert [near[0][0] for near in found] == ["zwei", "eins"] and found.queries == ["two", "one"]


@pytest.mark.filterwarnings("error")
def test_no_words_have_no_translations() -> None:
    assert WordTranslator(ENGLISH, GERMAN).translate([]) == []


@pytest.mark.parametrize("value", [0, 2.5, True, "10"])
def test_counts_are_whole_numbers(value: object) -> None:
    for name in ("k", "restrict_vocab"):
        with pytest.raises(ValueError, match=f"{name} must be a whole number from 1"):
            WordTranslator(ENGLISH, GERMAN, **{name: value})
    with pytest.raises(ValueError, match="top_n must be a whole number from 1"):
        WordTranslator(ENGLISH, GERMAN).translate(["two"], top_n=value)  # type: ignore[arg-type]
