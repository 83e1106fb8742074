"""The group that all commands are in: sections in its help, options from a file, errors turned into one line."""

from __future__ import annotations

from typing import Any

import click

from commands.configuration import add_config_option

INTERRUPTED, TERMINATED = 130, 143
"""Exit codes after Ctrl-C and SIGTERM, by the shells' convention: 128 plus the signal's number."""


class Toolkit(click.Group):
    """A group of commands in which a user's mistake ends as one line and exit code 1, never as a traceback.

    What the packages raise for bad input are their own exceptions, `ValueError` and `OSError`; anything else is a
    defect and keeps its traceback. `w2v --debug` shows it always.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.sections: dict[str, list[click.Command]] = {}

    def add_section(self, title: str, *commands: click.Command) -> None:
        """Add commands under a title of their own in the help, and give each the option `--config`."""
        self.sections[title] = list(commands)
        for command in commands:
            add_config_option(command)
            self.add_command(command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands by sections, in the order in which they were added."""
        width = max(len(name) for name in self.commands)
        for title, commands in self.sections.items():
            rows = [(str(command.name).ljust(width), command.get_short_help_str(limit=200)) for command in commands]
            with formatter.section(title):
                formatter.write_dl(rows)

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
    own = type(error).__module__.partition(".")[0] in {"corpora", "encoder", "explorer", "reports", "w2v"}
    is_missing_extra = isinstance(error, ImportError) and "pip install" in str(error)
    return own or is_missing_extra or isinstance(error, (ValueError, OSError, MemoryError))


def _describe(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    if isinstance(error, MemoryError):
        return f"not enough memory: {error}" if str(error) else "not enough memory"
    return str(error)
