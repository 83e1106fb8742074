"""`WordTranslator`: what it takes and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from w2v import Embeddings
from w2v.alignment import Aligner, AlignmentError, WordTranslator

ENGLISH = Embeddings(["one", "two"], [[1.0, 0.0], [0.0, 1.0]])
GERMAN = Embeddings(["zwei", "eins"], [[0.1, 0.9], [0.9, 0.1]])


def test_translate_takes_any_iterable_of_words_and_whole_numbers_of_numpy() -> None:
    count: Any = np.int64(2)
    translator = WordTranslator(ENGLISH, GERMAN, k=count, restrict_vocab=count)
    for words in (["two", "one"], ("two", "one"), iter(["two", "one"]), np.array(["two", "one"])):
        found = translator.translate(words, top_n=count)
        assert [near[0][0] for near in found] == ["zwei", "eins"] and found.queries == ["two", "one"]


@pytest.mark.filterwarnings("error")
def test_no_words_have_no_translations() -> None:
    assert WordTranslator(ENGLISH, GERMAN).translate([]) == []


@pytest.mark.parametrize("value", [0, 2.5, True, "10"])
def test_counts_are_whole_numbers(value: Any) -> None:
    for name in ("k", "restrict_vocab"):
        with pytest.raises(ValueError, match=f"{name} must be a whole number from 1"):
            WordTranslator(ENGLISH, GERMAN, **{name: value})
    with pytest.raises(ValueError, match="top_n must be a whole number from 1"):
        WordTranslator(ENGLISH, GERMAN).translate(["two"], top_n=value)


def test_models_are_embeddings() -> None:
    wrong: Any = (("en.model", GERMAN), (ENGLISH, None))
    for models in wrong:
        with pytest.raises(TypeError, match="must be Embeddings, not .*: a trained Word2Vec has them as embeddings_"):
            WordTranslator(*models)
        with pytest.raises(TypeError, match="must be Embeddings"):
            Aligner().fit(*models)


def test_a_dictionary_may_be_a_mapping() -> None:
    pairs = {"one": "eins", "two": "zwei"}
    rotations = [
        Aligner().fit(ENGLISH, GERMAN, given).rotation_ for given in (pairs, pairs.items(), iter(pairs.items()))
    ]
    assert (rotations[0] == rotations[1]).all() and (rotations[0] == rotations[2]).all()


@pytest.mark.parametrize("pair", ["one", ("one", "eins", "x"), (1, 2), ("one",)])
def test_what_is_no_pair_is_named(pair: Any) -> None:
    with pytest.raises(AlignmentError, match="pair 2 of the dictionary must be a word and its translation"):
        Aligner().fit(ENGLISH, GERMAN, [("one", "eins"), pair])


def test_a_path_is_not_taken_for_pairs() -> None:
    paths: Any = ("en-de.tsv", Path("en-de.tsv"))
    for path in paths:
        with pytest.raises(AlignmentError, match="'en-de.tsv'; read_dictionary reads a file"):
            Aligner().fit(ENGLISH, GERMAN, path)


@pytest.mark.parametrize("broken", [np.nan, 0.0])
def test_vectors_without_a_direction_align_nothing(broken: float) -> None:
    source = Embeddings(["one", "two"], [[broken, 0.0], [0.0, 1.0]])
    with pytest.raises(AlignmentError, match="no pair of the dictionary has two finite, non-zero vectors"):
        Aligner().fit(source, GERMAN, [("one", "eins")])
    assert Aligner(refinements=0).fit(source, GERMAN, [("one", "eins"), ("two", "zwei")]).n_pairs_ == 1
