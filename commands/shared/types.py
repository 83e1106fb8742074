"""Parameter types of the command line beyond those of click."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import click
from click.shell_completion import CompletionItem

from w2v.corpora.inputs import in_home

if TYPE_CHECKING:
    _NumberType: TypeAlias = click.ParamType[float]
    _TextType: TypeAlias = click.ParamType[str]
else:  # before version 8.4, click's types have no parameter
    _NumberType = _TextType = click.ParamType


FILE_SUFFIXES = (
    ".csv", ".gz", ".html", ".json", ".jsonl", ".md", ".ndjson", ".npy", ".npz", ".parquet", ".pdf", ".png", ".svg",
    ".tsv", ".txt", ".xlsx", ".zip",
)  # fmt: skip
"""What the names of files end in, so that nobody who gives such a name expects a folder."""


class Duration(_NumberType):
    """A duration in seconds: a plain number, or numbers with units, such as 30s, 5m, 1.5h or 1h30m."""

    name = "duration"
    _UNITS: ClassVar[dict[str, float]] = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    _PART = re.compile(r"([0-9]+(?:\.[0-9]*)?)([smhd])")

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """Return the placeholder for a duration."""
        return "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the seconds; refuse text that is not a finite duration."""
        if isinstance(value, (int, float)):
            return float(value)
        text = value.strip().lower()
        if self._PART.sub("", text) == "" != text:
            seconds = sum(float(number) * self._UNITS[unit] for number, unit in self._PART.findall(text))
        else:
            try:
                seconds = float(text)
            except ValueError:
                seconds = math.nan
        if not 0 <= seconds < math.inf:
            self.fail(f"{value!r:.80} is not a duration, such as 30s, 5m, 1h30m or a number of seconds.", param, ctx)
        return seconds


class NamedPath(click.Path):
    """A file or folder with a name: an empty one, of a variable that was not set, would be the current folder.

    A leading ~ is the home folder, which shells do not put in its place in ``--output=~/my.model``.
    """

    def __init__(self, path_type: type[Any] = Path) -> None:
        super().__init__(path_type=path_type)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Refuse an empty name."""
        if value == "":
            self.fail("the name is empty; was a variable not set?", param, ctx)
        return super().convert(in_home(value) if isinstance(value, str) else value, param, ctx)


class LazyChoice(_TextType):
    """One of a few names, looked up only when a value is given or the help is shown."""

    name = "choice"

    def __init__(self, names: Callable[[], Sequence[str]]) -> None:
        self.names = names

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """Return the names in click's notation for choices."""
        left, right = "{}" if param.param_type_name == "argument" else "[]"
        return left + "|".join(self.names()) + right

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Refuse a value that is not one of the names."""
        if value not in self.names():
            self.fail(f"{value!r:.80} is not one of {', '.join(map(repr, self.names()))}.", param, ctx)
        return value

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Offer the names that begin with the typed letters."""
        return [CompletionItem(name) for name in self.names() if name.startswith(incomplete)]
