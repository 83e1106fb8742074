"""Reading and writing vectors as text: a word and its values on each line."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from w2v.formats.source import is_utf8
from w2v.formats.vector_files import finite_blocks
from w2v.storage.files import ModelError, reading
from w2v.vectors.embeddings import Embeddings

_SEPARATORS = re.compile("([ \t]+)")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


def read_rows(
    path: str, blocks: Iterable[list[str]], first_line: int, table: NDArray[np.float32]
) -> tuple[list[str], NDArray[np.float32]]:
    """Parse blocks of lines into `table`, which grows if it is too small.

    Returns
    -------
    words : list of str
    table : ndarray of shape (len(words), D), float32

    Raises
    ------
    ModelError
        For a line that is not a word and D numbers; `first_line` is the number of the first line.
    """
    words: list[str] = []
    vector_size = table.shape[1]
    for lines in blocks:
        rows = [split_row(line.rstrip(" \t\r"), vector_size) for line in lines]
        parsed = parse_rows(path, rows, first_line + len(words), vector_size)
        n_rows = len(words) + len(rows)
        if n_rows > len(table):  # the system may grow it without a copy
            table.resize((max(n_rows, len(table) * 3 // 2), vector_size), refcheck=False)
        table[len(words) : n_rows] = parsed
        words.extend(row[0] for row in rows)
    return words, table[: len(words)]


def write_rows(embeddings: Embeddings, path: str | os.PathLike[str], file: BinaryIO | io.BufferedWriter) -> None:
    """Write a word and its vector a line; reading restores every value bit for bit."""
    for words, block in finite_blocks(embeddings, path):
        lines = [f"{word} {row}\n" for word, row in zip(words, text_rows(block), strict=True)]
        file.write("".join(lines).encode())


def split_row(line: str, vector_size: int) -> tuple[str, str]:
    """Return the word of a line, which may contain spaces, and the text of its numbers.

    A number before the last `vector_size` ones belongs to the word ("windows 95") if it is shorter than each of them;
    otherwise the line has too many numbers.
    """
    word, _, numbers = line.partition(" ")
    if numbers.count(" ") == vector_size - 1 and numbers[:1] != " ":
        return word, numbers
    parts = _SEPARATORS.split(line)  # fields at even indices, separators between them
    values = parts[1 - 2 * vector_size :: 2]
    before = parts[: -2 * vector_size]
    shortest = min(map(len, values))
    if not before or any(len(part) >= shortest and _NUMBER.fullmatch(part) for part in before[2::2]):
        return word, numbers
    return "".join(before) or parts[-2 * vector_size][:-1], " ".join(values)


def is_number(text: str | bytes) -> bool:
    """Return whether a text is a number, even one with a decimal comma, for which `parse_rows` has its own error."""
    return is_point_number(text.replace(",", ".") if isinstance(text, str) else text.replace(b",", b"."))


def is_point_number(text: str | bytes) -> bool:
    """Return whether a text is a number, with a decimal point if any."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def parse_rows(
    path: str, rows: Sequence[tuple[str, str]], first_line: int, vector_size: int, separator: str | None = None
) -> NDArray[np.float32]:
    """Parse the numbers of (word, numbers) pairs, separated by `separator` (by default white space).

    Returns
    -------
    ndarray of shape (n_rows, vector_size), float32

    Raises
    ------
    ModelError
        For the first line that has anything else; `first_line` is the number of the first line.
    """
    numbers = [row[1] for row in rows]
    if not all(map(str.strip, numbers)):  # loadtxt would skip empty ones
        _explain_row(path, rows, first_line, vector_size, separator)
    try:
        parsed: NDArray[np.float32] = np.loadtxt(numbers, dtype=np.float32, comments=None, delimiter=separator, ndmin=2)
        if parsed.shape != (len(rows), vector_size):
            raise ValueError("wrong number of columns")
    except ValueError as error:
        _explain_row(path, rows, first_line, vector_size, separator)
        raise ModelError(f"{path}, from line {first_line} on: {error}") from error
    return parsed


def _explain_row(
    path: str, rows: Sequence[tuple[str, str]], first_line: int, vector_size: int, separator: str | None
) -> None:
    """Raise a `ModelError` for the first row that is not `vector_size` numbers."""
    for line, (word, rest) in enumerate(rows, first_line):
        values = rest.split(separator)
        if len(values) != vector_size:
            raise ModelError(
                f"{path}, line {line}: the word {word[:60]!r} should be followed by {vector_size} numbers, "
                f"not {len(values) if rest.strip() else 0}; the line is damaged or the first line of the file is wrong"
            )
        for value in values:
            if not is_point_number(value):
                remedy = "; write decimal points in place of the commas" if is_number(value) else ""
                raise ModelError(f"{path}, line {line}: {value[:60]!r} is not a number{remedy}")


def text_rows(block: NDArray[np.float32], separator: str = " ") -> list[str]:
    """Return each row as text, with 9 significant digits, which restore float32 bit for bit."""
    row_format = separator.join(["%.9g"] * block.shape[1])
    return [row_format % tuple(row) for row in block.tolist()]


def read_lines(path: Path, errors: str, encoding: str) -> list[str]:
    """Read the lines of a text file with Unix or Windows line ends, without a byte-order mark."""
    with reading(path) as file:
        data = file.read()
    try:
        lines = data.decode("utf-8-sig" if is_utf8(encoding) else encoding, errors).replace("\r\n", "\n").split("\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        expected = "UTF-8" if is_utf8(encoding) else encoding
        raise ModelError(
            f"{path}, line {line}: not {expected}; name its encoding, or read with errors='replace'"
        ) from error
    return lines[:-1] if lines[-1] == "" else lines


def check_distinct(path: str, words: list[str], first_line: int) -> None:
    """Raise a `ModelError` for the first duplicate word."""
    seen: set[str] = set()
    for line, word in enumerate(words, first_line):
        if word in seen:
            raise ModelError(f"{path}, line {line}: the word {word[:60]!r} occurs more than once")
        seen.add(word)
