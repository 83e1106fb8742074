"""Deterministic training with several workers: rounds instead of tables that all write to at any time.

In a round each worker trains the next segment of the epoch's order, which is short here. What a worker meets that no
other does, it trains in place; of words that several meet, each trains a copy, and the steps of the copies are added up
afterwards, always in the same order (`_rounds.add_up`). So a seed and a number of workers decide every bit.

The price, measured on 18 M words of Simple English Wikipedia (docs/watching.md): two workers take 1.5 to 1.8 times the
processor time of training without rounds, at nearly equal quality; 16 workers take 2.6 to 3 times, and vectors of
skip-gram after a single epoch are a little worse. Memory: copies of a few thousand rows and two int32 a word for each
worker, and for a moment another copy of the tables.

The noise words of a segment are drawn before it is trained, as many as it needs, and the kernel draws from these with
replacement.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from . import _rounds

if TYPE_CHECKING:
    from .trainer import Pause, Planned, Progress, Trainer

SEGMENT = 2_048
"""Tokens that a worker trains in a round. The more, the staler the words that several workers meet."""
DAMPING = 0.1
"""How fast a row comes to rest, in units of its summed step sizes; see `_rounds.add_up` (measured)."""


class RoundRun:
    """What the workers of one call of `Trainer.run` share, if that is deterministic; see `trainer._Run`.

    Parameters
    ----------
    trainer : Trainer
        Its tables move to larger arrays, which have room for copies of rows.
    progress, pauses
        See `Trainer.run`.
    workers : int
        W, at least 2.
    """

    def __init__(
        self,
        trainer: Trainer,
        progress: Callable[[Progress], None] | None,
        pauses: Sequence[Pause],
        workers: int,
    ) -> None:
        if trainer.tables.composition is not None or trainer.tables.positions is not None:
            raise ValueError("deterministic cannot go with words of several rows, frozen rows or weights of positions")
        self.trainer, self.progress, self.pauses, self.workers = trainer, progress, pauses, workers
        self.failures: list[BaseException] = []
        self.began = time.perf_counter()
        self.seconds_before = trainer.history[-1].seconds if trainer.history else 0.0
        self.plan = trainer.plan(self.began)
        self.visited = self.reported = self.round_number = 0
        self.barrier = threading.Barrier(workers)
        self.segments: list[Planned] = []
        n_words, longest = trainer.tables.n_words, int(np.diff(trainer.borders).max())
        n_draws = (math.ceil(longest / trainer.objective.n_targets) + 1) * trainer.objective.n_noise
        self.n_spares = min(n_words, longest + n_draws)
        trainer.tables, self.w_in, self.w_out = trainer.tables.with_spare_rows(workers * self.n_spares)
        self.keep = np.zeros(len(self.w_out) // trainer.tables.row_size, np.float32)
        self.keep[:n_words] = trainer.keep
        self.marks, self.slots = np.zeros((2, workers, n_words), np.int32)
        self.words, self.rows, self.shared = np.zeros((3, workers, self.n_spares), np.int32)
        self.seen = np.zeros((workers, self.n_spares, 2), np.int32)
        self.n_shared = np.zeros(workers, np.int64)
        self.tokens, self.noise = np.zeros((workers, longest), np.int32), np.zeros((workers, n_draws), np.int32)
        self.always_alias = np.zeros(n_draws, np.float32)
        self.stats = np.zeros((workers, 3))

    def work(self, worker: int) -> None:
        """Take part in rounds until there is nothing left or something failed."""
        try:
            while True:
                if self.barrier.wait() == 0:  # one of the threads, while the others wait for it
                    self._next_round()
                self.barrier.wait()
                if not self.segments:
                    return
                self._train(worker)
                self._add_up(worker)
        except threading.BrokenBarrierError:
            return  # another worker failed
        except BaseException as failure:
            self.failures.append(failure)
            self.barrier.abort()

    def _next_round(self) -> None:
        """Note what the last round did, pause where that is due, and take the segments of the next round."""
        trainer = self.trainer
        for (epoch, segment, _, alpha_end, _), stats in zip(self.segments, self.stats, strict=False):
            n_tokens = int(trainer.borders[segment + 1] - trainer.borders[segment])
            self.visited += n_tokens
            elapsed = time.perf_counter() - self.began
            trainer.record(epoch, n_tokens, alpha_end, stats, self.seconds_before + elapsed)
        self._report()
        while not self.failures and (due := [pause for pause in self.pauses if pause.is_due(trainer)]):
            for pause in due:
                pause.act(trainer)
        self.segments = []
        self.round_number += 1
        if self.failures:
            return
        while len(self.segments) < self.workers:  # a round is never cut short: training must go on exactly
            planned = next(self.plan, None)
            if planned is None:
                break
            self.segments.append(planned)
            trainer.step += 1
            trainer.done = planned[-1]
            if trainer.step % trainer.n_segments == 0:  # an epoch ends with a round
                break

    def _report(self) -> None:
        elapsed = time.perf_counter() - self.began
        if self.progress is not None and self.segments and elapsed > 0.1 * self.reported:
            self.reported = math.floor(10 * elapsed) + 1
            epoch, _, alpha, _, done = self.segments[0]
            self.progress(self.trainer.progress_at(epoch, done, alpha, self.visited, elapsed))

    def _train(self, worker: int) -> None:
        """Train the worker's segment, if there is one for it in this round."""
        trainer, stream, tables = self.trainer, self.trainer.stream, self.trainer.tables
        objective = trainer.objective
        is_idle = worker >= len(self.segments)
        n = n_draws = start = stop = self.n_shared[worker] = 0
        if not is_idle:
            epoch, segment, alpha, alpha_end, _ = self.segments[worker]
            text = stream.excerpt(int(trainer.borders[segment]), int(trainer.borders[segment + 1]))
            start, stop = 0, len(text)
            states = np.random.SeedSequence([trainer.seed, 2, (epoch << 32) + segment + 1]).generate_state(2, np.uint64)
            n, n_draws = _rounds.collect_words(
                text.tokens, start, stop, self.keep, *objective.source, objective.n_targets, objective.n_noise,
                states[1], self.round_number, self.marks[worker], self.slots[worker], self.words[worker],
                self.seen[worker], self.noise[worker],
            )  # fmt: skip
        self.barrier.wait()
        if not is_idle:
            self.n_shared[worker] = _rounds.copy_shared_rows(
                worker, n, self.round_number, self.marks, self.slots[worker], self.words[worker], text.tokens, start,
                stop, self.noise[worker], n_draws, tables.n_words + 1 + worker * self.n_spares, self.keep, self.w_in,
                self.w_out, tables.row_size, self.rows[worker], self.shared[worker], self.tokens[worker],
            )  # fmt: skip
            self.stats[worker] = 0
            trainer.run_kernel(
                self.tokens[worker], text.offsets, 0, stop - start, 0, self.keep, self.always_alias[:n_draws],
                self.noise[worker, :n_draws], self.w_in, self.w_out, alpha, alpha_end, states[0], self.stats[worker],
                weights=text.weights,
            )  # fmt: skip
        self.barrier.wait()

    def _add_up(self, worker: int) -> None:
        """Add up the steps of the words that fall to this worker."""
        trainer, parameters = self.trainer, self.trainer.parameters
        per_pair = DAMPING * self.segments[0][2] * parameters.pairs_within(trainer.reach)
        per_draw = per_pair * parameters.negative * trainer.objective.n_targets / trainer.objective.n_noise
        for table, per_token, per_noise in (
            (self.w_in, per_pair * (1 + parameters.negative), 0.0),
            (self.w_out, per_pair, per_draw),
        ):
            _rounds.add_up(
                worker, self.n_shared, self.round_number, self.marks, self.slots, self.rows, self.seen, self.shared,
                self.keep, per_token, per_noise, trainer.tables.row_size, table,
            )  # fmt: skip
