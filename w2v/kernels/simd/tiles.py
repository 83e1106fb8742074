"""Operations on tiles: the steps of products, and sums across lanes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from w2v.kernels.simd.emission import INTEGERS, LANES, Tile, broadcast, data_of, emit_fma, plus, read, vector, write


@intrinsic(prefer_literal=True)
def zero_tile(typing_context, rows, columns):
    """Return a Tile(rows, columns) of zeros; both are compile-time constants."""
    tile = Tile(rows.literal_value, columns.literal_value)

    def code(c, b, signature, arguments):
        return ir.Constant(c.get_value_type(signature.return_type), None)

    return tile(rows, columns), code


@intrinsic(prefer_literal=True)
def take(typing_context, array, i, n):
    """Return (array[i], ..., array[i + n - 1]); n is a compile-time constant."""

    def code(c, b, signature, arguments):
        base = data_of(c, b, signature.args[0], arguments[0])
        values = [b.load(b.gep(base, [plus(b, arguments[1], k)])) for k in range(n.literal_value)]
        return c.make_tuple(b, signature.return_type, values)

    return types.UniTuple(types.int64, n.literal_value)(array, types.int64, n), code


@intrinsic(prefer_literal=True)
def steps(typing_context, start, step, n):
    """Return (start, start + step, ..., start + (n - 1) * step); n is a compile-time constant."""

    def code(c, b, signature, arguments):
        values = [arguments[0]]
        for _ in range(n.literal_value - 1):
            values.append(b.add(values[-1], arguments[1]))
        return c.make_tuple(b, signature.return_type, values)

    return types.UniTuple(types.int64, n.literal_value)(types.int64, types.int64, n), code


@intrinsic
def fma_outer(typing_context, tile, a, a_rows, k, b_array, b_start):
    """Return tile[r, v] + a[a_rows[r] + k] * b_array[b_start + v * LANES :][:LANES], the step of every product."""

    def code(c, b, signature, arguments):
        tile, a, a_rows, k, b_array, b_start = arguments
        rows, columns = signature.args[0].rows, signature.args[0].columns
        a_data, b_data = data_of(c, b, signature.args[1], a), data_of(c, b, signature.args[4], b_array)
        right = [read(b, b_data, plus(b, b_start, v * LANES)) for v in range(columns)]
        for r in range(rows):
            left = broadcast(b, b.load(b.gep(a_data, [b.add(b.extract_value(a_rows, r), k)])))
            for v in range(columns):
                i = r * columns + v
                tile = b.insert_value(tile, emit_fma(b, left, right[v], b.extract_value(tile, i)), i)
        return tile

    return tile(tile, a, a_rows, types.int64, b_array, types.int64), code


@intrinsic
def fma_inner(typing_context, tile, a, a_rows, b_array, b_rows, d):
    """Return tile[r, c] + a[a_rows[r] + d :][:LANES] * b_array[b_rows[c] + d :][:LANES], the step of dot products."""

    def code(c, b, signature, arguments):
        tile, a, a_rows, b_array, b_rows, d = arguments
        rows, columns = signature.args[0].rows, signature.args[0].columns
        a_data = b.gep(data_of(c, b, signature.args[1], a), [d])
        b_data = b.gep(data_of(c, b, signature.args[3], b_array), [d])
        right = [read(b, b_data, b.extract_value(b_rows, column)) for column in range(columns)]
        for r in range(rows):
            left = read(b, a_data, b.extract_value(a_rows, r))
            for column in range(columns):
                i = r * columns + column
                tile = b.insert_value(tile, emit_fma(b, left, right[column], b.extract_value(tile, i)), i)
        return tile

    return tile(tile, a, a_rows, b_array, b_rows, types.int64), code


@intrinsic
def sum_tile(typing_context, tile):
    """Return the sum of the lanes of each of LANES vectors: that of tile[r, c] in lane r * columns + c."""

    def code(c, b, signature, arguments):
        vectors = [b.extract_value(arguments[0], i) for i in range(LANES)]
        for block in (1, 1, 4, 4):  # add neighbouring blocks of lanes, of two vectors at once
            n_blocks = min(4, LANES // block)
            if len(vectors) == 1 or n_blocks == 1:
                break
            even = [_even_block(lane, block, n_blocks) for lane in range(LANES)]
            low = ir.Constant(INTEGERS, even)
            high = ir.Constant(INTEGERS, [lane + block for lane in even])
            pairs = zip(vectors[::2], vectors[1::2], strict=True)
            vectors = [b.fadd(b.shuffle_vector(x, y, low), b.shuffle_vector(x, y, high)) for x, y in pairs]
        return vectors[0]

    return vector(tile), code


def _even_block(lane, block, n_blocks):
    """Return which lane of two vectors comes to `lane` if the even blocks of each run of n_blocks are put together."""
    run, at = divmod(lane, block * n_blocks)
    source = 2 * (at // block)  # counts through the blocks of the first vector's run, then of the second's
    beyond = LANES if source >= n_blocks else 0
    return beyond + run * block * n_blocks + source % n_blocks * block + at % block


def _tile_writer(combine: Callable[..., Any], description: str) -> Any:
    def put(typing_context, tile, c_array, c_rows, column):
        def code(c, b, signature, arguments):
            tile, c_array, c_rows, column = arguments
            rows, columns = signature.args[0].rows, signature.args[0].columns
            base = b.gep(data_of(c, b, signature.args[1], c_array), [column])
            for r in range(rows):
                for v in range(columns):
                    offset = plus(b, b.extract_value(c_rows, r), v * LANES)
                    write(b, base, offset, combine(b, base, offset, b.extract_value(tile, r * columns + v)))
            return c.get_dummy_value()

        return types.void(tile, c_array, c_rows, types.int64), code

    put.__doc__ = description
    return intrinsic(put)


store_tile = _tile_writer(
    lambda b, base, offset, value: value,
    "Assign c_array[c_rows[r] + column + v * LANES :][:LANES] = tile[r, v].",
)
add_tile = _tile_writer(
    # one row after the other, so that a row that occurs twice in c_rows receives both sums
    lambda b, base, offset, value: b.fadd(read(b, base, offset), value),
    "Add tile[r, v] to c_array[c_rows[r] + column + v * LANES :][:LANES].",
)


@intrinsic
def transpose(typing_context, a, a_rows, column, b_array, b_start, b_stride):
    """Assign b_array[b_start + i * b_stride + r] = a[a_rows[r] + column + i] for r, i < LANES = len(a_rows)."""

    def code(c, b, signature, arguments):
        a, a_rows, column, b_array, target, stride = arguments
        a_data, b_data = data_of(c, b, signature.args[0], a), data_of(c, b, signature.args[3], b_array)
        rows = [read(b, a_data, b.add(b.extract_value(a_rows, r), column)) for r in range(LANES)]
        bit = 1
        while bit < LANES:  # a butterfly: exchange this bit of the row number with that of the lane number
            low = ir.Constant(INTEGERS, [LANES + (i ^ bit) if i & bit else i for i in range(LANES)])
            high = ir.Constant(INTEGERS, [LANES + i if i & bit else i | bit for i in range(LANES)])
            for r in range(LANES):
                if not r & bit:
                    pair = rows[r], rows[r | bit]
                    rows[r], rows[r | bit] = b.shuffle_vector(*pair, low), b.shuffle_vector(*pair, high)
            bit *= 2
        for row in rows:
            write(b, b_data, target, row)
            target = b.add(target, stride)
        return c.get_dummy_value()

    return types.void(a, a_rows, types.int64, b_array, types.int64, types.int64), code
