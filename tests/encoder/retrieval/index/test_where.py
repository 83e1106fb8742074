"""Conditions on metadata: what they choose beside Python's own answer, and what their errors point at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from w2v.corpora.tables.typed import Column, Kind, column_of
from w2v.encoder.retrieval.index.records.where import WhereError, parse_where

N = 300
Row = dict[str, Any]


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    """Return rows of which a quarter of the values are missing."""
    rng = np.random.default_rng(5)
    columns: dict[str, list[Any]] = {
        "year": rng.integers(1998, 2006, N).tolist(),
        "score": (rng.integers(0, 8, N) / 4).tolist(),
        "lang": rng.choice(["de", "en", "it's", "DE"], N).tolist(),
        "ok": rng.integers(0, 2, N).astype(bool).tolist(),
        "in": rng.integers(0, 3, N).tolist(),
        "nothing": [None] * N,
    }
    gone = rng.random((N, len(columns))) < 0.25
    return [
        {name: None if gone[row, k] else values[row] for k, (name, values) in enumerate(columns.items())}
        for row in range(N)
    ]


@pytest.fixture(scope="module")
def table(rows: list[Row]) -> dict[str, Column]:
    return {name: column_of([row[name] for row in rows], name, str) for name in rows[0]}


def known(value: Any, test: Callable[[Any], bool]) -> bool:
    """Say whether a value is there and meets a test."""
    return value is not None and test(value)


CONDITIONS: list[tuple[str, Callable[[Row], bool]]] = [
    ("year >= 2000", lambda row: known(row["year"], lambda year: year >= 2000)),
    ("2000<=year<2003", lambda row: known(row["year"], lambda year: 2000 <= year < 2003)),
    ("2001.5 > year", lambda row: known(row["year"], lambda year: year < 2001.5)),
    ("year = +2e3", lambda row: row["year"] == 2000),
    ("year != 2000", lambda row: row["year"] != 2000),
    ("not year = 2000", lambda row: row["year"] != 2000),
    ("not not year < 2000", lambda row: known(row["year"], lambda year: year < 2000)),
    ("year > 1000000000000000000000000", lambda row: False),
    ("score == .25 or score==1", lambda row: row["score"] in (0.25, 1)),
    ("score > -1", lambda row: row["score"] is not None),
    ("lang == 'it''s'", lambda row: row["lang"] == "it's"),
    ('lang == "it\'s"', lambda row: row["lang"] == "it's"),
    ("lang < 'de'", lambda row: known(row["lang"], lambda lang: lang < "de")),
    ("lang in ('de', 'en')", lambda row: row["lang"] in ("de", "en")),
    ("lang not in ('de','xx')", lambda row: row["lang"] != "de"),
    ("year in (2000, 2001.0, 5)", lambda row: row["year"] in (2000, 2001)),
    ("year NOT IN (2000)", lambda row: row["year"] != 2000),
    ("lang is missing", lambda row: row["lang"] is None),
    ("lang IS NOT NULL and nothing is missing", lambda row: row["lang"] is not None),
    ("nothing == 'x' or nothing > 5", lambda row: False),
    ("nothing != 5", lambda row: True),
    ("ok", lambda row: row["ok"] is True),
    ("not ok", lambda row: row["ok"] is not True),
    ("ok == false and true == ok or ok != true", lambda row: row["ok"] is not True),
    ("`in` == 1", lambda row: row["in"] == 1),
    (
        "(year < 2001 or year > 2003) and (not lang = 'de' and ok)",
        lambda row: (
            known(row["year"], lambda year: not 2001 <= year <= 2003) and row["lang"] != "de" and bool(row["ok"])
        ),
    ),
    ("ok or ok and year is missing", lambda row: row["ok"] is True),
]


@pytest.mark.parametrize(("condition", "expected"), CONDITIONS, ids=[text for text, _ in CONDITIONS])
def test_condition_chooses_what_python_would(
    rows: list[Row], table: dict[str, Column], condition: str, expected: Callable[[Row], bool]
) -> None:
    kinds: dict[str, Kind] = {name: column.kind for name, column in table.items()}
    assert parse_where(condition, kinds).mask(table.__getitem__).tolist() == [expected(row) for row in rows]


@pytest.mark.parametrize(
    ("condition", "position", "message"),
    [
        ("", 1, "expected a column or a value, not the end"),
        ("year >", 7, "expected a column or a value, not the end"),
        ("yeer > 5", 1, "there is no column 'yeer'; columns are year, lang, ok; did you mean 'year'"),
        ("lang == de", 9, "there is no column 'de'; columns are year, lang, ok; put text in quotes, as in 'de'"),
        ("year > 'a'", 8, "the column 'year' contains integers, so it cannot be compared with 'a'"),
        ("ok == 1", 7, "the column 'ok' contains true or false, so it cannot be compared with 1"),
        ("lang in ('a', 5)", 15, "the column 'lang' contains text, so it cannot be compared with 5"),
        ("lang in 'a'", 9, "expected values in parentheses"),
        ("lang in ('a' 'b')", 14, "expected a comma or a closing parenthesis"),
        ("lang in ()", 10, r"expected a column or a value, not '\)'"),
        ("(year > 5", 10, "a parenthesis is not closed"),
        ("year > 5)", 9, r"expected and, or, or the end, not '\)'"),
        ("year > 5 year", 10, "expected and, or, or the end, not 'year'"),
        ("lang", 1, "the column 'lang' is not compared with anything"),
        ("5", 1, "5 is not compared with anything"),
        ("5 > 4", 5, "compare a column with a value"),
        ("year > lang", 8, "compare a column with a value"),
        ("year is 5", 9, "expected missing"),
        ("year not 5", 10, "expected in, as in: not in"),
        ("lang == 'a", 9, "an unclosed quote"),
        ("year > 5 & ok", 10, "'&' is not allowed here"),
        ("__import__('os')", 1, "there is no column '__import__'"),
        ("year > 2000x", 8, "'2' is not allowed here"),
        ("(" * 150 + "ok" + ")" * 150, 102, "more than 100 nested parentheses"),
    ],
)
def test_condition_that_is_wrong_is_pointed_at(condition: str, position: int, message: str) -> None:
    with pytest.raises(WhereError, match=f"at position {position}: {message}"):
        parse_where(condition, {"year": "integer", "lang": "text", "ok": "boolean"})
