"""Pool the hidden states of a sequence into one vector: their mean, the first one, or the maximum of each column.

A sequence without tokens has the zero vector. In float32, vectors are summed in the order of their tokens, so the
result does not depend on the rest of the batch.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.neural.kernels import rows as kernels
from w2v.neural.names import POOLINGS

KINDS = POOLINGS


class Cache(NamedTuple):
    """Values that `backward` needs.

    Attributes
    ----------
    x : ndarray of shape (N, E)
        The input.
    offsets : ndarray of shape (B + 1,), int64
    weights : ndarray of shape (N,), or None
        Weight of each hidden state in the sum.
    where : ndarray of shape (B, E), int64, or None
        For the maximum, the row it comes from; -1 for an empty sequence.
    """

    x: NDArray[Any]
    offsets: NDArray[np.int64]
    weights: NDArray[Any] | None
    where: NDArray[np.int64] | None


def forward(x: NDArray[Any], offsets: NDArray[np.int64], kind: str) -> tuple[NDArray[Any], Cache]:
    """Return the vectors of the sequences.

    Parameters
    ----------
    x : ndarray of shape (N, E)
    offsets : ndarray of shape (B + 1,), int64
    kind : {"mean", "first", "max"}

    Returns
    -------
    y : ndarray of shape (B, E)
    cache : Cache

    Raises
    ------
    ValueError
        If the kind is unknown.
    """
    y = np.empty((len(offsets) - 1, x.shape[1]), x.dtype)
    if kind == "max":
        where = np.empty(y.shape, np.int64)
        kernels.max_sequences(x, offsets, y, where)
        return y, Cache(x, offsets, None, where)
    weights = _weights(x, offsets, kind)
    kernels.sum_sequences(x, weights, offsets, y)
    return y, Cache(x, offsets, weights, None)


def backward(dy: NDArray[Any], cache: Cache) -> NDArray[Any]:
    """Return dx."""
    x, offsets, weights, where = cache
    if where is not None:
        dx = np.zeros_like(x)
        sequences, columns = np.nonzero(where >= 0)
        dx[where[sequences, columns], columns] = dy[sequences, columns]  # y = x[where]
        return dx
    assert weights is not None
    repeated: NDArray[Any] = np.repeat(dy, np.diff(offsets), axis=0)
    repeated *= weights[:, None]  # y = Σ weight x
    return repeated


def _weights(x: NDArray[Any], offsets: NDArray[np.int64], kind: str) -> NDArray[Any]:
    """Return the weight of each hidden state in the sum, shape (N,)."""
    lengths = np.diff(offsets)
    if kind == "mean":
        return np.repeat(1 / np.maximum(lengths, 1), lengths).astype(x.dtype)
    if kind != "first":
        raise ValueError(f"pooling must be one of {', '.join(KINDS)}, not {kind!r}")
    weights = np.zeros(len(x), x.dtype)
    weights[offsets[:-1][lengths > 0]] = 1
    return weights
