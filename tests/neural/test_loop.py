"""The training loop, with a small language model: going on exactly, divergence, interruptions, the schedule."""

from __future__ import annotations

import math
import signal
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.helpers.clock import Clock
from w2v.monitoring.pauses import DivergenceError
from w2v.neural import losses, stack
from w2v.neural.layers.dropout import Dropout
from w2v.neural.loop import Loop, LoopOptions
from w2v.neural.optimizers.adam import Adam
from w2v.neural.optimizers.gradients import clip_by_norm, weight_decays
from w2v.neural.parameters import ParameterTable, Tensor
from w2v.neural.persistence import optimizer_state, restore_arrays, restore_optimizers
from w2v.neural.stack import StackConfig

N_TOKENS, LENGTH, BATCH = 5, 6, 8
CONFIG = StackConfig(8, 2, 1, 16, positions="learned", max_positions=LENGTH, causal=True)
OPTIONS = LoopOptions(steps=30, warmup=4, evaluate_every=10, labels={"stage": "text"})
OFTEN = LoopOptions(steps=30, warmup=4, evaluate_every=1)


class LanguageModel:
    """Tells the next of tokens that count upwards: a causal stack, tied embeddings, gradients in parts."""

    losses = ("next",)

    def __init__(self, chunk: int = BATCH, dropout: float = 0.2) -> None:
        tensors = {"tokens.table": Tensor((N_TOKENS, 8), 0.5), **CONFIG.tensors()}
        self.table = ParameterTable.initialise(tensors, 3)
        self.adam = Adam(self.table.flat.shape, weight_decay=weight_decays(self.table, 0.01).flat)
        self.gradients = self.table.zeros_like()
        self.chunk, self.dropout, self.scales = chunk, dropout, list[float]()

    def batch(self, step: int) -> NDArray[np.int64]:
        rng = np.random.default_rng([9, step])
        return (rng.integers(N_TOKENS, size=(BATCH, 1)) + np.arange(LENGTH + 1)) % N_TOKENS

    def loss(self, sequences: NDArray[np.int64], dropped: Dropout | None, gradients: ParameterTable | None) -> float:
        tokens, targets = sequences[:, :-1].ravel(), sequences[:, 1:].ravel()
        embeddings, every = self.table["tokens.table"], np.arange(N_TOKENS)
        offsets = np.arange(len(sequences) + 1, dtype=np.int64) * LENGTH
        h, cache = stack.forward(CONFIG, self.table, embeddings[tokens], offsets, dropped=dropped)
        loss, dh, d_targets, d_noise = losses.sampled_softmax(
            h, embeddings[targets], embeddings, target_log_q=np.zeros(len(h), np.float32),
            noise_log_q=np.zeros(N_TOKENS, np.float32), is_target=targets[:, None] == every,
        )  # fmt: skip
        if gradients is not None:
            part = self.table.zeros_like()
            dx, _ = stack.backward(CONFIG, self.table, dh.astype(np.float32), cache, part)
            for rows, d in ((tokens, dx), (targets, d_targets), (every, d_noise)):
                np.add.at(part["tokens.table"], rows, d.astype(np.float32))
            gradients.flat += part.flat * np.float32(len(sequences) / BATCH)
        return loss * len(sequences) / BATCH

    def accumulate(self, step: int) -> list[float]:
        self.gradients, sequences, total = self.table.zeros_like(), self.batch(step), 0.0
        for first in range(0, BATCH, self.chunk):
            part = sequences[first : first + self.chunk]
            total += self.loss(part, Dropout(self.dropout, step, first * LENGTH), self.gradients)
        return [total]

    def update(self, scale: float) -> None:
        self.scales.append(scale)
        clip_by_norm([self.gradients.flat], 1.0)
        self.adam.step(self.table.flat, self.gradients.flat, 0.02 * scale)

    def held_out_loss(self) -> float:
        return self.loss(self.batch(10**6), None, None)

    def all_finite(self) -> bool:
        return self.table.all_finite()

    def parameters(self) -> dict[str, NDArray[Any]]:
        return {"lm": self.table.flat}

    def tensors(self) -> dict[str, NDArray[Any]]:
        return self.parameters() | optimizer_state({"adam": self.adam})

    def restore(self, tensors: Mapping[str, NDArray[Any]]) -> None:
        restore_arrays(self.parameters(), tensors)
        restore_optimizers({"adam": self.adam}, tensors)


class At:
    """A pause that does something once, at a step."""

    def __init__(self, step: int, act: Callable[[Loop], None]) -> None:
        self.step, self._act = step, act

    def is_due(self, training: Loop) -> bool:
        return training.step == self.step

    def act(self, training: Loop) -> None:
        self.step = -1
        self._act(training)


class Crash(Exception):
    """Stands for a kill."""


def crash(loop: Loop) -> None:
    raise Crash


def copied(loop: Loop) -> dict[str, NDArray[Any]]:
    return {name: np.array(array) for name, array in loop.tensors().items()}


def without_seconds(loop: Loop) -> list[dict[str, Any]]:
    return [entry | {"seconds": 0} for entry in loop.history]


def assert_same(loop: Loop, whole: Loop) -> None:
    found, expected = copied(loop), copied(whole)
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        if name == "place":
            found[name][1] = array[1]  # seconds
        assert np.array_equal(found[name], array, equal_nan=True), name


@pytest.fixture(scope="module")
def whole() -> Loop:
    loop = Loop(LanguageModel(), OPTIONS)
    loop.run()
    return loop


def test_loop_trains_measures_and_keeps_the_best(whole: Loop) -> None:
    assert [entry["step"] for entry in whole.history] == [0, 10, 20, 30]
    assert {entry["stage"] for entry in whole.history} == {"text"} and whole.is_at_end
    found = [entry["held_out_loss"] for entry in whole.history]
    assert found[-1] < 0.5 < 1.5 < found[0]
    assert [entry["best"] for entry in whole.history] == [loss == min(found[: i + 1]) for i, loss in enumerate(found)]
    assert whole.history[0]["next_loss"] is None and whole.history[1]["next_loss"] > 0
    assert whole.best is not None and np.array_equal(whole.best["lm"], whole.model.parameters()["lm"])


@pytest.mark.parametrize("step", [0, 1, 10, 17, 29])
def test_loop_goes_on_after_any_step_to_the_same_bits(step: int, whole: Loop) -> None:
    saved: dict[str, NDArray[Any]] = {}
    pauses = [At(step, lambda loop: saved.update(copied(loop))), At(step + 1, crash)]
    first = Loop(LanguageModel(), OPTIONS, pauses=pauses)
    with pytest.raises(Crash):
        first.run()
    second = Loop(LanguageModel(), OPTIONS)
    second.restore(saved)
    assert second.step == step
    second.run()
    assert_same(second, whole)
    before = [entry for entry in without_seconds(first) if entry["step"] <= step]
    assert before + without_seconds(second) == without_seconds(whole)


@pytest.mark.parametrize("chunk", [1, 3])
def test_gradients_in_parts_are_those_of_the_batch(chunk: int) -> None:
    """With dropout, since a part drops what the whole batch drops there."""
    whole, parts = LanguageModel(), LanguageModel(chunk)
    for step in range(3):
        assert parts.accumulate(step) == pytest.approx(whole.accumulate(step), rel=1e-5)
        np.testing.assert_allclose(parts.gradients.flat, whole.gradients.flat, atol=1e-6)


def test_best_are_those_whose_figure_is_highest_if_one_judges() -> None:
    model, figures = LanguageModel(), iter([0.1, 0.7, 0.3])
    kept: list[NDArray[np.float32]] = []

    def measure() -> dict[str, float]:
        kept.append(model.table.flat.copy())
        return {"f1": next(figures)}

    options = LoopOptions(steps=30, warmup=4, evaluate_every=10, judged_by="f1", patience=2)
    loop = Loop(model, options, figures=measure)
    loop.run()
    assert [entry["best"] for entry in loop.history] == [False, True, True, False] and loop.step == 30
    assert loop.best is not None
    np.testing.assert_array_equal(loop.best["lm"], kept[1])
    again = Loop(LanguageModel(), options, figures=measure)
    again.restore(loop.tensors())
    assert again.best is not None and again.tensors()["place"][2] == -0.7


def test_learning_rates_rise_and_fall() -> None:
    model = LanguageModel()
    Loop(model, OPTIONS).run()
    expected = [min(1, (step + 1) / 4) * (1 - step / 30) for step in range(30)]
    assert model.scales == pytest.approx(expected)


def test_warm_up_ends_with_a_quarter_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)

    class Slow(LanguageModel):
        def update(self, scale: float) -> None:
            super().update(scale)
            clock.advance(1.0)

    model = Slow()
    Loop(model, LoopOptions(10**9, warmup=400, evaluate_every=10**9, max_time=16.0)).run()
    assert model.scales == pytest.approx([max(1 / 400, min(1, t / 4)) * (1 - t / 16) for t in range(16)])


def test_time_ends_training() -> None:
    loop = Loop(LanguageModel(), LoopOptions(10**9, evaluate_every=10**9, max_time=0.2))
    loop.run()
    assert 0 < loop.step < 10**9 and loop.seconds < 5
    assert [entry["step"] for entry in loop.history] == [0, loop.step]


class Diverging(LanguageModel):
    """Something breaks at step 12."""

    def __init__(self, what: str) -> None:
        super().__init__()
        self.what = what

    def accumulate(self, step: int) -> list[float]:
        found = super().accumulate(step)
        return [math.nan] if step == 12 and self.what == "loss" else found

    def update(self, scale: float) -> None:
        super().update(scale)
        if self.adam.n_steps == 12 + 1 and self.what == "parameters":
            self.table["norm.bias"][0] = np.inf

    def held_out_loss(self) -> float:
        return 0.0 if self.adam.n_steps == 13 else super().held_out_loss()  # lower than ever, but of no use


@pytest.mark.parametrize("what", ["loss", "parameters"])
def test_diverged_parameters_replace_neither_the_best_nor_a_checkpoint(what: str) -> None:
    saved: list[int] = []

    class Always:
        def is_due(self, training: Loop) -> bool:
            return True

        def act(self, training: Loop) -> None:
            training.check_finite()
            saved.append(training.step)

    model = Diverging(what)
    loop = Loop(model, OFTEN, pauses=[Always()])
    with pytest.raises(DivergenceError, match=r"not finite.*; train with a lower learning rate"):
        loop.run()
    assert saved == list(range(13))
    assert loop.best is not None and np.isfinite(loop.best["lm"]).all()
    assert loop.history[-1]["step"] == 12
    if what == "loss":  # the step that found it has moved nothing
        assert model.adam.n_steps == 12 and model.all_finite()


def test_held_out_loss_that_is_not_finite_is_divergence() -> None:
    model = LanguageModel()
    model.held_out_loss = lambda: math.nan if model.adam.n_steps else 1.0  # type: ignore[method-assign]
    loop = Loop(model, OFTEN, figures=lambda: pytest.fail("measured with a network that diverged"))
    with pytest.raises(DivergenceError, match="held-out loss is not finite after step 1; train with a lower learning"):
        loop.run()
    assert [entry["step"] for entry in loop.history] == [0]  # which can be written as JSON


def test_ctrl_c_after_divergence_saves_nothing() -> None:
    def spoil(loop: Loop) -> None:
        loop.model.parameters()["lm"][0] = np.nan
        raise KeyboardInterrupt

    with pytest.raises(DivergenceError, match="after step 5"):
        Loop(LanguageModel(), OPTIONS, pauses=[At(5, spoil)]).run()


class Interrupted(LanguageModel):
    """Ctrl-C is pressed in the middle of a step, after half of the parameters moved."""

    def update(self, scale: float) -> None:
        if self.adam.n_steps == 7:
            signal.raise_signal(signal.SIGINT)
        super().update(scale)


def test_ctrl_c_leaves_no_step_half_done(whole: Loop) -> None:
    first = Loop(Interrupted(), OPTIONS)
    with pytest.raises(KeyboardInterrupt):
        first.run()
    assert first.step == first.model.tensors()["adam.steps"][0] == 8
    second = Loop(LanguageModel(), OPTIONS)
    second.restore(copied(first))
    second.run()
    assert_same(second, whole)


def test_a_measurement_that_was_interrupted_is_made_up_for(whole: Loop) -> None:
    def interrupt(phase: str, loop: Loop) -> None:
        if phase == "measuring" and loop.step == 20:
            raise KeyboardInterrupt

    first, second = Loop(LanguageModel(), OPTIONS, progress=interrupt), Loop(LanguageModel(), OPTIONS)
    with pytest.raises(KeyboardInterrupt):
        first.run()
    second.restore(copied(first))
    second.run()
    assert_same(second, whole)
    assert without_seconds(first) + without_seconds(second) == without_seconds(whole)


@pytest.mark.parametrize("name", ["place", "lm", "adam.first", "adam.steps", "best.lm"])
def test_state_that_is_damaged_is_refused(name: str, whole: Loop) -> None:
    tensors = copied(whole)
    with pytest.raises(ValueError, match="has no array|does not contain its position"):
        Loop(LanguageModel(), OPTIONS).restore(tensors | {name: tensors[name][:-1]})
    if name != "best.lm":  # without it the start is the best
        with pytest.raises(ValueError, match="has no array|does not contain its position"):
            Loop(LanguageModel(), OPTIONS).restore({key: tensors[key] for key in tensors if key != name})
    if name in ("lm", "adam.first", "best.lm"):
        spoilt = tensors[name].copy()
        spoilt[-1] = np.nan
        with pytest.raises(ValueError, match=f"{name} contains a value that is not finite"):
            Loop(LanguageModel(), OPTIONS).restore(tensors | {name: spoilt})
