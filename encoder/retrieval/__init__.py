"""Finding sentences: indexes that are kept, the nearest lines of a text, near-duplicates and clusters.

The names below are loaded when they are first used, so that `import w2v.encoder.retrieval` is fast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from w2v.lazy import offer

if TYPE_CHECKING:
    from w2v.encoder.retrieval.hits import Hit as Hit
    from w2v.encoder.retrieval.hits import Place as Place
    from w2v.encoder.retrieval.index.changes.rewriting import merge_indexes as merge_indexes
    from w2v.encoder.retrieval.index.reading.shards import ShardedIndex as ShardedIndex
    from w2v.encoder.retrieval.index.sentence_index import SentenceIndex as SentenceIndex
    from w2v.encoder.retrieval.mining.clusters import Cluster as Cluster
    from w2v.encoder.retrieval.mining.clusters import Clustering as Clustering
    from w2v.encoder.retrieval.mining.clusters import Member as Member
    from w2v.encoder.retrieval.mining.clusters import cluster_sentences as cluster_sentences
    from w2v.encoder.retrieval.mining.duplicates import Duplicate as Duplicate
    from w2v.encoder.retrieval.mining.duplicates import mine_duplicates as mine_duplicates
    from w2v.encoder.retrieval.mining.leaders import group_duplicates as group_duplicates
    from w2v.encoder.retrieval.mining.pairs import MinedPair as MinedPair
    from w2v.encoder.retrieval.mining.pairs import mine_pairs as mine_pairs
    from w2v.encoder.retrieval.neighbors import NearText as NearText
    from w2v.encoder.retrieval.neighbors import NearTexts as NearTexts
    from w2v.encoder.retrieval.reranking.cross_encoder import CrossEncoder as CrossEncoder
    from w2v.encoder.retrieval.similar import SimilarSentence as SimilarSentence
    from w2v.encoder.retrieval.similar import similar_sentences as similar_sentences

_HOME = {
    "Cluster": "mining.clusters",
    "Clustering": "mining.clusters",
    "CrossEncoder": "reranking.cross_encoder",
    "Duplicate": "mining.duplicates",
    "Hit": "hits",
    "Member": "mining.clusters",
    "MinedPair": "mining.pairs",
    "NearText": "neighbors",
    "NearTexts": "neighbors",
    "Place": "hits",
    "SentenceIndex": "index.sentence_index",
    "ShardedIndex": "index.reading.shards",
    "SimilarSentence": "similar",
    "cluster_sentences": "mining.clusters",
    "group_duplicates": "mining.leaders",
    "merge_indexes": "index.changes.rewriting",
    "mine_duplicates": "mining.duplicates",
    "mine_pairs": "mining.pairs",
    "similar_sentences": "similar",
}

offer(__name__, _HOME)
