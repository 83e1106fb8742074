"""The linear map y = x W + b."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from numpy.typing import NDArray

from w2v.neural.layers.matmul import product, product_transposed, sum_of_outer_products, sum_of_rows
from w2v.neural.parameters import Tensor


class Cache(NamedTuple):
    """Values that `backward` needs."""

    x: NDArray[Any]


def tensors(n_inputs: int, n_outputs: int, *, deviation: float | None = None, bias: bool = True) -> dict[str, Tensor]:
    """Return the arrays of the layer: ``weight`` (n_inputs, n_outputs) and ``bias`` (n_outputs,).

    Parameters
    ----------
    n_inputs, n_outputs : int
    deviation : float, optional
        Standard deviation of the initial weights; by default sqrt(2 / (n_inputs + n_outputs)) [1]_, which preserves the
        variance of activations and gradients on average.
    bias : bool, default True
        Whether there is a bias; it is initialised to zero.

    References
    ----------
    .. [1] Glorot and Bengio 2010, Understanding the difficulty of training deep feedforward neural networks,
       equation 12.
    """
    if deviation is None:
        deviation = (2 / (n_inputs + n_outputs)) ** 0.5
    arrays = {"weight": Tensor((n_inputs, n_outputs), deviation)}
    if bias:
        arrays["bias"] = Tensor((n_outputs,))
    return arrays


def forward(parameters: Mapping[str, NDArray[Any]], x: NDArray[Any]) -> tuple[NDArray[Any], Cache]:
    """Return x W + b, shape (N, n_outputs), for x of shape (N, n_inputs)."""
    return product(x, parameters["weight"], parameters.get("bias")), Cache(x)


def backward(
    parameters: Mapping[str, NDArray[Any]], dy: NDArray[Any], cache: Cache, *, onto: NDArray[Any] | None = None
) -> tuple[NDArray[Any], dict[str, NDArray[Any]]]:
    """Return dx, or `onto` with dx added, and the gradients of the parameters; see docs/derivations/transformer.md."""
    gradients = {"weight": sum_of_outer_products(cache.x, dy)}  # y += x W
    if "bias" in parameters:
        gradients["bias"] = sum_of_rows(dy)  # y += b
    return product_transposed(dy, parameters["weight"], onto), gradients
