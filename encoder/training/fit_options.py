"""How an encoder is trained, and what is told of it meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from w2v.corpora.sentences import MAX_TOKENS, MIN_TOKENS
from w2v.display.progress import clock, mode_of, name_of, show_progress
from w2v.encoder.parameters import MANY, check_parameters, documented, parameter
from w2v.settings.constraints import Flag, Integer, Number, Seconds
from w2v.settings.parameters import DOMAINS

_BY_SOURCE = "by what is trained on"


@documented()
@dataclass(frozen=True)
class FitOptions:
    """How an encoder is trained. What is None is chosen by what it is trained on; see `DEFAULTS`.

    Attributes
    ----------
    {parameters}

    Raises
    ------
    ValueError
        If a value is out of range.
    """

    steps: int | None = parameter(None, Integer(1, MANY, "Steps of training."), _BY_SOURCE)
    batch_size: int | None = parameter(None, Integer(2, MANY, "Sentences, or sets of them, in a step."), _BY_SOURCE)
    learning_rate: float | None = parameter(
        None,
        Number("Highest learning rate of the words' vectors; 0 leaves them as they are.", low=0),
        _BY_SOURCE,
    )
    weight_rate: float | None = parameter(
        None, Number("Highest learning rate of the words' weights.", low=0), _BY_SOURCE
    )
    network_rate: float = parameter(2e-3, Number("Highest learning rate of the network.", low=0))
    temperature: float | None = parameter(None, Number("Cosines are divided by it.", above=0), _BY_SOURCE)
    word_dropout: float | None = parameter(
        None, Number("Fraction of the words of pairs that a step leaves out.", low=0, below=1), _BY_SOURCE
    )
    order_share: float = parameter(
        0.3, Number("How much the loss of telling swapped words counts beside the rest; needs attention.", low=0)
    )
    warmup: int = parameter(100, Integer(0, MANY, "Steps in which the learning rates rise; then they fall to zero."))
    weight_decay: float = parameter(0.01, Number("Weight decay of the network's matrices.", low=0))
    clip: float = parameter(1.0, Number("The longest that the network's gradient may be.", above=0))
    chunk: int | None = parameter(
        None,
        Integer(1, MANY, "Sentences that the network holds at once, where a batch is larger than the memory."),
        "the whole batch",
    )
    evaluate_every: int = parameter(
        200, Integer(1, MANY, "Steps between measurements of the loss on held-out sentences.")
    )
    max_time: float | None = parameter(
        None,
        Seconds("End after so much training, such as 90s, 5m or 1h30m, if steps are left then.", low=0),
        "no limit",
    )
    min_tokens: int = parameter(MIN_TOKENS, Integer(1, MANY, "Leave out sentences of fewer known words."))
    max_tokens: int = parameter(MAX_TOKENS, Integer(1, MANY, "Leave out sentences of more known words."))
    hard_negatives: bool = parameter(False, Flag("The last column of pairs is what a sentence must be told from."))
    workers: int | None = parameter(None, DOMAINS["workers"])
    seed: int = parameter(0, Integer(0, 2**63 - 1, "Decides everything random."))

    def __post_init__(self) -> None:
        check_parameters(self)
        if self.max_tokens < self.min_tokens:
            raise ValueError(f"max_tokens must be at least min_tokens, not {self.max_tokens} < {self.min_tokens}")

    def filled(self, kind: str) -> FitOptions:
        """Return the options with the defaults of what is trained on: "corpus", "pairs" or "teacher"."""
        return replace(self, **{name: value for name, value in DEFAULTS[kind].items() if getattr(self, name) is None})

    def with_own(self, random_state: Any, workers: int | None) -> FitOptions:
        """Return the options with the seed and the threads of an estimator, if it has any."""
        own: dict[str, Any] = {} if workers is None else {"workers": workers}
        if is_generator(random_state):
            import numpy as np

            own["seed"] = int(np.random.default_rng(random_state).integers(1 << 31))
        elif random_state is not None:
            own["seed"] = random_state  # what --seed is, too
        return replace(self, **own)


def is_generator(random_state: Any) -> bool:
    """Say whether a seed is drawn from this, another one each time."""
    return hasattr(random_state, "integers") or hasattr(random_state, "randint")


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
        Fraction of the phase, if known.
    step : int
    loss, held_out_loss : float or None
        Recent mean of the training loss, and the last one measured on held-out sentences.
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
