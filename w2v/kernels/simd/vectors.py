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
