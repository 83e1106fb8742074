"""Networks that predict the next token: the language model, and the translator, which also reads a source.

::

    language model    h = decoder(√d E[inputs])                            p = softmax(h Eᵀ + b)
    translator        m = encoder(√d S[source]),  h = decoder(√d E[inputs], m)

E is the table of embeddings for input and output (Press and Wolf 2017), S that of the source, equal to E if both
languages share it. Entries have initial standard deviation 1 / √d, so that embeddings and logits have standard
deviation 1. The hidden state of a token depends on its source and the preceding tokens, never on following ones or on
the rest of the batch.

Training predicts all tokens of a sequence at once: inputs are START and the sequence, targets the sequence and END. See
`Batch.of`.

References
----------
Vaswani et al. 2017, arXiv:1706.03762. Press and Wolf 2017, arXiv:1608.05859.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.neural import stack
from w2v.neural.buffers import empty
from w2v.neural.configs import END, START, CausalConfig, Config, TranslatorConfig
from w2v.neural.kernels.table_rows import add_table_rows
from w2v.neural.layers import pooling, softmax_loss
from w2v.neural.layers.dropout import Dropout
from w2v.neural.packing import Packed, add_parts, divide, in_threads
from w2v.neural.parameters import ParameterTable, scope
from w2v.neural.stack import Memory

Floats = NDArray[Any]


class Batch(NamedTuple):
    """Inputs and targets of a network.

    Attributes
    ----------
    inputs : Packed
        Input of the decoder.
    wanted : ndarray of shape (N,), integers
        The token that follows each token of `inputs`.
    source : Packed or None
        Input of a translator's encoder: one sequence for each of `inputs`.
    """

    inputs: Packed
    wanted: NDArray[np.integer[Any]]
    source: Packed | None = None

    @classmethod
    def of(cls, target: Packed, source: Packed | None = None) -> Batch:
        """Return the batch for whole sequences: inputs are START and the sequence, targets the sequence and END."""
        borders, n = target.offsets, np.arange(target.n_sequences)
        return cls(
            Packed(np.insert(target.ids, borders[:-1], START), borders + np.append(n, len(n))),
            np.insert(target.ids, borders[1:], END),
            source,
        )

    @property
    def n_tokens(self) -> int:
        """Number of target tokens."""
        return len(self.wanted)

    def parts(self, n: int) -> list[_Part]:
        """Split the batch into parts of about equal size."""
        every = self.inputs.offsets if self.source is None else self.inputs.offsets + self.source.offsets
        return [self._part(first, last) for first, last in divide(every, n)]

    def _part(self, first: int, last: int) -> _Part:
        own, source = self.inputs.offsets, self.source
        wanted = self.wanted[own[first] : own[last]]
        batch = Batch(self.inputs.part(first, last), wanted, None if source is None else source.part(first, last))
        return _Part(batch, int(own[first]), 0 if source is None else int(source.offsets[first]))


class _Part(NamedTuple):
    """Some sequences of a batch, with the range of their rows in it."""

    batch: Batch
    first_row: int
    first_source_row: int


class Losses(NamedTuple):
    """Sums of losses over tokens.

    Attributes
    ----------
    smoothed : float
        Cross-entropy with smoothed targets, which training minimises.
    plain : float
        −log p of the targets.
    """

    smoothed: float
    plain: float


def smallest(config: Config) -> tuple[Config, Batch]:
    """Return the smallest network of a kind and a batch for it, for compilation of everything the large one needs."""
    size = END + 2
    packed = Packed.of([[END + 1]])
    if isinstance(config, TranslatorConfig):
        encoder, decoder = replace(config.encoder, layers=1), replace(config.decoder, layers=1)
        small = replace(config, source_size=size, target_size=size, encoder=encoder, decoder=decoder)
        return small, Batch.of(packed, packed)
    return CausalConfig(size, replace(config.decoder, layers=1)), Batch.of(packed)


class Regularisation(NamedTuple):
    """Regularisation of a training.

    Attributes
    ----------
    dropout : float
        Probability that a value is dropped, in [0, 1).
    smoothing : float
        Label smoothing: probability mass spread evenly over all tokens, in [0, 1).
    words : float
        Probability that a token is replaced by the unknown token, in [0, 1); only for taggers and classifiers.
    """

    dropout: float = 0.1
    smoothing: float = 0.1
    words: float = 0.0


def embed(parameters: Mapping[str, Floats], name: str, ids: NDArray[np.integer[Any]]) -> Floats:
    """Return the input embeddings of a stack: √d times rows of the table with this name, shape (N, d)."""
    table = parameters[name]
    x = np.take(table, ids, axis=0, out=empty((len(ids), table.shape[1]), table.dtype), mode="clip")
    x *= _scale(table)
    return x


def _scale(table: Floats) -> Any:
    return table.dtype.type(table.shape[1] ** 0.5)


class EncodedCache(NamedTuple):
    """Values that the backward pass of `encode` needs."""

    states: stack.Cache
    summary: pooling.Cache | None


def encode(
    config: TranslatorConfig, parameters: Mapping[str, Floats], source: Packed, dropped: Dropout | None = None
) -> tuple[Memory, EncodedCache]:
    """Return the memory for a decoder, and the values that the backward pass needs."""
    x = embed(parameters, config.source_table, source.ids)
    states, cache = stack.forward(config.encoder, scope(parameters, "encoder"), x, source.offsets, dropped=dropped)
    memory, pooled = memory_of(config, states, source.offsets)
    return memory, EncodedCache(cache, pooled)


def memory_of(
    config: TranslatorConfig, states: Floats, offsets: NDArray[np.int64]
) -> tuple[Memory, pooling.Cache | None]:
    """Return the memory for a decoder from an encoder's hidden states, and the values that the backward pass needs."""
    if not config.summary:
        return Memory(states, offsets), None
    mean, cache = pooling.forward(states, offsets, "mean")
    return Memory(mean, np.arange(len(mean) + 1)), cache


def decode(
    config: Config,
    parameters: Mapping[str, Floats],
    inputs: Packed,
    memory: Memory | None = None,
    dropped: Dropout | None = None,
) -> tuple[Floats, stack.Cache]:
    """Return the hidden states that predict the next token, shape (N, d), and values for the backward pass."""
    x = embed(parameters, config.table, inputs.ids)
    decoder = scope(parameters, "decoder")
    return stack.forward(config.decoder, decoder, x, inputs.offsets, memory=memory, dropped=dropped)


def logits(config: Config, parameters: Mapping[str, Floats], hidden: Floats) -> Floats:
    """Return the logits of every token of the vocabulary, shape (N, V)."""
    z: Floats = hidden @ parameters[config.table].T
    z += parameters["output.bias"]
    return z


def token_losses(
    config: Config, parameters: Mapping[str, Floats], batch: Batch, *, workers: int = 1, most_tokens: int = 4096
) -> Floats:
    """Return −log p of every target token, shape (N,), without dropout.

    Parameters
    ----------
    config : CausalConfig or TranslatorConfig
    parameters : mapping
    batch : Batch
        Of any size: it is processed in parts of about `most_tokens`.
    workers : int, default 1
        Threads. Values do not depend on them or on the parts.
    most_tokens : int, default 4096
    """
    parts = batch.parts(max(workers, -(-batch.n_tokens // most_tokens)))
    losses = np.empty(batch.n_tokens, parameters[config.table].dtype)

    def work(worker: int) -> None:
        for own, first, _ in parts[worker::workers]:
            memory = None
            if isinstance(config, TranslatorConfig) and own.source is not None:
                memory, _ = encode(config, parameters, own.source)
            hidden, _ = decode(config, parameters, own.inputs, memory)
            table, bias = parameters[config.table], parameters["output.bias"]
            losses[first : first + own.n_tokens] = softmax_loss.token_losses(hidden, table, bias, own.wanted).plain

    in_threads(work, min(workers, len(parts)))
    return losses


def add_gradients(
    config: Config,
    parameters: ParameterTable,
    batch: Batch,
    totals: Sequence[ParameterTable],
    *,
    regularisation: Regularisation,
    seed: int,
    scale: float,
    most_tokens: int = 1 << 30,
) -> Losses:
    """Add the gradients of scale · Σ smoothed loss to totals[0].

    Parameters
    ----------
    config : CausalConfig or TranslatorConfig
    parameters : ParameterTable
    batch : Batch
        Of any size: it is processed in parts.
    totals : sequence of ParameterTable
        One per thread; all but the first must be zero and are zero again at the end. The number of threads affects the
        last bits of gradients, and nothing else.
    regularisation : Regularisation
    seed : int
        Seed of the dropout; distinct for each step.
    scale : float
        1 / the number of target tokens of the step.
    most_tokens : int, optional
        Approximate number of target tokens processed at once; memory grows with it. Dropout does not depend on it.

    Returns
    -------
    Losses
    """
    parts = batch.parts(max(len(totals), -(-batch.n_tokens // most_tokens)))

    def add(part: _Part, total: ParameterTable) -> tuple[float, float]:
        return _add_gradients(config, parameters, part, total, regularisation, seed, scale)

    return Losses(*add_parts(parts, totals, add))


def _add_gradients(
    config: Config,
    parameters: Mapping[str, Floats],
    part: _Part,
    total: Mapping[str, Floats],
    regularisation: Regularisation,
    seed: int,
    scale: float,
) -> tuple[float, float]:
    """Add the gradients of some sequences to `total`; return the sums of their smoothed and plain losses."""
    batch, rate, table = part.batch, regularisation.dropout, config.table
    memory = encoded = None
    if isinstance(config, TranslatorConfig) and batch.source is not None:
        memory, encoded = encode(config, parameters, batch.source, Dropout(rate, 2 * seed, part.first_source_row))
    hidden, decoded = decode(
        config, parameters, batch.inputs, memory, Dropout(rate, 2 * seed + 1, part.first_row)
    )  # fmt: skip
    smoothed, plain, dhidden = softmax_loss.token_losses(
        hidden, parameters[table], parameters["output.bias"], batch.wanted, smoothing=regularisation.smoothing,
        scale=scale, gradients=softmax_loss.Gradients(total[table], total["output.bias"]),
    )  # fmt: skip
    assert dhidden is not None
    dx, dstates = stack.backward(
        config.decoder, scope(parameters, "decoder"), dhidden, decoded, scope(total, "decoder")
    )  # fmt: skip
    _add_to_table(dx, batch.inputs.ids, total[table])
    if isinstance(config, TranslatorConfig) and encoded is not None and batch.source is not None:
        assert dstates is not None
        encoder, own = scope(parameters, "encoder"), scope(total, "encoder")
        if encoded.summary is not None:
            dstates = pooling.backward(dstates, encoded.summary)
        dx, _ = stack.backward(config.encoder, encoder, dstates, encoded.states, own)
        _add_to_table(dx, batch.source.ids, total[config.source_table])
    return float(smoothed.sum(dtype=np.float64)), float(plain.sum(dtype=np.float64))


def _add_to_table(dx: Floats, ids: NDArray[np.integer[Any]], dtable: Floats) -> None:
    """Add the gradient of `embed` to that of its table."""
    scaled = np.multiply(dx, _scale(dtable), out=empty(dx.shape, dx.dtype))
    add_table_rows(scaled, ids.astype(np.int64), dtable)
