"""The trainer: tables, place in the schedule, history, and the check for divergence.

An epoch visits the stream in segments of about ten thousand tokens, in a new random order for each epoch, so that every
part of the corpus is trained at different learning rates. The random state of a segment depends only on the seed, the
epoch and the segment: one worker is reproducible bit for bit, and an interrupted training resumes exactly. `hogwild`
and `synchronous` provide the workers that train the segments.
"""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.encoding.stream import TokenStream, run_threads
from w2v.encoding.vocabulary import Vocabulary, keep_probabilities
from w2v.kernels.arguments import BUFFER, KEPT, LOSS, NOT_WEIGHTED, PAIRS, Segment, Text
from w2v.monitoring.history import EpochRecord, Progress
from w2v.monitoring.pauses import DivergenceError as DivergenceError
from w2v.monitoring.pauses import Pause as Pause
from w2v.settings.descriptions import DEFAULT_MIN_ALPHA
from w2v.settings.parameters import Parameters
from w2v.settings.recipes import resolve
from w2v.training.objectives import choose_objective
from w2v.training.tables import Tables

SEGMENT = 50_000
"""Number of tokens of a segment."""
SYNCHRONOUS_SEGMENT = 2_048
"""The same for synchronous workers. Longer segments make the copies of shared words more stale."""
_LEAST_SEGMENT, _SEGMENTS = 1_000, 64
_DIVERGED, _RECENT = 1.5, 32


class Planned(NamedTuple):
    """A segment to train."""

    epoch: int  # counted from 0
    number: int
    rates: tuple[float, float]  # learning rate at its start and at its end
    done: float  # fraction of the schedule before it


class StopTraining(Exception):
    """Raised by a pause to end training as if its schedule were complete; the message says why."""


class Trainer:
    """A training: its tables, its place in the schedule and its history.

    The counts of `vocabulary` are those in `stream`: a word with count 0 never occurs and is never drawn as noise, so
    its vectors do not change. `seed` decides everything random. A resumed training passes its tables (by default random
    ones), the number of completed segments (`step`), the `history` of its epochs, and with `max_time`, the start of its
    time (`started`, of `time.perf_counter()`) and the completed fraction of the schedule (`done`). The workers update
    tables, step, history and done. `reach` is the largest radius of a window that fits into a sentence; it is given if
    the stream is only a part of the text.
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
        reach: int | None = None,
    ) -> None:
        assert vocabulary.counts is not None
        parameters = resolve(parameters, len(stream))
        self.parameters, self.stream, self.seed, self.step = parameters, stream, seed, step
        self.history = [] if history is None else history
        self.done = done
        self.stop_reason: str | None = None  # why training ended before its schedule, if a pause ended it
        self.tables = Tables.start(parameters, vocabulary, seed) if tables is None else tables
        self.keep = keep_probabilities(vocabulary.counts, parameters.sample)
        self.text = self._text_of(stream)
        self.reach = reach or reach_of(parameters, _longest_sentence(stream))
        self.objective = choose_objective(parameters, vocabulary, self.keep, self.reach, stream)
        self.alpha = self.objective.alpha
        lowest = self.alpha if parameters.objective == "glove" else DEFAULT_MIN_ALPHA
        self.min_alpha = min(lowest if parameters.min_alpha is None else parameters.min_alpha, self.alpha)
        self.borders = segment_borders(parameters, stream)
        self.started = time.perf_counter() if started is None else started
        self._recent: list[tuple[float, float]] = []  # loss and pairs of the last segments

    @property
    def n_segments(self) -> int:
        """Number of segments in an epoch."""
        return len(self.borders) - 1

    @property
    def is_complete(self) -> bool:
        """Whether all epochs are done; with `max_time`, whether anything is."""
        return self.step >= (1 if self.parameters.max_time else self.parameters.epochs * self.n_segments)

    @property
    def is_at_end(self) -> bool:
        """Whether it is known that no segment is left; with `max_time` it never is."""
        return self.parameters.max_time is None and self.is_complete

    @property
    def schedule(self) -> dict[str, float]:
        """The learning rates and the chunk, for the metadata of a model."""
        return {
            "alpha": self.alpha,
            "min_alpha": self.min_alpha,
            "chunk_targets": self.objective.chunk.n_targets,
            "chunk_noise": self.objective.n_noise,
        }

    def go_to(self, step: int) -> None:
        """Continue from a segment, with a new history; the tables do not change."""
        self.step, self.history, self.done, self._recent = step, [], 0.0, []

    def compile(self) -> None:
        """Compile the kernel, or load it from the cache, by training on an empty text."""
        nothing = Segment(0, 0, 0, 0.0, 0.0, self._states(2, 0)[0])
        self.objective.step(self.text, self.tables, nothing, self.objective.scratch(self.tables), np.zeros(3))

    def mean_loss(self, stream: TokenStream, workers: int) -> float:
        """Return the mean loss of another stream of the same words, defined as `EpochRecord.loss`; NaN without a pair.

        The kernel runs with a learning rate of 0, which does not change the tables. Every call draws the same
        subsampling, windows and noise for any number of workers, so that two calls differ only by the vectors.
        """
        borders, failures = _split(stream), list[BaseException]()
        objective = self.objective.within(reach_of(self.parameters, _longest_sentence(stream)))
        stats = np.zeros((len(borders) - 1, 3))

        def measure(worker: int) -> None:
            scratch = objective.scratch(self.tables)
            for number in range(worker, len(stats), workers):
                if failures:
                    return
                text, segment = self._part(stream, borders, number, (0.0, 0.0), self._states(4, number + 1)[0])
                objective.step(text, self.tables, segment, scratch, stats[number])

        run_threads(measure, workers, failures)
        loss, pairs, _ = stats.sum(axis=0)
        return float(loss / pairs) if pairs else math.nan

    @contextmanager
    def ending(self, failures: list[BaseException]) -> Iterator[None]:
        """Record why a pause ended training, and raise `DivergenceError` if the vectors are not finite.

        `failures` are those of the workers: after a failure, the tables are not checked.
        """
        self.stop_reason = None
        try:
            yield
        except StopTraining as stop:
            self.stop_reason = str(stop)
        finally:
            if not failures or isinstance(failures[0], (KeyboardInterrupt, StopTraining)):
                self.check_finite()

    def segment_of(self, planned: Planned) -> tuple[Text, Segment]:
        """Return the kernel's arguments for a planned segment."""
        return self._part(self.stream, self.borders, planned.number, planned.rates, self.states_of(planned)[0])

    def excerpt_of(self, planned: Planned) -> tuple[Text, Segment]:
        """Return the same arguments with a text that has only this segment."""
        part = self.stream.excerpt(int(self.borders[planned.number]), int(self.borders[planned.number + 1]))
        return self._text_of(part), Segment(0, len(part), 0, *planned.rates, self.states_of(planned)[0])

    def states_of(self, planned: Planned) -> tuple[np.uint64, np.uint64]:
        """Return the random states of a segment: for its training, and for noise drawn in advance."""
        return self._states(2, (planned.epoch << 32) + planned.number + 1)

    def _part(
        self, stream: TokenStream, borders: NDArray[np.int64], number: int, rates: tuple[float, float], state: np.uint64
    ) -> tuple[Text, Segment]:
        """Return a kernel's arguments for the part of a stream between two borders."""
        start, stop = int(borders[number]), int(borders[number + 1])
        part, first = stream.locate(start, stop)
        text = self.text if part is self.stream else self._text_of(part)
        return text, Segment(first, first + stop - start, part.sentence_of(first), *rates, state)

    def _text_of(self, stream: TokenStream) -> Text:
        weights = NOT_WEIGHTED if stream.weights is None else stream.weights
        return Text(np.asarray(stream.tokens), stream.offsets, self.keep, weights)

    def _states(self, purpose: int, number: int) -> tuple[np.uint64, np.uint64]:
        first, second = np.random.SeedSequence([self.seed, purpose, number]).generate_state(2, np.uint64)
        return first, second

    def plan(self, began: float) -> Iterator[Planned]:
        """Yield the segments from `step` on."""
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
                yield Planned(epoch, segment, (self._alpha_at(done), self._alpha_at(end)), done)
                before, begun = after, True
            epoch, position = epoch + 1, 0

    def _alpha_at(self, done: float) -> float:
        """Return the learning rate after a fraction of the schedule: constant, then falling linearly."""
        hold = self.parameters.alpha_hold
        fallen = max(0.0, (done - hold) / (1 - hold))
        return max(self.min_alpha, self.alpha - (self.alpha - self.min_alpha) * fallen)

    def record(self, planned: Planned, stats: NDArray[np.float64], elapsed: float) -> int:
        """Add a segment's statistics, shape (3,), to its epoch, check for divergence, and return its token count."""
        while len(self.history) <= planned.epoch:
            self.history.append(EpochRecord(len(self.history) + 1))
        record = self.history[planned.epoch]
        before, after = self.borders[planned.number : planned.number + 2].tolist()
        words: int = self.stream.n_tokens * after // len(self.stream) - self.stream.n_tokens * before // len(
            self.stream
        )
        record.words += words
        record.kept += int(stats[KEPT]) if self.parameters.objective != "glove" else words
        record.pairs += int(stats[PAIRS])
        record.loss_sum += float(stats[LOSS])
        record.loss = record.loss_sum / record.pairs if record.pairs else math.nan
        record.alpha, record.seconds = planned.rates[1], elapsed
        self._recent = [*self._recent[1 - _RECENT :], (float(stats[LOSS]), float(stats[PAIRS]))]
        loss, at_start = self._recent_loss(), self.objective.loss_at_start
        if loss is not None and not loss < _DIVERGED * at_start:
            raise self._divergence(f"the mean loss is {loss:.3g}, against {at_start:.3g} before training")
        return words

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
            f"training diverged in epoch {epoch}: {what}; lower the learning rate alpha (now {self.alpha:g}) or raise "
            "min_count"
        )

    def progress_at(self, planned: Planned, visited: int, elapsed: float) -> Progress:
        """Return the progress at a segment, with the tokens and seconds so far."""
        speed = visited / elapsed if elapsed > 0 else None
        if self.parameters.max_time is not None:
            left = max(0.0, self.started + self.parameters.max_time - time.perf_counter())
        else:
            total = self.parameters.epochs * self.stream.n_tokens
            left = (1 - planned.done) * total / speed if speed else 0.0
        measured = [record.holdout_loss for record in self.history[-2:] if math.isfinite(record.holdout_loss)]
        return Progress(
            "training",
            planned.done,
            planned.epoch + 1,
            speed,
            self._recent_loss(),
            planned.rates[0],
            left,
            measured[-1] if measured else None,
            None if self.parameters.max_time else self.parameters.epochs,
        )


class Crew(ABC):
    """The shared state of the workers of a training; each worker is a thread that calls `work`.

    `progress` is called at intervals, in one of the threads. When a pause is due, the workers finish their segments and
    wait. The exception that ends a worker goes to `failures`, and the others end soon after.
    """

    def __init__(
        self, trainer: Trainer, progress: Callable[[Progress], None] | None = None, pauses: Sequence[Pause] = ()
    ) -> None:
        self.trainer, self.progress, self.pauses = trainer, progress, pauses
        self.failures: list[BaseException] = []
        self.began = time.perf_counter()
        self.seconds_before = trainer.history[-1].seconds if trainer.history else 0.0
        self.plan = trainer.plan(self.began)
        self.visited, self._next_report = 0, 0.0

    @abstractmethod
    def work(self, worker: int) -> None:
        """Train segments until none is left or something fails."""

    def pauses_due(self) -> list[Pause]:
        """Return the pauses to make now; none once something has failed."""
        return [] if self.failures else [pause for pause in self.pauses if pause.is_due(self.trainer)]

    def take(self) -> Planned | None:
        """Return the segment to train next; None at the end."""
        planned = None if self.failures else next(self.plan, None)
        if planned is not None:
            self.trainer.step += 1
            self.trainer.done = planned.done
        return planned

    def note(self, planned: Planned, stats: NDArray[np.float64]) -> None:
        """Record a completed segment with its statistics, shape (3,)."""
        elapsed = time.perf_counter() - self.began
        self.visited += self.trainer.record(planned, stats, self.seconds_before + elapsed)

    def tell(self, planned: Planned) -> None:
        """Report progress at intervals, after everything is recorded, because the callback may interrupt."""
        elapsed = time.perf_counter() - self.began
        if self.progress is not None and elapsed >= self._next_report:
            self._next_report = 0.1 * (math.floor(10 * elapsed) + 1)
            self.progress(self.trainer.progress_at(planned, self.visited, elapsed))


def reach_of(parameters: Parameters, longest: int) -> int:
    """Return the largest window radius in sentences of at most `longest` tokens; it determines the kernels' memory."""
    if parameters.position_weights:
        return parameters.window
    return max(1, min(parameters.window, longest - 1, BUFFER - 1))


def _longest_sentence(stream: TokenStream) -> int:
    return int(np.diff(stream.offsets).max(initial=1))


def segment_borders(parameters: Parameters, stream: TokenStream) -> NDArray[np.int64]:
    """Return the borders of the segments: shape (n_segments + 1,), int64."""
    return _split(stream, SYNCHRONOUS_SEGMENT if parameters.deterministic else SEGMENT)


def _split(stream: TokenStream, n_tokens: int = SEGMENT) -> NDArray[np.int64]:
    """Return the borders of segments of `n_tokens`, or fewer if the stream is short."""
    return stream.split(max(_LEAST_SEGMENT, min(n_tokens, len(stream) // _SEGMENTS)))
