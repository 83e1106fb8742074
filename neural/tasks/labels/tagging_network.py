"""The network of a tagger: embeddings of words, a stack of blocks that see the whole sentence, and an output of tags.

::

    x = inputs of words        h = stack(x)        z = h W + b        tags by z and the transitions of `crf`

Two outputs learn W: a conditional random field, and a softmax of each token by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.neural import stack
from w2v.neural.layers import linear
from w2v.neural.layers.dropout import Dropout
from w2v.neural.models import Losses, Regularisation
from w2v.neural.packing import add_parts, divide, in_threads, take_sequences
from w2v.neural.parameters import ParameterTable, Tensor, add, scope, within
from w2v.neural.stack import StackConfig
from w2v.neural.tasks.labels import crf, inputs
from w2v.neural.tasks.labels.crf import Constraints
from w2v.neural.tasks.labels.inputs import InputConfig, WordDropout
from w2v.neural.tasks.labels.words import Lexicon, Tokens

Floats = NDArray[Any]

OUTPUTS = ("crf", "softmax")
_RARE = 0.25
"""What words are dropped by; see `WordDropout.rare`."""


@dataclass(frozen=True)
class TaggerConfig:
    """How a tagger is made.

    Attributes
    ----------
    inputs : InputConfig
    encoder : StackConfig
        Not causal and without a memory.
    tags : int
    output : {"crf", "softmax"}

    Raises
    ------
    ValueError
        If the values do not go together.
    """

    inputs: InputConfig
    encoder: StackConfig
    tags: int
    output: str = "crf"

    def __post_init__(self) -> None:
        if self.encoder.causal or self.encoder.memory_size is not None:
            raise ValueError("the encoder must see its whole sentence and no memory")
        if self.inputs.dim != self.encoder.dim:
            raise ValueError(f"what words are made to must be as wide as the encoder, {self.encoder.dim}")
        if self.output not in OUTPUTS or type(self.tags) is not int or not 1 <= self.tags < 1 << 20:
            raise ValueError(f"there must be a tag, and the output be one of {', '.join(OUTPUTS)}")

    @property
    def vocabulary_size(self) -> int:
        """Words with a row of their own, and the unknown one."""
        return self.inputs.words

    def tensors(self) -> dict[str, Tensor]:
        """Return every array, its shape beside how it starts."""
        return {
            **within("inputs", self.inputs.tensors()),
            **within("encoder", self.encoder.tensors()),
            **within("output", linear.tensors(self.encoder.dim, self.tags)),
            **(within("crf", crf.tensors(self.tags)) if self.output == "crf" else {}),
        }


class TagBatch(NamedTuple):
    """What a tagger reads, and what it is to answer.

    Attributes
    ----------
    lexicon : Lexicon
        Of the words that `tokens` name.
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
        """N."""
        return len(self.wanted)

    def take(self, which: NDArray[np.int64]) -> TagBatch:
        """Return some of the sentences, in the order of `which`."""
        _, places = take_sequences(self.tokens.offsets, which)
        return self._replace(tokens=self.tokens.take(which), wanted=self.wanted[places])

    def parts(self, n: int) -> list[_Part]:
        """Divide the batch into parts of about the same size."""
        offsets = self.tokens.offsets
        return [
            _Part(
                self._replace(tokens=self.tokens.part(first, last), wanted=self.wanted[offsets[first] : offsets[last]]),
                int(offsets[first]),
            )
            for first, last in divide(offsets, n)
        ]


class _Part(NamedTuple):
    """Some sentences of a batch, and which of its tokens is their first."""

    batch: TagBatch
    first_row: int


def emissions(config: TaggerConfig, parameters: Mapping[str, Floats], x: Floats, offsets: NDArray[np.int64]) -> Floats:
    """Return what speaks for each tag of each token, shape (N, K), of the embeddings that the stack reads."""
    h, _ = stack.forward(config.encoder, scope(parameters, "encoder"), x, offsets)
    return linear.forward(scope(parameters, "output"), h)[0]


def transition_scores(config: TaggerConfig, parameters: Mapping[str, Floats], constraints: Constraints) -> Constraints:
    """Return A, a and e of `crf`: zeros, where they are allowed, if the output is a softmax."""
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
    """Return −log p of every token's tag with nothing dropped, shape (N,); of a CRF, its sentence's mean.

    Memory is bounded by `most_tokens` a thread; no value depends on it.
    """
    parts = batch.parts(max(workers, -(-batch.n_tokens // most_tokens)))
    found = np.empty(batch.n_tokens, parameters["output.bias"].dtype)

    def work(worker: int) -> None:
        for own, first in parts[worker::workers]:
            x, _ = inputs.forward(config.inputs, scope(parameters, "inputs"), own.lexicon, own.tokens)
            z = emissions(config, parameters, x, own.tokens.offsets)
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
    words = WordDropout(_RARE, regularisation.words, seed, first) if regularisation.words else None
    x, read = inputs.forward(config.inputs, scope(parameters, "inputs"), batch.lexicon, batch.tokens, words)
    dropped = Dropout(regularisation.dropout, seed, first)
    h, encoded = stack.forward(
        config.encoder, scope(parameters, "encoder"), x, batch.tokens.offsets, dropped=dropped
    )  # fmt: skip
    z, output = linear.forward(scope(parameters, "output"), h)
    plain, smoothed, dz = _losses(config, parameters, z, batch, regularisation.smoothing, scale, total)
    dh, gradients = linear.backward(scope(parameters, "output"), dz, output)
    add(total, within("output", gradients))
    dx, _ = stack.backward(config.encoder, scope(parameters, "encoder"), dh, encoded, scope(total, "encoder"))
    inputs.backward(config.inputs, scope(parameters, "inputs"), dx, read, scope(total, "inputs"))
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
    """Return the plain and the smoothed loss of each token, and dz, which is of use if there is a `total`."""
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
    own = replace(config.inputs, words=2, buckets=2, given=1, columns=tuple(1 for _ in config.inputs.columns))
    small = replace(config, inputs=own, encoder=replace(config.encoder, layers=min(1, config.encoder.layers)))
    zeros = np.zeros(1, np.int64)
    lexicon = Lexicon(
        zeros, zeros, zeros, np.array([0, 1]), zeros, np.zeros((1, own.given_size), np.float16), np.ones(1, np.int64)
    )
    tokens = Tokens(np.zeros(2, np.int64), np.array([0, 2]), np.zeros((2, len(own.columns)), np.int64))
    return small, TagBatch(lexicon, tokens, np.zeros(2, np.int64), Constraints.none(config.tags))
