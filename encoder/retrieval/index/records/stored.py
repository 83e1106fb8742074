"""Stored ids and metadata of an index: one file per range of sentences, with one array per column."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.tables.typed import (
    DTYPES,
    Column,
    Kind,
    Texts,
    Value,
    ValueTypeError,
    common_kind,
    is_storable,
    joined,
)
from w2v.encoder.retrieval.index.storage import ID, Contents, records_file
from w2v.storage.files import ModelError
from w2v.storage.tensors import read_tensors, write_tensors

_FOLDED = 2  # a file with at most this many times the added sentences is rewritten together with them


class Records:
    """The ids and metadata of an index, memory-mapped.

    Parameters
    ----------
    folder : Path
    contents : Contents

    Raises
    ------
    ModelError
        If a file is missing or damaged.
    """

    def __init__(self, folder: Path, contents: Contents) -> None:
        self.kinds: dict[str, Kind] = dict(contents.columns)
        self._n, self._ranges = contents.sentences, contents.records
        self._files = [records_file(folder, *ends) for ends in contents.records]
        self._tensors = [read_tensors(file) for file in self._files]
        self._columns: dict[str, Column] = {}
        self._parts: dict[tuple[int, str], Column] = {}

    @cached_property
    def names(self) -> list[str]:
        """The metadata columns, without that of the ids."""
        return [name for name in self.kinds if name != ID]

    def column(self, name: str) -> Column:
        """Return a column for all rows, removed ones included; the values of an unknown column are missing."""
        if name not in self.kinds:
            return Column.absent(self._n)
        if name not in self._columns:
            self._columns[name] = self._read(name, self._ranges)
        return self._columns[name]

    def of(self, row: int) -> tuple[str | int | None, dict[str, Value] | None]:
        """Return the id and the metadata of a row; None if the index has none."""
        if not self.kinds:
            return None, None
        values = self.as_dict(row)
        found: Any = values.pop(ID, None)
        return found, values if self.names else None

    def as_dict(self, row: int) -> dict[str, Value]:
        """Return the id, if there is one, and the metadata of a row as one dict."""
        return {name: self._value(name, row) for name in self.kinds}

    def _value(self, name: str, row: int) -> Value:
        """Return one value without reading its whole column."""
        for place, (start, stop) in enumerate(self._ranges):
            if start <= row < stop:
                try:
                    value = self._part(place, name).value(row - start)
                except (IndexError, UnicodeDecodeError) as error:
                    raise self._damage(place, name) from error
                return float(value) if self.kinds[name] == "float" and value is not None else value
        return None

    def _read(self, name: str, ranges: Sequence[tuple[int, int]]) -> Column:
        parts, reached = [], 0
        for place, (start, stop) in enumerate(ranges):
            parts += [Column.absent(start - reached)] if reached < start else []
            part = self._part(place, name)
            borders = np.concatenate([[0], part.texts.ends])
            is_whole = (np.diff(borders) >= 0).all() and borders[-1] == len(part.texts.data)
            if not is_whole or (part.kind == "text" and not _in_range(part.values[~part.missing], len(part.texts))):
                raise self._damage(place, name)
            parts.append(part)
            reached = stop
        if reached < self._n:
            parts.append(Column.absent(self._n - reached))
        return parts[0] if len(parts) == 1 else joined(parts)

    def _part(self, place: int, name: str) -> Column:
        """Return a column of one file after checking its types and sizes."""
        if (place, name) not in self._parts:
            start, stop = self._ranges[place]
            tensors, key = self._tensors[place], f"{list(self.kinds).index(name)}."
            kind, values = self.kinds[name], tensors.get(f"{key}values")
            if values is None:
                return Column.absent(stop - start)
            if kind == "float" and values.dtype == np.int64:  # values added later are not whole numbers
                kind = "integer"
            missing = tensors.get(f"{key}missing", np.zeros(len(values), np.bool_))
            texts = Texts(tensors.get(f"{key}ends", Texts().ends), tensors.get(f"{key}text", Texts().data))
            found = [array.dtype for array in (values, missing, texts.ends, texts.data)]
            wanted = [np.dtype(each) for each in (DTYPES[kind], np.bool_, np.int64, np.uint8)]
            if found != wanted or any(array.shape != (stop - start,) for array in (values, missing)):
                raise self._damage(place, name)
            self._parts[place, name] = Column(kind, values, missing, texts)
        return self._parts[place, name]

    def _damage(self, place: int, name: str) -> ModelError:
        return ModelError(f"{self._files[place]} is damaged at its column {name!r:.60}; build the index again")

    def find(self, ids: Sequence[Any], live: NDArray[np.bool_] | None) -> list[NDArray[np.intp]]:
        """Return for each id its rows that are not removed; empty for an unknown id."""
        if ID not in self.kinds:
            return [np.empty(0, np.intp) for _ in ids]
        column = self.column(ID)
        numbers = {text: number for number, text in enumerate(column.texts.list)} if column.kind == "text" else None
        wanted = [numbers.get(each, -1) if numbers is not None else each for each in ids]
        stored = [each for each in wanted if is_storable(each)]
        usable = ~column.missing if live is None else live & ~column.missing
        rows = np.flatnonzero(usable & np.isin(column.values, np.array(stored, column.values.dtype)))
        found: dict[Any, list[int]] = {}
        for row, value in zip(rows.tolist(), column.values[rows].tolist(), strict=True):
            found.setdefault(value, []).append(row)
        return [np.array(found.get(each, []), np.intp) for each in wanted]


def _in_range(numbers: NDArray[Any], n: int) -> bool:
    return not numbers.size or (int(numbers.min()) >= 0 and int(numbers.max()) < n)


def merged_kinds(kinds: Iterable[Mapping[str, Kind]]) -> dict[str, Kind]:
    """Return the column types that fit all of several tables; ValueTypeError names a column with conflicting types."""
    found: dict[str, Kind] = {}
    for own in kinds:
        for name, kind in own.items():
            try:
                found[name] = common_kind(found.get(name, "missing"), kind)
            except ValueTypeError as error:
                raise ValueTypeError(f"column {name!r:.60} would hold {error}; convert them to one type") from None
    return found


def write_records(folder: Path, contents: Contents, columns: Mapping[str, Column], start: int) -> Contents:
    """Write the ids and metadata of the rows from `start` to the last; return the contents with them.

    Small files before them are merged with them, to keep the number of files low.
    """
    if not columns:
        return contents
    n, ranges = len(next(iter(columns.values()))), list(contents.records)
    before = Records(folder, contents)
    first = start
    while ranges and ranges[-1][1] == first and first - ranges[-1][0] <= _FOLDED * (contents.sentences - first):
        first = ranges.pop()[0]
    if first < start:
        rows = np.arange(first, start)
        old = {name: before.column(name).take(rows) for name in before.kinds}
        columns = {
            name: joined([old.get(name, Column.absent(start - first)), columns.get(name, Column.absent(n))])
            for name in dict.fromkeys([*old, *columns])
        }
    kinds = merged_kinds([dict(contents.columns), {name: column.kind for name, column in columns.items()}])
    names = list(kinds)
    tensors: dict[str, NDArray[Any]] = {}
    for name, column in columns.items():
        key = f"{names.index(name)}."
        if column.kind != "missing":
            tensors[f"{key}values"] = column.values
        if column.kind != "missing" and column.missing.any():
            tensors[f"{key}missing"] = column.missing
        if column.kind == "text":
            tensors |= {f"{key}ends": column.texts.ends, f"{key}text": column.texts.data}
    write_tensors(records_file(folder, first, contents.sentences), tensors)
    return replace(contents, columns=tuple(kinds.items()), records=(*ranges, (first, contents.sentences)))
