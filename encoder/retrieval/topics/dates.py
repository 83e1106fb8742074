"""Dates of sentences: read from a file or a table, and grouped into bins."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timezone
from itertools import chain
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.columns import listed
from w2v.corpora.inputs import CorpusError, display_name
from w2v.corpora.readers import TextReader
from w2v.corpora.tables.files import read_records
from w2v.corpora.tables.typed import is_missing
from w2v.encoder.retrieval.index.sentence_index import SentenceIndex
from w2v.settings.constraints import whole_number

Unit = Literal["day", "month", "year"]
UNITS: tuple[Unit, ...] = ("day", "month", "year")

MOST_BINS = 1000

_TIME = r"[T ](\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d*)?)?(Z|[+-]\d{2}:?\d{2})?"
_DATE = re.compile(rf"(\d{{4}})(?:([-/.])(\d{{1,2}})(?:\2(\d{{1,2}})(?:{_TIME})?)?)?")
_KNOWN = "write YYYY, YYYY-MM or YYYY-MM-DD, optionally followed by a time, HH:MM"
Times = NDArray[np.datetime64]


def read_dates(path: str | os.PathLike[str], column: str | None = None) -> Times:
    """Read one date per line, or a column of a table with one row per sentence.

    Parameters
    ----------
    path : str or path-like
        A text file, or a table; see `w2v.corpora.tables.files.read_records`.
    column : str, optional
        Name of the column, if the file is a table.

    Returns
    -------
    ndarray of datetime64[s]
        NaT if a line or cell is empty, or the value is missing in a JSON object.

    Raises
    ------
    CorpusError
        If the file cannot be read or has no such column, or a line is not a date; the message names it.
    """
    found: Iterable[tuple[str, Any]]
    if column is None:
        lines = TextReader(os.fspath(path)).numbered_lines()
        found = ((f"{display_name(file)}, line {number}", line) for file, number, line in lines)
    else:
        records = read_records(path)
        values = chain.from_iterable(part.values(column) for part in records.parts)
        found = zip(records.places(), values, strict=True)
    times = []
    for place, value in found:
        try:
            times.append(as_time(value))
        except ValueError as error:
            raise CorpusError(f"{place}: {error}") from None
    return np.array(times, "datetime64[s]")


def as_time(value: Any) -> Any:
    """Return a date as UTC time; NaT for None and for empty text.

    Parameters
    ----------
    value : str, int, date, datetime, datetime64 or None
        A whole number is a year.

    Raises
    ------
    ValueError
        If it is not a date.
    """
    if is_missing(value) or (isinstance(value, str) and not value.strip()):
        return np.datetime64("NaT", "s")
    if isinstance(value, (float, np.floating)) and float(value).is_integer():  # years in a column with missing ones
        value = int(value)
    if isinstance(value, datetime):  # includes pandas timestamps and NaT
        if value != value:
            return np.datetime64("NaT", "s")
        aware = value.astimezone(timezone.utc).replace(tzinfo=None) if value.tzinfo else value
        return np.datetime64(aware.replace(microsecond=0).isoformat(), "s")
    if isinstance(value, np.datetime64):
        return value.astype("datetime64[s]")
    if isinstance(value, date):
        return np.datetime64(value.isoformat(), "s")
    if isinstance(value, (bool, float)) or not isinstance(value, (str, int, np.integer)):
        raise ValueError(f"{value!r:.60} is not a date; {_KNOWN}")
    match = _DATE.fullmatch(str(value).strip())
    try:
        if match is None:
            raise ValueError
        year, _, month, day, hour, minute, second, zone = match.groups()
        written = f"{year}-{month or 1:0>2}-{day or 1:0>2}T{hour or 0:0>2}:{minute or 0:0>2}:{second or 0:0>2}"
        offset = "+00:00" if zone in (None, "Z") else f"{zone[:3]}:{zone[-2:]}"
        return as_time(datetime.fromisoformat(written + offset))
    except ValueError:
        raise ValueError(f"{value!r:.60} is not a date; {_KNOWN}") from None


def as_times(dates: Iterable[Any]) -> Times:
    """Convert dates with `as_time`; ValueError gives the number of an invalid date, from 1; TypeError if not a list."""
    times = []
    for number, value in enumerate(listed(dates, "dates"), 1):
        try:
            times.append(as_time(value))
        except ValueError as error:
            raise ValueError(f"date {number}: {error}") from None
    return np.array(times, "datetime64[s]")


def binned(times: Times, bins: int | Unit) -> tuple[NDArray[np.int64], Times]:
    """Return the bin of each time, -1 if unknown, and the edges of the B bins, shape (B + 1,).

    Parameters
    ----------
    times : ndarray of datetime64[s]
    bins : int or {"day", "month", "year"}
        The number of bins of equal length, or one bin per day, month or year, from the first to the last date.

    Raises
    ------
    ValueError
        If no date is known, `bins` is invalid, or there would be more than 1,000 bins.
    """
    is_known = ~np.isnat(times)
    if not is_known.any():
        raise ValueError("no sentence has a date")
    first, last = times[is_known].min(), times[is_known].max()
    if isinstance(bins, str):
        if bins not in UNITS:
            raise ValueError(f"bins must be a number, or {', '.join(map(repr, UNITS))}, not {bins!r:.80}")
        code = {"day": "D", "month": "M", "year": "Y"}[bins]
        start, stop = first.astype(f"datetime64[{code}]"), last.astype(f"datetime64[{code}]")
        n_bins = int((stop - start).astype(np.int64)) + 1
        if n_bins > MOST_BINS:
            raise ValueError(f"{first} to {last} are {n_bins:,} bins of a {bins}, over {MOST_BINS:,}; use longer bins")
        borders = (start + np.arange(n_bins + 1)).astype("datetime64[s]")
    else:
        if isinstance(bins, bool) or not 1 <= whole_number("bins", bins) <= MOST_BINS:
            raise ValueError(f"bins must be a number from 1 to {MOST_BINS:,}, not {bins!r:.80}")
        seconds = np.linspace(0, int((last - first).astype(np.int64)) + 1, bins + 1).round().astype("timedelta64[s]")
        borders = np.unique(first + seconds)
    places = np.searchsorted(borders, times, side="right") - 1
    return np.where(is_known, places, -1), borders


def spread(dates: Times | Sequence[Any], rows: NDArray[np.int64], n_lines: int) -> Times:
    """Return the date of each of N sentences, given one date per sentence or per line.

    Parameters
    ----------
    dates : sequence of N or of `n_lines` dates
    rows : ndarray of shape (N,), int64
        The line, from 0, of each sentence.
    """
    times = dates if isinstance(dates, np.ndarray) and dates.dtype.kind == "M" else as_times(dates)
    if len(times) == len(rows):
        return times.astype("datetime64[s]")
    if len(times) == n_lines:
        return times[rows].astype("datetime64[s]")
    lines = f" on {n_lines:,} lines" if n_lines != len(rows) else ""
    raise ValueError(f"there are {len(times):,} dates for {len(rows):,} sentences{lines}: give one for each")


def lines_of(index: SentenceIndex) -> tuple[NDArray[np.int64], int]:
    """Return the line of each sentence, from 0 over all files in order, and the number of lines."""
    starts, n_lines, name, in_file = [], 0, None, 0
    for source in index.contents.sources:
        if source.name != name:
            n_lines, name, in_file = n_lines + in_file, source.name, 0
        starts.append(n_lines)
        in_file += source.lines
    before = np.repeat(np.array(starts, np.int64), [source.sentences for source in index.contents.sources])
    return before[index.rows.live_rows] + index.lines - 1, n_lines + in_file
