"""A network made ready to compute rows only: its matrices packed once, then any number of sentences by any threads."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .layers import _inference as kernels
from .layers import activations, positions, rotary
from .layers.dot_product import pad_heads
from .layers.products import pack
from .network import NetworkConfig, check_offsets, divide, in_threads
from .parameters import ParameterTable

_ADDED = {"learned": kernels.TABLE, "sinusoidal": kernels.TABLE, "index": kernels.INDEX, "fraction": kernels.FRACTION}


class ReadyNetwork:
    """The forward direction of a network, fast: what `Network.forward` returns, bit for bit, without a cache.

    Parameters
    ----------
    config : NetworkConfig
    parameters : ParameterTable
        float32. They are copied, so that later changes are not seen.

    Raises
    ------
    ValueError
        If the parameters are not float32.
    """

    def __init__(self, config: NetworkConfig, parameters: ParameterTable) -> None:
        if parameters.dtype != np.float32:
            raise ValueError(f"the parameters must be float32, not {parameters.dtype}")
        self.config = config
        self._nothing = np.zeros(0, np.float32)
        self._weights, self._borders = _packed_layers(config, parameters)
        self._head_size = pad_heads(np.zeros((1, config.dim)), config.heads).shape[1] // config.heads
        self._into = self._out_of = self._nothing
        if config.head != "none":
            self._into = pack(parameters["input.weight"], parameters["input.bias"])
            self._out_of = pack(parameters["output.weight"], parameters["output.bias"])
        self._token_type = parameters["token_type"].copy() if config.norm == "post" else self._nothing
        self._norms = [
            np.concatenate([parameters[f"{name}.gain"], parameters[f"{name}.bias"]])
            if f"{name}.gain" in parameters
            else self._nothing
            for name in ("embedding_norm", "norm")
        ]
        self._table = np.zeros((1, config.dim), np.float32)
        if config.positions == "learned":
            self._table = parameters["positions.table"].copy()
        elif config.positions in ("index", "fraction"):
            self._table[0] = parameters["positions.direction"]

    def rows(self, x: NDArray[np.float32], offsets: NDArray[np.int64], workers: int = 1) -> NDArray[np.float32]:
        """Return the rows of all tokens, shape (N, input_size); see `Network.forward` for the parameters.

        `workers` is the number of threads; the result does not depend on it.
        """
        y = np.empty((len(x), self.config.input_size), np.float32)
        self._run(x, offsets, workers, y, pooled=False)
        return y

    def sums(self, x: NDArray[np.float32], offsets: NDArray[np.int64], workers: int = 1) -> NDArray[np.float32]:
        """Return the sums of the rows of each sentence, in their order, shape (B, input_size)."""
        y = np.empty((len(offsets) - 1, self.config.input_size), np.float32)
        self._run(x, offsets, workers, y, pooled=True)
        return y

    def _run(
        self, x: NDArray[np.float32], offsets: NDArray[np.int64], workers: int, y: NDArray[np.float32], pooled: bool
    ) -> None:
        config, shape = self.config, self.config.shape
        if x.dtype != np.float32 or x.ndim != 2 or x.shape[1] != config.input_size or not x.flags.c_contiguous:
            raise ValueError(f"x must be float32, C-contiguous and of shape (N, {config.input_size})")
        check_offsets(offsets, len(x))
        longest = int(np.diff(offsets).max(initial=0))
        cos = sin = np.zeros((0, 0), np.float32)
        if shape.rotate:
            cos, sin = rotary.angles(max(longest, 1), config.dim // config.heads, np.float32)
        table = self._table
        if config.positions == "sinusoidal":
            table = positions.sinusoids(max(longest, 1), config.dim, np.float32)
        flat_x, flat_y = x.reshape(-1), y.reshape(-1)
        ranges = divide(offsets, workers)

        def work(i: int) -> None:
            kernels.infer(
                flat_x, offsets, *ranges[i], config.input_size, config.dim, config.heads, self._head_size, shape.d_ff,
                config.norm == "pre", activations.number(config.activation), np.float32(config.epsilon),
                -1 if shape.distance is None else shape.distance, cos, sin, _ADDED.get(config.positions, 0), table,
                config.head != "none", config.head == "branch", self._into, self._token_type, self._norms[0],
                self._weights, self._borders, self._norms[1], self._out_of, flat_y, pooled,
            )  # fmt: skip

        in_threads(work, len(ranges))


def _packed_layers(config: NetworkConfig, parameters: ParameterTable) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the arrays of each layer side by side, shape (layers, size), and where each of them begins."""
    layers: list[list[NDArray[Any]]] = []
    for i in range(config.layers):
        own = parameters.scope(f"layers.{i}")
        arrays = [
            pack(*(pad_heads(own[f"attention.{name}.{array}"], config.heads) for array in ("weight", "bias")))
            for name in ("query", "key", "value")
        ]
        from_heads = pad_heads(own["attention.output.weight"].T, config.heads).T
        arrays.append(pack(np.ascontiguousarray(from_heads), own["attention.output.bias"]))
        arrays += [
            pack(own[f"feed_forward.{name}.weight"], own[f"feed_forward.{name}.bias"]) for name in ("inner", "outer")
        ]
        for name in ("attention_norm", "feed_forward_norm"):
            arrays.append(np.concatenate([own[f"{name}.gain"], own[f"{name}.bias"]]))
        arrays.append(own.get("attention.distances", np.zeros((0, 0), np.float32)).ravel())
        layers.append(arrays)
    borders = np.cumsum([0, *(array.size for array in layers[0])]).astype(np.int64)
    return np.stack([np.concatenate(arrays) for arrays in layers]), borders
