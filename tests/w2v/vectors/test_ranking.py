"""Exact search, block by block, against sorting everything."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import w2v.vectors.ranking
from w2v.vectors.ranking import best_rows, cosines, inverse_row_norms, top_rows
from w2v.vectors.table import DTYPES, DType, VectorTable


@pytest.fixture(autouse=True, params=[60, 1 << 19])
def scores_at_a_time(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Search in many small blocks, and in one."""
    monkeypatch.setattr(w2v.vectors.ranking, "_BLOCK_SCORES", request.param)


def make_table(rng: np.random.Generator, n: int = 200, size: int = 7, dtype: DType = "float32") -> VectorTable:
    return VectorTable.from_numbers(rng.normal(size=(n, size)) * rng.uniform(0.1, 5, (n, 1))).astype(dtype)


def make_queries(rng: np.random.Generator, n: int, size: int = 7) -> np.ndarray:
    queries = rng.normal(size=(n, size))
    return np.asarray(queries / np.linalg.norm(queries, axis=1)[:, None], dtype=np.float32)


def naive_cosines(queries: np.ndarray, table: VectorTable) -> np.ndarray:
    rows = table.rows(slice(None)).astype(np.float64)
    return np.asarray(queries.astype(np.float64) @ (rows / np.linalg.norm(rows, axis=1)[:, None]).T)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n_queries", [1, 5, 100])  # 100 takes the way of many queries
def test_top_rows_are_those_of_a_full_sort(rng: np.random.Generator, dtype: DType, n_queries: int) -> None:
    table, queries = make_table(rng, dtype=dtype), make_queries(rng, n_queries)
    expected = naive_cosines(queries, table)
    scores, rows = top_rows(queries, table, slice(None), 9)
    np.testing.assert_array_equal(rows, np.argsort(-expected, axis=1)[:, :9])
    np.testing.assert_allclose(scores, -np.sort(-expected, axis=1)[:, :9], atol=2e-6)


@pytest.mark.parametrize("dtype", DTYPES)
def test_cosines_are_those_of_numpy(rng: np.random.Generator, dtype: DType) -> None:
    table, queries = make_table(rng, dtype=dtype), make_queries(rng, 3)
    expected = naive_cosines(queries, table)
    np.testing.assert_allclose(cosines(queries, table, slice(None)), expected, atol=2e-6)
    np.testing.assert_allclose(cosines(queries[1], table, slice(20, 90)), expected[1, 20:90], atol=2e-6)


@given(
    rows=st.lists(st.tuples(st.integers(-2, 2), st.integers(-2, 2)), min_size=1, max_size=60),
    n=st.integers(0, 70),
    block=st.integers(1, 40),
)
def test_top_rows_of_equal_score_come_in_their_order(rows: list[tuple[int, int]], n: int, block: int) -> None:
    table = VectorTable.from_numbers(np.array(rows))
    queries = np.eye(2, dtype=np.float32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(w2v.vectors.ranking, "_BLOCK_SCORES", block)
        scores, found = top_rows(queries, table, slice(None), n)
        expected = cosines(queries, table, slice(None))
    n = min(n, len(rows))
    order = np.argsort(-expected, axis=1, kind="stable")[:, :n]
    np.testing.assert_array_equal(found, order)
    np.testing.assert_array_equal(scores, np.take_along_axis(expected, order, axis=1))


def test_top_rows_when_every_block_is_better_than_the_last(rng: np.random.Generator) -> None:
    angles = np.linspace(3, 0.01, 500)
    table = VectorTable.from_numbers(np.column_stack([np.cos(angles), np.sin(angles)]))
    queries = np.array([[1, 0], [0, 1]], dtype=np.float32)
    _, found = top_rows(queries, table, slice(None), 30)
    np.testing.assert_array_equal(found[0], np.arange(499, 469, -1))
    np.testing.assert_array_equal(found, np.argsort(-naive_cosines(queries, table), axis=1)[:, :30])


def test_top_rows_leave_out_rows_that_are_not_finite_and_those_not_asked_for() -> None:
    table = VectorTable.from_numbers(np.array([[1, 0], [np.nan, 1], [0, 0], [np.inf, 1], [-1, 0], [2, 0]]))
    scores, rows = top_rows(np.array([[1, 0]], dtype=np.float32), table, slice(None), 6)
    assert rows.tolist() == [[0, 5, 2, 4, -1, -1]]
    assert scores.tolist() == [[1, 1, 0, -1, -np.inf, -np.inf]]
    assert top_rows(np.array([[1, 0]], dtype=np.float32), table, slice(1, 5), 6)[1].tolist() == [[2, 4, -1, -1]]
    assert top_rows(np.zeros((0, 2), dtype=np.float32), table, slice(None), 2)[1].shape == (0, 2)


def test_best_rows_leave_out_nan() -> None:
    scores = np.array([0.5, np.nan, 2, -np.inf, 0.5, 1], dtype=np.float32)
    assert best_rows(scores, 3).tolist() == [2, 5, 0]
    assert best_rows(scores, 6).tolist() == [2, 5, 0, 4]
    assert best_rows(scores, 0).tolist() == []


@pytest.mark.parametrize("n", [1, 10, 30, 5000])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.999, 1.0])
def test_best_rows_of_many_are_those_of_a_whole_sort(rng: np.random.Generator, n: int, share: float) -> None:
    scores = rng.integers(-300, 300, 10_001).astype(np.float32)  # with many ties
    scores[rng.random(len(scores)) < share] = np.nan
    scores[rng.random(len(scores)) < 0.1] = -np.inf
    usable = np.flatnonzero(scores > -np.inf)
    expected = usable[np.argsort(-scores[usable], kind="stable")][:n]
    assert best_rows(scores, n).tolist() == expected.tolist()


def test_inverse_row_norms_at_the_limits_of_float32() -> None:
    vectors = np.array([[3, 4], [0, 0], [3e30, 4e30], [3e-30, 4e-30], [np.nan, 0], [1, -np.inf], [1e-45, 0]])
    inverse = inverse_row_norms(vectors.astype(np.float32))
    np.testing.assert_allclose(inverse[:4], [0.2, 0, 2e-31, 2e29], rtol=1e-6)
    assert np.isnan(inverse[4:6]).all() and inverse[6] == np.finfo(np.float32).max
