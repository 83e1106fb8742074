"""Texts with labels."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import pytest

from w2v.corpora import CorpusError
from w2v.corpora.labels.labelled import (
    HeaderWarning,
    Labelled,
    TableColumns,
    read_labelled,
    read_unlabelled,
    without_labels,
)


def written(path: Path, text: str) -> Path:
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def test_lines_with_tabs_in_both_orders(tmp_path: Path) -> None:
    expected = Labelled(["it is good", "so bad", "fine"], [("pos",), ("neg",), ("pos",)])
    table = written(tmp_path / "t.tsv.gz", "pos\tit is good\n\nneg \t so bad\r\npos\tfine\n")
    assert read_labelled(table) == expected and read_labelled(table).files == [str(tmp_path / "t.tsv.gz")]
    assert read_labelled(written(tmp_path / "b", "it is good\tpos\nso bad\tneg\nfine\tpos\n")) == expected
    one = written(tmp_path / "one", "a text\tneg\n")
    assert read_labelled(one).texts == ["neg"]
    assert read_labelled(one, known=["neg", "pos"]) == Labelled(["a text"], [("neg",)])
    assert len(read_labelled([table, one])) == 4


def test_rows_that_lack_something_are_left_out_and_counted(tmp_path: Path) -> None:
    table = written(tmp_path / "t", "a\tone\n\ttwo\nb\t \nb\tthree\n")
    assert read_labelled(table) == Labelled(["one", "three"], [("a",), ("b",)], n_left_out=2)
    several = read_labelled(table, columns=TableColumns(separator=","))
    assert several == Labelled(["one", "two", "three"], [("a",), (), ("b",)], n_left_out=1)


def test_several_labels(tmp_path: Path) -> None:
    lines = written(tmp_path / "f", "__label__a __label__b one two\nthree __label__a\nnothing\n__label__b\n")
    assert read_labelled(lines) == Labelled(["one two", "three"], [("a", "b"), ("a",)], n_left_out=2)
    table = written(tmp_path / "t", "a, b\tone\nb\ttwo\n")
    assert read_labelled(table, columns=TableColumns(separator=",")).labels == [("a", "b"), ("b",)]
    assert read_labelled(table).labels == [("a, b",), ("b",)]


def test_trec(tmp_path: Path) -> None:
    lines = written(tmp_path / "t.label", "NUM:dist How far is it ?\nLOC:city Where ?\n")
    assert read_labelled(lines) == Labelled(["How far is it ?", "Where ?"], [("NUM",), ("LOC",)])


def test_tables_with_named_and_with_numbered_columns(tmp_path: Path) -> None:
    text = 'id,label,text,title\n1,x,"one, ""two""\nthree",T\n2,y,four,U\n'
    table = written(tmp_path / "t.csv", text)
    expected = Labelled(['one, "two" three', "four"], [("x",), ("y",)])
    limit = csv.field_size_limit()
    assert read_labelled(table) == expected == read_labelled(table, columns=TableColumns(("text",)))
    joined = read_labelled(table, columns=TableColumns(("title", "text"), "id"))
    assert joined == Labelled(['T one, "two" three', "U four"], [("1",), ("2",)])
    numbered = written(tmp_path / "n.csv.gz", '"3","a title","the text"\n"4","b","more"\n')
    assert read_labelled(numbered, columns=TableColumns(("2", "3"), "1")).texts == ["a title the text", "b more"]
    tabs = written(tmp_path / "t.tsv", 'text\tother\tlabel\na "quote\t1\tx\n')
    assert read_labelled(tabs, columns=TableColumns(("text",), "label")) == Labelled(['a "quote'], [("x",)])
    long = written(tmp_path / "l.csv", "label,text\nx," + "word " * 50_000 + "\n")
    assert len(read_labelled(long).texts[0]) == 249_999 and csv.field_size_limit() == limit


@pytest.mark.parametrize(
    ("name", "text", "columns", "message"),
    [
        ("e", "\n \n", None, "e: no text with a label; expected a label, a tab and a text, or fastText's __label__"),
        ("e", "plain words\n", None, "e, line 1: expected a label, a tab and a text, or fastText's .*'plain words'"),
        ("e", "a\tone\n\nplain\n", None, "e, line 3: expected a label, a tab and a text; it has no tab: 'plain'"),
        ("e", "a\tone\tb\n", None, "e, line 1: expected .*; it has 3 columns: name those to read"),
        ("e", "NUM:dist How ?\nplain\n", None, "e, line 2: expected LABEL:fine and a text, not 'plain'"),
        ("e.csv", "a,b\n1,2\n", None, "e.csv: there is no column 'label'; its first line has 'a', 'b'. Name the col"),
        ("e", "a,b\n1,2\n", TableColumns(("c",), "a"), "no column 'c'"),
        ("e", "a,b\n1,2\n3\n", TableColumns(("b",), "a"), "e, line 3: 1 columns, expected at least 2"),
        ("e", 'a,b\n1,"2"x\n', TableColumns(("b",), "a"), "e, line 2: .* is it a table?"),
        ("e", 'a,b\n1,2\n3,"x\n4,y\n', TableColumns(("b",), "a"), "e, line 3: the double quote that begins here"),
        (
            "e.csv",
            "text,label\nHello, world,greet\n",
            None,
            "e.csv, line 2: 3 columns, but the first line has 2; a text",
        ),
        ("e", "__label__a\n", None, "e: no text with a label"),
    ],
)
def test_bad_files_are_named(tmp_path: Path, name: str, text: str, columns: TableColumns | None, message: str) -> None:
    with pytest.raises(CorpusError, match=message):
        read_labelled(written(tmp_path / name, text), columns=columns)


def test_json_lines_are_read(tmp_path: Path) -> None:
    lines = (
        '{"text": "a  ship", "label": "sea", "n": 1}\n\n{"label": ["x", 2, true], "text": "b"}\r\n'
        '{"text": null, "label": "x"}\n{"text": "c", "label": null}\n{"text": "d", "label": NaN}\n'
    )
    file = written(tmp_path / "a.jsonl", lines)
    assert read_labelled(file) == Labelled(["a ship", "b"], [("sea",), ("x", "2", "true")], 3)
    assert read_labelled(written(tmp_path / "b.jsonl", '{"text": "a", "label": []}\n')) == Labelled(["a"], [()])
    named = TableColumns(("title", "text"), "kind", ",")
    file = written(tmp_path / "B.NDJSON", '{"title": "A", "text": "b c", "kind": "x, y"}\n')
    assert read_labelled(file, columns=named) == Labelled(["A b c"], [("x", "y")])
    for line, message in (
        ("{", "a.jsonl, line 1: .* a line is a JSON object"),
        ("[1]", r"a.jsonl, line 1: a line is a JSON object, not '\[1\]'"),
        ('{"text": "a", "class": 1}', "a.jsonl, line 1: there is no 'label', but 'text', 'class'; name those"),
        ('{"text": 1, "label": 1}', "a.jsonl, line 1: the text is 1, not text"),
        ('{"text": "a", "label": {}}', "a.jsonl, line 1: the label is {}, not text or a number"),
        ('{"text": "a \\ud800", "label": 1}', "a.jsonl, line 1: half a surrogate pair is not text"),
    ):
        with pytest.raises(CorpusError, match=message):
            read_labelled(written(tmp_path / "a.jsonl", line + "\n"))


def test_texts_without_labels_are_read_from_tables(tmp_path: Path) -> None:
    table = written(tmp_path / "t.csv", 'id,text\n1,"a, b"\n2,\n3,c\n')
    lines = written(tmp_path / "t.jsonl", '{"text": "d"}\n')
    assert read_unlabelled([table, lines], TableColumns(("text",))) == ["a, b", "", "c", "d"]
    assert read_unlabelled(table, TableColumns(("1", "2")))[1] == "1 a, b"
    assert TableColumns("text") == TableColumns(("text",))  # type: ignore[arg-type]
    with pytest.raises(CorpusError, match="there is no column 'body'"):
        read_unlabelled(table, TableColumns(("body",)))
    assert without_labels("__label__a so it is __label__b") == "so it is" and without_labels("a  b") == "a  b"


def test_semicolons_are_read_and_empty_columns_at_the_end_are_none(tmp_path: Path) -> None:
    table = written(tmp_path / "t.csv", 'label;text\nx;"a; b"\ny;c, d;\n')
    assert read_labelled(table) == Labelled(["a; b", "c, d"], [("x",), ("y",)])


def test_a_header_above_numbered_columns_is_warned_of(tmp_path: Path) -> None:
    table = written(tmp_path / "t.csv", "topic,text\nx,a\ny,b\nx,c\n")
    with pytest.warns(HeaderWarning, match="t.csv, line 1: no other line has the label 'topic'; if this is a header"):
        assert len(read_labelled(table, columns=TableColumns(("2",), "1"))) == 4


def test_a_header_above_labels_and_tabs_is_warned_of(tmp_path: Path) -> None:
    one = written(tmp_path / "one", "\nLabel\ttext\nx\ta b\ny\tb\nx\tc\n")
    other = written(tmp_path / "other", "label\ttext\nx\td\nx\te\n")
    with pytest.warns(HeaderWarning) as told:
        assert len(read_labelled([one, other])) == 7
    assert [str(warning.message).split(";")[0] for warning in told] == [
        f"{one}, line 2: no other line has the label 'Label'", f"{other}, line 1: no other line has the label 'label'",
    ]  # fmt: skip
    read_labelled(written(tmp_path / "labels", "label\ttext\nlabel\tb\nx\tc\n"))  # which is one of its labels


@pytest.mark.parametrize(
    "text",
    [
        "cafe\u0301\ta b\ncaf\xe9\tc d\n",
        "__label__cafe\u0301 a b\n__label__caf\xe9 c d\n",
        "label,text\ncafe\u0301,a b\ncaf\xe9,c d\n",
    ],
)
def test_labels_are_composed(text: str, tmp_path: Path) -> None:
    found = read_labelled(written(tmp_path / "t.csv" if "," in text else tmp_path / "t", text), known=["caf\xe9"])
    assert found == Labelled(["a b", "c d"], [("caf\xe9",)] * 2)
