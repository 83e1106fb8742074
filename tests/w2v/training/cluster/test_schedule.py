"""The rounds of a training."""

from __future__ import annotations

import pytest

from w2v.training.cluster.schedule import decay_of, plan_rounds, rounds_of


@pytest.mark.parametrize(
    ("n_segments", "round_words"), [(10_000, None), (64, None), (3, 10), (5000, 100_000), (1, None)]
)
def test_rounds_cover_the_training_without_gaps(n_segments: int, round_words: int | None) -> None:
    plan = plan_rounds(1e6, n_segments, round_words, 4)
    assert (plan[0].start, plan[-1].stop) == (0, 1)
    assert all(before.stop == after.start for before, after in zip(plan, plan[1:], strict=False))
    assert min(each.stop - each.start for each in plan) >= 0.6 / n_segments  # none without a segment


def test_rounds_grow_with_workers_and_words_up_to_225() -> None:
    assert [rounds_of(k, 1e6) for k in (1, 2, 3, 4, 8, 100)] == [225, 28, 112, 225, 225, 225]
    assert [rounds_of(2, words) for words in (42e6, 123e6, 1e9)] == [28, 82, 225]


def test_rounds_are_a_225th_at_first_a_quarter_of_it_and_end_as_a_plain_mean() -> None:
    plan = plan_rounds(1e9, 20_000, None, 8)
    sizes = [each.stop - each.start for each in plan]
    assert sizes[0] == pytest.approx(1 / 225 / 4) and sizes[-1] == pytest.approx(1 / 225, rel=0.01)
    assert sum(size < 0.5 / 225 for size in sizes) == 18  # of the first 2 %
    assert {each.decay for each in plan[:-1]} == {0.9} and plan[-1].decay == 0


def test_round_words_set_the_size() -> None:
    assert len(plan_rounds(1e6, 10_000, 50_000, 2)) == pytest.approx(20, abs=2)
    assert len(plan_rounds(1e6, 10_000, 10**9, 2)) == 1


def test_decay_grows_with_the_workers() -> None:
    assert [decay_of(k) for k in (1, 2, 4, 8)] == pytest.approx([0, 0.6, 0.8, 0.9])
