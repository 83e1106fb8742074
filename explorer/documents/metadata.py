"""What is known of every sentence beside its text: read from a file, a row for each sentence."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from w2v.storage.files import reading

Metadata = dict[str, list[Any]]
"""The values of each column, one a sentence."""


def read_metadata(path: str | os.PathLike[str], n_sentences: int) -> Metadata:
    """Read columns from a CSV file with a header, or from JSON Lines: a row for each sentence of an index, in order.

    Raises
    ------
    ModelError
        If the file cannot be read.
    ValueError
        If it is neither CSV nor JSON Lines, a row is damaged, or there are not as many rows as sentences.
    """
    file = Path(path)
    rows = list(_rows(file))
    if len(rows) != n_sentences:
        raise ValueError(
            f"{file} has {len(rows):,} rows and the index {n_sentences:,} sentences; give a row for each sentence"
        )
    names = dict.fromkeys(name for row in rows for name in row)
    if not names:
        raise ValueError(f"{file} has no columns")
    return {name: [row.get(name) for row in rows] for name in names}


def _rows(file: Path) -> Iterator[dict[str, Any]]:
    kind = file.suffix.lower()
    if kind not in (".csv", ".jsonl"):
        raise ValueError(f"{file} is neither .csv nor .jsonl, which metadata is read from")
    with reading(file) as stream:
        text = stream.read()
    try:
        lines = text.decode("utf-8-sig").splitlines(keepends=True)
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is not UTF-8") from error
    yield from _of_csv(file, lines) if kind == ".csv" else _of_json(file, lines)


def _of_csv(file: Path, lines: list[str]) -> Iterator[dict[str, Any]]:
    reader = csv.DictReader(lines, strict=True)
    try:
        for row in reader:
            if None in row or None in row.values():
                raise ValueError(f"{file}, line {reader.line_num:,}: not as many values as the header has columns")
            yield row
    except csv.Error as error:
        raise ValueError(f"{file}, line {reader.line_num:,}: {error}") from error


def _of_json(file: Path, lines: list[str]) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{file}, line {number:,} is not JSON") from error
        if not isinstance(row, dict):
            raise ValueError(f"{file}, line {number:,} is not an object with the columns as names")
        yield row
