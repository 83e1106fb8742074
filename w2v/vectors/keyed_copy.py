"""A copy of word vectors as gensim's KeyedVectors, in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from w2v.lazy import load_optional

if TYPE_CHECKING:
    from gensim.models import KeyedVectors

    from w2v.vectors.embeddings import Embeddings


def to_gensim(embeddings: Embeddings) -> KeyedVectors:
    """Return a copy as gensim's KeyedVectors or, with n-grams, FastTextKeyedVectors, which know unseen words too.

    Raises ImportError, with the command to install it, without gensim.
    """
    models = load_optional("gensim.models", "to_gensim needs gensim; install it with: pip install gensim")
    subwords = embeddings.subwords
    vectors = np.array(embeddings.vectors, order="C")
    if subwords is None:
        keyed: KeyedVectors = models.KeyedVectors(embeddings.vector_size)
    else:
        settings, new = subwords.subwords, models.fasttext.FastTextKeyedVectors
        keyed = new(embeddings.vector_size, settings.min_n, settings.max_n, bucket=settings.buckets)
        keyed.vectors_ngrams = np.array(subwords.bucket_rows(slice(None)))
        keyed.vectors_vocab = subwords.own_vectors(embeddings.index_to_key, vectors)
    keyed.vectors = vectors
    keyed.index_to_key = list(embeddings.index_to_key)
    keyed.key_to_index = dict(embeddings.key_to_index)
    if embeddings.vocabulary.counts is not None:
        keyed.expandos["count"] = embeddings.vocabulary.counts.copy()
    if subwords is not None:
        keyed.recalc_char_ngram_buckets()
    return keyed
