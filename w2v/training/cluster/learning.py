"""What a worker does in a round: it takes the step of the last one, trains its part of the text, and makes a step.

Each function here is a task for a process that keeps the part and its replica of the tables. One that does not, or that
keeps another version of them, raises `LostError`, and so does a task of an attempt that was given up.
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
from w2v.training.cluster.workshop import Shard, bench_of, kept_bench, stream_of
from w2v.training.session import make_crew
from w2v.training.tables import Tables
from w2v.training.trainer import StopTraining, Trainer


class Ticket(NamedTuple):
    """For which tables a task is meant."""

    training: str
    number: int  # of the part
    attempt: int  # grows where a worker was lost
    version: int  # rounds that the tables have behind them


class Trained(NamedTuple):
    """What a round did, besides moving rows."""

    records: list[EpochRecord]  # of the epochs that it touched
    schedule: dict[str, float]  # see `Trainer.schedule`

    @property
    def n_words(self) -> int:
        """Tokens that were trained."""
        return sum(record.words for record in self.records)


class Standing(NamedTuple):
    """What a process keeps of a part."""

    version: int  # of the tables; -1 for none
    has_words: bool


class _Learner:
    """A part's replica of the tables, and what trains it."""

    def __init__(self, trainer: Trainer, replica: Replica, ticket: Ticket) -> None:
        self.trainer, self.replica, self.attempt, self.version = trainer, replica, ticket.attempt, ticket.version
        self.is_used = False  # whether the tables were trained since

    def take(self, blocks: Sequence[Sequence[Steps]], decay: float) -> None:
        """Come to the next version."""
        if self.replica.n_workers == 1:
            self.replica.keep()
        else:
            self.replica.take(blocks, decay)
        self.version, self.is_used = self.version + 1, False


def enter(training: str, number: int, attempt: int) -> Standing:
    """Give up what was asked for in earlier attempts, and return what this process has of a part."""
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
    has_more: bool,
) -> None:
    """Get ready to train a part, from the start of the tables; `has_more` if `fill` follows.

    None is a vocabulary that this process keeps; `reach` is the largest radius of a window in all of the text.
    """
    bench = bench_of(shard)
    with bench.lock:
        bench.vocabulary = vocabulary or bench.vocabulary
        if bench.vocabulary is None:
            raise LostError(f"part {shard.number} was read by a process that is gone")
        bench.learner, bench.counts = None, None
        trainer = Trainer(
            parameters,
            bench.vocabulary,
            stream_of(shard, bench.vocabulary, bench),
            _seed_of(seed, shard.number),
            tables=Tables.start(parameters, bench.vocabulary, seed),
            reach=reach,
        )
        bench.learner = _Learner(trainer, Replica(trainer.tables, n_workers, shard.n_threads), ticket)
        if has_more:
            bench.learner.version = -1


def _seed_of(seed: int, number: int) -> int:
    """Return the seed of a worker; the first one's is that of the training."""
    return seed if number == 0 else int(np.random.SeedSequence([seed, 5, number]).generate_state(1)[0])


@contextmanager
def _learner_of(
    ticket: Ticket, blocks: Sequence[Sequence[Steps]] | None = None, decay: float = 0.0
) -> Iterator[_Learner]:
    """Yield the learner of a part once its tables are those of a ticket; nothing else touches it in the block.

    `blocks` are the step that leads there from the version before, and `decay` what it kept of the momentum.
    """
    bench = kept_bench(ticket.training, ticket.number)
    if bench is None or bench.learner is None:
        raise LostError(f"this process does not keep part {ticket.number}")
    with bench.lock:
        learner: _Learner = bench.learner
        if learner.attempt != ticket.attempt:
            raise LostError("a worker was lost since")
        if blocks is not None and learner.version == ticket.version - 1:
            learner.take(blocks, decay)
        if learner.version != ticket.version:
            raise LostError(f"this process keeps version {learner.version} of the tables, not {ticket.version}")
        yield learner


def cut(ticket: Ticket, block: int, blocks: Sequence[Sequence[Steps]] | None = None, decay: float = 0.0) -> Snapshot:
    """Return a copy of a block of the tables between two rounds; for the others see `train_round`."""
    with _learner_of(ticket, blocks, decay) as learner:
        return learner.replica.cut(block)


def fill(ticket: Ticket, block: int, snapshot: Snapshot, is_last: bool) -> None:
    """Overwrite a block of the tables of a worker that was prepared."""
    with _learner_of(ticket._replace(version=-1)) as learner:
        learner.replica.fill(block, snapshot)
        if is_last:
            learner.version = ticket.version


def train_round(
    ticket: Ticket, part: tuple[float, float], blocks: Sequence[Sequence[Steps]] | None, decay: float
) -> Trained:
    """Take the step of the last round, if there was one, and train a part of the text.

    The step is `blocks`, one of each worker, and `decay` is what it kept of the momentum. `part` is the fraction of the
    training where the round begins and ends.
    """
    with _learner_of(ticket, blocks, decay) as learner:
        trainer, n_threads = learner.trainer, learner.replica.n_threads
        if learner.is_used:  # the round is done again
            learner.replica.go_back()
        first, last = (_step_at(trainer, fraction, n_threads) for fraction in part)
        trainer.go_to(first)
        learner.is_used = True
        if last > first:
            _run(trainer, n_threads, last)
        return Trained([record for record in trainer.history if record.words], trainer.schedule)


def delta_of(ticket: Ticket, trained: Trained, block: int) -> Delta:
    """Return how far a part moved a block, for the worker that makes the step of this block."""
    with _learner_of(ticket) as learner:
        return learner.replica.delta(block, trained.n_words)


def step_of(ticket: Ticket, trained: Trained, others: Sequence[Delta], decay: float) -> tuple[Steps, ...]:
    """Return the step of all workers in this worker's block."""
    with _learner_of(ticket) as learner:
        return learner.replica.step(ticket.number, trained.n_words, others, decay)


class _UntilStep:
    """A pause that ends a round."""

    def __init__(self, step: int) -> None:
        self.step = step

    def is_due(self, trainer: Trainer) -> bool:
        """Tell whether the round is over."""
        return trainer.step >= self.step

    def act(self, trainer: Trainer) -> None:
        """End it."""
        raise StopTraining("the round is over")


def _step_at(trainer: Trainer, fraction: float, n_threads: int) -> int:
    """Return the segment at a fraction of the training; threads that wait for one another end a round together."""
    step = math.floor(fraction * trainer.parameters.epochs * trainer.n_segments + 1e-9)
    epoch, position = divmod(step, trainer.n_segments)
    if trainer.parameters.deterministic and n_threads > 1:
        position = min(-(-position // n_threads) * n_threads, trainer.n_segments)
    return epoch * trainer.n_segments + position


def _run(trainer: Trainer, n_threads: int, last: int) -> None:
    """Train up to a segment."""
    crew = make_crew(trainer, n_threads, pauses=[_UntilStep(last)])
    with trainer.ending(crew.failures):
        if n_threads > 1:
            run_threads(crew.work, n_threads, crew.failures)
            return
        crew.work(0)
        if crew.failures:
            raise crew.failures[0]
