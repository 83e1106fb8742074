"""Vectors in the text and binary formats of word2vec, which most tools for word vectors read and write."""

from __future__ import annotations

import io
import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import BinaryIO, NoReturn

import numpy as np
from numpy.typing import NDArray

from w2v._files import ModelError
from w2v._vector_files import (
    BLOCK_BYTES,
    MAX_DEFLATE_RATIO,
    Source,
    allocate_rows,
    check_finite,
    check_limit,
    check_words,
    distinct_words,
    finite_blocks,
    make_embeddings,
    new_file,
    open_source,
    parse_rows,
    text_rows,
)
from w2v.embeddings import Embeddings

HEADER = re.compile(rb"(?:\xef\xbb\xbf)?[ \t]*(\d{1,15})[ \t]+(\d{1,15})[ \t]*\r?\n")
MAX_HEADER_BYTES = 64
_MAX_WORD_BYTES = 1 << 20
_NUMBER_BYTES = frozenset(b"0123456789+-.eEnNaAiIfFtTyY \t\r")


def read_word2vec(
    path: str | os.PathLike[str], *, binary: bool | None = None, limit: int | None = None, errors: str = "strict"
) -> Embeddings:
    """Read a vector file in the word2vec format: text or binary, plain or compressed with gzip.

    fastText's ``.vec`` files are of the text format, too.

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
    The vectors of a plain binary file are copied straight from the mapped file by a second thread, while the first
    makes the vocabulary; text is parsed in blocks by NumPy.
    """
    check_limit(limit)
    with open_source(path) as source:
        n_promised, vector_size = _read_header(source)
        if binary is None:
            binary = _looks_binary(source, vector_size)
        _check_size(source, n_promised, vector_size, binary)
        n_rows = min(n_promised, limit or n_promised)
        if binary and source.stream is None:
            return _read_mapped(source, n_promised, n_rows, vector_size, errors)
        table = allocate_rows(source.path, n_rows, vector_size)
        first_byte = source.offset
        words = (_read_binary if binary else _read_text)(source, n_promised, table, errors)

    def where(row: int) -> str:
        if not binary:
            return f", line {row + 2}: the vector of {words[row]!r}"
        start = first_byte + row * (1 + 4 * vector_size) + sum(len(word.encode()) for word in words[: row + 1]) + 1
        return f", about byte {start}: the vector of {words[row]!r}"

    check_finite(source.path, table, where)
    return make_embeddings(words, table)


def write_word2vec(
    embeddings: Embeddings, path: str | os.PathLike[str], *, binary: bool, overwrite: bool = False
) -> None:
    """Write a vector file in the word2vec format, whole or not at all.

    Parameters
    ----------
    embeddings : Embeddings
        The model. Its counts, tokenizer, n-grams and metadata have no place in this format.
    path : str or path-like
        The file; a name ending in ``.gz`` is compressed.
    binary : bool
        Vectors as little-endian float32, or as text with 9 significant digits; both come back bit for bit.
    overwrite : bool, default False
        Replace an existing file.

    Raises
    ------
    ModelError
        If a word is empty or holds white space, which the format cannot express, if a vector holds NaN or infinity,
        or if the file cannot be written.
    """
    check_words(embeddings, path, "word2vec")
    with new_file(path, overwrite=overwrite) as file:
        _write_rows(embeddings, path, file, binary)


def _write_rows(
    embeddings: Embeddings, path: str | os.PathLike[str], file: BinaryIO | io.BufferedWriter, binary: bool
) -> None:
    file.write(f"{len(embeddings)} {embeddings.vector_size}\n".encode())
    for words, block in finite_blocks(embeddings, path):
        if binary:
            file.writelines(
                part for word, row in zip(words, block, strict=True) for part in (f"{word} ".encode(), row.data)
            )
        else:
            rows = text_rows(block)
            file.write("".join([f"{word} {row}\n" for word, row in zip(words, rows, strict=True)]).encode())


def _read_header(source: Source) -> tuple[int, int]:
    """Return the numbers of words and dimensions; `source` then stands at the first word."""
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
    source.position = match.end()
    return n_words, vector_size


def _looks_binary(source: Source, vector_size: int) -> bool:
    """Tell binary from text: in text nothing but numbers stands between the first word and the end of its line."""
    sample = source.peek(min(32 * vector_size, 1 << 16) + 4096)
    _, _, numbers = sample.lstrip(b"\n").partition(b" ")
    line = numbers.split(b"\n", 1)[0]
    return not line or not _NUMBER_BYTES.issuperset(line)


def _check_size(source: Source, n_words: int, vector_size: int, binary: bool) -> None:
    """Raise unless a file of this size can hold what its first line promises."""
    row_bytes = 1 + (4 * vector_size if binary else 2 * vector_size - 1)  # a separator; one digit a number in text
    largest = source.size * (MAX_DEFLATE_RATIO if source.stream else 1)
    if n_words * row_bytes > largest:
        raise ModelError(
            f"{source.path}, line 1: promises {n_words} words of {vector_size} dimensions, at least "
            f"{n_words * row_bytes} bytes, but the file has {source.size}; it is truncated or its first line is wrong"
        )


def _read_mapped(source: Source, n_promised: int, n_rows: int, vector_size: int, errors: str) -> Embeddings:
    """Read a binary file that is mapped into memory."""
    first_byte, row_bytes = source.position, 4 * vector_size
    words, starts = _find_rows(source, n_rows, row_bytes)
    if len(words) < n_rows:
        _raise_truncated(source, len(words), n_promised)
    if n_rows == n_promised:
        _check_nothing_follows(source, n_promised)

    def gather() -> NDArray[np.float32]:
        items = np.ndarray((len(source.data) - row_bytes + 1,), f"V{row_bytes}", source.data, strides=(1,))
        try:
            table: NDArray[np.float32] = items[starts].view("<f4").reshape(n_rows, vector_size)
        except MemoryError:
            table = allocate_rows(source.path, n_rows, vector_size)  # which says so
        check_finite(
            source.path,
            table,
            lambda row: f", byte {starts[row]}: the vector of {words[row].decode(errors='replace')!r}",
        )
        return table.astype(np.float32, copy=False)

    with ThreadPoolExecutor(max_workers=1) as pool:
        gathered = pool.submit(gather)
        vocabulary, rows = distinct_words(_decode(source, words, errors, first_byte, row_bytes))
        table = gathered.result()
    if rows is None:
        return Embeddings(vocabulary, table)
    return Embeddings(vocabulary, table[rows], metadata={"duplicates_dropped": len(words) - len(rows)})


def _find_rows(source: Source, n_rows: int, row_bytes: int) -> tuple[list[bytes], NDArray[np.int64]]:
    """Return the words of up to `n_rows` complete rows and the bytes at which their vectors begin.

    The one loop over rows in Python: a quarter of a microsecond each.
    """
    words: list[bytes] = []
    starts: list[int] = []
    data, position, last = source.data, source.position, len(source.data) - row_bytes
    find, add_word, add_start = data.find, words.append, starts.append
    for _ in range(n_rows):
        space = find(b" ", position, position + _MAX_WORD_BYTES)
        if space < 0 or space >= last:
            break
        add_word(data[position:space])
        add_start(space + 1)
        position = space + 1 + row_bytes
    source.position = position
    return words, np.array(starts, dtype=np.int64)


def _raise_truncated(source: Source, n_words: int, n_promised: int) -> NoReturn:
    raise ModelError(
        f"{source.path}, byte {source.offset}: the file ends in or before word {n_words + 1} of {n_promised}; it is "
        "truncated or its first line is wrong"
    )


def _read_binary(source: Source, n_promised: int, table: NDArray[np.float32], errors: str) -> list[str]:
    """Fill `table` with the vectors of a compressed binary file and return the words."""
    words: list[bytes] = []
    row_bytes = table.shape[1] * 4
    target = table.reshape(-1).view(np.uint8)
    first_byte = source.offset
    while len(words) < len(table):
        found, starts = _find_rows(source, len(table) - len(words), row_bytes)
        if found:
            items = np.ndarray((len(source.data) - row_bytes + 1,), f"V{row_bytes}", source.data, strides=(1,))
            filled = len(words) * row_bytes
            target[filled : filled + len(found) * row_bytes] = items[starts].view(np.uint8)
            words += found
        elif not source.more():
            _raise_truncated(source, len(words), n_promised)
        pending = len(source.data) - source.position
        if pending > row_bytes + _MAX_WORD_BYTES + 2 * BLOCK_BYTES:
            raise ModelError(f"{source.path}, byte {source.offset}: no end of word {len(words) + 1} in {pending} bytes")
    if len(table) == n_promised:
        _check_nothing_follows(source, n_promised)
    if sys.byteorder == "big":
        table.byteswap(inplace=True)
    return _decode(source, words, errors, first_byte, row_bytes)


def _check_nothing_follows(source: Source, n_promised: int) -> None:
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


def _decode(source: Source, words: list[bytes], errors: str, first_byte: int, row_bytes: int) -> list[str]:
    """Decode the words of a binary file; some programs end each vector with a newline, which comes before the next."""
    joined = b" ".join(words)  # no word holds a space
    try:
        decoded = joined.decode("utf-8", errors).split(" ")
        return [word.lstrip("\n") for word in decoded] if b"\n" in joined else decoded
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


def _read_text(source: Source, n_promised: int, table: NDArray[np.float32], errors: str) -> list[str]:
    """Fill `table` with the vectors of a text file and return the words."""
    words: list[str] = []
    for text in source.text_blocks(errors):
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
            rows = [(word, numbers) for word, _, numbers in (line.partition(" ") for line in lines)]
            target = table[len(words) : len(words) + len(rows)]
            target[:] = parse_rows(source.path, rows, len(words) + 2, table.shape[1])
            words.extend(row[0] for row in rows)
        if len(words) == len(table) < n_promised:
            break
    if len(words) < len(table):
        raise ModelError(
            f"{source.path}, line {len(words) + 2}: the file ends after {len(words)} words, but its first line "
            f"promises {n_promised}"
        )
    return words
