"""The parameters of a sentence encoder: one table of names, defaults, constraints and help texts.

`SentenceEncoder`, its network and the command line take defaults, checks and documentation from here. `--help` must not
import NumPy. `w2v.encoder.training.fit_options` is the table for training.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import Any

from w2v.neural.names import MIXERS, NORMS, POSITIONS
from w2v.settings.constraints import Choice, Flag, Integer, Number, Seed
from w2v.settings.descriptions import CONSTRAINTS
from w2v.settings.tables import MANY, check_parameters, constraints_of, parameter

MAX_SIZE = 1 << 16
"""The largest width of a network."""

MAX_WEIGHT = 1000.0
"""The largest weight of a block."""

BAG_COLUMNS, BAG_PREFIX, BAG_WEIGHT, BAG_A = 256, 4, 0.8, 3e-3
"""The bag of words of encoders trained on a corpus alone, and `a` of its words; docs/how-it-works/experiments.md."""

HEADS = ("branch", "linear")
"""How the last hidden states contribute to the vector; see `w2v.encoder.model.network`."""

PRECISION = Choice(
    "Data type of the vectors; int8 scales each vector so that its largest value is 127.",
    ("float32", "float16", "int8"),
)
"""Data types in which sentence vectors can be returned."""

FILE_FORMAT = Choice(
    "For a folder as the output: arrays, row n for line n, or tables of text, vector, line and id.",
    ("npy", "parquet"),
)
"""File formats for the vectors of many files."""

OF_NETWORK = ("window", "layers", "heads", "dim", "positions", "feed_forward", "norm", "head", "dropout")
OF_BLOCKS = ("bag_columns", "bag_prefix", "bag_weight", "mean_weight")
OF_START = ("architecture", *OF_NETWORK, "a", "identity_scale", "identity_columns", *OF_BLOCKS)
"""The parameters that decide the network, and the state that training starts from."""
DROPOUT = 0.1
"""Dropout of a network that learns without a teacher."""


@dataclass(frozen=True)
class _PerhapsInfinite(Number):
    """A number above 0, infinity too."""

    def _allows(self, value: object) -> bool:
        return super()._allows(value) or value == math.inf

    def describe(self) -> str:
        """State the range."""
        return "a number above 0"


@dataclass(frozen=True)
class EncoderParameters:
    """Everything that decides what an encoder is, except its starting point; under the names of `SentenceEncoder`.

    Raises
    ------
    ValueError
        If a value is out of range.
    """

    architecture: str | None = parameter(
        None,
        Choice(
            "Take the weighted mean of the word vectors (static), or run them through attention, a recurrent layer or "
            "a convolution first.",
            ("static", *MIXERS),
        ),
        "that of MODEL, static for word vectors",
    )
    window: int = parameter(3, Integer("Kernel width of a convolution, in words.", 1, 1 << 10))
    layers: int = parameter(1, Integer("Number of layers.", 1, 1 << 10))
    heads: int = parameter(4, Integer("Attention heads in each layer.", 1, MAX_SIZE))
    dim: int = parameter(128, Integer("Width of the hidden states; a multiple of heads.", 1, MAX_SIZE))
    positions: str = parameter("relative", Choice("Positional encoding of words.", POSITIONS))
    feed_forward: float = parameter(
        2.0, Number("Width of the feed-forward network, as a multiple of dim.", above=0, high=64)
    )
    norm: str = parameter("pre", Choice("Normalise the input of each sublayer (pre) or its output (post).", NORMS))
    head: str = parameter(
        "branch",
        Choice(
            "Add the network's output to each word vector (branch), or use it alone, as BERT does (linear, which needs "
            "post-norm and a hidden size at least 2 above the width of the vectors).",
            HEADS,
        ),
    )
    dropout: float | None = parameter(
        None,
        Number("Dropout: the fraction of hidden states dropped at each step.", low=0, below=1),
        "0 with a teacher, else 0.1",
    )
    a: float = parameter(
        3e-4, _PerhapsInfinite("SIF weight: a word of probability p starts with a / (a + p).", above=0)
    )
    identity_scale: float = parameter(
        0.0,
        Number("Length of a random direction for every spelling, unknown words included; 0 for none.", low=0),
    )
    identity_columns: int = parameter(
        0, Integer("Separate columns for these directions; 0 adds them to the word vectors.", 0, MAX_SIZE)
    )
    bag_columns: int | None = parameter(
        None,
        Integer("Columns of a hashed bag of words, a separate block beside the vectors; 0 for none.", 0, MAX_SIZE),
        "those of MODEL",
    )
    bag_prefix: int | None = parameter(
        None,
        Integer("Cut words to N letters in the bag of words, in place of stemming; 0 keeps them whole.", 0, 64),
        "4",
    )
    bag_weight: float | None = parameter(
        None, Number("Length of the bag of words relative to the vectors.", above=0, high=MAX_WEIGHT), "0.8"
    )
    mean_weight: float | None = parameter(
        None,
        Number(
            "Length of the plain mean of the word vectors relative to the vectors; 0 for none.", low=0, high=MAX_WEIGHT
        ),
        "that of MODEL",
    )
    normalize: bool | None = parameter(
        None,
        Flag("Scale vectors to unit length, so that dot products are cosines; zero vectors stay zero."),
        "normalize, unless an imported encoder does not",
    )
    truncate_dim: int | None = parameter(None, Integer("Keep only the first N columns.", 1, MANY), "all columns")
    batch_size: int = parameter(
        1024, Integer("Sentences that a thread encodes at once; the vectors do not depend on it.", 1, MANY)
    )
    workers: int | None = parameter(None, CONSTRAINTS["workers"])
    random_state: Any = parameter(
        None, Seed("Random seed of training and of a network's initial parameters."), "the seed of `training`"
    )
    frozen: bool | None = parameter(
        None, Flag("Leave the encoder unchanged, or train it."), "depends on what `fit` is given"
    )

    def __post_init__(self) -> None:
        check_parameters(self)


def of_encoder(name: str, default: Any = None) -> Any:
    """Return an encoder's parameter as a field for another table, with its own default or another."""
    own = next(one for one in fields(EncoderParameters) if one.name == name)
    constraint = own.metadata["constraint"]
    if default is None:
        return parameter(own.default, constraint)
    return parameter(default, replace(constraint, optional=False))


def check_parameter(name: str, value: object) -> None:
    """Raise ValueError if a value is not allowed for a parameter of this name."""
    constraints_of(EncoderParameters)[name].check(name, value)
