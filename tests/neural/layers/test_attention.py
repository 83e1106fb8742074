"""Attention against its token-by-token twin, in both dtypes: heads, masks, causality, biases, rotation, odd lengths."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.helpers.twins import naive_layers
from w2v.neural.layers import attention, dot_product, rotary
from w2v.neural.layers.dot_product import AttentionMask
from w2v.neural.parameters import ParameterTable

Array = NDArray[Any]
LENGTHS = [1, 0, 2, 5, 16, 17, 33]
both_dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def offsets_of(lengths: list[int]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def attend(case: dict[str, Any], rng: np.random.Generator, dtype: Any) -> None:
    """Compare with the twin for sentences of all lengths and print nothing."""
    n_heads, size = case["n_heads"], case["size"]
    queries = offsets_of(LENGTHS)
    keys = offsets_of(case.get("keys", LENGTHS))
    q = rng.standard_normal((queries[-1], n_heads * size)).astype(dtype)
    k, v = (rng.standard_normal((keys[-1], n_heads * size)).astype(dtype) for _ in range(2))
    mask = rng.random(keys[-1]) < 0.6 if case.get("masked") else None
    bias = rng.standard_normal((n_heads, 7)).astype(dtype) if case.get("biased") else None
    visibility = AttentionMask(queries, keys, case.get("causal", False), mask)
    weights: list[Array] = []
    y, _ = dot_product.forward(q, k, v, n_heads, visibility, bias, weights)
    assert y.dtype == dtype
    for b in range(len(LENGTHS)):
        own, theirs = slice(*queries[b : b + 2]), slice(*keys[b : b + 2])
        expected, expected_weights = naive_layers.attention(
            q[own].astype(np.float64),
            k[theirs].astype(np.float64),
            v[theirs].astype(np.float64),
            n_heads,
            causal=visibility.causal,
            mask=None if mask is None else mask[theirs],
            bias=bias,
        )
        tolerance = 5e-6 if dtype == np.float32 else 1e-12
        assert np.allclose(y[own], expected, rtol=0, atol=tolerance)
        assert weights[b].shape == expected_weights.shape
        assert np.allclose(weights[b], expected_weights, rtol=0, atol=tolerance)
        assert np.array_equal(weights[b] == 0, expected_weights == 0)  # what is not seen has no weight at all


@both_dtypes
@pytest.mark.parametrize(("n_heads", "size"), [(1, 1), (1, 3), (3, 5), (2, 16), (2, 17), (1, 32), (2, 40)])
def test_attention_equals_its_twin_for_odd_sizes(n_heads: int, size: int, dtype: Any, rng: np.random.Generator) -> None:
    attend({"n_heads": n_heads, "size": size}, rng, dtype)


@both_dtypes
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("biased", [False, True])
def test_attention_equals_its_twin_for_every_mask(
    causal: bool, masked: bool, biased: bool, dtype: Any, rng: np.random.Generator
) -> None:
    attend({"n_heads": 2, "size": 6, "causal": causal, "masked": masked, "biased": biased}, rng, dtype)


@both_dtypes
def test_cross_attention_equals_its_twin_and_an_empty_memory_gives_zeros(dtype: Any, rng: np.random.Generator) -> None:
    attend({"n_heads": 2, "size": 6, "keys": [3, 2, 0, 1, 40, 5, 7], "biased": True}, rng, dtype)


@both_dtypes
def test_rotary_equals_its_twin(dtype: Any, rng: np.random.Generator) -> None:
    lengths = [3, 1, 12]
    offsets = offsets_of(lengths)
    q, k, v = (rng.standard_normal((offsets[-1], 12)).astype(dtype) for _ in range(3))
    turned = [rotary.forward(x, offsets, 2)[0] for x in (q, k)]
    y, _ = dot_product.forward(turned[0], turned[1], v, 2, AttentionMask(offsets, offsets))
    for first, last in zip(offsets[:-1], offsets[1:], strict=True):
        own = slice(first, last)
        expected, _ = naive_layers.attention(q[own], k[own], v[own], 2, rotary=True)
        assert np.allclose(y[own], expected, rtol=0, atol=5e-6 if dtype == np.float32 else 1e-12)


def test_rotary_scores_depend_on_distances_alone(rng: np.random.Generator) -> None:
    q, k = np.tile(rng.standard_normal(8), (9, 1)), np.tile(rng.standard_normal(8), (9, 1))
    offsets = np.array([0, 9], np.int64)
    scores = rotary.forward(q, offsets, 1)[0] @ rotary.forward(k, offsets, 1)[0].T
    for distance in range(-8, 9):
        assert np.ptp(np.diagonal(scores, distance)) < 1e-12
    assert np.ptp([scores[0, 0], scores[0, 1], scores[1, 0]]) > 1e-3


@both_dtypes
def test_weights_sum_to_one(dtype: Any, rng: np.random.Generator) -> None:
    offsets = offsets_of(LENGTHS)
    q, k, v = (30 * rng.standard_normal((offsets[-1], 8)).astype(dtype) for _ in range(3))
    weights: list[Array] = []
    dot_product.forward(q, k, v, 2, AttentionMask(offsets, offsets, causal=True), None, weights)
    for own in weights:
        assert np.all(own >= 0) and np.allclose(own.sum(axis=2), 1, atol=1e-6)
        assert not np.triu(own, 1).any()


@both_dtypes
def test_large_scores_neither_overflow_nor_vanish(dtype: Any, rng: np.random.Generator) -> None:
    offsets = offsets_of([5])
    q = np.full((5, 4), 1e4, dtype)
    k = q * np.array([[1], [-1], [1], [0], [-1]], dtype)
    v = np.eye(5, 4, dtype=dtype)
    y, cache = dot_product.forward(q, k, v, 1, AttentionMask(offsets, offsets))
    assert np.allclose(y, [[0.5, 0, 0.5, 0]] * 5)
    assert all(np.isfinite(d).all() for d in dot_product.backward(y, cache, 1)[:3])


@both_dtypes
def test_masked_keys_change_nothing_forward_or_backward(dtype: Any, rng: np.random.Generator) -> None:
    table = ParameterTable.initialise(attention.tensors(8, 2), 1, dtype)
    offsets, mask = offsets_of([6, 3]), np.array([1, 1, 0, 1, 0, 0, 0, 1, 1], np.bool_)
    x = rng.standard_normal((9, 8)).astype(dtype)
    memory, dy = x.copy(), rng.standard_normal((9, 8)).astype(dtype)

    def both() -> list[Array]:
        y, cache = attention.forward(table, x, memory, AttentionMask(offsets, offsets, visible=mask), n_heads=2)
        dx, dmemory, gradients = attention.backward(table, dy, cache, n_heads=2)
        assert not dmemory[~mask].any()
        return [y, dx, dmemory, gradients["query.weight"]]

    before = both()
    memory[~mask] = 100 * rng.standard_normal((4, 8))
    for old, new in zip(before, both(), strict=True):
        assert np.array_equal(old, new)


@both_dtypes
def test_a_query_that_sees_nothing_gets_zeros(dtype: Any, rng: np.random.Generator) -> None:
    offsets, mask = offsets_of([3, 2]), np.array([0, 0, 0, 1, 1], np.bool_)
    q, k, v = (rng.standard_normal((5, 4)).astype(dtype) for _ in range(3))
    y, cache = dot_product.forward(q, k, v, 2, AttentionMask(offsets, offsets, visible=mask))
    assert not y[:3].any() and y[3:].all()
    assert all(np.isfinite(d).all() for d in dot_product.backward(q, cache, 2)[:3])


def test_causal_attention_does_not_see_what_follows(rng: np.random.Generator) -> None:
    table = ParameterTable.initialise(attention.tensors(8, 2, distance=3), 1)
    offsets = offsets_of([40])
    x = rng.standard_normal((40, 8)).astype(np.float32)
    options: dict[str, Any] = {"n_heads": 2, "rotate": True}
    before, _ = attention.forward(table, x, x, AttentionMask(offsets, offsets, causal=True), **options)
    x[20:] += 1
    after, _ = attention.forward(table, x, x, AttentionMask(offsets, offsets, causal=True), **options)
    assert np.array_equal(before[:20], after[:20]) and not np.array_equal(before[20:], after[20:])


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(("n_heads", "size"), [(1, 1), (3, 5), (2, 16), (1, 35)])
def test_float32_gradients_agree_with_float64(
    causal: bool, masked: bool, n_heads: int, size: int, rng: np.random.Generator
) -> None:
    queries, keys = offsets_of(LENGTHS), offsets_of([2, 3, 1, 20, 1, 33, 8])
    q, dy = (rng.standard_normal((queries[-1], n_heads * size)) for _ in range(2))
    k, v = (rng.standard_normal((keys[-1], n_heads * size)) for _ in range(2))
    bias = rng.standard_normal((n_heads, 5))
    visibility = AttentionMask(queries, keys, causal, rng.random(keys[-1]) < 0.7 if masked else None)
    exact, single = (
        dot_product.backward(
            dy.astype(dtype),
            dot_product.forward(
                q.astype(dtype), k.astype(dtype), v.astype(dtype), n_heads, visibility, bias.astype(dtype)
            )[1],
            n_heads,
        )
        for dtype in (np.float64, np.float32)
    )
    scale = max(np.abs(gradient).max() for gradient in exact if gradient is not None)
    for expected, found in zip(exact, single, strict=True):
        assert found is not None and expected is not None and found.dtype == np.float32
        assert np.abs(found - expected).max() < 3e-6 * scale
