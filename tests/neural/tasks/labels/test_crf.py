"""The conditional random field against all ways to tag short sentences, one by one, and central differences."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.helpers.twins.gradient_checks import assert_gradients
from w2v.neural.tasks.labels import crf
from w2v.neural.tasks.labels.crf import Constraints

K = 3
OFFSETS = np.array([0, 4, 4, 5, 7])
FORBIDDEN = Constraints(
    np.array([[0, 0, -np.inf], [0, 0, 0], [0, -np.inf, 0]]), np.array([0, 0, -np.inf]), np.array([0, -np.inf, 0])
)
TAGS = np.array([0, 1, 2, 0, 0, 1, 2])
Array = NDArray[Any]


def parameters(rng: np.random.Generator) -> dict[str, Array]:
    return {name: rng.standard_normal(tensor.shape) for name, tensor in crf.tensors(K).items()}


def ways(z: Array, scores: Constraints) -> dict[tuple[int, ...], float]:
    """Return the score of each way to tag a sentence."""
    found = {}
    for way in itertools.product(range(K), repeat=len(z)):
        score = scores.start[way[0]] + scores.end[way[-1]] + sum(z[t, tag] for t, tag in enumerate(way))
        found[way] = float(score + sum(scores.transitions[pair] for pair in itertools.pairwise(way)))
    return found


def sentences() -> list[slice]:
    return [slice(first, last) for first, last in itertools.pairwise(OFFSETS.tolist()) if first < last]


@pytest.mark.parametrize("constraints", [Constraints.none(K), FORBIDDEN])
@pytest.mark.parametrize("size", [1.0, 60.0])
def test_sums_and_maxima_are_those_over_all_ways(
    constraints: Constraints, size: float, rng: np.random.Generator
) -> None:
    z = size * rng.standard_normal((7, K))
    scores = constraints.scores(parameters(rng), np.float64)
    losses, none = crf.losses(z, OFFSETS, scores, TAGS)
    best, probabilities = crf.best_tags(z, OFFSETS, scores), crf.probabilities(z, OFFSETS, scores)
    assert none is None and losses[1] == 0
    for own, loss in zip(sentences(), np.delete(losses, 1), strict=True):
        every = ways(z[own], scores)
        total = np.logaddexp.reduce(list(every.values()))
        assert loss == pytest.approx(total - every[tuple(TAGS[own].tolist())], rel=1e-10, abs=1e-10)
        assert tuple(best[own].tolist()) == max(every, key=lambda way: every[way])
        expected = np.zeros((own.stop - own.start, K))
        for way, score in every.items():
            expected[np.arange(len(way)), way] += np.exp(score - total)
        np.testing.assert_allclose(probabilities[own], expected, atol=1e-12)


@pytest.mark.parametrize("constraints", [Constraints.none(K), FORBIDDEN])
def test_gradients_are_exact(constraints: Constraints, rng: np.random.Generator) -> None:
    arrays = {**parameters(rng), "z": rng.standard_normal((7, K))}

    def value() -> float:
        found, _ = crf.losses(arrays["z"], OFFSETS, constraints.scores(arrays, np.float64), TAGS)
        return 0.7 * float(found.sum())

    total = {name: np.zeros(tensor.shape) for name, tensor in crf.tensors(K).items()}
    scores = constraints.scores(arrays, np.float64)
    _, dz = crf.losses(arrays["z"], OFFSETS, scores, TAGS, scale=0.7, total=total)
    assert dz is not None
    assert_gradients(value, arrays, {**total, "z": dz})


def test_float32_is_near_float64(rng: np.random.Generator) -> None:
    z, own = rng.standard_normal((7, K)), parameters(rng)
    found = []
    for dtype in (np.float32, np.float64):
        total = {name: np.zeros(tensor.shape, dtype) for name, tensor in crf.tensors(K).items()}
        scores = FORBIDDEN.scores({name: array.astype(dtype) for name, array in own.items()}, dtype)
        losses, dz = crf.losses(z.astype(dtype), OFFSETS, scores, TAGS, total=total)
        assert losses.dtype == dtype and dz is not None and dz.dtype == dtype
        found.append(np.concatenate([losses, dz.ravel(), *(array.ravel() for array in total.values())]))
    np.testing.assert_allclose(found[0], found[1], rtol=1e-4, atol=1e-5)


def test_long_sentences_neither_overflow_nor_vanish() -> None:
    z = np.zeros((5000, K), np.float32)
    scores = Constraints.none(K).scores(None, np.float32)
    losses, _ = crf.losses(z, np.array([0, 5000]), scores, np.zeros(5000, np.int64))
    assert losses[0] == pytest.approx(5000 * np.log(K), rel=1e-6)


def test_softmax_with_constraints_never_takes_a_forbidden_way(rng: np.random.Generator) -> None:
    z = rng.standard_normal((2000, K)).astype(np.float32)
    offsets = np.arange(0, 2001, 20)
    tags = crf.best_tags(z, offsets, FORBIDDEN.scores(None, np.float32)).reshape(-1, 20)
    assert np.isfinite(FORBIDDEN.transitions[tags[:, :-1], tags[:, 1:]]).all()
    assert np.isfinite(FORBIDDEN.start[tags[:, 0]]).all() and np.isfinite(FORBIDDEN.end[tags[:, -1]]).all()
    free = crf.best_tags(z, offsets, Constraints.none(K).scores(None, np.float32))
    np.testing.assert_array_equal(free, z.argmax(axis=1))
