"""Columns of metadata, binned for histograms, filters and colours."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

MOST_BINS = 24
_EDGE = 0.002
"""Fraction of the numbers at each end that the outer bins absorb."""
_FEW_NUMBERS = 12
_DATE = re.compile(r"\d{4}(?:-\d\d(?:-\d\d(?:[T ].*)?)?)?")
_LENGTHS = (4, 7, 10)  # of a date's year, month and day

Kind = Literal["category", "number", "date"]


@dataclass(frozen=True)
class Column:
    """One column of metadata, binned.

    Attributes
    ----------
    name : str
    kind : {"category", "number", "date"}
    bins : list of str
        Label of each bin, at most 24: the most frequent values first, or numbers and dates in order.
    codes : ndarray of shape (N,), uint8
        The bin of each sentence.
    """

    name: str
    kind: Kind
    bins: list[str]
    codes: NDArray[np.uint8]


def make_column(name: str, values: Sequence[Any] | NDArray[Any]) -> Column:
    """Return a column of values, one per sentence: numbers, dates (2026-11-30), or anything else.

    Missing values (None, empty text, NaN) form a separate bin, the last.
    """
    texts = ["" if _is_missing(value) else str(value).strip() for value in values]
    present = [text for text in texts if text]
    distinct = set(present)
    if distinct and not any(isinstance(value, bool) for value in values):
        numbers = _numbers(distinct)
        if numbers is not None and len(distinct) > _FEW_NUMBERS:
            return _of_numbers(name, np.array([numbers.get(text, np.nan) for text in texts]))
        if numbers is not None:
            return _of_bins(name, "number", sorted(distinct, key=numbers.__getitem__), texts)
        if all(_DATE.fullmatch(text) for text in distinct):
            return _of_dates(name, texts)
    common = [value for value, _ in Counter(present).most_common(MOST_BINS + 1)]
    if len(common) > MOST_BINS - ("" in texts):
        common = common[: MOST_BINS - 1 - ("" in texts)]
    return _of_bins(name, "category", common, texts)


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, (float, np.floating)) and bool(np.isnan(value)))


def _numbers(texts: set[str]) -> dict[str, float] | None:
    """Return texts as numbers, or None if one of them is not a finite number."""
    try:
        found = {text: float(text) for text in texts}
    except ValueError:
        return None
    return found if np.isfinite(list(found.values())).all() else None


def _of_bins(name: str, kind: Kind, values: list[str], texts: list[str]) -> Column:
    """Return a column whose bins are the frequent values, all others, and missing values."""
    number = {value: i for i, value in enumerate(values)}
    others = len(values)
    codes = np.array([number.get(text, others if text else others + 1) for text in texts])
    bins = [*values, "others", "(none)"]
    used = np.unique(np.concatenate([np.arange(len(values)), codes]))
    return Column(name, kind, [bins[i] for i in used], np.searchsorted(used, codes).astype(np.uint8))


def _of_dates(name: str, texts: list[str]) -> Column:
    """Return a column of dates by day, month, year or runs of years: the finest that has few enough bins."""
    for length in _LENGTHS[::-1]:
        cut = [text[:length] for text in texts]
        distinct = sorted({text for text in cut if text})
        if len(distinct) < MOST_BINS:
            return _of_bins(name, "date", distinct, cut)
    years = np.array([int(text[:4]) if text else np.nan for text in texts])
    return Column(name, "date", *_cut(years, is_whole=True))


def _of_numbers(name: str, values: NDArray[np.float64]) -> Column:
    is_whole = bool((values[~np.isnan(values)] % 1 == 0).all())
    return Column(name, "number", *_cut(values, is_whole=is_whole))


def _cut(values: NDArray[np.float64], *, is_whole: bool) -> tuple[list[str], NDArray[np.uint8]]:
    """Cut numbers into bins of equal, round width; missing values are the last bin."""
    known = values[~np.isnan(values)]
    low, high = np.quantile(known, [_EDGE, 1 - _EDGE])
    step = _round_step((high - low) / (MOST_BINS - 6), is_whole)
    first = np.floor(low / step)
    n = int(np.floor(high / step) - first) + 1
    codes = np.clip(np.floor(np.nan_to_num(values) / step) - first, 0, n - 1).astype(np.int64)
    codes[np.isnan(values)] = n
    starts = [(first + i) * step for i in range(n)]
    names = [_interval(start, start + step, is_whole) for start in starts]
    if known.min() < starts[0]:
        names[0] = f"below {_plain(starts[1] if n > 1 else starts[0] + step)}"
    if known.max() >= starts[-1] + step:
        names[-1] = f"{_plain(starts[-1])} or more"
    return [*names, "(none)"][: n + (len(known) < len(values))], codes.astype(np.uint8)


def _round_step(step: float, is_whole: bool) -> float:
    """Return the next of 1, 2, 5, 10, … times a power of ten."""
    power = 10.0 ** np.floor(np.log10(max(step, 1e-300)))
    chosen = next(float(power * factor) for factor in (1, 2, 5, 10) if power * factor >= step * (1 - 1e-9))
    return max(chosen, 1.0) if is_whole else chosen


def _interval(start: float, end: float, is_whole: bool) -> str:
    if is_whole:
        return _plain(start) if end - start <= 1 else f"{_plain(start)}–{_plain(end - 1)}"
    return f"{_plain(start)}–{_plain(end)}"


def _plain(number: float) -> str:
    return f"{number:.10g}"
