"""Addresses of clusters, and what is said of those that cannot be used."""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from w2v.cluster import clients
from w2v.cluster.clients import ClusterError, open_client, parse_address


@pytest.mark.parametrize(
    "address", ["tcp://host:8786", "tls://10.0.0.1:8786", "tcp://[::1]:8786", "ws://a.b:65535", "inproc://1.2.3.4/5/6"]
)
def test_parse_address_keeps_what_dask_understands(address: str) -> None:
    assert parse_address(address) == address


def test_parse_address_counts_local_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("W2V_WORKERS", "3")
    assert (parse_address("local:4"), parse_address("local")) == (4, 3)


@pytest.mark.parametrize(
    "address",
    ["", "host:8786", "local:0", "local:-1", "local:x", "local:²", "tcp://", "local:1025", "tcp://host", "tcp://:8786",
     "tcp://host:0", "tcp://host:65536", "tcp://host:a", "tcp://host:8786/x", "tcp://::1:8786", "http://host:8787"],
)  # fmt: skip
def test_parse_address_refuses_others_and_says_what_to_give(address: str) -> None:
    with pytest.raises(ClusterError, match=r"is not the address of a cluster: give tcp://HOST:PORT.* local:N"):
        parse_address(address)


def test_local_processes_are_not_many_more_than_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    for cores, most in ((2, 16), (64, 256)):
        monkeypatch.setattr("os.cpu_count", lambda cores=cores: cores)
        assert parse_address(f"local:{most}") == most
        with pytest.raises(
            ClusterError, match=f"'local:{most + 1}' is not .* N processes on this machine, 1 to {most}"
        ):
            parse_address(f"local:{most + 1}")


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


@pytest.mark.interop
def test_protocols_say_what_they_need(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    dask: Any = pytest.importorskip("dask")
    pytest.importorskip("distributed")
    monkeypatch.setattr(clients, "CONNECT_SECONDS", 1)
    assert_refused("ucx://127.0.0.1:1", "ucx:// needs the package distributed-ucxx,.* install it, or use tcp://")
    assert_refused("inproc://1.2.3.4/5/6", "not a scheduler of this process, .* use tcp://")
    assert_refused("tcp://no-such-host.invalid:1", "the host of tcp://no-such-host.invalid:1 is not known")
    tls = "distributed.comm.tls."
    for protocol in ("tls", "wss"):
        assert_refused(f"{protocol}://127.0.0.1:1", f"{protocol}:// needs certificates: name them .* as ca-file")
        gone = str(tmp_path / "gone.pem")
        with dask.config.set({tls + "ca-file": gone, tls + "client.cert": gone}):
            assert_refused(f"{protocol}://127.0.0.1:1", "needs certificates, .* cannot be used: .*No such file")


def assert_refused(address: str, message: str) -> None:
    with pytest.raises(ClusterError, match=message), open_client(address):
        pass
