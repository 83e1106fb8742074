"""nDCG, recall and reciprocal rank beside sums that are written out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from w2v.encoder.evaluation.ranking import evaluate_ranking
from w2v.encoder.evaluation.reports import compare


class Encode:
    """Give texts, which are numbers, rows of a table; count the texts."""

    def __init__(self, table: NDArray[Any]) -> None:
        self.table, self.largest = table, 0

    def __call__(self, texts: list[str]) -> NDArray[Any]:
        self.largest = max(self.largest, len(texts))
        return self.table[[int(text) for text in texts]]


def by_hand(cosines: NDArray[np.float64], relevant: list[set[int]], n: int) -> list[tuple[float, float, float]]:
    rows = []
    for scores, wanted in zip(cosines, relevant, strict=True):
        order = sorted(range(len(scores)), key=lambda document: -scores[document])[:n]
        gain = sum(1 / math.log2(rank + 2) for rank, document in enumerate(order) if document in wanted)
        ideal = sum(1 / math.log2(rank + 2) for rank in range(min(n, len(wanted))))
        ranks = [rank + 1 for rank, document in enumerate(order) if document in wanted]
        rows.append((gain / ideal, len(ranks) / min(n, len(wanted)), 1 / ranks[0] if ranks else 0.0))
    return rows


@pytest.mark.parametrize(("n_queries", "n_documents", "top_n"), [(40, 300, 10), (300, 7, 10), (3, 50, 1)])
def test_figures_are_those_by_hand(n_queries: int, n_documents: int, top_n: int, rng: np.random.Generator) -> None:
    table = rng.normal(size=(n_queries + n_documents, 9))
    queries = list(map(str, range(n_queries)))
    documents = list(map(str, range(n_queries, n_queries + n_documents)))
    relevant = [set(rng.choice(n_documents, rng.integers(1, 7), replace=False).tolist()) for _ in queries]
    report = evaluate_ranking(Encode(table), queries, documents, relevant, top_n=top_n)
    units = table / np.linalg.norm(table, axis=1, keepdims=True)
    expected = np.array(by_hand(units[:n_queries] @ units[n_queries:].T, relevant, top_n))
    found = np.column_stack([report.ndcg, report.recall, report.reciprocal_rank])
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    means = dict(zip(("ndcg", "recall", "mrr"), expected.mean(axis=0).tolist(), strict=True))
    assert report.to_dict() == pytest.approx({"n_queries": n_queries, "top_n": top_n, **means})
    assert report.resampled(np.array([0, 0, 1])) == pytest.approx((2 * expected[0, 0] + expected[1, 0]) / 3)


def test_the_right_order_has_everything_and_reports_compare(rng: np.random.Generator) -> None:
    table = np.eye(6)
    texts = list(map(str, range(6)))
    best = evaluate_ranking(Encode(table), texts, texts, [{i} for i in range(6)])
    worst = evaluate_ranking(Encode(table), texts, texts, [{(i + 1) % 6} for i in range(6)], top_n=1)
    assert best.figure == 1 and (worst.ndcg == 0).all() and (worst.reciprocal_rank == 0).all()
    assert compare([best], [worst]).to_dict()["difference"] == 1
    silent = evaluate_ranking(Encode(np.zeros((6, 6))), texts, texts, [{0}] * 6)
    assert np.isfinite(silent.ndcg).all()


def test_documents_are_encoded_some_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("w2v.encoder.evaluation.ranking._DOCUMENTS_AT_ONCE", 4)
    monkeypatch.setattr("w2v.encoder.evaluation.ranking._QUERIES_AT_ONCE", 3)
    encode, texts = Encode(np.eye(11)), list(map(str, range(11)))
    assert evaluate_ranking(encode, texts, texts, [{i} for i in range(11)]).figure == 1
    assert encode.largest == 4


def test_wrong_input_is_named() -> None:
    encode = Encode(np.eye(3))
    with pytest.raises(ValueError, match="top_n must be at least 1, not 0"):
        evaluate_ranking(encode, ["0"], ["1"], [{0}], top_n=0)
    with pytest.raises(ValueError, match="1 queries need one set of documents each, and at least one query, not 2"):
        evaluate_ranking(encode, ["0"], ["1"], [{0}, {0}])
    for wrong in (set(), {1}, {-1}):
        with pytest.raises(ValueError, match="query 0 needs documents from 0 to 0"):
            evaluate_ranking(encode, ["0"], ["1"], [wrong])
