"""The reader: blocks, lines, compression, offsets, and every way in which a file can be no text."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import sys
import threading
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from w2v.corpora import inputs as _inputs
from w2v.corpora import readers
from w2v.corpora.inputs import CountedFile, _decode
from w2v.corpora.readers import Block, CorpusError, TextReader, first_bad_byte

BOM = b"\xef\xbb\xbf"
TEXT = "".join(f"line {number} of the naïve café, “quoted” 中文 😀\n" for number in range(200)).encode()

texts = st.text(st.sampled_from("ab \n\r\té中😀\u2028\x85"), max_size=120).filter(lambda text: text.count("\r") < 8)
many = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def zstd_compressed(data: bytes) -> bytes:
    import zstandard

    return zstandard.ZstdCompressor().compress(data)


COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": zstd_compressed,
}
needs_zstandard = pytest.mark.skipif(find_spec("zstandard") is None, reason="needs the package zstandard")
SUFFIXES = [pytest.param(suffix, marks=needs_zstandard if suffix == ".zst" else ()) for suffix in COMPRESSORS]
suffixes = pytest.mark.parametrize("suffix", SUFFIXES)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., str]:
    """Return a function that writes a file in a temporary folder and returns its path."""

    def write_file(data: bytes, name: str = "text.txt") -> str:
        (tmp_path / name).write_bytes(data)
        return str(tmp_path / name)

    return write_file


def give_stdin(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


def error_of(path: str, **options: object) -> str:
    """Return the message of the error that reading `path` raises."""
    with pytest.raises(CorpusError) as caught:
        list(TextReader(path, **options))  # type: ignore[arg-type]
    assert path in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def check_blocks(blocks: list[Block], data: bytes, start: int = 0) -> None:
    """Check that the blocks of one file are `data` from `start` on, cut where they may be."""
    assert b"".join(block.data for block in blocks) == data[start:]
    offset = start
    for number, block in enumerate(blocks):
        assert block.offset == offset
        assert block.data
        offset += len(block.data)
        assert block.ends_sentence == (block.data.endswith(b"\n") or number == len(blocks) - 1)
        if not block.ends_sentence:
            assert data[offset : offset + 1] in b" \t\r\v\f"


# --- blocks ---------------------------------------------------------------------------------------------------------


def test_reader_gives_a_small_file_as_one_block(write: Callable[..., str]) -> None:
    path = write(b"one\ntwo\n")
    assert list(TextReader(path)) == [Block(b"one\ntwo\n", path, 0, True)]


@pytest.mark.parametrize("block_size", [1, 17, 64, 1000, 1 << 20])
def test_reader_cuts_after_lines(write: Callable[..., str], block_size: int) -> None:
    blocks = list(TextReader(write(TEXT), block_size=block_size))
    check_blocks(blocks, TEXT)
    if block_size >= 64:  # longer than any line
        assert all(block.ends_sentence for block in blocks)
        assert max(len(block.data) for block in blocks) <= block_size


def test_reader_cuts_a_long_line_before_white_space(write: Callable[..., str]) -> None:
    data = b"word " * 1000 + b"end"
    blocks = list(TextReader(write(data), block_size=100))
    check_blocks(blocks, data)
    assert [block.ends_sentence for block in blocks] == [False] * (len(blocks) - 1) + [True]
    assert max(len(block.data) for block in blocks) <= 100


@pytest.mark.parametrize("end", [b"", b"\n", b" ", b" \n", b" next\n", b"\tnext"])
def test_reader_grows_a_block_for_a_long_token(write: Callable[..., str], end: bytes) -> None:
    data = b"a " + b"x" * 1000 + end
    blocks = list(TextReader(write(data), block_size=16))
    check_blocks(blocks, data)
    assert any(b"x" * 1000 in block.data for block in blocks)


@pytest.mark.parametrize("mark", [b"", BOM])
def test_a_file_of_an_old_mac_is_not_read_as_one_line(mark: bytes, write: Callable[..., str]) -> None:
    message = error_of(write(mark + b"one line\r" * 8))
    assert "ends its lines with carriage returns alone" in message and r"tr '\r' '\n'" in message
    for data in (b"50 %\r100 %\rdone", b"one line\r\n" * 20, b"\r" * 20, b"one\rline\r" * 20 + b"\n"):
        assert list(TextReader(write(data)).lines())


def test_reader_gives_up_a_file_without_white_space(write: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "MAX_TOKEN_BYTES", 1024)
    message = error_of(write(b"a\n" + b"x" * 5000), block_size=16)
    assert "no white space in 1,024 bytes from byte offset 2" in message


@many
@given(texts=st.lists(texts, min_size=1, max_size=3), block_size=st.integers(1, 40), marked=st.booleans())
def test_reader_loses_nothing(tmp_path: Path, texts: list[str], block_size: int, marked: bool) -> None:
    paths, contents = [], []
    for number, text in enumerate(texts):
        contents.append((BOM if marked else b"") + text.encode())
        paths.append(str(tmp_path / f"{number}.txt"))
        Path(paths[-1]).write_bytes(contents[-1])
    reader = TextReader(paths, block_size=block_size)
    blocks = list(reader)
    for path, content in zip(paths, contents, strict=True):
        check_blocks([block for block in blocks if block.path == path], content, start=3 if marked else 0)
    assert list(reader) == blocks
    assert reader.consumed_bytes == reader.total_bytes == sum(map(len, contents))


@many
@given(text=texts, block_size=st.integers(1, 40))
def test_lines_are_the_lines_of_the_file(tmp_path: Path, text: str, block_size: int) -> None:
    path = tmp_path / "text.txt"
    path.write_bytes(text.encode())
    expected = text.split("\n")
    if expected[-1] == "":
        expected.pop()
    assert list(TextReader(path, block_size=block_size).lines()) == [line.removesuffix("\r") for line in expected]


def test_lines_end_with_each_file(write: Callable[..., str]) -> None:
    paths = [write(b"a\r\nb", "1"), write(b"", "2"), write(b"\xef\xbb\xbfc\n\nd\r\n", "3")]
    assert list(TextReader(paths).lines()) == ["a", "b", "c", "", "d"]


@pytest.mark.parametrize("block_size", [16, 20, 1 << 20])
def test_numbered_lines_count_from_one_in_each_file(write: Callable[..., str], block_size: int) -> None:
    first = write(b"one\n\nthree of many words, longer than a block\r\nfour")
    second = write("\ufefffive\n".encode(), "b.txt")
    expected = [(1, "one"), (2, ""), (3, "three of many words, longer than a block"), (4, "four")]
    lines = TextReader([first, first, second], block_size=block_size).numbered_lines()
    assert list(lines) == [(first, *line) for line in expected] * 2 + [(second, 1, "five")]


def test_lines_hold_a_very_long_line_whole(write: Callable[..., str]) -> None:
    line = "word " * 50_000 + "x" * 100_000 + "é"
    assert list(TextReader(write(f"a\n{line}\nb".encode()), block_size=1000).lines()) == ["a", line, "b"]


@pytest.mark.parametrize("data", [b"", BOM, b"\n\n", b" \t\r\n "])
def test_reader_takes_a_blank_file(write: Callable[..., str], data: bytes) -> None:
    assert b"".join(block.data for block in TextReader(write(data))) == data.removeprefix(BOM)


def test_reader_drops_a_byte_order_mark_at_the_start_only(write: Callable[..., str]) -> None:
    path = write(BOM + b"a\n" + BOM + b"b\n")
    assert list(TextReader(path)) == [Block(b"a\n" + BOM + b"b\n", path, 3, True)]


def test_reader_can_stop_and_start_again(write: Callable[..., str]) -> None:
    reader = TextReader(write(TEXT), block_size=500)
    first = next(iter(reader))
    assert 0 < reader.consumed_bytes < len(TEXT)
    assert next(iter(reader)) == first
    assert reader.consumed_bytes <= 500


def test_reader_counts_what_it_has_read_over_all_files(write: Callable[..., str]) -> None:
    reader = TextReader([write(TEXT, "1"), write(TEXT, "2")], block_size=1000)
    blocks = iter(reader)
    assert next(block for block in blocks if block.path.endswith("2"))
    assert reader.consumed_bytes == len(TEXT) + 1000


def test_reader_reads_what_a_shorter_file_still_holds(write: Callable[..., str]) -> None:
    data = b"some words in a line\n" * 100
    path = write(data)
    reader = TextReader(path, block_size=500)
    blocks = iter(reader)
    first = next(blocks).data
    os.truncate(path, 520)
    assert first + b"".join(block.data for block in blocks) == data[:520]
    assert reader.consumed_bytes == 520
    assert reader.total_bytes == len(data)


def test_reader_reports_a_file_that_has_gone(write: Callable[..., str]) -> None:
    path = write(TEXT)
    reader = TextReader(path)
    os.unlink(path)
    with pytest.raises(CorpusError, match="has gone"):
        list(reader)


# --- inputs ---------------------------------------------------------------------------------------------------------


def test_reader_expands_and_sorts_globs(write: Callable[..., str], tmp_path: Path) -> None:
    for name in ("b.txt", "a.txt", "c.csv"):
        write(b"x\n", name)
    (tmp_path / "folder.txt").mkdir()
    (tmp_path / "folder.txt" / "d.txt").write_bytes(b"y\n")
    reader = TextReader([tmp_path / "c.csv", str(tmp_path / "*.txt")])
    assert [Path(path).name for path in reader.paths] == ["c.csv", "a.txt", "b.txt"]
    assert reader.total_bytes == 6
    assert [Path(path).name for path in TextReader(str(tmp_path / "**" / "d.txt")).paths] == ["d.txt"]


def test_reader_takes_a_name_with_glob_characters_as_it_is(write: Callable[..., str]) -> None:
    path = write(b"x\n", "wiki[1]*.txt")
    assert TextReader(path).paths == [path]


def test_reader_reads_a_file_named_twice_twice(write: Callable[..., str]) -> None:
    path = write(b"x\n")
    assert [block.data for block in TextReader([path, path])] == [b"x\n", b"x\n"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing.txt", "missing.txt: there is no such file"),
        ("*.missing", r"\*.missing: no file matches"),
        ("", "is a folder; name its files"),
        ("a\0b", "contains a null byte"),
    ],
)
def test_reader_refuses_at_once(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(CorpusError, match=message):
        TextReader(os.path.join(tmp_path, name))


def test_reader_refuses_no_input() -> None:
    with pytest.raises(CorpusError, match="no input was given"):
        TextReader([])
    with pytest.raises(CorpusError, match="'': there is no such file"):
        TextReader("")


@pytest.mark.parametrize("inputs", [b"bytes", [3], [["nested"]]])
def test_reader_refuses_other_types(inputs: list[Any]) -> None:
    with pytest.raises(TypeError, match="must be a str or a path"):
        TextReader(inputs)


@pytest.mark.parametrize(("option", "value"), [("block_size", 0), ("errors", "ignore")])
def test_reader_refuses_bad_options(write: Callable[..., str], option: str, value: Any) -> None:
    with pytest.raises(ValueError, match=option):
        TextReader(write(b""), **{option: value})


def test_reader_reports_a_link_to_nothing(tmp_path: Path) -> None:
    (tmp_path / "link.txt").symlink_to(tmp_path / "nothing")
    with pytest.raises(CorpusError, match=r"link\.txt cannot be read: .*link to nothing"):
        TextReader(tmp_path / "link.txt")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_reader_reports_a_file_that_may_not_be_read(write: Callable[..., str]) -> None:
    path = write(b"x")
    os.chmod(path, 0)
    assert "Permission denied" in error_of(path)


def test_stdin_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    give_stdin(monkeypatch, BOM + b"one two\nthree")
    reader = TextReader("-")
    assert reader.total_bytes is None
    assert list(reader) == [Block(b"one two\nthree", "-", 3, True)]
    assert reader.consumed_bytes == 16
    with pytest.raises(CorpusError, match="standard input can be read only once"):
        list(reader)
    assert not sys.stdin.closed


def test_stdin_may_stand_among_files_but_once(write: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    give_stdin(monkeypatch, b"b\n")
    path = write(b"a\n")
    assert list(TextReader([path, "-", path]).lines()) == ["a", "b", "a"]
    with pytest.raises(CorpusError, match="standard input .* is named 2 times"):
        TextReader(["-", path, "-"])


def test_stdin_that_is_no_text_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    give_stdin(monkeypatch, b"abc \xff def")
    with pytest.raises(CorpusError, match="standard input: the byte 0xFF at byte offset 4"):
        list(TextReader("-"))
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(CorpusError, match="standard input is not open"):
        list(TextReader("-"))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_pipe_is_read_once(tmp_path: Path) -> None:
    path = str(tmp_path / "pipe")
    os.mkfifo(path)
    writer = threading.Thread(target=lambda: Path(path).write_bytes(TEXT))
    writer.start()
    reader = TextReader(path, block_size=1000)
    check_blocks(list(reader), TEXT)
    writer.join()
    assert reader.total_bytes is None
    with pytest.raises(CorpusError, match="pipe can be read only once"):
        list(reader)


# --- compression ----------------------------------------------------------------------------------------------------


@suffixes
@pytest.mark.parametrize("block_size", [50, 1 << 20])
def test_reader_decompresses_by_suffix(write: Callable[..., str], suffix: str, block_size: int) -> None:
    packed = COMPRESSORS[suffix](BOM + TEXT)
    reader = TextReader(write(packed, f"text.TXT{suffix}"), block_size=block_size)
    for _ in range(2):
        check_blocks(list(reader), BOM + TEXT, start=3)
        assert reader.consumed_bytes == reader.total_bytes == len(packed)


@suffixes
def test_reader_takes_compressed_files_put_together(write: Callable[..., str], suffix: str) -> None:
    packed = COMPRESSORS[suffix](TEXT) + COMPRESSORS[suffix](b"") + COMPRESSORS[suffix](b"the end")
    check_blocks(list(TextReader(write(packed, f"t{suffix.upper()}"), block_size=99)), TEXT + b"the end")


@suffixes
def test_reader_takes_a_compressed_blank_text(write: Callable[..., str], suffix: str) -> None:
    assert list(TextReader(write(COMPRESSORS[suffix](b""), f"t{suffix}"))) == []


@suffixes
def test_reader_reports_truncated_compression(write: Callable[..., str], rng: np.random.Generator, suffix: str) -> None:
    words = " ".join(map(str, rng.integers(0, 10**9, 20_000))).encode()
    packed = COMPRESSORS[suffix](words)
    for size in (5, len(packed) // 2, len(packed) - 1):
        message = error_of(write(packed[:size], f"t{suffix}"), block_size=1000)
        assert "truncated" in message, size


@suffixes
@pytest.mark.parametrize("fake", [b"this is plain text, not compressed at all\n" * 9, bytes(range(256))])
def test_reader_reports_fake_compression(write: Callable[..., str], suffix: str, fake: bytes) -> None:
    kind = _inputs._DECODERS[suffix][0]
    assert f"is not {kind} data, or is damaged" in error_of(write(fake, f"t{suffix}"))


@suffixes
def test_reader_reports_an_empty_file_that_should_be_compressed(write: Callable[..., str], suffix: str) -> None:
    message = error_of(write(b"", f"t{suffix}"))
    assert "is empty" in message or "truncated" in message


@suffixes
def test_reader_reports_damage_inside(write: Callable[..., str], rng: np.random.Generator, suffix: str) -> None:
    packed = bytearray(COMPRESSORS[suffix](" ".join(map(str, rng.integers(0, 10**9, 20_000))).encode()))
    middle = len(packed) // 2
    packed[middle : middle + 40] = bytes(40)
    message = error_of(write(bytes(packed), f"t{suffix}"))
    assert "damaged" in message or "byte offset" in message


def test_reader_says_how_to_read_zstd_without_its_package(
    write: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "zstandard", None)
    assert "pip install zstandard" in error_of(write(b"x", "t.zst"))


# --- what is no text ------------------------------------------------------------------------------------------------


def is_character(piece: bytes) -> bool:
    try:
        return len(piece.decode()) == 1
    except UnicodeDecodeError:
        return False


def naive_first_bad_byte(data: bytes) -> int | None:
    """Read one character after the other, of one to four bytes."""
    position = 0
    while position < len(data):
        widths = [width for width in (1, 2, 3, 4) if is_character(data[position : position + width])]
        if not widths or data[position] == 0:
            return position
        position += widths[0]
    return None


@given(st.lists(st.sampled_from([b"a", b" ", "é".encode(), "中".encode(), "😀".encode(), b"\x80", b"\xf0\x9f", b"\0"])))
def test_first_bad_byte_agrees_with_the_naive_search(pieces: list[bytes]) -> None:
    data = b"".join(pieces)
    assert first_bad_byte(data) == naive_first_bad_byte(data)


@many
@given(width=st.integers(1, 9), tail=st.sampled_from([b"", b"\x80", b"\xe4\xb8", b"\xc0\xaf", b"\xed\xa0\x80", b"\0"]))
def test_first_bad_byte_does_not_depend_on_the_pieces(monkeypatch: pytest.MonkeyPatch, width: int, tail: bytes) -> None:
    monkeypatch.setattr(readers, "_CHECK_BYTES", width + 3)
    text = "aé中😀".encode() * 3
    assert first_bad_byte(text + tail) == (len(text) if tail else None)


@pytest.mark.parametrize("suffix", ["", *SUFFIXES])
@pytest.mark.parametrize("block_size", [64, 1000, 1 << 20])
@pytest.mark.parametrize(("bad", "shown"), [(b"\xe9t\xe9", "0xE9"), (b"\x00", "0x00"), (b"\xed\xa0\x80", "0xED")])
def test_reader_names_the_offset_of_a_bad_byte(
    write: Callable[..., str], suffix: str, block_size: int, bad: bytes, shown: str
) -> None:
    data = BOM + TEXT + b"an " + bad + b" word\n" + TEXT
    path = write(COMPRESSORS[suffix](data) if suffix else data, f"t{suffix}")
    message = error_of(path, block_size=block_size)
    place = f"the byte {shown} at byte offset {3 + len(TEXT) + 3} "
    assert place + ("of its decompressed text is " if suffix else "is ") in message
    assert 'errors="replace"' in message


def test_reader_finds_a_bad_byte_in_the_second_file(write: Callable[..., str]) -> None:
    good, bad = write(TEXT, "good"), write(b"caf\xe9\n", "bad")
    with pytest.raises(CorpusError, match=f"{bad}: the byte 0xE9 at byte offset 3 is not valid UTF-8"):
        list(TextReader([good, bad]))


def test_reader_finds_a_character_cut_off_by_the_end(write: Callable[..., str]) -> None:
    assert "0xE4 at byte offset 4 " in error_of(write(b"end " + "中".encode()[:2]))


@pytest.mark.parametrize("block_size", [1, 1 << 20])
def test_reader_replaces_bad_bytes_when_asked(write: Callable[..., str], block_size: int) -> None:
    path = write(b"caf\xe9 x\0y\n" + TEXT + b"\xff")
    lines = list(TextReader(path, block_size=block_size, errors="replace").lines())
    assert lines == ["caf\ufffd x\ufffdy", *TEXT.decode().splitlines(), "\ufffd"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-32"])
def test_reader_recognises_wide_encodings_by_their_mark(write: Callable[..., str], encoding: str) -> None:
    text = ("\ufeff" if encoding.endswith("be") else "") + "some text\n"
    message = error_of(write(text.encode(encoding)))
    assert f"is {encoding[:6].upper()} text" in message
    assert "byte offset 0" in message
    assert "iconv" in message


@pytest.mark.parametrize("encoding", ["UTF-16LE", "UTF-16BE", "UTF-32LE", "UTF-32BE"])
def test_reader_recognises_wide_encodings_without_a_mark(write: Callable[..., str], encoding: str) -> None:
    message = error_of(write(("plain words " * 100).encode(encoding)))
    remedy = f"it looks like {encoding[:6]}: convert it to UTF-8 first, for example: iconv -f {encoding} -t UTF-8"
    assert message.endswith(remedy)


def test_reader_says_what_to_do_about_a_null_byte(write: Callable[..., str]) -> None:
    message = error_of(write(b"the dog\0barks at the cat and goes away\n" * 40))
    assert "remove such bytes (for example: tr -d '\\000')" in message
    assert "WINDOWS" not in message


def test_reader_recognises_binary_noise(write: Callable[..., str], rng: np.random.Generator) -> None:
    message = error_of(write(rng.bytes(100_000).replace(b"\0", b"\1")))
    assert "looks binary" in message
    assert "byte offset" in message
    assert "looks binary" in error_of(write(bytes(100_000)))


@pytest.mark.parametrize(
    ("data", "remedy"),
    [
        (gzip.compress(TEXT, mtime=0), "suffix .gz"),
        (bz2.compress(TEXT), "suffix .bz2"),
        (lzma.compress(TEXT), "suffix .xz"),
        (b"PK\x03\x04\x14\x00\x00\x00\x08\x00", "zip archive"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "PDF"),
    ],
)
def test_reader_recognises_files_of_other_kinds(write: Callable[..., str], data: bytes, remedy: str) -> None:
    assert remedy in error_of(write(data))


def test_reader_takes_noise_as_it_is_when_replacing(write: Callable[..., str], rng: np.random.Generator) -> None:
    path = write(b"x" + rng.bytes(10_000))
    data = b"".join(block.data for block in TextReader(path, errors="replace", block_size=100))
    assert first_bad_byte(data) is None


def test_decoders_cannot_read_far_ahead() -> None:
    """From Python 3.12 they ask for 128 KiB at once, which would count as read long before it is decoded."""
    counted = CountedFile(io.BytesIO(gzip.compress(np.random.default_rng(1).bytes(200_000))))
    stream, _ = _decode("text.gz", counted)
    stream.read(1)
    assert counted.n_bytes <= 16 << 10
    assert len(counted.read(128 << 10) or b"") <= 16 << 10


def test_pipes_are_recorded_as_what_cannot_be_read_again(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("a b\n", encoding="utf-8")
    reading, writing = os.pipe()
    try:
        reader = TextReader([file, f"/dev/fd/{reading}"])
        assert reader.recorded == (str(file), "-") and reader.files is None
    finally:
        os.close(reading)
        os.close(writing)
    assert TextReader(file).files == [str(file)] and TextReader("-").recorded == ("-",)


@pytest.mark.parametrize(
    ("data", "kind", "suffix"),
    [
        (gzip.compress(b"a b"), "gzip", ".gz"),
        (bz2.compress(b"a b"), "bzip2", ".bz2"),
        (lzma.compress(b"a b"), "xz", ".xz"),
    ],
    ids=["gzip", "bzip2", "xz"],
)
def test_compressed_text_without_its_suffix_is_told_with_what_can_be_done(
    data: bytes, kind: str, suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "text").write_bytes(data)
    with pytest.raises(CorpusError, match=f"compressed with {kind}: give it the suffix {suffix}"):
        list(TextReader(tmp_path / "text"))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
    with pytest.raises(CorpusError, match=f"standard input: .* compressed with {kind}: decompress it .* {kind} -dc"):
        list(TextReader("-"))
