"""Products of bytes: exact in whole numbers, on every processor, whatever the batch; and networks made of them."""

# inside compiled functions Numba passes the typing context, which mypy misses
# mypy: disable-error-code="call-arg, var-annotated, unreachable, misc"

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numba import njit
from numpy.typing import NDArray

from w2v.encoder.model.network import Network, NetworkConfig
from w2v.kernels.simd import LANES, store_tile
from w2v.kernels.simd import integers as simd
from w2v.kernels.simd.integers import dot_outer, from_integers, repeat_row
from w2v.neural.fused_inference import FusedNetwork
from w2v.neural.kernels.products import int8
from w2v.neural.layers import linear
from w2v.neural.layers.matmul import pack_int8

Floats = NDArray[np.float32]


def floats(*values: float) -> Floats:
    return np.array(values, np.float32)


def rounded(x: NDArray[Any], axis: int) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Return the whole numbers and the scales of rows or columns."""
    largest = np.abs(x).max(axis=axis, keepdims=True)
    factor = np.float32(127) / np.where(largest > 0, largest, 1)
    return np.rint(x * factor).astype(np.int64), largest.astype(np.float64) / 127


def twin(x: NDArray[Any], weight: NDArray[Any], bias: NDArray[Any]) -> NDArray[np.float64]:
    (numbers, scales), (columns, column_scales) = rounded(x, 1), rounded(weight, 0)
    exact: NDArray[np.float64] = (numbers @ columns) * scales * column_scales + bias
    return exact


def multiply(x: Floats, weight: Floats, bias: Floats, out: Floats | None = None) -> Floats:
    n, width = x.shape
    numbers, scales = np.empty(n * int8.stride_of(width), np.uint8), np.empty(n, np.float32)
    int8.quantise(x.ravel(), n, width, numbers, scales)
    result = np.empty((n, weight.shape[1]), np.float32) if out is None else out
    panels = pack_int8(weight, bias)
    int8.multiply(numbers, scales, n, width, panels, weight.shape[1], out is not None, result.reshape(-1))
    return result


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 3, 5), (7, 17, 33), (13, 64, 32), (25, 100, 70)])
def test_products_are_those_of_whole_numbers(shape: tuple[int, int, int], rng: np.random.Generator) -> None:
    n, width, columns = shape
    x, weight = rng.normal(size=(n, width)).astype(np.float32), rng.normal(size=(width, columns)).astype(np.float32)
    bias = rng.normal(size=columns).astype(np.float32)
    x[n // 2] *= 1e6  # a row has a scale of its own
    weight[:, columns // 2] *= 1e-6
    expected = twin(x, weight, bias)
    found = multiply(x, weight, bias)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max(axis=1).min())
    for r in range(n):
        assert np.array_equal(multiply(x[r : r + 1], weight, bias)[0], found[r])
    start = rng.normal(size=found.shape).astype(np.float32)
    assert np.array_equal(multiply(x, weight, bias, start.copy()), start + found)


def test_rows_and_columns_of_zeros_give_the_bias() -> None:
    x, weight = np.zeros((2, 6), np.float32), np.zeros((6, 3), np.float32)
    x[1], weight[:, 2] = 1, 1
    np.testing.assert_allclose(multiply(x, weight, floats(1, 2, 3)), [[1, 2, 3], [1, 2, 9]], rtol=1e-6)


def test_tiny_rows_and_columns_are_zero_and_infinite_ones_stay_infinite() -> None:
    x, weight = np.ones((3, 6), np.float32), np.ones((6, 3), np.float32)
    x[1], weight[:, 1] = 1e-41, 1e-41
    np.testing.assert_allclose(multiply(x, weight, floats(1, 2, 3)), [[7, 2, 9], [1, 2, 3], [7, 2, 9]], rtol=1e-6)
    for damaged in (np.nan, np.inf):
        weight[0, 2] = damaged
        found = multiply(x, weight, floats(1, 2, 3))
        assert np.isfinite(found[:, :2]).all() and not np.isfinite(found[::2, 2]).any()


def test_largest_bytes_do_not_overflow() -> None:
    width = 4096
    weight = np.tile(floats(1, -1), (width, 1))
    for sign in (1, -1):
        found = multiply(np.full((1, width), sign, np.float32), weight, np.zeros(2, np.float32))
        np.testing.assert_allclose(found, [[sign * width, -sign * width]], rtol=1e-6)


@pytest.mark.parametrize("has_instruction", [True, False])
def test_every_processor_computes_the_same(
    has_instruction: bool, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    if has_instruction and not simd.HAS_INSTRUCTION:
        pytest.skip("this processor has no instruction for products of bytes")
    monkeypatch.setattr(simd, "HAS_INSTRUCTION", has_instruction)

    @njit
    def product(numbers: Any, panels: Any, scales: Any, out: Any) -> None:
        total = dot_outer(repeat_row(2, 1, panels, 0), numbers, (0, 4), 0, panels, LANES)
        store_tile(from_integers(total, scales, (0, 1), panels, 2 * LANES, 3 * LANES), out, (0, LANES), 0)

    numbers = np.array([[255, 0, 128, 1], [3, 250, 7, 255]], np.uint8)
    bytes_ = rng.integers(-127, 128, (LANES, 4)).astype(np.int8)
    bytes_[0], bytes_[1] = 127, -127
    panels = np.zeros((4, LANES), np.float32)
    panels[0] = np.arange(LANES, dtype=np.int32).view(np.float32)
    panels[1], panels[2] = bytes_.view(np.float32)[:, 0], 1
    panels[3] = 0.5
    out = np.zeros((2, LANES), np.float32)
    product(numbers.ravel(), panels.ravel(), floats(1, 2), out.ravel())
    exact = np.arange(LANES) + numbers.astype(np.int64) @ bytes_.T.astype(np.int64)
    assert np.array_equal(out, exact * [[1], [2]] + 0.5)


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_network_in_int8_is_the_network_with_rounded_products(
    norm: str, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    config = NetworkConfig(
        input_size=24, dim=24, heads=2, layers=2, norm=norm, head="none", positions="relative", feed_forward=2.5,
        compute_type="int8",
    )  # fmt: skip
    parameters = Network(config).initialise(1)
    for array in parameters.values():
        array += np.float32(0.3) * rng.standard_normal(array.shape, dtype=np.float32)
    offsets = np.array([0, 5, 6, 6, 40], np.int64)
    x = rng.standard_normal((40, 24), dtype=np.float32)
    exact = FusedNetwork(config.stack, parameters).rows(x, offsets)
    found = FusedNetwork(config.stack, parameters, config.compute_type)
    rows = found.rows(x, offsets)
    monkeypatch.setattr(linear, "product", lambda x, weight, bias: twin(x, weight, bias).astype(np.float32))
    expected, _ = Network(config).forward(parameters, x, offsets)
    error, rounding = np.linalg.norm(rows - expected), np.linalg.norm(expected - exact)
    assert 0 < rounding < 0.1 * np.linalg.norm(exact)
    assert error < 0.2 * rounding  # a few numbers in the middle between two are rounded to the other one
    for first, last in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True):
        alone = found.rows(x[first:last], np.array([0, last - first], np.int64))
        assert np.array_equal(alone, rows[first:last])


def test_only_attention_computes_in_int8() -> None:
    with pytest.raises(ValueError, match="only attention computes in int8, not the mixer 'recurrent'"):
        NetworkConfig(input_size=8, dim=8, heads=2, mixer="recurrent", compute_type="int8")
