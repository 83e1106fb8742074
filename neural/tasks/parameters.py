"""The parameters of translators and language models: one table each, for Python and the command line alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from w2v.corpora.tokenizers import get_tokenizer, tokenizer_from_config
from w2v.neural.names import ACTIVATIONS, MIXERS, NORMS, OPTIMIZERS, POSITIONS
from w2v.settings.constraints import DEFAULT_SEED, Choice, Flag, Integer, Number, Seconds, Seed, TokenizerChoice
from w2v.settings.descriptions import CONSTRAINTS
from w2v.settings.tables import MANY, check_parameters, parameter

MAX_SIZE = 1 << 16
"""The largest width of a network."""

MAX_LAYERS = 1 << 10
DECODED_POSITIONS = tuple(name for name in POSITIONS if name != "fraction")
"""Positional encodings that do not depend on the length of the text."""
MEMORIES = ("states", "mean")
UNITS = ("characters", "subwords", "words")
AUTO = "auto"


@dataclass(frozen=True, kw_only=True)
class SharedParameters:
    """The parameters of the blocks of a network and of their training, shared by all tasks."""

    architecture: str = parameter(
        "attention",
        Choice("How tokens exchange information: self-attention, a recurrent layer or a convolution.", MIXERS),
    )
    window: int = parameter(3, Integer("Kernel width of a convolution, in tokens.", 1, 1 << 10))
    layers: int = parameter(
        4, Integer("Number of blocks; in a translator, of the encoder and of the decoder each.", 1, MAX_LAYERS)
    )
    heads: int = parameter(4, Integer("Attention heads in each block.", 1, MAX_SIZE))
    dim: int = parameter(128, Integer("Width of embeddings and hidden states; a multiple of heads.", 1, MAX_SIZE))
    feed_forward: float = parameter(
        2.0, Number("Width of the feed-forward network, as a multiple of the hidden size.", above=0, high=64)
    )
    positions: str = parameter("sinusoidal+rotary", Choice("Positional encoding of tokens.", DECODED_POSITIONS))
    norm: str = parameter("pre", Choice("Normalise the input of each sublayer (pre) or its output (post).", NORMS))
    activation: str = parameter("relu", Choice("Activation function of the feed-forward network.", ACTIVATIONS))
    dropout: float = parameter(
        0.3, Number("Dropout: the fraction of hidden states dropped at each step.", low=0, below=1)
    )
    smoothing: float = parameter(0.1, Number("Label smoothing.", low=0, below=1))
    optimizer: str = parameter(
        "muon", Choice("Optimizer of the blocks' matrices; Adam updates all other parameters.", OPTIMIZERS)
    )
    learning_rate: float = parameter(3e-3, Number("Peak learning rate.", low=0))
    warmup: int = parameter(
        200, Integer("Warm-up steps, at most a quarter of all; afterwards the learning rate falls to zero.", 0, MANY)
    )
    weight_decay: float = parameter(0.0, Number("Weight decay of matrices and tables.", low=0))
    clip: float = parameter(1.0, Number("Maximum gradient norm.", above=0))
    averaged: int = parameter(
        5,
        Integer(
            "Average the parameters of the last N evaluations within the last fifth of training, and keep the average "
            "if it is better.",
            1,
            1 << 10,
        ),
    )
    epochs: int | None = parameter(
        None,
        Integer("Passes over the text.", 1, MANY),
        "16, at least 1,740 steps; with max_time no limit",
    )
    max_time: float | None = parameter(
        None, Seconds("Stop after this much training time, e.g. 90s, 5m or 1h30m.", above=0), "no limit"
    )
    evaluate_every: int | None = parameter(
        None,
        Integer("Steps between evaluations on held-out data.", 1, MANY),
        "an epoch, but from 50 to 1,000",
    )
    patience: int | None = parameter(
        None, Integer("Stop after N evaluations without improvement.", 1, MANY), "no early stopping"
    )
    workers: int | None = parameter(None, CONSTRAINTS["workers"])
    random_state: Any = parameter(DEFAULT_SEED, Seed("Random seed."))

    def __post_init__(self) -> None:
        check_parameters(self)

    def to_dict(self) -> dict[str, Any]:
        """Return all parameters in JSON types; ValueError if one of them is the user's own code."""
        return vars(self).copy()


@dataclass(frozen=True, kw_only=True)
class NetworkParameters(SharedParameters):
    """The shared parameters, and the batch size, of networks that read text."""

    batch_tokens: int = parameter(4096, Integer("Batch size in predicted tokens.", 1, MANY))


@dataclass(frozen=True, kw_only=True)
class TranslatorParameters(NetworkParameters):
    """Everything that decides what a translator is and how it is trained.

    Raises
    ------
    ValueError
        If a value is out of range.
    """

    source_units: str = parameter(
        AUTO,
        Choice(
            "Units of the source vocabulary; auto: characters for scripts without spaces, otherwise subwords.",
            (AUTO, *UNITS),
        ),
    )
    target_units: str = parameter(AUTO, Choice("Units of the target vocabulary, likewise.", (AUTO, *UNITS)))
    vocabulary_size: int = parameter(
        8000,
        Integer("Maximum number of subwords, of both languages together if the vocabulary is joint.", 259, 1 << 20),
    )
    joint: bool = parameter(True, Flag("Share one vocabulary and one embedding table if both sides are subwords."))
    memory: str = parameter(
        "states",
        Choice("What the decoder attends to: all hidden states of the source, or only their mean.", MEMORIES),
    )
    max_tokens: int = parameter(256, Integer("Skip pairs with more tokens than this on either side.", 1, MANY))
    held_out: int | None = parameter(
        None, Integer("Number of pairs held out of training for evaluation.", 1, MANY), "1,000, at most a tenth"
    )
    monitor: str = parameter(
        "loss",
        Choice(
            "What the best parameters are chosen by, on held-out pairs: the lowest loss or the highest BLEU, which may "
            "still rise when the loss does.",
            ("loss", "bleu"),
        ),
    )


@dataclass(frozen=True, kw_only=True)
class LanguageModelParameters(NetworkParameters):
    """Everything that decides what a language model is and how it is trained.

    Raises
    ------
    ValueError
        If a value is out of range.
    """

    positions: str = parameter("rotary", Choice("Positional encoding of tokens.", DECODED_POSITIONS))
    activation: str = parameter("gelu", Choice("Activation function of the feed-forward network.", ACTIVATIONS))
    feed_forward: float = parameter(
        4.0, Number("Width of the feed-forward network, as a multiple of the hidden size.", above=0, high=64)
    )
    dropout: float = parameter(
        0.1, Number("Dropout: the fraction of hidden states dropped at each step.", low=0, below=1)
    )
    smoothing: float = parameter(0.0, Number("Label smoothing.", low=0, below=1))
    batch_tokens: int = parameter(2048, Integer("Batch size in predicted tokens.", 1, MANY))
    learning_rate: float = parameter(6e-3, Number("Peak learning rate.", low=0))
    units: str = parameter("subwords", Choice("Units of the vocabulary.", UNITS))
    vocabulary_size: int | None = parameter(
        None, Integer("Maximum size of the vocabulary.", 4, 1 << 20), "8,000 subwords, all characters or words"
    )
    min_count: int = parameter(1, Integer("Ignore characters and words that occur fewer than N times.", 1, MANY))
    tokenizer: Any = parameter("whitespace", TokenizerChoice("Tokenizer, if the units are words."))
    separate_lines: bool | None = parameter(
        None,
        Flag("Treat each line as a separate text, or all lines as one running text."),
        "separate lines, but one running text for characters",
    )
    context: int = parameter(256, Integer("Context length in tokens.", 2, 1 << 20))
    held_out: float = parameter(
        0.05,
        Number(
            "Fraction held out of training for evaluation: random lines, or the end of a running text.",
            above=0,
            high=0.5,
        ),
    )
    order: int = parameter(5, Integer("Order of the n-gram model that the network is compared with.", 1, 7))

    def to_dict(self) -> dict[str, Any]:
        """Return all parameters in JSON types; ValueError if one of them is the user's own code."""
        return super().to_dict() | {"tokenizer": described_tokenizer(self.tokenizer)}


def described_tokenizer(given: Any) -> Any:
    """Return the name of a tokenizer, or its configuration; ValueError if it is the user's own code."""
    described = get_tokenizer(given).to_config()
    try:
        tokenizer_from_config(described)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"the tokenizer {described.get('callable', described['name'])} cannot be saved with the model: tokenize "
            "the texts with it first, join the words by spaces, and leave tokenizer at its default"
        ) from error
    return given if isinstance(given, str) else described
