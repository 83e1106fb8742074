"""The in-process engine: where values are, and what happens when a worker is lost."""

from __future__ import annotations

import pytest

from w2v.cluster.clients import ClusterError
from w2v.cluster.engines import InProcess, LostError, persevere


def add(left: int, right: int) -> int:
    return left + right


def total(parts: list[int]) -> int:
    return sum(parts)


def test_run_resolves_handles_and_lists_of_them() -> None:
    engine = InProcess(2)
    five = engine.run(add, 2, engine.put(3, 0), worker=1)
    assert engine.fetch([five, engine.run(total, [five, five, 1], worker=0)]) == [5, 11]


def test_kill_loses_what_only_that_worker_holds() -> None:
    engine = InProcess(2)
    alone, shared = engine.put(1, 0), engine.put(2, 0)
    engine.run(add, shared, 0, worker=1)
    engine.kill(0)
    assert engine.fetch([shared]) == [2]
    with pytest.raises(LostError):
        engine.fetch([alone])
    with pytest.raises(LostError):
        engine.run(add, alone, 1, worker=1)


def test_persevere_mends_after_each_loss_and_gives_up_in_the_end() -> None:
    done: list[str] = []

    def work() -> int:
        done.append("work")
        if done.count("mend") < 2:
            raise LostError
        return 7

    assert persevere(work, lambda: done.append("mend")) == 7
    assert done == ["work", "mend", "work", "mend", "work"]
    assert persevere(lambda: 1, lambda: done.append("first"), is_whole=False) == 1 and done[-1] == "first"
    engine = InProcess(1)
    lost = engine.put(1, 0)
    engine.kill(0)
    with pytest.raises(ClusterError, match="workers died one after another .*give them more, or train fewer words"):
        persevere(lambda: engine.fetch([lost]), lambda: None)
