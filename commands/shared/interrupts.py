"""Ctrl-C before a command runs and while it does. Nothing heavy may be imported here: see `w2v.commands.entry`."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

INTERRUPTED = 130
"""Exit code after Ctrl-C, by the shells' convention: 128 plus the signal's number."""


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
    import _thread
    import threading

    threading.Timer(0.01, _thread.interrupt_main).start()
