"""Word vectors: training, queries, persistence and evaluation.

The names below are loaded when they are first used, so that `import w2v` is fast and needs no compiler.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from w2v.encoder.retrieval.index.sentence_index import SentenceIndex
    from w2v.encoder.sentence_encoder import SentenceEncoder
    from w2v.encoding.vocabulary import UnknownWordError, Vocabulary
    from w2v.monitoring.history import TrainingInterrupted
    from w2v.neural.tasks.language_model import LanguageModel
    from w2v.neural.tasks.translation import Translator
    from w2v.phrases.estimator import Phrases
    from w2v.phrases.phrase_list import ENGLISH_CONNECTOR_WORDS, PhraseList, PhraseTokenizer
    from w2v.settings.parameters import Parameters
    from w2v.storage.files import ModelError
    from w2v.training.monitor import CallbackError, Every, TrainingView
    from w2v.training.trainer import DivergenceError
    from w2v.training.word2vec import Word2Vec
    from w2v.vectors.embeddings import Embeddings

__version__ = "0.1.0"

_HOME = {
    "CallbackError": "training.monitor",
    "Every": "training.monitor",
    "TrainingView": "training.monitor",
    "DivergenceError": "training.trainer",
    "ENGLISH_CONNECTOR_WORDS": "phrases.phrase_list",
    "Embeddings": "vectors.embeddings",
    "LanguageModel": "neural.tasks.language_model",
    "ModelError": "storage.files",
    "Parameters": "settings.parameters",
    "PhraseList": "phrases.phrase_list",
    "PhraseTokenizer": "phrases.phrase_list",
    "Phrases": "phrases.estimator",
    "SentenceEncoder": "encoder.sentence_encoder",
    "SentenceIndex": "encoder.retrieval.index.sentence_index",
    "TrainingInterrupted": "monitoring.history",
    "Translator": "neural.tasks.translation",
    "UnknownWordError": "encoding.vocabulary",
    "Vocabulary": "encoding.vocabulary",
    "Word2Vec": "training.word2vec",
}

__all__ = [
    "ENGLISH_CONNECTOR_WORDS",
    "CallbackError",
    "Every",
    "TrainingView",
    "DivergenceError",
    "Embeddings",
    "LanguageModel",
    "ModelError",
    "Parameters",
    "PhraseList",
    "PhraseTokenizer",
    "Phrases",
    "SentenceEncoder",
    "SentenceIndex",
    "TrainingInterrupted",
    "Translator",
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
