"""Training and held-out pictures of a classifier."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.images import Pictures, as_labels, as_pictures, read_pictures
from w2v.neural.kernels.patches import Scale
from w2v.neural.tasks.dividing import stratified
from w2v.neural.tasks.images.parameters import ImageParameters

_MOST_HELD_OUT = 2000
_WHITE = 255.0


@dataclass(frozen=True, eq=False)
class PictureData:
    """Training and held-out pictures.

    Attributes
    ----------
    pixels : ndarray of shape (N, H, W, C)
        All pictures.
    wanted : ndarray of shape (N,), int64
        The class of each picture.
    classes : list
        Sorted labels in JSON types.
    trained, held_out : ndarray, int64
        Indices of pictures.
    files, validation_files : list of str, or None
        Their files.
    """

    pixels: NDArray[Any]
    wanted: NDArray[np.int64]
    classes: list[Any]
    trained: NDArray[np.int64]
    held_out: NDArray[np.int64]
    files: list[str] | None
    validation_files: list[str] | None

    @classmethod
    def of(cls, pictures: Pictures, validation: Pictures | None, parameters: ImageParameters, seed: int) -> PictureData:
        """Return the divided pictures; ValueError if there are too few, or only one class."""
        labels = _labels_of(pictures)
        classes, wanted = np.unique(labels, return_inverse=True)
        if len(classes) < 2:
            raise ValueError(
                f"all {len(labels):,} pictures have the label {classes[0]!s:.80}: a classifier needs at least two "
                "classes, and got 1 class"
            )
        if validation is None:
            trained, apart = _split(wanted, parameters.held_out, seed)
            pixels, files = pictures.pixels, None
        else:
            _check_same_shape(validation.pixels, pictures.pixels.shape[1:])
            own = _labels_of(validation)
            found = np.zeros(len(own), np.int64)
            unknown = np.arange(len(own))
            if (own.dtype.kind == "U") == (classes.dtype.kind == "U"):
                found = np.searchsorted(classes, own).clip(max=len(classes) - 1)
                unknown = np.flatnonzero(classes[found] != own)
            if len(unknown):
                raise ValueError(f"a validation picture has the label {own[unknown[0]]!s:.80}, but no training picture")
            pixels = np.concatenate([pictures.pixels, validation.pixels])
            trained, apart = np.arange(len(labels)), np.arange(len(labels), len(pixels))
            wanted, files = np.concatenate([wanted, found]), validation.files
        names = [label.item() for label in classes]
        return cls(pixels, wanted.astype(np.int64), names, trained, apart, pictures.files, files)

    def scale(self) -> Scale:
        """Return the scale that gives the training pixels mean 0 and deviation 1 in each channel."""
        n = float(len(self.trained) * self.pixels.shape[1] * self.pixels.shape[2])
        total, squares = np.zeros((2, self.pixels.shape[3]))
        for first in range(0, len(self.trained), 1024):
            part = self.pixels[self.trained[first : first + 1024]].astype(np.float64)
            total += part.sum(axis=(0, 1, 2))
            squares += np.square(part).sum(axis=(0, 1, 2))
        mean = total / n
        deviation = np.sqrt(np.maximum(squares / n - mean**2, 0))
        return scale_of(
            mean.tolist(), np.where(deviation > 1e-6 * np.abs(mean).max(initial=1e-6), deviation, 1).tolist()
        )

    def top(self) -> float:
        """Return the value of white: 255 for eight bits, else the largest value."""
        return _WHITE if self.pixels.dtype == np.uint8 else max(float(self.pixels[self.trained].max()), 1e-6)


def scale_of(mean: Sequence[float], deviation: Sequence[float]) -> Scale:
    """Return the scale for a mean and a deviation of each channel."""
    return Scale(np.array(mean, np.float32), (1 / np.array(deviation)).astype(np.float32))


def described_pixels(data: PictureData, scaled: bool) -> dict[str, Any]:
    """Return the folder's description of pixels; `scaled` says whether pictures were scaled to this size."""
    scale = data.scale()
    return {
        "mean": [float(value) for value in scale.mean],
        "deviation": [float(1 / np.float64(value)) for value in scale.inverse],
        "top": data.top(),
        "scaled": scaled,
    }


def pictures_of(
    given: Any, y: Any, image_shape: tuple[int, ...] | None, *, size: tuple[int, int] | None = None,
    channels: int | None = None, top: float = _WHITE,
) -> Pictures:  # fmt: skip
    """Return pictures from the input of estimators: arrays, `Pictures`, or files that `read_pictures` reads.

    Pixels of files are scaled to the range from 0 to `top`.
    """
    if isinstance(given, Pictures):
        pictures = given
    elif is_source(given):
        pictures = read_pictures(given, size=size, channels=channels)
        if top != _WHITE and pictures.pixels.dtype == np.uint8:
            pixels = pictures.pixels.astype(np.float32) * np.float32(top / _WHITE)
            pictures = Pictures(pixels, pictures.labels, pictures.names, pictures.files)
    else:
        pixels = as_pictures(given, image_shape)
        pictures = Pictures(pixels, None, range_names(len(pixels)))
    if y is None:
        return pictures
    return Pictures(pictures.pixels, as_labels(y, len(pictures)), pictures.names, pictures.files)


def range_names(n: int) -> list[str]:
    """Return default names for pictures without names."""
    return [f"picture {i}" for i in range(n)]


def is_source(given: Any) -> bool:
    """Return whether pictures are given by file names."""
    names = [given] if isinstance(given, (str, os.PathLike)) else given
    return isinstance(names, (list, tuple)) and bool(names) and all(isinstance(x, (str, os.PathLike)) for x in names)


def comparable(labels: NDArray[Any], other: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return labels that can be compared: both as text if one of them is text, as folder names are."""
    if (labels.dtype.kind == "U") == (other.dtype.kind == "U"):
        return labels, other
    return labels.astype(str), other.astype(str)


def _labels_of(pictures: Pictures) -> NDArray[Any]:
    if pictures.labels is None:
        where = "" if pictures.files is None else f"{', '.join(pictures.files)}: "
        raise ValueError(
            f"{where}the pictures have no labels; give labels: a folder for each class, an IDX file of labels, "
            "labels in the archive or, in Python, y. This classifier requires y to be passed, but the target y is None"
        )
    labels = pictures.labels
    if labels.dtype.kind == "f":
        if (labels != np.rint(labels)).any():
            raise ValueError("Unknown label type: continuous. Labels are text or whole numbers")
        return labels.astype(np.int64)
    if labels.dtype.kind not in "biuU":
        kinds = {type(label) for label in labels.tolist()}
        if kinds != {str} and not all(issubclass(kind, (int, np.integer)) for kind in kinds):
            raise ValueError("Unknown label type: labels are text or whole numbers, all of one kind")
        labels = np.array(labels.tolist())
    return labels


def _split(
    wanted: NDArray[np.integer[Any]], n_held_out: int | None, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the training pictures, and held-out pictures with the same proportions of classes."""
    n = len(wanted)
    most = n - len(np.unique(wanted))
    count = max(1, min(_MOST_HELD_OUT, n // 10)) if n_held_out is None else n_held_out
    if count > most:
        raise ValueError(
            f"{count:,} of {n:,} pictures cannot be held out, since each of the {n - most:,} classes "
            "needs one for training; give more pictures, or separate validation pictures"
        )
    return stratified(wanted, count, np.random.default_rng(seed))


def _check_same_shape(pixels: NDArray[Any], shape: tuple[int, ...]) -> None:
    if pixels.shape[1:] != tuple(shape):
        remedy = (
            "convert them all to one channel (gray) or three (color)"
            if pixels.shape[1:3] == tuple(shape[:2])
            else f"scale them, or train with size=({shape[0]}, {shape[1]}) or --size, which scales them automatically"
        )
        raise ValueError(
            f"pictures are {' × '.join(map(str, pixels.shape[1:]))}, height × width × channels, but "
            f"{' × '.join(map(str, shape))} are expected; {remedy}"
        )


def check_read(pixels: NDArray[Any], shape: tuple[int, int, int]) -> None:
    """Raise ValueError unless a trained classifier can read pictures of this shape."""
    n_features = pixels.shape[1] * pixels.shape[2] * pixels.shape[3]
    if n_features != shape[0] * shape[1] * shape[2] and pixels.shape[1] == 1:
        raise ValueError(
            f"X has {n_features} features, but ImageClassifier is expecting {shape[0] * shape[1] * shape[2]} features "
            "as input"
        )
    _check_same_shape(pixels, shape)
