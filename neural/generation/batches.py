"""Process many sequences in batches of similar length, with several threads; results keep the original order."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from w2v.neural.packing import in_threads

_T = TypeVar("_T")

Tell = Callable[[int, int], None]
"""Takes how many sequences are done, and how many there are."""


def in_batches(
    lengths: NDArray[np.integer[Any]],
    work: Callable[[NDArray[np.int64]], list[_T]],
    *,
    size: int,
    workers: int = 1,
    tell: Tell | None = None,
) -> list[_T]:
    """Return the results of `work` for all sequences.

    Parameters
    ----------
    lengths : ndarray of shape (n,), integers
    work : callable
        Takes the indices of some sequences and returns one result for each. It is called from several threads.
    size : int
        Maximum number of sequences per batch. Memory grows with size · workers, not with n.
    workers : int, default 1
        Threads.
    tell : callable, optional
        Called when a batch is done, by one thread at a time.
    """
    order = np.argsort(-lengths, kind="stable")  # longest first, so that the threads finish at about the same time
    batches = [order[i : i + size] for i in range(0, len(order), size)]
    waiting = iter(batches)
    results: list[Any] = [None] * len(lengths)
    lock, n_done = threading.Lock(), 0

    def run(worker: int) -> None:
        nonlocal n_done
        for batch in waiting:
            for number, result in zip(batch.tolist(), work(batch), strict=True):
                results[number] = result
            with lock:
                n_done += len(batch)
                if tell is not None:
                    tell(n_done, len(lengths))

    in_threads(run, min(workers, len(batches)))
    return results
