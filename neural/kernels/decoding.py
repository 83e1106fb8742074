"""One step of a causal stack: all layers for the new tokens of every row, using cached keys and values of older tokens.

A token adds an entry to every layer, its key and its value, and a row is a list of entries. Beams with a common prefix
share its entries, and reordering rows moves no entry. Keys of a memory are transposed, one vector of LANES keys per
dimension, and are computed once for all rows that attend to it.

The order of summation is that of the kernels of whole sequences (`attention.attend`, `matmul.multiply`). So the hidden
state of a token is the same, bit for bit, whether it is computed alone or with all others.

All arrays but the tables of positions are flat; nothing is checked.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from w2v.kernels.jit import compiled, merged
from w2v.kernels.simd import LANES, take, transpose
from w2v.kernels.training import round_up
from w2v.neural.kernels.cached_attention import dot_transposed, mix, weigh
from w2v.neural.kernels.products.matmul import ADD, ASSIGN, multiply
from w2v.neural.kernels.rows import activate, normalise, rotate

OWN, OUTPUT, ACROSS, MEMORY_KEYS, MEMORY_VALUES, FROM_MEMORY = range(6)
INNER, OUTER, NORM1, NORM2, NORM3, DISTANCES, LAST = range(6, 13)
"""Entries of `borders`: where each array of a layer starts in its row of `weights`."""
_float32 = np.float32


class Plan(NamedTuple):
    """A decoder in the format of the kernels.

    Attributes
    ----------
    dim, n_heads, head_size, d_ff, n_tokens, memory_size : int
        Heads are padded to `head_size`, a multiple of LANES. `memory_size` is 0 without cross-attention.
    scale, embedding_scale, epsilon : float32
    pre : bool
    activation : int
    distance : int
        Maximum distance with a bias of its own; -1 without biases.
    table : ndarray of shape (n_tokens * dim,), float32
        The embeddings.
    output : ndarray, float32
        The packed projection from hidden states to logits.
    token_type, start_norm, end_norm : ndarray of shape (dim,), (2 * dim,) and (2 * dim,), or (0,), float32
    weights : ndarray of shape (n_layers, size), float32
    borders : ndarray of shape (LAST + 1,), int64
    """

    dim: int
    n_heads: int
    head_size: int
    d_ff: int
    n_tokens: int
    memory_size: int
    scale: Any
    embedding_scale: Any
    epsilon: Any
    pre: bool
    activation: int
    distance: int
    table: Any
    output: Any
    token_type: Any
    start_norm: Any
    end_norm: Any
    weights: Any
    borders: Any


class Rows(NamedTuple):
    """The state of all rows.

    Attributes
    ----------
    entries : ndarray of shape (n_layers, capacity * 2 * width), float32
        Keys and values, side by side.
    lists : ndarray of shape (n_rows, most), int64
        The entries of each row, in order.
    lengths : ndarray of shape (n_rows,), int64
        Number of entries of each row.
    added : ndarray of shape (most, dim) or (0, dim), float32
        The additive encodings of positions.
    cos, sin : ndarray of shape (most, half) or (0, half), float32
    sources : ndarray of shape (n_rows,), int64
        The part of the memory that each row attends to.
    keys, values : ndarray of shape (n_layers, size), float32
        Keys and values of the memory; see `remember`.
    offsets : ndarray of shape (n_sources + 1,), int64
    alignment : ndarray of shape (n_rows, longest), float32
        Overwritten with the cross-attention weights of each row's last token in the last layer, averaged over the
        heads.
    """

    entries: Any
    lists: Any
    lengths: Any
    added: Any
    cos: Any
    sin: Any
    sources: Any
    keys: Any
    values: Any
    offsets: Any
    alignment: Any


@compiled
def padded_size(offsets):
    """Return the number of keys after padding those of each source to whole vectors."""
    total = 0
    for b in range(offsets.size - 1):
        total += round_up(offsets[b + 1] - offsets[b], LANES)
    return total


@compiled
def remember(plan, states, offsets, keys, values):
    """Compute keys and values of a memory.

    Parameters
    ----------
    plan : Plan
    states : ndarray of shape (M * memory_size,), float32
    offsets : ndarray of shape (n_sources + 1,), int64
    keys : ndarray of shape (n_layers, padded_size(offsets) * width), float32
        Overwritten; the order of axes is source, head, dimension, key.
    values : ndarray of shape (n_layers, M * width), float32
        Overwritten.
    """
    width, n, borders = plan.n_heads * plan.head_size, offsets[offsets.size - 1], plan.borders
    straight = np.empty(n * width, np.float32)
    for layer in range(plan.weights.shape[0]):
        row = plan.weights[layer]
        panels = row[borders[MEMORY_KEYS] : borders[MEMORY_VALUES]]
        multiply(states, n, plan.memory_size, panels, width, ASSIGN, straight)
        at = 0
        for b in range(offsets.size - 1):
            length = offsets[b + 1] - offsets[b]
            size = round_up(length, LANES)
            for d in range(width):
                for j in range(size):
                    keys[layer, at + d * size + j] = straight[(offsets[b] + j) * width + d] if j < length else 0
            at += size * width
        panels = row[borders[MEMORY_VALUES] : borders[FROM_MEMORY]]
        multiply(states, n, plan.memory_size, panels, width, ASSIGN, values[layer])


@merged
def _attend_to_entries(plan, query, at, entries, places, n_keys, bias, block, scores, out, out_at):
    """Compute self-attention of one query over n_keys entries, those at `places`."""
    size, width = plan.head_size, plan.n_heads * plan.head_size
    for head in range(plan.n_heads):
        column = head * size
        for j in range(0, n_keys, LANES):
            rows = take(places, j, LANES)
            for d in range(0, size, LANES):
                transpose(entries, rows, column + d, block, d * LANES, LANES)
            dot_transposed(query, at + column, size, block, 0, LANES, scores, j)
        weigh(scores, n_keys, plan.scale, bias, head, plan.distance)
        mix(scores, places, n_keys, entries, width + column, size, out, out_at + column)


@merged
def _attend_to_memory(plan, query, at, keys, key_at, values, places, n_keys, no_bias, scores, out, out_at, alignment):
    """Compute cross-attention of one query; add its weights, divided by the number of heads, to `alignment`."""
    size, stride = plan.head_size, round_up(n_keys, LANES)
    share = _float32(1) / _float32(plan.n_heads)
    for head in range(plan.n_heads):
        column = head * size
        for j in range(0, n_keys, LANES):
            dot_transposed(query, at + column, size, keys, key_at + column * stride + j, stride, scores, j)
        weigh(scores, n_keys, plan.scale, no_bias, head, -1)
        mix(scores, places, n_keys, values, column, size, out, out_at + column)
        if alignment.size:
            for j in range(n_keys):
                alignment[j] += scores[j] * share


class _Scratch(NamedTuple):
    """Buffers for all new tokens."""

    h: Any
    normal: Any
    wide: Any
    mixed: Any
    hidden: Any
    moments: Any
    positions: Any
    rows: Any
    places: Any
    scores: Any
    block: Any


@merged
def _scratch(plan, rows, n):
    width = plan.n_heads * plan.head_size
    most = round_up(max(rows.lists.shape[1], rows.alignment.shape[1]), LANES)
    return _Scratch(
        np.empty(n * plan.dim, np.float32), np.empty(n * plan.dim, np.float32), np.empty(n * 3 * width, np.float32),
        np.empty(n * width, np.float32), np.empty(n * plan.d_ff, np.float32), np.empty(n, np.float32),
        np.empty(n, np.int64), np.empty(n, np.int64), np.zeros(most + LANES, np.int64),
        np.empty(most + LANES, np.float32), np.empty(plan.head_size * LANES, np.float32),
    )  # fmt: skip


@compiled
def _normalise(plan, x, n, gain_and_bias, y, moments):
    gain, bias = gain_and_bias[: plan.dim], gain_and_bias[plan.dim :]
    normalise(x, n, plan.dim, plan.epsilon, gain, bias, y, moments, moments)


@merged
def _embed(plan, rows, tokens, n, s):
    """Write the embeddings of the new tokens, including positions."""
    dim = plan.dim
    for i in range(n):
        source, place = tokens[i] * dim, s.positions[i]
        for d in range(dim):
            s.h[i * dim + d] = plan.table[source + d] * plan.embedding_scale
        if rows.added.size:
            for d in range(dim):
                s.h[i * dim + d] += rows.added[place, d]
        if plan.token_type.size:
            for d in range(dim):
                s.h[i * dim + d] += plan.token_type[d]
    if plan.start_norm.size:
        _normalise(plan, s.h, n, plan.start_norm, s.h, s.moments)


@merged
def _self_attention(plan, rows, layer, weights, source, n, s):
    width, borders = plan.n_heads * plan.head_size, plan.borders
    entries, bias = rows.entries[layer], weights[borders[DISTANCES] : borders[LAST]]
    multiply(source, n, plan.dim, weights[borders[OWN] : borders[OUTPUT]], 3 * width, ASSIGN, s.wide)
    if rows.cos.size:
        turned = s.wide[: n * 3 * width].reshape(n, 3 * width)
        for part in range(2):
            own = turned[:, part * width : (part + 1) * width]
            rotate(own, plan.n_heads, rows.cos, rows.sin, s.positions, 1, own)
    for i in range(n):
        entry = rows.lists[s.rows[i], s.positions[i]] * 2 * width
        for d in range(2 * width):
            entries[entry + d] = s.wide[i * 3 * width + width + d]
    for i in range(n):
        n_keys = s.positions[i] + 1
        for j in range(round_up(n_keys, LANES)):
            s.places[j] = rows.lists[s.rows[i], min(j, n_keys - 1)] * 2 * width
        _attend_to_entries(
            plan, s.wide, i * 3 * width, entries, s.places, n_keys, bias, s.block, s.scores, s.mixed, i * width
        )
    multiply(s.mixed, n, width, weights[borders[OUTPUT] : borders[ACROSS]], plan.dim, ADD, s.h)


@merged
def _cross_attention(plan, rows, layer, weights, source, n, s):
    width, borders = plan.n_heads * plan.head_size, plan.borders
    keys, values, no_bias = rows.keys[layer], rows.values[layer], weights[:0]
    is_last = layer == plan.weights.shape[0] - 1
    multiply(source, n, plan.dim, weights[borders[ACROSS] : borders[MEMORY_KEYS]], width, ASSIGN, s.wide)
    starts = np.zeros(rows.offsets.size, np.int64)
    for b in range(rows.offsets.size - 1):
        starts[b + 1] = starts[b] + round_up(rows.offsets[b + 1] - rows.offsets[b], LANES) * width
    for i in range(n):
        b = rows.sources[s.rows[i]]
        first, n_keys = rows.offsets[b], rows.offsets[b + 1] - rows.offsets[b]
        for j in range(n_keys):
            s.places[j] = (first + j) * width
        alignment = rows.alignment[s.rows[i], : n_keys if is_last else 0]
        alignment[:] = 0
        _attend_to_memory(
            plan, s.wide, i * width, keys, starts[b], values, s.places, n_keys, no_bias, s.scores, s.mixed, i * width,
            alignment,
        )  # fmt: skip
    multiply(s.mixed, n, width, weights[borders[FROM_MEMORY] : borders[INNER]], plan.dim, ADD, s.h)


@merged
def _feed_forward(plan, weights, source, n, s):
    borders = plan.borders
    multiply(source, n, plan.dim, weights[borders[INNER] : borders[OUTER]], plan.d_ff, ASSIGN, s.hidden)
    activate(plan.activation, s.hidden, s.hidden)
    multiply(s.hidden, n, plan.d_ff, weights[borders[OUTER] : borders[NORM1]], plan.dim, ADD, s.h)


@merged
def _run_layer(plan, rows, layer, n, s):
    weights, borders = plan.weights[layer], plan.borders
    for sub in range(3):
        if sub == 1 and not plan.memory_size:
            continue
        norm, source = weights[borders[NORM1 + sub] : borders[NORM1 + sub + 1]], s.h
        if plan.pre:
            _normalise(plan, s.h, n, norm, s.normal, s.moments)
            source = s.normal
        if sub == 0:
            _self_attention(plan, rows, layer, weights, source, n, s)
        elif sub == 1:
            _cross_attention(plan, rows, layer, weights, source, n, s)
        else:
            _feed_forward(plan, weights, source, n, s)
        if not plan.pre:
            _normalise(plan, s.h, n, norm, s.h, s.moments)


@compiled
def extend(plan, rows, tokens, offsets, first_entry, logits):
    """Process new tokens of every row, and write the logits of the token after the last of each row.

    Parameters
    ----------
    plan : Plan
    rows : Rows
        Lists and lengths are extended, entries are written.
    tokens : ndarray of shape (N,), int32
        The new tokens of each row, concatenated.
    offsets : ndarray of shape (n_rows + 1,), int64
    first_entry : int
        The first free entry; N entries are used.
    logits : ndarray of shape (n_rows * n_tokens,), float32
        Overwritten, unless it is empty.
    """
    n, dim = tokens.size, plan.dim
    s = _scratch(plan, rows, n)
    for row in range(offsets.size - 1):
        for i in range(offsets[row], offsets[row + 1]):
            place = rows.lengths[row]
            rows.lists[row, place] = first_entry + i
            rows.lengths[row] = place + 1
            s.positions[i], s.rows[i] = place, row
    _embed(plan, rows, tokens, n, s)
    for layer in range(plan.weights.shape[0]):
        _run_layer(plan, rows, layer, n, s)
    if not logits.size:
        return
    n_rows = offsets.size - 1
    for row in range(n_rows):  # a row's last token is at or after the row's index
        for d in range(dim):
            s.h[row * dim + d] = s.h[(offsets[row + 1] - 1) * dim + d]
    if plan.end_norm.size:
        _normalise(plan, s.h, n_rows, plan.end_norm, s.h, s.moments)
    multiply(s.h, n_rows, dim, plan.output, plan.n_tokens, ASSIGN, logits)
