"""The kernels that choose tokens, beside NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from tests.helpers.twins.naive_decoding import log_softmax
from w2v.kernels.simd import LANES
from w2v.neural.generation.trace import best, log_probabilities
from w2v.neural.kernels import choosing as kernels


@pytest.mark.parametrize("size", [1, 3, LANES, 4 * LANES, 4 * LANES + 1, 700])
@pytest.mark.parametrize("k", [1, 2, 7, 64])
def test_best_are_those_of_a_sort(size: int, k: int, rng: np.random.Generator) -> None:
    logits = rng.standard_normal((5, size)).astype(np.float32)
    logits[1] = np.round(logits[1])  # of the same score, the lower id comes first
    logits[2] = np.sort(logits[2])
    logits[3, ::2] = -np.inf
    if size == 1:
        logits[3] = 0
    ids, scores = best(logits, k)
    expected = np.argsort(-logits, axis=1, kind="stable")[:, :k]
    assert np.array_equal(ids, expected)
    exact = np.array([log_softmax(row) for row in logits])
    np.testing.assert_allclose(scores, np.take_along_axis(exact, expected, axis=1), atol=2e-6)
    plain_ids, plain = best(logits, k, normalise=False)
    assert np.array_equal(plain_ids, ids) and np.array_equal(plain, np.take_along_axis(logits, expected, axis=1))
    one = rng.integers(0, size, 5).astype(np.int32)
    np.testing.assert_allclose(log_probabilities(logits, one), exact[np.arange(5), one], atol=2e-6)


@pytest.mark.parametrize("top_k", [1, 5, 199, 200])
@pytest.mark.parametrize("top_p", [1e-9, 0.2, 0.9, 0.999, 1.0])
@pytest.mark.parametrize("temperature", [0.3, 1.0, 4.0])
def test_what_is_kept_are_the_exact_sets(
    top_k: int, top_p: float, temperature: float, rng: np.random.Generator
) -> None:
    size = 200
    for logits in (rng.standard_normal(size), np.round(3 * rng.standard_normal(size)), np.zeros(size)):
        row = logits.astype(np.float32)
        ids, weights = np.empty(size, np.int32), np.empty(size, np.float64)
        n = kernels.kept(row, temperature, top_k, top_p, ids, weights)
        order = np.argsort(-row, kind="stable")[:top_k]
        p = np.exp(log_softmax(row[order].astype(np.float64) / temperature))
        needed = np.flatnonzero(np.cumsum(p) >= top_p - 1e-12)
        expected = order if top_p == 1 else order[: int(needed[0]) + 1]
        assert set(ids[:n].tolist()) == set(expected.tolist())
        found = dict(zip(ids[:n].tolist(), weights[:n] / weights[:n].sum(), strict=True))
        own = p[: len(expected)] / p[: len(expected)].sum()
        np.testing.assert_allclose([found[token] for token in expected.tolist()], own, rtol=1e-6)


def test_uniform_numbers_are_uniform() -> None:
    found = np.array([kernels.uniform(1, line, place) for line in range(100) for place in range(100)])
    assert ((found >= 0) & (found < 1)).all() and abs(found.mean() - 0.5) < 0.01
    assert len(np.unique(found)) == len(found)
    assert abs(np.corrcoef(found[:-1], found[1:])[0, 1]) < 0.03
