"""The training of a network: loop, checkpoints, progress and record."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from w2v.monitoring.history import TrainingInterrupted
from w2v.neural import models
from w2v.neural.loop import Loop, LoopOptions
from w2v.neural.models import Regularisation
from w2v.neural.names import FIGURES
from w2v.neural.parameters import ParameterTable
from w2v.neural.progress import FitProgress
from w2v.neural.tasks.folder import TextNetwork
from w2v.neural.tasks.parameters import SharedParameters
from w2v.neural.tasks.trainable import LearningOptions, Network, Sized, Trainable
from w2v.settings.constraints import is_generator
from w2v.settings.environment import default_workers
from w2v.storage.claims import claimed
from w2v.training.checkpoints import Checkpoint

_MANY_EPOCHS = 1 << 20
_LEAST_BETWEEN, _MOST_BETWEEN = 50, 1000
"""Limits on the steps between two evaluations within an epoch."""
_MAY_CHANGE = ("workers", "max_time", "examples")

Told = Callable[[FitProgress], None]
_P = TypeVar("_P", bound=SharedParameters)


class DataWarning(UserWarning):
    """Part of the training data is left out or changed; the message says how much, and why."""


@dataclass(frozen=True)
class Text:
    """The training data and held-out data of a network.

    Attributes
    ----------
    draw : callable
        From the number of a step to its batch; the same number gives the same batch.
    n_batches : int
        Steps per epoch.
    held_out : Batch
    figures : callable
        Further measures of parameters: names and numbers, such as BLEU.
    decode : callable
        Does the same as `figures` with a small network and its parameters, so that it is compiled before training.
    digest : str
        Digest that identifies the text.
    files : list of str, or None
        Absolute paths of the files; None for data in memory.
    further : dict of str to object
        What else is needed to find the text again.
    network : Network
        Computes the loss of a batch.
    smallest : callable
        From a configuration to the smallest network of its kind and a batch for it, with which everything that training
        needs is compiled.
    judged_by : str or None
        The name in `figures` by which the best parameters are chosen, the highest first; None chooses the lowest loss.
    word_dropout : float
        See `models.Regularisation.words`.
    concluded : callable
        Completes the trained network after the last step, for example with its calibration.
    part : int
        See `LearningOptions`.
    epochs, least_steps : int
        Default number of epochs if neither epochs nor a time are given; more for short texts, to reach this number of
        steps.
    """

    draw: Callable[[int], Sized]
    n_batches: int
    held_out: Sized
    figures: Callable[[ParameterTable], dict[str, float]]
    decode: Callable[[Any, ParameterTable], object]
    digest: str
    files: list[str] | None = None
    further: dict[str, Any] = field(default_factory=dict)
    network: Network = models
    smallest: Callable[[Any], tuple[Any, Any]] = models.smallest
    judged_by: str | None = None
    word_dropout: float = 0.0
    concluded: Callable[[TextNetwork], TextNetwork] = lambda learned: learned
    part: int = LearningOptions.part
    epochs: int = 16
    least_steps: int = 1740


@dataclass(frozen=True)
class Training(Generic[_P]):
    """The settings of a training: parameters, checkpoint and progress.

    Attributes
    ----------
    parameters : SharedParameters
        With a seed.
    keep : callable
        Receives the trained network before it is saved, so that nothing is lost if saving fails.
    checkpoint : Checkpoint, optional
        Where to save the training.
    told : callable, optional
        Receives the progress.
    resumed : TextNetwork, optional
        The interrupted training to resume.
    given : dict of str to object
        The parameters as the user gave them, in JSON types; `parameters` are those with which training began.
    """

    parameters: _P
    keep: Callable[[TextNetwork], None]
    checkpoint: Checkpoint | None = None
    told: Told | None = None
    resumed: TextNetwork | None = None
    given: Mapping[str, Any] = field(default_factory=dict)

    @property
    def began(self) -> TextNetwork:
        """The record of the interrupted training."""
        assert self.resumed is not None
        return self.resumed

    def tell(self, phase: str) -> None:
        """Report the next step."""
        if self.told is not None:
            self.told(FitProgress(phase))


def digest_of(*texts: Iterable[NDArray[Any]]) -> str:
    """Return a digest of texts."""
    return digest_of_arrays(*(array for text in texts for array in text))


def digest_of_arrays(*arrays: NDArray[Any]) -> str:
    """Return a digest of arrays."""
    found = hashlib.sha256()
    for array in arrays:
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


def seed_of(random_state: Any) -> int:
    """Return the seed of a training; a generator draws one."""
    if is_generator(random_state) or random_state is None:
        return int(np.random.default_rng(random_state).integers(1 << 31))
    return int(random_state)


def train(start: TextNetwork, text: Text, training: Training[Any]) -> None:
    """Train a network, or resume an interrupted training.

    Parameters
    ----------
    start : TextNetwork
        Has the initial parameters, which are not changed.
    text : Text
    training : Training

    Raises
    ------
    TrainingInterrupted
        After Ctrl-C, once everything is saved.
    ValueError
        If the training to resume had other parameters or another text.
    DivergenceError
        If a loss or a parameter is not finite. An earlier checkpoint stays intact.
    """
    parameters, checkpoint, resumed = training.parameters, training.checkpoint, training.resumed
    seed = parameters.random_state
    described = {"seed": seed, "text": text.digest, "files": text.files, **text.further}
    shown, before = parameters.to_dict(), list[dict[str, Any]]()
    if resumed is not None:
        check_same(resumed.metadata, shown, text.digest)
        before += resumed.metadata.get("history", [])
    table = start.parameters.copy()
    learning = LearningOptions(
        parameters.learning_rate,
        parameters.optimizer,
        weight_decay=parameters.weight_decay,
        clip=parameters.clip,
        regularisation=Regularisation(parameters.dropout, parameters.smoothing, text.word_dropout),
        part=text.part,
        seed=seed,
        workers=parameters.workers or default_workers(),
    )
    with nullcontext() if checkpoint is None else claimed(checkpoint.output):
        tell = _teller(training.told, before)
        tell("compiling", None)
        _rehearse(start.config, text, learning)
        loop = Loop(
            Trainable(start.config, table, text.draw, text.held_out, learning, text.network),
            _loop_options(parameters, text), progress=tell,
            pauses=[] if checkpoint is None else [checkpoint], figures=lambda: text.figures(table),
        )  # fmt: skip
        if resumed is not None and resumed.training is not None:
            loop.restore(resumed.training)

        def saved(complete: bool) -> TextNetwork:
            learned = start.parameters.zeros_like()
            learned.flat[:] = table.flat if loop.best is None else loop.best["network"]
            metadata = {
                **start.metadata,
                "parameters": shown,
                "history": before + loop.history,
                "training": {**described, "complete": complete},
            } | given_beside(shown, training.given)
            return replace(start, parameters=learned, metadata=metadata, training=None if complete else loop.tensors())

        if checkpoint is not None:
            checkpoint.start(lambda: saved(False), 5 * start.parameters.flat.nbytes)
        interrupt: KeyboardInterrupt | None = None
        try:
            loop.run()
        except KeyboardInterrupt as caught:
            interrupt = caught
        result = text.concluded(saved(interrupt is None))
        training.keep(result)
        if checkpoint is not None:
            checkpoint.finish(result)
    if interrupt is not None:
        raise TrainingInterrupted("training was interrupted; `resume` continues it") from interrupt


def given_beside(parameters: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return an entry for the metadata of a network: the parameters that were given otherwise than it was trained with.

    Those are the ones that training chose, or took from layers to start from.
    """
    differing = {name: value for name, value in given.items() if parameters.get(name) != value}
    return {"given": differing} if differing else {}


def _teller(told: Told | None, before: list[dict[str, Any]]) -> Callable[[str, Loop | None], None]:
    """Return the function that reports progress; `before` is the history before an interruption."""

    def tell(phase: str, loop: Loop | None) -> None:
        if told is None:
            return
        if loop is None:
            told(FitProgress(phase))
            return
        last: dict[str, Any] = next(reversed([*before, *loop.history]), {})
        figures = {name: last[name] for name in FIGURES if name in last}
        held_out = last.get("held_out_loss")
        told(FitProgress(phase, min(1.0, loop.done), loop.step, loop.loss, held_out, loop.seconds, figures))

    return tell


def _rehearse(config: Any, text: Text, learning: LearningOptions) -> None:
    """Run a training step with the smallest network of this kind, so that all kernels are compiled.

    Compilation takes about half a minute, once, and does not count as training time.
    """
    small, batch = text.smallest(config)
    table = ParameterTable.initialise(small.tensors(), 1)
    learning = replace(learning, workers=1, rate=0.0, weight_decay=0.0)
    trainable = Trainable(small, table, lambda step: batch, batch, learning, text.network)
    trainable.accumulate(0)
    trainable.update(1.0)
    trainable.held_out_loss()
    text.decode(small, table)


def _loop_options(parameters: SharedParameters, text: Text) -> LoopOptions:
    per_epoch = text.n_batches
    limited = parameters.max_time is not None
    epochs = parameters.epochs or (_MANY_EPOCHS if limited else max(text.epochs, -(-text.least_steps // per_epoch)))
    return LoopOptions(
        epochs * per_epoch,
        min(parameters.warmup, max(1, epochs * per_epoch // 4)),
        parameters.evaluate_every or min(per_epoch * -(-_LEAST_BETWEEN // per_epoch), _MOST_BETWEEN),
        parameters.max_time,
        advice=f"train with a lower learning_rate than {parameters.learning_rate:g}, or a longer warmup",
        averaged=parameters.averaged,
        patience=parameters.patience,
        judged_by=text.judged_by,
    )


def check_same(metadata: Mapping[str, Any], shown: dict[str, Any], digest: str) -> None:
    """Raise ValueError, which says what differs, unless a training is the one that was interrupted."""
    began = metadata.get("parameters")
    if not isinstance(began, dict):
        raise ValueError("the saved state to resume does not belong to this kind of training")
    for name, value in json.loads(json.dumps(shown)).items():
        if name not in _MAY_CHANGE and began.get(name) != value:
            raise ValueError(
                f"{name} is {value}, but the interrupted training began with {began.get(name)}: resume it with its "
                "original parameters"
            )
    if metadata.get("training", {}).get("text") != digest:
        raise ValueError("the training to resume began with another text; resume with the same text, or start again")
