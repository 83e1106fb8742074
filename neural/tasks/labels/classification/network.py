"""Text classifiers with layers: word embeddings, a stack of blocks over the whole text, and its pooled hidden states.

::

    x = inputs of words      h = stack(x)      s = pooled h      z = dropout(s) W + b      p = softmax(z) or sigmoid(z)

With several poolings, s is the concatenation of their results.

Every text ends with the same special token, so no text is empty.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.neural.layers import dropout, linear, pooling
from w2v.neural.models import Losses, Regularisation
from w2v.neural.names import TEXT_POOLINGS
from w2v.neural.packing import add_parts, divide, in_threads
from w2v.neural.parameters import ParameterTable, Tensor, add, scope, within
from w2v.neural.tasks.labels import reading
from w2v.neural.tasks.labels.reading import Dropped, ReadingConfig
from w2v.neural.tasks.labels.words import Lexicon, Tokens

Floats = NDArray[Any]

_POOLED_PLACE = 1 << 21


@dataclass(frozen=True)
class LayeredConfig(ReadingConfig):
    """The configuration of the network.

    Attributes
    ----------
    inputs : InputConfig
        Must have no given columns.
    encoder : StackConfig
    n_classes : int
    one_of_many : bool
        Use softmax over the classes; otherwise a sigmoid for each.
    pooling : {"mean", "first", "max", "max+mean"}

    Raises
    ------
    ValueError
        If the values are inconsistent.
    """

    n_classes: int
    one_of_many: bool = True
    pooling: str = "max"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.inputs.columns:
            raise ValueError("texts must have no given columns")
        if type(self.n_classes) is not int or not 1 <= self.n_classes < 1 << 31 or self.pooling not in TEXT_POOLINGS:
            raise ValueError(f"there must be at least one class, and pooling must be one of {', '.join(TEXT_POOLINGS)}")

    @property
    def poolings(self) -> list[str]:
        """The poolings that are concatenated."""
        return self.pooling.split("+")

    def tensors(self) -> dict[str, Tensor]:
        """Return the shape and initialisation of every array."""
        width = len(self.poolings) * self.encoder.dim
        return {**super().tensors(), **within("output", linear.tensors(width, self.n_classes))}


class TextBatch(NamedTuple):
    """Inputs and targets of a classifier.

    Attributes
    ----------
    lexicon : Lexicon
        Contains the words that `tokens` refers to.
    tokens : Tokens
    wanted : ndarray of shape (B, K), bool
        The classes of each text.
    weights : ndarray of shape (K,), float32
        Weight of each class in the training loss.
    """

    lexicon: Lexicon
    tokens: Tokens
    wanted: NDArray[np.bool_]
    weights: NDArray[np.float32]

    @property
    def n_tokens(self) -> int:
        """B: each text has one loss."""
        return len(self.wanted)

    def take(self, which: NDArray[np.int64]) -> TextBatch:
        """Return some of the texts, in the order of `which`."""
        return self._replace(tokens=self.tokens.take(which), wanted=self.wanted[which])

    def parts(self, n: int) -> list[_Part]:
        """Split the batch into parts with about equally many words."""
        return [
            _Part(
                self._replace(tokens=self.tokens.part(first, last), wanted=self.wanted[first:last]),
                int(self.tokens.offsets[first]),
                first,
            )
            for first, last in divide(self.tokens.offsets, n)
        ]

    def in_parts(self, least: int, most_tokens: int) -> list[_Part]:
        """Split the batch into at least `least` parts, each of at most about `most_tokens` words."""
        return self.parts(max(least, -(-len(self.tokens.ids) // most_tokens)))


class _Part(NamedTuple):
    """Some texts of a batch, with the indices of their first token and first text in it."""

    batch: TextBatch
    first_row: int
    first_text: int


def logits(
    config: LayeredConfig, parameters: Mapping[str, Floats], batch: TextBatch, workers: int = 1, most_tokens: int = 1024
) -> Floats:
    """Return the logits of all texts, shape (B, K), without dropout; they do not depend on threads or parts."""
    parts = batch.in_parts(workers, most_tokens)
    found = np.empty((batch.n_tokens, config.n_classes), parameters["output.bias"].dtype)

    def work(worker: int) -> None:
        for own, _, first in parts[worker::workers]:
            h, _ = reading.forward(config, parameters, own.lexicon, own.tokens)
            pooled, _ = _pool(config, h, own.tokens.offsets)
            found[first : first + own.n_tokens] = linear.forward(scope(parameters, "output"), pooled)[0]

    in_threads(work, min(workers, len(parts)))
    return found


def token_losses(
    config: LayeredConfig,
    parameters: Mapping[str, Floats],
    batch: TextBatch,
    *,
    workers: int = 1,
    most_tokens: int = 1024,
) -> Floats:
    """Return the loss of every text without dropout, shape (B,)."""
    z = logits(config, parameters, batch, workers, most_tokens)
    return class_losses(z, batch.wanted, batch.weights, 0.0, one_of_many=config.one_of_many)[0]


def add_gradients(
    config: LayeredConfig,
    parameters: ParameterTable,
    batch: TextBatch,
    totals: Sequence[ParameterTable],
    *,
    regularisation: Regularisation,
    seed: int,
    scale: float,
    most_tokens: int = 1 << 30,
) -> Losses:
    """Add the gradients of scale · Σ loss to totals[0]; see `w2v.neural.models.add_gradients`."""

    def add_part(part: _Part, total: ParameterTable) -> tuple[float, float]:
        return _add_gradients(config, parameters, part, total, regularisation, seed, scale)

    return Losses(*add_parts(batch.in_parts(len(totals), most_tokens), totals, add_part))


def _add_gradients(
    config: LayeredConfig,
    parameters: Mapping[str, Floats],
    part: _Part,
    total: Mapping[str, Floats],
    regularisation: Regularisation,
    seed: int,
    scale: float,
) -> tuple[float, float]:
    batch, first, first_text = part
    output, dropped = scope(parameters, "output"), Dropped.of(regularisation, seed, first)
    h, read = reading.forward(config, parameters, batch.lexicon, batch.tokens, dropped)
    pooled, pools = _pool(config, h, batch.tokens.offsets)
    mask = dropped.states._replace(first_row=first_text).mask(_POOLED_PLACE)
    z, told = linear.forward(output, dropout.forward(pooled, mask))
    plain, smoothed, dz = class_losses(
        z, batch.wanted, batch.weights, regularisation.smoothing, one_of_many=config.one_of_many
    )
    dz *= scale
    dpooled, gradients = linear.backward(output, dz, told)
    add(total, within("output", gradients))
    parts = np.split(dropout.backward(dpooled, mask), len(pools), axis=1)
    each = [pooling.backward(np.ascontiguousarray(own), cache) for own, cache in zip(parts, pools, strict=True)]
    reading.backward(config, parameters, np.add.reduce(each), read, total)
    return float(smoothed.sum(dtype=np.float64)), float(plain.sum(dtype=np.float64))


def _pool(config: LayeredConfig, h: Floats, offsets: NDArray[np.int64]) -> tuple[Floats, list[pooling.Cache]]:
    """Return the pooled hidden states of texts, shape (B, width), and each pooling's cache for the backward pass."""
    every = [pooling.forward(h, offsets, kind) for kind in config.poolings]
    return np.concatenate([vectors for vectors, _ in every], axis=1), [cache for _, cache in every]


def class_losses(
    z: Floats, wanted: NDArray[np.bool_], weights: NDArray[Any], smoothing: float, *, one_of_many: bool
) -> tuple[Floats, Floats, Floats]:
    """Return the plain and the smoothed, weighted losses of texts, shape (B,), and the gradient of the latter, (B, K).

    Label smoothing is over all classes, or, if each class is decided independently, over yes and no.
    """
    low = -np.log1p(np.exp(-np.abs(z)))  # log sigmoid(|z|)
    if one_of_many:
        top = z.max(axis=1, keepdims=True)
        log_p = z - top - np.log(np.exp(z - top).sum(axis=1, keepdims=True))
        target = ((1 - smoothing) * wanted + smoothing / z.shape[1]).astype(z.dtype)
        weight = (wanted @ weights.astype(z.dtype))[:, None]
        plain, smoothed = -(wanted * log_p).sum(axis=1), -(target * log_p).sum(axis=1) * weight[:, 0]
        return plain, smoothed, (np.exp(log_p) - target) * weight
    log_yes, log_no = np.minimum(z, 0) + low, np.minimum(-z, 0) + low
    target = ((1 - smoothing) * wanted + smoothing / 2).astype(z.dtype)
    weight = weights.astype(z.dtype)
    plain = -np.where(wanted, log_yes, log_no).sum(axis=1)
    smoothed = -(weight * (target * log_yes + (1 - target) * log_no)).sum(axis=1)
    return plain, smoothed, weight * (np.exp(log_yes) - target)


def smallest(config: LayeredConfig) -> tuple[LayeredConfig, TextBatch]:
    """Return the smallest classifier of a kind, and a batch for it; see `w2v.neural.models.smallest`."""
    small, lexicon, tokens = reading.smallest(config, 2)
    wanted = np.arange(config.n_classes)[None] == 0
    return small, TextBatch(lexicon, tokens, wanted, np.ones(config.n_classes, np.float32))
