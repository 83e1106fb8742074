"""One training loop for all networks: steps, schedule, held-out loss, best parameters, pauses and exact resuming.

A step accumulates gradients, checks the losses, and only then updates the parameters. Its batch and its dropout depend
only on its number, so a training interrupted between any two steps resumes to the same bits.
"""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from w2v.monitoring.pauses import DivergenceError, Pause
from w2v.neural.optimizers.schedule import Schedule
from w2v.neural.parameters import all_finite
from w2v.neural.persistence import restore_arrays

_KEPT, _NEW = 0.98, 0.02  # for the running means of losses
_REPORT_EVERY = 10


class Model(Protocol):
    """A model that a loop can train."""

    @property
    def losses(self) -> tuple[str, ...]:
        """Names of the losses returned by `accumulate`."""
        ...

    def accumulate(self, step: int) -> Sequence[float]:
        """Accumulate the gradients of a step, in parts if a batch does not fit in memory; return its losses.

        Parameters are not changed. The same step gives the same gradients.
        """
        ...

    def update(self, scale: float) -> None:
        """Clip the gradients and update the parameters; learning rates are `scale` times their peaks."""
        ...

    def held_out_loss(self) -> float:
        """Return the loss on held-out data."""
        ...

    def all_finite(self) -> bool:
        """Return whether all parameters are finite."""
        ...

    def parameters(self) -> dict[str, NDArray[Any]]:
        """Return the trained parameters by name, not copied."""
        ...

    def tensors(self) -> dict[str, NDArray[Any]]:
        """Return all arrays needed to resume training, including optimizer state, by name; not copied."""
        ...

    def restore(self, tensors: Mapping[str, NDArray[Any]]) -> None:
        """Restore the arrays of `tensors`; ValueError if an array is missing or has another shape."""
        ...


@dataclass(frozen=True)
class LoopOptions:
    """How long a loop trains and how it evaluates.

    Attributes
    ----------
    steps : int
    warmup : int
        Steps in which learning rates rise to their peak; with `max_time`, at most `schedule.LONGEST_WARMUP` of it.
    evaluate_every : int
        Steps between evaluations.
    max_time : float or None
        Seconds after which training ends, as if its steps were complete.
    labels : dict of str to object
        Added to the start of each entry of the history.
    advice : str
        Advice in the error message of a diverged training.
    schedule : str
        How learning rates decrease after the warm-up; see `optimizers.schedule.Schedule`.
    averaged : int
        The mean of the parameters at this many last evaluations, at most those in the last fifth of the training so
        far, is evaluated as well, and kept if it is better than the latest parameters.
    patience : int or None
        Number of evaluations without a new best after which training ends.
    judged_by : str or None
        The best parameters are those with the highest value of this figure; None: the lowest held-out loss.
    """

    steps: int
    warmup: int = 100
    evaluate_every: int = 200
    max_time: float | None = None
    labels: dict[str, Any] = field(default_factory=dict)
    advice: str = "train with a lower learning rate"
    schedule: str = "linear"
    averaged: int = 1
    patience: int | None = None
    judged_by: str | None = None


@contextmanager
def _signals_waiting() -> Iterator[None]:
    """Delay SIGINT and SIGTERM until the block ends, so that no step stays incomplete; in the main thread only."""
    came: list[int] = []
    handlers: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        for number in (int(signal.SIGINT), int(signal.SIGTERM)):
            if callable(signal.getsignal(number)):
                handlers[number] = signal.signal(number, lambda number, frame: came.append(number))
    try:
        yield
    finally:
        for heard, handler in handlers.items():
            signal.signal(heard, handler)
    for signalled in came[:1]:
        handlers[signalled](signalled, None)


class Loop:
    """A training of a network.

    Parameters
    ----------
    model : Model
    options : LoopOptions
    progress : callable, optional
        Called from time to time with "training" or "measuring" and the loop.
    pauses : sequence of Pause, optional
        Work between steps, such as saving checkpoints.
    figures : callable, optional
        Further figures of the same parameters to measure besides the held-out loss; not at the start.

    Attributes
    ----------
    step : int
        Number of completed steps.
    seconds : float
        Training time, without interruptions.
    history : list of dict
        Evaluations: step, seconds, recent losses by name, held_out_loss, and whether it was the best so far.
    best : dict of str to ndarray, or None
        The parameters with the lowest held-out loss, or the highest figure `judged_by`; None while the initial ones are
        best.
    """

    def __init__(
        self,
        model: Model,
        options: LoopOptions,
        *,
        progress: Callable[[str, Loop], None] | None = None,
        pauses: Sequence[Pause] = (),
        figures: Callable[[], Mapping[str, float]] | None = None,
    ) -> None:
        self.model, self.options, self.pauses = model, options, pauses
        self._figures = figures or (lambda: {})
        self._report = progress or (lambda phase, loop: None)
        self._schedule = Schedule(1.0, options.steps, options.warmup, options.schedule)
        self.step, self.seconds = 0, 0.0
        self.history: list[dict[str, Any]] = []
        self.best: dict[str, NDArray[Any]] | None = None
        self._best_cost, self._measured_at, self._since_best = math.inf, -1, 0
        self._measured: list[dict[str, NDArray[Any]]] = []  # parameters at the last evaluations
        self._recent = [math.nan] * len(model.losses)

    @property
    def done(self) -> float:
        """Completed fraction of the training."""
        return max(self.step / self.options.steps, self._spent)

    @property
    def _spent(self) -> float:
        """Fraction of the time limit that is used up; 0 without a limit."""
        return 0.0 if self.options.max_time is None else self.seconds / max(self.options.max_time, 1e-9)

    @property
    def is_at_end(self) -> bool:
        """Whether no steps are left, or there was no improvement for too long."""
        patience = self.options.patience
        return self.done >= 1 or (patience is not None and self._since_best >= patience)

    @property
    def loss(self) -> float | None:
        """Recent mean of the first loss."""
        return None if not self._recent or math.isnan(self._recent[0]) else self._recent[0]

    @property
    def held_out_loss(self) -> float | None:
        """The latest held-out loss."""
        return self.history[-1]["held_out_loss"] if self.history else None

    def run(self) -> None:
        """Train to the end.

        Raises
        ------
        DivergenceError
            If a loss or a parameter is not finite. `best` and checkpoints contain only finite values.
        KeyboardInterrupt
            On Ctrl-C. The current step is completed first, and `tensors` contains the state to resume from.
        """
        began = time.perf_counter() - self.seconds
        try:
            while True:
                self._look()
                if self.is_at_end:
                    return
                with _signals_waiting():
                    self._advance()
                self.seconds = time.perf_counter() - began
        except KeyboardInterrupt:
            self.check_finite()
            raise

    def check_finite(self) -> None:
        """Raise `DivergenceError` if a parameter is NaN or infinite."""
        if not self.model.all_finite():
            raise DivergenceError(f"a parameter is not finite after step {self.step}; {self.options.advice}")

    def _look(self) -> None:
        """Do what is due between two steps: evaluate, report, pause."""
        is_measured = self._measured_at == self.step
        if not is_measured and (self.step % self.options.evaluate_every == 0 or self.is_at_end):
            self._measure()
        elif self.step % _REPORT_EVERY == 0:
            self._report("training", self)
        for pause in self.pauses:
            if pause.is_due(self):
                pause.act(self)

    def _advance(self) -> None:
        losses = [float(loss) for loss in self.model.accumulate(self.step)]
        if not all(map(math.isfinite, losses)):
            raise DivergenceError(f"the loss of step {self.step + 1} is not finite; {self.options.advice}")
        self.model.update(self._schedule.rate(self.step, self.done, self._spent))
        self.step += 1
        for i, loss in enumerate(losses):
            before = self._recent[i]
            self._recent[i] = loss if math.isnan(before) else _KEPT * before + _NEW * loss

    @property
    def _to_average(self) -> list[dict[str, NDArray[Any]]]:
        """Return the parameters at earlier evaluations that are averaged with the latest."""
        others = -(-self.step // (5 * self.options.evaluate_every)) - 1  # in the last fifth
        return self._measured[max(0, len(self._measured) - others) :]

    @contextmanager
    def _mean(self) -> Iterator[None]:
        """Replace the parameters by their mean over the last evaluations within the block."""
        parameters = self.model.parameters()
        now = {name: array.copy() for name, array in parameters.items()}
        try:
            for name, array in parameters.items():
                array[...] = np.mean([arrays[name] for arrays in (*self._to_average, now)], axis=0)
            yield
        finally:
            for name, array in parameters.items():
                array[...] = now[name]

    def _measure(self) -> None:
        self._report("measuring", self)
        self.check_finite()
        loss = float(self.model.held_out_loss())
        if not math.isfinite(loss):
            raise DivergenceError(f"the held-out loss is not finite after step {self.step}; {self.options.advice}")
        mean_loss = math.inf
        if self._to_average:
            with self._mean():
                mean_loss = float(self.model.held_out_loss())
        with self._mean() if mean_loss < loss else nullcontext():
            loss = min(loss, mean_loss)
            figures = self._figures() if self.step else {}
            judged_by = self.options.judged_by
            cost = loss if judged_by is None else -figures.get(judged_by, -math.inf)
            is_best = cost < self._best_cost
            if is_best and self.step:
                self.best = {name: array.copy() for name, array in self.model.parameters().items()}
        if self.options.averaged > 1 and self.step:  # initial parameters are never averaged
            now = {name: array.copy() for name, array in self.model.parameters().items()}
            self._measured = [*self._measured, now][1 - self.options.averaged :]
        self._since_best = 0 if is_best or not self.step else self._since_best + 1
        if is_best:
            self._best_cost = cost
        recent = {
            f"{name}_loss": None if math.isnan(value) else value
            for name, value in zip(self.model.losses, self._recent, strict=True)
        }
        entry = {
            "step": self.step,
            "seconds": self.seconds,
            **recent,
            "held_out_loss": loss,
            **figures,
            "best": is_best,
        }
        self.history.append(self.options.labels | entry)
        self._measured_at = self.step
        self._report("training", self)

    def tensors(self) -> dict[str, NDArray[Any]]:
        """Return the arrays that `restore` needs: the model, the best parameters and the counters; not copied."""
        best = {} if self.best is None else {f"best.{name}": array for name, array in self.best.items()}
        measured = {
            f"measured.{i}.{name}": array for i, kept in enumerate(self._measured) for name, array in kept.items()
        }
        place = np.array([self.step, self.seconds, self._best_cost, self._measured_at, *self._recent])
        since_best = {} if self.options.patience is None else {"since_best": np.array([self._since_best])}
        return {**self.model.tensors(), **best, **measured, **since_best, "place": place}

    def restore(self, tensors: Mapping[str, NDArray[Any]]) -> None:
        """Resume from the state of another loop, with an equal model and the same options.

        Raises
        ------
        ValueError
            If an array is missing, has another shape or is not finite.
        """
        place = tensors.get("place")
        if place is None or place.shape != (4 + len(self._recent),):
            raise ValueError("the state of the training does not contain its position")
        for name, array in tensors.items():  # a loss may be infinite, before the first evaluation
            if name != "place" and array.dtype.kind == "f" and not all_finite(np.ascontiguousarray(array)):
                raise ValueError(f"the state of the training is damaged: {name} contains a value that is not finite")
        self.model.restore(tensors)
        step, self.seconds, self._best_cost, measured_at, *self._recent = place.tolist()
        self.step, self._measured_at = int(step), int(measured_at)
        self.best, self._measured = self._restored("best", tensors), []
        while (measured := self._restored(f"measured.{len(self._measured)}", tensors)) is not None:
            self._measured.append(measured)
        self._since_best = int(tensors["since_best"][0]) if "since_best" in tensors else 0
        if self.step < 0:
            raise ValueError("the state of the training is damaged: its step is negative")

    def _restored(self, prefix: str, tensors: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]] | None:
        """Return copies of the parameters saved in `tensors` under a prefix; None if there are none."""
        arrays = {f"{prefix}.{name}": np.zeros_like(array) for name, array in self.model.parameters().items()}
        if not any(name in tensors for name in arrays):
            return None
        restore_arrays(arrays, tensors)
        return {name.removeprefix(f"{prefix}."): array for name, array in arrays.items()}
