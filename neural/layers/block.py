"""A block: a sequence of sub-layers, each with a norm, dropout and a residual connection.

    pre     h = h + dropout(sub(norm(h)))
    post    h = norm(h + dropout(sub(h)))

The sub-layers are the mixer, cross-attention if there is a memory, and feed-forward, in this order. The mixer exchanges
information between the hidden states of a sequence: self-attention, a recurrent layer or a convolution.

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
    """The configuration of a block.

    Attributes
    ----------
    dim, n_heads, d_ff : int
    norm : {"pre", "post"}
    activation : str
    epsilon : float
        Of the norms.
    distance : int or None
        Maximum distance with a bias of its own in self-attention; None for no biases.
    rotate : bool
        Whether self-attention has rotary positions.
    memory_size : int or None
        Width of the memory for cross-attention; None for no cross-attention.
    mixer : str
        See `names.MIXERS`.
    window : int
        Kernel width of a convolution, in tokens.
    causal : bool
        Whether a recurrent layer only runs forward, and a convolution only reads preceding tokens.
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
    """Inputs of sub-layers besides the hidden states.

    Attributes
    ----------
    own : AttentionMask
        Which hidden states each of them attends to in the mixer.
    memory : ndarray of shape (M, memory_size), or None
        Input of cross-attention.
    across : AttentionMask or None
        Which part of the memory each hidden state attends to.
    weights : list or None
        The self-attention weights of each sequence, of shape (n_heads, T, T), are appended.
    """

    own: AttentionMask
    memory: Floats | None = None
    across: AttentionMask | None = None
    weights: list[Floats] | None = None


class Gradients(NamedTuple):
    """The result of a sub-layer's backward pass.

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
    """A part of a block. `forward` must return an array that is not referenced elsewhere."""

    name: str

    def tensors(self, shape: Shape) -> dict[str, Tensor]:
        """Return the arrays of the sub-layer."""
        ...

    def forward(
        self, parameters: Mapping[str, Floats], x: Floats, shape: Shape, context: Context
    ) -> tuple[Floats, Any]:
        """Return the update of the hidden states x, shape (N, E), and the values that `backward` needs."""
        ...

    def backward(self, parameters: Mapping[str, Floats], dy: Floats, cache: Any, shape: Shape) -> Gradients:
        """Return the gradients."""
        ...


class SelfAttention:
    """Hidden states attend to those of their own sequence."""

    name = "attention"

    def tensors(self, shape: Shape) -> dict[str, Tensor]:
        """Return the arrays of `attention.tensors`."""
        return attention.tensors(shape.dim, shape.n_heads, distance=shape.distance)

    def forward(
        self, parameters: Mapping[str, Floats], x: Floats, shape: Shape, context: Context
    ) -> tuple[Floats, attention.Cache]:
        """Return the self-attention of x."""
        return attention.forward(
            parameters, x, x, context.own, n_heads=shape.n_heads, rotate=shape.rotate, weights=context.weights
        )

    def backward(self, parameters: Mapping[str, Floats], dy: Floats, cache: attention.Cache, shape: Shape) -> Gradients:
        """Return the gradients; x is used twice, as queries and as memory."""
        _, dx, gradients = attention.backward(parameters, dy, cache, n_heads=shape.n_heads, is_own=True)
        return Gradients((dx,), gradients)


class Recurrent:
    """A state runs through each sequence; if it is not causal, in both directions."""

    name = "recurrent"

    def tensors(self, shape: Shape) -> dict[str, Tensor]:
        """Return the arrays of `recurrent.tensors`."""
        return recurrent.tensors(shape.dim, causal=shape.causal)

    def forward(
        self, parameters: Mapping[str, Floats], x: Floats, shape: Shape, context: Context
    ) -> tuple[Floats, recurrent.Cache]:
        """Return the states after x."""
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
    """Hidden states attend to a memory, such as an encoder's hidden states of another sequence."""

    name = "cross_attention"

    def tensors(self, shape: Shape) -> dict[str, Tensor]:
        """Return the arrays of `attention.tensors`; the memory may have another width."""
        return attention.tensors(shape.dim, shape.n_heads, memory_size=shape.memory_size)

    def forward(
        self, parameters: Mapping[str, Floats], x: Floats, shape: Shape, context: Context
    ) -> tuple[Floats, attention.Cache]:
        """Return the attention of x to the memory, which is not normalised."""
        if context.memory is None or context.across is None:
            raise ValueError("a block with cross-attention needs a memory to look at")
        return attention.forward(parameters, x, context.memory, context.across, n_heads=shape.n_heads)

    def backward(self, parameters: Mapping[str, Floats], dy: Floats, cache: attention.Cache, shape: Shape) -> Gradients:
        """Return the gradients, including that of the memory."""
        dx, dmemory, gradients = attention.backward(parameters, dy, cache, n_heads=shape.n_heads)
        return Gradients((dx,), gradients, dmemory)


class FeedForward:
    """Each hidden state on its own."""

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
    """Return the sub-layers of a block, in order."""
    mixer = _MIXERS[shape.mixer]
    return (mixer, _FEED) if shape.memory_size is None else (mixer, _CROSS, _FEED)


class Cache(NamedTuple):
    """Values that `backward` needs, by sub-layer, in order."""

    subs: list[Any]
    norms: list[layer_norm.Cache]
    masks: Sequence[DropoutMask | None]


def tensors(shape: Shape) -> dict[str, Tensor]:
    """Return the arrays of the block: those of each sub-layer under its name, those of its norm under ``NAME_norm``."""
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
    """Return the hidden states after the block.

    Parameters
    ----------
    parameters : mapping
        See `tensors`.
    x : ndarray of shape (N, E)
    context : Context
    shape : Shape
    masks : sequence of (DropoutMask or None), optional
        Dropout masks for the update of each sub-layer; nothing is dropped by default.

    Returns
    -------
    y : ndarray of shape (N, E)
    cache : Cache

    Raises
    ------
    ValueError
        If there is cross-attention but no memory.
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
    """Return dx, dmemory (None without cross-attention) and the gradients of the parameters."""
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
    """Return the sum of arrays in order; for a single array, the array itself."""
    total = arrays[0]
    for n, array in enumerate(arrays[1:]):
        total = np.add(total, array, out=empty(total.shape, total.dtype) if n == 0 else total)
    return total
