"""The checks of gradients must fail for gradients that are wrong: they bite."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.helpers.twins import naive_layers
from tests.helpers.twins.gradient_checks import assert_directions, assert_gradients
from w2v.neural.layers import activations, attention, block, dot_product, layer_norm, linear, rotary
from w2v.neural.layers.dot_product import AttentionMask
from w2v.neural.parameters import ParameterTable

Array = NDArray[Any]
OFFSETS = np.array([0, 4, 9], np.int64)
SHAPE = block.Shape(4, 2, 6, rotate=True, distance=2)
original_rotary, original_norm, original_dot = rotary.backward, layer_norm.backward, dot_product.backward
original_activation, original_linear = activations.backward, linear.backward


def norm_without_the_mean(parameters: Any, dy: Array, cache: Any) -> Any:
    dx, gradients = original_norm(parameters, dy, cache)
    return dx + (dy * parameters["gain"]).mean(axis=1, keepdims=True) * cache.inverse[:, None], gradients


def scores_without_their_scale(dy: Array, cache: Any, n_heads: int) -> Any:
    dq, dk, dv, dbias = original_dot(dy, cache, n_heads)
    return dq * 2**0.5, dk * 2**0.5, dv, dbias


def biases_by_one_off(dy: Array, cache: Any, n_heads: int) -> Any:
    dq, dk, dv, dbias = original_dot(dy, cache, n_heads)
    assert dbias is not None
    return dq, dk, dv, np.roll(dbias, 1, axis=1)


def linear_without_its_bias(parameters: Any, dy: Array, cache: Any, onto: Array | None = None) -> Any:
    dx, gradients = original_linear(parameters, dy, cache, onto=onto)
    return dx, gradients | ({"bias": np.zeros_like(gradients["bias"])} if "bias" in gradients else {})


MISTAKES: dict[str, tuple[Any, Callable[..., Any]]] = {
    "a rotation turned forward": (rotary, lambda dy, cache: rotary.forward(dy, OFFSETS, 2)[0]),
    "a rotation forgotten": (rotary, lambda dy, cache: dy),
    "a norm without its mean": (layer_norm, norm_without_the_mean),
    "scores without their scale": (dot_product, scores_without_their_scale),
    "distances one off": (dot_product, biases_by_one_off),
    "an activation without its slope": (activations, lambda dy, cache, kind: dy),
    "the slope of another activation": (activations, lambda dy, cache, kind: original_activation(dy, cache, "relu")),
    "a bias without gradient": (linear, linear_without_its_bias),
}


def check(rng: np.random.Generator) -> None:
    table = ParameterTable.initialise(block.tensors(SHAPE), 1, np.float64)
    for array in table.values():
        array += 0.5 * rng.standard_normal(array.shape)
    x, dy = rng.standard_normal((9, 4)), rng.standard_normal((9, 4))
    context = block.Context(AttentionMask(OFFSETS, OFFSETS))
    dx, _, gradients = block.backward(table, dy, block.forward(table, x, context, SHAPE)[1], SHAPE)
    assert_directions(
        lambda: float(np.sum(block.forward(table, x, context, SHAPE)[0] * dy)),
        {"x": x, **table},
        {"x": dx, **gradients},
        rng,
    )


def test_check_accepts_the_right_layer(rng: np.random.Generator) -> None:
    check(rng)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_check_rejects_a_wrong_layer(mistake: str, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    module, wrong = MISTAKES[mistake]
    monkeypatch.setattr(module, "backward", wrong)
    with pytest.raises(AssertionError):
        check(rng)


@pytest.mark.parametrize(
    "spoil",
    [lambda g: -g, lambda g: 1.00001 * g, np.zeros_like, lambda g: g[::-1], lambda g: np.where(g == g.max(), 0, g)],
    ids=["sign", "scale", "zero", "order", "one missing"],
)
def test_both_checks_reject_a_spoiled_gradient(spoil: Callable[[Array], Array], rng: np.random.Generator) -> None:
    x = rng.standard_normal((3, 2))
    right = 3 * x**2

    def value() -> float:
        return float(np.sum(x**3))

    assert_gradients(value, {"x": x}, {"x": right})
    assert_directions(value, {"x": x}, {"x": right}, rng)
    with pytest.raises(AssertionError):
        assert_gradients(value, {"x": x}, {"x": spoil(right)})
    with pytest.raises(AssertionError):
        assert_directions(value, {"x": x}, {"x": spoil(right)}, rng)


@pytest.mark.parametrize("change", [{"causal": True}, {"rotary": True}, {"mask": np.array([1, 0, 1, 1], np.bool_)}])
def test_attention_differs_from_a_twin_with_other_options(change: dict[str, Any], rng: np.random.Generator) -> None:
    q, k, v = (rng.standard_normal((4, 6)) for _ in range(3))
    offsets = np.array([0, 4], np.int64)
    y, _ = dot_product.forward(q, k, v, 2, AttentionMask(offsets, offsets))
    assert np.allclose(y, naive_layers.attention(q, k, v, 2)[0], atol=1e-12)
    assert not np.allclose(y, naive_layers.attention(q, k, v, 2, **change)[0], atol=1e-3)
    assert not np.allclose(y, naive_layers.attention(q, k, v, 1)[0], atol=1e-3)


def test_self_attention_needs_both_of_its_gradients(rng: np.random.Generator) -> None:
    table = ParameterTable.initialise(attention.tensors(4, 2), 1, np.float64)
    x, dy = rng.standard_normal((9, 4)), rng.standard_normal((9, 4))
    mask = AttentionMask(OFFSETS, OFFSETS)

    def value() -> float:
        return float(np.sum(attention.forward(table, x, x, mask, n_heads=2)[0] * dy))

    _, cache = attention.forward(table, x, x, mask, n_heads=2)
    dx, dmemory, _ = attention.backward(table, dy, cache, n_heads=2)
    assert_gradients(value, {"x": x}, {"x": dx + dmemory})
    for part in (dx, dmemory):
        with pytest.raises(AssertionError):
            assert_gradients(value, {"x": x}, {"x": part})
