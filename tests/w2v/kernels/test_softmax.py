"""The kernels of the whole softmax against their float64 twins, and the twins' gradients against differences."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from tests.helpers.twins import naive_softmax
from tests.helpers.twins.gradient_checks import assert_gradients
from tests.helpers.twins.kernel_checks import Case, padded, run_kernel, run_twin
from w2v.kernels.arguments import BUFFER
from w2v.kernels.composition import Members

both = pytest.mark.parametrize("algorithm", ["skipgram softmax", "cbow softmax"])

CASES: dict[str, dict[str, Any]] = {
    "defaults": {},
    "one target at a time": {"n_targets": 1},
    "more targets than the text has": {"n_targets": 48, "lengths": (5, 9)},
    "more words than a block": {"n_words": 500},
    "two words": {"n_words": 2},
    "odd width": {"vector_size": 19, "window": 2},
    "whole windows": {"shrink": False, "window": 7},
    "part of the text": {"position": 45, "stop": 130},
    "more than a buffer": {"lengths": (400,) * 25, "n_words": 12, "keep": 1.0, "vector_size": 4, "alpha_start": 0.001},
    "long vectors": {"scale": 6.0, "alpha_start": 0.005, "alpha_end": 0.005},
}
cases = pytest.mark.parametrize("options", CASES.values(), ids=CASES.keys())


@both
@cases
def test_kernel_equals_its_twin(algorithm: str, options: dict[str, Any]) -> None:
    case = Case(algorithm, **({"n_targets": 12} | options))
    kernel, twin = run_kernel(case), run_twin(case)
    assert case.tokens.size <= BUFFER or options["lengths"] == (400,) * 25
    assert kernel.stats[1:].tolist() == [twin.pairs, twin.kept]
    assert kernel.stats[0] == pytest.approx(twin.loss, rel=1e-5)
    before = case.vectors
    for table, expected, start in ((kernel.w_in, twin.w_in, before[0]), (kernel.w_out, twin.w_out, before[1])):
        moved = abs(expected - start).max()
        assert moved > 1e-3
        assert abs(table[:-1, : case.vector_size] - expected).max() < 1e-4 * moved + 2e-6 * abs(expected).max()
        assert not table[:, case.vector_size :].any() and not table[-1].any()


@both
def test_gradients_are_those_of_differences(algorithm: str, rng: np.random.Generator) -> None:
    h, y = rng.normal(0, 1, 6), rng.normal(0, 1, (9, 6))
    wanted = [2, 7, 2] if algorithm.startswith("skipgram") else [4]
    dh, dy = naive_softmax.gradients_of(h, y, wanted)
    assert_gradients(lambda: naive_softmax.loss_of(h, y, wanted), {"h": h, "y": y}, {"h": dh, "y": dy})


@both
def test_sentence_of_weight_two_moves_twice_as_far(algorithm: str) -> None:
    case = dataclasses.replace(Case(algorithm), lengths=(30,), n_targets=30, alpha_start=1e-3, alpha_end=1e-3)
    single, double = (run_kernel(case, weights=np.array([weight], np.float32)) for weight in (1, 2))
    plain = run_kernel(case)
    assert np.array_equal(single.w_in, plain.w_in) and np.array_equal(single.stats, plain.stats)
    assert double.stats[:2] == pytest.approx(2 * single.stats[:2])
    for name, before in zip(("w_in", "w_out"), map(padded, case.vectors), strict=True):
        steps = [getattr(outcome, name) - before for outcome in (single, double)]
        assert steps[1] == pytest.approx(2 * steps[0], abs=1e-6) and abs(steps[0]).max() > 1e-4


@both
def test_words_of_one_row_each_are_trained_alike(algorithm: str) -> None:
    case = Case(algorithm, n_targets=12)
    n, row_size = case.n_words, padded(case.vectors[0]).shape[1]
    members = Members(np.arange(n + 2), np.arange(n + 1) * row_size)
    plain, composed = run_kernel(case), run_kernel(case, members=members)
    for name in ("w_in", "w_out", "stats"):
        assert getattr(composed, name) == pytest.approx(getattr(plain, name), rel=1e-4, abs=1e-6)


def test_frozen_rows_stay() -> None:
    case = Case("skipgram softmax", n_targets=12)
    n, row_size = case.n_words, padded(case.vectors[0]).shape[1]
    frozen = np.append(np.arange(n) % 2 == 0, False).astype(np.uint8)
    members = Members(np.arange(n + 2), np.arange(n + 1) * row_size, frozen)
    found, before = run_kernel(case, members=members).w_in, padded(case.vectors[0])
    stays = (found == before).all(axis=1)
    assert stays[:n:2].all() and not stays[1:n:2].any()
