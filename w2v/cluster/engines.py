"""The interface of distributed algorithms to a cluster, and an engine that runs in this process.

A function runs only on the worker chosen for it, so it finds the state of that worker's process. Its result stays
there, and moves directly to workers whose functions take it as an argument. If a worker is lost, pending results are
lost too, but not the state of other processes, from which the caller continues: see `persevere`.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from w2v.cluster.clients import ClusterError

Handle = Any
"""A reference to a value on a worker, which may be freed when the handle is."""
_Result = TypeVar("_Result")
_LOSSES = 5
CONTINUE = (
    "if there is a checkpoint, continue from it (w2v train --cluster ADDRESS --resume MODEL, or Word2Vec.load and "
    "resume(client=))"
)
ALL_LOST = (
    "all workers were lost at once, and the tables with them: read their logs, and start them with a higher "
    f"--memory-limit if they lacked memory; {CONTINUE}"
)


class Engine(Protocol):
    """Runs functions on numbered workers."""

    n_workers: int
    n_threads: int  # threads available to a function
    name: str  # of this client among those of the cluster

    def put(self, value: Any, worker: int) -> Handle:
        """Send a value to a worker."""

    def run(self, function: Callable[..., Any], *arguments: Any, worker: int) -> Handle:
        """Run a function on a worker; handles and lists of them are resolved."""

    def fetch(self, handles: Sequence[Handle]) -> list[Any]:
        """Wait for values and return them; raise a function's exception, or `LostError` after a loss."""

    def names(self) -> set[str]:
        """Return the names of all clients that are connected to the cluster."""

    def tidy(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Run a function once in every living worker process, even a busy one; errors are ignored."""


class LostError(RuntimeError):
    """A worker was lost with its state, or a process lacks the requested state."""


def persevere(work: Callable[[], _Result], mend: Callable[[], None], *, is_whole: bool = True) -> _Result:
    """Return the result of `work`; if a worker is lost, call `mend` to restore its state, and try again.

    Raises ClusterError if workers are lost repeatedly.
    """
    for _ in range(_LOSSES):
        try:
            if not is_whole:
                mend()
            return work()
        except LostError:
            is_whole = False
    raise ClusterError(
        "workers died one after another at the same task, probably out of memory: give them more, or train fewer words "
        "(--max-vocab) or columns (--vector-size)"
    )


class _Value:
    """A value, and the workers that hold it."""

    def __init__(self, value: Any, worker: int) -> None:
        self.value, self.holders = value, {worker}


class InProcess:
    """Workers that take turns in this process, for tests and to simulate training on a cluster.

    `kill` drops all values that only one worker holds; the caller must drop any other state of this process.

    Parameters
    ----------
    n_workers : int
        Number of workers.
    n_threads : int, default 1
        Threads per worker.
    """

    name = "in-process"

    def __init__(self, n_workers: int, n_threads: int = 1) -> None:
        self.n_workers, self.n_threads = n_workers, n_threads
        self._values: weakref.WeakSet[_Value] = weakref.WeakSet()

    def put(self, value: Any, worker: int) -> _Value:
        """Send a value to a worker."""
        held = _Value(value, worker)
        self._values.add(held)
        return held

    def run(self, function: Callable[..., Any], *arguments: Any, worker: int) -> _Value:
        """Run a function on a worker."""
        return self.put(function(*(self._resolved(argument, worker) for argument in arguments)), worker)

    def fetch(self, handles: Sequence[_Value]) -> list[Any]:
        """Return the values."""
        return [_value_of(handle) for handle in handles]

    def names(self) -> set[str]:
        """Return the only name."""
        return {self.name}

    def tidy(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Run a function in this process."""
        function(*arguments)

    def kill(self, worker: int) -> None:
        """Lose a worker and replace it by one without state."""
        for value in self._values:
            value.holders.discard(worker)
            if not value.holders:
                value.value = None

    def _resolved(self, argument: Any, worker: int) -> Any:
        if isinstance(argument, list):
            return [self._resolved(each, worker) for each in argument]
        if not isinstance(argument, _Value):
            return argument
        value = _value_of(argument)
        argument.holders.add(worker)
        return value


def _value_of(handle: _Value) -> Any:
    if not handle.holders:
        raise LostError("a value was lost with its worker")
    return handle.value
