"""The console script. From its first moment on, Ctrl-C ends it with one line and exit code 130.

Nothing heavy may be imported here: until the command runs, `end_at_once` handles the interrupt, and `main` installs it
first.
"""

from __future__ import annotations

import gc
import os
import signal
import sys

from w2v.commands.shared.interrupts import end_at_once, hear_again


def main() -> None:
    """Run the command `w2v`."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # a background job keeps ignoring it
        signal.signal(signal.SIGINT, end_at_once)
        sys.unraisablehook = hear_again
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # the caller closed it: training must continue all the same
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))
    from w2v.commands.main import main as toolkit

    try:
        toolkit(prog_name="w2v")
    finally:
        if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # nothing can catch an exception while Python shuts down
        gc.freeze()  # skips a last garbage collection, which takes a tenth of a second after training
