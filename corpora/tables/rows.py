"""Rows of tables in text: between commas, semicolons or tabs, with double quotes around what holds these."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from w2v.corpora.inputs import CorpusError


def numbered_rows(name: str, lines: list[str], *, tabs: bool = False) -> Iterator[tuple[str, list[str]]]:
    """Yield the rows of a table, each behind the place where it begins, such as "people.csv, line 3".

    Parameters
    ----------
    name : str
        The file, for messages.
    lines : list of str
        One of them is not blank.
    tabs : bool, default False
        Whether tabs are between the cells even if the first line has none.

    Raises
    ------
    CorpusError
        If a double quote is open at the end, or is where none may be.
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
            hint = "a double quote begins here that nothing ends" if is_open else f"{error}; is it a table?"
            raise CorpusError(f"{place}: {hint}") from error
        yield place, row


@contextmanager
def any_cell_size() -> Iterator[None]:
    """Let texts in tables be of any length while the block lasts."""
    before = csv.field_size_limit(sys.maxsize)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _dialect(header: str, tabs: bool) -> dict[str, Any]:
    """Return what stands between the columns of a table, as its first line shows."""
    if tabs or "\t" in header:
        return {"quoting": csv.QUOTE_NONE, "delimiter": "\t"}
    return {"strict": True, "delimiter": ";" if ";" in header and "," not in header else ","}
