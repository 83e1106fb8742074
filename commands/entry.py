"""The console script, which Ctrl-C ends with one line and exit code 130 from its first moment on.

Nothing heavy may be imported here: until the command runs, `end_at_once` is what hears the interrupt, and it is in
place as soon as `main` begins.
"""

from __future__ import annotations

import os
import signal
from types import FrameType

INTERRUPTED = 130
"""Exit code after Ctrl-C, by the shells' convention: 128 plus the signal's number."""


def main() -> None:
    """Run the command `w2v`."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # a background job ignores it, and goes on to
        signal.signal(signal.SIGINT, end_at_once)
    from w2v.commands.main import main as toolkit

    try:
        toolkit(prog_name="w2v")
    finally:
        if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # Python shuts down, where an exception has nowhere to go


def end_at_once(number: int, frame: FrameType | None) -> None:
    """End the process: an exception in the middle of an import would be a traceback, or be swallowed."""
    os.write(2, b"Interrupted; nothing was saved.\n")
    os._exit(INTERRUPTED)


def raise_interrupts() -> None:
    """Let Ctrl-C raise KeyboardInterrupt from now on, since somebody is there to catch it."""
    if signal.getsignal(signal.SIGINT) is end_at_once:
        signal.signal(signal.SIGINT, signal.default_int_handler)
