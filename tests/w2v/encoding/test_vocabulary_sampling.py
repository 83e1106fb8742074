"""Which tokens survive subsampling, and which words are drawn as noise."""

from __future__ import annotations

import math

import numpy as np
import pytest

from w2v.encoding.vocabulary import keep_probabilities, noise_distribution

COUNTS = np.array([70_000, 20_000, 9_000, 900, 99, 1])


def test_keep_probability_is_word2vecs() -> None:
    keep = keep_probabilities(COUNTS, 0.05)
    for count, probability in zip(COUNTS, keep, strict=True):
        f = count / COUNTS.sum()
        assert probability == pytest.approx(min(1, math.sqrt(0.05 / f) + 0.05 / f), rel=1e-6)
    assert keep.dtype == np.float32 and keep[0] < 0.5 and keep[-1] == 1


def test_keep_probability_equals_gensims() -> None:
    word2vec = pytest.importorskip("gensim.models.word2vec")
    model = word2vec.Word2Vec(min_count=1, sample=1e-3, vector_size=2)
    model.build_vocab_from_freq({f"w{i}": int(count) for i, count in enumerate(COUNTS)})
    theirs = [model.wv.get_vecattr(f"w{i}", "sample_int") / (2**32 - 1) for i in range(len(COUNTS))]
    assert np.allclose(keep_probabilities(COUNTS, 1e-3), theirs, rtol=0, atol=1e-6)


def test_keep_probability_falls_with_the_count_and_with_sample() -> None:
    keep = keep_probabilities(COUNTS, 1e-3)
    assert np.all(np.diff(keep) >= 0)
    assert np.all(keep_probabilities(COUNTS, 1e-4) <= keep) and keep_probabilities(COUNTS, 1e-4)[0] < keep[0]


def test_sample_zero_keeps_all() -> None:
    assert np.array_equal(keep_probabilities(COUNTS, 0), np.ones(6, np.float32))


@pytest.mark.parametrize("sample", [1e-300, 1e-9, 1.0])
def test_keep_probabilities_stay_in_range(sample: float) -> None:
    keep = keep_probabilities(np.array([2**62, 1]), sample)
    assert np.all((keep >= 0) & (keep <= 1))


def test_noise_is_proportional_to_a_power_of_the_count() -> None:
    probabilities = noise_distribution(COUNTS, 0.75)
    assert probabilities.dtype == np.float64
    assert np.allclose(probabilities, COUNTS**0.75 / (COUNTS**0.75).sum(), rtol=1e-12)


@pytest.mark.parametrize("ns_exponent", [-5.0, -1.0, 0.0, 0.5, 1.0, 5.0])
def test_noise_sums_to_one_for_huge_counts(ns_exponent: float) -> None:
    probabilities = noise_distribution(np.array([2**62, 10**12, 5, 1, 1]), ns_exponent)
    assert np.all(np.isfinite(probabilities)) and np.all(probabilities >= 0)
    assert probabilities.sum() == pytest.approx(1, rel=1e-12)
    assert probabilities[3] == probabilities[4]
    if ns_exponent == 0:
        assert np.allclose(probabilities, 0.2)


def test_counts_are_left_alone() -> None:
    before = COUNTS.copy()
    keep_probabilities(COUNTS, 1e-3)
    noise_distribution(COUNTS, 0.75)
    assert np.array_equal(COUNTS, before)
