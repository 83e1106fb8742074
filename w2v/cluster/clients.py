"""A cluster as a user names it: an address, or ``local:4``; and whether its workers can do the work."""

from __future__ import annotations

import importlib
import logging
import multiprocessing
import re
import signal
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from w2v.settings.environment import default_workers

if TYPE_CHECKING:
    from distributed import Client

CONNECT_SECONDS = 10
"""How long a scheduler may take to answer."""
_MOST_LOCAL = 1024
_LOCAL: dict[str, Any] = {
    # a process that died is started again, which takes longer on a busy machine than Dask waits for it
    "distributed.deploy.lost-worker-timeout": "10 minutes",
    # processes keep the memory of arrays for the next ones; Dask gives it back at once, a quarter of the time
    "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": 256 << 20,
    "distributed.nanny.pre-spawn-environ.MALLOC_MMAP_THRESHOLD_": 32 << 20,
    # nobody looks at what Dask would measure in threads of its own while a core trains
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "500ms",
    "distributed.admin.system-monitor.interval": "5s",
    "distributed.worker.memory.monitor-interval": "1s",
    "distributed.admin.system-monitor.gil.enabled": False,
}
"""What processes of this machine, that exist for one job, do otherwise than Dask by default."""
_ADDRESS = re.compile(r"(?:tcp|tls|ucx|ws|wss|inproc)://\S+")


class ClusterError(ValueError):
    """A cluster cannot be reached, or its workers cannot do what is asked of them; the message says what to do."""


def parse_address(address: str) -> int | str:
    """Return the processes of a local cluster, or the address of a scheduler.

    ClusterError if it is neither ``local``, ``local:N``, ``tcp://HOST:PORT`` nor another of Dask's addresses.
    """
    kind, _, number = address.partition(":")
    if kind == "local":
        if number.isdecimal() and 1 <= int(number) <= _MOST_LOCAL:
            return int(number)
        if address == kind:
            return default_workers()
    elif _ADDRESS.fullmatch(address):
        return address
    raise ClusterError(
        f"{address!r:.80} is not the address of a cluster: give tcp://HOST:PORT, where a Dask scheduler listens, or "
        f"local:N for N processes of this machine, 1 to {_MOST_LOCAL}"
    )


@contextmanager
def open_client(address: str | Client) -> Iterator[Client]:
    """Connect to a cluster, or start one on this machine, for the block; what was started ends with it.

    A client that is given is left open. ClusterError if `address` is wrong, nobody answers there within
    `CONNECT_SECONDS`, it has no workers, their toolkit is not of this version, or Dask is not installed.
    """
    distributed = _distributed()
    with ExitStack() as stack:
        client = address
        if isinstance(address, str):
            where = parse_address(address)
            client = stack.enter_context(_local(distributed, where) if isinstance(where, int) else _remote(where))
        check_workers(client)
        yield client


@contextmanager
def _local(distributed: Any, n_processes: int) -> Iterator[Client]:
    """Start a cluster of processes of one thread each, so that threads do not share an interpreter."""
    import dask

    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise SystemExit(1)  # a process of a cluster that runs the script again; that cluster says what is wrong
    with ExitStack() as stack:
        stack.enter_context(dask.config.set(_LOCAL))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # another port is taken for the dashboard if its own is in use
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
        client.run(_ignore_interrupts)  # Ctrl-C reaches them too, but is for this process
        yield client


def _ignore_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def _remote(address: str) -> Iterator[Client]:
    distributed = _distributed()
    try:
        client = distributed.Client(address, timeout=CONNECT_SECONDS)
    except (OSError, ValueError) as error:
        raise ClusterError(
            f"no Dask scheduler answers at {address} within {CONNECT_SECONDS} seconds: check host and port, and that "
            "`dask scheduler` runs there"
        ) from error
    with client:
        yield client


def check_workers(client: Client) -> None:
    """Raise ClusterError if there are no workers, or one has no toolkit or another version of it."""
    if not client.nthreads():
        raise ClusterError(
            f"the cluster at {client.scheduler.address} has no workers: start some with "
            f"`dask worker {client.scheduler.address}`"
        )
    toolkit = importlib.import_module("w2v")
    found = client.run(getattr, toolkit, "__version__", on_error="return")  # a module travels by its name
    for worker, version in found.items():
        if isinstance(version, Exception):
            raise ClusterError(
                f"the worker {worker} cannot import the toolkit ({version}): install w2v-toolkit "
                f"{toolkit.__version__} there"
            )
        if version != toolkit.__version__:
            raise ClusterError(
                f"the worker {worker} has version {version} of the toolkit, but this program is "
                f"{toolkit.__version__}: install the same version on both"
            )


def describe(client: Client) -> str:
    """Return one line about a cluster: its workers, and where its dashboard is."""
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
