"""What a distributed algorithm needs of a cluster, three calls and one at the end, and an engine that is this process.

Functions that are run are pure: what they return depends on their arguments alone, so that they can be run again where
a worker was lost. What they return stays on the worker, and goes from there to the workers whose functions take it.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any, Protocol

Handle = Any
"""Stands for a value on a worker; it may be dropped once the handle is."""


class Engine(Protocol):
    """Runs pure functions on numbered workers."""

    n_workers: int
    n_threads: int  # that a function may use

    def put(self, value: Any, worker: int) -> Handle:
        """Send a value to a worker."""

    def run(self, function: Callable[..., Any], *arguments: Any, worker: int) -> Handle:
        """Run a function on a worker, or, if that one was lost, on another; handles and lists of them are resolved."""

    def fetch(self, handles: Sequence[Handle]) -> list[Any]:
        """Wait for values and bring them here; what a function raised is raised."""

    def tidy(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Run a function once in every process of a worker that is left, whatever else it does, at the end of a job."""


class LostError(RuntimeError):
    """A value is gone with its worker, and so is what it could be computed from."""


class _Value:
    """A value, the workers that hold it, and how it was made; what it was made of is not kept alive."""

    def __init__(self, function: Callable[..., Any], arguments: Sequence[Any]) -> None:
        self.function, self.arguments = function, [_weakly(argument) for argument in arguments]
        self.holders: set[int] = set()
        self.value: Any = None


class InProcess:
    """Workers that take turns in this process: for tests, and to simulate what a cluster learns.

    `kill` takes from a worker all that only it holds; as in a cluster, it is computed again when it is needed.

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
        return self.run(_same, value, worker=worker)

    def run(self, function: Callable[..., Any], *arguments: Any, worker: int) -> _Value:
        """Run a function on a worker."""
        made = _Value(function, arguments)
        self._values.add(made)
        made.value = function(*(self._resolved(argument, worker) for argument in arguments))
        made.holders = {worker}
        return made

    def fetch(self, handles: Sequence[_Value]) -> list[Any]:
        """Return values; one that was lost is computed again."""
        return [self._value(handle, 0) for handle in handles]

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
        value = self._value(argument, worker)
        argument.holders.add(worker)
        return value

    def _value(self, handle: _Value, worker: int) -> Any:
        if not handle.holders:
            arguments = [_strongly(argument) for argument in handle.arguments]
            handle.value = handle.function(*(self._resolved(argument, worker) for argument in arguments))
            handle.holders = {worker}
        return handle.value


def _same(value: Any) -> Any:
    return value


def _weakly(argument: Any) -> Any:
    if isinstance(argument, list):
        return [_weakly(each) for each in argument]
    return weakref.ref(argument) if isinstance(argument, _Value) else argument


def _strongly(argument: Any) -> Any:
    if isinstance(argument, list):
        return [_strongly(each) for each in argument]
    if not isinstance(argument, weakref.ref):
        return argument
    value = argument()
    if value is None:
        raise LostError("a value was lost with its worker, and what it was made of is gone")
    return value
