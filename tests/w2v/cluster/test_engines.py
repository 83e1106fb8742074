"""The in-process engine: where values are, and what happens when a worker is lost."""

from __future__ import annotations

import pytest

from w2v.cluster.engines import InProcess, LostError


def add(left: int, right: int) -> int:
    return left + right


def total(parts: list[int]) -> int:
    return sum(parts)


def test_run_resolves_handles_and_lists_of_them() -> None:
    engine = InProcess(2)
    five = engine.run(add, 2, engine.put(3, 0), worker=1)
    assert engine.fetch([five, engine.run(total, [five, five, 1], worker=0)]) == [5, 11]


def test_kill_loses_what_only_that_worker_holds() -> None:
    engine, calls = InProcess(2), []

    def made(value: int) -> int:
        calls.append(value)
        return value

    alone, shared = engine.run(made, 1, worker=0), engine.run(made, 2, worker=0)
    engine.run(add, shared, 0, worker=1)
    engine.kill(0)
    assert engine.fetch([alone, shared]) == [1, 2]
    assert calls == [1, 2, 1]


def test_what_was_lost_is_made_again_only_while_its_origin_is_kept() -> None:
    engine = InProcess(2)
    origin = engine.run(add, 1, 1, worker=0)
    result = engine.run(add, origin, 1, worker=0)
    engine.kill(0)
    assert engine.fetch([result]) == [3]
    del origin
    engine.kill(0)
    with pytest.raises(LostError):
        engine.fetch([result])
