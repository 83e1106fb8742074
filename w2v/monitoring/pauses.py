"""Shared by the training of words and of networks: pauses between steps, and the error for divergence."""

from __future__ import annotations

import os
from typing import Any, Protocol


class DivergenceError(ArithmeticError):
    """Training diverged: the vectors grew without bound, or the loss left its range."""


class Pausable(Protocol):
    """A training as a pause sees it, between two steps."""

    step: int

    @property
    def is_at_end(self) -> bool:
        """Return whether training is complete, so the result is about to be saved."""
        ...

    def check_finite(self) -> None:
        """Raise `DivergenceError` if a parameter is NaN or infinite."""
        ...


class Pause(Protocol):
    """An action between two steps, while no parameter changes: saving or evaluating, for example."""

    def is_due(self, training: Any) -> bool:
        """Return whether to pause before the next step. Called often; after `act` it must be False."""
        ...

    def act(self, training: Any) -> None:
        """Run the action in a training thread, after `training.step` complete steps. An exception ends training."""
        ...


class Saveable(Protocol):
    """A model that a checkpoint can save."""

    @property
    def complete(self) -> bool:
        """Return whether training is complete, so there is nothing to resume."""
        ...

    @property
    def seed(self) -> int | None:
        """Return the seed of the training, which identifies its checkpoints."""
        ...

    @property
    def inputs(self) -> tuple[str, ...]:
        """Return the files used for training."""
        ...

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write a model folder atomically."""
        ...
