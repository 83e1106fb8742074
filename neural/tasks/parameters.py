"""The parameters of translators and language models, a table each, for Python and the command line alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from w2v.corpora.tokenizers import get_tokenizer, tokenizer_from_config
from w2v.neural.names import ACTIVATIONS, MIXERS, NORMS, POSITIONS
from w2v.settings.constraints import Choice, Flag, Integer, Number, Seconds, Seed, TokenizerChoice
from w2v.settings.parameters import CONSTRAINTS
from w2v.settings.tables import MANY, check_parameters, parameter

MAX_SIZE = 1 << 16
"""The largest width of a network."""

MAX_LAYERS = 1 << 10
DECODED_POSITIONS = tuple(name for name in POSITIONS if name != "fraction")
"""Those that are known before a text is complete."""
OPTIMIZERS = ("muon", "adam")
MEMORIES = ("states", "mean")
UNITS = ("characters", "subwords", "words")
AUTO = "auto"


@dataclass(frozen=True, kw_only=True)
class SharedParameters:
    """How the blocks of a network are made, and how they learn, whatever they read."""

    architecture: str = parameter("attention", Choice("What lets the tokens of a text see each other.", MIXERS))
    window: int = parameter(3, Integer("Tokens that a convolution reads at a time.", 1, 1 << 10))
    layers: int = parameter(4, Integer("Blocks, of the encoder and of the decoder each.", 1, MAX_LAYERS))
    heads: int = parameter(4, Integer("Heads of attention in each block.", 1, MAX_SIZE))
    dim: int = parameter(128, Integer("Width of embeddings and hidden states, a multiple of heads.", 1, MAX_SIZE))
    feed_forward: float = parameter(
        2.0, Number("Width inside a block's feed-forward network, over dim.", above=0, high=64)
    )
    positions: str = parameter(
        "sinusoidal+rotary", Choice("How attention knows the places of tokens.", DECODED_POSITIONS)
    )
    norm: str = parameter("pre", Choice("Normalise what a block reads, or what it returns.", NORMS))
    activation: str = parameter("relu", Choice("Of the feed-forward network.", ACTIVATIONS))
    dropout: float = parameter(
        0.3, Number("Fraction of the hidden states' values that a step of training drops.", low=0, below=1)
    )
    smoothing: float = parameter(
        0.1, Number("Part of the probability that training wants to be spread over all tokens.", low=0, below=1)
    )
    optimizer: str = parameter(
        "muon", Choice("What moves the matrices of the blocks; Adam moves all other parameters.", OPTIMIZERS)
    )
    learning_rate: float = parameter(3e-3, Number("Highest learning rate.", low=0))
    warmup: int = parameter(
        200, Integer("Steps, at most a quarter, in which the learning rate rises; then it falls to zero.", 0, MANY)
    )
    weight_decay: float = parameter(0.0, Number("Weight decay of matrices and tables.", low=0))
    clip: float = parameter(1.0, Number("The longest that the gradient of a step may be.", above=0))
    averaged: int = parameter(
        5,
        Integer(
            "Keep the mean of the parameters at the last N measurements, if it is better; only the last fifth counts.",
            1,
            1 << 10,
        ),
    )
    epochs: int | None = parameter(
        None,
        Integer("Passes over the text.", 1, MANY),
        "18, at least 1,900 steps; with max_time as many as there is time for",
    )
    max_time: float | None = parameter(
        None, Seconds("End after so much training, such as 90s, 5m or 1h30m.", above=0), "no limit"
    )
    evaluate_every: int | None = parameter(
        None,
        Integer("Steps from one measurement of the loss on what is held out to the next.", 1, MANY),
        "an epoch, but from 50 to 1,000",
    )
    patience: int | None = parameter(
        None, Integer("End after N measurements without a new best.", 1, MANY), "no early end"
    )
    workers: int | None = parameter(None, CONSTRAINTS["workers"])
    random_state: Any = parameter(1, Seed("Decides everything random; None draws a seed."))

    def __post_init__(self) -> None:
        check_parameters(self)

    def to_dict(self) -> dict[str, Any]:
        """Return all parameters in JSON types; ValueError if one of them is code of the user's own."""
        return vars(self).copy()


@dataclass(frozen=True, kw_only=True)
class NetworkParameters(SharedParameters):
    """The same, of networks that read text."""

    batch_tokens: int = parameter(4096, Integer("Tokens to be told in a step of training.", 1, MANY))


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
        Choice("What sources are made of; auto: characters for scripts without spaces, else subwords.", (AUTO, *UNITS)),
    )
    target_units: str = parameter(AUTO, Choice("What translations are made of, likewise.", (AUTO, *UNITS)))
    vocabulary_size: int = parameter(
        8000, Integer("The most subwords, of both languages together if the vocabulary is joint.", 259, 1 << 20)
    )
    joint: bool = parameter(True, Flag("Let both languages share a vocabulary and a table, if both are subwords."))
    memory: str = parameter(
        "states",
        Choice("What the decoder sees of a source: all its hidden states, or their mean alone.", MEMORIES),
    )
    max_tokens: int = parameter(256, Integer("Do not train on pairs with more tokens than this on a side.", 1, MANY))
    held_out: int | None = parameter(
        None, Integer("Pairs that are measured and not trained on.", 1, MANY), "1,000, at most a tenth"
    )


@dataclass(frozen=True, kw_only=True)
class LanguageModelParameters(NetworkParameters):
    """Everything that decides what a language model is and how it is trained.

    Raises
    ------
    ValueError
        If a value is out of range.
    """

    positions: str = parameter("rotary", Choice("How attention knows the places of tokens.", DECODED_POSITIONS))
    activation: str = parameter("gelu", Choice("Of the feed-forward network.", ACTIVATIONS))
    feed_forward: float = parameter(
        4.0, Number("Width inside a block's feed-forward network, over dim.", above=0, high=64)
    )
    dropout: float = parameter(
        0.1, Number("Fraction of the hidden states' values that a step of training drops.", low=0, below=1)
    )
    smoothing: float = parameter(
        0.0, Number("Part of the probability that training wants to be spread over all tokens.", low=0, below=1)
    )
    batch_tokens: int = parameter(2048, Integer("Tokens to be told in a step of training.", 1, MANY))
    learning_rate: float = parameter(6e-3, Number("Highest learning rate.", low=0))
    units: str = parameter("subwords", Choice("What texts are made of.", UNITS))
    vocabulary_size: int | None = parameter(
        None, Integer("The most units.", 4, 1 << 20), "8,000 subwords, all characters and words"
    )
    min_count: int = parameter(1, Integer("Leave out characters and words that occur less often.", 1, MANY))
    tokenizer: Any = parameter("whitespace", TokenizerChoice("What divides a text into words, if these are the units."))
    separate_lines: bool | None = parameter(
        None,
        Flag("Let each line be a text of its own, which ends, instead of a part of one running text."),
        "lines, but for characters a running text",
    )
    context: int = parameter(256, Integer("Tokens that the network sees at once.", 2, 1 << 20))
    held_out: float = parameter(
        0.05,
        Number(
            "Fraction that is measured and not trained on: of a running text its end, else lines.", above=0, high=0.5
        ),
    )
    order: int = parameter(5, Integer("Order of the n-grams that stand beside the network for comparison.", 1, 7))

    def to_dict(self) -> dict[str, Any]:
        """Return all parameters in JSON types; ValueError if one of them is code of the user's own."""
        return super().to_dict() | {"tokenizer": described_tokenizer(self.tokenizer)}


def described_tokenizer(given: Any) -> Any:
    """Return the name of a tokenizer, or what makes it again; ValueError if it is code of the user's own."""
    described = get_tokenizer(given).to_config()
    try:
        tokenizer_from_config(described)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"the tokenizer {described.get('callable', described['name'])} could not be kept with the model: divide "
            "the texts with it first, words between spaces, and leave tokenizer as it is"
        ) from error
    return given if isinstance(given, str) else described
