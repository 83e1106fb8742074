"""The parameters of image classifiers, for Python and the command line alike."""

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
    """Height, width and optionally channels of pictures that are passed as flat rows."""

    described = "(height, width) or (height, width, channels), whole numbers of at least 1"

    def _allows(self, value: object) -> bool:
        return isinstance(value, tuple) and len(value) in (2, 3) and all(
            type(side) is int and 1 <= side <= MAX_SIDE for side in value
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class ImageParameters(SharedParameters):
    """Everything that decides what an image classifier is and how it is trained.

    Raises
    ------
    ValueError
        If a value is out of range.
    """

    architecture: str = parameter(
        "attention",
        Choice("How patches exchange information: self-attention, a recurrent layer or a convolution.", MIXERS),
    )
    window: int = parameter(3, Integer("Kernel width of a convolution, in patches.", 1, 1 << 10))
    layers: int = parameter(6, Integer("Number of blocks.", 1, MAX_LAYERS))
    dim: int = parameter(
        64, Integer("Width of hidden states and of a picture's vector; a multiple of heads.", 1, 1 << 16)
    )
    positions: str = parameter("learned", Choice("Positional encoding of patches.", DECODED_POSITIONS))
    activation: str = parameter(
        "gelu", Choice("Activation function of the feed-forward network.", ("gelu", "relu", "tanh"))
    )
    dropout: float = parameter(
        0.1, Number("Dropout: the fraction of hidden states dropped at each step.", low=0, below=1)
    )
    smoothing: float = parameter(0.1, Number("Label smoothing.", low=0, below=1))
    warmup: int = parameter(100, Integer("Warm-up steps; afterwards the learning rate falls to zero.", 0, MANY))
    weight_decay: float = parameter(0.05, Number("Weight decay of matrices and tables.", low=0))
    averaged: int = parameter(3, Integer("Average the parameters of the last N evaluations.", 1, 1 << 10))
    epochs: int | None = parameter(
        None,
        Integer("Passes over the pictures.", 1, MANY),
        "16, at least 1,740 steps; with max_time no limit",
    )
    patch: int | None = parameter(
        None, Integer("Side of a patch, in pixels.", 1, MAX_SIDE), "at least 2, for at most 64 patches"
    )
    pooling: str = parameter(
        "mean", Choice("A picture's vector is the mean of its patches, or the hidden state of a class token.", POOLINGS)
    )
    image_shape: tuple[int, ...] | None = parameter(
        None, ImageShape("Shape of pictures that are passed as flat rows."), "square"
    )
    batch_size: int = parameter(64, Integer("Batch size in pictures.", 1, MANY))
    shift: float | None = parameter(
        None,
        Number("Augmentation: shift pictures at random by up to N pixels.", low=0, high=MAX_SIDE),
        "a fourteenth of the shorter side",
    )
    rotate: float = parameter(
        10.0, Number("Augmentation: rotate pictures at random by up to N degrees.", low=0, high=180)
    )
    zoom: float = parameter(
        0.1,
        Number("Augmentation: zoom in or out at random by up to this fraction.", low=0, high=10),
    )
    flip: bool = parameter(False, Flag("Augmentation: mirror half of the pictures at random, left to right."))
    cutout: int = parameter(0, Integer("Augmentation: hide a square of this side, in pixels.", 0, MAX_SIDE))
    held_out: int | None = parameter(
        None, Integer("Number of pictures held out of training for evaluation.", 1, MANY), "2,000, at most a tenth"
    )
    examples: int = parameter(
        KEPT,
        Integer(
            "Store up to N held-out pictures and their predictions in the model folder, the most confident mistakes "
            "first; 0 for private pictures.",
            0,
            MOST_EXAMPLES,
        ),
    )
