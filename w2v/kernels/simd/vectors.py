"""Operations on single vectors."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

from w2v.kernels.simd.emission import (
    BYTES,
    FLOAT,
    INT32,
    INT64,
    INTEGERS,
    LANES,
    ROUNDER,
    VECTOR,
    all_lanes,
    broadcast,
    call,
    data_of,
    emit_fma,
    read,
    vector,
    write,
)

_MANTISSA_BITS, _EXPONENT_BIAS = 23, 127


@intrinsic
def load(typing_context, array, i):
    """Return array[i] without the test for a negative index."""

    def code(c, b, signature, arguments):
        return b.load(b.gep(data_of(c, b, signature.args[0], arguments[0]), [arguments[1]]))

    return array.dtype(array, types.int64), code


@intrinsic
def load_vector(typing_context, array, i):
    """Return array[i : i + LANES]."""

    def code(c, b, signature, arguments):
        return read(b, data_of(c, b, signature.args[0], arguments[0]), arguments[1])

    return vector(array, types.int64), code


@intrinsic
def load_widened(typing_context, array, i):
    """Return array[i : i + LANES] as float32, of an array of float32, of int8, or of the bits of finite float16.

    Those are uint16 here, since Numba has no float16 outside of GPUs.
    """
    bits = {types.float32: 32, types.uint16: 16, types.int8: 8}[array.dtype]

    def code(c, b, signature, arguments):
        place = b.gep(data_of(c, b, signature.args[0], arguments[0]), [arguments[1]])
        if bits == 32:
            return read(b, place, ir.Constant(INT64, 0))
        stored = b.load(b.bitcast(place, ir.VectorType(ir.IntType(bits), LANES).as_pointer()))
        stored.align = bits // 8
        integers = b.sext(stored, INTEGERS)
        if bits == 8:
            return b.sitofp(integers, VECTOR)
        # sign, exponent and fraction are moved to where float32 has them; the exponent's bias is off by 112 then
        moved = b.shl(integers, all_lanes(13))
        kept = b.and_(moved, all_lanes(-0x70002000))
        return b.fmul(b.bitcast(kept, VECTOR), ir.Constant(VECTOR, [2.0**112] * LANES))

    return vector(array, types.int64), code


@intrinsic(prefer_literal=True)
def load_repeated(typing_context, array, i, times):
    """Return array[i : i + LANES // times], each number `times` over; `times` is a compile-time constant."""
    n_numbers = LANES // times.literal_value

    def code(c, b, signature, arguments):
        few = ir.VectorType(FLOAT, n_numbers)
        place = b.gep(data_of(c, b, signature.args[0], arguments[0]), [arguments[1]])
        numbers = b.load(b.bitcast(place, few.as_pointer()))
        numbers.align = 4
        mask = ir.Constant(INTEGERS, [lane * n_numbers // LANES for lane in range(LANES)])
        return b.shuffle_vector(numbers, ir.Constant(few, ir.Undefined), mask)

    return vector(array, types.int64, times), code


@intrinsic
def store_vector(typing_context, array, i, x):
    """Assign array[i : i + LANES] = x."""

    def code(c, b, signature, arguments):
        write(b, data_of(c, b, signature.args[0], arguments[0]), arguments[1], arguments[2])
        return c.get_dummy_value()

    return types.void(array, types.int64, vector), code


@intrinsic
def store_rounded(typing_context, array, i, x):
    """Assign array[i : i + LANES] = x, rounded to whole numbers, of an array of int8; halves go to the even ones."""

    def code(c, b, signature, arguments):
        array, i, x = arguments
        # the sum has no bits left for a fraction, and its last ones are those of the whole number
        bits = b.bitcast(b.fadd(x, ir.Constant(VECTOR, [ROUNDER] * LANES)), INTEGERS)
        place, small = b.gep(data_of(c, b, signature.args[0], array), [i]), ir.VectorType(ir.IntType(8), LANES)
        b.store(b.trunc(bits, small), b.bitcast(place, small.as_pointer())).align = 1
        return c.get_dummy_value()

    return types.void(array, types.int64, vector), code


@intrinsic
def splat(typing_context, scalar):
    """Return a vector with `scalar` (float32) in every lane."""

    def code(c, b, signature, arguments):
        return broadcast(b, arguments[0])

    return vector(types.float32), code


@intrinsic
def fma(typing_context, x, y, z):
    """Return x * y + z, rounded once where the processor can."""

    def code(c, b, signature, arguments):
        return emit_fma(b, *arguments)

    return vector(vector, vector, vector), code


@intrinsic
def store_steps(typing_context, steps, start, n, row_size, empty_row, rows, signs, first):
    """Write LANES steps of a path, from steps[start] on, of which those from the n-th on belong to another path.

    rows[first:] receive where the rows of their nodes begin, and signs[first:] 1, or -1 for a complement (~node); those
    of another path `empty_row` and 0.
    """

    def code(c, b, signature, arguments):
        steps, start, n, row_size, empty_row, rows, signs, first = arguments
        wide = ir.VectorType(INT64, LANES)
        found = b.load(b.bitcast(b.gep(data_of(c, b, signature.args[0], steps), [start]), INTEGERS.as_pointer()))
        found.align = 4
        complement = b.ashr(found, all_lanes(31))
        lanes = ir.Constant(wide, list(range(LANES)))
        inside = b.icmp_signed("<", lanes, broadcast(b, n, wide))
        places = b.mul(b.sext(b.xor(found, complement), wide), broadcast(b, row_size, wide))
        places = b.select(inside, places, broadcast(b, empty_row, wide))
        b.store(places, b.bitcast(b.gep(data_of(c, b, signature.args[5], rows), [first]), wide.as_pointer())).align = 8
        branches = b.select(
            inside, b.sitofp(b.or_(complement, all_lanes(1)), VECTOR), ir.Constant(VECTOR, [0.0] * LANES)
        )
        write(b, data_of(c, b, signature.args[6], signs), first, branches)
        return c.get_dummy_value()

    number = types.int64
    return types.void(steps, number, number, number, number, rows, signs, number), code


@intrinsic
def sum_lanes(typing_context, x):
    """Return the sum of the lanes, in pairwise order."""

    def code(c, b, signature, arguments):
        zero = ir.Constant(FLOAT, 0.0)
        reduction = ir.FunctionType(FLOAT, [FLOAT, VECTOR])
        function = cgutils.get_or_insert_function(b.module, reduction, f"llvm.vector.reduce.fadd.v{LANES}f32")
        return b.call(function, [zero, arguments[0]], fastmath=("reassoc",))

    return types.float32(vector), code


@intrinsic
def most_of_lanes(typing_context, x):
    """Return the largest lane."""

    def code(c, b, signature, arguments):
        return call(b, f"llvm.vector.reduce.fmax.v{LANES}f32", FLOAT, arguments[0])

    return types.float32(vector), code


@intrinsic
def select_lanes(typing_context, x, y, low, high):
    """Return lane i of x where low <= i < high, else of y."""

    def code(c, b, signature, arguments):
        x, y, low, high = arguments
        lane = ir.Constant(INTEGERS, list(range(LANES)))
        low, high = (broadcast(b, b.trunc(bound, INT32), INTEGERS) for bound in (low, high))
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
    return b.bitcast(b.shl(b.add(b.fptosi(n, INTEGERS), all_lanes(_EXPONENT_BIAS)), all_lanes(_MANTISSA_BITS)), VECTOR)


def _exponent(b, x):
    return b.sitofp(b.sub(b.lshr(b.bitcast(x, INTEGERS), all_lanes(_MANTISSA_BITS)), all_lanes(_EXPONENT_BIAS)), VECTOR)


def _mantissa(b, x):
    bits = b.and_(b.bitcast(x, INTEGERS), all_lanes((1 << _MANTISSA_BITS) - 1))
    return b.bitcast(b.or_(bits, all_lanes(_EXPONENT_BIAS << _MANTISSA_BITS)), VECTOR)


power_of_two = _function(_power, "Return 2**n lane by lane, for whole n from -126 to 127.")
exponent_of = _function(_exponent, "Return e of x = m * 2**e, 1 <= m < 2, lane by lane, for normal x > 0.")
square_root = _function(
    lambda b, x: call(b, f"llvm.sqrt.v{LANES}f32", VECTOR, x), "Return the square root lane by lane."
)
magnitude_of = _function(
    lambda b, x: call(b, f"llvm.fabs.v{LANES}f32", VECTOR, x), "Return the absolute value lane by lane."
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
_vector_operator(min, lambda b, x, y: call(b, f"llvm.minnum.v{LANES}f32", VECTOR, x, y))
_vector_operator(max, lambda b, x, y: call(b, f"llvm.maxnum.v{LANES}f32", VECTOR, x, y))


def _prefetcher(write: int, description: str) -> Any:
    def ask(typing_context, array, i):
        def code(c, b, signature, arguments):
            address = b.bitcast(b.gep(data_of(c, b, signature.args[0], arguments[0]), [arguments[1]]), BYTES)
            flags = (ir.Constant(INT32, n) for n in (write, 3, 1))  # 3: into the nearest cache; 1: the data cache
            call(b, "llvm.prefetch.p0", ir.VoidType(), address, *flags)
            return c.get_dummy_value()

        return types.void(array, types.int64), code

    ask.__doc__ = description
    return intrinsic(ask)


prefetch = _prefetcher(1, "Ask for the cache line of array[i], to be written.")
prefetch_read = _prefetcher(0, "Ask for the cache line of array[i], to be read: other cores keep their copies.")
