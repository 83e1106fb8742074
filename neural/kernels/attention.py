"""Scaled dot-product attention of packed float32 sequences, forward and backward; see docs/derivations/attention.md.

For one sequence and head, with Q (T, D), K and V (S, D), a scale and a table of biases::

    A = scale * Q K^T + bias[j - i]        P = softmax of the rows of A over what they may see        Y = P V
    dV = P^T dY    dP = dY V^T    dA = P * (dP - rowsum(P * dP))    dQ = scale * dA K    dK = scale * dA^T Q

A block of LANES queries is processed at a time, one per lane: scores are transposed, one vector per key, so that the
softmax works on whole vectors. Memory grows with S, not with T S; the backward pass recomputes P. The order of
summation within a sequence depends only on T and S.

All arrays of tokens are flat, C-contiguous and float32, with rows of n_heads * head_size, where head_size is a multiple
of LANES: `dot_product` pads heads with zeros. Nothing is checked.
"""

from __future__ import annotations

import numpy as np

from w2v.kernels.jit import compiled, lean
from w2v.kernels.simd import (
    LANES,
    add_tile,
    fma,
    fma_outer,
    load_vector,
    select_lanes,
    splat,
    steps,
    store_tile,
    store_vector,
    take,
    transpose,
    zero_tile,
)
from w2v.kernels.training import round_up
from w2v.neural.kernels.vector_math import exponential, larger, plus

ROWS = 8 if LANES == 16 else 6
_float32 = np.float32
_LOWEST = -3.0e38
_TINY = 1e-30


@lean
def _transpose_block(source, first, count, row_size, start, head_size, clamped, out):
    """Copy the head of `count` rows to columns: out[d * LANES + i]; remaining columns repeat the last one."""
    for i in range(LANES):
        clamped[i] = (first + min(i, count - 1)) * row_size + start
    rows = take(clamped, 0, LANES)
    for d in range(0, head_size, LANES):
        transpose(source, rows, d, out, d * LANES, LANES)


@lean
def _dot_products(keys, first, count, row_size, start, head_size, queries, clamped, out):
    """Assign out[j * LANES + i] the dot product of key j < count with the query in column i of `queries`."""
    for j in range(0, count, ROWS):
        if j + ROWS <= count:
            rows = steps((first + j) * row_size + start, row_size, ROWS)
        else:
            for r in range(ROWS):
                clamped[r] = (first + min(j + r, count - 1)) * row_size + start
            rows = take(clamped, 0, ROWS)
        tile = zero_tile(ROWS, 1)
        for d in range(head_size):
            tile = fma_outer(tile, keys, rows, d, queries, d * LANES)
        store_tile(tile, out, steps(j * LANES, LANES, ROWS), 0)


@lean
def _spread_biases(bias, head, distance, n_queries, n_keys, out):
    """Set out[t + n_keys] to the head's bias of key j for query i = j + t, for every t that occurs in a block."""
    middle = head * (2 * distance + 1) + distance
    for t in range(-n_keys, n_queries + LANES):
        out[t + n_keys] = bias[middle + min(max(-t, -distance), distance)]


@lean
def _softmax(scores, n_keys, first, scale, biases, n_biased, causal, mask, first_key):
    """Turn the scores of a block of queries, starting at query `first` of the sequence, into weights that sum to one.

    biases[first - j + n_biased + i] is the bias of query first + i and key j, if there are biases.
    """
    lowest, zero, factor = splat(_float32(_LOWEST)), splat(_float32(0)), splat(scale)
    top = lowest
    for j in range(n_keys):
        s = load_vector(scores, j * LANES) * factor
        if biases.size:
            s = plus(s, load_vector(biases, first - j + n_biased))
        if causal:
            s = select_lanes(s, lowest, j - first, LANES)
        if mask.size:
            if not mask[first_key + j]:
                s = lowest
        store_vector(scores, j * LANES, s)
        top = larger(s, top)
    total = zero
    for j in range(n_keys):
        e = exponential(load_vector(scores, j * LANES) - top)
        if causal:
            e = select_lanes(e, zero, j - first, LANES)
        if mask.size:
            if not mask[first_key + j]:
                e = zero
        store_vector(scores, j * LANES, e)
        total = plus(total, e)
    inverse = splat(_float32(1)) / larger(total, splat(_float32(_TINY)))  # all weights are zero if a query sees no key
    for j in range(n_keys):
        store_vector(scores, j * LANES, load_vector(scores, j * LANES) * inverse)


@lean
def _multiply_block(a, a_rows, a_step, depth, b, b_at, b_stride, columns, out, out_at, out_stride, add):
    """Assign or add sum over k < depth of a[a_rows[r] + k * a_step] * b[b_at + k * b_stride + c] to row r of out.

    Rows of `out` start at out_at, out_stride apart; `columns`, the number of columns c, is a multiple of LANES.
    """
    out_rows = steps(out_at, out_stride, ROWS)
    c = 0
    while c + 2 * LANES <= columns:
        tile = zero_tile(ROWS, 2)
        for k in range(depth):
            tile = fma_outer(tile, a, a_rows, k * a_step, b, b_at + k * b_stride + c)
        if add:
            add_tile(tile, out, out_rows, c)
        else:
            store_tile(tile, out, out_rows, c)
        c += 2 * LANES
    while c < columns:
        single = zero_tile(ROWS, 1)
        for k in range(depth):
            single = fma_outer(single, a, a_rows, k * a_step, b, b_at + k * b_stride + c)
        if add:
            add_tile(single, out, out_rows, c)
        else:
            store_tile(single, out, out_rows, c)
        c += LANES


@lean
def _multiply_rows(a, a_rows, a_step, depth, b, b_at, b_stride, columns, out, out_at, out_stride, count, add, scratch):
    """Do the same for the first `count` rows only; the other rows of the tile go to `scratch`."""
    if count == ROWS:
        _multiply_block(a, a_rows, a_step, depth, b, b_at, b_stride, columns, out, out_at, out_stride, add)
        return
    _multiply_block(a, a_rows, a_step, depth, b, b_at, b_stride, columns, scratch, 0, columns, False)
    for r in range(count):
        at = out_at + r * out_stride
        for c in range(0, columns, LANES):
            value = load_vector(scratch, r * columns + c)
            store_vector(out, at + c, load_vector(out, at + c) + value if add else value)


@compiled
def longest(offsets, first, last):
    """Return the length of the longest of the sequences first .. last - 1."""
    length = 0
    for b in range(first, last):
        length = max(length, offsets[b + 1] - offsets[b])
    return length


@lean
def _mix(weights, depth, values, values_at, row_size, head_size, out, out_at, count, scratch):
    """Assign row i < count of out the sum over j < depth of weights[j * LANES + i] times row j of values."""
    for i in range(0, count, ROWS):
        _multiply_rows(
            weights, steps(i, 1, ROWS), LANES, depth, values, values_at, row_size, head_size, out,
            out_at + i * row_size, row_size, min(ROWS, count - i), False, scratch,
        )  # fmt: skip


@lean
def _add_mixed(weights, depth, rows, rows_at, row_size, head_size, out, out_at, count, scratch):
    """Add to row j < count of out the sum over i < depth of weights[j * LANES + i] times row i of rows."""
    for j in range(0, count, ROWS):
        _multiply_rows(
            weights, steps(j * LANES, LANES, ROWS), 1, depth, rows, rows_at, row_size, head_size, out,
            out_at + j * row_size, row_size, min(ROWS, count - j), True, scratch,
        )  # fmt: skip


@compiled
def attend(
    q, k, v, query_offsets, key_offsets, first, last, n_heads, head_size, scale, bias, distance, causal, mask, y,
    weights, weight_offsets,
):  # fmt: skip
    """Compute the attention of sequences first .. last - 1.

    Parameters
    ----------
    q, k, v : ndarray, float32
        Queries (N, E), keys and values (M, E), flat, with E = n_heads * head_size.
    query_offsets, key_offsets : ndarray of shape (B + 1,), int64
        Queries of sequence b attend to keys of sequence b.
    n_heads, head_size : int
    scale : float32
        Factor of the scores.
    bias : ndarray of shape (n_heads * (2 * distance + 1),), float32
        Added to the score of key j for query i: the value of the head for j - i, clipped to +- distance.
    distance : int
        -1 without biases.
    causal : bool
        Query i attends to keys 0 .. i only.
    mask : ndarray of shape (M,) or (0,), bool
        Keys that are visible; empty means all.
    y : ndarray of shape (N * E,), float32
        Overwritten.
    weights : ndarray, float32
        Overwritten with the weights: those of sequence b are n_heads * T * S values from weight_offsets[b] on. Nothing
        is written if it is empty.
    weight_offsets : ndarray, int64
    """
    dim = n_heads * head_size
    most_queries, most_keys = longest(query_offsets, first, last), longest(key_offsets, first, last)
    queries, scratch = np.empty(head_size * LANES, np.float32), np.empty(ROWS * head_size, np.float32)
    scores = np.empty((round_up(most_keys, ROWS) + 1) * LANES, np.float32)
    biases = np.empty(most_keys + most_queries + LANES if distance >= 0 else 0, np.float32)
    clamped = np.empty(LANES + ROWS, np.int64)
    for b in range(first, last):
        query, key = query_offsets[b], key_offsets[b]
        n_queries, n_keys = query_offsets[b + 1] - query, key_offsets[b + 1] - key
        for h in range(n_heads):
            start = h * head_size
            if distance >= 0:
                _spread_biases(bias, h, distance, n_queries, n_keys, biases)
            for i in range(0, n_queries, LANES):
                count = min(LANES, n_queries - i)
                seen = min(n_keys, i + count) if causal else n_keys
                _transpose_block(q, query + i, count, dim, start, head_size, clamped, queries)
                _dot_products(k, key, seen, dim, start, head_size, queries, clamped, scores)
                _softmax(scores, seen, i, scale, biases, n_keys, causal, mask, key)
                own = (query + i) * dim + start
                _mix(scores, seen, v, key * dim + start, dim, head_size, y, own, count, scratch)
                if weights.size:
                    for r in range(count):
                        at = weight_offsets[b] + (h * n_queries + i + r) * n_keys
                        for j in range(n_keys):
                            weights[at + j] = scores[j * LANES + r] if j < seen else _float32(0)


@lean
def _differentiate_softmax(weights, dweights, n_keys, scale):
    """Turn dP into dA in place, where A are the scores, and P into scale * dA."""
    dot = splat(_float32(0))
    for j in range(n_keys):
        dot = fma(load_vector(weights, j * LANES), load_vector(dweights, j * LANES), dot)
    factor = splat(scale)
    for j in range(n_keys):
        d = load_vector(weights, j * LANES) * (load_vector(dweights, j * LANES) - dot)
        store_vector(dweights, j * LANES, d)
        store_vector(weights, j * LANES, d * factor)


@lean
def _add_to_biases(dscores, n_keys, first, count, dbias, head, distance):
    middle = head * (2 * distance + 1) + distance
    for j in range(n_keys):
        for i in range(count):
            dbias[middle + min(max(j - first - i, -distance), distance)] += dscores[j * LANES + i]


@compiled
def attend_backward(
    dy, q, k, v, query_offsets, key_offsets, first, last, n_heads, head_size, scale, bias, distance, causal, mask, dq,
    dk, dv, dbias,
):  # fmt: skip
    """Compute the gradients of `attend`; dq, dk and dv are overwritten, dbias is added to."""
    dim = n_heads * head_size
    most_queries, most_keys = longest(query_offsets, first, last), longest(key_offsets, first, last)
    columns, scratch = np.empty(head_size * LANES, np.float32), np.empty(ROWS * head_size, np.float32)
    size = (round_up(most_keys, ROWS) + 1) * LANES
    weights, dweights = np.empty(size, np.float32), np.empty(size, np.float32)
    biases = np.empty(most_keys + most_queries + LANES if distance >= 0 else 0, np.float32)
    clamped = np.empty(LANES + ROWS, np.int64)
    for b in range(first, last):
        query, key = query_offsets[b], key_offsets[b]
        n_queries, n_keys = query_offsets[b + 1] - query, key_offsets[b + 1] - key
        dk[key * dim : (key + n_keys) * dim] = 0
        dv[key * dim : (key + n_keys) * dim] = 0
        for h in range(n_heads):
            start = h * head_size
            own_keys = key * dim + start
            if distance >= 0:
                _spread_biases(bias, h, distance, n_queries, n_keys, biases)
            for i in range(0, n_queries, LANES):
                count = min(LANES, n_queries - i)
                seen = min(n_keys, i + count) if causal else n_keys
                own = (query + i) * dim + start
                _transpose_block(q, query + i, count, dim, start, head_size, clamped, columns)
                _dot_products(k, key, seen, dim, start, head_size, columns, clamped, weights)
                _softmax(weights, seen, i, scale, biases, n_keys, causal, mask, key)
                _add_mixed(weights, count, dy, own, dim, head_size, dv, own_keys, seen, scratch)
                _transpose_block(dy, query + i, count, dim, start, head_size, clamped, columns)
                _dot_products(v, key, seen, dim, start, head_size, columns, clamped, dweights)
                _differentiate_softmax(weights, dweights, seen, scale)
                if distance >= 0:
                    _add_to_biases(dweights, seen, i, count, dbias, h, distance)
                _mix(weights, seen, k, own_keys, dim, head_size, dq, own, count, scratch)
                _add_mixed(weights, count, q, own, dim, head_size, dk, own_keys, seen, scratch)
