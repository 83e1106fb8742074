"""Temporary arrays for parts of a training step, in memory that is reused.

Fresh memory from the operating system is cleared page by page while the program waits; for the large arrays of a layer,
that takes longer than many layers. So memory that is no longer referenced by an array or its views is kept for the next
array of about the same size. All arrays start on a cache line, so that no SIMD vector crosses two.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

_LINE = 64
_SMALL = 1 << 16  # bytes; the C library reuses smaller arrays itself
_MOST_IDLE = 1 << 28
_idle: dict[int, list[NDArray[np.uint8]]] = {}


class _Lease:
    """Memory that is returned when the last array in it is deleted."""

    def __init__(self, size: int, shape: tuple[int, ...], typestr: str) -> None:
        # take memory of this size or a little more, so that idle memory is used first
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
    """Return an uninitialised array, like `numpy.empty`."""
    kind = np.dtype(dtype)
    size = math.prod(shape) * kind.itemsize
    if size < _SMALL:
        return np.empty(shape, kind)
    return np.asarray(_Lease(size, shape, kind.str))
