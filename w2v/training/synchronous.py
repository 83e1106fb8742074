"""Deterministic training with several workers, in synchronous rounds.

In a round each worker trains the next short segment of the epoch's order. Rows that only one worker uses are trained in
place. Of rows that several workers use, each trains a copy, and the updates of the copies are then summed in a fixed
order (`w2v.kernels.synchronous.add_up`). So a seed and a number of workers determine every bit.

The price, measured on 18 M words of Simple English Wikipedia (docs/running/watching.md): two workers take 1.5 to 1.8
times the processor time of training without rounds, at nearly equal quality; 16 workers take 2.6 to 3 times, and
vectors of skip-gram after a single epoch are a little worse. Memory: for each worker copies of a few thousand rows and
two int32 per word, and temporarily another copy of the tables.

A segment's expected number of noise words is drawn before it is trained, and the kernel draws from these with
replacement.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from w2v.kernels.arguments import Noise
from w2v.kernels.synchronous import Round, add_up, collect_words, copy_shared_rows
from w2v.monitoring.history import Progress
from w2v.training.trainer import Crew, Pause, Planned, Trainer

DAMPING = 0.1
"""How fast a row converges, in units of its summed step sizes; see `w2v.kernels.synchronous.add_up` (measured)."""


class Synchronous(Crew):
    """Two or more workers that train in parallel and wait for each other after each round.

    The trainer's tables are moved to larger arrays, with room for copies of rows.
    """

    def __init__(
        self,
        trainer: Trainer,
        workers: int,
        progress: Callable[[Progress], None] | None = None,
        pauses: Sequence[Pause] = (),
    ) -> None:
        if trainer.tables.composition is not None or trainer.tables.positions is not None:
            raise ValueError(
                "deterministic cannot be combined with words of several rows, frozen rows or position weights"
            )
        assert isinstance(trainer.objective.source, Noise)
        super().__init__(trainer, progress, pauses)
        self.workers, self.noise, self.chunk = workers, trainer.objective.source, trainer.objective.chunk
        self.barrier = threading.Barrier(workers)
        self.segments: list[Planned] = []
        n_words, longest = trainer.tables.n_words, int(np.diff(trainer.borders).max())
        n_draws = (math.ceil(longest / self.chunk.n_targets) + 1) * self.noise.n_rows
        self.n_spares = min(n_words, longest + n_draws)
        trainer.tables, self.tables = trainer.tables.with_spare_rows(workers * self.n_spares)
        keep = np.zeros(len(self.tables.w_out) // self.tables.row_size, np.float32)
        keep[:n_words] = trainer.text.keep
        self.keep = keep
        self.round = Round.of(workers, n_words, self.n_spares, longest, n_draws)
        self.always_alias = np.zeros(n_draws, np.float32)
        self.stats = np.zeros((workers, 3))

    def work(self, worker: int) -> None:
        """Take part in rounds until no segment is left or something fails."""
        try:
            scratch = self.trainer.objective.scratch(self.tables)
            while True:
                if self.barrier.wait() == 0:  # only one of the threads does this, while the others wait
                    self._next_round()
                self.barrier.wait()
                if not self.segments:
                    return
                self._train(worker, scratch)
                self._add_up(worker)
        except threading.BrokenBarrierError:
            return  # another worker failed
        except BaseException as failure:
            self.failures.append(failure)  # before the others see the broken barrier
            self.barrier.abort()

    def _next_round(self) -> None:
        """Record the last round, run due pauses, and take the segments of the next round."""
        for planned, stats in zip(self.segments, self.stats, strict=False):
            self.note(planned, stats)
        if self.segments:
            self.tell(self.segments[-1])
        while due := self.pauses_due():
            for pause in due:
                pause.act(self.trainer)
        self.segments = []
        self.stats[:] = 0
        self.round = self.round._replace(number=self.round.number + 1)
        while len(self.segments) < self.workers:  # a round is always complete, so that training can resume exactly
            following = self.take()
            if following is None:
                break
            self.segments.append(following)
            if self.trainer.step % self.trainer.n_segments == 0:  # an epoch ends with a round
                break

    def _train(self, worker: int, scratch: Any) -> None:
        """Train the worker's segment, if there is one for it in this round."""
        trainer, round = self.trainer, self.round
        planned = self.segments[worker] if worker < len(self.segments) else None
        round.n_shared[worker] = 0
        if planned is not None:
            text, segment = trainer.excerpt_of(planned)
            text, state = text._replace(keep=self.keep), trainer.states_of(planned)[1]
            n, n_draws = collect_words(text, segment, self.chunk.n_targets, self.noise, state, round, worker)
        self.barrier.wait()
        if planned is not None:
            first_spare = self.tables.n_words + 1 + worker * self.n_spares
            copy_shared_rows(text, segment, self.tables.arrays, first_spare, round, worker, n, n_draws)
            noise = self.noise._replace(threshold=self.always_alias[:n_draws], alias=round.noise[worker, :n_draws])
            objective = replace(trainer.objective, source=noise)
            objective.step(
                text._replace(tokens=self.round.tokens[worker]), self.tables, segment, scratch, self.stats[worker]
            )  # the ids of these tokens are rows
        self.barrier.wait()

    def _add_up(self, worker: int) -> None:
        """Sum the updates of this worker's part of the words."""
        parameters, arrays = self.trainer.parameters, self.tables.arrays
        per_pair = DAMPING * self.segments[0].rates[0] * parameters.pairs_within(self.trainer.reach)
        per_draw = per_pair * parameters.negative * self.chunk.n_targets / self.noise.n_rows
        for table, per_token, per_noise in (
            (arrays.w_in, per_pair * (1 + parameters.negative), 0.0),
            (arrays.w_out, per_pair, per_draw),
        ):
            add_up(table, arrays.row_size, self.keep, per_token, per_noise, self.round, worker)
