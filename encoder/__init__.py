"""Sentence vectors: encoders that grow from word vectors, their training and their evaluation.

The names below are loaded when they are first used, so that `import w2v.encoder` is fast and needs no compiler.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from w2v.encoder.model.inference import Encoded
    from w2v.encoder.model.state import EncoderState, sif_state
    from w2v.encoder.sentence_encoder import SentenceEncoder
    from w2v.encoder.training.fit_options import FitOptions
    from w2v.encoder.training.training import fit_encoder

_HOME = {
    "Encoded": "model.inference",
    "EncoderState": "model.state",
    "FitOptions": "training.fit_options",
    "SentenceEncoder": "sentence_encoder",
    "fit_encoder": "training.training",
    "sif_state": "model.state",
}

__all__ = ["Encoded", "EncoderState", "FitOptions", "SentenceEncoder", "fit_encoder", "sif_state"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted(__all__)
