"""Rows of tables in text, with cells separated by commas, semicolons or tabs, and optional double quotes."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from w2v.corpora.inputs import CorpusError


def numbered_rows(name: str, lines: list[str], *, tabs: bool = False) -> Iterator[tuple[str, list[str]]]:
    """Yield the rows of a table, each with its location, such as "people.csv, line 3".

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
    rows = csv.reader((line + "\n" for line in lines[start:]), **_dialect(lines[start], tabs))
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
        return {"quoting": csv.QUOTE_NONE, "delimiter": "\t"}
    return {"strict": True, "delimiter": ";" if ";" in header and "," not in header else ","}
