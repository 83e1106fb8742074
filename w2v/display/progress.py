"""How far a long computation is: a bar at a terminal or in a notebook, else a line of log every ten seconds."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from w2v.display.wording import printable

if TYPE_CHECKING:
    from w2v.monitoring.history import Progress

MODES = ("auto", "bar", "log", "none")
"""Ways to show progress; "auto" is "bar" where a bar can be drawn, else "log"."""

FIRST_LINE, NEXT_LINES = 1.0, 10.0
"""Seconds until the first line of a log, and between two."""


class Update(Protocol):
    """Tells how far a piece of work is."""

    def __call__(
        self, what: str, done: float | None = None, total: float | None = None, facts: str = "", bar: str = ""
    ) -> None:
        """Show it.

        Parameters
        ----------
        what : str
            What is being done.
        done, total : float, optional
            How much of it is done, and how much there is.
        facts : str
            What else is known; the time that is left, if nothing is given.
        bar : str
            Which of several bars shows it; by default each `what` has its own.
        """


@contextmanager
def show_progress(mode: str = "auto", start: str = "") -> Iterator[Update | None]:
    """Show on standard error how far the work of the block is; give the function that is to be told.

    Parameters
    ----------
    mode : {"auto", "bar", "log", "none"}
    start : str
        What is being done until anything is told.

    Yields
    ------
    Update or None
        None if nothing is shown.
    """
    if mode == "auto":
        mode = "bar" if sys.stderr.isatty() or _is_notebook() else "log"
    if mode == "none":
        yield None
        return
    with _Bars(start) if mode == "bar" else _Log(start, sys.stderr) as shown:
        yield shown.update


def _is_notebook() -> bool:
    """Tell whether rich can draw in this notebook, for which it needs ipywidgets."""
    shell = sys.modules.get("IPython")
    kernel = None if shell is None else shell.get_ipython()
    return type(kernel).__name__ == "ZMQInteractiveShell" and find_spec("ipywidgets") is not None


@dataclass
class _Work:
    """What is known of a piece of work."""

    what: str
    done: float | None
    total: float | None
    facts: str
    began: float

    def in_words(self) -> str:
        """Return how far it is: share, and facts or the time that is left."""
        said = []
        seconds = time.monotonic() - self.began
        share = self.done / self.total if self.total and self.done is not None else None
        if share is not None:
            said.append(f"{100 * share:.0f} %")
        if self.facts:
            said.append(self.facts)
        elif share and seconds > 1:
            said.append(f"{clock(seconds * (1 / share - 1))} left")
        return ", ".join(said)


class _Bars:
    """Bars that rich draws."""

    def __init__(self, start: str) -> None:
        from rich import progress as widgets
        from rich.console import Console

        columns = (
            widgets.TextColumn("{task.description}", markup=False),
            widgets.BarColumn(),
            widgets.TextColumn("{task.fields[facts]}", markup=False),
        )
        console = Console() if _is_notebook() else Console(file=sys.stderr)
        self._progress = widgets.Progress(*columns, console=console, transient=True, refresh_per_second=4)
        self._tasks: dict[str, tuple[Any, float]] = {}
        self._start = None if not start else self._progress.add_task(printable(start), total=None, facts="")

    def __enter__(self) -> _Bars:
        self._progress.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._progress.stop()

    def update(
        self, what: str, done: float | None = None, total: float | None = None, facts: str = "", bar: str = ""
    ) -> None:
        """Show it; see `Update`."""
        if self._start is not None:
            self._progress.remove_task(self._start)
            self._start = None
        key = bar or what
        if key not in self._tasks:
            self._tasks[key] = self._progress.add_task(printable(what), total=total, facts=""), time.monotonic()
        task, began = self._tasks[key]
        said = _Work(what, done, total, facts, began).in_words()
        self._progress.update(task, description=printable(what), total=total, completed=done or 0, facts=said)


class _Log:
    """Lines on a stream, from a thread of their own: a step may take longer than the time between two."""

    def __init__(self, start: str, stream: TextIO) -> None:
        self._stream, self._began = stream, time.monotonic()
        self._work = _Work(start or "working", None, None, "", self._began)
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._write, name="progress", daemon=True)

    def __enter__(self) -> _Log:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._thread.join()

    def update(
        self, what: str, done: float | None = None, total: float | None = None, facts: str = "", bar: str = ""
    ) -> None:
        """Note it for the next line; see `Update`."""
        before = self._work
        began = before.began if before.what == what else time.monotonic()
        self._work = _Work(what, done, total, facts, began)

    def _write(self) -> None:
        wait = FIRST_LINE
        while not self._is_over.wait(wait):
            work, wait = self._work, NEXT_LINES
            said = ", ".join(part for part in (printable(work.what), work.in_words()) if part)
            with suppress(OSError, ValueError):  # that nobody reads it is no reason to end the work
                self._stream.write(f"{clock(time.monotonic() - self._began)} {said}\n")
                self._stream.flush()


def clock(seconds: float) -> str:
    """Write a span of time as minutes and seconds, or hours, minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


@contextmanager
def show_training(
    progress: Callable[[Progress], None] | bool | str | None, epochs: int | None, corpus: object
) -> Iterator[Callable[[Progress], None] | None]:
    """Show how far the training of word vectors is; give the function to call with the progress.

    Parameters
    ----------
    progress : callable, bool, str or None
        What a user gave: a function of their own, whether to show it, or how (one of `MODES`).
    epochs : int or None
        How many there will be, if that is known.
    corpus : object
        What is read.
    """
    if callable(progress):
        yield progress
        return
    reading = f"reading {name_of(corpus)}"
    with show_progress(mode_of(progress), reading) as update:

        def tell(state: Progress) -> None:
            assert update is not None
            update(*_describe(state, epochs, reading), bar="training")

        yield None if update is None else tell


def mode_of(progress: bool | str | None) -> str:
    """Return the mode that a user asked for."""
    return progress if isinstance(progress, str) else "auto" if progress else "none"


def name_of(corpus: object) -> str:
    """Return what to call a corpus while it is read."""
    names: Sequence[str] = getattr(corpus, "paths", ())  # of a TextReader
    if isinstance(corpus, (str, os.PathLike)):
        names = [os.fspath(corpus)]
    if not names:
        return "the corpus"
    first = "standard input" if names[0] == "-" else Path(names[0]).name
    return first if len(names) == 1 else f"{first} and {len(names) - 1} more"


def _describe(state: Progress, epochs: int | None, reading: str) -> tuple[str, float | None, float | None, str]:
    """Return what to tell of a training: what is done, how much of it, and facts."""
    phases = {"reading": reading, "compiling": "compiling, once"}
    epoch = f"epoch {state.epoch}" + (f" of {epochs}" if epochs else "")
    what = phases.get(state.phase, epoch if state.phase == "training" else state.phase)
    facts = [] if state.words_per_second is None else [f"{state.words_per_second:,.0f} words/s"]
    losses = (("loss", state.loss), ("held out", state.holdout_loss))
    facts += [f"{name} {loss:.3f}" for name, loss in losses if loss is not None]
    if state.seconds_left is not None:
        facts.append(f"{clock(state.seconds_left)} left")
    return what, state.done, None if state.done is None else 1.0, ", ".join(facts)
