"""The schedule of a cluster: the rounds of a training, and the momentum of each.

What several workers lose against one depends on the number of rounds, and on the words in each. With 18 M words and 5
epochs (benchmarks/cluster.py), two workers need 28 rounds and four or more 225. With 51 M words two workers lose 3 % of
the analogies with 28 rounds and 1 % with 89 (benchmarks/cluster_speed.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

ROUNDS, MOST_ROUNDS = 28, 225
"""Default number of rounds: the least for two workers, and the most for any number."""
ROUND_WORDS = 1_500_000
"""Most words that a worker trains in a default round, unless there are MOST_ROUNDS."""
EARLY, EARLY_FRACTION = 0.02, 0.25
"""The first part of a training, in which vectors find their directions, has rounds of this fraction of the others."""
GAIN = 0.8


class Planned(NamedTuple):
    """A round: what part of the training it is, from 0 to 1, and how much of its momentum stays."""

    start: float
    stop: float
    decay: float


def decay_of(n_workers: int) -> float:
    """Return the decay of the momentum, which is closer to 1 with more workers, since their mean step is shorter."""
    return 0.0 if n_workers == 1 else 1 - GAIN / n_workers


def rounds_of(n_workers: int, n_words: float) -> int:
    """Return the default number of rounds of workers that train `n_words` each.

    A single worker has the most, so that progress and checkpoints are as frequent.
    """
    if n_workers == 1:
        return MOST_ROUNDS
    return min(max(ROUNDS * (n_workers - 1) ** 2, round(n_words / ROUND_WORDS)), MOST_ROUNDS)


def plan_rounds(n_words: float, n_segments: int, round_words: int | None, n_workers: int) -> list[Planned]:
    """Return the rounds in which a worker trains `n_words` in all, `round_words` in each; None makes `rounds_of`.

    None is shorter than one of the `n_segments` of a worker's training. The last one is a plain mean, which momentum
    would carry beyond what was learned.
    """
    size = 1 / rounds_of(n_workers, n_words) if round_words is None else round_words / n_words
    borders = list(_borders(min(1.0, max(size, 1 / n_segments)), 1 / n_segments))
    decay = decay_of(n_workers)
    return [Planned(start, stop, decay if stop < 1 else 0.0) for start, stop in zip(borders, borders[1:], strict=False)]


def _borders(size: float, least: float) -> Iterator[float]:
    """Yield where rounds of this fraction of the training begin, and its end."""
    early_size = max(size * EARLY_FRACTION, least)
    n_early = round(EARLY / early_size)
    for number in range(n_early):
        yield number * early_size
    first = n_early * early_size
    n_full = max(1, round((1 - first) / size))
    for number in range(n_full):
        yield first + (1 - first) * number / n_full
    yield 1.0
