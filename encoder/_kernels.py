"""Training on rows of the word table, in Numba: gather them for a batch, add them up, send gradients back, move them.

A batch is packed: `tokens` holds the word ids of all its sentences, `offsets` where each begins. `slots` says which of
the batch's distinct words a token is, so that gradients need rows for these only. The kernels check nothing.
"""

from __future__ import annotations

import numpy as np

from w2v.jit import compiled

_float32 = np.float32


@compiled
def gather_rows(table, gains, tokens, x):
    """Write gains[t] * table[t] of every token to the rows of x.

    Parameters
    ----------
    table : ndarray of shape (V, d), float32
    gains : ndarray of shape (V,), float32
    tokens : ndarray of shape (N,), int32
    x : ndarray of shape (N, d), float32
        Overwritten.
    """
    for i in range(tokens.size):
        row, gain = tokens[i], gains[tokens[i]]
        for j in range(table.shape[1]):
            x[i, j] = gain * table[row, j]


@compiled
def sum_bags(table, gains, tokens, offsets, s):
    """Write the sum of gains[t] * table[t] over the tokens of each sentence to the rows of s, shape (B, d)."""
    for k in range(offsets.size - 1):
        for j in range(table.shape[1]):
            s[k, j] = _float32(0)
        for i in range(offsets[k], offsets[k + 1]):
            row, gain = tokens[i], gains[tokens[i]]
            for j in range(table.shape[1]):
                s[k, j] += gain * table[row, j]


@compiled
def scatter_bags(d_s, gains, slots, offsets, d_rows):
    """Add the gradient of `sum_bags` to the rows of the batch's distinct words.

    Parameters
    ----------
    d_s : ndarray of shape (B, d), float32
    gains : ndarray of shape (R,), float32
        Of the distinct words.
    slots : ndarray of shape (N,), int64
        In [0, R).
    offsets : ndarray of shape (B + 1,), int64
    d_rows : ndarray of shape (R, d), float32
        Added to: the gradient of s = Σ gain · row for each row.
    """
    for k in range(offsets.size - 1):
        for i in range(offsets[k], offsets[k + 1]):
            slot = slots[i]
            gain = gains[slot]
            for j in range(d_s.shape[1]):
                d_rows[slot, j] += gain * d_s[k, j]


@compiled
def scatter_rows(d_x, gains, slots, d_rows):
    """Add the gradient of `gather_rows` to the rows of the distinct words; as `scatter_bags`, with d_x (N, d)."""
    for i in range(slots.size):
        slot = slots[i]
        gain = gains[slot]
        for j in range(d_x.shape[1]):
            d_rows[slot, j] += gain * d_x[i, j]


@compiled
def sum_rows(y, offsets, s):
    """Write the sum of the rows of y of each sentence to the rows of s."""
    for k in range(offsets.size - 1):
        for j in range(y.shape[1]):
            s[k, j] = _float32(0)
        for i in range(offsets[k], offsets[k + 1]):
            for j in range(y.shape[1]):
                s[k, j] += y[i, j]


@compiled
def adam_rows(table, first, second, rows, gradient, size, correction, beta_1, beta_2, epsilon):
    """Apply one step of Adam to some rows of a table, in place.

    Parameters
    ----------
    table, first, second : ndarray of shape (V, d), float32
        The table and the running means of its gradient and of the gradient's square. Rows `rows` are overwritten.
    rows : ndarray of shape (R,), int64
    gradient : ndarray of shape (R, d), float32
    size : float
        Rate divided by 1 - beta_1**t.
    correction : float
        1 / (1 - beta_2**t).
    beta_1, beta_2, epsilon : float

    Notes
    -----
    NumPy equivalent: `encoder.optimizers.Adam.step` on table[rows].
    """
    b1, b2, e = _float32(beta_1), _float32(beta_2), _float32(epsilon)
    n1, n2 = _float32(1 - beta_1), _float32(1 - beta_2)
    scale, c = _float32(size), _float32(correction)
    for r in range(rows.size):
        row = rows[r]
        for j in range(table.shape[1]):
            g = gradient[r, j]
            m = b1 * first[row, j] + n1 * g
            v = b2 * second[row, j] + n2 * g * g
            first[row, j] = m
            second[row, j] = v
            table[row, j] -= scale * m / (np.sqrt(v * c) + e)
