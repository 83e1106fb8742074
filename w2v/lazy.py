"""Names that a package loads when they are first used, so that importing it is fast, and packages that are optional."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from typing import Any


def offer(package: str, home: Mapping[str, str], elsewhere: Mapping[str, str] | None = None) -> None:
    """Let a package have names that lie in its modules, and list them as its public ones.

    Parameters
    ----------
    package : str
        The package's ``__name__``. For type checkers it imports the same names under ``TYPE_CHECKING``.
    home : mapping of str to str
        Name to the module, below the package, that holds it.
    elsewhere : mapping of str to str, optional
        Names of other libraries, and what to use instead: the message of the ImportError that asking for them raises,
        as an AttributeError's would be lost in ``from package import name``.
    """

    def load(name: str) -> Any:
        if elsewhere is not None and name in elsewhere:
            raise ImportError(f"{package} has no {name}; {elsewhere[name]}")
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r:.80}")
        return getattr(importlib.import_module(f"{package}.{home[name]}"), name)

    public = sorted(home)
    vars(sys.modules[package]).update(__all__=public, __getattr__=load, __dir__=lambda: public)


def load_optional(module: str, message: str) -> Any:
    """Return a module of another package, or raise ImportError with a message, which says what to install."""
    try:
        __import__(module)
    except ImportError as error:
        raise ImportError(message) from error
    return sys.modules[module]


def installed_version(distribution: str = "w2v-toolkit") -> str:
    """Return the version that is installed of a distribution, empty if it runs from its source."""
    from importlib.metadata import PackageNotFoundError, version  # which takes longer than `import w2v`

    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""
