"""Layers that text without labels has trained, as a start for those of a tagger or a classifier.

They read what they read before, x = v W + b of the vector v of a word, and what a network of labels reads besides: the
word's own row, its n-grams and its shape, mapped as chance draws it. Mapped to zero at first, which would leave x as it
was, these learned too late: with few labels the result was worse than without layers to start from.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

import w2v
from w2v.neural.parameters import ParameterTable, within
from w2v.neural.stack import StackConfig
from w2v.neural.tasks.labels.inputs import InputConfig
from w2v.neural.tasks.labels.words import GivenVectors, given_vectors
from w2v.vectors.embeddings import Embeddings


class PretrainedLayers(NamedTuple):
    """Layers, and the words that they read.

    Attributes
    ----------
    stack : StackConfig
    parameters : mapping of str to ndarray
        Those of `stack`.
    weight, bias : ndarray of shape (e, dim) and (dim,)
        How the vectors of words become what the stack reads.
    words : Embeddings
        Vectors of e columns.
    """

    stack: StackConfig
    parameters: Mapping[str, NDArray[Any]]
    weight: NDArray[np.float32]
    bias: NDArray[np.float32]
    words: Embeddings


class HasLayers(Protocol):
    """What taggers and classifiers can start from, such as a `SentenceEncoder`."""

    def pretrained_layers(self) -> PretrainedLayers:
        """Return the layers; ValueError if there are none, or they do not read words."""
        ...


class Start(NamedTuple):
    """What a training of labels starts from: the vectors that it reads as they are, and perhaps layers."""

    given: GivenVectors
    layers: PretrainedLayers | None = None

    @property
    def metadata(self) -> dict[str, Any]:
        """What is kept with the model."""
        return {} if self.layers is None else {"start": {"layers": self.layers.stack.layers, "words": self.given.known}}

    def initialise(self, config: Any, seed: int) -> ParameterTable:
        """Return the parameters that training starts from, of a network with `inputs` and an `encoder`."""
        table = ParameterTable.initialise(config.tensors(), seed)
        if self.layers is not None:
            place_layers(table, config.inputs, self.layers, self.given.scale)
        return table


def opened_layers(start: HasLayers | str | os.PathLike[str] | None, vectors: object) -> PretrainedLayers | None:
    """Return the layers of what is to be started from, an encoder or its folder, if there is any.

    Raises
    ------
    TypeError
        If it has none.
    ValueError
        If there are word vectors besides: the layers read their own.
    ModelError
        If the folder holds no encoder.
    """
    if start is None:
        return None
    if isinstance(start, (str, os.PathLike)):
        start = w2v.SentenceEncoder.load(start)  # by the name that users know: networks know nothing of encoders
    if not hasattr(start, "pretrained_layers"):
        raise TypeError(f"start must be a SentenceEncoder with a network, or its folder, not a {type(start).__name__}")
    if vectors is not None:
        raise ValueError("vectors are not for a start: its layers read the word vectors that they were trained with")
    return start.pretrained_layers()


def start_of(layers: PretrainedLayers | None, vectors: Any, words: Iterable[str], most: int) -> Start:
    """Return what training starts from: layers with their vectors, or given vectors, or nothing.

    Parameters
    ----------
    layers : PretrainedLayers or None
    vectors : Embeddings, path-like or None
    words : iterable of str
        Those of the training.
    most : int
        Of the other words of the vectors, how many are kept.

    Raises
    ------
    ValueError
        If the layers know none of the words.
    """
    given = given_vectors(vectors if layers is None else layers.words, words, most)
    if layers is not None and not given.known:
        raise ValueError(
            "the layers to start from know none of the words: start from layers that were trained on text of this "
            "language"
        )
    return Start(given, layers)


def place_layers(table: ParameterTable, inputs: InputConfig, layers: PretrainedLayers, scale: float) -> None:
    """Overwrite the stack of a network, and how vectors come there, which were divided by `scale`."""
    for name, array in within("encoder", layers.parameters).items():
        table[name][...] = array
    table["inputs.projection.weight"][inputs.borders[-2] :] = layers.weight * np.float32(scale)
    table["inputs.projection.bias"][...] = layers.bias
