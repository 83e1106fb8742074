"""The values that a parameter may take, and how to say so.

Like `w2v.settings.parameters`, of which this is the vocabulary, it imports nothing but the standard library.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Protocol, TypeGuard

MAX_SEED = 2**32 - 1
"""The largest seed that NumPy's, scikit-learn's and gensim's generators all take."""


class Domain(Protocol):
    """The values that one parameter may take, and what the parameter means.

    Attributes
    ----------
    help : str
        One sentence for people, shown by `w2v train --help`.
    optional : bool
        Whether None ("choose for me") is allowed.
    """

    @property
    def help(self) -> str: ...  # noqa: D102

    @property
    def optional(self) -> bool: ...  # noqa: D102

    def allows(self, value: object) -> bool:
        """Tell whether a value other than None is allowed."""
        ...

    def describe(self) -> str:
        """Say in words what is allowed, to stand after "must be"."""
        ...


@dataclass(frozen=True)
class Choice:
    """One of a few names."""

    choices: tuple[str, ...]
    help: str
    optional: bool = False

    def allows(self, value: object) -> bool:
        """Tell whether `value` is one of the names."""
        return isinstance(value, str) and value in self.choices

    def describe(self) -> str:
        """List the names."""
        return " or ".join(repr(choice) for choice in self.choices)


@dataclass(frozen=True)
class Flag:
    """True or False."""

    help: str
    optional: bool = False

    def allows(self, value: object) -> bool:
        """Tell whether `value` is a bool."""
        return isinstance(value, bool)

    def describe(self) -> str:
        """Name both values."""
        return "True or False"


@dataclass(frozen=True)
class Integer:
    """A whole number in a closed range; neither bool nor a float that happens to be whole."""

    low: int
    high: int
    help: str
    optional: bool = False

    def allows(self, value: object) -> bool:
        """Tell whether `value` is an integer in the range."""
        return _is_integer(value) and self.low <= value <= self.high

    def describe(self) -> str:
        """State the range."""
        return f"a whole number from {self.low} to {self.high}"


@dataclass(frozen=True)
class Number:
    """A finite real number in a range; `above` and `below` exclude the ends that `low` and `high` include."""

    help: str
    low: float | None = None
    above: float | None = None
    high: float | None = None
    optional: bool = False
    below: float | None = None

    def allows(self, value: object) -> bool:
        """Tell whether `value` is a finite number in the range."""
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
        named = {"at least": self.low, "above": self.above, "at most": self.high, "below": self.below}
        limits = [f"{name} {limit:g}" for name, limit in named.items() if limit is not None]
        return " ".join(["a finite number", " and ".join(limits)]).rstrip()


@dataclass(frozen=True)
class Seconds(Number):
    """A span of time; the command line also takes 90s, 5m or 1h30m."""


@dataclass(frozen=True)
class Seed:
    """An integer seed, or a NumPy random generator (recognised by its methods, so that NumPy need not be imported)."""

    help: str
    optional: bool = True

    def allows(self, value: object) -> bool:
        """Tell whether `value` is a seed or a generator."""
        is_generator = hasattr(value, "integers") or hasattr(value, "randint")
        return is_generator or (_is_integer(value) and 0 <= value <= MAX_SEED)

    def describe(self) -> str:
        """State the range."""
        return f"a whole number from 0 to {MAX_SEED} or a numpy.random.Generator"


@dataclass(frozen=True)
class TokenizerChoice:
    """The name of a tokenizer, or any callable from text to tokens; `corpora.get_tokenizer` knows the names."""

    help: str
    optional: bool = False

    def allows(self, value: object) -> bool:
        """Tell whether `value` can be a tokenizer; whether a name is known is not checked here."""
        return callable(value) or (isinstance(value, str) and value != "")

    def describe(self) -> str:
        """Say what a tokenizer is."""
        return "the name of a tokenizer or a callable"


@dataclass(frozen=True)
class FileName:
    """The name of a file; whether there is such a file shows when it is read."""

    help: str
    optional: bool = True

    def allows(self, value: object) -> bool:
        """Tell whether `value` can be a file's name."""
        return isinstance(value, (str, os.PathLike)) and os.fspath(value) not in ("", b"")

    def describe(self) -> str:
        """Say what it is."""
        return "the name of a file"


def refusal(constraint: Domain, value: object, *, takes_none: bool = False) -> str:
    """Say what is wrong with a value, to stand after the name of the parameter or option."""
    return f"must be {constraint.describe()}{' or None' if takes_none else ''}, got {value!r:.80}."


def check_value(name: str, value: object, constraint: Domain) -> None:
    """Raise ValueError, naming the parameter, the value and what is allowed, unless the constraint allows the value."""
    if value is None and constraint.optional:
        return
    if value is None or not constraint.allows(value):
        raise ValueError(f"{name} {refusal(constraint, value, takes_none=constraint.optional)}")


def _is_integer(value: object) -> TypeGuard[int]:
    """Tell whether `value` is an int or a NumPy integer; a bool is neither."""
    return not isinstance(value, bool) and isinstance(value, Integral)
