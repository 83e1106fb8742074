"""Constraints on parameters, and how to describe them. Imports only the standard library."""

from __future__ import annotations

import math
import operator
import os
import re
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from numbers import Integral, Real
from typing import Any, ClassVar, TypeGuard

MAX_SEED = 2**32 - 1
"""The largest seed that the generators of NumPy, scikit-learn and gensim all accept."""

DEFAULT_SEED = 1
"""The seed of whatever is given none: the same call gives the same result."""


@dataclass(frozen=True)
class Constraint(ABC):
    """The allowed values of a parameter, and its meaning."""

    help: str
    """Help text of one sentence, shown by `--help`."""
    optional: bool = field(default=False, kw_only=True)
    """Whether None ("choose for me") is also allowed."""
    unset: str = field(default="", kw_only=True)
    """What None means, as `--help` shows it after "default:"."""

    described: ClassVar[str] = ""

    def allows(self, value: object) -> bool:
        """Return whether a value is allowed."""
        return self.optional if value is None else self._allows(value)

    @abstractmethod
    def _allows(self, value: object) -> bool: ...

    def describe(self) -> str:
        """Return the allowed values in words, without None, to follow "must be"."""
        return self.described

    def refusal(self, value: object, *, takes_none: bool = False) -> str:
        """Return an error text for a value, to follow the name of the parameter or option."""
        return f"must be {self.describe()}{' or None' if takes_none else ''}, got {value!r:.80}."

    def check(self, name: str, value: object) -> None:
        """Raise ValueError if a value is not allowed; the message names the parameter and the allowed values."""
        if not self.allows(value):
            raise ValueError(f"{name} {self.refusal(value, takes_none=self.optional)}")


def whole_number(name: str, value: object, least: int = -sys.maxsize) -> int:
    """Return a number of things; TypeError if it is not a whole number, ValueError if it is below `least`."""
    try:
        number = int(operator.index(value))  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"{name} must be a whole number, not {value!r:.60}") from None
    if number < least:
        raise ValueError(f"{name} must be at least {least}, not {number}")
    return number


def check_fields(parameters: Any, constraints: Mapping[str, Constraint]) -> None:
    """Check each field of a dataclass by itself; raise ValueError for the first value that is not allowed.

    NumPy scalars, which parameter searches pass, become Python numbers, which do not overflow and which JSON can store.
    """
    for parameter in fields(parameters):
        value = getattr(parameters, parameter.name)
        constraints[parameter.name].check(parameter.name, value)
        if hasattr(value, "item"):
            object.__setattr__(parameters, parameter.name, value.item())


@dataclass(frozen=True)
class Choice(Constraint):
    """One of several names."""

    choices: tuple[str, ...]

    def _allows(self, value: object) -> bool:
        return isinstance(value, str) and value in self.choices

    def describe(self) -> str:
        """List the names."""
        return " or ".join(repr(choice) for choice in self.choices)


@dataclass(frozen=True)
class Flag(Constraint):
    """A bool."""

    described = "True or False"

    def _allows(self, value: object) -> bool:
        return isinstance(value, bool)


@dataclass(frozen=True)
class Integer(Constraint):
    """An integer in a closed range; neither a bool nor a float with an integral value."""

    low: int
    high: int

    def _allows(self, value: object) -> bool:
        return _is_integer(value) and self.low <= value <= self.high

    def describe(self) -> str:
        """State the range."""
        return f"a whole number from {self.low} to {self.high}"


@dataclass(frozen=True)
class AutoInteger(Integer):
    """An integer, or "auto", which lets the program choose."""

    def _allows(self, value: object) -> bool:
        return value == "auto" or super()._allows(value)

    def describe(self) -> str:
        """State the range."""
        return f"'auto' or {super().describe()}"


@dataclass(frozen=True)
class Number(Constraint):
    """A finite real number in a range; `above` and `below` exclude the ends that `low` and `high` include."""

    low: float | None = None
    above: float | None = None
    high: float | None = None
    below: float | None = None

    def _allows(self, value: object) -> bool:
        if isinstance(value, bool) or not isinstance(value, Real):
            return False
        try:
            number = float(value)
        except OverflowError:
            return False
        return (
            math.isfinite(number)
            and (self.low is None or number >= self.low)
            and (self.above is None or number > self.above)
            and (self.high is None or number <= self.high)
            and (self.below is None or number < self.below)
        )

    def describe(self) -> str:
        """State the range."""
        if self.low is not None and self.high is not None:
            return f"a number from {self.low:g} to {self.high:g}"
        limits = (("at least", self.low), ("above", self.above), ("at most", self.high), ("below", self.below))
        said = " and ".join(f"{how} {limit:g}" for how, limit in limits if limit is not None)
        return f"a finite number {said}".rstrip()


@dataclass(frozen=True)
class Seconds(Number):
    """A span of time; the command line also takes 90s, 5m or 1h30m."""


def is_generator(random_state: object) -> bool:
    """Return whether this is a random generator, from which a new seed is drawn each time."""
    return hasattr(random_state, "integers") or hasattr(random_state, "randint")


@dataclass(frozen=True)
class Seed(Constraint):
    """An integer seed, or a NumPy random generator (recognised by its methods, so that NumPy need not be imported)."""

    optional: bool = field(default=True, kw_only=True)
    described = f"a whole number from 0 to {MAX_SEED} or a numpy.random.Generator"

    def _allows(self, value: object) -> bool:
        return is_generator(value) or (_is_integer(value) and 0 <= value <= MAX_SEED)


@dataclass(frozen=True)
class TokenizerChoice(Constraint):
    """A name, which `corpora.get_tokenizer` checks, or any callable from text to tokens."""

    described = "the name of a tokenizer or a callable"

    def _allows(self, value: object) -> bool:
        return callable(value) or (isinstance(value, str) and value != "")


@dataclass(frozen=True)
class FileName(Constraint):
    """The name of a file; whether it exists is checked when it is read."""

    optional: bool = field(default=True, kw_only=True)
    described = "the name of a file"

    def _allows(self, value: object) -> bool:
        return isinstance(value, (str, os.PathLike)) and os.fspath(value) not in ("", b"")


@dataclass(frozen=True)
class Tags(Constraint):
    """Two different tags of letters, digits, - and _, separated by a comma."""

    optional: bool = field(default=True, kw_only=True)
    described = "two different tags of letters, digits, - and _, separated by a comma, such as en,de"

    def _allows(self, value: object) -> bool:
        tags = value.split(",") if isinstance(value, str) else []
        return len(tags) == 2 == len(set(tags)) and all(re.fullmatch(r"[\w-]+", tag) for tag in tags)


@dataclass(frozen=True)
class Weights(Constraint):
    """Positive numbers, separated by commas."""

    optional: bool = field(default=True, kw_only=True)
    described = "numbers above 0, separated by commas, such as 1,0.5"

    def _allows(self, value: object) -> bool:
        return isinstance(value, str) and all(map(_is_positive, value.split(",")))


def _is_positive(text: str) -> bool:
    return re.fullmatch(r"[0-9]*\.?[0-9]+", text) is not None and 0 < float(text) < math.inf


def _is_integer(value: object) -> TypeGuard[int]:
    """Return whether `value` is an int or a NumPy integer; a bool does not count."""
    return not isinstance(value, bool) and isinstance(value, Integral)
