"""The kernels that lay out maps, held against twins in plain Python and float64."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from w2v.explorer.layout_kernels import keep_best, move_points, weigh_neighbors

MASK = (1 << 64) - 1


def naive_next(x: int) -> int:
    """Return the next of Marsaglia's xorshift numbers."""
    x ^= (x << 13) & MASK
    x ^= x >> 7
    return x ^ ((x << 17) & MASK)


def naive_move(
    points: NDArray[np.float64],
    neighbors: NDArray[np.int32],
    weights: NDArray[np.float32],
    rate: float,
    n_noise: int,
    spread: float,
    x: int,
) -> tuple[NDArray[np.float64], int]:
    """Return moved points, from the gradients of ln q and ln(1 - q), q = 1 / (1 + d² / spread²), and the state."""
    points = points.copy()
    n = len(points)
    for i in range(n):
        for j in range(neighbors.shape[1]):
            x = naive_next(x)
            if (x >> 40) / 2**24 >= weights[i, j]:
                continue
            other = int(neighbors[i, j])
            away = points[i] - points[other]
            step = rate * np.clip(-2 * away / (spread**2 + away @ away), -4, 4)
            points[i] += step
            points[other] -= step
            x = naive_next(x)
            first = (x >> 32) * n >> 32
            for noise in range(first, first + n_noise):
                away = points[i] - points[noise % n]
                square = away @ away
                points[i] += rate * np.clip(2 * away / ((0.001 + square) * (1 + square / spread**2)), -4, 4)
    return points, x


@pytest.mark.parametrize(("n", "k", "n_noise", "spread"), [(2, 1, 1, 1.0), (40, 5, 5, 0.6), (7, 3, 0, 2.0)])
def test_move_points_is_its_naive_twin(n: int, k: int, n_noise: int, spread: float, rng: np.random.Generator) -> None:
    points = rng.normal(size=(n, 2)).astype(np.float32)
    neighbors = ((np.arange(n)[:, None] + 1 + rng.integers(n - 1, size=(n, k))) % n).astype(np.int32)
    weights = rng.random((n, k)).astype(np.float32)
    expected, next_state = naive_move(points.astype(np.float64), neighbors, weights, 0.1, n_noise, spread, 88_172_645)
    state = np.array([88_172_645], np.uint64)
    move_points(points, neighbors, weights, 0.1, n_noise, spread, state)
    np.testing.assert_allclose(points, expected, rtol=1e-3, atol=1e-4)
    assert int(state[0]) == next_state


def test_move_points_separates_points_that_coincide_with_others() -> None:
    points = np.zeros((50, 2), np.float32)
    points[25:] = 1e-3
    neighbors = np.array([[(i + 1) % 25 + 25 * (i // 25)] for i in range(50)], np.int32)
    state = np.array([1], np.uint64)
    for _ in range(100):
        move_points(points, neighbors, np.ones((50, 1), np.float32), 0.5, 5, 1.0, state)
    assert np.isfinite(points).all()
    assert np.linalg.norm(points[:25].mean(axis=0) - points[25:].mean(axis=0)) > 0.1


@pytest.mark.parametrize("k", [2, 15])
def test_weigh_neighbors_adds_up_to_the_logarithm(k: int, rng: np.random.Generator) -> None:
    similarities = -np.sort(-rng.uniform(-1, 1, size=(30, k)), axis=1).astype(np.float32)
    weights = np.empty_like(similarities)
    weigh_neighbors(similarities, weights)
    np.testing.assert_allclose(weights[:, 0], 1, rtol=1e-6)
    assert (np.diff(weights, axis=1) <= 0).all()
    assert (weights >= 0).all()
    if k > 2:  # with two, the nearest alone has a weight of log2(2)
        np.testing.assert_allclose(weights.sum(axis=1), np.log2(k), rtol=1e-3)


def test_weigh_neighbors_of_equal_similarities_are_one() -> None:
    similarities = np.full((3, 5), 0.25, np.float32)
    weights = np.empty_like(similarities)
    weigh_neighbors(similarities, weights)
    assert (weights == 1).all()


def test_keep_best_sorts_the_scores_of_others(rng: np.random.Generator) -> None:
    scores = rng.integers(0, 40, size=(30, 200)).astype(np.float32)  # many are equal
    pool = rng.permutation(500)[:200]
    own = np.concatenate([pool[:20], np.arange(500, 510)])
    rows, similarities = np.empty((30, 7), np.int32), np.empty((30, 7), np.float32)
    keep_best(scores, own, pool, rows, similarities)
    scores[own[:, None] == pool] = -1
    expected = np.argsort(-scores, axis=1, kind="stable")[:, :7]
    np.testing.assert_array_equal(rows, pool[expected])
    np.testing.assert_array_equal(similarities, np.take_along_axis(scores, expected, axis=1))
