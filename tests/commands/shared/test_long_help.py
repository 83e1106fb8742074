"""`--help` fits a screen; `--help-all` shows every option in its group."""

from __future__ import annotations

from collections import Counter

import click
import pytest

from tests.helpers.command_line import run
from w2v.commands.main import main
from w2v.commands.shared.long_help import GROUPS, LongCommand, option_names

SCREEN = 50
"""Lines of a screen."""
FITS = 60
"""Lines of help with which a command shows all of its options; more are for `--help-all`."""


def _leaves(command: click.Command) -> list[click.Command]:
    if isinstance(command, click.Group):
        return [leaf for child in command.commands.values() for leaf in _leaves(child)]
    return [command]


def _short(command: click.Command, *path: str) -> list[list[str]]:
    """Return the names of all commands, groups among them, whose help shows all of their options."""
    inner = command.commands.items() if isinstance(command, click.Group) else ()
    own = [] if isinstance(command, LongCommand) else [[*path]]
    return [*own, *(names for name, child in inner for names in _short(child, *path, name))]


def _long() -> list[str]:
    return [name for name, command in main.commands.items() if isinstance(command, LongCommand)]


def test_commands_of_a_long_help_have_a_short_one() -> None:
    for name, command in main.commands.items():
        n_lines = len(run(name, "--help-all").stdout.splitlines())
        assert isinstance(command, LongCommand) == (n_lines > FITS), (name, n_lines)


def test_the_seed_is_one_wherever_none_is_given() -> None:
    seeds = {
        f"{command.name}": option.get_default(click.Context(command))
        for command in _leaves(main)
        for option in command.params
        if "--seed" in option.opts
    }
    assert {"train", "fit-encoder", "duplicates", "topics", "align", "write", "fit-images"} <= set(seeds)
    assert set(seeds.values()) == {1}, seeds


@pytest.mark.parametrize("name", _long())
def test_short_help_fits_a_screen_and_names_the_long_one(name: str) -> None:
    command = main.commands[name]
    assert isinstance(command, LongCommand)
    shown = run(name, "--help").stdout
    assert len(shown.splitlines()) <= SCREEN
    assert f"{name} --help-all` shows all " in shown
    listed = [word for line in shown.splitlines() for word in line.split()[:2] if line.startswith("  -")]
    listed = listed[listed.index("--" + command.first[0]) :]
    assert [word[2:] for word in listed if word.startswith("--")] == list(command.first)


@pytest.mark.parametrize("name", _long())
def test_long_help_shows_each_option_once_in_its_group(name: str) -> None:
    command = main.commands[name]
    shown = run(name, "--help-all")
    assert shown.exit_code == 0 and "\n    w2v " in shown.stdout
    rows = [line for line in shown.stdout.partition("\nFiles:\n")[2].splitlines() if line.startswith("  -")]
    found = Counter(word[2:].rstrip(",") for row in rows for word in row.split()[:2] if word.startswith("--"))
    options = [one for one in command.params if isinstance(one, click.Option)]
    assert found == Counter([option_names(one)[0] for one in options] + ["help"])
    own = {option_names(one)[0] for one in options}
    titles = [title for title in GROUPS if f"\n{title}:\n" in shown.stdout]
    assert titles == [title for title, names in GROUPS.items() if own & set(names.split())]


@pytest.mark.parametrize("arguments", _short(main))
def test_long_help_of_a_short_command_is_its_help(arguments: list[str]) -> None:
    assert run(*arguments, "--help-all").stdout == run(*arguments, "--help").stdout != ""


def test_no_option_is_in_two_groups() -> None:
    names = [name for group in GROUPS.values() for name in group.split()]
    assert len(names) == len(set(names))
    known = {one for command in _leaves(main) for option in command.params if isinstance(option, click.Option)
             for one in option_names(option)}  # fmt: skip
    assert set(names) - known == {"help"}
