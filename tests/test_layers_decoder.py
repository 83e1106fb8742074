"""The layer with a causal and a cross attention: exact gradients, what it sees and what it does not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gradient_checks import assert_gradients
from numpy.typing import NDArray

from encoder.layers import decoder
from encoder.layers.residual import Shape
from encoder.parameters import ParameterTable

Array = NDArray[Any]
OFFSETS = np.array([0, 1, 1, 4, 9], np.int64)
MEMORY = np.array([0, 2, 3, 7, 8], np.int64)
norms = pytest.mark.parametrize("norm", ["pre", "post"])


def make(norm: str, rng: np.random.Generator, dtype: Any = np.float64) -> tuple[Shape, ParameterTable]:
    shape = Shape(4, 2, 6, norm=norm, rotate=True, distance=2)
    table = ParameterTable.initialise(decoder.tensors(shape, memory_size=3), 1, np.float64)
    for array in table.values():
        array += 0.5 * rng.standard_normal(array.shape)
    return shape, table.astype(dtype)


@norms
@pytest.mark.parametrize("masked", [False, True], ids=["all", "masked"])
def test_decoder_gradients(norm: str, masked: bool, rng: np.random.Generator) -> None:
    shape, table = make(norm, rng)
    x, memory, dy = rng.standard_normal((9, 4)), rng.standard_normal((8, 3)), rng.standard_normal((9, 4))
    mask = np.array([1, 0, 1, 1, 0, 1, 1, 1], np.bool_) if masked else None

    def forward() -> tuple[Array, decoder.Cache]:
        return decoder.forward(table, x, memory, OFFSETS, MEMORY, shape, mask=mask)

    dx, dmemory, gradients = decoder.backward(table, dy, forward()[1], shape)
    assert_gradients(
        lambda: float(np.sum(forward()[0] * dy)),
        {"x": x, "memory": memory, **table},
        {"x": dx, "memory": dmemory, **gradients},
        ("cross_attention.key.bias",),
    )


@norms
def test_decoder_in_float32_agrees_with_float64(norm: str, rng: np.random.Generator) -> None:
    shape, table = make(norm, rng)
    x, memory = rng.standard_normal((9, 4)), rng.standard_normal((8, 3))
    exact, _ = decoder.forward(table, x, memory, OFFSETS, MEMORY, shape)
    single, cache = decoder.forward(
        table.astype(np.float32), x.astype(np.float32), memory.astype(np.float32), OFFSETS, MEMORY, shape
    )
    assert single.dtype == np.float32 and np.abs(single - exact).max() < 2e-5 * np.abs(exact).max()
    dx, dmemory, _ = decoder.backward(table.astype(np.float32), single, cache, shape)
    assert dx.dtype == dmemory.dtype == np.float32


@norms
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_decoder_sees_the_past_and_its_own_memory_alone(norm: str, dtype: Any, rng: np.random.Generator) -> None:
    shape, table = make(norm, rng, dtype)
    x, memory = rng.standard_normal((9, 4)).astype(dtype), rng.standard_normal((8, 3)).astype(dtype)
    before, _ = decoder.forward(table, x, memory, OFFSETS, MEMORY, shape)
    later = x.copy()
    later[6:] += 1  # of the last sentence, tokens 4 … 8, those after the second
    after, _ = decoder.forward(table, later, memory, OFFSETS, MEMORY, shape)
    assert np.array_equal(before[:6], after[:6]) and not np.isclose(before[6:], after[6:]).all(axis=1).any()
    other = memory.copy()
    other[3:7] += 1  # the memory of the third sentence, tokens 1 … 3
    after, _ = decoder.forward(table, x, other, OFFSETS, MEMORY, shape)
    assert np.array_equal(before[4:], after[4:]) and np.array_equal(before[:1], after[:1])
    assert not np.isclose(before[1:4], after[1:4]).all(axis=1).any()
    hidden, _ = decoder.forward(
        table, x, other, OFFSETS, MEMORY, shape, mask=np.array([1, 1, 1, 0, 0, 0, 0, 1], np.bool_)
    )
    unseen, _ = decoder.forward(
        table, x, memory, OFFSETS, MEMORY, shape, mask=np.array([1, 1, 1, 0, 0, 0, 0, 1], np.bool_)
    )
    assert np.array_equal(hidden, unseen)


def test_decoder_can_write_one_token_after_the_other(rng: np.random.Generator) -> None:
    shape, table = make("pre", rng, np.float32)
    x, memory = rng.standard_normal((7, 4)).astype(np.float32), rng.standard_normal((5, 3)).astype(np.float32)
    borders, whole_memory = np.array([0, 7], np.int64), np.array([0, 5], np.int64)
    whole, _ = decoder.forward(table, x, memory, borders, whole_memory, shape)
    for n in range(1, 8):
        start, _ = decoder.forward(table, x[:n], memory, np.array([0, n], np.int64), whole_memory, shape)
        assert np.array_equal(start, whole[:n])
