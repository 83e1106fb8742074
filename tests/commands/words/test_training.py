"""The command train: its output, what it reads, and trainings that are resumed."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.command_line import assert_mistake, run
from tests.helpers.examples.royals import edit_config, save_royals, write_numbers
from w2v.monitoring.history import Progress
from w2v.training import word2vec
from w2v.training.word2vec import Word2Vec
from w2v.vectors.embeddings import Embeddings

SMALL = ["--vector-size", "8", "--epochs", "2", "--workers", "1", "--seed", "1"]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return save_royals(tmp_path)


@pytest.fixture
def corpus(tmp_path: Path, rng: np.random.Generator) -> Path:
    return write_numbers(tmp_path, rng)


def test_train_saves_a_model_that_answers(corpus: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.model"
    result = run("train", corpus, "--output", output, *SMALL)
    assert result.exit_code == 0, result.output
    assert result.stderr == ""  # progress is for terminals
    assert str(output) in result.stdout
    embeddings = Embeddings.load(output)
    assert sorted(embeddings) == sorted("one two three four five six seven eight".split())
    assert embeddings.vectors.shape == (8, 8)
    assert run("neighbors", output, "ONE").exit_code == 0  # queries are normalised like the text


def test_train_reports_as_json(corpus: Path, tmp_path: Path) -> None:
    result = run("train", corpus, "--output", tmp_path / "out", *SMALL, "--json")
    summary = json.loads(result.stdout)
    assert summary["vocabulary_size"] == 8
    assert summary["output"] == str(tmp_path / "out")
    assert len(summary["history"]) == 2


def test_train_passes_every_option_on(corpus: Path, tmp_path: Path) -> None:
    options = ["--algorithm", "cbow", "--window", "2", "--negative", "3", "--min-count", "2", "--max-vocab", "5"]
    options += ["--sample", "0.5", "--ns-exponent", "0.5", "--no-shrink-windows", "--learning-rate", "0.05"]
    options += ["--min-learning-rate", "0.001", "--tokenizer", "whitespace"]
    assert run("train", corpus, "--output", tmp_path / "out", *SMALL, *options).exit_code == 0
    described = json.loads(run("info", tmp_path / "out", "--json").stdout)
    expected = {
        "algorithm": "cbow", "vector_size": 8, "window": 2, "negative": 3, "min_count": 2, "max_vocab": 5,
        "sample": 0.5, "ns_exponent": 0.5, "shrink_windows": False, "learning_rate": 0.05, "min_learning_rate": 0.001,
        "epochs": 2, "workers": 1, "seed": 1,
    }  # fmt: skip
    assert expected.items() <= described["parameters"].items()
    assert described["tokenizer"] == {"name": "whitespace"}
    assert described["vocabulary_size"] == 5


def test_train_reads_standard_input_and_patterns(corpus: Path, tmp_path: Path) -> None:
    piped = run("train", "-", "--output", tmp_path / "a", *SMALL, stdin=corpus.read_bytes())
    matched = run("train", corpus.parent / "*.txt", "--output", tmp_path / "b", *SMALL)
    assert piped.exit_code == matched.exit_code == 0
    first, second = (Embeddings.load(tmp_path / name).vectors for name in "ab")
    np.testing.assert_array_equal(first, second)


def test_train_refuses_an_existing_output_unless_told(corpus: Path, model: Path) -> None:
    before = (model / "vectors.safetensors").read_bytes()
    assert_mistake(run("train", corpus, "--output", model, *SMALL), 1, str(model), "exists")
    assert (model / "vectors.safetensors").read_bytes() == before
    assert run("train", corpus, "--output", model, *SMALL, "--overwrite").exit_code == 0
    assert Embeddings.load(model).vectors.shape == (8, 8)


def test_train_never_replaces_what_is_no_model(corpus: Path, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "cat.jpg").write_bytes(b"meow")
    assert_mistake(run("train", corpus, "--output", folder, *SMALL, "--overwrite"), 1, str(folder))
    assert (folder / "cat.jpg").read_bytes() == b"meow"


def test_train_makes_the_folders_of_its_output_if_it_has_something_to_write(corpus: Path, tmp_path: Path) -> None:
    output = tmp_path / "no" / "such" / "out"
    assert run("train", tmp_path / "nothing.txt", "--output", output, *SMALL).exit_code == 1
    assert run("train", corpus, "--output", output, *SMALL, "--min-count", 10**6).exit_code == 1
    assert not (tmp_path / "no").exists()
    assert run("train", corpus, "--output", output, *SMALL).exit_code == 0
    assert len(Embeddings.load(output))


BAD_CORPORA = {
    "missing.txt": None,
    "empty.txt": b"",
    "blank.txt": b" \n\n\t\n",
    "noise.txt": bytes(range(128, 256)) * 50,
    "utf16.txt": "\ufeffone two three\n".encode("utf-16-le") * 50,
    "nul.txt": b"one two\0three\n" * 50,
    "truncated.gz": gzip.compress(b"one two three\n" * 50)[:-12],
    "fake.gz": b"one two three\n" * 50,
    "fake.bz2": b"one two three\n" * 50,
    "fake.xz": b"one two three\n" * 50,
    "rare.txt": b"every word only once\n",
}


@pytest.mark.parametrize("name", BAD_CORPORA)
@pytest.mark.parametrize("command", ["train", "compare"])
def test_bad_corpus_ends_with_one_line(tmp_path: Path, command: str, name: str) -> None:
    if command == "compare":
        pytest.importorskip("gensim")
    path, content = tmp_path / name, BAD_CORPORA[name]
    if content is not None:
        path.write_bytes(content)
    before = sorted(tmp_path.iterdir())
    output = ["--output", tmp_path / "out"] if command == "train" else []
    about_the_words = {
        "empty.txt": "empty.txt has no words",
        "blank.txt": "has no words",
        "rare.txt": "rare.txt: no word",
    }
    assert_mistake(run(command, path, *output, *SMALL), 1, about_the_words.get(name, name))
    assert sorted(tmp_path.iterdir()) == before


def test_train_refuses_a_folder_as_input(tmp_path: Path) -> None:
    assert_mistake(run("train", tmp_path, "--output", tmp_path / "out"), 1, str(tmp_path), "folder")


def test_train_refuses_a_pattern_without_a_match(tmp_path: Path) -> None:
    assert_mistake(run("train", tmp_path / "*.txt", "--output", tmp_path / "out"), 1, "*.txt")


class InterruptedWord2Vec(Word2Vec):
    """Is interrupted, as by Ctrl-C, when the first segment is done."""

    def fit(self, corpus: Any, y: object = None, *, progress: Any = None, **options: Any) -> Word2Vec:
        def interrupt(state: Progress) -> None:
            if state.phase == "training":
                raise KeyboardInterrupt

        return super().fit(corpus, progress=interrupt, **options)


def test_resume_ends_where_uninterrupted_training_does(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("train", corpus, "--output", tmp_path / "whole", *SMALL).exit_code == 0
    with monkeypatch.context() as patch:
        patch.setattr(word2vec, "Word2Vec", InterruptedWord2Vec)
        interrupted = run("train", corpus, "--output", tmp_path / "parts", *SMALL)
    assert interrupted.exit_code == 130
    assert "w2v train --resume" in interrupted.stderr
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert not np.array_equal(Embeddings.load(parts).vectors, Embeddings.load(whole).vectors)
    resumed = run("train", "--resume", parts)
    assert resumed.exit_code == 0, resumed.output
    np.testing.assert_array_equal(Embeddings.load(parts).vectors, Embeddings.load(whole).vectors)


def test_resume_refuses_a_model_that_is_complete(corpus: Path, tmp_path: Path) -> None:
    assert run("train", corpus, "--output", tmp_path / "out", *SMALL).exit_code == 0
    assert_mistake(run("train", "--resume", tmp_path / "out"), 1, "complete")


def test_resume_refuses_a_model_without_training_state(model: Path) -> None:
    assert_mistake(run("train", "--resume", model), 1, "not the state of a training")


@pytest.mark.parametrize(("inputs", "code"), [(None, 1), ([], 2), ([1], 1), ("corpus.txt", 1), (["-"], 2)])
def test_resume_asks_for_text_that_the_model_does_not_name(
    corpus: Path, tmp_path: Path, inputs: object, code: int
) -> None:
    output = tmp_path / "out"
    assert run("train", corpus, "--output", output, *SMALL).exit_code == 0
    training = json.loads((output / "config.json").read_text(encoding="utf-8"))["training"]
    edit_config(output, training=training | {"inputs": inputs, "complete": False})
    assert_mistake(run("train", "--resume", output), code, str(output))
