"""The parameters of taggers, for Python and the command line alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from w2v.neural.names import MIXERS, OPTIMIZERS, POSITIONS
from w2v.neural.tasks.examples import KEPT, KEPT_TEXTS
from w2v.neural.tasks.parameters import MAX_LAYERS, MAX_SIZE, NetworkParameters, described_tokenizer
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

    architecture: str = parameter(
        "recurrent",
        Choice("How words exchange information: self-attention, a recurrent layer or a convolution.", MIXERS),
    )
    window: int = parameter(3, Integer("Kernel width of a convolution, in words.", 1, 1 << 10))
    layers: int = parameter(
        1,
        Integer(
            "Number of blocks. 0 tags each word without context, except for the neighbouring tags.",
            0,
            MAX_LAYERS,
        ),
    )
    positions: str = parameter("none", Choice("Positional encoding of words.", POSITIONS))
    dim: int = parameter(160, Integer("Width of embeddings and hidden states; a multiple of heads.", 1, MAX_SIZE))
    feed_forward: float = parameter(
        0.5, Number("Width of the feed-forward network, as a multiple of the hidden size.", above=0, high=64)
    )
    smoothing: float = parameter(0.0, Number("Label smoothing, for a softmax output layer.", low=0, below=1))
    dropout: float = parameter(
        0.4, Number("Dropout: the fraction of hidden states dropped at each step.", low=0, below=1)
    )
    optimizer: str = parameter(
        "adam", Choice("Optimizer of the blocks' matrices; Adam updates all other parameters.", OPTIMIZERS)
    )
    batch_tokens: int = parameter(1024, Integer("Batch size in words.", 1, MANY))
    learning_rate: float = parameter(3e-3, Number("Peak learning rate.", low=0))
    warmup: int = parameter(100, Integer("Warm-up steps; afterwards the learning rate falls to zero.", 0, MANY))
    epochs: int | None = parameter(
        None,
        Integer("Passes over the sentences.", 1, MANY),
        f"{EPOCHS}, at least {LEAST_STEPS:,} steps; with max_time no limit",
    )
    output_layer: str = parameter(
        "crf",
        Choice(
            "Score whole sequences of tags (crf), or each word's tag independently (softmax); neither predicts an "
            "invalid sequence.",
            OUTPUT_LAYERS,
        ),
    )
    word_size: int = parameter(64, Integer("Width of the word embeddings.", 1, MAX_SIZE))
    ngram_size: int = parameter(64, Integer("Width of the embeddings of character n-grams.", 1, MAX_SIZE))
    buckets: int = parameter(1 << 14, Integer("Number of hash buckets for n-grams.", 1, MAX_BUCKETS))
    min_n: int = parameter(2, Integer("Shortest character n-gram, word boundaries included.", 1, 1 << 8))
    max_n: int = parameter(5, Integer("Longest character n-gram, word boundaries included.", 1, 1 << 8))
    min_count: int = parameter(1, Integer("Words that occur fewer than N times get no embedding.", 1, MANY))
    word_dropout: float = parameter(
        0.1,
        Number("Fraction of words replaced by the unknown word in training, rare words more often.", low=0, below=1),
    )
    most_vectors: int = parameter(
        100_000, Integer("Maximum number of word vectors to keep besides those of the training words.", 1, MANY)
    )
    held_out: float | None = parameter(
        None,
        Number("Fraction of the sentences held out of training for evaluation.", above=0, high=0.5),
        f"a tenth, at most {MOST_HELD_OUT} sentences",
    )
    examples: int = parameter(KEPT, KEPT_TEXTS)
    tokenizer: Any = parameter("penn", TokenizerChoice("Tokenizer for the texts to tag."))

    def to_dict(self) -> dict[str, Any]:
        """Return all parameters in JSON types; ValueError if one of them is the user's own code."""
        return super().to_dict() | {"tokenizer": described_tokenizer(self.tokenizer)}
