"""From the rows of a sentence to one vector: mean, weighted sum, attention, first, or the maximum of each column.

A sentence without tokens has the zero vector. In float32 a sentence's vector is summed in the order of its tokens,
whatever else is in the batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from encoder.parameters import Tensor

from . import _row_kernels as kernels

KINDS = ("mean", "weighted", "attention", "first", "max")


class Cache(NamedTuple):
    """What `backward` needs: the input, each row's weight, and, of the maximum, the row it came from."""

    x: NDArray[Any]
    offsets: NDArray[np.int64]
    weights: NDArray[Any] | None
    where: NDArray[np.int64] | None


def tensors(kind: str, dim: int) -> dict[str, Tensor]:
    """Return the arrays of a kind: ``query`` (dim,) of attention, zeros at the start, which makes it the mean."""
    return {"query": Tensor((dim,))} if kind == "attention" else {}


def forward(
    parameters: Mapping[str, NDArray[Any]],
    x: NDArray[Any],
    offsets: NDArray[np.int64],
    kind: str,
    weights: NDArray[Any] | None = None,
) -> tuple[NDArray[Any], Cache]:
    """Return the vectors of the sentences.

    Parameters
    ----------
    parameters : mapping
        See `tensors`.
    x : ndarray of shape (N, E)
    offsets : ndarray of shape (B + 1,), int64
    kind : {"mean", "weighted", "attention", "first", "max"}
        ``weighted`` sums the rows times `weights`, which are SIF's a / (a + p) for instance; ``attention`` takes the
        mean under weights softmax(x · query / sqrt(E)).
    weights : ndarray of shape (N,), optional
        Needed by ``weighted``.

    Returns
    -------
    y : ndarray of shape (B, E)
    cache : Cache
    """
    y = np.empty((len(offsets) - 1, x.shape[1]), x.dtype)
    if kind == "max":
        where = np.empty(y.shape, np.int64)
        kernels.max_sentences(x, offsets, y, where)
        return y, Cache(x, offsets, None, where)
    share = _shares(parameters, x, offsets, kind, weights)
    kernels.sum_sentences(x, share, offsets, y)
    return y, Cache(x, offsets, share, None)


def backward(
    parameters: Mapping[str, NDArray[Any]], dy: NDArray[Any], cache: Cache, kind: str
) -> tuple[NDArray[Any], dict[str, NDArray[Any]]]:
    """Return dx and the gradients. Given weights are taken as constants; see `weights_backward`."""
    x, offsets, weights, where = cache
    if where is not None:
        dx = np.zeros_like(x)
        sentences, columns = np.nonzero(where >= 0)
        dx[where[sentences, columns], columns] = dy[sentences, columns]  # y = x[where]
        return dx, {}
    assert weights is not None
    dx = np.repeat(dy, np.diff(offsets), axis=0) * weights[:, None]  # y = Σ weight x
    if kind != "attention":
        return dx, {}
    dweights = weights_backward(dy, cache)
    dots = np.zeros((len(dy), 1), x.dtype)
    kernels.sum_sentences(dweights[:, None], weights, offsets, dots)
    # weights = softmax(x · query / sqrt(E))
    dscores = weights * (dweights - np.repeat(dots[:, 0], np.diff(offsets))) * x.dtype.type(x.shape[1] ** -0.5)
    dx += dscores[:, None] * parameters["query"]
    return dx, {"query": dscores @ x}


def weights_backward(dy: NDArray[Any], cache: Cache) -> NDArray[Any]:
    """Return the gradient of the weights, shape (N,): of each row, x · dy of its sentence."""
    dweights: NDArray[Any] = np.einsum("nd,nd->n", cache.x, np.repeat(dy, np.diff(cache.offsets), axis=0))
    return dweights


def _shares(
    parameters: Mapping[str, NDArray[Any]],
    x: NDArray[Any],
    offsets: NDArray[np.int64],
    kind: str,
    weights: NDArray[Any] | None,
) -> NDArray[Any]:
    """Return what each row is multiplied by before the rows are summed, shape (N,)."""
    lengths = np.diff(offsets)
    if kind == "mean":
        return np.repeat(1 / np.maximum(lengths, 1), lengths).astype(x.dtype)
    if kind == "weighted":
        if weights is None:
            raise ValueError("the pooling 'weighted' needs the weights of the tokens")
        return weights.astype(x.dtype, copy=False)
    if kind == "first":
        share = np.zeros(len(x), x.dtype)
        share[offsets[:-1][lengths > 0]] = 1
        return share
    if kind != "attention":
        raise ValueError(f"pooling must be one of {', '.join(KINDS)}, not {kind!r}")
    scores = np.zeros((len(x), 1), x.dtype)
    scale = np.full(len(x), x.shape[1] ** -0.5, x.dtype)
    # one row after the other, so that a row's score does not depend on how many there are
    kernels.sum_sentences(
        (x * parameters["query"]).reshape(-1, 1),
        np.repeat(scale, x.shape[1]),
        np.arange(len(x) + 1) * x.shape[1],
        scores,
    )
    tops, where = np.empty((len(lengths), 1), x.dtype), np.empty((len(lengths), 1), np.int64)
    kernels.max_sentences(scores, offsets, tops, where)
    e = np.exp(scores - np.repeat(tops, lengths, axis=0))
    totals = np.empty_like(tops)
    kernels.sum_sentences(e, np.ones(len(x), x.dtype), offsets, totals)
    attended: NDArray[Any] = e[:, 0] / np.repeat(totals[:, 0], lengths)
    return attended
