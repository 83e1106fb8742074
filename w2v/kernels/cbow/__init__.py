"""Compiled code of CBOW: `windows` with any objective, `noise` with negative sampling."""

from w2v.kernels.cbow.noise import (
    apply_gradients,
    make_scratch,
    move_noise,
    positive_errors,
    score_noise,
    sum_noise,
    train_cbow,
)
from w2v.kernels.cbow.windows import Scratch, allocate, compose_inputs, context_means, input_places

__all__ = [
    "Scratch",
    "allocate",
    "apply_gradients",
    "compose_inputs",
    "context_means",
    "input_places",
    "make_scratch",
    "move_noise",
    "positive_errors",
    "score_noise",
    "sum_noise",
    "train_cbow",
]
