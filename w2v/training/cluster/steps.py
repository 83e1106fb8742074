"""Steps of 8 bits: how far the rows of a table moved, the outer step that this makes together, and taking it.

A row becomes as many 8-bit integers and a scale, the smallest power of two that lets them hold it: what was rounded
once is not changed by rounding it again. Tables lie flat, S entries a row; `size` is S.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.encoding.stream import run_threads
from w2v.training.cluster.kernels import add_to_mean, round_moves, round_step, step_rows

_ROWS_AT_ONCE = 1 << 9  # their mean stays in the cache
_float32 = np.float32


class Steps(NamedTuple):
    """Rows of a table, rounded to 8 bits."""

    values: NDArray[np.int8]  # flat, S a row
    scales: NDArray[np.float32]  # of each row

    @classmethod
    def zeros(cls, n_rows: int, size: int) -> Steps:
        """Return rows of zeros."""
        return cls(np.zeros(n_rows * size, np.int8), np.zeros(n_rows, np.float32))

    @property
    def size(self) -> int:
        """S."""
        return len(self.values) // max(1, len(self.scales))

    @property
    def table(self) -> NDArray[np.float32]:
        """The rows as they were rounded, exactly; flat."""
        return np.multiply(self.values, np.repeat(self.scales, self.size), dtype=np.float32)

    def part(self, first: int, last: int) -> Steps:
        """Return a view of some of the rows."""
        return Steps(self.values[first * self.size : last * self.size], self.scales[first:last])


def moves_of(now: NDArray[np.float32], before: NDArray[np.float32], size: int, n_threads: int = 1) -> Steps:
    """Return how far rows moved."""
    found = Steps.zeros(len(now) // size, size)
    _in_parts(lambda first, last: round_moves(now, before, first, last, size, *found), len(found.scales), n_threads)
    return found


def outer_step(
    now: NDArray[np.float32],
    before: NDArray[np.float32],
    weight: float,
    others: Sequence[tuple[Steps, float]],
    momentum: Steps,
    decay: float,
    n_threads: int = 1,
) -> Steps:
    """Return the step that all workers take.

    Of the mean d of what this worker and the `others` moved, one at least, each with its weight, and the momentum m,
    the step is ``d + decay * (decay * m + d)``, that of Nesterov.
    """
    size, (other, share), more = momentum.size, others[0], others[1:]
    found = Steps.zeros(len(momentum.scales), size)
    factors = tuple(map(_float32, (weight, share, decay * decay / (1 + decay), 1 + decay)))

    def work(first: int, last: int) -> None:
        at_once = _ROWS_AT_ONCE if more else max(1, last - first)
        mean = np.empty(at_once * size if more else 0, np.float32)
        for start in range(first, last, at_once):
            stop = min(start + at_once, last)
            mean[:] = 0
            for steps, weight_of in more:
                add_to_mean(*steps, start, stop, size, _float32(weight_of), mean)
            round_step(now, before, tuple(other), mean, tuple(momentum), (start, stop, size), factors, tuple(found))

    _in_parts(work, len(found.scales), n_threads)
    return found


def take_step(
    now: NDArray[np.float32],
    before: NDArray[np.float32],
    momentum: Steps,
    steps: Steps,
    decay: float,
    n_threads: int = 1,
) -> None:
    """Move the rows `before` by a step, bring the momentum up to date, and let `now` be the same rows.

    The momentum follows from the step, ``(step + decay * m) / (1 + decay)``, so that no worker has to be told.
    """
    factors = _float32(1 / (1 + decay)), _float32(decay / (1 + decay))
    _in_parts(
        lambda first, last: step_rows(now, before, tuple(momentum), tuple(steps), (first, last, steps.size), factors),
        len(steps.scales),
        n_threads,
    )


def _in_parts(work: Callable[[int, int], None], n_rows: int, n_threads: int) -> None:
    """Let each thread work on its part of the rows."""
    if n_threads == 1:
        work(0, n_rows)
        return
    borders = [n_rows * thread // n_threads for thread in range(n_threads + 1)]
    run_threads(lambda thread: work(borders[thread], borders[thread + 1]), n_threads)
