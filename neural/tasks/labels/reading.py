"""The common part of taggers and classifiers: word embeddings, and a stack of blocks over the whole text.

::

    x = inputs of words        h = stack(x)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from w2v.neural import stack
from w2v.neural.layers.dropout import Dropout
from w2v.neural.models import Regularisation
from w2v.neural.parameters import Tensor, scope, within
from w2v.neural.stack import StackConfig
from w2v.neural.tasks.labels import inputs
from w2v.neural.tasks.labels.inputs import InputConfig, WordDropout
from w2v.neural.tasks.labels.words import Bags, Lexicon, Tokens

Floats = NDArray[Any]

_RARE = 0.25
"""Word dropout; see `WordDropout.rare`."""


@dataclass(frozen=True)
class ReadingConfig:
    """The configuration of the input and the stack.

    Attributes
    ----------
    inputs : InputConfig
    encoder : StackConfig
        Must be neither causal nor have a memory.

    Raises
    ------
    ValueError
        If the values are inconsistent.
    """

    inputs: InputConfig
    encoder: StackConfig

    def __post_init__(self) -> None:
        if self.encoder.causal or self.encoder.memory_size is not None:
            raise ValueError("the encoder must not be causal and must have no memory")
        if self.inputs.dim != self.encoder.dim:
            raise ValueError(f"the width of the inputs must be that of the encoder, {self.encoder.dim}")

    @property
    def vocabulary_size(self) -> int:
        """Number of words with a row of their own, plus the unknown word."""
        return self.inputs.words

    def tensors(self) -> dict[str, Tensor]:
        """Return the shape and initialisation of every array."""
        return {**within("inputs", self.inputs.tensors()), **within("encoder", self.encoder.tensors())}


_C = TypeVar("_C", bound=ReadingConfig)


class Cache(NamedTuple):
    """Values that `backward` needs."""

    inputs: inputs.Cache
    encoder: stack.Cache


class Dropped(NamedTuple):
    """Dropout of a training step, for part of a batch.

    Attributes
    ----------
    words : WordDropout or None
    states : Dropout
    """

    words: WordDropout | None
    states: Dropout

    @classmethod
    def of(cls, regularisation: Regularisation, seed: int, first_row: int) -> Dropped:
        """Return the dropout for texts whose first token has the index `first_row` in the batch."""
        words = WordDropout(_RARE, regularisation.words, seed, first_row) if regularisation.words else None
        return cls(words, Dropout(regularisation.dropout, seed, first_row))


def forward(
    config: ReadingConfig,
    parameters: Mapping[str, Floats],
    lexicon: Lexicon,
    tokens: Tokens,
    dropped: Dropped | None = None,
) -> tuple[Floats, Cache]:
    """Return the hidden states of all tokens, shape (N, dim), and the values that `backward` needs."""
    words, states = (None, None) if dropped is None else dropped
    x, read = inputs.forward(config.inputs, scope(parameters, "inputs"), lexicon, tokens, words)
    h, encoded = stack.forward(config.encoder, scope(parameters, "encoder"), x, tokens.offsets, dropped=states)
    return h, Cache(read, encoded)


def backward(
    config: ReadingConfig, parameters: Mapping[str, Floats], dh: Floats, cache: Cache, total: Mapping[str, Floats]
) -> None:
    """Add the gradients of the parameters to `total`."""
    dx, _ = stack.backward(config.encoder, scope(parameters, "encoder"), dh, cache.encoder, scope(total, "encoder"))
    inputs.backward(config.inputs, scope(parameters, "inputs"), dx, cache.inputs, scope(total, "inputs"))


def smallest(config: _C, length: int) -> tuple[_C, Lexicon, Tokens]:
    """Return the smallest network of a kind, and a text of `length` words for it; see `w2v.neural.models.smallest`."""
    own = replace(config.inputs, words=2, buckets=2, given=1, columns=tuple(1 for _ in config.inputs.columns))
    small = replace(config, inputs=own, encoder=replace(config.encoder, layers=min(1, config.encoder.layers)))
    zeros, ones = np.zeros(1, np.int64), np.ones(1, np.int64)
    one = Bags(zeros, np.array([0, 1]))
    vectors = np.zeros((1, own.given_size), np.float16)
    lexicon = Lexicon(zeros, (one,) * own.spellings, one, zeros, zeros, zeros, vectors, ones)
    columns = np.zeros((length, len(own.columns)), np.int64)
    return small, lexicon, Tokens(np.zeros(length, np.int64), np.array([0, length]), columns)
