"""The network of a tagger: word embeddings, a stack of blocks over the whole sentence, and an output layer.

::

    x = inputs of words        h = stack(x)        z = h W + b        tags by z and the transitions of `crf`

There are two output layers: a conditional random field, and an independent softmax for each token.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.neural import stack
from w2v.neural.layers import linear
from w2v.neural.models import Losses, Regularisation
from w2v.neural.packing import add_parts, divide, in_threads, take_sequences
from w2v.neural.parameters import ParameterTable, Tensor, add, scope, within
from w2v.neural.tasks.labels import crf, reading
from w2v.neural.tasks.labels.crf import Constraints
from w2v.neural.tasks.labels.reading import Dropped, ReadingConfig
from w2v.neural.tasks.labels.words import Lexicon, Tokens

Floats = NDArray[Any]

OUTPUTS = ("crf", "softmax")


@dataclass(frozen=True)
class TaggerConfig(ReadingConfig):
    """The configuration of a tagger.

    Attributes
    ----------
    inputs : InputConfig
    encoder : StackConfig
    tags : int
    output : {"crf", "softmax"}

    Raises
    ------
    ValueError
        If the values are inconsistent.
    """

    tags: int
    output: str = "crf"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.output not in OUTPUTS or type(self.tags) is not int or not 1 <= self.tags < 1 << 20:
            raise ValueError(f"there must be at least one tag, and the output must be one of {', '.join(OUTPUTS)}")

    def tensors(self) -> dict[str, Tensor]:
        """Return the shape and initialisation of every array."""
        return {
            **super().tensors(),
            **within("output", linear.tensors(self.encoder.dim, self.tags)),
            **(within("crf", crf.tensors(self.tags)) if self.output == "crf" else {}),
        }


class TagBatch(NamedTuple):
    """Inputs and targets of a tagger.

    Attributes
    ----------
    lexicon : Lexicon
        Contains the words that `tokens` refers to.
    tokens : Tokens
    wanted : ndarray of shape (N,), int64
        The tag of each token.
    constraints : Constraints
    """

    lexicon: Lexicon
    tokens: Tokens
    wanted: NDArray[np.int64]
    constraints: Constraints

    @property
    def n_tokens(self) -> int:
        """N, the number of tokens."""
        return len(self.wanted)

    def take(self, which: NDArray[np.int64]) -> TagBatch:
        """Return some of the sentences, in the order of `which`."""
        _, places = take_sequences(self.tokens.offsets, which)
        return self._replace(tokens=self.tokens.take(which), wanted=self.wanted[places])

    def parts(self, n: int) -> list[_Part]:
        """Split the batch into parts of about equal size."""
        offsets = self.tokens.offsets
        return [
            _Part(
                self._replace(tokens=self.tokens.part(first, last), wanted=self.wanted[offsets[first] : offsets[last]]),
                int(offsets[first]),
            )
            for first, last in divide(offsets, n)
        ]


class _Part(NamedTuple):
    """Some sentences of a batch, with the index of their first token in it."""

    batch: TagBatch
    first_row: int


def emissions(config: TaggerConfig, parameters: Mapping[str, Floats], x: Floats, offsets: NDArray[np.int64]) -> Floats:
    """Return the scores of each tag for each token, shape (N, K), given the embeddings that the stack reads."""
    h, _ = stack.forward(config.encoder, scope(parameters, "encoder"), x, offsets)
    return linear.forward(scope(parameters, "output"), h)[0]


def transition_scores(config: TaggerConfig, parameters: Mapping[str, Floats], constraints: Constraints) -> Constraints:
    """Return A, a and e of `crf`; for a softmax, zeros where allowed."""
    own = scope(parameters, "crf") if config.output == "crf" else None
    return constraints.scores(own, parameters["output.bias"].dtype)


def token_losses(
    config: TaggerConfig,
    parameters: Mapping[str, Floats],
    batch: TagBatch,
    *,
    workers: int = 1,
    most_tokens: int = 4096,
) -> Floats:
    """Return −log p of every token's tag without dropout, shape (N,); for a CRF, the mean over its sentence.

    Memory is bounded by `most_tokens` per thread; values do not depend on it.
    """
    parts = batch.parts(max(workers, -(-batch.n_tokens // most_tokens)))
    found = np.empty(batch.n_tokens, parameters["output.bias"].dtype)

    def work(worker: int) -> None:
        for own, first in parts[worker::workers]:
            h, _ = reading.forward(config, parameters, own.lexicon, own.tokens)
            z, _ = linear.forward(scope(parameters, "output"), h)
            plain, *_ = _losses(config, parameters, z, own, 0.0, 1.0, None)
            found[first : first + own.n_tokens] = plain

    in_threads(work, min(workers, len(parts)))
    return found


def add_gradients(
    config: TaggerConfig,
    parameters: ParameterTable,
    batch: TagBatch,
    totals: Sequence[ParameterTable],
    *,
    regularisation: Regularisation,
    seed: int,
    scale: float,
    most_tokens: int = 1 << 30,
) -> Losses:
    """Add the gradients of scale · Σ loss to totals[0]; see `w2v.neural.models.add_gradients`."""
    parts = batch.parts(max(len(totals), -(-batch.n_tokens // most_tokens)))

    def add_part(part: _Part, total: ParameterTable) -> tuple[float, float]:
        return _add_gradients(config, parameters, part, total, regularisation, seed, scale)

    return Losses(*add_parts(parts, totals, add_part))


def _add_gradients(
    config: TaggerConfig,
    parameters: Mapping[str, Floats],
    part: _Part,
    total: Mapping[str, Floats],
    regularisation: Regularisation,
    seed: int,
    scale: float,
) -> tuple[float, float]:
    batch, first = part
    dropped = Dropped.of(regularisation, seed, first)
    h, read = reading.forward(config, parameters, batch.lexicon, batch.tokens, dropped)
    z, output = linear.forward(scope(parameters, "output"), h)
    plain, smoothed, dz = _losses(config, parameters, z, batch, regularisation.smoothing, scale, total)
    dh, gradients = linear.backward(scope(parameters, "output"), dz, output)
    add(total, within("output", gradients))
    reading.backward(config, parameters, dh, read, total)
    return float(smoothed.sum(dtype=np.float64)), float(plain.sum(dtype=np.float64))


def _losses(
    config: TaggerConfig,
    parameters: Mapping[str, Floats],
    z: Floats,
    batch: TagBatch,
    smoothing: float,
    scale: float,
    total: Mapping[str, Floats] | None,
) -> tuple[Floats, Floats, Floats]:
    """Return the plain and the smoothed loss of each token, and dz, which is only valid if there is a `total`."""
    offsets, wanted = batch.tokens.offsets, batch.wanted
    if config.output == "crf":
        scores = transition_scores(config, parameters, batch.constraints)
        own = None if total is None else scope(total, "crf")
        found, dz = crf.losses(z, offsets, scores, wanted, scale=scale, total=own)
        lengths = np.diff(offsets)
        each = np.repeat(found / np.maximum(lengths, 1), lengths).astype(z.dtype)
        return each, each, z if dz is None else dz
    every = np.arange(len(z))
    top = z.max(axis=1, keepdims=True)
    totals = top + np.log(np.exp(z - top).sum(axis=1, keepdims=True))
    plain = totals[:, 0] - z[every, wanted]
    smoothed = (1 - smoothing) * plain + smoothing * (totals[:, 0] - z.mean(axis=1))
    dz = np.exp(z - totals) - smoothing / z.shape[1]
    dz[every, wanted] -= 1 - smoothing
    dz *= scale
    return plain, smoothed, dz.astype(z.dtype, copy=False)


def smallest(config: TaggerConfig) -> tuple[TaggerConfig, TagBatch]:
    """Return the smallest tagger of a kind, and a batch for it; see `w2v.neural.models.smallest`."""
    small, lexicon, tokens = reading.smallest(config, 2)
    return small, TagBatch(lexicon, tokens, np.zeros(2, np.int64), Constraints.none(config.tags))
