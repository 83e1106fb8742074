"""Products of bytes in place of float32: about three times as fast where the processor has an instruction for them.

Each row of x is divided by its scale, max |x| / 127, and rounded; so is each column of W. The products of these whole
numbers are added up exactly, in int32, hence in any order, and are then scaled: row i of the result depends on x[i]
alone, on every processor.

`layers.matmul.pack_int8` packs a matrix W of shape (K, M) into panels of PANEL columns. A panel has rows of PANEL
values of 32 bits: first -128 times the sums of the columns as int32, since 128 is added to the bytes of x; then the
scales of the columns and the bias as float32; then, for each k = 0, 4, 8 .., four int8 of each column.

All arrays are flat and C-contiguous. Nothing is checked.
"""

from __future__ import annotations

import numpy as np

from w2v.kernels.jit import compiled
from w2v.kernels.simd import (
    LANES,
    add_tile,
    fma,
    load,
    load_vector,
    magnitude_of,
    most_of_lanes,
    splat,
    steps,
    store_tile,
    sum_lanes,
    take,
)
from w2v.kernels.simd.integers import MIDDLE, dot_outer, from_integers, repeat_row, store_bytes
from w2v.neural.kernels.products.matmul import ASSIGN, BLOCK, COLUMNS, HALF, PANEL, ROWS, copy_tile

__all__ = ["HEAD", "LARGEST", "MIDDLE", "PANEL", "SMALLEST", "multiply", "quantise", "stride_of"]

LARGEST = 127
SMALLEST = np.float32(1e-30)
"""Rows and columns without a larger value count as zero: 1 / scale would overflow."""
HEAD = 3
"""Rows of a panel before those of bytes."""
_float32 = np.float32


@compiled
def stride_of(width):
    """Return how many bytes a row takes: its width, rounded up to whole fours."""
    return (width + 3) // 4 * 4


@compiled
def quantise(x, n_rows, width, numbers, scales):
    """Round rows to bytes.

    Parameters
    ----------
    x : ndarray of shape (n_rows * width,), float32
    n_rows, width : int
    numbers : ndarray of shape (at least n_rows * stride_of(width),), uint8
        Overwritten with round(x / scale) + MIDDLE, halves to even ones.
    scales : ndarray of shape (at least n_rows,), float32
        Overwritten with max |x| / LARGEST of each row; NaN if the row is not finite, which bytes cannot say.
    """
    stride, whole = stride_of(width), width - width % LANES
    for r in range(n_rows):
        start, zero = r * width, splat(_float32(0))
        most, nothing = zero, zero
        for d in range(0, whole, LANES):
            part = load_vector(x, start + d)
            most, nothing = max(most, magnitude_of(part)), fma(part, zero, nothing)
        largest, damage = most_of_lanes(most), sum_lanes(nothing)
        for d in range(whole, width):
            value = load(x, start + d)
            largest, damage = max(largest, abs(value)), damage + value * _float32(0)
        scales[r] = largest / _float32(LARGEST) + damage
        factor = _float32(LARGEST) / largest if largest > SMALLEST else _float32(0)
        factors = splat(factor)
        for d in range(0, whole, LANES):
            store_bytes(numbers, r * stride + d, factors * load_vector(x, start + d))
        for d in range(whole, stride):
            value = load(x, start + d) * factor if d < width else _float32(0)
            numbers[r * stride + d] = np.uint8(np.rint(value) + _float32(MIDDLE))


def _product_of(height):
    """Return a function that multiplies `height` rows with a panel; their numbers begin at `places`."""

    @compiled
    def product(numbers, places, scales, rows, width, panels, panel, add, out, at, stride):
        total, own, line = repeat_row(height, COLUMNS, panels, panel), take(places, 0, height), panel + HEAD * PANEL
        for k in range(0, width, 4):
            total = dot_outer(total, numbers, own, k, panels, line)
            line += PANEL
        tile = from_integers(total, scales, take(rows, 0, height), panels, panel + PANEL, panel + 2 * PANEL)
        if add:
            add_tile(tile, out, steps(at, stride, height), 0)
        else:
            store_tile(tile, out, steps(at, stride, height), 0)

    return product


_multiply_half, _multiply_all = _product_of(HALF), _product_of(ROWS)


@compiled
def multiply(numbers, scales, n_rows, width, panels, n_columns, add, out):
    """Assign x W + b to out, or add it, for rows x that `quantise` rounded.

    Parameters
    ----------
    numbers : ndarray, uint8
    scales : ndarray, float32
        Those of the rows; see `quantise`.
    n_rows, width : int
    panels : ndarray, float32
        W, of shape (width, n_columns), and b; see `layers.matmul.pack_int8`.
    n_columns : int
    add : bool
        Whether to add to `out`: out = out + (b + x W).
    out : ndarray of shape (n_rows * n_columns,), float32
        Overwritten.
    """
    scratch, stride = np.empty(ROWS * PANEL, np.float32), stride_of(width)
    rows, places = np.empty(ROWS, np.int64), np.empty(ROWS, np.int64)
    for block in range(0, n_rows, BLOCK):
        stop = min(block + BLOCK, n_rows)
        for first in range(0, n_columns, PANEL):
            panel = first * (HEAD + stride // 4)
            for i in range(block, stop, ROWS):
                n, m, at = min(ROWS, stop - i), min(PANEL, n_columns - first), i * n_columns + first
                for r in range(ROWS):
                    rows[r] = i + min(r, n - 1)
                    places[r] = rows[r] * stride
                if n == ROWS and m == PANEL:
                    _multiply_all(numbers, places, scales, rows, width, panels, panel, add, out, at, n_columns)
                    continue
                if n <= HALF:
                    _multiply_half(numbers, places, scales, rows, width, panels, panel, ASSIGN, scratch, 0, PANEL)
                else:
                    _multiply_all(numbers, places, scales, rows, width, panels, panel, ASSIGN, scratch, 0, PANEL)
                copy_tile(scratch, n, m, out, at, n_columns, add)
