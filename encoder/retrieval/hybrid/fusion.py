"""One order of what was found by vectors and by words: a weighted sum of both scores, brought to one range."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from w2v.encoder.retrieval.hits import Hit, Hits

VECTORS = 0.8
"""How much the cosine counts; BM25 counts the rest. Bruch et al. recommend it; benchmarks/hybrid.py finds it best."""

_LEAST_COSINE = -1.0


def fuse(hits: Sequence[Hit]) -> Hits:
    """Return what one query has found, each with its score ``fused``, the best first [1]_.

    Both scores are brought to the range of 0 to 1: from the least that there can be, -1 of a cosine and 0 of BM25, to
    the highest that was found. What has neither ranks nothing. Of equal scores that of the higher cosine is first,
    then what came first.

    Parameters
    ----------
    hits : sequence of Hit
        With ``similarity`` and ``bm25``.

    References
    ----------
    .. [1] Bruch, Gai and Ingber 2023, An Analysis of Fusion Functions for Hybrid Retrieval, ACM TOIS 42(1), who call it
       TM2C2 and find it better than reciprocal rank fusion of Cormack, Clarke and Büttcher 2009, as
       benchmarks/hybrid.py does.
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
    """Return what one query has found, the highest BM25 first, and of equal ones what came first."""
    return Hits(sorted(hits, key=lambda hit: -(hit.bm25 or 0.0)))


def distinct(hits: Sequence[Hit], n: int) -> Hits:
    """Return the first `n` hits, of equal sentences the first."""
    seen: dict[str, Hit] = {}
    for hit in hits:
        if len(seen) == n:
            break
        seen.setdefault(hit.sentence, hit)
    return Hits(seen.values())
