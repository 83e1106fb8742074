"""Labelled texts: lines of a label, a tab and a text, tables and JSON lines, fastText's and TREC's formats."""

from __future__ import annotations

import json
import os
import re
import warnings
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, NamedTuple
from unicodedata import normalize

from w2v.corpora.inputs import CorpusError, display_name
from w2v.corpora.readers import TextReader
from w2v.corpora.tables.rows import any_cell_size, numbered_rows

__all__ = [
    "PREFIX", "HeaderWarning", "Labelled", "TableColumns", "is_table", "read_labelled", "read_unlabelled",
    "without_labels",
]  # fmt: skip

PathLike = str | os.PathLike[str]

PREFIX = "__label__"
"""The prefix of fastText's labels."""

_TREC = re.compile(r"([A-Z]+):[a-z]+ (.+)")
_PACKED = (".gz", ".bz2", ".xz", ".zst")
_JSON = (".jsonl", ".ndjson")
_EXPECTED = f"expected a label, a tab and a text, or fastText's {PREFIX}LABEL and a text"
_Row = tuple[str, Sequence[str] | None]  # None where labels are missing, and not none
_Named = tuple[str | None, tuple[str, ...]]  # the columns of labels and of texts


_HEADINGS = {
    "label", "labels", "class", "category", "target", "sentiment", "topic", "intent", "text", "texts", "sentence",
    "content", "review", "title",
}  # fmt: skip
"""Names of columns, by which a first line between tabs is known for a header."""


class HeaderWarning(UserWarning):
    """The first line of a table looks like a header; it is read as a text with a label."""


@dataclass(frozen=True)
class Labelled:
    """Texts and the labels of each.

    Attributes
    ----------
    texts : list of str
    labels : list of tuple of str
        One label per text, or none or several if these are allowed.
    n_left_out : int
        Number of rows left out because they lacked the text or a label.
    files : list of str, or None
        Absolute paths of the files.
    """

    texts: list[str]
    labels: list[tuple[str, ...]]
    n_left_out: int = 0
    files: list[str] | None = field(default=None, compare=False)

    def __len__(self) -> int:
        return len(self.texts)


@dataclass(frozen=True)
class TableColumns:
    """The columns of texts and labels in a table.

    Attributes
    ----------
    text : tuple of str, or str
        Names of columns, whose texts are joined with a space; or their numbers from 1, in a table without a header.
    label : str or None
        Name or number of the column of labels.
    separator : str or None
        Separator of the labels of a text, in all formats except fastText's. None means one label, which may contain
        any characters.
    errors : {"strict", "replace"}
        How to handle bytes that are not UTF-8; see `TextReader`.
    """

    text: tuple[str, ...] = ()
    label: str | None = None
    separator: str | None = None
    errors: str = "strict"

    def __post_init__(self) -> None:
        text: Any = self.text
        if isinstance(text, str):
            object.__setattr__(self, "text", (text,))

    @property
    def named(self) -> _Named | None:
        """The columns of labels and of texts; None if none is named."""
        return (self.label or "label", self.text or ("text",)) if self.label or self.text else None

    def to_config(self) -> dict[str, Any]:
        """Return the columns in JSON types, for `from_config`."""
        return {"text": list(self.text), "label": self.label, "separator": self.separator, "errors": self.errors}

    @classmethod
    def from_config(cls, config: Any) -> TableColumns:
        """Invert `to_config`; missing or invalid entries become no columns."""
        own = dict(config) if isinstance(config, Mapping) else {}
        text = tuple(name for name in own.get("text") or () if isinstance(name, str))
        label, separator = (
            own.get(name) if isinstance(own.get(name), str) else None for name in ("label", "separator")
        )
        return cls(text, label, separator or None, "replace" if own.get("errors") == "replace" else "strict")


def read_labelled(
    files: PathLike | Sequence[PathLike],
    *,
    columns: TableColumns | None = None,
    known: Collection[str] = (),
) -> Labelled:
    """Read labelled texts.

    Parameters
    ----------
    files : str, path-like or sequence of these
        UTF-8, compressed or not. The first line of each that is not blank determines its kind: lines of a label, a tab
        and a text, or the other way round (labels are the column with more `known` labels, then with fewer different
        values); lines with fastText's ``__label__LABEL``, one or several; TREC's ``LABEL:fine text``, of which the
        coarse label is taken. A file whose name ends in .csv is a table with a header, and one in .jsonl or .ndjson has
        an object a line, whose label may be a list of labels, an empty one too; by default the columns are "label" and
        "text". Labels are composed (NFC): what looks the same is the same.
    columns : TableColumns, optional
        Makes every file a table, between tabs if its first line has one, else between commas, or between semicolons if
        it has no comma.
    known : collection of str, optional
        Labels that a model knows.

    Returns
    -------
    Labelled

    Raises
    ------
    CorpusError
        If a line is of another kind than the first, a column is missing, there is nothing, or a file cannot be read;
        the message names file and line.
    """
    columns = columns or TableColumns()
    reader = TextReader(files)
    texts: list[str] = []
    labels: list[tuple[str, ...] | None] = []
    tabbed = _TwoColumns([], [], [])
    for path in reader.paths:
        found = _read(path, columns)
        if isinstance(found, _TwoColumns):
            tabbed = _TwoColumns(tabbed.left + found.left, tabbed.right + found.right, tabbed.files + found.files)
        else:
            texts += [text for text, _ in found]
            labels += [None if own is None else tuple(own) for _, own in found]
    more_texts, more_labels = _of_two_columns(tabbed, columns.separator, known)
    texts, labels = texts + more_texts, labels + more_labels
    kept = [(text, own) for text, own in zip(texts, labels, strict=True) if text and own is not None]
    if not kept:
        raise CorpusError(f"{', '.join(map(display_name, reader.paths))}: no text with a label; {_EXPECTED}")
    return Labelled([text for text, _ in kept], [own for _, own in kept], len(texts) - len(kept), reader.files)


def read_unlabelled(files: PathLike | Sequence[PathLike], columns: TableColumns) -> list[str]:
    """Return the texts in the columns ``columns.text`` of tables, one for each row or object; see `read_labelled`."""
    texts: list[str] = []
    for path in TextReader(files).paths:
        lines = _lines(path, columns.errors)
        if any(line and not line.isspace() for line in lines):
            texts += [text for text, _ in _rows_of_table(path, lines, (None, columns.text), None)]
    return texts


def is_table(path: PathLike) -> bool:
    """Tell by its name whether a file is a table of CSV or JSON lines."""
    return _stem(os.fspath(path)).endswith((".csv", *_JSON))


def without_labels(line: str) -> str:
    """Return a line without fastText's labels, which fastText leaves out of a text too."""
    return _fasttext(line)[0] if PREFIX in line else line


class _TwoColumns(NamedTuple):
    """The two columns of lines with a tab; one of them has the labels."""

    left: list[str]
    right: list[str]
    files: list[tuple[str, int]]  # the first line of each, and how many lines it has


def _read(path: str, columns: TableColumns) -> _TwoColumns | list[_Row]:
    """Return the rows of one file, which is read into memory as a whole."""
    lines = _lines(path, columns.errors)
    filled = [line for line in lines if line and not line.isspace()]
    if not filled:
        return []
    if columns.named is not None or is_table(path):
        return _rows_of_table(path, lines, columns.named, columns.separator)
    if any(word.startswith(PREFIX) for word in filled[0].split()):
        return [(text, _none_or(own, columns.separator)) for text, own in map(_fasttext, filled)]
    if "\t" in filled[0]:
        return _tabs(path, lines, filled)
    if _TREC.fullmatch(filled[0].strip()):
        return [_trec(path, lines, line) for line in filled]
    raise CorpusError(f"{_place(path, lines, filled[0])}: {_EXPECTED}, not {filled[0]!r:.60}")


def _place(path: str, lines: list[str], line: str) -> str:
    """Return the file and number of a line for messages."""
    return f"{display_name(path)}, line {lines.index(line) + 1}"


def _lines(path: str, errors: str) -> list[str]:
    return b"".join(block.data for block in TextReader(path, errors=errors)).decode().split("\n")


def _stem(path: str) -> str:
    """Return a name in lower case, without what a compression adds."""
    stem = path.lower()
    return next((stem.removesuffix(suffix) for suffix in _PACKED if stem.endswith(suffix)), stem)


def _none_or(labels: Sequence[str], separator: str | None) -> Sequence[str] | None:
    """Return labels; None where there is none, unless a separator says that there may be any number of them."""
    return labels if labels or separator is not None else None


def _fasttext(line: str) -> tuple[str, list[str]]:
    """Return the text and the labels of a line in fastText's format, with labels at any place."""
    words = line.split()
    labels = [normalize("NFC", word.removeprefix(PREFIX)) for word in words if word.startswith(PREFIX)]
    return " ".join(word for word in words if not word.startswith(PREFIX)), [label for label in labels if label]


def _tabs(path: str, lines: list[str], filled: list[str]) -> _TwoColumns:
    wrong = next((line for line in filled if line.count("\t") != 1), None)
    if wrong is not None:
        n = wrong.count("\t") + 1
        what = "it has no tab" if n == 1 else f"it has {n} columns: name those to read"
        raise CorpusError(f"{_place(path, lines, wrong)}: expected a label, a tab and a text; {what}: {wrong!r:.60}")
    cells = [cell.strip() for cell in "\t".join(filled).split("\t")]  # no list for each line: a third of the time
    return _TwoColumns(cells[::2], cells[1::2], [(_place(path, lines, filled[0]), len(filled))])


def _trec(path: str, lines: list[str], line: str) -> _Row:
    found = _TREC.fullmatch(line.strip())
    if found is None:
        raise CorpusError(f"{_place(path, lines, line)}: expected LABEL:fine and a text, not {line!r:.60}")
    return found[2], (found[1],)


def _of_two_columns(
    rows: _TwoColumns, separator: str | None, known: Collection[str]
) -> tuple[list[str], list[tuple[str, ...] | None]]:
    """Return texts and labels of rows with two columns, one of which has the labels."""

    def likely(column: list[str]) -> tuple[int, int]:
        if separator is not None:
            column = [label for cell in column for label in _labels(cell, separator)]
        return sum(normalize("NFC", label) in known for label in column) if known else 0, -len(set(column))

    texts, column = (rows.left, rows.right) if likely(rows.right) > likely(rows.left) else (rows.right, rows.left)
    made = {cell: _none_or(tuple(_labels(cell, separator)), separator) for cell in set(column)}
    labels, first = [None if (own := made[cell]) is None else tuple(own) for cell in column], 0
    for place, n in rows.files:
        if not _HEADINGS.isdisjoint((rows.left[first].lower(), rows.right[first].lower())):
            _warn_of_header(place, labels[first : first + n])
        first += n
    return texts, labels


def _labels(cell: str, separator: str | None) -> Sequence[str]:
    parts = [cell] if separator is None else cell.split(separator)
    return [normalize("NFC", part.strip()) for part in parts if part.strip()]


def _rows_of_table(path: str, lines: list[str], named: _Named | None, separator: str | None) -> list[_Row]:
    """Return the rows of a table; no labels where no column of them is named."""
    label, texts = named or ("label", ("text",))
    if not _stem(path).endswith(_JSON):
        return _table(path, lines, (label, texts), separator)
    return [
        _object(f"{display_name(path)}, line {number}", line, (label, texts), separator)
        for number, line in enumerate(lines, 1)
        if line.strip()
    ]


def _object(place: str, line: str, named: _Named, separator: str | None) -> _Row:
    """Return the text and labels of a JSON object."""
    label, texts = named
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise CorpusError(f"{place}: {error} in {line!r:.60}; a line is a JSON object") from error
    if not isinstance(row, dict):
        raise CorpusError(f"{place}: a line is a JSON object, not {line!r:.60}")
    missing = next((name for name in (*([] if label is None else [label]), *texts) if name not in row), None)
    if missing is not None:
        names = ", ".join(map(repr, row)) or "none"
        raise CorpusError(f"{place}: there is no {missing!r:.60}, but {names:.200}; name those of texts and labels")
    parts = ["" if row[name] is None else row[name] for name in texts]
    wrong = next((part for part in parts if not isinstance(part, str)), None)
    if wrong is not None:
        raise CorpusError(f"{place}: the text is {wrong!r:.40}, not text")
    value = None if label is None else row[label]
    labels: list[str] = []
    for one in value if isinstance(value, list) else [] if value is None or value != value else [value]:
        if not isinstance(one, (str, int, float)):
            raise CorpusError(f"{place}: the label is {one!r:.40}, not text or a number")
        labels += _labels(one if isinstance(one, str) else json.dumps(one), separator)
    is_listed = isinstance(value, list)
    try:
        text = " ".join(" ".join(part.split()) for part in parts).strip()
        "".join([text, *labels]).encode()
    except UnicodeEncodeError:
        raise CorpusError(f"{place}: half a surrogate pair is not text: {line!r:.60}") from None
    return text, labels if is_listed else _none_or(labels, separator)


def _table(path: str, lines: list[str], named: _Named, separator: str | None) -> list[_Row]:
    """Return the rows of a table between commas, semicolons or tabs."""
    with any_cell_size():
        rows = numbered_rows(display_name(path), lines)
        place, header = next(rows)
        label, texts, first = _columns(header, named, path)
        given = chain([(place, header)] if first else [], rows)
        found = [_cells(row, label, texts, separator, place, len(header)) for place, row in given if row]
    if first and label is not None:
        _warn_of_header(place, [labels for _, labels in found])
    return found


def _warn_of_header(place: str, labels: Sequence[Sequence[str] | None]) -> None:
    """Warn of a first line whose label no other line of its file has: it may be a header."""
    first, *others = labels
    seen = [label for own in others for label in own or ()]
    if first and first[0] not in seen and len(set(seen)) < len(seen):
        message = f"{place}: no other line has the label {first[0]!r:.60}; if this is a header, name the columns"
        warnings.warn(HeaderWarning(message), stacklevel=2)


def _columns(header: list[str], named: _Named, path: str) -> tuple[int | None, list[int], bool]:
    """Return the column of labels, the columns of texts, and whether the first line is a row and not a header."""
    label, texts = named
    names = [name.strip() for name in header]
    wanted = [*([] if label is None else [label]), *texts]
    if all(name in names for name in wanted):
        return None if label is None else names.index(label), [names.index(name) for name in texts], False
    if all(name.isdecimal() and int(name) for name in wanted):
        return None if label is None else int(label) - 1, [int(name) - 1 for name in texts], True
    missing = next(name for name in wanted if name not in names)
    raise CorpusError(
        f"{display_name(path)}: there is no column {missing!r:.60}; its first line has "
        f"{', '.join(map(repr, names))[:200]}. Name the columns of texts and labels, or number them from 1 if there is "
        "no header"
    )


def _cells(
    row: Sequence[str], label: int | None, texts: Sequence[int], separator: str | None, place: str, n: int
) -> _Row:
    """Return the text and labels of a row of a table whose first line has n columns."""
    last = max(*texts, -1 if label is None else label)
    if len(row) <= last:
        raise CorpusError(f"{place}: {len(row)} columns, expected at least {last + 1}")
    if any(row[n:]):
        raise CorpusError(
            f"{place}: {len(row)} columns, but the first line has {n}; a text that contains the separator must be in "
            "double quotes"
        )
    labels = [] if label is None else _labels(row[label], separator)
    return " ".join(" ".join(row[at].split()) for at in texts).strip(), _none_or(labels, separator)
