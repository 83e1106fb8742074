"""The command info: of parameters only those that decide something."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.command_line import run
from tests.helpers.examples.label_examples import layered_classifier, topic_classifier
from tests.helpers.examples.tag_models import kind_tagger, name_tagger
from w2v import Embeddings, Parameters, SentenceEncoder
from w2v.neural.tasks.applying import used_of_network
from w2v.neural.tasks.labels.classification.parameters import ClassifierParameters
from w2v.neural.tasks.labels.parameters import TaggerParameters
from w2v.settings.applying import used

ALL = vars(Parameters(recipe="best", languages="en,de"))


@pytest.mark.parametrize(
    ("options", "shown", "left_out"),
    [
        (
            {},
            "negative window sample learning_rate",
            "x_max x_exponent min_n buckets languages phrase_passes position_weights",
        ),
        ({"objective": "hs"}, "sample learning_rate", "negative ns_exponent x_max"),
        (
            {"objective": "glove"},
            "x_max x_exponent window learning_rate",
            "negative algorithm sample held_out min_learning_rate",
        ),
        ({"algorithm": "cbow", "subwords": True}, "position_weights min_n max_n buckets", "x_max"),
        ({"lines": "pairs"}, "negative", "window shrink_windows"),
        ({"lines": "parallel"}, "languages", "phrase_scoring"),
        ({"patience": 3, "phrases": True}, "monitor phrase_scoring phrase_passes", "languages"),
    ],
)
def test_info_shows_the_parameters_of_words_that_are_used(
    options: dict[str, Any], shown: str, left_out: str, tmp_path: Path
) -> None:
    given = ALL | options
    vectors = np.eye(2, dtype=np.float32)
    Embeddings(["a", "b"], vectors, metadata={"parameters": given}).save(tmp_path / "m")
    names = set(json.loads(run("info", tmp_path / "m", "--json").stdout)["parameters"])
    assert names >= set(shown.split()) and not names & set(left_out.split())
    rows = {line.split()[0] for line in run("info", tmp_path / "m").stdout.splitlines() if line}
    assert rows >= set(shown.split()) and not rows & set(left_out.split())


@pytest.mark.parametrize(
    ("model", "shown", "left_out"),
    [
        (
            topic_classifier,
            "word_ngrams hidden_size dropout",
            "architecture pooling batch_tokens heads kernel_size positions clip",
        ),
        (layered_classifier, "architecture pooling batch_tokens kernel_size", "word_ngrams max_n buckets heads"),
        (name_tagger, "architecture word_size", "kernel_size heads window"),
        (kind_tagger, "architecture kernel_size positions", "heads window"),
    ],
)
def test_info_shows_the_parameters_of_networks_that_are_used(
    model: Callable[[], Any], shown: str, left_out: str, tmp_path: Path
) -> None:
    model().save(tmp_path / "m")
    names = set(json.loads(run("info", tmp_path / "m", "--json").stdout)["parameters"])
    assert names >= set(shown.split()) and not names & set(left_out.split())


def test_info_names_the_parameters_of_an_encoder_as_options(tmp_path: Path) -> None:
    words = Embeddings(["a", "b", "c"], np.eye(3, dtype=np.float32))
    SentenceEncoder(words, "convolution", window=5, dim=4).save(tmp_path / "e")
    network = json.loads(run("info", tmp_path / "e", "--json").stdout)["network"]
    assert network["kernel_size"] == 5 and network["hidden_size"] == 4 and network["output_layer"] == "branch"
    assert not network.keys() & {"window", "dim", "head", "heads", "positions"}


def test_parameters_that_are_told_apart_exist() -> None:
    for table, apply, options in (
        (Parameters, used, [{"objective": "negative"}, {"objective": "glove"}, {"algorithm": "cbow"}]),
        (ClassifierParameters, used_of_network, [{"layers": 0}, {"layers": 1}]),
        (TaggerParameters, used_of_network, [{"layers": 0}, {"layers": 1}]),
    ):
        defaults = {one.name: one.default for one in fields(table)}
        assert all(set(apply(defaults | given)) < set(defaults) for given in options)
