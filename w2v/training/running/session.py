"""One run of training, from a corpus to a state: new, resumed, or continued from a trained model."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any

from w2v.display.progress import show_training
from w2v.encoding.corpus import Corpus
from w2v.encoding.stream import TokenStream, WorkFolder, run_threads
from w2v.encoding.vocabulary import Vocabulary
from w2v.monitoring.history import EpochRecord, Progress, TrainingInterrupted
from w2v.settings.environment import default_workers
from w2v.settings.parameters import Parameters
from w2v.settings.recipes import describe_recipe
from w2v.storage.claims import claimed
from w2v.training.checkpoints import Checkpoint
from w2v.training.glove.cells import count_cells
from w2v.training.hogwild import Hogwild
from w2v.training.monitor import CallbackError, Monitor, best_epoch, check_evaluations
from w2v.training.objectives import check_softmax
from w2v.training.running.reading import NoPairsError, TrainingText, check_pairs, check_same_text, read_text
from w2v.training.running.start import RunOptions, Start
from w2v.training.state import TrainingState, embeddings_of
from w2v.training.synchronous import Synchronous
from w2v.training.trainer import Crew, Pause, Trainer


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
            text = read_text(corpus, start, workers, run, folder, progress)
            if interrupted is not None:
                check_same_text(text.total_vocabulary(), text.digest, interrupted)
                started = time.perf_counter() - interrupted.spent
            check_softmax(parameters, len(text.vocabulary))
            counted = text.vocabulary
            check_evaluations(parameters, counted)
            text = text.hold_out(parameters.holdout, start.seed)
            start = start.resolved(len(text.stream), run)
            parameters, tables = start.parameters, start.tables(counted)
            check_pairs(text)
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


def check_learned(parameters: Parameters, history: Sequence[EpochRecord]) -> None:
    """Raise `NoPairsError` if subsampling left no two neighbouring words in any epoch."""
    sample = parameters.sample
    if sample and history and not any(record.pairs for record in history):
        raise NoPairsError(
            f"subsampling with sample={sample:g} left no two neighbouring words, so nothing was learned; give "
            "sample=0, which keeps all words, or more text"
        )


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


def _state_of(
    trainer: Trainer,
    text: TrainingText,
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
