"""Training the rows of a table, in Numba: gather them for a batch, sum them, scatter gradients, update them.

A batch is packed: `tokens` contains the row numbers of all sequences, `offsets` the start of each. `slots` maps each
token to one of the batch's distinct rows, so that gradients are stored only for these. The kernels check nothing.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from w2v.kernels.jit import compiled

_float32 = np.float32


@compiled
def gather_rows(table, scales, tokens, x):
    """Write scales[t] * table[t] of every token to the rows of x.

    Parameters
    ----------
    table : ndarray of shape (V, d), float32
    scales : ndarray of shape (V,), float32
    tokens : ndarray of shape (N,), int32
    x : ndarray of shape (N, d), float32
        Overwritten.
    """
    for i in range(tokens.size):
        row, scale = tokens[i], scales[tokens[i]]
        for j in range(table.shape[1]):
            x[i, j] = scale * table[row, j]


@compiled
def sum_bags(table, scales, tokens, offsets, s):
    """Write the sum of scales[t] * table[t] over the tokens of each sequence to the rows of s, shape (B, d)."""
    for k in range(offsets.size - 1):
        for j in range(table.shape[1]):
            s[k, j] = _float32(0)
        for i in range(offsets[k], offsets[k + 1]):
            row, scale = tokens[i], scales[tokens[i]]
            for j in range(table.shape[1]):
                s[k, j] += scale * table[row, j]


@compiled
def scatter_bags(d_s, scales, slots, offsets, d_rows):
    """Add the gradient of `sum_bags` to the gradients of the batch's distinct rows.

    Parameters
    ----------
    d_s : ndarray of shape (B, d), float32
    scales : ndarray of shape (R,), float32
        Scales of the distinct rows.
    slots : ndarray of shape (N,), int64
        In [0, R).
    offsets : ndarray of shape (B + 1,), int64
    d_rows : ndarray of shape (R, d), float32
        Added to: the gradient of each row through s = Σ scale · row.
    """
    for k in range(offsets.size - 1):
        for i in range(offsets[k], offsets[k + 1]):
            slot = slots[i]
            scale = scales[slot]
            for j in range(d_s.shape[1]):
                d_rows[slot, j] += scale * d_s[k, j]


@compiled
def sum_rows(y, offsets, s):
    """Write the sum of the rows of y in each sequence to the rows of s."""
    for k in range(offsets.size - 1):
        for j in range(y.shape[1]):
            s[k, j] = _float32(0)
        for i in range(offsets[k], offsets[k + 1]):
            for j in range(y.shape[1]):
                s[k, j] += y[i, j]


@compiled
def add_table_rows(dy, rows, out):
    """Add row i of dy, shape (N, E), to row rows[i] of out, in order of i; any dtype, two-dimensional arrays."""
    for i in range(dy.shape[0]):
        for d in range(dy.shape[1]):
            out[rows[i], d] += dy[i, d]


@compiled
def adam_rows(table, first, second, rows, gradient, size, correction, beta_1, beta_2, epsilon):
    """Apply one step of Adam to some rows of a table, in place.

    Parameters
    ----------
    table, first, second : ndarray of shape (V, d), float32
        The table and the running means of its gradient and of the squared gradient. The given rows are overwritten.
    rows : ndarray of shape (R,), int64
    gradient : ndarray of shape (R, d), float32
    size : float
        Learning rate divided by 1 - beta_1**t.
    correction : float
        1 / (1 - beta_2**t).
    beta_1, beta_2, epsilon : float

    Notes
    -----
    NumPy equivalent: `w2v.neural.optimizers.adam.Adam.step` on table[rows].
    """
    b1, b2, e = _float32(beta_1), _float32(beta_2), _float32(epsilon)
    n1, n2 = _float32(1 - beta_1), _float32(1 - beta_2)
    step, c = _float32(size), _float32(correction)
    for r in range(rows.size):
        row = rows[r]
        for j in range(table.shape[1]):
            g = gradient[r, j]
            m = b1 * first[row, j] + n1 * g
            v = b2 * second[row, j] + n2 * g * g
            first[row, j] = m
            second[row, j] = v
            table[row, j] -= step * m / (np.sqrt(v * c) + e)


@compiled
def adam_step(values, first, second, gradient, decays, new_1, new_2, size, correction, epsilon, rate):
    """Apply one step of Adam with decoupled weight decay to all entries of flat arrays, in place; any dtype.

    Parameters
    ----------
    values, first, second : ndarray of shape (n,)
        The parameters and the running means of their gradient and of the squared gradient; overwritten.
    gradient : ndarray of shape (n,)
    decays : ndarray of shape (n,) or (1,)
        Weight decay of each entry, or of all.
    new_1, new_2 : float
        1 - beta_1 and 1 - beta_2.
    size : float
        Learning rate divided by 1 - beta_1**t.
    correction : float
        1 - beta_2**t.
    epsilon, rate : float
        `rate` is the learning rate; all have the dtype of `values`.
    """
    one = values.dtype.type(1)
    for i in range(values.size):
        g = gradient[i]
        m = first[i] + new_1 * (g - first[i])
        v = second[i] + new_2 * (g * g - second[i])
        first[i] = m
        second[i] = v
        decay = decays[i] if decays.size > 1 else decays[0]
        values[i] = values[i] * (one - rate * decay) - size * m / (np.sqrt(v / correction) + epsilon)


@partial(compiled, in_any_order=True)
def sum_of_squares(x):
    """Return the sum of the squares of x, shape (n,), any dtype, in float64."""
    total = 0.0
    for i in range(x.size):
        total += np.float64(x[i]) * np.float64(x[i])
    return total
