"""How well an encoder finds the documents that answer a query: nDCG, recall and the rank of the first."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.vectors.ranking import top_rows
from w2v.vectors.table import VectorTable

_QUERIES_AT_ONCE = 256
_DOCUMENTS_AT_ONCE = 1 << 14


@dataclass(frozen=True)
class RankingReport:
    """How high the documents that answer each query stand among all.

    Attributes
    ----------
    ndcg : ndarray of shape (n,), float64
        Normalised discounted cumulative gain [1]_ of each query: 1 if all that can stand at the top do.
    recall : ndarray of shape (n,), float64
        How many of a query's documents are at the top, of those that can be.
    reciprocal_rank : ndarray of shape (n,), float64
        1 / the rank of the first; 0 where none is at the top.
    top_n : int
        How far down is looked.

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
        """What `compare` compares: the mean of `ndcg`."""
        return float(self.ndcg.mean())

    def resampled(self, items: NDArray[np.intp]) -> float:
        """Return the mean nDCG of the queries drawn."""
        return float(self.ndcg[items].mean())

    def __len__(self) -> int:
        return len(self.ndcg)

    def to_dict(self) -> dict[str, Any]:
        """Return the figures in JSON types."""
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
        From n texts to n vectors, of any length.
    queries, documents : sequence of str
    relevant : sequence of collections of int
        For each query the documents that answer it, from 0.
    top_n : int, default 10
        How far down to look.

    Returns
    -------
    RankingReport

    Raises
    ------
    ValueError
        If there is no query, a query has no document or one that does not exist, or `top_n` is less than 1.

    Notes
    -----
    A query or document without a known word has a cosine of 0 with all others.
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
    """Say how good lists of documents are, whatever has made them.

    Parameters
    ----------
    ranked : sequence of sequences of int
        For each query the documents that were found, from 0, the best first.
    relevant, top_n
        See `evaluate_ranking`.

    Returns
    -------
    RankingReport

    Raises
    ------
    ValueError
        As `evaluate_ranking`.
    """
    return _report(ranked, _checked(ranked, relevant, None, top_n), top_n)


def _checked(
    queries: Sequence[Any], relevant: Sequence[Collection[int]], n_documents: int | None, top_n: int
) -> list[set[int]]:
    """Return for each query the documents that answer it."""
    if top_n < 1:
        raise ValueError(f"top_n must be at least 1, not {top_n}")
    if not len(queries) or len(queries) != len(relevant):
        raise ValueError(f"{len(queries)} queries need as many sets of documents, at least one, not {len(relevant)}")
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
