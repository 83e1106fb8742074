"""The folder of an image classifier and the checks on reading it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.neural.tasks.examples import warn_of
from w2v.neural.tasks.folder import FolderFormat, stack_from
from w2v.neural.tasks.images.concluding import EXAMPLES
from w2v.neural.tasks.images.network import ImageConfig
from w2v.storage.files import ModelError
from w2v.storage.json_values import from_json
from w2v.storage.tensors import read_tensors
from w2v.training.checkpoints import Kind
from w2v.vectors.model_folder import LAYOUT

IMAGE_CLASSIFIERS = Kind("image-classifier", 1, "w2v fit-images", "ImageClassifier")


def _config_from(described: Mapping[str, Any]) -> ImageConfig:
    return from_json(ImageConfig, described, encoder=stack_from(described["encoder"]))


def _read_pictures(folder: Path, config: ImageConfig, metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return the stored pictures; ModelError unless the folder contains the labels of its classes."""
    _check_metadata(folder, config, metadata)
    file = folder / f"{EXAMPLES}.safetensors"
    if not file.exists() or not (folder / LAYOUT.examples).exists():  # either may be deleted
        return {}
    try:
        return {EXAMPLES: {"pixels": _read_pixels(file, config)}}
    except ModelError as error:
        warn_of(error)
        return {}


def _read_pixels(file: Path, config: ImageConfig) -> NDArray[Any]:
    pixels = read_tensors(file).get("pixels")
    shape = (config.height, config.width, config.channels)
    if pixels is None or pixels.shape[1:] != shape or pixels.dtype not in (np.uint8, np.float32, np.float64):
        raise ModelError(f"{file} is damaged: it does not contain pictures of {' × '.join(map(str, shape))}")
    if not np.isfinite(pixels).all():
        raise ModelError(f"{file} is damaged: a pixel is not finite")
    return pixels


def _check_metadata(folder: Path, config: ImageConfig, metadata: Mapping[str, Any]) -> None:
    """Raise ModelError unless a folder contains the labels of its classes and the scale of pixels."""
    try:
        labels, pixels = metadata["labels"], metadata["pixels"]
        if not isinstance(labels, list) or len(labels) != config.n_classes:
            raise ValueError(f"the network has {config.n_classes} classes, but the number of labels differs")
        if len({type(label) for label in labels}) != 1 or type(labels[0]) not in (str, int, bool):
            raise TypeError("labels must all be text or all whole numbers")
        if any(label >= other for label, other in zip(labels, labels[1:], strict=False)):
            raise ValueError("labels are not sorted or not distinct")
        for name in ("mean", "deviation"):
            values = np.array(pixels[name], np.float64)
            if values.shape != (config.channels,) or not np.isfinite(values).all():
                raise ValueError(f"the {name} of pixels is not one number per channel")
        if not (np.array(pixels["deviation"]) > 0).all() or not 0 < float(pixels["top"]) < np.inf:
            raise ValueError("the deviation and the top of pixels must be above 0")
        if type(pixels["scaled"]) is not bool:
            raise TypeError("scaled must be true or false")
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{folder / LAYOUT.config} is damaged: {error}") from error


_EXAMPLE = {"label": object, "answer": object, "probability": float}
IMAGE_FOLDER = FolderFormat(
    IMAGE_CLASSIFIERS, (), _config_from, lambda config, units: None, further=_read_pictures, example=_EXAMPLE
)  # fmt: skip
