"""Scaled dot-product attention: each query averages the values of its sequence with softmax weights.

References
----------
Vaswani et al. 2017, Attention is all you need, arXiv:1706.03762, equation 1. Shaw et al. 2018, arXiv:1803.02155, and
Raffel et al. 2020, arXiv:1910.10683, section 2.1 (biases of distances). Derivation: docs/derivations/attention.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.kernels.simd import LANES
from w2v.neural.buffers import empty
from w2v.neural.kernels import attention as kernels

Offsets = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class AttentionMask:
    """Which keys each query attends to.

    Attributes
    ----------
    query_offsets, key_offsets : ndarray of shape (B + 1,), int64
        Queries of sequence b attend only to keys of sequence b. Equal in self-attention.
    causal : bool, default False
        Query i of a sequence attends only to its keys 0 … i.
    visible : ndarray of shape (M,), bool, optional
        True for visible keys; by default all. A query without visible keys gets zeros.
    """

    query_offsets: Offsets
    key_offsets: Offsets
    causal: bool = False
    visible: NDArray[np.bool_] | None = None

    def sequences(self) -> Iterator[tuple[slice, slice, NDArray[np.bool_]]]:
        """Yield for each sequence its queries, its keys and which of them attend to each other, shape (T, S)."""
        for b in range(len(self.query_offsets) - 1):
            queries = slice(*self.query_offsets[b : b + 2].tolist())
            keys = slice(*self.key_offsets[b : b + 2].tolist())
            seen = np.ones((queries.stop - queries.start, keys.stop - keys.start), np.bool_)
            if self.causal:
                seen = np.tril(seen)
            if self.visible is not None:
                seen &= self.visible[keys]
            yield queries, keys, seen


class Cache(NamedTuple):
    """Values that `backward` needs; the weights are recomputed."""

    q: NDArray[Any]
    k: NDArray[Any]
    v: NDArray[Any]
    bias: NDArray[Any] | None
    mask: AttentionMask


def forward(
    q: NDArray[Any],
    k: NDArray[Any],
    v: NDArray[Any],
    n_heads: int,
    mask: AttentionMask,
    bias: NDArray[Any] | None = None,
    weights: list[NDArray[Any]] | None = None,
) -> tuple[NDArray[Any], Cache]:
    """Return for every query and head the mean of the values, weighted by softmax(q · k / sqrt(D) + bias).

    Parameters
    ----------
    q : ndarray of shape (N, E)
        Queries of all heads side by side, with D = E / n_heads columns each.
    k, v : ndarray of shape (M, E)
        Keys and values.
    n_heads : int
    mask : AttentionMask
    bias : ndarray of shape (n_heads, 2 R + 1), optional
        Added to the score of key j for query i: column min(max(j − i, −R), R) + R.
    weights : list, optional
        The attention weights of each sequence, of shape (n_heads, T, S), are appended.

    Returns
    -------
    y : ndarray of shape (N, E)
    cache : Cache
    """
    cache = Cache(q, k, v, bias, mask)
    if q.dtype == np.float32:
        return _forward_float32(cache, n_heads, weights), cache
    y = np.zeros_like(q)
    for queries, keys, seen in mask.sequences():
        p = _weights(_heads(q[queries], n_heads), _heads(k[keys], n_heads), seen, bias)
        y[queries] = _joined(p @ _heads(v[keys], n_heads))
        if weights is not None:
            weights.append(p)
    return y, cache


def backward(
    dy: NDArray[Any], cache: Cache, n_heads: int
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any] | None]:
    """Return dq, dk, dv, and dbias or None without biases."""
    q, k, v, bias, mask = cache
    dbias = None if bias is None else np.zeros_like(bias)
    if q.dtype == np.float32:
        dq, dk, dv = _backward_float32(dy, cache, n_heads, dbias)
        return dq, dk, dv, dbias
    dq, dk, dv = np.zeros_like(q), np.zeros_like(k), np.zeros_like(v)
    scale = (q.shape[1] // n_heads) ** -0.5
    for queries, keys, seen in mask.sequences():
        q_heads, k_heads, v_heads = (_heads(x, n_heads) for x in (q[queries], k[keys], v[keys]))
        dy_heads = _heads(dy[queries], n_heads)
        p = _weights(q_heads, k_heads, seen, bias)
        dv[keys] = _joined(p.transpose(0, 2, 1) @ dy_heads)  # y = p v
        dp = dy_heads @ v_heads.transpose(0, 2, 1)
        da = p * (dp - (dp * p).sum(axis=2, keepdims=True))  # p = softmax(a)
        dq[queries] = _joined(da @ k_heads) * scale  # a = scale q kᵀ + bias
        dk[keys] = _joined(da.transpose(0, 2, 1) @ q_heads) * scale
        if dbias is not None:
            np.add.at(dbias.T, _distances(seen.shape, dbias), da.transpose(1, 2, 0))
    return dq, dk, dv, dbias


def _heads(x: NDArray[Any], n_heads: int) -> NDArray[Any]:
    """Return (T, n_heads · D) as (n_heads, T, D)."""
    return x.reshape(len(x), n_heads, x.shape[1] // n_heads).transpose(1, 0, 2)


def _joined(x: NDArray[Any]) -> NDArray[Any]:
    """Return (n_heads, T, D) as (T, n_heads · D)."""
    return x.transpose(1, 0, 2).reshape(x.shape[1], x.shape[0] * x.shape[2])


def _distances(shape: tuple[int, ...], bias: NDArray[Any]) -> NDArray[np.intp]:
    """Return the column of the bias for every query and key, shape (T, S)."""
    reach = bias.shape[1] // 2
    n_queries, n_keys = shape
    columns: NDArray[np.intp] = np.clip(np.arange(n_keys) - np.arange(n_queries)[:, None], -reach, reach) + reach
    return columns


def _weights(q: NDArray[Any], k: NDArray[Any], seen: NDArray[np.bool_], bias: NDArray[Any] | None) -> NDArray[Any]:
    """Return the attention weights of one sequence, shape (n_heads, T, S)."""
    scores = q @ k.transpose(0, 2, 1) * q.shape[2] ** -0.5
    if bias is not None:
        scores += bias[:, _distances(seen.shape, bias)]
    scores = np.where(seen, scores, -np.inf)
    top = scores.max(axis=2, keepdims=True, initial=-np.finfo(q.dtype).max)
    e = np.exp(scores - top)
    total = e.sum(axis=2, keepdims=True)
    weights: NDArray[Any] = e / np.where(total > 0, total, 1)
    return weights


def pad_heads(x: NDArray[Any], n_heads: int) -> NDArray[Any]:
    """Return x with the columns of each head padded with zeros to whole SIMD vectors."""
    size = x.shape[-1] // n_heads
    padded = -(-size // LANES) * LANES
    if padded == size:
        return x
    y = np.zeros((*x.shape[:-1], n_heads, padded), x.dtype)
    y[..., :size] = x.reshape(*x.shape[:-1], n_heads, size)
    return y.reshape(*x.shape[:-1], n_heads * padded)


def cut_heads(x: NDArray[Any], n_heads: int, width: int) -> NDArray[Any]:
    """Remove the columns that `pad_heads` added; the heads had `width` columns in total."""
    if x.shape[1] == width:
        return x
    cut = x.reshape(len(x), n_heads, x.shape[1] // n_heads)[:, :, : width // n_heads]
    return np.ascontiguousarray(cut).reshape(len(x), width)


class _Kernel(NamedTuple):
    """Arguments of the kernels before and after the range of sequences."""

    arrays: tuple[Any, ...]
    options: tuple[Any, ...]
    n_sequences: int


def _kernel(cache: Cache, n_heads: int) -> _Kernel:
    q, k, v, bias, mask = cache
    arrays = [pad_heads(x, n_heads) for x in (q, k, v)]
    table = np.zeros(0, np.float32) if bias is None else bias.ravel()
    visible = np.zeros(0, np.bool_) if mask.visible is None else mask.visible
    options = (
        n_heads, arrays[0].shape[1] // n_heads, np.float32((q.shape[1] // n_heads) ** -0.5), table,
        -1 if bias is None else bias.shape[1] // 2, mask.causal, visible,
    )  # fmt: skip
    offsets = (mask.query_offsets, mask.key_offsets)
    return _Kernel((*(x.ravel() for x in arrays), *offsets), options, len(offsets[0]) - 1)


def _forward_float32(cache: Cache, n_heads: int, weights: list[NDArray[Any]] | None) -> NDArray[Any]:
    mask, kernel, width = cache.mask, _kernel(cache, n_heads), cache.q.shape[1]
    y = empty((len(cache.q), n_heads * kernel.options[1]))
    n_queries, n_keys = np.diff(mask.query_offsets), np.diff(mask.key_offsets)
    starts = np.concatenate([[0], np.cumsum(n_heads * n_queries * n_keys)])
    wanted = np.empty(0 if weights is None else starts[-1], np.float32)
    kernels.attend(*kernel.arrays, 0, kernel.n_sequences, *kernel.options, y.ravel(), wanted, starts)
    if weights is not None:
        weights.extend(
            wanted[start : start + n_heads * t * s].reshape(n_heads, t, s)
            for start, t, s in zip(starts.tolist(), n_queries.tolist(), n_keys.tolist(), strict=False)
        )
    return cut_heads(y, n_heads, width)


def _backward_float32(dy: NDArray[Any], cache: Cache, n_heads: int, dbias: NDArray[Any] | None) -> list[NDArray[Any]]:
    """Return dq, dk and dv; dbias is added to."""
    kernel, width = _kernel(cache, n_heads), cache.q.shape[1]
    gradients = [empty((len(x), n_heads * kernel.options[1])) for x in (cache.q, cache.k, cache.v)]
    table = np.zeros(0, np.float32) if dbias is None else dbias.ravel()
    kernels.attend_backward(
        pad_heads(dy, n_heads).ravel(), *kernel.arrays, 0, kernel.n_sequences, *kernel.options,
        *(gradient.ravel() for gradient in gradients), table,
    )  # fmt: skip
    return [cut_heads(gradient, n_heads, width) for gradient in gradients]
