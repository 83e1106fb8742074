"""Names of other libraries: where they do not work here, the error names what to use instead."""

from __future__ import annotations

import functools
from abc import ABCMeta
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, ParamSpec, TypeVar, cast

_P = ParamSpec("_P")
_R = TypeVar("_R")


class _AnsweringClass(ABCMeta):
    """Answers names of other libraries on the class itself."""

    if not TYPE_CHECKING:

        def __getattr__(cls, name: str) -> Any:
            """Raise AttributeError for a name that the class does not have."""
            raise AttributeError(_missing(cls, f"type object {cls.__name__!r:.80}", name), name=name, obj=cls)


class Answering(metaclass=_AnsweringClass):
    """An object that users may know under the attribute names of another library.

    Attributes
    ----------
    habits : mapping of str to str
        From such a name to the replacement here, as a clause to follow a semicolon.
    """

    habits: ClassVar[Mapping[str, str]] = {}

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Raise AttributeError for a name that the object does not have."""
            raise missing_attribute(self, name)


def missing_attribute(obj: Answering, name: str) -> AttributeError:
    """Return the error for a name that an object does not have."""
    return AttributeError(_missing(type(obj), f"{type(obj).__name__!r:.80} object", name), name=name, obj=obj)


def also_called(
    elsewhere: Mapping[str, str] | None = None, /, **names: str
) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]:
    """Return a decorator that makes a function accept other names for some of its keywords.

    Parameters
    ----------
    elsewhere : mapping of str to str, optional
        Keywords of other libraries that the function lacks, and what to do instead.
    **names : str
        From another library's keyword to the function's own.

    Returns
    -------
    callable
        The decorator. The decorated function raises TypeError for a keyword of `elsewhere` and for a duplicate keyword.
    """
    answers = elsewhere or {}

    def decorate(function: Callable[_P, _R]) -> Callable[_P, _R]:
        @functools.wraps(function)
        def call(*arguments: Any, **options: Any) -> _R:
            for given in [name for name in options if name in names or name in answers]:
                if given in answers:
                    raise TypeError(f"{function.__name__} has no option {given!r}; {answers[given]}")
                if names[given] in options:
                    raise TypeError(f"{given} is another name of {names[given]}, which is also given")
                options[names[given]] = options.pop(given)
            return cast("Callable[..., _R]", function)(*arguments, **options)

        return cast("Callable[_P, _R]", call)

    return decorate


def _missing(cls: type, who: str, name: str) -> str:
    for base in cls.__mro__:
        habits: Mapping[str, str] = vars(base).get("habits", {})
        if name in habits:
            return f"{cls.__name__} has no {name}; {habits[name]}"
    return f"{who} has no attribute {name!r:.80}"
