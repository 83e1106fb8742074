"""How well an encoder finds the documents that answer a query: nDCG, recall and the reciprocal rank."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.settings.constraints import whole_number
from w2v.vectors.ranking import top_rows
from w2v.vectors.table import VectorTable

_QUERIES_AT_ONCE = 256
_DOCUMENTS_AT_ONCE = 1 << 14


@dataclass(frozen=True)
class RankingReport:
    """How high the relevant documents of each query rank among all documents.

    Attributes
    ----------
    ndcg : ndarray of shape (n,), float64
        Normalised discounted cumulative gain [1]_ of each query: 1 if the relevant documents fill the top ranks.
    recall : ndarray of shape (n,), float64
        Number of a query's relevant documents at the top, as a fraction of the possible number.
    reciprocal_rank : ndarray of shape (n,), float64
        1 / the rank of the first relevant document; 0 if none is at the top.
    top_n : int
        Number of ranks that count as the top.

    References
    ----------
    .. [1] Järvelin and Kekäläinen 2002, Cumulated gain-based evaluation of IR techniques, ACM TOIS.
    """

    ndcg: NDArray[np.float64]
    recall: NDArray[np.float64]
    reciprocal_rank: NDArray[np.float64]
    top_n: int

    @property
    def figure(self) -> float:
        """The figure that `compare` uses: the mean of `ndcg`."""
        return float(self.ndcg.mean())

    def resampled(self, items: NDArray[np.intp]) -> float:
        """Return the mean nDCG of the resampled queries."""
        return float(self.ndcg[items].mean())

    def __len__(self) -> int:
        return len(self.ndcg)

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON values."""
        return {
            "n_queries": len(self),
            "top_n": self.top_n,
            "ndcg": self.figure,
            "recall": float(self.recall.mean()),
            "mrr": float(self.reciprocal_rank.mean()),
        }


def evaluate_ranking(
    encode: Callable[[list[str]], NDArray[Any]],
    queries: Sequence[str],
    documents: Sequence[str],
    relevant: Sequence[Collection[int]],
    *,
    top_n: int = 10,
) -> RankingReport:
    """Rank all documents for each query by the cosines of their vectors.

    Parameters
    ----------
    encode : callable
        Maps n texts to n vectors, of any length.
    queries, documents : sequence of str
    relevant : sequence of collections of int
        The relevant documents of each query, numbered from 0.
    top_n : int, default 10
        Number of ranks that count as the top.

    Returns
    -------
    RankingReport

    Raises
    ------
    ValueError
        If there is no query, a query has no relevant document or one that does not exist, or `top_n` is below 1.

    Notes
    -----
    A query or document without a known word has cosine 0 with all others.
    """
    wanted = _checked(queries, relevant, len(documents), top_n)
    starts = range(0, len(documents), _DOCUMENTS_AT_ONCE)
    rows = [encode(list(documents[start : start + _DOCUMENTS_AT_ONCE])) for start in starts]
    table = VectorTable(np.concatenate(rows).astype(np.float32, copy=False))
    ranked: list[list[int]] = []
    for start in range(0, len(queries), _QUERIES_AT_ONCE):
        vectors = encode(list(queries[start : start + _QUERIES_AT_ONCE]))
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        units = (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32)
        _, best = top_rows(units, table, slice(0, len(documents)), top_n)
        ranked += best.tolist()
    return _report(ranked, wanted, top_n)


def evaluate_ranked(
    ranked: Sequence[Sequence[int]], relevant: Sequence[Collection[int]], *, top_n: int = 10
) -> RankingReport:
    """Evaluate ranked lists of documents, however they were produced.

    Parameters
    ----------
    ranked : sequence of sequences of int
        The documents found for each query, numbered from 0, best first.
    relevant, top_n
        See `evaluate_ranking`.

    Returns
    -------
    RankingReport

    Raises
    ------
    ValueError
        As for `evaluate_ranking`.
    """
    return _report(ranked, _checked(ranked, relevant, None, top_n), top_n)


def _checked(
    queries: Sequence[Any], relevant: Sequence[Collection[int]], n_documents: int | None, top_n: int
) -> list[set[int]]:
    """Return the set of relevant documents of each query."""
    whole_number("top_n", top_n, 1)
    if not len(queries) or len(queries) != len(relevant):
        raise ValueError(
            f"{len(queries)} queries need one set of documents each, and at least one query, not {len(relevant)}"
        )
    wanted = [set(some) for some in relevant]
    for number, some in enumerate(wanted):
        if not some or min(some) < 0 or (n_documents is not None and max(some) >= n_documents):
            last = "on" if n_documents is None else f"to {n_documents - 1}"
            raise ValueError(f"query {number} needs documents from 0 {last}, not {sorted(some)}")
    return wanted


def _report(ranked: Sequence[Sequence[int]], wanted: Sequence[set[int]], top_n: int) -> RankingReport:
    found = np.zeros((len(ranked), top_n), bool)
    for place, (rows, its) in enumerate(zip(ranked, wanted, strict=True)):
        chosen = list(rows)[:top_n]
        found[place, : len(chosen)] = [row in its for row in chosen]
    discounts = 1 / np.log2(np.arange(2, top_n + 2))
    most = np.minimum(top_n, [len(some) for some in wanted])
    ideal = np.cumsum(discounts)[most - 1]
    first = np.where(found.any(axis=1), 1 / (found.argmax(axis=1) + 1.0), 0.0)
    return RankingReport(found @ discounts / ideal, found.sum(axis=1) / most, first, top_n)
