"""Vectors in GloVe's text format: like word2vec's, without the first line."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from itertools import chain

import numpy as np

from w2v.formats.source import open_source
from w2v.formats.text_rows import is_number, is_point_number, read_rows, write_rows
from w2v.formats.vector_files import WHITE_SPACE, check_finite, check_limit, make_embeddings, new_file, without_words
from w2v.storage.files import ModelError
from w2v.vectors.embeddings import Embeddings

_FIRST_ROWS = 1024
_FIRST_LINES = 100


def read_glove(
    path: str | os.PathLike[str], *, limit: int | None = None, errors: str = "strict", encoding: str = "utf-8"
) -> Embeddings:
    """Read a text file of GloVe; for the parameters see `w2v.formats.read_vectors`.

    Each line holds a word and its values, separated by single spaces. The published vectors of 840 billion tokens
    contain words with spaces, such as ``. . .``, on which other readers fail. So the number of values is taken from the
    majority of the first lines; whatever precedes them is the word.

    Raises
    ------
    ModelError
        If the file is missing, or a line has the wrong number of values; the message names the line.
    """
    check_limit(limit)
    with open_source(path, encoding=encoding, errors=errors) as source:
        blocks = source.line_blocks(errors, limit)
        first = next(blocks, [""])
        table = np.empty((_FIRST_ROWS, _count_numbers(source.path, first)), dtype=np.float32)
        words, table = read_rows(source.path, chain([first], blocks), 1, table)
    check_finite(os.fspath(path), table, lambda row: f", line {row + 1}: the vector of {words[row]!r}")
    return make_embeddings(words, table)


def write_glove(embeddings: Embeddings, path: str | os.PathLike[str], *, overwrite: bool = False) -> list[str]:
    """Write a text file like GloVe's, atomically; return the omitted words.

    Empty words are omitted, and words with white space, which ends a word in other programs.

    Raises
    ------
    ModelError
        If a vector holds NaN or infinity, or if the file cannot be written.
    """
    embeddings, left_out = without_words(embeddings, path, WHITE_SPACE)
    with new_file(path, overwrite=overwrite) as file:
        write_rows(embeddings, path, file)
    return left_out


def _count_numbers(path: str, lines: list[str]) -> int:
    """Return the number of values after the word in most of the first lines."""
    first = [line.split()[1:] for line in lines[:_FIRST_LINES]]
    n_numbers = _usual_end(first, is_point_number) or _usual_end(first, is_number)
    if n_numbers == 0:
        raise ModelError(
            f"{path}, line 1: expected a word and its numbers, not {lines[0].rstrip()[:60]!r}; is this a GloVe file?"
        )
    return n_numbers


def _usual_end(rows: list[list[str]], is_of_them: Callable[[str], bool]) -> int:
    """Return the most common count of trailing fields for which `is_of_them` holds."""
    ends = (next((n for n, text in enumerate(reversed(row)) if not is_of_them(text)), len(row)) for row in rows)
    return Counter(ends).most_common(1)[0][0]
