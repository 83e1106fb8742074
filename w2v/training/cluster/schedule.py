"""When the workers of a cluster meet: the rounds of a training, and how much of the last steps each keeps.

Measured on 18 M words (benchmarks/cluster.py): the loss against one worker follows the number of rounds, not the words
in one, and the fewer workers there are, the fewer rounds they need.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

ROUNDS, MOST_ROUNDS = 28, 225
"""Rounds of a training of two workers at least, and of any number at most, where nothing else is asked for."""
ROUND_WORDS = 1_500_000
"""Words of a round after which two workers learn less, so that larger texts have more rounds."""
EARLY, EARLY_FRACTION = 0.02, 0.25
"""The first part of a training, in which vectors find their directions, has rounds of this fraction of the others."""
GAIN = 0.8


class Planned(NamedTuple):
    """A round: what part of the training it is, from 0 to 1, and how much of its momentum stays."""

    start: float
    stop: float
    decay: float


def decay_of(n_workers: int) -> float:
    """Return how much of the momentum stays: the more, the more workers' steps a mean has shortened."""
    return 0.0 if n_workers == 1 else 1 - GAIN / n_workers


def rounds_of(n_workers: int, n_words: float) -> int:
    """Return how often workers meet that train `n_words` each, if nothing else is asked for.

    A single one is looked at as often as any number.
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
