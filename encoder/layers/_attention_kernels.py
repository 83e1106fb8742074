"""Scaled dot-product attention of packed float32 sentences, forward and backward; see docs/derivations/attention.md.

For one sentence and head, with Q (T, D), K and V (S, D), a scale and a table of biases::

    A = scale * Q K^T + bias[j - i]        P = softmax of the rows of A over what they may see        Y = P V
    dV = P^T dY    dP = dY V^T    dA = P * (dP - rowsum(P * dP))    dQ = scale * dA K    dK = scale * dA^T Q

A block of ROWS queries is done at a time, so that memory grows with S and not with T S; the backward pass computes P
again. Every number of a sentence is made in an order that depends on T and S alone.

All arrays of tokens are flat, C-contiguous and float32, with rows of n_heads * head_size, where head_size is a multiple
of LANES: `dot_product` fills heads up with zeros. Nothing is checked.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from w2v._kernels import JIT, round_up
from w2v._simd import (
    LANES,
    add_tile,
    fma_outer,
    load,
    load_vector,
    select_lanes,
    splat,
    steps,
    store_tile,
    store_vector,
    sum_lanes,
    take,
    transpose,
    zero_tile,
)

from ._vectors import exponential, larger, max_lanes

ROWS = 6
_float32 = np.float32
_LOWEST = -3.0e38


@njit(**JIT)
def _transpose_keys(source, first, count, row_size, start, head_size, padded, out):
    """Copy the head of each of `count` rows to a column: out[d * padded + i], zero for i >= count."""
    whole = count - count % LANES
    for i in range(0, whole, LANES):
        rows = steps((first + i) * row_size + start, row_size, LANES)
        for d in range(0, head_size, LANES):
            transpose(source, rows, d, out, d * padded + i, padded)
    if whole < padded:
        zero = splat(_float32(0))
        for d in range(head_size):
            store_vector(out, d * padded + whole, zero)
        for i in range(whole, count):
            at = (first + i) * row_size + start
            for d in range(head_size):
                out[d * padded + i] = load(source, at + d)


@njit(**JIT)
def _place_rows(first, count, row_size, start, clamped):
    for r in range(ROWS):
        clamped[r] = (first + min(r, count - 1)) * row_size + start


@njit(**JIT)
def _multiply_block(a, a_rows, a_step, depth, b, b_at, b_stride, columns, out, out_at, out_stride, add):
    """Assign or add sum over k < depth of a[a_rows[r] + k * a_step] * b[b_at + k * b_stride + c] to row r of out.

    The rows of out begin at out_at, out_stride apart; `columns`, how many c there are, is a multiple of LANES.
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


@njit(**JIT)
def _multiply_rows(a, a_rows, a_step, depth, b, b_at, b_stride, columns, out, out_at, out_stride, count, add, scratch):
    """Do the same for the first `count` rows only: the others of the tile end in `scratch`."""
    if count == ROWS:
        _multiply_block(a, a_rows, a_step, depth, b, b_at, b_stride, columns, out, out_at, out_stride, add)
        return
    _multiply_block(a, a_rows, a_step, depth, b, b_at, b_stride, columns, scratch, 0, columns, False)
    for r in range(count):
        at = out_at + r * out_stride
        for c in range(0, columns, LANES):
            value = load_vector(scratch, r * columns + c)
            store_vector(out, at + c, load_vector(out, at + c) + value if add else value)


@njit(**JIT)
def _add_biases(scores, at, limit, scale, bias, bias_row, distance, query):
    """Scale a row of scores and add to each the bias of its distance, as far as the table goes."""
    for j in range(limit):
        scores[at + j] = scores[at + j] * scale + bias[bias_row + min(max(j - query, -distance), distance)]


@njit(**JIT)
def _softmax(scores, at, limit, padded, scale):
    """Turn the first `limit` numbers of a row, times `scale`, into weights that sum to one, the others to zero."""
    lowest, zero, factor = splat(_float32(_LOWEST)), splat(_float32(0)), splat(scale)
    largest = lowest
    for c in range(0, limit, LANES):
        s = select_lanes(load_vector(scores, at + c) * factor, lowest, 0, limit - c)
        store_vector(scores, at + c, s)
        largest = larger(s, largest)
    shift = splat(max_lanes(largest))
    total = zero
    for c in range(0, limit, LANES):
        e = select_lanes(exponential(load_vector(scores, at + c) - shift), zero, 0, limit - c)
        store_vector(scores, at + c, e)
        total = total + e
    share = splat(_float32(1) / sum_lanes(total))
    for c in range(0, limit, LANES):
        store_vector(scores, at + c, load_vector(scores, at + c) * share)
    for c in range(round_up(limit, LANES), padded, LANES):
        store_vector(scores, at + c, zero)


@njit(**JIT)
def _masked_softmax(scores, at, limit, padded, scale, mask, first_key):
    """Do the same where only keys with a true mask are seen; with none of them all weights are zero."""
    top = _float32(_LOWEST)
    for j in range(limit):
        if mask[first_key + j]:
            top = max(top, scores[at + j] * scale)
    total = _float32(0)
    for j in range(padded):
        seen = j < limit and mask[first_key + min(j, limit - 1)]
        e = _float32(np.exp(scores[at + j] * scale - top)) if seen else _float32(0)
        scores[at + j] = e
        total += e
    if total > 0:
        for j in range(limit):
            scores[at + j] /= total


@njit(**JIT)
def _weigh(
    q, q_rows, kt, n_keys, padded, first_query, count, head, head_size, scale, bias, distance, causal, mask, first_key,
    scores,
):  # fmt: skip
    """Write the weights of a block of `count` queries to `scores`, rows of `padded`; rows beyond are zero.

    q_rows are the offsets of the queries' heads, kt the transposed keys of the head, first_query the place of the first
    query in its sentence.
    """
    _multiply_block(q, q_rows, 1, head_size, kt, 0, padded, padded, scores, 0, padded, False)
    for r in range(ROWS):
        at = r * padded
        query = first_query + r
        if r >= count:
            for c in range(0, padded, LANES):
                store_vector(scores, at + c, splat(_float32(0)))
            continue
        limit = min(query + 1, n_keys) if causal else n_keys
        factor = scale
        if distance >= 0:
            middle = head * (2 * distance + 1) + distance
            _add_biases(scores, at, limit, scale, bias, middle, distance, query)
            factor = _float32(1)
        if mask.size:
            _masked_softmax(scores, at, limit, padded, factor, mask, first_key)
        else:
            _softmax(scores, at, limit, padded, factor)


@njit(**JIT)
def longest(offsets, first, last):
    """Return the length of the longest of the sentences first .. last - 1."""
    length = 0
    for b in range(first, last):
        length = max(length, offsets[b + 1] - offsets[b])
    return length


@njit(**JIT)
def attend(
    q, k, v, query_offsets, key_offsets, first, last, n_heads, head_size, scale, bias, distance, causal, mask, y,
    weights, weight_offsets,
):  # fmt: skip
    """Compute attention of the sentences first .. last - 1.

    Parameters
    ----------
    q, k, v : ndarray, float32
        Queries (N, E), keys and values (M, E), flat, E = n_heads * head_size.
    query_offsets, key_offsets : ndarray of shape (B + 1,), int64
        Queries of sentence b see keys of sentence b.
    n_heads, head_size : int
    scale : float32
        What scores are multiplied by.
    bias : ndarray of shape (n_heads * (2 * distance + 1),), float32
        Added to the score of key j for query i: that of the head and of j - i, clipped to +- distance.
    distance : int
        -1 if there are no biases.
    causal : bool
        Query i sees keys 0 .. i only.
    mask : ndarray of shape (M,) or (0,), bool
        Keys that may be seen; empty: all.
    y : ndarray of shape (N * E,), float32
        Overwritten.
    weights : ndarray, float32
        Overwritten with the weights: sentence b has n_heads * T * S from weight_offsets[b] on; nothing is written if it
        is empty.
    weight_offsets : ndarray, int64
    """
    dim = n_heads * head_size
    most = round_up(longest(key_offsets, first, last), LANES)
    kt, scores = np.empty(head_size * most, np.float32), np.empty(ROWS * most, np.float32)
    scratch = np.empty(ROWS * head_size, np.float32)
    clamped = np.empty(ROWS, np.int64)
    for b in range(first, last):
        query, key = query_offsets[b], key_offsets[b]
        n_queries, n_keys = query_offsets[b + 1] - query, key_offsets[b + 1] - key
        padded = round_up(n_keys, LANES)
        for h in range(n_heads):
            start = h * head_size
            _transpose_keys(k, key, n_keys, dim, start, head_size, padded, kt)
            for i in range(0, n_queries, ROWS):
                count = min(ROWS, n_queries - i)
                _place_rows(query + i, count, dim, start, clamped)
                _weigh(
                    q, take(clamped, 0, ROWS), kt, n_keys, padded, i, count, h, head_size, scale, bias, distance,
                    causal, mask, key, scores,
                )  # fmt: skip
                _multiply_rows(
                    scores, steps(0, padded, ROWS), 1, n_keys, v, key * dim + start, dim, head_size, y,
                    (query + i) * dim + start, dim, count, False, scratch,
                )  # fmt: skip
                if weights.size:
                    for r in range(count):
                        at = weight_offsets[b] + (h * n_queries + i + r) * n_keys
                        for j in range(n_keys):
                            weights[at + j] = scores[r * padded + j]


@njit(**JIT)
def _differentiate_softmax(weights, dweights, padded, scale, dbias, dbias_row, distance, first_query, count, n_keys):
    """Turn dP into scale * dA in place, A being the scores; add dA to the gradient of the biases, if any."""
    for r in range(ROWS):
        at = r * padded
        dot = splat(_float32(0))
        for c in range(0, padded, LANES):
            dot = dot + load_vector(weights, at + c) * load_vector(dweights, at + c)
        mean = splat(sum_lanes(dot))
        for c in range(0, padded, LANES):
            d = load_vector(weights, at + c) * (load_vector(dweights, at + c) - mean)
            store_vector(dweights, at + c, d)
        if distance >= 0 and r < count:
            for j in range(n_keys):
                dbias[dbias_row + min(max(j - first_query - r, -distance), distance)] += dweights[at + j]
        for c in range(0, padded, LANES):
            store_vector(dweights, at + c, load_vector(dweights, at + c) * splat(scale))


@njit(**JIT)
def _add_transposed(block, padded, count, n_keys, rows, rows_at, row_size, head_size, out, out_at, scratch):
    """Add block^T rows to out: `count` rows of block, of `padded` columns, and of `rows`; `n_keys` rows of out."""
    for j in range(0, n_keys, ROWS):
        _multiply_rows(
            block, steps(j, 1, ROWS), padded, count, rows, rows_at, row_size, head_size, out, out_at + j * row_size,
            row_size, min(ROWS, n_keys - j), True, scratch,
        )  # fmt: skip


@njit(**JIT)
def attend_backward(
    dy, q, k, v, query_offsets, key_offsets, first, last, n_heads, head_size, scale, bias, distance, causal, mask, dq,
    dk, dv, dbias,
):  # fmt: skip
    """Differentiate `attend`, whose parameters these are; dq, dk and dv are overwritten, dbias is added to."""
    dim = n_heads * head_size
    most = round_up(longest(key_offsets, first, last), LANES)
    kt, vt = np.empty(head_size * most, np.float32), np.empty(head_size * most, np.float32)
    # tiles of ROWS keys may reach beyond the last weight
    weights, dweights = np.zeros(ROWS * most + ROWS, np.float32), np.zeros(ROWS * most + ROWS, np.float32)
    scratch = np.empty(ROWS * head_size, np.float32)
    clamped = np.empty(ROWS, np.int64)
    for b in range(first, last):
        query, key = query_offsets[b], key_offsets[b]
        n_queries, n_keys = query_offsets[b + 1] - query, key_offsets[b + 1] - key
        padded = round_up(n_keys, LANES)
        dk[key * dim : (key + n_keys) * dim] = 0
        dv[key * dim : (key + n_keys) * dim] = 0
        for h in range(n_heads):
            start = h * head_size
            middle = h * (2 * distance + 1) + distance
            own_keys = key * dim + start
            _transpose_keys(k, key, n_keys, dim, start, head_size, padded, kt)
            _transpose_keys(v, key, n_keys, dim, start, head_size, padded, vt)
            for i in range(0, n_queries, ROWS):
                count = min(ROWS, n_queries - i)
                own_queries = (query + i) * dim + start
                _place_rows(query + i, count, dim, start, clamped)
                rows = take(clamped, 0, ROWS)
                _weigh(
                    q, rows, kt, n_keys, padded, i, count, h, head_size, scale, bias, distance, causal, mask, key,
                    weights,
                )  # fmt: skip
                _multiply_block(dy, rows, 1, head_size, vt, 0, padded, padded, dweights, 0, padded, False)
                _differentiate_softmax(
                    weights, dweights, padded, scale, dbias, middle, distance, i, count, n_keys
                )  # fmt: skip
                _multiply_rows(
                    dweights, steps(0, padded, ROWS), 1, n_keys, k, own_keys, dim, head_size, dq, own_queries, dim,
                    count, False, scratch,
                )  # fmt: skip
                _add_transposed(
                    dweights, padded, count, n_keys, q, own_queries, dim, head_size, dk, own_keys, scratch
                )  # fmt: skip
                _add_transposed(
                    weights, padded, count, n_keys, dy, own_queries, dim, head_size, dv, own_keys, scratch
                )  # fmt: skip
