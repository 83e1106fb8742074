"""A network packed for inference: its matrices are packed once and used by any number of threads, with no cache."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.neural.kernels import fused as kernels
from w2v.neural.layers import activations, positions, rotary
from w2v.neural.layers.dot_product import pad_heads
from w2v.neural.layers.matmul import multiply_packed, pack, pack_int8
from w2v.neural.packing import check_offsets, divide, in_threads
from w2v.neural.parameters import ParameterTable, scope
from w2v.neural.stack import StackConfig

_ADDED = dict.fromkeys((*positions.WITH_TABLE, *positions.WITH_SINUSOIDS), kernels.TABLE)
_ADDED |= {"index": kernels.INDEX, "fraction": kernels.FRACTION}
_NOTHING = np.zeros(0, np.float32)
_ROWS_AT_ONCE = 1 << 12


class FusedNetwork:
    """The forward pass of a network, fast and without a cache for gradients.

    The network is a stack, between an input projection (``input``) and an output projection (``output``) if the
    parameters include these. If the output projection has one column more than the input, it gates a residual
    connection: y = exp(g) x + o, where [o, g] is its result. The output for a sequence does not depend on the batch or
    on the number of threads, bit for bit.

    Parameters
    ----------
    config : StackConfig
        Must be neither causal nor have a memory.
    parameters : ParameterTable
        float32. They are copied, so later changes have no effect.
    compute_type : {"float32", "int8"}, default "float32"
        With int8, the matrices of the layers and the rows that they multiply are rounded to 8 bits, each row and each
        column with its own scale; see `kernels.products.int8`. Everything between the products stays float32.

    Raises
    ------
    ValueError
        If the parameters are not float32, the stack is causal or has cross-attention, or its mixer is not attention.
    """

    def __init__(self, config: StackConfig, parameters: ParameterTable, compute_type: str = "float32") -> None:
        if parameters.dtype != np.float32:
            raise ValueError(f"the parameters must be float32, not {parameters.dtype}")
        if config.causal or config.memory_size is not None:
            raise ValueError("fused inference requires a bidirectional stack without cross-attention")
        check_attention(config)
        self.config = config
        self._plan = _plan(config, parameters, in_int8=compute_type == "int8")
        self.input_size = self._plan.input_size

    def rows(self, x: NDArray[np.float32], offsets: NDArray[np.int64], workers: int = 1) -> NDArray[np.float32]:
        """Return the network's output for every token, shape (N, input_size).

        In float32 it equals that of the layers, bit for bit.

        Parameters
        ----------
        x : ndarray of shape (N, input_size), float32, C-contiguous
        offsets : ndarray of shape (B + 1,), int64
            Start of each sequence; the last is N.
        workers : int, default 1
            Threads.
        """
        self._check(x, offsets)
        y = np.empty((len(x), self.input_size), np.float32)
        self._run(x, _no_table(), offsets, workers, y, summed=False)
        return y

    def sums(self, x: NDArray[np.float32], offsets: NDArray[np.int64], workers: int = 1) -> NDArray[np.float32]:
        """Return the sum of `rows` over each sequence, shape (B, input_size); the parameters are the same.

        This is faster and sums in a different order, so the last bits differ from those of a sum of `rows`.
        """
        self._check(x, offsets)
        y = np.empty((len(offsets) - 1, self.input_size), np.float32)
        self._run(x, _no_table(), offsets, workers, y, summed=True)
        return y

    def project(self, x: NDArray[np.float32], scales: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
        """Return the input projection of each row, shape (n, dim).

        Parameters
        ----------
        x : ndarray of shape (n, input_size), float32
        scales : ndarray of shape (n,), float32, optional
            Factors to multiply the rows by first.
        """
        if not self._plan.mapped and (scales is None or bool((scales == 1).all())):
            return x
        y = np.empty((len(x), self.config.dim), np.float32)
        for start in range(0, len(x), _ROWS_AT_ONCE):
            rows = x[start : start + _ROWS_AT_ONCE]
            own = rows if scales is None else rows * scales[start : start + _ROWS_AT_ONCE, None]
            if not self._plan.mapped:
                y[start : start + _ROWS_AT_ONCE] = own
            else:
                multiply_packed(np.ascontiguousarray(own), self._plan.into, y[start : start + _ROWS_AT_ONCE])
        return y

    def table_sums(
        self,
        ids: NDArray[np.int32],
        offsets: NDArray[np.int64],
        scales: NDArray[np.float32],
        table: NDArray[np.float32],
        projected: NDArray[np.float32],
        extra: NDArray[np.float32] | None = None,
        workers: int = 1,
    ) -> NDArray[np.float32]:
        """Return `sums` for rows of a table, bit for bit, without copying them.

        Parameters
        ----------
        ids : ndarray of shape (N,), int32
            Row id of the table, in [0, V), stands for scales[id] * table[id]; -1 - k stands for row k of `extra`. Not
            checked.
        offsets : ndarray of shape (B + 1,), int64
        scales : ndarray of shape (V,), float32
        table : ndarray of shape (V, input_size), float32
        projected : ndarray of shape (V, dim), float32
            ``project(table, scales)``.
        extra : ndarray of shape (K, input_size), float32, optional
        workers : int, default 1
            Threads.
        """
        check_offsets(offsets, len(ids))
        y = np.empty((len(offsets) - 1, self.input_size), np.float32)
        if extra is None:
            extra = np.zeros((0, self.input_size), np.float32)
        flat = (_frozen(array) for array in (scales, table, extra, projected, self.project(extra)))
        source = kernels.TableInput(_frozen(ids), *flat)
        self._run(_NOTHING, source, offsets, workers, y, summed=True)
        return y

    def _check(self, x: NDArray[np.float32], offsets: NDArray[np.int64]) -> None:
        size = self.input_size
        if x.dtype != np.float32 or x.ndim != 2 or x.shape[1] != size or not x.flags.c_contiguous:
            raise ValueError(f"x must be float32, C-contiguous and of shape (N, {size})")
        check_offsets(offsets, len(x))

    def _run(
        self,
        x: NDArray[np.float32],
        source: kernels.TableInput,
        offsets: NDArray[np.int64],
        workers: int,
        y: NDArray[np.float32],
        *,
        summed: bool,
    ) -> None:
        longest = max(int(np.diff(offsets).max(initial=0)), 1)
        plan, cos, sin = self._plan, np.zeros((0, 0), np.float32), np.zeros((0, 0), np.float32)
        if self.config.positions in positions.WITH_ROTATION:
            cos, sin = rotary.angles(longest, self.config.dim // self.config.heads, np.float32)
        if self.config.positions in positions.WITH_SINUSOIDS:
            plan = plan._replace(table=positions.sinusoids(longest, self.config.dim, np.float32))
        ranges, flat, out = divide(offsets, workers), _frozen(x), y.reshape(-1)
        in_threads(lambda i: kernels.infer(plan, flat, source, offsets, *ranges[i], cos, sin, summed, out), len(ranges))


def check_attention(config: StackConfig) -> None:
    """Raise ValueError if the mixer of a stack is not attention."""
    if config.mixer != "attention":
        raise ValueError(f"fused inference requires the mixer attention, not {config.mixer!r}")


def _plan(config: StackConfig, parameters: ParameterTable, *, in_int8: bool) -> kernels.Plan:
    """Return the network in the format of the kernels."""
    shape, is_mapped = config.shape, "input.weight" in parameters
    input_size, is_gated = config.dim, False
    weights, borders = _packed_layers(config, parameters, pack_int8 if in_int8 else pack)
    into = out_of = out_of_sums = out_bias = gate = _NOTHING
    if is_mapped:
        input_size = len(parameters["input.weight"])
        weight, bias = parameters["output.weight"], parameters["output.bias"]
        is_gated = weight.shape[1] == input_size + 1
        into, out_of = pack(parameters["input.weight"], parameters["input.bias"]), pack(weight, bias)
        out_of_sums = pack(np.ascontiguousarray(weight[:, :input_size]))
        out_bias = bias[:input_size].copy()
        gate = np.concatenate([weight[:, -1], bias[-1:]])
    table = np.zeros((1, config.dim), np.float32)
    if config.positions in positions.WITH_TABLE:
        table = parameters["positions.table"].copy()
    elif config.positions in ("index", "fraction"):
        table[0] = parameters["positions.direction"]
    return kernels.Plan(
        input_size=input_size,
        dim=config.dim,
        n_heads=config.heads,
        head_size=pad_heads(np.zeros((1, config.dim)), config.heads).shape[1] // config.heads,
        d_ff=config.d_ff,
        scale=np.float32((config.dim // config.heads) ** -0.5),
        pre=config.norm == "pre",
        activation=activations.kernel_number(config.activation),
        epsilon=np.float32(config.epsilon),
        distance=-1 if shape.distance is None else shape.distance,
        kind=_ADDED.get(config.positions, 0),
        in_int8=in_int8,
        mapped=is_mapped,
        gated=is_gated,
        table=table,
        into=into,
        out_of=out_of,
        out_of_sums=out_of_sums,
        out_bias=out_bias,
        gate=gate,
        token_type=parameters["token_type"].copy() if config.norm == "post" else _NOTHING,
        start_norm=pack_norm(parameters, "embedding_norm"),
        end_norm=pack_norm(parameters, "norm"),
        weights=weights,
        borders=borders,
    )


def _packed_layers(
    config: StackConfig, parameters: ParameterTable, packed: Callable[..., NDArray[np.float32]]
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the concatenated arrays of each layer, shape (layers, size), and the start of each array."""
    layers: list[list[NDArray[Any]]] = []
    for i in range(config.layers):
        own = parameters.scope(f"layers.{i}")
        arrays = pack_attention(scope(own, "attention"), config.heads, packed=packed)
        for name in ("inner", "outer"):
            arrays.append(packed(own[f"feed_forward.{name}.weight"], own[f"feed_forward.{name}.bias"]))
        arrays += [pack_norm(own, name) for name in ("attention_norm", "feed_forward_norm")]
        arrays.append(own.get("attention.distances", np.zeros((0, 0), np.float32)).ravel())
        layers.append(arrays)
    borders = np.cumsum([0, *(array.size for array in layers[0])]).astype(np.int64)
    return np.stack([np.concatenate(arrays) for arrays in layers]), borders


def pack_attention(
    own: Mapping[str, NDArray[Any]],
    n_heads: int,
    *,
    joined: bool = False,
    packed: Callable[..., NDArray[np.float32]] = pack,
) -> list[NDArray[np.float32]]:
    """Return the packed query, key, value and output projections of an attention layer; the first three `joined`."""
    maps = [
        tuple(pad_heads(own[f"{name}.{array}"], n_heads) for array in ("weight", "bias"))
        for name in ("query", "key", "value")
    ]
    if joined:
        maps = [tuple(np.concatenate(arrays, axis=-1) for arrays in zip(*maps, strict=True))]
    from_heads = np.ascontiguousarray(pad_heads(own["output.weight"].T, n_heads).T)
    return [packed(*arrays) for arrays in [*maps, (from_heads, own["output.bias"])]]


def pack_norm(own: Mapping[str, NDArray[Any]], name: str) -> NDArray[np.float32]:
    """Return the gain and bias of a norm, concatenated; an empty array if it does not exist."""
    if f"{name}.gain" not in own:
        return _NOTHING
    both: NDArray[np.float32] = np.concatenate([own[f"{name}.gain"], own[f"{name}.bias"]])
    return both


def _no_table() -> kernels.TableInput:
    nothing = _frozen(_NOTHING)
    return kernels.TableInput(_frozen(np.zeros(0, np.int32)), nothing, nothing, nothing, nothing, nothing)


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    """Return a flat read-only view, so that compiled code always sees the same array type."""
    view = array.reshape(-1).view()
    view.setflags(write=False)
    return view
