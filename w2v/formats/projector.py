"""Folders for TensorFlow's Embedding Projector: vectors and labels as tab-separated text."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from w2v.formats.source import open_source
from w2v.formats.text_rows import check_distinct, parse_rows, read_lines, text_rows
from w2v.formats.vector_files import (
    check_finite,
    check_limit,
    finite_blocks,
    make_vocabulary,
    new_folder,
    without_words,
)
from w2v.storage.files import ModelError, atomic_file, reading
from w2v.vectors.embeddings import Embeddings

VECTORS, METADATA, CONFIG = "vectors.tsv", "metadata.tsv", "projector_config.pbtxt"
_WORD_COLUMNS = ("word", "label", "token", "name", "title")
_CONFIG = f'embeddings {{\n  tensor_path: "{VECTORS}"\n  metadata_path: "{METADATA}"\n}}\n'


def read_projector(
    path: str | os.PathLike[str], *, limit: int | None = None, errors: str = "strict", encoding: str = "utf-8"
) -> Embeddings:
    """Read a folder of the Embedding Projector, or its ``vectors.tsv``; see `w2v.formats.read_vectors`.

    If ``metadata.tsv`` has several columns, its first line names them: words are in the column word or label, or else
    in the first column, and counts in the column count.

    Raises
    ------
    ModelError
        If a file is missing or damaged, a word occurs twice, a value is NaN or infinite, or the files have different
        numbers of rows; the message names the line.
    """
    check_limit(limit)
    vectors_file = Path(path) / VECTORS if os.path.isdir(path) else Path(path)
    metadata_file = vectors_file.with_name(METADATA)
    with reading(vectors_file) as file:
        if not file.read(1):
            raise ModelError(f"{vectors_file} is empty")
    words, counts = _read_metadata(metadata_file, errors, encoding)
    blocks = list(_read_vectors(vectors_file, errors, encoding, limit or len(words) + 1))
    n_rows = sum(map(len, blocks))
    if n_rows != min(len(words), limit or len(words)):
        raise ModelError(
            f"{vectors_file}, line {n_rows}: the number of vectors is wrong: {metadata_file} has {len(words)} words"
        )
    table = np.concatenate(blocks)
    check_finite(str(vectors_file), table, lambda row: f", line {row + 1}: the vector of {words[row]!r}")
    vocabulary = make_vocabulary(str(metadata_file), words[:limit], None if counts is None else counts[:limit])
    return Embeddings(vocabulary, table)


def write_projector(embeddings: Embeddings, path: str | os.PathLike[str], *, overwrite: bool = False) -> list[str]:
    """Write a folder for the Embedding Projector; return the omitted words: empty, or with a tab or line end.

    ``tensorboard --logdir FOLDER`` shows it; projector.tensorflow.org loads its two ``.tsv`` files. Browsers handle
    about 10,000 words well: for a large model, write ``embeddings.head(10_000)``.

    Raises
    ------
    ModelError
        If a vector holds NaN or infinity, the folder holds something else, or it cannot be written.
    """
    embeddings, left_out = without_words(embeddings, path, "\t\n\r\v\f\x1c-\x1e\x85\u2028\u2029")
    counts = embeddings.vocabulary.counts
    with new_folder(path, {VECTORS, METADATA, CONFIG}, overwrite=overwrite) as folder:
        with atomic_file(folder / VECTORS) as file:
            for _, block in finite_blocks(embeddings, path):
                file.write("".join([f"{row}\n" for row in text_rows(block, "\t")]).encode())
        with atomic_file(folder / METADATA) as file:
            lines = embeddings.index_to_key
            if counts is not None:  # the format has a header line only if there are several columns
                lines = ["word\tcount", *(f"{w}\t{n}" for w, n in zip(lines, counts.tolist(), strict=True))]
            file.write("".join([f"{line}\n" for line in lines]).encode())
        with atomic_file(folder / CONFIG) as file:
            file.write(_CONFIG.encode())
    return left_out


def _read_metadata(file: Path, errors: str, encoding: str) -> tuple[list[str], NDArray[np.int64] | None]:
    """Return the words, and the counts if all of them are numbers."""
    lines = read_lines(file, errors, encoding)
    if not lines:
        raise ModelError(f"{file} is empty")
    if "\t" not in lines[0]:
        rows, columns, first_line = [[line] for line in lines], ["word"], 1
    else:
        rows, columns, first_line = [line.split("\t") for line in lines[1:]], lines[0].lower().split("\t"), 2
    for number, row in enumerate(rows, first_line):
        if len(row) != len(columns):
            raise ModelError(f"{file}, line {number}: {len(row)} columns, but the first line has {len(columns)}")
    column = next((columns.index(name) for name in _WORD_COLUMNS if name in columns), 0)
    words = [row[column] for row in rows]
    check_distinct(str(file), words, first_line)
    counts = None
    if "count" in columns and all(row[columns.index("count")].isdecimal() for row in rows):
        counts = np.array([int(row[columns.index("count")]) for row in rows], dtype=np.int64)
    return words, counts


def _read_vectors(file: Path, errors: str, encoding: str, limit: int) -> Iterator[NDArray[np.float32]]:
    """Yield blocks of the first `limit` vectors, float32; the first line determines their size."""
    vector_size = n_rows = 0
    with open_source(file, encoding=encoding, errors=errors) as source:
        for lines in source.line_blocks(errors, limit):
            rows = [("", line.rstrip("\r")) for line in lines]
            vector_size = vector_size or rows[0][1].count("\t") + 1
            yield parse_rows(str(file), rows, n_rows + 1, vector_size, "\t")
            n_rows += len(rows)
