"""Names of the variants of a network's parts, for modules that must not import NumPy or Numba."""

from __future__ import annotations

from typing import Literal, get_args

NORMS = ("pre", "post")
"""Whether blocks normalise the input of each sub-layer or its output."""

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

INSIDE_ATTENTION = ("relative", "rotary")
"""Positions that act inside attention only, so that other mixers do not see them."""

ACTIVATIONS = ("gelu", "gelu-tanh", "relu", "tanh")
"""Activations of the feed-forward network; see `w2v.neural.layers.activations`."""

OPTIMIZERS = ("muon", "adam")
"""Optimizers of the matrices of linear layers; see `w2v.neural.optimizers`."""

MIXERS = ("attention", "recurrent", "convolution")
"""Layers that exchange information between the hidden states of a sequence; see `w2v.neural.layers.block`."""

COMPUTE_TYPES = ("float32", "int8")
"""Data types of the products of matrices in inference; see `w2v.neural.fused_inference`."""

POOLINGS = ("mean", "first", "max")
"""How the hidden states of a sequence are pooled; see `w2v.neural.layers.pooling`."""

TEXT_POOLINGS = (*POOLINGS, "max+mean")
"""The poolings of text classifiers, including the concatenation of two of them."""

FIGURES = {"bleu": "BLEU {:.1f}", "f1": "F1 {:.1%}", "accuracy": "accuracy {:.1%}"}
"""Figures measured by trainings besides losses, and their format."""

Judge = Literal["network", "ngrams", "mixture"]
JUDGES: tuple[Judge, ...] = get_args(Judge)
"""How the probability of a text is computed: network, n-grams, or both; see `w2v.neural.tasks.text.mixture`."""
