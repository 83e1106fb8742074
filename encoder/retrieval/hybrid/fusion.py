"""Combine results by vectors and by words into one ranking: a weighted sum of both scores, scaled to the same range."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from w2v.encoder.retrieval.hits import Hit, Hits

VECTORS = 0.8
"""Weight of the cosine; BM25 gets the rest. Bruch et al. recommend it; benchmarks/retrieval/hybrid.py finds it best."""

_LEAST_COSINE = -1.0


def fuse(hits: Sequence[Hit]) -> Hits:
    """Return the results of one query, each with its combined score ``fused``, best first [1]_.

    Both scores are scaled to the range 0 to 1: from the least possible score, -1 for a cosine and 0 for BM25, to the
    highest one found. A score that is the lowest possible for all hits has no effect. Ties go to the higher cosine,
    then to the earlier hit.

    Parameters
    ----------
    hits : sequence of Hit
        With ``similarity`` and ``bm25``.

    References
    ----------
    .. [1] Bruch, Gai and Ingber 2023, An Analysis of Fusion Functions for Hybrid Retrieval, ACM TOIS 42(1), who call it
       TM2C2 and find it better than reciprocal rank fusion of Cormack, Clarke and Büttcher 2009, as
       benchmarks/retrieval/hybrid.py does.
    """
    if not hits:
        return Hits()
    cosines = np.array([hit.similarity for hit in hits]) - _LEAST_COSINE
    bm25 = np.array([hit.bm25 or 0.0 for hit in hits])
    fused = VECTORS * _to_one(cosines) + (1 - VECTORS) * _to_one(bm25)
    order = np.lexsort((np.arange(len(hits)), -cosines, -fused))
    return Hits(hits[i]._replace(fused=float(fused[i])) for i in order.tolist())


def _to_one(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    highest = scores.max()
    return scores / highest if highest > 0 else scores


def by_words(hits: Sequence[Hit]) -> Hits:
    """Return the results of one query sorted by BM25, highest first; ties keep their order."""
    return Hits(sorted(hits, key=lambda hit: -(hit.bm25 or 0.0)))


def distinct(hits: Sequence[Hit], n: int) -> Hits:
    """Return the first `n` hits with distinct sentences; of equal sentences, the first is kept."""
    seen: dict[str, Hit] = {}
    for hit in hits:
        if len(seen) == n:
            break
        seen.setdefault(hit.sentence, hit)
    return Hits(seen.values())
