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
    """How far a call of `fit` is, for the function given as `progress`.

    Attributes
    ----------
    phase : {"reading", "compiling", "training"}
    done : float or None
        Fraction of the phase that is done, 0 to 1; None where it is not known.
    epoch : int
        Counted from 1; 0 before training.
    words_per_second, loss, alpha, seconds_left : float or None
        Tokens of the stream per second since training began, mean loss per pair over the last segments, learning rate,
        and what is left of the phase; None where not known yet.
    holdout_loss : float or None
        Mean loss of the held-out sentences, at the end of the last epoch.
    """

    phase: str
    done: float | None = None
    epoch: int = 0
    words_per_second: float | None = None
    loss: float | None = None
    alpha: float | None = None
    seconds_left: float | None = None
    holdout_loss: float | None = None


@dataclass
class EpochRecord:
    """What happened in one epoch.

    Attributes
    ----------
    epoch : int
        Counted from 1.
    loss : float
        Mean over the epoch's pairs (skip-gram) or targets (CBOW), in nats: minus the log-likelihood of the observed
        word and of its noise words, or of the branches on its path. Summed in float64 over all workers.
    alpha : float
        Learning rate at the end of the epoch.
    words : int
        Tokens of the stream that were visited.
    kept : int
        Those that survived subsampling.
    pairs : int
        What `loss` is a mean over.
    seconds : float
        Wall-clock time of training up to here, without the time between an interruption and going on.
    holdout_loss : float
        The same mean over the sentences that `holdout` sets aside, with the vectors at the end of the epoch. `loss` is
        a mean over the epoch, while the vectors change. NaN if nothing is held out.
    analogies : float
        Accuracy on the questions of `eval_analogies` at the end of the epoch, 0 to 1. NaN without questions.
    word_pairs : float
        Spearman's correlation with the scores of `eval_pairs` at the end of the epoch. NaN without pairs.
    """

    epoch: int
    loss: float = math.nan
    alpha: float = math.nan
    words: int = 0
    kept: int = 0
    pairs: int = 0
    seconds: float = 0.0
    holdout_loss: float = math.nan
    analogies: float = math.nan
    word_pairs: float = math.nan
    loss_sum: float = field(default=0.0, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the record in JSON types; what was not measured is left out."""
        record = {name: getattr(self, name) for name in ("epoch", "alpha", "words", "kept", "pairs", "seconds")}
        measured = {name: getattr(self, name) for name in ("loss", *MEASURES)}
        return record | {name: value for name, value in measured.items() if math.isfinite(value)}
