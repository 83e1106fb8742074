"""One training loop for every network: steps, schedule, held-out loss, the best state, pauses, and going on exactly.

A step adds up gradients, looks at the losses, and only then moves the parameters. What a step draws and drops depends
on its number alone, so that a training that ended between any two steps goes on to the same bits.
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

_KEPT, _NEW = 0.98, 0.02  # of the running means of losses
_REPORT_EVERY = 10


class Model(Protocol):
    """What a loop trains."""

    @property
    def losses(self) -> tuple[str, ...]:
        """Names of what `accumulate` returns."""
        ...

    def accumulate(self, step: int) -> Sequence[float]:
        """Add up the gradients of a step, in parts where a batch is larger than memory; return its losses.

        No parameter moves. The same step gives the same gradients.
        """
        ...

    def update(self, scale: float) -> None:
        """Clip what was added up and move the parameters; learning rates are `scale` times their peaks."""
        ...

    def held_out_loss(self) -> float:
        """Return the loss of what is never trained on."""
        ...

    def all_finite(self) -> bool:
        """Tell whether no parameter is NaN or infinite."""
        ...

    def parameters(self) -> dict[str, NDArray[Any]]:
        """Return what is learned, by name; not copied."""
        ...

    def tensors(self) -> dict[str, NDArray[Any]]:
        """Return everything that training needs to go on, optimizer state included, by name; not copied."""
        ...

    def restore(self, tensors: Mapping[str, NDArray[Any]]) -> None:
        """Go on from what `tensors` gave; ValueError if an array is missing or has another shape."""
        ...


@dataclass(frozen=True)
class LoopOptions:
    """How long a loop trains and what it looks at.

    Attributes
    ----------
    steps : int
    warmup : int
        Steps in which learning rates rise to their peak; with `max_time`, at most `schedule.LONGEST_WARMUP` of it.
    evaluate_every : int
        Steps from one held-out loss to the next.
    max_time : float or None
        Seconds, after which training ends as if its steps had ended.
    labels : dict of str to object
        Put in front of each entry of the history.
    advice : str
        What to do about a training that diverged.
    schedule : str
        How learning rates fall after the warm-up; see `optimizers.schedule.Schedule`.
    averaged : int
        The mean of the parameters at the last so many measurements, at most those in the last fifth of the training so
        far, is measured as well, and kept if it is better than the last of them.
    patience : int or None
        Measurements without a new best after which training ends.
    judged_by : str or None
        The best are the parameters for which this one of the figures is highest; None takes the lowest held-out loss.
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
    """Let SIGINT and SIGTERM wait until the block ends, so that no step is left half done; in the main thread only."""
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
        What to do between steps, such as to save the training.
    figures : callable, optional
        What to measure besides the held-out loss, of the same parameters; not at the start.

    Attributes
    ----------
    step : int
        Steps that are done.
    seconds : float
        Of training, interruptions left out.
    history : list of dict
        What was measured: step, seconds, recent losses by name, held_out_loss, and whether it was the best so far.
    best : dict of str to ndarray, or None
        The parameters whose held-out loss was lowest, or what they are judged by highest; None while that is the start.
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
        self._measured: list[dict[str, NDArray[Any]]] = []  # parameters at the last measurements
        self._recent = [math.nan] * len(model.losses)

    @property
    def done(self) -> float:
        """The fraction of the training that is done."""
        return max(self.step / self.options.steps, self._spent)

    @property
    def _spent(self) -> float:
        """The fraction of the time that is spent; 0 if it is not limited."""
        return 0.0 if self.options.max_time is None else self.seconds / max(self.options.max_time, 1e-9)

    @property
    def is_at_end(self) -> bool:
        """Whether no step is left, or none made it better for too long."""
        patience = self.options.patience
        return self.done >= 1 or (patience is not None and self._since_best >= patience)

    @property
    def loss(self) -> float | None:
        """Recent mean of the first of the losses."""
        return None if not self._recent or math.isnan(self._recent[0]) else self._recent[0]

    @property
    def held_out_loss(self) -> float | None:
        """The last one measured."""
        return self.history[-1]["held_out_loss"] if self.history else None

    def run(self) -> None:
        """Train to the end.

        Raises
        ------
        DivergenceError
            If a loss or a parameter is not finite. Neither `best` nor a checkpoint holds anything of it.
        KeyboardInterrupt
            On Ctrl-C. The step that was begun is finished, and `tensors` says where to go on.
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
        """Do what is due between two steps: measure, report, pause."""
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
        """Parameters at measurements before the last, as many as are to be averaged with it."""
        others = -(-self.step // (5 * self.options.evaluate_every)) - 1  # in the last fifth
        return self._measured[max(0, len(self._measured) - others) :]

    @contextmanager
    def _mean(self) -> Iterator[None]:
        """Put the mean of the last measurements in the place of the parameters while the block lasts."""
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
        if self.options.averaged > 1 and self.step:  # the start is no part of any mean
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
        """Return what `restore` needs: the model, the best parameters, and where the loop stands; not copied."""
        best = {} if self.best is None else {f"best.{name}": array for name, array in self.best.items()}
        measured = {
            f"measured.{i}.{name}": array for i, kept in enumerate(self._measured) for name, array in kept.items()
        }
        place = np.array([self.step, self.seconds, self._best_cost, self._measured_at, *self._recent])
        since_best = {} if self.options.patience is None else {"since_best": np.array([self._since_best])}
        return {**self.model.tensors(), **best, **measured, **since_best, "place": place}

    def restore(self, tensors: Mapping[str, NDArray[Any]]) -> None:
        """Go on where another loop, of an equal model and the same options, was.

        Raises
        ------
        ValueError
            If an array is missing, has another shape or is not finite.
        """
        place = tensors.get("place")
        if place is None or place.shape != (4 + len(self._recent),):
            raise ValueError("the state of the training lacks its place")
        for name, array in tensors.items():  # a loss may be: none was measured yet
            if name != "place" and array.dtype.kind == "f" and not all_finite(np.ascontiguousarray(array)):
                raise ValueError(f"the state of the training is damaged: {name} holds a value that is not finite")
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
        """Return copies of the parameters that `tensors` kept under a prefix; None if there are none."""
        arrays = {f"{prefix}.{name}": np.zeros_like(array) for name, array in self.model.parameters().items()}
        if not any(name in tensors for name in arrays):
            return None
        restore_arrays(arrays, tensors)
        return {name.removeprefix(f"{prefix}."): array for name, array in arrays.items()}
