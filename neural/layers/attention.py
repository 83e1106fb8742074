"""Multi-head attention. Queries come from x, keys and values from a memory, which is x itself in self-attention.

References
----------
Vaswani et al. 2017, arXiv:1706.03762, section 3.2.2. Derivation: docs/derivations/attention.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from numpy.typing import NDArray

from w2v.neural.layers import dot_product, linear, rotary
from w2v.neural.layers.dot_product import AttentionMask
from w2v.neural.parameters import Tensor, scope, within


class Cache(NamedTuple):
    """Values that `backward` needs."""

    query: linear.Cache
    key: linear.Cache
    value: linear.Cache
    products: dot_product.Cache
    output: linear.Cache
    rotations: tuple[rotary.Cache, rotary.Cache] | None


def tensors(
    dim: int, n_heads: int, *, memory_size: int | None = None, distance: int | None = None
) -> dict[str, Tensor]:
    """Return the arrays of the layer.

    Parameters
    ----------
    dim : int
        E, the width of x and of the output.
    n_heads : int
        A divisor of `dim`.
    memory_size : int, optional
        Width of the memory; E by default.
    distance : int, optional
        R: every head has a bias for each distance from −R to R, initialised to zero. By default there are none.

    Returns
    -------
    dict of str to Tensor
        ``query``, ``key``, ``value`` and ``output``, each a `linear` layer, and ``distances``, (n_heads, 2 R + 1).
    """
    memory_size = dim if memory_size is None else memory_size
    arrays = {
        **within("query", linear.tensors(dim, dim)),
        **within("key", linear.tensors(memory_size, dim)),
        **within("value", linear.tensors(memory_size, dim)),
        **within("output", linear.tensors(dim, dim)),
    }
    if distance is not None:
        arrays["distances"] = Tensor((n_heads, 2 * distance + 1))
    return arrays


def forward(
    parameters: Mapping[str, NDArray[Any]],
    x: NDArray[Any],
    memory: NDArray[Any],
    mask: AttentionMask,
    *,
    n_heads: int,
    rotate: bool = False,
    weights: list[NDArray[Any]] | None = None,
) -> tuple[NDArray[Any], Cache]:
    """Return the attention of all heads, combined by the output projection.

    Parameters
    ----------
    parameters : mapping
        See `tensors`.
    x : ndarray of shape (N, E)
        Input of the queries.
    memory : ndarray of shape (M, memory_size)
        Input of the keys and values; x itself in self-attention.
    mask : AttentionMask
        Which keys each query attends to.
    n_heads : int
    rotate : bool, default False
        Rotate queries and keys by their positions; see `rotary`.
    weights : list, optional
        The attention weights of each sequence, of shape (n_heads, T, S), are appended.

    Returns
    -------
    y : ndarray of shape (N, E)
    cache : Cache
    """
    q, query_cache = linear.forward(scope(parameters, "query"), x)
    k, key_cache = linear.forward(scope(parameters, "key"), memory)
    v, value_cache = linear.forward(scope(parameters, "value"), memory)
    rotations = None
    if rotate:
        q, query_rotation = rotary.forward(q, mask.query_offsets, n_heads)
        k, key_rotation = rotary.forward(k, mask.key_offsets, n_heads)
        rotations = query_rotation, key_rotation
    mixed, products = dot_product.forward(q, k, v, n_heads, mask, parameters.get("distances"), weights)
    y, output_cache = linear.forward(scope(parameters, "output"), mixed)
    return y, Cache(query_cache, key_cache, value_cache, products, output_cache, rotations)


def backward(
    parameters: Mapping[str, NDArray[Any]], dy: NDArray[Any], cache: Cache, *, n_heads: int, is_own: bool = False
) -> tuple[NDArray[Any], NDArray[Any], dict[str, NDArray[Any]]]:
    """Return dx, dmemory and the gradients; if the memory is its own, x itself, their sum takes the place of both."""
    dmixed, output_gradients = linear.backward(scope(parameters, "output"), dy, cache.output)
    dq, dk, dv, ddistances = dot_product.backward(dmixed, cache.products, n_heads)
    if cache.rotations is not None:
        dq, dk = (rotary.backward(d, rotation) for d, rotation in zip((dq, dk), cache.rotations, strict=True))
    dmemory, key_gradients = linear.backward(scope(parameters, "key"), dk, cache.key)
    dmemory, value_gradients = linear.backward(scope(parameters, "value"), dv, cache.value, onto=dmemory)
    dx, query_gradients = linear.backward(
        scope(parameters, "query"), dq, cache.query, onto=dmemory if is_own else None
    )  # fmt: skip
    gradients = {
        **within("query", query_gradients),
        **within("key", key_gradients),
        **within("value", value_gradients),
        **within("output", output_gradients),
    }
    if ddistances is not None:
        gradients["distances"] = ddistances
    return dx, dmemory, gradients
