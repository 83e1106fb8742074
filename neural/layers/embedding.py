"""The embedding layer: each token selects a row of the table."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.neural.kernels.table_rows import add_table_rows


def forward(table: NDArray[Any], tokens: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the rows of the tokens, shape (N, E), and the tokens as the cache.

    Parameters
    ----------
    table : ndarray of shape (V, E)
    tokens : ndarray of shape (N,), of integers in [0, V)

    Notes
    -----
    NumPy equivalent : ``one_hot(tokens) @ table``, where row i of one_hot is 1 at tokens[i] and 0 elsewhere.
    """
    return table[tokens], tokens


def backward(dy: NDArray[Any], cache: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Return the rows of the table that have a gradient, in ascending order, and their gradients.

    The gradient of the table is one_hotᵀ dy: each row is the sum of dy over its tokens. All other rows are zero and
    left out.

    Parameters
    ----------
    dy : ndarray of shape (N, E)
    cache : ndarray of shape (N,)
        The tokens.

    Returns
    -------
    rows : ndarray of shape (n_rows,), int64
    gradients : ndarray of shape (n_rows, E)
    """
    rows, places = np.unique(cache, return_inverse=True)
    gradients = np.zeros((len(rows), dy.shape[1]), dy.dtype)
    add_table_rows(dy, places.astype(np.int64), gradients)
    return rows.astype(np.int64), gradients
