"""An encoder as a graph of ONNX operators: token ids in, sentence vectors out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.encoder.model.network import NetworkConfig
from w2v.encoder.model.pooling import NO_ACTIVATION, Pooling
from w2v.neural.layers.positions import BASE, WITH_DISTANCES, WITH_ROTATION, WITH_SINUSOIDS, WITH_TABLE
from w2v.neural.layers.rotary import BASE as ROTARY_BASE
from w2v.neural.parameters import ParameterTable

OPSET, IR_VERSION = 17, 8
"""Opset 17 is the first with LayerNormalization; it is supported by programs since 2022."""
IDS, MASK, OUTPUT = "input_ids", "attention_mask", "sentence_embedding"
_LOWEST = np.float32(-3e38)
_TINY = np.float32(1e-30)


class Graph:
    """Nodes and constants, added one by one; values are referred to by name.

    Parameters
    ----------
    onnx : module
        The package.
    """

    def __init__(self, onnx: Any) -> None:
        self._onnx = onnx
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def constant(self, value: Any, dtype: Any = np.float32) -> str:
        """Add an array, which keeps its dtype if it has one; return its name."""
        array = value if isinstance(value, np.ndarray) else np.array(value, dtype)
        name = f"constant_{len(self._constants)}"
        self._constants.append(
            self._onnx.numpy_helper.from_array(np.ascontiguousarray(array).reshape(array.shape), name)
        )
        return name

    def add(self, operator: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        """Add a node; return the name of its output."""
        name = output or f"{operator.lower()}_{len(self._nodes)}"
        self._nodes.append(self._onnx.helper.make_node(operator, inputs, [name], **attributes))
        return name

    def model(self, dimension: int) -> Any:
        """Return everything added so far as a model; one node must have been given the name of the output."""
        helper, types = self._onnx.helper, self._onnx.TensorProto
        inputs = [helper.make_tensor_value_info(name, types.INT64, ["batch", "length"]) for name in (IDS, MASK)]
        outputs = [helper.make_tensor_value_info(OUTPUT, types.FLOAT, ["batch", dimension])]
        graph = helper.make_graph(self._nodes, "sentence_encoder", inputs, outputs, self._constants)
        return helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="w2v"
        )

    # shorthands

    def cast(self, x: str, kind: str) -> str:
        """Return x converted to another type, such as FLOAT."""
        return self.add("Cast", x, to=getattr(self._onnx.TensorProto, kind))

    def linear(self, x: str, weight: NDArray[Any], bias: NDArray[Any]) -> str:
        """Return x W + b."""
        return self.add("Add", self.add("MatMul", x, self.constant(weight)), self.constant(bias))

    def norm(self, x: str, gain: NDArray[Any], bias: NDArray[Any], epsilon: float) -> str:
        """Return x after layer normalisation of each row."""
        return self.add("LayerNormalization", x, self.constant(gain), self.constant(bias), axis=-1, epsilon=epsilon)

    def activation(self, x: str, kind: str) -> str:
        """Return an activation function of x."""
        if kind == NO_ACTIVATION:
            return x
        if kind in ("relu", "tanh"):
            return self.add(kind.capitalize(), x)
        if kind == "gelu-tanh":
            cube = self.add("Mul", x, self.add("Mul", x, x))
            inner = self.add("Add", x, self.add("Mul", cube, self.constant(0.044715)))
            steep = self.add("Mul", inner, self.constant(math.sqrt(8 / math.pi)))
            return self.add("Mul", x, self.add("Sigmoid", steep))
        error = self.add("Erf", self.add("Div", x, self.constant(math.sqrt(2))))
        doubled = self.add("Mul", x, self.add("Add", error, self.constant(1.0)))
        return self.add("Mul", doubled, self.constant(0.5))

    def sum(self, x: str, axis: int) -> str:
        """Return the sum along an axis, which is kept with size 1."""
        return self.add("ReduceSum", x, self.constant([axis], np.int64), keepdims=1)

    def unit(self, x: str) -> str:
        """Return x, (B, 1, E), with every row scaled to length 1; zero rows stay zero."""
        length = self.add("Sqrt", self.sum(self.add("Mul", x, x), 2))
        return self.add("Div", x, self.add("Max", length, self.constant(_TINY)))

    def columns(self, x: str, first: int, last: int) -> str:
        """Return the columns `first` to `last` - 1 of the last axis."""
        ends = (self.constant([value], np.int64) for value in (first, last, -1))
        return self.add("Slice", x, *ends)


class Tokens:
    """The inputs of a graph and values derived from them.

    Parameters
    ----------
    graph : Graph
    left_out : int, optional
        A token id to mask.
    """

    def __init__(self, graph: Graph, left_out: int | None) -> None:
        self.graph = graph
        seen = graph.cast(MASK, "BOOL")
        if left_out is not None:
            other = graph.add("Not", graph.add("Equal", IDS, graph.constant(left_out, np.int64)))
            seen = graph.add("And", seen, other)
        last_axis = graph.constant([-1], np.int64)
        self.mask = graph.add("Unsqueeze", seen, last_axis)  # (B, T, 1)
        self.weights = graph.cast(self.mask, "FLOAT")
        self.counts = graph.sum(self.weights, 1)  # (B, 1, 1)
        length = graph.add("Gather", graph.add("Shape", IDS), graph.constant(1, np.int64))
        zero, one = graph.constant(0, np.int64), graph.constant(1, np.int64)
        self.places = graph.add("Range", zero, length, one)  # (T,)

    def unseen_scores(self) -> str:
        """Return the additive attention mask: 0, or a large negative number for padding, (B, 1, 1, T)."""
        graph = self.graph
        absent = graph.add("Sub", graph.constant(1.0), self.weights)
        scores = graph.add("Mul", absent, graph.constant(_LOWEST / 2))
        return graph.add("Unsqueeze", graph.add("Transpose", scores, perm=[0, 2, 1]), graph.constant([1], np.int64))


def add_network(graph: Graph, tokens: Tokens, x: str, config: NetworkConfig, parameters: ParameterTable) -> str:
    """Add a network; return its hidden states for token embeddings x, (B, T, input_size)."""
    h = x if config.head == "none" else graph.linear(x, parameters["input.weight"], parameters["input.bias"])
    h = _add_positions(graph, tokens, h, config, parameters)
    if config.norm == "post":
        h = graph.add("Add", h, graph.constant(parameters["token_type"]))
        h = _norm(graph, h, parameters.scope("embedding_norm"), config)
    attention = _Attention(graph, tokens, config)
    for layer in range(config.layers):
        h = _add_layer(graph, attention, h, config, parameters.scope(f"layers.{layer}"))
    if config.norm == "pre":
        h = _norm(graph, h, parameters.scope("norm"), config)
    if config.head == "none":
        return h
    out = graph.linear(h, parameters["output.weight"], parameters["output.bias"])
    if config.head == "linear":
        return out
    gain = graph.add("Exp", graph.columns(out, config.input_size, config.input_size + 1))
    return graph.add("Add", graph.add("Mul", gain, x), graph.columns(out, 0, config.input_size))


def add_bag(
    graph: Graph, tokens: Tokens, columns: NDArray[np.int64], values: NDArray[np.float32], n_columns: int
) -> str:
    """Return a bag of words, (B, 1, n_columns): each token's value is added to its column."""
    seen = graph.add("Squeeze", tokens.weights, graph.constant([2], np.int64))
    counted = graph.add("Mul", graph.add("Gather", graph.constant(values), IDS), seen)
    first = graph.add("Gather", graph.add("Shape", IDS), graph.constant([0], np.int64))
    shape = graph.add("Concat", first, graph.constant([n_columns], np.int64), axis=0)
    empty = graph.add("Expand", graph.constant(np.zeros((1, 1), np.float32)), shape)
    places = graph.add("Gather", graph.constant(columns), IDS)
    bag = graph.add("ScatterElements", empty, places, counted, axis=1, reduction="add")
    return graph.add("Unsqueeze", bag, graph.constant([1], np.int64))


def add_pooling(
    graph: Graph, tokens: Tokens, hidden: str, pooling: Pooling, beside: Sequence[tuple[str, float]] = ()
) -> None:
    """Add the pooling of hidden states (B, T, E), whose result is the graph's output, the sentence vectors.

    `beside` has the sums of further blocks, (B, 1, C), and their weights.
    """
    if pooling.kind in ("sum", "mean"):
        pooled = graph.sum(graph.add("Mul", hidden, tokens.weights), 1)
        if pooling.kind == "mean":
            pooled = graph.add("Div", pooled, graph.add("Max", tokens.counts, graph.constant(1.0)))
    elif pooling.kind == "max":
        lowered = graph.add("Where", tokens.mask, hidden, graph.constant(_LOWEST))
        pooled = graph.add("ReduceMax", lowered, axes=[1], keepdims=1)
    else:
        pooled = graph.add("Gather", hidden, graph.constant([0], np.int64), axis=1)
    for dense in pooling.dense:
        pooled = graph.activation(graph.linear(pooled, dense.weight, dense.bias), dense.activation)
    some = graph.add("Min", tokens.counts, graph.constant(1.0))
    pooled = graph.add("Mul", pooled, some)  # zero if there are no tokens
    if beside:
        parts = [graph.add("Mul", graph.unit(block), graph.constant(weight)) for block, weight in beside]
        pooled = graph.add("Concat", graph.unit(pooled), *parts, axis=2)
    if pooling.normalize:
        pooled = graph.unit(pooled)
    if pooling.kept is not None:
        pooled = graph.columns(pooled, 0, pooling.kept)
    graph.add("Squeeze", pooled, graph.constant([1], np.int64), output=OUTPUT)


def _norm(graph: Graph, x: str, arrays: dict[str, NDArray[Any]], config: NetworkConfig) -> str:
    return graph.norm(x, arrays["gain"], arrays["bias"], config.epsilon)


def _add_positions(graph: Graph, tokens: Tokens, h: str, config: NetworkConfig, parameters: ParameterTable) -> str:
    """Return the hidden states with positions added; see `w2v.neural.layers.positions`."""
    kind = config.positions
    if kind in WITH_TABLE:
        table = parameters["positions.table"]
        places = graph.add("Min", tokens.places, graph.constant(len(table) - 1, np.int64))
        return graph.add("Add", h, graph.add("Gather", graph.constant(table), places))
    if kind in WITH_SINUSOIDS:
        columns = np.arange(config.dim)
        rates = BASE ** (-(columns - columns % 2) / config.dim)
        turns = _turns(graph, tokens, rates)
        shifted = graph.add("Add", turns, graph.constant(columns % 2 * (np.pi / 2)))  # makes it a cosine
        return graph.add("Add", h, graph.cast(graph.add("Sin", shifted), "FLOAT"))
    if kind in ("index", "fraction"):
        places = graph.cast(graph.add("Unsqueeze", tokens.places, graph.constant([-1], np.int64)), "FLOAT")
        one = graph.constant(1.0)
        if kind == "index":
            factors = graph.add("Add", places, one)
        else:
            factors = graph.add("Div", places, graph.add("Max", graph.add("Sub", tokens.counts, one), one))
        return graph.add("Add", h, graph.add("Mul", factors, graph.constant(parameters["positions.direction"])))
    return h


def _turns(graph: Graph, tokens: Tokens, rates: NDArray[np.float64]) -> str:
    """Return every position times every rate, shape (T, n), in float64, since angles grow with the position."""
    places = graph.cast(graph.add("Unsqueeze", tokens.places, graph.constant([-1], np.int64)), "DOUBLE")
    return graph.add("Mul", places, graph.constant(rates))


def _add_layer(graph: Graph, attention: _Attention, h: str, config: NetworkConfig, own: dict[str, NDArray[Any]]) -> str:
    """Return the hidden states after one layer; see `w2v.neural.layers.block`."""

    def norm(x: str, name: str) -> str:
        return graph.norm(x, own[f"{name}.gain"], own[f"{name}.bias"], config.epsilon)

    def feed_forward(x: str) -> str:
        inner = graph.linear(x, own["feed_forward.inner.weight"], own["feed_forward.inner.bias"])
        inner = graph.activation(inner, config.activation)
        return graph.linear(inner, own["feed_forward.outer.weight"], own["feed_forward.outer.bias"])

    if config.norm == "pre":
        h = graph.add("Add", h, attention.add(norm(h, "attention_norm"), own))
        return graph.add("Add", h, feed_forward(norm(h, "feed_forward_norm")))
    h = norm(graph.add("Add", h, attention.add(h, own)), "attention_norm")
    return norm(graph.add("Add", h, feed_forward(h)), "feed_forward_norm")


class _Attention:
    """Self-attention of several layers; shared constants are added once."""

    def __init__(self, graph: Graph, tokens: Tokens, config: NetworkConfig) -> None:
        self.graph, self.config = graph, config
        self.size = config.dim // config.heads
        self.unseen = tokens.unseen_scores()
        self.distances = self.cos = self.sin = ""
        if config.positions in WITH_DISTANCES:
            rows = graph.add("Unsqueeze", tokens.places, graph.constant([-1], np.int64))
            distances = graph.add("Sub", tokens.places, rows)  # j - i in row i
            most = config.max_distance
            low, high = graph.constant(-most, np.int64), graph.constant(most, np.int64)
            clipped = graph.add("Min", graph.add("Max", distances, low), high)
            self.distances = graph.add("Add", clipped, high)
        elif config.positions in WITH_ROTATION:
            turns = _turns(graph, tokens, ROTARY_BASE ** (-2 * np.arange(self.size // 2) / self.size))
            quarter = graph.add("Add", turns, graph.constant(np.array(np.pi / 2)))
            self.cos, self.sin = (graph.cast(graph.add("Sin", x), "FLOAT") for x in (quarter, turns))

    def add(self, x: str, own: dict[str, NDArray[Any]]) -> str:
        """Return the output of attention for hidden states x, with the arrays of one layer."""
        graph = self.graph
        q, k, v = (
            self._heads(graph.linear(x, own[f"attention.{name}.weight"], own[f"attention.{name}.bias"]))
            for name in ("query", "key", "value")
        )
        if self.cos:
            q, k = self._turned(q), self._turned(k)
        scores = graph.add("MatMul", q, graph.add("Transpose", k, perm=[0, 1, 3, 2]))
        scores = graph.add("Mul", scores, graph.constant(self.size**-0.5))
        if self.distances:
            table = graph.constant(own["attention.distances"])
            scores = graph.add("Add", scores, graph.add("Gather", table, self.distances, axis=1))
        weights = graph.add("Softmax", graph.add("Add", scores, self.unseen), axis=-1)
        mixed = graph.add("Transpose", graph.add("MatMul", weights, v), perm=[0, 2, 1, 3])
        mixed = graph.add("Reshape", mixed, graph.constant([0, 0, self.config.dim], np.int64))
        return graph.linear(mixed, own["attention.output.weight"], own["attention.output.bias"])

    def _heads(self, x: str) -> str:
        """Return x split into heads, (B, H, T, D)."""
        shape = self.graph.constant([0, 0, self.config.heads, self.size], np.int64)
        return self.graph.add("Transpose", self.graph.add("Reshape", x, shape), perm=[0, 2, 1, 3])

    def _turned(self, x: str) -> str:
        """Return x with every pair (k, k + D / 2) rotated by its angle; see `w2v.neural.layers.rotary`."""
        graph, half = self.graph, self.size // 2
        a, b = graph.columns(x, 0, half), graph.columns(x, half, self.size)
        first = graph.add("Sub", graph.add("Mul", a, self.cos), graph.add("Mul", b, self.sin))
        second = graph.add("Add", graph.add("Mul", a, self.sin), graph.add("Mul", b, self.cos))
        return graph.add("Concat", first, second, axis=-1)
