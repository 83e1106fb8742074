"""Kernels over rows or single values: normalisation, activations, dropout, rotation, gates, pooling.

All arrays are flat and C-contiguous. Nothing is checked. Values after the last whole vector of a row are computed one
by one, so that nothing beyond an array is read.
"""

from __future__ import annotations

import numpy as np

from w2v.kernels.jit import compiled, inlined
from w2v.kernels.simd import LANES, fma, load, load_vector, splat, store_vector, sum_lanes
from w2v.neural.kernels.vector_math import (
    hyperbolic_tangent,
    is_positive,
    larger,
    normal_gelu,
    normal_gelu_slope,
    sigmoid,
    tanh_gelu,
    tanh_gelu_slope,
)

GELU, RELU, TANH, SIGMOID, GELU_TANH = 0, 1, 2, 3, 4
_float32 = np.float32


@compiled
def normalise(x, n_rows, dim, epsilon, gain, bias, y, mean, inverse):
    """Normalise every row; NumPy equivalent: `layer_norm.forward`.

    Parameters
    ----------
    x : ndarray of shape (n_rows * dim,), float32
    epsilon : float32
    gain, bias : ndarray of shape (dim,), float32
    y : ndarray of shape (n_rows * dim,), float32
        Overwritten; may be x itself.
    mean, inverse : ndarray of shape (n_rows,), float32
        Overwritten.
    """
    whole = dim - dim % LANES
    scale = _float32(1) / _float32(dim)
    for i in range(n_rows):
        row = i * dim
        total = splat(_float32(0))
        for d in range(0, whole, LANES):
            total = total + load_vector(x, row + d)
        s = sum_lanes(total)
        for d in range(whole, dim):
            s += load(x, row + d)
        middle = s * scale
        centre = splat(middle)
        total = splat(_float32(0))
        for d in range(0, whole, LANES):
            v = load_vector(x, row + d) - centre
            total = fma(v, v, total)
        s = sum_lanes(total)
        for d in range(whole, dim):
            s += (load(x, row + d) - middle) ** 2
        factor = _float32(1) / np.sqrt(s * scale + epsilon)
        mean[i], inverse[i] = middle, factor
        factors = splat(factor)
        for d in range(0, whole, LANES):
            v = (load_vector(x, row + d) - centre) * factors
            store_vector(y, row + d, fma(v, load_vector(gain, d), load_vector(bias, d)))
        for d in range(whole, dim):
            y[row + d] = (load(x, row + d) - middle) * factor * gain[d] + bias[d]


@compiled
def normalise_backward(dy, x, n_rows, dim, mean, inverse, gain, dx, dgain, dbias):
    """Compute the gradients of `normalise`, see `layer_norm`; dx is overwritten, dgain and dbias are added to."""
    whole = dim - dim % LANES
    scale = _float32(1) / _float32(dim)
    for i in range(n_rows):
        row = i * dim
        middle, factor = mean[i], inverse[i]
        centre, factors = splat(middle), splat(factor)
        plain, along = splat(_float32(0)), splat(_float32(0))
        for d in range(0, whole, LANES):
            g, normal = load_vector(dy, row + d), (load_vector(x, row + d) - centre) * factors
            store_vector(dgain, d, fma(g, normal, load_vector(dgain, d)))
            store_vector(dbias, d, load_vector(dbias, d) + g)
            g = g * load_vector(gain, d)
            plain = plain + g
            along = fma(g, normal, along)
        plain_sum, along_sum = sum_lanes(plain), sum_lanes(along)
        for d in range(whole, dim):
            n, h = (load(x, row + d) - middle) * factor, load(dy, row + d)
            dgain[d] += h * n
            dbias[d] += h
            plain_sum += h * gain[d]
            along_sum += h * gain[d] * n
        plain_sum *= scale
        along_sum *= scale
        plain, along = splat(plain_sum), splat(along_sum)
        for d in range(0, whole, LANES):
            normal = (load_vector(x, row + d) - centre) * factors
            g = load_vector(dy, row + d) * load_vector(gain, d)
            store_vector(dx, row + d, (g - plain - normal * along) * factors)
        for d in range(whole, dim):
            n = (load(x, row + d) - middle) * factor
            dx[row + d] = (load(dy, row + d) * gain[d] - plain_sum - n * along_sum) * factor


@compiled
def _function(kind, x):
    if kind == GELU:
        return normal_gelu(x)
    if kind == GELU_TANH:
        return tanh_gelu(x)
    if kind == RELU:
        return larger(x, splat(_float32(0)))
    return sigmoid(x) if kind == SIGMOID else hyperbolic_tangent(x)


@compiled
def _slope(kind, x):
    if kind == GELU:
        return normal_gelu_slope(x)
    if kind == GELU_TANH:
        return tanh_gelu_slope(x)
    if kind == RELU:
        return is_positive(x)
    if kind == SIGMOID:
        y = sigmoid(x)
        return y * (splat(_float32(1)) - y)
    y = hyperbolic_tangent(x)
    return splat(_float32(1)) - y * y


@compiled
def sum_columns(x, n_rows, dim, y):
    """Assign y, shape (dim,), the sum of the rows of x, one after another: NumPy's ``np.add.reduce(x, axis=0)``."""
    d = 0
    while d + 4 * LANES <= dim:
        a, b, c, e = splat(_float32(0)), splat(_float32(0)), splat(_float32(0)), splat(_float32(0))
        for at in range(d, d + n_rows * dim, dim):
            a = a + load_vector(x, at)
            b = b + load_vector(x, at + LANES)
            c = c + load_vector(x, at + 2 * LANES)
            e = e + load_vector(x, at + 3 * LANES)
        store_vector(y, d, a)
        store_vector(y, d + LANES, b)
        store_vector(y, d + 2 * LANES, c)
        store_vector(y, d + 3 * LANES, e)
        d += 4 * LANES
    for k in range(d, dim):
        y[k] = _float32(0)
    for i in range(n_rows):
        for k in range(d, dim):
            y[k] += x[i * dim + k]


@compiled
def copy_values(x, at, n, y, to):
    """Assign y[to : to + n] = x[at : at + n]; a slice would make Numba compile code for an error message as well."""
    for i in range(n):
        y[to + i] = x[at + i]


@compiled
def activate(kind, x, y):
    """Assign y the activation of every value of x; `kind` is the activation's number. y may be x itself."""
    whole = x.size - x.size % LANES
    for i in range(0, whole, LANES):
        store_vector(y, i, _function(kind, load_vector(x, i)))
    if whole < x.size:
        rest = np.zeros(LANES, np.float32)
        copy_values(x, whole, x.size - whole, rest, 0)
        store_vector(rest, 0, _function(kind, load_vector(rest, 0)))
        copy_values(rest, 0, x.size - whole, y, whole)


@compiled
def activate_backward(kind, dy, x, dx):
    """Assign dx = dy times the derivative of `activate` at x."""
    whole = x.size - x.size % LANES
    for i in range(0, whole, LANES):
        store_vector(dx, i, load_vector(dy, i) * _slope(kind, load_vector(x, i)))
    if whole < x.size:
        rest = np.zeros(LANES, np.float32)
        copy_values(x, whole, x.size - whole, rest, 0)
        store_vector(rest, 0, _slope(kind, load_vector(rest, 0)))
        for i in range(whole, x.size):
            dx[i] = dy[i] * rest[i - whole]


@inlined
def _random_bits(seed, number):
    """Return 32 random bits: SplitMix64, Steele, Lea and Flood 2014, Fast splittable pseudorandom number generators."""
    z = seed + np.uint64(number + 1) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (z ^ (z >> np.uint64(31))) >> np.uint64(32)


@compiled
def drop(x, first, seed, threshold, scale, y):
    """Assign y[i] = scale * x[i] or, with probability threshold / 2**32, zero; any dtype.

    Parameters
    ----------
    x : ndarray of shape (n,)
    first : int
        Value i depends only on the seed and first + i, not on what else is computed or in what order.
    seed : uint64
    threshold : uint64
    scale : float
    y : ndarray of shape (n,)
        Overwritten.
    """
    for i in range(x.size):
        y[i] = x[i] * scale if _random_bits(seed, first + i) >= threshold else x.dtype.type(0)


@compiled
def drop_onto(x, first, seed, threshold, scale, h):
    """Replace x by h + `drop` of x, rounded twice; h is of the shape and dtype of x."""
    for i in range(x.size):
        x[i] = h[i] + (x[i] * scale if _random_bits(seed, first + i) >= threshold else x.dtype.type(0))


@compiled
def rotate(x, n_heads, cos, sin, positions, sign, y):
    """Rotate every pair (i, i + half) of every head by the angle of its position; any dtype.

    Parameters
    ----------
    x : ndarray of shape (N, E)
    n_heads : int
        Each head has E / n_heads columns; 2 * half of them are rotated.
    cos, sin : ndarray of shape (n_positions, half)
    positions : ndarray of shape (N,), int64
    sign : int
        1 rotates forward, -1 back.
    y : ndarray of shape (N, E)
        Overwritten; may be x itself.
    """
    half, size = cos.shape[1], x.shape[1] // n_heads
    for i in range(x.shape[0]):
        at = positions[i]
        for h in range(n_heads):
            left = h * size
            for k in range(half):
                a, b = x[i, left + k], x[i, left + half + k]
                c, s = cos[at, k], sin[at, k] * sign
                y[i, left + k] = a * c - b * s
                y[i, left + half + k] = a * s + b * c


@compiled
def gated_residual(x, h, gate, y):
    """Assign y = exp(g) x + o in every row, where h, shape (N, E + 1), is [o, g], and gate = exp(g); any dtype."""
    last = x.shape[1]
    for i in range(x.shape[0]):
        factor = np.exp(h[i, last])
        gate[i] = factor
        for d in range(last):
            y[i, d] = factor * x[i, d] + h[i, d]


@compiled
def gated_residual_backward(dy, x, gate, dh, dx):
    """Compute the gradients of `gated_residual`: dh, shape (N, E + 1), and dx, (N, E), are overwritten; any dtype."""
    last = x.shape[1]
    for i in range(x.shape[0]):
        dgate = x.dtype.type(0)
        for d in range(last):
            dgate += dy[i, d] * x[i, d]
            dh[i, d] = dy[i, d]
            dx[i, d] = gate[i] * dy[i, d]
        dh[i, last] = dgate * gate[i]


@compiled
def gated_sums(x, slots, gate, offsets, y):
    """Add the sum of gate[i] * x[slots[i]] over the tokens i of sequence b, in order, to y[b]; any dtype.

    Parameters
    ----------
    x : ndarray of shape (R, E)
        Distinct rows.
    slots : ndarray of shape (N,), int64
        The row of each token.
    gate : ndarray of shape (N,)
    offsets : ndarray of shape (B + 1,), int64
    y : ndarray of shape (B, E)
    """
    for b in range(offsets.size - 1):
        for i in range(offsets[b], offsets[b + 1]):
            row, factor = slots[i], gate[i]
            for d in range(x.shape[1]):
                y[b, d] += factor * x[row, d]


@compiled
def gated_sums_backward(dy, x, slots, gate, offsets, dlog_gate, dx):
    """Assign the gradient of log(gate), shape (N,), of `gated_sums`, and add that of x to dx; any dtype."""
    for b in range(offsets.size - 1):
        for i in range(offsets[b], offsets[b + 1]):
            row, factor, along = slots[i], gate[i], x.dtype.type(0)
            for d in range(x.shape[1]):
                along += dy[b, d] * x[row, d]
                dx[row, d] += factor * dy[b, d]
            dlog_gate[i] = along * factor


@compiled
def spread_sums(dy, along, direction, offsets, dx):
    """Assign dx[i] = dy[b] + along[i] * direction for the tokens i of sequence b; any dtype.

    The gradient of rows x that are summed by sequence, of shape (B, E), and multiplied by a direction, of shape (E,).
    """
    for b in range(offsets.size - 1):
        for i in range(offsets[b], offsets[b + 1]):
            for d in range(dx.shape[1]):
                dx[i, d] = dy[b, d] + along[i] * direction[d]


@compiled
def sum_sequences(x, weights, offsets, y):
    """Assign y[b] the sum of weights[i] * x[i] over the rows i of sequence b, in order; any dtype."""
    for b in range(offsets.size - 1):
        for d in range(x.shape[1]):
            y[b, d] = x.dtype.type(0)
        for i in range(offsets[b], offsets[b + 1]):
            for d in range(x.shape[1]):
                y[b, d] += weights[i] * x[i, d]


@compiled
def max_sequences(x, offsets, y, where):
    """Assign y[b] the maximum of each column over the rows of sequence b, `where` its row; 0 and -1 if empty."""
    for b in range(offsets.size - 1):
        for d in range(x.shape[1]):
            y[b, d], where[b, d] = x.dtype.type(0), -1
        for i in range(offsets[b], offsets[b + 1]):
            for d in range(x.shape[1]):
                if where[b, d] < 0 or x[i, d] > y[b, d]:
                    y[b, d], where[b, d] = x[i, d], i
