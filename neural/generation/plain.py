"""Decoding steps for any network, made of the layers' own functions: float32 or float64, and easy to extend.

What a layer keeps between steps depends on its mixer: see `StepLayer`. Attention keeps the keys and values of each row,
which grow with every step. A recurrent layer keeps its state and a convolution its last inputs, of constant size.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from w2v.neural import models
from w2v.neural.configs import Config, TranslatorConfig
from w2v.neural.generation.transformer import added_positions, check_positions
from w2v.neural.kernels.rows import rotate
from w2v.neural.layers import activations, dot_product, layer_norm, linear, rotary
from w2v.neural.layers.block import Shape, sub_layers
from w2v.neural.layers.dot_product import AttentionMask
from w2v.neural.layers.matmul import multiply_packed, pack
from w2v.neural.layers.mixers import recurrent
from w2v.neural.packing import Packed
from w2v.neural.parameters import scope
from w2v.neural.stack import Memory

Floats = NDArray[Any]


class StepLayer(Protocol):
    """A sub-layer that processes one new hidden state of every row per step."""

    def step(self, x: Floats, places: NDArray[np.int64]) -> Floats:
        """Return the update of the hidden states x, shape (n_rows, E), at positions `places` of their rows."""
        ...

    def select(self, rows: NDArray[np.int64]) -> None:
        """Replace row i by the previous row rows[i], for all i."""
        ...


class _Map:
    """A linear layer with constant parameters; in float32 it is packed once."""

    def __init__(self, own: Mapping[str, Floats]) -> None:
        self._own, self._panels = own, None
        if own["weight"].dtype == np.float32:
            self._panels = pack(own["weight"], own["bias"])

    def __call__(self, x: Floats) -> Floats:
        if self._panels is None:
            return linear.forward(self._own, x)[0]
        y = np.empty((len(x), self._own["weight"].shape[1]), np.float32)
        multiply_packed(x, self._panels, y)
        return y


def _maps(own: Mapping[str, Floats], *names: str) -> list[_Map]:
    return [_Map(scope(own, name)) for name in names]


class _SelfAttention:
    """The keys and values of every row, newest first, so that distances count from the new token."""

    def __init__(self, own: Mapping[str, Floats], shape: Shape, memory: Memory) -> None:
        self._shape, self._distances = shape, own.get("distances")
        *self._maps, self._output = _maps(own, "query", "key", "value", "output")
        nothing = np.zeros((0, shape.dim), own["query.weight"].dtype)
        self._keys, self._values = ([nothing] * (len(memory.offsets) - 1) for _ in range(2))

    def step(self, x: Floats, places: NDArray[np.int64]) -> Floats:
        shape, bias = self._shape, self._distances
        q, k, v = (own(x) for own in self._maps)
        if shape.rotate:
            cos, sin = rotary.angles(int(places.max(initial=0)) + 1, shape.dim // shape.n_heads, x.dtype)
            for array in (q, k):
                rotate(array, shape.n_heads, cos, sin, places, 1, array)
        self._keys = [np.concatenate([k[i : i + 1], old]) for i, old in enumerate(self._keys)]
        self._values = [np.concatenate([v[i : i + 1], old]) for i, old in enumerate(self._values)]
        offsets = np.cumsum([0, *map(len, self._keys)])
        backwards = None if bias is None else np.ascontiguousarray(bias[:, ::-1])
        mask = AttentionMask(np.arange(len(x) + 1), offsets)
        keys, values = np.concatenate(self._keys), np.concatenate(self._values)
        mixed, _ = dot_product.forward(q, keys, values, shape.n_heads, mask, backwards)
        return self._output(mixed)

    def select(self, rows: NDArray[np.int64]) -> None:
        self._keys = [self._keys[row] for row in rows.tolist()]
        self._values = [self._values[row] for row in rows.tolist()]


class _Recurrent:
    """The recurrent state of every row."""

    def __init__(self, own: Mapping[str, Floats], shape: Shape, memory: Memory) -> None:
        self._hidden = recurrent.States(scope(own, "forward"))
        self._input, self._output = _maps(own, "forward.input", "output")
        self._states = np.zeros((len(memory.offsets) - 1, shape.dim), own["output.weight"].dtype)

    def step(self, x: Floats, places: NDArray[np.int64]) -> Floats:
        schedule = recurrent.Schedule.of(np.arange(len(x) + 1))
        states, _ = self._hidden.run(self._input(x), schedule, self._states)
        self._states = states[len(x) :]
        return self._output(self._states)

    def select(self, rows: NDArray[np.int64]) -> None:
        self._states = self._states[rows]


class _Convolution:
    """The last inputs of every row; zeros before the first."""

    def __init__(self, own: Mapping[str, Floats], shape: Shape, memory: Memory) -> None:
        self._value, self._gate, self._output = _maps(own, "value", "gate", "output")
        size = (shape.window - 1) * shape.dim
        self._last = np.zeros((len(memory.offsets) - 1, size), own["output.weight"].dtype)

    def step(self, x: Floats, places: NDArray[np.int64]) -> Floats:
        windows = np.concatenate([self._last, x], axis=1)
        self._last = windows[:, x.shape[1] :]
        return self._output(self._value(windows) * activations.forward(self._gate(windows), "sigmoid")[0])

    def select(self, rows: NDArray[np.int64]) -> None:
        self._last = self._last[rows]


class _CrossAttention:
    """Keys and values of the memory, computed once. Rows with the same source share them."""

    def __init__(self, own: Mapping[str, Floats], shape: Shape, memory: Memory) -> None:
        self._n_heads, self._memory = shape.n_heads, memory
        self._query, self._output = _maps(own, "query", "output")
        self._keys, self._values = (linear.forward(scope(own, name), memory.states)[0] for name in ("key", "value"))
        self._sources = np.arange(len(memory.offsets) - 1)
        self._weights: list[Floats] = []
        self._places = self._sources

    def step(self, x: Floats, places: NDArray[np.int64]) -> Floats:
        order = np.argsort(self._sources, kind="stable")
        self._places = np.argsort(order)
        counts = np.bincount(self._sources, minlength=len(self._memory.offsets) - 1)
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        mask = AttentionMask(offsets, self._memory.offsets, visible=self._memory.visible)
        self._weights = []
        mixed, _ = dot_product.forward(
            self._query(x)[order], self._keys, self._values, self._n_heads, mask, weights=self._weights
        )
        return self._output(mixed[self._places])

    def select(self, rows: NDArray[np.int64]) -> None:
        self._sources, self._places = self._sources[rows], self._places[rows]

    def weights(self) -> list[NDArray[np.float32]]:
        """Return the cross-attention weights of each row's last step, averaged over the heads."""
        if not self._weights:
            return [np.zeros(n, np.float32) for n in np.diff(self._memory.offsets)[self._sources].tolist()]
        rows = [row for weights in self._weights for row in weights.mean(axis=0).astype(np.float32)]
        return [rows[place] for place in self._places.tolist()]


class _FeedForward:
    """A feed-forward layer, which keeps nothing."""

    def __init__(self, own: Mapping[str, Floats], shape: Shape, memory: Memory) -> None:
        self._inner, self._outer = _maps(own, "inner", "outer")
        self._activation = shape.activation

    def step(self, x: Floats, places: NDArray[np.int64]) -> Floats:
        return self._outer(activations.forward(self._inner(x), self._activation)[0])

    def select(self, rows: NDArray[np.int64]) -> None:
        pass


STEPS: dict[str, Callable[[Mapping[str, Floats], Shape, Memory], StepLayer]] = {
    "attention": _SelfAttention,
    "recurrent": _Recurrent,
    "convolution": _Convolution,
    "cross_attention": _CrossAttention,
    "feed_forward": _FeedForward,
}
"""The step versions of the sub-layers of `layers.block`, by name."""


class PlainDecoder:
    """The equivalent of `transformer.FusedDecoder` for any mixer.

    Parameters
    ----------
    config : CausalConfig or TranslatorConfig
    parameters : mapping
        float32 or float64, not copied.
    """

    def __init__(self, config: Config, parameters: Mapping[str, Floats]) -> None:
        check_positions(config.decoder)
        self.config, self._parameters = config, parameters

    def start(self, n_rows: int) -> PlainState:
        """Return a state of `n_rows` empty rows, without a memory."""
        return self.look_at(Memory(np.zeros((0, 0)), np.zeros(n_rows + 1, np.int64)))

    def look_at(self, memory: Memory) -> PlainState:
        """Return a state of empty rows, one for each sequence of a memory."""
        return PlainState(self.config, self._parameters, memory)

    def prompted(self, prompts: Packed, first: int) -> tuple[PlainState, NDArray[np.int32]]:
        """Return a state after `first` and each prompt without its last token, and these last tokens.

        Raises
        ------
        ValueError
            If the prompts have different lengths.
        """
        lengths = np.diff(prompts.offsets)
        if (lengths != lengths[:1]).any():
            raise ValueError("prompts processed together, token by token, must have the same length")
        state, ids = self.start(len(lengths)), prompts.ids.astype(np.int32).reshape(len(lengths), -1)
        tokens = np.concatenate([np.full((len(lengths), 1), first, np.int32), ids], axis=1)
        for column in tokens[:, :-1].T:
            state.step(column)
        return state, tokens[:, -1]


class PlainTranslator:
    """The equivalent of `transformer.FusedTranslator` for any mixer; for the parameters see `PlainDecoder`."""

    def __init__(self, config: TranslatorConfig, parameters: Mapping[str, Floats]) -> None:
        self.config, self._parameters = config, parameters
        self.decoder = PlainDecoder(config, parameters)

    def start(self, sources: Packed) -> PlainState:
        """Return a state of empty rows, one for each source."""
        return self.decoder.look_at(models.encode(self.config, self._parameters, sources)[0])


class PlainState:
    """Rows continued by a language model or the decoder of a translator; see `state.State`.

    Parameters
    ----------
    config : CausalConfig or TranslatorConfig
    parameters : mapping
        float32 or float64.
    memory : Memory
        There is one row for each of its sequences. That of a language model contains only their number.
    """

    def __init__(self, config: Config, parameters: Mapping[str, Floats], memory: Memory) -> None:
        check_positions(config.decoder)
        self._config, self._parameters = config, parameters
        self._own = scope(parameters, "decoder")
        self._places = np.zeros(len(memory.offsets) - 1, np.int64)
        shape = config.decoder.shape
        self._layers = [
            {sub.name: STEPS[sub.name](scope(self._own, f"layers.{i}.{sub.name}"), shape, memory)
             for sub in sub_layers(shape)}
            for i in range(config.decoder.layers)
        ]  # fmt: skip
        table, bias = parameters[config.table], parameters["output.bias"]
        self._output = _Map({"weight": np.ascontiguousarray(table.T), "bias": bias})

    @property
    def n_rows(self) -> int:
        """Number of sequences."""
        return len(self._places)

    def step(self, tokens: NDArray[np.int32]) -> Floats:
        """Append a token to every row; return the logits of the next token, shape (n_rows, V)."""
        stack, own = self._config.decoder, self._own
        h = models.embed(self._parameters, self._config.table, tokens)
        positions = added_positions(stack, scope(own, "positions"), int(self._places.max(initial=0)) + 1, h.dtype)
        h = h + positions[self._places]
        if stack.norm == "post":
            h, _ = layer_norm.forward(scope(own, "embedding_norm"), h + own["token_type"], stack.epsilon)
        for i, layer in enumerate(self._layers):
            for name, sub in layer.items():
                norm = scope(own, f"layers.{i}.{name}_norm")
                if stack.norm == "pre":
                    h = h + sub.step(layer_norm.forward(norm, h, stack.epsilon)[0], self._places)
                else:
                    h, _ = layer_norm.forward(norm, h + sub.step(h, self._places), stack.epsilon)
        if stack.norm == "pre":
            h, _ = layer_norm.forward(scope(own, "norm"), h, stack.epsilon)
        self._places = self._places + 1
        return self._output(h)

    def select(self, rows: NDArray[np.int64]) -> None:
        """Replace row i by the previous row rows[i], for all i."""
        self._places = self._places[rows]
        for layer in self._layers:
            for sub in layer.values():
                sub.select(rows)

    def alignment(self) -> list[NDArray[np.float32]]:
        """Return each row's last cross-attention weights in the last layer, averaged over the heads."""
        last = self._layers[-1].get("cross_attention") if self._layers else None
        if not isinstance(last, _CrossAttention):
            return [np.zeros(0, np.float32)] * self.n_rows
        return last.weights()
