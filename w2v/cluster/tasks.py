"""Work on many files by the workers of a cluster: one task a file, the largest files first."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from w2v.cluster.clients import ClusterError
from w2v.corpora.files.remote import is_remote

if TYPE_CHECKING:
    from distributed import Client

POLL_SECONDS, LOOK_SECONDS, WAIT_SECONDS = 0.05, 5.0, 60.0
"""Between looks for complete files; between looks for workers; and for workers if there are none."""


class FileTask(Protocol):
    """A file to work on."""

    @property
    def input(self) -> str:
        """Its absolute path, or a URL."""

    @property
    def n_bytes(self) -> int:
        """Its size."""


Task = TypeVar("Task", bound=FileTask)
Result = TypeVar("Result")


def results_of(
    client: Client, work: Callable[[Task], Result], tasks: Sequence[Task], again: str
) -> Generator[tuple[Task, Result | str], None, None]:
    """Yield tasks with their results, as they come; a message instead of a result if the workers of a task died.

    Tasks that are not done when the generator is closed are cancelled.

    Parameters
    ----------
    client : Client
    work : callable
        Takes a task, on a worker.
    tasks : sequence of FileTask
    again : str
        What to do if the cluster is lost, for the message.

    Raises
    ------
    ClusterError
        If the scheduler is gone, or there are no workers for `WAIT_SECONDS`.
    Exception
        Whatever `work` raises.
    """
    largest_first = sorted(tasks, key=lambda task: -task.n_bytes)
    waiting = dict(zip(client.map(work, largest_first, pure=False), largest_first, strict=True))
    try:
        for future, result in _as_completed(client, list(waiting), again):
            task = waiting.pop(future)
            yield task, _checked(result, task, again)
    finally:
        client.cancel(list(waiting))


def check_that_all_see(client: Client, paths: list[str]) -> None:
    """Raise ClusterError unless every worker can read the paths."""
    for worker, missing in client.run(missing_here, paths).items():
        if missing:
            raise ClusterError(
                f"the worker {worker} cannot read {missing[0]}: encoder, files and output have to be on every machine "
                "under the same names, as on a network file system"
            )


def missing_here(paths: list[str]) -> list[str]:
    """Return the paths that cannot be read on this machine; URLs are not checked."""
    return [path for path in paths if not is_remote(path) and not os.access(path, os.R_OK)]


def _as_completed(client: Client, futures: list[Any], again: str) -> Iterator[tuple[Any, Any]]:
    """Yield futures with their results or exceptions, as they come."""
    from distributed import as_completed

    coming, looked = as_completed(futures, with_results=True, raise_errors=False), time.perf_counter()
    with_workers = looked
    while not coming.is_empty():
        if coming.has_ready():
            future, result = next(coming)
            yield future, future.exception() if future.status == "error" else result
            continue
        time.sleep(POLL_SECONDS)
        now = time.perf_counter()
        if now - looked < LOOK_SECONDS:
            continue
        looked = now
        try:
            with_workers = now if client.nthreads() else with_workers
        except OSError as error:
            raise ClusterError(f"the scheduler of the cluster was lost: {again}") from error
        if now - with_workers > WAIT_SECONDS:
            raise ClusterError(f"the cluster has no workers any more: start some, and {again}")


def _checked(result: Any, task: FileTask, again: str) -> Any:
    """Return the result of a task, or a message if the workers that ran it died; raise another exception."""
    from distributed import CancelledError, KilledWorker

    if isinstance(result, CancelledError):
        raise ClusterError(f"the cluster was lost: {again}") from result
    if isinstance(result, KilledWorker):
        return f"{task.input}: the workers that ran it died, possibly because they ran out of memory"
    if isinstance(result, BaseException):
        raise result
    return result
