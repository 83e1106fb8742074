"""Arrays that live for a part of a step, in memory that is used again.

What the system hands out fresh it has to clear, page by page, while the program waits: for the large arrays of a layer
that takes longer than many a layer. Memory that an array and all its views have left is therefore kept for the next
array of about the same size. All begin on a cache line, so that no vector of the processor lies across two.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

_LINE = 64
_SMALL = 1 << 16  # bytes; below it the C library does the same
_MOST_IDLE = 1 << 28
_idle: dict[int, list[NDArray[np.uint8]]] = {}


class _Lease:
    """Memory that is given back when the last array in it has gone."""

    def __init__(self, size: int, shape: tuple[int, ...], typestr: str) -> None:
        # of the right size, or a little more: what is idle must not lie there while the same is asked for again
        step = 1 << (size.bit_length() - 4)
        first = -(-size // step) * step
        for self._size in (first, first + step, first + 2 * step, first + 3 * step, first):
            try:
                self._memory = _idle[self._size].pop()
                break
            except (KeyError, IndexError):
                continue
        else:
            self._memory = np.empty(first + _LINE, np.uint8)
        address = self._memory.__array_interface__["data"][0]
        self.__array_interface__ = {
            "version": 3, "shape": shape, "typestr": typestr, "data": (address + -address % _LINE, False)
        }  # fmt: skip

    def __del__(self) -> None:
        if sum(size * len(idle) for size, idle in list(_idle.items())) + self._size <= _MOST_IDLE:
            _idle.setdefault(self._size, []).append(self._memory)


def empty(shape: tuple[int, ...], dtype: Any = np.float32) -> NDArray[Any]:
    """Return an array of any values, as `numpy.empty` does."""
    kind = np.dtype(dtype)
    size = math.prod(shape) * kind.itemsize
    if size < _SMALL:
        return np.empty(shape, kind)
    return np.asarray(_Lease(size, shape, kind.str))
