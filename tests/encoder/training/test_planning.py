"""A table that learns alone before a network joins it, and the choice between the two."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.clock import Clock
from tests.helpers.examples.topic_examples import OPTIONS, make_paragraphs, make_words
from w2v.encoder import SentenceEncoder
from w2v.encoder.model.state import EncoderState
from w2v.encoder.training.fit_options import FitOptions
from w2v.encoder.training.planning import Comparison, comparison
from w2v.encoder.training.trainable import Rates, Trainable
from w2v.encoder.training.training import fit_encoder
from w2v.monitoring.history import TrainingInterrupted
from w2v.neural.progress import FitProgress

CHOOSING = replace(OPTIONS, choose=True, evaluate_every=5)
SPOILT = replace(CHOOSING, network_rate=1.0)


def new(**options: Any) -> SentenceEncoder:
    return SentenceEncoder(make_words(), dim=8, heads=2, **options)


def attentive() -> EncoderState:
    return new(architecture="attention").state


def stages(history: list[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(entry["stage"] for entry in history))


def facts(history: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in entry.items() if name != "seconds"} for entry in history]


def interrupting(number: int, step: int) -> Callable[[FitProgress], None]:
    """Return a progress callback that does what Ctrl-C does in a stage, once."""
    steps: list[int] = [0]
    done: list[bool] = []

    def report(state: FitProgress) -> None:
        if state.phase == "training":
            steps.append(state.step)
            is_there = sum(b < a for a, b in zip(steps, steps[1:], strict=False)) == number and state.step >= step
            if is_there and not done:
                done.append(True)
                raise KeyboardInterrupt

    return report


def test_a_network_is_tried_above_the_table_that_learns_alone() -> None:
    corpus = make_paragraphs()
    alone = fit_encoder(new().state, corpus, options=replace(OPTIONS, evaluate_every=5))
    both = fit_encoder(attentive(), corpus, options=replace(CHOOSING, network_rate=0.02))
    n_alone = len(alone.history)
    assert facts(both.history[:n_alone]) == facts(alone.history)
    best = min(entry["held_out_loss"] for entry in alone.history)
    tried = [entry for entry in both.history if entry["stage"] == "corpus, attention tried"]
    assert [entry["step"] for entry in tried] == [0, 5, 10]
    assert tried[0]["held_out_loss"] == pytest.approx(best, rel=1e-5)
    assert comparison(both.history) == (tried[0]["held_out_loss"], min(entry["held_out_loss"] for entry in tried))


def test_a_network_that_gains_nothing_is_not_kept() -> None:
    """However much the table could still learn: it stays as it is while a network is tried."""
    corpus, few = make_paragraphs(), replace(OPTIONS, steps=20, evaluate_every=5)
    alone = fit_encoder(new().state, corpus, options=few)
    spoilt = fit_encoder(attentive(), corpus, options=replace(SPOILT, steps=20))
    assert spoilt.state.network is None and spoilt.state.parameters is None
    assert stages(spoilt.history) == ["corpus", "corpus, attention tried"]
    np.testing.assert_array_equal(spoilt.state.table, alone.state.table)
    kept = fit_encoder(attentive(), corpus, options=replace(SPOILT, choose=False, table_first=True, order_share=0.0))
    assert kept.state.network is not None  # it was asked for


def test_a_network_that_gains_is_kept() -> None:
    """The teacher speaks about the order of two words only, of which a table knows nothing."""
    rng = np.random.default_rng(5)
    firsts = rng.integers(2, size=300)
    sentences = [f"t{one}w0 t{1 - one}w0 t{rng.integers(6)}w{rng.integers(1, 8)}" for one in firsts]
    teacher = np.stack([firsts, 1 - firsts], axis=1) + 0.05
    options = replace(CHOOSING, steps=200, order_share=0.0, network_rate=0.02)
    encoder = new(training=options).fit(sentences, teacher=teacher)
    assert encoder.state.architecture == "attention"  # by default, where a network is to be tried
    compared = comparison(encoder.history_)
    assert compared is not None and compared.gain > 0.02
    turned = encoder.encode(["t0w0 t1w0 t2w3", "t1w0 t0w0 t2w3"])
    assert turned[0] @ turned[1] < 0.9


def test_the_gain_is_a_fraction_of_the_loss_of_the_table() -> None:
    assert Comparison(2.0, 1.5).gain == 0.25 and comparison([{"stage": "corpus", "held_out_loss": 1.0}]) is None


@functools.cache
def planned(options: FitOptions) -> SentenceEncoder:
    """Return an encoder that learned from a corpus and from pairs without an interruption; not to be changed."""
    return new(training=options).fit(make_paragraphs(), pairs=some_pairs())


def some_pairs() -> list[tuple[str, str]]:
    return [(f"t{i % 6}w1 t{i % 6}w2", f"t{i % 6}w{i % 8}") for i in range(90)]


@pytest.mark.parametrize(
    ("number", "options"), [(0, SPOILT), (1, SPOILT), (2, SPOILT), (1, CHOOSING), (2, CHOOSING), (3, CHOOSING)]
)
def test_every_stage_goes_on_to_the_same_bits(tmp_path: Path, number: int, options: Any) -> None:
    corpus, pairs, whole = make_paragraphs(), some_pairs(), planned(options)
    assert len(stages(whole.history_)) == 3 + (whole.state.network is not None)
    with pytest.raises(TrainingInterrupted):
        new(training=options).fit(corpus, pairs=pairs, progress=interrupting(number, 5), checkpoint=tmp_path / "e")
    found = SentenceEncoder.load(tmp_path / "e").resume(corpus, pairs=pairs)
    assert facts(found.history_) == facts(whole.history_)
    np.testing.assert_array_equal(found.state.table, whole.state.table)
    assert (found.state.parameters is None) == (whole.state.parameters is None)
    if whole.state.parameters is not None and found.state.parameters is not None:
        np.testing.assert_array_equal(found.state.parameters.flat, whole.state.parameters.flat)


def test_a_teacher_lets_the_table_learn_first_and_a_network_that_has_learned_is_not_left_aside() -> None:
    sentences, teacher = make_paragraphs(), np.random.default_rng(3).normal(size=(80, 4))
    first = fit_encoder(attentive(), sentences, teacher=teacher, options=OPTIONS)
    assert stages(first.history) == ["teacher", "teacher, attention"]
    assert first.state.parameters is not None and first.state.parameters["output.weight"].any()
    assert stages(fit_encoder(first.state, sentences, teacher=teacher, options=OPTIONS).history) == ["teacher"]
    together = fit_encoder(attentive(), sentences, teacher=teacher, options=replace(OPTIONS, table_first=False))
    assert stages(together.history) == ["teacher"]
    for state in (first.state, new().state):
        with pytest.raises(ValueError, match="compares an untrained network with the word vectors alone"):
            fit_encoder(state, sentences, teacher=teacher, options=CHOOSING)
    with pytest.raises(ValueError, match="no objective but neighbors"):
        fit_encoder(attentive(), sentences, options=replace(CHOOSING, objective="masked"))
    with pytest.raises(ValueError, match="it does not go with table_first=False"):
        replace(CHOOSING, table_first=False)


def test_the_table_has_a_quarter_of_the_time_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, update = Clock(monkeypatch), Trainable.update

    def take_a_second(model: Trainable, rates: Rates) -> None:
        clock.advance(1)
        update(model, rates)

    monkeypatch.setattr(Trainable, "update", take_a_second)
    options = replace(CHOOSING, steps=1000, max_time=20.0)
    last = {
        entry["stage"]: entry["step"] for entry in fit_encoder(attentive(), make_paragraphs(), options=options).history
    }
    assert last == {"corpus": 5, "corpus, attention tried": 5, "corpus, attention": 10}
    options = replace(options, choose=False, table_first=True)
    last = {
        entry["stage"]: entry["step"] for entry in fit_encoder(attentive(), make_paragraphs(), options=options).history
    }
    assert last == {"corpus": 5, "corpus, attention": 15}
