"""Finding sentences: indexes that are kept, the nearest lines of a text, near-duplicates and clusters.

The names below are loaded when they are first used, so that `import w2v.encoder.retrieval` is fast.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from w2v.encoder.retrieval.hits import Hit, Place
    from w2v.encoder.retrieval.index.sentence_index import SentenceIndex
    from w2v.encoder.retrieval.mining.clusters import Cluster, Clustering, Member, cluster_sentences
    from w2v.encoder.retrieval.mining.duplicates import Duplicate, mine_duplicates
    from w2v.encoder.retrieval.mining.leaders import group_duplicates
    from w2v.encoder.retrieval.similar import SimilarSentence, similar_sentences

_HOME = {
    "Cluster": "mining.clusters",
    "Clustering": "mining.clusters",
    "Duplicate": "mining.duplicates",
    "Hit": "hits",
    "Member": "mining.clusters",
    "Place": "hits",
    "SentenceIndex": "index.sentence_index",
    "SimilarSentence": "similar",
    "cluster_sentences": "mining.clusters",
    "group_duplicates": "mining.leaders",
    "mine_duplicates": "mining.duplicates",
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
