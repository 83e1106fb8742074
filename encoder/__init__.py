"""Sentence vectors: encoders that grow from word vectors, their training and their evaluation.

The names below are loaded when they are first used, so that `import encoder` is fast and needs no compiler.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .fit_options import FitOptions
    from .inference import Encoded
    from .model import SentenceEncoder
    from .state import EncoderState, sif_state
    from .training import fit_encoder

_HOME = {
    "Encoded": "inference",
    "EncoderState": "state",
    "FitOptions": "fit_options",
    "SentenceEncoder": "model",
    "fit_encoder": "training",
    "sif_state": "state",
}

__all__ = ["Encoded", "EncoderState", "FitOptions", "SentenceEncoder", "fit_encoder", "sif_state"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted(__all__)
