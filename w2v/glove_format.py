"""Vectors in the text format of GloVe: like word2vec's, without the first line."""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import NDArray

from w2v._files import ModelError
from w2v._vector_files import (
    check_finite,
    check_limit,
    check_words,
    finite_blocks,
    make_embeddings,
    new_file,
    open_source,
    parse_rows,
    text_rows,
)
from w2v.embeddings import Embeddings

_FIRST_ROWS = 1024


def read_glove(path: str | os.PathLike[str], *, limit: int | None = None, errors: str = "strict") -> Embeddings:
    """Read a text file of GloVe, plain or compressed with gzip.

    Parameters
    ----------
    path : str or path-like
        The file: on each line a word and its numbers, with single spaces between.
    limit : int, optional
        Read the first (most frequent) so many words only.
    errors : {"strict", "replace", "ignore"}, default "strict"
        What to do with words that are not UTF-8.

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
        If `limit` is less than 1.

    Notes
    -----
    The published vectors of 840 billion tokens have words with spaces, such as ``. . .``, over which other readers
    stumble. What stands before the numbers is taken for a word even with spaces, unless it ends in a number: then the
    line has too many.
    """
    check_limit(limit)
    words: list[str] = []
    table = np.empty((0, 0), dtype=np.float32)
    with open_source(path) as source:
        for text in source.text_blocks(errors):
            lines = text.removeprefix("\ufeff").split("\n")
            if lines[-1] == "":
                lines.pop()
            lines = [line.rstrip(" \r") for line in lines[: None if limit is None else limit - len(words)]]
            if not lines:
                break
            if not words:
                table = np.empty((_FIRST_ROWS, _count_numbers(source.path, lines[0])), dtype=np.float32)
            vector_size = table.shape[1]
            rows = [_split(line, vector_size) for line in lines]
            parsed = parse_rows(source.path, rows, len(words) + 1, vector_size)
            table = _with_room(table, len(words) + len(rows))
            table[len(words) : len(words) + len(rows)] = parsed
            words.extend(row[0] for row in rows)
    table = table[: len(words)]
    check_finite(os.fspath(path), table, lambda row: f", line {row + 1}: the vector of {words[row]!r}")
    return make_embeddings(words, table)


def write_glove(embeddings: Embeddings, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Write a text file as GloVe does, whole or not at all.

    Parameters
    ----------
    embeddings : Embeddings
        The model. Its counts, tokenizer, n-grams and metadata have no place in this format.
    path : str or path-like
        The file; a name ending in ``.gz`` is compressed. Numbers have 9 significant digits and come back bit for bit.
    overwrite : bool, default False
        Replace an existing file.

    Raises
    ------
    ModelError
        If a word is empty or holds white space, if a vector holds NaN or infinity, or if the file cannot be written.
    """
    check_words(embeddings, path, "GloVe")
    with new_file(path, overwrite=overwrite) as file:
        for words, block in finite_blocks(embeddings, path):
            lines = [f"{word} {row}\n" for word, row in zip(words, text_rows(block), strict=True)]
            file.write("".join(lines).encode())


def _count_numbers(path: str, line: str) -> int:
    """Return how many numbers follow the word of the first line, and so every word."""
    fields = line.split(" ")[1:]
    n_numbers = 0
    while n_numbers < len(fields) and _is_number(fields[-1 - n_numbers]):
        n_numbers += 1
    if n_numbers == 0:
        raise ModelError(f"{path}, line 1: expected a word and its numbers, not {line[:60]!r}; is this a GloVe file?")
    return n_numbers


def _split(line: str, vector_size: int) -> tuple[str, str]:
    """Return the word of a line, which may hold spaces, and the text of the numbers."""
    word, _, numbers = line.partition(" ")
    if numbers.count(" ") >= vector_size:  # too many numbers, or a word with spaces
        fields = line.split(" ")
        if not any(map(_is_number, fields[1:-vector_size])):
            return " ".join(fields[:-vector_size]), " ".join(fields[-vector_size:])
    return word, numbers


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _with_room(table: NDArray[np.float32], n_rows: int) -> NDArray[np.float32]:
    """Return the table with at least `n_rows` rows, grown by halves; the system moves it without a copy if it can."""
    if n_rows > len(table):
        table.resize((max(n_rows, len(table) * 3 // 2), table.shape[1]), refcheck=False)
    return table
