"""Products of float32 matrices with a fixed order of summation.

A matrix W of shape (K, M) is packed into panels of PANEL columns, each with K + 1 rows of PANEL values: the bias, then
the rows of W. The last panel is padded with zeros. `multiply` keeps a tile of ROWS x PANEL sums in registers and adds
one row of the panel after another, so every sum is accumulated in the order of k, in its own lane. Row i of the result
therefore does not depend on the number of rows or on its tile. BLAS libraries make no such promise.

All arrays are flat and C-contiguous. Nothing is checked.
"""

from __future__ import annotations

import numpy as np

from w2v.kernels.jit import compiled, lean
from w2v.kernels.simd import (
    LANES,
    add_tile,
    fma_outer,
    load,
    load_vector,
    steps,
    store_tile,
    store_vector,
    take,
    transpose,
    zero_tile,
)

ROWS, COLUMNS = (12 if LANES == 16 else 6), 2
"""The tile: 24 accumulators in the 32 registers of AVX-512, 12 in the 16 of AVX2."""
HALF, MIDDLE = ROWS // 2, ROWS * 2 // 3
"""Rows of smaller tiles, so that a single row does not cost as much as twelve."""
PANEL = COLUMNS * LANES
BLOCK = 240
"""Rows that are multiplied with all panels before the next ones, so that they stay in the nearer caches."""

ASSIGN, ADD = np.bool_(False), np.bool_(True)
"""Whether `multiply` adds; the literals False and True have types of their own and would compile it twice more."""

_float32 = np.float32


@compiled
def packed_size(width, n_columns):
    """Return the number of values that `pack` writes for a matrix of shape (width, n_columns)."""
    return (n_columns + PANEL - 1) // PANEL * PANEL * (width + 1)


@lean
def _copy_line(values, at, n, panels, to):
    """Copy n values to a line of a panel, whose rest is filled up with zeros."""
    if n == PANEL:
        for c in range(0, PANEL, LANES):
            store_vector(panels, to + c, load_vector(values, at + c))
        return
    for c in range(n):
        panels[to + c] = values[at + c]
    for c in range(n, PANEL):
        panels[to + c] = _float32(0)


@compiled
def pack(weight, width, n_columns, bias, panels):
    """Write the panels of `weight`, shape (width, n_columns), and `bias`, shape (n_columns,), to `panels`."""
    at = 0
    for first in range(0, n_columns, PANEL):
        valid = min(PANEL, n_columns - first)
        _copy_line(bias, first, valid, panels, at)
        for k in range(width):
            at += PANEL
            _copy_line(weight, k * n_columns + first, valid, panels, at)
        at += PANEL


@compiled
def pack_transposed(weight, n_columns, width, panels):
    """Write the panels of the transpose of `weight`, shape (n_columns, width), with a zero bias."""
    at, whole = 0, width - width % LANES
    for first in range(0, n_columns, PANEL):
        for c in range(PANEL):
            panels[at + c] = _float32(0)
        at += PANEL
        for c in range(0, PANEL, LANES):
            column, valid = first + c, min(LANES, n_columns - first - c)
            if valid == LANES:
                rows = steps(column * width, width, LANES)
                for k in range(0, whole, LANES):
                    transpose(weight, rows, k, panels, at + k * PANEL + c, PANEL)
            for k in range(whole if valid == LANES else 0, width):
                for r in range(LANES):
                    value = weight[(column + r) * width + k] if r < valid else _float32(0)
                    panels[at + k * PANEL + c + r] = value
        at += width * PANEL


@lean
def copy_tile(scratch, n_rows, n_columns, out, at, stride, add):
    """Assign the first rows and columns of a tile, stored in rows of PANEL values, to out[at:], or add them."""
    for r in range(n_rows):
        for c in range(n_columns):
            value = scratch[r * PANEL + c]
            out[at + r * stride + c] = out[at + r * stride + c] + value if add else value


def _product_of(height):
    """Return a function that multiplies `height` rows of x, which start at `places`, by a panel."""

    @lean
    def product(x, places, width, panels, panel, one, add, out, at, stride):
        tile = fma_outer(zero_tile(height, COLUMNS), one, steps(0, 0, height), 0, panels, panel)
        rows, line = take(places, 0, height), panel + PANEL
        for k in range(width):
            tile = fma_outer(tile, x, rows, k, panels, line)
            line += PANEL
        if add:
            add_tile(tile, out, steps(at, stride, height), 0)
        else:
            store_tile(tile, out, steps(at, stride, height), 0)

    return product


_multiply_1, _multiply_2, _multiply_4 = map(_product_of, (1, 2, 4))
_multiply_half, _multiply_middle, _multiply_all = map(_product_of, (HALF, MIDDLE, ROWS))


@compiled
def multiply(x, n_rows, width, panels, n_columns, add, out):
    """Assign x W + b to `out`, or add it.

    Parameters
    ----------
    x : ndarray of shape (n_rows * width,), float32
    n_rows, width : int
    panels : ndarray, float32
        W, of shape (width, n_columns), and b; see `pack`.
    n_columns : int
    add : bool
        Whether to add to `out`: out = out + (b + x W).
    out : ndarray of shape (n_rows * n_columns,), float32
        Overwritten.
    """
    one, scratch, places = np.ones(1, np.float32), np.empty(ROWS * PANEL, np.float32), np.empty(ROWS, np.int64)
    for block in range(0, n_rows, BLOCK):
        stop = min(block + BLOCK, n_rows)
        for first in range(0, n_columns, PANEL):
            panel = first * (width + 1)
            for i in range(block, stop, ROWS):
                n, m, at = min(ROWS, stop - i), min(PANEL, n_columns - first), i * n_columns + first
                for r in range(ROWS):
                    places[r] = (i + min(r, n - 1)) * width
                if n == ROWS and m == PANEL:
                    _multiply_all(x, places, width, panels, panel, one, add, out, at, n_columns)
                    continue
                if n == 1:
                    _multiply_1(x, places, width, panels, panel, one, ASSIGN, scratch, 0, PANEL)
                elif n == 2:
                    _multiply_2(x, places, width, panels, panel, one, ASSIGN, scratch, 0, PANEL)
                elif n <= 4:
                    _multiply_4(x, places, width, panels, panel, one, ASSIGN, scratch, 0, PANEL)
                elif n <= HALF:
                    _multiply_half(x, places, width, panels, panel, one, ASSIGN, scratch, 0, PANEL)
                elif n <= MIDDLE:
                    _multiply_middle(x, places, width, panels, panel, one, ASSIGN, scratch, 0, PANEL)
                else:
                    _multiply_all(x, places, width, panels, panel, one, ASSIGN, scratch, 0, PANEL)
                copy_tile(scratch, n, m, out, at, n_columns, add)


@compiled
def add_outer_products(x, n_rows, width, dy, n_columns, out):
    """Add the outer products of the rows of x and dy, summed over the rows, to out.

    Parameters
    ----------
    x : ndarray of shape (n_rows * width,), float32
    n_rows, width : int
    dy : ndarray of shape (n_rows * n_columns,), float32
    n_columns : int
    out : ndarray of shape (width * n_columns,), float32
        Added to. NumPy equivalent: ``out += x.T @ dy``.
    """
    panel = np.empty(BLOCK * PANEL, np.float32)
    scratch = np.empty(ROWS * PANEL, np.float32)
    scratch_rows = steps(0, PANEL, ROWS)
    clamped = np.empty(ROWS, np.int64)
    for block in range(0, n_rows, BLOCK):
        count = min(BLOCK, n_rows - block)
        for first in range(0, n_columns, PANEL):
            valid = min(PANEL, n_columns - first)
            for i in range(count):
                at = (block + i) * n_columns + first
                for c in range(valid):
                    panel[i * PANEL + c] = load(dy, at + c)
                for c in range(valid, PANEL):
                    panel[i * PANEL + c] = _float32(0)
            for k in range(0, width, ROWS):
                if k + ROWS <= width:
                    rows = steps(block * width + k, 1, ROWS)
                else:
                    for r in range(ROWS):
                        clamped[r] = block * width + min(k + r, width - 1)
                    rows = take(clamped, 0, ROWS)
                tile = zero_tile(ROWS, COLUMNS)
                for i in range(count):
                    tile = fma_outer(tile, x, rows, i * width, panel, i * PANEL)
                if k + ROWS <= width and valid == PANEL:
                    add_tile(tile, out, steps(k * n_columns, n_columns, ROWS), first)
                else:
                    store_tile(tile, scratch, scratch_rows, 0)
                    copy_tile(scratch, min(ROWS, width - k), valid, out, k * n_columns + first, n_columns, ADD)


@compiled
def add_momentum(momentum, gradient, factor, x):
    """Assign momentum = factor * momentum + gradient and x = gradient + factor * momentum; matrices of any dtype."""
    for i in range(momentum.shape[0]):
        for j in range(momentum.shape[1]):
            m = momentum[i, j] * factor + gradient[i, j]
            momentum[i, j] = m
            x[i, j] = gradient[i, j] + factor * m


@compiled
def subtract_step(values, kept, size, step):
    """Assign values = kept * values - size * step, each operation rounded; matrices of any dtype."""
    for i in range(values.shape[0]):
        for j in range(values.shape[1]):
            values[i, j] = values[i, j] * kept - size * step[i, j]


@compiled
def orthogonalise(x, n_rows, width, polynomial, n_steps):
    """Iterate x = a x + (b s + c s s) x, where s = x x^T, in place; what Muon does to a matrix, in one call.

    Parameters
    ----------
    x : ndarray of shape (n_rows * width,), float32
        Overwritten.
    n_rows, width : int
    polynomial : ndarray of shape (3,), float32
        a, b and c.
    n_steps : int

    Notes
    -----
    Every operation is rounded as in NumPy: ``x = a * x + product(b * s + c * product(s, s), x)``.
    """
    a, b, c = polynomial
    s, s2 = np.empty(n_rows * n_rows, np.float32), np.empty(n_rows * n_rows, np.float32)
    y, nothing = np.empty(n_rows * width, np.float32), np.zeros(max(n_rows, width), np.float32)
    panels = np.empty(max(packed_size(n_rows, max(n_rows, width)), packed_size(width, n_rows)), np.float32)
    for _ in range(n_steps):
        pack_transposed(x, n_rows, width, panels)
        multiply(x, n_rows, width, panels, n_rows, ASSIGN, s)
        pack(s, n_rows, n_rows, nothing, panels)
        multiply(s, n_rows, n_rows, panels, n_rows, ASSIGN, s2)
        for i in range(s.size):
            s2[i] = b * s[i] + c * s2[i]
        pack(x, n_rows, width, nothing, panels)
        multiply(s2, n_rows, n_rows, panels, width, ASSIGN, y)
        for i in range(x.size):
            x[i] = a * x[i] + y[i]
