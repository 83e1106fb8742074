"""Tables of parameters: dataclasses whose fields say what they may hold and what they mean, once for all who ask.

What validates, documents and offers them on the command line is made of the table. Imports nothing but the standard
library and `constraints`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, field, fields, replace
from typing import Any, TypeVar

from w2v.settings.constraints import Choice, Constraint, Flag, check_fields

MANY = 2**31 - 1
"""The limit of what has none by its nature."""

Class = TypeVar("Class", bound=type[Any])


def parameter(default: Any, constraint: Constraint, unset: str = "") -> Any:
    """Return the field of a table of parameters; where its default is None, `unset` says what that stands for."""
    constraint = replace(constraint, optional=constraint.optional or default is None)
    return field(default=default, metadata={"constraint": constraint, "unset": unset})


def constraints_of(table: type[Any]) -> dict[str, Constraint]:
    """Return what each field of a table may hold."""
    return {entry.name: entry.metadata["constraint"] for entry in fields(table)}


def check_parameters(values: Any) -> None:
    """Check the fields of a table as `check_fields` does."""
    check_fields(values, constraints_of(type(values)))


def documented(table: type[Any] | None = None) -> Callable[[Class], Class]:
    """Return a decorator that describes a table, by default the class itself, where its docstring has a placeholder."""

    def document(described: Class) -> Class:
        entries = (_entry(one) for one in fields(described if table is None else table))
        if described.__doc__:  # Python leaves it out where it is asked to
            described.__doc__ = described.__doc__.replace("{parameters}", "\n    ".join(entries))
        return described

    return document


def _entry(one: Any) -> str:
    """Describe a field as numpydoc has it."""
    constraint = one.metadata["constraint"]
    kind = str(one.type).replace(" | None", "")
    if isinstance(constraint, Choice):
        kind = "{" + ", ".join(map(repr, constraint.choices)) + "}"
    default = "" if one.default is MISSING else ", optional" if one.default is None else f", default {one.default!r}"
    sentences = [constraint.help]
    if not isinstance(constraint, (Choice, Flag)):
        sentences.append(f"{constraint.describe().capitalize()}.")
    if one.metadata["unset"]:
        sentences.append(f"Default: {one.metadata['unset']}.")
    return f"{one.name} : {kind}{default}\n        {' '.join(sentences)}"
