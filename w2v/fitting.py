"""One run of training, from a corpus to a state: afresh, after an interruption, or on top of a trained model."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corpora.readers import TextReader
from corpora.tokenizers import Tokenizer, get_tokenizer

from .checkpoints import Checkpoint
from .continuing import counts_before, grow_tables, rows_before
from .corpus import Corpus, inputs_of, open_corpus, tokenizer_for
from .environment import default_workers
from .holdout import hold_out
from .initial import InitialVectors
from .monitor import Callback, CallbackError, Monitor, best_epoch, check_evaluations
from .parameters import Parameters
from .phrase_list import PhraseTokenizer
from .phrases import encode_with_phrases, phrases_of
from .records import encode_records
from .stream import TokenStream, WorkFolder, encode_corpus
from .tables import Tables
from .trainer import Pause, Progress, Trainer
from .training_state import TrainingState, digest_stream, embeddings_of
from .vocabulary import Vocabulary


class NoPairsError(ValueError):
    """No two words of the corpus are neighbours, so training could learn nothing."""


@dataclass(frozen=True)
class Surroundings:
    """What a call of `Word2Vec.fit` is given besides the corpus; none of it changes what is learned, only how long."""

    progress: Callable[[Progress], None] | None = None
    max_memory: int | None = None
    work_folder: str | os.PathLike[str] | None = None
    checkpoint: Checkpoint | None = None
    callbacks: tuple[Callback, ...] = ()


@dataclass(frozen=True)
class _Text:
    """An encoded corpus and the vocabulary to train with.

    Attributes
    ----------
    vocabulary : Vocabulary
        With the counts in this text.
    stream : TokenStream
    digest : int
        `digest_stream` of all of it.
    inputs, errors : tuple of str, str
        See `TrainingState`.
    base_counts : ndarray of shape (V,), int64, or None
        See `TrainingState`.
    tokenizer : Tokenizer
        The one that was asked for; with phrases, a `PhraseTokenizer`.
    held_out : TokenStream or None
        Sentences that `stream` does not hold any more.
    """

    vocabulary: Vocabulary
    stream: TokenStream
    digest: int
    inputs: tuple[str, ...]
    errors: str
    base_counts: NDArray[np.int64] | None
    tokenizer: Tokenizer
    held_out: TokenStream | None = None

    def total_vocabulary(self) -> Vocabulary:
        """Return the words with their counts in this text and in those before."""
        if self.base_counts is None:
            return self.vocabulary
        assert self.vocabulary.counts is not None
        return Vocabulary(self.vocabulary.index_to_key, self.vocabulary.counts + np.maximum(self.base_counts, 0))


def run_training(
    corpus: Corpus,
    parameters: Parameters,
    seed: int,
    around: Surroundings,
    *,
    interrupted: TrainingState | None = None,
    base: TrainingState | None = None,
    initial: InitialVectors | None = None,
) -> tuple[TrainingState, KeyboardInterrupt | CallbackError | None]:
    """Read a corpus and train.

    Parameters
    ----------
    corpus : path-like, TextReader or iterable
        See `Word2Vec.fit`.
    parameters : Parameters
        Validated.
    seed : int
        Decides everything random.
    around : Surroundings
    interrupted : TrainingState, optional
        Go on from here; its tables are overwritten. `corpus` must be the same, and `parameters` but for `workers`.
    base : TrainingState, optional
        Train its vectors further; it is left alone.
    initial : InitialVectors, optional
        Start from these.

    Returns
    -------
    state : TrainingState
    interrupt : KeyboardInterrupt, CallbackError or None
        What ended training early, so that it can go on.

    Raises
    ------
    ValueError
        If `corpus` is not the one that `interrupted` was trained on. Further errors: see `Word2Vec.fit`.
    """
    started = time.perf_counter()
    workers = parameters.workers or default_workers()
    check_evaluations(parameters)
    with WorkFolder(around.work_folder) as folder:
        text = _read(corpus, parameters, workers, around, folder, interrupted, base)
        tables = None if base is None else _grown(base, parameters, text.vocabulary, seed)
        if initial is not None:
            tables = initial.start(parameters, text.vocabulary, seed)
        if interrupted is not None:
            _check_same_text(text, interrupted)
            started, tables = time.perf_counter() - interrupted.spent, interrupted.tables
        check_evaluations(parameters, text.vocabulary)
        if parameters.holdout is not None:
            stream, held_out = hold_out(text.stream, parameters.holdout, seed)
            text = replace(text, stream=stream, held_out=held_out)
        _check_pairs(text)
        if around.progress is not None:
            around.progress(Progress("compiling"))
        trainer = Trainer(
            parameters,
            text.vocabulary,
            text.stream,
            seed,
            tables=tables,
            step=interrupted.step if interrupted else 0,
            history=interrupted.history if interrupted else None,
            started=started,
            done=interrupted.done if interrupted else 0.0,
        )
        words = text.total_vocabulary()
        earlier = _earlier(interrupted, base)

        monitor = Monitor(
            parameters,
            lambda: embeddings_of(words, trainer.tables, parameters, text.tokenizer, {}),
            held_out=text.held_out,
            callbacks=around.callbacks,
            workers=workers,
            best=interrupted.best if interrupted else None,
        )

        def snapshot(complete: bool = False) -> TrainingState:
            return _state_of(trainer, text, words, earlier, workers, complete, monitor.best)

        trainer.compile()
        pauses: list[Pause] = [monitor]
        if around.checkpoint is not None:
            tables = trainer.tables
            around.checkpoint.start(snapshot, tables.input_rows.nbytes + tables.output_vectors.nbytes)
            pauses.append(around.checkpoint)  # the last one, so that it sees what the others did
        try:
            trainer.run(workers, around.progress, pauses)
            monitor.finish(trainer)
        except (KeyboardInterrupt, CallbackError) as interrupt:
            return snapshot(), interrupt
        is_thinned_on_purpose = parameters.sample != Parameters.sample  # by default a toy text may lose all its pairs
        if is_thinned_on_purpose and not any(record.pairs for record in trainer.history):
            raise NoPairsError(
                f"sample={parameters.sample:g} left no two words beside each other, so nothing was learned; give a "
                "larger sample, or more text"
            )
        return snapshot(complete=True), None


def _check_pairs(text: _Text) -> None:
    """Raise `NoPairsError` if no two words stand in one sentence, of what is trained on or of what is held out."""
    for stream, what in ((text.stream, "the corpus"), (text.held_out, "what holdout sets aside")):
        if stream is not None and not (np.diff(stream.offsets) > 1).any():
            raise NoPairsError(
                f"{what} has no sentence with two known words, so there is nothing to learn from; give sentences of "
                "several words, more text, or a smaller min_count"
            )


def _read(
    corpus: Corpus,
    parameters: Parameters,
    workers: int,
    around: Surroundings,
    folder: WorkFolder,
    interrupted: TrainingState | None,
    base: TrainingState | None,
) -> _Text:
    """Encode the corpus; with words that are known, where vectors are trained further."""
    opened = open_corpus(corpus, parameters.lines)
    known = _known_words(interrupted, base)
    tokenizer = tokenizer_for(opened, parameters.tokenizer)
    before = interrupted or base
    if before is not None and before.embeddings.tokenizer is not None:
        tokenizer = before.embeddings.tokenizer
    options: dict[str, Any] = {
        "min_count": parameters.min_count,
        "max_vocab": parameters.max_vocab,
        "workers": workers,
        "max_memory": around.max_memory,
        "work_folder": folder,
        "known": known,
        "progress": None if around.progress is None else partial(_report_reading, around.progress),
    }
    if parameters.lines != "text":
        if known is not None:
            raise ValueError(f"vectors of lines={parameters.lines!r:.80} cannot be trained on other lines; train anew")
        if parameters.lines == "pairs":
            tokenizer = get_tokenizer("tabs")  # names as they are
        del options["workers"], options["max_memory"], options["work_folder"], options["known"]
        vocabulary, stream = encode_records(opened, parameters.lines, tokenizer, **options)
    elif parameters.phrases or isinstance(tokenizer, PhraseTokenizer):
        vocabulary, stream, tokenizer = encode_with_phrases(opened, tokenizer, phrases_of(parameters), **options)
    else:
        vocabulary, stream = encode_corpus(opened, tokenizer, **options)
    base_counts = None if known is None else counts_before(rows_before(vocabulary, known), known)
    errors = opened.errors if isinstance(opened, TextReader) else "strict"
    return _Text(vocabulary, stream, digest_stream(stream), inputs_of(opened), errors, base_counts, tokenizer)


def _report_reading(progress: Callable[[Progress], None], read: int, size: int | None) -> None:
    progress(Progress("reading", read / size if size else None))


def _known_words(interrupted: TrainingState | None, base: TrainingState | None) -> Vocabulary | None:
    """Return the words, with their counts, that were there before this text."""
    if interrupted is None or interrupted.base_counts is None:
        return None if base is None else base.vocabulary
    words, counts = interrupted.vocabulary.index_to_key, interrupted.base_counts
    return Vocabulary([words[row] for row in np.flatnonzero(counts >= 0).tolist()], counts[counts >= 0])


def _check_same_text(text: _Text, interrupted: TrainingState) -> None:
    found, expected = text.total_vocabulary(), interrupted.vocabulary
    if found.index_to_key != expected.index_to_key or not np.array_equal(found.counts, expected.counts):  # type: ignore[arg-type]
        difference = "its words and counts differ"
    elif text.digest != interrupted.stream:
        difference = "the same words stand in another order"
    else:
        return
    raise ValueError(
        f"the corpus is not the one that training began with: {difference}; resume with the same text, or train anew"
    )


def _grown(base: TrainingState, parameters: Parameters, vocabulary: Vocabulary, seed: int) -> Tables:
    start = Tables.start(parameters, vocabulary, seed)
    return grow_tables(base.tables, rows_before(vocabulary, base.vocabulary), start)


def _earlier(interrupted: TrainingState | None, base: TrainingState | None) -> list[dict[str, Any]]:
    """Return what is noted of the trainings before this one, on other texts."""
    if interrupted is not None:
        return list(interrupted.embeddings.metadata.get("earlier", []))
    if base is None:
        return []
    metadata = base.embeddings.metadata
    noted = {name: metadata[name] for name in ("parameters", "history", "corpus") if name in metadata}
    return [*metadata.get("earlier", []), noted | {"inputs": list(base.inputs)}]


def _state_of(
    trainer: Trainer,
    text: _Text,
    words: Vocabulary,
    earlier: list[dict[str, Any]],
    workers: int,
    complete: bool,
    best: Tables | None,
) -> TrainingState:
    parameters, seed = trainer.parameters, trainer.seed
    metadata: dict[str, Any] = {
        "parameters": {name: _in_json(value) for name, value in vars(parameters).items() if name != "tokenizer"}
        | {"random_state": seed},
        "history": [record.to_dict() for record in trainer.history],
        "corpus": {"words": text.stream.n_words, "tokens": len(text.stream), "sentences": text.stream.n_sentences},
        "schedule": {
            "alpha": trainer.alpha,
            "min_alpha": trainer.min_alpha,
            "workers": workers,
            "chunk_targets": trainer.objective.n_targets,
            "chunk_noise": trainer.objective.n_noise,
        },
    }
    if text.held_out is not None:
        metadata["corpus"]["held_out_tokens"] = len(text.held_out)
    if parameters.patience is not None:
        metadata["schedule"]["best_epoch"] = best_epoch(parameters, trainer.history)
    if trainer.stop_reason is not None:
        metadata["schedule"]["stopped"] = trainer.stop_reason
    if earlier:
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
        best=None if complete else best,
    )


def _in_json(value: Any) -> Any:
    """Return a parameter's value as it stands in ``config.json``: of a file, its full name."""
    return os.path.abspath(value) if isinstance(value, os.PathLike) else value
