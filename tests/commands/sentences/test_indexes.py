"""The commands that keep indexes: metadata, conditions, edit-index, merge-index, and searches of several."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.command_line import assert_mistake, run
from tests.helpers.examples.encoder_examples import make_embeddings
from w2v.encoder.retrieval import SentenceIndex

TABLE = "id,text,year,lang\n7,the river,2001,de\n8,a river,2002,\n9,unheard,2003,en\n10,42 x,2004,fr\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    make_embeddings().save("my.model")
    Path("table.csv").write_text(TABLE)
    Path("text.txt").write_text("the river\n\nx\n")
    return tmp_path


@pytest.fixture
def indexed(folder: Path) -> Path:
    result = run("index", "my.model", "table.csv", "--text-column", "text", "-o", "my.index")
    assert result.exit_code == 0, result.output
    return folder / "my.index"


def printed(*arguments: object, stdin: bytes | None = None) -> Any:
    result = run(*arguments, "--json", stdin=stdin)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_hits_are_printed_with_ids_and_metadata(indexed: Path) -> None:
    [answer] = printed("search", "my.index", "river", "--where", "year >= 2002 and lang != 'fr'")
    assert answer["hits"] == [
        {"sentence": "a river", "similarity": pytest.approx(0.997, abs=0.01), "line": 3, "file": "table.csv", "id": 8,
         "metadata": {"year": 2002, "lang": None}},
    ]  # fmt: skip
    shown = run("search", "my.index", "the river", "--top", 1).stdout.splitlines()
    assert shown[0].split() == ["similarity", "line", "id", "near", "the", "river", "metadata"]
    assert shown[2].split() == ["1.000", "2", "7", "the", "river", "year", "2001,", "lang", "de"]
    described = printed("info", "my.index")
    assert described["metadata"] == {"id": "integer", "year": "integer", "lang": "text"}
    assert_mistake(run("search", "my.index", "x", "--where", "yeer > 5"), 1, "at position 1: there is no column 'yeer'")


def test_metadata_stands_beside_lines_and_grows(folder: Path) -> None:
    Path("known.tsv").write_text("key\tyear\na\t1\nb\t2\nc\t3\n")
    made = run("index", "my.model", "text.txt", "-o", "my.index", "--metadata", "known.tsv", "--id-column", "key")
    assert made.exit_code == 0, made.output
    Path("more.jsonl").write_text('{"key": "d", "text": "42", "year": 4.5}\n')
    columns = ("--text-column", "text", "--id-column", "key")
    assert printed("index", "my.index", "more.jsonl", "--append", *columns)["added"] == 1
    opened = SentenceIndex("my.index")
    assert opened.ids == ["a", "c", "d"] and opened.metadata == {"year": [1, 3, 4.5]}
    assert_mistake(run("index", "my.index", "text.txt", "--append"), 1, "the index has ids, so new sentences")
    short = run("index", "my.index", "text.txt", "--append", "--metadata", "more.jsonl", "--id-column", "key")
    assert_mistake(short, 1, "the id 'd' is already in the index")
    Path("one.jsonl").write_text('{"key": "e"}\n')
    short = run("index", "my.index", "text.txt", "--append", "--metadata", "one.jsonl", "--id-column", "key")
    assert_mistake(short, 1, "there are 1 records of metadata or ids for 3 texts")
    both = run("index", "my.model", "table.csv", "-o", "x", "--text-column", "text", "--metadata", "known.tsv")
    assert both.exit_code == 2 and "--text-column takes no --metadata" in both.stderr
    assert_mistake(run("index", "my.model", "table.csv", "-o", "x", "--text-column", "body"), 1, "has no column 'body'")
    Path("table.csv").write_text(TABLE + "11,x\n")
    broken = run("index", "my.model", "table.csv", "-o", "x", "--text-column", "text")
    assert_mistake(broken, 1, "table.csv, line 6: 2 columns, but the first line names 4")
    assert not Path("x").exists()


def test_edit_index_removes_replaces_and_compacts(indexed: Path) -> None:
    Path("gone.txt").write_text("8\n\n")
    Path("changed.jsonl").write_text('{"id": 10, "text": "naïve", "lang": "it"}\n')
    described = printed("edit-index", "my.index", "--remove-file", "gone.txt", "--replace", "changed.jsonl")
    assert described.pop("seconds") >= 0 and described.pop("bytes") > 0
    assert described == {
        "index": "my.index", "sentences": 2, "removed_until_compacted": 2, "removed": 1, "replaced": 1, "freed": 0,
    }  # fmt: skip
    opened = SentenceIndex("my.index")
    assert list(opened) == ["the river", "naïve"] and opened.ids == [7, 10]
    assert opened.metadata == {"year": [2001, 2004], "lang": ["de", "it"]}
    shown = run("edit-index", "my.index", "--remove-where", "lang == 'de'", "--compact").stdout
    assert [line.split() for line in shown.splitlines()[2:5]] == [["sentences", "1"], ["removed", "1"], ["freed", "3"]]
    for how in (("--remove-where", "year > 0"), ("--remove", 10), ("--remove", 10, "--remove-where", "lang == 'xx'")):
        refused = run("edit-index", "my.index", *how, "--compact")
        assert_mistake(refused, 1, "no sentence of my.index would be left, and a compact index has")
        assert SentenceIndex("my.index").ids == [10]
    assert printed("edit-index", "my.index", "--remove", 10)["sentences"] == 0
    assert_mistake(run("edit-index", "my.index", "--compact"), 1, "all sentences of my.index are removed")
    assert_mistake(run("edit-index", "my.index", "--remove", 10), 1, "has no sentence with the id 10")
    assert_mistake(run("edit-index", "my.index", "--remove", "ten"), 1, "are integers, so 'ten' cannot be one")
    assert run("edit-index", "my.index").exit_code == 2
    assert_mistake(
        run("edit-index", "my.index", "--replace", "changed.jsonl", "--id-column", "key"), 1, "no column 'key'"
    )


def test_several_indexes_are_searched_and_merged(indexed: Path) -> None:
    assert run("index", "my.model", "text.txt", "-o", "other.index").exit_code == 0
    [answer] = printed("search", "my.index", "other.index", "x", "--top", 2)
    assert [(hit["sentence"], hit["shard"]) for hit in answer["hits"]] == [("x", "other.index"), ("42 x", "my.index")]
    shown = run("search", "my.index", "other.index", "x", "--top", 2).stdout
    assert "other.index: text.txt:3" in shown and "my.index: table.csv:5" in shown
    described = printed("merge-index", "my.index", "other.index", "--output", "both.index")
    assert described["sentences"] == 5 and SentenceIndex("both.index").ids == [7, 8, 10, None, None]
    assert_mistake(
        run("merge-index", "my.index", "my.index", "-o", "x.index"),
        1,
        "my.index is given twice: its sentences would be found twice; give each index once",
    )
    assert_mistake(run("merge-index", "my.index", "my.model", "-o", "x.index"), 1, "my.model")
    assert not Path("x.index").exists()


def test_edit_index_checks_everything_before_it_changes_anything(indexed: Path) -> None:
    wrong = [
        ("--remove-where", "yeer > 5"),
        ("--replace", "missing.csv"),
        ("--replace", "wrong.csv"),
        ("--replace", "unknown.csv"),
        ("--remove-file", "missing.txt"),
    ]
    Path("wrong.csv").write_text("id,text\n99,the river\n")
    Path("unknown.csv").write_text("id,text\n8,zyzzyva\n")
    for arguments in wrong:
        assert run("edit-index", "my.index", "--remove", 7, *arguments).exit_code == 1
        assert SentenceIndex("my.index").ids == [7, 8, 10]
    Path("both.csv").write_text("id,text\n7,a river\n")
    both = run("edit-index", "my.index", "--remove", 7, "--replace", "both.csv")
    assert_mistake(both, 1, "the id 7 is given twice")
    for number in ("9" * 20, "-" + "9" * 20):
        assert_mistake(run("edit-index", "my.index", "--remove", number), 1, f"has no sentence with the id {number}")
    assert_mistake(run("edit-index", "my.index", "--remove", "9" * 5000), 1, "the ids of my.index are integers")
    with pytest.raises(ValueError, match="has no sentence with the id 99999999999999999999"):
        SentenceIndex("my.index").remove([10**20 - 1])
    assert SentenceIndex("my.index").count("id < " + "9" * 5000) == 3


def test_a_listed_id_may_have_spaces(folder: Path) -> None:
    Path("spaced.csv").write_text("id,text\n a ,x\na,the river\nb,a river\n")
    assert run("index", "my.model", "spaced.csv", "--text-column", "text", "-o", "my.index").exit_code == 0
    assert printed("edit-index", "my.index", "--remove-file", "-", stdin=b" a \n  b\t\n")["removed"] == 2
    assert SentenceIndex("my.index").ids == ["a"]


def test_integers_of_19_digits_are_numbers_in_cells_and_json(folder: Path) -> None:
    largest = 2**63 - 1
    Path("wide.csv").write_text(f"id,text,n\n{largest},x,{largest + 1}\n1234567890123456789,the river,1\n")
    assert run("index", "my.model", "wide.csv", "--text-column", "text", "-o", "my.index").exit_code == 0
    opened = SentenceIndex("my.index")
    assert opened.ids == [largest, 1234567890123456789] and opened.metadata == {"n": [str(largest + 1), "1"]}
    assert opened.count(f"id = {largest}") == 1
    Path("broken.jsonl").write_text('{"id": 1, "text": "x", "\\ud800": 2}\n')
    broken = run("index", "my.model", "broken.jsonl", "--text-column", "text", "-o", "x")
    assert_mistake(broken, 1, "broken.jsonl, line 1: a name contains half a surrogate pair")


def test_a_long_query_does_not_widen_the_table(indexed: Path) -> None:
    shown = run("search", "my.index", "river " * 1000, "--top", 1).stdout.splitlines()
    assert shown[0].rstrip().endswith("metadata") and len(shown[0]) < 120 and "…" in shown[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["text.txt", "--append"], "--append does not go with --cluster, which makes a new index of the lines"),
        (["text.txt", "--metadata", "table.csv"], "--metadata does not go with --cluster"),
        (["table.csv", "--text-column", "text"], "--text-column does not go with --cluster"),
        (["text.txt", "--id-column", "id"], "--id-column does not go with --cluster"),
        (["-"], "--cluster takes no standard input: name files that every worker sees"),
        ([], "--cluster is for the texts of FILE: give FILE as well"),
    ],
)
def test_index_refuses_what_does_not_go_with_a_cluster(folder: Path, options: list[str], message: str) -> None:
    output = ["-o", "my.index"] if options else []
    assert_mistake(run("index", "my.model", *options, *output, "--cluster", "local:1"), 2, message)
    assert not Path("my.index").exists() and not Path("my.index.shards").exists()
