"""Initial values of a training other than random ones.

Embedding tables may start from word vectors, which know the words of a language before training; layers may start from
pretrained layers.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.units import Units
from w2v.neural.stack import StackConfig
from w2v.neural.tasks.parameters import SharedParameters
from w2v.vectors.embeddings import Embeddings

_P = TypeVar("_P", bound=SharedParameters)


def open_vectors(given: Any) -> Embeddings:
    """Return word vectors, given as such or as a model folder; TypeError for anything else."""
    embeddings = Embeddings.load(given) if isinstance(given, (str, os.PathLike)) else given
    if not isinstance(embeddings, Embeddings):
        raise TypeError(f"word vectors must be Embeddings, or their folder, not {type(given).__name__}")
    return embeddings


def start_from_words(table: NDArray[np.float32], units: Units, given: Any) -> int:
    """Overwrite the rows of units that are words with their word vectors, scaled to the table's mean length.

    Parameters
    ----------
    table : ndarray of shape (V, d), float32
    units : Units
    given : Embeddings, str or path-like
        Word vectors, or their model folder.

    Returns
    -------
    int
        Number of rows overwritten.

    Raises
    ------
    TypeError
        If `given` has the wrong type.
    ValueError
        If the vectors have another width, or none of the units is one of their words.
    ModelError
        If the folder cannot be read.
    """
    embeddings = open_vectors(given)
    if embeddings.vector_size != table.shape[1]:
        raise ValueError(
            f"the word vectors have {embeddings.vector_size} columns, but the network's dim is {table.shape[1]}: train "
            f"vectors of that size, or a network of dim {embeddings.vector_size}"
        )
    rows, found = [], []
    for row, piece in enumerate(units.pieces):
        word = piece.strip()
        for spelling in dict.fromkeys((word, word.lower())):
            if spelling and spelling in embeddings:
                rows.append(row)
                found.append(embeddings[spelling])
                break
    if not rows:
        raise ValueError("none of the units has a word vector; are the vectors of the same language?")
    vectors = np.asarray(found, np.float32)
    vectors *= np.sqrt(np.square(table).mean() / max(float(np.square(vectors).mean()), 1e-12))
    table[rows] = vectors
    return len(rows)


def followed(parameters: _P, stack: StackConfig) -> _P:
    """Return parameters that match a stack: those at their defaults take its values.

    Raises
    ------
    ValueError
        If another parameter contradicts the stack.
    """
    own = described(stack)
    defaults = {one.name: one.default for one in fields(parameters)}
    check_same({name: getattr(parameters, name) for name in own}, own, defaults)
    return replace(parameters, **own)


def described(stack: StackConfig) -> dict[str, Any]:
    """Return the parameters of a stack."""
    return {
        "architecture": stack.mixer, "window": stack.window, "layers": stack.layers, "heads": stack.heads,
        "dim": stack.dim, "feed_forward": stack.d_ff / stack.dim, "positions": stack.positions, "norm": stack.norm,
        "activation": stack.activation,
    }  # fmt: skip


def check_same(given: Mapping[str, Any], own: Mapping[str, Any], defaults: Mapping[str, Any]) -> None:
    """Raise ValueError for parameters that are neither at their defaults nor those of the layers to start from."""
    wrong = [name for name, value in given.items() if value not in (defaults.get(name, own[name]), own[name])]
    if wrong:
        has, asked = (", ".join(f"{name} {values[name]}" for name in wrong) for values in (own, given))
        raise ValueError(
            f"the layers to start from were trained with {has}, not {asked}: leave {' and '.join(wrong)} out, or train "
            "other layers"
        )
