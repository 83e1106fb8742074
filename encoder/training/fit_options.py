"""How an encoder is trained, and what is told of it meanwhile."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from w2v.corpora.sentences import MAX_TOKENS, MIN_TOKENS
from w2v.settings.constraints import Choice, Flag, Integer, Number, Seconds, Weights
from w2v.settings.parameters import CONSTRAINTS
from w2v.settings.tables import MANY, check_parameters, documented, parameter

_BY_SOURCE = "by what is trained on"
OBJECTIVES = ("neighbors", "masked", "titles")


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

    objective: str = parameter(
        "neighbors",
        Choice("What a corpus teaches: which sentence follows which; to a network, which words were masked; or which "
               "title belongs to a paragraph, for searching.", OBJECTIVES),
    )  # fmt: skip
    steps: int | None = parameter(None, Integer("Steps of training.", 1, MANY), _BY_SOURCE)
    batch_size: int | None = parameter(None, Integer("Sentences, or sets of them, in a step.", 2, MANY), _BY_SOURCE)
    learning_rate: float | None = parameter(
        None,
        Number("Highest learning rate of the words' vectors; 0 leaves them as they are.", low=0),
        _BY_SOURCE,
    )
    weight_rate: float | None = parameter(
        None, Number("Highest learning rate of the words' weights.", low=0), _BY_SOURCE
    )
    network_rate: float = parameter(2e-3, Number("Highest learning rate of the network.", low=0))
    temperature: float | None = parameter(
        None, Number("Softmax temperature: cosines are divided by it.", above=0), _BY_SOURCE
    )
    word_dropout: float | None = parameter(
        None, Number("Fraction of the words of pairs that a step leaves out.", low=0, below=1), _BY_SOURCE
    )
    order_share: float = parameter(
        0.3, Number("How much the loss of telling swapped words counts beside the rest; needs attention.", low=0)
    )
    corpus_share: float = parameter(
        1.0,
        Number(
            "How much what the corpus teaches counts beside pairs, and neighbours beside titles; 0: not at all.", low=0
        ),
    )
    pair_weights: str | None = parameter(
        None, Weights("How much each file of pairs counts, in their order and with commas between."), "1 each"
    )
    table_first: bool | None = parameter(
        None, Flag("Train the words' vectors alone first, and then a network above them."), _BY_SOURCE
    )
    choose: bool = parameter(
        False,
        Flag("Try the words' vectors alone and a network above them, by default attention; keep what is better."),
    )
    mask_fraction: float = parameter(
        0.2, Number("Fraction of words to mask, with the masked objective.", above=0, below=1)
    )
    noise_words: int = parameter(2048, Integer("Noise words in each step, with the masked objective.", 1, MANY))
    warmup: int = parameter(100, Integer("Warm-up steps; afterwards the learning rates fall to zero.", 0, MANY))
    weight_decay: float = parameter(0.01, Number("Weight decay of the network's matrices.", low=0))
    clip: float = parameter(1.0, Number("Maximum gradient norm of the network.", above=0))
    chunk: int | None = parameter(
        None,
        Integer("Sentences that the network processes at once, where a batch does not fit in memory.", 1, MANY),
        "the whole batch",
    )
    evaluate_every: int = parameter(200, Integer("Steps between evaluations on held-out sentences.", 1, MANY))
    max_time: float | None = parameter(
        None,
        Seconds("Stop after this much training time, e.g. 90s, 5m or 1h30m, even if steps are left.", low=0),
        "no limit",
    )
    min_tokens: int = parameter(MIN_TOKENS, Integer("Skip sentences with fewer known words.", 1, MANY))
    max_tokens: int = parameter(MAX_TOKENS, Integer("Skip sentences with more known words.", 1, MANY))
    hard_negatives: bool = parameter(False, Flag("The last column of pairs is a hard negative."))
    workers: int | None = parameter(None, CONSTRAINTS["workers"])
    seed: int = parameter(0, Integer("Random seed.", 0, 2**63 - 1))

    def __post_init__(self) -> None:
        check_parameters(self)
        if self.max_tokens < self.min_tokens:
            raise ValueError(f"max_tokens must be at least min_tokens, not {self.max_tokens} < {self.min_tokens}")
        if self.choose and self.table_first is False:
            raise ValueError("choose compares a network with the table alone, so table_first must not be False")

    def weights_of_pairs(self, n: int) -> list[float]:
        """Return how much each of n sources of pairs counts; ValueError if `pair_weights` has another number."""
        if self.pair_weights is None:
            return [1.0] * n
        weights = list(map(float, self.pair_weights.split(",")))
        if len(weights) != n:
            raise ValueError(f"pair_weights has {len(weights)} numbers, {self.pair_weights}, for {n} sources of pairs")
        return weights

    def filled(self, kind: str) -> FitOptions:
        """Return the options with the defaults of what is trained on, one of `DEFAULTS`."""
        chosen = {"table_first": self.choose} | DEFAULTS[kind]
        return replace(self, **{name: value for name, value in chosen.items() if getattr(self, name) is None})

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
    "masked": {"steps": 4000, "batch_size": 256, "learning_rate": 0.0, "weight_rate": 0.0, "temperature": 0.1},
    "titles": {"steps": 400, "batch_size": 512, "learning_rate": 2e-3, "weight_rate": 0.0, "temperature": 0.05},
    "pairs": {
        "steps": 200, "batch_size": 512, "learning_rate": 2e-3, "weight_rate": 0.0, "temperature": 0.06,
        "word_dropout": 0.15,
    },
    "teacher": {
        "steps": 2000, "batch_size": 512, "learning_rate": 3e-3, "weight_rate": 3e-3, "temperature": 0.1,
        "table_first": True,
    },
}  # fmt: skip
"""Options that are None, by what is trained on; docs/experiments.md says where they come from."""
