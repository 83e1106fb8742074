"""Arrays of pictures and labels, checked and converted to a common form."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_BYTES = 1 << 32
"""Most bytes of memory for the pixels of one source."""
NUMBER = "#"
"""Separates the name of a file of many pictures from the number of one of them, from 0."""


@dataclass(frozen=True, eq=False)
class Pictures:
    """Pictures of the same size.

    Attributes
    ----------
    pixels : ndarray of shape (N, H, W, C), uint8 or float32
    labels : ndarray of shape (N,), or None
        Text or integers.
    names : sequence of str
        Name of each: its file, or a file and its number there.
    files : list of str, or None
        Absolute paths of their sources, or the name of a built-in data set; None if they were in memory.
    """

    pixels: NDArray[Any]
    labels: NDArray[Any] | None
    names: Sequence[str]
    files: list[str] | None = None

    def __len__(self) -> int:
        return len(self.pixels)

    def take(self, rows: NDArray[np.integer[Any]]) -> Pictures:
        """Return the pictures with these indices, shape (n,), in the given order."""
        labels = None if self.labels is None else self.labels[rows]
        return replace(self, pixels=self.pixels[rows], labels=labels, names=[self.names[i] for i in rows.tolist()])


class Numbered(Sequence[str]):
    """The names of the pictures in one file: FILE#0, FILE#1 and so on."""

    def __init__(self, file: str, n: int) -> None:
        self._file, self._numbers = file, range(n)

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, index: Any) -> Any:
        found = self._numbers[index]
        return (
            [f"{self._file}{NUMBER}{i}" for i in found] if isinstance(found, range) else f"{self._file}{NUMBER}{found}"
        )


def as_pictures(pixels: Any, image_shape: tuple[int, ...] | None = None, name: str = "X") -> NDArray[Any]:
    """Return an array of pictures as (N, H, W, C), uint8 or float32.

    Parameters
    ----------
    pixels : array-like of shape (N, H, W), (N, H, W, C), (N, C, H, W) with one or three channels, or (N, H · W · C)
    image_shape : tuple of int, optional
        (H, W) or (H, W, C), the shape of flat pictures; by default they are square, if possible.
    name : str
        Name of the array in messages.

    Raises
    ------
    ValueError
        If there are no pictures, or a value is not finite.
    TypeError
        If it does not hold numbers.
    """
    if hasattr(pixels, "toarray"):
        raise TypeError(f"{name} is sparse; pictures need all their pixels: call toarray()")
    try:
        array = np.asarray(pixels)
        if array.dtype == object:
            array = array.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{name} is not an array of numbers of one shape ({error}); all pictures must have the same size"
        ) from error
    if array.dtype.kind == "c":
        raise ValueError(f"{name} holds complex data; pixels must be real numbers. Complex data not supported")
    if array.dtype.kind not in "buif":
        raise TypeError(f"{name} must hold numbers, not {array.dtype}")
    array = _with_channels(array, image_shape, name)
    if array.dtype == np.bool_:
        array = array.astype(np.uint8)
    if array.dtype != np.uint8:
        with np.errstate(over="ignore"):
            array = array.astype(np.float32)
        if not np.isfinite(array).all():
            raise ValueError(f"{name} holds NaN or infinity, or a value too large for float32")
    return np.ascontiguousarray(array)


def _with_channels(array: NDArray[Any], image_shape: tuple[int, ...] | None, name: str) -> NDArray[Any]:
    """Return an array with four axes."""
    if array.ndim > 1 and 0 in array.shape:
        what = "no picture, 0 sample(s)" if not array.shape[0] else "pictures of 0 feature(s)"
        raise ValueError(f"{name} holds {what} (shape={array.shape}) while a minimum of 1 is required.")
    if array.ndim == 2:
        shape = image_shape or _square(array.shape[1], name)
        if math.prod(shape) != array.shape[1]:
            sides = " × ".join(map(str, shape))
            raise ValueError(f"{name} has {array.shape[1]} features, but image_shape is {sides}, {math.prod(shape)}")
        array = array.reshape(len(array), *shape)
    if array.ndim == 3:
        array = array[..., None]
    if array.ndim != 4:
        raise ValueError(
            f"{name} must have shape (n, height, width), (n, height, width, channels) or (n, pixels), not "
            f"{array.shape}. Reshape your data"
        )
    if array.shape[3] not in (1, 3, 4) and array.shape[1] in (1, 3):
        array = array.transpose(0, 2, 3, 1)
    return array


def _square(n_pixels: int, name: str) -> tuple[int, int]:
    side = math.isqrt(n_pixels)
    return (side, side) if side * side == n_pixels else (1, n_pixels)


def as_labels(labels: Any, n_pictures: int) -> NDArray[Any]:
    """Return the labels of pictures, shape (N,); raise ValueError unless there is exactly one for each."""
    array = np.asarray(labels)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise ValueError(f"y must be a 1d array, a label for each picture, got an array of shape {array.shape} instead")
    if len(array) != n_pictures:
        raise ValueError(f"there are {n_pictures:,} pictures but {len(array):,} labels; each picture needs one label")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError("y contains NaN or infinity: a label is missing")
    return array
