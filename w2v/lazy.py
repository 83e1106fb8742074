"""Lazy loading of a package's names, which keeps its import fast, and optional packages."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from typing import Any


def offer(package: str, home: Mapping[str, str], elsewhere: Mapping[str, str] | None = None) -> None:
    """Make names of its modules available in a package, as its public names.

    Parameters
    ----------
    package : str
        The package's ``__name__``. For type checkers, the package imports the same names under ``TYPE_CHECKING``.
    home : mapping of str to str
        From each name to its module, relative to the package.
    elsewhere : mapping of str to str, optional
        Names of other libraries, and what to use instead. They raise an ImportError with this message, because the
        message of an AttributeError would be lost in ``from package import name``.
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
    """Import an optional module, or raise ImportError with a message on how to install it."""
    try:
        __import__(module)
    except ImportError as error:
        raise ImportError(message) from error
    return sys.modules[module]


def installed_version(distribution: str = "w2v-toolkit") -> str:
    """Return the installed version of a distribution; empty if it runs from its source."""
    from importlib.metadata import PackageNotFoundError, version  # slower than `import w2v`

    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""
