"""Runs commands, and checks how they report mistakes."""

from __future__ import annotations

from click.testing import CliRunner, Result

from w2v.commands.main import main


def run(*arguments: object, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments], input=stdin)


def assert_mistake(result: Result, code: int, *fragments: str) -> None:
    """Assert one line naming the mistake (after click's usage hint for code 2), nothing on stdout and no traceback."""
    assert result.exit_code == code, result.output
    assert isinstance(result.exception, SystemExit)
    assert result.stdout == ""
    before, _, message = result.stderr.rpartition("Error: ")
    assert before == "" or (code == 2 and before.startswith("Usage: "))
    assert code == 2 or message.count("\n") == 1, message
    for fragment in fragments:
        assert fragment in message
