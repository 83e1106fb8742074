"""Typed columns of text, integers, floats or booleans, with missing values."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, time
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Kind = Literal["text", "integer", "float", "boolean", "missing"]
"""The type of a column; "missing" if it has no values yet, so it may become any other."""
Value = str | int | float | bool | None

DTYPES: dict[Kind, Any] = {
    "text": np.int32, "integer": np.int64, "float": np.float64, "boolean": np.bool_, "missing": np.bool_,
}  # fmt: skip
IN_WORDS: dict[Kind, str] = {
    "text": "text", "integer": "integers", "float": "numbers", "boolean": "true or false", "missing": "nothing",
}  # fmt: skip
_MISSING = ("NAType", "NaTType")  # pandas' missing values, which cannot be compared
_FINER_THAN_MICROSECONDS = ("ns", "ps", "fs", "as")
_SMALLEST, _LARGEST = -(1 << 63), (1 << 63) - 1


class ValueTypeError(ValueError):
    """The values of a column mix types, or have an unsupported type."""


@dataclass(frozen=True)
class Texts:
    """Distinct texts, concatenated.

    Attributes
    ----------
    ends : ndarray of shape (K,), int64
        End of each text in `data`.
    data : ndarray of uint8
        UTF-8.
    """

    ends: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    data: NDArray[np.uint8] = field(default_factory=lambda: np.empty(0, np.uint8))

    @classmethod
    def of(cls, texts: Iterable[str]) -> Texts:
        """Return the given texts in order."""
        encoded = [text.encode() for text in texts]
        ends = np.cumsum(np.fromiter(map(len, encoded), np.int64, len(encoded)), dtype=np.int64)
        return cls(ends, np.frombuffer(b"".join(encoded), np.uint8))

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, number: int) -> str:
        if number < 0:
            raise IndexError(f"there is no text {number}")
        start = int(self.ends[number - 1]) if number else 0
        return bytes(self.data[start : int(self.ends[number])]).decode()

    @cached_property
    def list(self) -> list[str]:
        """All texts as a list."""
        data, starts = self.data.tobytes(), [0, *self.ends.tolist()]
        return [data[start:end].decode() for start, end in zip(starts, starts[1:], strict=False)]


@dataclass(frozen=True)
class Column:
    """Values of one type.

    Attributes
    ----------
    kind : {"text", "integer", "float", "boolean", "missing"}
    values : ndarray of shape (N,)
        For text, indices into `texts`; arbitrary where missing.
    missing : ndarray of shape (N,), bool
    texts : Texts
    """

    kind: Kind
    values: NDArray[Any]
    missing: NDArray[np.bool_]
    texts: Texts = field(default_factory=Texts)

    @classmethod
    def absent(cls, n: int) -> Column:
        """Return a column of n missing values."""
        return cls("missing", np.zeros(n, np.bool_), np.ones(n, np.bool_))

    def __len__(self) -> int:
        return len(self.values)

    def value(self, row: int) -> Value:
        """Return a value; None if it is missing."""
        if self.missing[row]:
            return None
        value: Value = self.values[row].item()
        return self.texts[value] if self.kind == "text" else value  # type: ignore[index]

    def tolist(self) -> list[Value]:
        """Return all values."""
        if self.kind == "text":
            texts = self.texts.list
            return [None if gone else texts[k] for k, gone in zip(self.values.tolist(), self.missing, strict=True)]
        return [None if gone else value for value, gone in zip(self.values.tolist(), self.missing, strict=True)]

    def take(self, rows: NDArray[Any]) -> Column:
        """Return some rows, by indices (n,) or a mask (N,), with only the texts that occur in them; dtypes are kept."""
        values, missing = self.values[rows], self.missing[rows]
        if self.kind != "text":
            return Column(self.kind, values, missing)
        used, first = np.unique(values[~missing], return_index=True)
        used = used[np.argsort(first)]  # by first occurrence, as if there had never been other rows
        numbers = np.zeros(len(self.texts), np.int32)
        numbers[used] = np.arange(len(used))
        texts = self.texts.list
        values = np.where(missing, 0, numbers[np.where(missing, 0, values)]) if len(used) else np.zeros_like(values)
        return Column("text", values.astype(np.int32), missing, Texts.of(texts[number] for number in used.tolist()))


def column_of(values: Sequence[Any], name: str, place: Callable[[int], str]) -> Column:
    """Return values as a typed column; dates and times become text in ISO 8601 format.

    Parameters
    ----------
    values : sequence
        str, int, float, bool, dates, and missing values: None, NaN or pandas' NA.
    name : str
        Name of the column, for messages.
    place : callable
        From the index of a value to the name of its record in messages, such as "record 1".

    Raises
    ------
    ValueTypeError
        If types are mixed or unsupported. Integers and floats together become floats.
    """
    plain = [_plain(value, name, place, number) for number, value in enumerate(values)]
    kinds: dict[Kind, int] = {}
    for number, value in enumerate(plain):
        if value is not None:
            kinds.setdefault(_kind_of(value), number)
    if set(kinds) == {"integer", "float"}:
        kinds.pop("integer")
    if len(kinds) > 1:
        first, second = list(kinds.items())[:2]
        raise ValueTypeError(
            f"column {name!r:.60} mixes types: {place(first[1])} has {plain[first[1]]!r:.40}, {place(second[1])} "
            f"{plain[second[1]]!r:.40}; make all of them text, or all numbers"
        )
    kind: Kind = next(iter(kinds), "missing")
    missing = np.array([value is None for value in plain], np.bool_)
    if kind == "text":
        texts = list(dict.fromkeys(value for value in plain if isinstance(value, str)))
        numbers = {text: number for number, text in enumerate(texts)}
        codes = np.array([numbers[value] if isinstance(value, str) else 0 for value in plain], np.int32)
        return Column(kind, codes, missing, Texts.of(texts))
    return Column(kind, np.array([0 if value is None else value for value in plain], DTYPES[kind]), missing)


def joined(columns: Sequence[Column]) -> Column:
    """Concatenate columns; raise ValueTypeError if their types are incompatible."""
    kind: Kind = "missing"
    for column in columns:
        kind = common_kind(kind, column.kind)
    missing = np.concatenate([column.missing for column in columns])
    if kind != "text":
        return Column(kind, np.concatenate([column.values.astype(DTYPES[kind]) for column in columns]), missing)
    numbers: dict[str, int] = {}
    parts = []
    for column in columns:
        own = [numbers.setdefault(text, len(numbers)) for text in column.texts.list]
        lookup = np.array(own or [0], np.int32)
        parts.append(lookup[np.where(column.missing, 0, column.values.astype(np.int64))])
    return Column("text", np.concatenate(parts), missing, Texts.of(numbers))


def common_kind(first: Kind, second: Kind) -> Kind:
    """Return the type of a column with values of two types; raise ValueTypeError if there is none."""
    if first == second or second == "missing":
        return first
    if first == "missing":
        return second
    if {first, second} == {"integer", "float"}:
        return "float"
    raise ValueTypeError(f"{IN_WORDS[first]} and {IN_WORDS[second]}")


def _plain(value: Any, name: str, place: Callable[[int], str], number: int) -> Value:
    """Return a value as a built-in type."""
    value = built_in(value) if isinstance(value, np.generic) else value
    if is_missing(value):
        return None
    if isinstance(value, (date, time)):
        return value.isoformat()
    problem = None
    if isinstance(value, str):
        if not is_unicode(value):
            problem = f"half a surrogate pair is not text: {value!r:.40}"
    elif isinstance(value, int):
        if not is_storable(value):
            problem = f"{value} is too large for an integer; make it text"
    elif not isinstance(value, float):
        problem = (
            f"a value is text, a number, true, false or missing, not {type(value).__name__}: {value!r:.40}; make it "
            "text, or leave the column out"
        )
    elif math.isinf(value):
        problem = f"{value} is not finite; leave it out"
    if problem is not None:
        raise ValueTypeError(f"column {name!r:.60}, {place(number)}: {problem}")
    plain: Value = value
    return plain


def built_in(values: Any) -> Any:
    """Return a value or an array of NumPy as a built-in value or list; times are cut to microseconds.

    NumPy's own conversions make integers of nanoseconds.
    """
    fine = values.dtype.kind in "mM" and np.datetime_data(values.dtype)[0] in _FINER_THAN_MICROSECONDS
    return (values.astype(f"{values.dtype.kind}8[us]") if fine else values).tolist()


def is_missing(value: Any) -> bool:
    """Tell whether a value says that there is none: None, NaN, or NA and NaT of pandas."""
    return value is None or type(value).__name__ in _MISSING or (isinstance(value, float) and math.isnan(value))


def is_storable(number: int) -> bool:
    """Return whether an integer fits into 64 bits."""
    return _SMALLEST <= number <= _LARGEST


def is_unicode(text: str) -> bool:
    """Return whether a text can be encoded in UTF-8, that is, has no half surrogate pairs."""
    try:
        return text.isascii() or text.encode() is not None
    except UnicodeEncodeError:
        return False


def _kind_of(value: Value) -> Kind:
    if isinstance(value, bool):
        return "boolean"
    return "text" if isinstance(value, str) else "integer" if isinstance(value, int) else "float"
