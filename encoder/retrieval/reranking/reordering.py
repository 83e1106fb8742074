"""Sort search results by the scores of a cross-encoder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from w2v.encoder.retrieval.hits import Hit, Hits
from w2v.encoder.retrieval.reranking.cross_encoder import CrossEncoder

Progress = Callable[[str, int, "int | None"], None]


def rerank(
    model: CrossEncoder,
    queries: Sequence[str],
    found: Sequence[Sequence[Hit]],
    progress: Progress | bool | str | None = None,
) -> list[Hits]:
    """Return the results of each query sorted by the cross-encoder's scores of query and sentence, highest first.

    Ties keep their order. `progress` is as for `CrossEncoder.predict`, except that a function is also called with the
    name of the step.
    """
    pairs = [(query, hit.sentence) for query, hits in zip(queries, found, strict=True) for hit in hits]
    told = partial(progress, "reranking") if callable(progress) else progress
    scores = iter(model.predict(pairs, progress=told).tolist())
    scored = [[hit._replace(reranked=next(scores)) for hit in hits] for hits in found]
    return [Hits(sorted(hits, key=lambda hit: -(hit.reranked or 0.0))) for hits in scored]
