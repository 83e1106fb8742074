"""Vectors in the text format of GloVe: like word2vec's, without the first line."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from w2v.formats.source import open_source
from w2v.formats.vector_files import (
    WHITE_SPACE,
    check_finite,
    check_limit,
    finite_blocks,
    is_number,
    is_point_number,
    make_embeddings,
    new_file,
    parse_rows,
    split_row,
    text_rows,
    without_words,
)
from w2v.storage.files import ModelError
from w2v.vectors.embeddings import Embeddings

_FIRST_ROWS = 1024
_FIRST_LINES = 100


def read_glove(
    path: str | os.PathLike[str], *, limit: int | None = None, errors: str = "strict", encoding: str = "utf-8"
) -> Embeddings:
    """Read a text file of GloVe, plain, compressed, or the one file of a zip archive.

    Parameters
    ----------
    path : str or path-like
        The file: on each line a word and its numbers, with single spaces between.
    limit : int, optional
        Read the first (most frequent) so many words only.
    errors : {"strict", "replace", "ignore"}, default "strict"
        What to do with words that are not of the encoding.
    encoding : str, default "utf-8"
        Of the text.

    Returns
    -------
    Embeddings
        Without counts and tokenizer. Of a word that occurs twice the first vector is kept;
        ``metadata["duplicates_dropped"]`` tells how many were not.

    Raises
    ------
    ModelError
        If the file is missing, or a line does not have as many numbers as the first; the message names the line.
    ValueError
        If `limit` is less than 1, or there is no such encoding.

    Notes
    -----
    The published vectors of 840 billion tokens have words with spaces, such as ``. . .``, over which other readers
    stumble. Most of the first lines tell how many numbers there are; what stands before is the word.
    """
    check_limit(limit)
    words: list[str] = []
    table = np.empty((0, 0), dtype=np.float32)
    with open_source(path, encoding=encoding, errors=errors) as source:
        for text in source.text_blocks(errors):
            lines = text.split("\n")
            if lines[-1] == "":
                lines.pop()
            lines = [line.rstrip(" \t\r") for line in lines[: None if limit is None else limit - len(words)]]
            if not lines:
                break
            if not words:
                table = np.empty((_FIRST_ROWS, _count_numbers(source.path, lines)), dtype=np.float32)
            vector_size = table.shape[1]
            rows = [split_row(line, vector_size) for line in lines]
            parsed = parse_rows(source.path, rows, len(words) + 1, vector_size)
            table = _with_room(table, len(words) + len(rows))
            table[len(words) : len(words) + len(rows)] = parsed
            words.extend(row[0] for row in rows)
    table = table[: len(words)]
    check_finite(os.fspath(path), table, lambda row: f", line {row + 1}: the vector of {words[row]!r}")
    return make_embeddings(words, table)


def write_glove(embeddings: Embeddings, path: str | os.PathLike[str], *, overwrite: bool = False) -> list[str]:
    """Write a text file as GloVe does, whole or not at all.

    Parameters
    ----------
    embeddings : Embeddings
        The model. Its counts, tokenizer, n-grams and metadata have no place in this format.
    path : str or path-like
        The file; a name ending in ``.gz`` is compressed. Numbers have 9 significant digits and come back bit for bit.
    overwrite : bool, default False
        Replace an existing file.

    Returns
    -------
    list of str
        The words left out, being empty or holding white space, at which other programs end a word.

    Raises
    ------
    ModelError
        If a vector holds NaN or infinity, or if the file cannot be written.
    """
    embeddings, left_out = without_words(embeddings, path, WHITE_SPACE)
    with new_file(path, overwrite=overwrite) as file:
        for words, block in finite_blocks(embeddings, path):
            lines = [f"{word} {row}\n" for word, row in zip(words, text_rows(block), strict=True)]
            file.write("".join(lines).encode())
    return left_out


def _count_numbers(path: str, lines: list[str]) -> int:
    """Return how many numbers follow the word in most of the first lines, and so in all."""
    first = [line.split()[1:] for line in lines[:_FIRST_LINES]]
    n_numbers = _usual_end(first, is_point_number) or _usual_end(first, is_number)
    if n_numbers == 0:
        raise ModelError(
            f"{path}, line 1: expected a word and its numbers, not {lines[0][:60]!r}; is this a GloVe file?"
        )
    return n_numbers


def _usual_end(rows: list[list[str]], is_of_them: Callable[[str], bool]) -> int:
    """Return how many fields at the end most rows have that are numbers in some sense."""
    ends = (next((n for n, text in enumerate(reversed(row)) if not is_of_them(text)), len(row)) for row in rows)
    return Counter(ends).most_common(1)[0][0]


def _with_room(table: NDArray[np.float32], n_rows: int) -> NDArray[np.float32]:
    """Return the table with at least `n_rows` rows, grown by halves; the system moves it without a copy if it can."""
    if n_rows > len(table):
        table.resize((max(n_rows, len(table) * 3 // 2), table.shape[1]), refcheck=False)
    return table
