"""Monitoring of a training: evaluations after each epoch, callbacks, and early stopping.

Everything here runs between two segments while all workers are paused, so evaluations see a consistent state, and
training with one worker stays reproducible.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from w2v.encoding.stream import TokenStream
from w2v.encoding.vocabulary import Vocabulary
from w2v.evaluation import count_known_pairs, count_known_questions, evaluate_analogies, evaluate_word_pairs
from w2v.monitoring.history import MEASURES, EpochRecord
from w2v.settings.parameters import Parameters
from w2v.training.tables import Tables
from w2v.training.trainer import StopTraining, Trainer
from w2v.vectors.embeddings import Embeddings

MEASURE_OF = {"holdout": "holdout_loss", "analogies": "analogies", "pairs": "word_pairs"}
"""The entry of `EpochRecord` for each value of `monitor`."""


class CallbackError(RuntimeError):
    """A callback raised an exception, the cause of this one; training ended and kept the result so far."""


@dataclass(frozen=True)
class TrainingView:
    """The view of a training that a callback receives.

    Attributes
    ----------
    event : {"epoch", "interval"}
        Whether an epoch has ended, or the interval of `Every` has passed.
    epoch : int
        The current or just completed epoch, counted from 1.
    step : int
        Number of segments trained so far.
    alpha : float
        Learning rate.
    loss : float
        Mean loss of the epoch so far, NaN before the first pair; see `EpochRecord`.
    seconds : float
        Wall-clock time of training.
    holdout_loss, analogies, word_pairs : float
        Evaluations at the end of this epoch; NaN if they were not made, as always at an interval.
    embeddings : Embeddings
        The current vectors, not copied: they change when training continues, so copy what you want to keep.
    """

    event: Literal["epoch", "interval"]
    epoch: int
    step: int
    alpha: float
    loss: float
    seconds: float
    holdout_loss: float
    analogies: float
    word_pairs: float
    embeddings: Embeddings = field(repr=False, compare=False)


Callback = Callable[[TrainingView], object]
"""A function that receives a view after each epoch. Training ends if it returns exactly True."""


class Every:
    """Calls a callback at intervals of time, instead of after each epoch.

    Parameters
    ----------
    seconds : float
        Interval between calls, above 0. The current segment of the corpus is completed first.
    callback : callable
        As in `Word2Vec.fit`.

    Examples
    --------
    >>> Every(60, lambda view: print(f"{view.step} segments, loss {view.loss:.3f}"))
    Every(60, ...)
    """

    def __init__(self, seconds: float, callback: Callback) -> None:
        if not (0 < seconds < math.inf):
            raise ValueError(f"seconds must be a finite number above 0, got {seconds!r:.80}.")
        if not callable(callback):
            raise TypeError(f"a callback must be callable, not {type(callback).__name__}")
        self.seconds, self.callback = seconds, callback

    def __repr__(self) -> str:
        return f"Every({self.seconds:g}, ...)"

    def __call__(self, view: TrainingView) -> object:
        """Call the callback."""
        return self.callback(view)


class Monitor:
    """Evaluations, callbacks and early stopping of a training; a `Pause` of the trainer.

    `embed` returns the current vectors as `Embeddings`, possibly without a copy. `held_out` are the held-out sentences,
    whose loss `workers` threads compute. `best` is a copy of the tables after the best epoch, for `patience`; a resumed
    training passes it in.
    """

    def __init__(
        self,
        parameters: Parameters,
        embed: Callable[[], Embeddings],
        *,
        held_out: TokenStream | None = None,
        callbacks: Sequence[Callback] = (),
        workers: int = 1,
        best: Tables | None = None,
    ) -> None:
        self.parameters, self.embed, self.held_out, self.workers = parameters, embed, held_out, workers
        self.best = best
        self._at_epochs = [callback for callback in callbacks if not isinstance(callback, Every)]
        timed = [callback for callback in callbacks if isinstance(callback, Every)]
        self._next_call = {callback: time.perf_counter() + callback.seconds for callback in timed}
        self._watches_epochs = bool(
            self._at_epochs or held_out is not None or parameters.eval_pairs or parameters.eval_analogies
        )
        self._step = -1

    def is_due(self, trainer: Trainer) -> bool:
        """Return whether an epoch has ended or an interval has passed, with new training since the last time."""
        if trainer.step == self._step or not trainer.step:
            return False
        return self._has_epoch_ended(trainer) or bool(self._due_callbacks())

    def act(self, trainer: Trainer) -> None:
        """Evaluate, run callbacks, and raise `StopTraining` if training should end."""
        self._step = trainer.step
        if self._has_epoch_ended(trainer):
            self._end_epoch(trainer)
        for callback in self._due_callbacks():
            self._call(callback, self._view(trainer, "interval"))
            self._next_call[callback] = time.perf_counter() + callback.seconds

    def finish(self, trainer: Trainer) -> None:
        """Evaluate an epoch that a time limit cut short, and restore the best vectors."""
        if self._watches_epochs and trainer.step != self._step and trainer.history:
            self._step = trainer.step
            try:
                self._end_epoch(trainer)
            except StopTraining as stop:
                trainer.stop_reason = trainer.stop_reason or str(stop)
        best = best_epoch(self.parameters, trainer.history)
        if self.best is not None and best != len(trainer.history):
            self.best.copy(trainer.tables)

    def _has_epoch_ended(self, trainer: Trainer) -> bool:
        return self._watches_epochs and trainer.step % trainer.n_segments == 0

    def _due_callbacks(self) -> list[Every]:
        return [callback for callback, due in self._next_call.items() if time.perf_counter() >= due]

    def _end_epoch(self, trainer: Trainer) -> None:
        record, patience = trainer.history[-1], self.parameters.patience
        self._measure(trainer, record)
        best = best_epoch(self.parameters, trainer.history)
        if best == record.epoch:
            self.best = trainer.tables.copy(self.best)
        for callback in self._at_epochs:
            self._call(callback, self._view(trainer, "epoch"))
        if patience is not None and best is not None and record.epoch - best >= patience:
            measure = measure_watched(self.parameters)
            epochs = "1 epoch" if patience == 1 else f"{patience} epochs"
            raise StopTraining(f"{measure} was best after epoch {best} and has not improved for {epochs}")

    def _measure(self, trainer: Trainer, record: EpochRecord) -> None:
        if self.held_out is not None:
            record.holdout_loss = trainer.mean_loss(self.held_out, self.workers)
        if self.parameters.eval_analogies is not None:
            record.analogies = evaluate_analogies(self.embed(), self.parameters.eval_analogies).total.accuracy
        if self.parameters.eval_pairs is not None:
            record.word_pairs = evaluate_word_pairs(self.embed(), self.parameters.eval_pairs).spearman

    def _view(self, trainer: Trainer, event: Literal["epoch", "interval"]) -> TrainingView:
        record = trainer.history[-1]
        noted = {name: getattr(record, name) for name in ("epoch", "alpha", "loss", "seconds", *MEASURES)}
        return TrainingView(event=event, step=trainer.step, embeddings=self.embed(), **noted)

    def _call(self, callback: Callback, view: TrainingView) -> None:
        try:
            wants_to_stop = callback(view) is True
        except Exception as error:
            raise CallbackError(
                f"a callback failed after epoch {view.epoch}: {type(error).__name__}: {error}; training has ended, "
                "and the result so far is kept"
            ) from error
        if wants_to_stop:
            raise StopTraining("a callback asked for it")


def measure_watched(parameters: Parameters) -> str | None:
    """Return the entry of `EpochRecord` that `patience` watches; None without `patience`.

    `monitor` names it; if that is None, it is the first available of held-out loss, analogies, pairs.
    """
    return None if parameters.patience is None else MEASURE_OF[parameters.monitor or parameters.measured[0]]


def best_epoch(parameters: Parameters, history: Sequence[EpochRecord]) -> int | None:
    """Return the first epoch whose watched measure is the best, counted from 1; None without `patience`."""
    measure = measure_watched(parameters)
    if measure is None or not history:
        return None
    sign = 1 if measure == "holdout_loss" else -1
    values = [sign * getattr(record, measure) for record in history]
    return 1 + int(np.argmin([value if math.isfinite(value) else math.inf for value in values]))


def check_evaluations(parameters: Parameters, vocabulary: Vocabulary | None = None) -> None:
    """Read the evaluation files, to find mistakes in them before training.

    Raises EvaluationError if a file cannot be read or a line is invalid; ValueError if a `vocabulary` is given and a
    file has no line whose words are all in it.
    """
    words = [] if vocabulary is None else vocabulary.index_to_key
    for name, count in (("eval_analogies", count_known_questions), ("eval_pairs", count_known_pairs)):
        path = getattr(parameters, name)
        if path is not None and not count(words, path) and vocabulary is not None:
            raise ValueError(f"{path}: no line has only words of the corpus, so {name} has nothing to measure")
