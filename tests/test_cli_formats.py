"""`w2v export` and `w2v import` from the command line, with good files and bad."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from cli import main
from corpora.tokenizers import WordsTokenizer
from w2v.embeddings import Embeddings
from w2v.formats import FORMATS, detect_format, read_vectors, write_vectors
from w2v.subwords import Subwords, SubwordVectors

NAMES = {
    "word2vec-text": ["v.txt", "v.txt.gz"],
    "word2vec-binary": ["v.bin", "v.bin.gz"],
    "fasttext-vec": ["v.vec", "v.vec.gz"],
    "fasttext-bin": ["v.bin", "v.bin.gz"],
    "glove": ["v.txt", "v.txt.gz"],
    "gensim": ["v.kv"],
    "numpy": ["v.npz", "v.npy"],
    "safetensors": ["v.safetensors"],
    "projector": ["v"],
}
ALL = [(name, file) for name, files in NAMES.items() for file in files]


@pytest.fixture
def embeddings(rng: np.random.Generator) -> Embeddings:
    words = ["the", "straße", "日本", "1", "don't"]
    return Embeddings(words, rng.normal(size=(5, 4)).astype(np.float32), tokenizer=WordsTokenizer())


@pytest.fixture
def model(embeddings: Embeddings, tmp_path: Path) -> Path:
    embeddings.save(tmp_path / "my.model")
    return tmp_path / "my.model"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def assert_mistake(result: Result, code: int, *mentioned: str) -> None:
    assert result.exit_code == code, result.output
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    if code == 1:
        assert result.stderr.startswith("Error: ") and result.stderr.count("\n") == 1
    for text in mentioned:
        assert text in result.stderr


def test_every_format_is_tried_here() -> None:
    assert set(NAMES) == set(FORMATS) - {"model2vec"}  # which is written of encoders: test_encoder_formats.py


@pytest.mark.parametrize(("name", "file"), [(name, file) for name, file in ALL if name != "gensim"])
def test_export_and_import_bring_the_vectors_back(
    model: Path, embeddings: Embeddings, tmp_path: Path, name: str, file: str
) -> None:
    exported = run("export", model, tmp_path / file, "--format", name)
    assert (exported.exit_code, exported.output) == (0, "")
    imported = run("import", tmp_path / file, "--output", tmp_path / "b.model")
    assert (imported.exit_code, imported.output) == (0, "")
    again = Embeddings.load(tmp_path / "b.model")
    assert again.index_to_key == embeddings.index_to_key
    np.testing.assert_allclose(again.vectors, embeddings.vectors, rtol=1e-6)


@pytest.mark.parametrize(("name", "file"), ALL)
def test_export_replaces_only_when_told(model: Path, tmp_path: Path, name: str, file: str) -> None:
    if name == "gensim":
        pytest.importorskip("gensim")
    assert run("export", model, tmp_path / file, "--format", name).exit_code == 0
    before = sorted(tmp_path.rglob("*"))
    assert_mistake(run("export", model, tmp_path / file, "--format", name), 1, str(tmp_path / "v"), "exists")
    assert run("export", model, tmp_path / file, "--format", name, "--overwrite").exit_code == 0
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(("name", "file"), ALL)
def test_export_of_a_model_that_cannot_be_expressed_leaves_nothing(tmp_path: Path, name: str, file: str) -> None:
    if name == "gensim":
        pytest.importorskip("gensim")
    Embeddings(["ok", "bad"], np.array([[1], [np.nan]])).save(tmp_path / "nan.model")
    assert_mistake(run("export", tmp_path / "nan.model", tmp_path / file, "--format", name), 1, "'bad' holds NaN")
    assert [path.name for path in tmp_path.iterdir()] == ["nan.model"]


@pytest.mark.parametrize("name", ["word2vec-text", "word2vec-binary", "fasttext-vec", "fasttext-bin", "glove"])
@pytest.mark.parametrize("word", ["two words", "a\ttab", ""])
def test_export_names_a_word_with_white_space(tmp_path: Path, name: str, word: str) -> None:
    Embeddings(["ok", word], [[1], [2]]).save(tmp_path / "my.model")
    assert_mistake(run("export", tmp_path / "my.model", tmp_path / "v", "--format", name), 1, repr(word))
    assert [path.name for path in tmp_path.iterdir()] == ["my.model"]


def test_ngrams_go_out_and_in(model: Path, embeddings: Embeddings, tmp_path: Path) -> None:
    subwords = SubwordVectors(Subwords(3, 6, 20), np.ones((20, 4), np.float32))
    Embeddings(embeddings.vocabulary, embeddings.vectors, subwords=subwords).save(tmp_path / "sub.model")
    assert run("export", tmp_path / "sub.model", tmp_path / "v.bin", "--format", "fasttext-bin").exit_code == 0
    assert run("import", tmp_path / "v.bin", "--output", tmp_path / "again.model").exit_code == 0
    assert run("neighbors", tmp_path / "again.model", "strassse").exit_code == 0


@pytest.mark.parametrize(
    ("name", "content", "mentioned"),
    [
        ("v.txt", b"", "is empty"),
        ("v.txt", b"no header\n", "line 1"),
        ("v.txt", b"3 2\na 1 2\n", "promises 3"),
        ("v.txt", b"99999999999 300\na 1 2\n", "line 1"),
        ("v.txt", b"2 1\na 1\nb nan\n", "line 3"),
        ("v.txt", b"a 1 2\nb 3\n", "line 2"),
        ("v.txt", b"a 1 2\nb 3 x\n", "line 2: 'x' is not a number"),
        ("v.txt.gz", gzip.compress(b"2 1\na 1\nb 2\n")[:-6], "v.txt.gz"),
        ("v.bin", b"\xba\x16\x4f\x2f\x0c\0\0\0", "truncated"),
        ("v.bin", b"\xba\x16\x4f\x2f\x63\0\0\0", "format 99"),
        ("v.npz", b"PK\x03\x04garbage", "v.npz is damaged"),
        ("v.npy", b"\x93NUMPY\x01\0", "v.npy is damaged"),
        ("v.safetensors", b"\xff" * 30, "v.safetensors is damaged"),
        ("v.tsv", b"1\t2\n", "metadata.tsv does not exist"),
        ("v.kv", b"\x80\x04\x95\0\0", "is a pickle"),
        ("v", b"\x80\x03c__builtin__\nexit\n", "is a pickle"),
    ],
)
def test_import_names_what_is_wrong_with_a_file(tmp_path: Path, name: str, content: bytes, mentioned: str) -> None:
    (tmp_path / name).write_bytes(content)
    assert_mistake(run("import", tmp_path / name, "--output", tmp_path / "out"), 1, str(tmp_path), mentioned)
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", [name for name in FORMATS if name not in ("gensim",)])
def test_import_of_nothing_is_a_mistake_in_every_format(tmp_path: Path, name: str) -> None:
    arguments = ["--output", tmp_path / "out", "--format", name]
    assert_mistake(run("import", tmp_path / "missing", *arguments), 1, "missing")
    (tmp_path / "empty").write_bytes(b"")
    assert_mistake(run("import", tmp_path / "empty", *arguments), 1, "empty")
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]


def test_import_of_folders_says_which_kinds_there_are(model: Path, tmp_path: Path) -> None:
    assert_mistake(run("import", model, "--output", tmp_path / "out"), 1, "is a model folder already")
    (tmp_path / "other").mkdir()
    assert_mistake(run("import", tmp_path / "other", "--output", tmp_path / "out"), 1, "no known kind")


def test_unknown_formats_are_a_mistake_of_use(model: Path, tmp_path: Path) -> None:
    assert_mistake(run("export", model, tmp_path / "x"), 2, "--format")
    assert_mistake(run("export", model, tmp_path / "x", "--format", "excel"), 2, "'word2vec-text'")
    assert_mistake(run("import", model, "--output", tmp_path / "x", "--format", "excel"), 2, "'fasttext-bin'")
    assert_mistake(run("export", model, tmp_path / "x.txt", "--format", "numpy"), 1, ".npz")
    with pytest.raises(ValueError, match="known are word2vec-text"):
        read_vectors(model, format="excel")
    with pytest.raises(ValueError, match="known are word2vec-text"):
        write_vectors(Embeddings.load(model), tmp_path / "x", format="excel")


def test_import_limit_keeps_the_first_words_of_every_format(embeddings: Embeddings, tmp_path: Path) -> None:
    for name, file in ALL:
        if name != "gensim":
            (tmp_path / name).mkdir(exist_ok=True)
            write_vectors(embeddings, tmp_path / name / file, format=name)
            assert read_vectors(tmp_path / name / file, limit=2).index_to_key == ["the", "straße"]


@pytest.mark.parametrize(
    ("name", "file"), [(name, file) for name, file in ALL if name not in ("gensim", "fasttext-vec")]
)
def test_formats_are_recognised_by_their_content(embeddings: Embeddings, tmp_path: Path, name: str, file: str) -> None:
    write_vectors(embeddings, tmp_path / file, format=name)
    assert detect_format(tmp_path / file).name == name.removesuffix("-text").removesuffix("-binary")
