"""Tables of parameters: dataclasses whose fields state their constraint, default and help text in one place.

Validation, docstrings and command-line options are all derived from the table. This module imports only the standard
library and `constraints`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, field, fields, replace
from typing import Any, TypeVar

from w2v.settings.constraints import Choice, Constraint, Flag, Seed, check_fields

MANY = 2**31 - 1
"""The upper limit of parameters that have no natural one."""

Class = TypeVar("Class", bound=type[Any])


def parameter(default: Any, constraint: Constraint, unset: str = "") -> Any:
    """Return a field of a table of parameters; where the default is None, `unset` describes what None stands for."""
    optional = constraint.optional or default is None
    constraint = replace(constraint, optional=optional, unset=unset or constraint.unset)
    return field(default=default, metadata={"constraint": constraint})


def constraints_of(table: type[Any]) -> dict[str, Constraint]:
    """Return the constraint of each field of a table."""
    return {entry.name: entry.metadata["constraint"] for entry in fields(table)}


def check_parameters(values: Any) -> None:
    """Check the fields of a table as `check_fields` does."""
    check_fields(values, constraints_of(type(values)))


def documented(table: type[Any] | None = None) -> Callable[[Class], Class]:
    """Return a decorator that replaces {parameters} in a docstring by the entries of a table, by default the class."""

    def document(described: Class) -> Class:
        entries = (_entry(one) for one in fields(described if table is None else table))
        if described.__doc__:  # python -OO drops docstrings
            described.__doc__ = described.__doc__.replace("{parameters}", "\n    ".join(entries))
        return described

    return document


def _entry(one: Any) -> str:
    """Return the numpydoc entry of a field."""
    constraint = one.metadata["constraint"]
    kind = str(one.type).replace(" | None", "")
    if isinstance(constraint, Choice):
        kind = "{" + ", ".join(map(repr, constraint.choices)) + "}"
    default = "" if one.default is MISSING else ", optional" if one.default is None else f", default {one.default!r}"
    sentences = [constraint.help]
    if not isinstance(constraint, (Choice, Flag)):
        sentences.append(f"{constraint.describe().capitalize()}.")
    if isinstance(constraint, Seed) and one.default is not None:
        sentences.append("None draws one.")
    if one.default is None and constraint.unset:
        sentences.append(f"Default: {constraint.unset}.")
    return f"{one.name} : {kind}{default}\n        {' '.join(sentences)}"
