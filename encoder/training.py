"""Training an encoder: without labels on the neighbours of sentences, on sets that mean the same, or after a teacher.

Training keeps the state whose loss on held-out sentences, which needs no labels, is lowest; the start is one of the
candidates, so that by this measure an encoder only gets better. It can be interrupted and resumed: what a step draws
depends on the seed and the number of the step only.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from encoder.fit_options import FitOptions, FitProgress
from encoder.lookup import WordLookup
from encoder.sources import Pairs, Teacher, corpus_tasks, pair_tasks, teacher_tasks
from encoder.state import EncoderState
from encoder.tasks import Task
from encoder.trainable import Rates, Trainable
from neural.optimizers import Schedule
from w2v.trainer import DivergenceError

_MAX_STEPS = 10**9


@dataclass(frozen=True)
class Fitted:
    """What training gave.

    Attributes
    ----------
    state : EncoderState
        The best by the held-out loss.
    history : list of dict
        For each measurement: stage, step, seconds, losses by task, held_out_loss, and whether it was the best so far.
    interrupted : bool
        Whether Ctrl-C ended the training.
    training : dict of str to ndarray, or None
        What an interrupted training needs to go on: pass it to `fit_encoder` as `resume`.
    """

    state: EncoderState
    history: list[dict[str, Any]]
    interrupted: bool = False
    training: dict[str, NDArray[Any]] | None = None


def fit_encoder(
    state: EncoderState,
    corpus: Any = None,
    *,
    pairs: Pairs | Sequence[Pairs] | None = None,
    teacher: Teacher | None = None,
    options: FitOptions | None = None,
    progress: Callable[[FitProgress], None] | None = None,
    resume: Mapping[str, NDArray[Any]] | None = None,
) -> Fitted:
    """Train an encoder.

    Parameters
    ----------
    state : EncoderState
        Where to start; such as `sif_state`, or what another training gave.
    corpus : str, path-like, list of path-like, or iterable of str, optional
        Files or texts: one paragraph a line without a teacher, one sentence a line with it.
    pairs : SentenceSets, path, iterable of sequences of str, or a list of these, optional
        Sentences that mean the same. With a corpus they are trained on after it.
    teacher : callable, ndarray or path to .npy or to a model folder, optional
        What the encoder shall be like: makes (n, t) rows of the corpus' sentences, or holds one for each.
    options : FitOptions, optional
    progress : callable, optional
        Called from time to time.
    resume : mapping of str to ndarray, optional
        `Fitted.training` of an interrupted training with the same other arguments.

    Returns
    -------
    Fitted

    Raises
    ------
    ValueError
        If there is nothing to train on, or not enough of it; if the encoder was imported and pools otherwise than by
        the sum or the mean of rows; if the teacher's rows have the wrong number or shape or
        are not finite; if `resume` belongs to another training.
    CorpusError
        If a file cannot be read or is not what it should be.
    DivergenceError
        If a loss is not finite.
    """
    _check_sources(corpus, pairs, teacher)
    if not state.pooling.is_linear:
        dense = " and a dense map" if state.pooling.dense else ""
        raise ValueError(
            f"an encoder with the pooling {state.pooling.kind!r}{dense} is not trained here, only used; one that takes "
            "the mean or the sum of its rows, and nothing after that, is"
        )
    options = FitOptions() if options is None else options
    report = progress or (lambda _: None)
    lookup = WordLookup(state.vocabulary, state.tokenizer)
    stages: list[tuple[str, Callable[[FitOptions], list[Task]]]] = []
    if teacher is not None:
        stages.append(("teacher", lambda o: teacher_tasks(state, lookup, corpus, teacher, o, report)))
    elif corpus is not None:
        stages.append(("corpus", lambda o: corpus_tasks(state, lookup, corpus, o, report)))
    if pairs is not None:
        stages.append(("pairs", lambda o: pair_tasks(state, lookup, pairs, o, report)))
    first = 0 if resume is None else _resumed_stage(resume, [kind for kind, _ in stages])
    history: list[dict[str, Any]] = []
    for number, (kind, make_tasks) in enumerate(stages):
        if number < first:
            continue
        filled = options.filled(kind)
        if options.max_time is not None:
            filled = replace(filled, max_time=options.max_time / len(stages))
        run = _Run(state, kind, make_tasks(filled), filled, report, history)
        if resume is not None and number == first:
            run.restore(resume)
        if not run.train():
            return Fitted(run.best, run.history, True, {"stage": np.array([number], np.int64), **run.tensors()})
        state, history = run.best, run.history
    return Fitted(state, history)


def _check_sources(corpus: Any, pairs: object, teacher: Teacher | None) -> None:
    if corpus is None and pairs is None:
        raise ValueError("there is nothing to train on: give a corpus, pairs, or a corpus and a teacher")
    if teacher is not None and corpus is None:
        raise ValueError("a teacher needs a corpus of sentences to speak about")


class _Run:
    """One stage of a training."""

    def __init__(
        self,
        state: EncoderState,
        kind: str,
        tasks: list[Task],
        options: FitOptions,
        report: Callable[[FitProgress], None],
        history: list[dict[str, Any]],
    ) -> None:
        self.kind, self.tasks, self.options, self.report = kind, tasks, options, report
        self.history = list(history)
        self.model = Trainable(
            state, tasks, weight_decay=options.weight_decay, clip=options.clip, workers=options.workers
        )
        self.best, self.best_loss = state, math.inf
        self.schedule = Schedule(1.0, options.steps or 1, options.warmup)
        self.step, self.seconds = 0, 0.0
        self.recent = [math.nan] * len(tasks)

    def train(self) -> bool:
        """Train to the end; return False if Ctrl-C came before."""
        began = time.perf_counter() - self.seconds
        try:
            if self.step == 0:
                self._measure()
            while (done := self._done()) < 1:
                self._step(done)
                self.seconds = time.perf_counter() - began
                if self.step % self.options.evaluate_every == 0 or self._done() >= 1:
                    self._measure()
                elif self.step % 10 == 0:
                    self._tell("training")
        except KeyboardInterrupt:
            return False
        return True

    def _done(self) -> float:
        share = self.step / (self.options.steps or 1)
        if self.options.max_time is not None:
            share = max(share, self.seconds / max(self.options.max_time, 1e-9))
        return share

    def _step(self, done: float) -> None:
        options = self.options
        share = self.schedule.rate(self.step, done)
        rates = Rates(
            share * (options.learning_rate or 0.0), share * (options.weight_rate or 0.0), share * options.network_rate
        )
        batches = [(i, self._share(task), task.draw(self.step)) for i, task in enumerate(self.tasks)]
        losses = self.model.step(batches, rates, seed=(options.seed << 20) + self.step, chunk=options.chunk)
        self.step += 1
        for i, loss in enumerate(losses):
            self.recent[i] = loss if math.isnan(self.recent[i]) else 0.98 * self.recent[i] + 0.02 * loss
        if not all(map(math.isfinite, losses)):
            raise DivergenceError(
                f"the loss of step {self.step} is not finite; train with a lower learning rate than "
                f"{options.learning_rate:g}, or network rate than {options.network_rate:g}"
            )

    def _share(self, task: Task) -> float:
        return self.options.order_share if task.name == "order" else 1.0

    def _measure(self) -> None:
        self._tell("measuring")
        loss = 0.0
        for task in self.tasks:
            loss += self._share(task) * self.model.loss(task.held_out())
        is_best = loss < self.best_loss
        if is_best:
            self.best, self.best_loss = self.model.state if self.step else self.best, loss
        losses = {task.name: recent for task, recent in zip(self.tasks, self.recent, strict=True)}
        self.history.append(
            {"stage": self.kind, "step": self.step, "seconds": self.seconds}
            | {f"{name}_loss": None if math.isnan(value) else value for name, value in losses.items()}
            | {"held_out_loss": loss, "best": is_best}
        )
        self._tell("training")

    def _tell(self, phase: str) -> None:
        held_out = self.history[-1]["held_out_loss"] if self.history else None
        loss = None if math.isnan(self.recent[0]) else self.recent[0]
        self.report(FitProgress(phase, min(1.0, self._done()), self.step, loss, held_out, self.seconds))

    def tensors(self) -> dict[str, NDArray[Any]]:
        """Return what `restore` needs: the model, the best state, and where the run stands."""
        best = {"best.table": self.best.table, "best.word_weights": self.best.word_weights}
        if self.best.parameters is not None:
            best["best.network"] = self.best.parameters.flat
        place = np.array([self.step, self.seconds, self.best_loss, *self.recent])
        return {**self.model.tensors(), **best, "place": place, "fingerprint": self._fingerprint()}

    def restore(self, tensors: Mapping[str, NDArray[Any]]) -> None:
        """Go on where another run, of the same arguments, was."""
        if not np.array_equal(tensors.get("fingerprint", np.empty(0)), self._fingerprint()):
            raise ValueError("the training to resume had other options, or other sentences; start anew")
        self.model.restore(tensors)
        step, self.seconds, self.best_loss, *self.recent = tensors["place"].tolist()
        self.step = int(step)
        parameters = self.best.parameters
        if parameters is not None:
            parameters = parameters.copy()
            parameters.flat[...] = tensors["best.network"]
        self.best = replace(
            self.best,
            table=np.array(tensors["best.table"]),
            word_weights=np.array(tensors["best.word_weights"]),
            parameters=parameters,
        )

    def _fingerprint(self) -> NDArray[np.uint8]:
        """Return bytes that two trainings share only if they do the same."""
        sizes = [[len(task.held_out().sentences.tokens), len(task.draw(0).sentences.tokens)] for task in self.tasks]
        described = {name: value for name, value in asdict(self.options).items() if name not in ("max_time", "workers")}
        return np.frombuffer(repr((self.kind, sizes, described)).encode(), np.uint8)


def _resumed_stage(resume: Mapping[str, NDArray[Any]], kinds: list[str]) -> int:
    stage = resume.get("stage")
    if stage is None or stage.shape != (1,) or not 0 <= int(stage[0]) < len(kinds):
        raise ValueError("what is to be resumed is not the state of such a training")
    return int(stage[0])
