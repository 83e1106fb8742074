"""`SentenceEncoder.fit` and `resume`: what they pass on, what they keep, and how an interruption ends."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone

from tests.helpers.examples.topic_examples import (
    N_TOPICS,
    OPTIONS,
    make_paragraphs,
    make_words,
    nearest_topics,
    stop_at,
    topic_margin,
)
from w2v import ModelError
from w2v.corpora.readers import TextReader
from w2v.encoder import SentenceEncoder
from w2v.encoder.training.fit_options import DEFAULTS, FitOptions
from w2v.monitoring.history import TrainingInterrupted


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "corpus.txt"
    path.write_text("\n".join(make_paragraphs()) + "\n")
    return path


@pytest.mark.parametrize("architecture", ["recurrent", "convolution"])
def test_other_architectures_learn_and_go_on(architecture: str, corpus: Path, tmp_path: Path) -> None:
    def new() -> SentenceEncoder:
        return SentenceEncoder(make_words(), architecture, dim=8, window=2, training=OPTIONS)

    whole, interrupted = new().fit(corpus), new()
    first, last = whole.history_[0], whole.history_[-1]
    assert last["held_out_loss"] < first["held_out_loss"] / 2
    assert whole.state_.architecture == architecture and whole.state_.metadata["parameters"]["window"] == 2
    with pytest.raises(TrainingInterrupted):
        interrupted.fit(corpus, progress=stop_at(20))
    interrupted.save(tmp_path / "m")
    resumed = SentenceEncoder.load(tmp_path / "m").resume()
    np.testing.assert_allclose(resumed.state_.table, whole.state_.table, atol=1e-6)


@pytest.mark.parametrize("architecture", ["static", "attention"])
def test_fit_on_a_corpus_brings_sentences_of_a_topic_together(architecture: str) -> None:
    encoder = SentenceEncoder(make_words(), architecture, dim=8, heads=2, training=OPTIONS)
    topics = list(range(N_TOPICS))
    assert nearest_topics(encoder) != topics
    assert encoder.fit(make_paragraphs()) is encoder
    assert nearest_topics(encoder) == topics
    assert encoder.is_complete_ and encoder.history_[-1]["step"] == 40
    assert (encoder.state_.network is None) == (architecture == "static")
    assert encoder.state_.metadata["parameters"]["architecture"] == architecture
    assert encoder.state_.metadata["training"]["sources"] == ["corpus"]


def test_fit_on_pairs_and_after_a_teacher() -> None:
    sentences = [sentence for paragraph in make_paragraphs() for sentence in paragraph.split(".") if sentence.strip()]
    topics = np.array([int(sentence.split()[0].lower()[1]) for sentence in sentences])
    teacher = np.eye(N_TOPICS, dtype=np.float32)[topics] + 0.01
    taught = SentenceEncoder(make_words(), training=OPTIONS).fit(sentences, teacher=teacher)
    assert nearest_topics(SentenceEncoder(make_words())) != list(range(N_TOPICS))
    assert nearest_topics(taught) == list(range(N_TOPICS))
    pairs = [(sentences[i], sentences[i + 1]) for i in range(0, len(sentences), 3)]
    paired = SentenceEncoder(make_words(), training=OPTIONS).fit(pairs=pairs)
    assert nearest_topics(paired) == list(range(N_TOPICS))
    assert paired.state_.metadata["training"] | {"options": None} == {
        "complete": True, "seed": 3, "options": None, "corpus": None, "pairs": None, "teacher": None,
        "teacher_cache": None, "errors": "strict", "sources": ["pairs"],
    }  # fmt: skip


def test_fit_starts_afresh_each_time(corpus: Path) -> None:
    encoder = SentenceEncoder(make_words(), training=OPTIONS).fit(corpus)
    table = encoder.state_.table.copy()
    np.testing.assert_array_equal(encoder.fit(corpus).state_.table, table)
    np.testing.assert_array_equal(clone(encoder).fit(corpus).state_.table, table)


def test_fit_goes_on_from_a_fitted_encoder(corpus: Path) -> None:
    first = SentenceEncoder(make_words(), training=OPTIONS).fit(corpus)
    second = SentenceEncoder(first.state_, training=OPTIONS).fit(corpus)
    assert second.history_[0]["held_out_loss"] == pytest.approx(
        min(entry["held_out_loss"] for entry in first.history_), rel=1e-5
    )


def test_seed_and_threads_of_the_encoder_win(corpus: Path) -> None:
    one = SentenceEncoder(make_words(), training=OPTIONS, random_state=5, workers=1).fit(corpus)
    same = SentenceEncoder(make_words(), training=OPTIONS, random_state=5, workers=1).fit(corpus)
    other = SentenceEncoder(make_words(), training=OPTIONS, random_state=6, workers=1).fit(corpus)
    np.testing.assert_array_equal(one.state_.table, same.state_.table)
    assert np.abs(one.state_.table - other.state_.table).max() > 1e-4
    assert one.state_.metadata["training"]["options"]["workers"] == 1


def test_a_frozen_encoder_learns_nothing(corpus: Path) -> None:
    encoder = SentenceEncoder(make_words(), frozen=True).fit(corpus)
    np.testing.assert_array_equal(encoder.state_.table, SentenceEncoder(make_words()).state.table)
    assert encoder.history_ == [] and encoder.is_complete_


def test_fit_needs_enough_to_train_on() -> None:
    with pytest.raises(
        ValueError, match="give paragraphs, one per line, or pairs .*; with frozen=True nothing is trained"
    ):
        SentenceEncoder(make_words(), training=OPTIONS).fit(["t1w1 t1w2 t1w3 t1w4 t1w5"])


@pytest.mark.parametrize("architecture", ["static", "attention"])
def test_an_interrupted_training_comes_to_the_same_end(corpus: Path, tmp_path: Path, architecture: str) -> None:
    def new() -> SentenceEncoder:
        return SentenceEncoder(make_words(), architecture, dim=8, heads=2, training=OPTIONS)

    whole = new().fit(corpus)
    encoder = new()
    with pytest.raises(TrainingInterrupted):
        encoder.fit(corpus, progress=stop_at(20))
    assert not encoder.is_complete_ and 0 < len(encoder.history_) < len(whole.history_)
    assert topic_margin(encoder) > topic_margin(new())  # the best so far can be used
    encoder.save(tmp_path / "m")
    loaded = SentenceEncoder.load(tmp_path / "m")
    assert not loaded.is_complete_ and loaded.training == OPTIONS
    assert (tmp_path / "m" / "training.safetensors").is_file()
    for resumed in (encoder.resume(corpus), loaded.resume()):
        assert resumed.is_complete_
        np.testing.assert_allclose(resumed.state_.table, whole.state_.table, atol=1e-6)
        assert [entry["step"] for entry in resumed.history_] == [entry["step"] for entry in whole.history_]
        np.testing.assert_allclose(
            [entry["held_out_loss"] for entry in resumed.history_],
            [entry["held_out_loss"] for entry in whole.history_],
            rtol=1e-5,
        )
    loaded.save(tmp_path / "m", overwrite=True)
    assert not (tmp_path / "m" / "training.safetensors").exists()
    with pytest.raises(ValueError, match="no interrupted training"):
        SentenceEncoder.load(tmp_path / "m").resume()


def test_resume_needs_what_was_no_file_again(tmp_path: Path) -> None:
    encoder = SentenceEncoder(make_words(), training=OPTIONS)
    with pytest.raises(TrainingInterrupted):
        encoder.fit(make_paragraphs(), progress=stop_at(10))
    encoder.save(tmp_path / "m")
    loaded = SentenceEncoder.load(tmp_path / "m")
    with pytest.raises(ValueError, match="a `corpus` that was not a file: pass it again, in Python"):
        loaded.resume()
    with pytest.raises(ValueError, match="began with other sentences"):
        loaded.resume(make_paragraphs(40))
    assert SentenceEncoder.load(tmp_path / "m").resume(make_paragraphs()).is_complete_


def test_names_of_files_are_kept_absolute(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(corpus.parent)
    for given, kept in (
        ("corpus.txt", str(corpus)),
        ([Path("corpus.txt")], [str(corpus)]),
        (TextReader("corpus.txt"), [str(corpus)]),
        (make_paragraphs(), None),
    ):
        encoder = SentenceEncoder(make_words(), training=OPTIONS).fit(given)
        assert encoder.state_.metadata["training"]["corpus"] == kept


@pytest.mark.parametrize(
    "change",
    [
        {"options": {"steps": "many"}},
        {"options": {"import": "os"}},
        {"corpus": 3},
        {"sources": ["history_"]},
        {"pairs": [1]},
    ],
)
def test_load_refuses_a_training_that_is_damaged(corpus: Path, tmp_path: Path, change: dict[str, Any]) -> None:
    encoder = SentenceEncoder(make_words(), training=OPTIONS)
    with pytest.raises(TrainingInterrupted):
        encoder.fit(corpus, progress=stop_at(10))
    encoder.save(tmp_path / "m")
    file = tmp_path / "m" / "config.json"
    config = json.loads(file.read_text())
    config["training"] |= change
    file.write_text(json.dumps(config))
    with pytest.raises(ModelError, match=r"config\.json is damaged: its training"):
        SentenceEncoder.load(tmp_path / "m")


def test_weights_without_end_are_saved(tmp_path: Path) -> None:
    encoder = SentenceEncoder(make_words(), a=np.inf, training=OPTIONS).fit(make_paragraphs())
    encoder.save(tmp_path / "m")
    assert SentenceEncoder.load(tmp_path / "m").state_.metadata["parameters"]["a"] == "inf"


@pytest.mark.parametrize("architecture", ["attention", "recurrent", "convolution"])
def test_a_network_to_start_from_is_not_contradicted(architecture: str, corpus: Path, tmp_path: Path) -> None:
    """What would have been passed over in silence is told; what may differ, differs."""
    options = replace(OPTIONS, steps=10, order_share=0.0)
    first = SentenceEncoder(make_words(), architecture, dim=8, heads=2, training=options).fit(corpus)
    first.save(tmp_path / "m")
    again = SentenceEncoder.load(tmp_path / "m").set_params(frozen=False, training=options).fit(corpus)
    assert again.history_[0]["held_out_loss"] == pytest.approx(
        min(entry["held_out_loss"] for entry in first.history_), rel=1e-4
    )
    for given, message in (
        ({"dim": 16}, "trained with dim 8, not dim 16: leave dim out"),
        ({"layers": 2, "norm": "post"}, "layers 1, norm pre, not layers 2, norm post: leave layers and norm out"),
        ({"architecture": "static"}, f"has the architecture {architecture}"),
    ):
        with pytest.raises(ValueError, match=message):
            _ = SentenceEncoder(first.state_, **given).state
    same = SentenceEncoder(first.state_, dim=8, heads=2, dropout=0.4).state
    assert same.network is not None and same.network.dropout == 0.4
    assert SentenceEncoder(first.state_).state.network == first.state_.network


def test_dropout_and_optimizer_depend_on_the_training_data() -> None:
    sentences = [one.strip() for text in make_paragraphs() for one in text.split(".") if one.strip()][:40]
    few = FitOptions(steps=1, batch_size=8, min_tokens=1, workers=1)
    teacher = np.random.default_rng(1).normal(size=(len(sentences), 6))

    def fitted(dropout: float | None, **sources: Any) -> float:
        encoder = SentenceEncoder(make_words(), "attention", dim=8, heads=2, dropout=dropout, training=few)
        network = encoder.fit(sentences if sources else make_paragraphs(), **sources).state_.network
        assert network is not None
        return network.dropout

    assert fitted(None) == 0.1 and fitted(None, teacher=teacher) == 0.0
    assert fitted(0.25) == fitted(0.25, teacher=teacher) == 0.25
    chosen = [FitOptions(optimizer=given).filled(kind).optimizer for given in (None, "adam") for kind in DEFAULTS]
    assert chosen == ["adam"] * 4 + ["muon"] + ["adam"] * 5 and list(DEFAULTS)[-1] == "teacher"
