"""Small trainings of word vectors that end early: by a crash, at a checkpoint."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from w2v.monitoring.history import Progress
from w2v.training.word2vec import Word2Vec

OFTEN = 1e-9
SMALL: dict[str, Any] = {"vector_size": 12, "min_count": 1, "workers": 1, "random_state": 3, "epochs": 2}


class Crash(Exception):
    """Stands for whatever ends a process without warning."""


def sentences(n: int = 800, seed: int = 0) -> list[list[str]]:
    rng = np.random.default_rng(seed)
    return [[f"topic{t}word{w}" for w in rng.integers(10, size=10)] for t in rng.integers(4, size=n)]


def write_text(path: Path, n: int = 800) -> Path:
    """Write a text of n sentences."""
    path.write_text("\n".join(map(" ".join, sentences(n))) + "\n", encoding="utf-8")
    return path


def small(**options: Any) -> Word2Vec:
    return Word2Vec(**(SMALL | options))


@contextmanager
def ending(n_reports: int, exception: type[BaseException] = Crash) -> Iterator[Callable[[Progress], None]]:
    """Give a progress function that raises at the n-th segment.

    Between two looks at the clock 0.11 s go by, since reports are a tenth of a second apart.
    """
    seen = 0

    def progress(state: Progress) -> None:
        nonlocal seen
        seen += state.phase == "training"
        if seen == n_reports:
            raise exception

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "perf_counter", itertools.count(1000.0, 0.11).__next__)
        yield progress


def crashed(text: Path, output: Path, n_reports: int = 3, **options: Any) -> Path:
    """Train with a checkpoint after each segment until the n-th segment ends in a crash."""
    with ending(n_reports) as progress, pytest.raises(Crash):
        small(**options).fit(text, checkpoint=output, checkpoint_every=OFTEN, progress=progress)
    return output


def assert_same_vectors(first: Word2Vec, second: Word2Vec) -> None:
    assert first.vocabulary_.index_to_key == second.vocabulary_.index_to_key
    assert np.array_equal(first.vectors_, second.vectors_)
    assert np.array_equal(first.output_vectors_, second.output_vectors_)


def read_all(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}
