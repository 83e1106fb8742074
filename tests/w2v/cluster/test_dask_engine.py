"""Which worker a number stands for, as workers die and join; the cluster here is a list of addresses."""

from __future__ import annotations

from typing import Any, cast

import pytest

from w2v.cluster.clients import ClusterError
from w2v.cluster.dask_engine import DaskEngine
from w2v.cluster.engines import LostError


class Addresses:
    """What an engine asks of a client before it sends anything."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = set(addresses)
        self.sent: list[tuple[str, ...]] = []

    def nthreads(self) -> dict[str, int]:
        return {address: 2 + len(address) for address in self.addresses}

    def submit(self, *arguments: Any, workers: list[str], **options: Any) -> None:
        self.sent.append(tuple(workers))


def place_of(engine: DaskEngine, worker: int) -> str:
    client = cast(Addresses, engine.client)
    engine._is_checked = False
    engine.run(print, worker=worker)
    return client.sent[-1][0]


def test_a_worker_that_joins_takes_the_place_of_one_that_died() -> None:
    client = Addresses("a", "b", "cc")
    engine = DaskEngine(client)
    assert (engine.n_workers, engine.n_threads) == (3, 3)
    assert [place_of(engine, worker) for worker in range(3)] == ["a", "b", "cc"]
    client.addresses = {"a", "cc"}
    assert place_of(engine, 1) == "cc"  # for lack of another
    client.addresses = {"a", "cc", "d", "e"}
    assert [place_of(engine, worker) for worker in range(3)] == ["a", "d", "cc"]
    client.addresses = {"a", "f", "g"}
    assert [place_of(engine, worker) for worker in range(3)] == ["a", "f", "g"]  # two at once


def test_a_loss_is_seen_while_results_are_waited_for() -> None:
    client = Addresses("a", "b")
    engine = DaskEngine(client)
    engine._check_places()
    client.addresses = {"a", "c"}
    with pytest.raises(LostError, match="the worker b is gone"):
        engine._check_places()
    assert [place_of(engine, worker) for worker in range(2)] == ["a", "c"]
    engine._check_places()


def test_losing_all_workers_at_once_is_told() -> None:
    client = Addresses("a", "b")
    engine = DaskEngine(client)
    client.addresses = {"b", "c"}
    assert engine.look() == {"b", "c"}
    client.addresses = {"d", "e"}
    with pytest.raises(ClusterError, match="all workers were lost at once.* continue from the last checkpoint"):
        engine.look()
