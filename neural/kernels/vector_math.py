"""Functions of one SIMD vector shared by the kernels of the layers."""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from w2v.kernels.jit import compiled
from w2v.kernels.simd import LANES, fma, power_of_two, splat, vector

_float32 = np.float32
_LOG2E = 1.4426950408889634
_LN2_HIGH, _LN2_LOW = 0.693359375, -2.12194440e-4  # products of the first with an integer are exact
_ROUNDER = 12582912.0  # 1.5 * 2**23: adding it rounds to an integer
_EXP_LIMIT = 80.0  # exp(-80) times a small factor is still a normal number; subnormal ones are slow
_HUGE = 1e30
# The upper tail of the normal distribution is exp(-a**2 / 2) p(t), t = 1 / (1 + TAIL_SCALE a): the polynomial p of
# degree 8 minimises the maximum relative error on 0 <= a <= 14; it was found by Lawson's iteration.
_TAIL_SCALE = 0.3
_TAIL = (
    7.169252066813181e-06, 0.11948768153535744, 0.12192040241733859, 0.09468325934787454, 0.14253620725990496,
    -0.07650755375998539, 0.22866109365381806, -0.16916663388144756, 0.03837840309292695,
)  # fmt: skip
T0, T1, T2, T3, T4, T5, T6, T7, T8 = _TAIL
_STEEP, _CUBIC = 1.5957691216057308, 0.044715  # the first is 2 sqrt(2 / pi)


@intrinsic
def larger(typing_context, x, y):
    """Return x where x > y, else y, lane by lane: one instruction, whereas `max` also handles NaN in x."""

    def code(c, b, signature, arguments):
        return b.select(b.fcmp_ordered(">", *arguments), *arguments)

    return vector(vector, vector), code


@intrinsic
def plus(typing_context, x, y):
    """Return x + y, rounded.

    The operator may or may not be fused with a preceding product, depending on the surrounding code. Results that
    several kernels must compute identically, bit for bit, must not depend on that.
    """

    def code(c, b, signature, arguments):
        return b.fadd(*arguments)

    return vector(vector, vector), code


@intrinsic
def any_larger(typing_context, x, y):
    """Return whether x > y in any lane."""

    def code(c, b, signature, arguments):
        lanes = b.bitcast(b.fcmp_ordered(">", *arguments), ir.IntType(LANES))
        return b.icmp_unsigned("!=", lanes, ir.Constant(lanes.type, 0))

    return types.boolean(vector, vector), code


@compiled
def exponential(x):
    """Return exp(x) lane by lane for x < 88, to a relative error below 2e-7; x is clipped to at least -80."""
    x = larger(x, splat(_float32(-_EXP_LIMIT)))
    rounder = splat(_float32(_ROUNDER))
    whole = fma(x, splat(_float32(_LOG2E)), rounder) - rounder
    r = fma(whole, splat(_float32(-_LN2_HIGH)), x)
    r = fma(whole, splat(_float32(-_LN2_LOW)), r)
    # the Taylor series of exp on [-ln(2)/2, ln(2)/2], summed in pairs: Horner's scheme waits for every term
    r2 = r * r
    low = fma(fma(r, splat(_float32(1 / 6)), splat(_float32(0.5))), r2, plus(r, splat(_float32(1))))
    high = fma(
        fma(r, splat(_float32(1 / 5040)), splat(_float32(1 / 720))),
        r2,
        fma(r, splat(_float32(1 / 120)), splat(_float32(1 / 24))),
    )
    return fma(high, r2 * r2, low) * power_of_two(whole)


@compiled
def magnitude(x):
    """Return |x| lane by lane."""
    return larger(x, splat(_float32(0)) - x)


@compiled
def is_positive(x):
    """Return 1 where x > 0, else 0; intermediate values for |x| < 1e-30."""
    return max(min(x * splat(_float32(_HUGE)), splat(_float32(1))), splat(_float32(0)))


@compiled
def bell(a):
    """Return exp(-a**2 / 2) lane by lane."""
    return exponential(a * a * splat(_float32(-0.5)))


@compiled
def upper_tail(a, bell_of_a):
    """Return the probability that a standard normal variable exceeds a >= 0, to a relative error below 1e-6."""
    one = splat(_float32(1))
    t = one / fma(a, splat(_float32(_TAIL_SCALE)), one)
    t2 = t * t
    t4 = t2 * t2
    low = fma(fma(t, splat(_float32(T3)), splat(_float32(T2))), t2, fma(t, splat(_float32(T1)), splat(_float32(T0))))
    high = fma(fma(t, splat(_float32(T7)), splat(_float32(T6))), t2, fma(t, splat(_float32(T5)), splat(_float32(T4))))
    return fma(fma(t4, splat(_float32(T8)), high), t4, low) * bell_of_a


@compiled
def normal_gelu(x):
    """Return x times the standard normal distribution function at x."""
    a = magnitude(x)
    # x >= 0: x (1 - tail(x)); x < 0: x tail(-x): no cancellation on either side
    return fma(splat(_float32(0)) - a, upper_tail(a, bell(a)), larger(x, splat(_float32(0))))


@compiled
def normal_gelu_slope(x):
    """Return the derivative of `normal_gelu`: the normal distribution function plus x times the density."""
    a = magnitude(x)
    e = bell(a)
    tail = upper_tail(a, e)
    positive = is_positive(x)
    cdf = positive + (splat(_float32(1)) - positive - positive) * tail
    return fma(x * e, splat(_float32(0.3989422804014327)), cdf)


@compiled
def hyperbolic_tangent(x):
    """Return tanh(x), to an absolute error below 2e-7."""
    one = splat(_float32(1))
    limit = splat(_float32(_EXP_LIMIT))
    return one - splat(_float32(2)) / plus(exponential(min(plus(x, x), limit)), one)


@compiled
def sigmoid(x):
    """Return 1 / (1 + exp(-x)), to a relative error below 4e-7."""
    one = splat(_float32(1))
    return one / plus(one, exponential(min(splat(_float32(0)) - x, splat(_float32(_EXP_LIMIT)))))


@compiled
def _steep(x):
    """Return 2 sqrt(2 / pi) (x + 0.044715 x**3)."""
    return x * fma(x * x, splat(_float32(_STEEP * _CUBIC)), splat(_float32(_STEEP)))


@compiled
def tanh_gelu(x):
    """Return x times the logistic function of 2 sqrt(2 / pi) (x + 0.044715 x**3): GELU with tanh instead of erf."""
    return x * sigmoid(_steep(x))


@compiled
def tanh_gelu_slope(x):
    """Return the derivative of `tanh_gelu`; beyond +-10 it is the value at +-10, 0 or 1, where x**2 could overflow."""
    one, ten = splat(_float32(1)), splat(_float32(10))
    x = larger(min(x, ten), splat(_float32(0)) - ten)
    y = sigmoid(_steep(x))
    inner = fma(x * x, splat(_float32(3 * _STEEP * _CUBIC)), splat(_float32(_STEEP)))
    return fma(x * y * (one - y), inner, y)
