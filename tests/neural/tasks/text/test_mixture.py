"""The weight of a mixture is the one that makes a text most probable."""

from __future__ import annotations

import numpy as np
import pytest

from w2v.neural.tasks.text.mixture import best_weight, mixed


def test_the_weight_is_the_best_of_all(rng: np.random.Generator) -> None:
    network, ngrams = np.log(rng.uniform(0.01, 1, (2, 500)))
    every = np.linspace(0.001, 0.999, 999)
    found = [mixed(network, ngrams, weight).mean() for weight in every]
    assert best_weight(network, ngrams) == pytest.approx(every[np.argmax(found)], abs=1e-3)


def test_the_mixture_is_the_weighted_mean_of_probabilities(rng: np.random.Generator) -> None:
    network, ngrams = np.log(rng.uniform(0.01, 1, (2, 50)))
    np.testing.assert_allclose(np.exp(mixed(network, ngrams, 0.3)), 0.3 * np.exp(network) + 0.7 * np.exp(ngrams))
    assert np.array_equal(mixed(network, ngrams, 1.0), network)
    assert np.array_equal(mixed(network, ngrams, 0.0), ngrams)


def test_one_that_is_always_better_gets_all_weight(rng: np.random.Generator) -> None:
    network = np.log(rng.uniform(0.1, 0.2, 100))
    assert best_weight(network, network - 2) == pytest.approx(1, abs=1e-6)
    assert best_weight(network - 2, network) == pytest.approx(0, abs=1e-6)


def test_what_is_impossible_to_one_alone_is_possible_to_both() -> None:
    network, ngrams = np.array([-1.0, -1.0, -np.inf]), np.array([-np.inf, -np.inf, -2.0])
    assert best_weight(network, ngrams) == pytest.approx(2 / 3)
