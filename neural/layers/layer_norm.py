"""Layer normalisation: every row is normalised to mean 0 and variance 1, then scaled and shifted by column.

References
----------
Ba, Kiros and Hinton 2016, arXiv:1607.06450. Derivation: docs/derivations/normalisation.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.neural.buffers import empty
from w2v.neural.kernels import rows as kernels
from w2v.neural.parameters import Tensor

EPSILON = 1e-5
"""Added to the variance."""


class Cache(NamedTuple):
    """Values that `backward` needs: the input, and mean and 1 / sqrt(variance + epsilon) of each row, shape (N,)."""

    x: NDArray[Any]
    mean: NDArray[Any]
    inverse: NDArray[Any]


def tensors(dim: int) -> dict[str, Tensor]:
    """Return the arrays of the layer: ``gain``, initialised to ones, and ``bias``, zeros, both of shape (dim,)."""
    return {"gain": Tensor((dim,), mean=1.0), "bias": Tensor((dim,))}


def forward(
    parameters: Mapping[str, NDArray[Any]], x: NDArray[Any], epsilon: float = EPSILON
) -> tuple[NDArray[Any], Cache]:
    """Return gain · (x − mean) / sqrt(variance + epsilon) + bias.

    Parameters
    ----------
    parameters : mapping
        See `tensors`.
    x : ndarray of shape (N, E)
    epsilon : float, default 1e-5

    Returns
    -------
    y : ndarray of shape (N, E)
    cache : Cache
    """
    gain, bias = parameters["gain"], parameters["bias"]
    if x.dtype == np.float32:
        y, mean, inverse = empty(x.shape), empty((len(x),)), empty((len(x),))
        kernels.normalise(x.ravel(), *x.shape, np.float32(epsilon), gain, bias, y.ravel(), mean, inverse)
        return y, Cache(x, mean, inverse)
    mean = x.mean(axis=1)
    centred = x - mean[:, None]
    inverse = 1 / np.sqrt((centred**2).mean(axis=1) + epsilon)
    return centred * inverse[:, None] * gain + bias, Cache(x, mean, inverse)


def backward(
    parameters: Mapping[str, NDArray[Any]], dy: NDArray[Any], cache: Cache
) -> tuple[NDArray[Any], dict[str, NDArray[Any]]]:
    """Return dx and the gradients of the parameters."""
    x, mean, inverse = cache
    gain = parameters["gain"]
    if x.dtype == np.float32:
        dx, dgain, dbias = empty(x.shape), np.zeros_like(gain), np.zeros_like(gain)
        kernels.normalise_backward(
            dy.ravel(), x.ravel(), *x.shape, mean, inverse, gain, dx.ravel(), dgain, dbias
        )  # fmt: skip
        return dx, {"gain": dgain, "bias": dbias}
    normal = (x - mean[:, None]) * inverse[:, None]
    dnormal = dy * gain  # y = gain · normal + bias
    # normal = (x − mean) · inverse; through mean and inverse, every column of a row depends on all others
    along = (dnormal * normal).mean(axis=1, keepdims=True)
    dx = (dnormal - dnormal.mean(axis=1, keepdims=True) - normal * along) * inverse[:, None]
    return dx, {"gain": (dy * normal).sum(axis=0), "bias": dy.sum(axis=0)}
