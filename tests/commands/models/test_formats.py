"""`w2v export` and `w2v import` from the command line, with good files and bad."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from w2v.commands.main import main
from w2v.corpora.tokenizers import WordsTokenizer
from w2v.formats import FORMATS, detect_format, read_vectors, write_vectors
from w2v.vectors.embeddings import Embeddings
from w2v.vectors.subwords import Subwords, SubwordVectors

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


@pytest.mark.parametrize(("name", "file"), ALL)
@pytest.mark.parametrize("word", [" ", "", "two words", "a\ttab", "a\nb", "zero\0"])
def test_export_writes_what_a_format_can_hold_and_counts_the_rest(
    tmp_path: Path, name: str, file: str, word: str
) -> None:
    if name == "gensim":
        pytest.importorskip("gensim")
    Embeddings(["ok", word, "fine"], [[1, 0], [2, 0], [3, 0]]).save(tmp_path / "my.model")
    result = run("export", tmp_path / "my.model", tmp_path / file, "--format", name)
    assert result.exit_code == 0, result.output
    holds_all = file in ("v.npz", "v.safetensors", "v.kv") or (name == "fasttext-bin" and "\0" not in word)
    by_line = name == "projector" and word in (" ", "two words", "zero\0")
    by_line |= file == "v.npy" and word not in ("", "a\nb")
    kept = holds_all or by_line or (word == "zero\0" and not file.startswith("v.bin"))
    assert (result.stderr == "") == kept
    if not kept:
        assert f"Warning: 1 of 3 words were left out, such as {word!r}, which {name} cannot" in result.stderr
    if name != "gensim":
        assert read_vectors(tmp_path / file).index_to_key == (["ok", word, "fine"] if kept else ["ok", "fine"])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("v.vec", b"2 2\nnew york 1 2\nb 3 4\n"),
        ("glove.txt", b"a 1 2\nnew york 3 4\n"),
        ("v.bin", b"1 2\na " + np.array([1, 2], "<f4").tobytes()),
    ],
)
@pytest.mark.parametrize("kind", ["zip", "bz2", "xz", "gz"])
def test_import_reads_packed_files_as_they_are_published(tmp_path: Path, name: str, content: bytes, kind: str) -> None:
    (tmp_path / name).write_bytes(content)
    expected = read_vectors(tmp_path / name)
    packed = tmp_path / f"{name}.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(f"folder/{name}", content)
            archive.writestr("README.txt", "how to read these")
            archive.writestr("__MACOSX/._x", "x")
    else:
        packed.write_bytes({"bz2": bz2, "xz": lzma, "gz": gzip}[kind].compress(content))
    assert run("import", packed, "--output", tmp_path / "m").exit_code == 0
    found = Embeddings.load(tmp_path / "m")
    assert found.index_to_key == expected.index_to_key
    np.testing.assert_array_equal(found.vectors, expected.vectors)


def test_import_says_what_is_wrong_with_an_archive(tmp_path: Path) -> None:
    for names, mentioned in ((["a.txt", "b.txt"], "zip archive of 2 files (a.txt, b.txt); unpack"), ([], "of 0 files")):
        with zipfile.ZipFile(tmp_path / "v.zip", "w") as archive:
            for name in names:
                archive.writestr(name, "a 1 2\n")
        assert_mistake(run("import", tmp_path / "v.zip", "--output", tmp_path / "out"), 1, "v.zip", mentioned)
    (tmp_path / "v.zip").write_bytes(b"PK\x03\x04garbage")
    assert_mistake(run("import", tmp_path / "v.zip", "--output", tmp_path / "out"), 1, "cannot be opened")
    (tmp_path / "v.zst").write_bytes(b"\x28\xb5\x2f\xfd1234567")
    assert_mistake(run("import", tmp_path / "v.zst", "--output", tmp_path / "out"), 1, "compressed with zstd")


@pytest.mark.parametrize("name", [name for name in FORMATS if name not in ("gensim", "model2vec")])
@pytest.mark.parametrize("given", [True, False])
def test_import_names_a_pointer_of_git_lfs(tmp_path: Path, name: str, given: bool) -> None:
    file = NAMES[name][0] if name != "projector" else "vectors.tsv"
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
    (tmp_path / file).write_text(pointer)
    arguments = ["--format", name] if given else []
    result = run("import", tmp_path / file, "--output", tmp_path / "out", *arguments)
    assert_mistake(result, 1, file, "is a Git LFS pointer", "git lfs pull")


def test_import_counts_words_that_fall_together(tmp_path: Path) -> None:
    (tmp_path / "v.txt").write_bytes(b"4 1\na 1\ncaf\xe9 2\ncaf\xe8 3\nb 4\n")
    result = run("import", tmp_path / "v.txt", "--output", tmp_path / "a", "--errors", "replace")
    assert result.exit_code == 0
    assert "Warning: 1 words occurred more than once, in FILE or because of --errors replace" in result.stderr
    result = run("import", tmp_path / "v.txt", "--output", tmp_path / "b", "--encoding", "latin-1")
    assert (result.exit_code, result.output) == (0, "")
    assert Embeddings.load(tmp_path / "b").index_to_key == ["a", "café", "cafè", "b"]
    result = run("import", tmp_path / "v.txt", "--output", tmp_path / "c", "--encoding", "klingon")
    assert_mistake(result, 1, "there is no text encoding 'klingon'")


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
        ("v.txt.gz", gzip.compress(b"2 1\na 1\nb 2\n", mtime=0)[:-6], "v.txt.gz"),
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
    assert_mistake(run("import", model, "--output", tmp_path / "out"), 1, "is already a model folder")
    (tmp_path / "other").mkdir()
    assert_mistake(run("import", tmp_path / "other", "--output", tmp_path / "out"), 1, "not a known kind of folder")


def test_unknown_formats_are_a_mistake_of_use(model: Path, tmp_path: Path) -> None:
    assert_mistake(run("export", model, tmp_path / "x"), 2, "--format")
    assert_mistake(run("export", model, tmp_path / "x", "--format", "excel"), 2, "'word2vec-text'")
    assert_mistake(run("import", model, "--output", tmp_path / "x", "--format", "excel"), 2, "'fasttext-bin'")
    assert_mistake(run("export", model, tmp_path / "x.txt", "--format", "numpy"), 1, ".npz")
    with pytest.raises(ValueError, match="the formats are word2vec-text"):
        read_vectors(model, format="excel")
    with pytest.raises(ValueError, match="the formats are word2vec-text"):
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


def test_import_says_that_a_stream_cannot_be_imported(tmp_path: Path) -> None:
    assert_mistake(
        run("import", "-", "-o", tmp_path / "m"), 1, "standard input cannot be imported", "write it to a file"
    )
    os.mkfifo(tmp_path / "pipe")
    assert_mistake(run("import", tmp_path / "pipe", "-o", tmp_path / "m"), 1, "pipe is a pipe or a device", "to a file")
    assert not (tmp_path / "m").exists()


def test_import_never_unpickles_what_pytorch_saves(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "m.pt", "w") as archive:
        archive.writestr("m/data.pkl", b"cos\nsystem\n(S'false'\ntR.")
        archive.writestr("m/data/0", b"1234")
    assert_mistake(run("import", tmp_path / "m.pt", "-o", tmp_path / "m"), 1, "m.pt is a pickle of PyTorch", "as .npy")
