"""The rounds of a training: all workers train from the same blocks, and each makes one block of the next tables.

Version n of the tables and what version n + 1 is made of stay on the workers until all of them hold version n + 1, and
the momentum of a block is held by two of them. So whatever one worker loses can be computed again.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from w2v.cluster.engines import Engine, Handle
from w2v.monitoring.history import EpochRecord, Progress
from w2v.monitoring.pauses import Pause
from w2v.settings.parameters import Parameters
from w2v.training.cluster.blocks import combine
from w2v.training.cluster.schedule import Planned
from w2v.training.cluster.workshop import Shard, Trained, hold, train_round


class Version(NamedTuple):
    """The blocks of the tables, and of their momentum, where the workers have them; no momentum before the first."""

    blocks: list[Handle]
    momenta: list[Handle]


@dataclass(frozen=True)
class Job:
    """What is the same in all rounds."""

    shards: Sequence[Shard]
    vocabulary: Handle
    parameters: Parameters
    seed: int
    reach: int
    n_tokens: int  # of the text


@dataclass
class RoundTraining:
    """A training in rounds, as its pauses find it; `step` are the rounds that are done."""

    engine: Engine
    job: Job
    plan: Sequence[Planned]
    version: Version
    step: int = 0
    history: list[EpochRecord] = field(default_factory=list)
    schedule: dict[str, float] = field(default_factory=dict)
    _made_of: Any = None  # what the version was made of, until all workers hold it

    @property
    def is_at_end(self) -> bool:
        """Whether no round is left."""
        return self.step >= len(self.plan)

    def check_finite(self) -> None:
        """Do nothing: the workers look for divergence in every round."""

    def run(self, progress: Callable[[Progress], None] | None, pauses: Sequence[Pause]) -> None:
        """Train all rounds that are left. Whatever ends it, `version` is that of the last whole round."""
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

    def _train(self, planned: Planned) -> list[Trained]:
        """Train one round."""
        job, (blocks, momenta), k = self.job, self.version, len(self.job.shards)
        held = [self._run(j, hold, blocks, *momenta[j - 1 : j or None]) for j in range(k)]
        self.engine.fetch(held)
        self._made_of = None
        trained = [
            self._run(j, train_round, shard, job.vocabulary, job.parameters, job.seed, job.reach, planned[:2], blocks)
            for j, shard in enumerate(job.shards)
        ]
        found: list[Trained] = self.engine.fetch([self._run(j, pick, each, 0) for j, each in enumerate(trained)])
        moved = [[self._run(j, pick, each, 1, block) for block in range(k)] for j, each in enumerate(trained)]
        following, combined = Version(moved[0], []), []
        if k > 1:
            combined = [
                self._run(
                    j, combine, blocks[j], momenta[j] if momenta else None, [each[j] for each in moved], planned.decay
                )
                for j in range(k)
            ]
            following = Version(*([self._run(j, pick, combined[j], part) for j in range(k)] for part in (0, 1)))
        self._made_of, self.version, self.step = (self.version, trained, moved, combined), following, self.step + 1
        return found

    def _run(self, shard: int, function: Callable[..., Any], *arguments: Any) -> Handle:
        return self.engine.run(function, *arguments, worker=shard % self.engine.n_workers)

    def _note(self, trained: Sequence[Trained], elapsed: float) -> None:
        """Add what the workers did to the history."""
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


def pick(found: Any, *places: int) -> Any:
    """Return one part of what a task returned, so that nothing else has to travel."""
    for place in places:
        found = found[place]
    return found
