"""Small pictures in every supported format."""

from __future__ import annotations

import functools
import gzip
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v import ImageClassifier

Array = NDArray[Any]


def bars(n: int = 60, seed: int = 1, side: int = 8) -> tuple[Array, Array]:
    """Return noisy pictures of a bright bar, vertical or horizontal, and their labels."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 90, (n, side, side), np.uint8)
    labels = rng.integers(0, 2, n)
    for picture, label in zip(pixels, labels, strict=True):
        at = rng.integers(1, side - 1)
        if label:
            picture[:, at] = 250
        else:
            picture[at] = 250
    return pixels, np.array(["lying", "upright"])[labels]


def write_idx(path: Path, array: Array, code: int = 8) -> Path:
    """Write an array as IDX, compressed if the file name implies it."""
    data = struct.pack(f">HBB{array.ndim}I", 0, code, array.ndim, *array.shape) + array.tobytes()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def write_folder(folder: Path, pixels: Array, labels: Array) -> Path:
    """Write PNG files, one folder for each class."""
    from PIL import Image

    for i, (picture, label) in enumerate(zip(pixels, labels, strict=True)):
        (folder / str(label)).mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(folder / str(label) / f"{i:03}.png")
    return folder


@functools.cache
def bar_classifier(architecture: str = "attention") -> ImageClassifier:
    """Return a barely trained classifier of bars, which makes mistakes; callers must not change it."""
    pixels, labels = bars(60)
    options: dict[str, Any] = {"layers": 2, "heads": 2, "dim": 8, "epochs": 1, "workers": 1, "examples": 8}
    return ImageClassifier(architecture=architecture, **options).fit(pixels, labels, validation=bars(30, seed=2))
