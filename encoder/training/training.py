"""Training an encoder: without labels on neighbouring sentences or masked words, on paraphrases, or with a teacher.

Training on pairs follows that on the corpus, and continues to train on the corpus as well. Otherwise the encoder would
forget what the corpus taught, and the held-out loss of pairs would not show it.

Training keeps the state with the lowest loss on held-out sentences, which needs no labels. The initial state is a
candidate, so by this measure an encoder only gets better. Training can be interrupted and resumed, because what a step
draws depends only on the seed and the number of the step.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.encoder.model.lookup import WordLookup
from w2v.encoder.model.persistence import n_bytes_of_state
from w2v.encoder.model.state import EncoderState
from w2v.encoder.training.fit_options import FitOptions
from w2v.encoder.training.planning import PlannedStage, plan_stages
from w2v.encoder.training.sources import Pairs, corpus_tasks, masked_tasks, pair_tasks, teacher_tasks, title_tasks
from w2v.encoder.training.tasks import Task
from w2v.encoder.training.teachers import Teachers
from w2v.encoder.training.trainable import Rates, Trainable
from w2v.monitoring.pauses import Saveable
from w2v.neural.loop import Loop, LoopOptions
from w2v.neural.names import FIGURES
from w2v.neural.progress import FitProgress
from w2v.training.checkpoints import Checkpoint

_NOT_KEPT = ("max_time", "workers")
_KINDS = {"neighbors": "corpus", "masked": "masked", "titles": "titles"}  # by objective
_TASKS = {"corpus": corpus_tasks, "masked": masked_tasks, "titles": title_tasks}


@dataclass(frozen=True)
class Fitted:
    """The result of a training.

    Attributes
    ----------
    state : EncoderState
        The best by the held-out loss.
    history : list of dict
        For each measurement: stage, step, seconds, losses by task, held_out_loss, and whether it was the best so far.
    interrupted : bool
        Whether Ctrl-C ended the training.
    training : dict of str to ndarray, or None
        State of an interrupted training; pass it to `fit_encoder` as `resume`.
    interrupt : KeyboardInterrupt or None
        The interrupt that ended it.
    """

    state: EncoderState
    history: list[dict[str, Any]]
    interrupted: bool = False
    training: dict[str, NDArray[Any]] | None = None
    interrupt: KeyboardInterrupt | None = None


@dataclass(frozen=True)
class Kept:
    """The checkpoint of a training, and how the result so far is converted for saving."""

    checkpoint: Checkpoint
    saveable: Callable[[Fitted], Saveable]


def fit_encoder(
    state: EncoderState,
    corpus: Any = None,
    *,
    pairs: Pairs | Sequence[Pairs] | None = None,
    teacher: Teachers | None = None,
    teacher_cache: str | os.PathLike[str] | None = None,
    options: FitOptions | None = None,
    progress: Callable[[FitProgress], None] | None = None,
    resume: Mapping[str, NDArray[Any]] | None = None,
    kept: Kept | None = None,
) -> Fitted:
    """Train an encoder.

    Parameters
    ----------
    state : EncoderState
        Initial state, such as that of `sif_state` or of another training.
    corpus, pairs, teacher, teacher_cache : optional
        Training data; see `SentenceEncoder.fit`. `pairs` may also be `SentenceSets`.
    options : FitOptions, optional
    progress : callable, optional
        Called from time to time.
    resume : mapping of str to ndarray, optional
        `Fitted.training` of an interrupted training with otherwise the same arguments.
    kept : Kept, optional
        Where to save checkpoints.

    Returns
    -------
    Fitted

    Raises
    ------
    ValueError
        If there is not enough training data; if the encoder was imported and its pooling is neither the sum nor the
        mean; if the teacher's vectors have the wrong number or shape or are not finite; if `resume` belongs to another
        training.
    CorpusError
        If a file cannot be read or has the wrong format.
    DivergenceError
        If a loss or a parameter is not finite. An earlier checkpoint stays intact.
    """
    options = FitOptions() if options is None else options
    is_masked = options.objective == "masked"
    _check_start(state, corpus, pairs, teacher)
    _check_objective(options.objective, state, corpus, teacher)
    if is_masked and resume is None:  # equal word weights: the network would hardly see words with small ones
        state = replace(state, word_weights=np.zeros_like(state.word_weights))
    report = progress or (lambda _: None)
    lookup = WordLookup(state.vocabulary, state.tokenizer)
    of_corpus = "teacher" if teacher is not None else _KINDS[options.objective]
    kinds = [of_corpus] * (corpus is not None) + ["pairs"] * (pairs is not None)
    every = {kind: options.filled(kind) for kind in kinds}
    plan = plan_stages(state, every, resume)
    first = 0 if resume is None else int(resume["stage"][0])

    def read(kind: str, filled: FitOptions) -> list[Task]:
        if kind == "pairs" and pairs is not None:
            return pair_tasks(state, lookup, pairs, filled, report)
        if teacher is not None:
            return teacher_tasks(state, lookup, corpus, teacher, filled, report, teacher_cache)
        return _TASKS[kind](state, lookup, corpus, filled, report)

    # read all text before training, so that errors in it do not surface after hours
    left = list(dict.fromkeys(part.kind for part in plan[first:]))
    tasks = _read_tasks(read, every, left, goes_on=bool(options.corpus_share) and not is_masked)
    # the word-order task has the same text as the other tasks, and needs a network
    text = {kind: {task.name: task.digest() for task in own if task.name != "order"} for kind, own in tasks.items()}
    history: list[dict[str, Any]] = []
    for number in range(first, len(plan)):
        part = plan[number]
        if part.above is not None and state.network is None:  # it was tried without a gain
            continue
        ahead = {one.kind: text[one.kind] for one in plan[number:]}
        fingerprint = _fingerprint(part.options, ahead)
        is_last = part.kind not in [one.kind for one in plan[number + 1 :]]
        own = tasks.pop(part.kind) if is_last else tasks[part.kind]
        stage = Stage(np.array([number, len(plan)]), state, part, own, report, history, kept, fingerprint)
        if resume is not None and number == first:
            stage.resume(resume)
        try:
            report(FitProgress("compiling"))
            stage.rehearse()
            stage.loop.run()
        except KeyboardInterrupt as interrupt:
            return replace(stage.fitted(), interrupt=interrupt)
        state, history = stage.chosen, stage.history
    return Fitted(state, history)


def _read_tasks(
    read: Callable[[str, FitOptions], list[Task]], every: Mapping[str, FitOptions], kinds: list[str], *, goes_on: bool
) -> dict[str, list[Task]]:
    """Return the tasks of each of `kinds`; with `goes_on`, those of a corpus continue beside pairs."""
    goes_on = goes_on and len(every) == 2
    tasks = {kind: read(kind, every[kind]) for kind in (every if goes_on else kinds)}
    if goes_on:
        of_corpus, of_pairs = tasks.values()
        names = {task.name for task in of_pairs}
        of_pairs += [task for task in of_corpus if task.name not in names]
    return {kind: tasks[kind] for kind in kinds}


def _check_start(state: EncoderState, corpus: Any, pairs: object, teacher: Teachers | None) -> None:
    if corpus is None and pairs is None:
        raise ValueError("there is nothing to train on: give a corpus, pairs, or a corpus and a teacher")
    if teacher is not None and corpus is None:
        raise ValueError("a teacher needs a corpus of sentences to encode")
    if not state.pooling.is_linear:
        dense = " and a dense map" if state.pooling.dense else ""
        raise ValueError(
            f"an encoder with the pooling {state.pooling.kind!r}{dense} cannot be trained; only encoders that end with "
            "the mean or the sum of their hidden states can"
        )


def _check_objective(objective: str, state: EncoderState, corpus: Any, teacher: Teachers | None) -> None:
    if objective == "titles" and (corpus is None or teacher is not None):
        raise ValueError("the objective titles needs a corpus of articles, and no teacher")
    if objective != "masked":
        return
    if corpus is None or teacher is not None:
        what = "a corpus, whose words it masks" if corpus is None else "no teacher, which is a different objective"
        raise ValueError(f"the objective masked needs {what}")
    if state.network is None:
        raise ValueError(
            "the objective masked trains a network, and this encoder has none: pass architecture='attention' "
            "or another network"
        )


class Stage:
    """One stage of a training: the model of a `Loop`, and the loop that trains it."""

    def __init__(
        self,
        place: NDArray[np.int64],
        state: EncoderState,
        part: PlannedStage,
        tasks: list[Task],
        report: Callable[[FitProgress], None],
        history: list[dict[str, Any]],
        kept: Kept | None,
        fingerprint: NDArray[np.uint8],
    ) -> None:
        self.place, self.part, self.options, self.fingerprint = place, part, part.options, fingerprint
        has_network = state.network is not None and not part.table_alone
        self.tasks = [task for task in tasks if task.name != "order" or has_network]
        self.losses = tuple(task.name for task in self.tasks)
        self._start, self._report, self._before = state, report, history
        self._weights = _weights(self.tasks, part.kind, part.options)
        self._figures: dict[str, float] = {}
        options = part.options
        self._trainable = Trainable(
            state, self.tasks, weight_decay=options.weight_decay, clip=options.clip,
            optimizer=options.optimizer, workers=options.workers, table_alone=part.table_alone,
        )  # fmt: skip
        advice = (
            f"train with a lower learning rate than {options.learning_rate:g}, or network rate than "
            f"{options.network_rate:g}"
        )
        self.loop = Loop(
            self,
            LoopOptions(
                options.steps or 1, options.warmup, options.evaluate_every, options.max_time, {"stage": part.label},
                advice,
            ),
            progress=self._tell, pauses=[] if kept is None else [kept.checkpoint], figures=lambda: self._figures,
        )  # fmt: skip
        if kept is not None:
            kept.checkpoint.start(lambda: kept.saveable(self.fitted()), n_bytes_of_state(state))

    @property
    def best(self) -> EncoderState:
        """The state with the lowest held-out loss so far."""
        return self._start if self.loop.best is None else self._trainable.state_with(self.loop.best)

    @property
    def chosen(self) -> EncoderState:
        """The start of the next stage: the best state, without a tried network that brought no gain."""
        if self.part.is_trial and self.loop.best is None:
            return replace(self._start, network=None, parameters=None)
        return self.best

    @property
    def history(self) -> list[dict[str, Any]]:
        """The history, including earlier stages."""
        return self._before + self.loop.history

    def fitted(self) -> Fitted:
        """Return the current result, which can be resumed."""
        stage: dict[str, NDArray[Any]] = {"stage": self.place, "fingerprint": self.fingerprint}
        return Fitted(self.best, self.history, True, self.loop.tensors() | stage)

    def resume(self, tensors: Mapping[str, NDArray[Any]]) -> None:
        """Resume from the state of another training with the same arguments."""
        _check_same(self.fingerprint, tensors.get("fingerprint"))
        self.loop.restore(tensors)

    def accumulate(self, step: int) -> list[float]:
        """Compute the gradients of a step of all tasks; return their losses."""
        batches = [(i, self._weight(task), task.draw(step)) for i, task in enumerate(self.tasks)]
        return self._trainable.accumulate(batches, seed=(self.options.seed << 20) + step, chunk=self.options.chunk)

    def rehearse(self) -> None:
        """Run a step without an update, so that compilation does not count as training time."""
        self.accumulate(0)
        self._trainable.rehearse_update()

    def update(self, scale: float) -> None:
        """Update all parameters."""
        options = self.options
        rates = options.learning_rate or 0.0, options.weight_rate or 0.0, options.network_rate
        self._trainable.update(Rates(*(scale * rate for rate in rates)))

    def held_out_loss(self) -> float:
        """Return the loss of the held-out sentences.

        A network that is on trial is also measured by the tasks that the word vectors were trained on.
        """
        total, self._figures = 0.0, {}
        for task in self.tasks:
            if task.name == "order" and self.options.choose:
                continue
            batch = task.held_out()
            total += self._weight(task) * self._trainable.loss(batch)
            self._figures |= batch.figures or {}
        return total

    def all_finite(self) -> bool:
        """Return whether all parameters are finite."""
        return self._trainable.all_finite()

    def parameters(self) -> dict[str, NDArray[Any]]:
        """Return the arrays of the encoder."""
        return self._trainable.learned()

    def tensors(self) -> dict[str, NDArray[Any]]:
        """Return all arrays needed to resume training."""
        return self._trainable.tensors()

    def restore(self, tensors: Mapping[str, NDArray[Any]]) -> None:
        """Restore the arrays of `tensors`."""
        self._trainable.restore(tensors)

    def _weight(self, task: Task) -> float:
        return self._weights.get(task.name, 1.0)

    def _tell(self, phase: str, loop: Loop) -> None:
        last: dict[str, Any] = loop.history[-1] if loop.history else {}
        figures = {name: last[name] for name in FIGURES if name in last}
        done = min(1.0, loop.done)
        self._report(FitProgress(phase, done, loop.step, loop.loss, loop.held_out_loss, loop.seconds, figures))


def _weights(tasks: list[Task], kind: str, options: FitOptions) -> dict[str, float]:
    """Return the weight of the loss of each task of a stage by name."""
    names = [task.name for task in tasks]
    of_pairs = [name for name in names if name.startswith("pairs")]
    weights = dict.fromkeys(names, options.corpus_share if kind in ("pairs", "titles") else 1.0)
    if kind == "titles":
        weights["titles"] = 1.0
    weights |= zip(of_pairs, options.weights_of_pairs(len(of_pairs)), strict=True) if of_pairs else ()
    return weights | {"order": options.order_share}


def _fingerprint(options: FitOptions, text: dict[str, dict[str, str]]) -> NDArray[np.uint8]:
    """Return bytes that are equal only for trainings with equal current and later stages.

    `text` has the digests of the tasks of each stage.
    """
    shown = {name: value for name, value in asdict(options).items() if name not in _NOT_KEPT}
    return np.frombuffer(json.dumps({"options": shown, "text": text}).encode(), np.uint8)


def _check_same(own: NDArray[np.uint8], saved: NDArray[Any] | None) -> None:
    """Raise ValueError unless two fingerprints are equal, saying what differs."""
    now = json.loads(own.tobytes())
    try:
        began = json.loads(b"" if saved is None else saved.tobytes())
        other = [name for name, value in now["options"].items() if began["options"].get(name, value) != value]
        has_same_stages, has_same_text = list(began["text"]) == list(now["text"]), began["text"] == now["text"]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError("the saved state to resume does not belong to this kind of training") from error
    if other and has_same_stages:
        raise ValueError(
            f"the training to resume began with other options: {other[0]} was {began['options'][other[0]]}, not "
            f"{now['options'][other[0]]}; resume with the same options, or start again"
        )
    if not has_same_text:
        raise ValueError("the training to resume began with other sentences; resume with the same ones, or start again")
