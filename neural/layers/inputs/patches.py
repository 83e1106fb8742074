"""Pictures as sequences: each is cut into square patches, and a linear projection turns each patch into a row.

    x = [token,] patch₁ W + b, patch₂ W + b, …

The optional token comes first: a learned row for no patch, which can collect information about the whole picture.

References
----------
Dosovitskiy et al. 2021, An image is worth 16×16 words, arXiv:2010.11929, section 3.1. DeVries and Taylor 2017,
Improved regularization with cutout, arXiv:1708.04552. Derivation: docs/derivations/transformer.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.neural.kernels import patches as kernels
from w2v.neural.kernels.patches import Change, Scale
from w2v.neural.layers import linear
from w2v.neural.parameters import Tensor

Floats = NDArray[Any]
UNCHANGED = Change()


class Grid(NamedTuple):
    """How pictures are cut into patches.

    Attributes
    ----------
    height, width, channels : int
        Size of a picture.
    patch : int
        Side of a patch. Patches that extend beyond the right or lower border are padded with zeros.
    """

    height: int
    width: int
    channels: int
    patch: int

    @property
    def rows(self) -> int:
        """Number of patches in a column."""
        return -(-self.height // self.patch)

    @property
    def columns(self) -> int:
        """Number of patches in a row."""
        return -(-self.width // self.patch)

    @property
    def n_patches(self) -> int:
        """Number of patches per picture."""
        return self.rows * self.columns

    @property
    def patch_size(self) -> int:
        """Number of values per patch."""
        return self.patch * self.patch * self.channels


class Cache(NamedTuple):
    """Values that `backward` needs."""

    linear: linear.Cache
    n_pictures: int


def tensors(grid: Grid, dim: int, *, token: bool) -> dict[str, Tensor]:
    """Return the arrays of the layer: ``weight`` (patch_size, dim), ``bias`` and optionally ``token`` (dim,)."""
    arrays = linear.tensors(grid.patch_size, dim)
    return arrays | ({"token": Tensor((dim,), 0.02)} if token else {})


def cut(
    pictures: NDArray[Any],
    chosen: NDArray[np.int64],
    grid: Grid,
    scale: Scale,
    *,
    token: bool = False,
    change: Change = UNCHANGED,
    seed: int = 0,
) -> Floats:
    """Return the patches of some pictures, shape (B, P, patch_size), preceded by a zero row for the token, if any.

    Parameters
    ----------
    pictures : ndarray of shape (N, H, W, C)
    chosen : ndarray of shape (B,), int64
        Indices of pictures.
    grid : Grid
    scale : Scale
        Its dtype is that of the result.
    token : bool, default False
    change : Change, optional
        Random augmentation; none by default.
    seed : int, default 0
        In [0, 2**64), distinct for each step. The augmentation of a picture depends only on it and the picture's index.
    """
    patches = np.empty((len(chosen), token + grid.n_patches, grid.patch_size), scale.mean.dtype)
    pictures = pictures.view()
    pictures.flags.writeable = False  # like memory-mapped arrays, so that the kernel is compiled once for both
    kernels.cut(pictures, chosen, grid.patch, scale, change, np.uint64(seed), patches)
    return patches


def fold(patches: Floats, grid: Grid, *, token: bool = False) -> Floats:
    """Return the pictures of patches, shape (B, H, W, C): the inverse of `cut` without augmentation and scaling."""
    side, channels = grid.patch, grid.channels
    squares = patches[:, int(token) :].reshape(-1, grid.rows, grid.columns, side, side, channels)
    whole = squares.transpose(0, 1, 3, 2, 4, 5).reshape(-1, grid.rows * side, grid.columns * side, channels)
    return whole[:, : grid.height, : grid.width]


def forward(parameters: Mapping[str, Floats], patches: Floats) -> tuple[Floats, Cache]:
    """Return the input rows of a stack, shape (B · R, dim), for patches of shape (B, R, patch_size); see `cut`."""
    n_pictures, n_rows, size = patches.shape
    x, cache = linear.forward(parameters, patches.reshape(n_pictures * n_rows, size))
    if "token" in parameters:
        x.reshape(n_pictures, n_rows, -1)[:, 0] = parameters["token"]
    return x, Cache(cache, n_pictures)


def backward(parameters: Mapping[str, Floats], dx: Floats, cache: Cache) -> tuple[Floats, dict[str, Floats]]:
    """Return the gradient of the patches, which `fold` converts to pictures, and those of the parameters.

    The rows of tokens in dx are overwritten.
    """
    gradients = {}
    if "token" in parameters:
        tokens = dx.reshape(cache.n_pictures, -1, dx.shape[1])[:, 0]
        gradients["token"] = tokens.sum(axis=0)
        tokens[...] = 0
    dpatches, own = linear.backward(parameters, dx, cache.linear)
    return dpatches.reshape(cache.n_pictures, -1, dpatches.shape[1]), own | gradients
