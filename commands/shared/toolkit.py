"""The group of all commands: sections in its help, options from a file, errors as one line."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import os
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from types import CodeType
from typing import Any, TextIO

import click

from w2v.commands.shared.configuration import add_config_option
from w2v.commands.shared.interrupts import ending_on_sigterm, exit_code, raise_interrupts
from w2v.commands.shared.long_help import add_help_all
from w2v.commands.shared.option_names import in_options_of, in_our_names, refuse_single_dashes
from w2v.commands.shared.output import say
from w2v.display.wording import printable_lines

BROKEN_PIPE = 141
"""Exit code after SIGPIPE, by the shells' convention: 128 plus the signal's number."""

_SAVED = "w2v.commands.shared.toolkit.saved"
_RUNNING = "w2v.commands.shared.toolkit.running"


class LazyCommands(Mapping[str, click.Command]):
    """Commands by name, each imported when it is looked up."""

    def __init__(self) -> None:
        self.places: dict[str, str] = {}

    def __getitem__(self, name: str) -> click.Command:
        """Import a command."""
        return _import_command(self.places[name])

    def __iter__(self) -> Iterator[str]:
        """Yield the names without importing anything."""
        return iter(self.places)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.places)

    def short_help(self, name: str) -> str:
        """Return the first sentence of a command's docstring; its module is compiled, but not run."""
        module, function = self.places[name].split(":")
        loader = importlib.util.find_spec(module).loader  # type: ignore[union-attr]
        contents = loader.get_code(module).co_consts  # type: ignore[union-attr]
        body = next(each for each in contents if isinstance(each, CodeType) and each.co_name == function)
        return click.Command(name, help=body.co_consts[0]).get_short_help_str(limit=200)


@functools.cache
def _import_command(place: str) -> click.Command:
    """Return the command at ``module:function``, with the options `--config` and `--help-all`."""
    module, function = place.split(":")
    command: click.Command = getattr(importlib.import_module(module), function)
    add_config_option(command)
    add_help_all(command)
    _mark_running(command)
    return command


def _mark_running(command: click.Command) -> None:
    """Let a command, or every command of a group, record that it runs, so that messages can name its options."""
    if isinstance(command, click.Group):
        for subcommand in command.commands.values():
            _mark_running(subcommand)
        return
    run = command.callback
    assert run is not None

    @functools.wraps(run)
    def marked(*arguments: Any, **options: Any) -> Any:
        click.get_current_context().meta[_RUNNING] = command
        return run(*arguments, **options)

    command.callback = marked


class Toolkit(click.Group):
    """A group of commands in which a user's mistake ends with one line and exit code 1, never with a traceback.

    For bad input the packages raise their own exceptions, `ValueError` or `OSError`. Anything else is a defect and
    keeps its traceback; `w2v --debug` always shows it. Warnings also take one line each.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.sections: dict[str, list[str]] = {}
        self.commands: LazyCommands = LazyCommands()  # type: ignore[assignment]  # filled by add_section only

    def add_section(self, title: str, commands: Mapping[str, str]) -> None:
        """Add commands under a title in the help.

        Parameters
        ----------
        title : str
        commands : mapping of str to str
            For each name the function to import, as ``module:function``. Each command gets the option `--config`.
        """
        self.sections[title] = list(commands)
        self.commands.places.update(commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands by sections, in the order in which they were added."""
        width = max(len(name) for name in self.commands)
        for title, names in self.sections.items():
            rows = [(name.ljust(width), self.commands.short_help(name)) for name in names]
            with formatter.section(title):
                formatter.write_dl(rows)

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        """Read the command line; a reader such as `head` may close the output of the help."""
        try:
            with _ending_with_the_reader():
                return super().make_context(*arguments, **options)
        except click.NoSuchOption as error:
            what = "the options of a command come after its name"
            raise click.UsageError(f"No such option {error.option_name!r}; {what}.", error.ctx) from error

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that the arguments name, and the rest of them."""
        name, command, rest = super().resolve_command(ctx, args)
        if command is not None and not ctx.resilient_parsing:
            refuse_single_dashes(click.Context(command, info_name=name, parent=ctx), rest)
        return name, command, rest

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command and turn its errors into messages."""
        try:
            with _ending_with_the_reader(), nullcontext() if ctx.params.get("debug") else warnings_in_one_line():
                raise_interrupts()
                with ending_on_sigterm():
                    return super().invoke(ctx)
        except KeyboardInterrupt as interrupt:
            click.echo(_describe_interrupt(ctx), err=True)
            ctx.exit(exit_code(interrupt))
        except click.ClickException as error:
            message = printable_lines(in_our_names(error))
            if message == error.format_message():
                raise
            if isinstance(error, click.UsageError):
                raise click.UsageError(message, error.ctx) from error
            raise click.ClickException(message) from error
        except Exception as error:
            if ctx.params.get("debug") or not _is_mistake(error):
                raise
            raise click.ClickException(printable_lines(_with_options(ctx, _describe(error)))) from error


@contextmanager
def warnings_in_one_line() -> Iterator[None]:
    """Print every `UserWarning` as one line on standard error."""
    show = warnings.showwarning

    def show_line(message: Warning | str, category: type[Warning], *where: Any, **further: Any) -> None:
        if issubclass(category, UserWarning):
            say(_with_options(click.get_current_context(silent=True), f"Warning: {message}"))
        else:
            show(message, category, *where, **further)

    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = show_line
        yield


def mark_saved() -> None:
    """Record that the running command has saved its result, so that an interrupt no longer loses it."""
    click.get_current_context().meta[_SAVED] = True


def _describe_interrupt(ctx: click.Context) -> str:
    return "Interrupted." if ctx.meta.get(_SAVED) else "Interrupted; nothing was saved."


@contextmanager
def _ending_with_the_reader() -> Iterator[None]:
    """Exit quietly, as SIGPIPE would, once nobody reads the output any more.

    The signal itself stays ignored: it would leave temporary files behind, and end a server when a visitor closes the
    connection.
    """
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        for stream in (sys.stdout, sys.stderr):
            _drop(stream)
        raise click.exceptions.Exit(BROKEN_PIPE) from None


def _with_options(ctx: click.Context | None, message: str) -> str:
    """Return a message of the running command in terms of its options."""
    command = ctx.meta.get(_RUNNING) if ctx else None
    return message if command is None else in_options_of(command, message)


def _drop(stream: TextIO) -> None:
    """Discard the buffered output of a stream whose reader is gone."""
    try:
        stream.flush()
    except BrokenPipeError:
        with suppress(OSError), open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), stream.fileno())


def _is_mistake(error: Exception) -> bool:
    own = type(error).__module__.partition(".")[0] == "w2v"
    is_missing_extra = isinstance(error, ImportError) and "pip install" in str(error)
    return own or is_missing_extra or isinstance(error, (ValueError, OSError, MemoryError))


def _describe(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    if isinstance(error, MemoryError):
        return f"not enough memory: {error}" if str(error) else "not enough memory"
    return str(error)
