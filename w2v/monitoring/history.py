"""What a training reports: its progress, and the results of each epoch."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

MEASURES = ("holdout_loss", "analogies", "word_pairs")
"""Optional measurements at the end of an epoch, by field name in `EpochRecord`."""


class TrainingInterrupted(KeyboardInterrupt):
    """Ctrl-C stopped `fit`; what was learned is on the estimator, and saved if a checkpoint was asked for."""


@dataclass(frozen=True)
class Progress:
    """The state of a call of `fit`, passed to the function given as `progress`. None means not yet known."""

    phase: str  # "reading", "counting neighbours" (GloVe), "compiling" or "training"
    done: float | None = None  # fraction of the phase completed, 0 to 1
    epoch: int = 0  # counted from 1; 0 before training
    words_per_second: float | None = None  # tokens of the stream per second since training began
    loss: float | None = None  # mean loss per pair over the last segments
    alpha: float | None = None  # learning rate
    seconds_left: float | None = None  # until the end of the phase
    holdout_loss: float | None = None  # mean loss of the held-out sentences, at the end of the last epoch
    epochs: int | None = None  # of the whole training; None also if its length is given as a time


@dataclass
class EpochRecord:
    """The results of one epoch. NaN means not measured."""

    epoch: int  # counted from 1
    loss: float = math.nan
    """Mean over the epoch's pairs (skip-gram) or targets (CBOW), in nats: the negative log-likelihood of the observed
    word and its noise words, or of the branches on its path. With GloVe, the mean over cells of half the weighted
    squared error. Summed in float64 over all workers."""
    alpha: float = math.nan  # learning rate at the end of the epoch
    words: int = 0  # tokens of the stream visited
    kept: int = 0  # those that survived subsampling
    pairs: int = 0  # number of terms that `loss` averages
    seconds: float = 0.0
    """Wall-clock time of training up to the end of this epoch, without the time between interruption and resumption."""
    holdout_loss: float = math.nan
    """The same mean as `loss`, on the held-out sentences, with the vectors at the end of the epoch; `loss` is a mean
    over the epoch, while the vectors change."""
    analogies: float = math.nan  # accuracy on the questions of `eval_analogies` at the end of the epoch, 0 to 1
    word_pairs: float = math.nan  # Spearman's correlation with the scores of `eval_pairs` at the end of the epoch
    loss_sum: float = field(default=0.0, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the record in JSON types, without what was not measured."""
        record = {name: getattr(self, name) for name in ("epoch", "alpha", "words", "kept", "pairs", "seconds")}
        measured = {name: getattr(self, name) for name in ("loss", *MEASURES)}
        return record | {name: value for name, value in measured.items() if math.isfinite(value)}
