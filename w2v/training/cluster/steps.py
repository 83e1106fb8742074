"""8-bit steps: the changes of rows of a table, the outer step computed from them, and applying it.

A row is stored as 8-bit integers and a scale, the smallest power of two at which they do not overflow. So rounding a
rounded row again does not change it. Tables are flat, with S entries per row; `size` is S.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.encoding.stream import run_threads
from w2v.training.cluster.kernels import add_to_mean, round_moves, round_step, step_rows

_ROWS_AT_ONCE = 1 << 9  # so few that their mean stays in the cache
_float32 = np.float32


class Steps(NamedTuple):
    """Rows of a table, rounded to 8 bits."""

    values: NDArray[np.int8]  # flat, S per row
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
        """The rounded rows, exactly, as a flat table: shape (rows * S,), float32."""
        return np.multiply(self.values, np.repeat(self.scales, self.size), dtype=np.float32)

    def part(self, first: int, last: int) -> Steps:
        """Return a view of some of the rows."""
        return Steps(self.values[first * self.size : last * self.size], self.scales[first:last])


def moves_of(now: NDArray[np.float32], before: NDArray[np.float32], size: int, n_threads: int = 1) -> Steps:
    """Return the changes of rows between two flat tables, both of shape (rows * size,)."""
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
    """Return the outer step for all workers.

    With d the weighted mean of the changes of this worker, from `before` to `now`, shape (rows * S,), and those of the
    `others`, at least one, and m the momentum, it is Nesterov's ``d + decay * (decay * m + d)``.
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
    """Add a step to the rows `before`, copy them to `now`, and update the momentum.

    Both tables are flat, shape (rows * S,), and overwritten. The new momentum follows from the step, ``(step + decay *
    m) / (1 + decay)``, so it need not be sent.
    """
    factors = _float32(1 / (1 + decay)), _float32(decay / (1 + decay))
    _in_parts(
        lambda first, last: step_rows(now, before, tuple(momentum), tuple(steps), (first, last, steps.size), factors),
        len(steps.scales),
        n_threads,
    )


def _in_parts(work: Callable[[int, int], None], n_rows: int, n_threads: int) -> None:
    """Run `work` on the rows, divided among the threads."""
    if n_threads == 1:
        work(0, n_rows)
        return
    borders = [n_rows * thread // n_threads for thread in range(n_threads + 1)]
    run_threads(lambda thread: work(borders[thread], borders[thread + 1]), n_threads)
