"""An engine of Dask: pure tasks, whose results stay on the workers and travel from one to another."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from w2v.cluster.clients import ClusterError, describe, open_client
from w2v.cluster.engines import Engine, InProcess

if TYPE_CHECKING:
    from distributed import Client, Future


_LOOK_EVERY = 5.0
"""Seconds between two looks whether there are workers, while results are waited for."""


class DaskEngine:
    """Runs functions on the workers of a Dask cluster, whose number stays as it is at the start.

    A worker that joins takes the place of one that was lost; until one does, those that are left do its work. Dask runs
    tasks again whose results were lost.
    """

    def __init__(self, client: Client) -> None:
        self.client = client
        threads: dict[str, int] = client.nthreads()
        self._places, self._is_checked, self._alive = sorted(threads), True, set(threads)
        self.n_workers, self.n_threads = len(threads), min(threads.values())

    def put(self, value: Any, worker: int) -> Future:
        """Send a value to a worker, not by way of the scheduler."""
        [future] = self.client.scatter([value], workers=[self._place(worker)], direct=True, hash=False)
        return future

    def run(self, function: Callable[..., Any], *arguments: Any, worker: int) -> Future:
        """Run a function on a worker, or, if that one was lost, on another."""
        return self.client.submit(
            function,
            *arguments,
            key=f"{function.__name__}-{uuid.uuid4().hex}",
            workers=[self._place(worker)],
            allow_other_workers=True,
            pure=False,
        )

    def fetch(self, handles: Sequence[Future]) -> list[Any]:
        """Wait for values and bring them here, from the workers themselves where they can be reached."""
        from distributed import KilledWorker, wait
        from distributed.client import FutureCancelledError, FuturesCancelledError
        from distributed.comm import CommClosedError

        self._is_checked = False
        try:
            while True:
                try:
                    wait(list(handles), timeout=_LOOK_EVERY)
                    break
                except TimeoutError:
                    self.look()
            found: list[Any] = self.client.gather(list(handles), direct=True)
        except KilledWorker as error:
            raise ClusterError(
                f"workers died one after another at the same task ({error.task}), as they do without memory: give them "
                "more, or fewer words (--max-vocab) or columns (--vector-size)"
            ) from error
        except (FutureCancelledError, FuturesCancelledError, CommClosedError) as error:
            raise ClusterError(f"the cluster was lost: {error}") from error
        return found

    def tidy(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Run a function in every worker's process, if the cluster is still there."""
        with suppress(Exception):  # what is left behind harms nobody, and an error before it is worth more
            self.client.run(function, *arguments, on_error="ignore")

    def look(self) -> set[str]:
        """Return the workers that are left; ClusterError if all that were there before are gone.

        Nothing is left to go on from then, and Dask would wait forever for tasks that were meant for the old ones.
        """
        found = set(self.client.nthreads())
        if not self._alive & found:
            raise ClusterError(
                "all workers were lost at once, and the tables with them: go on from the last checkpoint (w2v train "
                "--resume, Word2Vec.load and resume)"
            )
        self._alive = found
        return found

    def _place(self, worker: int) -> str:
        """Return the address of a worker; one that is new takes the place of one that is gone."""
        if not self._is_checked:
            known = self.look()
            free = sorted(known - set(self._places))
            self._places = [place if place in known or not free else free.pop(0) for place in self._places]
            self._is_checked = True
        return self._places[worker]


@contextmanager
def open_engine(client: str | Client | InProcess, tell: Callable[[str], None]) -> Iterator[Engine]:
    """Return what runs tasks on a cluster, see `open_client`, and tell in one line what it has."""
    if isinstance(client, InProcess):
        yield client
        return
    with open_client(client) as opened:
        tell(describe(opened))
        yield DaskEngine(opened)
