"""One run of training on a cluster, from files to a state: new or resumed."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from typing import Any

from w2v.cluster.dask_engine import open_engine
from w2v.cluster.engines import Engine
from w2v.display.progress import show_training, tell
from w2v.encoding.corpus import Corpus
from w2v.monitoring.history import TrainingInterrupted
from w2v.storage.claims import claimed
from w2v.training.cluster.replica import put_in, snapshot_of
from w2v.training.cluster.rounds import Job, RoundTraining
from w2v.training.cluster.schedule import plan_rounds
from w2v.training.cluster.text import ClusterText, read_text
from w2v.training.cluster.workshop import forget, forget_abandoned
from w2v.training.running.session import check_learned, describe_training, open_checkpoint
from w2v.training.running.start import RunOptions, Start
from w2v.training.state import MAX_WORKERS, Rounds, TrainingState, embeddings_of
from w2v.training.tables import Tables, layout
from w2v.training.trainer import DivergenceError, reach_of

_ALONE = {
    "max_time": "rounds are planned in words",
    "holdout": "no sentences are held out",
    "eval_analogies": "nothing is evaluated between epochs: evaluate the result with `w2v evaluate`",
    "eval_pairs": "nothing is evaluated between epochs: evaluate the result with `w2v evaluate`",
    "phrases": "write the text with its phrases joined (w2v phrases INPUT --output joined.txt), and train on that with "
    "tokenizer='whitespace'; or give a PhraseTokenizer of known phrases",
}
"""Parameters that need a single machine, and why."""


def check_cluster(start: Start, run: RunOptions, round_words: object) -> None:
    """Raise a ValueError that names the parameter if a training cannot run on a cluster."""
    parameters = start.parameters
    if round_words is not None and not (isinstance(round_words, int) and round_words > 0):
        raise ValueError(f"round_words must be a whole number of at least 1, got {round_words!r:.80}.")
    for name, given in (("initial", start.initial), ("callbacks", tuple(run.callbacks))):
        if given:
            raise ValueError(f"{name} cannot be combined with a cluster: train on one machine.")
    for name, why in _ALONE.items():
        if getattr(parameters, name):
            raise ValueError(f"{name} cannot be combined with a cluster: {why}.")
    if parameters.objective == "glove" or parameters.lines != "text":
        name = "objective" if parameters.objective == "glove" else "lines"
        raise ValueError(
            f"{name}={getattr(parameters, name)!r:.80} cannot be combined with a cluster: train on one machine."
        )


def train_on_cluster(
    client: Any,
    round_words: int | None,
    corpus: Corpus,
    start: Start,
    run: RunOptions,
    keep: Callable[[TrainingState], None],
) -> None:
    """Train on a cluster, see `open_client` and `train_on`; parameters are checked before it is opened."""
    check_cluster(start, run, round_words)
    with open_engine(client, partial(tell, run.progress)) as engine:
        train_on(engine, corpus, start, run, keep, round_words)


def train_on(
    engine: Engine,
    corpus: Corpus,
    start: Start,
    run: RunOptions,
    keep: Callable[[TrainingState], None],
    round_words: int | None = None,
) -> None:
    """Train on the workers of an engine, and call `keep` with the result, also if training ended early.

    A resumed training keeps its number of parts, whatever the number of workers, and its `round_words`. Raises the
    errors of `Word2Vec.fit`.
    """
    started, rounds = time.perf_counter(), _rounds_of(engine, start, round_words)
    checkpoint = open_checkpoint(start, run)
    training_name, interrupt = f"{engine.name}/{uuid.uuid4().hex}", None
    engine.tidy(forget_abandoned, engine.names())
    with nullcontext() if checkpoint is None else claimed(checkpoint.output):
        with show_training(run.progress, corpus) as progress:
            try:
                text = read_text(engine, corpus, start, run, rounds.workers, training_name, progress)
                start = start.resolved(text.sizes["tokens"], run)
                training = _begin(engine, text, start, rounds)
                snapshot = partial(_state_of, training, text, start, rounds, started)
                if checkpoint is not None:
                    checkpoint.start(snapshot, 3 * 4 * start.parameters.vector_size * len(text.vocabulary))
                try:
                    training.run(progress, [] if checkpoint is None else [checkpoint])
                except KeyboardInterrupt as error:
                    interrupt = error
                else:
                    check_learned(start.parameters, training.history)
                state = snapshot(complete=interrupt is None)
            finally:
                engine.tidy(forget, training_name)
        keep(state)
        if checkpoint is not None:
            checkpoint.finish(state)
    if interrupt is not None:
        raise TrainingInterrupted(
            "training was interrupted; save() keeps the result so far, resume() continues"
        ) from interrupt


def _rounds_of(engine: Engine, start: Start, round_words: int | None) -> Rounds:
    """Return the number of parts and the words of a round; a resumed training keeps its own."""
    if start.interrupted is None:
        if engine.n_workers > MAX_WORKERS:
            raise ValueError(f"a training takes at most {MAX_WORKERS:,} workers, but there are {engine.n_workers:,}")
        return Rounds(engine.n_workers, round_words, None)
    if start.interrupted.rounds is None:
        raise ValueError("training began on one machine: resume it without a cluster")
    return start.interrupted.rounds


def _begin(engine: Engine, text: ClusterText, start: Start, rounds: Rounds) -> RoundTraining:
    """Plan the rounds, from the start or from an interruption."""
    parameters, interrupted, k = start.parameters, start.interrupted, len(text.shards)
    n_tokens, n_segments = text.sizes["tokens"], min(each.n_segments for each in text.facts)
    reach = reach_of(parameters, max(each.longest for each in text.facts))
    start_piece = None
    if interrupted is not None:
        start_piece = partial(snapshot_of, interrupted.tables, rounds.momentum, n_workers=k)
    digests = [each.digest for each in text.facts]
    job = Job(text.shards, digests, text.vocabulary, parameters, start.seed, reach, n_tokens, start_piece)
    epochs = parameters.epochs
    plan = plan_rounds(epochs * n_tokens / k, epochs * n_segments, rounds.words, k)
    training = RoundTraining(engine, job, plan, interrupted.step if interrupted is not None else 0)
    if interrupted is not None:
        training.history = interrupted.history
    return training


def _state_of(
    training: RoundTraining,
    text: ClusterText,
    start: Start,
    rounds: Rounds,
    started: float,
    complete: bool = False,
) -> TrainingState:
    """Fetch the tables, and return the state of the training."""
    parameters, k = start.parameters, len(text.shards)
    empty = partial(Tables.zeros, len(text.vocabulary), parameters.vector_size, **layout(parameters, text.vocabulary))
    tables, momentum = empty(), empty() if k > 1 and not complete else None
    training.collect(partial(put_in, tables=tables, momentum=momentum))
    if not tables.all_finite():
        raise DivergenceError(
            "training diverged: the vectors are not finite; lower the learning rate alpha or raise min_count"
        )
    schedule: dict[str, Any] = training.schedule | {
        "workers": text.shards[0].n_threads,
        "cluster_workers": k,
        "rounds": len(training.plan),
    }
    metadata = describe_training(parameters, start.seed, training.history, text.sizes, schedule)
    return TrainingState(
        embeddings_of(text.vocabulary, tables, parameters, text.tokenizer, metadata),
        tables,
        parameters,
        start.seed,
        complete,
        training.step,
        training.history,
        spent=time.perf_counter() - started,
        inputs=text.reader.recorded,
        errors=text.reader.errors,
        stream=text.digest,
        rounds=None if complete else replace(rounds, momentum=momentum),
        left_out=start.left_out,
    )
