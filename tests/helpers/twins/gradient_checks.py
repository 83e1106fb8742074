"""Exact gradients compared with central differences, in float64."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
STEP = 6e-6
TOLERANCE = 1e-7


def difference_quotient(value: Callable[[], float], array: Array) -> Array:
    """Return the derivative of `value` with respect to every element of `array`, which `value` reads."""
    quotient = np.empty(array.shape)
    for i in np.ndindex(*array.shape):
        before = array[i]
        array[i] = before + STEP
        above = value()
        array[i] = before - STEP
        quotient[i] = (above - value()) / (2 * STEP)
        array[i] = before
    return quotient


def assert_gradients(
    value: Callable[[], float], arrays: Mapping[str, Array], gradients: Mapping[str, Array], zero: tuple[str, ...] = ()
) -> None:
    """Check the gradient of each array; exactly those named in `zero` must vanish."""
    assert set(gradients) == set(arrays)
    scale = max(float(np.linalg.norm(gradient)) for gradient in gradients.values())
    for name, array in arrays.items():
        assert array.dtype == np.float64 and gradients[name].shape == array.shape, name
        expected = difference_quotient(value, array)
        norm = float(np.linalg.norm(expected))
        if name.endswith(zero) and zero:
            assert np.linalg.norm(gradients[name]) < TOLERANCE * scale and norm < 1e-6 * scale, name
        else:
            assert norm > 1e-6, f"{name}: nothing depends on it"
            assert np.linalg.norm(gradients[name] - expected) < TOLERANCE * max(norm, 1e-2 * scale), name


def assert_directions(
    value: Callable[[], float],
    arrays: Mapping[str, Array],
    gradients: Mapping[str, Array],
    rng: np.random.Generator,
    zero: tuple[str, ...] = (),
) -> None:
    """Check each array's gradient along one random direction, where checking every element would take too long."""
    scale = max(float(np.linalg.norm(gradient)) for gradient in gradients.values())
    for name, array in arrays.items():
        direction = rng.standard_normal(array.shape)
        direction /= np.linalg.norm(direction)
        before = array.copy()
        array += STEP * direction
        above = value()
        array[...] = before - STEP * direction
        below = value()
        array[...] = before
        size = float(np.linalg.norm(gradients[name]))
        if name.endswith(zero) and zero:
            assert size < 1e-9 * scale, name
        else:
            assert size > 1e-9 * scale, f"{name}: no gradient"
            quotient = (above - below) / (2 * STEP)
            assert abs(quotient - np.sum(gradients[name] * direction)) < 3e-6 * max(size, 1e-3 * scale), name
