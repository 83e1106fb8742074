"""Files, globs and standard input as a stream of checked blocks of UTF-8 text."""

from __future__ import annotations

import codecs
import os
from collections.abc import Iterable, Iterator
from typing import BinaryIO, NamedTuple, cast

from w2v.corpora.files.bad_bytes import describe_bad_byte
from w2v.corpora.files.remote import is_remote
from w2v.corpora.inputs import (
    ByteSource,
    CorpusError,
    Excerpt,
    display_name,
    expand_inputs,
    is_compressed,
    open_input,
    reading_errors,
    size_on_disk,
)

__all__ = ["Block", "CorpusError", "TextReader"]

MAX_TOKEN_BYTES = 1 << 28
"""Maximum number of bytes without white space, so that no file can fill the memory."""

_HEAD_BYTES = 16
_MANY_LINES = 8
_SEPARATORS = (b" ", b"\t", b"\r", b"\v", b"\f")
# pieces that stay in the L1 cache: four times as fast as decoding a whole block
_CHECK_BYTES = 1 << 14

_WIDE_MARKS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)


class Block(NamedTuple):
    """A piece of one file, of whole tokens.

    Attributes
    ----------
    data : bytes
        Valid UTF-8 without NUL, never empty. It ends after a line feed, before white space, or with the file.
    path : str
        The file, as in `TextReader.paths`.
    offset : int
        Where `data` starts in the decompressed file, in bytes.
    ends_sentence : bool
        Whether a line, or the file, ends with `data`. If not, the next block continues the line.
    """

    data: bytes
    path: str
    offset: int
    ends_sentence: bool


class TextReader:
    """A restartable stream of the text of one or more files.

    Each iteration opens the files again and reads them in order. Files that end in .gz, .bz2, .xz or .zst are
    decompressed. Memory use stays at a few times `block_size`, for files of any size.

    Parameters
    ----------
    inputs : str, path-like or iterable of these
        Paths, globs (``*``, ``?``, ``[…]`` and ``**``) and ``"-"`` for standard input.
    block_size : int, default 4 MiB
        Bytes to read at once; at least 1. Blocks are cut after the last line feed, so they are a little shorter. A
        longer line is cut at white space; only a longer token makes a block grow.
    errors : {"strict", "replace"}, default "strict"
        How to handle bytes that are not UTF-8, and null bytes: raise, or replace them by U+FFFD.

    Attributes
    ----------
    paths : list of str
        The files, globs expanded and sorted; ``"-"`` is standard input.
    total_bytes : int or None
        Size of all files on disk when the reader was created; None if one is standard input, a pipe or a device.
    consumed_bytes : int
        Bytes on disk that the current iteration has read so far.

    Raises
    ------
    CorpusError
        If there is no input, or one is missing, a folder, or a glob without a match. While iterating: if a file cannot
        be read, is truncated or damaged, or is not UTF-8 text; if standard input or a pipe is read twice.
    ValueError
        If `block_size` or `errors` is not allowed.

    Notes
    -----
    A UTF-8 byte order mark at the start of a file is dropped. An empty file, or one without tokens, is not an error.

    Examples
    --------
    >>> reader = TextReader(["news.txt", "wiki/*.gz"])  # doctest: +SKIP
    >>> for line in reader.lines():  # doctest: +SKIP
    ...     tokens = line.split()
    """

    def __init__(
        self,
        inputs: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
        *,
        block_size: int = 4 << 20,
        errors: str = "strict",
    ) -> None:
        if block_size < 1:
            raise ValueError(f"block_size must be at least 1, not {block_size}")
        if errors not in ("strict", "replace"):
            raise ValueError(f'errors must be "strict" or "replace", not {errors!r:.80}')
        self.paths = expand_inputs(inputs)
        self.block_size = block_size
        self.errors = errors
        sizes = [size_on_disk(path) for path in self.paths]
        self._read_once = {path for path, size in zip(self.paths, sizes, strict=True) if size is None}
        self._opened: set[str] = set()
        self.total_bytes = None if self._read_once else sum(size for size in sizes if size is not None)
        self.consumed_bytes = 0

    def __repr__(self) -> str:
        return f"TextReader({self.paths!r}, block_size={self.block_size}, errors={self.errors!r})"

    def __iter__(self) -> Iterator[Block]:
        self.consumed_bytes = 0
        for path in self.paths:
            yield from self.read_range(path)

    @property
    def recorded(self) -> tuple[str, ...]:
        """Absolute file names for reading again; "-" for inputs that can be read only once, such as a pipe."""
        return tuple(
            "-" if path in self._read_once else path if is_remote(path) else os.path.abspath(path)
            for path in self.paths
        )

    @property
    def files(self) -> list[str] | None:
        """Absolute file names; None if one of them can be read only once."""
        return None if self._read_once else list(self.recorded)

    def lines(self) -> Iterator[str]:
        r"""Read the files line by line.

        Yields
        ------
        str
            A line without its ``\n`` or ``\r\n``, including blank lines. A whole line is in memory, however long.

        Raises
        ------
        CorpusError
            As iterating does.
        """
        for _, _, line in self.numbered_lines():
            yield line

    def numbered_lines(self) -> Iterator[tuple[str, int, str]]:
        """Read the files line by line, with file names and line numbers.

        Yields
        ------
        (str, int, str)
            The file as in `TextReader.paths`, the line number from 1, and the line as in `lines`.

        Raises
        ------
        CorpusError
            As iterating does.
        """
        started: list[str] = []
        file, offset, number = "", -1, 0
        for block in self:
            if block.path != file or block.offset <= offset:  # a file may be named twice
                file, number = block.path, 0
            offset = block.offset
            *complete, last = block.data.decode().split("\n")
            if complete:
                complete[0] = _joined(started, complete[0])
            for line in complete:
                number += 1
                yield file, number, line.removesuffix("\r")
            if not block.ends_sentence:
                started.append(last)
            elif started or last:
                yield file, number + 1, _joined(started, last).removesuffix("\r")

    def read_range(self, path: str, start: int = 0, stop: int | None = None) -> Iterator[Block]:
        """Read one of the files, or the bytes of it from `start` to `stop`, as iterating does."""
        if path in self._read_once:
            if path in self._opened:
                raise CorpusError(f"{display_name(path)} can be read only once; write its text to a file and name that")
            self._opened.add(path)
        consumed_before = self.consumed_bytes
        with open_input(path) as (stream, counted, damage):
            part = stream if stop is None else cast(BinaryIO, Excerpt(stream, start, stop))
            blocks = _FileBlocks(path, part, damage, self.block_size, start)
            for data, offset, ends_sentence in blocks:
                self.consumed_bytes = consumed_before + counted.n_bytes
                yield Block(self._checked(data, blocks, offset), path, offset, ends_sentence)
            self.consumed_bytes = consumed_before + counted.n_bytes
            if is_compressed(path) and counted.n_bytes == 0:
                raise CorpusError(f"{path} is empty, so it is not compressed text; rename it or download it again")

    def _checked(self, data: bytes, blocks: _FileBlocks, offset: int) -> bytes:
        """Return `data`, with bad bytes replaced if requested; raise CorpusError if it is not text."""
        position = first_bad_byte(data)
        if position is None:
            return data
        if self.errors == "replace":
            return data.decode("utf-8", "replace").replace("\0", "\ufffd").encode()
        raise CorpusError(describe_bad_byte(data, position, blocks.path, blocks.head, offset))


class _FileBlocks:
    """The blocks of one opened file, unchecked: (data, offset, ends_sentence); `head` is the file's first bytes."""

    def __init__(self, path: str, stream: BinaryIO, damage: type[Exception], block_size: int, origin: int = 0) -> None:
        self.path, self._origin = path, origin
        self.head = b""
        self._stream = stream
        self._damage = damage
        self._block_size = max(block_size, _HEAD_BYTES)

    def __iter__(self) -> Iterator[tuple[bytes, int, bool]]:
        buffer = bytearray(self._block_size)
        filled, offset = self._read_head(buffer)
        offset += self._origin
        searched = 0
        is_full = self._fill(buffer, filled)
        self._check_line_ends(buffer)
        while is_full:
            cut, ends_sentence = _find_cut(buffer, searched)
            if cut == 0:
                filled = searched = len(buffer)
                self._grow(buffer, offset)
            else:
                yield bytes(memoryview(buffer)[:cut]), offset, ends_sentence
                filled = len(buffer) - cut
                buffer[:filled] = buffer[cut:]
                del buffer[max(self._block_size, filled + 1) :]
                offset += cut
                searched = 0
            is_full = self._fill(buffer, filled)
        if buffer:
            yield bytes(buffer), offset, True

    def _read_head(self, buffer: bytearray) -> tuple[int, int]:
        """Read the start of the file into `buffer`; return its number of bytes and the offset of the first."""
        start = bytearray(_HEAD_BYTES)
        self._fill(start, 0)
        self.head = bytes(start)
        for mark, encoding in _WIDE_MARKS:
            if self.head.startswith(mark):
                raise CorpusError(
                    f"{display_name(self.path)} is {encoding} text, as its byte order mark at byte offset 0 says; "
                    f"convert it to UTF-8 first, for example: iconv -f {encoding} -t UTF-8"
                )
        offset = len(codecs.BOM_UTF8) if self.head.startswith(codecs.BOM_UTF8) else 0
        text = self.head[offset:]
        buffer[: len(text)] = text
        return len(text), offset

    def _fill(self, buffer: bytearray, filled: int) -> bool:
        """Read until `buffer` is full. At the end of the file, shorten it to its contents and return False."""
        source: ByteSource = self._stream  # type: ignore[assignment]  # BinaryIO does not declare readinto
        with reading_errors(self.path, self._damage), memoryview(buffer) as view:
            while filled < len(buffer):
                n_bytes = source.readinto(view[filled:])
                if not n_bytes:
                    break
                filled += n_bytes
        if filled == len(buffer):
            return True
        del buffer[filled:]
        return False

    def _check_line_ends(self, start: bytearray) -> None:
        """Raise CorpusError if the start of the file has several lines, but no line feed."""
        if self._origin or b"\n" in start:
            return
        if sum(bool(line.strip()) for line in start.split(b"\r")) >= _MANY_LINES:
            raise CorpusError(
                f"{display_name(self.path)} ends its lines with carriage returns alone, as old Macs did, so all of it "
                "would be one line; convert it first, for example: tr '\\r' '\\n'"
            )

    def _grow(self, buffer: bytearray, offset: int) -> None:
        if len(buffer) >= MAX_TOKEN_BYTES:
            raise CorpusError(
                f"{display_name(self.path)} has no white space in {len(buffer):,} bytes from byte offset {offset}, "
                "so it does not look like text; break it into lines if it is"
            )
        buffer.extend(bytes(len(buffer)))


def _find_cut(buffer: bytearray, searched: int) -> tuple[int, bool]:
    """Return where to cut a full buffer and whether a line ends there; 0 if it has no white space.

    The first `searched` bytes are known to have none, except for the very first. A cut inside a line is made before the
    white space, so that a block with the end of the line always follows.
    """
    line_feed = buffer.rfind(b"\n", searched)
    if line_feed >= 0:
        return line_feed + 1, True
    return max(0, *(buffer.rfind(separator, searched) for separator in _SEPARATORS)), False


def _joined(started: list[str], end: str) -> str:
    line = "".join([*started, end]) if started else end
    started.clear()
    return line


def first_bad_byte(data: bytes) -> int | None:
    """Return the position of the first byte that is null or not UTF-8, in text that does not end inside a character.

    For a damaged character, this is its first byte. Returns None for valid text.
    """
    bad = [nul] if (nul := data.find(0)) >= 0 else []
    if not data.isascii() and not all(map(_is_utf8, _pieces(data))):
        try:
            data.decode()
        except UnicodeDecodeError as error:
            bad.append(error.start)
    return min(bad, default=None)


def _pieces(data: bytes) -> Iterator[bytes]:
    """Cut `data` into short pieces, between characters if it is valid UTF-8."""
    start = 0
    while start < len(data):
        stop = min(start + _CHECK_BYTES, len(data))
        for _ in range(3):
            if stop < len(data) and data[stop] & 0xC0 == 0x80:
                stop -= 1
        yield data[start:stop]
        start = stop


def _is_utf8(piece: bytes) -> bool:
    try:
        return piece.isascii() or piece.decode() is not None
    except UnicodeDecodeError:
        return False
