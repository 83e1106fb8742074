"""Vectors in word2vec's text and binary formats, which most tools for word vectors read and write."""

from __future__ import annotations

import codecs
import io
import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import BinaryIO, NamedTuple, NoReturn

import numpy as np

from w2v.formats.binary_rows import LARGEST, MAX_WORD_BYTES, find_rows, find_rows_carefully, take_rows
from w2v.formats.source import BLOCK_BYTES, Source, is_utf8, open_source
from w2v.formats.text_rows import is_number, read_rows, write_rows
from w2v.formats.vector_files import (
    WHITE_SPACE,
    allocate_rows,
    check_finite,
    check_limit,
    distinct_words,
    finite_blocks,
    make_embeddings,
    new_file,
    too_large,
    with_first_rows,
    without_words,
)
from w2v.storage.files import ModelError
from w2v.vectors.embeddings import Embeddings

HEADER = re.compile(rb"[ \t]*(\d{1,15})[ \t]+(\d{1,15})[ \t]*\r?\n")
MAX_HEADER_BYTES = 64
_TELLING_FIELDS = 16
_LONG_WORD_BYTES = 256
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f]")


def read_word2vec(
    path: str | os.PathLike[str],
    *,
    binary: bool | None = None,
    limit: int | None = None,
    errors: str = "strict",
    encoding: str = "utf-8",
) -> Embeddings:
    """Read a vector file in the word2vec format, such as fastText's ``.vec``; see `w2v.formats.read_vectors`.

    The first line has the number of words V and of dimensions D. Vectors are text or, with `binary`, little-endian
    float32; by default the content decides. The original word2vec program cuts long words inside a character; `errors`
    "replace" reads such files.

    Raises
    ------
    ModelError
        If the file is missing, its content contradicts its first line or its size, or a value is so large that bytes
        must be misplaced (1e12 or more). The message names the line (text) or byte (binary). Sizes are checked before
        memory is allocated.

    Notes
    -----
    Words may contain spaces, as gensim writes them. In text, numbers are counted from the end of the line; in binary
    files, a word ends at the space after which the numbers and the next word make sense. For a plain binary file, a
    second thread copies the vectors straight from the mapped file while the first builds the vocabulary. NumPy parses
    text in blocks.
    """
    check_limit(limit)
    if is_utf8(encoding):
        encoding = "utf-8"
    elif binary is None:
        with open_source(path) as source:
            binary = HEADER.match(source.peek(MAX_HEADER_BYTES)) is not None and _looks_binary(
                source, _read_header(source)[1], encoding
            )
    with open_source(path, encoding="utf-8" if binary else encoding, errors=errors) as source:
        n_promised, vector_size = _read_header(source)
        if binary is None:
            binary = _looks_binary(source, vector_size, encoding)
        n_rows = min(n_promised, limit or n_promised)
        promised = _Promised(n_promised, n_rows, vector_size, limit is None or limit > n_promised)
        _check_size(source, promised, binary)
        if not binary:
            return _read_text(source, promised, errors)
        if "a b".encode(encoding) != b"a b":
            raise ModelError(f"{source.path} is binary, and {encoding} does not write a space as a single byte")
        read = _read_mapped if source.stream is None else _read_stream
        found = read(source, promised, errors, encoding)
    if found is not None:
        return found
    with open_source(path) as source:
        _read_header(source)
        return _read_carefully(source, promised, errors, encoding)


def write_word2vec(
    embeddings: Embeddings, path: str | os.PathLike[str], *, binary: bool, overwrite: bool = False
) -> list[str]:
    """Write a vector file in the word2vec format, atomically; return the omitted words.

    Empty words are omitted, words with white space, which ends a word in other programs, and in a binary file words
    with a zero byte.

    Raises
    ------
    ModelError
        If a vector holds NaN or infinity, or values of 1e12 or more in a binary file, where they are a sign of damage;
        or if the file cannot be written.
    """
    embeddings, left_out = without_words(embeddings, path, WHITE_SPACE + "\0" * binary)
    with new_file(path, overwrite=overwrite) as file:
        _write_rows(embeddings, path, file, binary)
    return left_out


def _write_rows(
    embeddings: Embeddings, path: str | os.PathLike[str], file: BinaryIO | io.BufferedWriter, binary: bool
) -> None:
    """Write the first line and all rows."""
    file.write(f"{len(embeddings)} {embeddings.vector_size}\n".encode())
    if not binary:
        write_rows(embeddings, path, file)
        return
    for words, block in finite_blocks(embeddings, path):
        largest = max(block.max(), -block.min())
        if largest >= LARGEST:
            raise ModelError(
                f"{path} cannot be written: a vector holds {largest:.2g}, and values of {LARGEST:g} or more are a "
                "sign of damage in a binary file; choose another format"
            )
        file.writelines(
            part for word, row in zip(words, block, strict=True) for part in (f"{word} ".encode(), row.data)
        )


def _read_header(source: Source) -> tuple[int, int]:
    """Return the numbers of words and dimensions, and leave `source` at the first word."""
    source.pass_mark()
    start = source.peek(MAX_HEADER_BYTES)
    match = HEADER.match(start)
    if match is None:
        raise ModelError(
            f"{source.path}, line 1: expected the number of words and of dimensions, such as '10000 100', not "
            f"{start.split(bytes([10]))[0][:40]!r}; is this a file in word2vec format? (GloVe's files lack this line)"
        )
    n_words, vector_size = int(match[1]), int(match[2])
    if n_words == 0 or vector_size == 0:
        raise ModelError(f"{source.path}, line 1: promises {n_words} words of {vector_size} dimensions")
    source.position += match.end()
    return n_words, vector_size


def _looks_binary(source: Source, vector_size: int, encoding: str) -> bool:
    """Return whether vectors are binary; text has lines and no control characters, even if its first row is damaged."""
    n_bytes = min(32 * vector_size, 1 << 16) + 4096
    sample = source.peek(n_bytes)
    is_whole = len(sample) < n_bytes
    sample = sample.lstrip(b"\n")
    line, end, _ = sample.partition(b"\n")
    fields = line.split()
    last = fields[-vector_size:] if end else fields[1:-1][-_TELLING_FIELDS:]
    if last and len(fields) > len(last) and all(map(is_number, last)):
        return False
    if _CONTROL.search(sample):
        return True
    try:
        codecs.getincrementaldecoder(encoding)().decode(sample, is_whole)
    except UnicodeDecodeError:
        return not any(map(is_number, last))
    return False


def _check_size(source: Source, promised: _Promised, binary: bool) -> None:
    """Raise ModelError unless a file of this size can hold the requested rows of those its first line states."""
    n_words, n_rows, vector_size, _ = promised
    row_bytes = 1 + (4 * vector_size if binary else 2 * vector_size - 1)  # a separator; one digit a number in text
    if n_rows * row_bytes > source.largest:
        raise ModelError(
            f"{source.path}, line 1: promises {n_words} words of {vector_size} dimensions, at least "
            f"{n_words * row_bytes} bytes, but the file has {source.size}; it is truncated or its first line is wrong"
        )


class _Promised(NamedTuple):
    """The numbers in the first line, and the number of rows to read."""

    n_words: int
    n_rows: int
    vector_size: int
    is_all: bool
    """Whether nothing may follow these rows."""


def _read_mapped(source: Source, promised: _Promised, errors: str, encoding: str) -> Embeddings | None:
    """Read a memory-mapped binary file; return None if the result looks wrong."""
    _, n_rows, vector_size, is_all = promised
    words, places, source.position = find_rows(source.data, source.position, n_rows, 4 * vector_size)
    if len(words) < n_rows or (is_all and _something_follows(source)):
        return None
    with ThreadPoolExecutor(max_workers=1) as pool:
        gathered = pool.submit(take_rows, source.data, np.array(places, dtype=np.int64), vector_size)
        try:
            vocabulary, rows = distinct_words(_decode(words, errors, encoding))
            table, _, is_doubtful = gathered.result()
        except UnicodeDecodeError:
            return None
        except MemoryError:
            raise too_large(source.path, n_rows, vector_size) from None
    if is_doubtful:
        return None
    return with_first_rows(vocabulary, rows, table.astype(np.float32, copy=False))


def _read_stream(source: Source, promised: _Promised, errors: str, encoding: str) -> Embeddings | None:
    """Read a compressed binary file; return None if the result looks wrong."""
    _, n_rows, vector_size, is_all = promised
    words: list[bytes] = []
    row_bytes = 4 * vector_size
    table = allocate_rows(source.path, n_rows, vector_size)
    while len(words) < n_rows:
        found, places, source.position = find_rows(source.data, source.position, n_rows - len(words), row_bytes)
        if found:
            starts = np.array(places, dtype=np.int64)
            rows, _, is_doubtful = take_rows(source.data, starts, vector_size)
            if is_doubtful:
                return None
            table[len(words) : len(words) + len(found)] = rows
            words += found
        elif not source.more():
            return None
        pending = len(source.data) - source.position
        if pending > row_bytes + MAX_WORD_BYTES + 2 * BLOCK_BYTES:
            raise ModelError(f"{source.path}, byte {source.offset}: no end of word {len(words) + 1} in {pending} bytes")
    if is_all and _something_follows(source):
        return None
    try:
        return make_embeddings(_decode(words, errors, encoding), table)
    except UnicodeDecodeError:
        return None


def _read_carefully(source: Source, promised: _Promised, errors: str, encoding: str) -> Embeddings:
    """Read an unusual binary file row by row, or raise a ModelError that says what is wrong."""
    n_promised, n_rows, vector_size, is_all = promised
    row_bytes = 4 * vector_size
    source.ensure(n_rows * (row_bytes + _LONG_WORD_BYTES) + MAX_WORD_BYTES)
    words, places, end, misplaced = find_rows_carefully(source.data, source.position, n_rows, vector_size, encoding)
    byte = source.dropped
    source.position = end
    if len(words) < n_rows:
        raise ModelError(
            f"{source.path}, byte {source.offset}: the file ends in or before word {len(words) + 1} of {n_promised}; "
            f"it is truncated or its first line is wrong{_what_is_there(len(words))}"
        )
    try:
        table, damage, _ = take_rows(source.data, np.array(places, dtype=np.int64), vector_size)
    except MemoryError:
        raise too_large(source.path, n_rows, vector_size) from None
    damage = damage or misplaced or _find_odd_word(words)
    if damage is not None:
        row, problem = damage
        raise ModelError(
            f"{source.path}, byte {byte + places[row]}: the vector of {words[row].decode(errors='replace')[:60]!r} "
            f"{problem}; the file is damaged or its first line is wrong"
        )
    if is_all and _something_follows(source):
        raise ModelError(
            f"{source.path}, byte {source.offset}: the file continues after the {n_promised} words that the first "
            f"line promises; its numbers are wrong{_what_is_there(n_promised)}"
        )
    try:
        return make_embeddings(_decode(words, errors, encoding), table.astype(np.float32, copy=False))
    except UnicodeDecodeError:
        _explain_word(source.path, words, [byte + place for place in places], encoding)


def _what_is_there(n_words: int) -> str:
    """Return how to read the words of a file that promises more, as published ones do; nothing if there are none."""
    return f"; the first {n_words} can be read with limit={n_words} (--max-vocab {n_words})" if n_words else ""


def _something_follows(source: Source) -> bool:
    """Return whether anything but white space follows."""
    while True:
        rest = bytes(source.data[source.position : source.position + 64])
        if rest.strip():
            return True
        source.position += len(rest)
        if not rest and not source.more():
            return False


def _decode(words: list[bytes], errors: str, encoding: str) -> list[str]:
    """Decode the words of a binary file; raise UnicodeDecodeError, also for a zero byte or newline in a word.

    A newline before a word is allowed: some programs end each vector with one.
    """
    joined = b"\0".join(words)
    decoded = joined.decode(encoding, errors).split("\0")
    if b"\n" in joined:
        decoded = [word.lstrip("\n") for word in decoded]
    if len(decoded) != len(words) or (b"\n" in joined and any("\n" in word for word in decoded)):
        raise UnicodeDecodeError(encoding, joined, 0, 1, "these are not words")
    return decoded


def _find_odd_word(words: list[bytes]) -> tuple[int, str] | None:
    """Return the first row whose word has an impossible character, and the reason; None if there is none."""
    for row, word in enumerate(words):
        for character in (b"\0", b"\n"):
            if character in word.lstrip(b"\n"):
                return row, f"belongs to a word that contains the character {character.decode()!r}"
    return None


def _explain_word(path: str, words: list[bytes], places: list[int], encoding: str) -> NoReturn:
    """Raise a `ModelError` for the first word that does not decode; `places` are the offsets of the vectors."""
    for word, place in zip(words, places, strict=True):
        try:
            word.decode(encoding)
        except UnicodeDecodeError as error:
            raise ModelError(
                f"{path}, byte {place - 1 - len(word) + error.start}: the word {word[:60]!r} is not "
                f"{encoding.upper()}; the first line may be wrong, name the encoding, or read with errors='replace'"
            ) from error
    raise AssertionError("unreachable")


def _read_text(source: Source, promised: _Promised, errors: str) -> Embeddings:
    """Read a text file."""
    n_promised, n_rows, vector_size, _ = promised
    table = allocate_rows(source.path, n_rows, vector_size)
    words, table = read_rows(source.path, _promised_lines(source, promised, errors), 2, table)
    if len(words) < n_rows:
        raise ModelError(
            f"{source.path}, line {len(words) + 2}: the file ends after {len(words)} words, but its first line "
            f"promises {n_promised}{_what_is_there(len(words))}"
        )
    check_finite(source.path, table, lambda row: f", line {row + 2}: the vector of {words[row]!r}")
    return make_embeddings(words, table)


def _promised_lines(source: Source, promised: _Promised, errors: str) -> Iterator[list[str]]:
    """Yield blocks of the lines to read; if these are all, only blank lines may follow."""
    free = promised.n_rows
    for lines in source.line_blocks(errors, None if promised.is_all else free):
        extra = next((index for index in range(free, len(lines)) if lines[index].strip()), None)
        if extra is not None:
            first = promised.n_rows - free + 2
            blank = next((index for index in range(free) if not lines[index].strip()), None)
            if blank is not None:
                raise ModelError(f"{source.path}, line {first + blank}: blank, between lines of vectors; remove it")
            raise ModelError(
                f"{source.path}, line {first + extra}: more lines than the {promised.n_words} words that the first "
                f"line promises; correct that number{_what_is_there(promised.n_words)}"
            )
        if free:
            yield lines[:free]
        free -= min(free, len(lines))
