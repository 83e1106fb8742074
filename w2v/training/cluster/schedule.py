"""The schedule of a cluster: the rounds of a training, and the momentum of each.

The loss of quality with several workers depends on the number of rounds and on the words in each. With 18 M words and 5
epochs (benchmarks/cluster/quality.py), two workers need 28 rounds and four or more 225. With 51 M words two workers
lose 3 % of the analogies with 28 rounds and 1 % with 89 (benchmarks/cluster/speed.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

ROUNDS, MOST_ROUNDS = 28, 225
"""Default number of rounds: the minimum for two workers, and the maximum for any number."""
ROUND_WORDS = 1_500_000
"""Most words that a worker trains in a default round, unless there are MOST_ROUNDS."""
EARLY, EARLY_FRACTION = 0.02, 0.25
"""During the first EARLY fraction of the training, when vectors find their directions, rounds are EARLY_FRACTION as
long."""
GAIN = 0.8


class Planned(NamedTuple):
    """A round: its start and end as fractions of the training, and the decay of the momentum."""

    start: float
    stop: float
    decay: float


def decay_of(n_workers: int) -> float:
    """Return the decay of the momentum, which is closer to 1 with more workers, since their mean step is shorter."""
    return 0.0 if n_workers == 1 else 1 - GAIN / n_workers


def rounds_of(n_workers: int, n_words: float) -> int:
    """Return the default number of rounds of workers that train `n_words` each.

    A single worker has the maximum, for frequent progress reports and checkpoints.
    """
    if n_workers == 1:
        return MOST_ROUNDS
    return min(max(ROUNDS * (n_workers - 1) ** 2, round(n_words / ROUND_WORDS)), MOST_ROUNDS)


def plan_rounds(n_words: float, n_segments: int, round_words: int | None, n_workers: int) -> list[Planned]:
    """Return the rounds of a worker that trains `n_words` in total, with `round_words` in each.

    A `round_words` of None gives `rounds_of` rounds. No round is shorter than one of the worker's `n_segments`. The
    last round is a plain mean, because momentum would overshoot.
    """
    size = 1 / rounds_of(n_workers, n_words) if round_words is None else round_words / n_words
    borders = list(_borders(min(1.0, max(size, 1 / n_segments)), 1 / n_segments))
    decay = decay_of(n_workers)
    return [Planned(start, stop, decay if stop < 1 else 0.0) for start, stop in zip(borders, borders[1:], strict=False)]


def _borders(size: float, least: float) -> Iterator[float]:
    """Yield the start of each round, as a fraction of the training, and its end; rounds have about this size."""
    early_size = max(size * EARLY_FRACTION, least)
    n_early = round(EARLY / early_size)
    for number in range(n_early):
        yield number * early_size
    first = n_early * early_size
    n_full = max(1, round((1 - first) / size))
    for number in range(n_full):
        yield first + (1 - first) * number / n_full
    yield 1.0
