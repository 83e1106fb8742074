"""Addresses of clusters, and what is said of those that cannot be used."""

from __future__ import annotations

import socket
import sys
from typing import Any

import pytest

from w2v.cluster import clients
from w2v.cluster.clients import ClusterError, open_client, parse_address


@pytest.mark.parametrize("address", ["tcp://host:8786", "tls://10.0.0.1:8786", "tcp://[::1]:8786"])
def test_parse_address_keeps_what_dask_understands(address: str) -> None:
    assert parse_address(address) == address


def test_parse_address_counts_local_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("W2V_WORKERS", "3")
    assert (parse_address("local:4"), parse_address("local")) == (4, 3)


@pytest.mark.parametrize(
    "address", ["", "host:8786", "local:0", "local:-1", "local:x", "local:²", "tcp://", "local:1025"]
)
def test_parse_address_refuses_others_and_says_what_to_give(address: str) -> None:
    with pytest.raises(ClusterError, match=r"is not the address of a cluster: give tcp://HOST:PORT.* local:N"):
        parse_address(address)


def test_open_client_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ClusterError, match=r"pip install 'w2v-toolkit\[cluster\]'"), open_client("local:1"):
        pass


@pytest.mark.interop
def test_open_client_says_that_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr(clients, "CONNECT_SECONDS", 1)
    with pytest.raises(ClusterError, match="no Dask scheduler answered at tcp://127.0.0.1:1 within 1 s"):  # noqa: SIM117
        with open_client("tcp://127.0.0.1:1"):
            pass


@pytest.mark.interop
def test_what_listens_but_is_no_scheduler_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    distributed: Any = pytest.importorskip("distributed")
    monkeypatch.setattr(clients, "CONNECT_SECONDS", 1)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(ClusterError, match="no Dask scheduler answered at"), open_client(address):
            pass
    with pytest.raises(ClusterError, match="answered at tls://.* names certificates"), open_client("tls://127.0.0.1:1"):
        pass
    with distributed.LocalCluster(n_workers=1, processes=False, dashboard_address=":0") as cluster:
        worker = cluster.workers[0].address
        with pytest.raises(ClusterError, match="there is a Dask worker, not a scheduler"), open_client(worker):
            pass


@pytest.mark.interop
def test_clients_that_cannot_be_used_are_told() -> None:
    distributed: Any = pytest.importorskip("distributed")
    with pytest.raises(TypeError, match="client must be a distributed.Client or an address, not int"), open_client(4):
        pass
    with distributed.LocalCluster(n_workers=1, processes=False, dashboard_address=":0") as cluster:
        with distributed.Client(cluster) as client:
            pass
        with pytest.raises(ClusterError, match="the client is closed: give one that is connected"), open_client(client):
            pass
