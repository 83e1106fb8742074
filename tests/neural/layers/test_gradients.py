"""Every layer's backward against central differences of its forward, in float64."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.helpers.twins.gradient_checks import assert_gradients
from w2v.neural.layers import (
    activations,
    attention,
    block,
    dot_product,
    dropout,
    embedding,
    feed_forward,
    layer_norm,
    linear,
    pooling,
    positions,
    rotary,
)
from w2v.neural.layers.dot_product import AttentionMask
from w2v.neural.layers.dropout import DropoutMask
from w2v.neural.parameters import ParameterTable, Tensor

Array = NDArray[Any]
SENTENCES = np.array([0, 1, 1, 4, 9], np.int64)
"""One token, none, three and five."""
MEMORY = np.array([0, 2, 3, 7, 8], np.int64)
masks = pytest.mark.parametrize("masked", [False, True], ids=["all", "masked"])
orders = pytest.mark.parametrize("causal", [False, True], ids=["both ways", "causal"])


def start(tensors: dict[str, Tensor], rng: np.random.Generator) -> ParameterTable:
    """Return numbers of which none is zero or one by accident."""
    table = ParameterTable.initialise(tensors, 1, np.float64)
    for array in table.values():
        array += 0.5 * rng.standard_normal(array.shape)
    return table


def project(forward: Callable[[], tuple[Any, ...]], cotangent: Array) -> Callable[[], float]:
    return lambda: float(np.sum(forward()[0] * cotangent))


def test_linear_gradients(rng: np.random.Generator) -> None:
    table = start(linear.tensors(5, 7), rng)
    x, dy = rng.standard_normal((4, 5)), rng.standard_normal((4, 7))
    dx, gradients = linear.backward(table, dy, linear.forward(table, x)[1])
    assert_gradients(project(lambda: linear.forward(table, x), dy), {"x": x, **table}, {"x": dx, **gradients})


def test_linear_without_bias_gradients(rng: np.random.Generator) -> None:
    table = start(linear.tensors(3, 2, bias=False), rng)
    x, dy = rng.standard_normal((4, 3)), rng.standard_normal((4, 2))
    dx, gradients = linear.backward(table, dy, linear.forward(table, x)[1])
    assert_gradients(project(lambda: linear.forward(table, x), dy), {"x": x, **table}, {"x": dx, **gradients})


@pytest.mark.parametrize("epsilon", [1e-12, 1e-5, 0.1])
def test_layer_norm_gradients(epsilon: float, rng: np.random.Generator) -> None:
    table = start(layer_norm.tensors(7), rng)
    x, dy = rng.standard_normal((3, 7)), rng.standard_normal((3, 7))
    dx, gradients = layer_norm.backward(table, dy, layer_norm.forward(table, x, epsilon)[1])
    value = project(lambda: layer_norm.forward(table, x, epsilon), dy)
    assert_gradients(value, {"x": x, **table}, {"x": dx, **gradients})


@pytest.mark.parametrize("kind", activations.ACTIVATIONS)
def test_activation_gradients(kind: str, rng: np.random.Generator) -> None:
    x, dy = 2 * rng.standard_normal((5, 7)), rng.standard_normal((5, 7))
    dx = activations.backward(dy, activations.forward(x, kind)[1], kind)
    assert_gradients(project(lambda: activations.forward(x, kind), dy), {"x": x}, {"x": dx})


@pytest.mark.parametrize("activation", activations.ACTIVATIONS)
def test_feed_forward_gradients(activation: str, rng: np.random.Generator) -> None:
    table = start(feed_forward.tensors(4, 9), rng)
    x, dy = rng.standard_normal((3, 4)), rng.standard_normal((3, 4))
    dx, gradients = feed_forward.backward(table, dy, feed_forward.forward(table, x, activation)[1], activation)
    value = project(lambda: feed_forward.forward(table, x, activation), dy)
    assert_gradients(value, {"x": x, **table}, {"x": dx, **gradients})


@orders
@masks
@pytest.mark.parametrize("biased", [False, True], ids=["plain", "distances"])
@pytest.mark.parametrize("n_heads", [1, 3])
def test_dot_product_gradients(
    causal: bool, masked: bool, biased: bool, n_heads: int, rng: np.random.Generator
) -> None:
    q, k, v = rng.standard_normal((9, 6)), rng.standard_normal((8, 6)), rng.standard_normal((8, 6))
    bias = rng.standard_normal((n_heads, 5)) if biased else None
    mask = np.array([1, 0, 1, 1, 0, 1, 1, 0], np.bool_) if masked else None
    visibility = AttentionMask(SENTENCES, MEMORY, causal, mask)
    dy = rng.standard_normal((9, 6))
    cache = dot_product.forward(q, k, v, n_heads, visibility, bias)[1]
    dq, dk, dv, dbias = dot_product.backward(dy, cache, n_heads)
    arrays, gradients = {"q": q, "k": k, "v": v}, {"q": dq, "k": dk, "v": dv}
    if bias is not None and dbias is not None:
        arrays["bias"], gradients["bias"] = bias, dbias
    assert_gradients(project(lambda: dot_product.forward(q, k, v, n_heads, visibility, bias), dy), arrays, gradients)


@pytest.mark.parametrize("offsets", [SENTENCES, np.array([0, 1], np.int64)], ids=["many", "one token"])
@pytest.mark.parametrize("rotate", [False, True])
@orders
def test_self_attention_gradients(offsets: Array, rotate: bool, causal: bool, rng: np.random.Generator) -> None:
    table = start(attention.tensors(4, 2, distance=2), rng)
    x, dy = rng.standard_normal((offsets[-1], 4)), rng.standard_normal((offsets[-1], 4))
    visibility = AttentionMask(offsets, offsets, causal)

    def forward() -> tuple[Array, attention.Cache]:
        return attention.forward(table, x, x, visibility, n_heads=2, rotate=rotate)

    dx, dmemory, gradients = attention.backward(table, dy, forward()[1], n_heads=2)
    # with equal shifts of all keys a softmax stays what it is; one token sees itself alone, whatever its score
    zero: tuple[str, ...] = () if rotate else ("key.bias",)
    if len(x) == 1:
        zero = ("query.weight", "query.bias", "key.weight", "key.bias", "distances")
    assert_gradients(project(forward, dy), {"x": x, **table}, {"x": dx + dmemory, **gradients}, zero)
    _, both, others = attention.backward(table, dy, forward()[1], n_heads=2, is_own=True)
    assert np.array_equal(both, dx + dmemory) and all(np.array_equal(others[name], gradients[name]) for name in others)


@masks
def test_cross_attention_gradients(masked: bool, rng: np.random.Generator) -> None:
    table = start(attention.tensors(4, 2, memory_size=3), rng)
    x, memory, dy = rng.standard_normal((9, 4)), rng.standard_normal((8, 3)), rng.standard_normal((9, 4))
    mask = np.array([1, 0, 1, 1, 0, 1, 1, 0], np.bool_) if masked else None
    visibility = AttentionMask(SENTENCES, MEMORY, visible=mask)

    def forward() -> tuple[Array, attention.Cache]:
        return attention.forward(table, x, memory, visibility, n_heads=2)

    dx, dmemory, gradients = attention.backward(table, dy, forward()[1], n_heads=2)
    assert_gradients(
        project(forward, dy),
        {"x": x, "memory": memory, **table},
        {"x": dx, "memory": dmemory, **gradients},
        ("key.bias",),
    )


def test_rotary_gradients(rng: np.random.Generator) -> None:
    x, dy = rng.standard_normal((9, 8)), rng.standard_normal((9, 8))
    dx = rotary.backward(dy, rotary.forward(x, SENTENCES, 2)[1])
    assert_gradients(project(lambda: rotary.forward(x, SENTENCES, 2), dy), {"x": x}, {"x": dx})


@pytest.mark.parametrize("kind", positions.KINDS)
def test_position_gradients(kind: str, rng: np.random.Generator) -> None:
    table = start(positions.tensors(kind, 4, 3), rng)  # sentences of five tokens reach beyond a table of three
    x, dy = rng.standard_normal((9, 4)), rng.standard_normal((9, 4))
    cache = positions.forward(table, x, SENTENCES, kind)[1]
    dx, gradients = positions.backward(table, dy, cache)
    value = project(lambda: positions.forward(table, x, SENTENCES, kind), dy)
    assert_gradients(value, {"x": x, **table}, {"x": dx, **gradients})


@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize("dropped", [False, True])
@pytest.mark.parametrize("memory_size", [None, 3], ids=["self", "cross"])
@masks
def test_block_gradients(
    norm: str, dropped: bool, memory_size: int | None, masked: bool, rng: np.random.Generator
) -> None:
    shape = block.Shape(4, 2, 6, norm=norm, rotate=True, distance=1, memory_size=memory_size)
    table = start(block.tensors(shape), rng)
    x, dy, memory = rng.standard_normal((9, 4)), rng.standard_normal((9, 4)), rng.standard_normal((8, 3))
    visible = np.array([1, 0, 1, 1, 0, 1, 1, 1], np.bool_) if masked else None
    own = AttentionMask(SENTENCES, SENTENCES, causal=memory_size is not None)
    context = block.Context(own, memory, AttentionMask(SENTENCES, MEMORY, visible=visible))
    dropout_masks = [DropoutMask(0.3, 5 + i) for i in range(len(block.sub_layers(shape)))] if dropped else None

    def forward() -> tuple[Array, block.Cache]:
        return block.forward(table, x, context, shape, dropout_masks)

    dx, dmemory, gradients = block.backward(table, dy, forward()[1], shape)
    arrays, found = {"x": x, **table}, {"x": dx, **gradients}
    if dmemory is not None:
        arrays["memory"], found["memory"] = memory, dmemory
    assert (dmemory is None) == (memory_size is None)
    assert_gradients(project(forward, dy), arrays, found, () if memory_size is None else ("cross_attention.key.bias",))


def test_dropout_gradients(rng: np.random.Generator) -> None:
    x, dy, mask = rng.standard_normal((9, 4)), rng.standard_normal((9, 4)), DropoutMask(0.4, 3)
    dx = dropout.backward(dy, mask)
    assert 0 < np.count_nonzero(dx) < dx.size
    assert_gradients(project(lambda: (dropout.forward(x, mask),), dy), {"x": x}, {"x": dx})


@pytest.mark.parametrize("kind", pooling.KINDS)
def test_pooling_gradients(kind: str, rng: np.random.Generator) -> None:
    x, dy = rng.standard_normal((9, 4)), rng.standard_normal((4, 4))
    dx = pooling.backward(dy, pooling.forward(x, SENTENCES, kind)[1])
    assert_gradients(project(lambda: pooling.forward(x, SENTENCES, kind), dy), {"x": x}, {"x": dx})


def test_embedding_gradients(rng: np.random.Generator) -> None:
    table, tokens, dy = rng.standard_normal((6, 3)), np.array([4, 1, 4, 4, 0]), rng.standard_normal((5, 3))
    rows, gradients = embedding.backward(dy, embedding.forward(table, tokens)[1])
    assert rows.tolist() == [0, 1, 4]
    whole = np.zeros_like(table)
    whole[rows] = gradients
    assert_gradients(project(lambda: embedding.forward(table, tokens), dy), {"table": table}, {"table": whole})
    assert np.array_equal(embedding.forward(table, tokens)[0], np.eye(6)[tokens] @ table)
