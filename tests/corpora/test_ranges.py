"""Parts of files: together they are the text, and each begins with a line."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from w2v.corpora.files.ranges import FileRange, RangeReader, cut_files
from w2v.corpora.inputs import CorpusError
from w2v.corpora.readers import TextReader


@pytest.fixture
def files(tmp_path: Path, rng: object) -> list[str]:
    """Three files, of which the last lacks a line feed at its end."""
    texts = ["".join(f"line {i} of the first\n" for i in range(40)), "\n\n", "é" * 30 + "\nand\nso on"]
    paths = [tmp_path / f"{number}.txt" for number in range(3)]
    for path, text in zip(paths, texts, strict=True):
        path.write_text(text, encoding="utf-8")
    return list(map(str, paths))


@pytest.mark.parametrize("n_parts", [1, 2, 3, 7])
def test_parts_are_the_text_cut_at_line_ends(files: list[str], n_parts: int) -> None:
    parts = cut_files(files, n_parts)
    assert len(parts) == n_parts
    lines = [list(RangeReader(part).lines()) for part in parts]
    assert sum(lines, []) == list(TextReader(files).lines())
    sizes = [sum(len(line.encode()) for line in part) for part in lines]
    assert max(sizes) < 2 * sum(sizes) / n_parts + 80


def test_cut_leaves_compressed_files_whole(tmp_path: Path) -> None:
    paths = []
    for number in range(4):
        path = tmp_path / f"{number}.gz"
        path.write_bytes(gzip.compress(f"text {number}\n".encode() * 50))
        paths.append(str(path))
    assert [[part.path for part in each] for each in cut_files(paths, 2)] == [paths[:2], paths[2:]]
    with pytest.raises(CorpusError, match="cannot be divided into 5 parts.* use more files or fewer"):
        cut_files(paths, 5)


def test_cut_finds_a_word_in_a_line_without_end(tmp_path: Path) -> None:
    path = tmp_path / "line.txt"
    path.write_text("word " * 1000)
    first, second = cut_files([str(path)], 2)
    assert first[0].stop is not None and first[0].stop % 5 == 0 and second[0].start == first[0].stop


def test_cut_refuses_what_can_be_read_only_once() -> None:
    with pytest.raises(CorpusError, match="standard input can be read only once, so several workers cannot share it"):
        cut_files(["-"], 2)


def test_range_names_the_place_of_a_bad_byte_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "bad.txt"
    path.write_bytes(b"good\n" * 10 + b"ba\xffd\n")
    with pytest.raises(CorpusError, match="0xFF at byte offset 52"):
        list(RangeReader([FileRange(str(path), 20, 55)]))
