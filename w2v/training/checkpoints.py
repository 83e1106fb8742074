"""Checkpoints: training is saved at intervals, so that it can be resumed after any interruption.

A checkpoint is a model folder whose training is not complete. It has the name of the result, unless a complete model
has that name: that model stays until the new one is complete, and the checkpoint beside it ends in ``.checkpoint``.
"""

from __future__ import annotations

import os
import shutil
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from w2v.monitoring.pauses import Pausable, Saveable
from w2v.settings.parameters import CHECKPOINT_INTERVAL
from w2v.storage.claims import check_free_space, check_unclaimed
from w2v.storage.files import OVERWRITE, remove_leftovers
from w2v.storage.rescue import save_result
from w2v.vectors.model_folder import read_header
from w2v.vectors.persistence import FORMAT_VERSION, KIND, ModelError, check_output

SUFFIX = ".checkpoint"


class Kind(NamedTuple):
    """A kind of model whose training can be resumed."""

    name: str  # its name in model folders
    newest: int  # newest readable version of these folders
    command: str  # the command that resumes it
    estimator: str


WORDS = Kind(KIND, FORMAT_VERSION, "w2v train", "Word2Vec")


class CheckpointWarning(UserWarning):
    """A checkpoint could not be written; training continues, and the previous checkpoint stays intact."""


class Checkpoint:
    """Saves a training between two steps, at intervals of time; a `Pause` for words and networks alike.

    The result goes to `output`, checkpoints to `folder`, which is `output` or a folder beside it. An `interval` of 0
    writes a checkpoint only after an interruption. A resumed training may replace its own checkpoint, which `seed`
    identifies; `overwrite` is needed to replace any other folder.

    Raises ValueError if the interval is negative or not finite, and ModelError if the folder may not be replaced or
    cannot be written.
    """

    def __init__(
        self,
        output: str | os.PathLike[str],
        interval: float = CHECKPOINT_INTERVAL,
        *,
        overwrite: bool = False,
        seed: int | None = None,
        kind: Kind = WORDS,
    ) -> None:
        if not 0 <= interval < float("inf"):
            raise ValueError(f"checkpoint_every must be a number of seconds, 0 or more, got {interval!r:.80}.")
        self.output, self.interval = Path(output), interval
        self.kind = kind
        check_unclaimed(output)
        interrupted = interrupted_seed(output, kind)
        if interrupted is not None and not overwrite and interrupted != seed:
            raise ModelError(
                f"{output} holds an interrupted training; resume it ({kind.command} --resume {output}, or "
                f"{kind.estimator}.load and resume), choose another name, or {OVERWRITE}"
            )
        check_output(output, overwrite or interrupted is not None)
        is_beside = os.path.lexists(output) and interrupted is None
        self.folder = checkpoint_beside(output) if is_beside else self.output
        if is_beside:
            check_output(self.folder, overwrite=True)
        self._overwrite = overwrite
        self._snapshot: Callable[[], Saveable] | None = None
        self._next, self._last_step = float("inf"), -1

    def start(self, snapshot: Callable[[], Saveable], n_bytes: int) -> None:
        """Start the timer, or keep it running between the stages of a training.

        `snapshot` returns the current training and is called while no worker updates its tables. Raises ModelError if
        the disk has less free space than `n_bytes`, the minimum that a checkpoint takes.
        """
        if self._snapshot is None:
            remove_leftovers(self.output)
            remove_leftovers(self.folder)
            check_free_space(self.folder, n_bytes)
            self._schedule()
        self._snapshot, self._last_step = snapshot, -1

    def is_due(self, training: Pausable) -> bool:
        """Return whether the interval has passed, something was trained, and training is not complete."""
        is_new = training.step != self._last_step
        return time.perf_counter() >= self._next and is_new and not training.is_at_end

    def act(self, training: Pausable) -> None:
        """Write a checkpoint, or warn if the disk does not allow it."""
        assert self._snapshot is not None
        self._schedule()
        self._last_step = training.step
        training.check_finite()  # the previous checkpoint is better than diverged vectors
        try:
            self.write(self._snapshot())
        except ModelError as error:
            warnings.warn(f"no checkpoint, training continues: {error}", CheckpointWarning, stacklevel=2)

    def write(self, state: Saveable) -> None:
        """Write a checkpoint, or raise `ModelError`."""
        state.save(self.folder, overwrite=self.folder != self.output or self._may_replace(state))

    def finish(self, state: Saveable) -> None:
        """Save the result, see `save_result`; if training is complete, remove the checkpoint beside it."""
        place = self.output if state.complete else self.folder
        may_replace = place != self.output or self._may_replace(state)
        save_result(lambda path: state.save(path, overwrite=may_replace and path == place), place, inputs=state.inputs)
        if state.complete and self.folder != self.output:
            shutil.rmtree(self.folder, ignore_errors=True)
        remove_leftovers(self.output)

    def _may_replace(self, state: Saveable) -> bool:
        """Return whether the existing output may be replaced: `overwrite` says so, or it belongs to this training."""
        found = None if self._overwrite else interrupted_seed(self.output, self.kind)
        return self._overwrite or (found is not None and found == state.seed)

    def _schedule(self) -> None:
        if self.interval:
            self._next = time.perf_counter() + self.interval


def checkpoint_beside(output: str | os.PathLike[str]) -> Path:
    """Return the folder of checkpoints while a complete model has the name `output`."""
    path = Path(os.path.realpath(output))
    return path.with_name(path.name + SUFFIX)


def find_checkpoint(path: str | os.PathLike[str], kind: Kind = WORDS) -> tuple[Path, Path]:
    """Find an interrupted training by the name of its output or of its checkpoint.

    Returns the folder of the checkpoint and the output. Raises ModelError if there is no interrupted training.
    """
    given = Path(path)
    if interrupted_seed(given, kind) is not None:
        output = given.with_name(given.name.removesuffix(SUFFIX))
        return given, output if output != given and output.exists() else given
    beside = checkpoint_beside(given)
    if interrupted_seed(beside, kind) is not None:
        return beside, given
    training = read_header(given, kind.name, kind.newest).get("training")  # raises an error if there is no such model
    if isinstance(training, dict) and training.get("complete") is True:
        raise ModelError(f"{given}: training is complete, there is nothing to resume")
    raise ModelError(f"{given} holds vectors only, not the state of a training")


def interrupted_seed(path: str | os.PathLike[str], kind: Kind = WORDS) -> int | None:
    """Return the seed of the interrupted training in a folder; None if there is none or it cannot be read."""
    try:
        training = read_header(path, kind.name, kind.newest).get("training")
    except ModelError:
        return None
    if not isinstance(training, dict) or training.get("complete") is not False:
        return None
    seed = training.get("seed")
    return seed if isinstance(seed, int) else None
