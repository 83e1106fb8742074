"""Decoding steps of a Transformer in float32: packed once, one compiled call per step, for any number of rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.neural.configs import Config, TranslatorConfig
from w2v.neural.fused_inference import FusedNetwork, check_attention, pack_attention, pack_norm
from w2v.neural.kernels import decoding as kernels
from w2v.neural.layers import activations, positions, rotary
from w2v.neural.layers.dot_product import pad_heads
from w2v.neural.layers.matmul import pack
from w2v.neural.models import embed, memory_of
from w2v.neural.packing import Packed
from w2v.neural.parameters import ParameterTable
from w2v.neural.stack import Memory, StackConfig

Floats = NDArray[np.float32]
_NOTHING = np.zeros(0, np.float32)
_ENTRIES, _PLACES = 16, 32


class FusedDecoder:
    """A language model or the decoder of a translator, packed for inference.

    Parameters
    ----------
    config : CausalConfig or TranslatorConfig
    parameters : ParameterTable
        float32. They are copied, so later changes have no effect.

    Raises
    ------
    ValueError
        If the parameters are not float32, positions depend on the final length, or the mixer is not attention.
    """

    def __init__(self, config: Config, parameters: ParameterTable) -> None:
        if parameters.dtype != np.float32:
            raise ValueError(f"the parameters must be float32, not {parameters.dtype}")
        check_attention(config.decoder)
        check_positions(config.decoder)
        self.config = config
        self._plan = _plan(config, parameters)
        self._position_arrays = {
            name: array.copy() for name, array in parameters.scope("decoder.positions").items()
        }  # fmt: skip

    def start(self, n_rows: int) -> FusedState:
        """Return a state of `n_rows` empty rows, without a memory."""
        return self.look_at(Memory(np.zeros((0, 0), np.float32), np.zeros(n_rows + 1, np.int64)))

    def look_at(self, memory: Memory) -> FusedState:
        """Return a state of empty rows, one per sequence of a memory; masked tokens of the memory are left out."""
        states, offsets = memory.states, memory.offsets
        if memory.visible is not None:
            states = states[memory.visible]
            offsets = np.concatenate([[0], np.cumsum(memory.visible)])[offsets].astype(np.int64)
        n_layers, width = len(self._plan.weights), self._plan.n_heads * self._plan.head_size
        keys = values = np.zeros((n_layers, 0), np.float32)
        if self._plan.memory_size:
            keys = np.empty((n_layers, kernels.padded_size(offsets) * width), np.float32)
            values = np.empty((n_layers, len(states) * width), np.float32)
            kernels.remember(self._plan, np.ascontiguousarray(states).reshape(-1), offsets, keys, values)
        return FusedState(self, self._plan, keys, values, offsets)

    def prompted(self, prompts: Packed, first: int) -> tuple[FusedState, NDArray[np.int32]]:
        """Return a state after `first` and each prompt without its last token, and these last tokens."""
        state, ids, offsets = self.start(prompts.n_sequences), prompts.ids.astype(np.int32), prompts.offsets
        every = np.insert(ids, offsets[:-1], first)
        borders = offsets + np.arange(len(offsets))
        is_last = np.zeros(len(every), np.bool_)
        is_last[borders[1:] - 1] = True
        state.extend(every[~is_last], offsets)
        return state, every[is_last]

    def position_tables(self, n: int) -> tuple[Floats, Floats, Floats]:
        """Return the additive encodings of n positions, and the cosines and sines of rotary ones; empty if unused."""
        config = self.config.decoder
        added = np.zeros((0, config.dim), np.float32)
        cos = sin = np.zeros((0, 1), np.float32)
        if config.positions in positions.WITH_ROTATION:
            cos, sin = rotary.angles(n, config.dim // config.heads, np.float32)
        if config.positions not in ("none", "relative", "rotary"):
            added = added_positions(config, self._position_arrays, n, np.float32)
        return added, cos, sin


@dataclass
class FusedState:
    """Rows continued by a `FusedDecoder`; see `state.State`.

    Memory grows with every processed token, by 2 · dim float32 values per layer, and is freed with the state; this
    includes the tokens of dropped rows.
    """

    decoder: FusedDecoder
    _plan: kernels.Plan
    _keys: Floats
    _values: Floats
    _offsets: NDArray[np.int64]

    def __post_init__(self) -> None:
        n, n_layers = len(self._offsets) - 1, len(self._plan.weights)
        self._sources = np.arange(n)
        self._lengths = np.zeros(n, np.int64)
        self._lists = np.zeros((n, 0), np.int64)
        self._n_entries, self._capacity = 0, 0
        self._entries = np.empty((n_layers, 0), np.float32)
        self._tables = self.decoder.position_tables(0)
        self._longest = int(np.diff(self._offsets).max(initial=0)) if self._plan.memory_size else 0
        self._alignment = np.zeros((n, self._longest), np.float32)

    @property
    def n_rows(self) -> int:
        """Number of sequences."""
        return len(self._lengths)

    def step(self, tokens: NDArray[np.int32]) -> Floats:
        """Append a token to every row; return the logits of the next token, shape (n_rows, V)."""
        logits = np.empty((self.n_rows, self._plan.n_tokens), np.float32)
        self._take_in(tokens, np.arange(self.n_rows + 1), logits.reshape(-1))
        return logits

    def extend(self, tokens: NDArray[np.int32], offsets: NDArray[np.int64]) -> None:
        """Append any number of tokens to every row; those of row b start at offsets[b]."""
        self._take_in(tokens, offsets, _NOTHING)

    def select(self, rows: NDArray[np.int64]) -> None:
        """Replace row i by the previous row rows[i], for all i."""
        self._lists, self._lengths, self._sources = self._lists[rows], self._lengths[rows], self._sources[rows]
        self._alignment = self._alignment[rows]

    def alignment(self) -> list[Floats]:
        """Return each row's last cross-attention weights in the last layer, averaged over the heads."""
        lengths = np.diff(self._offsets)[self._sources] if self._longest else np.zeros(self.n_rows, np.int64)
        return [self._alignment[row, :n].copy() for row, n in enumerate(lengths.tolist())]

    def _take_in(self, tokens: NDArray[np.int32], offsets: NDArray[np.int64], logits: Floats) -> None:
        self._make_room(len(tokens), int((self._lengths + np.diff(offsets)).max(initial=0)))
        rows = kernels.Rows(
            self._entries, self._lists, self._lengths, *self._tables, self._sources, self._keys, self._values,
            self._offsets, self._alignment,
        )  # fmt: skip
        kernels.extend(self._plan, rows, np.asarray(tokens, np.int32), offsets, self._n_entries, logits)
        self._n_entries += len(tokens)

    def _make_room(self, n_tokens: int, longest: int) -> None:
        """Make room for more tokens, and for rows of this length; arrays grow by doubling."""
        if longest > self._lists.shape[1]:
            most = max(longest, 2 * self._lists.shape[1], _PLACES)
            self._lists = np.pad(self._lists, ((0, 0), (0, most - self._lists.shape[1])))
            self._tables = self.decoder.position_tables(most)
        if self._n_entries + n_tokens > self._capacity:
            size = 2 * self._plan.n_heads * self._plan.head_size
            capacity = max(self._n_entries + n_tokens, 2 * self._capacity, _ENTRIES * self.n_rows)
            grown = np.empty((len(self._entries), capacity * size), np.float32)
            grown[:, : self._n_entries * size] = self._entries[:, : self._n_entries * size]
            self._entries, self._capacity = grown, capacity


class FusedTranslator:
    """A translator packed for inference: maps sources to states of its decoder.

    Parameters
    ----------
    config : TranslatorConfig
    parameters : ParameterTable
        float32. They are copied, except the embeddings of the source.
    """

    def __init__(self, config: TranslatorConfig, parameters: ParameterTable) -> None:
        self.config, self._parameters = config, parameters
        self._encoder = FusedNetwork(config.encoder, ParameterTable.from_dict(parameters.scope("encoder")))
        self.decoder = FusedDecoder(config, parameters)

    def start(self, sources: Packed) -> FusedState:
        """Return a state of empty rows, one per source."""
        x = embed(self._parameters, self.config.source_table, sources.ids)
        states = self._encoder.rows(x, sources.offsets)
        return self.decoder.look_at(memory_of(self.config, states, sources.offsets)[0])


def check_positions(config: StackConfig) -> None:
    """Raise ValueError if positional encodings depend on the length of the complete sequence."""
    if config.positions == "fraction":
        raise ValueError("positions 'fraction' need the length of a sequence, which is unknown during generation")


def added_positions(config: StackConfig, arrays: dict[str, NDArray[Any]], n: int, dtype: Any) -> NDArray[Any]:
    """Return the additive encodings of positions 0 … n − 1, shape (n, dim)."""
    nothing = np.zeros((n, config.dim), dtype)
    return positions.forward(arrays, nothing, np.array([0, n], np.int64), config.positions)[0]


def _plan(config: Config, parameters: ParameterTable) -> kernels.Plan:
    """Return a decoder in the format of the kernels."""
    stack, table = config.decoder, parameters[config.table]
    own = parameters.scope("decoder")
    layers = [
        _packed_layer(stack, ParameterTable.from_dict(parameters.scope(f"decoder.layers.{i}")))
        for i in range(stack.layers)
    ]
    distance = stack.shape.distance
    return kernels.Plan(
        dim=stack.dim,
        n_heads=stack.heads,
        head_size=pad_heads(np.zeros((1, stack.dim)), stack.heads).shape[1] // stack.heads,
        d_ff=stack.d_ff,
        n_tokens=len(table),
        memory_size=stack.memory_size or 0,
        scale=np.float32((stack.dim // stack.heads) ** -0.5),
        embedding_scale=np.float32(stack.dim**0.5),
        epsilon=np.float32(stack.epsilon),
        pre=stack.norm == "pre",
        activation=activations.kernel_number(stack.activation),
        distance=-1 if distance is None else distance,
        table=table.ravel().copy(),
        output=pack(np.ascontiguousarray(table.T), parameters["output.bias"]),
        token_type=own["token_type"].copy() if stack.norm == "post" else _NOTHING,
        start_norm=pack_norm(own, "embedding_norm"),
        end_norm=pack_norm(own, "norm"),
        weights=np.stack([np.concatenate(arrays) for arrays in layers]),
        borders=np.cumsum([0, *(array.size for array in layers[0])]).astype(np.int64),
    )


def _packed_layer(config: StackConfig, own: ParameterTable) -> list[Floats]:
    """Return the arrays of a layer in the order of `kernels.decoding`'s borders."""
    arrays = list(pack_attention(own.scope("attention"), config.heads, joined=True))
    if config.memory_size is None:
        arrays += [_NOTHING] * 4
    else:
        arrays += pack_attention(own.scope("cross_attention"), config.heads)
    arrays += [
        pack(own[f"feed_forward.{name}.weight"], own[f"feed_forward.{name}.bias"]) for name in ("inner", "outer")
    ]
    arrays += [pack_norm(own, f"{name}_norm") for name in ("attention", "cross_attention", "feed_forward")]
    return [*arrays, own.get("attention.distances", np.zeros((0, 0), np.float32)).ravel()]
