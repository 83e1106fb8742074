"""float32 kernels against NumPy in float64, and what they promise about batches."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from w2v.neural.kernels.products.matmul import BLOCK, PANEL, ROWS
from w2v.neural.layers import activations, dropout, layer_norm, pooling, positions, rotary
from w2v.neural.layers.dropout import DropoutMask
from w2v.neural.layers.matmul import product, product_transposed, sum_of_outer_products, sum_of_rows
from w2v.neural.parameters import ParameterTable

Array = NDArray[Any]
SIZES = [
    (1, 1, 1),
    (3, 2, 5),
    (ROWS, 7, PANEL),
    (ROWS + 1, 33, PANEL + 1),
    (2 * ROWS - 1, 5, 3 * PANEL - 1),
    (BLOCK + 5, 40, 2),
]


def floats(rng: np.random.Generator, *shape: int) -> NDArray[np.float32]:
    return rng.standard_normal(shape).astype(np.float32)


def close(found: Array, expected: Array, terms: int) -> bool:
    return found.dtype == np.float32 and bool(np.abs(found - expected).max(initial=0) < 3e-7 * terms**0.5 * 4)


@pytest.mark.parametrize(("n", "k", "m"), SIZES)
def test_products_equal_numpy_for_odd_sizes(n: int, k: int, m: int, rng: np.random.Generator) -> None:
    x, w, b, dy = floats(rng, n, k), floats(rng, k, m), floats(rng, m), floats(rng, n, m)
    exact = [array.astype(np.float64) for array in (x, w, b, dy)]
    assert close(product(x, w), exact[0] @ exact[1], k + 4)
    assert close(product(x, w, b), exact[0] @ exact[1] + exact[2], k + 4)
    assert close(product_transposed(dy, w), exact[3] @ exact[1].T, m + 4)
    assert close(sum_of_outer_products(x, dy), exact[0].T @ exact[3], n + 4)


@pytest.mark.parametrize(("n", "k", "m"), SIZES)
def test_a_product_is_added_as_numpy_adds_it(n: int, k: int, m: int, rng: np.random.Generator) -> None:
    """Self-attention adds three gradients to one array: every sum is rounded once, whoever makes it."""
    w, dy, before = floats(rng, k, m), floats(rng, n, m), floats(rng, n, k)
    expected = before + product_transposed(dy, w)
    assert product_transposed(dy, w, before) is before and np.array_equal(before, expected)


@pytest.mark.parametrize(("n", "m"), [(0, 3), (1, 70), (9, 64), (50, 65), (1000, 33), (300, 256)])
def test_rows_are_summed_as_numpy_sums_them(n: int, m: int, rng: np.random.Generator) -> None:
    x = floats(rng, n, m)
    assert np.array_equal(sum_of_rows(x), np.add.reduce(x, axis=0))
    assert sum_of_rows(x.astype(np.float64)).dtype == np.float64


def test_products_of_no_rows_are_empty(rng: np.random.Generator) -> None:
    x, w = floats(rng, 0, 5), floats(rng, 5, 3)
    assert product(x, w).shape == (0, 3)
    assert not sum_of_outer_products(x, floats(rng, 0, 3)).any()


@pytest.mark.parametrize("n", [1, 2, ROWS - 1, ROWS, ROWS + 1, 100])
def test_a_row_of_a_product_does_not_depend_on_the_others(n: int, rng: np.random.Generator) -> None:
    x, w, b = floats(rng, BLOCK + 100, 37), floats(rng, 37, 50), floats(rng, 50)
    whole = product(x, w, b)
    for start in (0, 1, 5, BLOCK - 1):
        assert np.array_equal(product(x[start : start + n].copy(), w, b), whole[start : start + n])


@pytest.mark.parametrize("dim", [1, 5, 16, 31, 128])
def test_layer_norm_agrees_with_float64(dim: int, rng: np.random.Generator) -> None:
    table = ParameterTable.from_dict({"gain": floats(rng, dim), "bias": floats(rng, dim)})
    x, dy = 3 + floats(rng, 9, dim), floats(rng, 9, dim)
    y, cache = layer_norm.forward(table, x, 1e-3)
    dx, gradients = layer_norm.backward(table, dy, cache)
    exact = table.astype(np.float64)
    expected, exact_cache = layer_norm.forward(exact, x.astype(np.float64), 1e-3)
    exact_dx, exact_gradients = layer_norm.backward(exact, dy.astype(np.float64), exact_cache)
    assert np.allclose(y, expected, rtol=1e-5, atol=2e-5)
    assert np.allclose(dx, exact_dx, rtol=1e-4, atol=1e-4)
    for name, gradient in gradients.items():
        assert np.allclose(gradient, exact_gradients[name], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", activations.ACTIVATIONS)
def test_activation_is_accurate_everywhere(kind: str) -> None:
    x = np.concatenate([np.linspace(-100, 100, 100_003), [0.0, -0.0, 1e-20, -1e-20, 3e38, -3e38]]).astype(np.float32)
    y, cache = activations.forward(x, kind)
    expected, exact_cache = activations.forward(x.astype(np.float64), kind)
    assert np.abs(y - expected)[:-2].max() < 2e-7 * 100
    assert np.all(np.abs(y - expected)[:-2] <= 2e-7 * np.maximum(np.abs(x[:-2]), 1))
    assert np.isfinite(y).all()
    slope = activations.backward(np.ones_like(x), cache, kind)
    exact_slope = activations.backward(np.ones_like(expected), exact_cache, kind)
    at = np.abs(x) < 1e38
    if kind == "relu":
        at &= np.abs(x) > 1e-19
    assert np.abs(slope - exact_slope)[at].max() < 2e-6


@pytest.mark.parametrize("size", [1, 15, 16, 17, 40])
def test_activation_of_a_number_does_not_depend_on_its_place(size: int, rng: np.random.Generator) -> None:
    x = 3 * floats(rng, size)
    for kind in activations.ACTIVATIONS:
        whole = activations.forward(x, kind)[0]
        assert np.array_equal(np.concatenate([activations.forward(x[i : i + 1], kind)[0] for i in range(size)]), whole)
        slopes = activations.backward(np.ones_like(x), x, kind)
        alone = [activations.backward(np.ones(1, np.float32), x[i : i + 1], kind) for i in range(size)]
        assert np.array_equal(np.concatenate(alone), slopes)


def test_gelu_is_monotone_where_it_is_positive_and_small_below() -> None:
    x = np.linspace(-14, 14, 1001, dtype=np.float32)
    y, _ = activations.forward(x, "gelu")
    assert np.all(np.diff(y[x > 0]) > 0) and np.all(y[x < 0] <= 0)
    assert np.array_equal(y[x > 6], x[x > 6])


def test_dropout_drops_the_fraction_asked_for_and_keeps_the_mean(rng: np.random.Generator) -> None:
    x = np.ones((2000, 64), np.float32)
    y = dropout.forward(x, DropoutMask(0.2, 7))
    fraction = np.mean(y == 0)
    assert abs(fraction - 0.2) < 5 * (0.2 * 0.8 / x.size) ** 0.5
    assert np.unique(y).tolist() == [0, np.float32(1 / 0.8)]
    assert abs(np.corrcoef(y[:-1].ravel(), y[1:].ravel())[0, 1]) < 0.01
    assert dropout.forward(x, None) is x and dropout.forward(x, DropoutMask(0, 7)) is x


def test_dropout_of_a_part_is_that_part_of_the_whole(rng: np.random.Generator) -> None:
    x = floats(rng, 50, 3)
    whole = dropout.forward(x, DropoutMask(0.5, 9))
    assert np.array_equal(dropout.forward(x[20:], DropoutMask(0.5, 9, 20)), whole[20:])
    assert not np.array_equal(dropout.forward(x, DropoutMask(0.5, 10)), whole)
    assert np.array_equal(dropout.forward(x.astype(np.float64), DropoutMask(0.5, 9)) == 0, whole == 0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_is_left_of_a_change_is_added_as_numpy_adds_it(dtype: Any, rng: np.random.Generator) -> None:
    h, change = (rng.standard_normal((50, 3)).astype(dtype) for _ in range(2))
    for mask in (DropoutMask(0.5, 9, 20), None):
        expected, x = h + dropout.forward(change, mask), change.copy()
        assert dropout.add(h, x, mask) is x and np.array_equal(x, expected)


@pytest.mark.parametrize("kind", pooling.KINDS)
def test_pooling_does_not_depend_on_the_batch_and_zeroes_empty_sequences(kind: str, rng: np.random.Generator) -> None:
    lengths = [3, 0, 1, 17, 0]
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    x = floats(rng, 21, 5)
    y, _ = pooling.forward(x, offsets, kind)
    assert y.dtype == np.float32 and not y[[1, 4]].any() and y[[0, 2, 3]].all()
    for b in (0, 2, 3):
        alone, _ = pooling.forward(x[slice(*offsets[b : b + 2].tolist())], offsets[b : b + 2] - offsets[b], kind)
        assert np.array_equal(alone[0], y[b])


def test_pooling_gives_what_its_name_says(rng: np.random.Generator) -> None:
    x, offsets = rng.standard_normal((4, 3)), np.array([0, 4], np.int64)
    expected = {"mean": x.mean(axis=0), "first": x[0], "max": x.max(axis=0)}
    assert tuple(expected) == pooling.KINDS
    for kind, vector in expected.items():
        assert np.allclose(pooling.forward(x, offsets, kind)[0], vector)
    with pytest.raises(ValueError, match="one of mean, first, max, not 'median'"):
        pooling.forward(x, offsets, "median")


def test_positions_add_what_their_names_say() -> None:
    offsets = np.array([0, 3, 3, 4, 6], np.int64)
    assert positions.places(offsets).tolist() == [0, 1, 2, 0, 0, 1]
    zeros, direction = np.zeros((6, 2)), {"direction": np.array([1.0, -2.0])}
    index, _ = positions.forward(direction, zeros, offsets, "index")
    assert index[:, 0].tolist() == [1, 2, 3, 1, 1, 2] and np.array_equal(index[:, 1], -2 * index[:, 0])
    fraction, _ = positions.forward(direction, zeros, offsets, "fraction")
    assert fraction[:, 0].tolist() == [0, 0.5, 1, 0, 0, 1]
    table = {"table": np.arange(4.0).reshape(2, 2)}
    assert positions.forward(table, zeros, offsets, "learned")[0][:, 0].tolist() == [0, 2, 2, 0, 0, 2]
    for kind in ("none", "relative", "rotary"):
        assert positions.forward({}, zeros, offsets, kind)[0] is zeros


def test_sinusoids_have_the_wavelengths_of_the_paper() -> None:
    table = positions.sinusoids(50, 6, np.float64)
    for column, wavelength in ((0, 1), (2, 10000 ** (2 / 6)), (4, 10000 ** (4 / 6))):
        assert np.allclose(table[:, column], np.sin(np.arange(50) / wavelength))
        assert np.allclose(table[:, column + 1], np.cos(np.arange(50) / wavelength))


def test_rotation_keeps_lengths_and_turns_back(rng: np.random.Generator) -> None:
    x, offsets = floats(rng, 30, 16), np.array([0, 10, 30], np.int64)
    y, cache = rotary.forward(x, offsets, 2)
    assert np.array_equal(y[[0, 10]], x[[0, 10]]) and not np.allclose(y[1], x[1])
    assert np.allclose(np.linalg.norm(y, axis=1), np.linalg.norm(x, axis=1), rtol=1e-6)
    assert np.allclose(rotary.backward(y, cache), x, atol=1e-6)
