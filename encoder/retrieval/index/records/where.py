r"""Conditions on ids and metadata, such as ``year >= 2000 and lang in ('de', 'fr')``: parsed, never executed.

A condition compares columns with values::

    year >= 2000            = == != < <= > >=, on either side; also 2000 <= year < 2010
    lang in ('de', 'fr')    or not in
    author is missing       or is not missing
    reviewed                a boolean column on its own

Join comparisons by ``and``, ``or``, ``not`` and parentheses. Quote text with single or double quotes, doubled inside
(``'it''s'``). Put a column name that is not a plain word in backquotes (```published in```). Text is compared by its
characters, so dates like 2024-05-31 sort correctly. A missing value satisfies no comparison but ``!=`` and ``not in``.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.tables.typed import IN_WORDS, Column, Kind

Mask = NDArray[np.bool_]
Literal = str | int | float | bool
Read = Callable[[str], Column]

_TOKEN = re.compile(
    r"""\s*(?:(?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))
    |(?P<text>'(?:[^']|'')*'|"(?:[^"]|"")*")|`(?P<quoted>[^`]+)`|(?P<word>[^\W\d]\w*)
    |(?P<sign><=|>=|==|!=|<>|[=<>(),])|(?P<end>$))""",
    re.VERBOSE,
)
_COMPARES: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_ALSO = {"=": "==", "<>": "!="}
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
_KEYWORDS = frozenset("and or not in is missing true false null none".split())
_DEEPEST = 100


class WhereError(ValueError):
    """A condition is invalid; the message gives the position of the error."""


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


@dataclass(frozen=True)
class Condition:
    """A parsed condition on the rows of an index.

    Attributes
    ----------
    text : str
    """

    text: str
    _meets: Callable[[Read], Mask]

    def mask(self, read: Read) -> Mask:
        """Return which rows satisfy it; `read` returns a column by name."""
        return self._meets(read)


def parse_where(text: str, kinds: Mapping[str, Kind]) -> Condition:
    """Parse a condition on columns with the given names and types; WhereError if it is invalid."""
    parser = _Parser(text, kinds)
    meets = parser.any_of(0)
    if parser.token.kind != "end":
        raise parser.error(f"expected and, or, or the end, not {parser.token.text!r:.40}")
    return Condition(text, meets)


class _Parser:
    def __init__(self, text: str, kinds: Mapping[str, Kind]) -> None:
        self._text, self._kinds = text, kinds
        self.token = self._next(0)

    def error(self, message: str, at: int | None = None) -> WhereError:
        """Return the error for a position, by default that of the current token."""
        return WhereError(
            f"the condition {self._text!r:.200}, at position {(self.token.at if at is None else at) + 1}: {message}"
        )

    def _next(self, start: int) -> _Token:
        found = _TOKEN.match(self._text, start)
        if found is None:
            at = start + len(self._text[start:]) - len(self._text[start:].lstrip())
            what = "an unclosed quote" if self._text[at] in "'\"`" else f"{self._text[at]!r} is not allowed here"
            raise WhereError(f"the condition {self._text!r:.200}, at position {at + 1}: {what}")
        kind = str(found.lastgroup)
        self._stop = found.end()
        return _Token(kind, found[kind], found.start(kind))

    def _take(self) -> _Token:
        token = self.token
        self.token = self._next(self._stop)
        return token

    def _is(self, word: str) -> bool:
        """Return whether the current token is this keyword or sign; skip it if so."""
        is_it = self.token.kind in ("word", "sign") and self.token.text.lower() == word
        if is_it:
            self._take()
        return is_it

    def any_of(self, depth: int) -> Callable[[Read], Mask]:
        """Parse operands joined by `or`."""
        if depth > _DEEPEST:
            raise self.error(f"more than {_DEEPEST} nested parentheses")
        parts = [self._all_of(depth)]
        while self._is("or"):
            parts.append(self._all_of(depth))
        return parts[0] if len(parts) == 1 else lambda read: np.logical_or.reduce([part(read) for part in parts])

    def _all_of(self, depth: int) -> Callable[[Read], Mask]:
        parts = [self._one(depth)]
        while self._is("and"):
            parts.append(self._one(depth))
        return parts[0] if len(parts) == 1 else lambda read: np.logical_and.reduce([part(read) for part in parts])

    def _one(self, depth: int) -> Callable[[Read], Mask]:
        is_negated = False
        while self._is("not"):
            is_negated = not is_negated
        if self._is("("):
            meets = self.any_of(depth + 1)
            if not self._is(")"):
                raise self.error("a parenthesis is not closed")
        else:
            meets = self._comparison()
        return _negated(meets) if is_negated else meets

    def _comparison(self) -> Callable[[Read], Mask]:
        at = self.token.at
        left = self._operand()
        if isinstance(left, _Column):
            if self._is("is"):
                is_negated = self._is("not")
                if not (self._is("missing") or self._is("null") or self._is("none")):
                    raise self.error("expected missing, as in: is missing, is not missing")
                return _negated(left.is_missing) if is_negated else left.is_missing
            is_negated = self._is("not")
            if self._is("in"):
                meets = self._among(left)
                return _negated(meets) if is_negated else meets
            if is_negated:
                raise self.error("expected in, as in: not in (…)")
        parts = []
        while (sign := _ALSO.get(self.token.text, self.token.text)) in _COMPARES and self.token.kind == "sign":
            self._take()
            right_at, right = self.token.at, self._operand()
            parts.append(self._compared(left, sign, right, right_at))
            left = right
        if parts:
            return parts[0] if len(parts) == 1 else lambda read: np.logical_and.reduce([part(read) for part in parts])
        if isinstance(left, _Column) and left.kind in ("boolean", "missing"):
            return left.compared("==", True)
        what = f"the column {left.name!r:.60}" if isinstance(left, _Column) else f"{left!r:.40}"
        raise self.error(f"{what} is not compared with anything; expected ==, !=, <, <=, >, >=, in, or is missing", at)

    def _operand(self) -> _Column | Literal:
        """Parse a column or a value."""
        token = self.token
        if token.kind in ("quoted", "word") and not (token.kind == "word" and token.text.lower() in _KEYWORDS):
            if token.text not in self._kinds:
                known = ", ".join(map(str, self._kinds)) or "none: the index has no metadata"
                near = get_close_matches(token.text, self._kinds, 1)
                hint = f"; did you mean {near[0]!r:.60}?" if near else f"; put text in quotes, as in '{token.text}'"
                raise self.error(f"there is no column {token.text!r:.60}; columns are {known:.300}{hint}")
            self._take()
            return _Column(token.text, self._kinds[token.text])
        return self._literal()

    def _literal(self) -> Literal:
        token = self.token
        if token.kind == "number":
            self._take()
            return int(token.text) if re.fullmatch(r"[+-]?\d{1,300}", token.text) else float(token.text)
        if token.kind == "text":
            self._take()
            return token.text[1:-1].replace(2 * token.text[0], token.text[0])
        if token.kind == "word" and token.text.lower() in ("true", "false"):
            return self._take().text.lower() == "true"
        shown = "the end" if token.kind == "end" else repr(token.text)
        raise self.error(f"expected a column or a value, not {shown:.60}")

    def _among(self, column: _Column) -> Callable[[Read], Mask]:
        if not self._is("("):
            raise self.error("expected values in parentheses, as in: in ('de', 'fr')")
        values = []
        while True:
            at, value = self.token.at, self._literal()
            self._check(column, value, at)
            values.append(value)
            if self._is(")"):
                return column.among(values)
            if not self._is(","):
                raise self.error("expected a comma or a closing parenthesis")

    def _compared(
        self, left: _Column | Literal, sign: str, right: _Column | Literal, at: int
    ) -> Callable[[Read], Mask]:
        if isinstance(left, _Column) and not isinstance(right, _Column):
            self._check(left, right, at)
            return left.compared(sign, right)
        if isinstance(right, _Column) and not isinstance(left, _Column):
            self._check(right, left, at)
            return right.compared(_MIRRORED[sign], left)
        raise self.error("compare a column with a value", at)

    def _check(self, column: _Column, value: Literal, at: int) -> None:
        """Raise WhereError if a column cannot be compared with a value."""
        kind = "text" if isinstance(value, str) else "boolean" if isinstance(value, bool) else "number"
        own = "number" if column.kind in ("integer", "float") else column.kind
        if own not in (kind, "missing"):
            held = IN_WORDS[column.kind]
            raise self.error(
                f"the column {column.name!r:.60} contains {held}, so it cannot be compared with {value!r:.40}", at
            )


class _Column(NamedTuple):
    """A column named in a condition."""

    name: str
    kind: Kind

    def is_missing(self, read: Read) -> Mask:
        """Return the rows whose value is missing."""
        return read(self.name).missing

    def compared(self, sign: str, value: Literal) -> Callable[[Read], Mask]:
        """Return a test of the column against a value; a missing value is unequal and satisfies nothing else."""
        return self._met_by(lambda values: _COMPARES[sign](values, value), sign == "!=")

    def among(self, values: list[Literal]) -> Callable[[Read], Mask]:
        """Return a test whether the column's values are in a list."""
        if self.kind == "text":
            wanted = set(values)
            return self._met_by(lambda text: text in wanted, False)
        return self._met_by(lambda numbers: np.logical_or.reduce([numbers == value for value in values]), False)

    def _met_by(self, test: Callable[[Any], Any], if_missing: bool) -> Callable[[Read], Mask]:
        """Return a test of a column: for text, each distinct value is tested once; other types are vectorised."""

        def meets(read: Read) -> Mask:
            column = read(self.name)
            if column.kind == "missing":
                return np.full(len(column), if_missing)
            if column.kind == "text":
                met = np.array([test(text) for text in column.texts.list] or [False], np.bool_)
                found: Mask = met[np.where(column.missing, 0, column.values)]
            else:
                found = np.asarray(test(column.values), np.bool_)
            return np.where(column.missing, if_missing, found)

        return meets


def _negated(meets: Callable[[Read], Mask]) -> Callable[[Read], Mask]:
    return lambda read: ~meets(read)
