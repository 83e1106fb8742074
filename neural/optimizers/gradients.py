"""Gradient clipping, and which parameters have weight decay."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.neural.kernels.table_rows import sum_of_squares
from w2v.neural.parameters import ParameterTable

Floats = NDArray[np.floating[Any]]

DECAYING = ("weight", "table", "distances")
"""Arrays with weight decay, by the last part of their names; ``bias``, ``gain`` and others have none."""

_PIECE = 1 << 12
"""Squares that are added up in the dtype of the gradient."""


def clip_by_norm(gradients: list[Floats], limit: float) -> float:
    """Scale gradients in place so that their joint norm is at most `limit`.

    Returns
    -------
    float
        The norm before scaling.
    """
    norm = math.sqrt(sum(sum_of_squares(gradient.reshape(-1)) for gradient in gradients))
    if norm > limit:
        for gradient in gradients:
            gradient *= limit / norm
    return norm


def _square(flat: Floats) -> float:
    """Return the sum of squares of a flat array.

    The squares of a piece are added up in the array's own dtype, which is five times as fast as in float64; the pieces
    are short enough that nothing is lost. Squares that float32 cannot hold are added up in float64.
    """
    end = flat.size // _PIECE * _PIECE
    pieces, rest = flat[:end].reshape(-1, _PIECE), flat[end:]
    with np.errstate(over="ignore"):
        squares = np.einsum("ij,ij->i", pieces, pieces)
    if not np.isfinite(squares).all():
        squares, rest = squares[:0], flat
    return float(squares.sum(dtype=np.float64)) + float(np.einsum("i,i->", rest, rest, dtype=np.float64))


def weight_decays(parameters: ParameterTable, weight_decay: float) -> ParameterTable:
    """Return the decay of each parameter: `weight_decay` for matrices and tables, 0 for biases and gains.

    The last part of an array's name determines its kind.
    """
    decays = parameters.zeros_like()
    for name, array in decays.items():
        if name.rsplit(".", 1)[-1] in DECAYING:
            array[...] = weight_decay
    return decays
