"""The commands pivots and mine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.helpers.command_line import assert_mistake, run
from tests.helpers.examples.encoder_examples import make_embeddings

GERMAN = "I have to go now.\tIch muss gehen.\nI must leave at once.\tIch muss gehen!\nHi\tHallo\n"
LEFT = ["the river 42 naïve", "", "a a a the", "unheard of", "x\tthe 日本 42"]
RIGHT = ["42 river straße naïve!", "the 日本 42 x", "a the don't a"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_embeddings().save(tmp_path / "my.model")
    for name, lines in (("left.txt", LEFT), ("right.txt", RIGHT)):
        (tmp_path / name).write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "deu.txt").write_text(GERMAN, encoding="utf-8")
    return tmp_path


def test_pivots_writes_pairs_and_counts(folder: Path) -> None:
    output = folder / "pivots.tsv"
    result = run("pivots", folder / "deu.txt", "-o", output, "--json")
    assert json.loads(result.stdout) == {
        "output": str(output), "read": 3, "short": 1, "groups": 1, "near_copies": 0, "pairs": 1,
    }  # fmt: skip
    assert output.read_text() == "I have to go now.\tI must leave at once.\n"
    assert_mistake(run("pivots", folder / "deu.txt", "-o", output), 1, "exists already")
    shown = run("pivots", folder / "deu.txt", "-o", output, "--overwrite", "--progress", "log")
    assert shown.exit_code == 0 and shown.stdout.split()[-2:] == ["pairs", "1"]
    (folder / "reversed.txt").write_text("eins\tone two\nzwei\tone  two!\n")
    both = ("--columns", 1, 2, "--min-words", 1)
    assert run("pivots", folder / "reversed.txt", "-o", folder / "r.tsv", *both).exit_code == 0
    assert (folder / "r.tsv").read_text() == "eins\tzwei\n"


def test_pivots_writes_nothing_for_nothing(folder: Path) -> None:
    output = folder / "none.tsv"
    assert_mistake(run("pivots", folder / "deu.txt", "-o", output, "--min-words", 9), 1, "no two sentences")
    assert_mistake(run("pivots", folder / "left.txt", "-o", output), 1, "left.txt, line 1: expected a text, a tab")
    assert_mistake(run("pivots", folder / "deu.txt", "-o", output, "--columns", 1, 1), 1, "columns must be two")
    assert not output.exists()


def test_mine_writes_pairs_that_fit_encoder_takes(folder: Path) -> None:
    files = folder / "left.txt", folder / "right.txt", "--model", folder / "my.model"
    wide = ("--threshold", 0.9, "--min-words", 2, "-k", 1)
    result = run("mine", *files, "-o", folder / "mined.tsv", *wide, "--json")
    assert result.exit_code == 0, result.output
    rows = (folder / "mined.tsv").read_text(encoding="utf-8").splitlines()
    assert json.loads(result.stdout) == {"output": str(folder / "mined.tsv"), "pairs": len(rows)}
    assert rows and all(row.count("\t") == 1 for row in rows)
    assert "the river 42 naïve\t42 river straße naïve!" in rows
    run("mine", *files, "-o", folder / "mined.jsonl", *wide)
    entries = [json.loads(line) for line in (folder / "mined.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(entries) == len(rows) and entries[0]["margin"] >= entries[-1]["margin"]
    assert entries[0]["first"]["file"] == str(folder / "left.txt")
    for side in ("left", "right"):
        run("index", folder / "my.model", folder / f"{side}.txt", "--output", folder / f"{side}.index")
    run("mine", folder / "left.index", folder / "right.index", "-o", folder / "indexed.tsv", *wide, "--exact")
    assert (folder / "indexed.tsv").read_text(encoding="utf-8").splitlines() == rows


def test_mine_rejects_what_makes_no_sense(folder: Path) -> None:
    output = folder / "mined.tsv"
    files = folder / "left.txt", folder / "right.txt"
    assert_mistake(run("mine", *files, "-o", output), 1, "give a model")
    with_model = (*files, "--model", folder / "my.model", "-o", output)
    assert_mistake(run("mine", *with_model, "--threshold", 0), 2, "--threshold")
    assert_mistake(run("mine", *with_model, "--threshold", 9), 1, "no pair reaches the limits")
    assert_mistake(run("mine", *with_model, "--min-words", 9, "--max-words", 3), 1, "not 9 and 3")
    assert_mistake(run("mine", folder / "none.txt", *with_model[1:]), 1, "none.txt")
    assert not output.exists()
