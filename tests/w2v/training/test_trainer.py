"""Chunk sizes, the schedule, time limits, divergence, reproducibility and the history."""

from __future__ import annotations

import itertools
import math
import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.helpers.clock import Clock
from tests.helpers.examples.trainer_examples import make_trainer, run
from tests.helpers.twins import naive_w2v
from w2v.encoding.vocabulary import keep_probabilities, noise_distribution
from w2v.kernels.arguments import ROW_MULTIPLE, Segment
from w2v.kernels.random import build_alias
from w2v.kernels.simd import TILE_ROWS
from w2v.monitoring.history import EpochRecord, Progress
from w2v.settings.descriptions import GENSIM
from w2v.settings.parameters import Parameters
from w2v.training import objectives
from w2v.training.objectives import chunk_shape
from w2v.training.tables import Tables
from w2v.training.trainer import DivergenceError, Planned, Trainer

ALPHA = {"skipgram": 0.025, "cbow": 0.1}  # by default
LARGE_ALPHAS = [1.0, 0.5, 0.25, 0.1, 0.05, 0.025, 0.01, 0.005, 1e-3]

both = pytest.mark.parametrize("algorithm", ["skipgram", "cbow"])


def largest_alpha(**options: Any) -> float:
    """Return the largest of some learning rates that are allowed."""
    for alpha in LARGE_ALPHAS:
        try:
            Parameters(alpha=alpha, **options).validate()
        except ValueError:
            continue
        return alpha
    raise AssertionError("no alpha is allowed")


# Chunk sizes.

GRID = list(
    itertools.product(["skipgram", "cbow"], [1, 5, 50], [1, 5, 50], [True, False], [1e-4, 0.025, 0.1, 1.0], [0.0, 1e-3])
)


def zipf_counts(n_words: int) -> NDArray[np.int64]:
    return (1e6 / np.arange(1, n_words + 1)).astype(np.int64) + 1


@pytest.mark.parametrize("n_words", [1, 2, 30, 20_000])
def test_chunk_shape_keeps_every_step_within_its_limit(n_words: int) -> None:
    counts, slack = zipf_counts(n_words), 1 + 1e-6
    shorter = 0
    for algorithm, window, negative, shrink, alpha, sample in GRID:
        parameters = Parameters(algorithm, window=window, negative=negative, shrink_windows=shrink, sample=sample)
        keep = keep_probabilities(counts, sample)
        t, n, used = chunk_shape(parameters, alpha, counts, keep, window)
        most = objectives.MAX_TARGETS[algorithm]
        assert 1 <= t <= most and n >= TILE_ROWS and n % TILE_ROWS == 0
        assert used == alpha or (0 < used < alpha and t == 1)

        pairs = (window + 1 if shrink else 2 * window) if algorithm == "skipgram" else 1
        kept = counts * keep.astype(float)
        p, q = kept.max() / kept.sum(), noise_distribution(counts, 0.75).max()
        # the longest step of one target, in units of what is allowed
        step = pairs * max(negative * q / objectives.MAX_NOISE_STEP, p / objectives.MAX_WORD_STEP)
        if algorithm == "skipgram":
            step = max(step, 1 / objectives.MAX_NOISE_STEP)
            assert n >= 0.95 * negative * pairs
        assert used * t * pairs * negative / n <= objectives.MAX_NOISE_STEP * slack
        assert used * t * step <= slack
        if t < 0.95 * most:  # no shorter, and no slower, than it must be, but for what saves a tile of noise rows
            assert alpha * (t / 0.95 + 1) * step > 1 / slack
            shorter += 1
        if used < alpha:
            assert used * step == pytest.approx(1)
    assert shorter > 0


@pytest.mark.parametrize(
    ("window", "shape"), [(4, (46, 24)), (5, (48, 30)), (6, (48, 36)), (8, (48, 48)), (10, (47, 54))]
)
def test_a_chunk_does_without_a_tile_of_noise_rows_that_is_nearly_empty(window: int, shape: tuple[int, int]) -> None:
    counts = zipf_counts(50_000)
    parameters = Parameters(window=window)
    assert chunk_shape(parameters, 0.025, counts, keep_probabilities(counts, 1e-3), window) == (*shape, 0.025)


def test_chunk_is_full_for_the_defaults_and_a_large_vocabulary() -> None:
    counts = zipf_counts(50_000)
    for algorithm in ("skipgram", "cbow"):
        parameters = Parameters(algorithm)
        t, _, _ = chunk_shape(parameters, ALPHA[algorithm], counts, keep_probabilities(counts, 1e-3), GENSIM["window"])
        assert t == objectives.MAX_TARGETS[algorithm]


# Tables.


def test_tables_start_as_documented() -> None:
    tables = Tables.random(100, 20, seed=3)
    assert tables.row_size % ROW_MULTIPLE == 0 and tables.row_size >= 20
    assert len(tables.w_in) == len(tables.w_out) == 101 * tables.row_size
    assert tables.w_in.ctypes.data % 64 == 0 and tables.w_out.ctypes.data % 64 == 0
    assert tables.input_vectors.shape == tables.output_vectors.shape == (100, 20)
    assert not tables.w_out.any()
    assert 0.045 < abs(tables.input_vectors).max() <= 1 / 20
    assert abs(tables.input_vectors.mean()) < 3 * (1 / 20 / math.sqrt(3)) / math.sqrt(2000)
    padding = tables.w_in.reshape(101, -1).copy()
    padding[:100, :20] = 0
    assert not padding.any()
    assert np.array_equal(tables.w_in, Tables.random(100, 20, seed=3).w_in)
    assert not np.array_equal(tables.w_in, Tables.random(100, 20, seed=4).w_in)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["w_in", "w_out"])
def test_tables_know_whether_they_are_finite(value: float, name: str) -> None:
    tables = Tables.zeros(40_000, 3)
    assert tables.all_finite()
    getattr(tables, name)[39_999 * tables.row_size] = value
    assert not tables.all_finite()


# The schedule.


def planned(
    training: Trainer, monkeypatch: pytest.MonkeyPatch, clock: Clock | None = None
) -> list[tuple[int, int, float, float, int]]:
    """Run with a kernel that only notes (start, stop, alpha at both ends, state), and takes a second of the clock."""
    calls: list[tuple[int, int, float, float, int]] = []

    def note(_text: Any, segment: Segment, *further: Any) -> None:
        further[-1][:] += [1, 1, segment.stop - segment.start]
        calls.append((segment.start, segment.stop, segment.alpha, segment.alpha_end, int(segment.state)))
        if clock is not None:
            clock.advance(1.0)

    monkeypatch.setattr(training, "objective", replace(training.objective, kernel=note))
    run(training, 1)
    return calls


def test_every_epoch_visits_every_segment_once_in_another_order(monkeypatch: pytest.MonkeyPatch) -> None:
    training = make_trainer(n_tokens=20_000, epochs=4)
    calls = planned(training, monkeypatch)
    n = training.n_segments
    assert n >= 15 and len(calls) == 4 * n == training.step and training.is_complete
    epochs = [[(start, stop) for start, stop, *_ in calls[e * n : (e + 1) * n]] for e in range(4)]
    for visited in epochs:
        assert sorted(visited) == sorted(epochs[0])
        borders = sorted(visited)
        assert borders[0][0] == 0 and borders[-1][1] == 20_000
        assert all(a[1] == b[0] for a, b in itertools.pairwise(borders))
    assert len({tuple(visited) for visited in epochs}) == 4
    assert len({state for *_, state in calls}) == len(calls)


def test_alpha_falls_linearly_to_min_alpha(monkeypatch: pytest.MonkeyPatch) -> None:
    training = make_trainer(n_tokens=20_000, epochs=2, alpha=0.05, min_alpha=0.01)
    calls = planned(training, monkeypatch)
    done = 0
    for start, stop, alpha, alpha_end, _ in calls:
        assert alpha == pytest.approx(0.05 - 0.04 * done / 40_000)
        done += stop - start
        assert alpha_end == pytest.approx(0.05 - 0.04 * done / 40_000)
    assert calls[0][2] == 0.05 and calls[-1][3] == pytest.approx(0.01)
    assert training.history[-1].alpha == pytest.approx(0.01)
    assert [record.alpha for record in training.history] == pytest.approx([0.03, 0.01])


@both
def test_alpha_has_defaults_and_min_alpha_is_never_above_it(algorithm: str) -> None:
    training = make_trainer(algorithm=algorithm)
    assert (training.alpha, training.min_alpha) == (ALPHA[algorithm], 1e-4)
    small = make_trainer(algorithm=algorithm, alpha=1e-6)
    assert (small.alpha, small.min_alpha) == (1e-6, 1e-6)


def test_schedule_goes_on_where_it_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = planned(make_trainer(n_tokens=20_000), monkeypatch)
    for step in (0, 1, 17, 20, 33, len(whole) - 1, len(whole)):
        rest = planned(make_trainer(n_tokens=20_000, step=step), monkeypatch)
        assert [call[:2] + call[4:] for call in rest] == [call[:2] + call[4:] for call in whole[step:]]
        alphas, expected = ([alpha for call in calls for alpha in call[2:4]] for calls in (rest, whole[step:]))
        assert alphas == pytest.approx(expected)


def test_max_time_trains_until_the_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    training = make_trainer(n_tokens=20_000, epochs=1, max_time=200.0, alpha=0.05, min_alpha=0.01)
    calls = planned(training, monkeypatch, clock)
    assert len(calls) == 200 > 2 * training.n_segments  # more than the one epoch, which does not count
    assert [call[2] for call in calls] == pytest.approx([0.05 - 0.04 * second / 200 for second in range(200)])
    assert [call[3] for call in calls] == [call[2] for call in calls]
    assert training.is_complete and len(training.history) == math.ceil(len(calls) / training.n_segments)


def test_max_time_trains_one_segment_at_least(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    training = make_trainer(max_time=1e-9)
    assert len(planned(training, monkeypatch, clock)) == 1 and training.is_complete


def test_max_time_counts_what_was_spent_before(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    assert len(planned(make_trainer(max_time=200.0, started=clock.now - 150), monkeypatch, clock)) == 50
    assert len(planned(make_trainer(max_time=200.0, started=clock.now), monkeypatch, clock)) == 200


# Training.


@both
def test_one_worker_is_bit_for_bit_reproducible(algorithm: str) -> None:
    first, second, other = (make_trainer(algorithm=algorithm, seed=seed) for seed in (5, 5, 6))
    for training in (first, second, other):
        run(training, 1)
    assert np.array_equal(first.tables.w_in, second.tables.w_in)
    assert np.array_equal(first.tables.w_out, second.tables.w_out)
    assert [r.loss for r in first.history] == [r.loss for r in second.history]
    assert not np.array_equal(first.tables.w_in, other.tables.w_in)
    assert first.tables.w_out.any() and first.tables.all_finite()


@both
def test_several_workers_visit_everything(algorithm: str) -> None:
    training = make_trainer(algorithm=algorithm, n_tokens=20_000)
    run(training, 3)
    assert [record.words for record in training.history] == [20_000] * 3
    assert training.history[-1].loss < training.history[0].loss
    assert training.tables.all_finite() and not training.tables.w_out[-training.tables.row_size :].any()


@both
def test_history_adds_up(algorithm: str) -> None:
    training = make_trainer(algorithm=algorithm, sample=0.0)
    run(training, 2)
    for number, record in enumerate(training.history, 1):
        assert (record.epoch, record.words, record.kept) == (number, 6000, 6000)
        assert record.loss == record.loss_sum / record.pairs
        if algorithm == "cbow":
            assert record.pairs == 6000
        else:  # sentences of ten, radii 1, 2 or 3: at most 18, 34, 48 pairs
            assert record.pairs == pytest.approx(600 * (18 + 34 + 48) / 3, rel=0.02)
    assert all(record.seconds > 0 for record in training.history)
    losses = [record.loss for record in training.history]
    assert losses == sorted(losses, reverse=True) and losses[0] < 6 * math.log(2) + 0.01
    assert set(training.history[0].to_dict()) == {"epoch", "loss", "alpha", "words", "kept", "pairs", "seconds"}


def test_record_without_pairs_has_no_loss() -> None:
    assert "loss" not in EpochRecord(1).to_dict()


@both
def test_epoch_equals_the_twins(algorithm: str) -> None:
    training = make_trainer(algorithm=algorithm, n_tokens=3000, epochs=1, sample=1e-2)
    start = Tables.random(40, 8, 5)
    w_in, w_out = start.input_vectors.astype(float), start.output_vectors.astype(float)
    counts = np.bincount(training.stream.tokens)
    keep = keep_probabilities(counts, 1e-2)
    threshold, alias = np.empty(40, np.float32), np.empty(40, np.int32)
    build_alias(noise_distribution(counts, 0.75), threshold, alias)
    borders = training.stream.split(1000).tolist()
    loss, pairs, done = 0.0, 0, 0
    for segment in np.random.default_rng([5, 1, 0]).permutation(len(borders) - 1).tolist():
        first, last = borders[segment], borders[segment + 1]
        alphas = [training.alpha - (training.alpha - 1e-4) * tokens / 3000 for tokens in (done, done + last - first)]
        done += last - first
        twin = naive_w2v.train(
            algorithm, training.stream.tokens.tolist(), training.stream.offsets.tolist(), first, last, keep.tolist(),
            threshold.tolist(), alias.tolist(), w_in, w_out, window=3, shrink=3, negative=5,
            n_targets=training.objective.chunk.n_targets, n_noise=training.objective.n_noise,
            alpha_start=alphas[0], alpha_end=alphas[1],
            state=int(np.random.SeedSequence([5, 2, segment + 1]).generate_state(1, np.uint64)[0]),
        )  # fmt: skip
        w_in, w_out, loss, pairs = twin.w_in, twin.w_out, loss + twin.loss, pairs + twin.pairs
    run(training, 1)
    assert training.history[0].pairs == pairs
    assert training.history[0].loss == pytest.approx(loss / pairs, rel=3e-6)
    assert np.allclose(training.tables.input_vectors, w_in, rtol=0, atol=2e-6)
    assert np.allclose(training.tables.output_vectors, w_out, rtol=0, atol=2e-6)


def test_compiling_trains_nothing() -> None:
    training = make_trainer()
    before = training.tables.w_in.copy()
    training.compile()
    assert np.array_equal(training.tables.w_in, before) and training.step == 0 and training.history == []


def test_progress_tells_where_training_is() -> None:
    seen: list[Progress] = []
    training = make_trainer(n_tokens=20_000)
    run(training, 1, seen.append)
    first = seen[0]
    assert (first.phase, first.done, first.epoch, first.alpha) == ("training", 0.0, 1, 0.025)
    assert first.words_per_second is not None and first.words_per_second > 0
    assert first.loss == pytest.approx(6 * math.log(2), rel=0.05)
    assert first.seconds_left is not None and first.seconds_left > 0
    late = training.progress_at(Planned(2, 0, (0.01, 0.01), done=0.75), 45_000, 3.0)
    assert late.seconds_left == pytest.approx(1.0)  # a quarter of 60,000 tokens, 15,000 a second


# Divergence.


def broken_kernel(training: Trainer, monkeypatch: pytest.MonkeyPatch, loss: float, after: int = 0) -> None:
    calls = itertools.count()

    def kernel(*arguments: Any) -> None:
        arguments[-1][:] = [loss if next(calls) >= after else 100.0, 100, 100]

    monkeypatch.setattr(training, "objective", replace(training.objective, kernel=kernel))


@pytest.mark.parametrize("loss", [math.nan, math.inf, 100 * 6 * math.log(2) * 1.6])
@pytest.mark.parametrize("workers", [1, 2])
def test_divergence_of_the_loss_stops_training(loss: float, workers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    training = make_trainer(n_tokens=20_000)
    broken_kernel(training, monkeypatch, loss)
    with pytest.raises(
        DivergenceError, match=r"in epoch 1: the mean loss is .*; lower the learning rate alpha \(now 0.025\)"
    ):
        run(training, workers)
    assert training.step <= workers + 1


def test_divergence_of_the_vectors_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    training = make_trainer()
    broken_kernel(training, monkeypatch, 100.0)
    training.tables.w_out[3] = np.nan
    with pytest.raises(DivergenceError, match=r"the vectors are not finite; lower the learning rate alpha"):
        run(training, 1)


def test_loss_at_the_start_is_no_divergence(monkeypatch: pytest.MonkeyPatch) -> None:
    training = make_trainer()
    broken_kernel(training, monkeypatch, 100 * 6 * math.log(2) * 1.4)
    run(training, 1)
    assert training.is_complete


@both
@pytest.mark.parametrize("n_words", [1, 2, 5, 40])
@pytest.mark.parametrize("options", [{}, {"window": 50, "negative": 50}, {"negative": 1, "sample": 0.0}], ids=str)
def test_largest_alpha_stays_finite_or_says_that_it_diverged(
    algorithm: str, n_words: int, options: dict[str, Any]
) -> None:
    alpha = largest_alpha(algorithm=algorithm, **({"window": 3} | options))
    training = make_trainer(n_tokens=2000, n_words=n_words, algorithm=algorithm, alpha=alpha, **options)
    try:
        run(training, 1)
    except DivergenceError as error:
        assert f"lower the learning rate alpha (now {alpha:g})" in str(error)
    else:
        assert training.tables.all_finite()
        assert abs(training.tables.w_in).max() < 1e4


def test_error_in_a_worker_reaches_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    training = make_trainer()

    def kernel(*arguments: Any) -> None:
        raise MemoryError("no room")

    monkeypatch.setattr(training, "objective", replace(training.objective, kernel=kernel))
    with pytest.raises(MemoryError, match="no room"):
        run(training, 2)


# Pauses.


class EveryThird:
    """A pause whenever three more segments are done; notes the steps and what the tables held."""

    def __init__(self) -> None:
        self.steps: list[int] = []
        self.busy = 0

    def is_due(self, trainer: Trainer) -> bool:
        return trainer.step >= 3 * (len(self.steps) + 1)

    def act(self, trainer: Trainer) -> None:
        self.steps.append(trainer.step)
        before = trainer.tables.w_in.copy()
        words = sum(record.words for record in trainer.history)
        time.sleep(0.01)
        assert np.array_equal(trainer.tables.w_in, before), "a worker was busy"
        assert sum(record.words for record in trainer.history) == words


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_pauses_find_the_tables_at_rest(workers: int) -> None:
    training, pause, plain = make_trainer(n_tokens=20_000), EveryThird(), make_trainer(n_tokens=20_000)
    run(training, workers, pauses=[pause])
    assert pause.steps == list(range(3, training.step + 1, 3)) and training.step == 3 * training.n_segments
    if workers == 1:
        run(plain, 1)
        assert np.array_equal(plain.tables.w_in, training.tables.w_in)


@pytest.mark.parametrize("workers", [1, 3])
def test_error_in_a_pause_ends_training(workers: int) -> None:
    class Broken(EveryThird):
        def act(self, trainer: Trainer) -> None:
            raise OSError("disk full")

    training = make_trainer(n_tokens=20_000)
    with pytest.raises(OSError, match="disk full"):
        run(training, workers, pauses=[Broken()])
    assert training.step == 3


def test_failure_of_a_worker_goes_before_a_pause_that_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    training, pause = make_trainer(n_tokens=20_000), EveryThird()
    broken_kernel(training, monkeypatch, math.nan, after=2)
    with pytest.raises(DivergenceError):
        run(training, 2, pauses=[pause])
    assert pause.steps == []


def test_seconds_go_on_and_a_time_limit_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    options: dict[str, Any] = {"n_tokens": 20_000, "max_time": 200.0, "alpha": 0.05, "min_alpha": 0.01}
    history = [EpochRecord(1, seconds=50.0)]
    training = make_trainer(**options, step=3, history=history, started=clock.now - 100, done=0.5)
    calls = planned(training, monkeypatch, clock)
    assert [call[2] for call in calls] == pytest.approx([0.03 - 0.04 * second / 200 for second in range(100)])
    assert training.history[0].seconds == 50 + training.n_segments - 3 and training.history[-1].seconds == 150
    assert training.done == pytest.approx(0.995)
