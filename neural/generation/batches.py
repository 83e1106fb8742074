"""Many sequences: those of about the same length together, by several threads, the results in their own order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from w2v.neural.packing import in_threads

_T = TypeVar("_T")


def in_batches(
    lengths: NDArray[np.integer[Any]], work: Callable[[NDArray[np.int64]], list[_T]], *, size: int, workers: int = 1
) -> list[_T]:
    """Return what `work` makes of every sequence.

    Parameters
    ----------
    lengths : ndarray of shape (n,), integers
    work : callable
        Given the numbers of some sequences, it returns a result for each of them. It is called by several threads.
    size : int
        Sequences of a batch at most. Memory grows with size · workers, not with n.
    workers : int, default 1
        Threads.
    """
    order = np.argsort(-lengths, kind="stable")  # the longest first: what is left at the end is short
    batches = [order[i : i + size] for i in range(0, len(order), size)]
    waiting = iter(batches)
    results: list[Any] = [None] * len(lengths)

    def run(worker: int) -> None:
        for batch in waiting:
            for number, result in zip(batch.tolist(), work(batch), strict=True):
                results[number] = result

    in_threads(run, min(workers, len(batches)))
    return results
