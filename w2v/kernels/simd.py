"""An explicit SIMD vector type for Numba.

LLVM alone does not keep a block of accumulators in registers, and BLAS reaches less than half of the machine's peak on
matrices as small as a chunk of word vectors. So the hot loops use two Numba types, which exist only inside compiled
functions:

`vector`
    LANES float32 numbers in one register: 16 with AVX-512, 8 with AVX, else 4 (SSE2, NEON).
`Tile(rows, columns)`
    rows x columns vectors: a block of rows x (columns * LANES) elements of a matrix, held in registers.

A matrix product is then three lines::

    tile = zero_tile(ROWS, COLUMNS)
    for k in range(K):  # tile[r, v] += a[a_rows[r] + k] * b[k * stride + v * LANES :][:LANES]
        tile = fma_outer(tile, a, a_rows, k, b, k * stride)
    store_tile(tile, c, c_rows, 0)

where `a_rows` and `c_rows` are tuples of ROWS offsets from `take` or `steps`. All arrays are flat, C-contiguous float32
(int64 for lists of offsets), and offsets count elements. Nothing here checks bounds or wraps negative indices.
Unaligned access is allowed.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic, models, overload, register_model


def _host_lanes() -> int:
    """Return the lanes of the widest float32 register that Numba uses, by NUMBA_CPU_FEATURES if set."""
    if config.CPU_FEATURES is not None:
        features = {flag[1:] for flag in config.CPU_FEATURES.split(",") if flag.startswith("+")}
    else:
        features = {flag for flag, on in llvm.get_host_cpu_features().items() if on}
    return 16 if "avx512f" in features else 8 if "avx" in features else 4


LANES = _host_lanes()
"""Number of float32 values in a vector on this host."""

TILE_ROWS, TILE_COLUMNS = 6, 2
"""The tile of every product: 12 accumulators, 2 operands and 1 broadcast fit the 16 registers of AVX2."""

_FLOAT, _INT32, _INT64 = ir.FloatType(), ir.IntType(32), ir.IntType(64)
_BYTES = ir.IntType(8).as_pointer()
_VECTOR = ir.VectorType(_FLOAT, LANES)
_INTEGERS = ir.VectorType(_INT32, LANES)
_MANTISSA_BITS, _EXPONENT_BIAS, _ROUNDER = 23, 127, 1.5 * 2**23


class _VectorType(types.Type):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__(name=f"float32x{LANES}")


class Tile(types.Type):  # type: ignore[misc]
    """A block of `rows` x `columns` vectors as one value."""

    def __init__(self, rows: int, columns: int) -> None:
        self.rows, self.columns = rows, columns
        super().__init__(name=f"tile{rows}x{columns}x{LANES}")


vector = _VectorType()


@register_model(_VectorType)
class _VectorModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager, numba_type):
        super().__init__(manager, numba_type, _VECTOR)


@register_model(Tile)
class _TileModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager, numba_type):
        super().__init__(manager, numba_type, ir.ArrayType(_VECTOR, numba_type.rows * numba_type.columns))


# Code generation: c is Numba's context, b LLVM's builder.


def _data(c, b, array_type, array):
    return c.make_array(array_type)(c, b, array).data


def _read(b, base, offset):
    value = b.load(b.bitcast(b.gep(base, [offset]), _VECTOR.as_pointer()))
    value.align = 4
    return value


def _write(b, base, offset, value):
    b.store(value, b.bitcast(b.gep(base, [offset]), _VECTOR.as_pointer())).align = 4


def _broadcast(b, scalar, vector_type=_VECTOR):
    undefined = ir.Constant(vector_type, ir.Undefined)
    first = b.insert_element(undefined, scalar, ir.Constant(_INT32, 0))
    return b.shuffle_vector(first, undefined, _all(0))


def _call(b, name, return_type, *arguments):
    signature = ir.FunctionType(return_type, [argument.type for argument in arguments])
    return b.call(cgutils.get_or_insert_function(b.module, signature, name), arguments)


def _fma(b, x, y, z):
    # fmuladd instead of fma: the same instruction if the processor has it, and otherwise no libm call for every lane
    return _call(b, f"llvm.fmuladd.v{LANES}f32", _VECTOR, x, y, z)


def _all(n):
    return ir.Constant(_INTEGERS, [n] * LANES)


def _plus(b, offset, n):
    return b.add(offset, ir.Constant(offset.type, n))


# Vectors.


@intrinsic
def load(typing_context, array, i):
    """Return array[i] without checking for a negative index."""

    def code(c, b, signature, arguments):
        return b.load(b.gep(_data(c, b, signature.args[0], arguments[0]), [arguments[1]]))

    return array.dtype(array, types.int64), code


@intrinsic
def load_vector(typing_context, array, i):
    """Return array[i : i + LANES]."""

    def code(c, b, signature, arguments):
        return _read(b, _data(c, b, signature.args[0], arguments[0]), arguments[1])

    return vector(array, types.int64), code


@intrinsic
def load_widened(typing_context, array, i):
    """Return array[i : i + LANES] as float32; the array holds float32, int8, or the bits of finite float16 values.

    float16 is passed as uint16, because Numba supports it only on GPUs.
    """
    bits = {types.float32: 32, types.uint16: 16, types.int8: 8}[array.dtype]

    def code(c, b, signature, arguments):
        place = b.gep(_data(c, b, signature.args[0], arguments[0]), [arguments[1]])
        if bits == 32:
            return _read(b, place, ir.Constant(_INT64, 0))
        stored = b.load(b.bitcast(place, ir.VectorType(ir.IntType(bits), LANES).as_pointer()))
        stored.align = bits // 8
        integers = b.sext(stored, _INTEGERS)
        if bits == 8:
            return b.sitofp(integers, _VECTOR)
        # move sign, exponent and fraction to their places in float32; the exponent's bias is then off by 112
        moved = b.shl(integers, _all(13))
        kept = b.and_(moved, _all(-0x70002000))
        return b.fmul(b.bitcast(kept, _VECTOR), ir.Constant(_VECTOR, [2.0**112] * LANES))

    return vector(array, types.int64), code


@intrinsic(prefer_literal=True)
def load_repeated(typing_context, array, i, times):
    """Return array[i : i + LANES // times], each number `times` over; `times` is a compile-time constant."""
    n_numbers = LANES // times.literal_value

    def code(c, b, signature, arguments):
        few = ir.VectorType(_FLOAT, n_numbers)
        place = b.gep(_data(c, b, signature.args[0], arguments[0]), [arguments[1]])
        numbers = b.load(b.bitcast(place, few.as_pointer()))
        numbers.align = 4
        mask = ir.Constant(_INTEGERS, [lane * n_numbers // LANES for lane in range(LANES)])
        return b.shuffle_vector(numbers, ir.Constant(few, ir.Undefined), mask)

    return vector(array, types.int64, times), code


@intrinsic
def store_vector(typing_context, array, i, x):
    """Assign array[i : i + LANES] = x."""

    def code(c, b, signature, arguments):
        _write(b, _data(c, b, signature.args[0], arguments[0]), arguments[1], arguments[2])
        return c.get_dummy_value()

    return types.void(array, types.int64, vector), code


@intrinsic
def store_rounded(typing_context, array, i, x):
    """Assign x, rounded to integers, halves to even, to array[i : i + LANES] of an int8 array."""

    def code(c, b, signature, arguments):
        array, i, x = arguments
        # the sum has no bits left for a fraction, and its low bits are the integer
        bits = b.bitcast(b.fadd(x, ir.Constant(_VECTOR, [_ROUNDER] * LANES)), _INTEGERS)
        place, small = b.gep(_data(c, b, signature.args[0], array), [i]), ir.VectorType(ir.IntType(8), LANES)
        b.store(b.trunc(bits, small), b.bitcast(place, small.as_pointer())).align = 1
        return c.get_dummy_value()

    return types.void(array, types.int64, vector), code


@intrinsic
def splat(typing_context, scalar):
    """Return a vector with `scalar` (float32) in every lane."""

    def code(c, b, signature, arguments):
        return _broadcast(b, arguments[0])

    return vector(types.float32), code


@intrinsic
def fma(typing_context, x, y, z):
    """Return x * y + z, rounded once if the processor has FMA."""

    def code(c, b, signature, arguments):
        return _fma(b, *arguments)

    return vector(vector, vector, vector), code


@intrinsic
def store_steps(typing_context, steps, start, n, row_size, empty_row, rows, signs, first):
    """Write LANES steps of a path, from steps[start] on, of which those from the n-th on belong to another path.

    rows[first:] receive where the rows of their nodes begin, and signs[first:] 1, or -1 for a complement (~node); those
    of another path `empty_row` and 0.
    """

    def code(c, b, signature, arguments):
        steps, start, n, row_size, empty_row, rows, signs, first = arguments
        wide = ir.VectorType(_INT64, LANES)
        found = b.load(b.bitcast(b.gep(_data(c, b, signature.args[0], steps), [start]), _INTEGERS.as_pointer()))
        found.align = 4
        complement = b.ashr(found, _all(31))
        lanes = ir.Constant(wide, list(range(LANES)))
        inside = b.icmp_signed("<", lanes, _broadcast(b, n, wide))
        places = b.mul(b.sext(b.xor(found, complement), wide), _broadcast(b, row_size, wide))
        places = b.select(inside, places, _broadcast(b, empty_row, wide))
        b.store(places, b.bitcast(b.gep(_data(c, b, signature.args[5], rows), [first]), wide.as_pointer())).align = 8
        branches = b.select(inside, b.sitofp(b.or_(complement, _all(1)), _VECTOR), ir.Constant(_VECTOR, [0.0] * LANES))
        _write(b, _data(c, b, signature.args[6], signs), first, branches)
        return c.get_dummy_value()

    number = types.int64
    return types.void(steps, number, number, number, number, rows, signs, number), code


@intrinsic
def sum_lanes(typing_context, x):
    """Return the sum of the lanes, in pairwise order."""

    def code(c, b, signature, arguments):
        zero = ir.Constant(_FLOAT, 0.0)
        reduction = ir.FunctionType(_FLOAT, [_FLOAT, _VECTOR])
        function = cgutils.get_or_insert_function(b.module, reduction, f"llvm.vector.reduce.fadd.v{LANES}f32")
        return b.call(function, [zero, arguments[0]], fastmath=("reassoc",))

    return types.float32(vector), code


@intrinsic
def most_of_lanes(typing_context, x):
    """Return the largest lane."""

    def code(c, b, signature, arguments):
        return _call(b, f"llvm.vector.reduce.fmax.v{LANES}f32", _FLOAT, arguments[0])

    return types.float32(vector), code


@intrinsic
def select_lanes(typing_context, x, y, low, high):
    """Return lane i of x where low <= i < high, else of y."""

    def code(c, b, signature, arguments):
        x, y, low, high = arguments
        lane = ir.Constant(_INTEGERS, list(range(LANES)))
        low, high = (_broadcast(b, b.trunc(bound, _INT32), _INTEGERS) for bound in (low, high))
        inside = b.and_(b.icmp_signed(">=", lane, low), b.icmp_signed("<", lane, high))
        return b.select(inside, x, y)

    return vector(vector, vector, types.int64, types.int64), code


def _function(emit: Callable[..., Any], description: str) -> Any:
    def apply(typing_context, x):
        def code(c, b, signature, arguments):
            return emit(b, arguments[0])

        return vector(vector), code

    apply.__doc__ = description
    return intrinsic(apply)


def _power(b, n):
    return b.bitcast(b.shl(b.add(b.fptosi(n, _INTEGERS), _all(_EXPONENT_BIAS)), _all(_MANTISSA_BITS)), _VECTOR)


def _exponent(b, x):
    return b.sitofp(b.sub(b.lshr(b.bitcast(x, _INTEGERS), _all(_MANTISSA_BITS)), _all(_EXPONENT_BIAS)), _VECTOR)


def _mantissa(b, x):
    bits = b.and_(b.bitcast(x, _INTEGERS), _all((1 << _MANTISSA_BITS) - 1))
    return b.bitcast(b.or_(bits, _all(_EXPONENT_BIAS << _MANTISSA_BITS)), _VECTOR)


power_of_two = _function(_power, "Return 2**n lane by lane, for whole n from -126 to 127.")
exponent_of = _function(_exponent, "Return e of x = m * 2**e, 1 <= m < 2, lane by lane, for normal x > 0.")
square_root = _function(
    lambda b, x: _call(b, f"llvm.sqrt.v{LANES}f32", _VECTOR, x), "Return the square root lane by lane."
)
mantissa_of = _function(_mantissa, "Return m of x = m * 2**e, 1 <= m < 2, lane by lane, for normal x > 0.")


def _vector_operator(python_operator: Callable[[Any, Any], Any], emit: Callable[..., Any]) -> None:
    @intrinsic
    def apply(typing_context, x, y):
        def code(c, b, signature, arguments):
            return emit(b, *arguments)

        return vector(vector, vector), code

    @overload(python_operator)
    def _overload(x, y):
        if x is vector and y is vector:
            return lambda x, y: apply(x, y)
        return None


_vector_operator(operator.add, lambda b, x, y: b.fadd(x, y, flags=("contract",)))
_vector_operator(operator.sub, lambda b, x, y: b.fsub(x, y, flags=("contract",)))
_vector_operator(operator.mul, lambda b, x, y: b.fmul(x, y, flags=("contract",)))
_vector_operator(operator.truediv, lambda b, x, y: b.fdiv(x, y))
_vector_operator(min, lambda b, x, y: _call(b, f"llvm.minnum.v{LANES}f32", _VECTOR, x, y))
_vector_operator(max, lambda b, x, y: _call(b, f"llvm.maxnum.v{LANES}f32", _VECTOR, x, y))


def _prefetcher(write: int, description: str) -> Any:
    def ask(typing_context, array, i):
        def code(c, b, signature, arguments):
            address = b.bitcast(b.gep(_data(c, b, signature.args[0], arguments[0]), [arguments[1]]), _BYTES)
            flags = (ir.Constant(_INT32, n) for n in (write, 3, 1))  # 3: into the nearest cache; 1: the data cache
            _call(b, "llvm.prefetch.p0", ir.VoidType(), address, *flags)
            return c.get_dummy_value()

        return types.void(array, types.int64), code

    ask.__doc__ = description
    return intrinsic(ask)


prefetch = _prefetcher(1, "Prefetch the cache line of array[i] for writing.")
prefetch_read = _prefetcher(0, "Prefetch the cache line of array[i] for reading: other cores keep their copies.")


# Tiles.


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
        base = _data(c, b, signature.args[0], arguments[0])
        values = [b.load(b.gep(base, [_plus(b, arguments[1], k)])) for k in range(n.literal_value)]
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
    """Return tile[r, v] + a[a_rows[r] + k] * b_array[b_start + v * LANES :][:LANES], the step of matrix products."""

    def code(c, b, signature, arguments):
        tile, a, a_rows, k, b_array, b_start = arguments
        rows, columns = signature.args[0].rows, signature.args[0].columns
        a_data, b_data = _data(c, b, signature.args[1], a), _data(c, b, signature.args[4], b_array)
        right = [_read(b, b_data, _plus(b, b_start, v * LANES)) for v in range(columns)]
        for r in range(rows):
            left = _broadcast(b, b.load(b.gep(a_data, [b.add(b.extract_value(a_rows, r), k)])))
            for v in range(columns):
                i = r * columns + v
                tile = b.insert_value(tile, _fma(b, left, right[v], b.extract_value(tile, i)), i)
        return tile

    return tile(tile, a, a_rows, types.int64, b_array, types.int64), code


@intrinsic
def fma_inner(typing_context, tile, a, a_rows, b_array, b_rows, d):
    """Return tile[r, c] + a[a_rows[r] + d :][:LANES] * b_array[b_rows[c] + d :][:LANES], the step of dot products."""

    def code(c, b, signature, arguments):
        tile, a, a_rows, b_array, b_rows, d = arguments
        rows, columns = signature.args[0].rows, signature.args[0].columns
        a_data = b.gep(_data(c, b, signature.args[1], a), [d])
        b_data = b.gep(_data(c, b, signature.args[3], b_array), [d])
        right = [_read(b, b_data, b.extract_value(b_rows, column)) for column in range(columns)]
        for r in range(rows):
            left = _read(b, a_data, b.extract_value(a_rows, r))
            for column in range(columns):
                i = r * columns + column
                tile = b.insert_value(tile, _fma(b, left, right[column], b.extract_value(tile, i)), i)
        return tile

    return tile(tile, a, a_rows, b_array, b_rows, types.int64), code


@intrinsic
def sum_tile(typing_context, tile):
    """Return the lane sums of a tile of LANES vectors: that of tile[r, c] in lane r * columns + c."""

    def code(c, b, signature, arguments):
        vectors = [b.extract_value(arguments[0], i) for i in range(LANES)]
        for block in (1, 1, 4, 4):  # add neighbouring blocks of lanes, for two vectors at once
            n_blocks = min(4, LANES // block)
            if len(vectors) == 1 or n_blocks == 1:
                break
            even = [_even_block(lane, block, n_blocks) for lane in range(LANES)]
            low = ir.Constant(_INTEGERS, even)
            high = ir.Constant(_INTEGERS, [lane + block for lane in even])
            pairs = zip(vectors[::2], vectors[1::2], strict=True)
            vectors = [b.fadd(b.shuffle_vector(x, y, low), b.shuffle_vector(x, y, high)) for x, y in pairs]
        return vectors[0]

    return vector(tile), code


def _even_block(lane, block, n_blocks):
    """Return the lane of two vectors that moves to `lane` when the even blocks of each run of n_blocks are gathered."""
    run, at = divmod(lane, block * n_blocks)
    source = 2 * (at // block)  # counts the blocks of the first vector's run, then those of the second's
    beyond = LANES if source >= n_blocks else 0
    return beyond + run * block * n_blocks + source % n_blocks * block + at % block


def _tile_writer(combine: Callable[..., Any], description: str) -> Any:
    def write(typing_context, tile, c_array, c_rows, column):
        def code(c, b, signature, arguments):
            tile, c_array, c_rows, column = arguments
            rows, columns = signature.args[0].rows, signature.args[0].columns
            base = b.gep(_data(c, b, signature.args[1], c_array), [column])
            for r in range(rows):
                for v in range(columns):
                    offset = _plus(b, b.extract_value(c_rows, r), v * LANES)
                    _write(b, base, offset, combine(b, base, offset, b.extract_value(tile, r * columns + v)))
            return c.get_dummy_value()

        return types.void(tile, c_array, c_rows, types.int64), code

    write.__doc__ = description
    return intrinsic(write)


store_tile = _tile_writer(
    lambda b, base, offset, value: value,
    "Assign c_array[c_rows[r] + column + v * LANES :][:LANES] = tile[r, v].",
)
add_tile = _tile_writer(
    # one row after the other, so a row that occurs twice in c_rows receives both sums
    lambda b, base, offset, value: b.fadd(_read(b, base, offset), value),
    "Add tile[r, v] to c_array[c_rows[r] + column + v * LANES :][:LANES].",
)


@intrinsic
def transpose(typing_context, a, a_rows, column, b_array, b_start, b_stride):
    """Assign b_array[b_start + i * b_stride + r] = a[a_rows[r] + column + i] for r, i < LANES = len(a_rows)."""

    def code(c, b, signature, arguments):
        a, a_rows, column, b_array, target, stride = arguments
        a_data, b_data = _data(c, b, signature.args[0], a), _data(c, b, signature.args[3], b_array)
        rows = [_read(b, a_data, b.add(b.extract_value(a_rows, r), column)) for r in range(LANES)]
        bit = 1
        while bit < LANES:  # a butterfly: exchange this bit of the row index with that of the lane index
            low = ir.Constant(_INTEGERS, [LANES + (i ^ bit) if i & bit else i for i in range(LANES)])
            high = ir.Constant(_INTEGERS, [LANES + i if i & bit else i | bit for i in range(LANES)])
            for r in range(LANES):
                if not r & bit:
                    pair = rows[r], rows[r | bit]
                    rows[r], rows[r | bit] = b.shuffle_vector(*pair, low), b.shuffle_vector(*pair, high)
            bit *= 2
        for row in rows:
            _write(b, b_data, target, row)
            target = b.add(target, stride)
        return c.get_dummy_value()

    return types.void(a, a_rows, types.int64, b_array, types.int64, types.int64), code
