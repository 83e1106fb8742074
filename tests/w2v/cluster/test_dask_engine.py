"""Which worker a number stands for, as workers die and join; the cluster here is a list of addresses."""

from __future__ import annotations

from typing import Any, cast

import pytest

import w2v
from tests.helpers.clock import Clock
from w2v.cluster.clients import ClusterError, load_kernels
from w2v.cluster.dask_engine import DaskEngine
from w2v.cluster.engines import LostError


class Addresses:
    """What an engine asks of a client before it sends anything."""

    id = "Client-1"

    def __init__(self, *addresses: str) -> None:
        self.addresses = set(addresses)
        self.paused: dict[str, int] = {}  # and how many tasks these run
        self.versions: dict[str, str] = {}
        self.without_kernels: set[str] = set()
        self.sent: list[tuple[str, ...]] = []

    def nthreads(self) -> dict[str, int]:
        return {address: 2 + len(address) for address in self.addresses}

    def scheduler_info(self, n_workers: int) -> dict[str, Any]:
        return {
            "workers": {
                address: {
                    "status": "paused" if address in self.paused else "running",
                    "metrics": {"task_counts": {"executing": self.paused.get(address, 0)}},
                }
                for address in self.addresses
            }
        }

    def run_on_scheduler(self, *arguments: Any) -> str:
        return w2v.__version__

    def run(self, function: Any, *arguments: Any, workers: list[str], on_error: str) -> dict[str, Any]:
        if function is load_kernels:
            return {address: ImportError("Numba needs NumPy 1.22") for address in self.without_kernels & set(workers)}
        return {address: self.versions.get(address, w2v.__version__) for address in workers}

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
    with pytest.raises(
        ClusterError, match="all workers were lost at once.* if there is a checkpoint, continue from it"
    ):
        engine.look()


def test_a_worker_that_joins_with_another_version_is_told() -> None:
    client = Addresses("a", "b")
    engine = DaskEngine(client)
    client.addresses, client.versions = {"a", "b", "c"}, {"c": "9.9"}
    assert place_of(engine, 1) == "b"  # nobody needs it yet
    client.addresses = {"a", "c"}
    with pytest.raises(ClusterError, match=r"the worker c has version 9\.9 of the toolkit"):
        place_of(engine, 1)


def test_a_worker_without_compiled_code_is_told() -> None:
    client = Addresses("a", "b")
    engine = DaskEngine(client)
    client.addresses, client.without_kernels = {"a", "c"}, {"c"}
    with pytest.raises(ClusterError, match=r"the worker c cannot run the toolkit \(Numba needs NumPy 1\.22\)"):
        place_of(engine, 1)


def test_a_worker_that_waits_for_memory_for_long_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    client = Addresses("a", "b")
    engine = DaskEngine(client)
    for paused in ({"b": 0}, {"b": 1}, {}, {"b": 0}):  # from then on it does nothing
        client.paused = paused
        engine.look()
        clock.advance(59)
    engine.look()
    clock.advance(7)
    with pytest.raises(ClusterError, match="the worker b has used so much of its memory .*a higher --memory-limit"):
        engine.look()
