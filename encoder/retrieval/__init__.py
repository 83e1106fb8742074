"""Finding sentences: indexes that are kept, the nearest lines of a text, near-duplicates and clusters.

The names below are loaded when they are first used, so that `import encoder.retrieval` is fast.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .index import Hit, SentenceIndex
    from .similar import SimilarSentence, similar_sentences

_HOME = {
    "Hit": "index",
    "SentenceIndex": "index",
    "SimilarSentence": "similar",
    "similar_sentences": "similar",
}

__all__ = ["Hit", "SentenceIndex", "SimilarSentence", "similar_sentences"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted(__all__)
