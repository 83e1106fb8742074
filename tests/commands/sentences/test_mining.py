"""The commands duplicates and cluster."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.helpers.command_line import assert_mistake, run
from tests.helpers.examples.encoder_examples import make_embeddings

LINES = ["the river", "a 42\tx", "", "River, the!", "naïve 日本", "the river", "unheard of", "x"]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    make_embeddings().save(tmp_path / "my.model")
    return tmp_path / "my.model"


@pytest.fixture
def text(tmp_path: Path) -> Path:
    (tmp_path / "text.txt").write_text("\n".join(LINES), encoding="utf-8")
    return tmp_path / "text.txt"


@pytest.fixture
def indexed(model: Path, text: Path, tmp_path: Path) -> Path:
    assert run("index", model, text, "--output", tmp_path / "my.index").exit_code == 0
    return tmp_path / "my.index"


def test_duplicates_prints_a_pair_a_line(text: Path, model: Path, indexed: Path) -> None:
    expected = "1.000\t4\t1\tRiver, the!\tthe river\n1.000\t6\t1\tthe river\tthe river\n"
    for arguments in ([text], [text, "--model", model], [indexed]):
        result = run("duplicates", *arguments)
        assert result.exit_code == 0 and result.stdout == expected, result.output
    everything = run("duplicates", text, "--threshold", 0.0001).stdout
    assert "\ta 42 x" in everything and all(line.count("\t") == 4 for line in everything.splitlines())


def test_duplicates_prints_json_and_names_files(text: Path, model: Path, tmp_path: Path) -> None:
    (tmp_path / "more.txt").write_text("the river", encoding="utf-8")
    result = run("duplicates", text, tmp_path / "more.txt", "--model", model, "--jsonl", "--approximate")
    found = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(one["later"]["file"], one["later"]["line"]) for one in found][2:] == [(str(tmp_path / "more.txt"), 1)]
    assert found[0]["earlier"] == {"sentence": "the river", "line": 1, "file": str(text)}
    shown = run("duplicates", text, tmp_path / "more.txt", "--model", model).stdout
    assert f"{tmp_path / 'more.txt'}:1\t{text}:1\t" in shown


def test_duplicates_splits_lines(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("A river runs. It rains.\nNothing. A river runs.", encoding="utf-8")
    shown = run("duplicates", tmp_path / "text.txt", "--split-sentences").stdout
    assert shown == "1.000\t2\t1\tA river runs.\tA river runs.\n"


def test_duplicates_prints_groups(text: Path, model: Path) -> None:
    result = run("duplicates", text, "--model", model, "--groups")
    assert result.stdout == "1\t1\tthe river\n1\t4\tRiver, the!\n1\t6\tthe river\n", result.output
    [group] = [json.loads(line) for line in run("duplicates", text, "--groups", "--jsonl").stdout.splitlines()]
    assert group["size"] == 3 and group["sentences"][1] == {"sentence": "River, the!", "line": 4, "file": str(text)}


def test_duplicates_keep_writes_the_lines_that_are_left(text: Path, model: Path, indexed: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept.txt"
    result = run("duplicates", text, "--model", model, "--keep", kept)
    assert result.exit_code == 0, result.output
    assert result.stdout.split()[-4:] == ["read", "8", "kept", "6"]
    assert kept.read_text(encoding="utf-8").splitlines() == [LINES[i] for i in (0, 1, 2, 4, 6, 7)]
    assert_mistake(run("duplicates", text, "--keep", kept), 1, "exists already")
    twice = run("duplicates", text, text, "--keep", kept, "--overwrite", "--jsonl")
    assert json.loads(twice.stdout) == {"output": str(kept), "lines": 16, "kept": 7}  # blank lines are no duplicates
    assert run("duplicates", indexed, "--keep", kept, "--overwrite").stdout.split()[-1] == "4"
    assert kept.read_text(encoding="utf-8").splitlines() == ["the river", "a 42\tx", "naïve 日本", "x"]


def test_duplicates_rejects_what_makes_no_sense(text: Path, indexed: Path, model: Path, tmp_path: Path) -> None:
    assert_mistake(run("duplicates", text, "--threshold", 0), 2, "--threshold")
    assert_mistake(run("duplicates", text, "--threshold", 1.1), 2, "--threshold")
    assert_mistake(run("duplicates", text, "--top", 0), 2, "--top")
    assert_mistake(run("duplicates", text, "--seed", -1), 2, "--seed")
    assert_mistake(
        run("duplicates", text, "--keep", tmp_path / "k", "--split-sentences"), 2, "--keep writes whole lines"
    )
    assert_mistake(run("duplicates", text, "--keep", tmp_path / "k", "--groups"), 2, "exclude each other")
    assert_mistake(run("duplicates", indexed, "--model", model), 1, "is an index with its own encoder and sentences")
    for command in ("duplicates", "cluster", "topics"):
        assert_mistake(run(command, model, indexed), 2, f"{model} is a model, not a text: give it with --model")
    assert_mistake(run("duplicates", tmp_path / "no.txt"), 1, "no.txt")
    assert_mistake(run("duplicates", text, "--model", tmp_path / "no.model"), 1, "does not exist")
    assert_mistake(run("duplicates", text, "--keep", tmp_path), 1, "is a folder")


def test_cluster_shows_and_writes_clusters(text: Path, model: Path, indexed: Path, tmp_path: Path) -> None:
    result = run("cluster", text, "--model", model, "-k", 2, "--json", "--output", tmp_path / "c.tsv")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert [one["number"] for one in found] == [1, 2] and sum(one["size"] for one in found) == 6
    assert found[0]["typical"][0].keys() == {"sentence", "line", "file"} and found[0]["words"]
    rows = [line.split("\t") for line in (tmp_path / "c.tsv").read_text(encoding="utf-8").splitlines()]
    assert [row[2:] for row in rows] == [[str(i + 1), " ".join(LINES[i].split())] for i in range(8) if i not in (2, 6)]
    assert [int(row[0]) for row in rows].count(1) == found[0]["size"]
    shown = run("cluster", indexed, "--clusters", 2, "--keywords", 1, "--output", tmp_path / "c.jsonl").stdout
    assert "keywords" in shown and len(shown.splitlines()) == 4
    entries = [json.loads(line) for line in (tmp_path / "c.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [entry["line"] for entry in entries] == [1, 2, 4, 5, 6, 8]
    assert [str(entry["cluster"]) for entry in entries] == [row[0] for row in rows]


def test_cluster_rejects_what_makes_no_sense(text: Path, model: Path, tmp_path: Path) -> None:
    assert_mistake(run("cluster", text), 1, "give a model", "w2v train FILE --output my.model")
    assert_mistake(run("cluster", text, "--model", model, "-k", 7), 1, "6 sentences can form 1 to 6 clusters, not 7")
    assert_mistake(run("cluster", text, "--model", model, "-k", 0), 2, "-k")
    assert_mistake(run("cluster", text, "--model", model, "--keywords", 0), 2, "--keywords")
    assert_mistake(run("cluster", text, "--model", model, "--output", text), 1, "exists already")
    assert_mistake(run("cluster", text, "--model", model, "--output", text / "b"), 1, "text.txt is not a folder")
