"""Values of parameters that the user left out: gensim's defaults, or a recipe for the size of the text.

Measured by benchmarks/training/recipes.py; docs/words/training.md has the table.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from w2v.settings.descriptions import GENSIM
from w2v.settings.parameters import Parameters

LITTLE = 3_000_000
"""Texts with fewer tokens train in seconds, so more epochs are worth their time."""
MUCH = 30_000_000
"""Texts with more tokens have enough of the rare words, so stronger subsampling pays for more epochs."""


def best_settings(n_tokens: int) -> dict[str, Any]:
    """Return what the recipe "best" sets for a text of `n_tokens` tokens."""
    if n_tokens < LITTLE:
        sample, epochs = 3e-4, 20
    elif n_tokens < MUCH:
        sample, epochs = 1e-4, 8
    else:
        sample, epochs = 3e-5, 9
    return {"window": 4, "sample": sample, "epochs": epochs, "alpha_hold": 0.6}


def resolve(parameters: Parameters, n_tokens: int) -> Parameters:
    """Return the parameters with those left out set for a text of `n_tokens` tokens."""
    settings = GENSIM if parameters.recipe == "none" else best_settings(n_tokens)
    left_out = {name: value for name, value in settings.items() if getattr(parameters, name) is None}
    return replace(parameters, **left_out)


def describe_recipe(parameters: Parameters, n_tokens: int) -> str:
    """Return a one-line description of what a recipe sets."""
    resolved = resolve(parameters, n_tokens)
    epochs = "" if parameters.max_time else f", epochs {resolved.epochs}"
    held = f"window {resolved.window}, sample {resolved.sample:g}, learning-rate-hold {resolved.alpha_hold:g}"
    return f"{parameters.recipe} for {n_tokens:,} words: {held}{epochs}"
