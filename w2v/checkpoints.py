"""Checkpoints: a training is saved from time to time, so that it can go on after whatever may happen to the process.

A checkpoint is a model folder like any other, whose training is not complete. It stands under the name that the result
will have, unless a complete model does: that one stays until the new one is complete, and the checkpoint beside it
ends in ``.checkpoint``.
"""

from __future__ import annotations

import os
import shutil
import time
import warnings
from collections.abc import Callable
from pathlib import Path

from ._files import remove_leftovers
from .claims import check_free_space, check_unclaimed
from .parameters import CHECKPOINT_INTERVAL
from .persistence import ModelError, check_output, read_config
from .rescue import save_result
from .trainer import Trainer
from .training_state import TrainingState

SUFFIX = ".checkpoint"


class CheckpointWarning(UserWarning):
    """A checkpoint could not be written; training goes on, and the checkpoint before is still whole."""


class Checkpoint:
    """Saves a training between two segments, whenever so many seconds have gone by; a `Pause` of the trainer.

    Parameters
    ----------
    output : str or path-like
        Where the result shall be.
    interval : float, default 600
        Seconds from one checkpoint to the next; 0 for none but that of an interruption.
    overwrite : bool, default False
        Replace a model folder that exists.
    seed : int, optional
        Of the training that goes on: its own checkpoint may be replaced.

    Attributes
    ----------
    folder : Path
        Where checkpoints are written: `output`, or beside it.

    Raises
    ------
    ValueError
        If the interval is negative or not finite.
    ModelError
        If the folder exists and may not be replaced, or cannot be written.
    """

    def __init__(
        self,
        output: str | os.PathLike[str],
        interval: float = CHECKPOINT_INTERVAL,
        *,
        overwrite: bool = False,
        seed: int | None = None,
    ) -> None:
        if not 0 <= interval < float("inf"):
            raise ValueError(f"checkpoint_every must be a number of seconds, 0 or more, got {interval!r:.80}.")
        self.output, self.interval = Path(output), interval
        check_unclaimed(output)
        interrupted = interrupted_seed(output)
        if interrupted is not None and not overwrite and interrupted != seed:
            raise ModelError(
                f"{output} holds a training that was interrupted; go on with it (w2v train --resume {output}, or "
                "Word2Vec.load and resume), choose another name, or ask to overwrite it"
            )
        check_output(output, overwrite or interrupted is not None)
        is_beside = os.path.lexists(output) and interrupted is None
        self.folder = checkpoint_beside(output) if is_beside else self.output
        if is_beside:
            check_output(self.folder, overwrite=True)
        self._overwrite = overwrite
        self._snapshot: Callable[[], TrainingState] | None = None
        self._next, self._last_step = float("inf"), -1

    def start(self, snapshot: Callable[[], TrainingState], n_bytes: int) -> None:
        """Begin to count the seconds.

        Parameters
        ----------
        snapshot : callable
            Returns the training as it stands; called while no worker touches its tables.
        n_bytes : int
            What it takes on the disk at least.

        Raises
        ------
        ModelError
            If the disk has less space than that.
        """
        self._snapshot = snapshot
        remove_leftovers(self.output)
        remove_leftovers(self.folder)
        check_free_space(self.folder, n_bytes)
        self._schedule()

    def is_due(self, trainer: Trainer) -> bool:
        """Tell whether the seconds have gone by, something was trained, and there is more to train."""
        is_last = trainer.parameters.max_time is None and trainer.is_complete
        return time.perf_counter() >= self._next and trainer.step != self._last_step and not is_last

    def act(self, trainer: Trainer) -> None:
        """Write a checkpoint, if the disk allows it."""
        assert self._snapshot is not None
        self._schedule()
        self._last_step = trainer.step
        trainer.check_finite()  # what was saved before is better than vectors that diverged
        try:
            self.write(self._snapshot())
        except ModelError as error:
            warnings.warn(f"no checkpoint, training goes on: {error}", CheckpointWarning, stacklevel=2)

    def write(self, state: TrainingState) -> None:
        """Write a checkpoint, or raise `ModelError`."""
        state.save(self.folder, overwrite=self.folder != self.output or self._may_replace(state))

    def finish(self, state: TrainingState) -> None:
        """Save where training came to, see `save_result`; if it is complete, drop the checkpoint beside its name."""
        place = self.output if state.complete else self.folder
        may_replace = place != self.output or self._may_replace(state)
        save_result(lambda path: state.save(path, overwrite=may_replace and path == place), place, inputs=state.inputs)
        if state.complete and self.folder != self.output:
            shutil.rmtree(self.folder, ignore_errors=True)
        remove_leftovers(self.output)

    def _may_replace(self, state: TrainingState) -> bool:
        """Tell whether what has the name of the output may go: it was to be replaced, or is of this training."""
        return self._overwrite or interrupted_seed(self.output) == state.seed

    def _schedule(self) -> None:
        if self.interval:
            self._next = time.perf_counter() + self.interval


def checkpoint_beside(output: str | os.PathLike[str]) -> Path:
    """Return where the checkpoints are while a complete model has the name `output`."""
    path = Path(os.path.realpath(output))
    return path.with_name(path.name + SUFFIX)


def find_checkpoint(path: str | os.PathLike[str]) -> tuple[Path, Path]:
    """Find the interrupted training that a name stands for.

    Parameters
    ----------
    path : str or path-like
        What was to be the output of the training, or the name of a checkpoint.

    Returns
    -------
    (folder, output)
        Where the checkpoint is and where the result belongs.

    Raises
    ------
    ModelError
        If there is neither an interrupted training nor a checkpoint beside it.
    """
    given = Path(path)
    if interrupted_seed(given) is not None:
        output = given.with_name(given.name.removesuffix(SUFFIX))
        return given, output if output != given and output.exists() else given
    beside = checkpoint_beside(given)
    if interrupted_seed(beside) is not None:
        return beside, given
    training = read_config(given).get("training")  # raises where there is no model at all
    if isinstance(training, dict) and training.get("complete") is True:
        raise ModelError(f"{given}: training is complete, there is nothing to resume")
    raise ModelError(f"{given} holds vectors only, not the state of a training")


def interrupted_seed(path: str | os.PathLike[str]) -> int | None:
    """Return the seed of the interrupted training that a folder holds; None if it holds none or cannot be read."""
    try:
        training = read_config(path).get("training")
    except ModelError:
        return None
    if isinstance(training, dict) and training.get("complete") is False and isinstance(training.get("seed"), int):
        return int(training["seed"])
    return None
