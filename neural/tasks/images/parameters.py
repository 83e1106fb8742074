"""The parameters of classifiers of pictures, for Python and the command line alike."""

from __future__ import annotations

from dataclasses import dataclass

from w2v.neural.names import MIXERS
from w2v.neural.tasks.examples import KEPT, MOST_EXAMPLES
from w2v.neural.tasks.parameters import DECODED_POSITIONS, MAX_LAYERS, SharedParameters
from w2v.settings.constraints import Choice, Constraint, Flag, Integer, Number
from w2v.settings.tables import MANY, parameter

POOLINGS = ("mean", "token")
MAX_SIDE = 1 << 14
"""The longest side of a picture."""


@dataclass(frozen=True)
class ImageShape(Constraint):
    """Height and width of flat pictures, and perhaps their channels."""

    described = "(height, width) or (height, width, channels), whole numbers from 1 on"

    def _allows(self, value: object) -> bool:
        return isinstance(value, tuple) and len(value) in (2, 3) and all(
            type(side) is int and 1 <= side <= MAX_SIDE for side in value
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class ImageParameters(SharedParameters):
    """Everything that decides what a classifier of pictures is and how it is trained.

    Raises
    ------
    ValueError
        If a value is out of range.
    """

    architecture: str = parameter("attention", Choice("What lets the patches of a picture see each other.", MIXERS))
    window: int = parameter(3, Integer("Patches that a convolution reads at a time.", 1, 1 << 10))
    layers: int = parameter(6, Integer("Blocks.", 1, MAX_LAYERS))
    dim: int = parameter(64, Integer("Width of the picture's vector, a multiple of heads.", 1, 1 << 16))
    positions: str = parameter("learned", Choice("How attention knows the places of patches.", DECODED_POSITIONS))
    activation: str = parameter("gelu", Choice("Of the feed-forward network.", ("gelu", "relu", "tanh")))
    dropout: float = parameter(
        0.1, Number("Fraction of the hidden states' values that a step of training drops.", low=0, below=1)
    )
    smoothing: float = parameter(
        0.1, Number("Part of the probability that training wants to be spread over all classes.", low=0, below=1)
    )
    warmup: int = parameter(100, Integer("Steps in which the learning rate rises; then it falls to zero.", 0, MANY))
    weight_decay: float = parameter(0.05, Number("Weight decay of matrices and tables.", low=0))
    averaged: int = parameter(3, Integer("Keep the mean of the parameters at the last N measurements.", 1, 1 << 10))
    epochs: int | None = parameter(
        None,
        Integer("Passes over the pictures.", 1, MANY),
        "18, at least 1,900 steps; with max_time as many as there is time for",
    )
    patch: int | None = parameter(
        None, Integer("Side of the squares that pictures are cut into.", 1, MAX_SIDE), "makes at most 64, at least 2"
    )
    pooling: str = parameter(
        "mean", Choice("A picture's vector is the mean of its patches, or a token that looks at them.", POOLINGS)
    )
    image_shape: tuple[int, ...] | None = parameter(
        None, ImageShape("How pictures that are passed as flat rows lie."), "square"
    )
    batch_size: int = parameter(64, Integer("Pictures in a step of training.", 1, MANY))
    shift: float | None = parameter(
        None,
        Number("Most pixels by which each picture of a step is moved at random, each way.", low=0, high=MAX_SIDE),
        "a fourteenth of the shorter side",
    )
    rotate: float = parameter(
        10.0, Number("Most degrees by which each picture of a step is turned at random, either way.", low=0, high=180)
    )
    zoom: float = parameter(
        0.1,
        Number("Make each picture of a step larger or smaller at random, by at most this fraction.", low=0, high=10),
    )
    flip: bool = parameter(False, Flag("Mirror every other picture of a step, left to right."))
    cutout: int = parameter(0, Integer("Hide a square of this side in each picture of a step.", 0, MAX_SIDE))
    held_out: int | None = parameter(
        None, Integer("Pictures that are measured and not trained on.", 1, MANY), "2,000, at most a tenth"
    )
    examples: int = parameter(
        KEPT,
        Integer(
            "Held-out pictures to keep in the folder with what was said of them, the surest mistakes first, so that "
            "they can be looked at; 0 for private pictures.",
            0,
            MOST_EXAMPLES,
        ),
    )
