"""The three matrix products that training needs: x W + b, dy Wᵀ and xᵀ dy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.neural.buffers import empty
from w2v.neural.kernels import matmul as kernels


def product(x: NDArray[Any], weight: NDArray[Any], bias: NDArray[Any] | None = None) -> NDArray[Any]:
    """Return x W + b.

    Parameters
    ----------
    x : ndarray of shape (N, K), C-contiguous
    weight : ndarray of shape (K, M), same dtype, C-contiguous
    bias : ndarray of shape (M,), optional

    Returns
    -------
    ndarray of shape (N, M)
        In float32, row i depends only on x[i], bit for bit, whatever N is.
    """
    if x.dtype == np.float32:
        y = empty((len(x), weight.shape[1]))
        kernels.multiply(x.ravel(), *x.shape, pack(weight, bias), weight.shape[1], False, y.ravel())
        return y
    exact: NDArray[Any] = x @ weight
    return exact if bias is None else exact + bias


def multiply_packed(x: NDArray[np.float32], panels: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    """Write x W + b to `out`, C-contiguous and of shape (N, M), for a matrix and bias packed by `pack`."""
    kernels.multiply(x.ravel(), *x.shape, panels, out.shape[1], False, out.reshape(-1))


def product_transposed(dy: NDArray[Any], weight: NDArray[Any]) -> NDArray[Any]:
    """Return dy Wᵀ, shape (N, K), for dy of shape (N, M) and W of shape (K, M)."""
    if dy.dtype == np.float32:
        dx = empty((len(dy), len(weight)))
        kernels.multiply(dy.ravel(), *dy.shape, pack_transposed(weight), len(weight), False, dx.ravel())
        return dx
    product: NDArray[Any] = dy @ weight.T
    return product


def sum_of_outer_products(x: NDArray[Any], dy: NDArray[Any]) -> NDArray[Any]:
    """Return xᵀ dy, shape (K, M), for x of shape (N, K) and dy of shape (N, M)."""
    if x.dtype == np.float32:
        dweight = np.zeros((x.shape[1], dy.shape[1]), np.float32)
        kernels.add_outer_products(x.ravel(), *x.shape, dy.ravel(), dy.shape[1], dweight.ravel())
        return dweight
    total: NDArray[Any] = x.T @ dy
    return total


def pack(weight: NDArray[np.float32], bias: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
    """Return a matrix and a bias in the layout of `kernels.matmul.multiply`."""
    panels = empty((kernels.packed_size(*weight.shape),))
    nothing = np.zeros(weight.shape[1], np.float32) if bias is None else bias
    kernels.pack(weight.ravel(), *weight.shape, nothing, panels)
    return panels


def pack_transposed(weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return `pack` of the transpose of a matrix, without a bias."""
    panels = empty((kernels.packed_size(weight.shape[1], len(weight)),))
    kernels.pack_transposed(weight.ravel(), *weight.shape, panels)
    return panels
