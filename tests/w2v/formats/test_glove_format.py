"""The text format of GloVe, written and read here and by gensim."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from w2v.formats import source
from w2v.formats.glove import read_glove, write_glove
from w2v.vectors.embeddings import Embeddings
from w2v.vectors.persistence import ModelError


@pytest.fixture
def embeddings(rng: np.random.Generator) -> Embeddings:
    words = ["the", "Straße", "日本", "3", "x\u00a0y", "0.5", "nan", *(f"w{i}" for i in range(40))]
    return Embeddings(words, rng.normal(size=(47, 7)).astype(np.float32))


def assert_same(found: Embeddings, expected: Embeddings) -> None:
    assert found.index_to_key == expected.index_to_key
    assert found.vectors.tobytes() == expected.vectors.tobytes()


def write(path: Path, content: str) -> Path:
    data = content.encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("block_bytes", [1, 100, 8 << 20])
def test_read_gives_back_what_write_wrote_bit_for_bit(
    embeddings: Embeddings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, block_bytes: int
) -> None:
    monkeypatch.setattr(source, "BLOCK_BYTES", block_bytes)
    write_glove(embeddings, tmp_path / f"v{suffix}")
    assert_same(read_glove(tmp_path / f"v{suffix}"), embeddings)
    assert_same(
        read_glove(tmp_path / f"v{suffix}", limit=3), Embeddings(["the", "Straße", "日本"], embeddings.vectors[:3])
    )


def test_tables_larger_than_the_first_guess_are_read(tmp_path: Path, rng: np.random.Generator) -> None:
    expected = Embeddings([f"w{i}" for i in range(5000)], rng.normal(size=(5000, 2)).astype(np.float32))
    write_glove(expected, tmp_path / "v")
    assert_same(read_glove(tmp_path / "v"), expected)


@pytest.mark.interop
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # gensim leaves the file open
def test_gensim_reads_what_is_written_here(embeddings: Embeddings, tmp_path: Path) -> None:
    keyed_vectors = pytest.importorskip("gensim.models").KeyedVectors
    write_glove(embeddings, tmp_path / "v")
    keyed = keyed_vectors.load_word2vec_format(str(tmp_path / "v"), binary=False, no_header=True)
    assert keyed.index_to_key == embeddings.index_to_key
    np.testing.assert_array_equal(keyed.vectors, embeddings.vectors)


@pytest.mark.interop
def test_what_gensim_writes_is_read_here(embeddings: Embeddings, tmp_path: Path) -> None:
    pytest.importorskip("gensim")
    embeddings.to_gensim().save_word2vec_format(str(tmp_path / "v"), binary=False, write_header=False)
    assert_same(read_glove(tmp_path / "v"), embeddings)


@pytest.mark.parametrize("content", ["a 1 2\nb 3 4", "\ufeffa 1 2\r\nb 3 4\r\n", "a 1 2 \nb 3e0 +4. \n"])
def test_variants_are_read(tmp_path: Path, content: str) -> None:
    assert_same(read_glove(write(tmp_path / "v", content)), Embeddings(["a", "b"], [[1, 2], [3, 4]]))


def test_words_with_spaces_of_the_published_files_are_read(tmp_path: Path) -> None:
    found = read_glove(write(tmp_path / "v", "the 1 2\n. . . 3 4\nat name@domain.com 5 6\n1 7 8\n"))
    assert_same(found, Embeddings(["the", ". . .", "at name@domain.com", "1"], [[1, 2], [3, 4], [5, 6], [7, 8]]))


def test_of_repeated_words_the_first_vector_is_kept(tmp_path: Path) -> None:
    found = read_glove(write(tmp_path / "v", "a 1\nb 2\na 3\n"))
    assert_same(found, Embeddings(["a", "b"], [[1], [2]]))
    assert found.metadata == {"duplicates_dropped": 1}


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a 1 2\nb 3\n", "line 2: the word 'b' should be followed by 2 numbers, not 1"),
        ("a 1 2\nb 3 4 5\n", "line 2: the word 'b' should be followed by 2 numbers, not 3"),
        ("a 1 2\n\nb 3 4\n", "line 2: the word '' should be followed by 2 numbers, not 0"),
        ("a 1 2\nb 3 x\n", "line 2: 'x' is not a number"),
        ("a 1 2\nb 3 nan\n", "line 2: the vector of 'b' holds NaN or infinity"),
        ("a 1 2\nb 3 1e99\n", "line 2: the vector of 'b' holds NaN or infinity"),
        ("a\nb\n", "line 1: expected a word and its numbers, not 'a'"),
        ("a b c\n", "line 1: expected a word"),
        ("\n", "line 1: expected a word"),
    ],
)
def test_damaged_files_are_refused_by_their_line(tmp_path: Path, content: str, message: str, suffix: str) -> None:
    with pytest.raises(ModelError, match=f"v{suffix}.*{message}") as caught:
        read_glove(write(tmp_path / f"v{suffix}", content))
    assert "\n" not in str(caught.value)


def test_empty_missing_and_binary_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is empty"):
        read_glove(write(tmp_path / "v", ""))
    with pytest.raises(ModelError, match="does not exist"):
        read_glove(tmp_path / "nothing")
    (tmp_path / "b").write_bytes(b"a \xff\xfe\x00 1\n")
    with pytest.raises(ModelError, match="byte 2: not UTF-8"):
        read_glove(tmp_path / "b")
    with pytest.raises(ValueError, match="limit"):
        read_glove(tmp_path / "v", limit=0)


@pytest.mark.parametrize("word", ["", "a b", "a\tb"])
def test_words_with_white_space_are_left_out_and_named(tmp_path: Path, word: str) -> None:
    assert write_glove(Embeddings(["ok", word], [[1], [2]]), tmp_path / "v") == [word]
    assert_same(read_glove(tmp_path / "v"), Embeddings(["ok"], [[1]]))
    with pytest.raises(ModelError, match="'bad' holds NaN"):
        write_glove(Embeddings(["ok", "bad"], np.array([[1], [np.inf]])), tmp_path / "w")
    assert [path.name for path in tmp_path.iterdir()] == ["v"]


def test_words_with_spaces_may_come_first_and_end_in_numbers(tmp_path: Path) -> None:
    found = read_glove(write(tmp_path / "v", "catch 22 0.5 1.5\nR$ 0,00 2.5 3.5\na 4.5 5.5\nb 6.5 7.5\n"))
    assert_same(found, Embeddings(["catch 22", "R$ 0,00", "a", "b"], [[0.5, 1.5], [2.5, 3.5], [4.5, 5.5], [6.5, 7.5]]))


@pytest.mark.parametrize("content", [b"\xef\xbb\xbf", b"\n", b" \n"])
def test_file_without_a_row_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "v.txt"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"v\.txt, line 1: expected a word and its numbers"):
        read_glove(path)
