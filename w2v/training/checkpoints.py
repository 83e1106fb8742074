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
from typing import NamedTuple

from w2v.monitoring.pauses import Pausable, Saveable
from w2v.settings.parameters import CHECKPOINT_INTERVAL
from w2v.storage.claims import check_free_space, check_unclaimed
from w2v.storage.files import REPLACE_IT, remove_leftovers
from w2v.storage.rescue import save_result
from w2v.vectors.model_folder import read_header
from w2v.vectors.persistence import FORMAT_VERSION, KIND, ModelError, check_output

SUFFIX = ".checkpoint"


class Kind(NamedTuple):
    """A kind of model whose training can go on."""

    name: str  # as its folders have it
    newest: int  # the newest version of these folders that can be read
    command: str  # what goes on with it
    estimator: str


WORDS = Kind(KIND, FORMAT_VERSION, "w2v train", "Word2Vec")


class CheckpointWarning(UserWarning):
    """A checkpoint could not be written; training goes on, and the checkpoint before is still whole."""


class Checkpoint:
    """Saves a training between two steps, whenever so many seconds have gone by; a `Pause` of words and networks alike.

    The result belongs at `output`. Checkpoints are written to `folder`, which is there or beside it. With an `interval`
    of 0 there is none but that of an interruption. A training that goes on may replace its own checkpoint, which `seed`
    tells; any other folder is replaced with `overwrite` only.

    ValueError if the interval is negative or not finite; ModelError if the folder exists and may not be replaced, or
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
                f"{output} holds a training that was interrupted; go on with it ({kind.command} --resume {output}, or "
                f"{kind.estimator}.load and resume), choose another name, or {REPLACE_IT}"
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
        """Begin to count the seconds; of a training in several stages, go on counting.

        `snapshot` returns the training as it stands, and is called while no worker touches its tables. ModelError if
        the disk has less space than the `n_bytes` that it takes at least.
        """
        if self._snapshot is None:
            remove_leftovers(self.output)
            remove_leftovers(self.folder)
            check_free_space(self.folder, n_bytes)
            self._schedule()
        self._snapshot, self._last_step = snapshot, -1

    def is_due(self, training: Pausable) -> bool:
        """Tell whether the seconds have gone by, something was trained, and there is more to train."""
        is_new = training.step != self._last_step
        return time.perf_counter() >= self._next and is_new and not training.is_at_end

    def act(self, training: Pausable) -> None:
        """Write a checkpoint, if the disk allows it."""
        assert self._snapshot is not None
        self._schedule()
        self._last_step = training.step
        training.check_finite()  # what was saved before is better than vectors that diverged
        try:
            self.write(self._snapshot())
        except ModelError as error:
            warnings.warn(f"no checkpoint, training goes on: {error}", CheckpointWarning, stacklevel=2)

    def write(self, state: Saveable) -> None:
        """Write a checkpoint, or raise `ModelError`."""
        state.save(self.folder, overwrite=self.folder != self.output or self._may_replace(state))

    def finish(self, state: Saveable) -> None:
        """Save where training came to, see `save_result`; if it is complete, drop the checkpoint beside its name."""
        place = self.output if state.complete else self.folder
        may_replace = place != self.output or self._may_replace(state)
        save_result(lambda path: state.save(path, overwrite=may_replace and path == place), place, inputs=state.inputs)
        if state.complete and self.folder != self.output:
            shutil.rmtree(self.folder, ignore_errors=True)
        remove_leftovers(self.output)

    def _may_replace(self, state: Saveable) -> bool:
        """Tell whether what has the name of the output may go: it was to be replaced, or is of this training."""
        found = None if self._overwrite else interrupted_seed(self.output, self.kind)
        return self._overwrite or (found is not None and found == state.seed)

    def _schedule(self) -> None:
        if self.interval:
            self._next = time.perf_counter() + self.interval


def checkpoint_beside(output: str | os.PathLike[str]) -> Path:
    """Return where the checkpoints are while a complete model has the name `output`."""
    path = Path(os.path.realpath(output))
    return path.with_name(path.name + SUFFIX)


def find_checkpoint(path: str | os.PathLike[str], kind: Kind = WORDS) -> tuple[Path, Path]:
    """Find the interrupted training that a name stands for: that of its output, or of the checkpoint itself.

    Return where the checkpoint is and where the result belongs. ModelError if there is no such training.
    """
    given = Path(path)
    if interrupted_seed(given, kind) is not None:
        output = given.with_name(given.name.removesuffix(SUFFIX))
        return given, output if output != given and output.exists() else given
    beside = checkpoint_beside(given)
    if interrupted_seed(beside, kind) is not None:
        return beside, given
    training = read_header(given, kind.name, kind.newest).get("training")  # raises where there is no such model
    if isinstance(training, dict) and training.get("complete") is True:
        raise ModelError(f"{given}: training is complete, there is nothing to resume")
    raise ModelError(f"{given} holds vectors only, not the state of a training")


def interrupted_seed(path: str | os.PathLike[str], kind: Kind = WORDS) -> int | None:
    """Return the seed of the interrupted training that a folder holds; None if it holds none or cannot be read."""
    try:
        training = read_header(path, kind.name, kind.newest).get("training")
    except ModelError:
        return None
    if not isinstance(training, dict) or training.get("complete") is not False:
        return None
    seed = training.get("seed")
    return seed if isinstance(seed, int) else None
