"""Names of a package that are loaded when they are first used, so that importing the package is fast."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from typing import Any


def offer(package: str, home: Mapping[str, str]) -> None:
    """Let a package have names that lie in its modules, and list them as its public ones.

    Parameters
    ----------
    package : str
        The package's ``__name__``. For type checkers it imports the same names under ``TYPE_CHECKING``.
    home : mapping of str to str
        Name to the module, below the package, that holds it.
    """

    def load(name: str) -> Any:
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r:.80}")
        return getattr(importlib.import_module(f"{package}.{home[name]}"), name)

    public = sorted(home)
    vars(sys.modules[package]).update(__all__=public, __getattr__=load, __dir__=lambda: public)
