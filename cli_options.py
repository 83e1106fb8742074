"""What the commands of `cli` share on the way in: training options, other options, and errors turned into one line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from w2v.parameters import (
    DOMAINS,
    MAX_VOCABULARY,
    Choice,
    Domain,
    Flag,
    Integer,
    Number,
    Parameters,
    Seed,
)

Command = TypeVar("Command", bound=Callable[..., Any])

INTERRUPTED = 130
"""Exit code after Ctrl-C, by the shells' convention: 128 plus the signal's number."""

OPTION_NAMES = {"random_state": "seed"}
"""Options that are not called as their parameter."""

_METAVARS: dict[type, str] = {Integer: "N", Number: "X", Seed: "N"}


class Toolkit(click.Group):
    """A group of commands in which a user's mistake ends as one line and exit code 1, never as a traceback.

    What the packages raise for bad input are their own exceptions, `ValueError` and `OSError`; anything else is a
    defect and keeps its traceback. `w2v --debug` shows it always.
    """

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command and turn the errors it may raise into messages."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise  # the reader of our output has seen enough; click ends quietly
        except KeyboardInterrupt:
            click.echo("Interrupted.", err=True)
            ctx.exit(INTERRUPTED)
        except Exception as error:
            if ctx.params.get("debug") or not _is_mistake(error):
                raise
            raise click.ClickException(_describe(error)) from error


def _is_mistake(error: Exception) -> bool:
    own = type(error).__module__.partition(".")[0] in {"corpora", "encoder", "w2v"}
    is_missing_extra = isinstance(error, ImportError) and "pip install" in str(error)
    return own or is_missing_extra or isinstance(error, (ValueError, OSError, MemoryError))


def _describe(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    if isinstance(error, MemoryError):
        return f"not enough memory: {error}" if str(error) else "not enough memory"
    return str(error)


class LazyChoice(click.ParamType[str]):
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
            self.fail(f"{value!r} is not one of {', '.join(map(repr, self.names()))}.", param, ctx)
        return value


def _tokenizer_names() -> Sequence[str]:
    from corpora.tokenizers import TOKENIZER_NAMES

    return TOKENIZER_NAMES


def _corpus_names() -> Sequence[str]:
    from corpora.bundled import BUNDLED_NAMES, DOWNLOADS

    return (*BUNDLED_NAMES, *DOWNLOADS)


def training_options(command: Command) -> Command:
    """Add one option for each training parameter, with the name, limits, default and help of `w2v.parameters`."""
    defaults = Parameters()
    for name, domain in reversed(DOMAINS.items()):
        command = _training_option(name, domain, getattr(defaults, name))(command)
    return command


def _training_option(name: str, domain: Domain, default: object) -> Callable[[Command], Command]:
    option = "--" + OPTION_NAMES.get(name, name).replace("_", "-")
    if isinstance(domain, Flag):
        option += "/--no-" + option[2:]
    return click.option(
        option,
        name,
        type=_click_type(domain),
        default=default,
        show_default=default is not None,
        callback=_check_with(domain),
        help=domain.help,
        metavar=_METAVARS.get(type(domain)),
    )


def _click_type(domain: Domain) -> click.ParamType[Any] | None:
    """Return click's type for a domain; its ranges are shown in `--help`."""
    match domain:
        case Choice():
            return click.Choice(domain.choices)
        case Flag():
            return None
        case Integer():
            return click.IntRange(domain.low, domain.high if domain.high < MAX_VOCABULARY else None)
        case Number():
            low = domain.above if domain.low is None else domain.low
            return click.FloatRange(low, domain.high, min_open=domain.low is None)
        case Seed():
            return click.IntRange(min=0)
        case _:
            return LazyChoice(_tokenizer_names)


def _check_with(domain: Domain) -> Callable[[click.Context, click.Parameter, Any], Any]:
    """Return a callback that catches what click's ranges let pass: NaN, infinity, numbers too large for the kernels."""

    def check(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
        if value is not None and not domain.allows(value):
            raise click.BadParameter(f"must be {domain.describe()}, got {value!r}.", context, parameter)
        return value

    return check


def parse_parameters(options: dict[str, Any]) -> Parameters:
    """Return the parameters that the options give; two that contradict each other are a usage error."""
    parameters = Parameters(**options)
    try:
        parameters.validate()
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    return parameters


model_argument = click.argument("model", type=click.Path(path_type=Path))
corpus_argument = click.argument("name", type=LazyChoice(_corpus_names))
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs instead of a table.")
top_option = click.option(
    "--top", default=10, show_default=True, type=click.IntRange(1), metavar="N", help="How many words to show."
)
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
