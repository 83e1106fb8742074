"""A block: sub-layers one after another, each with a norm, dropout and a residual connection.

    pre     h = h + dropout(sub(norm(h)))
    post    h = norm(h + dropout(sub(h)))

The sub-layers are the mixer, cross-attention where there is a memory to look at, and feed-forward, in this order. The
mixer lets the hidden states of a sequence see each other: self-attention, a recurrent layer or a convolution.

References
----------
Vaswani et al. 2017, arXiv:1706.03762, section 3.1 (post). Xiong et al. 2020, On layer normalization in the Transformer
architecture, arXiv:2002.04745 (pre). Derivation: docs/derivations/transformer.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from w2v.neural.buffers import empty
from w2v.neural.layers import attention, dropout, feed_forward, layer_norm
from w2v.neural.layers.dot_product import AttentionMask
from w2v.neural.layers.dropout import DropoutMask
from w2v.neural.layers.mixers import convolution, recurrent
from w2v.neural.parameters import Tensor, scope, within

Floats = NDArray[Any]


@dataclass(frozen=True)
class Shape:
    """How a block is made.

    Attributes
    ----------
    dim, n_heads, d_ff : int
    norm : {"pre", "post"}
    activation : str
    epsilon : float
        Of the norms.
    distance : int or None
        Reach of the biases of distances in self-attention; None has none.
    rotate : bool
        Whether positions are rotary, in self-attention.
    memory_size : int or None
        Width of the memory that cross-attention looks at; None has no cross-attention.
    mixer : str
        See `names.MIXERS`.
    window : int
        Tokens that a convolution reads at a time.
    causal : bool
        Whether a recurrent layer goes forward only, and a convolution reads what came before only.
    """

    dim: int
    n_heads: int
    d_ff: int
    norm: str = "pre"
    activation: str = "gelu"
    epsilon: float = layer_norm.EPSILON
    distance: int | None = None
    rotate: bool = False
    memory_size: int | None = None
    mixer: str = "attention"
    window: int = 3
    causal: bool = False


class Context(NamedTuple):
    """What sub-layers look at besides the hidden states.

    Attributes
    ----------
    own : AttentionMask
        Which hidden states each of them sees in the mixer.
    memory : ndarray of shape (M, memory_size), or None
        What cross-attention looks at.
    across : AttentionMask or None
        Which part of the memory each hidden state sees.
    weights : list or None
        The weights of self-attention of each sequence, of shape (n_heads, T, T), are appended.
    """

    own: AttentionMask
    memory: Floats | None = None
    across: AttentionMask | None = None
    weights: list[Floats] | None = None


class Gradients(NamedTuple):
    """What a sub-layer's backward pass gives.

    Attributes
    ----------
    inputs : tuple of ndarray of shape (N, E)
        Their sum, in this order, is the gradient of the input.
    parameters : dict of str to ndarray
    memory : ndarray of shape (M, memory_size), or None
    """

    inputs: tuple[Floats, ...]
    parameters: dict[str, Floats]
    memory: Floats | None = None


class SubLayer(Protocol):
    """What a block is made of. The result of `forward` must be an array that nothing else holds."""

    name: str

    def tensors(self, shape: Shape) -> dict[str, Tensor]:
        """Return the arrays of the sub-layer."""
        ...

    def forward(
        self, parameters: Mapping[str, Floats], x: Floats, shape: Shape, context: Context
    ) -> tuple[Floats, Any]:
        """Return the change of the hidden states x, shape (N, E), and what `backward` needs."""
        ...

    def backward(self, parameters: Mapping[str, Floats], dy: Floats, cache: Any, shape: Shape) -> Gradients:
        """Return the gradients."""
        ...


class SelfAttention:
    """Hidden states look at those of their own sequence."""

    name = "attention"

    def tensors(self, shape: Shape) -> dict[str, Tensor]:
        """Return the arrays of `attention.tensors`."""
        return attention.tensors(shape.dim, shape.n_heads, distance=shape.distance)

    def forward(
        self, parameters: Mapping[str, Floats], x: Floats, shape: Shape, context: Context
    ) -> tuple[Floats, attention.Cache]:
        """Return the attention of x to itself."""
        return attention.forward(
            parameters, x, x, context.own, n_heads=shape.n_heads, rotate=shape.rotate, weights=context.weights
        )

    def backward(self, parameters: Mapping[str, Floats], dy: Floats, cache: attention.Cache, shape: Shape) -> Gradients:
        """Return the gradients; x is read twice, as queries and as memory."""
        _, dx, gradients = attention.backward(parameters, dy, cache, n_heads=shape.n_heads, is_own=True)
        return Gradients((dx,), gradients)


class Recurrent:
    """A state goes through each sequence, and through one that is not causal in both directions."""

    name = "recurrent"

    def tensors(self, shape: Shape) -> dict[str, Tensor]:
        """Return the arrays of `recurrent.tensors`."""
        return recurrent.tensors(shape.dim, causal=shape.causal)

    def forward(
        self, parameters: Mapping[str, Floats], x: Floats, shape: Shape, context: Context
    ) -> tuple[Floats, recurrent.Cache]:
        """Return the states behind x."""
        return recurrent.forward(parameters, x, context.own.query_offsets, causal=shape.causal)

    def backward(self, parameters: Mapping[str, Floats], dy: Floats, cache: recurrent.Cache, shape: Shape) -> Gradients:
        """Return the gradients."""
        dx, gradients = recurrent.backward(parameters, dy, cache)
        return Gradients((dx,), gradients)


class Convolution:
    """Hidden states read a window of their own sequence."""

    name = "convolution"

    def tensors(self, shape: Shape) -> dict[str, Tensor]:
        """Return the arrays of `convolution.tensors`."""
        return convolution.tensors(shape.dim, shape.window)

    def forward(
        self, parameters: Mapping[str, Floats], x: Floats, shape: Shape, context: Context
    ) -> tuple[Floats, convolution.Cache]:
        """Return the gated convolution of x."""
        offsets = context.own.query_offsets
        return convolution.forward(parameters, x, offsets, window=shape.window, causal=shape.causal)

    def backward(
        self, parameters: Mapping[str, Floats], dy: Floats, cache: convolution.Cache, shape: Shape
    ) -> Gradients:
        """Return the gradients."""
        dx, gradients = convolution.backward(parameters, dy, cache)
        return Gradients((dx,), gradients)


class CrossAttention:
    """Hidden states look at a memory, such as the hidden states that an encoder made of another sequence."""

    name = "cross_attention"

    def tensors(self, shape: Shape) -> dict[str, Tensor]:
        """Return the arrays of `attention.tensors`; the memory may have another width."""
        return attention.tensors(shape.dim, shape.n_heads, memory_size=shape.memory_size)

    def forward(
        self, parameters: Mapping[str, Floats], x: Floats, shape: Shape, context: Context
    ) -> tuple[Floats, attention.Cache]:
        """Return the attention of x to the memory, which is taken as it is."""
        if context.memory is None or context.across is None:
            raise ValueError("a block with cross-attention needs a memory to look at")
        return attention.forward(parameters, x, context.memory, context.across, n_heads=shape.n_heads)

    def backward(self, parameters: Mapping[str, Floats], dy: Floats, cache: attention.Cache, shape: Shape) -> Gradients:
        """Return the gradients, that of the memory too."""
        dx, dmemory, gradients = attention.backward(parameters, dy, cache, n_heads=shape.n_heads)
        return Gradients((dx,), gradients, dmemory)


class FeedForward:
    """Each hidden state by itself."""

    name = "feed_forward"

    def tensors(self, shape: Shape) -> dict[str, Tensor]:
        """Return the arrays of `feed_forward.tensors`."""
        return feed_forward.tensors(shape.dim, shape.d_ff)

    def forward(
        self, parameters: Mapping[str, Floats], x: Floats, shape: Shape, context: Context
    ) -> tuple[Floats, feed_forward.Cache]:
        """Return the feed-forward network of x."""
        return feed_forward.forward(parameters, x, shape.activation)

    def backward(
        self, parameters: Mapping[str, Floats], dy: Floats, cache: feed_forward.Cache, shape: Shape
    ) -> Gradients:
        """Return the gradients."""
        dx, gradients = feed_forward.backward(parameters, dy, cache, shape.activation)
        return Gradients((dx,), gradients)


_MIXERS: dict[str, SubLayer] = {sub.name: sub for sub in (SelfAttention(), Recurrent(), Convolution())}
_CROSS, _FEED = CrossAttention(), FeedForward()


def sub_layers(shape: Shape) -> tuple[SubLayer, ...]:
    """Return the sub-layers of a block, in their order."""
    mixer = _MIXERS[shape.mixer]
    return (mixer, _FEED) if shape.memory_size is None else (mixer, _CROSS, _FEED)


class Cache(NamedTuple):
    """What `backward` needs of each sub-layer, in their order."""

    subs: list[Any]
    norms: list[layer_norm.Cache]
    masks: Sequence[DropoutMask | None]


def tensors(shape: Shape) -> dict[str, Tensor]:
    """Return the arrays of the block: those of each sub-layer under its name, ``NAME_norm`` those of its norm."""
    arrays: dict[str, Tensor] = {}
    for sub in sub_layers(shape):
        arrays |= within(sub.name, sub.tensors(shape)) | within(f"{sub.name}_norm", layer_norm.tensors(shape.dim))
    return arrays


def forward(
    parameters: Mapping[str, Floats],
    x: Floats,
    context: Context,
    shape: Shape,
    masks: Sequence[DropoutMask | None] | None = None,
) -> tuple[Floats, Cache]:
    """Return the hidden states behind the block.

    Parameters
    ----------
    parameters : mapping
        See `tensors`.
    x : ndarray of shape (N, E)
    context : Context
    shape : Shape
    masks : sequence of (DropoutMask or None), optional
        What is dropped from the change that each sub-layer makes; nothing by default.

    Returns
    -------
    y : ndarray of shape (N, E)
    cache : Cache

    Raises
    ------
    ValueError
        If there is cross-attention and no memory.
    """
    subs = sub_layers(shape)
    cache, h = Cache([], [], masks or [None] * len(subs)), x
    for sub, mask in zip(subs, cache.masks, strict=True):
        own, norm = scope(parameters, sub.name), scope(parameters, f"{sub.name}_norm")
        if shape.norm == "pre":
            normal, norm_cache = layer_norm.forward(norm, h, shape.epsilon)
            change, sub_cache = sub.forward(own, normal, shape, context)
            h = dropout.add(h, change, mask)
        else:
            change, sub_cache = sub.forward(own, h, shape, context)
            total = dropout.add(h, change, mask)
            h, norm_cache = layer_norm.forward(norm, total, shape.epsilon)
        cache.subs.append(sub_cache)
        cache.norms.append(norm_cache)
    return h, cache


def backward(
    parameters: Mapping[str, Floats], dy: Floats, cache: Cache, shape: Shape
) -> tuple[Floats, Floats | None, dict[str, Floats]]:
    """Return dx, dmemory (None without cross-attention) and the gradients."""
    total: dict[str, Floats] = {}
    dh, dmemory = dy, None
    kept = zip(sub_layers(shape), cache.subs, cache.norms, cache.masks, strict=True)
    for sub, sub_cache, norm_cache, mask in reversed(list(kept)):
        own, norm = scope(parameters, sub.name), scope(parameters, f"{sub.name}_norm")
        if shape.norm == "pre":  # h = h + sub(norm(h))
            found = sub.backward(own, dropout.backward(dh, mask), sub_cache, shape)
            through, gradients = layer_norm.backward(norm, _sum(found.inputs), norm_cache)
            dh = np.add(dh, through, out=through)
        else:  # h = norm(h + sub(h))
            dsum, gradients = layer_norm.backward(norm, dh, norm_cache)
            found = sub.backward(own, dropout.backward(dsum, mask), sub_cache, shape)
            dh = _sum((dsum, *found.inputs))
        dmemory = dmemory if found.memory is None else found.memory
        total |= within(sub.name, found.parameters) | within(f"{sub.name}_norm", gradients)
    return dh, dmemory, total


def _sum(arrays: tuple[Floats, ...]) -> Floats:
    """Return the sum of arrays, added in their order; of a single one, itself."""
    total = arrays[0]
    for n, array in enumerate(arrays[1:]):
        total = np.add(total, array, out=empty(total.shape, total.dtype) if n == 0 else total)
    return total
