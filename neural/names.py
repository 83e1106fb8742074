"""What the kinds of a network's parts are called, for those who offer them without importing NumPy or Numba."""

from __future__ import annotations

from typing import Literal, get_args

NORMS = ("pre", "post")
"""Whether blocks normalise what they read or what they give."""

POSITIONS = (
    "none",
    "index",
    "fraction",
    "sinusoidal",
    "learned",
    "learned+relative",
    "relative",
    "rotary",
    "sinusoidal+rotary",
)
"""See `w2v.neural.layers.positions`."""

ACTIVATIONS = ("gelu", "gelu-tanh", "relu", "tanh")
"""What a feed-forward network may have between its layers; see `w2v.neural.layers.activations`."""

MIXERS = ("attention", "recurrent", "convolution")
"""What lets the hidden states of a sequence see each other; see `w2v.neural.layers.block`."""

COMPUTE_TYPES = ("float32", "int8")
"""Data types of the products of matrices in inference; see `w2v.neural.fused_inference`."""

POOLINGS = ("mean", "first", "max")
"""How the hidden states of a sequence become one; see `w2v.neural.layers.pooling`."""

TEXT_POOLINGS = (*POOLINGS, "max+mean")
"""The same of classifiers of texts, with two of them side by side."""

FIGURES = {"bleu": "BLEU {:.1f}", "f1": "F1 {:.1%}", "accuracy": "accuracy {:.1%}"}
"""What trainings measure besides losses, and how it is shown."""

Judge = Literal["network", "ngrams", "mixture"]
JUDGES: tuple[Judge, ...] = get_args(Judge)
"""What says how probable a text is: a network, the n-grams beside it, or both; see `w2v.neural.tasks.text.mixture`."""
