"""Rows of tables in text, with cells separated by commas, semicolons or tabs, and optional double quotes."""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from w2v.corpora.inputs import CorpusError

_DECLARED = re.compile(r"sep=([,;\t|])", re.IGNORECASE)
"""A first line by which Excel knows the separator."""


def numbered_rows(name: str, lines: list[str], *, tabs: bool = False) -> Iterator[tuple[str, list[str]]]:
    """Yield the rows of a table, each with its location, such as "people.csv, line 3".

    A first line such as ``sep=;``, which Excel understands, names the separator and is no row.

    Parameters
    ----------
    name : str
        The file, for messages.
    lines : list of str
        At least one must not be blank.
    tabs : bool, default False
        Whether cells are separated by tabs even if the first line has none.

    Raises
    ------
    CorpusError
        If a double quote is not closed or is in a wrong place.
    """
    start = next(i for i, line in enumerate(lines) if line.strip())
    options = _dialect(lines[start], tabs)
    if declared := _DECLARED.fullmatch(lines[start].strip("\r ")):
        options = _separated_by(declared[1])
        start += 1
    rows = csv.reader((line + "\n" for line in lines[start:]), **options)
    while True:
        place = f"{name}, line {start + rows.line_num + 1}"
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            is_open = "unexpected end" in str(error)
            hint = "the double quote that begins here is never closed" if is_open else f"{error}; is it a table?"
            raise CorpusError(f"{place}: {hint}") from error
        yield place, row


@contextmanager
def any_cell_size() -> Iterator[None]:
    """Allow cells of any size in the block."""
    before = csv.field_size_limit(sys.maxsize)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _dialect(header: str, tabs: bool) -> dict[str, Any]:
    """Return the csv options for the separator in a table's first line."""
    if tabs or "\t" in header:
        return _separated_by("\t")
    return _separated_by(";" if ";" in header and "," not in header else ",")


def _separated_by(separator: str) -> dict[str, Any]:
    """Return the csv options for a separator."""
    if separator == "\t":
        return {"quoting": csv.QUOTE_NONE, "delimiter": separator}
    return {"strict": True, "delimiter": separator}
