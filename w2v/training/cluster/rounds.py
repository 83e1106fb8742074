"""The rounds of a training: all workers start from the same tables, and each computes a block of the next step.

Only the workers' changes and the steps are sent; the tables stay in the workers' processes. If a worker is lost,
another passes its tables on, block by block, and the round is repeated with the same result.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from w2v.cluster.clients import ClusterError
from w2v.cluster.engines import ALL_LOST, Engine, Handle, persevere
from w2v.encoding.vocabulary import Vocabulary
from w2v.monitoring.history import EpochRecord, Progress
from w2v.monitoring.pauses import Pause
from w2v.settings.parameters import Parameters
from w2v.training.cluster.learning import (
    Standing,
    Ticket,
    Trained,
    cut,
    delta_of,
    enter,
    fill,
    prepare,
    step_of,
    train_round,
)
from w2v.training.cluster.replica import Snapshot
from w2v.training.cluster.schedule import Planned
from w2v.training.cluster.workshop import Shard

_Result = TypeVar("_Result")
PIECES = 8
"""Pieces per worker in which tables are sent: a worker copies one at a time, so more pieces need less memory."""


@dataclass(frozen=True)
class Job:
    """What all rounds share."""

    shards: Sequence[Shard]
    digests: Sequence[int]  # of the parts
    vocabulary: Vocabulary
    parameters: Parameters
    seed: int
    reach: int
    n_tokens: int  # of the text
    start_piece: Callable[[int, int], Snapshot] | None  # of n, of the tables to resume from; None starts anew

    @property
    def n_pieces(self) -> int:
        """Number of pieces in which whole tables are sent."""
        return PIECES * len(self.shards)


@dataclass
class RoundTraining:
    """A training in rounds, as pauses see it; `step` is the number of completed rounds."""

    engine: Engine
    job: Job
    plan: Sequence[Planned]
    step: int = 0
    history: list[EpochRecord] = field(default_factory=list)
    schedule: dict[str, float] = field(default_factory=dict)
    _attempt: int = 0
    _blocks: list[Handle] | None = None  # the step of the last round, if the workers have not taken it
    _is_whole: bool = False  # whether all workers are known to have their tables
    _begun_at: int = field(init=False)

    def __post_init__(self) -> None:
        self._begun_at = self.step

    @property
    def is_at_end(self) -> bool:
        """Whether no round is left."""
        return self.step >= len(self.plan)

    def check_finite(self) -> None:
        """Do nothing: the workers check for divergence in every round."""

    def run(self, progress: Callable[[Progress], None] | None, pauses: Sequence[Pause]) -> None:
        """Train the remaining rounds. However it ends, `collect` has the tables after the last complete round."""
        began, visited = time.perf_counter(), 0
        before = self.history[-1].seconds if self.history else 0.0
        while not self.is_at_end:
            for pause in pauses:
                if pause.is_due(self):
                    pause.act(self)
            planned = self.plan[self.step]
            trained = self._train(planned)
            elapsed = time.perf_counter() - began
            visited += sum(part.n_words for part in trained)
            self._note(trained, before + elapsed)
            if progress is not None:
                progress(self._progress(planned, visited, elapsed, trained))

    def collect(self, take: Callable[[Snapshot, int, int], None]) -> None:
        """Fetch the tables after the last complete round; `take` gets each piece, its number and the number of pieces.

        If a worker is lost, all pieces come again, with the same contents.
        """
        self._persevere(lambda: self._collect(take))

    def _persevere(self, work: Callable[[], _Result]) -> _Result:
        found = persevere(work, self._mend, is_whole=self._is_whole)
        self._is_whole = True
        return found

    def _collect(self, take: Callable[[Snapshot, int, int], None]) -> None:
        decay, k, n = self.plan[self.step - 1].decay, len(self.job.shards), self.job.n_pieces
        for first in range(0, n, k):  # one piece of each worker, which its copy leaves before the next is made
            handles = [
                self._run(j, cut, self._ticket(j, self.step), first + j, n, self._blocks, decay) for j in range(k)
            ]
            for number, snapshot in enumerate(self.engine.fetch(handles), first):
                take(snapshot, number, n)
            self._blocks = None  # all workers have taken the step

    def _train(self, planned: Planned) -> list[Trained]:
        """Train one round; workers may begin the next one while they send their results."""
        found = self._persevere(lambda: self._round(self.step))
        self.step += 1
        return found

    def _round(self, number: int) -> list[Trained]:
        planned, decay, k = self.plan[number], self.plan[number - 1].decay, len(self.job.shards)
        tickets = [self._ticket(j, number) for j in range(k)]
        trained = [self._run(j, train_round, tickets[j], planned[:2], self._blocks, decay) for j in range(k)]
        self._blocks = None  # these tasks alone need the previous step, which workers would keep beside the next
        blocks = []
        if k > 1:
            for j in range(k):
                others = [self._run(i, delta_of, tickets[i], trained[i], j) for i in range(k) if i != j]
                blocks.append(self._run(j, step_of, tickets[j], trained[j], others, planned.decay))
        found: list[Trained] = self.engine.fetch(trained)
        self._blocks = blocks
        return found

    def _mend(self) -> None:
        """Restore each worker's part of the text and its tables after the last complete round."""
        shards, k = self.job.shards, len(self.job.shards)
        self._attempt, self._blocks, self._is_whole = self._attempt + 1, None, False
        standings: list[Standing] = self.engine.fetch(
            [self._run(j, enter, shard.training, j, self._attempt) for j, shard in enumerate(shards)]
        )
        newest = max(standing.version for standing in standings)
        lacking = [j for j, standing in enumerate(standings) if standing.version < max(0, newest)]
        if newest >= 0:
            holder = next(j for j in range(k) if j not in lacking)
            self._equip(
                lacking, standings, newest,
                lambda piece: self._run(holder, cut, self._ticket(holder, newest), piece, self.job.n_pieces),
            )  # fmt: skip
        elif self.step == self._begun_at:
            newest, start, n = self.step, self.job.start_piece, self.job.n_pieces
            put = (
                None if start is None else lambda piece: self.engine.put(start(piece, n), piece % self.engine.n_workers)
            )
            self._equip(lacking, standings, newest, put)
        else:
            raise ClusterError(ALL_LOST)
        if newest < self.step:  # no remaining worker has taken the last step, so repeat the round
            self._round(newest)
        self._is_whole = True

    def _equip(
        self,
        lacking: Sequence[int],
        standings: Sequence[Standing],
        version: int,
        piece_of: Callable[[int], Handle] | None,
    ) -> None:
        """Make workers read their parts of the text, and send them the tables; None means initial tables."""
        job, k, n = self.job, len(self.job.shards), self.job.n_pieces
        tickets = {j: self._ticket(j, version) for j in lacking}
        words = {
            j: None if standings[j].has_words else self.engine.put(job.vocabulary, j % self.engine.n_workers)
            for j in lacking
        }
        self.engine.fetch(
            [
                self._run(j, prepare, job.shards[j], words[j], job.parameters, job.seed, job.reach, k, tickets[j],
                          job.digests[j], piece_of is not None)
                for j in lacking
            ]
        )  # fmt: skip
        for piece in range(n if lacking and piece_of is not None else 0):
            value = piece_of(piece)  # type: ignore[misc]
            self.engine.fetch([self._run(j, fill, tickets[j], piece, n, value) for j in lacking])

    def _ticket(self, shard: int, version: int) -> Ticket:
        return Ticket(self.job.shards[shard].training, shard, self._attempt, version)

    def _run(self, shard: int, function: Callable[..., Any], *arguments: Any) -> Handle:
        return self.engine.run(function, *arguments, worker=shard % self.engine.n_workers)

    def _note(self, trained: Sequence[Trained], elapsed: float) -> None:
        """Add the workers' results to the history."""
        for part in trained:
            self.schedule = part.schedule
            for found in part.records:
                while len(self.history) < found.epoch:
                    self.history.append(EpochRecord(len(self.history) + 1))
                record = self.history[found.epoch - 1]
                for name in ("words", "kept", "pairs", "loss_sum"):
                    setattr(record, name, getattr(record, name) + getattr(found, name))
                record.loss = record.loss_sum / record.pairs if record.pairs else math.nan
                record.alpha, record.seconds = found.alpha, elapsed

    def _progress(self, planned: Planned, visited: int, elapsed: float, trained: Sequence[Trained]) -> Progress:
        total, epochs = self.job.parameters.epochs * self.job.n_tokens, self.job.parameters.epochs
        speed = visited / elapsed if elapsed > 0 and visited else None
        records = [record for part in trained for record in part.records]
        pairs = sum(record.pairs for record in records)
        return Progress(
            "training",
            planned.stop,
            min(epochs, 1 + int(planned.start * epochs)),
            speed,
            sum(record.loss_sum for record in records) / pairs if pairs else None,
            records[-1].alpha if records else None,
            (1 - planned.stop) * total / speed if speed else None,
            None,
            epochs,
        )
