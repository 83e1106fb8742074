"""The parameters of text classifiers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from w2v.neural.names import OPTIMIZERS, POSITIONS, TEXT_POOLINGS
from w2v.neural.tasks.examples import KEPT, KEPT_TEXTS
from w2v.neural.tasks.parameters import MAX_LAYERS, MAX_SIZE, NetworkParameters, described_tokenizer
from w2v.settings.constraints import AutoInteger, Choice, Flag, Integer, Number, TokenizerChoice
from w2v.settings.tables import MANY, parameter

AUTO = "auto"
MOST_BUCKETS = 1 << 26
_LAYERED: dict[str, Any] = {"dim": 128, "learning_rate": 2e-3, "pooling": "max"}
_LINEAR: dict[str, Any] = {"dim": 10, "learning_rate": 0.5, "epochs": 10, "pooling": "max"}
_TRIED: dict[str, Any] = {"learning_rate": 4e-3, "pooling": "max+mean"}
"""Further settings of layers that are tried, suited to few epochs."""


class BagSettings(NamedTuple):
    """The features of a classifier without layers.

    Attributes
    ----------
    min_count : int
        Words that occur less often in training have no row.
    word_ngrams : int
        Length of the longest word n-gram.
    buckets : int
        Number of hash buckets for word and character n-grams.
    min_n, max_n : int
        Shortest and longest character n-gram; `max_n` 0 for none.
    """

    min_count: int = 1
    word_ngrams: int = 2
    buckets: int = 2_000_000
    min_n: int = 3
    max_n: int = 0


@dataclass(frozen=True, kw_only=True)
class ClassifierParameters(NetworkParameters):
    """Everything that decides what a text classifier is and how it is trained.

    Raises
    ------
    ValueError
        If a value is out of range.
    """

    layers: Any = parameter(
        AUTO,
        AutoInteger(
            "Number of blocks. 0 averages words and word n-grams, as fastText does. auto is 0, or with max_time "
            "whatever classifies the held-out texts best.",
            0,
            MAX_LAYERS,
        ),
    )
    dim: int | None = parameter(  # type: ignore[assignment]
        None,
        Integer("Width of embeddings and hidden states; a multiple of heads.", 1, MAX_SIZE),
        "10 without layers, else 128",
    )
    learning_rate: float | None = parameter(  # type: ignore[assignment]
        None, Number("Peak learning rate.", low=0), "0.5 without layers, 0.004 for layers that are tried, else 0.002"
    )
    dropout: float = parameter(
        0.3,
        Number(
            "Dropout: the fraction of features, or of hidden states with layers, dropped at each step.", low=0, below=1
        ),
    )
    smoothing: float = parameter(0.0, Number("Label smoothing, with layers.", low=0, below=1))
    optimizer: str = parameter(
        "adam", Choice("Optimizer of the blocks' matrices; Adam updates all other parameters.", OPTIMIZERS)
    )
    batch_tokens: int = parameter(1024, Integer("Batch size in words, with layers.", 1, MANY))
    warmup: int = parameter(
        100, Integer("Warm-up steps, with layers; afterwards the learning rate falls to zero.", 0, MANY)
    )
    positions: str = parameter("none", Choice("Positional encoding of words.", POSITIONS))
    feed_forward: float = parameter(
        1.0, Number("Width of the feed-forward network, as a multiple of the hidden size.", above=0, high=64)
    )
    epochs: int | None = parameter(
        None,
        Integer("Passes over the texts.", 1, MANY),
        "10, with layers at least 500 steps; with max_time no limit",
    )
    pooling: str | None = parameter(
        None,
        Choice("How the hidden states of a text are pooled.", TEXT_POOLINGS),
        "max+mean for layers that are tried, else max",
    )
    tokenizer: Any = parameter("words", TokenizerChoice("Tokenizer that splits texts into words."))
    min_count: int = parameter(1, Integer("Ignore words that occur fewer than N times.", 1, MANY))
    word_ngrams: int = parameter(2, Integer("Longest word n-gram, without layers.", 1, 16))
    min_n: int = parameter(3, Integer("Shortest character n-gram, word boundaries included, without layers.", 1, 50))
    max_n: int = parameter(0, Integer("Longest character n-gram, without layers; 0 for none.", 0, 50))
    buckets: int = parameter(2_000_000, Integer("Number of hash buckets for n-grams, without layers.", 1, MOST_BUCKETS))
    class_weight: str = parameter(
        "none",
        Choice(
            "Weigh all examples equally (none), or all classes (balanced).",
            ("none", "balanced"),
        ),
    )
    multi_label: bool | None = parameter(
        None, Flag("Allow any number of labels per text, each decided independently."), "if a text has several"
    )
    word_dropout: float = parameter(
        0.1,
        Number(
            "Fraction of words replaced by the unknown word in training, rare words more often; with layers.",
            low=0,
            below=1,
        ),
    )
    max_words: int = parameter(512, Integer("Read only the first N words of a text, with layers.", 1, 1 << 20))
    held_out: float = parameter(
        0.1,
        Number(
            "Fraction of the texts held out for choosing and calibrating; without layers, the final model is trained "
            "on all texts. 0 holds out none.",
            low=0,
            high=0.5,
        ),
    )
    examples: int = parameter(KEPT, KEPT_TEXTS)

    def to_dict(self) -> dict[str, Any]:
        """Return all parameters in JSON types; ValueError if one of them is the user's own code."""
        return super().to_dict() | {"tokenizer": described_tokenizer(self.tokenizer)}

    def resolved(self, layers: int) -> ClassifierParameters:
        """Return the parameters with this number of layers and the defaults that depend on it."""
        return replace(self._completed(_LAYERED if layers else _LINEAR), layers=layers)

    def tried(self) -> ClassifierParameters:
        """Return the parameters of the layers that are tried beside others."""
        return self._completed(_TRIED).resolved(1)

    def _completed(self, defaults: dict[str, Any]) -> ClassifierParameters:
        given = vars(self)
        return replace(self, **{name: value for name, value in defaults.items() if given[name] is None})

    @property
    def bag_settings(self) -> BagSettings:
        """The features of a classifier without layers."""
        return BagSettings(self.min_count, self.word_ngrams, self.buckets, self.min_n, self.max_n)
