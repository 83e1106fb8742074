"""Records from tables, one for each text: CSV, TSV and JSON lines."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from w2v.corpora.inputs import CorpusError, display_name, expand_inputs
from w2v.corpora.readers import TextReader
from w2v.corpora.tables.rows import any_cell_size, numbered_rows
from w2v.corpora.tables.typed import (
    Column,
    Kind,
    ValueTypeError,
    column_of,
    is_storable,
    is_unicode,
    joined,
)

_PACKED = (".gz", ".bz2", ".xz", ".zst")
_JSON, _TABS, _CELLS = (".jsonl", ".ndjson"), (".tsv", ".tab"), (".csv",)
_LINES_OF_JSON = "jq -c '.[]' IN.json > OUT.jsonl"
_INTEGER = re.compile(r"\s*[+-]?(?:0|[1-9]\d{0,18})\s*")
_NUMBER = re.compile(r"\s*[+-]?(?:(?:0|[1-9]\d{0,17})(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?\s*|\s*nan\s*", re.IGNORECASE)


@dataclass
class Part:
    """Records from one file or from memory, before types are determined.

    Attributes
    ----------
    columns : dict of str to list of N
    n : int
        Number of records N.
    file : str
        Empty for data in memory.
    lines : list of N int
        Number of the line on which each begins; empty for data in memory.
    """

    columns: dict[str, list[Any]]
    n: int
    file: str = ""
    lines: Sequence[int] = ()
    are_cells: bool = False
    """Whether values are cells: text that may represent numbers, empty if missing."""

    def values(self, name: str) -> list[Any]:
        """Return a column of a file's table; raise CorpusError if there is none."""
        if name not in self.columns:
            known = ", ".join(self.columns)
            raise CorpusError(f"{display_name(self.file)} has no column {name!r:.60}; it has {known:.300}")
        return self.columns[name]

    def place(self, number: int) -> str:
        """Return the name of record `number`, from 0, in messages."""
        return f"{display_name(self.file)}, line {self.lines[number]}" if self.lines else f"record {number + 1}"


class Records:
    """Records, one for each text. The types of their columns are determined by `typed`.

    Parameters
    ----------
    parts : list of Part
    """

    def __init__(self, parts: list[Part]) -> None:
        self.parts = parts

    def __len__(self) -> int:
        return sum(part.n for part in self.parts)

    @property
    def names(self) -> list[str]:
        """The columns, in the order of their first occurrence."""
        return list(dict.fromkeys(name for part in self.parts for name in part.columns))

    def places(self) -> Iterator[str]:
        """Yield the name of each record in messages."""
        for part in self.parts:
            yield from map(part.place, range(part.n))

    def rename(self, name: str, to: str) -> None:
        """Rename a column."""
        for part in self.parts:
            part.columns = {to if own == name else own: values for own, values in part.columns.items()}

    def typed(self, kinds: Mapping[str, Kind]) -> dict[str, Column]:
        """Return the typed columns; `kinds` has known types, and cells of a text column remain text.

        Raises ValueTypeError if a column mixes types, or has values other than text, numbers and booleans.
        """
        found = {}
        for name in self.names:
            columns = [_typed(part, name, kinds.get(name)) for part in self.parts]
            try:
                found[name] = joined(columns)
            except ValueTypeError as error:
                raise ValueTypeError(f"column {name!r:.60} holds {error} in several files; make them alike") from None
        return found


class TableTexts:
    """The texts in one column of tables, with their line numbers.

    Parameters
    ----------
    records : Records
        Records from files; the column is removed from them.
    column : str

    Raises
    ------
    CorpusError
        If a table has no such column, or a value in it is not text.
    """

    def __init__(self, records: Records, column: str) -> None:
        self.paths = [part.file for part in records.parts]
        self._parts = [(part, self._texts(part, column)) for part in records.parts]

    @staticmethod
    def _texts(part: Part, column: str) -> list[str]:
        values = part.values(column)
        del part.columns[column]
        for number, value in enumerate(values):
            if value is not None and not isinstance(value, str):
                raise CorpusError(f"{part.place(number)}: {column!r:.60} is {value!r:.40}, not text")
            if value and not is_unicode(value):
                raise CorpusError(f"{part.place(number)}: {column!r:.60} holds half a surrogate pair: {value!r:.40}")
        return [value or "" for value in values]

    def __len__(self) -> int:
        return sum(part.n for part, _ in self._parts)

    def __iter__(self) -> Iterator[str]:
        for _, texts in self._parts:
            yield from texts

    def numbered_lines(self) -> Iterator[tuple[str, int, str]]:
        """Yield the file, the line number and the text of each record."""
        for part, texts in self._parts:
            for line, text in zip(part.lines, texts, strict=True):
                yield part.file, line, text


def read_records(files: Any, *, errors: str = "strict") -> Records:
    """Read tables completely into memory.

    Parameters
    ----------
    files : str, path-like or sequence of these
        Names must end in .csv or .tsv (a header, then one record a line) or .jsonl (one object a line); files may be
        compressed. Empty cells and null are missing values. A column of cells becomes numbers or booleans if all its
        cells are. A first column without a name, such as the row numbers that pandas writes, is left out.
    errors : {"strict", "replace"}
        How to handle bytes that are not UTF-8; see `TextReader`.

    Returns
    -------
    Records

    Raises
    ------
    CorpusError
        If a file is of another kind, cannot be read or is damaged; the message names file and line.
    """
    return Records([_read(path, errors) for path in expand_inputs(files)])


def read_texts(files: Any, column: str, *, errors: str = "strict") -> tuple[TableTexts, Records]:
    """Read tables with a column of texts; return the texts, and the records without them."""
    records = read_records(files, errors=errors)
    return TableTexts(records, column), records


def _read(path: str, errors: str) -> Part:
    stem = path.lower()
    stem = next((stem.removesuffix(end) for end in _PACKED if stem.endswith(end)), stem)
    if not stem.endswith((*_JSON, *_TABS, *_CELLS)):
        remedy = f"; make one of a JSON array with: {_LINES_OF_JSON}" if stem.endswith(".json") else ""
        raise CorpusError(
            f"{display_name(path)} cannot be read as a table: its name must end in .csv, .tsv or .jsonl{remedy}"
        )
    reader = TextReader(path, errors=errors)
    if stem.endswith(_JSON):
        return _read_json(reader, path)
    lines = b"".join(block.data for block in reader).decode().split("\n")
    if not any(line.strip() for line in lines):
        raise CorpusError(f"{display_name(path)} is empty: a table has a line of names first")
    return _read_cells(lines, path, stem.endswith(_TABS))


def _read_cells(lines: list[str], path: str, tabs: bool) -> Part:
    """Return the records of a table with a header."""
    with any_cell_size():
        rows = numbered_rows(display_name(path), lines, tabs=tabs)
        place, header = next(rows)
        names = [name.strip() for name in header]
        is_numbered = names[:1] == [""] and len(names) > 1  # by pandas, R and others: row names without a name
        names = names[is_numbered:]
        if not all(names) or len(set(names)) < len(names):
            twice = next((name for name in names if names.count(name) > 1), "")
            what = f"the column {twice!r:.60} is named twice" if twice else "a column has no name"
            raise CorpusError(f"{place}: {what}; the first line names the columns of a table")
        numbers, records = [], []
        for place, row in rows:
            if not row:
                continue
            if len(row) != len(header):
                raise CorpusError(f"{place}: {len(row)} columns, but the first line names {len(header)}")
            numbers.append(int(place.rpartition(" ")[2]))
            records.append(row[is_numbered:])
    columns = {name: [row[k] for row in records] for k, name in enumerate(names)}
    return Part(columns, len(records), path, numbers, are_cells=True)


def _read_json(reader: TextReader, path: str) -> Part:
    """Return the records of a file with one JSON object a line."""
    lines, rows = [], []
    for _, number, line in reader.numbered_lines():
        if not line.strip():
            continue
        place = f"{display_name(path)}, line {number}"
        try:
            row = json.loads(line, object_pairs_hook=_unique, parse_constant=_refuse)
        except (ValueError, RecursionError) as error:
            raise CorpusError(f"{place}: {error} in {line!r:.60}; each line must be a JSON object") from error
        if not isinstance(row, dict):
            remedy = f"; make lines of an array with: {_LINES_OF_JSON}" if isinstance(row, list) else ""
            raise CorpusError(f"{place}: each line must be a JSON object, not {line!r:.60}{remedy}")
        lines.append(number)
        rows.append(row)
    names = dict.fromkeys(name for row in rows for name in row)
    if not all(name.strip() for name in names):
        raise CorpusError(f"{display_name(path)}: a column has no name")
    return Part({name: [row.get(name) for row in rows] for name in names}, len(rows), path, lines)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entries = dict(pairs)
    if len(entries) < len(pairs):
        raise ValueError("a name is given twice")
    if not all(map(is_unicode, entries)):
        raise ValueError("a name contains half a surrogate pair, which is not text,")
    return entries


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not a JSON number (write null for a missing one)")


def _typed(part: Part, name: str, kind: Kind | None) -> Column:
    values = part.columns.get(name)
    if values is None:
        return Column.absent(part.n)
    if part.are_cells:
        values = [cell or None for cell in values] if kind == "text" else _of_cells(values)
    return column_of(values, name, part.place)


def _of_cells(cells: list[str]) -> list[Any]:
    """Convert cells to numbers or booleans if all of them are; NaN is a missing number."""
    filled = [cell for cell in cells if cell]
    if all(map(_INTEGER.fullmatch, filled)) and all(is_storable(int(cell)) for cell in filled):
        return [int(cell) if cell else None for cell in cells]
    if all(map(_NUMBER.fullmatch, filled)):
        return [float(cell) if cell else None for cell in cells]
    if all(cell.strip().lower() in ("true", "false") for cell in filled):
        return [cell.strip().lower() == "true" if cell else None for cell in cells]
    return [cell or None for cell in cells]
