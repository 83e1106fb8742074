"""Layers pretrained on unlabelled text, from which a tagger or a classifier starts.

They keep their input, x = v W + b for the vector v of a word, and get additional inputs: the word's own row, its
n-grams, its shape, and other word vectors if there are some, with randomly initialised projections. With projections
initialised to zero, which would leave x unchanged, these inputs were learned too late: with few labels, the result was
worse than without pretrained layers.

Other word vectors may know more words, or have another width. They stand before the vectors that the layers read, in
one table: a word that one of the two does not know has zeros there.
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
from w2v.neural.tasks.labels.words import GivenVectors, given_vectors, spellings
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
    """The starting point of a training: fixed vectors, and optionally pretrained layers.

    The first `width` columns of the vectors are those that were given, the others those that the layers read; their
    `scale` is that of the layers, if there are some.
    """

    given: GivenVectors
    layers: PretrainedLayers | None = None
    width: int = 0

    @property
    def metadata(self) -> dict[str, Any]:
        """The metadata to save with the model."""
        return {} if self.layers is None else {"start": {"layers": self.layers.stack.layers, "words": self.given.known}}

    def initialise(self, config: Any, seed: int) -> ParameterTable:
        """Return the initial parameters of a network with `inputs` and an `encoder`."""
        table = ParameterTable.initialise(config.tensors(), seed)
        if self.layers is not None:
            place_layers(table, config.inputs, self.layers, self.given.scale, self.width)
        return table


def opened_layers(start: HasLayers | str | os.PathLike[str] | None) -> PretrainedLayers | None:
    """Return the layers of an encoder, given as such or as a folder; None without one.

    Raises
    ------
    TypeError
        If it has no layers.
    ValueError
        If the encoder has no network, or it reads subwords.
    ModelError
        If the folder is not an encoder.
    """
    if start is None:
        return None
    if isinstance(start, (str, os.PathLike)):
        start = w2v.SentenceEncoder.load(start)  # through the public name, because `neural` must not import `encoder`
    if not hasattr(start, "pretrained_layers"):
        raise TypeError(f"start must be a SentenceEncoder with a network, or its folder, not a {type(start).__name__}")
    return start.pretrained_layers()


def start_of(layers: PretrainedLayers | None, vectors: Any, words: Iterable[str], most: int) -> Start:
    """Return the starting point of a training: given vectors, layers with the vectors that they read, or both.

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
    distinct = list(dict.fromkeys(words))
    given = given_vectors(vectors, distinct, most)
    width = given.table.shape[1]
    if layers is None:
        return Start(given, None, width)
    read = given_vectors(layers.words, distinct, most)
    if not read.known:
        raise ValueError(
            "the layers to start from know none of the words: start from layers trained on text in this language"
        )
    return Start(_side_by_side(given, read) if width else read, layers, width)


def _side_by_side(given: GivenVectors, read: GivenVectors) -> GivenVectors:
    """Return the vectors of the words of both, with zeros where one has no spelling of a word; scale from `read`."""
    words = tuple(dict.fromkeys([*given.words, *read.words]))
    parts = []
    for own in (given, read):
        rows = {word: row for row, word in enumerate(own.words, 1)}
        found = (next((rows[one] for one in spellings(word) if one in rows), 0) for word in words)
        parts.append(own.table[np.fromiter((0, *found), np.int64, len(words) + 1)])
    return GivenVectors(words, np.concatenate(parts, axis=1), read.scale, read.known)


def place_layers(
    table: ParameterTable, inputs: InputConfig, layers: PretrainedLayers, scale: float, first: int
) -> None:
    """Overwrite the stack of a network, and the projection of the vectors that it reads.

    These begin at column `first` of the given vectors and were divided by `scale`. Where a network reads the vectors of
    two spellings, the layers read the first.
    """
    for name, array in within("encoder", layers.parameters).items():
        table[name][...] = array
    rows = table["inputs.projection.weight"][inputs.borders[-2] :].reshape(inputs.spellings, inputs.given_size, -1)
    rows[0, first:] = layers.weight * np.float32(scale)
    rows[1:, first:] = 0
    table["inputs.projection.bias"][...] = layers.bias
