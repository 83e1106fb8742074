"""Records from data in memory, one for each text: data frames, dicts of lists and lists of dicts."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from w2v.corpora.columns import named_columns
from w2v.corpora.tables.files import Part, Records, TableTexts, read_records, read_texts
from w2v.corpora.tables.typed import built_in, is_missing, is_unicode


def given_records(ids: Any, metadata: Any) -> Records | None:
    """Return records from memory: metadata, and ids as the column "id".

    Parameters
    ----------
    ids : sequence, str or None
        The ids, or the name of their column in the metadata; by default "id", if there is such a column.
    metadata : list of dict, dict of lists, data frame, path, Records or None

    Raises
    ------
    TypeError, ValueError
        If they have another type or different lengths.
    CorpusError
        If a file cannot be read.
    """
    records = None if metadata is None else _given(metadata)
    if ids is None:
        return records
    if isinstance(ids, str):
        name = ids
        if records is None or name not in records.names:
            known = ", ".join(map(repr, [] if records is None else records.names)) or "none"
            raise ValueError(f"there is no column {name!r:.60} of ids in the metadata; its columns are {known:.300}")
        if name != "id" and "id" in records.names:
            raise ValueError(f"the ids are in column {name!r:.60}, so no other column can be called 'id'; rename it")
        records.rename(name, "id")
        return records
    values = _values(ids)
    if records is None:
        return Records([Part({"id": values}, len(values))])
    if "id" in records.names:
        raise ValueError("the metadata has a column 'id', and ids are also given; give only one of them")
    if len(records) != len(values):
        raise ValueError(f"there are {len(values):,} ids but {len(records):,} records of metadata")
    start = 0
    for part in records.parts:
        part.columns = {"id": values[start : start + part.n], **part.columns}
        start += part.n
    return records


def texts_and_records(texts: Any, ids: Any, metadata: Any, text_column: str | None) -> tuple[Any, Records | None]:
    """Return texts, and what is known of them.

    Parameters
    ----------
    texts : object
        With a `text_column` the tables that have it: files, or a data frame, a dict of lists or a list of dicts.
        Otherwise they are returned as they are.
    ids, metadata
        See `given_records`.

    Raises
    ------
    TypeError, ValueError, CorpusError
        As `given_records` and `read_texts`, or if there are metadata besides the table's other columns.
    """
    if text_column is None:
        return texts, given_records(ids, metadata)
    if metadata is not None:
        raise ValueError("with text_column the other columns of the table are the metadata, so give no others")
    found: TableTexts | list[str]
    if _is_table(texts):
        records = _given(texts)
        found = _taken(records, text_column)
    else:
        found, records = read_texts(texts, text_column)
    return found, given_records(ids, records)


def _given(metadata: Any) -> Records:
    """Return records from any accepted type."""
    if isinstance(metadata, Records):
        return metadata
    if isinstance(metadata, (str, os.PathLike)):
        return read_records(metadata)
    columns = dict(metadata) if isinstance(metadata, Mapping) else named_columns(metadata)
    if columns is None:
        return _of_dicts(metadata)
    part = Part({}, -1)
    for name, values in columns.items():
        if isinstance(values, (str, bytes)) or not hasattr(values, "__iter__"):
            raise TypeError(f"column {name!r:.60} of the metadata must be a list of values, not {values!r:.40}")
        part.columns[_name(name)] = _values(values)
        n = len(part.columns[name])
        if part.n not in (-1, n):
            raise ValueError(
                f"the columns of the metadata have {part.n:,} and {n:,} values ({name!r:.60}), which must be equal"
            )
        part.n = n
    part.n = max(part.n, 0)
    return Records([part])


def _of_dicts(metadata: Any) -> Records:
    """Return records from dicts."""
    rows = list(metadata)
    for number, row in enumerate(rows, 1):
        if not isinstance(row, Mapping):
            raise TypeError(f"record {number} of the metadata must be a dict, not {type(row).__name__}: {row!r:.60}")
    names = dict.fromkeys(_name(name) for row in rows for name in row)
    return Records([Part({name: [row.get(name) for row in rows] for name in names}, len(rows))])


def _values(column: Any) -> list[Any]:
    """Return the values of a column, with those of NumPy as built-in ones."""
    if isinstance(column, np.ndarray):
        return list(built_in(column))
    return list(column.tolist() if hasattr(column, "tolist") else column)


def _is_table(texts: Any) -> bool:
    """Tell whether texts in memory are a table: a data frame, a dict of columns, or dicts."""
    if isinstance(texts, Mapping) or named_columns(texts) is not None:
        return True
    return isinstance(texts, (list, tuple)) and bool(texts) and isinstance(texts[0], Mapping)


def _taken(records: Records, column: str) -> list[str]:
    """Return a column of a table in memory as texts, empty where they are missing; the records lose it."""
    [part] = records.parts
    if column not in part.columns:
        raise ValueError(f"the table has no column {column!r:.60}; it has {', '.join(map(str, part.columns)):.300}")
    texts = ["" if is_missing(text) else text for text in part.columns.pop(column)]
    for number, text in enumerate(texts):
        if not isinstance(text, str):
            raise TypeError(f"{part.place(number)}: {column!r:.60} is {text!r:.40}, not text")
    return texts


def _name(name: Any) -> str:
    if not isinstance(name, str) or not name.strip() or not is_unicode(name):
        raise TypeError(f"the name of a metadata column must be text, not {name!r:.60}")
    return name
