"""What is done to gradients before a step, and which parameters decay."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.neural.kernels.table_rows import sum_of_squares
from w2v.neural.parameters import ParameterTable

Floats = NDArray[np.floating[Any]]

DECAYING = ("weight", "table", "distances")
"""Arrays that weight decay is for, by the last part of their names; not ``bias``, ``gain`` and others."""


def clip_by_norm(gradients: list[Floats], limit: float) -> float:
    """Scale gradients, in place, so that their joint length is at most `limit`.

    Returns
    -------
    float
        The length before.
    """
    norm = math.sqrt(sum(sum_of_squares(gradient.reshape(-1)) for gradient in gradients))
    if norm > limit:
        for gradient in gradients:
            gradient *= limit / norm
    return norm


def weight_decays(parameters: ParameterTable, weight_decay: float) -> ParameterTable:
    """Return the decay of each parameter: `weight_decay` for matrices and tables, none for biases and gains.

    What an array is, the last part of its name says.
    """
    decays = parameters.zeros_like()
    for name, array in decays.items():
        if name.rsplit(".", 1)[-1] in DECAYING:
            array[...] = weight_decay
    return decays
