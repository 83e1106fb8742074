"""Held-out loss, evaluations, callbacks and early stopping, on the trainer itself."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.examples.trainer_examples import make_trainer
from tests.helpers.examples.trainer_examples import run as train
from tests.helpers.twins import naive_w2v
from w2v.encoding.holdout import hold_out
from w2v.encoding.stream import TokenStream
from w2v.encoding.vocabulary import Vocabulary
from w2v.evaluation import EvaluationError
from w2v.kernels.arguments import Noise
from w2v.monitoring.history import EpochRecord
from w2v.settings.parameters import Parameters
from w2v.training.monitor import (
    CallbackError,
    Every,
    Monitor,
    TrainingView,
    best_epoch,
    check_evaluations,
    measure_watched,
)
from w2v.training.trainer import Trainer
from w2v.vectors.embeddings import Embeddings

both = pytest.mark.parametrize("algorithm", ["skipgram", "cbow"])
WORDS = Vocabulary([f"w{i}" for i in range(40)], np.arange(40, 0, -1))


def monitored(training: Trainer, **options: Any) -> Monitor:
    """Return a monitor with the trainer's parameters."""
    return Monitor(training.parameters, lambda: Embeddings(WORDS, training.tables.input_vectors), **options)


def other_stream(training: Trainer) -> TokenStream:
    """Return some sentences of the trainer's vocabulary that it does not train on."""
    return hold_out(make_trainer(n_tokens=6000).stream, 0.3, seed=1)[1]


def run(training: Trainer, monitor: Monitor, workers: int = 1) -> None:
    train(training, workers, pauses=[monitor])
    monitor.finish(training)


# Held-out loss.


@both
def test_mean_loss_equals_the_twins(algorithm: str) -> None:
    training = make_trainer(algorithm=algorithm, epochs=1, sample=1e-2)
    train(training, 1)
    stream = other_stream(training)
    borders = stream.split(1000).tolist()
    noise = training.objective.source
    assert len(borders) == 3 and isinstance(noise, Noise)
    loss = pairs = 0.0
    for segment, (first, last) in enumerate(zip(borders[:-1], borders[1:], strict=True)):
        state = int(np.random.SeedSequence([5, 4, segment + 1]).generate_state(1, np.uint64)[0])
        twin = naive_w2v.train(
            algorithm, stream.tokens.tolist(), stream.offsets.tolist(), first, last, training.text.keep.tolist(),
            noise.threshold.tolist(), noise.alias.tolist(),
            training.tables.input_vectors.astype(float), training.tables.output_vectors.astype(float),
            window=3, shrink=3, negative=5, n_targets=training.objective.chunk.n_targets,
            n_noise=training.objective.n_noise, alpha_start=0.0, alpha_end=0.0, state=state,
        )  # fmt: skip
        loss, pairs = loss + twin.loss, pairs + twin.pairs
    assert training.mean_loss(stream, 1) == pytest.approx(loss / pairs, rel=3e-6)


@both
def test_mean_loss_changes_nothing_and_does_not_depend_on_workers(algorithm: str) -> None:
    training = make_trainer(algorithm=algorithm, epochs=1)
    train(training, 1)
    w_in, w_out = training.tables.w_in.copy(), training.tables.w_out.copy()
    stream = other_stream(training)
    losses = [training.mean_loss(stream, workers) for workers in (1, 1, 3)]
    assert losses[0] == losses[1] == losses[2] > 0
    assert np.array_equal(training.tables.w_in, w_in) and np.array_equal(training.tables.w_out, w_out)


def test_mean_loss_before_training_is_that_of_guessing() -> None:
    training = make_trainer()
    assert training.mean_loss(other_stream(training), 1) == pytest.approx(6 * math.log(2), rel=1e-3)


def test_mean_loss_without_pairs_is_not_a_number() -> None:
    training = make_trainer()
    alone = TokenStream(np.zeros(3, np.int32), np.arange(4), 3)
    assert math.isnan(training.mean_loss(alone, 1))


@both
@pytest.mark.parametrize("workers", [1, 3])
def test_monitor_measures_every_epoch(algorithm: str, workers: int) -> None:
    training = make_trainer(algorithm=algorithm, n_tokens=20_000)
    stream = other_stream(training)
    at_start = training.mean_loss(stream, 1)
    run(training, monitored(training, held_out=stream, workers=workers), workers)
    losses = [record.holdout_loss for record in training.history]
    assert len(losses) == 3 and max(losses) < at_start
    assert losses[-1] == training.mean_loss(stream, 1)
    assert training.history[-1].to_dict()["holdout_loss"] == losses[-1]
    assert training.is_complete and training.stop_reason is None


@both
def test_monitor_leaves_one_worker_as_it_is(algorithm: str) -> None:
    plain, watched = make_trainer(algorithm=algorithm), make_trainer(algorithm=algorithm)
    train(plain, 1)
    seen: list[TrainingView] = []
    run(watched, monitored(watched, held_out=other_stream(watched), callbacks=[seen.append, Every(1e-9, seen.append)]))
    assert np.array_equal(plain.tables.w_in, watched.tables.w_in) and len(seen) > 3
    assert [record.loss for record in plain.history] == [record.loss for record in watched.history]


def test_monitor_measures_an_epoch_that_time_cut_short() -> None:
    training = make_trainer(n_tokens=20_000, max_time=1e-9)
    run(training, monitored(training, held_out=other_stream(training)))
    assert training.step == 1 and math.isfinite(training.history[0].holdout_loss)


def test_monitor_measures_an_epoch_that_was_not_measured_before_an_interruption() -> None:
    whole = make_trainer(epochs=2)
    run(whole, monitored(whole, held_out=other_stream(whole)))
    first = make_trainer(epochs=1, min_alpha=0.0125)
    train(first, 1)
    rest = make_trainer(epochs=2, tables=first.tables, step=first.step, history=first.history)
    run(rest, monitored(rest, held_out=other_stream(rest)))
    assert all(math.isfinite(record.holdout_loss) for record in rest.history)


# Evaluations.


@pytest.fixture
def pairs(tmp_path: Path) -> str:
    path = tmp_path / "pairs.tsv"
    path.write_text("w1\tw2\t9\nw3\tw4\t5\nw5\tw6\t1\nw7\tnowhere\t2\n", encoding="utf-8")
    return str(path)


@pytest.fixture
def questions(tmp_path: Path) -> str:
    path = tmp_path / "questions.txt"
    path.write_text(": all\nw1 w2 w3 w4\nw5 w6 w7 w8\n", encoding="utf-8")
    return str(path)


def test_monitor_evaluates_every_epoch(pairs: str, questions: str) -> None:
    training = make_trainer(eval_pairs=pairs, eval_analogies=questions)
    run(training, monitored(training))
    for record in training.history:
        assert -1 <= record.word_pairs <= 1 and 0 <= record.analogies <= 1
        assert {"word_pairs", "analogies"} < set(record.to_dict()) and "holdout_loss" not in record.to_dict()


def test_check_evaluations_finds_mistakes_before_training(pairs: str, questions: str, tmp_path: Path) -> None:
    parameters = Parameters(eval_pairs=pairs, eval_analogies=questions)
    check_evaluations(parameters)
    check_evaluations(parameters, WORDS)
    with pytest.raises(ValueError, match=r"questions.txt: no line has only words of the corpus"):
        check_evaluations(parameters, Vocabulary(["w1", "w2"]))
    with pytest.raises(ValueError, match=r"pairs.tsv: no line has only words of the corpus, so eval_pairs"):
        check_evaluations(Parameters(eval_pairs=pairs), Vocabulary(["w1", "w4"]))
    with pytest.raises(EvaluationError, match="cannot be read"):
        check_evaluations(Parameters(eval_pairs=tmp_path / "nowhere"))
    with pytest.raises(EvaluationError, match="line 1: a question must be four words"):
        check_evaluations(Parameters(eval_analogies=pairs))


# Early stopping.


def scripted(training: Trainer, monkeypatch: pytest.MonkeyPatch, losses: list[float]) -> list[Any]:
    """Let the held-out losses be these; note the tables after each epoch."""
    tables: list[Any] = []

    def mean_loss(stream: TokenStream, workers: int) -> float:
        tables.append(training.tables.w_in.copy())
        return losses[len(tables) - 1]

    monkeypatch.setattr(training, "mean_loss", mean_loss)
    return tables


@pytest.mark.parametrize(
    ("losses", "patience", "best", "epochs"),
    [
        ([3.0, 2.0, 2.5, 2.4, 1.0, 0.5], 2, 2, 4),
        ([3.0, 2.0, 2.5, 1.9, 2.0, 2.0], 2, 4, 6),
        ([3.0, 3.0, 3.0, 3.0, 3.0, 3.0], 1, 1, 2),
        ([6.0, 5.0, 4.0, 3.0, 2.0, 2.5], 3, 5, 6),
        ([6.0, 5.0, 4.0, 3.0, 2.0, 1.0], 1, 6, 6),
        ([math.nan, 2.0, math.nan, math.nan, 1.0, 0.5], 2, 2, 4),
    ],
)
@pytest.mark.parametrize("workers", [1, 2])
def test_patience_ends_training_and_keeps_the_best(
    losses: list[float], patience: int, best: int, epochs: int, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = make_trainer(n_tokens=3000, epochs=6, holdout=0.1, patience=patience)
    tables = scripted(training, monkeypatch, losses)
    run(training, monitored(training, held_out=other_stream(training)), workers)
    assert len(training.history) == len(tables) == epochs
    assert best_epoch(training.parameters, training.history) == best
    assert np.array_equal(training.tables.w_in, tables[best - 1])
    stopped = training.stop_reason
    assert (stopped is None) == (epochs == 6 and epochs - best < patience)
    if stopped is not None:
        assert f"holdout_loss was best after epoch {best} and has not improved for {patience} epoch" in stopped


def test_patience_of_an_evaluation_takes_the_highest() -> None:
    parameters = Parameters(patience=2, eval_pairs="pairs.tsv", holdout=0.1, monitor="pairs")
    history = [EpochRecord(i, holdout_loss=1 / i, word_pairs=value) for i, value in enumerate([0.1, 0.5, 0.4], 1)]
    assert measure_watched(parameters) == "word_pairs" and best_epoch(parameters, history) == 2


def test_patience_looks_at_the_first_measure_that_there_is() -> None:
    for options, measure in [
        ({"holdout": 0.1, "eval_pairs": "p"}, "holdout_loss"),
        ({"eval_analogies": "a", "eval_pairs": "p"}, "analogies"),
        ({"eval_pairs": "p"}, "word_pairs"),
    ]:
        assert measure_watched(Parameters(patience=1, **options)) == measure  # type: ignore[arg-type]
    assert measure_watched(Parameters(holdout=0.1)) is None and best_epoch(Parameters(holdout=0.1), []) is None


# Callbacks.


@pytest.mark.parametrize("workers", [1, 3])
def test_callback_sees_the_end_of_every_epoch(workers: int) -> None:
    training = make_trainer(n_tokens=20_000)
    seen: list[TrainingView] = []
    sums: list[float] = []

    def look(view: TrainingView) -> str:
        seen.append(view)
        sums.append(float(abs(view.embeddings["w3"]).sum()))
        return "a value that is true does not end training"

    run(training, monitored(training, callbacks=[look]), workers)
    n = training.n_segments
    assert [(view.event, view.epoch, view.step) for view in seen] == [("epoch", e, e * n) for e in (1, 2, 3)]
    assert [view.loss for view in seen] == [record.loss for record in training.history]
    assert [view.alpha for view in seen] == [record.alpha for record in training.history]
    assert len(set(sums)) == 3 and math.isnan(seen[0].holdout_loss)
    with pytest.raises(AttributeError):
        seen[0].loss = 1.0  # type: ignore[misc]
    assert not seen[0].embeddings.vectors.flags.writeable


def test_callback_is_called_at_intervals() -> None:
    training = make_trainer(n_tokens=20_000)
    seen: list[TrainingView] = []
    run(training, monitored(training, callbacks=[Every(1e-9, seen.append), Every(1000, seen.append)]))
    assert [view.event for view in seen] == ["interval"] * 3 * training.n_segments
    assert [view.step for view in seen] == list(range(1, 3 * training.n_segments + 1))


@pytest.mark.parametrize("workers", [1, 3])
def test_callback_ends_training_by_returning_true(workers: int) -> None:
    training = make_trainer(n_tokens=20_000)
    run(training, monitored(training, callbacks=[lambda view: view.epoch == 2]), workers)
    assert training.step == 2 * training.n_segments and training.stop_reason == "a callback asked for it"


@pytest.mark.parametrize("workers", [1, 3])
def test_failing_callback_ends_training_between_segments(workers: int) -> None:
    training = make_trainer(n_tokens=20_000)

    def fail(view: TrainingView) -> None:
        raise KeyError("oops")

    with pytest.raises(CallbackError, match="a callback failed after epoch 1: KeyError: 'oops'") as caught:
        train(training, workers, pauses=[monitored(training, callbacks=[fail])])
    assert isinstance(caught.value.__cause__, KeyError)
    assert training.step == training.n_segments and training.history[0].words == 20_000


@pytest.mark.parametrize("seconds", [0, -1, math.nan, math.inf])
def test_every_refuses_an_impossible_interval(seconds: float) -> None:
    with pytest.raises(ValueError, match="seconds must be a finite number above 0"):
        Every(seconds, print)


def test_every_refuses_what_cannot_be_called() -> None:
    with pytest.raises(TypeError, match="a callback must be callable, not int"):
        Every(1, 3)  # type: ignore[arg-type]
