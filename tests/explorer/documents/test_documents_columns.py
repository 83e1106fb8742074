"""Columns of metadata, cut into bins."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from w2v.explorer.documents.columns import MOST_BINS, make_column


def test_make_column_of_categories_has_the_most_frequent_first() -> None:
    column = make_column("x", ["b", "a", "b", "", None, "c", "b", "c"])
    assert (column.kind, column.bins) == ("category", ["b", "c", "a", "(none)"])
    assert column.codes.tolist() == [0, 2, 0, 3, 3, 1, 0, 1]


def test_make_column_puts_rare_categories_together() -> None:
    values = [f"v{i:02}" for i in range(60) for _ in range(60 - i)] + [""]
    column = make_column("x", values)
    assert len(column.bins) == MOST_BINS
    assert column.bins[:2] == ["v00", "v01"]
    assert column.bins[-2:] == ["others", "(none)"]
    shown = dict(zip(values, column.codes.tolist(), strict=True))
    assert shown["v21"] == 21
    assert shown["v22"] == shown["v59"] == MOST_BINS - 2
    assert shown[""] == MOST_BINS - 1


def test_make_column_of_numbers_has_bins_of_one_round_width(rng: np.random.Generator) -> None:
    values = [*rng.uniform(0, 100, 2000).round(2).tolist(), None, float("nan"), 1e9, -1e9]
    column = make_column("x", values)
    assert column.kind == "number"
    assert column.bins[-1] == "(none)"
    assert (column.codes[2000:2002] == len(column.bins) - 1).all()
    assert column.codes[2002] == len(column.bins) - 2
    assert column.codes[2003] == 0
    for value, code in zip(values[:2000], column.codes[:2000].tolist(), strict=True):
        if 0 < code < len(column.bins) - 2:
            low, high = map(float, column.bins[code].split("–"))
            assert low <= value < high
    assert len({float(name.split("–")[1]) - float(name.split("–")[0]) for name in column.bins[1:-2]}) == 1


FIVES = [f"{year}–{year + 4}" for year in range(1960, 2015, 5)]


@pytest.mark.parametrize(
    ("values", "kind", "bins"),
    [
        (["3", "10", "3", 2], "number", ["2", "3", "10"]),
        ([True, False, True], "category", ["True", "False"]),
        (["2026-11-30", "2026-12-01"], "date", ["2026-11-30", "2026-12-01"]),
        ([f"2026-{m:02}-{d:02}" for m in (1, 2) for d in range(1, 28)], "date", ["2026-01", "2026-02"]),
        ([f"{y}-05-01" for y in range(1961, 2021)], "date", [*FIVES, "2015 or more"]),
        ([None, ""], "category", ["(none)"]),
    ],
)
def test_make_column_knows_kinds(values: list[Any], kind: str, bins: list[str]) -> None:
    column = make_column("x", values)
    assert (column.kind, column.bins) == (kind, bins)
    assert np.bincount(column.codes, minlength=len(bins)).min() > 0
