"""Logits, softmax, cross-entropy and their gradients in one pass, without storing the logits of all tokens.

For hidden states H (N, d), output embeddings E (V, d) and class biases b::

    Z = H E^T + b    P = softmax of the rows of Z    G = scale * (P - smoothing / V - (1 - smoothing) * one-hot targets)
    dH = G E         dE += G^T H                     db += column sums of G

PIECE tokens are processed at a time, and of these CLASSES classes. Their logits are transposed, one row per class and
one lane per token, so that the softmax works on whole vectors and products read their operands in place. Scratch space
is V * PIECE logits. The logits of a token, its loss and its row of dH do not depend on other tokens.

All arrays are flat, C-contiguous and float32, but for `targets`. Nothing is checked.
"""

from __future__ import annotations

import numpy as np

from w2v.kernels.jit import compiled
from w2v.kernels.simd import LANES, load_vector, splat, store_vector, sum_lanes
from w2v.kernels.training import round_up
from w2v.neural.kernels.products.matmul import (
    ADD,
    ASSIGN,
    PANEL,
    add_outer_products,
    multiply,
    pack,
    pack_transposed,
    packed_size,
)
from w2v.neural.kernels.rows import copy_values
from w2v.neural.kernels.vector_math import exponential, larger, plus

PIECE = 288
"""Tokens per piece: whole panels and tiles on every processor, and few enough for the last-level cache."""
CLASSES = 240
_float32 = np.float32
_LOWEST = -3.0e38


@compiled
def _exponentials(logits, n_classes, width, bias, first_class, block, tops, totals, sums):
    """Add the bias to the logits z of some classes, and turn them into exp(z - top), where top is the maximum so far.

    Parameters
    ----------
    logits : ndarray
        logits[v * width + i] is that of class first_class + v for token i.
    block : int
        The maxima of the tokens are written to tops[block * width :]; those of the previous block are read.
    totals, sums : ndarray of shape (width,)
        Sums of exp(z - top) and of z over all classes so far.
    """
    for lane in range(0, width, LANES):
        before = load_vector(tops, (block - 1) * width + lane) if block else splat(_float32(_LOWEST))
        top, linear = before, load_vector(sums, lane)
        for v in range(n_classes):
            z = plus(load_vector(logits, v * width + lane), splat(bias[first_class + v]))
            store_vector(logits, v * width + lane, z)
            top = larger(z, top)
            linear = plus(linear, z)
        total = load_vector(totals, lane) * exponential(before - top)
        for v in range(n_classes):
            e = exponential(load_vector(logits, v * width + lane) - top)
            store_vector(logits, v * width + lane, e)
            total = plus(total, e)
        store_vector(tops, block * width + lane, top)
        store_vector(totals, lane, total)
        store_vector(sums, lane, linear)


@compiled
def _differentiate(exponentials, n_classes, width, first_class, tops, block, shifts, scales, rest, factors, dbias):
    """Turn exp(z - top) of some classes into scales * (exp(z - shifts) - rest); add the sum of each class to dbias."""
    for lane in range(0, width, LANES):
        scale = load_vector(scales, lane)
        less = load_vector(tops, block * width + lane) - load_vector(shifts, lane)
        store_vector(factors, lane, exponential(less) * scale)
        store_vector(factors, width + lane, splat(rest) * scale)
    for v in range(n_classes):
        total = splat(_float32(0))
        for lane in range(0, width, LANES):
            e = load_vector(exponentials, v * width + lane)
            g = e * load_vector(factors, lane) - load_vector(factors, width + lane)
            store_vector(exponentials, v * width + lane, g)
            total = plus(total, g)
        dbias[first_class + v] += sum_lanes(total)


@compiled
def softmax_loss(
    hidden, n_rows, dim, table, bias, targets, smoothing, scale, logits, smoothed, plain, dhidden, dtable, dbias
):  # fmt: skip
    """Compute the losses of tokens and, unless dtable is empty, the gradients of scale * their sum.

    Parameters
    ----------
    hidden : ndarray of shape (n_rows * dim,)
    n_rows, dim : int
    table : ndarray of shape (V * dim,)
    bias : ndarray of shape (V,)
    targets : ndarray of shape (n_rows,), integers in [0, V)
    smoothing : float
        Probability mass spread evenly over all classes, in [0, 1).
    scale : float32
    logits : ndarray of shape (V * PIECE,)
        Scratch.
    smoothed, plain : ndarray of shape (n_rows,)
        Overwritten with the cross-entropies for smoothed and for plain targets, in nats.
    dhidden : ndarray of shape (n_rows * dim,)
        Overwritten.
    dtable, dbias : ndarray of shape (V * dim,) and (V,)
        Added to.
    """
    n_classes = bias.size
    rest, kept = _float32(smoothing / n_classes), _float32(1 - smoothing)
    piece, dpiece, nothing = (
        np.empty(PIECE * dim, np.float32),
        np.empty(PIECE * dim, np.float32),
        np.zeros(dim, np.float32),
    )
    columns, rows = np.empty(packed_size(dim, PIECE), np.float32), np.empty(packed_size(PIECE, dim), np.float32)
    tops = np.empty((n_classes + CLASSES - 1) // CLASSES * PIECE, np.float32)
    totals, sums, right = np.empty(PIECE, np.float32), np.empty(PIECE, np.float32), np.empty(PIECE, np.float32)
    shifts, scales, factors = np.empty(PIECE, np.float32), np.empty(PIECE, np.float32), np.empty(2 * PIECE, np.float32)
    for start in range(0, n_rows, PIECE):
        count = min(PIECE, n_rows - start)
        width = round_up(count, PANEL)
        copy_values(hidden, start * dim, count * dim, piece, 0)
        piece[count * dim : width * dim] = 0
        pack_transposed(piece, width, dim, columns)
        totals[:], sums[:] = 0, 0
        for first in range(0, n_classes, CLASSES):
            last = min(first + CLASSES, n_classes)
            block = logits[first * width : last * width]
            multiply(table[first * dim : last * dim], last - first, dim, columns, width, ASSIGN, block)
            for i in range(count):
                target = targets[start + i]
                if first <= target < last:
                    right[i] = block[(target - first) * width + i] + bias[target]
            _exponentials(block, last - first, width, bias, first, first // CLASSES, tops, totals, sums)
        scales[:], shifts[:] = 0, 0
        for i in range(count):
            shifts[i] = tops[(n_classes - 1) // CLASSES * width + i] + _float32(np.log(totals[i]))
            scales[i] = scale
            plain[start + i] = shifts[i] - right[i]
            smoothed[start + i] = shifts[i] - kept * right[i] - rest * sums[i]
        if dtable.size == 0:
            continue
        pack(piece, width, dim, nothing, rows)
        dpiece[: width * dim] = 0
        for first in range(0, n_classes, CLASSES):
            last = min(first + CLASSES, n_classes)
            block = logits[first * width : last * width]
            _differentiate(
                block, last - first, width, first, tops, first // CLASSES, shifts, scales, rest, factors, dbias
            )  # fmt: skip
            for i in range(count):
                target = targets[start + i]
                if first <= target < last:
                    block[(target - first) * width + i] -= kept * scale
                    dbias[target] -= kept * scale
            multiply(block, last - first, width, rows, dim, ADD, dtable[first * dim : last * dim])
            add_outer_products(block, last - first, width, table[first * dim : last * dim], dim, dpiece)
        copy_values(dpiece, 0, count * dim, dhidden, start * dim)
