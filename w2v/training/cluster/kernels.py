"""Kernels for 8-bit steps, row by row; see `steps`. `size` is the length of a row, a multiple of LANES."""

from __future__ import annotations

import numpy as np

from w2v.kernels.jit import inlined, lean
from w2v.kernels.simd import (
    LANES,
    exponent_of,
    fma,
    load_vector,
    load_widened,
    most_of_lanes,
    power_of_two,
    splat,
    store_rounded,
    store_vector,
)

_float32 = np.float32
_NOTHING, _LEAST = _float32(0), _float32(1e-30)  # the inverse of the least scale is finite
_UNIT, _MOST = 6, _float32(127)  # the largest entry of a row becomes 64 to 127


@inlined
def _scale_of(most):
    """Return the scale of a row with largest magnitude `most`, and its inverse; (0, 0) if that is negligible."""
    if most < _LEAST:
        return _NOTHING, _NOTHING
    exponent, unit = exponent_of(splat(most)), splat(_float32(_UNIT))
    return most_of_lanes(power_of_two(exponent - unit)), most_of_lanes(power_of_two(unit - exponent))


@inlined
def _store(values, at, lanes):
    """Round lanes, clipped so that rounding the row again would keep its scale."""
    store_rounded(values, at, max(min(lanes, splat(_MOST)), splat(-_MOST)))


@lean
def round_moves(now, before, first, last, size, values, scales):
    """Round the changes of rows to `values`, int8, and `scales`, float32; both are overwritten."""
    for row in range(first, last):
        start, stop, most = row * size, (row + 1) * size, splat(_NOTHING)
        for at in range(start, stop, LANES):
            moved = load_vector(now, at) - load_vector(before, at)
            most = max(most, max(moved, splat(_NOTHING) - moved))
        scales[row], inverse = _scale_of(most_of_lanes(most))
        for at in range(start, stop, LANES):
            _store(values, at, (load_vector(now, at) - load_vector(before, at)) * splat(inverse))


@lean
def add_to_mean(values, scales, first, last, size, weight, mean):
    """Add rounded rows, times a weight, to `mean`, which begins with row `first`."""
    start = first * size
    for row in range(first, last):
        scale = splat(weight * scales[row])
        for at in range(row * size, (row + 1) * size, LANES):
            store_vector(mean, at - start, fma(scale, load_widened(values, at), load_vector(mean, at - start)))


@inlined
def _step_of(now, before, weight, other, share, mean, origin, momentum, kept, at):
    """Return lanes of ``weight * (now - before) + share * other + mean + kept * momentum``; `mean` may be empty."""
    lanes = fma(splat(weight), load_vector(now, at) - load_vector(before, at), splat(share) * load_widened(other, at))
    if len(mean):
        lanes = lanes + load_vector(mean, at - origin)
    return fma(splat(kept), load_widened(momentum, at), lanes)


@lean
def round_step(now, before, other, mean, momentum, rows, factors, found):
    """Round ``gain * _step_of`` to `found`.

    Parameters
    ----------
    now, before, mean : ndarray, float32
        Flat tables; `mean` begins with the first row, or is empty.
    other, momentum, found : (ndarray of int8, ndarray of float32)
        Values and scales of steps; `found` is overwritten.
    rows : (int, int, int)
        The first row, the end of the rows, and the size of a row.
    factors : (float32, float32, float32, float32)
        ``weight``, ``share``, ``kept`` and ``gain``.
    """
    (other, other_scales), (momentum, momentum_scales), (values, scales) = other, momentum, found
    first, last, size = rows
    weight, share, kept, gain = factors
    origin = first * size
    for row in range(first, last):
        start, stop, most = row * size, (row + 1) * size, splat(_NOTHING)
        theirs, carried = share * other_scales[row], kept * momentum_scales[row]
        for at in range(start, stop, LANES):
            lanes = _step_of(now, before, weight, other, theirs, mean, origin, momentum, carried, at)
            most = max(most, max(lanes, splat(_NOTHING) - lanes))
        scale, inverse = _scale_of(gain * most_of_lanes(most))
        for at in range(start, stop, LANES):
            lanes = _step_of(now, before, weight, other, theirs, mean, origin, momentum, carried, at)
            _store(values, at, lanes * splat(gain * inverse))
        scales[row] = scale


@inlined
def _momentum_of(share, values, kept, momentum, at):
    """Return lanes of ``share * values + kept * momentum``."""
    return fma(splat(share), load_widened(values, at), splat(kept) * load_widened(momentum, at))


@lean
def step_rows(now, before, momentum, step, rows, factors):
    """Add a step to `before`, copy the result to `now`, and set the momentum to ``share * step + kept * momentum``.

    `rows` are the first row, the end of the rows, and the size of a row; `factors` are ``share`` and ``kept``.
    """
    (momentum, momentum_scales), (values, scales) = momentum, step
    first, last, size = rows
    share, kept = factors
    for row in range(first, last):
        start, stop, most = row * size, (row + 1) * size, splat(_NOTHING)
        ours, theirs = share * scales[row], kept * momentum_scales[row]
        for at in range(start, stop, LANES):
            moved = fma(splat(scales[row]), load_widened(values, at), load_vector(before, at))
            store_vector(before, at, moved)
            store_vector(now, at, moved)
            lanes = _momentum_of(ours, values, theirs, momentum, at)
            most = max(most, max(lanes, splat(_NOTHING) - lanes))
        momentum_scales[row], inverse = _scale_of(most_of_lanes(most))
        for at in range(start, stop, LANES):
            _store(momentum, at, _momentum_of(ours, values, theirs, momentum, at) * splat(inverse))
