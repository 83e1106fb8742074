"""Gradient clipping, and which parameters have weight decay."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.neural.parameters import ParameterTable

Floats = NDArray[np.floating[Any]]

DECAYING = ("weight", "table", "distances")
"""Arrays with weight decay, by the last part of their names; ``bias``, ``gain`` and others have none."""


def clip_by_norm(gradients: list[Floats], limit: float) -> float:
    """Scale gradients in place so that their joint norm is at most `limit`.

    Returns
    -------
    float
        The norm before scaling.
    """
    norm = math.sqrt(sum(float(np.einsum("i,i->", g.reshape(-1), g.reshape(-1), dtype=np.float64)) for g in gradients))
    if norm > limit:
        for gradient in gradients:
            gradient *= limit / norm
    return norm


def weight_decays(parameters: ParameterTable, weight_decay: float) -> ParameterTable:
    """Return the decay of each parameter: `weight_decay` for matrices and tables, 0 for biases and gains.

    The last part of an array's name determines its kind.
    """
    decays = parameters.zeros_like()
    for name, array in decays.items():
        if name.rsplit(".", 1)[-1] in DECAYING:
            array[...] = weight_decay
    return decays
