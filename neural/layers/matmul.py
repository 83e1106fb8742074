"""The three matrix products that training needs: x W + b, dy Wᵀ and xᵀ dy; and the sum of the rows of dy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.neural.buffers import empty
from w2v.neural.kernels import rows
from w2v.neural.kernels.products import int8
from w2v.neural.kernels.products import matmul as kernels


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


def product_transposed(dy: NDArray[Any], weight: NDArray[Any], onto: NDArray[Any] | None = None) -> NDArray[Any]:
    """Return dy Wᵀ, shape (N, K), for dy of shape (N, M) and W of shape (K, M); or `onto`, to which it is added."""
    if dy.dtype == np.float32:
        dx = empty((len(dy), len(weight))) if onto is None else onto
        kernels.multiply(
            dy.ravel(), *dy.shape, pack_transposed(weight), len(weight), onto is not None, dx.reshape(-1)
        )  # fmt: skip
        return dx
    product: NDArray[Any] = dy @ weight.T
    return product if onto is None else np.add(onto, product, out=onto)


def sum_of_outer_products(x: NDArray[Any], dy: NDArray[Any]) -> NDArray[Any]:
    """Return xᵀ dy, shape (K, M), for x of shape (N, K) and dy of shape (N, M)."""
    if x.dtype == np.float32:
        dweight = np.zeros((x.shape[1], dy.shape[1]), np.float32)
        kernels.add_outer_products(x.ravel(), *x.shape, dy.ravel(), dy.shape[1], dweight.ravel())
        return dweight
    total: NDArray[Any] = x.T @ dy
    return total


def sum_of_rows(x: NDArray[Any]) -> NDArray[Any]:
    """Return the sum of the rows of x, shape (M,), for x of shape (N, M), added one after another."""
    if x.dtype == np.float32:
        total = np.empty(x.shape[1], np.float32)
        rows.sum_columns(x.ravel(), *x.shape, total)
        return total
    exact: NDArray[Any] = np.add.reduce(x, axis=0)
    return exact


def pack(weight: NDArray[np.float32], bias: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
    """Return a matrix and a bias in the layout of `kernels.products.matmul.multiply`."""
    panels = empty((kernels.packed_size(*weight.shape),))
    nothing = np.zeros(weight.shape[1], np.float32) if bias is None else bias
    kernels.pack(weight.ravel(), *weight.shape, nothing, panels)
    return panels


def pack_transposed(weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return `pack` of the transpose of a matrix, without a bias."""
    panels = empty((kernels.packed_size(weight.shape[1], len(weight)),))
    kernels.pack_transposed(weight.ravel(), *weight.shape, panels)
    return panels


def pack_int8(weight: NDArray[np.float32], bias: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a matrix, rounded to int8 with a scale a column, and a bias as `products.int8.multiply` reads them.

    Parameters
    ----------
    weight : ndarray of shape (K, M), float32
    bias : ndarray of shape (M,), float32

    Returns
    -------
    ndarray, float32, flat
        A quarter of the size of `weight`, and three values a column. Some hold the bits of integers.
    """
    width, n_columns = weight.shape
    n_panels, n_fours = -(-n_columns // int8.PANEL), -(-width // 4)
    largest = np.abs(weight).max(axis=0, initial=0)
    numbers = np.zeros((4 * n_fours, n_panels * int8.PANEL), np.int8)
    factors = int8.LARGEST / np.where(largest > int8.SMALLEST, largest, np.float32(np.inf))
    with np.errstate(invalid="ignore"):  # the scale of a column that is not finite is not finite either
        numbers[:width, :n_columns] = np.rint(weight * factors)
    panels = np.zeros((n_panels, int8.HEAD + n_fours, int8.PANEL), np.float32)
    heads = np.zeros((int8.HEAD, n_panels * int8.PANEL), np.float32)
    heads[0] = (-int8.MIDDLE * numbers.sum(axis=0, dtype=np.int32)).view(np.float32)
    heads[1, :n_columns], heads[2, :n_columns] = largest / int8.LARGEST, bias
    panels[:, : int8.HEAD] = heads.reshape(int8.HEAD, n_panels, int8.PANEL).transpose(1, 0, 2)
    fours = numbers.reshape(n_fours, 4, n_panels, int8.PANEL).transpose(2, 0, 3, 1)
    panels[:, int8.HEAD :] = np.ascontiguousarray(fours).view(np.float32)[..., 0]
    return panels.reshape(-1)
