"""A translator of numbers and small language models, trained in a second or two, shared by tests."""

from __future__ import annotations

import functools
import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from tests.helpers.clock import Clock
from w2v import LanguageModel, Translator
from w2v.neural.progress import FitProgress
from w2v.neural.tasks.folder import TextNetwork

NUMBERS = {"eins": "one", "zwei": "two", "drei": "three", "vier": "four", "fünf": "five", "sechs": "six"}
NETWORK: dict[str, Any] = {
    "dim": 32, "layers": 1, "heads": 2, "dropout": 0.0, "warmup": 20, "learning_rate": 0.01, "workers": 1,
    "evaluate_every": 40, "averaged": 1,
}  # fmt: skip
WORDS: dict[str, Any] = {"source_units": "words", "target_units": "words", "batch_tokens": 256, "epochs": 24}
LINES: dict[str, Any] = {"units": "words", "context": 16, "batch_tokens": 256, "order": 3, "epochs": 20}
TINY: dict[str, Any] = {**NETWORK, "dim": 16, "evaluate_every": 4, "averaged": 2, "dropout": 0.2}
"""Options for a training that is interrupted; little is learned."""


def number_pairs(n: int, seed: int = 1, longest: int = 5) -> list[tuple[str, str]]:
    """Return pairs of German numbers and their English translation in reverse order."""
    draw = random.Random(seed)
    sources = [draw.choices(list(NUMBERS), k=draw.randint(1, longest)) for _ in range(n)]
    return [(" ".join(source), " ".join(NUMBERS[word] for word in reversed(source))) for source in sources]


def counting_lines(n: int = 200, seed: int = 1) -> list[str]:
    """Return lines that count upwards from a random number and end at six at the latest."""
    draw, words = random.Random(seed), list(NUMBERS.values())
    starts = [draw.randrange(4) for _ in range(n)]
    return [" ".join(words[start : draw.randint(start + 2, len(words))]) for start in starts]


def write_pairs(path: Path, pairs: list[tuple[str, str]]) -> Path:
    """Write a table of pairs."""
    path.write_text("".join(f"{source}\t{target}\n" for source, target in pairs), encoding="utf-8")
    return path


def write_lines(path: Path, lines: list[str]) -> Path:
    """Write a text."""
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return path


def interrupting(step: int, number: int) -> Callable[..., Any]:
    """Return a replacement for `show_fitting` that sends this process the signal `number` after a step."""

    @contextmanager
    def show(progress: Any, source: Any) -> Iterator[Callable[[FitProgress], None]]:
        def report(state: FitProgress) -> None:
            if state.phase == "training" and state.step == step:
                os.kill(os.getpid(), number)

        yield report

    return show


def ticking(clock: Clock, stop: int | None = None) -> Callable[[FitProgress], None]:
    """Return a progress callback that advances the clock by a second per step, and interrupts like Ctrl-C at `stop`."""

    def report(state: FitProgress) -> None:
        if state.phase == "training":
            clock.advance(1.0)
            if state.step == stop:
                raise KeyboardInterrupt

    return report


@functools.cache
def number_translator() -> Translator:
    """Return a translator of numbers; callers must not change it."""
    return Translator(**NETWORK | WORDS | {"learning_rate": 0.02}).fit(
        number_pairs(600), validation=number_pairs(30, 2)
    )


@functools.cache
def counting_model() -> LanguageModel:
    """Return a language model of lines that count; callers must not change it."""
    return LanguageModel(**NETWORK, **LINES).fit(counting_lines())


@functools.cache
def character_model() -> LanguageModel:
    """Return a language model of a running text of characters; callers must not change it."""
    return LanguageModel(**NETWORK, **LINES | {"units": "characters", "epochs": 4}).fit(counting_lines())


def assert_same(found: TextNetwork, expected: TextNetwork) -> None:
    """Assert that two networks learned the same, bit for bit, with the same history except for times."""
    assert found.complete and expected.complete
    assert np.array_equal(found.parameters.flat, expected.parameters.flat)
    untimed = [[entry | {"seconds": 0} for entry in one.metadata["history"]] for one in (found, expected)]
    assert untimed[0] == untimed[1]
