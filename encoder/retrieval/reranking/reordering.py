"""What a search has found, in the order of a cross-encoder's scores."""

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
    """Return what each query has found in the order of the scores of query and sentence, the highest first.

    Those of equal scores keep their order. `progress` is as for `CrossEncoder.predict`, but a function is called with
    what is done as well.
    """
    pairs = [(query, hit.sentence) for query, hits in zip(queries, found, strict=True) for hit in hits]
    told = partial(progress, "reranking") if callable(progress) else progress
    scores = iter(model.predict(pairs, progress=told).tolist())
    scored = [[hit._replace(reranked=next(scores)) for hit in hits] for hits in found]
    return [Hits(sorted(hits, key=lambda hit: -(hit.reranked or 0.0))) for hits in scored]
