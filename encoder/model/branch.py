"""The initial state of an encoder's network: it returns its input, exactly with a branch, or nearly with a carrier.

The head ``branch`` adds the network's output to its input: y = exp(g) · x + o, where the network gives [o, g], zero at
the start. A post-norm network has no residual path around its norms; `start_at_identity` makes it start near its input.
docs/derivations/transformer.md derives both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from w2v.neural.kernels.rows import gated_residual, gated_residual_backward
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
