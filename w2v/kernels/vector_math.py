"""Vector functions, and products of small matrices in tiles of TILE_ROWS rows.

The row offsets of a tile come from `steps` or `take`. S is the length of a table row, `row_size`.
"""

from __future__ import annotations

import numpy as np

from w2v.kernels.jit import inlined, lean
from w2v.kernels.simd import (
    LANES,
    TILE_COLUMNS,
    TILE_ROWS,
    add_tile,
    exponent_of,
    fma,
    fma_outer,
    load,
    load_vector,
    mantissa_of,
    power_of_two,
    splat,
    steps,
    store_tile,
    store_vector,
    take,
    transpose,
    zero_tile,
)

GROUP = 3
"""Sigmoids to multiply before taking a logarithm: sigmoid(-20)**3 is still a normal float32."""

_float32 = np.float32
_LOG_LIMIT, _EXP_LIMIT = 20.0, 80.0
_LOG2E, _LN2 = 1.4426950408889634, 0.6931471805599453
_ROUNDER = 12582912.0  # 1.5 * 2**23: adding it leaves no bits for a fraction


@inlined
def _powers(scaled):
    """Return e and p, lane by lane, with e * p = 2**x for |x| <= 126, to a relative error below 1e-6."""
    rounder = splat(_float32(_ROUNDER))
    whole = (scaled + rounder) - rounder
    r = (scaled - whole) * splat(_float32(_LN2))
    e = splat(_float32(1 / 720))  # the Taylor series of exp on [-ln(2)/2, ln(2)/2]
    e = fma(e, r, splat(_float32(1 / 120)))
    e = fma(e, r, splat(_float32(1 / 24)))
    e = fma(e, r, splat(_float32(1 / 6)))
    e = fma(e, r, splat(_float32(0.5)))
    e = fma(e, r, splat(_float32(1)))
    e = fma(e, r, splat(_float32(1)))
    return e, power_of_two(whole)


@lean
def sigmoid(x):
    """Return 1 / (1 + exp(-x)) lane by lane, to a relative error below 2e-6; x is clamped to [-20, 20]."""
    limit = splat(_float32(_LOG_LIMIT))
    x = max(min(x, limit), splat(_float32(-_LOG_LIMIT)))
    e, power = _powers(x * splat(_float32(-_LOG2E)))
    one = splat(_float32(1))
    return one / fma(e, power, one)


@lean
def exponential(x):
    """Return exp(x) lane by lane, to a relative error below 1e-5; x is clamped to [-80, 80]."""
    limit = splat(_float32(_EXP_LIMIT))
    e, power = _powers(max(min(x, limit), splat(_float32(-_EXP_LIMIT))) * splat(_float32(_LOG2E)))
    return e * power


@lean
def logarithm(x):
    """Return ln(x) lane by lane for normal x > 0, to an absolute error below 2e-6 * (1 + |ln(x)|)."""
    one = splat(_float32(1))
    m = mantissa_of(x)
    s = (m - one) / (m + one)  # ln(m) = 2 artanh(s), 0 <= s < 1/3
    z = s * s
    p = splat(_float32(2 / 9))
    p = fma(p, z, splat(_float32(2 / 7)))
    p = fma(p, z, splat(_float32(2 / 5)))
    p = fma(p, z, splat(_float32(2 / 3)))
    p = fma(p, z, splat(_float32(2)))
    return fma(exponent_of(x), splat(_float32(_LN2)), p * s)


@lean
def _score_tile(tile, left, left_rows, right, column, stride, vector_size, scores, score_rows):
    for d in range(vector_size):
        tile = fma_outer(tile, left, left_rows, d, right, d * stride + column)
    store_tile(tile, scores, score_rows, column)


@lean
def score(left, rows, first, last, right, stride, column, end_column, vector_size, scores):
    """Assign scores[k, c] = sum over d of left[rows[k] + d] * right[d, c], first <= k < last, column <= c < end_column.

    `right` has shape (S, stride) and `scores` (?, stride), both flat. last - first is a multiple of TILE_ROWS and
    end_column - column of LANES. NumPy equivalent: ``scores[first:last] = left_rows @ right``.
    """
    for k in range(first, last, TILE_ROWS):
        left_rows = take(rows, k, TILE_ROWS)
        score_rows = steps(k * stride, stride, TILE_ROWS)
        c = column
        while c + TILE_COLUMNS * LANES <= end_column:
            tile = zero_tile(TILE_ROWS, TILE_COLUMNS)
            _score_tile(tile, left, left_rows, right, c, stride, vector_size, scores, score_rows)
            c += TILE_COLUMNS * LANES
        while c < end_column:
            _score_tile(zero_tile(TILE_ROWS, 1), left, left_rows, right, c, stride, vector_size, scores, score_rows)
            c += LANES


@lean
def sum_rows(tile, g, g_rows, g_step, source, rows, start, end, d):
    """Return the tile plus the sum over k of g[g_rows[r] + k * g_step] * source[rows[k] + d :], start <= k < end."""
    for k in range(start, end):
        tile = fma_outer(tile, g, g_rows, k * g_step, source, load(rows, k) + d)
    return tile


@lean
def accumulate(table, table_rows, first, g, g_row, g_step, source, rows, a, a_end, b, b_end, row_size):
    """Add sum over k of g[i * g_row + k * g_step] * source[rows[k]:][:S] to the table rows i of one tile.

    The tile is i = first .. first + TILE_ROWS - 1, written at table[table_rows[i]:][:S]; k runs over [a, a_end) and
    [b, b_end). NumPy equivalent: ``table[tile] += g[tile][:, k] @ source[k]``.
    """
    tile_rows = take(table_rows, first, TILE_ROWS)
    g_rows = steps(first * g_row, g_row, TILE_ROWS)
    d = 0
    while d + TILE_COLUMNS * LANES <= row_size:
        tile = sum_rows(zero_tile(TILE_ROWS, TILE_COLUMNS), g, g_rows, g_step, source, rows, a, a_end, d)
        add_tile(sum_rows(tile, g, g_rows, g_step, source, rows, b, b_end, d), table, tile_rows, d)
        d += TILE_COLUMNS * LANES
    while d < row_size:
        tile = sum_rows(zero_tile(TILE_ROWS, 1), g, g_rows, g_step, source, rows, a, a_end, d)
        add_tile(sum_rows(tile, g, g_rows, g_step, source, rows, b, b_end, d), table, tile_rows, d)
        d += LANES


@lean
def combine(table, first, g, g_row, g_step, source, rows, end, row_size):
    """Assign the sums of `accumulate`, over k in [0, end), to TILE_ROWS rows of a table from row `first` on."""
    tile_rows = steps(first * row_size, row_size, TILE_ROWS)
    g_rows = steps(first * g_row, g_row, TILE_ROWS)
    d = 0
    while d + TILE_COLUMNS * LANES <= row_size:
        tile = zero_tile(TILE_ROWS, TILE_COLUMNS)
        store_tile(sum_rows(tile, g, g_rows, g_step, source, rows, 0, end, d), table, tile_rows, d)
        d += TILE_COLUMNS * LANES
    while d < row_size:
        tile = zero_tile(TILE_ROWS, 1)
        store_tile(sum_rows(tile, g, g_rows, g_step, source, rows, 0, end, d), table, tile_rows, d)
        d += LANES


@lean
def gather_rows(table, rows, first, last, row_size, copy):
    """Assign the table row at rows[j] to copy[j * S :][:S], first <= j < last."""
    for j in range(first, last):
        row = load(rows, j)
        for d in range(0, row_size, LANES):
            store_vector(copy, j * row_size + d, load_vector(table, row + d))


@lean
def transpose_rows(table, j, row_size, transposed, column, stride):
    """Assign transposed[d * stride + column + r] = table[(j + r) * S + d] for r < LANES and all d."""
    for d in range(0, row_size, LANES):
        transpose(table, steps(j * row_size, row_size, LANES), d, transposed, d * stride + column, stride)


@lean
def noise_losses(total, scores, first, stride, n_targets, n_noise, gain, scale, alpha):
    """Replace noise scores by -alpha * weight * sigmoid(score); return `total` plus the loss.

    The score of noise word i with target k is scores[first + i * stride + k]; its weight is scale * gain[k], and its
    loss -weight * ln sigmoid(-score).
    """
    zero, one, rate = splat(_float32(0)), splat(_float32(1)), splat(alpha)
    for c in range(0, n_targets, LANES):
        weights = load_vector(gain, c) * splat(scale)
        step = zero - weights * rate
        for group in range(0, n_noise, GROUP):
            product = one
            for i in range(group, group + GROUP):
                at = first + i * stride + c
                s = sigmoid(zero - load_vector(scores, at))
                store_vector(scores, at, (one - s) * step)
                product = product * s
            total = total - weights * logarithm(product)
    return total


@lean
def move_rows(error, hidden, n_targets, row_size, table, rows):
    """Add error[k] hidden[k] to the table row at rows[k]."""
    for k in range(n_targets):
        rate, own, row = splat(load(error, k)), k * row_size, load(rows, k)
        for d in range(0, row_size, LANES):
            store_vector(table, row + d, fma(rate, load_vector(hidden, own + d), load_vector(table, row + d)))
