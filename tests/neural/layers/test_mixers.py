"""What may take the place of self-attention: recurrent layers and convolutions, exact, causal, and blind to others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.helpers.twins.gradient_checks import assert_gradients
from w2v.neural import stack
from w2v.neural.configs import START, TranslatorConfig
from w2v.neural.generation.networks import decoder_of, translator_of
from w2v.neural.generation.plain import PlainDecoder, PlainTranslator
from w2v.neural.generation.sequential import greedy
from w2v.neural.generation.state import Limits
from w2v.neural.generation.transformer import FusedDecoder, FusedTranslator
from w2v.neural.layers.mixers import convolution, recurrent
from w2v.neural.models import Batch, Regularisation
from w2v.neural.packing import Packed
from w2v.neural.parameters import ParameterTable, Tensor
from w2v.neural.stack import StackConfig
from w2v.neural.tasks.trainable import LearningOptions, Trainable

Array = NDArray[Any]
OFFSETS = np.array([0, 1, 1, 4, 9, 12], np.int64)
"""One token, none, three, five, three."""
Forward = Callable[[Any, Array, NDArray[np.int64]], tuple[Array, Any]]
Backward = Callable[[Any, Array, Any], tuple[Array, dict[str, Array]]]


def layer(kind: str, dim: int, causal: bool) -> tuple[dict[str, Tensor], Forward, Backward]:
    if kind == "recurrent":
        return (
            recurrent.tensors(dim, causal=causal),
            lambda table, x, offsets: recurrent.forward(table, x, offsets, causal=causal),
            recurrent.backward,
        )
    window = int(kind.removeprefix("convolution "))
    return (
        convolution.tensors(dim, window),
        lambda table, x, offsets: convolution.forward(table, x, offsets, window=window, causal=causal),
        convolution.backward,
    )


def start(tensors: dict[str, Tensor], rng: np.random.Generator, dtype: Any = np.float64) -> ParameterTable:
    table = ParameterTable.initialise(tensors, 1, np.float64)
    for array in table.values():
        array += 0.3 * rng.standard_normal(array.shape)
    return table.astype(dtype)


kinds = pytest.mark.parametrize("kind", ["recurrent", "convolution 1", "convolution 3", "convolution 4"])
orders = pytest.mark.parametrize("causal", [False, True], ids=["both ways", "causal"])
dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def check_gradients(kind: str, causal: bool, offsets: Array, rng: np.random.Generator, zero: tuple[str, ...]) -> None:
    tensors, forward, backward = layer(kind, 4, causal)
    table, (x, dy) = start(tensors, rng), rng.standard_normal((2, offsets[-1], 4))
    dx, gradients = backward(table, dy, forward(table, x, offsets)[1])
    assert_gradients(
        lambda: float(np.sum(forward(table, x, offsets)[0] * dy)), {"x": x, **table}, {"x": dx, **gradients}, zero
    )


@kinds
@orders
def test_gradients(kind: str, causal: bool, rng: np.random.Generator) -> None:
    check_gradients(kind, causal, OFFSETS, rng, ())


@orders
def test_recurrent_gradients_of_one_token(causal: bool, rng: np.random.Generator) -> None:
    check_gradients("recurrent", causal, np.array([0, 1], np.int64), rng, ("hidden.weight",))  # the first state is 0


@kinds
@orders
@pytest.mark.parametrize("dim", [6, 64, 130])
def test_kernels_are_their_float64_twins(kind: str, causal: bool, dim: int, rng: np.random.Generator) -> None:
    tensors, forward, backward = layer(kind, dim, causal)
    lengths = rng.integers(0, 40, 30)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    table, (x, dy) = start(tensors, rng), rng.standard_normal((2, offsets[-1], dim))
    table = ParameterTable.from_dict({name: array / dim**0.5 for name, array in table.items()})
    y, cache = forward(table, x, offsets)
    dx, gradients = backward(table, dy, cache)
    single = table.astype(np.float32)
    y32, cache32 = forward(single, x.astype(np.float32), offsets)
    dx32, gradients32 = backward(single, dy.astype(np.float32), cache32)
    for ours, exact in [(y32, y), (dx32, dx), *((gradients32[name], gradients[name]) for name in gradients)]:
        assert ours.dtype == np.float32
        assert np.abs(ours - exact).max() < 5e-6 * np.abs(exact).max()


@kinds
@orders
def test_nothing_is_made_of_nothing(kind: str, causal: bool) -> None:
    tensors, forward, backward = layer(kind, 4, causal)
    for dtype in (np.float32, np.float64):
        table, x = ParameterTable.initialise(tensors, 1, dtype), np.zeros((0, 4), dtype)
        for offsets in (np.zeros(1, np.int64), np.zeros(3, np.int64)):
            y, cache = forward(table, x, offsets)
            dx, gradients = backward(table, x, cache)
            assert y.shape == dx.shape == (0, 4) and not any(array.any() for array in gradients.values())


@kinds
@dtypes
def test_what_follows_is_not_seen(kind: str, dtype: Any, rng: np.random.Generator) -> None:
    tensors, forward, _ = layer(kind, 6, True)
    table, x = start(tensors, rng, dtype), rng.standard_normal((12, 6)).astype(dtype)
    before, _ = forward(table, x, OFFSETS)
    for t in range(4, 9):
        later = x.copy()
        later[t] += 1
        after, _ = forward(table, later, OFFSETS)
        assert np.array_equal(before[:t], after[:t]) and np.array_equal(before[9:], after[9:])
        assert not np.isclose(before[t], after[t]).all()
        reach = 8 if kind == "recurrent" else min(8, t + int(kind[-1]) - 1)
        assert not np.isclose(before[reach], after[reach]).all()
        assert np.array_equal(before[reach + 1 :], after[reach + 1 :])


@kinds
@orders
def test_neighbours_in_a_batch_change_nothing(kind: str, causal: bool, rng: np.random.Generator) -> None:
    tensors, forward, _ = layer(kind, 6, causal)
    table, x = start(tensors, rng, np.float32), rng.standard_normal((12, 6)).astype(np.float32)
    every, _ = forward(table, x, OFFSETS)
    for first, last in zip(OFFSETS[:-1], OFFSETS[1:], strict=True):
        alone, _ = forward(table, x[first:last].copy(), np.array([0, last - first], np.int64))
        assert np.array_equal(alone, every[first:last])


@orders
def test_recurrent_layer_is_torchs_gru(causal: bool, rng: np.random.Generator) -> None:
    torch = pytest.importorskip("torch")
    dim, size = 6, 6 if causal else 3
    table = start(recurrent.tensors(dim, causal=causal), rng)
    reference = torch.nn.GRU(dim, size, bidirectional=not causal, batch_first=True, dtype=torch.float64)
    state = reference.state_dict()
    for name in state:
        own = "backward" if name.endswith("_reverse") else "forward"
        part = "input" if "_ih_" in name else "hidden"
        state[name] = torch.from_numpy(np.ascontiguousarray(table[f"{own}.{part}.{name.split('_')[0]}"].T))
    reference.load_state_dict(state)
    x, dy = rng.standard_normal((2, 12, dim))
    joined = np.concatenate(
        [reference(torch.from_numpy(x[a:b])[None])[0][0].detach().numpy()
         for a, b in zip(OFFSETS[:-1], OFFSETS[1:], strict=True) if b > a]
    )  # fmt: skip
    y, _ = recurrent.forward(table, x, OFFSETS, causal=causal)
    np.testing.assert_allclose(y, joined @ table["output.weight"] + table["output.bias"], atol=1e-12)


@orders
@pytest.mark.parametrize("window", [1, 3, 4])
def test_convolution_is_torchs(causal: bool, window: int, rng: np.random.Generator) -> None:
    torch = pytest.importorskip("torch")
    dim, left = 6, window - 1 if causal else (window - 1) // 2
    table, x = start(convolution.tensors(dim, window), rng), rng.standard_normal((12, dim))
    weight, bias = (np.concatenate([table[f"{n}.{a}"] for n in ("value", "gate")], -1) for a in ("weight", "bias"))
    kernel = torch.from_numpy(np.ascontiguousarray(weight.reshape(window, dim, 2 * dim).transpose(2, 1, 0)))
    y, _ = convolution.forward(table, x, OFFSETS, window=window, causal=causal)
    for first, last in zip(OFFSETS[:-1], OFFSETS[1:], strict=True):
        if last > first:
            padded = torch.nn.functional.pad(torch.from_numpy(x[first:last].T.copy()), (left, window - 1 - left))
            found = torch.nn.functional.conv1d(padded[None], kernel, torch.from_numpy(bias))
            active = torch.nn.functional.glu(found, dim=1)[0].numpy().T
            expected = active @ table["output.weight"] + table["output.bias"]
            np.testing.assert_allclose(y[first:last], expected, atol=1e-12)


V, SIZE = 12, 32
ENCODER = StackConfig(SIZE, 4, 1, 64, positions="sinusoidal", activation="relu")


def copying(mixer: str) -> TranslatorConfig:
    encoder = replace(ENCODER, mixer=mixer)
    return TranslatorConfig(V, V, encoder, replace(encoder, causal=True, memory_size=SIZE))


@pytest.mark.slow  # that translators made of them learn is asserted in test_architectures as well
@pytest.mark.parametrize("mixer", ["recurrent", "convolution"])
def test_sequences_are_copied(mixer: str) -> None:
    config = copying(mixer)

    def draw(step: int) -> Batch:
        rng = np.random.default_rng(step)
        texts = Packed.of([rng.integers(3, V, rng.integers(1, 9)) for _ in range(40)])
        return Batch.of(texts, texts)

    options = LearningOptions(5e-3, regularisation=Regularisation(0.0, 0.0), workers=1)
    table = ParameterTable.initialise(config.tensors(), 1)
    model = Trainable(config, table, draw, draw(1 << 20), options)
    for step in range(350):
        model.accumulate(step)
        model.update(min(1, (step + 1) / 35) * (1 - step / 350))
    sources = draw(1 << 21).source
    assert sources is not None
    state = translator_of(config, table).start(sources)
    found = greedy(state, np.full(40, START, np.int32), Limits(12))
    copied = [
        np.array_equal(one.tokens, sources.ids[a:b])
        for one, a, b in zip(found, sources.offsets[:-1], sources.offsets[1:], strict=True)
    ]
    assert np.mean(copied) == 1


def test_the_mixer_decides_what_generates() -> None:
    kinds = {"attention": (FusedTranslator, FusedDecoder), "recurrent": (PlainTranslator, PlainDecoder)}
    for mixer, expected in kinds.items():
        config = copying(mixer)
        table = ParameterTable.initialise(config.tensors(), 1)
        found: tuple[type, type] = type(translator_of(config, table)), type(decoder_of(config, table))
        assert found == expected
    with pytest.raises(ValueError, match="mixer attention, not 'recurrent'"):
        FusedTranslator(config, table)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mixer": "magic"}, "mixer must be one of attention, recurrent, convolution"),
        ({"mixer": "recurrent", "dim": 5, "heads": 1}, "needs an even dim, not 5"),
        ({"mixer": "convolution", "window": 0}, "window must be at least 1"),
    ],
)
def test_stacks_that_cannot_be_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(ENCODER, **changes)


@pytest.mark.parametrize("mixer", ["recurrent", "convolution"])
def test_attention_is_not_told_where_there_is_none(mixer: str, rng: np.random.Generator) -> None:
    config, weights = replace(ENCODER, mixer=mixer), [list[Array]()]
    table = ParameterTable.initialise(config.tensors(), 1)
    x = rng.standard_normal((12, SIZE)).astype(np.float32)
    stack.forward(config, table, x, OFFSETS, weights=weights)
    assert weights == [[]]
