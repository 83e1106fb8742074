"""The position-wise feed-forward network: a linear layer, an activation, and a linear layer back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from numpy.typing import NDArray

from w2v.neural.layers import activations, linear
from w2v.neural.parameters import Tensor, scope, within


class Cache(NamedTuple):
    """Values that `backward` needs."""

    inner: linear.Cache
    activation: NDArray[Any]
    outer: linear.Cache


def tensors(dim: int, d_ff: int) -> dict[str, Tensor]:
    """Return the arrays of the layer: ``inner``, from `dim` to `d_ff` columns, and ``outer``, back."""
    return {**within("inner", linear.tensors(dim, d_ff)), **within("outer", linear.tensors(d_ff, dim))}


def forward(parameters: Mapping[str, NDArray[Any]], x: NDArray[Any], activation: str) -> tuple[NDArray[Any], Cache]:
    """Return activation(x W₁ + b₁) W₂ + b₂, shape (N, E), for x of shape (N, E)."""
    hidden, inner = linear.forward(scope(parameters, "inner"), x)
    active, before = activations.forward(hidden, activation)
    y, outer = linear.forward(scope(parameters, "outer"), active)
    return y, Cache(inner, before, outer)


def backward(
    parameters: Mapping[str, NDArray[Any]], dy: NDArray[Any], cache: Cache, activation: str
) -> tuple[NDArray[Any], dict[str, NDArray[Any]]]:
    """Return dx and the gradients of the parameters."""
    dactive, outer = linear.backward(scope(parameters, "outer"), dy, cache.outer)
    dhidden = activations.backward(dactive, cache.activation, activation)
    dx, inner = linear.backward(scope(parameters, "inner"), dhidden, cache.inner)
    return dx, {**within("inner", inner), **within("outer", outer)}
