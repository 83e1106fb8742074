"""The comparison with the twins must fail for a twin that is wrong: the checks bite."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.helpers.twins import naive_w2v
from tests.helpers.twins.kernel_checks import Case, assert_agree, run_kernel, run_twin

original_radius, original_noise = naive_w2v.draw_radius, naive_w2v.draw_noise

MISTAKES: dict[str, tuple[str, Callable[..., Any]]] = {
    "the sign of the positive step": ("positive_step", lambda scores: naive_w2v.sigmoid(scores) - 1),
    "the sign of the noise step": ("noise_step", lambda scores: naive_w2v.sigmoid(scores)),
    "no sigmoid in the positive step": ("positive_step", lambda scores: 1 - scores),
    "a window too wide by one": ("draw_radius", lambda *arguments: original_radius(*arguments) + 1),
    "a window too narrow by one": ("draw_radius", lambda *arguments: original_radius(*arguments) - 1),
    "windows that do not shrink": ("draw_radius", lambda window, shrink, state: window),
    "noise without the alias": ("draw_noise", lambda threshold, alias, state: original_noise([1] * 30, alias, state)),
    "another generator": ("advance", lambda state: (state * 6364136223846793005 + 1) % 2**64),
    "uniform numbers of fewer bits": ("as_uniform", lambda state: (state >> 60) / 2**4),
}

CASES = [Case("skipgram"), Case("cbow")]
cases = pytest.mark.parametrize("case", CASES, ids=["skipgram", "cbow"])
accepted_cases = pytest.mark.parametrize("case", CASES, ids=["skipgram", "cbow"])


@accepted_cases
def test_comparison_accepts_the_right_twin(case: Case) -> None:
    assert_agree(case, run_kernel(case), run_twin(case))


@cases
@pytest.mark.parametrize("mistake", MISTAKES)
def test_comparison_rejects_a_wrong_twin(case: Case, mistake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(naive_w2v, *MISTAKES[mistake])
    with pytest.raises(AssertionError):
        assert_agree(case, run_kernel(case), run_twin(case))


def test_comparison_rejects_cbow_without_the_share_of_the_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    case = Case("cbow")
    monkeypatch.setattr(naive_w2v, "context_share", lambda n: 1.0)
    with pytest.raises(AssertionError, match="w_in"):
        assert_agree(case, run_kernel(case), run_twin(case))


@cases
@pytest.mark.parametrize("change", [{"n_targets": 35}, {"negative": 6}, {"alpha_start": 0.051}, {"seed": 2}], ids=str)
def test_comparison_rejects_other_parameters(case: Case, change: dict[str, Any]) -> None:
    values = {name: getattr(case, name) for name in ("n_targets", "negative", "alpha_start", "seed")}
    with pytest.raises(AssertionError):
        assert_agree(case, run_kernel(case), run_twin(Case(case.algorithm, **(values | change))))


@cases
def test_comparison_rejects_a_step_taken_after_another(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of one target differ from chunks of many only in when steps are applied."""
    chunk = naive_w2v.skipgram_chunk if case.algorithm == "skipgram" else naive_w2v.cbow_chunk

    def one_by_one(result: Any, buffer: Any, targets: range, *arguments: Any) -> None:
        for target in targets:
            chunk(result, buffer, range(target, target + 1), *arguments)

    monkeypatch.setattr(naive_w2v, chunk.__name__, one_by_one)
    with pytest.raises(AssertionError, match="w_in|w_out"):
        assert_agree(case, run_kernel(case), run_twin(case))


@accepted_cases
@pytest.mark.parametrize("table", ["w_in", "w_out"])
def test_comparison_sees_a_small_error_and_written_padding(case: Case, table: str) -> None:
    case = Case(case.algorithm, vector_size=7)
    twin, outcome = run_twin(case), run_kernel(case)
    assert_agree(case, outcome, twin)
    getattr(outcome, table)[3, 2] += 1e-3
    with pytest.raises(AssertionError, match="off by"):
        assert_agree(case, outcome, twin)
    outcome = run_kernel(case)
    getattr(outcome, table)[3, 9] = 1e-30
    with pytest.raises(AssertionError, match="padding"):
        assert_agree(case, outcome, twin)
