"""One run of training, from a corpus to a state: new, resumed, or continued from a trained model."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.readers import TextReader
from w2v.corpora.tokenizers import Tokenizer, get_tokenizer
from w2v.display.progress import show_training, tell
from w2v.encoding.corpus import Corpus, inputs_of, open_corpus, tokenizer_for
from w2v.encoding.holdout import hold_out
from w2v.encoding.records import encode_records
from w2v.encoding.stream import TokenStream, WorkFolder, encode_corpus, run_threads
from w2v.encoding.vocabulary import Vocabulary, known_rows
from w2v.monitoring.history import EpochRecord, Progress, TrainingInterrupted
from w2v.phrases.estimator import encode_with_phrases, phrases_of
from w2v.phrases.phrase_list import PhraseTokenizer
from w2v.settings.environment import default_workers
from w2v.settings.parameters import CHECKPOINT_INTERVAL, Parameters
from w2v.settings.recipes import describe_recipe, resolve
from w2v.storage.claims import claimed
from w2v.training.checkpoints import Checkpoint
from w2v.training.continuing import counts_before, grow_tables
from w2v.training.glove.cells import count_cells
from w2v.training.hogwild import Hogwild
from w2v.training.initial import InitialVectors
from w2v.training.monitor import Callback, CallbackError, Monitor, best_epoch, check_evaluations
from w2v.training.objectives import check_softmax
from w2v.training.state import TrainingState, digest_stream, embeddings_of
from w2v.training.synchronous import Synchronous
from w2v.training.tables import Tables
from w2v.training.trainer import Crew, Pause, Trainer

NO_PAIRS = (
    "{} has no sentence with two known words, so there is nothing to train; give sentences of several words, more "
    "text, or a smaller min_count"
)


class NoPairsError(ValueError):
    """No two words of the corpus are neighbours, so there is nothing to train."""


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


@dataclass(frozen=True)
class _Text:
    """An encoded corpus and its vocabulary; fields without a comment are as in `TrainingState`."""

    vocabulary: Vocabulary  # with the counts in this text
    stream: TokenStream
    digest: int  # `digest_stream` of the whole text
    inputs: tuple[str, ...]
    errors: str
    base_counts: NDArray[np.int64] | None
    tokenizer: Tokenizer  # as requested; with phrases, a `PhraseTokenizer`
    held_out: TokenStream | None = None  # sentences removed from `stream`

    def hold_out(self, fraction: float | None, seed: int) -> _Text:
        """Return the text with a fraction of its sentences held out, if `holdout` is set."""
        if fraction is None:
            return self
        stream, held_out = hold_out(self.stream, fraction, seed)
        return replace(self, stream=stream, held_out=held_out)

    def total_vocabulary(self) -> Vocabulary:
        """Return the words with their total counts in this text and earlier ones."""
        if self.base_counts is None:
            return self.vocabulary
        assert self.vocabulary.counts is not None
        return Vocabulary(self.vocabulary.index_to_key, self.vocabulary.counts + np.maximum(self.base_counts, 0))


def train(corpus: Corpus, start: Start, run: RunOptions, keep: Callable[[TrainingState], None]) -> None:
    """Read a corpus, train, and call `keep` with the result, also if training ended early.

    Raises the errors of `Word2Vec.fit`, and ValueError if the corpus differs from that of the interrupted training.
    """
    started, parameters, interrupted = time.perf_counter(), start.parameters, start.interrupted
    workers = parameters.workers or default_workers()
    if interrupted is not None and interrupted.rounds is not None:
        raise ValueError(
            f"training began on a cluster of {interrupted.rounds.workers:,}: resume it with client= (--cluster), "
            f"such as local:{interrupted.rounds.workers}"
        )
    checkpoint = open_checkpoint(start, run)
    check_evaluations(parameters)
    interrupt: KeyboardInterrupt | CallbackError | None = None
    with nullcontext() if checkpoint is None else claimed(checkpoint.output):
        with show_training(run.progress, corpus) as progress, WorkFolder(run.work_folder) as folder:
            text = _read(corpus, start, workers, run, folder, progress)
            if interrupted is not None:
                check_same_text(text.total_vocabulary(), text.digest, interrupted)
                started = time.perf_counter() - interrupted.spent
            check_softmax(parameters, len(text.vocabulary))
            counted = text.vocabulary
            check_evaluations(parameters, counted)
            text = text.hold_out(parameters.holdout, start.seed)
            start = start.resolved(len(text.stream), run)
            parameters, tables = start.parameters, start.tables(counted)
            _check_pairs(text)
            stream = stream_to_train(
                parameters, counted, text.stream, start.seed, workers, run.max_memory, folder, progress
            )
            if progress is not None:
                progress(Progress("compiling"))
            trainer = Trainer(parameters, counted, stream, start.seed, tables=tables, started=started, **start.place())
            words = text.total_vocabulary()
            monitor = Monitor(
                parameters,
                lambda: embeddings_of(words, trainer.tables, parameters, text.tokenizer, {}),
                held_out=text.held_out,
                callbacks=tuple(run.callbacks),
                workers=workers,
                best=interrupted.best if interrupted else None,
            )
            snapshot = partial(_state_of, trainer, text, words, start, workers, monitor)
            trainer.compile()
            pauses: list[Pause] = [monitor]
            if checkpoint is not None:
                n_bytes = trainer.tables.input_rows.nbytes + trainer.tables.output_vectors.nbytes
                checkpoint.start(snapshot, n_bytes)
                pauses.append(checkpoint)  # last, so that it saves the effects of the others
            crew = make_crew(trainer, workers, progress, pauses)
            try:
                with trainer.ending(crew.failures):
                    run_threads(crew.work, workers, crew.failures)
                monitor.finish(trainer)
            except (KeyboardInterrupt, CallbackError) as error:
                interrupt = error
            else:
                check_learned(parameters, trainer.history)
            state = snapshot(complete=interrupt is None)
        keep(state)
        if checkpoint is not None:
            checkpoint.finish(state)
    if isinstance(interrupt, CallbackError):
        raise interrupt
    if interrupt is not None:
        raise TrainingInterrupted(
            "training was interrupted; save() keeps the result so far, resume() continues"
        ) from interrupt


def open_checkpoint(start: Start, run: RunOptions) -> Checkpoint | None:
    """Return the `Checkpoint` of a training, or None without one; raises the errors of `Checkpoint`."""
    if run.checkpoint is None:
        return None
    seed = None if start.interrupted is None else start.interrupted.seed
    return Checkpoint(run.checkpoint, run.checkpoint_every, overwrite=run.overwrite, seed=seed)


def make_crew(
    trainer: Trainer, workers: int, progress: Callable[[Progress], None] | None = None, pauses: Sequence[Pause] = ()
) -> Crew:
    """Return the shared state of the workers of a training."""
    if trainer.parameters.deterministic and workers > 1:
        return Synchronous(trainer, workers, progress, pauses)
    return Hogwild(trainer, progress, pauses)


def _check_pairs(text: _Text) -> None:
    """Raise `NoPairsError` if no sentence of the training text, or of the held-out text, has two words."""
    for stream, what in ((text.stream, "the corpus"), (text.held_out, "the held-out text")):
        if stream is not None and not (np.diff(stream.offsets) > 1).any():
            raise NoPairsError(NO_PAIRS.format(what))


def check_learned(parameters: Parameters, history: Sequence[EpochRecord]) -> None:
    """Raise `NoPairsError` if subsampling left no two neighbouring words in any epoch."""
    sample = parameters.sample
    if sample and history and not any(record.pairs for record in history):
        raise NoPairsError(
            f"subsampling with sample={sample:g} left no two neighbouring words, so nothing was learned; give "
            "sample=0 (--sample 0), which keeps all words, or more text"
        )


def _read(
    corpus: Corpus,
    start: Start,
    workers: int,
    run: RunOptions,
    folder: WorkFolder,
    progress: Callable[[Progress], None] | None,
) -> _Text:
    """Encode the corpus, including the known words if vectors are trained further."""
    parameters, known = start.parameters, start.known_words()
    opened = open_corpus(corpus, parameters.lines)
    tokenizer = tokenizer_for(opened, parameters.tokenizer)
    if start.before is not None and start.before.embeddings.tokenizer is not None:
        tokenizer = start.before.embeddings.tokenizer
    options: dict[str, Any] = {
        "min_count": parameters.min_count,
        "max_vocab": parameters.max_vocab,
        "workers": workers,
        "max_memory": run.max_memory,
        "work_folder": folder,
        "known": known,
        "progress": None if progress is None else partial(_report_reading, progress),
    }
    if parameters.lines != "text":
        if known is not None:
            raise ValueError(
                f"a model of lines={parameters.lines!r:.80} cannot be trained further; train a new model on its "
                "lines and the new ones together"
            )
        if parameters.lines == "pairs":
            tokenizer = get_tokenizer("tabs")  # keeps names unchanged
        del options["workers"], options["max_memory"], options["work_folder"], options["known"]
        vocabulary, stream = encode_records(
            opened, parameters.lines, tokenizer, languages=parameters.languages, **options
        )
    elif parameters.phrases or isinstance(tokenizer, PhraseTokenizer):
        vocabulary, stream, tokenizer = encode_with_phrases(opened, tokenizer, phrases_of(parameters), **options)
    else:
        vocabulary, stream = encode_corpus(opened, tokenizer, **options)
    base_counts = None
    if known is not None:
        base_counts = counts_before(known_rows(vocabulary.index_to_key, known.key_to_index), known)
    errors = opened.errors if isinstance(opened, TextReader) else "strict"
    return _Text(vocabulary, stream, digest_stream(stream), inputs_of(opened), errors, base_counts, tokenizer)


def stream_to_train(
    parameters: Parameters,
    vocabulary: Vocabulary,
    stream: TokenStream,
    seed: int,
    workers: int,
    max_memory: int | None,
    folder: WorkFolder,
    progress: Callable[[Progress], None] | None = None,
) -> TokenStream:
    """Return the training data: the text, or for GloVe, its co-occurrence counts."""
    if parameters.objective != "glove":
        return stream
    report = None if progress is None else lambda done: progress(Progress("counting neighbours", done))
    return count_cells(
        stream,
        len(vocabulary),
        parameters.window,
        seed,
        workers=workers,
        max_memory=max_memory,
        folder=folder,
        report=report,
    )


def _report_reading(progress: Callable[[Progress], None], read: int, size: int | None) -> None:
    progress(Progress("reading", read / size if size else None))


def check_same_text(found: Vocabulary, digest: int, interrupted: TrainingState) -> None:
    """Raise ValueError if words or `digest_stream` differ from those of the text that training began with."""
    expected = interrupted.vocabulary
    if found.index_to_key != expected.index_to_key or not np.array_equal(found.counts, expected.counts):  # type: ignore[arg-type]
        difference = "its words and counts differ"
    elif digest != interrupted.stream:
        difference = "the same words are in another order"
    else:
        return
    raise ValueError(
        f"the corpus is not the one that training began with: {difference}; resume with the same text, or train anew"
    )


def _state_of(
    trainer: Trainer,
    text: _Text,
    words: Vocabulary,
    start: Start,
    workers: int,
    monitor: Monitor,
    complete: bool = False,
) -> TrainingState:
    parameters, seed = trainer.parameters, trainer.seed
    corpus = {"words": text.stream.n_words, "tokens": len(text.stream), "sentences": text.stream.n_sentences}
    schedule = trainer.schedule | {"workers": workers}
    metadata = describe_training(parameters, seed, trainer.history, corpus, schedule)
    if text.held_out is not None:
        metadata["corpus"]["held_out_tokens"] = len(text.held_out)
    if parameters.patience is not None:
        metadata["schedule"]["best_epoch"] = best_epoch(parameters, trainer.history)
    if trainer.stop_reason is not None:
        metadata["schedule"]["stopped"] = trainer.stop_reason
    if earlier := start.earlier():
        metadata["earlier"] = earlier
    return TrainingState(
        embeddings_of(words, trainer.tables, parameters, text.tokenizer, metadata),
        trainer.tables,
        parameters,
        seed,
        complete,
        trainer.step,
        trainer.history,
        done=trainer.done,
        spent=time.perf_counter() - trainer.started,
        inputs=text.inputs,
        errors=text.errors,
        stream=text.digest,
        base_counts=None if complete else text.base_counts,
        best=None if complete else monitor.best,
        left_out=start.left_out,
    )


def describe_training(
    parameters: Parameters, seed: int, history: Sequence[EpochRecord], corpus: dict[str, int], schedule: dict[str, Any]
) -> dict[str, Any]:
    """Return the record of a training for the model's metadata."""
    described: dict[str, Any] = {
        "parameters": {name: _in_json(value) for name, value in vars(parameters).items() if name != "tokenizer"}
        | {"random_state": seed},
        "history": [record.to_dict() for record in history],
        "corpus": corpus,
        "schedule": schedule,
    }
    if parameters.recipe != "none":
        schedule["recipe"] = describe_recipe(parameters, corpus["tokens"])
    return described


def _in_json(value: Any) -> Any:
    """Return a parameter's value for ``config.json``; files become absolute names."""
    return os.path.abspath(value) if isinstance(value, os.PathLike) else value
