"""The parameters of taggers, for Python and the command line alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from w2v.neural.names import MIXERS, POSITIONS
from w2v.neural.tasks.examples import KEPT, KEPT_TEXTS
from w2v.neural.tasks.parameters import MAX_LAYERS, MAX_SIZE, OPTIMIZERS, NetworkParameters, described_tokenizer
from w2v.settings.constraints import Choice, Integer, Number, TokenizerChoice
from w2v.settings.tables import MANY, parameter

OUTPUT_LAYERS = ("crf", "softmax")
MAX_BUCKETS = 1 << 24
EPOCHS, LEAST_STEPS = 12, 1000
MOST_HELD_OUT = 500


@dataclass(frozen=True, kw_only=True)
class TaggerParameters(NetworkParameters):
    """Everything that decides what a tagger is and how it is trained.

    Raises
    ------
    ValueError
        If a value is out of range.
    """

    architecture: str = parameter("recurrent", Choice("What lets the words of a sentence see each other.", MIXERS))
    window: int = parameter(3, Integer("Words that a convolution reads at a time.", 1, 1 << 10))
    layers: int = parameter(1, Integer("Blocks; 0 tags each word by itself and its neighbours' tags.", 0, MAX_LAYERS))
    positions: str = parameter("none", Choice("How attention knows the places of words.", POSITIONS))
    feed_forward: float = parameter(
        1.0, Number("Width inside a block's feed-forward network, over dim.", above=0, high=64)
    )
    smoothing: float = parameter(
        0.0, Number("With softmax: part of the probability that is wanted of all tags alike.", low=0, below=1)
    )
    dropout: float = parameter(
        0.4, Number("Fraction of the hidden states' values that a step of training drops.", low=0, below=1)
    )
    optimizer: str = parameter(
        "adam", Choice("What moves the matrices of the blocks; Adam moves all other parameters.", OPTIMIZERS)
    )
    batch_tokens: int = parameter(1024, Integer("Words in a step of training.", 1, MANY))
    learning_rate: float = parameter(3e-3, Number("Highest learning rate.", low=0))
    warmup: int = parameter(100, Integer("Steps in which the learning rate rises; then it falls to zero.", 0, MANY))
    epochs: int | None = parameter(
        None,
        Integer("Passes over the sentences.", 1, MANY),
        f"{EPOCHS}, at least {LEAST_STEPS:,} steps; with max_time as many as there is time for",
    )
    output_layer: str = parameter(
        "crf",
        Choice(
            "Learn which tags follow each other, or each word's tag by itself; neither answers what is forbidden.",
            OUTPUT_LAYERS,
        ),
    )
    word_size: int = parameter(64, Integer("Columns of the table of words.", 1, MAX_SIZE))
    ngram_size: int = parameter(64, Integer("Columns of the table of n-grams of characters.", 1, MAX_SIZE))
    buckets: int = parameter(1 << 14, Integer("Rows of the table of n-grams.", 1, MAX_BUCKETS))
    min_n: int = parameter(2, Integer("Shortest n-gram, the borders of a word counted.", 1, 1 << 8))
    max_n: int = parameter(5, Integer("Longest n-gram.", 1, 1 << 8))
    min_count: int = parameter(1, Integer("Words seen less often have no row of their own.", 1, MANY))
    word_dropout: float = parameter(
        0.1,
        Number("Fraction of words that training reads as unknown; of rare words it is more.", low=0, below=1),
    )
    most_vectors: int = parameter(
        100_000, Integer("Word vectors to keep of those given, besides the training's own.", 1, MANY)
    )
    held_out: float | None = parameter(
        None,
        Number("Fraction of the sentences that is measured and not trained on.", above=0, high=0.5),
        f"a tenth, at most {MOST_HELD_OUT} sentences",
    )
    examples: int = parameter(KEPT, KEPT_TEXTS)
    tokenizer: Any = parameter("penn", TokenizerChoice("What divides a text into words when it is tagged."))

    def to_dict(self) -> dict[str, Any]:
        """Return all parameters in JSON types; ValueError if one of them is code of the user's own."""
        return super().to_dict() | {"tokenizer": described_tokenizer(self.tokenizer)}
