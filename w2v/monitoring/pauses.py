"""What the trainings of words and of networks share: pauses between steps, and the error of one that diverged."""

from __future__ import annotations

import os
from typing import Any, Protocol


class DivergenceError(ArithmeticError):
    """The vectors grew without bound or the loss left its range."""


class Pausable(Protocol):
    """A training, as a pause finds it: no step is half done."""

    step: int

    @property
    def is_at_end(self) -> bool:
        """Whether nothing is left to do, so that the result is about to be saved."""
        ...

    def check_finite(self) -> None:
        """Raise `DivergenceError` if a parameter is NaN or infinite."""
        ...


class Pause(Protocol):
    """Something to do between two steps, while nothing moves a parameter: to save the training, or to measure it."""

    def is_due(self, training: Any) -> bool:
        """Tell whether to pause before the next step. Asked often; after `act` it must be False."""
        ...

    def act(self, training: Any) -> None:
        """Do it, in a thread of the training. All `training.step` steps are done. What is raised ends training."""
        ...


class Saveable(Protocol):
    """What a checkpoint writes."""

    @property
    def complete(self) -> bool:
        """Whether training is, so that nothing is left to go on with."""
        ...

    @property
    def seed(self) -> int | None:
        """That of the training, which tells whose checkpoint a folder is."""
        ...

    @property
    def inputs(self) -> tuple[str, ...]:
        """The files that were trained on."""
        ...

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write a model folder, whole or not at all."""
        ...
