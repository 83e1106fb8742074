"""Products of bytes: four of them are multiplied and added up at once, in lanes of 32 bits.

A tile holds int32 here, in the registers that hold float32 elsewhere; `from_integers` turns it into float32.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from w2v.kernels.simd.emission import (
    FEATURES,
    INT32,
    INTEGERS,
    LANES,
    ROUNDER,
    VECTOR,
    Tile,
    broadcast,
    call,
    data_of,
    plus,
    read,
    vector,
)

MIDDLE = 128
"""What `store_bytes` adds, so that bytes without a sign hold -127 .. 127."""
_BYTES = ir.VectorType(ir.IntType(8), 4 * LANES)
_INSTRUCTION = {16: "llvm.x86.avx512.vpdpbusd.512", 8: "llvm.x86.avx512.vpdpbusd.256", 4: ""}[LANES]
HAS_INSTRUCTION = bool({16: {"avx512vnni"}, 8: {"avxvnni"}, 4: set()}[LANES] & FEATURES)
"""Whether this processor multiplies and adds four bytes in one instruction, four times as fast as float32."""


def _dot_bytes(b, total, left, right):
    """Return total + the sum of four products in each lane: bytes without a sign times bytes with one."""
    if HAS_INSTRUCTION:
        return call(b, _INSTRUCTION, INTEGERS, total, left, right)
    left, right = b.bitcast(left, _BYTES), b.bitcast(right, _BYTES)
    for i in range(4):
        every_fourth = ir.Constant(INTEGERS, list(range(i, 4 * LANES, 4)))
        factors = (b.shuffle_vector(x, x, every_fourth) for x in (left, right))
        total = b.add(total, b.mul(b.zext(next(factors), INTEGERS), b.sext(next(factors), INTEGERS)))
    return total


@intrinsic(prefer_literal=True)
def repeat_row(typing_context, rows, columns, array, start):
    """Return a Tile(rows, columns), every row of which is array[start : start + columns * LANES], bit for bit."""
    tile = Tile(rows.literal_value, columns.literal_value)

    def code(c, b, signature, arguments):
        data, value = data_of(c, b, signature.args[2], arguments[2]), c.get_constant_undef(signature.return_type)
        row = [read(b, data, plus(b, arguments[3], v * LANES)) for v in range(tile.columns)]
        for i in range(tile.rows * tile.columns):
            value = b.insert_value(value, row[i % tile.columns], i)
        return value

    return tile(rows, columns, array, types.int64), code


@intrinsic
def dot_outer(typing_context, tile, a, a_rows, k, b_array, b_start):
    """Return tile[r, v] + a[a_rows[r] + k :][:4] * b[v], products of four bytes added up in every lane.

    `a` is of uint8. `b_array` is of float32, and b[v], which begins at b_start + v * LANES, holds the bits of four int8
    for each lane.
    """

    def code(c, b, signature, arguments):
        tile, a, a_rows, k, b_array, b_start = arguments
        rows, columns = signature.args[0].rows, signature.args[0].columns
        a_data, b_data = data_of(c, b, signature.args[1], a), data_of(c, b, signature.args[4], b_array)
        right = [b.bitcast(read(b, b_data, plus(b, b_start, v * LANES)), INTEGERS) for v in range(columns)]
        for r in range(rows):
            four = b.load(b.bitcast(b.gep(a_data, [b.add(b.extract_value(a_rows, r), k)]), INT32.as_pointer()))
            four.align = 1
            left = broadcast(b, four, INTEGERS)
            for v in range(columns):
                i = r * columns + v
                total = _dot_bytes(b, b.bitcast(b.extract_value(tile, i), INTEGERS), left, right[v])
                tile = b.insert_value(tile, b.bitcast(total, VECTOR), i)
        return tile

    return tile(tile, a, a_rows, types.int64, b_array, types.int64), code


@intrinsic
def from_integers(typing_context, tile, scales, rows, array, scale_at, bias_at):
    """Return scales[rows[r]] * (array[scale_at + v * LANES :][:LANES] * tile[r, v]) + array[bias_at + v * LANES :].

    `tile` holds int32, what is returned float32.
    """

    def code(c, b, signature, arguments):
        tile, scales, rows, array, scale_at, bias_at = arguments
        n_rows, n_columns = signature.args[0].rows, signature.args[0].columns
        scales, data = data_of(c, b, signature.args[1], scales), data_of(c, b, signature.args[3], array)
        factors, biases = (
            [read(b, data, plus(b, at, v * LANES)) for v in range(n_columns)] for at in (scale_at, bias_at)
        )
        for r in range(n_rows):
            scale = broadcast(b, b.load(b.gep(scales, [b.extract_value(rows, r)])))
            for v in range(n_columns):
                i = r * n_columns + v
                value = b.sitofp(b.bitcast(b.extract_value(tile, i), INTEGERS), VECTOR)
                value = b.fadd(b.fmul(scale, b.fmul(factors[v], value)), biases[v])
                tile = b.insert_value(tile, value, i)
        return tile

    return tile(tile, scales, rows, array, types.int64, types.int64), code


@intrinsic
def store_bytes(typing_context, array, i, x):
    """Assign array[i : i + LANES] = round(x) + MIDDLE, of an array of uint8; halves go to the even ones."""

    def code(c, b, signature, arguments):
        array, i, x = arguments
        # the sum has no bits left for a fraction, and its last ones are those of the whole number
        bits = b.bitcast(b.fadd(x, ir.Constant(VECTOR, [ROUNDER + MIDDLE] * LANES)), INTEGERS)
        place, small = b.gep(data_of(c, b, signature.args[0], array), [i]), ir.VectorType(ir.IntType(8), LANES)
        b.store(b.trunc(bits, small), b.bitcast(place, small.as_pointer())).align = 1
        return c.get_dummy_value()

    return types.void(array, types.int64, vector), code
