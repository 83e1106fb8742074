"""All layers of a network in one call, for float32 inference without gradients.

Groups of whole sequences pass through all layers, so that intermediate values stay in the nearer caches. The kernels
are those of the layers' forward functions, and so are the results, bit for bit.

The sum of a sequence's rows is cheaper than the rows: with y_i = exp(g_i) x_i + h_i V + c,

    sum y_i = sum exp(g_i) x_i + (sum h_i) V + T c

needs one product with V for a sequence of T tokens; for rows of a table, x_i W + b is computed in advance.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from w2v.kernels.jit import compiled, merged
from w2v.kernels.simd import LANES, fma, load, load_vector, prefetch_read, splat, store_vector, sum_lanes
from w2v.neural.kernels.attention import attend
from w2v.neural.kernels.products import int8
from w2v.neural.kernels.products.matmul import ADD, ASSIGN, multiply
from w2v.neural.kernels.rows import activate, copy_values, gated_residual, normalise, rotate

GROUP = 240
"""Maximum tokens of a group, unless a single sequence has more."""
TABLE, INDEX, FRACTION = 1, 2, 3
"""Kinds of additive positions; 0 adds nothing."""
QUERY, KEY, VALUE, OUTPUT, INNER, OUTER, NORM1, NORM2, DISTANCES, END = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9
"""Entries of `borders`: where each array of a layer starts in its row of `weights`."""
_AHEAD = 6
_LINE = 16
_FIRST, _WHOLE = np.int64(0), np.bool_(False)  # with the types that `attend` is compiled for, unlike 0 and False


class Plan(NamedTuple):
    """A network in the format of the kernels.

    Attributes
    ----------
    input_size, dim, n_heads, head_size, d_ff : int
        Heads of the packed projections have `head_size` columns, a multiple of LANES; padding columns are zero.
    scale : float32
        Factor of the attention scores.
    pre : bool
        Whether norms come before the sub-layers.
    activation : int
    epsilon : float32
    distance : int
        Maximum distance with a bias of its own; -1 without biases.
    kind : int
        Kind of additive positions: 0, TABLE, INDEX or FRACTION.
    in_int8 : bool
        Whether the matrices of the layers are in the layout of `products.int8`.
    mapped, gated : bool
        Whether rows are projected to `dim` and back, and whether the last column of the projection back is a gate.
    table : ndarray of shape (n_positions, dim) or (1, dim), float32
        The additive encodings of positions.
    into, out_of : ndarray, float32
        The packed projections; see `matmul`.
    out_of_sums : ndarray, float32
        The packed projection back, without its bias and its gate.
    out_bias : ndarray of shape (input_size,), float32
    gate : ndarray of shape (dim + 1,), float32
        The column of the gate and its bias.
    token_type : ndarray of shape (dim,) or (0,), float32
    start_norm, end_norm : ndarray of shape (2 * dim,) or (0,), float32
        Gain and bias of the norms before and after the layers.
    weights : ndarray of shape (n_layers, size), float32
        The arrays of each layer, at the offsets in `borders`.
    borders : ndarray of shape (END + 1,), int64
    """

    input_size: int
    dim: int
    n_heads: int
    head_size: int
    d_ff: int
    scale: Any
    pre: bool
    activation: int
    epsilon: Any
    distance: int
    kind: int
    in_int8: bool
    mapped: bool
    gated: bool
    table: Any
    into: Any
    out_of: Any
    out_of_sums: Any
    out_bias: Any
    gate: Any
    token_type: Any
    start_norm: Any
    end_norm: Any
    weights: Any
    borders: Any


class TableInput(NamedTuple):
    """Rows of a table as the input.

    Attributes
    ----------
    ids : ndarray of shape (N,), int32
        Rows of the table in [0, V); -1 - k stands for row k of `extra`, with scale 1.
    scales : ndarray of shape (V,), float32
        Factors of the table's rows.
    table, extra : ndarray of shape (V * input_size,) and (K * input_size,), float32
    projected, extra_projected : ndarray of shape (V * dim,) and (K * dim,), float32
        x W + b of every row x, including the scales.
    """

    ids: Any
    scales: Any
    table: Any
    extra: Any
    projected: Any
    extra_projected: Any


class _Scratch(NamedTuple):
    """Buffers for the largest group."""

    h: Any
    normal: Any
    q: Any
    k: Any
    v: Any
    mixed: Any
    hidden: Any
    moments: Any
    positions: Any
    numbers: Any
    scales: Any


@compiled
def _largest_group(offsets, first, last):
    most = 0
    b = first
    while b < last:
        end = _end_of_group(offsets, b, last)
        most = max(most, offsets[end] - offsets[b])
        b = end
    return most


@compiled
def _end_of_group(offsets, first, last):
    """Return the end (exclusive) of the group of sequences that starts at `first` and fits the number of tokens."""
    end = first + 1
    while end < last and offsets[end + 1] - offsets[first] <= GROUP:
        end += 1
    return end


@merged
def _scratch(plan, n):
    dim, width = plan.dim, plan.n_heads * plan.head_size
    return _Scratch(
        np.empty(n * dim, np.float32), np.empty(n * dim, np.float32), np.empty(n * width, np.float32),
        np.empty(n * width, np.float32), np.empty(n * width, np.float32), np.empty(n * width, np.float32),
        np.empty(n * plan.d_ff, np.float32), np.empty(n, np.float32), np.empty(n, np.int64),
        np.empty(n * int8.stride_of(max(dim, width, plan.d_ff)) if plan.in_int8 else 0, np.uint8),
        np.empty(n, np.float32),
    )  # fmt: skip


@merged
def _add_positions(plan, h, positions, n, offsets, first, last):
    """Add positions to n rows, the first of which starts sequence `first`; see `positions.forward`."""
    dim, row = plan.dim, 0
    for b in range(first, last):
        length = offsets[b + 1] - offsets[b]
        for i in range(length):
            positions[row // dim] = i
            if plan.kind == TABLE:
                source = min(i, plan.table.shape[0] - 1)
                for d in range(dim):
                    h[row + d] += plan.table[source, d]
            elif plan.kind:
                factor = np.float32(i + 1)
                if plan.kind == FRACTION:
                    factor = np.float32(i / max(length - 1, 1))
                for d in range(dim):
                    h[row + d] += factor * plan.table[0, d]
            row += dim


@merged
def _map(plan, x, n, width, is_rounded, panels, n_columns, add, out, s):
    """Assign x W + b to `out`, or add it; `is_rounded` tells that the rows were the last that `quantise` rounded."""
    if plan.in_int8:
        if not is_rounded:
            int8.quantise(x, n, width, s.numbers, s.scales)
        int8.multiply(s.numbers, s.scales, n, width, panels, n_columns, add, out)
    else:
        multiply(x, n, width, panels, n_columns, add, out)


@merged
def _run_layer(plan, row, n, offsets, n_sequences, cos, sin, s):
    """Apply one layer to the n rows s.h, in place; `row` contains its arrays."""
    no_mask, no_weights, no_offsets = np.zeros(0, np.bool_), np.zeros(0, np.float32), np.zeros(0, np.int64)
    borders, dim, width = plan.borders, plan.dim, plan.n_heads * plan.head_size
    gain1, gain2 = row[borders[NORM1] : borders[NORM1] + dim], row[borders[NORM2] : borders[NORM2] + dim]
    bias1, bias2 = row[borders[NORM1] + dim : borders[NORM2]], row[borders[NORM2] + dim : borders[DISTANCES]]
    source = s.h
    if plan.pre:
        normalise(s.h, n, dim, plan.epsilon, gain1, bias1, s.normal, s.moments, s.moments)
        source = s.normal
    _map(plan, source, n, dim, False, row[borders[QUERY] : borders[KEY]], width, ASSIGN, s.q, s)
    _map(plan, source, n, dim, True, row[borders[KEY] : borders[VALUE]], width, ASSIGN, s.k, s)
    _map(plan, source, n, dim, True, row[borders[VALUE] : borders[OUTPUT]], width, ASSIGN, s.v, s)
    if cos.size:
        q, k = s.q[: n * width].reshape(n, width), s.k[: n * width].reshape(n, width)
        rotate(q, plan.n_heads, cos, sin, s.positions, 1, q)
        rotate(k, plan.n_heads, cos, sin, s.positions, 1, k)
    attend(
        s.q, s.k, s.v, offsets, offsets, _FIRST, n_sequences, plan.n_heads, plan.head_size, plan.scale,
        row[borders[DISTANCES] : borders[END]], plan.distance, _WHOLE, no_mask, s.mixed, no_weights, no_offsets,
    )  # fmt: skip
    _map(plan, s.mixed, n, width, False, row[borders[OUTPUT] : borders[INNER]], dim, ADD, s.h, s)
    source = s.h
    if plan.pre:
        normalise(s.h, n, dim, plan.epsilon, gain2, bias2, s.normal, s.moments, s.moments)
        source = s.normal
    else:
        normalise(s.h, n, dim, plan.epsilon, gain1, bias1, s.h, s.moments, s.moments)
    _map(plan, source, n, dim, False, row[borders[INNER] : borders[OUTER]], plan.d_ff, ASSIGN, s.hidden, s)
    hidden = s.hidden[: n * plan.d_ff]
    activate(plan.activation, hidden, hidden)
    _map(plan, s.hidden, n, plan.d_ff, False, row[borders[OUTER] : borders[NORM1]], dim, ADD, s.h, s)
    if not plan.pre:
        normalise(s.h, n, dim, plan.epsilon, gain2, bias2, s.h, s.moments, s.moments)


@merged
def _run_layers(plan, n, offsets, first, last, cos, sin, s):
    """Apply everything between the projections to the n rows s.h of sequences first .. last - 1, in place."""
    dim = plan.dim
    _add_positions(plan, s.h, s.positions, n, offsets, first, last)
    if plan.token_type.size:
        for i in range(n):
            for d in range(dim):
                s.h[i * dim + d] += plan.token_type[d]
    if plan.start_norm.size:
        gain, bias = plan.start_norm[:dim], plan.start_norm[dim:]
        normalise(s.h, n, dim, plan.epsilon, gain, bias, s.h, s.moments, s.moments)
    own = offsets[first : last + 1] - offsets[first]
    for layer in range(plan.weights.shape[0]):
        _run_layer(plan, plan.weights[layer], n, own, last - first, cos, sin, s)
    if plan.end_norm.size:
        gain, bias = plan.end_norm[:dim], plan.end_norm[dim:]
        normalise(s.h, n, dim, plan.epsilon, gain, bias, s.h, s.moments, s.moments)


@compiled
def _dot(a, at, b, n):
    """Return the sum over d < n of a[at + d] * b[d]."""
    whole = n - n % LANES
    total = splat(np.float32(0))
    for d in range(0, whole, LANES):
        total = fma(load_vector(a, at + d), load_vector(b, d), total)
    result = sum_lanes(total)
    for d in range(whole, n):
        result += load(a, at + d) * load(b, d)
    return result


@compiled
def _add_scaled(row, at, scale, factor, n, out, out_at):
    """Add factor * (scale * row[at : at + n]) to out[out_at:]."""
    whole = n - n % LANES
    scales, factors = splat(scale), splat(factor)
    for d in range(0, whole, LANES):
        x = scales * load_vector(row, at + d)
        store_vector(out, out_at + d, fma(factors, x, load_vector(out, out_at + d)))
    for d in range(whole, n):
        out[out_at + d] += factor * (scale * load(row, at + d))


@compiled
def _finish_sums(plan, x, source, offsets, first, last, h, y):
    """Write the sums of sequences first .. last - 1; the rows h start with the first of these."""
    one, size, dim, start = np.float32(1), plan.input_size, plan.dim, offsets[first]
    sums = np.zeros((last - first) * dim if plan.mapped else 0, np.float32)
    for b in range(first, last):
        target, own = b * size, (b - first) * dim
        for d in range(size):
            y[target + d] = plan.out_bias[d] * np.float32(offsets[b + 1] - offsets[b]) if plan.mapped else np.float32(0)
        for i in range(offsets[b], offsets[b + 1]):
            at = (i - start) * dim
            if not plan.mapped:
                _add_scaled(h, at, one, one, dim, y, target)
                continue
            _add_scaled(h, at, one, one, dim, sums, own)
            if not plan.gated:
                continue
            factor = np.exp(_dot(h, at, plan.gate, dim) + plan.gate[dim])
            if source.ids.size:
                if i + _AHEAD < source.ids.size:
                    coming = np.int64(load(source.ids, i + _AHEAD))
                    if coming >= 0:
                        for d in range(0, size, _LINE):
                            prefetch_read(source.table, coming * size + d)
                row = np.int64(load(source.ids, i))
                if row >= 0:
                    _add_scaled(source.table, row * size, load(source.scales, row), factor, size, y, target)
                else:
                    _add_scaled(source.extra, (-1 - row) * size, one, factor, size, y, target)
            else:
                _add_scaled(x, i * size, one, factor, size, y, target)
    if plan.mapped:
        multiply(sums, last - first, dim, plan.out_of_sums, size, ADD, y[first * size : last * size])


@compiled
def _finish_rows(plan, x, n, h, unused, y):
    """Write the n outputs for the input rows x and the hidden states h."""
    size, dim = plan.input_size, plan.dim
    if plan.gated:
        ends = np.empty(n * (size + 1), np.float32)
        multiply(h, n, dim, plan.out_of, size + 1, ASSIGN, ends)
        gated_residual(x.reshape(n, size), ends.reshape(n, size + 1), unused, y.reshape(n, size))
    elif plan.mapped:
        multiply(h, n, dim, plan.out_of, size, ASSIGN, y)
    else:
        copy_values(h, 0, n * dim, y, 0)


@compiled
def infer(plan, x, source, offsets, first, last, cos, sin, summed, y):
    """Compute the outputs of sequences first .. last - 1, or the sum of the outputs of each.

    One function does both, because it is large and slow to compile.

    Parameters
    ----------
    plan : Plan
    x : ndarray of shape (N * input_size,), float32
        Not read if a `source` is given.
    source : TableInput
        Only for sums; unused if it has no ids.
    offsets : ndarray of shape (B + 1,), int64
    cos, sin : ndarray of shape (n_positions, half), float32
        For rotary positions, otherwise empty.
    summed : bool
    y : ndarray of shape (N * input_size,) or, if `summed`, (B * input_size,), float32
        Overwritten for these sequences.
    """
    s = _scratch(plan, _largest_group(offsets, first, last))
    size, dim = plan.input_size, plan.dim
    b = first
    while b < last:
        end = _end_of_group(offsets, b, last)
        start, stop = offsets[b], offsets[end]
        n, own = stop - start, x[start * size : stop * size]
        if source.ids.size:
            for i in range(n):
                if start + i + _AHEAD < source.ids.size:
                    coming = np.int64(load(source.ids, start + i + _AHEAD))
                    if coming >= 0:
                        for d in range(0, dim, _LINE):
                            prefetch_read(source.projected, coming * dim + d)
                row = np.int64(load(source.ids, start + i))
                if row >= 0:
                    copy_values(source.projected, row * dim, dim, s.h, i * dim)
                else:
                    copy_values(source.extra_projected, (-1 - row) * dim, dim, s.h, i * dim)
        elif plan.mapped:
            multiply(own, n, size, plan.into, dim, ASSIGN, s.h)
        else:
            copy_values(own, 0, n * dim, s.h, 0)
        _run_layers(plan, n, offsets, b, end, cos, sin, s)
        if summed:
            _finish_sums(plan, x, source, offsets, b, end, s.h, y)
        else:
            _finish_rows(plan, own, n, s.h, s.moments, y[start * size : stop * size])
        b = end
