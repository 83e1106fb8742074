"""An image classifier behind its page: labels of pictures, and attention."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.explorer.guard import MOST_BODY_BYTES
from w2v.explorer.labelled import MOST_LABELS, architecture_of, described_examples
from w2v.explorer.texts import Loaded, rounded
from w2v.neural.tasks.images.classifier import ImageClassifier
from w2v.neural.tasks.images.folder import IMAGE_CLASSIFIERS

_WHITE = 255.0


class ExploredPictures(Loaded):
    """Answers the requests of the page on pictures."""

    questions = {  # noqa: RUF012
        "look": ({}, {"pixels": "text", "example": "whole number", "layer": "whole number or null"}),
        "examples": ({}, {}),
    }

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._classifier = ImageClassifier.load(path)
        config = self._classifier.network_.config
        self._shape = config.height, config.width, config.channels
        self.most_bytes = max(MOST_BODY_BYTES, 2 * int(np.prod(self._shape)))

    def describe(self) -> dict[str, Any]:
        """Return the description of the classifier for the page."""
        network = self._classifier.network_
        config, (height, width, channels) = network.config, self._shape
        return {
            "name": self.path.resolve().name,
            "kind": "image classifier",
            "facts": f"{config.n_classes:,} labels · pictures of {width} × {height} × {channels}, "
            f"{config.grid.n_patches:,} patches · {architecture_of(network)}, "
            f"{network.parameters.n_parameters:,} parameters",
            "height": height,
            "width": width,
            "channels": channels,
            "patch": config.patch,
            "layers": config.encoder.layers if config.encoder.mixer == "attention" else 0,
            "pooling": config.pooling,
            "limits": {},
        }

    def look(self, pixels: str | None = None, example: int | None = None, layer: int | None = None) -> dict[str, Any]:
        """Return the most probable labels of a picture, and the attention of the network.

        Parameters
        ----------
        pixels : str, optional
            Bytes from black to white, row by row, channels last, in base64.
        example : int, optional
            Number of a stored picture, from 0, in place of pixels.
        layer : int, optional
            Layer of the attention, from 1; by default the last.

        Returns
        -------
        dict
            ``labels``, each with ``label`` and ``probability``; ``attention``, the weight of each patch, row by row:
            the mean of the heads, then each head; empty if there is no attention.

        Raises
        ------
        ValueError
            If the pixels are invalid, or there is no such picture or layer.
        """
        picture = self._picture(pixels, example)
        classifier = self._classifier
        [p] = classifier.predict_proba(picture, workers=1)
        order = np.argsort(-p, kind="stable")[:MOST_LABELS].tolist()
        maps: NDArray[Any] = np.empty((0, 0, 0))
        if classifier.network_.config.encoder.mixer == "attention":
            [heads] = classifier.attention(picture, layer=layer)
            maps = np.concatenate([heads.mean(axis=0, keepdims=True), heads])
        return {
            "labels": [{"label": str(classifier.classes_[k]), "probability": rounded(float(p[k]))} for k in order],
            "attention": [[[rounded(float(x)) for x in row] for row in one] for one in maps],
        }

    def examples(self) -> dict[str, Any]:
        """Return the stored held-out pictures, mistakes first, in the format of `look`."""
        pictures = iter(self._shown(self._classifier.examples_.pixels))

        def shown(one: dict[str, Any]) -> dict[str, Any]:
            names = {"labels": str(one["label"]), "answer": str(one["answer"])}
            pixels = base64.b64encode(next(pictures).tobytes()).decode()
            return {"pixels": pixels, **names, "probability": rounded(one["probability"])}

        return described_examples(self._classifier.network_, shown)

    def _picture(self, pixels: str | None, example: int | None) -> NDArray[Any]:
        """Return one picture as the classifier reads it, shape (1, H, W, C)."""
        if (pixels is None) == (example is None):
            raise ValueError("the request needs either pixels or the number of an example")
        if pixels is None:
            kept = self._classifier.examples_.pixels
            if example is None or not 0 <= example < len(kept):
                raise ValueError(f"there is no example {example}, only {len(kept)} examples from 0")
            return kept[example : example + 1]
        try:
            given = np.frombuffer(base64.b64decode(pixels, validate=True), np.uint8)
        except (binascii.Error, ValueError) as error:
            raise ValueError("pixels must be bytes in base64") from error
        n = int(np.prod(self._shape))
        if given.size != n:
            raise ValueError(f"a picture must have {n:,} values here, but this one has {given.size:,}")
        top = float(self._classifier.network_.metadata["pixels"]["top"])
        picture = given.reshape(1, *self._shape)
        return picture if top == _WHITE else picture.astype(np.float32) * np.float32(top / _WHITE)

    def _shown(self, pixels: NDArray[Any]) -> NDArray[np.uint8]:
        """Return pictures from black to white in bytes."""
        if pixels.dtype == np.uint8:
            return pixels
        top = float(self._classifier.network_.metadata["pixels"]["top"])
        return np.clip(np.rint(pixels.astype(np.float64) * (_WHITE / top)), 0, _WHITE).astype(np.uint8)


OPENERS: dict[str, Callable[[str | os.PathLike[str]], Loaded]] = {IMAGE_CLASSIFIERS.name: ExploredPictures}
"""The class that opens each kind of model folder."""
