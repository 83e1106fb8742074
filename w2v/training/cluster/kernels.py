"""The arithmetic of steps of 16 bits, row by row; see `steps`. `size` is the length of a row, a multiple of LANES."""

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
_NOTHING, _LEAST = _float32(0), _float32(1e-30)  # the least has a scale whose inverse is a number
_UNIT, _MOST = 14, _float32(32767)  # the largest entry of a row becomes 16,384 to 32,767


@inlined
def _scale_of(most):
    """Return the scale of a row whose largest entry is `most`, and its inverse; 0 and 0 if that is as good as 0."""
    if most < _LEAST:
        return _NOTHING, _NOTHING
    exponent, unit = exponent_of(splat(most)), splat(_float32(_UNIT))
    return most_of_lanes(power_of_two(exponent - unit)), most_of_lanes(power_of_two(unit - exponent))


@inlined
def _store(values, at, lanes):
    """Round lanes, at most to what keeps the scale of their row if it is rounded again."""
    store_rounded(values, at, max(min(lanes, splat(_MOST)), splat(-_MOST)))


@lean
def round_moves(now, before, first, last, size, values, scales):
    """Round what rows moved by to `values` and `scales`."""
    for row in range(first, last):
        start, stop, most = row * size, (row + 1) * size, splat(_NOTHING)
        for at in range(start, stop, LANES):
            moved = load_vector(now, at) - load_vector(before, at)
            most = max(most, max(moved, splat(_NOTHING) - moved))
        scales[row], inverse = _scale_of(most_of_lanes(most))
        for at in range(start, stop, LANES):
            _store(values, at, (load_vector(now, at) - load_vector(before, at)) * splat(inverse))


@lean
def begin_mean(now, before, first, last, size, weight, mean):
    """Set `mean` to what rows moved by, times a weight."""
    start = first * size
    for at in range(start, last * size, LANES):
        store_vector(mean, at - start, splat(weight) * (load_vector(now, at) - load_vector(before, at)))


@lean
def add_to_mean(values, scales, first, last, size, weight, mean):
    """Add rounded rows, times a weight, to `mean`."""
    start = first * size
    for row in range(first, last):
        scale = splat(weight * scales[row])
        for at in range(row * size, (row + 1) * size, LANES):
            store_vector(mean, at - start, fma(scale, load_widened(values, at), load_vector(mean, at - start)))


@inlined
def _sum_of(gain, rows, at, kept, momentum, place):
    """Return lanes of ``gain * rows + kept * momentum``, from two places on."""
    return fma(splat(gain), load_widened(rows, at), splat(kept) * load_widened(momentum, place))


@inlined
def _round_sum(gain, rows, at, kept, momentum, place, size, values):
    """Round a row of `_sum_of`, write it at `place` of `values`, which may be `momentum`, and return its scale."""
    most = splat(_NOTHING)
    for c in range(0, size, LANES):
        lanes = _sum_of(gain, rows, at + c, kept, momentum, place + c)
        most = max(most, max(lanes, splat(_NOTHING) - lanes))
    scale, inverse = _scale_of(most_of_lanes(most))
    for c in range(0, size, LANES):
        _store(values, place + c, _sum_of(gain, rows, at + c, kept, momentum, place + c) * splat(inverse))
    return scale


@lean
def round_step(mean, momentum, momentum_scales, first, last, size, gain, carried, values, scales):
    """Round ``gain * mean + carried * momentum`` to `values` and `scales`."""
    for row in range(first, last):
        at, kept = row * size, carried * momentum_scales[row]
        scales[row] = _round_sum(gain, mean, at - first * size, kept, momentum, at, size, values)


@lean
def step_rows(now, before, momentum, momentum_scales, values, scales, first, last, size, share, kept):
    """Move `before` by a step, let `now` be the same, and set the momentum to ``share * step + kept * momentum``."""
    for row in range(first, last):
        start, scale = row * size, splat(scales[row])
        for at in range(start, start + size, LANES):
            moved = fma(scale, load_widened(values, at), load_vector(before, at))
            store_vector(before, at, moved)
            store_vector(now, at, moved)
        momentum_scales[row] = _round_sum(
            share * scales[row], values, start, kept * momentum_scales[row], momentum, start, size, momentum
        )
