"""A stack of blocks over packed sequences, with positions: encoder, causal language model and decoder.

Hidden states of shape (N, dim) pass through ::

    positions, dropout              post: also a token-type vector and a norm
    block, …                        one per layer; see `layers.block`
                                    pre: then a norm

An encoder attends to its whole sequence. A causal stack attends to preceding tokens only, as a language model does;
with a memory, its blocks also have cross-attention, and it is a decoder.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.neural.layers import activations, block, dropout, layer_norm, positions
from w2v.neural.layers.block import Context
from w2v.neural.layers.dot_product import AttentionMask
from w2v.neural.layers.dropout import Dropout, DropoutMask
from w2v.neural.names import MIXERS, NORMS
from w2v.neural.parameters import Tensor, add, scope, within

Floats = NDArray[Any]

_EMBEDDING_PLACE = 1 << 20


@dataclass(frozen=True)
class StackConfig:
    """The configuration of a stack.

    Attributes
    ----------
    dim : int
        Width of the hidden states, a multiple of `heads`.
    heads, layers, d_ff : int
        Attention heads per block, number of blocks, and width of the feed-forward network.
    norm : {"pre", "post"}
        Whether blocks normalise the input of each sub-layer or its output.
    positions : str
        See `layers.positions.KINDS`.
    activation : str
        See `layers.activations.ACTIVATIONS`.
    epsilon : float
        Constant that norms add to the variance.
    max_positions : int
        Rows of the table of learned positions; later tokens share its last row.
    max_distance : int
        Maximum distance that relative positions distinguish.
    causal : bool
        Whether token i only sees tokens 0 … i of its sequence.
    memory_size : int or None
        Width of the memory for cross-attention; None for no cross-attention.
    mixer : {"attention", "recurrent", "convolution"}
        The layer that exchanges information between the hidden states of a sequence. Without attention, the `positions`
        that only attention uses, ``rotary`` and ``relative``, have no effect.
    window : int
        Kernel width of a convolution, in tokens.

    Raises
    ------
    ValueError
        If the values are inconsistent.
    """

    dim: int
    heads: int
    layers: int
    d_ff: int
    norm: str = "pre"
    positions: str = "rotary"
    activation: str = "gelu"
    epsilon: float = layer_norm.EPSILON
    max_positions: int = 512
    max_distance: int = 32
    causal: bool = False
    memory_size: int | None = None
    mixer: str = "attention"
    window: int = 3

    def __post_init__(self) -> None:
        for name, choices in (
            ("norm", NORMS), ("positions", positions.KINDS), ("activation", activations.ACTIVATIONS),
            ("mixer", MIXERS),
        ):  # fmt: skip
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} must be one of {', '.join(choices)}, not {getattr(self, name)!r}")
        if self.dim % self.heads:
            raise ValueError(f"dim must be a multiple of heads: {self.dim} is not a multiple of {self.heads}")
        if self.mixer == "recurrent" and not self.causal and self.dim % 2:
            raise ValueError(f"a bidirectional recurrent layer needs an even dim, not {self.dim}")
        if self.window < 1:
            raise ValueError(f"window must be at least 1, not {self.window}")
        if self.shape.rotate and self.dim // self.heads % 2:
            raise ValueError(
                f"rotary positions rotate pairs of columns: dim / heads must be even, not {self.dim // self.heads}"
            )

    @property
    def shape(self) -> block.Shape:
        """The configuration of every block."""
        attends = self.mixer == "attention"
        return block.Shape(
            self.dim,
            self.heads,
            self.d_ff,
            self.norm,
            self.activation,
            self.epsilon,
            self.max_distance if attends and self.positions in positions.WITH_DISTANCES else None,
            attends and self.positions in positions.WITH_ROTATION,
            self.memory_size,
            self.mixer,
            self.window,
            self.causal,
        )

    def tensors(self) -> dict[str, Tensor]:
        """Return the shape and initialisation of every array of the stack."""
        arrays = within("positions", positions.tensors(self.positions, self.dim, self.max_positions))
        if self.norm == "post":
            arrays["token_type"] = Tensor((self.dim,))
            arrays |= within("embedding_norm", layer_norm.tensors(self.dim))
        for i in range(self.layers):
            arrays |= within(f"layers.{i}", block.tensors(self.shape))
        if self.norm == "pre":
            arrays |= within("norm", layer_norm.tensors(self.dim))
        return arrays


class Memory(NamedTuple):
    """The input of a decoder's cross-attention.

    Attributes
    ----------
    states : ndarray of shape (M, memory_size)
        For example, an encoder's hidden states of the source.
    offsets : ndarray of shape (B + 1,), int64
        Sequence b of the stack attends to memory b.
    visible : ndarray of shape (M,), bool, or None
        True for visible states; None for all.
    """

    states: Floats
    offsets: NDArray[np.int64]
    visible: NDArray[np.bool_] | None = None


class Cache(NamedTuple):
    """Values that `backward` needs."""

    positions: positions.Cache
    mask: DropoutMask | None
    embedding_norm: layer_norm.Cache | None
    blocks: list[block.Cache]
    norm: layer_norm.Cache | None


def forward(
    config: StackConfig,
    parameters: Mapping[str, Floats],
    h: Floats,
    offsets: NDArray[np.int64],
    *,
    memory: Memory | None = None,
    dropped: Dropout | None = None,
    weights: list[list[Floats]] | None = None,
) -> tuple[Floats, Cache]:
    """Return the hidden states after the stack.

    Parameters
    ----------
    config : StackConfig
    parameters : mapping
        Those of `StackConfig.tensors`; others are ignored.
    h : ndarray of shape (N, dim)
        The embeddings of all tokens, concatenated.
    offsets : ndarray of shape (B + 1,), int64
        Start of each sequence; the last is N.
    memory : Memory, optional
        Required if the blocks have cross-attention.
    dropped : Dropout, optional
        Dropout of this training step, applied to the embeddings and to the update of each sub-layer; none by default.
    weights : list of list, optional
        One list per block, to which the self-attention weights of each sequence are appended, if that is the mixer.

    Returns
    -------
    h : ndarray of shape (N, dim)
    cache : Cache

    Raises
    ------
    ValueError
        If the blocks have cross-attention but there is no memory.
    """
    h, position_cache = positions.forward(scope(parameters, "positions"), h, offsets, config.positions)
    mask = None if dropped is None else dropped.mask(_EMBEDDING_PLACE)
    # BERT applies dropout after its norm, where it would destroy the carrier of a post-norm start: deviation D16
    h = dropout.forward(h, mask)
    embedding_norm = None
    if config.norm == "post":
        h, embedding_norm = layer_norm.forward(
            scope(parameters, "embedding_norm"), h + parameters["token_type"], config.epsilon
        )
    shape, blocks = config.shape, []
    n_subs = len(block.sub_layers(shape))
    own = AttentionMask(offsets, offsets, config.causal)
    across = None if memory is None else AttentionMask(offsets, memory.offsets, visible=memory.visible)
    states = None if memory is None else memory.states
    for i in range(config.layers):
        masks = None if dropped is None else [dropped.mask(n_subs * i + k) for k in range(n_subs)]
        context = Context(own, states, across, None if weights is None else weights[i])
        h, cache = block.forward(scope(parameters, f"layers.{i}"), h, context, shape, masks)
        blocks.append(cache)
    norm = None
    if config.norm == "pre":
        h, norm = layer_norm.forward(scope(parameters, "norm"), h, config.epsilon)
    return h, Cache(position_cache, mask, embedding_norm, blocks, norm)


def backward(
    config: StackConfig, parameters: Mapping[str, Floats], dh: Floats, cache: Cache, total: Mapping[str, Floats]
) -> tuple[Floats, Floats | None]:
    """Add the gradients of the parameters to `total`; return those of h and of the memory (None without one)."""
    shape = config.shape
    dmemory: Floats | None = None
    if cache.norm is not None:
        dh, gradients = layer_norm.backward(scope(parameters, "norm"), dh, cache.norm)
        add(total, within("norm", gradients))
    for i in reversed(range(config.layers)):
        dh, seen, gradients = block.backward(scope(parameters, f"layers.{i}"), dh, cache.blocks[i], shape)
        add(total, within(f"layers.{i}", gradients))
        if seen is not None:
            dmemory = seen if dmemory is None else np.add(dmemory, seen, out=dmemory)
    if cache.embedding_norm is not None:
        dh, gradients = layer_norm.backward(scope(parameters, "embedding_norm"), dh, cache.embedding_norm)
        add(total, within("embedding_norm", gradients) | {"token_type": dh.sum(axis=0)})  # h = … + token_type
    dh = dropout.backward(dh, cache.mask)
    dh, gradients = positions.backward(scope(parameters, "positions"), dh, cache.positions)
    add(total, within("positions", gradients))
    return dh, dmemory
