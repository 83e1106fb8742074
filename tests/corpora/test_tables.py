"""Tables: types of columns, and files of records that are read or refused with their place."""

from __future__ import annotations

import gzip
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from w2v.corpora.readers import CorpusError
from w2v.corpora.tables.files import Records, read_records, read_texts
from w2v.corpora.tables.given import given_records, texts_and_records
from w2v.corpora.tables.typed import Column, Kind, Texts, ValueTypeError, column_of, joined

MANY: list[Any] = ["b", None, "a", "b", "ü", ""]


def column(values: list[Any]) -> Column:
    return column_of(values, "x", lambda number: f"record {number + 1}")


def columns(records: Records | None, kinds: dict[str, Kind] | None = None) -> dict[str, tuple[str, list[Any]]]:
    assert records is not None
    return {name: (each.kind, each.tolist()) for name, each in records.typed(kinds or {}).items()}


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        (MANY, "text", MANY),
        ([1, None, -(1 << 63)], "integer", [1, None, -(1 << 63)]),
        ([1, 2.5, float("nan"), np.float32(0.5)], "float", [1.0, 2.5, None, 0.5]),
        ([True, None, np.bool_(False)], "boolean", [True, None, False]),
        ([None, pd.NA, pd.NaT], "missing", [None] * 3),
        ([date(2024, 5, 31), pd.Timestamp(2024, 6, 1)], "text", ["2024-05-31", "2024-06-01T00:00:00"]),
    ],
)
def test_column_keeps_types_and_what_is_missing(values: list[Any], kind: str, expected: list[Any]) -> None:
    made = column(values)
    assert (made.kind, made.tolist(), len(made)) == (kind, expected, len(values))
    assert [made.value(row) for row in range(len(made))] == expected
    assert [type(value) for value in made.tolist()] == [type(value) for value in expected]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1, 2, "a"], "column 'x' mixes types: record 1 has 1, record 3 'a'; make all of them text"),
        ([True, 1], "mixes types: record 1 has True, record 2 1"),
        ([[1]], r"record 1: a value is text, a number, true, false or missing, not list: \[1\]"),
        ([0.5, float("inf")], "record 2: inf is not finite"),
        ([1 << 63], "record 1: 9223372036854775808 is too large"),
        (["\ud800"], "record 1: half a surrogate pair"),
    ],
)
def test_column_refuses_what_it_cannot_hold(values: list[Any], message: str) -> None:
    with pytest.raises(ValueTypeError, match=message):
        column(values)


def test_columns_are_taken_and_joined_as_lists_are() -> None:
    text, whole, fraction = column(MANY), column([1, None, 3]), column([0.5])
    rows = np.array([4, 1, 3, 3])
    assert text.take(rows).tolist() == [MANY[row] for row in rows]
    assert text.take(rows).texts.list == ["ü", "b"]
    assert text.take(np.array([1, 1])).tolist() == [None, None]
    both = joined([text.take(rows), Column.absent(2), column(["c", "b"])])
    assert both.tolist() == ["ü", None, "b", "b", None, None, "c", "b"] and both.texts.list == ["ü", "b", "c"]
    assert joined([whole, fraction]).tolist() == [1.0, None, 3.0, 0.5]
    with pytest.raises(ValueTypeError, match="text and integers"):
        joined([text, whole])
    with pytest.raises(IndexError):
        Texts.of(["a"])[-1]


CSV = 'id,year,score,ok,zip,note\n7,2001,1,true,0123,"a, ""b""\nc"\n8,,2.5,FALSE,99,\n9,2003,nan,,5,x\n'
EXPECTED = {
    "id": ("integer", [7, 8, 9]),
    "year": ("integer", [2001, None, 2003]),
    "score": ("float", [1.0, 2.5, None]),
    "ok": ("boolean", [True, False, None]),
    "zip": ("text", ["0123", "99", "5"]),
    "note": ("text", ['a, "b"\nc', None, "x"]),
}


def test_cells_become_what_all_of_a_column_are(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(CSV, encoding="utf-8-sig")
    with gzip.open(tmp_path / "a.csv.gz", "wt") as file:
        file.write(CSV.replace(",", ";").replace("a;", "a,"))
    assert columns(read_records(tmp_path / "a.csv")) == columns(read_records(tmp_path / "a.csv.gz")) == EXPECTED
    assert list(read_records(tmp_path / "a.csv").places())[1] == f"{tmp_path / 'a.csv'}, line 4"
    kept = columns(read_records(tmp_path / "a.csv"), {"id": "text", "year": "text"})
    assert kept["id"] == ("text", ["7", "8", "9"]) and kept["year"] == ("text", ["2001", None, "2003"])
    (tmp_path / "b.tsv").write_text('name\n"a\n12345678901234567890\n')
    assert columns(read_records(tmp_path / "b.tsv")) == {"name": ("text", ['"a', "12345678901234567890"])}


def test_first_column_without_a_name_numbers_the_rows(tmp_path: Path) -> None:
    frame = pd.DataFrame({"text": ["one", "two"], "year": [1, 2]}, index=[7, 9])
    frame.to_csv(tmp_path / "a.csv")
    assert columns(read_records(tmp_path / "a.csv")) == {"text": ("text", ["one", "two"]), "year": ("integer", [1, 2])}
    (tmp_path / "a.csv").write_text(",text\n0,one\n1\n")
    with pytest.raises(CorpusError, match="line 3: 1 columns, but the first line names 2"):
        read_records(tmp_path / "a.csv")


@pytest.mark.parametrize("separator", [";", ",", "|", "\t"])
def test_first_line_of_excel_names_the_separator(tmp_path: Path, separator: str) -> None:
    text = f"sep={separator}\r\ntext{separator}year\r\none: a/b{separator}1\r\n"
    (tmp_path / "a.csv").write_bytes(text.encode("utf-8-sig"))
    found = read_records(tmp_path / "a.csv")
    assert columns(found) == {"text": ("text", ["one: a/b"]), "year": ("integer", [1])}
    assert list(found.places()) == [f"{tmp_path / 'a.csv'}, line 3"]


def test_records_are_alike_in_every_form(tmp_path: Path) -> None:
    rows = [{"id": 7, "lang": "de", "ok": True}, {"id": 8, "lang": None, "ok": False}]
    lists = {"id": [7, 8], "lang": ["de", None], "ok": [True, False]}
    (tmp_path / "a.jsonl").write_text('{"id": 7, "lang": "de", "ok": true}\n\n{"id": 8, "ok": false}\n')
    forms = [rows, lists, pd.DataFrame(lists), pl.DataFrame(lists), tmp_path / "a.jsonl", str(tmp_path / "a.jsonl")]
    for form in forms:
        assert columns(given_records(None, form)) == {
            "id": ("integer", [7, 8]), "lang": ("text", ["de", None]), "ok": ("boolean", [True, False]),
        }  # fmt: skip
        assert columns(given_records("lang", {"lang": ["a", "b"]})) == {"id": ("text", ["a", "b"])}
    assert columns(given_records(np.array([3, 4]), {"a": [1, 2]}))["id"] == ("integer", [3, 4])
    assert columns(given_records(pd.Series(["x"]), None)) == {"id": ("text", ["x"])}
    assert given_records(None, None) is None


def test_a_table_in_memory_gives_its_texts_and_records() -> None:
    lists = {"text": ["one", None, "three"], "key": ["a", "b", "c"], "year": [1, 2, None]}
    frame = pd.DataFrame(lists)
    rows = [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]
    for form in (lists, frame, frame.convert_dtypes(), pl.DataFrame(lists), rows):
        texts, records = texts_and_records(form, "key", None, "text")
        assert texts == ["one", "", "three"]
        assert records is not None
        assert columns(records)["id"] == ("text", ["a", "b", "c"])
        assert columns(records)["year"][1] == [1, 2, None]
    assert list(lists) == ["text", "key", "year"]
    assert list(frame) == ["text", "key", "year"]
    with pytest.raises(ValueError, match="the table has no column 'body'; it has text, key, year"):
        texts_and_records(frame, None, None, "body")
    with pytest.raises(TypeError, match=r"record 1: 'year' is 1(\.0)?, not text"):
        texts_and_records(frame, None, None, "year")


@pytest.mark.parametrize("unit", ["ns", "us", "s"])
def test_times_of_numpy_become_text_whatever_their_unit(unit: str) -> None:
    times = np.array(["2020-01-02T03:04:05", "NaT"], f"datetime64[{unit}]")
    for form in (
        {"at": times},
        [{"at": time} for time in times],
        pd.DataFrame({"at": times}),
        {"at": pd.Series(times)},
    ):
        assert columns(given_records(None, form)) == {"at": ("text", ["2020-01-02T03:04:05", None])}
    days = times.astype("datetime64[D]")
    assert columns(given_records(None, {"day": days})) == {"day": ("text", ["2020-01-02", None])}
    with pytest.raises(ValueTypeError, match=r"not timedelta: .*; make it text, or leave the column out"):
        columns(given_records(None, {"length": (times - times[0]).astype(f"timedelta64[{unit}]")}))


def test_texts_of_tables_know_their_lines(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('text,year\n"one\ntwo",1\n,2\nthree,3\n')
    (tmp_path / "b.jsonl").write_text('{"text": null, "year": 4}\n{"text": "four", "lang": "de"}\n')
    files = [tmp_path / "a.csv", tmp_path / "b.jsonl"]
    texts, records = read_texts(files, "text")
    assert list(texts.numbered_lines()) == [
        (str(files[0]), 2, "one\ntwo"), (str(files[0]), 4, ""), (str(files[0]), 5, "three"),
        (str(files[1]), 1, ""), (str(files[1]), 2, "four"),
    ]  # fmt: skip
    assert list(texts) == ["one\ntwo", "", "three", "", "four"] and len(texts) == 5
    assert columns(records)["year"] == ("integer", [1, 2, 3, 4, None])
    assert columns(records)["lang"] == ("text", [None, None, None, None, "de"])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", "x", r"a.txt cannot be read as a table: its name must end in .csv, .tsv or .jsonl"),
        ("a.csv", "", "a.csv is empty: a table has a line of names first"),
        ("a.csv", "a,b\n1\n", "a.csv, line 2: 1 columns, but the first line names 2"),
        ("a.csv", "a,b\n1,2\n1,2,3\n", "a.csv, line 3: 3 columns, but the first line names 2"),
        ("a.csv", 'a,b\n1,2\n1,"2\n', "a.csv, line 3: the double quote that begins here is never closed"),
        ("a.csv", "a,a\n1,2\n", "a.csv, line 1: the column 'a' is named twice"),
        ("a.csv", "a,\n1,2\n", "a.csv, line 1: a column has no name"),
        ("a.csv", b"a\n\xff\n", "a.csv: the byte 0xFF"),
        ("a.jsonl", '{"a": 1}\n{"a": \n', "a.jsonl, line 2: .*each line must be a JSON object"),
        ("a.jsonl", "[1]\n", r"a.jsonl, line 1: each line must be a JSON object, not '\[1\]'; .*jq -c"),
        ("a.json", "[1]\n", r"a.json cannot be read as a table: .* make one of a JSON array with: jq -c '.\[\]'"),
        ("a.jsonl", '{"a": NaN}\n', "a.jsonl, line 1: NaN is not a JSON number"),
        ("a.jsonl", '{"a": 1, "a": 2}\n', "a.jsonl, line 1: a name is given twice"),
        ("a.jsonl", '\n{"a": [1]}\n', "column 'a', .*a.jsonl, line 2: a value is text"),
        ("a.jsonl", '{"a": 1}\n{"a": "b"}\n', "column 'a' mixes types: .*line 1 has 1, .*a.jsonl, line 2 'b'"),
    ],
)
def test_broken_tables_are_refused_with_their_place(
    tmp_path: Path, name: str, content: str | bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError, match=message):
        read_records(tmp_path / name).typed({})


def test_records_that_do_not_go_together_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,year\none,1\n")
    (tmp_path / "b.csv").write_text("text,year\none,n/a\n")
    (tmp_path / "c.jsonl").write_text('{"text": 5}\n')
    with pytest.raises(ValueTypeError, match="column 'year' holds integers and text in several files"):
        read_records([tmp_path / "a.csv", tmp_path / "b.csv"]).typed({})
    with pytest.raises(CorpusError, match=r"a.csv has no column 'body'; it has text, year"):
        read_texts(tmp_path / "a.csv", "body")
    with pytest.raises(CorpusError, match=r"c.jsonl, line 1: 'text' is 5, not text"):
        read_texts(tmp_path / "c.jsonl", "text")
    (tmp_path / "c.jsonl").write_text('{"text": "one"}\n\n{"text": "a \\ud800"}\n')
    with pytest.raises(CorpusError, match=r"c.jsonl, line 3: 'text' holds half a surrogate pair: 'a \\ud800'"):
        read_texts(tmp_path / "c.jsonl", "text")
    for ids, metadata, message in (
        ([1], {"a": [1, 2]}, "there are 1 ids but 2 records of metadata"),
        ([1], {"id": [1]}, "metadata has a column 'id', and ids are also given"),
        ("b", {"a": [1]}, "no column 'b' of ids in the metadata; its columns are 'a'"),
        ("a", {"a": [1], "id": [2]}, "so no other column can be called 'id'; rename it"),
        (None, {"a": [1], "b": [1, 2]}, r"have 1 and 2 values \('b'\)"),
        (None, {"a": "xyz"}, "column 'a' of the metadata must be a list of values"),
        (None, [{"a": 1}, 5], "record 2 of the metadata must be a dict, not int: 5"),
        (None, [{1: 1}], "metadata column must be text, not 1"),
    ):
        with pytest.raises((TypeError, ValueError), match=message):
            given_records(ids, metadata)
