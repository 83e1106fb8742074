"""The command topics."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.helpers.command_line import assert_mistake, run
from w2v.encoder.retrieval import Topics

SENTENCES = [
    "ship sail",
    "sail ship",
    "ship",
    "bread soup",
    "soup bread",
    "bread",
    "",
    "zzz",
    "violin song",
    "song",
    "sail",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a text, a model that knows it, dates of its lines, and topics that were saved."""
    import numpy as np

    from w2v import Embeddings, Vocabulary

    folder = tmp_path_factory.mktemp("topics")
    names = ["ship", "sail", "bread", "soup", "violin", "song"]
    vectors = np.repeat(np.eye(3, 4), 2, axis=0) + 0.1 * np.random.default_rng(1).normal(size=(6, 4))
    Embeddings(Vocabulary(names, np.full(6, 9)), vectors.astype(np.float32)).save(folder / "my.model")
    (folder / "text.txt").write_text("\n".join(SENTENCES) + "\n")
    (folder / "dates.txt").write_text("\n".join(f"{2000 + line}" for line in range(10)) + "\n\n")
    (folder / "dates.csv").write_text("when\n" + "2001-02\n2003\n" * 5 + "2001\n")
    made = run("topics", folder / "text.txt", "--model", folder / "my.model", "-k", 3, "-o", folder / "my.topics")
    assert made.exit_code == 0, made.output
    return folder


def test_topics_are_shown_with_time_and_tree(folder: Path) -> None:
    text = (folder / "text.txt", "--model", folder / "my.model", "-k", 3, "--stop-words", "none")
    shown = run("topics", *text, "--keywords", 2, "--dates", folder / "dates.txt", "--bins", "year", "--tree")
    assert shown.exit_code == 0, shown.output
    table, periods, tree = shown.stdout.split("\n\n")
    assert table.split("\n")[0].split() == ["topic", "sentences", "keywords", "example"]
    assert [line.split()[:3] for line in table.split("\n")[2:]] == [
        ["0", "4", "ship,"], ["1", "3", "bread,"], ["2", "2", "song,"],
    ]  # fmt: skip
    assert periods.split("\n")[2].split() == ["2000-01-01", "1", "100.0", "%", "0.0", "%", "0.0", "%"]
    assert len(periods.split("\n")) == 2 + 10 and "1 sentences without a date" in shown.stderr
    assert tree.startswith("all topics  (9)\n├─ ")
    found = json.loads(run("topics", *text, "--dates", folder / "dates.csv", "--date-column", "when", "--json").stdout)
    assert [row["size"] for row in found["topics"]] == [4, 3, 2] and found["undated"] == 0
    assert found["topics"][0]["keywords"][0].keys() == {"word", "weight"}
    assert sum(row["size"] for row in found["over_time"]) == 9 and "tree" not in found


def test_topics_are_saved_opened_and_merged(folder: Path, tmp_path: Path) -> None:
    assert Topics.open(folder / "my.topics").sizes_.tolist() == [4, 3, 2]
    found = json.loads(run("topics", folder / "my.topics", "--topics", 2, "--json", "-o", tmp_path / "two").stdout)
    assert sum(row["size"] for row in found["topics"]) == 9 and len(Topics.open(tmp_path / "two")) == 2
    described = json.loads(run("info", tmp_path / "two", "--json").stdout)
    assert (described["kind"], described["topics"], described["sentences"]) == ("topics", 2, 9)


def test_topics_of_every_sentence_are_written(folder: Path, tmp_path: Path) -> None:
    text = (folder / "text.txt", "--model", folder / "my.model", "-k", 3)
    for name in ("t.jsonl", "t.tsv"):
        assert run("topics", *text, "-o", tmp_path / name).exit_code == 0
    entries = [json.loads(line) for line in (tmp_path / "t.jsonl").read_text().splitlines()]
    assert [entry["topic"] for entry in entries] == [0, 0, 0, 1, 1, 1, 2, 2, 0]
    assert entries[-1].keys() == {"topic", "similarity", "sentence", "line", "file"} and entries[-1]["line"] == 11
    rows = [line.split("\t") for line in (tmp_path / "t.tsv").read_text().splitlines()]
    assert rows[3][0] == "1" and rows[3][2:] == ["4", "bread soup"]


def test_a_report_of_topics_is_a_page(folder: Path, tmp_path: Path) -> None:
    text = (folder / "text.txt", "--model", folder / "my.model", "-k", 3, "--dates", folder / "dates.txt")
    assert run("topics", *text, "--bins", 4, "-o", tmp_path / "t.html").exit_code == 0
    page = (tmp_path / "t.html").read_text()
    assert page.count("<svg viewBox") == 2 + 3 and "all topics  (9)" in page and "over time" in page  # 3 keys
    assert "9 sentences in 3 topics" in page and "1 sentences without a date" in page
    assert run("report", folder / "my.topics", "-o", tmp_path / "r.md").exit_code == 0
    assert "r-map.svg" in (tmp_path / "r.md").read_text() and (tmp_path / "r-map.svg").exists()
    assert_mistake(
        run("report", folder / "my.topics", "--word", "ship", "-o", tmp_path / "x.html"),
        1,
        "nearest words are for word vectors",
    )
    assert_mistake(
        run("report", folder / "my.topics", "--sts", "x", "-o", tmp_path / "x.html"),
        1,
        "these are topics",
    )


def test_topics_say_what_cannot_be(folder: Path, tmp_path: Path) -> None:
    text, model = folder / "text.txt", ("--model", folder / "my.model")
    (tmp_path / "bad.txt").write_text("2001\nsoon\n")
    (tmp_path / "few.txt").write_text("2001\n2002\n")
    for arguments, code, message in (
        ((text,), 1, "give a model"),
        ((text, *model, "-k", 10), 1, "9 sentences can form 1 to 9 clusters, not 10"),
        ((text, *model, "--date-column", "x"), 2, "--date-column names a column of a table"),
        ((text, *model, "--dates", tmp_path / "bad.txt"), 1, "bad.txt, line 2: 'soon' is not a date"),
        ((text, *model, "--dates", tmp_path / "few.txt"), 1, "there are 2 dates for 9 sentences on 11 lines"),
        ((text, *model, "--dates", folder / "dates.csv", "--date-column", "x"), 1, "has no column 'x'"),
        ((text, *model, "--bins", "week"), 2, "neither a number from 1 to 1000 nor day, month or year"),
        ((text, *model, "--stop-words", tmp_path / "missing"), 1, "missing"),
        ((text, *model, "--method", "hdbscan", "-k", 3), 2, "--clusters is for k-means"),
        ((text, *model, "--method", "hdbscan"), 1, "9 sentences make no topics of at least 15"),
        ((folder / "my.topics", *model), 2, "leave out --model"),
        ((folder / "my.topics", "--topics", 4), 1, "3 topics can be merged into 1 to 3, not 4"),
        ((folder / "my.topics", "-o", tmp_path / "t.tsv"), 2, "Saved topics do not contain their sentences"),
        ((text, *model, "-o", folder / "my.topics"), 1, "exists already"),
    ):
        assert_mistake(run("topics", *arguments), code, message)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.txt", "few.txt"]


def test_options_that_would_be_ignored_are_refused(folder: Path) -> None:
    text = (folder / "text.txt", "--model", folder / "my.model")
    for name in ("x.csv", "x.JSON", "x.parquet"):
        assert_mistake(run("topics", *text, "-o", folder / name), 2, "name of a file that topics cannot be written to")
        assert not (folder / name).exists()
    assert_mistake(run("topics", *text, "--bins", "day"), 2, "--bins divides dates into periods")
    for option in (("--clusters", 5), ("--method", "hdbscan"), ("--bigrams",), ("--keywords", 3)):
        assert_mistake(run("topics", folder / "my.topics", *option), 2, f"leave out {option[0]},")
