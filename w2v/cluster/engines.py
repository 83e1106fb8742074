"""What a distributed algorithm needs of a cluster, three calls and one at the end, and an engine that is this process.

A function runs on the worker that it was meant for and on no other, so that it finds what that worker's process keeps.
What it returns stays there, and goes from there to the workers whose functions take it. Where a worker is lost, what
was asked for since is lost too, but not what other processes keep: whoever asked goes on from there, see `persevere`.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from w2v.cluster.clients import ClusterError

Handle = Any
"""Stands for a value on a worker; it may be dropped once the handle is."""
_Result = TypeVar("_Result")
_LOSSES = 5
ALL_LOST = (
    "all workers were lost at once, and the tables with them: go on from the last checkpoint (w2v train --resume, "
    "Word2Vec.load and resume)"
)


class Engine(Protocol):
    """Runs functions on numbered workers."""

    n_workers: int
    n_threads: int  # that a function may use

    def put(self, value: Any, worker: int) -> Handle:
        """Send a value to a worker."""

    def run(self, function: Callable[..., Any], *arguments: Any, worker: int) -> Handle:
        """Run a function on a worker; handles and lists of them are resolved."""

    def fetch(self, handles: Sequence[Handle]) -> list[Any]:
        """Wait for values and bring them here; what a function raised is raised, and `LostError` after a loss."""

    def tidy(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Run a function once in every process of a worker that is left, whatever else it does, at the end of a job."""


class LostError(RuntimeError):
    """A worker is gone with what it kept, or a process does not keep what it is asked for."""


def persevere(work: Callable[[], _Result], mend: Callable[[], None], *, is_whole: bool = True) -> _Result:
    """Return what `work` does, which is done again where a worker was lost, once `mend` made good what was lost.

    ClusterError if workers are lost again and again.
    """
    for _ in range(_LOSSES):
        try:
            if not is_whole:
                mend()
            return work()
        except LostError:
            is_whole = False
    raise ClusterError(
        "workers died one after another at the same task, as they do without memory: give them more, or fewer words "
        "(--max-vocab) or columns (--vector-size)"
    )


class _Value:
    """A value, and the workers that hold it."""

    def __init__(self, value: Any, worker: int) -> None:
        self.value, self.holders = value, {worker}


class InProcess:
    """Workers that take turns in this process: for tests, and to simulate what a cluster learns.

    `kill` takes from a worker all that only it holds; what this process keeps besides is for the caller to drop.

    Parameters
    ----------
    n_workers : int
        How many workers there are.
    n_threads : int, default 1
        Threads of each.
    """

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
        """Return values."""
        return [_value_of(handle) for handle in handles]

    def tidy(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Run a function in this process."""
        function(*arguments)

    def kill(self, worker: int) -> None:
        """Lose a worker, and let another one without memories take its number."""
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
        raise LostError("a value is gone with its worker")
    return handle.value
