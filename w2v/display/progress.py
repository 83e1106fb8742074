"""Progress of long computations: a bar in a terminal or a notebook, else a log line every ten seconds."""

from __future__ import annotations

import os
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TextIO, TypeVar

from w2v.display.wording import printable

if TYPE_CHECKING:
    from w2v.monitoring.history import Progress

State = TypeVar("State")

MODES = ("auto", "bar", "log", "none")
"""Ways to show progress; "auto" is "bar" if a bar can be drawn, else "log"."""

FIRST_LINE, NEXT_LINES = 1.0, 10.0
"""Seconds before the first log line, and between lines."""


class Update(Protocol):
    """Reports the progress of a task."""

    def __call__(
        self, what: str, done: float | None = None, total: float | None = None, facts: str = "", bar: str = ""
    ) -> None:
        """Show the task and how much of it is done.

        `what` is the task, and `done` and `total` are in the same unit. `facts` is further text; by default, the time
        left. `bar` names the bar to use; by default each `what` has its own.
        """


@contextmanager
def show_progress(mode: str = "auto", start: str = "") -> Iterator[Update | None]:
    """Show the progress of the block on standard error; yield the function to call, or None for mode "none".

    `mode` is one of `MODES`, and `start` is the task to show before the first update.
    """
    if mode == "auto":
        mode = "bar" if sys.stderr.isatty() or _is_notebook() else "log"
    if mode == "none":
        yield None
        return
    with _Bars(start) if mode == "bar" else _Log(start, sys.stderr) as shown:
        yield shown.update


def _is_notebook() -> bool:
    """Return whether this is a notebook in which rich can draw, which requires ipywidgets."""
    shell = sys.modules.get("IPython")
    kernel = None if shell is None else shell.get_ipython()
    return type(kernel).__name__ == "ZMQInteractiveShell" and find_spec("ipywidgets") is not None


class _Work(NamedTuple):
    """The progress of a task."""

    what: str
    began: float
    done: float | None = None
    total: float | None = None
    facts: str = ""

    def in_words(self) -> str:
        """Return the progress in words: the percentage, and the facts or the time left."""
        said = []
        seconds = time.monotonic() - self.began
        fraction = self.done / self.total if self.total and self.done is not None else None
        if fraction is not None:
            said.append(f"{100 * fraction:.0f} %")
        if self.facts:
            said.append(self.facts)
        elif fraction and seconds > 1:
            said.append(f"{clock(seconds * (1 / fraction - 1))} left")
        return ", ".join(said)


class _Shown(ABC):
    """Shows progress; its `update` is an `Update`."""

    def __init__(self, start: str) -> None:
        self._began = {start: time.monotonic()}

    def update(
        self, what: str, done: float | None = None, total: float | None = None, facts: str = "", bar: str = ""
    ) -> None:
        """Show the progress of a task."""
        self._show(_Work(what, self._began.setdefault(what, time.monotonic()), done, total, facts), bar or what)

    @abstractmethod
    def _show(self, work: _Work, key: str) -> None: ...


class _Bars(_Shown):
    """Progress bars drawn by rich."""

    def __init__(self, start: str) -> None:
        from rich import progress as widgets
        from rich.console import Console

        super().__init__(start)
        columns = (
            widgets.TextColumn("{task.description}", markup=False),
            widgets.BarColumn(),
            widgets.TextColumn("{task.fields[facts]}", markup=False),
        )
        console = Console() if _is_notebook() else Console(file=sys.stderr)
        self._progress = widgets.Progress(*columns, console=console, transient=True, refresh_per_second=4)
        self._tasks: dict[str, Any] = {}
        self._start = None if not start else self._progress.add_task(printable(start), total=None, facts="")

    def __enter__(self) -> _Bars:
        self._progress.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._progress.stop()

    def _show(self, work: _Work, key: str) -> None:
        if self._start is not None:
            self._progress.remove_task(self._start)
            self._start = None
        what = printable(work.what)
        if key not in self._tasks:
            self._tasks[key] = self._progress.add_task(what, total=work.total, facts="")
        facts = work.in_words()
        self._progress.update(
            self._tasks[key], description=what, total=work.total, completed=work.done or 0, facts=facts
        )


class _Log(_Shown):
    """Log lines, written by a separate thread because a step may take longer than the interval between them."""

    def __init__(self, start: str, stream: TextIO) -> None:
        super().__init__(start)
        self._stream, self._start = stream, self._began[start]
        self._work = _Work(start or "working", self._start)
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._write, name="progress", daemon=True)

    def __enter__(self) -> _Log:
        self._thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _show(self, work: _Work, key: str) -> None:
        self._work = work  # for the next line

    def _write(self) -> None:
        wait = FIRST_LINE
        while not self._is_over.wait(wait):
            work, wait = self._work, NEXT_LINES
            said = ", ".join(part for part in (printable(work.what), work.in_words()) if part)
            with suppress(OSError, ValueError):  # a closed stream must not end the work
                self._stream.write(f"{clock(time.monotonic() - self._start)} {said}\n")
                self._stream.flush()


def clock(seconds: float) -> str:
    """Format seconds as minutes and seconds, or hours, minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


@contextmanager
def show_states(
    progress: Callable[[State], None] | bool | str | None, start: str, describe: Callable[[State], tuple[Any, ...]]
) -> Iterator[Callable[[State], None] | None]:
    """Show the progress of work that reports its state; yield the function to call with a state, or None.

    `progress` is the user's argument: a function, a bool, or one of `MODES`. `start` is the task to show before the
    first state, and `describe` converts a state to the arguments of `Update`.
    """
    if callable(progress):
        yield progress
        return
    with show_progress(mode_of(progress), start) as update:
        yield None if update is None else lambda state: update(*describe(state))


def show_training(
    progress: Callable[[Progress], None] | bool | str | None, corpus: object
) -> AbstractContextManager[Callable[[Progress], None] | None]:
    """Show the progress of training word vectors, as `show_states` does."""
    reading = f"reading {name_of(corpus)}"
    return show_states(progress, reading, lambda state: (*_describe(state, reading), "training"))


def tell(progress: Callable[[Progress], None] | bool | str | None, line: str) -> None:
    """Write a line to standard error if progress is shown there."""
    if not callable(progress) and mode_of(progress) != "none":
        with suppress(OSError, ValueError):
            sys.stderr.write(f"{printable(line)}\n")
            sys.stderr.flush()


def mode_of(progress: bool | str | None) -> str:
    """Return the mode for a user's argument."""
    return progress if isinstance(progress, str) else "auto" if progress else "none"


def name_of(corpus: object) -> str:
    """Return the name of a corpus to show while it is read."""
    names: Sequence[str] = getattr(corpus, "paths", ())  # of a TextReader
    if isinstance(corpus, (str, os.PathLike)):
        names = [os.fspath(corpus)]
    if not names:
        return "the corpus"
    first = "standard input" if names[0] == "-" else Path(names[0]).name
    return first if len(names) == 1 else f"{first} and {len(names) - 1} more"


def _describe(state: Progress, reading: str) -> tuple[str, float | None, float | None, str]:
    """Return the arguments of `Update` for a training: task, done, total and facts."""
    phases = {"reading": reading, "compiling": "compiling, once"}
    epoch = f"epoch {state.epoch}" + (f" of {state.epochs}" if state.epochs else "")
    what = phases.get(state.phase, epoch if state.phase == "training" else state.phase)
    facts = [] if state.words_per_second is None else [f"{state.words_per_second:,.0f} words/s"]
    losses = (("loss", state.loss), ("held out", state.holdout_loss))
    facts += [f"{name} {loss:.3f}" for name, loss in losses if loss is not None]
    if state.seconds_left is not None:
        facts.append(f"{clock(state.seconds_left)} left")
    return what, state.done, None if state.done is None else 1.0, ", ".join(facts)
