"""A stack of blocks over packed sequences, with positions in front: encoder, causal language model and decoder.

Hidden states of shape (N, dim) go through ::

    positions, dropout              post: also a token-type vector and a norm
    block, …                        one for each layer; see `layers.block`
                                    pre: then a norm

An encoder sees its whole sequence. A causal stack sees what came before, which is a language model's; with a memory as
well, its blocks have cross-attention, and it is a decoder.
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
    """How a stack is made.

    Attributes
    ----------
    dim : int
        Width of the hidden states, a multiple of `heads`.
    heads, layers, d_ff : int
        Heads of attention in each block, blocks, and the width inside the feed-forward network.
    norm : {"pre", "post"}
        Whether blocks normalise what they read or what they give.
    positions : str
        See `layers.positions.KINDS`.
    activation : str
        See `layers.activations.ACTIVATIONS`.
    epsilon : float
        What norms add to the variance.
    max_positions : int
        Rows of the table of learned positions; tokens further on share its last row.
    max_distance : int
        Distances of relative positions that are told apart.
    causal : bool
        Whether token i sees tokens 0 … i of its sequence only.
    memory_size : int or None
        Width of the memory that cross-attention looks at; None has no cross-attention.
    mixer : {"attention", "recurrent", "convolution"}
        What lets the hidden states of a sequence see each other. Where it is not attention, `positions` that attention
        alone would read, ``rotary`` and ``relative``, do nothing.
    window : int
        Tokens that a convolution reads at a time.

    Raises
    ------
    ValueError
        If the values do not go together.
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
            raise ValueError(f"dim must be a multiple of heads: {self.dim} is not one of {self.heads}")
        if self.mixer == "recurrent" and not self.causal and self.dim % 2:
            raise ValueError(f"a recurrent layer in both directions halves dim, which must be even, not {self.dim}")
        if self.window < 1:
            raise ValueError(f"window must be 1 or more, not {self.window}")
        if self.shape.rotate and self.dim // self.heads % 2:
            raise ValueError(
                f"rotary positions turn pairs of columns: dim / heads must be even, not {self.dim // self.heads}"
            )

    @property
    def shape(self) -> block.Shape:
        """What every block is made by."""
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
        """Return every array of the stack, its shape beside how it starts."""
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
    """What a decoder looks at.

    Attributes
    ----------
    states : ndarray of shape (M, memory_size)
        Such as the hidden states that an encoder made of the source.
    offsets : ndarray of shape (B + 1,), int64
        Sequence b of the stack sees memory b.
    visible : ndarray of shape (M,), bool, or None
        True for what may be seen; None for all.
    """

    states: Floats
    offsets: NDArray[np.int64]
    visible: NDArray[np.bool_] | None = None


class Cache(NamedTuple):
    """What `backward` needs."""

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
    """Return the hidden states behind the stack.

    Parameters
    ----------
    config : StackConfig
    parameters : mapping
        Those of `StackConfig.tensors`; others are not read.
    h : ndarray of shape (N, dim)
        The embeddings of all tokens, one sequence after another.
    offsets : ndarray of shape (B + 1,), int64
        Where each sequence begins; the last is N.
    memory : Memory, optional
        Needed if the blocks have cross-attention.
    dropped : Dropout, optional
        What this step of training drops, of the embeddings and of the change that each sub-layer makes; nothing by
        default.
    weights : list of list, optional
        A list for each block, to which the weights of self-attention of each sequence are appended, if that is the
        mixer.

    Returns
    -------
    h : ndarray of shape (N, dim)
    cache : Cache

    Raises
    ------
    ValueError
        If the blocks have cross-attention and there is no memory.
    """
    h, position_cache = positions.forward(scope(parameters, "positions"), h, offsets, config.positions)
    mask = None if dropped is None else dropped.mask(_EMBEDDING_PLACE)
    # BERT drops behind its norm, where holes in the carrier of a post-norm start drown the rows: deviation D16
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
