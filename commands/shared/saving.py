"""Saving of results: commands claim the name of the output, never lose a result, and report where it is."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from w2v.commands.shared.output import say
from w2v.commands.shared.toolkit import mark_saved
from w2v.storage.claims import claimed
from w2v.storage.files import ModelError, SavedBesideWarning, remove
from w2v.storage.rescue import SavedElsewhereError, save_result


@dataclass
class Output:
    """Where to save a result, and afterwards where it was saved."""

    path: Path | None


@contextmanager
def saving(path: Path | None, *, claims: bool = True) -> Iterator[Output]:
    """Claim a name while the block computes and writes; print a warning if the result was saved beside it.

    Parameters
    ----------
    path : Path or None
        The file or folder to write; None for standard output.
    claims : bool, default True
        Whether to claim the name; False if the called function does.

    Yields
    ------
    Output
        Its `path` is the place of the result once that is written.
    """
    output, show = Output(path), warnings.showwarning

    def show_line(message: Warning | str, category: type[Warning], *where: Any, **further: Any) -> None:
        if isinstance(message, SavedBesideWarning):
            output.path = message.path
            say(f"Warning: {message}")
        else:
            show(message, category, *where, **further)

    with ExitStack() as held:
        if claims and path is not None:
            held.enter_context(claimed(path))
        held.enter_context(warnings.catch_warnings())
        warnings.simplefilter("always", SavedBesideWarning)
        warnings.showwarning = show_line
        yield output
        mark_saved()


def keep(write: Callable[[Path], None], output: Path, inputs: Iterable[str | os.PathLike[str]] = ()) -> Path:
    """Write a result from memory to the output or to another place, and return the path; see `save_result`.

    Raises
    ------
    SavedElsewhereError
        If the output cannot be written and the user does not name another place.
    """
    try:
        return save_result(write, output, inputs=inputs)
    except SavedElsewhereError as error:
        return ask_for_place(error, write)


def ask_for_place(error: SavedElsewhereError, write: Callable[[Path], None]) -> Path:
    """Ask the user at a terminal for another place and save the result there; raise the error without an answer."""
    if not _is_terminal():
        raise error
    say(f"{error}.")
    question = "Another place for it" if error.path is None else "Another place for it, or Enter to leave it there"
    while True:
        try:
            answer = click.prompt(question, default="", show_default=False, err=True).strip()
        except click.Abort:
            answer = ""
        if not answer:
            raise error
        try:
            write(Path(answer).expanduser())
        except ModelError as refusal:
            say(f"{refusal}.")
            continue
        if error.path is not None:
            remove(error.path)
        return Path(answer).expanduser()


def _is_terminal() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()
