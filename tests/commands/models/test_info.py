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
from w2v.commands.sentences.topics import topics
from w2v.encoder.retrieval.topics.topics import Topics
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


def test_info_calls_what_a_training_recorded_as_the_options_are_called(tmp_path: Path) -> None:
    epoch = {"epoch": 1, "alpha": 0.5, "holdout_loss": 2.25}
    metadata = {
        "parameters": {"alpha": 0.5, "holdout": 0.1},
        "history": [epoch],
        "schedule": {"alpha": 0.5, "min_alpha": 0.25},
        "training": {"left_out": ["alpha_hold", "window"]},
        "earlier": [{"parameters": {"alpha": 0.125}, "history": [epoch]}],
    }
    Embeddings(["a", "b"], np.eye(2, dtype=np.float32), metadata=metadata).save(tmp_path / "m")
    found = json.loads(run("info", tmp_path / "m", "--json").stdout)
    told = {"epoch": 1, "learning_rate": 0.5, "held_out_loss": 2.25}
    assert found["history"] == [told] and found["schedule"] == {"learning_rate": 0.5, "min_learning_rate": 0.25}
    assert found["earlier"] == [{"parameters": {"learning_rate": 0.125}, "history": [told]}]
    lines = run("info", tmp_path / "m").stdout.splitlines()
    assert lines[-3].split("  ")[0] == "epoch" and lines[-3].split() == "epoch learning rate held out loss".split()
    assert not any("alpha" in line or "holdout" in line for line in lines)


def test_info_calls_the_parameters_of_topics_as_the_options_are_called(tmp_path: Path) -> None:
    texts = ["ship sail sea", "sail the ship", "bread butter", "butter and bread"]
    words = Embeddings(sorted({word for text in texts for word in text.split()}), np.eye(7, dtype=np.float32))
    path = Topics(encoder=words, n_clusters=2, min_size=2).fit(texts).save(tmp_path / "my.topics")
    names = set(json.loads(run("info", path, "--json").stdout)["parameters"])
    options = {name.lstrip("-").replace("-", "_") for each in topics.params for name in each.opts}
    assert names <= options and {"seed", "clusters", "topics", "keywords", "split_sentences"} <= names
