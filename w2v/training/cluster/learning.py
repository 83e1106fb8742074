"""The tasks of a worker in a round: take the previous step, train a part of the text, and compute a step.

Each function here is a task for a process that holds the part and its replica of the tables. It raises `LostError` if
the process lacks them or has another version of the tables, or if its attempt was given up.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np

from w2v.cluster.engines import LostError
from w2v.encoding.stream import run_threads
from w2v.encoding.vocabulary import Vocabulary
from w2v.monitoring.history import EpochRecord
from w2v.settings.parameters import Parameters
from w2v.training.cluster.replica import Delta, Replica, Snapshot
from w2v.training.cluster.steps import Steps
from w2v.training.cluster.workshop import Shard, bench_of, check_unchanged, kept_bench, stream_of
from w2v.training.running.session import make_crew
from w2v.training.tables import Tables
from w2v.training.trainer import StopTraining, Trainer


class Ticket(NamedTuple):
    """The tables that a task is meant for."""

    training: str
    number: int  # of the part
    attempt: int  # increases when a worker is lost
    version: int  # number of completed rounds


class Trained(NamedTuple):
    """The results of a round, apart from the changed rows."""

    records: list[EpochRecord]  # of the epochs in the round
    schedule: dict[str, float]  # see `Trainer.schedule`

    @property
    def n_words(self) -> int:
        """Number of tokens trained."""
        return sum(record.words for record in self.records)


class Standing(NamedTuple):
    """What a process holds of a part."""

    version: int  # of the tables; -1 for none
    has_words: bool


class _Learner:
    """A part's replica of the tables, and its trainer."""

    def __init__(self, trainer: Trainer, replica: Replica, ticket: Ticket) -> None:
        self.trainer, self.replica, self.attempt, self.version = trainer, replica, ticket.attempt, ticket.version
        self.is_used = False  # whether the tables were trained since the last step

    def take(self, blocks: Sequence[Sequence[Steps]], decay: float) -> None:
        """Advance the tables to the next version."""
        if self.replica.n_workers == 1:
            self.replica.keep()
        else:
            self.replica.take(blocks, decay)
        self.version, self.is_used = self.version + 1, False


def enter(training: str, number: int, attempt: int) -> Standing:
    """Abandon the tasks of earlier attempts, and return what this process holds of a part."""
    bench = kept_bench(training, number)
    if bench is None:
        return Standing(-1, False)
    with bench.lock:
        if bench.learner is None:
            return Standing(-1, bench.vocabulary is not None)
        bench.learner.attempt = attempt
        return Standing(bench.learner.version, True)


def prepare(
    shard: Shard,
    vocabulary: Vocabulary | None,
    parameters: Parameters,
    seed: int,
    reach: int,
    n_workers: int,
    ticket: Ticket,
    digest: int,
    has_more: bool,
) -> None:
    """Prepare to train a part, with initial tables.

    `vocabulary` is None if this process already has it. `reach` is the largest window radius in the whole text.
    `digest` is that of the part as first read. `has_more` is whether `fill` follows.

    Raises LostError if the vocabulary is missing, and CorpusError if the part has changed.
    """
    bench = bench_of(shard)
    with bench.lock:
        bench.vocabulary = vocabulary or bench.vocabulary
        if bench.vocabulary is None:
            raise LostError(f"part {shard.number} was read by a process that was lost")
        bench.learner, bench.counts = None, None
        stream = stream_of(shard, bench.vocabulary, bench)
        check_unchanged(shard, stream, bench, digest)
        trainer = Trainer(
            parameters,
            bench.vocabulary,
            stream,
            _seed_of(seed, shard.number),
            tables=Tables.start(parameters, bench.vocabulary, seed),
            reach=reach,
        )
        bench.learner = _Learner(trainer, Replica(trainer.tables, n_workers, shard.n_threads), ticket)
        if has_more:
            bench.learner.version = -1


def _seed_of(seed: int, number: int) -> int:
    """Return the seed of a worker; the first worker has that of the training."""
    return seed if number == 0 else int(np.random.SeedSequence([seed, 5, number]).generate_state(1)[0])


@contextmanager
def _learner_of(
    ticket: Ticket, blocks: Sequence[Sequence[Steps]] | None = None, decay: float = 0.0
) -> Iterator[_Learner]:
    """Yield the learner of a part, locked, with its tables at the version of a ticket.

    `blocks` is the step from the previous version, and `decay` its decay of the momentum.
    """
    bench = kept_bench(ticket.training, ticket.number)
    if bench is None or bench.learner is None:
        raise LostError(f"this process does not hold part {ticket.number}")
    with bench.lock:
        learner: _Learner = bench.learner
        if learner.attempt != ticket.attempt:
            raise LostError("a worker was lost in the meantime")
        if blocks is not None and learner.version == ticket.version - 1:
            learner.take(blocks, decay)
        if learner.version != ticket.version:
            raise LostError(f"this process holds version {learner.version} of the tables, not {ticket.version}")
        yield learner


def cut(
    ticket: Ticket, piece: int, n_pieces: int, blocks: Sequence[Sequence[Steps]] | None = None, decay: float = 0.0
) -> Snapshot:
    """Return a copy of one of n pieces of the tables between two rounds; for the last two see `train_round`."""
    with _learner_of(ticket, blocks, decay) as learner:
        return learner.replica.cut(piece, n_pieces)


def fill(ticket: Ticket, piece: int, n_pieces: int, snapshot: Snapshot) -> None:
    """Overwrite one of n pieces of the tables of a prepared worker, which are complete after the last."""
    with _learner_of(ticket._replace(version=-1)) as learner:
        learner.replica.fill(piece, n_pieces, snapshot)
        if piece == n_pieces - 1:
            learner.version = ticket.version


def train_round(
    ticket: Ticket, part: tuple[float, float], blocks: Sequence[Sequence[Steps]] | None, decay: float
) -> Trained:
    """Take the step of the previous round, if any, and train a part of the text.

    The step is `blocks`, one from each worker, with `decay` of the momentum. `part` has the fractions of the training
    at which the round begins and ends.
    """
    with _learner_of(ticket, blocks, decay) as learner:
        trainer, n_threads = learner.trainer, learner.replica.n_threads
        if learner.is_used:  # the round is repeated
            learner.replica.go_back()
        first, last = (_step_at(trainer, fraction, n_threads) for fraction in part)
        trainer.go_to(first)
        learner.is_used = True
        if last > first:
            _run(trainer, n_threads, last)
        return Trained([record for record in trainer.history if record.words], trainer.schedule)


def delta_of(ticket: Ticket, trained: Trained, block: int) -> Delta:
    """Return a part's changes to a block, for the worker that computes the step of this block."""
    with _learner_of(ticket) as learner:
        return learner.replica.delta(block, trained.n_words)


def step_of(ticket: Ticket, trained: Trained, others: Sequence[Delta], decay: float) -> tuple[Steps, ...]:
    """Return the common step of all workers in this worker's block."""
    with _learner_of(ticket) as learner:
        return learner.replica.step(ticket.number, trained.n_words, others, decay)


class _UntilStep:
    """A pause that ends a round."""

    def __init__(self, step: int) -> None:
        self.step = step

    def is_due(self, trainer: Trainer) -> bool:
        """Return whether the round is over."""
        return trainer.step >= self.step

    def act(self, trainer: Trainer) -> None:
        """End it."""
        raise StopTraining("the round is over")


def _step_at(trainer: Trainer, fraction: float, n_threads: int) -> int:
    """Return the segment at a fraction of the training; synchronous threads end a round together."""
    step = math.floor(fraction * trainer.parameters.epochs * trainer.n_segments + 1e-9)
    epoch, position = divmod(step, trainer.n_segments)
    if trainer.parameters.deterministic and n_threads > 1:
        position = min(-(-position // n_threads) * n_threads, trainer.n_segments)
    return epoch * trainer.n_segments + position


def _run(trainer: Trainer, n_threads: int, last: int) -> None:
    """Train up to a segment."""
    tables = trainer.tables  # synchronous threads train copies in larger arrays
    crew = make_crew(trainer, n_threads, pauses=[_UntilStep(last)])
    with trainer.ending(crew.failures):
        if n_threads > 1:
            run_threads(crew.work, n_threads, crew.failures)
        else:
            crew.work(0)
            if crew.failures:
                raise crew.failures[0]
    crew.failures.clear()  # the traceback of what ended the round keeps its frames, and so the step that they took
    if trainer.tables is not tables:
        trainer.tables.copy(tables)
        trainer.tables = tables
