"""Word vectors: training, queries, persistence and evaluation.

The names below are loaded when they are first used, so that `import w2v` is fast and needs no compiler.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._files import ModelError
    from .embeddings import Embeddings
    from .history import TrainingInterrupted
    from .models import Word2Vec
    from .monitor import CallbackError, Every, TrainingView
    from .parameters import Parameters
    from .phrase_list import ENGLISH_CONNECTOR_WORDS, PhraseList, PhraseTokenizer
    from .phrases import Phrases
    from .trainer import DivergenceError
    from .vocabulary import UnknownWordError, Vocabulary

_HOME = {
    "CallbackError": "monitor",
    "Every": "monitor",
    "TrainingView": "monitor",
    "DivergenceError": "trainer",
    "ENGLISH_CONNECTOR_WORDS": "phrase_list",
    "Embeddings": "embeddings",
    "ModelError": "_files",
    "Parameters": "parameters",
    "PhraseList": "phrase_list",
    "PhraseTokenizer": "phrase_list",
    "Phrases": "phrases",
    "TrainingInterrupted": "history",
    "UnknownWordError": "vocabulary",
    "Vocabulary": "vocabulary",
    "Word2Vec": "models",
}

__all__ = [
    "ENGLISH_CONNECTOR_WORDS",
    "CallbackError",
    "Every",
    "TrainingView",
    "DivergenceError",
    "Embeddings",
    "ModelError",
    "Parameters",
    "PhraseList",
    "PhraseTokenizer",
    "Phrases",
    "TrainingInterrupted",
    "UnknownWordError",
    "Vocabulary",
    "Word2Vec",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted(__all__)
