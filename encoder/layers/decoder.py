"""A layer that writes with a memory in view: causal self-attention, attention to the memory, feed-forward.

    pre     h = x + attention(norm(x)),    m = h + attention(norm(h), memory),    y = m + feed_forward(norm(m))
    post    h = norm(x + attention(x)),    m = norm(h + attention(h, memory)),    y = norm(m + feed_forward(m))

Token i of a sentence sees its tokens 0 … i and all of its sentence's memory, such as the rows that an encoder made of
another sentence, which is taken as it is.

References
----------
Vaswani et al. 2017, arXiv:1706.03762, section 3.1. Derivation: docs/derivations/transformer.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from encoder.parameters import Tensor, within

from . import attention, feed_forward, layer_norm
from .dot_product import Visibility
from .residual import Shape, scope

_PARTS = ("attention", "cross_attention", "feed_forward")


class Cache(NamedTuple):
    """What `backward` needs, of the three parts in their order."""

    parts: list[Any]
    norms: list[layer_norm.Cache]


def tensors(shape: Shape, memory_size: int | None = None) -> dict[str, Tensor]:
    """Return the arrays of the layer: those of `residual.tensors`, ``cross_attention`` and ``cross_attention_norm``.

    The memory is `memory_size` wide, as wide as x by default.
    """
    arrays = {
        **within("attention", attention.tensors(shape.dim, shape.n_heads, distance=shape.distance)),
        **within("cross_attention", attention.tensors(shape.dim, shape.n_heads, memory_size=memory_size)),
        **within("feed_forward", feed_forward.tensors(shape.dim, shape.d_ff)),
    }
    for part in _PARTS:
        arrays |= within(f"{part}_norm", layer_norm.tensors(shape.dim))
    return arrays


def forward(
    parameters: Mapping[str, NDArray[Any]],
    x: NDArray[Any],
    memory: NDArray[Any],
    offsets: NDArray[np.int64],
    memory_offsets: NDArray[np.int64],
    shape: Shape,
    *,
    mask: NDArray[np.bool_] | None = None,
) -> tuple[NDArray[Any], Cache]:
    """Return the layer of x.

    Parameters
    ----------
    parameters : mapping
        See `tensors`.
    x : ndarray of shape (N, E)
    memory : ndarray of shape (M, memory_size)
    offsets, memory_offsets : ndarray of shape (B + 1,), int64
        Sentence b of x sees memory b.
    shape : Shape
        Distances and rotation act in self-attention alone.
    mask : ndarray of shape (M,), bool, optional
        True for rows of the memory that may be seen.

    Returns
    -------
    y : ndarray of shape (N, E)
    cache : Cache
    """
    own, across = Visibility(offsets, offsets, causal=True), Visibility(offsets, memory_offsets, mask=mask)

    def compute(part: str, rows: NDArray[Any]) -> tuple[NDArray[Any], Any]:
        inner = scope(parameters, part)
        if part == "attention":
            return attention.forward(inner, rows, rows, own, n_heads=shape.n_heads, rotate=shape.rotate)
        if part == "cross_attention":
            return attention.forward(inner, rows, memory, across, n_heads=shape.n_heads)
        return feed_forward.forward(inner, rows, shape.activation)

    cache, h = Cache([], []), x
    for part in _PARTS:
        norm = scope(parameters, f"{part}_norm")
        if shape.norm == "pre":
            normal, norm_cache = layer_norm.forward(norm, h, shape.epsilon)
            change, part_cache = compute(part, normal)
            h = h + change
        else:
            change, part_cache = compute(part, h)
            h, norm_cache = layer_norm.forward(norm, h + change, shape.epsilon)
        cache.parts.append(part_cache)
        cache.norms.append(norm_cache)
    return h, cache


def backward(
    parameters: Mapping[str, NDArray[Any]], dy: NDArray[Any], cache: Cache, shape: Shape
) -> tuple[NDArray[Any], NDArray[Any], dict[str, NDArray[Any]]]:
    """Return dx, dmemory and the gradients."""
    total: dict[str, NDArray[Any]] = {}
    dmemory: NDArray[Any] | None = None

    def differentiate(part: str, dchange: NDArray[Any], part_cache: Any) -> NDArray[Any]:
        """Return the gradient of the rows that a part read."""
        nonlocal dmemory
        inner = scope(parameters, part)
        if part == "feed_forward":
            drows, gradients = feed_forward.backward(inner, dchange, part_cache, shape.activation)
        else:
            drows, seen, gradients = attention.backward(inner, dchange, part_cache, n_heads=shape.n_heads)
            if part == "attention":
                drows = drows + seen
            else:
                dmemory = seen
        total.update(within(part, gradients))
        return drows

    dh = dy
    for part, part_cache, norm_cache in reversed(list(zip(_PARTS, cache.parts, cache.norms, strict=True))):
        norm = scope(parameters, f"{part}_norm")
        if shape.norm == "pre":  # h = h + part(norm(h))
            through, gradients = layer_norm.backward(norm, differentiate(part, dh, part_cache), norm_cache)
            dh = dh + through
        else:  # h = norm(h + part(h))
            dsum, gradients = layer_norm.backward(norm, dh, norm_cache)
            dh = dsum + differentiate(part, dsum, part_cache)
        total.update(within(f"{part}_norm", gradients))
    assert dmemory is not None
    return dh, dmemory, total
