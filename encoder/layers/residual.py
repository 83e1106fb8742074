"""One layer of the network: self-attention and feed-forward, each added to its input, with a norm before or after.

    pre     h = x + attention(norm(x)),   y = h + feed_forward(norm(h))
    post    h = norm(x + attention(x)),   y = norm(h + feed_forward(h))

References
----------
Vaswani et al. 2017, arXiv:1706.03762, section 3.1 (post). Xiong et al. 2020, On layer normalization in the Transformer
architecture, arXiv:2002.04745 (pre). Derivation: docs/derivations/transformer.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from encoder.parameters import Tensor, within

from . import attention, dropout, feed_forward, layer_norm
from .dot_product import Visibility
from .dropout import Draw


@dataclass(frozen=True)
class Shape:
    """How a layer is made.

    Attributes
    ----------
    dim, n_heads, d_ff : int
    norm : {"pre", "post"}
    activation : str
    epsilon : float
        Of the norms.
    distance : int or None
        Reach of the biases of distances; None has none.
    rotate : bool
        Whether positions are rotary.
    """

    dim: int
    n_heads: int
    d_ff: int
    norm: str = "pre"
    activation: str = "gelu"
    epsilon: float = layer_norm.EPSILON
    distance: int | None = None
    rotate: bool = False


class Cache(NamedTuple):
    """What `backward` needs; the draws are those of `forward`."""

    attention: attention.Cache
    attention_norm: layer_norm.Cache
    feed_forward: feed_forward.Cache
    feed_forward_norm: layer_norm.Cache
    draws: tuple[Draw, Draw] | None


def tensors(shape: Shape) -> dict[str, Tensor]:
    """Return the arrays of the layer: ``attention``, ``attention_norm``, ``feed_forward``, ``feed_forward_norm``."""
    return {
        **within("attention", attention.tensors(shape.dim, shape.n_heads, distance=shape.distance)),
        **within("attention_norm", layer_norm.tensors(shape.dim)),
        **within("feed_forward", feed_forward.tensors(shape.dim, shape.d_ff)),
        **within("feed_forward_norm", layer_norm.tensors(shape.dim)),
    }


def forward(
    parameters: Mapping[str, NDArray[Any]],
    x: NDArray[Any],
    visibility: Visibility,
    shape: Shape,
    draws: tuple[Draw, Draw] | None = None,
    weights: list[NDArray[Any]] | None = None,
) -> tuple[NDArray[Any], Cache]:
    """Return the layer of x, shape (N, E).

    Parameters
    ----------
    parameters : mapping
        See `tensors`.
    x : ndarray of shape (N, E)
    visibility : Visibility
    shape : Shape
    draws : tuple of two Draw, optional
        What is dropped from the results of attention and of feed-forward.
    weights : list, optional
        The attention of each sentence, of shape (n_heads, T, T), is appended.
    """
    attend, feed = scope(parameters, "attention"), scope(parameters, "feed_forward")
    norm1, norm2 = scope(parameters, "attention_norm"), scope(parameters, "feed_forward_norm")
    first, second = draws or (None, None)
    options: dict[str, Any] = {"n_heads": shape.n_heads, "rotate": shape.rotate, "weights": weights}
    if shape.norm == "pre":
        normal, norm1_cache = layer_norm.forward(norm1, x, shape.epsilon)
        mixed, attention_cache = attention.forward(attend, normal, normal, visibility, **options)
        h = _added(x, dropout.forward(mixed, first), mixed)
        normal, norm2_cache = layer_norm.forward(norm2, h, shape.epsilon)
        fed, feed_cache = feed_forward.forward(feed, normal, shape.activation)
        y = _added(h, dropout.forward(fed, second), fed)
    else:
        mixed, attention_cache = attention.forward(attend, x, x, visibility, **options)
        h, norm1_cache = layer_norm.forward(norm1, _added(x, dropout.forward(mixed, first), mixed), shape.epsilon)
        fed, feed_cache = feed_forward.forward(feed, h, shape.activation)
        y, norm2_cache = layer_norm.forward(norm2, _added(h, dropout.forward(fed, second), fed), shape.epsilon)
    return y, Cache(attention_cache, norm1_cache, feed_cache, norm2_cache, draws)


def backward(
    parameters: Mapping[str, NDArray[Any]], dy: NDArray[Any], cache: Cache, shape: Shape
) -> tuple[NDArray[Any], dict[str, NDArray[Any]]]:
    """Return dx and the gradients."""
    attend, feed = scope(parameters, "attention"), scope(parameters, "feed_forward")
    norm1, norm2 = scope(parameters, "attention_norm"), scope(parameters, "feed_forward_norm")
    first, second = cache.draws or (None, None)
    if shape.norm == "pre":
        dfed = dropout.backward(dy, second)  # y = h + fed
        dnormal, feed_gradients = feed_forward.backward(feed, dfed, cache.feed_forward, shape.activation)
        through, norm2_gradients = layer_norm.backward(norm2, dnormal, cache.feed_forward_norm)
        dh = np.add(dy, through, out=through)
        dmixed = dropout.backward(dh, first)  # h = x + mixed
        dnormal, dmemory, attention_gradients = attention.backward(
            attend, dmixed, cache.attention, n_heads=shape.n_heads
        )
        through, norm1_gradients = layer_norm.backward(norm1, dnormal + dmemory, cache.attention_norm)
        dx = np.add(dh, through, out=through)
    else:
        dsum, norm2_gradients = layer_norm.backward(norm2, dy, cache.feed_forward_norm)  # y = norm(h + fed)
        through, feed_gradients = feed_forward.backward(
            feed, dropout.backward(dsum, second), cache.feed_forward, shape.activation
        )
        dh = dsum + through
        dsum, norm1_gradients = layer_norm.backward(norm1, dh, cache.attention_norm)  # h = norm(x + mixed)
        through, dmemory, attention_gradients = attention.backward(
            attend, dropout.backward(dsum, first), cache.attention, n_heads=shape.n_heads
        )
        dx = dsum + through
        dx += dmemory
    return dx, {
        **within("attention", attention_gradients),
        **within("attention_norm", norm1_gradients),
        **within("feed_forward", feed_gradients),
        **within("feed_forward_norm", norm2_gradients),
    }


def scope(parameters: Mapping[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    """Return the arrays whose names begin with ``PREFIX.``, under the rest of their names."""
    start = prefix + "."
    return {name[len(start) :]: array for name, array in parameters.items() if name.startswith(start)}


def _added(x: NDArray[Any], change: NDArray[Any], scratch: NDArray[Any]) -> NDArray[Any]:
    """Return x + change, written over `scratch`, which nothing reads any more."""
    total: NDArray[Any] = np.add(x, change, out=scratch)
    return total
