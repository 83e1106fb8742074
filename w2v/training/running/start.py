"""The start of a training, and the options of a run besides."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from w2v.display.progress import tell
from w2v.encoding.vocabulary import Vocabulary, known_rows
from w2v.monitoring.history import Progress
from w2v.settings.parameters import CHECKPOINT_INTERVAL, Parameters
from w2v.settings.recipes import describe_recipe, resolve
from w2v.training.continuing import grow_tables
from w2v.training.initial import InitialVectors
from w2v.training.monitor import Callback
from w2v.training.state import TrainingState
from w2v.training.tables import Tables


@dataclass(frozen=True)
class RunOptions:
    """Arguments of `Word2Vec.fit` other than the corpus and the start of training."""

    checkpoint: str | os.PathLike[str] | None = None
    checkpoint_every: float = CHECKPOINT_INTERVAL
    overwrite: bool = False
    callbacks: Iterable[Callback] = ()
    progress: Callable[[Progress], None] | bool | str | None = None
    max_memory: int | None = None
    work_folder: str | os.PathLike[str] | None = None


@dataclass(frozen=True)
class Start:
    """The start of a training: new, or from one of the last three."""

    parameters: Parameters  # validated
    seed: int  # decides everything random
    initial: InitialVectors | None = None
    base: TrainingState | None = None  # train its vectors further; it does not change
    interrupted: TrainingState | None = None
    """Resume from here and overwrite its tables. The corpus and the parameters, except `workers`, must be the same."""
    left_out: tuple[str, ...] = ()  # see `TrainingState`

    @property
    def before(self) -> TrainingState | None:
        """The earlier training that this one follows."""
        return self.interrupted or self.base

    def resolved(self, n_tokens: int, run: RunOptions) -> Start:
        """Return the start with all parameters set for this number of words, and log the choices of a recipe."""
        if self.parameters.recipe != "none":
            tell(run.progress, f"Recipe: {describe_recipe(self.parameters, n_tokens)}")
        return replace(self, parameters=resolve(self.parameters, n_tokens))

    def known_words(self) -> Vocabulary | None:
        """Return the words and counts from before this text."""
        if self.interrupted is None or self.interrupted.base_counts is None:
            return None if self.base is None else self.base.vocabulary
        words, counts = self.interrupted.vocabulary.index_to_key, self.interrupted.base_counts
        return Vocabulary([words[row] for row in np.flatnonzero(counts >= 0).tolist()], counts[counts >= 0])

    def tables(self, vocabulary: Vocabulary) -> Tables:
        """Return the initial tables."""
        if self.interrupted is not None:
            return self.interrupted.tables
        if self.initial is not None:
            return self.initial.start(self.parameters, vocabulary, self.seed)
        tables = Tables.start(self.parameters, vocabulary, self.seed)
        if self.base is not None:
            rows = known_rows(vocabulary.index_to_key, self.base.vocabulary.key_to_index)
            grow_tables(self.base.tables, rows, tables)
        return tables

    def place(self) -> dict[str, Any]:
        """Return the place in the schedule at which training starts."""
        return {name: getattr(self.interrupted, name) for name in ("step", "history", "done") if self.interrupted}

    def earlier(self) -> list[dict[str, Any]]:
        """Return the records of earlier trainings on other texts."""
        if self.before is None:
            return []
        metadata = self.before.embeddings.metadata
        noted: dict[str, Any] = {
            name: metadata[name] for name in ("parameters", "history", "corpus") if name in metadata
        }
        noted["inputs"] = list(self.before.inputs)
        return [*metadata.get("earlier", []), *([] if self.interrupted else [noted])]
