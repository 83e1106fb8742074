"""The network of an encoder, from token embeddings to hidden states of the same width: a stack between two linear maps.

Token embeddings x of shape (N, input_size) become hidden states h of shape (N, dim), which go through the stack::

    h = x W + b,  h = stack(h)            see `w2v.neural.stack`
    branch    y = exp(g) · x + o,  [o, g] = h V + c      V and c are zero at the start: y = x exactly; see `branch`
    linear    y = h V + c                                 post-norm only, as in BERT; starts at y ≈ x
    none      y = h                                       x has width dim and is not mapped

docs/derivations/transformer.md has the derivation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from w2v.encoder.model import branch
from w2v.encoder.model.branch import Words
from w2v.encoder.parameters import HEADS, MAX_SIZE, EncoderParameters, check_parameter, of_encoder
from w2v.neural import stack
from w2v.neural.layers import layer_norm, linear
from w2v.neural.layers.dropout import Dropout
from w2v.neural.layers.positions import WITH_SINUSOIDS
from w2v.neural.names import ACTIVATIONS, COMPUTE_TYPES, MIXERS
from w2v.neural.packing import check_offsets, divide, in_threads
from w2v.neural.parameters import ParameterTable, Tensor, add, within
from w2v.neural.stack import StackConfig
from w2v.settings.constraints import Choice, Integer, Number
from w2v.settings.environment import default_workers
from w2v.settings.tables import check_parameters, documented, parameter

_TYPES: dict[str, tuple[type, ...]] = {"int": (int,), "float": (int, float), "str": (str,)}


@documented()
@dataclass(frozen=True)
class NetworkConfig:
    """The configuration of a network; all values have JSON types.

    Attributes
    ----------
    {parameters}

    Raises
    ------
    ValueError
        If a value is out of range or contradicts another.
    TypeError
        If a value has the wrong type.
    """

    input_size: int = parameter(MISSING, Integer("Width of inputs and outputs.", 1, MAX_SIZE))
    dim: int = of_encoder("dim")
    heads: int = of_encoder("heads")
    layers: int = of_encoder("layers")
    feed_forward: float = of_encoder("feed_forward")
    norm: str = of_encoder("norm")
    positions: str = of_encoder("positions", "rotary")
    dropout: float = of_encoder("dropout", 0.0)
    activation: str = parameter("gelu", Choice("Activation function of the feed-forward network.", ACTIVATIONS))
    head: str = parameter(
        EncoderParameters.head,
        Choice("How the last hidden states become the output; see the module.", (*HEADS, "none")),
    )
    epsilon: float = parameter(layer_norm.EPSILON, Number("Constant that norms add to the variance.", low=0, high=1))
    max_positions: int = parameter(
        512, Integer("Rows of the table of learned positions; later tokens share the last row.", 1, 1 << 20)
    )
    max_distance: int = parameter(32, Integer("Largest distance that relative positions distinguish.", 1, 1 << 16))
    mixer: str = parameter(
        "attention",
        Choice("How words exchange information: self-attention, a recurrent layer or a convolution.", MIXERS),
    )
    window: int = of_encoder("window")
    compute_type: str = parameter(
        "float32", Choice("Data type of the products of matrices when sentences are encoded.", COMPUTE_TYPES)
    )

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            if isinstance(value, bool) or not isinstance(value, _TYPES[str(one.type)]):
                raise TypeError(f"{one.name} must be of the type {one.type}, not {value!r:.80}")
        check_parameters(self)
        _ = self.stack  # checks its parts
        self._check_head()
        if self.compute_type != "float32" and self.mixer != "attention":
            raise ValueError(f"only attention computes in {self.compute_type}, not the mixer {self.mixer!r}")

    def _check_head(self) -> None:
        if self.head == "none" and self.dim != self.input_size:
            raise ValueError(f"without a head, dim must equal input_size: {self.dim} is not {self.input_size}")
        if self.head == "linear":
            if self.norm != "post" or self.positions in WITH_SINUSOIDS:
                raise ValueError("the head 'linear' needs the norm 'post' and positions that can start at zero")
            if self.dim < self.input_size + 2:
                raise ValueError(f"the head 'linear' needs a hidden size (dim) of at least {self.input_size + 2}")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> NetworkConfig:
        """Return the configuration that `to_dict` wrote.

        Raises
        ------
        ValueError, TypeError
            If a name is unknown, `input_size` is missing, or a value is not allowed.
        """
        known = {field.name for field in fields(cls)}
        for name in values:
            if name not in known:
                raise ValueError(f"a network has no {name!r:.80}; known are {', '.join(sorted(known))}")
        if "input_size" not in values:
            raise ValueError("the network's input_size is missing")
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """Return all values by name, without those that newer architectures and compute types added."""
        values = asdict(self)
        if self.compute_type == "float32":
            del values["compute_type"]
        if self.mixer == "attention":
            del values["mixer"], values["window"]
        return values

    @property
    def output_size(self) -> int:
        """Number of columns of the head; with the head ``branch``, the last one is the gate."""
        return self.input_size + (self.head == "branch")

    @property
    def stack(self) -> StackConfig:
        """The configuration of the stack between the two maps."""
        return StackConfig(
            self.dim,
            self.heads,
            self.layers,
            max(round(self.dim * self.feed_forward), 1),
            self.norm,
            self.positions,
            self.activation,
            self.epsilon,
            self.max_positions,
            self.max_distance,
            mixer=self.mixer,
            window=self.window,
        )

    def tensors(self) -> dict[str, Tensor]:
        """Return the shape and initialisation of every array of the network."""
        arrays: dict[str, Tensor] = {}
        if self.head != "none":
            arrays |= within("input", linear.tensors(self.input_size, self.dim, deviation=1.0))
        arrays |= self.stack.tensors()
        if self.head != "none":
            arrays |= within("output", linear.tensors(self.dim, self.output_size, deviation=0.0))
        return arrays


class _Part(NamedTuple):
    """What the backward pass needs from one part of the batch, which one thread computed.

    `embeddings` are the rows of x that it reads, `outputs` the rows of y that it writes.
    """

    embeddings: slice | NDArray[np.int64]
    outputs: slice
    words: Words
    input: linear.Cache | None
    stack: stack.Cache
    output: linear.Cache | branch.SumsCache | None
    gate: NDArray[Any] | None


class Cache(NamedTuple):
    """What `Network.backward` needs: the parts of the batch, the shapes of x and y, and whether y are sums."""

    parts: list[_Part]
    x_shape: tuple[int, ...]
    y_shape: tuple[int, ...]
    is_of_sums: bool


class Network:
    """The functions of a network, which take its parameters as arguments.

    Parameters
    ----------
    config : NetworkConfig
    workers : int, optional
        Number of threads, which share the sentences of a batch; all cores by default. Hidden states do not depend on
        it; the last bits of gradients do, because their parts are summed in another order.

    """

    def __init__(self, config: NetworkConfig, workers: int | None = None) -> None:
        check_parameter("workers", workers)
        self.config = config
        self.workers = workers or default_workers()

    def __repr__(self) -> str:
        return f"Network({self.config}, workers={self.workers})"

    def initialise(self, seed: int, *, dtype: DTypeLike = np.float32, length: float = 1.0) -> ParameterTable:
        """Return the initial parameters: with the head ``branch``, y equals x exactly, with ``linear`` nearly.

        With relative positions, the first two heads of each layer start by attending to the previous and the next word.
        The network learns word order faster this way than from attention to the whole sentence.

        The head ``linear`` needs the length of a typical token embedding.
        """
        parameters = ParameterTable.initialise(self.config.tensors(), seed, dtype)
        if self.config.head == "linear":
            branch.start_at_identity(parameters, self.config, seed, length)
        elif self.config.stack.shape.distance is not None:
            branch.start_at_neighbors(parameters, self.config)
        return parameters

    def forward(
        self,
        parameters: ParameterTable,
        x: NDArray[Any],
        offsets: NDArray[np.int64],
        *,
        slots: NDArray[np.int64] | None = None,
        is_of_sums: bool = False,
        dropped: Dropout | None = None,
        attention: list[list[NDArray[Any]]] | None = None,
    ) -> tuple[NDArray[Any], Cache]:
        """Return the hidden states of all tokens, or their sums, and what `backward` needs.

        Parameters
        ----------
        parameters : ParameterTable
            From `initialise`, float32 or float64.
        x : ndarray of shape (N, input_size), of the same dtype
            The token embeddings of B sentences, concatenated; with `slots` distinct embeddings, any number of rows.
        offsets : ndarray of shape (B + 1,), int64
            Start of each sentence; the last is N. Sentences may be empty.
        slots : ndarray of shape (N,), int64, optional
            The row of x of each token. A word that occurs often is then multiplied only once.
        is_of_sums : bool, default False
            Return the sum of each sentence's hidden states, with one product for each sentence.
        dropped : Dropout, optional
            What this training step drops, see `dropout`; by default nothing.
        attention : list, optional
            Is extended by the attention weights: for each layer a list with one array per sentence, of shape
            (heads, T, T), whose rows sum to one.

        Returns
        -------
        y : ndarray of shape (N, input_size), or (B, input_size) for sums
        cache : Cache

        Raises
        ------
        ValueError
            If the shapes or types of the arrays do not match.
        """
        self._check(parameters, x, offsets, slots)
        y = np.empty((len(offsets) - 1 if is_of_sums else int(offsets[-1]), self.config.input_size), x.dtype)
        ranges = divide(offsets, self.workers)
        weights: list[list[list[NDArray[Any]]]] = [[[] for _ in range(self.config.layers)] for _ in ranges]

        def work(i: int) -> _Part:
            first, last = ranges[i]
            tokens = slice(*offsets[[first, last]].tolist())
            own = None if dropped is None else dropped._replace(first_row=dropped.first_row + tokens.start)
            embeddings, words = _read(x, slots, tokens, offsets[first : last + 1] - tokens.start)
            outputs = slice(first, last) if is_of_sums else tokens
            kept = None if attention is None else weights[i]
            return self._forward_part(parameters, words, own, kept, y[outputs], is_of_sums)._replace(
                embeddings=embeddings, outputs=outputs
            )

        parts = in_threads(work, len(ranges))
        if attention is not None:
            attention += [sum((part[i] for part in weights), []) for i in range(self.config.layers)]
        return y, Cache(parts, x.shape, y.shape, is_of_sums)

    def backward(
        self, parameters: ParameterTable, dy: NDArray[Any], cache: Cache
    ) -> tuple[NDArray[Any], ParameterTable]:
        """Return the gradients of x, in its shape, and of the parameters, in their layout.

        `parameters` are those that `forward` was given, and `dy` has the shape of its result.
        """
        if dy.shape != cache.y_shape:
            raise ValueError(f"dy has shape {dy.shape}, which is not the shape of the output of forward")
        dy, dx = np.ascontiguousarray(dy, parameters.dtype), np.zeros(cache.x_shape, parameters.dtype)

        def work(i: int) -> tuple[NDArray[Any], ParameterTable]:
            return self._backward_part(parameters, dy[cache.parts[i].outputs], cache.parts[i], cache.is_of_sums)

        found = in_threads(work, len(cache.parts))
        total = found[0][1] if found else parameters.zeros_like()
        for gradients in found[1:]:
            total.flat += gradients[1].flat
        for part, (part_dx, _) in zip(cache.parts, found, strict=True):
            dx[part.embeddings] += part_dx  # the rows of a part are distinct
        return dx, total

    def _check(
        self, parameters: ParameterTable, x: NDArray[Any], offsets: NDArray[np.int64], slots: NDArray[np.int64] | None
    ) -> None:
        if x.ndim != 2 or x.shape[1] != self.config.input_size:
            raise ValueError(f"x must have shape (N, {self.config.input_size}), not {x.shape}")
        if x.dtype != parameters.dtype:
            raise ValueError(f"x is {x.dtype}, but the parameters are {parameters.dtype}")
        if not x.flags.c_contiguous:
            raise ValueError("x must be C-contiguous")
        check_offsets(offsets, len(x) if slots is None else len(slots))

    def dropout(self, seed: int, first_row: int = 0) -> Dropout:
        """Return what a training step drops; the same seed drops the same.

        A part of a batch that begins at row `first_row` drops the same as the whole batch.
        """
        return Dropout(self.config.dropout, seed, first_row)

    def _forward_part(
        self,
        parameters: ParameterTable,
        words: Words,
        dropped: Dropout | None,
        weights: list[list[NDArray[Any]]] | None,
        y: NDArray[Any],
        is_of_sums: bool,
    ) -> _Part:
        """Compute the hidden states of some of the sentences, or their sums, and write them to y."""
        config = self.config
        input_cache = gate = None
        output_cache: linear.Cache | branch.SumsCache | None = None
        h = words.x
        if config.head != "none":
            h, input_cache = linear.forward(parameters.scope("input"), h)
        h = words.of_tokens(h)
        h, stack_cache = stack.forward(config.stack, parameters, h, words.offsets, dropped=dropped, weights=weights)
        if is_of_sums:
            output_cache = branch.sums(parameters.scope("output"), h, words, y)
        else:
            if config.head != "none":
                h, output_cache = linear.forward(parameters.scope("output"), h)
            if config.head == "branch":
                gate = branch.forward(words.of_tokens(words.x), h, y)
            else:
                y[...] = h
        return _Part(slice(0), slice(0), words, input_cache, stack_cache, output_cache, gate)

    def _backward_part(
        self, parameters: ParameterTable, dy: NDArray[Any], part: _Part, is_of_sums: bool
    ) -> tuple[NDArray[Any], ParameterTable]:
        """Return the gradients of the embeddings that a part reads, and of the parameters."""
        total, words = parameters.zeros_like(), part.words
        dx, dh = np.zeros_like(words.x), dy
        if isinstance(part.output, branch.SumsCache):
            dh, gradients = branch.sums_backward(parameters.scope("output"), dy, words, part.output, dx)
            add(total, within("output", gradients))
        else:
            if part.gate is not None:
                dx_of_tokens = np.empty_like(dy)
                dh = branch.backward(dy, words.of_tokens(words.x), part.gate, dx_of_tokens)
                dx += words.sum_of_tokens(dx_of_tokens)
            if part.output is not None:
                dh, gradients = linear.backward(parameters.scope("output"), dh, part.output)
                add(total, within("output", gradients))
        dh, _ = stack.backward(self.config.stack, parameters, dh, part.stack, total)
        dh = words.sum_of_tokens(dh)
        if part.input is None:
            return np.add(dx, dh, out=dx), total
        dx, gradients = linear.backward(parameters.scope("input"), dh, part.input, onto=dx)
        add(total, within("input", gradients))
        return dx, total


def _read(
    x: NDArray[Any], slots: NDArray[np.int64] | None, tokens: slice, offsets: NDArray[np.int64]
) -> tuple[slice | NDArray[np.int64], Words]:
    """Return which rows of x some tokens read, and these rows with the tokens that read them."""
    if slots is None:
        return tokens, Words(x[tokens], None, offsets)
    if tokens == slice(0, len(slots)):
        return slice(None), Words(x, slots, offsets)
    rows, own = np.unique(slots[tokens], return_inverse=True)
    return rows, Words(x[rows], own.astype(np.int64), offsets)
