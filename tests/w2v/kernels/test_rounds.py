"""Several workers, bit for bit: rounds in which copies of shared rows are trained and added up."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.helpers.examples.trainer_examples import make_trainer, run
from w2v.kernels import synchronous
from w2v.kernels.arguments import NOT_WEIGHTED, Noise, Segment, Text
from w2v.kernels.synchronous import Round
from w2v.monitoring.history import Progress
from w2v.settings.parameters import Parameters
from w2v.training.trainer import DivergenceError, StopTraining, Trainer

both = pytest.mark.parametrize("algorithm", ["skipgram", "cbow"])


def train(workers: int, **options: Any) -> Trainer:
    training = make_trainer(**({"n_tokens": 20_000, "n_words": 300, "deterministic": True} | options))
    run(training, workers)
    return training


@both
@pytest.mark.parametrize("workers", [2, 3, 5])
def test_rounds_are_reproducible_bit_for_bit(algorithm: str, workers: int) -> None:
    first, second, other = (train(workers, algorithm=algorithm, seed=seed) for seed in (5, 5, 6))
    assert np.array_equal(first.tables.w_in, second.tables.w_in)
    assert np.array_equal(first.tables.w_out, second.tables.w_out)
    assert [record.loss for record in first.history] == [record.loss for record in second.history]
    assert not np.array_equal(first.tables.w_in, other.tables.w_in)


@both
def test_rounds_learn_as_one_worker_does(algorithm: str) -> None:
    alone, together = train(1, algorithm=algorithm), train(3, algorithm=algorithm)
    assert together.is_complete and [record.words for record in together.history] == [20_000] * 3
    assert together.history[-1].loss < together.history[0].loss
    assert together.history[-1].loss == pytest.approx(alone.history[-1].loss, rel=0.02)
    assert together.tables.all_finite() and not together.tables.w_out[-together.tables.row_size :].any()
    assert together.history[0].pairs == pytest.approx(alone.history[0].pairs, rel=0.02)


def test_rounds_end_with_the_epoch() -> None:
    steps: list[int] = []

    class Look:
        def is_due(self, trainer: Trainer) -> bool:
            return trainer.step > 0 and trainer.step not in steps

        def act(self, trainer: Trainer) -> None:
            steps.append(trainer.step)

    training = make_trainer(n_tokens=20_000, deterministic=True, epochs=2)
    n = training.n_segments
    assert n == 20
    run(training, 3, pauses=[Look()])
    assert steps == [3, 6, 9, 12, 15, 18, 20, 23, 26, 29, 32, 35, 38, 40]


@both
def test_rounds_go_on_exactly_where_they_stopped(algorithm: str) -> None:
    class StopAt:
        def is_due(self, trainer: Trainer) -> bool:
            return trainer.step == 23

        def act(self, trainer: Trainer) -> None:
            raise StopTraining("enough")

    whole = train(3, algorithm=algorithm)
    begun = make_trainer(n_tokens=20_000, n_words=300, deterministic=True, algorithm=algorithm)
    run(begun, 3, pauses=[StopAt()])
    assert begun.step == 23 and begun.stop_reason == "enough"
    rest = train(3, algorithm=algorithm, tables=begun.tables, step=begun.step, history=begun.history)
    assert np.array_equal(rest.tables.w_in, whole.tables.w_in)
    assert np.array_equal(rest.tables.w_out, whole.tables.w_out)
    assert [record.loss for record in rest.history] == [record.loss for record in whole.history]


def test_rounds_tell_their_progress() -> None:
    seen: list[Progress] = []
    training = make_trainer(n_tokens=20_000, deterministic=True)
    run(training, 2, seen.append)
    assert seen and seen[0].epoch == 1 and seen[0].words_per_second is not None


def test_failure_in_a_round_reaches_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    training = make_trainer(n_tokens=20_000, deterministic=True)

    def kernel(*arguments: Any) -> None:
        raise MemoryError("no room")

    monkeypatch.setattr(training, "objective", replace(training.objective, kernel=kernel))
    with pytest.raises(MemoryError, match="no room"):
        run(training, 3)


def test_divergence_in_a_round_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    training = make_trainer(n_tokens=20_000, deterministic=True)

    def kernel(*arguments: Any) -> None:
        arguments[-1][:] = [math.nan, 100, 100]

    monkeypatch.setattr(training, "objective", replace(training.objective, kernel=kernel))
    with pytest.raises(DivergenceError, match="the mean loss is nan"):
        run(training, 2)


def test_deterministic_refuses_a_time_limit() -> None:
    with pytest.raises(ValueError, match="deterministic=True cannot be combined with max_time"):
        Parameters(deterministic=True, max_time=10.0).validate()


@pytest.mark.parametrize("option", ["subwords", "position_weights"])
def test_deterministic_refuses_words_of_several_rows(option: str) -> None:
    parameters: dict[str, Any] = {"algorithm": "cbow", "deterministic": True, option: True}
    with pytest.raises(ValueError, match=f"deterministic=True cannot be combined with {option}"):
        Parameters(**parameters).validate()


# The compiled parts.


def test_collect_words_counts_what_is_met() -> None:
    tokens = np.array([9, 3, 5, 3, 3, 9], np.int32)
    notes = Round.of(2, 10, 10, 5, 100)._replace(number=4)
    notes.seen[:] = 7
    noise = Noise(np.zeros(10, np.float32), np.full(10, 5, np.int32), 5, 3)  # every noise word is 5
    text = Text(tokens, np.array([0, 6]), np.full(10, 0.5, np.float32), NOT_WEIGHTED)
    segment = Segment(1, 6, 0, 0.1, 0.1, np.uint64(1))
    n, n_draws = synchronous.collect_words(text, segment, 2, noise, np.uint64(1), notes, 1)
    assert notes.words[1, :n].tolist() == [3, 5, 9] and n_draws == (math.ceil(2.5 / 2) + 1) * 3
    assert notes.seen[1, :n].tolist() == [[3, 0], [1, n_draws], [1, 0]]
    assert notes.noise[1, :n_draws].tolist() == [5] * n_draws
    assert np.flatnonzero(notes.marks[1] == 4).tolist() == [3, 5, 9]
    assert notes.slots[1, [3, 5, 9]].tolist() == [0, 1, 2] and not notes.marks[0].any()


@pytest.mark.parametrize("exposure", [0.0, 0.5, 3.0, 100.0])
def test_add_up_is_a_sum_of_small_steps_and_a_mean_of_large_ones(exposure: float) -> None:
    row_size, n_workers = 16, 3
    rng = np.random.default_rng(1)
    rows_of_table = rng.normal(size=(6, row_size)).astype(np.float32)
    before = rows_of_table.copy()
    aligned = np.zeros(6 * row_size + 16, np.float32)
    start = (-(aligned.ctypes.data // 4)) % 16
    table = aligned[start : start + 6 * row_size]
    table[:] = rows_of_table.ravel()
    notes = Round.of(n_workers, 2, 1, 1, 1)._replace(number=1)
    notes.marks[:] = [[1, 0], [1, 1], [1, 0]]  # word 0 is met by all, word 1 by one worker alone
    notes.rows[:] = [[3], [4], [5]]
    notes.seen[:], notes.n_shared[:] = 1, 1
    for worker in range(n_workers):
        synchronous.add_up(table, row_size, np.ones(2, np.float32), exposure / 4, exposure / 12, notes, worker)
    steps = (before[3:].astype(float) - before[0]).sum(axis=0)
    share = 1.0 if exposure == 0 else (1 - math.exp(-exposure)) / (3 * (1 - math.exp(-exposure / 3)))
    assert {0.0: share == 1, 100.0: share == pytest.approx(1 / 3)}.get(exposure, 1 / 3 < share < 1)
    result = table.reshape(6, row_size)
    assert np.allclose(result[0], before[0] + share * steps, rtol=0, atol=1e-5)
    assert np.array_equal(result[1:], before[1:])
