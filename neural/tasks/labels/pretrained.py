"""Layers pretrained on unlabelled text, from which a tagger or a classifier starts.

They keep their input, x = v W + b for the vector v of a word, and get additional inputs: the word's own row, its
n-grams and its shape, with randomly initialised projections. With projections initialised to zero, which would leave x
unchanged, these inputs were learned too late: with few labels, the result was worse than without pretrained layers.
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
    """Pretrained layers and their input words.

    Attributes
    ----------
    stack : StackConfig
    parameters : mapping of str to ndarray
        Those of `stack`.
    weight, bias : ndarray of shape (e, dim) and (dim,)
        The projection of word vectors to the input of the stack.
    words : Embeddings
        Vectors with e columns.
    """

    stack: StackConfig
    parameters: Mapping[str, NDArray[Any]]
    weight: NDArray[np.float32]
    bias: NDArray[np.float32]
    words: Embeddings


class HasLayers(Protocol):
    """An object that taggers and classifiers can start from, such as a `SentenceEncoder`."""

    def pretrained_layers(self) -> PretrainedLayers:
        """Return the layers; ValueError if there are none, or they do not read words."""
        ...


class Start(NamedTuple):
    """The starting point of a training: the given vectors, and optionally pretrained layers."""

    given: GivenVectors
    layers: PretrainedLayers | None = None

    @property
    def metadata(self) -> dict[str, Any]:
        """The metadata to save with the model."""
        return {} if self.layers is None else {"start": {"layers": self.layers.stack.layers, "words": self.given.known}}

    def initialise(self, config: Any, seed: int) -> ParameterTable:
        """Return the initial parameters of a network with `inputs` and an `encoder`."""
        table = ParameterTable.initialise(config.tensors(), seed)
        if self.layers is not None:
            place_layers(table, config.inputs, self.layers, self.given.scale)
        return table


def opened_layers(start: HasLayers | str | os.PathLike[str] | None, vectors: object) -> PretrainedLayers | None:
    """Return the layers of an encoder, given as such or as a folder; None without one.

    Raises
    ------
    TypeError
        If it has no layers.
    ValueError
        If word vectors are given as well: the layers have their own.
    ModelError
        If the folder is not an encoder.
    """
    if start is None:
        return None
    if isinstance(start, (str, os.PathLike)):
        start = w2v.SentenceEncoder.load(start)  # through the public name, because `neural` must not import `encoder`
    if not hasattr(start, "pretrained_layers"):
        raise TypeError(f"start must be a SentenceEncoder with a network, or its folder, not a {type(start).__name__}")
    if vectors is not None:
        raise ValueError("vectors cannot be combined with start: its layers need their own word vectors")
    return start.pretrained_layers()


def start_of(layers: PretrainedLayers | None, vectors: Any, words: Iterable[str], most: int) -> Start:
    """Return the starting point of a training: layers with their vectors, or given vectors, or neither.

    Parameters
    ----------
    layers : PretrainedLayers or None
    vectors : Embeddings, path-like or None
    words : iterable of str
        The words of the training.
    most : int
        Maximum number of further words of the vectors to keep.

    Raises
    ------
    ValueError
        If the layers know none of the words.
    """
    given = given_vectors(vectors if layers is None else layers.words, words, most)
    if layers is not None and not given.known:
        raise ValueError(
            "the layers to start from know none of the words: start from layers trained on text in this language"
        )
    return Start(given, layers)


def place_layers(table: ParameterTable, inputs: InputConfig, layers: PretrainedLayers, scale: float) -> None:
    """Overwrite the stack of a network and the projection of vectors, which were divided by `scale`."""
    for name, array in within("encoder", layers.parameters).items():
        table[name][...] = array
    table["inputs.projection.weight"][inputs.borders[-2] :] = layers.weight * np.float32(scale)
    table["inputs.projection.bias"][...] = layers.bias
