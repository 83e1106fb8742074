"""Sentence search: persistent indexes, the nearest lines of a text, near-duplicates and clusters.

The names below are loaded on first use, so that `import w2v.encoder.retrieval` is fast.
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
    from w2v.encoder.retrieval.index.sharding import index_on_cluster as index_on_cluster
    from w2v.encoder.retrieval.keywords.terms import Keyword as Keyword
    from w2v.encoder.retrieval.keywords.terms import Terms as Terms
    from w2v.encoder.retrieval.keywords.terms import group_keywords as group_keywords
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
    from w2v.encoder.retrieval.topics.dates import read_dates as read_dates
    from w2v.encoder.retrieval.topics.hierarchy import Hierarchy as Hierarchy
    from w2v.encoder.retrieval.topics.hierarchy import Merge as Merge
    from w2v.encoder.retrieval.topics.periods import Period as Period
    from w2v.encoder.retrieval.topics.periods import Periods as Periods
    from w2v.encoder.retrieval.topics.table import TopicRow as TopicRow
    from w2v.encoder.retrieval.topics.table import TopicTable as TopicTable
    from w2v.encoder.retrieval.topics.topics import Topics as Topics

_HOME = {
    "Cluster": "mining.clusters",
    "Clustering": "mining.clusters",
    "CrossEncoder": "reranking.cross_encoder",
    "Duplicate": "mining.duplicates",
    "Hierarchy": "topics.hierarchy",
    "Hit": "hits",
    "Keyword": "keywords.terms",
    "Member": "mining.clusters",
    "Merge": "topics.hierarchy",
    "MinedPair": "mining.pairs",
    "NearText": "neighbors",
    "NearTexts": "neighbors",
    "Period": "topics.periods",
    "Periods": "topics.periods",
    "Place": "hits",
    "SentenceIndex": "index.sentence_index",
    "ShardedIndex": "index.reading.shards",
    "SimilarSentence": "similar",
    "Terms": "keywords.terms",
    "TopicRow": "topics.table",
    "TopicTable": "topics.table",
    "Topics": "topics.topics",
    "cluster_sentences": "mining.clusters",
    "group_duplicates": "mining.leaders",
    "group_keywords": "keywords.terms",
    "index_on_cluster": "index.sharding",
    "merge_indexes": "index.changes.rewriting",
    "mine_duplicates": "mining.duplicates",
    "mine_pairs": "mining.pairs",
    "read_dates": "topics.dates",
    "similar_sentences": "similar",
}

offer(__name__, _HOME)
