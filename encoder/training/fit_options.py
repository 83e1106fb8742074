"""How an encoder is trained, and what is told of it meanwhile."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from w2v.corpora.sentences import MAX_TOKENS, MIN_TOKENS
from w2v.display.progress import clock, mode_of, name_of, show_progress


@dataclass(frozen=True)
class FitOptions:
    """How an encoder is trained. What is None is chosen by what it is trained on; see `DEFAULTS`.

    Attributes
    ----------
    steps : int or None
        At most so many.
    batch_size : int or None
        Sentences, or sets of them, in a step.
    learning_rate : float or None
        Of the rows of words, at its peak; 0 leaves them as they are.
    weight_rate : float or None
        Of the logarithms of words' weights.
    network_rate : float
        Of the network.
    temperature : float or None
        Cosines are divided by it.
    word_dropout : float or None
        Share of the words of pairs that each step leaves out.
    order_share : float
        How much the loss of telling swapped words counts beside the other one. Without a network it is left out.
    warmup : int
        Steps in which the rates rise to their peak; then they fall to zero.
    weight_decay, clip : float
        Of the matrices of the network, and the longest its gradient may be.
    chunk : int or None
        Sentences that the network holds at once; the batch may then be larger than memory allows.
    evaluate_every : int
        Steps from one measurement of the held-out loss to the next.
    max_time : float or None
        Seconds of training, after which it ends as if its steps had ended.
    min_tokens, max_tokens : int
        Sentences of a corpus with fewer or more known words are left out.
    hard_negatives : bool
        The last column of a file of pairs is a hard negative.
    workers : int or None
        Threads of the network; all cores by default.
    seed : int
        Decides everything random.

    Raises
    ------
    ValueError
        If a value is out of range.
    """

    steps: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    weight_rate: float | None = None
    network_rate: float = 2e-3
    temperature: float | None = None
    word_dropout: float | None = None
    order_share: float = 0.3
    warmup: int = 100
    weight_decay: float = 0.01
    clip: float = 1.0
    chunk: int | None = None
    evaluate_every: int = 200
    max_time: float | None = None
    min_tokens: int = MIN_TOKENS
    max_tokens: int = MAX_TOKENS
    hard_negatives: bool = False
    workers: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if value is not None and not least <= value < math.inf:
                raise ValueError(f"{name} must be at least {least:g} and finite, not {value}")
        for name in ("temperature", "clip"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise ValueError(f"{name} must be positive and finite, not {value}")
        if self.word_dropout is not None and not 0 <= self.word_dropout < 1:
            raise ValueError(f"word_dropout must be from 0 to below 1, not {self.word_dropout}")
        if self.max_tokens < self.min_tokens:
            raise ValueError(f"max_tokens must be at least min_tokens, not {self.max_tokens} < {self.min_tokens}")

    def filled(self, kind: str) -> FitOptions:
        """Return the options with the defaults of what is trained on: "corpus", "pairs" or "teacher"."""
        return replace(self, **{name: value for name, value in DEFAULTS[kind].items() if getattr(self, name) is None})


_LEAST: dict[str, float] = {
    "steps": 1, "batch_size": 2, "learning_rate": 0, "weight_rate": 0, "network_rate": 0, "order_share": 0,
    "warmup": 0, "weight_decay": 0, "chunk": 1, "evaluate_every": 1, "max_time": 0, "min_tokens": 1, "max_tokens": 1,
    "workers": 1, "seed": 0,
}  # fmt: skip

DEFAULTS: dict[str, dict[str, Any]] = {
    "corpus": {"steps": 2500, "batch_size": 1024, "learning_rate": 2e-3, "weight_rate": 0.0, "temperature": 0.03},
    "pairs": {
        "steps": 400, "batch_size": 1024, "learning_rate": 3e-3, "weight_rate": 2e-2, "temperature": 0.06,
        "word_dropout": 0.15,
    },
    "teacher": {"steps": 2000, "batch_size": 512, "learning_rate": 3e-3, "weight_rate": 0.0, "temperature": 0.1},
}  # fmt: skip
"""Options that are None, by what is trained on; docs/experiments.md says where they come from."""


@dataclass(frozen=True)
class FitProgress:
    """Where a training stands.

    Attributes
    ----------
    phase : str
        "reading", "teaching" (the teacher is asked), "training", or "measuring".
    done : float or None
        Share of the phase, if known.
    step : int
    loss : float or None
        Recent mean of the training loss.
    held_out_loss : float or None
        The last one measured.
    seconds : float
        Since training began.
    """

    phase: str
    done: float | None = None
    step: int = 0
    loss: float | None = None
    held_out_loss: float | None = None
    seconds: float = 0.0

    def facts(self) -> str:
        """Return step, losses and the time that is left, for people."""
        facts = [f"step {self.step:,}"] if self.step else []
        losses = (("loss", self.loss), ("held out", self.held_out_loss))
        facts += [f"{name} {loss:.3f}" for name, loss in losses if loss is not None]
        if self.done and self.phase == "training":
            facts.append(f"{clock(self.seconds * (1 / self.done - 1))} left")
        return ", ".join(facts)


@contextmanager
def show_fitting(
    progress: Callable[[FitProgress], None] | bool | str | None, corpus: object
) -> Iterator[Callable[[FitProgress], None] | None]:
    """Show how far the training of an encoder is, as `w2v.display.progress.show_training` does for words."""
    if callable(progress):
        yield progress
        return
    reading = "reading" if corpus is None else f"reading {name_of(corpus)}"
    with show_progress(mode_of(progress), reading) as update:

        def tell(state: FitProgress) -> None:
            assert update is not None
            what = reading if state.phase == "reading" else state.phase
            update(what, state.done, None if state.done is None else 1.0, state.facts(), bar="training")

        yield None if update is None else tell
