"""The options that decide how an encoder is trained."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from w2v.corpora.sentences import MAX_TOKENS, MIN_TOKENS
from w2v.neural.names import OPTIMIZERS
from w2v.settings.constraints import DEFAULT_SEED, Choice, Flag, Integer, Number, Seconds, Weights, is_generator
from w2v.settings.descriptions import CONSTRAINTS
from w2v.settings.tables import MANY, check_parameters, documented, parameter

_BY_SOURCE = "depends on the training data"
OBJECTIVES = ("neighbors", "masked", "titles")


@documented()
@dataclass(frozen=True)
class FitOptions:
    """How an encoder is trained. Options that are None depend on the training data; see `DEFAULTS`.

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
        Choice("What a corpus teaches: which sentence follows which; which words were masked (needs a network); or "
               "which title belongs to a paragraph, for searching.", OBJECTIVES),
    )  # fmt: skip
    steps: int | None = parameter(None, Integer("Training steps.", 1, MANY), _BY_SOURCE)
    batch_size: int | None = parameter(
        None, Integer("Batch size in sentences, or in groups of sentences that belong together.", 2, MANY), _BY_SOURCE
    )
    learning_rate: float | None = parameter(
        None,
        Number("Peak learning rate of the word vectors; 0 keeps them fixed.", low=0),
        _BY_SOURCE,
    )
    weight_rate: float | None = parameter(None, Number("Peak learning rate of the word weights.", low=0), _BY_SOURCE)
    network_rate: float = parameter(
        2e-3, Number("Peak learning rate of the network; Muon moves its matrices four times as fast.", low=0)
    )
    optimizer: str | None = parameter(
        None,
        Choice("Optimizer of the network's matrices; Adam updates all other parameters.", OPTIMIZERS),
        _BY_SOURCE,
    )
    temperature: float | None = parameter(
        None, Number("Softmax temperature: cosines are divided by it.", above=0), _BY_SOURCE
    )
    word_dropout: float | None = parameter(
        None, Number("Fraction of words dropped from pairs at each step.", low=0, below=1), _BY_SOURCE
    )
    order_share: float = parameter(
        0.3, Number("Weight of the loss for detecting swapped words; needs attention.", low=0)
    )
    corpus_share: float = parameter(
        1.0,
        Number("Weight of the corpus's loss beside pairs, or of neighbours beside titles; 0 ignores it.", low=0),
    )
    pair_weights: str | None = parameter(
        None, Weights("Weights of the files of pairs, in their order, separated by commas."), "1 each"
    )
    table_first: bool | None = parameter(
        None, Flag("Train the word vectors alone first, then a network on top of them."), _BY_SOURCE
    )
    choose: bool = parameter(
        False,
        Flag("Train both the word vectors alone and a network on top of them, by default attention; keep the better."),
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
        Integer("Sentences that the network processes at once, if a batch does not fit in memory.", 1, MANY),
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
    seed: int = parameter(DEFAULT_SEED, Integer("Random seed.", 0, 2**63 - 1))

    def __post_init__(self) -> None:
        check_parameters(self)
        if self.max_tokens < self.min_tokens:
            raise ValueError(f"max_tokens must be at least min_tokens, not {self.max_tokens} < {self.min_tokens}")
        if self.choose and self.table_first is False:
            raise ValueError(
                "choose compares a network with the word vectors alone, so it does not go with table_first=False"
            )

    def weights_of_pairs(self, n: int) -> list[float]:
        """Return the weights of n sources of pairs; ValueError if `pair_weights` has another number of them."""
        if self.pair_weights is None:
            return [1.0] * n
        weights = list(map(float, self.pair_weights.split(",")))
        if len(weights) != n:
            raise ValueError(f"pair_weights has {len(weights)} numbers, {self.pair_weights}, for {n} sources of pairs")
        return weights

    def filled(self, kind: str) -> FitOptions:
        """Return the options with the defaults for a kind of training data, a key of `DEFAULTS`."""
        chosen: dict[str, Any] = {"table_first": self.choose, "optimizer": "adam"} | DEFAULTS[kind]
        return replace(self, **{name: value for name, value in chosen.items() if getattr(self, name) is None})

    def with_own(self, random_state: Any, workers: int | None) -> FitOptions:
        """Return the options with the seed and the number of threads of an estimator, if it sets them."""
        own: dict[str, Any] = {} if workers is None else {"workers": workers}
        if is_generator(random_state):
            import numpy as np

            own["seed"] = int(np.random.default_rng(random_state).integers(1 << 31))
        elif random_state is not None:
            own["seed"] = random_state
        return replace(self, **own)


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
        "table_first": True, "optimizer": "muon",
    },
}  # fmt: skip
"""Defaults of options that are None, by training data; docs/how-it-works/experiments.md says where they come from."""
