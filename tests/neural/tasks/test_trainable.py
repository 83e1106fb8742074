"""Networks that learn: to copy, to reverse, to go on; exactly resumed; the mean of the last measurements."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from w2v.neural import models
from w2v.neural.batches import TokenBatches
from w2v.neural.configs import END, START, CausalConfig, Config, TranslatorConfig
from w2v.neural.loop import Loop, LoopOptions
from w2v.neural.models import Batch, Regularisation
from w2v.neural.packing import Packed
from w2v.neural.parameters import ParameterTable
from w2v.neural.stack import StackConfig
from w2v.neural.tasks.trainable import LearningOptions, Trainable

V = 12
STACK = StackConfig(32, 4, 1, 64, positions="sinusoidal", activation="relu")
DECODER = StackConfig(32, 4, 1, 64, positions="sinusoidal", activation="relu", causal=True)
TRANSLATOR = TranslatorConfig(
    V, V, STACK, StackConfig(32, 4, 1, 64, positions="sinusoidal", causal=True, memory_size=32)
)  # fmt: skip
SETTINGS = LoopOptions(steps=12, warmup=3, evaluate_every=1, averaged=3, patience=20)


def sequences(n: int, seed: int) -> Packed:
    rng = np.random.default_rng(seed)
    return Packed.of([rng.integers(3, V, size=rng.integers(1, 8)) for _ in range(n)])


def reversed_within(packed: Packed) -> Packed:
    return Packed.of([packed.part(i, i + 1).ids[::-1] for i in range(packed.n_sequences)])


def trainable(config: Config, target: Packed, source: Packed | None, **options: Any) -> Trainable:
    batches = TokenBatches(np.diff(target.offsets) + 1, 400, 1)

    def batch(step: int) -> Batch:
        own = batches[step]
        return Batch.of(target.take(own), None if source is None else source.take(own))

    held_out = Batch.of(target.part(0, 10), None if source is None else source.part(0, 10))
    parameters = ParameterTable.initialise(config.tensors(), 1)
    return Trainable(config, parameters, batch, held_out, LearningOptions(**options))


def greedy(config: TranslatorConfig, parameters: ParameterTable, source: Packed, most: int = 12) -> list[list[int]]:
    """Return what is most probable, token after token, every prefix computed as a whole."""
    memory, _ = models.encode(config, parameters, source)
    told: list[list[int]] = [[START] for _ in range(source.n_sequences)]
    for _ in range(most):
        inputs = Packed.of(told)
        hidden, _ = models.decode(config, parameters, inputs, memory)
        following = models.logits(config, parameters, hidden[inputs.offsets[1:] - 1]).argmax(axis=1)
        for own, token in zip(told, following.tolist(), strict=True):
            own.append(token)
    return [own[1 : own.index(END) if END in own else None] for own in told]


@pytest.mark.slow  # that a translator learns to reverse is asserted of `number_translator` as well
@pytest.mark.parametrize("task", ["copy", "reverse"])
def test_translator_learns_to_copy_and_to_reverse(task: str) -> None:
    source = sequences(5000, 1)
    target = source if task == "copy" else reversed_within(source)
    model = trainable(TRANSLATOR, target, source, rate=5e-3, regularisation=Regularisation(0.0, 0.1), workers=1)
    Loop(model, LoopOptions(steps=400, warmup=40, evaluate_every=400)).run()
    unseen = sequences(100, 2)
    wanted = unseen if task == "copy" else reversed_within(unseen)
    found = greedy(TRANSLATOR, model.table, unseen)
    assert found == [wanted.part(i, i + 1).ids.tolist() for i in range(100)]


def test_language_model_learns_to_count() -> None:
    rng = np.random.default_rng(1)
    text = Packed.of([3 + (start + np.arange(8)) % 9 for start in rng.integers(9, size=300)])
    config = CausalConfig(V, DECODER)
    model = trainable(config, text, None, rate=1e-2, regularisation=Regularisation(0.1, 0.0), workers=2)
    loop = Loop(model, LoopOptions(steps=60, warmup=10, evaluate_every=20, schedule="inverse-sqrt"))
    loop.run()
    expected = np.log(9) / 9  # the first of nine tokens cannot be known, END and all others can
    assert loop.history[-1]["held_out_loss"] == pytest.approx(expected, abs=0.06)


def copied(loop: Loop) -> dict[str, NDArray[Any]]:
    return {name: np.array(array) for name, array in loop.tensors().items()}


class Stop(Exception):
    """Ends a training between two steps."""


class StopAt:
    """Keeps what a checkpoint would hold, and ends the training."""

    def __init__(self, step: int) -> None:
        self.step, self.kept = step, dict[str, NDArray[Any]]()

    def is_due(self, training: Loop) -> bool:
        return training.step == self.step

    def act(self, training: Loop) -> None:
        self.kept = copied(training)
        raise Stop


def make_loop(kind: str, pauses: tuple[StopAt, ...] = ()) -> Loop:
    source = sequences(60, 1)
    config: Config = TRANSLATOR if kind == "translator" else CausalConfig(V, DECODER)
    model = trainable(config, source, source if kind == "translator" else None, part=100, weight_decay=0.1)
    return Loop(model, SETTINGS, pauses=pauses)


@pytest.mark.parametrize("kind", ["translator", "language model"])
@pytest.mark.parametrize("step", [0, 4, 9, 11])
def test_training_goes_on_to_the_same_bits(kind: str, step: int) -> None:
    whole = make_loop(kind)
    whole.run()
    pause = StopAt(step)
    with pytest.raises(Stop):
        make_loop(kind, (pause,)).run()
    resumed = make_loop(kind)
    resumed.restore(pause.kept)
    resumed.run()
    expected, found = copied(whole), copied(resumed)
    assert found.keys() == expected.keys() and {"measured.0.network", "best.network"} <= found.keys()
    for name, array in expected.items():
        if name == "place":
            found[name][1] = array[1]  # seconds
        assert np.array_equal(found[name], array), name


@pytest.mark.parametrize("mean_is_better", [True, False])
def test_the_mean_of_the_last_measurements_is_kept_if_it_is_better(mean_is_better: bool) -> None:
    seen: list[NDArray[Any]] = []

    class See:
        def is_due(self, training: Loop) -> bool:
            return training.step in (10, 11, 12)

        def act(self, training: Loop) -> None:
            seen.append(training.model.parameters()["network"].copy())

    loop = make_loop("translator")
    loop.pauses = [See()]
    asked: list[tuple[int, NDArray[Any]]] = []

    def held_out_loss() -> float:
        is_mean = bool(asked) and asked[-1][0] == loop.step  # asked for a second time, of other parameters
        asked.append((loop.step, loop.model.parameters()["network"].copy()))
        return 10 - loop.step / 6 - (1 if mean_is_better else -1) * is_mean

    loop.model.held_out_loss = held_out_loss  # type: ignore[method-assign]
    loop.run()
    last = loop.model.parameters()["network"]  # training itself goes on from where it was
    mean = np.mean(seen, axis=0)
    assert len(seen) == 3 and np.array_equal(seen[-1], last) and not np.array_equal(mean, last)
    assert asked[-1][0] == asked[-2][0] == 12
    assert np.array_equal(asked[-2][1], last) and np.array_equal(asked[-1][1], mean)
    assert loop.best is not None and loop.history[-1]["best"]
    assert np.array_equal(loop.best["network"], mean if mean_is_better else last)
    assert loop.history[-1]["held_out_loss"] == (7 if mean_is_better else 8)


def test_a_mean_is_of_the_last_fifth_of_a_training() -> None:
    """A short training's first measurements knew nothing: five of six in a mean made it worse than the last alone."""
    kept: dict[int, int] = {}

    class Count:
        def is_due(self, training: Loop) -> bool:
            return True

        def act(self, training: Loop) -> None:
            seen.append(training.model.parameters()["network"].copy())
            if training.best is not None and training.history[-1]["best"]:
                means = [np.mean(seen[-n:], axis=0) for n in range(1, len(seen) + 1)]
                [kept[training.step]] = [
                    n for n, mean in enumerate(means, 1) if np.array_equal(mean, training.best["network"])
                ]

    seen: list[NDArray[Any]] = []
    loop = make_loop("translator")
    loop.pauses = [Count()]
    losses = itertools.count(0.0, -1.0)  # what is asked for later, the mean, is better
    loop.model.held_out_loss = lambda: next(losses)  # type: ignore[method-assign]
    loop.run()
    assert kept and all(n == -(-step // 5) for step, n in kept.items()) and kept[12] == 3


def test_training_ends_when_nothing_gets_better() -> None:
    loop = make_loop("translator")
    losses = iter([5.0, 4.0, 4.5, 4.0, 3.0, 2.0])
    loop.model.held_out_loss = lambda: next(losses)  # type: ignore[method-assign]
    loop.options = LoopOptions(steps=100, evaluate_every=2, patience=2)
    loop.run()
    assert [entry["held_out_loss"] for entry in loop.history] == [5, 4, 4.5, 4] and loop.step == 6
    assert loop.best is not None and loop.is_at_end
    again = make_loop("translator")
    again.options = loop.options
    again.restore(copied(loop))
    assert again.is_at_end
