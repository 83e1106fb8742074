"""The text and binary formats of word2vec, written and read here and by gensim."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from w2v.encoding.vocabulary import Vocabulary
from w2v.formats import read_vectors, source, word2vec, write_vectors
from w2v.formats.word2vec import read_word2vec, write_word2vec
from w2v.vectors.embeddings import Embeddings
from w2v.vectors.persistence import ModelError

FORMATS = [(binary, suffix) for binary in (True, False) for suffix in ("", ".gz")]


@pytest.fixture
def embeddings(rng: np.random.Generator) -> Embeddings:
    words = ["the", "Straße", "日本", "3", "x\u00a0y", "\u2028", "0.5", "#", "nan", "'s", *(f"w{i}" for i in range(40))]
    vectors = rng.normal(size=(50, 7)).astype(np.float32)
    vectors[0] = [0, -0.0, 1e-45, 9.9e11, -1e-30, 1 / 3, 16777217]
    vectors[1] = np.frombuffer(b"\n \n 1 2 \n3 4\n\n\n    1.1\n 2\n..", dtype="<f4", count=7)
    return Embeddings(words, vectors)


def assert_same(found: Embeddings, expected: Embeddings) -> None:
    assert found.index_to_key == expected.index_to_key
    assert found.vectors.tobytes() == expected.vectors.tobytes()


def write(path: Path, content: bytes | str) -> Path:
    data = content if isinstance(content, bytes) else content.encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def row(word: str | bytes, *values: float, end: bytes = b"") -> bytes:
    """One word of a binary file."""
    encoded = word if isinstance(word, bytes) else word.encode()
    return encoded + b" " + np.array(values, dtype="<f4").tobytes() + end


# round trips


@pytest.mark.parametrize(("binary", "suffix"), FORMATS)
@pytest.mark.parametrize("declared", [True, False])
def test_read_gives_back_what_write_wrote_bit_for_bit(
    embeddings: Embeddings, tmp_path: Path, binary: bool, suffix: str, declared: bool
) -> None:
    path = tmp_path / f"vectors{suffix}"
    write_word2vec(embeddings, path, binary=binary)
    assert (path.read_bytes()[:2] == b"\x1f\x8b") == (suffix == ".gz")
    assert_same(read_word2vec(path, binary=binary if declared else None), embeddings)


@pytest.mark.parametrize(("binary", "suffix"), FORMATS)
@pytest.mark.parametrize("block_bytes", [1, 7, 100, 3000])
def test_blocks_of_any_size_give_the_same_result(
    embeddings: Embeddings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, binary: bool, suffix: str, block_bytes: int
) -> None:
    monkeypatch.setattr(source, "BLOCK_BYTES", block_bytes)
    write_word2vec(embeddings, tmp_path / f"v{suffix}", binary=binary)
    assert_same(read_word2vec(tmp_path / f"v{suffix}"), embeddings)


@pytest.mark.parametrize("binary", [True, False])
def test_one_word_of_one_dimension_survives(tmp_path: Path, binary: bool) -> None:
    expected = Embeddings(["a"], [[0.1]])
    write_word2vec(expected, tmp_path / "v", binary=binary)
    assert_same(read_word2vec(tmp_path / "v"), expected)


@pytest.mark.interop
@pytest.mark.parametrize(("binary", "suffix"), FORMATS)
def test_gensim_reads_what_is_written_here(embeddings: Embeddings, tmp_path: Path, binary: bool, suffix: str) -> None:
    keyed_vectors = pytest.importorskip("gensim.models").KeyedVectors
    path = tmp_path / f"vectors{suffix}"
    write_word2vec(embeddings, path, binary=binary)
    keyed = keyed_vectors.load_word2vec_format(str(path), binary=binary)
    assert keyed.index_to_key == embeddings.index_to_key
    np.testing.assert_array_equal(keyed.vectors, embeddings.vectors)


@pytest.mark.interop
@pytest.mark.parametrize(("binary", "suffix"), FORMATS)
def test_what_gensim_writes_is_read_here(embeddings: Embeddings, tmp_path: Path, binary: bool, suffix: str) -> None:
    pytest.importorskip("gensim")
    counts = np.arange(len(embeddings), 0, -1)
    keyed = Embeddings(Vocabulary(embeddings.index_to_key, counts), embeddings.vectors).to_gensim()
    path = tmp_path / f"vectors{suffix}"
    keyed.save_word2vec_format(str(path), binary=binary)
    assert_same(read_word2vec(path), embeddings)


SPACED = "R$ 0,00", "New York", ". . .", "windows 95", "a", " b", "x\u00a0y z"


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("end", ["\n", " \n", "\r\n"])
@pytest.mark.parametrize("first", range(len(SPACED)))
def test_words_with_spaces_are_read_from_text(tmp_path: Path, suffix: str, end: str, first: int) -> None:
    words = [*SPACED[first:], *SPACED[:first]]
    rows = [f"{word} {i}.25 -1.5 2e-05{end}" for i, word in enumerate(words)]
    found = read_word2vec(write(tmp_path / f"v{suffix}", f"{len(words)} 3{end}" + "".join(rows)))
    assert_same(found, Embeddings(words, [[i + 0.25, -1.5, 2e-05] for i in range(len(words))]))


@pytest.mark.parametrize("content", ["1 2\nNew York 1 2\n", "3 2\nR$ 0,00 5 6\na 1 2\nb  7\t8\n"])
def test_text_is_recognised_by_more_than_its_first_row(tmp_path: Path, content: str) -> None:
    assert read_word2vec(write(tmp_path / "v", content)).vectors[-1].tolist() in ([1, 2], [7, 8])


def test_decimal_commas_are_named_as_such(tmp_path: Path) -> None:
    for content in ("3 4\na 0,1 0,2 0,3 0,4\nb 1 1 1 1\nc 1 1 1 1\n", "a 0,1 0,2 0,3\nb 0,1 0,2 0,3\n"):
        with pytest.raises(ModelError, match=r"line [12]: '0,1' is not a number; write decimal points"):
            read_vectors(write(tmp_path / "v", content))


def spaced(rng: np.random.Generator, vector_size: int, end: bytes = b"") -> tuple[Embeddings, bytes, list[slice]]:
    """Return words with spaces and without, a binary file of them as gensim writes it, and where the vectors are."""
    kinds = ("new york {}", "catch {} 22 foo", "w{}", "in fo{}", "ab cde f{}")
    words = [kinds[i % len(kinds)].format(i) for i in range(60)]
    return framed(words, (rng.normal(size=(len(words), vector_size)) / 10).astype(np.float32), end)


def framed(words: list[str], vectors: np.ndarray, end: bytes) -> tuple[Embeddings, bytes, list[slice]]:
    content, places = f"{len(words)} {vectors.shape[1]}\n".encode(), []
    for word, vector in zip(words, vectors, strict=True):
        content += row(word, *vector)
        places.append(slice(len(content) - vector.nbytes, len(content)))
        content += end
    return Embeddings(words, vectors), content, places


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("end", [b"", b"\n"])
@pytest.mark.parametrize("vector_size", [4, 7, 30])
def test_words_with_spaces_are_read_from_binary_files(
    rng: np.random.Generator, tmp_path: Path, vector_size: int, end: bytes, suffix: str
) -> None:
    expected, content, _ = spaced(rng, vector_size, end)
    assert_same(read_word2vec(write(tmp_path / f"v{suffix}", content)), expected)
    assert_same(read_word2vec(tmp_path / f"v{suffix}", limit=20), expected.head(20))


@pytest.mark.interop
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_words_with_spaces_that_gensim_writes_are_read(rng: np.random.Generator, tmp_path: Path, suffix: str) -> None:
    pytest.importorskip("gensim")
    expected, _, _ = spaced(rng, 10)
    for binary in (True, False):
        path = tmp_path / f"v{binary}{suffix}"
        expected.to_gensim().save_word2vec_format(str(path), binary=binary)
        found = read_word2vec(path)
        assert sorted(found.index_to_key) == sorted(expected.index_to_key)
        np.testing.assert_array_equal(found[expected.index_to_key], expected.vectors)


@pytest.mark.parametrize("errors", ["strict", "replace"])
@pytest.mark.parametrize("end", [b"", b"\n"])
@pytest.mark.parametrize("with_spaces", [True, False])
def test_bytes_too_many_or_missing_are_an_error(
    rng: np.random.Generator, tmp_path: Path, with_spaces: bool, end: bytes, errors: str
) -> None:
    expected, content, places = spaced(rng, 30, end)
    if not with_spaces:
        expected, content, places = framed([f"wor{i}" for i in range(60)], expected.vectors, end)
    n_wrong = 0
    for _ in range(30):
        place = places[rng.integers(len(places))]
        at = int(rng.integers(place.start, place.stop))
        inserted = rng.bytes(int(rng.integers(1, 4)))
        for damaged in (content[:at] + inserted + content[at:], content[:at] + content[at + 1 :], content[:at]):
            try:
                found = read_word2vec(write(tmp_path / "v", damaged), errors=errors)
            except ModelError as error:
                assert "\n" not in str(error) and "v, " in str(error)
            else:
                n_wrong += found.vectors.tobytes() != expected.vectors.tobytes()
    assert n_wrong <= 1  # of 90: where a shifted number is one like the others, and the word after it a word


def test_numbers_that_only_wrong_places_give_are_an_error(tmp_path: Path) -> None:
    content = b"2 4\n" + row("a", 0.1, 0.2, 0.3, 0.4) + row("b", 0.1, 2.9e26, 0.3, 0.4)
    for errors in ("strict", "replace"):
        with pytest.raises(ModelError, match=r"byte 24: the vector of 'b' holds 2\.9e\+26"):
            read_word2vec(write(tmp_path / "v", content), errors=errors)


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16", "utf-8"])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_text_of_any_encoding_is_read(tmp_path: Path, encoding: str, suffix: str) -> None:
    content = "2 2\ncafé 1 2\nn\u00e4ive caf\u00e9 3 4\n".encode(encoding)
    path = write(tmp_path / f"v{suffix}", content)
    expected = Embeddings(["café", "näive café"], [[1, 2], [3, 4]])
    for format in (None, "word2vec-text"):
        assert_same(read_vectors(path, encoding=encoding, format=format), expected)
    if encoding != "utf-8":
        with pytest.raises(ModelError, match=r"utf-16|not UTF-8|expected the number"):
            read_vectors(path)
    with pytest.raises(ValueError, match="there is no text encoding 'klingon'"):
        read_vectors(path, encoding="klingon")


def test_words_of_binary_files_are_of_any_encoding_too(tmp_path: Path) -> None:
    path = write(tmp_path / "v", b"2 2\n" + row("caf\xe9".encode("latin-1"), 1, 2) + row("b", 3, 4))
    assert read_vectors(path, encoding="latin-1").index_to_key == ["café", "b"]
    with pytest.raises(ModelError, match="does not write a space as a single byte"):
        read_word2vec(path, encoding="utf-16", binary=True)


def test_newline_after_each_vector_is_accepted_as_the_original_program_writes_it(tmp_path: Path) -> None:
    content = b"2 2\n" + row("a", 1, 2, end=b"\n") + row("b", 3, 4, end=b"\n")
    found = read_word2vec(write(tmp_path / "v", content))
    assert_same(found, Embeddings(["a", "b"], [[1, 2], [3, 4]]))


@pytest.mark.parametrize(
    "content",
    [
        "2 2\na 1 2\nb 3 4",
        "2 2\r\na 1 2\r\nb 3 4\r\n",
        "2 2 \na 1 2 \nb 3 4 \n\n\n",
        "\ufeff2 2\na 1 2\nb 3 4\n",
        "2\t2\na 1\t2\nb 3e0 +4.\n",
    ],
)
def test_variants_of_text_are_read(tmp_path: Path, content: str) -> None:
    assert_same(read_word2vec(write(tmp_path / "v", content)), Embeddings(["a", "b"], [[1, 2], [3, 4]]))


@pytest.mark.parametrize(("binary", "suffix"), FORMATS)
def test_limit_reads_the_first_words_only(embeddings: Embeddings, tmp_path: Path, binary: bool, suffix: str) -> None:
    path = tmp_path / f"v{suffix}"
    write_word2vec(embeddings, path, binary=binary)
    assert_same(read_word2vec(path, limit=3), Embeddings(embeddings.index_to_key[:3], embeddings.vectors[:3]))
    assert_same(read_word2vec(path, limit=1000), embeddings)
    with pytest.raises(ValueError, match="limit"):
        read_word2vec(path, limit=0)


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("binary", [False, True])
def test_file_with_more_words_than_it_promises_is_read_as_far_as_asked(
    tmp_path: Path, binary: bool, suffix: str
) -> None:
    rows = [row("a", 1, 2), row("b", 3, 4)] if binary else [b"a 1 2\n", b"b 3 4\n"]
    path = tmp_path / f"v{suffix}"
    content = b"1 2\n" + b"".join(rows)
    path.write_bytes(gzip.compress(content) if suffix else content)
    assert read_word2vec(path, limit=1).index_to_key == ["a"]
    for limit in (None, 2):
        with pytest.raises(ModelError, match=r"limit=1 \(--max-vocab 1\)"):
            read_word2vec(path, limit=limit)


def test_of_repeated_words_the_first_vector_is_kept(tmp_path: Path) -> None:
    found = read_word2vec(write(tmp_path / "v", "4 1\na 1\nb 2\na 3\nc 4\n"))
    assert_same(found, Embeddings(["a", "b", "c"], [[1], [2], [4]]))
    assert found.metadata == {"duplicates_dropped": 1}


@pytest.mark.parametrize("content", [b"1 2\n" + row(b"caf\xc3", 1, 2), b"1 2\ncaf\xc3 1 2\n"])
def test_words_cut_inside_a_character_are_an_error_that_names_the_way_out(tmp_path: Path, content: bytes) -> None:
    path = write(tmp_path / "v", content)
    with pytest.raises(ModelError, match=r"v, byte 7: .*not UTF-8.*errors='replace'|v, byte 7: not UTF-8"):
        read_word2vec(path)
    assert read_word2vec(path, errors="replace").index_to_key == ["caf\ufffd"]


# writing


@pytest.mark.parametrize("word", ["", " ", "a b", "a\nb", "\t", "a\r"])
@pytest.mark.parametrize("binary", [True, False])
def test_words_with_white_space_are_left_out_and_named(tmp_path: Path, word: str, binary: bool) -> None:
    found = Embeddings(["ok", word, "fine"], [[1], [2], [3]])
    assert write_word2vec(found, tmp_path / "v", binary=binary) == [word]
    assert_same(read_word2vec(tmp_path / "v"), Embeddings(["ok", "fine"], [[1], [3]]))
    with pytest.raises(ModelError, match="can express none of the words"):
        write_word2vec(Embeddings([word], [[1]]), tmp_path / "none", binary=binary)
    assert [path.name for path in tmp_path.iterdir()] == ["v"]


def test_numbers_that_are_a_sign_of_damage_are_not_written(tmp_path: Path) -> None:
    large = Embeddings(["a", "b"], np.array([[1, 2], [3, -1e12]], np.float32))
    with pytest.raises(ModelError, match=r"a vector holds 1e\+12"):
        write_word2vec(large, tmp_path / "v", binary=True)
    write_word2vec(large, tmp_path / "v", binary=False)
    assert_same(read_word2vec(tmp_path / "v"), large)


def test_write_replaces_a_file_only_when_asked(embeddings: Embeddings, tmp_path: Path) -> None:
    path = write(tmp_path / "v", "mine")
    with pytest.raises(ModelError, match="exists already"):
        write_word2vec(embeddings, path, binary=True)
    assert path.read_text() == "mine"
    write_word2vec(embeddings, path, binary=True, overwrite=True)
    assert_same(read_word2vec(path), embeddings)
    with pytest.raises(ModelError, match="folder"):
        write_word2vec(embeddings, tmp_path, binary=True, overwrite=True)
    write_word2vec(embeddings, tmp_path / "new" / "v", binary=True)
    assert_same(read_word2vec(tmp_path / "new" / "v"), embeddings)


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_failure_while_writing_leaves_the_old_file(
    embeddings: Embeddings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, failure: BaseException
) -> None:
    def write_a_little(embeddings: Embeddings, path: Path, file: Any, binary: bool) -> None:
        file.write(b"50 7\n")
        raise failure

    path = tmp_path / f"v{suffix}"
    path.write_text("mine")
    monkeypatch.setattr(word2vec, "_write_rows", write_a_little)
    with pytest.raises((ModelError, KeyboardInterrupt)):
        write_word2vec(embeddings, path, binary=True, overwrite=True)
    assert path.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [path]


# files whose header lies, and other damage


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("3 2\na 1 2\nb 3 4\n", "line 4: the file ends after 2 words, but its first line promises 3"),
        ("1 2\na 1 2\nb 3 4\n", "line 3: more lines than the 1 words.*correct.*--max-vocab 1"),
        ("2 2\na 1 2\n\nb 3 4\n", "line 3: blank, between lines of vectors"),
        ("2 3\na 1 2\nb 3 4\n", "line 2: the word 'a' should be followed by 3 numbers, not 2"),
        ("2 1\na 1 2\nb 3 4\n", "line 2: the word 'a' should be followed by 1 numbers, not 2"),
        ("2 2\na 1 2\nb 3\n", "line 3: the word 'b' should be followed by 2 numbers, not 1"),
        ("3 2\na 1 2\n\nb 3 4\n", "line 3: the word '' should be followed by 2 numbers, not 0"),
        ("2 2\na 1 2\nb\n", "line 3: the word 'b' should be followed by 2 numbers, not 0"),
        ("2 2\na 1 2\nb 3 x\n", "line 3: 'x' is not a number"),
        ("2 2\na 1 2\nb 3 4 5\n", "line 3: the word 'b' should be followed by 2 numbers, not 3"),
        ("2 2\na 1 2\nb 3 4c 5 6\n", "line 3: the word 'b' should be followed by 2 numbers, not 4"),
        ("2 2\na 1 2\nb 0.1 2 0.3\n", "line 3: the word 'b' should be followed by 2 numbers, not 3"),
        ("2 2\na 1 2\nb 0,1 0,2\n", "line 3: '0,1' is not a number; write decimal points"),
        ("2 2\na 1 2\nb 3 nan\n", "line 3: the vector of 'b' holds NaN or infinity"),
        ("2 2\na 1 2\nb 3 1e99\n", "line 3: the vector of 'b' holds NaN or infinity"),
        ("a 1 2\nb 3 4\n", "line 1: expected the number of words"),
        ("2\na 1 2\n", "line 1: expected the number of words"),
        ("-2 2\na 1 2\n", "line 1: expected the number of words"),
        ("2 2 2\na 1 2\n", "line 1: expected the number of words"),
        ("0 2\n", "promises 0 words"),
        ("2 0\na\nb\n", "of 0 dimensions"),
        ("2 2", "line 1: expected"),
        ("2 2\n", "truncated|ends after 0"),
        ("999999999999999 300\na 1 2\n", "line 1: promises 999999999999999 words"),
        ("1 999999999999999\na 1 2\n", "line 1: promises 1 words of 999999999999999"),
        ("9" * 5000 + " 2\na 1 2\n", "line 1: expected"),
    ],
)
def test_text_that_contradicts_its_header_is_an_error(tmp_path: Path, content: str, message: str, suffix: str) -> None:
    path = write(tmp_path / f"v{suffix}", content)
    with pytest.raises(ModelError, match=f"{path.name}.*({message})") as caught:
        read_word2vec(path, binary=False)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            b"3 2\n" + row("a", 1, 2) + row("b", 3, 4),
            "byte 24: the file ends in or before word 3 of 3|promises 3 words",
        ),
        (b"1 2\n" + row("a", 1, 2) + row("b", 3, 4), "byte 14: the file continues after the 1 words"),
        (b"2 3\n" + row("a", 1, 2) + row("b", 3, 4), "ends in or before word 2 of 2|promises 2 words"),
        (
            b"2 1\n" + row("a", 1, 2) + row("b", 3, 4),
            "the file continues|not UTF-8|belongs to a word that",
        ),
        (b"2 2\n" + row("a", 1, 2) + row("b", 3, 4)[:-1], "byte 14: the file ends in or before word 2 of 2"),
        (b"2 2\n" + row("a", 1, 2) + row("b", np.nan, 4), "byte 16: the vector of 'b' holds NaN or infinity"),
        (b"2 2\n" + b"x" * 50, "byte 4: the file ends in or before word 1 of 2"),
        (b"99999999999 2\n" + row("a", 1, 2), "promises 99999999999 words"),
        (b"1 99999999999\n" + row("a", 1, 2), "promises 1 words"),
        (b"", "empty|line 1"),
        (b"\0\1\2\3" * 30, "line 1: expected"),
    ],
)
def test_binary_that_contradicts_its_header_is_an_error(
    tmp_path: Path, content: bytes, message: str, suffix: str
) -> None:
    path = write(tmp_path / f"v{suffix}", content)
    with pytest.raises(ModelError, match=f"{path.name}.*({message})") as caught:
        read_word2vec(path, binary=True)
    assert "\n" not in str(caught.value)


def test_absurd_sizes_are_refused_before_anything_is_allocated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: Any) -> None:
        raise AssertionError("allocated")

    monkeypatch.setattr(word2vec, "allocate_rows", fail)
    for name in ("v", "v.gz"):
        with pytest.raises(ModelError, match="promises 100000000 words of 300 dimensions"):
            read_word2vec(write(tmp_path / name, b"100000000 300\n" + row("a", *[1.0] * 300)))


@pytest.mark.parametrize(("binary", "suffix"), FORMATS)
def test_every_truncation_is_noticed(tmp_path: Path, binary: bool, suffix: str) -> None:
    path = tmp_path / f"v{suffix}"
    write_word2vec(Embeddings(["a", "b", "c"], [[1.5, 2.5], [3.5, 4.5], [5.5, 6.5]]), path, binary=binary)
    content = path.read_bytes()
    for length in range(len(content) - (1 if (binary, suffix) == (False, "") else 0)):  # the last byte is a newline
        path.write_bytes(content[:length])
        if (binary, suffix) == (False, "") and length >= len(content) - 3:
            continue  # "6.5" cut to "6." or "6" is still a number: text cannot tell
        with pytest.raises(ModelError):
            read_word2vec(path)


def test_damaged_compression_is_an_error(tmp_path: Path, embeddings: Embeddings) -> None:
    path = tmp_path / "v.gz"
    write_word2vec(embeddings, path, binary=True)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"v\.gz"):
        read_word2vec(path)
    path.write_bytes(b"2 1\na 1\nb 2\n")
    with pytest.raises(ModelError, match="not compressed with gzip"):
        read_word2vec(path)


def test_missing_files_and_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="nothing does not exist"):
        read_word2vec(tmp_path / "nothing")
    with pytest.raises(ModelError, match="is a folder"):
        read_word2vec(tmp_path)


@pytest.mark.parametrize("binary", [False, True])
def test_a_file_that_promises_more_than_it_has_says_how_to_read_what_is_there(binary: bool, tmp_path: Path) -> None:
    embeddings = Embeddings(["a", "b", "c"], np.arange(1, 25, dtype=np.float32).reshape(3, 8))
    path = tmp_path / "v"
    write_vectors(embeddings, path, format="word2vec-binary" if binary else "word2vec-text")
    path.write_bytes(path.read_bytes().replace(b"3 8", b"4 8", 1))  # as one of fastText's published files has it
    told = "truncated or its first line is wrong" if binary else r"can be read with limit=3 \(--max-vocab 3\)"
    with pytest.raises(ModelError, match=told):
        read_vectors(path)
    assert read_vectors(path, limit=3).index_to_key == ["a", "b", "c"]


@pytest.mark.parametrize("page", [b"<!DOCTYPE html>\n<html>", b"<!doctype HTML>", b'<?xml version="1.0"?>\n<Error>'])
def test_a_web_page_in_place_of_a_file_is_told(page: bytes, tmp_path: Path) -> None:
    (tmp_path / "v.vec").write_bytes(page)
    with pytest.raises(ModelError, match=r"v\.vec is a web page, such as a server's error"):
        read_vectors(tmp_path / "v.vec")
