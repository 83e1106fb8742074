"""What a training tells of itself: how far it is, and what happened in each epoch."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

MEASURES = ("holdout_loss", "analogies", "word_pairs")
"""What may be measured at the end of an epoch, by its name in `EpochRecord`."""


class TrainingInterrupted(KeyboardInterrupt):
    """Ctrl-C stopped `fit`; what was learned is on the estimator, and saved if a checkpoint was asked for."""


@dataclass(frozen=True)
class Progress:
    """How far a call of `fit` is, for the function given as `progress`. None stands for what is not known yet."""

    phase: str  # "reading", "counting neighbours" (GloVe), "compiling" or "training"
    done: float | None = None  # fraction of the phase that is done, 0 to 1
    epoch: int = 0  # counted from 1; 0 before training
    words_per_second: float | None = None  # tokens of the stream per second since training began
    loss: float | None = None  # mean loss per pair over the last segments
    alpha: float | None = None  # learning rate
    seconds_left: float | None = None  # of the phase
    holdout_loss: float | None = None  # mean loss of the held-out sentences, at the end of the last epoch
    epochs: int | None = None  # of the training; None also where time ends it


@dataclass
class EpochRecord:
    """What happened in one epoch. NaN stands for what was not measured."""

    epoch: int  # counted from 1
    loss: float = math.nan
    """Mean over the epoch's pairs (skip-gram) or targets (CBOW), in nats: minus the log-likelihood of the observed word
    and of its noise words, or of the branches on its path. With GloVe the mean over cells of half their weighted
    squared error. Summed in float64 over all workers."""
    alpha: float = math.nan  # learning rate at the end of the epoch
    words: int = 0  # tokens of the stream that were visited
    kept: int = 0  # those that survived subsampling
    pairs: int = 0  # what `loss` is a mean over
    seconds: float = 0.0
    """Wall-clock time of training up to here, without the time between an interruption and going on."""
    holdout_loss: float = math.nan
    """The same mean as `loss`, over the sentences that `holdout` sets aside, with the vectors at the end of the epoch.
    `loss` is a mean over the epoch, while the vectors change."""
    analogies: float = math.nan  # accuracy on the questions of `eval_analogies` at the end of the epoch, 0 to 1
    word_pairs: float = math.nan  # Spearman's correlation with the scores of `eval_pairs` at the end of the epoch
    loss_sum: float = field(default=0.0, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the record in JSON types; what was not measured is left out."""
        record = {name: getattr(self, name) for name in ("epoch", "alpha", "words", "kept", "pairs", "seconds")}
        measured = {name: getattr(self, name) for name in ("loss", *MEASURES)}
        return record | {name: value for name, value in measured.items() if math.isfinite(value)}
