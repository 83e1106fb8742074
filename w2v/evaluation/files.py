"""Reading files of questions and scores line by line, and finding the rows of their words."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from w2v.corpora.inputs import CorpusError, is_compressed, open_input, reading_errors


class EvaluationError(ValueError):
    """A file of questions or pairs cannot be used; the message names the file and the line."""


def read_lines(path: str | os.PathLike[str], *, latin: bool = False) -> Iterator[tuple[int, str]]:
    """Yield the numbered lines of a text file; if `latin`, lines that are not UTF-8 are decoded as Latin-1.

    Files that end in .gz, .bz2, .xz or .zst are decompressed.
    """
    try:
        data = _read(os.fspath(path))
    except OSError as error:
        raise EvaluationError(f"{os.fspath(path)} cannot be read: {error.strerror or error}") from error
    except CorpusError as error:
        raise EvaluationError(str(error)) from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if not latin:
            wrong = data.count(b"\n", 0, error.start) + 1
            raise EvaluationError(f"{os.fspath(path)}, line {wrong}: not UTF-8; convert the file first") from error
        text = data.decode("latin-1")
    yield from enumerate(text.split("\n"), 1)


def _read(path: str) -> bytes:
    if not is_compressed(path):
        with open(path, "rb") as file:
            return file.read()
    with open_input(path) as (stream, _, damage), reading_errors(path, damage):
        return stream.read()


def first_rows(words: Iterable[str], lowercase: bool) -> tuple[dict[str, int], list[int]]:
    """Return the row of the first word of each spelling, and for every word the row that represents it."""
    rows: dict[str, int] = {}
    keys = (word.lower() for word in words) if lowercase else words
    return rows, [rows.setdefault(key, row) for row, key in enumerate(keys)]
