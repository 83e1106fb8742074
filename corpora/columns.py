"""Texts in memory: a table of one column becomes a list of texts, and errors for other types name a remedy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from typing import Any

import numpy as np


def one_column(texts: Any, *, rows_are_tokens: bool = False) -> Any:
    """Return the texts of a table of one column as a list; leave files, lists, series and iterables unchanged.

    Parameters
    ----------
    texts : object
        A table is a data frame of pandas, polars or pyarrow, or a two-dimensional array.
    rows_are_tokens : bool, default False
        Accept an array of several columns, whose rows are lists of tokens.

    Raises
    ------
    TypeError
        If a table has several columns, or the texts have no order, as in a dict or a set; the message says what to
        pass instead.
    """
    _check_ordered(texts)
    if isinstance(texts, np.ndarray):
        if texts.ndim == 1 or (texts.ndim == 2 and texts.shape[1] != 1 and rows_are_tokens):
            return texts
        if texts.ndim == 2 and texts.shape[1] == 1:
            return texts[:, 0].tolist()
        raise TypeError(
            f"an array of shape {texts.shape} is not one text per row; pass one column, such as array[:, 0]"
        )
    names = _column_names(texts)
    if names is None:
        return texts.to_pylist() if hasattr(texts, "to_pylist") else texts  # a column of pyarrow
    if len(names) != 1:
        shown = ", ".join(map(repr, names[:5])) + (", …" if len(names) > 5 else "")
        chosen = f"df[{names[0]!r}]" if names else "df['text']"
        raise TypeError(
            f"a table of {len(names)} columns ({shown}) is not one text per row; pass one, such as {chosen}"
        )
    return _values(texts, names[0])


def row_tuples(rows: Any) -> Any:
    """Return the rows of a data frame as tuples; leave anything else unchanged.

    Raises
    ------
    TypeError
        If the rows are in a dict or a set, or there are none.
    """
    _check_ordered(rows)
    names = _column_names(rows)
    if names is None and not isinstance(rows, Iterable):
        raise TypeError(f"a list of texts is needed, not {type(rows).__name__}: {rows!r:.60}")
    return rows if names is None else list(zip(*(_values(rows, name) for name in names), strict=True))


def named_columns(table: Any) -> dict[Any, list[Any]] | None:
    """Return the columns of a data frame of pandas, polars or pyarrow by name; None for anything else."""
    names = _column_names(table)
    return None if names is None else {name: _values(table, name) for name in names}


def listed(texts: Any, what: str = "texts") -> list[Any]:
    """Return the values of a list, an iterable or a table of one column.

    Raises
    ------
    TypeError
        If there is only one, or they have no order; `what` is what messages call them.
    """
    column = one_column(texts)
    if isinstance(column, (str, bytes, bytearray)) or not isinstance(column, Iterable):
        kind = type(column).__name__
        raise TypeError(f"a list of {what} is needed, not {kind}: {column!r:.60}")
    return column if isinstance(column, list) else list(column)


def checked_texts(texts: Any) -> list[str]:
    """Return the texts of a list, an iterable or a table of one column.

    Raises
    ------
    TypeError
        If they are a single str or have no order, or if one of them is not a str; the message gives its number from 1.
    ValueError
        If one of them holds half a surrogate pair.
    """
    if isinstance(texts, (str, bytes)):
        raise TypeError(f"a list of texts is needed, not one: write [{texts!r:.60}]")
    return [checked_text(text, number) for number, text in enumerate(listed(texts), 1)]


def checked_text(text: Any, number: int) -> str:
    """Return a checked text; `number` is its number from 1, for messages.

    Raises
    ------
    TypeError
        If it is not a str.
    ValueError
        If it holds half a surrogate pair.
    """
    if not isinstance(text, str):
        raise TypeError(f"text {number} is not a str but {type(text).__name__}: {text!r:.60}")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise ValueError(
                f"text {number} contains half a surrogate pair and is not valid text: {text!r:.60}"
            ) from None
    return text


def _check_ordered(texts: Any) -> None:
    if isinstance(texts, Mapping):
        raise TypeError("a dict is not a list of texts; pass list(texts.values()), or its keys: list(texts)")
    if isinstance(texts, Set) and not hasattr(texts, "__getitem__"):
        raise TypeError(
            "a set has no order, so results could not be matched to texts; pass a list, such as sorted(texts)"
        )


def _column_names(table: Any) -> list[Any] | None:
    """Return the names of the columns of a data frame; None for anything else."""
    if hasattr(table, "collect_schema") and not hasattr(table, "to_dict"):
        raise TypeError("a lazy frame has no rows yet; pass frame.collect()")
    if len(getattr(table, "shape", ())) != 2:
        return None
    names = getattr(table, "column_names", getattr(table, "columns", None))  # pyarrow's `columns` are the data
    return None if names is None else list(names)


def _values(table: Any, name: Any) -> list[Any]:
    column = table[name]
    for method in ("tolist", "to_list", "to_pylist"):  # of pandas, polars, pyarrow
        if hasattr(column, method):
            return list(getattr(column, method)())
    return list(column)
