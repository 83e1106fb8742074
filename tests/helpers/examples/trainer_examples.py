"""A small trainer shared by the tests of training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from w2v.encoding.stream import TokenStream, run_threads
from w2v.encoding.vocabulary import Vocabulary
from w2v.monitoring.history import Progress
from w2v.settings.parameters import Parameters
from w2v.training.running.session import make_crew
from w2v.training.trainer import Pause, Trainer


def make_trainer(n_tokens: int = 6000, n_words: int = 40, seed: int = 5, **options: Any) -> Trainer:
    """Return a trainer for random sentences of ten words."""
    rng = np.random.default_rng(8)
    ids = np.sort(rng.zipf(1.3, 3 * n_tokens + n_words) % n_words)
    tokens = rng.permutation(np.concatenate([np.arange(n_words), rng.choice(ids, n_tokens - n_words)])).astype(np.int32)
    counts = np.bincount(tokens, minlength=n_words)
    order = np.argsort(-counts, kind="stable")
    rank = np.empty(n_words, np.int32)
    rank[order] = np.arange(n_words, dtype=np.int32)
    stream = TokenStream(rank[tokens], np.append(np.arange(0, n_tokens, 10), n_tokens).astype(np.int64), n_tokens)
    vocabulary = Vocabulary([f"w{i}" for i in range(n_words)], counts[order])
    further = {name: options.pop(name) for name in ("tables", "step", "history", "started", "done") if name in options}
    parameters = Parameters(**({"vector_size": 8, "window": 3, "epochs": 3} | options))
    parameters.validate()
    return Trainer(parameters, vocabulary, stream, seed, **further)


def run(
    training: Trainer,
    workers: int,
    progress: Callable[[Progress], None] | None = None,
    pauses: Sequence[Pause] = (),
) -> None:
    """Train until the schedule ends, as a session does."""
    crew = make_crew(training, workers, progress, pauses)
    with training.ending(crew.failures):
        run_threads(crew.work, workers, crew.failures)
