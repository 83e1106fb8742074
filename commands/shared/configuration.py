"""`--config FILE`: options of any command from a TOML file, under their names on the command line.

A table holds the options of one command. Options before the first table apply to every command that has them:

    workers = 2

    [train]
    vector-size = 300

    [plot.words]
    method = "umap"

The command line and environment variables take precedence over the file.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn

import click

from w2v.commands.shared.types import NamedPath

CONFIG = "W2V_CONFIG"
"""Environment variable that names the file if `--config` is not given."""

_MAX_BYTES = 1 << 20


def add_config_option(command: click.Command) -> None:
    """Give a command, or every command of a group, the option `--config`."""
    if isinstance(command, click.Group):
        for subcommand in command.commands.values():
            add_config_option(subcommand)
        return
    option = click.Option(
        ["--config"],
        type=NamedPath(),
        metavar="FILE",
        is_eager=True,
        expose_value=False,
        envvar=CONFIG,
        callback=_configure,
        help=f"Read options from a TOML file. The environment variable {CONFIG} does the same.",
    )
    command.params.append(option)


def _configure(context: click.Context, option: click.Parameter, file: Path | None) -> None:
    """Turn the values of the file into defaults of the command that is about to run."""
    if file is None or context.resilient_parsing:
        return
    tables = _read(file)
    commands = list(_path_of(context))
    root = context.find_root().command
    defaults: dict[str, Any] = {}
    shared = {name: value for name, value in tables.items() if not isinstance(value, Mapping)}
    for name, value in shared.items():
        parameter = _find(context.command, name)
        if parameter is not None:
            defaults[str(parameter.name)] = _convert(context, parameter, value, f"{file}: {name}")
        elif not any(_find(known, name) for known in _leaves(root)):
            _refuse(file, f"no command has an option {name!r:.80}", name, _all_names(_leaves(root)))
    _check_tables(file, tables, root, ())
    own: Mapping[str, Any] = tables
    for name in commands:
        own = own.get(name, {})
    for name, value in own.items() if commands else ():
        place = f"{file}: [{'.'.join(commands)}] {name}"
        parameter = _find(context.command, name)
        if parameter is None:
            known = _all_names([context.command])
            _refuse(file, f"`w2v {' '.join(commands)}` has no option {name!r:.80}", name, known)
        defaults[str(parameter.name)] = _convert(context, parameter, value, place)
    context.default_map = {**(context.default_map or {}), **defaults}


def _read(file: Path) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        with file.open("rb") as stream:
            data = stream.read(_MAX_BYTES + 1)
    except OSError as error:
        raise click.ClickException(f"{file}: {error.strerror}") from error
    if len(data) > _MAX_BYTES:
        raise click.ClickException(f"{file} is larger than {_MAX_BYTES:,} bytes: it cannot be a file of options.")
    try:
        return tomllib.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise click.ClickException(f"{file}: byte {error.start} is not UTF-8, but TOML must be.") from error
    except tomllib.TOMLDecodeError as error:
        raise click.ClickException(f"{file} is not TOML: {error}.") from error


def _check_tables(file: Path, tables: Mapping[str, Any], command: click.Command, path: tuple[str, ...]) -> None:
    """Refuse tables that name no command; the options in another command's table are checked when that runs."""
    if not isinstance(command, click.Group):
        return
    for name, value in tables.items():
        if isinstance(value, Mapping):
            if name not in command.commands:
                table = ".".join((*path, name))
                _refuse(file, f"there is no command for the table [{table}]", name, command.commands)
            _check_tables(file, value, command.commands[name], (*path, name))
        elif path:
            raise click.ClickException(
                f"{file}: [{'.'.join(path)}] {name} belongs in the table of one of the commands "
                f"{', '.join(command.commands)}."
            )


def _convert(context: click.Context, parameter: click.Parameter, value: Any, place: str) -> Any:
    """Convert a value of the file as if it had been typed after the option; `place` begins an error message."""
    is_flag = isinstance(parameter, click.Option) and parameter.is_flag
    takes_many = parameter.multiple or parameter.nargs != 1
    try:
        if is_flag:
            if not isinstance(value, bool):
                raise click.BadParameter("it is a switch: true or false")
            return value
        if isinstance(value, list):
            if not takes_many:
                raise click.BadParameter("it takes one value, not a list")
            typed: Any = tuple(_as_typed(item) for item in value)
        else:
            typed = (_as_typed(value),) if takes_many else _as_typed(value)
        parameter.type_cast_value(context, typed)
    except click.BadParameter as error:
        raise click.ClickException(f"{place}: {error.message.rstrip('.')}.") from error
    return typed


def _as_typed(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise click.BadParameter(f"{value!r:.80} is neither text nor a number")
    return str(value)


def _refuse(file: Path, problem: str, name: str, known: Iterable[str]) -> NoReturn:
    near = difflib.get_close_matches(name, list(known), n=1)
    raise click.ClickException(f"{file}: {problem}" + (f"; did you mean {near[0]!r:.80}?" if near else "."))


def _find(command: click.Command, name: str) -> click.Parameter | None:
    """Return the parameter of a command with this name, written with dashes or underscores."""
    wanted = name.replace("_", "-")
    return next((parameter for parameter in command.params if wanted in _names(parameter)), None)


def _names(parameter: click.Parameter) -> list[str]:
    if isinstance(parameter, click.Argument):
        return [str(parameter.name).replace("_", "-")]
    names = [option[2:] for option in parameter.opts if option.startswith("--")]
    return [name for name in names if name not in ("config", "help", "help-all", "version")]


def _all_names(commands: Iterable[click.Command]) -> set[str]:
    return {name for command in commands for parameter in command.params for name in _names(parameter)}


def _leaves(command: click.Command) -> list[click.Command]:
    if isinstance(command, click.Group):
        return [leaf for subcommand in command.commands.values() for leaf in _leaves(subcommand)]
    return [command]


def _path_of(context: click.Context) -> list[str]:
    """Return the names that lead from the root to a command, such as ["plot", "words"]."""
    path: list[str] = []
    while context.parent is not None:
        path.insert(0, str(context.info_name))
        context = context.parent
    return path
