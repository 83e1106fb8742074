"""Vectors as NumPy and as safetensors files: what is written is read by those libraries, what lies is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from w2v.encoding.vocabulary import Vocabulary
from w2v.formats.arrays import read_numpy, read_safetensors, write_numpy, write_safetensors
from w2v.vectors.embeddings import Embeddings
from w2v.vectors.persistence import ModelError

WORDS = ["the", "Straße", "日本", "x y", "a\tb", "</s>"]


@pytest.fixture
def embeddings(rng: np.random.Generator) -> Embeddings:
    return Embeddings(Vocabulary(WORDS, np.arange(6, 0, -1)), rng.normal(size=(6, 3)).astype(np.float32))


def assert_same(found: Embeddings, expected: Embeddings, with_counts: bool = True) -> None:
    assert found.index_to_key == expected.index_to_key
    assert found.vectors.tobytes() == expected.vectors.tobytes()
    if with_counts:
        assert found.vocabulary.counts is not None and expected.vocabulary.counts is not None
        assert found.vocabulary.counts.tolist() == expected.vocabulary.counts.tolist()


# NumPy


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_numpy_files_come_back_bit_for_bit(embeddings: Embeddings, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"v{suffix}"
    write_numpy(embeddings, path)
    assert_same(read_numpy(path), embeddings, with_counts=suffix == ".npz")
    assert_same(read_numpy(path, limit=2), embeddings.head(2), with_counts=suffix == ".npz")
    with pytest.raises(ValueError, match="limit"):
        read_numpy(path, limit=0)


def test_numpy_itself_loads_what_is_written(embeddings: Embeddings, tmp_path: Path) -> None:
    write_numpy(embeddings, tmp_path / "v.npz")
    with np.load(tmp_path / "v.npz") as archive:
        assert archive["words"].tolist() == WORDS
        np.testing.assert_array_equal(archive["vectors"], embeddings.vectors)
        assert archive["counts"].tolist() == [6, 5, 4, 3, 2, 1]
    write_numpy(embeddings, tmp_path / "v.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "v.npy", mmap_mode="r"), embeddings.vectors)
    assert (tmp_path / "v.words.txt").read_text(encoding="utf-8").split("\n")[:-1] == WORDS


@pytest.mark.parametrize("dtype", ["float16", "float64", "int32", ">f4"])
def test_numpy_arrays_of_other_types_are_converted(tmp_path: Path, dtype: str) -> None:
    np.save(tmp_path / "v.npy", np.array([[1, 2], [3, 4]], dtype=dtype))
    (tmp_path / "v.words.txt").write_bytes("a\r\nb".encode("utf-8-sig"))
    assert_same(read_numpy(tmp_path / "v.npy"), Embeddings(["a", "b"], [[1, 2], [3, 4]]), with_counts=False)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"vectors": np.ones((2, 2))}, "no array 'words'"),
        ({"words": np.array(["a", "b"])}, "no array 'vectors'"),
        ({"words": np.array(["a", "b"]), "vectors": np.ones((3, 2))}, "3 vectors, but 2 words"),
        ({"words": np.array(["a", "b"]), "vectors": np.ones(2)}, r"float64 of shape \(2,\), not a table"),
        ({"words": np.array(["a", "b"]), "vectors": np.array([["x"], ["y"]])}, "not a table of numbers"),
        ({"words": np.array([["a", "b"]]), "vectors": np.ones((2, 2))}, "not one row of text"),
        ({"words": np.array([1, 2]), "vectors": np.ones((2, 2))}, "not one row of text"),
        ({"words": np.array(["a", "a"]), "vectors": np.ones((2, 2))}, "'a' occurs more than once"),
        ({"words": np.array(["a", "b"]), "vectors": np.array([[1], [np.nan]])}, "row 1 holds NaN"),
        ({"words": np.array(["a", "b"]), "vectors": np.array([[1], [1e300]])}, "row 1, as float32, holds NaN or inf"),
        ({"words": np.array(["a", "b"]), "vectors": np.ones((2, 2)), "counts": np.ones(3, int)}, "counts are int64"),
        ({"words": np.array(["a", "b"]), "vectors": np.ones((2, 2)), "counts": np.array([1, -1])}, "not be negative"),
        ({"words": np.array(["a", "b"], dtype=object), "vectors": np.ones((2, 2))}, "holds Python objects"),
    ],
)
@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
def test_numpy_archives_that_do_not_fit_are_refused(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    np.savez(tmp_path / "v.npz", **arrays)
    with pytest.raises(ModelError, match=rf"v\.npz.*{message}") as caught:
        read_numpy(tmp_path / "v.npz")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (b"a\n", r"v\.npy: there are 2 vectors, but 1 words"),
        (b"a\na\n", r"v\.words\.txt, line 2: the word 'a' occurs more than once"),
        (b"a\n\nb\n", r"v\.words\.txt, line 2: the line is empty"),
        (b"a\n\xff\n", r"v\.words\.txt, line 2: not UTF-8"),
        (None, r"v\.words\.txt does not exist; it must have the words of the vectors, one a line"),
    ],
)
def test_numpy_tables_need_their_words(tmp_path: Path, words: bytes | None, message: str) -> None:
    np.save(tmp_path / "v.npy", np.ones((2, 2), np.float32))
    if words is not None:
        (tmp_path / "v.words.txt").write_bytes(words)
    with pytest.raises(ModelError, match=message):
        read_numpy(tmp_path / "v.npy")


def test_numpy_truncations_and_other_files_are_refused(embeddings: Embeddings, tmp_path: Path) -> None:
    for suffix in (".npy", ".npz"):
        path = tmp_path / f"v{suffix}"
        write_numpy(embeddings, path)
        content = path.read_bytes()
        for length in range(0, len(content), 7):
            path.write_bytes(content[:length])
            with pytest.raises(ModelError, match=rf"v\{suffix}"):
                read_numpy(path)
    with pytest.raises(ModelError, match="does not exist"):
        read_numpy(tmp_path / "nothing.npy")


@pytest.mark.parametrize(("suffix", "word"), [(".npz", ""), (".npz", "a\0"), (".npy", "a\nb"), (".npy", "a\rb")])
def test_numpy_archives_hold_all_words_and_files_of_lines_leave_some_out(
    tmp_path: Path, suffix: str, word: str
) -> None:
    given = Embeddings(["ok", word, "c\nd" * (suffix == ".npz") or "c"], [[1], [2], [3]])
    left_out = [word] * (suffix == ".npy")
    assert write_numpy(given, tmp_path / f"w{suffix}") == left_out
    assert_same(read_numpy(tmp_path / f"w{suffix}"), given.difference(left_out), with_counts=False)
    with pytest.raises(ModelError, match="'bad' holds NaN"):
        write_numpy(Embeddings(["ok", "bad"], np.array([[1], [np.nan]])), tmp_path / f"v{suffix}")
    with pytest.raises(ModelError, match="name of a NumPy file"):
        write_numpy(Embeddings(["ok"], [[1]]), tmp_path / "v.txt")
    assert {path.name[0] for path in tmp_path.iterdir()} == {"w"}


@pytest.mark.parametrize("existing", ["v.npy", "v.words.txt"])
def test_numpy_files_are_replaced_only_when_asked(embeddings: Embeddings, tmp_path: Path, existing: str) -> None:
    (tmp_path / existing).write_text("mine")
    with pytest.raises(ModelError, match=f"{existing} exists already"):
        write_numpy(embeddings, tmp_path / "v.npy")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(existing, "mine")]
    write_numpy(embeddings, tmp_path / "v.npy", overwrite=True)
    assert_same(read_numpy(tmp_path / "v.npy"), embeddings, with_counts=False)


# safetensors


def test_safetensors_come_back_bit_for_bit(embeddings: Embeddings, tmp_path: Path) -> None:
    path = tmp_path / "v.safetensors"
    write_safetensors(embeddings, path)
    assert_same(read_safetensors(path), embeddings)
    assert_same(read_safetensors(path, limit=2), embeddings.head(2))
    with pytest.raises(ModelError, match="exists already"):
        write_safetensors(embeddings, path)
    write_safetensors(embeddings.head(1), path, overwrite=True)
    assert len(read_safetensors(path)) == 1


def test_the_safetensors_library_loads_what_is_written(embeddings: Embeddings, tmp_path: Path) -> None:
    write_safetensors(embeddings, tmp_path / "v.safetensors")
    tensors = load_file(tmp_path / "v.safetensors")
    np.testing.assert_array_equal(tensors["vectors"], embeddings.vectors)
    assert tensors["words"].tobytes().decode().split("\n")[:-1] == WORDS
    assert tensors["counts"].tolist() == [6, 5, 4, 3, 2, 1]


def test_safetensors_of_one_table_take_their_words_from_a_file(tmp_path: Path) -> None:
    save_file({"weight": np.array([[1, 2], [3, 4]], np.float16)}, tmp_path / "v.safetensors")
    (tmp_path / "v.words.txt").write_text("a\nb\n")
    assert_same(
        read_safetensors(tmp_path / "v.safetensors"), Embeddings(["a", "b"], [[1, 2], [3, 4]]), with_counts=False
    )


def as_bytes(text: bytes) -> np.ndarray:
    return np.frombuffer(text, np.uint8)


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"words": as_bytes(b"a\nb\n")}, "expected one table"),
        ({"words": as_bytes(b"a\nb\n"), "x": np.ones((2, 2)), "y": np.ones((2, 2))}, r"found \['x', 'y'\]"),
        ({"words": as_bytes(b"a\nb"), "vectors": np.ones((2, 2))}, "do not end with a line feed"),
        ({"words": as_bytes(b"a\n\xff\n"), "vectors": np.ones((2, 2))}, "not UTF-8 at their byte 2"),
        ({"words": np.ones(4, np.float32), "vectors": np.ones((2, 2))}, "not bytes"),
        ({"words": as_bytes(b"a\na\n"), "vectors": np.ones((2, 2))}, "'a' occurs more than once"),
        ({"words": as_bytes(b"a\n"), "vectors": np.ones((2, 2))}, "2 vectors, but 1 words"),
        ({"words": as_bytes(b"a\nb\n"), "vectors": np.array([[1], [np.inf]])}, "row 1 holds NaN or infinity"),
        ({"words": as_bytes(b"a\nb\n"), "vectors": np.ones((2, 2)), "counts": np.ones(1, int)}, "counts are int64"),
        ({"vectors": np.ones((2, 2))}, "words.txt does not exist"),
    ],
)
def test_safetensors_that_do_not_fit_are_refused(tmp_path: Path, tensors: dict[str, np.ndarray], message: str) -> None:
    save_file(tensors, tmp_path / "v.safetensors")
    with pytest.raises(ModelError, match=message) as caught:
        read_safetensors(tmp_path / "v.safetensors")
    assert "\n" not in str(caught.value)


def test_safetensors_truncations_are_refused(embeddings: Embeddings, tmp_path: Path) -> None:
    path = tmp_path / "v.safetensors"
    write_safetensors(embeddings, path)
    content = path.read_bytes()
    for length in range(0, len(content), 11):
        path.write_bytes(content[:length])
        with pytest.raises(ModelError, match=r"v\.safetensors"):
            read_safetensors(path)


def test_safetensors_hold_all_words(tmp_path: Path) -> None:
    given = Embeddings(["ok", "", " ", "a\nb", "\n", "é\0", "z"], [[i] for i in range(7)])
    assert write_safetensors(given, tmp_path / "w") == []
    assert_same(read_safetensors(tmp_path / "w"), given, with_counts=False)
    for lengths in ([2, 0], [-1] * 7, [100] * 7, [1.5] * 7):
        save_file(load_file(tmp_path / "w") | {"word_lengths": np.array(lengths)}, tmp_path / "x")
        with pytest.raises(ModelError, match="lengths of the words"):
            read_safetensors(tmp_path / "x")
    (tmp_path / "x").unlink()
    (tmp_path / "w").unlink()
    with pytest.raises(ModelError, match="'bad' holds NaN"):
        write_safetensors(Embeddings(["ok", "bad"], np.array([[1], [np.nan]])), tmp_path / "v")
    assert list(tmp_path.iterdir()) == []
