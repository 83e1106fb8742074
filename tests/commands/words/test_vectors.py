"""The commands prune and index, and neighbors --approximate."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.command_line import assert_mistake, run
from w2v import Embeddings, Vocabulary
from w2v.vectors.index import INDEX_FILE

WORDS = [f"word{i}" for i in range(120)]


@pytest.fixture
def model(tmp_path: Path, rng: np.random.Generator) -> Path:
    path = tmp_path / "my.model"
    counts = rng.permutation(120)
    metadata = {"parameters": {"window": 5}, "training": {"complete": False}}
    Embeddings(Vocabulary(WORDS, counts), rng.normal(size=(120, 10)), metadata=metadata).save(path)
    return path


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8"])
def test_prune_keeps_the_most_frequent_words_in_a_smaller_dtype(model: Path, tmp_path: Path, dtype: str) -> None:
    result = run("prune", model, "--output", tmp_path / "small.model", "--max-vocab", 30, "--dtype", dtype, "--json")
    assert result.exit_code == 0, result.output
    before, after = Embeddings.load(model), Embeddings.load(tmp_path / "small.model")
    counts = before.vocabulary.counts
    assert counts is not None and after.vocabulary.counts is not None
    assert after.index_to_key == [word for word, count in zip(WORDS, counts, strict=True) if count >= 90]
    assert after.vocabulary.counts.min() == 90
    assert after.dtype == dtype
    np.testing.assert_allclose(after.vectors, before[after.index_to_key], atol=0.02)
    assert after.metadata == {"parameters": {"window": 5}}  # it cannot be trained on: nothing to go on with is kept
    printed = json.loads(result.stdout)
    assert printed["words_before"] == 120 and printed["words_after"] == 30
    assert printed["bytes_before"] == 120 * 40 and printed["bytes_after"] == after.table.nbytes
    assert printed["mean_cosine"] > 0.999


def test_prune_shows_a_table_and_replaces_a_model_only_when_asked(model: Path) -> None:
    assert_mistake(run("prune", model, "--output", model, "--dtype", "int8"), 1, "exists already")
    result = run("prune", model, "--output", model, "--dtype", "int8", "--overwrite")
    assert result.exit_code == 0 and "10 nearest words kept" in result.stdout
    assert Embeddings.load(model).dtype == "int8" and len(Embeddings.load(model)) == 120


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        ([], 2, "give --max-vocab N, --dtype, --language TAG, --center or --both"),
        (["--top", 0], 2, "--top"),
        (["--top", "many"], 2, "--top"),
        (["--dtype", "int4"], 2, "'int4' is not one of"),
    ],
)
def test_prune_rejects_bad_options(model: Path, tmp_path: Path, options: list[object], code: int, message: str) -> None:
    assert_mistake(run("prune", model, "--output", tmp_path / "small.model", *options), code, message)
    assert not (tmp_path / "small.model").exists()


def test_prune_names_the_word_that_cannot_be_stored(tmp_path: Path) -> None:
    Embeddings(["good", "bad"], np.array([[1, 2], [np.inf, 1]])).save(tmp_path / "my.model")
    result = run("prune", tmp_path / "my.model", "--output", tmp_path / "small.model", "--dtype", "int8")
    assert_mistake(result, 1, "the word 'bad' cannot be stored as int8: it holds NaN or infinity")
    assert not (tmp_path / "small.model").exists()


def test_index_of_words_measures_recall_and_neighbors_uses_it(model: Path) -> None:
    pytest.importorskip("usearch")
    result = run("index", model, "--workers", 1, "--json")
    assert result.exit_code == 0, result.output
    printed = json.loads(result.stdout)
    assert printed["words"] == 120 and printed["recall"] > 0.95
    assert printed["bytes"] == (model / INDEX_FILE).stat().st_size
    exact, near = (run("neighbors", model, "word5", *option).stdout for option in ([], ["--approximate"]))
    assert exact == near
    assert "recall of 10 neighbours" in run("index", model, "--dtype", "int8").stdout


def test_neighbors_approximate_rejects_what_it_cannot_do(model: Path) -> None:
    pytest.importorskip("usearch")
    assert_mistake(run("neighbors", model, "word5", "--approximate"), 1, "w2v index ")
    limited = run("neighbors", model, "word5", "--approximate", "--restrict-vocab", 5)
    assert_mistake(limited, 2, "--restrict-vocab needs an exact search")
    assert_mistake(run("index", model, "--connectivity", 1), 2, "--connectivity")
    assert_mistake(run("index", model, "--effort", 0), 2, "--effort")
    assert_mistake(run("index", model, "--workers", 0), 2, "--workers")
    assert_mistake(run("index", model / "nowhere"), 1, "does not exist")
    (model / INDEX_FILE).write_bytes(b"no index")
    assert_mistake(run("neighbors", model, "word5", "--approximate"), 1, "damaged or not a safetensors file")


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("prune", ["--output", "-", "--max-vocab", 3]),
        ("export", ["-", "--format", "glove"]),
        ("encode", ["--output", "-", "--jsonl"]),
    ],
)
def test_a_dash_is_no_name_to_write_to(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, options: list[object]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert_mistake(run(command, model, *options), 1, "this result cannot go to standard output")
    assert not Path("-").exists()


def test_index_finds_out_first_that_a_model_cannot_be_written(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr("w2v.vectors.index.NeighborIndex.build", lambda *_, **__: pytest.fail("it was built"))
    monkeypatch.setattr(Path, "mkdir", refuse)
    assert_mistake(run("index", model), 1, "cannot be written: Read-only file system; choose a folder that you can")
