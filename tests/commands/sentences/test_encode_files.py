"""`w2v encode` with a folder as its output."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.command_line import assert_mistake, run
from tests.helpers.examples.encoder_examples import make_embeddings
from w2v.encoder import SentenceEncoder


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the working folder, with word vectors and two files."""
    make_embeddings().save(tmp_path / "my.model")
    (tmp_path / "a.txt").write_text("the river\n42 x\n")
    (tmp_path / "b.txt").write_text("a river\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_encode_makes_a_file_for_each_and_goes_on(folder: Path) -> None:
    result = run("encode", "my.model", "*.txt", "-o", "vectors/", "--truncate-dim", 7, "--no-normalize")
    assert result.exit_code == 0, result.output
    assert result.stderr == f"Wrote 2 files, 3 vectors, to {folder / 'vectors'}.\n"
    encoder = SentenceEncoder.load("my.model")
    expected = encoder.encode(["the river", "42 x"], truncate_dim=7, normalize=False)
    np.testing.assert_array_equal(np.load("vectors/a.txt.npy"), expected)
    (folder / "c.txt").touch()
    again = run("encode", "my.model", "b.txt", "c.txt", "-o", "vectors", "--truncate-dim", 7, "--no-normalize")
    assert again.exit_code == 0, again.output
    assert again.stderr.splitlines() == [
        "Kept 1 file of an earlier run.", f"Wrote 1 file, 0 vectors, to {folder / 'vectors'}.",
        "Empty files: c.txt.npy.",
    ]  # fmt: skip


def test_encode_names_what_failed(folder: Path) -> None:
    (folder / "bad.txt").write_bytes(b"caf\xe9\n")
    result = run("encode", "my.model", "*.txt", "-o", "vectors")
    assert result.exit_code == 1 and np.load("vectors/b.txt.npy").shape == (1, 20)
    said, error = result.stderr.splitlines()
    assert said.startswith("Wrote 2 files, 3 vectors")
    assert error.startswith("Error: 1 of 3 files cannot be encoded; the others are in ") and "bad.txt" in error


def test_encode_writes_several_files_to_one_as_before(folder: Path) -> None:
    assert run("encode", "my.model", "*.txt", "-o", "all.npy").exit_code == 0
    assert run("encode", "my.model", "a.txt", "b.txt", "-o", "each.npy").exit_code == 0
    expected = SentenceEncoder.load("my.model").encode(["the river", "42 x", "a river"])
    for name in ("all.npy", "each.npy"):
        np.testing.assert_array_equal(np.load(name), expected)


def test_encode_reads_a_column_of_tables(folder: Path) -> None:
    (folder / "t.csv").write_text('id,text\n1,"the\nriver, x"\n2,\n3,a river\n')
    (folder / "t.jsonl").write_text('{"text": "the river"}\n')
    result = run("encode", "my.model", "t.csv", "t.jsonl", "--text-column", "text", "-o", "column.npy")
    assert result.exit_code == 0, result.output
    expected = SentenceEncoder.load("my.model").encode(["the river, x", "", "a river", "the river"])
    np.testing.assert_array_equal(np.load("column.npy"), expected)
    lines = run("encode", "my.model", "t.csv", "--text-column", "text", "--jsonl").stdout.splitlines()
    assert [json.loads(line)["sentence"] for line in lines] == ["the river, x", "", "a river"]
    assert_mistake(run("encode", "my.model", "t.csv", "--text-column", "b", "-o", "b.npy"), 1, "has no column 'b'")
    assert_mistake(run("encode", "my.model", "t.csv", "--text-column", "text", "-o", "b"), 2, "writes one file")


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["-o", "v.npy", "--format", "parquet"], 2, "v.npy is the name of one file, but --format parquet and"),
        (["-o", "x.parquet", "--format", "parquet"], 2, "into a folder: give --output x."),
        (["-o", "x.JSONL", "--format", "parquet"], 2, "into a folder: give --output x."),
        (["--jsonl", "--format", "parquet"], 2, "--format parquet and --cluster need --output FOLDER"),
        (["-o", "v.npy", "--cluster", "local:2"], 2, "v.npy is the name of one file, but"),
        (["-o", "v", "--jsonl", "--cluster", "local:2"], 2, "--jsonl writes one file, but"),
        (["-o", "v", "--cluster", "host:8786"], 2, "'host:8786' is not the address of a cluster"),
        (["-o", "v", "--format", "csv"], 2, "must be 'npy' or 'parquet', got 'csv'"),
        (["-o", "v.txt"], 1, "must end in .npy"),
        (["-o", "/dev/null/v"], 1, "/dev/null is not a folder"),
        (["-", "-o", "v"], 1, "standard input has no name"),
    ],
)
def test_encode_reports_what_no_folder_can_be_made_of(
    folder: Path, options: list[object], code: int, message: str
) -> None:
    before = sorted(path.name for path in folder.iterdir())
    assert_mistake(run("encode", "my.model", "b.txt", *options), code, message)
    assert sorted(path.name for path in folder.iterdir()) == before
