"""Activation functions: GELU, ReLU, tanh and the logistic function.

``gelu`` uses the exact error function. ``gelu-tanh`` is its approximation x σ(2 √(2/π) (x + 0.044715 x³)), within 5e-4,
which GPT-2 was trained with; other programs write it as (1 + tanh) / 2 and call it ``gelu_new``.

References
----------
Hendrycks and Gimpel 2016, Gaussian error linear units, arXiv:1606.08415, section 2.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.neural.buffers import empty
from w2v.neural.kernels import rows as kernels
from w2v.neural.names import ACTIVATIONS

__all__ = ["ACTIVATIONS", "backward", "forward", "kernel_number"]

_STEEP, _CUBIC = 2 * math.sqrt(2 / math.pi), 0.044715


class _Activation(NamedTuple):
    """A function and its derivative for NumPy arrays, and its number in the kernels."""

    function: Callable[[NDArray[Any]], NDArray[Any]]
    derivative: Callable[[NDArray[Any]], NDArray[Any]]
    kernel: int


def _normal_cdf(x: NDArray[Any]) -> NDArray[Any]:
    from scipy.special import ndtr

    cdf: NDArray[Any] = ndtr(x)
    return cdf


def _gelu(x: NDArray[Any]) -> NDArray[Any]:
    y: NDArray[Any] = x * _normal_cdf(x)
    return y


def _gelu_derivative(x: NDArray[Any]) -> NDArray[Any]:
    slope: NDArray[Any] = _normal_cdf(x) + x * np.exp(-0.5 * x**2) / math.sqrt(2 * math.pi)
    return slope


def _relu(x: NDArray[Any]) -> NDArray[Any]:
    y: NDArray[Any] = np.maximum(x, 0)
    return y


def _relu_derivative(x: NDArray[Any]) -> NDArray[Any]:
    return (x > 0).astype(x.dtype)


def _tanh_derivative(x: NDArray[Any]) -> NDArray[Any]:
    derivative: NDArray[Any] = 1 - np.tanh(x) ** 2
    return derivative


def _sigmoid(x: NDArray[Any]) -> NDArray[Any]:
    from scipy.special import expit

    y: NDArray[Any] = expit(x)
    return y


def _sigmoid_derivative(x: NDArray[Any]) -> NDArray[Any]:
    y = _sigmoid(x)
    derivative: NDArray[Any] = y * (1 - y)
    return derivative


def _gelu_tanh(x: NDArray[Any]) -> NDArray[Any]:
    y: NDArray[Any] = x * _sigmoid(_STEEP * (x + _CUBIC * x**3))
    return y


def _gelu_tanh_derivative(x: NDArray[Any]) -> NDArray[Any]:
    inner = _STEEP * (x + _CUBIC * x**3)
    y: NDArray[Any] = _sigmoid(inner) + x * _sigmoid_derivative(inner) * _STEEP * (1 + 3 * _CUBIC * x**2)
    return y


_ACTIVATIONS = {
    "gelu": _Activation(_gelu, _gelu_derivative, kernels.GELU),
    "gelu-tanh": _Activation(_gelu_tanh, _gelu_tanh_derivative, kernels.GELU_TANH),
    "relu": _Activation(_relu, _relu_derivative, kernels.RELU),
    "tanh": _Activation(np.tanh, _tanh_derivative, kernels.TANH),
    "sigmoid": _Activation(_sigmoid, _sigmoid_derivative, kernels.SIGMOID),
}


def kernel_number(kind: str) -> int:
    """Return the number of a function in the kernels."""
    return _ACTIVATIONS[kind].kernel


def forward(x: NDArray[Any], kind: str) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the function of every value, and x as the cache.

    Parameters
    ----------
    x : ndarray
    kind : str
        One of `ACTIVATIONS`, or ``sigmoid``, which gates use.

    Notes
    -----
    Accuracy in float32: within 2e-7 · max(1, abs(x)) of the exact value.
    """
    activation = _ACTIVATIONS[kind]
    if x.dtype != np.float32:
        return activation.function(x), x
    y = empty(x.shape)
    kernels.activate(activation.kernel, x.ravel(), y.ravel())
    return y, x


def backward(dy: NDArray[Any], cache: NDArray[Any], kind: str) -> NDArray[Any]:
    """Return dx, which is dy times the derivative at each value."""
    activation = _ACTIVATIONS[kind]
    if dy.dtype != np.float32:
        exact: NDArray[Any] = dy * activation.derivative(cache)
        return exact
    dx = empty(dy.shape)
    kernels.activate_backward(activation.kernel, dy.ravel(), cache.ravel(), dx.ravel())
    return dx
