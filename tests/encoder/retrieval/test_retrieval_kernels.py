"""Products with stored rows in compiled code, and the nearest rows that they give."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from w2v.encoder.retrieval.index import exact
from w2v.encoder.retrieval.index.exact import nearest_rows
from w2v.encoder.retrieval.index.products import multiply_rows
from w2v.kernels.simd import LANES
from w2v.vectors.ranking import top_rows
from w2v.vectors.table import DTYPES, DType, VectorTable


def as_numba_has_it(stored: Any) -> Any:
    return (stored.view(np.uint16) if stored.dtype == np.float16 else stored).reshape(-1)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("width", [LANES, LANES + 1, 2 * LANES - 1, 2 * LANES, 3 * LANES, 5 * LANES + 3])
def test_multiply_rows_is_the_product_of_widened_numbers(rng: np.random.Generator, dtype: DType, width: int) -> None:
    table = VectorTable(rng.normal(size=(23, width)).astype(np.float32)).astype(dtype)
    queries = rng.normal(size=(3, width)).astype(np.float32)
    products = np.full((3, 23), np.nan, np.float32)
    multiply_rows(as_numba_has_it(table.stored), width, queries.reshape(-1), 3, 2, 20, products)
    assert np.isnan(products[:, :2]).all() and np.isnan(products[:, 20:]).all()
    expected = queries.astype(np.float64) @ table.stored[2:20].astype(np.float64).T
    scale = np.abs(queries).astype(np.float64) @ np.abs(table.stored[2:20].astype(np.float64)).T
    assert (np.abs(products[:, 2:20] - expected) <= 2e-6 * scale).all()


def test_multiply_rows_widens_every_finite_float16() -> None:
    every = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    every = every[np.isfinite(every)]
    rows = np.zeros((len(every), LANES), np.float16)
    rows[:, LANES // 2] = every
    products = np.empty((1, len(every)), np.float32)
    multiply_rows(as_numba_has_it(rows), LANES, np.ones(LANES, np.float32), 1, 0, len(every), products)
    np.testing.assert_array_equal(products[0], every.astype(np.float32))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n_queries", [1, 5, 17])
def test_nearest_rows_are_the_top_rows(
    rng: np.random.Generator, dtype: DType, n_queries: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exact, "_ROWS_OF_A_TASK", 70)
    rows = rng.normal(size=(300, 37)).astype(np.float32)
    rows[9] = rows[3]
    table = VectorTable(rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(dtype)
    queries = rows[:n_queries] / np.linalg.norm(rows[:n_queries], axis=1, keepdims=True)
    for part, n in ((slice(0, 300), 12), (slice(90, 300), 5), (slice(10, 60), 3), (slice(0, 300), 400)):
        scores, found = nearest_rows(queries, table, part, n)
        expected_scores, expected = top_rows(queries, table, part, n)
        np.testing.assert_allclose(scores, expected_scores, atol=2e-6)
        same = found == expected
        assert same.mean() > 0.99 and (np.abs(scores - expected_scores)[~same] < 2e-6).all()
