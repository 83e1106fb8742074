"""A Dask engine: each task runs on a given worker, and results stay there or move between workers."""

from __future__ import annotations

import concurrent.futures
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from w2v.cluster.clients import ClusterError, check_workers, describe, open_client
from w2v.cluster.engines import ALL_LOST, CONTINUE, Engine, InProcess, LostError

if TYPE_CHECKING:
    from distributed import Client, Future


_LOOK_EVERY = 1.0
"""Seconds between checks that workers are alive, while waiting for results."""
_LEAST_PAUSE, _MOST_PAUSE = 0.0005, 0.005
"""Seconds between looks for results."""
STALLED_SECONDS = 60.0
"""Most seconds that a worker may be paused without running anything."""


class DaskEngine:
    """Runs functions on the workers of a Dask cluster; the number of workers is fixed at the start.

    A worker that joins replaces a lost one; until then, the remaining workers take over its tasks.
    """

    def __init__(self, client: Client) -> None:
        self.client = client
        threads: dict[str, int] = client.nthreads()
        self._homes, self._alive = sorted(threads), set(threads)
        self._places = list(self._homes)
        self._is_checked = True
        self._stalled: dict[str, float] = {}  # since when
        self._next_check = 0.0
        self.name = client.id
        self.n_workers, self.n_threads = len(threads), min(threads.values())

    def put(self, value: Any, worker: int) -> Future:
        """Send a value to a worker directly, not through the scheduler."""
        place = self._place(worker)
        with _losses():
            try:
                [future] = self.client.scatter([value], workers=[place], direct=True, hash=False)
            except OSError as error:  # also if it is gone already
                raise LostError(f"the worker {place} does not answer: {error}") from error
        return future

    def run(self, function: Callable[..., Any], *arguments: Any, worker: int) -> Future:
        """Run a function on a worker."""
        return self.client.submit(
            function,
            *arguments,
            key=f"{function.__name__}-{uuid.uuid4().hex}",
            workers=[self._place(worker)],
            allow_other_workers=False,  # an idle worker must not steal the task either
            pure=False,
        )

    def fetch(self, handles: Sequence[Future]) -> list[Any]:
        """Wait for values and return them, directly from the workers if these can be reached."""
        import asyncio  # every training would wait for it, and Dask has imported it already

        self._is_checked = False
        with _losses():
            self._wait_for(handles)
            coming = asyncio.run_coroutine_threadsafe(self._gather(handles), self.client.loop.asyncio_loop)
            try:
                while True:
                    done, _ = concurrent.futures.wait([coming], _LOOK_EVERY)
                    if done:
                        return coming.result()
                    self._check_places()
            finally:
                coming.cancel()
                del coming  # its exception keeps this frame, and so the handles of tasks that nobody will run

    def _wait_for(self, handles: Sequence[Future]) -> None:
        """Wait until all tasks have ended or one has failed.

        To ask for the state, again and again, keeps no task alive. Dask's own ways to wait do, and so would keep the
        arguments of a task whose worker is gone.
        """
        looked, pause = time.perf_counter(), _LEAST_PAUSE
        while True:
            states = {handle.status for handle in handles}
            if not states & {"pending", "lost"} or states & {"error", "cancelled"}:
                return
            time.sleep(pause)
            pause = min(2 * pause, _MOST_PAUSE)
            if time.perf_counter() - looked > _LOOK_EVERY:
                self._check_places()
                looked = time.perf_counter()

    async def _gather(self, handles: Sequence[Future]) -> list[Any]:
        found: list[Any] = await self.client.gather(list(handles), direct=True, asynchronous=True)
        return found

    def names(self) -> set[str]:
        """Return the ids of the clients that are connected to the cluster."""
        return set(self.client.run_on_scheduler(_clients_of))

    def tidy(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Run a function in every worker process, if the cluster still exists."""
        with suppress(Exception):  # leftovers do no harm, and an earlier error matters more
            self.client.run(function, *arguments, on_error="ignore")

    def look(self) -> set[str]:
        """Return the living workers; raise ClusterError if all earlier ones are gone, or one cannot go on.

        If all are gone, there is nothing left to continue from.
        """
        try:
            found = set(self.client.nthreads())
            self._check_stalled()
        except OSError as error:
            raise ClusterError(f"the scheduler of the cluster was lost: {CONTINUE}") from error
        if not self._alive & found:
            raise ClusterError(ALL_LOST)
        self._alive = found
        return found

    def _check_stalled(self) -> None:
        """Raise ClusterError if a worker has been paused without running anything for long: nobody frees its tables."""
        now = time.perf_counter()
        if now < self._next_check:
            return
        self._next_check = now + STALLED_SECONDS / 10
        stalled = {
            address
            for address, about in self.client.scheduler_info(n_workers=-1)["workers"].items()
            if about["status"] == "paused" and not about["metrics"].get("task_counts", {}).get("executing")
        }
        self._stalled = {address: self._stalled.get(address, now) for address in stalled}
        for address, since in self._stalled.items():
            if now - since > STALLED_SECONDS:
                raise ClusterError(
                    f"the worker {address} has used so much of its memory that Dask gives it no more tasks: start it "
                    "with a higher --memory-limit, or train fewer words (--max-vocab) or columns (--vector-size)"
                )

    def _check_places(self) -> None:
        """Raise LostError if a worker with tasks is gone."""
        gone = set(self._places) - self.look()
        if gone:
            raise LostError(f"the worker {min(gone)} is gone")

    def _place(self, worker: int) -> str:
        """Return the address of a worker; a new worker replaces a lost one."""
        if not self._is_checked:
            known = self.look()
            before = set(self._homes)
            free = sorted(known - before)
            self._homes = [home if home in known or not free else free.pop(0) for home in self._homes]
            if added := sorted(set(self._homes) - before):
                check_workers(self.client, added)
            left = sorted(known & set(self._homes))
            self._places = [
                home if home in known else left[number % len(left)] for number, home in enumerate(self._homes)
            ]
            self._is_checked = True
        return self._places[worker]


def _clients_of(dask_scheduler: Any) -> list[str]:
    """Return the ids of the clients of a scheduler.

    Dask pickles a lambda with its bytecode, which another version of Python cannot run.
    """
    return list(dask_scheduler.clients)


@contextmanager
def _losses() -> Iterator[None]:
    """Turn Dask's errors about lost workers into LostError."""
    from distributed import KilledWorker
    from distributed.comm import CommClosedError

    try:
        yield
    except (KilledWorker, concurrent.futures.CancelledError, CommClosedError) as error:
        raise LostError(str(error)) from error


@contextmanager
def open_engine(client: str | Client | InProcess, tell: Callable[[str], None]) -> Iterator[Engine]:
    """Yield an engine for a cluster, see `open_client`, and pass `tell` a description of it."""
    if isinstance(client, InProcess):
        yield client
        return
    with open_client(client) as opened:
        tell(describe(opened))
        yield DaskEngine(opened)
