"""Results of trained networks: translations, and scores of texts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.units import END, START, Units
from w2v.neural import models
from w2v.neural.generation.batches import Tell, in_batches
from w2v.neural.generation.beam import BeamOptions, beam
from w2v.neural.generation.networks import GeneratingTranslator
from w2v.neural.generation.sequential import greedy
from w2v.neural.generation.state import Hypothesis, Limits, Wanted
from w2v.neural.packing import Packed
from w2v.neural.parameters import ParameterTable
from w2v.neural.tasks.folder import TextNetwork
from w2v.neural.tasks.text.windows import Streams, token_windows

_AT_ONCE = 1 << 14
"""Tokens scored at a time; memory grows with this number."""
_SPARE = 10
"""Pieces that a translation may have beyond half as many again as pairs of this language have on average."""


@dataclass(frozen=True, eq=False)
class Translation:
    """A translation with its score, probabilities, alternatives and alignment.

    Attributes
    ----------
    text : str
    score : float or None
        Log-probability divided by the length penalty; ranks the translations of one source.
    source_pieces, pieces : list of str
        The units of both sides in readable form.
    log_probabilities : list of float or None
        Log-probability of each piece, and of the end of the text.
    alternatives : list of list of (str, float), or None
        The most probable pieces at each place, with their log-probabilities.
    alignment : ndarray of shape (T, S), float32, or None
        Cross-attention of each piece to each piece of the source; rows sum to 1.
    """

    text: str
    score: float | None = None
    source_pieces: Sequence[str] = ()
    pieces: Sequence[str] = ()
    log_probabilities: list[float] | None = None
    alternatives: list[list[tuple[str, float]]] | None = None
    alignment: NDArray[np.float32] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the translation in JSON types, without entries that are None."""
        shown: dict[str, Any] = {"text": self.text, "score": self.score}
        if self.log_probabilities is not None:
            ends = self.log_probabilities[len(self.pieces) :]
            found = zip(self.pieces, self.log_probabilities, strict=False)
            shown["pieces"] = [{"piece": piece, "log_probability": p} for piece, p in found]
            shown["end_log_probability"] = ends[0] if ends else None
            for entry, others in zip(shown["pieces"], self.alternatives or [], strict=False):
                entry["alternatives"] = [{"piece": piece, "log_probability": p} for piece, p in others]
        if self.alignment is not None:
            shown["source_pieces"] = list(self.source_pieces)
            shown["alignment"] = self.alignment.tolist()
        return shown


def translations(
    network: TextNetwork,
    translator: GeneratingTranslator,
    texts: Sequence[str],
    options: BeamOptions,
    wanted: Wanted,
    batch_size: int,
    workers: int,
    tell: Tell | None = None,
) -> list[list[Translation]]:
    """Translate texts; see `Translator.explain`."""
    units, target = network.units["source"], network.units["target"]
    sources = Packed(*units.encode([text.strip() for text in texts]))
    lengths = np.diff(sources.offsets)
    filled = np.flatnonzero(lengths)
    ratio = network.metadata["length_ratio"]

    def work(rows: NDArray[np.int64]) -> list[list[Hypothesis]]:
        numbers = filled[rows]
        state = translator.start(sources.take(numbers))
        most = (1.5 * ratio * lengths[numbers]).astype(np.int64) + _SPARE
        starts = np.full(len(numbers), START, np.int32)
        limits = Limits(most, end=END)
        if options.beam == 1:
            return [[_ranked(one, options)] for one in greedy(state, starts, limits, wanted)]
        return beam(state, starts, limits, options, wanted)

    found = in_batches(lengths[filled], work, size=batch_size, workers=workers, tell=tell)
    results = [[Translation("")] for _ in texts]
    for number, hypotheses in zip(filled.tolist(), found, strict=True):
        ids = sources.ids[sources.offsets[number] : sources.offsets[number + 1]]
        results[number] = [_translation(units, target, ids, hypothesis) for hypothesis in hypotheses]
    return results


def _ranked(found: Hypothesis, options: BeamOptions) -> Hypothesis:
    """Return the results of greedy decoding with the scores of a beam search."""
    if found.score is None:
        return found
    return replace(found, score=found.score / options.penalty(len(found.tokens) + found.finished))


def _translation(units: Units, target: Units, source: NDArray[Any], found: Hypothesis) -> Translation:
    pieces, alternatives = target.pieces, None
    if found.alternatives is not None:
        alternatives = [
            [(pieces[token], float(p)) for token, p in zip(tokens.tolist(), ps.tolist(), strict=True)]
            for tokens, ps in found.alternatives
        ]
    log_probabilities, alignment = found.log_probabilities, found.alignment
    if alignment is not None and alignment.shape[1] != len(source):  # the decoder sees only the mean of the source
        alignment = np.repeat(alignment / len(source), len(source), axis=1)
    return Translation(
        target.decode(found.tokens),
        found.score,
        [units.pieces[token] for token in source.tolist()],
        [pieces[token] for token in found.tokens.tolist()],
        None if log_probabilities is None else log_probabilities.tolist(),
        alternatives,
        alignment,
    )


@dataclass(frozen=True, eq=False)
class Scored:
    """The score of a text.

    Attributes
    ----------
    text : str
    pieces : list of str
        Its units in readable form; ``<unk>`` for unknown ones.
    log_probabilities : ndarray of shape (n,), float64
        Natural log-probability of each unit and, for a line, of its end.
    """

    text: str
    pieces: list[str]
    log_probabilities: NDArray[np.float64]

    @property
    def log_probability(self) -> float:
        """The log-probability of the whole text."""
        return float(self.log_probabilities.sum())

    @property
    def perplexity(self) -> float:
        """The exponential of the mean surprise; NaN for an empty running text."""
        return math.exp(-self.log_probabilities.mean()) if len(self.log_probabilities) else math.nan

    def to_dict(self) -> dict[str, Any]:
        """Return the score in JSON types."""
        found = self.log_probabilities.tolist()
        pieces = [{"piece": piece, "log_probability": p} for piece, p in zip(self.pieces, found, strict=False)]
        end = found[len(self.pieces) :]
        return {
            "text": self.text,
            "log_probability": self.log_probability,
            "perplexity": self.perplexity,
            "pieces": pieces,
            **({"end_log_probability": end[0]} if end else {}),
        }


def log_probabilities(
    network: TextNetwork, table: ParameterTable, streams: Streams, context: int, workers: int
) -> NDArray[np.float64]:
    """Return log p of every token of the streams except START, each with at least half a context before it."""
    starts, lengths, told = token_windows(streams, context)
    found = np.empty(int(streams.lengths.sum()))
    ends, read = np.cumsum(lengths - told), np.cumsum(lengths)
    first = 0
    while first < len(starts):
        before = int(read[first - 1]) if first else 0
        last = max(first + 1, int(np.searchsorted(read, before + _AT_ONCE, side="right")))
        batch = streams.batch(starts[first:last], lengths[first:last])
        losses = models.token_losses(network.config, table, batch, workers=workers)
        place = np.arange(len(losses)) - np.repeat(batch.inputs.offsets[:-1], lengths[first:last])
        new = place >= np.repeat(told[first:last], lengths[first:last])
        begin = int(ends[first - 1]) if first else 0
        found[begin : int(ends[last - 1])] = -losses[new]
        first = last
    return found
