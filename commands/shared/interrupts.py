"""Ctrl-C before a command runs and while it does, and SIGTERM. Nothing heavy may be imported here: see `entry`."""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPTED, TERMINATED = 130, 143
"""Exit codes after Ctrl-C and SIGTERM, by the shells' convention: 128 plus the signal's number."""


class Terminated(KeyboardInterrupt):
    """SIGTERM arrived; it is handled as Ctrl-C is."""


def end_at_once(number: int, frame: FrameType | None) -> None:
    """End the process; an exception in the middle of an import would print a traceback, or be swallowed."""
    os.write(2, b"Interrupted; nothing was saved.\n")
    os._exit(INTERRUPTED)


def raise_interrupts() -> None:
    """Let Ctrl-C raise KeyboardInterrupt from now on: the running command catches it."""
    if signal.getsignal(signal.SIGINT) is end_at_once:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def hear_again(lost: sys.UnraisableHookArgs) -> None:
    """Raise an interrupt again that arrived where exceptions are swallowed, as in a finaliser."""
    if not issubclass(lost.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(lost)
        return
    number = signal.SIGINT
    if issubclass(lost.exc_type, Terminated):
        number = signal.SIGTERM
        signal.signal(number, _terminate)
    threading.Timer(0.01, _thread.interrupt_main, (number,)).start()


def _terminate(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the state is being saved
    raise Terminated


@contextmanager
def ending_on_sigterm() -> Iterator[None]:
    """Handle SIGTERM as Ctrl-C, once, unless another handler is installed: temporary files are removed."""
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def exit_code(interrupt: BaseException) -> int:
    """Return the exit code after an interrupt, or after an exception that one caused."""
    is_sigterm = isinstance(interrupt, Terminated) or isinstance(interrupt.__cause__, Terminated)
    return TERMINATED if is_sigterm else INTERRUPTED
