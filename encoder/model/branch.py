"""The initial state of an encoder's network: it returns its input, exactly with a branch, or nearly with a carrier.

The head ``branch`` adds the network's output to its input: y = exp(g) · x + o, where the network gives [o, g], zero at
the start. A post-norm network has no residual path around its norms; `start_at_identity` makes it start near its input.
docs/derivations/transformer.md derives both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.neural.buffers import empty
from w2v.neural.kernels.rows import (
    gated_residual,
    gated_residual_backward,
    gated_sums,
    gated_sums_backward,
    spread_sums,
)
from w2v.neural.kernels.table_rows import add_table_rows, sum_rows
from w2v.neural.layers.matmul import product, product_transposed, sum_of_outer_products, sum_of_rows
from w2v.neural.parameters import ParameterTable

if TYPE_CHECKING:
    from w2v.encoder.model.network import NetworkConfig

CARRIER = 40.0
"""Length of the carrier to which `start_at_identity` adds the token embeddings, relative to unit length."""
NEIGHBOR_BIAS = 4.0
"""Initial bias of the relative position that a head attends to: exp(4) times the weight of any other word."""


def forward(x: NDArray[Any], h: NDArray[Any], y: NDArray[Any]) -> NDArray[Any]:
    """Write exp(g) · x + o to y, shape (N, E), where h, shape (N, E + 1), is [o, g]; return exp(g) for `backward`."""
    gate = np.empty(len(x), x.dtype)
    gated_residual(x, h, gate, y)
    return gate


def backward(dy: NDArray[Any], x: NDArray[Any], gate: NDArray[Any], dx: NDArray[Any]) -> NDArray[Any]:
    """Write the gradient of x past the network to dx; return that of h, shape (N, E + 1)."""
    dh = np.empty((len(dy), dy.shape[1] + 1), dy.dtype)
    gated_residual_backward(dy, x, gate, dh, dx)
    return dh


class Words(NamedTuple):
    """The embeddings that the tokens of some sentences read.

    Attributes
    ----------
    x : ndarray of shape (R, E)
    slots : ndarray of shape (N,), int64, or None
        The row of x of each token; None if there is a row for each token, in order.
    offsets : ndarray of shape (B + 1,), int64
        Start of each sentence; the last is N.
    """

    x: NDArray[Any]
    slots: NDArray[np.int64] | None
    offsets: NDArray[np.int64]

    def of_tokens(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Return the row of each token, shape (N, …), of an array with R rows."""
        if self.slots is None:
            return rows
        return np.take(rows, self.slots, axis=0, out=empty((len(self.slots), rows.shape[1]), rows.dtype), mode="clip")

    def sum_of_tokens(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Return the sum of the tokens' rows for each row of x, shape (R, …); the transpose of `of_tokens`."""
        if self.slots is None:
            return rows
        total = np.zeros((len(self.x), rows.shape[1]), rows.dtype)
        add_table_rows(rows, self.slots, total)
        return total


class SumsCache(NamedTuple):
    """What `sums_backward` needs: hidden states (N, dim), their sums by sentence (B, dim), and exp(g), perhaps none."""

    h: NDArray[Any]
    sums: NDArray[Any]
    gate: NDArray[Any] | None


def sums(parameters: Mapping[str, NDArray[Any]], h: NDArray[Any], words: Words, y: NDArray[Any]) -> SumsCache:
    """Write the sums of each sentence's outputs to y, shape (B, E), for hidden states h, shape (N, dim).

    `parameters` are the ``weight`` and ``bias`` of the head, whose last column may be the gate; without a head they are
    empty. Σ o = (Σ h) V + T c: the product has a row for each sentence, and only the gate, one column, for each token.
    """
    totals = np.empty((len(y), h.shape[1]), h.dtype)
    sum_rows(h, words.offsets, totals)
    if not parameters:
        y[...] = totals
        return SumsCache(h, totals, None)
    weight, bias, width = parameters["weight"], parameters["bias"], y.shape[1]
    lengths = np.diff(words.offsets).astype(h.dtype)
    y[...] = product(totals, weight[:, :width]) + lengths[:, None] * bias[:width]
    if weight.shape[1] == width:
        return SumsCache(h, totals, None)
    gate = np.exp(product(h, weight[:, width:], bias[width:])).reshape(-1)
    gated_sums(words.x, _slots(words), gate, words.offsets, y)
    return SumsCache(h, totals, gate)


def sums_backward(
    parameters: Mapping[str, NDArray[Any]], dy: NDArray[Any], words: Words, cache: SumsCache, dx: NDArray[Any]
) -> tuple[NDArray[Any], dict[str, NDArray[Any]]]:
    """Add the gradient of the embeddings to dx, shape (R, E); return those of h, shape (N, dim), and of the head."""
    lengths = np.diff(words.offsets)
    if not parameters:
        return np.repeat(dy, lengths, axis=0), {}
    weight, width = parameters["weight"], dy.shape[1]
    dtotals = product_transposed(dy, weight[:, :width])
    gradients = {
        "weight": sum_of_outer_products(cache.sums, dy),
        "bias": sum_of_rows(dy * lengths.astype(dy.dtype)[:, None]),
    }
    if cache.gate is None:
        return np.repeat(dtotals, lengths, axis=0), gradients
    dgate, dh = np.empty((len(cache.h), 1), dy.dtype), empty(cache.h.shape, dy.dtype)
    gated_sums_backward(dy, words.x, _slots(words), cache.gate, words.offsets, dgate.reshape(-1), dx)
    spread_sums(dtotals, dgate.reshape(-1), np.ascontiguousarray(weight[:, width]), words.offsets, dh)
    gradients["weight"] = np.hstack([gradients["weight"], sum_of_outer_products(cache.h, dgate)])
    gradients["bias"] = np.concatenate([gradients["bias"], sum_of_rows(dgate)])
    return dh, gradients


def _slots(words: Words) -> NDArray[np.int64]:
    return np.arange(words.offsets[-1]) if words.slots is None else words.slots


def start_at_neighbors(parameters: ParameterTable, config: NetworkConfig) -> None:
    """Let the first head of each layer attend to the previous word and the second head to the next word.

    The biases of these distances become `NEIGHBOR_BIAS`; the others stay unchanged.
    """
    for layer in range(config.layers):
        biases = parameters[f"layers.{layer}.attention.distances"]
        center = biases.shape[1] // 2
        for head, distance in zip(range(config.heads), (-1, 1), strict=False):
            biases[head, center + distance] = NEIGHBOR_BIAS


def start_at_identity(parameters: ParameterTable, config: NetworkConfig, seed: int, length: float = 1.0) -> None:
    """Make a post-norm network with the head ``linear`` return nearly its input; this overwrites the parameters.

    Token embeddings are rotated into a space orthogonal to the vector of ones and to a carrier c of mean 0 and variance
    1, and K · c is added to each. Their mean is then 0 and their variance almost K², so a norm of gain K hardly changes
    them. The layers add nothing, because their output maps are zero. The head rotates the embeddings back, which
    removes the carrier. Norms shrink an embedding of length r by about r² / (2 dim K²); rounding adds about K · 6e-8.

    The seed decides the rotation; `length` is the length of a typical token embedding.
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
        zeroed = ("input.bias", "output.bias", ".output.weight", "feed_forward.outer.weight")
        if name.endswith(zeroed) or name.startswith("positions."):
            array[...] = 0
        elif name.endswith("norm.gain"):
            array[...] = scale
    parameters["token_type"][...] = scale * carrier
    parameters["input.weight"][...] = rotation.T
    parameters["output.weight"][...] = rotation
