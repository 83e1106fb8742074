"""All layers of a network at once, for float32 sentences whose gradients nobody asks for.

Groups of whole sentences go through all layers one after the other, so that what lies between two layers stays in the
nearer caches. The kernels are those of the layers' own forward functions, and so are the results, bit for bit.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from w2v._kernels import JIT

from ._attention_kernels import attend
from ._products import multiply
from ._row_kernels import activate, apply_branch, normalise, rotate

GROUP = 480
"""Tokens of a group, unless one sentence has more."""
TABLE, INDEX, FRACTION = 1, 2, 3
"""Kinds of positions that are added; 0 adds nothing."""
QUERY, KEY, VALUE, OUTPUT, INNER, OUTER, NORM1, NORM2, DISTANCES, END = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9
"""Entries of `borders`: where the arrays of a layer begin in its row of `weights`."""


@njit(**JIT)
def _add_positions(h, dim, offsets, first, last, kind, table):
    """Add positions to h, whose first row is that of sentence `first`; see `positions.forward`."""
    row = 0
    for b in range(first, last):
        length = offsets[b + 1] - offsets[b]
        for i in range(length):
            if kind == TABLE:
                source = min(i, table.shape[0] - 1)
                for d in range(dim):
                    h[row + d] += table[source, d]
            else:
                factor = np.float32(i + 1)
                if kind == FRACTION:
                    factor = np.float32(i / max(length - 1, 1))
                for d in range(dim):
                    h[row + d] += factor * table[0, d]
            row += dim


@njit(**JIT)
def _place(offsets, first, last, positions):
    row = 0
    for b in range(first, last):
        for i in range(offsets[b + 1] - offsets[b]):
            positions[row] = i
            row += 1


@njit(**JIT)
def _run_layer(
    h, n, own_offsets, n_sentences, dim, n_heads, head_size, d_ff, pre, activation, epsilon, distance, cos, sin,
    positions, row, borders, normal, q, k, v, mixed, hidden, moments,
):  # fmt: skip
    """Put n rows h through one layer, in place; `row` holds its arrays, the rest is scratch."""
    no_mask, no_weights, no_offsets = np.zeros(0, np.bool_), np.zeros(0, np.float32), np.zeros(0, np.int64)
    gain1, gain2 = row[borders[NORM1] : borders[NORM1] + dim], row[borders[NORM2] : borders[NORM2] + dim]
    bias1, bias2 = row[borders[NORM1] + dim : borders[NORM2]], row[borders[NORM2] + dim : borders[DISTANCES]]
    source = h
    if pre:
        normalise(h, n, dim, epsilon, gain1, bias1, normal, moments, moments)
        source = normal
    width = n_heads * head_size
    multiply(source, n, dim, row[borders[QUERY] : borders[KEY]], width, False, q)
    multiply(source, n, dim, row[borders[KEY] : borders[VALUE]], width, False, k)
    multiply(source, n, dim, row[borders[VALUE] : borders[OUTPUT]], width, False, v)
    if cos.size:
        turned_q, turned_k = q[: n * width].reshape(n, width), k[: n * width].reshape(n, width)
        rotate(turned_q, n_heads, cos, sin, positions, 1, turned_q)
        rotate(turned_k, n_heads, cos, sin, positions, 1, turned_k)
    scale = np.float32((dim // n_heads) ** -0.5)
    attend(
        q, k, v, own_offsets, own_offsets, 0, n_sentences, n_heads, head_size, scale,
        row[borders[DISTANCES] : borders[END]], distance, False, no_mask, mixed, no_weights, no_offsets,
    )  # fmt: skip
    multiply(mixed, n, width, row[borders[OUTPUT] : borders[INNER]], dim, True, h)
    source = h
    if pre:
        normalise(h, n, dim, epsilon, gain2, bias2, normal, moments, moments)
        source = normal
    else:
        normalise(h, n, dim, epsilon, gain1, bias1, h, moments, moments)
    multiply(source, n, dim, row[borders[INNER] : borders[OUTER]], d_ff, False, hidden)
    activate(activation, hidden[: n * d_ff], hidden[: n * d_ff])
    multiply(hidden, n, d_ff, row[borders[OUTER] : borders[NORM1]], dim, True, h)
    if not pre:
        normalise(h, n, dim, epsilon, gain2, bias2, h, moments, moments)


@njit(**JIT)
def _end_of_group(offsets, first, last):
    """Return the sentence after the last whose tokens still fit the group that begins with `first`."""
    end = first + 1
    while end < last and offsets[end + 1] - offsets[first] <= GROUP:
        end += 1
    return end


@njit(**JIT)
def infer(
    x, offsets, first, last, input_size, dim, n_heads, head_size, d_ff, pre, activation, epsilon, distance, cos, sin,
    kind, table, head, gated, into, start_bias, start_norm, weights, borders, end_norm, out_of, y, pooled,
):  # fmt: skip
    """Compute the rows of the sentences first .. last - 1, or their sums.

    Parameters
    ----------
    x : ndarray of shape (N * input_size,), float32
    offsets : ndarray of shape (B + 1,), int64
    input_size, dim, n_heads, head_size, d_ff : int
        The heads of the packed maps have `head_size` columns, a multiple of LANES; further ones are zero.
    pre : bool
        Whether norms come first.
    activation : int
    epsilon : float32
    distance : int
        Reach of the biases of distances; -1 without.
    cos, sin : ndarray of shape (n_positions, half), float32
        Of rotary positions; empty without.
    kind : int
        0, TABLE, INDEX or FRACTION.
    table : ndarray of shape (n_positions, dim) or (1, dim), float32
    head, gated : bool
        Whether rows are mapped to `dim` and back, and whether the last column of the map back is a gate.
    into, out_of : ndarray, float32
        The packed maps; see `_products`.
    start_bias : ndarray of shape (dim,) or (0,), float32
        The token type.
    start_norm, end_norm : ndarray of shape (2 * dim,) or (0,), float32
        Gain and bias of the norms before and after the layers.
    weights : ndarray of shape (n_layers, size), float32
        The arrays of each layer, as `borders` tells.
    borders : ndarray of shape (END + 1,), int64
    y : ndarray of shape (N * input_size,), float32; of shape (B * input_size,) with `pooled`
        Overwritten in the rows of these sentences.
    pooled : bool
        Whether y is to be the sums of the rows of each sentence.
    """
    most = 0
    b = first
    while b < last:
        end = _end_of_group(offsets, b, last)
        most = max(most, offsets[end] - offsets[b])
        b = end
    h, normal = np.empty(most * dim, np.float32), np.empty(most * dim, np.float32)
    width = n_heads * head_size
    q, k = np.empty(most * width, np.float32), np.empty(most * width, np.float32)
    v, mixed = np.empty(most * width, np.float32), np.empty(most * width, np.float32)
    hidden, moments = np.empty(most * d_ff, np.float32), np.empty(most, np.float32)
    positions = np.empty(most, np.int64)
    n_columns = input_size + 1 if gated else input_size
    ends = np.empty(most * n_columns if head else 0, np.float32)
    rows = np.empty(most * input_size if pooled else 0, np.float32)
    b = first
    while b < last:
        end = _end_of_group(offsets, b, last)
        n, start = offsets[end] - offsets[b], offsets[b]
        own = x[start * input_size : offsets[end] * input_size]
        if head:
            multiply(own, n, input_size, into, dim, False, h)
        else:
            h[: n * dim] = own
        if kind:
            _add_positions(h, dim, offsets, b, end, kind, table)
        if start_bias.size:
            for i in range(n):
                for d in range(dim):
                    h[i * dim + d] += start_bias[d]
        if start_norm.size:
            normalise(h, n, dim, epsilon, start_norm[:dim], start_norm[dim:], h, moments, moments)
        if cos.size:
            _place(offsets, b, end, positions)
        own_offsets = offsets[b : end + 1] - start
        for layer in range(weights.shape[0]):
            _run_layer(
                h, n, own_offsets, end - b, dim, n_heads, head_size, d_ff, pre, activation, epsilon, distance, cos, sin,
                positions, weights[layer], borders, normal, q, k, v, mixed, hidden, moments,
            )  # fmt: skip
        if end_norm.size:
            normalise(h, n, dim, epsilon, end_norm[:dim], end_norm[dim:], h, moments, moments)
        target = rows[: n * input_size] if pooled else y[start * input_size : offsets[end] * input_size]
        if not head:
            target[:] = h[: n * dim]
        elif gated:
            multiply(h, n, dim, out_of, n_columns, False, ends)
            apply_branch(
                own.reshape(n, input_size), ends[: n * n_columns].reshape(n, n_columns), moments,
                target.reshape(n, input_size),
            )  # fmt: skip
        else:
            multiply(h, n, dim, out_of, n_columns, False, target)
        if pooled:
            for s in range(b, end):
                for d in range(input_size):
                    y[s * input_size + d] = np.float32(0)
                for i in range(offsets[s] - start, offsets[s + 1] - start):
                    for d in range(input_size):
                        y[s * input_size + d] += target[i * input_size + d]
        b = end
