"""What the commands share on the way in: arguments and options."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import click
from click.shell_completion import CompletionItem

from w2v.commands.shared.output import PROGRESS
from w2v.corpora.bundled import BUNDLED_NAMES, DOWNLOADS

if TYPE_CHECKING:
    _NumberType: TypeAlias = click.ParamType[float]
    _TextType: TypeAlias = click.ParamType[str]
else:  # before version 8.4, click's types have no parameter
    _NumberType = _TextType = click.ParamType


class Duration(_NumberType):
    """A span of time in seconds: a plain number, or numbers with units, such as 30s, 5m, 1.5h or 1h30m."""

    name = "duration"
    _UNITS: ClassVar[dict[str, float]] = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    _PART = re.compile(r"([0-9]+(?:\.[0-9]*)?)([smhd])")

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """Show that it is a span of time."""
        return "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Refuse what is no span of time, or one that never ends."""
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
            self.fail(f"{value!r:.80} is not a span of time such as 30s, 5m, 1h30m or a number of seconds.", param, ctx)
        return seconds


class LazyChoice(_TextType):
    """One of a few names, which are imported only when a value is given or the help of the command is shown.

    Parameters
    ----------
    names : callable
        Returns the names.
    """

    name = "choice"

    def __init__(self, names: Callable[[], Sequence[str]]) -> None:
        self.names = names

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """Show the names as click shows those of its own choices."""
        left, right = "{}" if param.param_type_name == "argument" else "[]"
        return left + "|".join(self.names()) + right

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Refuse a value that is none of the names."""
        if value not in self.names():
            self.fail(f"{value!r:.80} is not one of {', '.join(map(repr, self.names()))}.", param, ctx)
        return value

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Offer the names that begin so."""
        return [CompletionItem(name) for name in self.names() if name.startswith(incomplete)]


def _corpus_names() -> Sequence[str]:

    return (*BUNDLED_NAMES, *DOWNLOADS)


model_argument = click.argument("model", type=click.Path(path_type=Path))
inputs_argument = click.argument("inputs", metavar="INPUT...", nargs=-1, required=True)
errors_option = click.option(
    "--errors",
    type=click.Choice(["strict", "replace"]),
    default="strict",
    show_default=True,
    help="What to do with bytes that are not UTF-8: stop, or read them as U+FFFD.",
)


def _keep_progress(context: click.Context, parameter: click.Parameter, mode: str) -> None:
    context.meta[PROGRESS] = mode


progress_option = click.option(
    "--progress",
    type=click.Choice(["auto", "bar", "log", "none"]),
    default="auto",
    show_default=True,
    envvar="W2V_PROGRESS",
    expose_value=False,
    callback=_keep_progress,
    help="Show on standard error how far it is: a bar, or a line every ten seconds; auto draws a bar at a terminal.",
)
corpus_argument = click.argument("name", type=LazyChoice(_corpus_names))
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs instead of a table.")
top_option = click.option(
    "--top", default=10, show_default=True, type=click.IntRange(1), metavar="N", help="How many words to show."
)
workers_option = click.option("--workers", type=click.IntRange(1), metavar="N", help="Threads.  [default: all cores]")
overwrite_option = click.option("--overwrite", is_flag=True, help="Replace the output if it exists.")
output_option = click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), metavar="DIR", help="The model folder to write."
)
restrict_option = click.option(
    "--restrict-vocab",
    type=click.IntRange(1),
    metavar="N",
    help="Search only the N most frequent words; left out, all of them.",
)
analogies_option = click.option(
    "--analogies",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Analogy questions in the format of questions-words.txt; may be repeated.",
)
pairs_option = click.option(
    "--pairs",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Pairs of words with a human's score of their similarity; may be repeated.",
)
