"""What a loaded estimator keeps: the parameters that were given, so that its clone trains as it did."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone

from w2v import Word2Vec
from w2v.neural.tasks.labels.classification.text_classifier import TextClassifier
from w2v.neural.tasks.text.language_model import LanguageModel
from w2v.storage.files import ModelError

SMALL: dict[str, Any] = {"min_count": 1, "vector_size": 4, "workers": 1}
LISTS = [["a", "b", "c", "a", "d"], ["b", "c", "d", "a"]] * 200  # enough for subsampling to leave some
TEXTS = [" ".join(words) for words in LISTS]
LABELS = ["x", "y"] * 200


@pytest.mark.parametrize(
    ("options", "corpus"),
    [
        ({}, LISTS),  # a tokenizer at white space takes the place of the default
        ({"recipe": "best"}, TEXTS),
        ({"window": 3, "sample": 0.1, "random_state": 7}, TEXTS),
        ({"phrases": True, "phrase_threshold": 1.0}, TEXTS),
        ({"objective": "glove", "min_alpha": 0.01, "alpha_hold": 0.5}, LISTS),
        ({"subwords": True, "buckets": 50, "epochs": 2}, TEXTS),
    ],
    ids=str,
)
def test_a_loaded_model_has_the_parameters_that_were_given(
    options: dict[str, Any], corpus: Any, tmp_path: Path
) -> None:
    given = Word2Vec(**SMALL | options)
    given.fit(corpus).save(tmp_path / "m")
    loaded = Word2Vec.load(tmp_path / "m")
    assert loaded.get_params() == given.get_params()
    loaded.save(tmp_path / "again")
    assert Word2Vec.load(tmp_path / "again").get_params() == given.get_params()
    assert clone(loaded).fit(corpus).vocabulary_.index_to_key == given.vocabulary_.index_to_key


def test_a_clone_of_a_loaded_model_chooses_anew_for_another_text(tmp_path: Path) -> None:
    Word2Vec(**SMALL, recipe="best").fit(LISTS).save(tmp_path / "m")
    loaded = Word2Vec.load(tmp_path / "m")
    settings = loaded.embeddings_.metadata["parameters"]
    assert (settings["window"], settings["sample"], settings["epochs"]) == (4, 3e-4, 20)  # what training chose
    plain = clone(loaded).set_params(recipe="none").fit(LISTS)
    settings = plain.embeddings_.metadata["parameters"]
    assert (settings["window"], settings["sample"], settings["epochs"]) == (5, 1e-3, 5)


def test_a_model_that_was_continued_keeps_what_it_chose_and_was_given(tmp_path: Path) -> None:
    Word2Vec(**SMALL, window=2, random_state=1).fit(LISTS).save(tmp_path / "m")
    Word2Vec.load(tmp_path / "m").set_params(epochs=1).continue_fit(LISTS).save(tmp_path / "grown")
    grown = Word2Vec.load(tmp_path / "grown")
    assert (grown.window, grown.epochs, grown.sample) == (2, 1, None)
    assert grown.embeddings_.metadata["parameters"]["sample"] == 1e-3


def test_models_of_earlier_versions_open_with_the_parameters_that_they_note(tmp_path: Path) -> None:
    Word2Vec(**SMALL, random_state=3).fit(LISTS).save(tmp_path / "m")
    config = tmp_path / "m" / "config.json"
    entries = json.loads(config.read_text(encoding="utf-8"))
    assert entries["training"]["left_out"] == ["window", "sample", "epochs", "alpha_hold", "tokenizer"]
    del entries["training"]["left_out"]
    config.write_text(json.dumps(entries), encoding="utf-8")
    assert (Word2Vec.load(tmp_path / "m").window, Word2Vec.load(tmp_path / "m").epochs) == (5, 5)
    entries["training"]["left_out"] = ["vector_size"]
    config.write_text(json.dumps(entries), encoding="utf-8")
    with pytest.raises(ModelError, match="left_out must be a list of window"):
        Word2Vec.load(tmp_path / "m")


@pytest.mark.parametrize("seed", [None, 5, np.random.default_rng(1)], ids=["drawn", "given", "generator"])
def test_a_seed_that_was_drawn_is_drawn_again(seed: Any, tmp_path: Path) -> None:
    model = Word2Vec(**SMALL, random_state=seed).fit(LISTS)
    model.save(tmp_path / "m")
    loaded = Word2Vec.load(tmp_path / "m")
    assert loaded.random_state == (None if seed is None else model.seed_)
    assert loaded.seed_ == model.seed_


@pytest.mark.parametrize(
    "given",
    [
        TextClassifier(epochs=1),
        TextClassifier(layers=1, epochs=1, dim=8, heads=2, random_state=None),
        TextClassifier(max_time=0.5, max_n=3),
        LanguageModel(epochs=1, layers=1, dim=8, heads=2, units="characters", context=8),
    ],
    ids=str,
)
def test_a_loaded_network_has_the_parameters_that_were_given(given: Any, tmp_path: Path) -> None:
    given.fit(*((TEXTS, LABELS) if isinstance(given, TextClassifier) else (TEXTS,)))
    given.save(tmp_path / "m")
    loaded = type(given).load(tmp_path / "m")
    assert loaded.get_params() == given.get_params()
    loaded.save(tmp_path / "again")
    assert clone(type(given).load(tmp_path / "again")).get_params() == given.get_params()
