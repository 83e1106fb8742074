"""Training: the schedule, threads, loss history and the check for divergence.

An epoch visits the stream in segments of some ten thousand tokens, in an order drawn anew for each epoch, so that every
part of the corpus meets every learning rate. Workers take the next segment of that order as they get free and share the
tables without locks (Hogwild, arXiv:1106.5730). The random state of a segment depends on the seed, the epoch and
the segment alone: one worker is reproducible bit for bit, and a training that was interrupted goes on exactly.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _kernels, rounds
from .objectives import choose_objective
from .parameters import DEFAULT_MIN_ALPHA, Parameters
from .pauses import DivergenceError as DivergenceError
from .pauses import Pause as Pause
from .stream import TokenStream, run_threads
from .tables import Tables
from .vocabulary import Vocabulary, keep_probabilities

SEGMENT = 50_000
_LEAST_SEGMENT, _SEGMENTS = 1_000, 64
_DIVERGED, _RECENT = 1.5, 32


@dataclass(frozen=True)
class Progress:
    """How far a call of `fit` is, for the function given as `progress`.

    Attributes
    ----------
    phase : {"reading", "compiling", "training"}
    done : float or None
        Share of the phase that is done, 0 to 1; None where it is not known.
    epoch : int
        Counted from 1; 0 before training.
    words_per_second, loss, alpha, seconds_left : float or None
        Tokens of the stream per second since training began, mean loss per pair over the last segments, learning rate,
        and what is left of the phase; None where not known yet.
    holdout_loss : float or None
        Mean loss of the held-out sentences, at the end of the last epoch.
    """

    phase: str
    done: float | None = None
    epoch: int = 0
    words_per_second: float | None = None
    loss: float | None = None
    alpha: float | None = None
    seconds_left: float | None = None
    holdout_loss: float | None = None


Planned = tuple[int, int, float, float, float]
"""A segment to train: epoch from 0, segment, alpha at its start and end, and the share of the schedule before it."""
MEASURES = ("holdout_loss", "analogies", "word_pairs")
"""What may be measured at the end of an epoch, by its name in `EpochRecord`."""


@dataclass
class EpochRecord:
    """What happened in one epoch.

    Attributes
    ----------
    epoch : int
        Counted from 1.
    loss : float
        Mean over the epoch's pairs (skip-gram) or targets (CBOW), in nats: minus the log-likelihood of the observed
        word and of its noise words, or of the branches on its path. Summed in float64 over all workers.
    alpha : float
        Learning rate at the end of the epoch.
    words : int
        Tokens of the stream that were visited.
    kept : int
        Those that survived subsampling.
    pairs : int
        What `loss` is a mean over.
    seconds : float
        Wall-clock time of training up to here, without the time between an interruption and going on.
    holdout_loss : float
        The same mean over the sentences that `holdout` sets aside, with the vectors at the end of the epoch. `loss` is
        a mean over the epoch, while the vectors change. NaN if nothing is held out.
    analogies : float
        Accuracy on the questions of `eval_analogies` at the end of the epoch, 0 to 1. NaN without questions.
    word_pairs : float
        Spearman's correlation with the scores of `eval_pairs` at the end of the epoch. NaN without pairs.
    """

    epoch: int
    loss: float = math.nan
    alpha: float = math.nan
    words: int = 0
    kept: int = 0
    pairs: int = 0
    seconds: float = 0.0
    holdout_loss: float = math.nan
    analogies: float = math.nan
    word_pairs: float = math.nan
    loss_sum: float = field(default=0.0, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the record in JSON types; what was not measured is left out."""
        record = {name: getattr(self, name) for name in ("epoch", "alpha", "words", "kept", "pairs", "seconds")}
        measured = {name: getattr(self, name) for name in ("loss", *MEASURES)}
        return record | {name: value for name, value in measured.items() if math.isfinite(value)}


class StopTraining(Exception):
    """Raised by a pause to end training as if its schedule had ended; the message says why."""


class Trainer:
    """One training: its tables, its place in the schedule and its history.

    Parameters
    ----------
    parameters : Parameters
        Validated.
    vocabulary : Vocabulary
        With the counts in `stream`. A word of count 0 is neither met nor drawn as noise: its vectors do not move.
    stream : TokenStream
    seed : int
        Decides everything random.
    tables : Tables, optional
        Where to go on from; by default a random start.
    step : int, default 0
        Segments that are done already.
    history : list of EpochRecord, optional
        Of the epochs that are done or begun.
    started : float, optional
        `time.perf_counter()` from which `max_time` is counted; now by default.
    done : float, default 0
        With `max_time`: the share of the schedule that was done before.

    Attributes
    ----------
    tables, history, step, done, started
        As given; all but the last are brought up to date by `run`.
    objective : Objective
        What is maximised.
    alpha, min_alpha : float
        Learning rate at both ends of the schedule.
    stop_reason : str or None
        Why `run` ended before its schedule, if a pause wished so.
    borders : ndarray of shape (n_segments + 1,), int64
        Where the segments of the stream begin and end.
    keep : ndarray of shape (V,), float32
        Probability that a token survives subsampling.
    reach : int
        The largest radius of a window that a sentence has room for, at most `window`.
    """

    def __init__(
        self,
        parameters: Parameters,
        vocabulary: Vocabulary,
        stream: TokenStream,
        seed: int,
        *,
        tables: Tables | None = None,
        step: int = 0,
        history: list[EpochRecord] | None = None,
        started: float | None = None,
        done: float = 0.0,
    ) -> None:
        assert vocabulary.counts is not None
        self.parameters, self.stream, self.seed, self.step = parameters, stream, seed, step
        self.history = [] if history is None else history
        self.done = done
        self.stop_reason: str | None = None
        self.tables = Tables.start(parameters, vocabulary, seed) if tables is None else tables
        self.keep = keep_probabilities(vocabulary.counts, parameters.sample)
        self.reach = _reach(parameters, stream)
        self.objective = choose_objective(parameters, vocabulary, self.keep, self.reach)
        self.alpha = self.objective.alpha
        given = DEFAULT_MIN_ALPHA if parameters.min_alpha is None else parameters.min_alpha
        self.min_alpha = min(given, self.alpha)
        self.borders = _split(stream, rounds.SEGMENT if parameters.deterministic else SEGMENT)
        self._composition = self.tables.kernel_composition
        self.started = time.perf_counter() if started is None else started
        self._recent: list[tuple[float, float]] = []

    @property
    def n_segments(self) -> int:
        """Segments in an epoch."""
        return len(self.borders) - 1

    @property
    def is_complete(self) -> bool:
        """Whether all epochs are done (with `max_time`: whether anything is)."""
        return self.step >= (1 if self.parameters.max_time else self.parameters.epochs * self.n_segments)

    @property
    def is_at_end(self) -> bool:
        """Whether it is known that no segment is left; with `max_time` it never is."""
        return self.parameters.max_time is None and self.is_complete

    def compile(self) -> None:
        """Make sure that the kernel is compiled, or loaded from the cache, by training on nothing."""
        self._train(self.stream, 0, 0, 0.0, 0.0, 0, np.zeros(3))

    def mean_loss(self, stream: TokenStream, workers: int) -> float:
        """Return the mean loss of another stream, as `EpochRecord.loss` has it, without training on it.

        The kernel runs with a learning rate of 0, which leaves the tables as they are. Subsampling, windows and noise
        are drawn alike in every call, so that two calls differ by the vectors alone.

        Parameters
        ----------
        stream : TokenStream
            Ids of the same vocabulary.
        workers : int
            Threads. The result does not depend on it.

        Returns
        -------
        float
            NaN if there is not a single pair.
        """
        borders = _split(stream).tolist()

        def measure(segment: int) -> NDArray[np.float64]:
            stats = np.zeros(3)
            self._train(stream, borders[segment], borders[segment + 1], 0.0, 0.0, -1 - segment, stats)
            return stats

        with ThreadPoolExecutor(workers) as pool:
            stats = np.sum(list(pool.map(measure, range(len(borders) - 1))), axis=0)
        return float(stats[_kernels.LOSS] / stats[_kernels.PAIRS]) if stats[_kernels.PAIRS] else math.nan

    def run(
        self, workers: int, progress: Callable[[Progress], None] | None = None, pauses: Sequence[Pause] = ()
    ) -> None:
        """Train until the schedule ends.

        Parameters
        ----------
        workers : int
            Threads.
        progress : callable, optional
            Called from time to time, in one of the threads.
        pauses : sequence of Pause, optional
            What to do between segments. Where one is due, the workers finish their segments and wait.

        Raises
        ------
        DivergenceError
            If the loss or the vectors left their range. The tables are then of no use.
        KeyboardInterrupt
            On Ctrl-C. The segments that were begun are finished, and `step` says where to go on.
        """
        self.stop_reason = None
        is_in_rounds = self.parameters.deterministic and workers > 1
        run = rounds.RoundRun(self, progress, pauses, workers) if is_in_rounds else _Run(self, progress, pauses)
        try:
            run_threads(run.work, workers, run.failures)
        except StopTraining as stop:
            self.stop_reason = str(stop)
        finally:
            if not run.failures or isinstance(run.failures[0], (KeyboardInterrupt, StopTraining)):
                self.check_finite()

    def plan(self, began: float) -> Iterator[Planned]:
        """Yield (epoch from 0, segment, alpha at its start and end, share of the schedule done) from `step` on."""
        epoch, position = divmod(self.step, self.n_segments)
        sizes = np.diff(self.borders)
        deadline = None
        if self.parameters.max_time is not None:
            deadline = self.started + self.parameters.max_time
            available, done_before = max(deadline - began, 1e-9), self.done
        total = self.parameters.epochs * len(self.stream)
        begun = False
        while deadline is not None or epoch < self.parameters.epochs:
            order = np.random.default_rng([self.seed, 1, epoch]).permutation(self.n_segments)
            before = epoch * len(self.stream) + int(sizes[order[:position]].sum())
            for segment in order[position:].tolist():
                after = before + int(sizes[segment])
                if deadline is None:
                    done, end = before / total, after / total
                else:
                    now = time.perf_counter()
                    if begun and now >= deadline:
                        return
                    done = end = min(1.0, done_before + (1 - done_before) * (now - began) / available)
                yield epoch, segment, self._alpha_at(done), self._alpha_at(end), done
                before, begun = after, True
            epoch, position = epoch + 1, 0

    def _alpha_at(self, done: float) -> float:
        return max(self.min_alpha, self.alpha - (self.alpha - self.min_alpha) * done)

    def _train(
        self,
        stream: TokenStream,
        start: int,
        stop: int,
        alpha: float,
        alpha_end: float,
        number: int,
        stats: NDArray[np.float64],
    ) -> None:
        """Run the kernel on one segment; `number` decides the random state, a negative one that of a measurement."""
        reach = self.reach if stream is self.stream else _reach(self.parameters, stream)
        entropy = [self.seed, 2, number] if number >= 0 else [self.seed, 4, -number]
        state = np.random.SeedSequence(entropy).generate_state(1, np.uint64)[0]
        text, first = stream.locate(start, stop)
        sentence = int(np.searchsorted(text.offsets, first, side="right")) - 1
        self.run_kernel(
            np.asarray(text.tokens), text.offsets, first, first + stop - start, sentence, self.keep,
            *self.objective.source, self.tables.w_in, self.tables.w_out, alpha, alpha_end, state, stats,
            weights=text.weights, reach=reach,
        )  # fmt: skip

    def run_kernel(self, *arguments: Any, weights: NDArray[np.float32] | None = None, reach: int | None = None) -> None:
        """Call the kernel with these arguments, in its order, and with those that are the same for all segments."""
        *text, alpha, alpha_end, state, stats = arguments
        objective, tables, parameters = self.objective, self.tables, self.parameters
        takes_positions = parameters.algorithm == "cbow" and parameters.objective == "negative"
        objective.kernel(
            *text, tables.row_size, tables.vector_size, self.reach if reach is None else reach,
            parameters.window if parameters.shrink_windows else 0, *objective.sizes,
            alpha, alpha_end, state, stats, *self._composition, weights,
            *([tables.positions] if takes_positions else []),
        )  # fmt: skip

    def record(self, epoch: int, words: int, alpha: float, stats: NDArray[np.float64], elapsed: float) -> None:
        """Add a segment's figures to its epoch, and look for divergence."""
        while len(self.history) <= epoch:
            self.history.append(EpochRecord(len(self.history) + 1))
        record = self.history[epoch]
        record.words += words
        record.kept += int(stats[_kernels.KEPT])
        record.pairs += int(stats[_kernels.PAIRS])
        record.loss_sum += float(stats[_kernels.LOSS])
        record.loss = record.loss_sum / record.pairs if record.pairs else math.nan
        record.alpha, record.seconds = alpha, elapsed
        self._recent = [*self._recent[1 - _RECENT :], (float(stats[_kernels.LOSS]), float(stats[_kernels.PAIRS]))]
        loss, at_start = self._recent_loss(), self.objective.loss_at_start
        if loss is not None and not loss < _DIVERGED * at_start:
            raise self._divergence(f"the mean loss is {loss:.3g}, against {at_start:.3g} before training")

    def check_finite(self) -> None:
        """Raise `DivergenceError` if an entry of the tables is NaN or infinite."""
        if not self.tables.all_finite():
            raise self._divergence("the vectors are not finite")

    def _recent_loss(self) -> float | None:
        pairs = sum(n for _, n in self._recent)
        return sum(loss for loss, _ in self._recent) / pairs if pairs else None

    def _divergence(self, what: str) -> DivergenceError:
        epoch = max(1, len(self.history))
        return DivergenceError(
            f"training diverged in epoch {epoch}: {what}; lower alpha (it is {self.alpha:g}) or raise min_count"
        )

    def progress_at(self, epoch: int, done: float, alpha: float, visited: int, elapsed: float) -> Progress:
        """Return what is told of the progress in an epoch, counted from 0, after so many tokens and seconds."""
        speed = visited / elapsed if elapsed > 0 else None
        if self.parameters.max_time is not None:
            left = max(0.0, self.started + self.parameters.max_time - time.perf_counter())
        else:
            total = self.parameters.epochs * len(self.stream)
            left = (1 - done) * total / speed if speed else 0.0
        measured = [record.holdout_loss for record in self.history[-2:] if math.isfinite(record.holdout_loss)]
        holdout_loss = measured[-1] if measured else None
        return Progress("training", done, epoch + 1, speed, self._recent_loss(), alpha, left, holdout_loss)


def _reach(parameters: Parameters, stream: TokenStream) -> int:
    """Return the largest radius that a window can have in a stream; kernels size their memory by it."""
    if parameters.position_weights:
        return parameters.window
    longest = int(np.diff(stream.offsets).max(initial=1))
    return max(1, min(parameters.window, longest - 1, _kernels.BUFFER - 1))


def _split(stream: TokenStream, n_tokens: int = SEGMENT) -> NDArray[np.int64]:
    """Return the borders of segments of `n_tokens`, or less where the stream is short."""
    return stream.split(max(_LEAST_SEGMENT, min(n_tokens, len(stream) // _SEGMENTS)))


class _Run:
    """What the workers of one call of `Trainer.run` share. All but `failures` is touched within the gate only."""

    def __init__(self, trainer: Trainer, progress: Callable[[Progress], None] | None, pauses: Sequence[Pause]) -> None:
        self.trainer, self.progress, self.pauses = trainer, progress, pauses
        self.gate = threading.Condition()
        self.failures: list[BaseException] = []
        self.began, self.first_step = time.perf_counter(), trainer.step
        self.seconds_before = trainer.history[-1].seconds if trainer.history else 0.0
        self.plan = trainer.plan(self.began)
        self.visited = self.reported = self.busy = 0

    def work(self, _worker: int) -> None:
        """Train segments until there is none left or something failed."""
        stats = np.zeros(3)
        while not self.failures:
            busy = 0
            try:
                with self.gate:
                    planned = self._next_segment()
                    if planned is None:
                        return
                    busy = 1
                    self.busy += busy
                self._train_segment(*planned, stats)
            except BaseException as failure:
                self.failures.append(failure)
            finally:
                with self.gate:  # those who wait here see the failure before they see that nobody is busy
                    self.busy -= busy
                    self.gate.notify_all()

    def _next_segment(self) -> Planned | None:
        """Return what is planned next, after the pauses that are due; None at the end."""
        while not self.failures and (due := [pause for pause in self.pauses if pause.is_due(self.trainer)]):
            if self.busy:
                self.gate.wait()
            else:
                for pause in due:
                    pause.act(self.trainer)
        planned = None if self.failures else next(self.plan, None)
        if planned is not None:
            self.trainer.step += 1
            self.trainer.done = planned[-1]
        return planned

    def _train_segment(
        self, epoch: int, segment: int, alpha: float, alpha_end: float, done: float, stats: NDArray[np.float64]
    ) -> None:
        trainer = self.trainer
        start, stop = int(trainer.borders[segment]), int(trainer.borders[segment + 1])
        stats[:] = 0
        trainer._train(trainer.stream, start, stop, alpha, alpha_end, (epoch << 32) + segment + 1, stats)
        with self.gate:
            self.visited += stop - start
            elapsed = time.perf_counter() - self.began
            trainer.record(epoch, stop - start, alpha_end, stats, self.seconds_before + elapsed)
            if self.progress is not None and (elapsed > 0.1 * self.reported or trainer.step == self.first_step + 1):
                self.reported = math.floor(10 * elapsed) + 1
                self.progress(trainer.progress_at(epoch, done, alpha, self.visited, elapsed))
