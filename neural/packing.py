"""Packed sequences without padding, whose starts are in `offsets`, and their distribution over threads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from w2v.neural.parameters import ParameterTable

_T = TypeVar("_T")


class Packed(NamedTuple):
    """Concatenated sequences of ids.

    Attributes
    ----------
    ids : ndarray of shape (N,), integers
    offsets : ndarray of shape (B + 1,), int64
        Start of each sequence; the last is N.
    """

    ids: NDArray[np.integer[Any]]
    offsets: NDArray[np.int64]

    @classmethod
    def of(cls, sequences: Iterable[Sequence[int] | NDArray[np.integer[Any]]]) -> Packed:
        """Pack sequences."""
        arrays = [np.asarray(sequence, np.int32) for sequence in sequences]
        offsets = np.cumsum([0, *map(len, arrays)], dtype=np.int64)
        return cls(np.concatenate([np.empty(0, np.int32), *arrays]), offsets)

    @property
    def n_sequences(self) -> int:
        """B, the number of sequences."""
        return len(self.offsets) - 1

    def part(self, first: int, last: int) -> Packed:
        """Return the sequences first … last − 1, without copying their ids."""
        offsets = self.offsets[first : last + 1]
        return Packed(self.ids[offsets[0] : offsets[-1]], offsets - offsets[0])

    def take(self, which: NDArray[np.int64]) -> Packed:
        """Return some of the sequences, in the order of `which`."""
        offsets, places = take_sequences(self.offsets, which)
        return Packed(self.ids[places], offsets)


def take_sequences(offsets: NDArray[np.int64], which: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the offsets of some of the sequences, in the order of `which`, and the indices of their tokens."""
    starts, lengths = offsets[which], offsets[which + 1] - offsets[which]
    own = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return own, np.arange(own[-1]) + np.repeat(starts - own[:-1], lengths)


def check_offsets(offsets: NDArray[np.int64], n_rows: int) -> None:
    """Raise ValueError unless `offsets` divides `n_rows` rows into sequences."""
    if offsets.ndim != 1 or offsets.dtype != np.int64 or not len(offsets):
        raise ValueError("offsets must be int64, of shape (number of sequences + 1,)")
    if offsets[0] != 0 or offsets[-1] != n_rows or (np.diff(offsets) < 0).any():
        raise ValueError(f"offsets must rise from 0 to the number of rows, {n_rows}")


def divide(offsets: NDArray[np.int64], n_parts: int) -> list[tuple[int, int]]:
    """Return at most `n_parts` ranges of sequences, none empty, with about equally many tokens."""
    n_sequences = len(offsets) - 1
    targets = np.arange(1, n_parts) * (offsets[-1] / n_parts)
    borders = [0, *np.searchsorted(offsets, targets).tolist(), n_sequences]
    return [(first, last) for first, last in zip(borders[:-1], borders[1:], strict=True) if first < last]


def in_threads(work: Callable[[int], _T], n: int) -> list[_T]:
    """Return [work(0), …, work(n − 1)], each computed in its own thread, the first in the calling thread."""
    if n <= 1:
        return [work(i) for i in range(n)]
    with ThreadPoolExecutor(n - 1) as pool:
        others: Sequence[Any] = [pool.submit(work, i) for i in range(1, n)]
        return [work(0), *(other.result() for other in others)]


def add_parts(
    parts: Sequence[_T], totals: Sequence[ParameterTable], add: Callable[[_T, ParameterTable], tuple[float, float]]
) -> tuple[float, float]:
    """Add the gradients of all parts of a batch to totals[0], with one thread for each of `totals`.

    Parameters
    ----------
    parts : sequence
    totals : sequence of ParameterTable
        All but the first must be zero, and are zero again at the end.
    add : callable
        Adds the gradients of a part to a table; returns the part's sums of two losses.

    Returns
    -------
    (float, float)
        The sums over all parts.
    """
    n_workers = min(len(totals), len(parts))

    def work(worker: int) -> list[tuple[float, float]]:
        return [add(part, totals[worker]) for part in parts[worker::n_workers]]

    found = np.array([losses for own in in_threads(work, n_workers) for losses in own]).reshape(-1, 2)
    for other in totals[1:n_workers]:
        totals[0].flat += other.flat
        other.flat[:] = 0
    first, second = found.sum(axis=0).tolist()
    return first, second
