"""Vectors in the text and binary formats of word2vec, which most tools for word vectors read and write."""

from __future__ import annotations

import gzip
import io
import mmap
import os
import re
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from w2v._files import ModelError, atomic_file, reading
from w2v.embeddings import Embeddings
from w2v.vocabulary import Vocabulary

_HEADER = re.compile(rb"(?:\xef\xbb\xbf)?[ \t]*(\d{1,15})[ \t]+(\d{1,15})[ \t]*\r?\n")
_MAX_HEADER_BYTES = 64
_BLOCK_BYTES = 8 << 20
_MAX_WORD_BYTES = 1 << 20
_MAX_DEFLATE_RATIO = 1032  # no gzip stream expands further than this
_NUMBER_BYTES = frozenset(b"0123456789+-.eEnNaAiIfFtTyY \t\r")
_UNWRITABLE = re.compile(r"[ \t\n\r\v\f]")


def read_word2vec(
    path: str | os.PathLike[str], *, binary: bool | None = None, limit: int | None = None, errors: str = "strict"
) -> Embeddings:
    """Read a vector file in the word2vec format: text or binary, plain or compressed with gzip.

    Parameters
    ----------
    path : str or path-like
        The file. Its first line gives the number of words V and of dimensions D.
    binary : bool, optional
        Whether the vectors are binary (little-endian float32); by default found out from the content.
    limit : int, optional
        Read the first (most frequent) so many words only.
    errors : {"strict", "replace", "ignore"}, default "strict"
        What to do with words that are not UTF-8. The original word2vec program cuts long words inside a character;
        "replace" reads such files.

    Returns
    -------
    Embeddings
        Without counts and tokenizer, which these files do not hold. Of a word that occurs twice the first vector is
        kept, as in gensim; ``metadata["duplicates_dropped"]`` tells how many were not.

    Raises
    ------
    ModelError
        If the file is missing, or its content contradicts its first line or its own size. The message names the line
        (text) or byte (binary). Sizes are checked before anything is allocated.
    ValueError
        If `limit` is less than 1.

    Notes
    -----
    The vectors of a plain binary file are copied straight from the mapped file; text is parsed in blocks by NumPy.
    """
    if limit is not None and limit < 1:
        raise ValueError(f"limit must be at least 1, not {limit}")
    with _opened(path) as source:
        n_promised, vector_size = _read_header(source)
        if binary is None:
            binary = _looks_binary(source, vector_size)
        _check_size(source, n_promised, vector_size, binary)
        n_rows = min(n_promised, limit or n_promised)
        table = _allocate(source, n_rows, vector_size)
        words = (_read_binary if binary else _read_text)(source, n_promised, table, errors)
    _check_finite(source, table, words)
    return _make_embeddings(words, table)


def write_word2vec(
    embeddings: Embeddings, path: str | os.PathLike[str], *, binary: bool, overwrite: bool = False
) -> None:
    """Write a vector file in the word2vec format, whole or not at all.

    Parameters
    ----------
    embeddings : Embeddings
        The model. Its counts, tokenizer and metadata have no place in this format.
    path : str or path-like
        The file; a name ending in ``.gz`` is compressed.
    binary : bool
        Vectors as little-endian float32, or as text with 9 significant digits; both come back bit for bit.
    overwrite : bool, default False
        Replace an existing file.

    Raises
    ------
    ModelError
        If a word is empty or holds white space, which the format cannot express, or if the file cannot be written.
    """
    for word in embeddings.index_to_key:
        if not word or _UNWRITABLE.search(word):
            raise ModelError(
                f"{path}: the word {word!r} cannot be written in the word2vec format, where white space ends a word; "
                "save a model folder instead, or train with a tokenizer that makes no such words"
            )
    with atomic_file(path, overwrite=overwrite) as file:
        if os.fspath(path).endswith(".gz"):
            with gzip.GzipFile(filename="", mode="wb", fileobj=file, compresslevel=5, mtime=0) as compressed:
                _write_rows(embeddings, io.BufferedWriter(compressed, _BLOCK_BYTES), binary)
        else:
            _write_rows(embeddings, file, binary)


def _write_rows(embeddings: Embeddings, file: BinaryIO | io.BufferedWriter, binary: bool) -> None:
    file.write(f"{len(embeddings)} {embeddings.vector_size}\n".encode())
    row_format = " ".join(["%.9g"] * embeddings.vector_size)
    step = max(1, _BLOCK_BYTES // (4 * embeddings.vector_size))
    for start in range(0, len(embeddings), step):
        block = np.ascontiguousarray(embeddings.vectors[start : start + step], dtype="<f4")
        words = embeddings.index_to_key[start : start + step]
        if binary:
            file.writelines(
                part for word, row in zip(words, block, strict=True) for part in (f"{word} ".encode(), row.data)
            )
        else:
            rows = block.tolist()
            lines = [f"{word} {row_format % tuple(row)}\n" for word, row in zip(words, rows, strict=True)]
            file.write("".join(lines).encode())
    file.flush()


@dataclass
class _Source:
    """An open vector file: the bytes at hand, and where in the (decompressed) file they begin.

    A plain file is at hand whole, mapped into memory. A compressed one comes in blocks: `more` appends the next and
    drops what lies before `position`.
    """

    path: str
    data: bytes | mmap.mmap
    size: int  # bytes on the disk
    stream: gzip.GzipFile | None = None
    position: int = 0
    dropped: int = field(default=0)

    @property
    def offset(self) -> int:
        """Byte of the decompressed file at which `position` is."""
        return self.dropped + self.position

    def more(self) -> bool:
        """Get another block; False at the end of the file."""
        if self.stream is None:
            return False
        try:
            block = self.stream.read(_BLOCK_BYTES)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ModelError(f"{self.path} is damaged or truncated: {error}") from error
        self.dropped += self.position
        self.data = self.data[self.position :] + block
        self.position = 0
        return bool(block)

    def ensure(self, n_bytes: int) -> bool:
        """Get blocks until `n_bytes` follow `position`, or the file ends; say whether they do."""
        while len(self.data) - self.position < n_bytes:
            if not self.more():
                return False
        return True


@contextmanager
def _opened(path: str | os.PathLike[str]) -> Iterator[_Source]:
    name = os.fspath(path)
    if os.path.isdir(path):
        raise ModelError(f"{name} is a folder, not a vector file; a model folder is opened as it is")
    with reading(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size == 0:
            raise ModelError(f"{name} is empty")
        if file.read(2) == b"\x1f\x8b":
            file.seek(0)
            with gzip.GzipFile(fileobj=file, mode="rb") as stream:
                yield _Source(name, b"", size, stream)
        elif name.endswith(".gz"):
            raise ModelError(f"{name} is not compressed with gzip, in spite of its name")
        else:
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
                yield _Source(name, mapped, size)


def _read_header(source: _Source) -> tuple[int, int]:
    """Return the numbers of words and dimensions; `source` then stands at the first word."""
    source.ensure(_MAX_HEADER_BYTES)
    start = bytes(source.data[:_MAX_HEADER_BYTES])
    match = _HEADER.match(start)
    if match is None:
        raise ModelError(
            f"{source.path}, line 1: expected the number of words and of dimensions, such as '10000 100', not "
            f"{start.split(bytes([10]))[0][:40]!r}; is this a file in word2vec format? (GloVe's files lack this line)"
        )
    n_words, vector_size = int(match[1]), int(match[2])
    if n_words == 0 or vector_size == 0:
        raise ModelError(f"{source.path}, line 1: promises {n_words} words of {vector_size} dimensions")
    source.position = match.end()
    return n_words, vector_size


def _looks_binary(source: _Source, vector_size: int) -> bool:
    """Tell binary from text: in text nothing but numbers stands between the first word and the end of its line."""
    source.ensure(min(32 * vector_size, 1 << 16) + 4096)
    sample = bytes(source.data[source.position : source.position + min(32 * vector_size, 1 << 16) + 4096])
    _, _, numbers = sample.lstrip(b"\n").partition(b" ")
    line = numbers.split(b"\n", 1)[0]
    return not line or not _NUMBER_BYTES.issuperset(line)


def _check_size(source: _Source, n_words: int, vector_size: int, binary: bool) -> None:
    """Raise unless a file of this size can hold what its first line promises."""
    row_bytes = 1 + (4 * vector_size if binary else 2 * vector_size - 1)  # a separator; one digit a number in text
    largest = source.size * (_MAX_DEFLATE_RATIO if source.stream else 1)
    if n_words * row_bytes > largest:
        raise ModelError(
            f"{source.path}, line 1: promises {n_words} words of {vector_size} dimensions, at least "
            f"{n_words * row_bytes} bytes, but the file has {source.size}; it is truncated or its first line is wrong"
        )


def _allocate(source: _Source, n_rows: int, vector_size: int) -> NDArray[np.float32]:
    try:
        return np.empty((n_rows, vector_size), dtype=np.float32)
    except (MemoryError, ValueError) as error:
        raise ModelError(
            f"{source.path}: {n_rows} words of {vector_size} dimensions do not fit in memory; read fewer with limit"
        ) from error


def _read_binary(source: _Source, n_promised: int, table: NDArray[np.float32], errors: str) -> list[str]:
    """Fill `table` with the vectors of a binary file and return the words."""
    words: list[bytes] = []
    row_bytes = table.shape[1] * 4
    target = table.data.cast("B")
    first_byte = source.offset
    while len(words) < len(table):
        _copy_rows(source, len(table), row_bytes, target, words)
        if len(words) < len(table) and not source.more():
            raise ModelError(
                f"{source.path}, byte {source.offset}: the file ends in or before word {len(words) + 1} of "
                f"{n_promised}; it is truncated or its first line is wrong"
            )
        pending = len(source.data) - source.position
        if pending > row_bytes + _MAX_WORD_BYTES + _BLOCK_BYTES:
            raise ModelError(f"{source.path}, byte {source.offset}: no end of word {len(words) + 1} in {pending} bytes")
    if len(table) == n_promised:
        _check_nothing_follows(source, n_promised)
    if sys.byteorder == "big":
        table.byteswap(inplace=True)
    return _decode(source, words, errors, first_byte, row_bytes)


def _copy_rows(source: _Source, n_rows: int, row_bytes: int, target: memoryview, words: list[bytes]) -> None:
    """Copy the complete rows at hand to `target`, append their words and move `source` past them.

    The one loop over rows in Python: about half a microsecond each beside the copy.
    """
    data, position, end = source.data, source.position, len(source.data)
    find = data.find
    filled = len(words) * row_bytes
    with memoryview(data) as view:
        for _ in range(n_rows - len(words)):
            space = find(b" ", position, position + _MAX_WORD_BYTES)
            after = space + 1 + row_bytes
            if space < 0 or after > end:
                break
            words.append(data[position:space])
            target[filled : filled + row_bytes] = view[space + 1 : after]
            filled += row_bytes
            position = after
    source.position = position


def _check_nothing_follows(source: _Source, n_promised: int) -> None:
    """Raise if more than white space follows the last promised row."""
    while True:
        rest = bytes(source.data[source.position : source.position + 64])
        if rest.strip():
            raise ModelError(
                f"{source.path}, byte {source.offset}: more follows after the {n_promised} words that the first line "
                "promises; its numbers are wrong"
            )
        source.position += len(rest)
        if not rest and not source.more():
            return


def _decode(source: _Source, words: list[bytes], errors: str, first_byte: int, row_bytes: int) -> list[str]:
    """Decode the words of a binary file; some programs end each vector with a newline, which comes before the next."""
    try:
        return [word.decode("utf-8", errors).lstrip("\n") for word in words]
    except UnicodeDecodeError:
        pass
    offset = first_byte
    for word in words:
        try:
            word.decode()
        except UnicodeDecodeError as error:
            raise ModelError(
                f"{source.path}, byte {offset + error.start}: the word {word[:60]!r} is not UTF-8; the first line may "
                "be wrong, or read with errors='replace'"
            ) from error
        offset += len(word) + 1 + row_bytes
    raise AssertionError("unreachable")


def _read_text(source: _Source, n_promised: int, table: NDArray[np.float32], errors: str) -> list[str]:
    """Fill `table` with the vectors of a text file and return the words."""
    words: list[str] = []
    for text in _text_blocks(source, errors):
        lines = text.split("\n")
        if lines[-1] == "":
            lines.pop()
        free = len(table) - len(words)
        if len(lines) > free:
            extra = next((index for index in range(free, len(lines)) if lines[index].strip()), None)
            if extra is not None and len(table) == n_promised:
                raise ModelError(
                    f"{source.path}, line {len(words) + extra + 2}: more lines than the {n_promised} words that the "
                    "first line promises"
                )
            del lines[free:]
        if lines:
            _parse_lines(source, lines, len(words) + 2, table[len(words) : len(words) + len(lines)], words)
        if len(words) == len(table) < n_promised:
            break
    if len(words) < len(table):
        raise ModelError(
            f"{source.path}, line {len(words) + 2}: the file ends after {len(words)} words, but its first line "
            f"promises {n_promised}"
        )
    return words


def _text_blocks(source: _Source, errors: str) -> Iterator[str]:
    """Yield the rest of the file as decoded blocks of whole lines."""
    while source.ensure(1):
        source.ensure(_BLOCK_BYTES)
        stop = source.data.rfind(b"\n", source.position, source.position + _BLOCK_BYTES) + 1
        while stop == 0:  # a line longer than a block, or the last one without a newline
            stop = source.data.find(b"\n", source.position) + 1
            if stop == 0 and not source.more():
                stop = len(source.data)
        block = bytes(source.data[source.position : stop])
        try:
            yield block.decode("utf-8", errors)
        except UnicodeDecodeError as error:
            raise ModelError(
                f"{source.path}, byte {source.offset + error.start}: not UTF-8; the file is binary (read with "
                "binary=True) or its words are cut inside a character (read with errors='replace')"
            ) from error
        source.position = stop


def _parse_lines(
    source: _Source, lines: list[str], first_line: int, target: NDArray[np.float32], words: list[str]
) -> None:
    """Parse ``word number … number`` lines into `target`, one row a line, and append the words."""
    pairs = [line.partition(" ") for line in lines]
    numbers = [pair[2] for pair in pairs]
    if not all(map(str.strip, numbers)):  # loadtxt would pass over them
        _explain_line(source, lines, first_line, target.shape[1])
    try:
        parsed = np.loadtxt(numbers, dtype=np.float32, comments=None, ndmin=2)
        if parsed.shape != target.shape:
            raise ValueError("wrong number of columns")
    except ValueError as error:
        _explain_line(source, lines, first_line, target.shape[1])
        raise ModelError(f"{source.path}, from line {first_line} on: {error}") from error
    target[:] = parsed
    words.extend(pair[0] for pair in pairs)


def _explain_line(source: _Source, lines: list[str], first_line: int, vector_size: int) -> None:
    """Raise a `ModelError` for the first line that is not a word and `vector_size` numbers."""
    for number, line in enumerate(lines, first_line):
        word, _, rest = line.partition(" ")
        values = rest.split()
        if len(values) != vector_size:
            raise ModelError(
                f"{source.path}, line {number}: the word {word[:60]!r} should be followed by {vector_size} numbers, "
                f"not {len(values)}; the line is damaged or the first line of the file is wrong"
            )
        for value in values:
            try:
                float(value)
            except ValueError:
                raise ModelError(f"{source.path}, line {number}: {value[:60]!r} is not a number") from None


def _check_finite(source: _Source, table: NDArray[np.float32], words: list[str]) -> None:
    step = max(1, _BLOCK_BYTES // (4 * table.shape[1]))
    for start in range(0, len(table), step):
        finite = np.isfinite(table[start : start + step])
        if not finite.all():
            word = words[start + int(np.argmin(finite.all(axis=1)))]
            raise ModelError(f"{source.path}: the vector of {word!r} holds NaN or infinity; the file is damaged")


def _make_embeddings(words: list[str], table: NDArray[np.float32]) -> Embeddings:
    first_rows: dict[str, int] = {}
    for row, word in enumerate(words):
        first_rows.setdefault(word, row)
    n_dropped = len(words) - len(first_rows)
    if n_dropped == 0:
        return Embeddings(Vocabulary(words), table)
    kept = table[np.fromiter(first_rows.values(), dtype=np.intp)]
    return Embeddings(Vocabulary(list(first_rows)), kept, metadata={"duplicates_dropped": n_dropped})
