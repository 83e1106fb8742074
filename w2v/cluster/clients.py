"""Opening a cluster by address or as ``local:4``, and checking its workers."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import multiprocessing
import os
import re
import socket
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from w2v.cluster.messages import news_only
from w2v.settings.environment import default_workers

if TYPE_CHECKING:
    from distributed import Client

CONNECT_SECONDS = 10
"""Most seconds a scheduler may take to answer."""
_MOST_LOCAL, _MOST_PER_CORE = 16, 4
"""Most processes of a local cluster, each of which needs some 200 MB: so many, or so many per core if that is more."""
_LOCAL: dict[str, Any] = {
    # restarting a dead process can take longer on a busy machine than Dask waits by default
    "distributed.deploy.lost-worker-timeout": "10 minutes",
    # keep freed memory for the next arrays; by default Dask returns it at once, which costs a quarter of the time
    "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": 256 << 20,
    "distributed.nanny.pre-spawn-environ.MALLOC_MMAP_THRESHOLD_": 32 << 20,
    # avoid Dask's monitoring threads, whose measurements nobody reads, while a core trains
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "500ms",
    "distributed.admin.system-monitor.interval": "5s",
    "distributed.worker.memory.monitor-interval": "1s",
    "distributed.admin.system-monitor.gil.enabled": False,
    # tables stay in memory, so a worker that paused because of them would never go on
    "distributed.worker.memory.pause": False,
    # Ctrl-C reaches these processes too, but only this one should act on it
    "distributed.worker.preload": ["w2v.cluster.local_process"],
}
"""Dask settings for local processes that exist for one job."""
_ADDRESS = re.compile(r"(?:tcp|tls|ucx|ws|wss)://(\[[^\s\[\]/]+\]|[^\s\[\]/:]+):(\d{1,5})|inproc://\S+")
_MOST_PORT = 65535
_ENCRYPTED = ("tls", "wss")


class ClusterError(ValueError):
    """A cluster cannot be reached or its workers cannot do the work; the message names the remedy."""


def parse_address(address: str) -> int | str:
    """Return the number of processes of a local cluster, or the address of a scheduler.

    Raises ClusterError if it is not ``local``, ``local:N``, ``tcp://HOST:PORT`` or another Dask address.
    """
    kind, _, number = address.partition(":")
    most = max(_MOST_LOCAL, _MOST_PER_CORE * (os.cpu_count() or 1))
    if kind == "local":
        if number.isdecimal() and 1 <= int(number) <= most:
            return int(number)
        if address == kind:
            return default_workers()
    elif (found := _ADDRESS.fullmatch(address)) and 1 <= int(found[2] or 1) <= _MOST_PORT:
        return address
    raise ClusterError(
        f"{address!r:.80} is not the address of a cluster: give tcp://HOST:PORT of a Dask scheduler, or local:N for "
        f"N processes on this machine, 1 to {most}"
    )


@contextmanager
def open_client(address: str | Client) -> Iterator[Client]:
    """Connect to a cluster, or start a local one that ends with the block.

    A client given as `address` stays open. Raises ClusterError if the address is wrong, nothing answers within
    `CONNECT_SECONDS`, there are no workers, they have another version of the toolkit, or Dask is not installed.
    """
    distributed = _distributed()
    with ExitStack() as stack:
        stack.enter_context(news_only())
        client = address
        if isinstance(address, str):
            where = parse_address(address)
            client = stack.enter_context(_local(distributed, where) if isinstance(where, int) else _remote(where))
        elif not isinstance(client, distributed.Client):
            raise TypeError(f"client must be a distributed.Client or an address, not {type(client).__name__}")
        elif client.asynchronous or client.status != "running":
            kind = "asynchronous" if client.asynchronous else client.status
            raise ClusterError(f"the client is {kind}: give one that is connected, and made without asynchronous=True")
        check_workers(client)
        yield client


@contextmanager
def _local(distributed: Any, n_processes: int) -> Iterator[Client]:
    """Start a cluster of single-threaded processes, so that threads do not share an interpreter."""
    import dask

    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise SystemExit(1)  # in a worker that runs the script again; the cluster reports the error
    with ExitStack() as stack:
        stack.enter_context(dask.config.set(_LOCAL))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the dashboard takes another port if its own is in use
            try:
                cluster = distributed.LocalCluster(
                    n_workers=n_processes, threads_per_worker=1, processes=True, silence_logs=logging.CRITICAL
                )
            except RuntimeError as error:
                raise ClusterError(
                    f"the processes of local:{n_processes} cannot be started ({error}): in a script, begin below "
                    '`if __name__ == "__main__":`, because each of them imports it'
                ) from error
            stack.enter_context(cluster)
            client = stack.enter_context(distributed.Client(cluster))
        yield client


@contextmanager
def _remote(address: str) -> Iterator[Client]:
    distributed = _distributed()
    _check_address(address)
    try:
        kind = _kind_at(address)  # Dask itself waits forever for what listens but is no Dask server
        if kind != "Scheduler":
            raise ClusterError(
                f"at {address} there is a Dask {kind.lower()}, not a scheduler: give the address that `dask scheduler` "
                "prints"
            )
        client = distributed.Client(address, timeout=CONNECT_SECONDS)
    except ClusterError:
        raise
    except Exception as error:  # each protocol has its own
        raise ClusterError(_why_silent(address, error)) from error
    with client:
        yield client


def _check_address(address: str) -> None:
    """Raise ClusterError if its host is not known, or its protocol lacks a package or certificates."""
    from distributed import Security

    protocol = address.partition(":")[0]
    if (found := _ADDRESS.fullmatch(address)) and found[1]:
        try:
            socket.getaddrinfo(found[1].strip("[]"), int(found[2]))
        except OSError as error:  # Dask would try again until its time is over
            raise ClusterError(f"the host of {address} is not known ({error.strerror}): check its name") from error
    if protocol == "ucx" and importlib.util.find_spec("distributed_ucxx") is None:
        raise ClusterError(
            "ucx:// needs the package distributed-ucxx, such as distributed-ucxx-cu12 for CUDA 12, here and where the "
            "scheduler and the workers run: install it, or use tcp://"
        )
    if protocol in _ENCRYPTED:
        try:
            context = Security().get_connection_args("client")["ssl_context"]
        except (OSError, ValueError) as error:  # files that cannot be read, or are no certificates
            raise ClusterError(
                f"{protocol}:// needs certificates, but those that Dask's configuration names (distributed.comm.tls) "
                f"cannot be used: {error}"
            ) from error
        if context is None:
            raise ClusterError(
                f"{protocol}:// needs certificates: name them in Dask's configuration, as ca-file, client.cert and "
                "client.key of distributed.comm.tls (or in variables such as DASK_DISTRIBUTED__COMM__TLS__CA_FILE)"
            )


def _why_silent(address: str, error: BaseException) -> str:
    """Describe why nothing answered at an address."""
    import ssl  # every command would wait for it, and Dask has imported it already

    if address.startswith("inproc:"):
        return f"{address} is not a scheduler of this process, and no other can be reached by inproc://: use tcp://"
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return (
                f"the encrypted connection to {address} failed ({cause}): the scheduler needs a certificate of the "
                "authority in ca-file of Dask's configuration (distributed.comm.tls), and this program one that the "
                "scheduler accepts"
            )
        cause = cause.__cause__
    certificates = ", and that it accepts this program's certificate" if address.startswith(_ENCRYPTED) else ""
    return (
        f"no Dask scheduler answered at {address} within {CONNECT_SECONDS} seconds: give the address that "
        f"`dask scheduler` prints, with its protocol, and check that it still runs{certificates}, and that no firewall "
        "is between"
    )


def _kind_at(address: str) -> str:
    """Return what kind of Dask server listens at an address; raise whatever the protocol raises if none does."""
    import asyncio  # every training would wait for it
    from concurrent.futures import ThreadPoolExecutor

    from distributed import Security, rpc

    async def ask() -> str:
        options = Security().get_connection_args("client")
        async with rpc(address, timeout=CONNECT_SECONDS, connection_args=options) as server:
            return str((await server.identity())["type"])

    async def ask_in_time() -> str:
        return await asyncio.wait_for(ask(), 1.2 * CONNECT_SECONDS)  # later than what knows why

    with ThreadPoolExecutor(1) as pool:  # a notebook has an event loop in this thread
        return pool.submit(lambda: asyncio.run(ask_in_time())).result()


def check_workers(client: Client, workers: list[str] | None = None) -> None:
    """Raise ClusterError if there are no workers, or one or the scheduler lacks the toolkit or has another version.

    It is raised as well if a worker cannot run compiled code, such as for its version of NumPy, since Dask ends a
    worker that cannot import what a task needs. `workers` are the addresses of those to ask, by default all.
    """
    if not client.nthreads():
        raise ClusterError(
            f"the cluster at {client.scheduler.address} has no workers: start some with "
            f"`dask worker {client.scheduler.address}`"
        )
    toolkit = importlib.import_module("w2v")  # modules are pickled by name
    try:
        found = {"scheduler": client.run_on_scheduler(getattr, toolkit, "__version__")}
    except Exception as error:
        found = {"scheduler": error}
    versions = client.run(getattr, toolkit, "__version__", workers=workers, on_error="return")
    found |= {f"worker {address}": version for address, version in versions.items()}
    for name, version in found.items():
        if isinstance(version, OSError):
            continue  # it is gone, which whoever needs it will notice
        if isinstance(version, Exception):
            raise ClusterError(
                f"the {name} cannot import the toolkit ({version}): install w2v-toolkit {toolkit.__version__} there"
            )
        if version != toolkit.__version__:
            raise ClusterError(
                f"the {name} has version {version} of the toolkit, but this program is {toolkit.__version__}: install "
                "the same version on both"
            )
    for address, failure in client.run(load_kernels, workers=workers, on_error="return").items():
        if isinstance(failure, Exception) and not isinstance(failure, OSError):
            raise ClusterError(
                f"the worker {address} cannot run the toolkit ({failure}): install w2v-toolkit {toolkit.__version__} "
                "there anew, with the packages that it needs"
            )


def load_kernels() -> None:
    """Import compiled code, which needs versions of NumPy and Numba that go together."""
    importlib.import_module("w2v.kernels.jit")


def describe(client: Client) -> str:
    """Describe a cluster in one line: its workers and its dashboard."""
    threads = client.nthreads().values()
    workers = "1 worker" if len(threads) == 1 else f"{len(threads):,} workers"
    link = client.dashboard_link
    of_them = f"{sum(threads):,} thread{'s' if sum(threads) > 1 else ''}"
    return f"Cluster: {workers}, {of_them}" + (f"; dashboard: {link}" if link else "")


def _distributed() -> Any:
    try:
        import distributed
    except ModuleNotFoundError as error:
        raise ClusterError("a cluster needs Dask: pip install 'w2v-toolkit[cluster]'") from error
    return distributed
