"""A Transformer over the words of packed sentences: rows in, rows of the same width out, forward and backward.

Rows x of shape (N, input_size) become rows h of shape (N, dim), go through the layers, and come back::

    h = x W + b, with positions         post: also a token-type row and a norm
    h = layer(h), …                     pre: then a norm
    branch    y = exp(g) · x + o,  [o, g] = h V + c      V and c are zero at the start: y = x exactly
    linear    y = h V + c                                 post only: BERT's arrangement; starts at y = x nearly
    none      y = h                                       x is dim wide and is not mapped

Each layer is a `residual` one; docs/derivations/transformer.md derives the whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, NamedTuple, TypeVar, overload

import numpy as np
from numpy.typing import DTypeLike, NDArray

from w2v.environment import default_workers

from .layers import activations, dropout, layer_norm, linear, positions, residual
from .layers._row_kernels import apply_branch, branch_backward
from .layers.dot_product import Visibility
from .layers.dropout import Draw
from .parameters import ParameterTable, Tensor, within

HEADS = ("branch", "linear", "none")
NORMS = ("pre", "post")
CARRIER = 40.0
"""How much longer the carrier is than a row of unit length: what `start_at_identity` hides the rows in."""
NEIGHBOR_BIAS = 4.0
"""What relative positions start with where a head shall look; exp(4) times the weight of any other word."""
_MAX_SIZE = 1 << 16
_MAX_LAYERS = 1 << 10
_EMBEDDING_PLACE = 1 << 20
_T = TypeVar("_T")


@dataclass(frozen=True)
class NetworkConfig:
    """How a network is made; every value is of a JSON type.

    Attributes
    ----------
    input_size : int
        Width of the rows that come in and go out.
    dim : int
        Width between the layers, a multiple of `heads`.
    heads : int
        Heads of attention in each layer.
    layers : int
    feed_forward : float
        Width inside the feed-forward network over `dim`.
    norm : {"pre", "post"}
        Whether layers normalise what they read or what they give.
    positions : {"none", "index", "fraction", "sinusoidal", "learned", "learned+relative", "relative", "rotary"}
        See `layers.positions`.
    dropout : float
        Probability that a number is dropped in training, in [0, 1): of the rows before the first layer and of what each
        half of a layer adds.
    activation : {"gelu", "relu", "tanh"}
    head : {"branch", "linear", "none"}
        What becomes of the last rows; see the module.
    epsilon : float
        What norms add to the variance.
    max_positions : int
        Rows of the table of learned positions; tokens further on share its last row.
    max_distance : int
        Distances of relative positions that are told apart.

    Raises
    ------
    ValueError
        If a value is out of range or the values do not go together.
    TypeError
        If a value has another type.
    """

    input_size: int
    dim: int = 128
    heads: int = 4
    layers: int = 1
    feed_forward: float = 2.0
    norm: str = "pre"
    positions: str = "rotary"
    dropout: float = 0.0
    activation: str = "gelu"
    head: str = "branch"
    epsilon: float = layer_norm.EPSILON
    max_positions: int = 512
    max_distance: int = 32

    def __post_init__(self) -> None:
        for name, most in (
            ("input_size", _MAX_SIZE), ("dim", _MAX_SIZE), ("heads", _MAX_SIZE), ("layers", _MAX_LAYERS),
            ("max_positions", 1 << 20), ("max_distance", 1 << 16),
        ):  # fmt: skip
            value = getattr(self, name)
            if type(value) is not int:
                raise TypeError(f"{name} must be an integer, not {value!r:.80}")
            if not 1 <= value <= most:
                raise ValueError(f"{name} must be from 1 to {most}, not {value}")
        for name, low, high in (("feed_forward", 1 / self.dim, 64.0), ("epsilon", 0.0, 1.0)):
            if not low <= _number(name, getattr(self, name)) <= high:
                raise ValueError(f"{name} must be from {low:g} to {high:g}, not {getattr(self, name)}")
        if not 0 <= _number("dropout", self.dropout) < 1:
            raise ValueError(f"dropout must be from 0 to below 1, not {self.dropout}")
        for name, choices in (
            ("norm", NORMS), ("positions", positions.KINDS), ("activation", activations.ACTIVATIONS), ("head", HEADS),
        ):  # fmt: skip
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} must be one of {', '.join(choices)}, not {getattr(self, name)!r:.80}")
        self._check_together()

    def _check_together(self) -> None:
        if self.dim % self.heads:
            raise ValueError(f"dim must be a multiple of heads: {self.dim} is not one of {self.heads}")
        if self.positions == "rotary" and self.dim // self.heads % 2:
            raise ValueError(
                f"rotary positions turn pairs of numbers: dim / heads must be even, not {self.dim // self.heads}"
            )
        if self.head == "none" and self.dim != self.input_size:
            raise ValueError(f"without a head, dim must be input_size: {self.dim} is not {self.input_size}")
        if self.head == "linear":
            if self.norm != "post" or self.positions == "sinusoidal":
                raise ValueError("the head 'linear' needs the norm 'post' and positions that can start at zero")
            if self.dim < self.input_size + 2:
                raise ValueError(f"the head 'linear' needs dim of at least input_size + 2, {self.input_size + 2}")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> NetworkConfig:
        """Return the configuration that `to_dict` wrote.

        Raises
        ------
        ValueError, TypeError
            If there is an unknown name, none for `input_size`, or a value is not allowed.
        """
        known = {field.name for field in fields(cls)}
        for name in values:
            if name not in known:
                raise ValueError(f"a network has no {name!r:.80}; known are {', '.join(sorted(known))}")
        if "input_size" not in values:
            raise ValueError("the network's input_size is missing")
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """Return all values by name."""
        return asdict(self)

    @property
    def output_size(self) -> int:
        """Columns of the head's map: with the head ``branch``, the last one is the gate."""
        return self.input_size + (self.head == "branch")

    @property
    def shape(self) -> residual.Shape:
        """What every layer is made by."""
        return residual.Shape(
            self.dim,
            self.heads,
            max(round(self.dim * self.feed_forward), 1),
            self.norm,
            self.activation,
            self.epsilon,
            self.max_distance if self.positions in positions.WITH_DISTANCES else None,
            self.positions == "rotary",
        )

    def tensors(self) -> dict[str, Tensor]:
        """Return every array of the network, its shape beside how it starts."""
        arrays: dict[str, Tensor] = {}
        if self.head != "none":
            arrays |= within("input", linear.tensors(self.input_size, self.dim, deviation=1.0))
        arrays |= within("positions", positions.tensors(self.positions, self.dim, self.max_positions))
        if self.norm == "post":
            arrays["token_type"] = Tensor((self.dim,))
            arrays |= within("embedding_norm", layer_norm.tensors(self.dim))
        for i in range(self.layers):
            arrays |= within(f"layers.{i}", residual.tensors(self.shape))
        if self.norm == "pre":
            arrays |= within("norm", layer_norm.tensors(self.dim))
        if self.head != "none":
            arrays |= within("output", linear.tensors(self.dim, self.output_size, deviation=0.0))
        return arrays


class _Part(NamedTuple):
    """What the backward pass needs of a part of the batch: sentences first … last − 1."""

    first: int
    last: int
    rows: slice
    x: NDArray[Any]
    input: linear.Cache | None
    positions: positions.Cache
    draw: Draw | None
    embedding_norm: layer_norm.Cache | None
    layers: list[residual.Cache]
    norm: layer_norm.Cache | None
    output: linear.Cache | None
    gain: NDArray[Any] | None


class Cache(NamedTuple):
    """What `Network.backward` needs: one entry for each part of the batch that a thread computed."""

    parts: list[_Part]


class Network:
    """The functions of a network; its numbers are passed to them.

    Parameters
    ----------
    config : NetworkConfig
    workers : int, optional
        Threads, between which the sentences of a batch are divided; all cores by default. No row depends on it;
        gradients do in their last bits, since their parts are summed in another order.

    Raises
    ------
    ValueError
        If `workers` is below 1.
    """

    def __init__(self, config: NetworkConfig, workers: int | None = None) -> None:
        if workers is not None and workers < 1:
            raise ValueError(f"workers must be at least 1, not {workers}")
        self.config = config
        self.workers = workers or default_workers()

    def __repr__(self) -> str:
        return f"Network({self.config}, workers={self.workers})"

    def initialise(self, seed: int, *, dtype: DTypeLike = np.float32, length: float = 1.0) -> ParameterTable:
        """Return the numbers at the start: with the head ``branch`` y is x exactly, with ``linear`` nearly.

        With relative positions the first two heads of each layer start by looking at the word before and the word
        behind: there, and not in all the sentence at once, the order of words is learned quickly.

        Parameters
        ----------
        seed : int
        dtype : dtype, default float32
        length : float, default 1
            Of a typical row of x; the head ``linear`` needs it.
        """
        parameters = ParameterTable.initialise(self.config.tensors(), seed, dtype)
        if self.config.head == "linear":
            start_at_identity(parameters, self.config, seed, length)
        elif self.config.positions in positions.WITH_DISTANCES:
            start_at_neighbors(parameters, self.config)
        return parameters

    @overload
    def forward(
        self,
        parameters: ParameterTable,
        x: NDArray[Any],
        offsets: NDArray[np.int64],
        *,
        training_seed: int | None = ...,
        return_attention: Literal[False] = ...,
    ) -> tuple[NDArray[Any], Cache]: ...

    @overload
    def forward(
        self,
        parameters: ParameterTable,
        x: NDArray[Any],
        offsets: NDArray[np.int64],
        *,
        training_seed: int | None = ...,
        return_attention: Literal[True],
    ) -> tuple[NDArray[Any], Cache, list[list[NDArray[Any]]]]: ...

    def forward(
        self,
        parameters: ParameterTable,
        x: NDArray[Any],
        offsets: NDArray[np.int64],
        *,
        training_seed: int | None = None,
        return_attention: bool = False,
    ) -> tuple[Any, ...]:
        """Return the rows of all tokens.

        Parameters
        ----------
        parameters : ParameterTable
            As `initialise` makes them, float32 or float64.
        x : ndarray of shape (N, input_size), of the same dtype
            The rows of B sentences one after another.
        offsets : ndarray of shape (B + 1,), int64
            Where each sentence begins; the last is N. Sentences may be empty.
        training_seed : int, optional
            Drop numbers at random, the same for the same seed. By default nothing is dropped.
        return_attention : bool, default False
            Also return the weights of attention: for each layer a list of one array a sentence, of shape (heads, T, T),
            whose rows sum to one.

        Returns
        -------
        y : ndarray of shape (N, input_size)
        cache : Cache
        attention : list of list of ndarray
            With `return_attention`.

        Raises
        ------
        ValueError
            If the arrays do not fit together.
        """
        self._check(parameters, x, offsets)
        y = np.empty((len(x), self.config.input_size), x.dtype)
        weights: list[list[list[NDArray[Any]]]] = []
        ranges = divide(offsets, self.workers)
        for _ in ranges:
            weights.append([[] for _ in range(self.config.layers)])

        def work(i: int) -> _Part:
            own = weights[i] if return_attention else None
            return self._forward_part(parameters, x, offsets, ranges[i], training_seed, own, y)

        cache = Cache(in_threads(work, len(ranges)))
        if not return_attention:
            return y, cache
        return y, cache, [sum((part[i] for part in weights), []) for i in range(self.config.layers)]

    def backward(
        self, parameters: ParameterTable, dy: NDArray[Any], cache: Cache
    ) -> tuple[NDArray[Any], ParameterTable]:
        """Return the gradients of x, shape (N, input_size), and of the parameters, in their layout.

        Parameters
        ----------
        parameters : ParameterTable
            Those that `forward` was given.
        dy : ndarray of shape (N, input_size)
        cache : Cache
        """
        if dy.shape != (sum(len(part.x) for part in cache.parts), self.config.input_size):
            raise ValueError(f"dy has shape {dy.shape}, which is not that of the rows that forward returned")
        dy = np.ascontiguousarray(dy, parameters.dtype)
        dx = np.empty((len(dy), self.config.input_size), dy.dtype)
        parts = in_threads(lambda i: self._backward_part(parameters, dy, cache.parts[i], dx), len(cache.parts))
        total = parts[0] if parts else parameters.zeros_like()
        for gradients in parts[1:]:
            total.flat += gradients.flat
        return dx, total

    def _check(self, parameters: ParameterTable, x: NDArray[Any], offsets: NDArray[np.int64]) -> None:
        if x.ndim != 2 or x.shape[1] != self.config.input_size:
            raise ValueError(f"x must have shape (N, {self.config.input_size}), not {x.shape}")
        if x.dtype != parameters.dtype:
            raise ValueError(f"x is {x.dtype}, but the parameters are {parameters.dtype}")
        if not x.flags.c_contiguous:
            raise ValueError("x must be C-contiguous")
        check_offsets(offsets, len(x))

    def _draw(self, training_seed: int | None, place: int, first_row: int) -> Draw | None:
        if training_seed is None or self.config.dropout == 0:
            return None
        state = np.random.SeedSequence([training_seed, place]).generate_state(1, np.uint64)
        return Draw(self.config.dropout, int(state[0]), first_row)

    def _forward_part(
        self,
        parameters: ParameterTable,
        all_x: NDArray[Any],
        all_offsets: NDArray[np.int64],
        sentences: tuple[int, int],
        training_seed: int | None,
        weights: list[list[NDArray[Any]]] | None,
        y: NDArray[Any],
    ) -> _Part:
        """Compute the rows of some of the sentences and write them to y."""
        config, shape = self.config, self.config.shape
        first, last = sentences
        rows = slice(*all_offsets[[first, last]].tolist())
        offsets, x = all_offsets[first : last + 1] - rows.start, all_x[rows]
        input_cache = None
        h = x
        if config.head != "none":
            h, input_cache = linear.forward(parameters.scope("input"), x)
        h, position_cache = positions.forward(parameters.scope("positions"), h, offsets, config.positions)
        draw = self._draw(training_seed, _EMBEDDING_PLACE, rows.start)
        # BERT drops behind its norm, where holes in the carrier of a post-norm start drown the rows: deviation D16
        h = dropout.forward(h, draw)
        embedding_norm = None
        if config.norm == "post":
            h, embedding_norm = layer_norm.forward(
                parameters.scope("embedding_norm"), h + parameters["token_type"], config.epsilon
            )
        visibility, caches = Visibility(offsets, offsets), []
        for i in range(config.layers):
            one, two = (self._draw(training_seed, 2 * i + half, rows.start) for half in (0, 1))
            draws = None if one is None or two is None else (one, two)
            own = None if weights is None else weights[i]
            h, cache = residual.forward(parameters.scope(f"layers.{i}"), h, visibility, shape, draws, own)
            caches.append(cache)
        norm = output_cache = gain = None
        if config.norm == "pre":
            h, norm = layer_norm.forward(parameters.scope("norm"), h, config.epsilon)
        if config.head != "none":
            h, output_cache = linear.forward(parameters.scope("output"), h)
        if config.head == "branch":
            gain = np.empty(len(x), x.dtype)
            apply_branch(x, h, gain, y[rows])
        else:
            y[rows] = h
        return _Part(
            first, last, rows, x, input_cache, position_cache, draw, embedding_norm, caches, norm, output_cache, gain
        )

    def _backward_part(
        self, parameters: ParameterTable, all_dy: NDArray[Any], part: _Part, all_dx: NDArray[Any]
    ) -> ParameterTable:
        """Write the gradient of x of a part to all_dx and return those of the parameters."""
        config, shape = self.config, self.config.shape
        total = parameters.zeros_like()
        dy = dh = all_dy[part.rows]
        if part.gain is not None:
            dh = np.empty((len(dy), config.output_size), dy.dtype)
            branch_backward(dy, part.x, part.gain, dh, all_dx[part.rows])  # y = exp(g) x + o
        if part.output is not None:
            dh, gradients = linear.backward(parameters.scope("output"), dh, part.output)
            total.add(within("output", gradients))
        if part.norm is not None:
            dh, gradients = layer_norm.backward(parameters.scope("norm"), dh, part.norm)
            total.add(within("norm", gradients))
        for i in reversed(range(config.layers)):
            dh, gradients = residual.backward(parameters.scope(f"layers.{i}"), dh, part.layers[i], shape)
            total.add(within(f"layers.{i}", gradients))
        if part.embedding_norm is not None:
            dh, gradients = layer_norm.backward(parameters.scope("embedding_norm"), dh, part.embedding_norm)
            total.add(within("embedding_norm", gradients) | {"token_type": dh.sum(axis=0)})  # h = … + token_type
        dh = dropout.backward(dh, part.draw)
        dh, gradients = positions.backward(parameters.scope("positions"), dh, part.positions)
        total.add(within("positions", gradients))
        if part.input is not None:
            dh, gradients = linear.backward(parameters.scope("input"), dh, part.input)
            total.add(within("input", gradients))
        if part.gain is not None:
            all_dx[part.rows] += dh
        else:
            all_dx[part.rows] = dh
        return total


def start_at_neighbors(parameters: ParameterTable, config: NetworkConfig) -> None:
    """Let the first head of each layer look at the word before and the second one at the word behind.

    Their biases of these distances become `NEIGHBOR_BIAS`; the others stay.
    """
    for layer in range(config.layers):
        biases = parameters[f"layers.{layer}.attention.distances"]
        center = biases.shape[1] // 2
        for head, distance in zip(range(config.heads), (-1, 1), strict=False):
            biases[head, center + distance] = NEIGHBOR_BIAS


def start_at_identity(parameters: ParameterTable, config: NetworkConfig, seed: int, length: float = 1.0) -> None:
    """Make a post-norm network with the head ``linear`` return nearly its input; the parameters are overwritten.

    The rows are turned into a space orthogonal to the vector of ones and to a carrier c of mean 0 and variance 1, and
    K · c is added to each. Their mean is then 0 and their variance almost K², so that a norm of gain K hardly changes
    them; layers add nothing, as their output maps are zero; and the head turns the rows back, which takes the carrier
    away. Norms shrink a row of length r by about r² / (2 dim K²), rounding adds about K · 6e-8.

    Parameters
    ----------
    parameters : ParameterTable
    config : NetworkConfig
    seed : int
        Chooses the rotation.
    length : float, default 1
        Of a typical row.
    """
    rng = np.random.default_rng([seed, config.dim])
    directions = rng.standard_normal((config.dim, config.input_size + 2))
    directions[:, 0] = 1
    orthogonal, _ = np.linalg.qr(directions)
    carrier = orthogonal[:, 1] * config.dim**0.5
    carrier -= carrier.mean()
    scale = CARRIER * length / config.dim**0.5
    rotation = orthogonal[:, 2:]
    for name, array in parameters.items():
        zeroed = ("input.bias", "output.bias", "attention.output.weight", "feed_forward.outer.weight")
        if name.endswith(zeroed) or name.startswith("positions."):
            array[...] = 0
        elif name.endswith("norm.gain"):
            array[...] = scale
    parameters["token_type"][...] = scale * carrier
    parameters["input.weight"][...] = rotation.T
    parameters["output.weight"][...] = rotation


def check_offsets(offsets: NDArray[np.int64], n_rows: int) -> None:
    """Raise ValueError unless `offsets` divides `n_rows` rows into sentences."""
    if offsets.ndim != 1 or offsets.dtype != np.int64 or not len(offsets):
        raise ValueError("offsets must be int64 and one-dimensional, one more than there are sentences")
    if offsets[0] != 0 or offsets[-1] != n_rows or (np.diff(offsets) < 0).any():
        raise ValueError(f"offsets must rise from 0 to the number of rows, {n_rows}")


def divide(offsets: NDArray[np.int64], n_parts: int) -> list[tuple[int, int]]:
    """Return ranges of sentences of about the same number of tokens, at most `n_parts` and none of them empty."""
    n_sentences = len(offsets) - 1
    targets = np.arange(1, n_parts) * (offsets[-1] / n_parts)
    borders = [0, *np.searchsorted(offsets, targets).tolist(), n_sentences]
    return [(first, last) for first, last in zip(borders[:-1], borders[1:], strict=True) if first < last]


def in_threads(work: Callable[[int], _T], n: int) -> list[_T]:
    """Return [work(0), …, work(n − 1)], each computed in a thread of its own, the first of them in this one."""
    if n <= 1:
        return [work(i) for i in range(n)]
    with ThreadPoolExecutor(n - 1) as pool:
        others: Sequence[Any] = [pool.submit(work, i) for i in range(1, n)]
        return [work(0), *(other.result() for other in others)]


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} must be a number, not {value!r:.80}")
    return float(value)
