"""The start of a training: afresh, where one was interrupted, or on another text; and the options of a run besides."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from w2v.corpora.readers import TextReader
from w2v.corpora.tokenizers import get_tokenizer
from w2v.display.progress import tell
from w2v.encoding.corpus import recorded_files
from w2v.encoding.vocabulary import Vocabulary, known_rows
from w2v.monitoring.history import Progress
from w2v.settings.constraints import MAX_SEED
from w2v.settings.descriptions import GENSIM
from w2v.settings.parameters import CHECKPOINT_INTERVAL, Parameters
from w2v.settings.recipes import describe_recipe, resolve
from w2v.training.continuing import grow_tables
from w2v.training.initial import InitialVectors
from w2v.training.monitor import Callback
from w2v.training.state import TrainingState, left_out_of
from w2v.training.tables import Tables
from w2v.vectors.embeddings import Embeddings

_FIXED = (
    "algorithm", "objective", "vector_size", "subwords", "min_n", "max_n", "buckets", "position_weights", "recipe",
)  # fmt: skip
"""Parameters that trained tables depend on."""
_BOUND_TO_TEXT = {
    "hs": "whose tree depends on the original counts",
    "softmax": "which updates the output vectors of all words, even those not in the text",
    "glove": "which fits the counts of one text",
}
"""Objectives that cannot be continued on another text, and why."""


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


def afresh(given: Parameters, vectors: Embeddings | None, freeze: bool) -> Start:
    """Start from random tables, or from the vectors of words that `vectors` has; see `Word2Vec.fit`."""
    given.validate()
    if vectors is None and freeze:
        raise ValueError("freeze needs initial vectors to keep")
    initial = None if vectors is None else InitialVectors(vectors, freeze)
    if initial is not None:
        initial.check(given)
    return Start(given, _draw_seed(given.random_state), initial=initial, left_out=left_out_of(given))


def interrupted(state: TrainingState, given: Parameters) -> Start:
    """Start where a training was interrupted; see `Word2Vec.resume`."""
    if state.complete:
        raise ValueError("training is complete: there is nothing to resume")
    _check_unchanged(state, given, vars(given).keys() - {"workers", "random_state", "tokenizer"})
    parameters = replace(state.parameters, tokenizer=given.tokenizer, workers=given.workers)
    return Start(parameters, state.seed, interrupted=state, left_out=state.left_out)


def further(state: TrainingState, given: Parameters) -> Start:
    """Start on another text with the tables of a finished training; see `Word2Vec.continue_fit`."""
    if not state.complete:
        raise ValueError("training is not complete: finish it with resume before you continue on another text")
    given.validate()
    _check_unchanged(state, given, _FIXED)
    if given.objective in _BOUND_TO_TEXT:
        raise ValueError(
            f"objective is {given.objective!r:.80}, {_BOUND_TO_TEXT[given.objective]}: only negative sampling can "
            "continue on another text"
        )
    if get_tokenizer(given.tokenizer).to_config() != get_tokenizer(state.parameters.tokenizer).to_config():
        raise ValueError("tokenizer is not the one that training began with: the words would not be the same")
    left_out = left_out_of(given)
    kept = {name: getattr(state.parameters, name) for name in GENSIM if name in left_out}
    return Start(replace(given, **kept), _draw_seed(given.random_state), base=state, left_out=left_out)


def recorded_corpus(state: TrainingState) -> TextReader:
    """Open the files that training began with."""
    files = recorded_files(state.inputs)
    if not files or "-" in files:
        raise ValueError("training did not begin with files that can be read again: give the same text to resume")
    return TextReader(files, errors=state.errors)


def _check_unchanged(state: TrainingState, given: Parameters, names: Iterable[str]) -> None:
    """Raise ValueError if one of the parameters differs from the original one, given or chosen."""
    for name in names:
        value, began = getattr(given, name), getattr(state.parameters, name)
        is_chosen = name in GENSIM and value is None
        if value != began and not is_chosen:
            raise ValueError(
                f"{name} is {value!r:.80}, but training began with {began!r:.80}: it must keep its parameters"
            )


def _draw_seed(random_state: Any) -> int:
    """Return an int seed: the given one, one drawn from the given generator, or a fresh one."""
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    if hasattr(random_state, "integers"):
        return int(random_state.integers(MAX_SEED + 1))
    if hasattr(random_state, "randint"):
        return int(random_state.randint(MAX_SEED))
    return int(random_state)
