"""Finding sentences: indexes that are kept, the nearest lines of a text, near-duplicates and clusters.

The names below are loaded when they are first used, so that `import encoder.retrieval` is fast.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .clusters import Cluster, Clustering, Member, cluster_sentences
    from .duplicates import Duplicate, mine_duplicates
    from .hits import Hit, Place
    from .index import SentenceIndex
    from .leaders import group_duplicates
    from .similar import SimilarSentence, similar_sentences

_HOME = {
    "Cluster": "clusters",
    "Clustering": "clusters",
    "Duplicate": "duplicates",
    "Hit": "hits",
    "Member": "clusters",
    "Place": "hits",
    "SentenceIndex": "index",
    "SimilarSentence": "similar",
    "cluster_sentences": "clusters",
    "group_duplicates": "leaders",
    "mine_duplicates": "duplicates",
    "similar_sentences": "similar",
}

__all__ = [
    "Cluster",
    "Clustering",
    "Duplicate",
    "Hit",
    "Member",
    "Place",
    "SentenceIndex",
    "SimilarSentence",
    "cluster_sentences",
    "group_duplicates",
    "mine_duplicates",
    "similar_sentences",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r:.80} has no attribute {name!r:.80}")
    return getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted(__all__)
