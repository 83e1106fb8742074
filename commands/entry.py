"""The console script, which Ctrl-C ends with one line and exit code 130 from its first moment on.

Nothing heavy may be imported here: until the command runs, `end_at_once` is what hears the interrupt, and it is in
place as soon as `main` begins.
"""

from __future__ import annotations

import gc
import os
import signal
import sys

from w2v.commands.shared.interrupts import end_at_once, hear_again


def main() -> None:
    """Run the command `w2v`."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # a background job ignores it, and goes on to
        signal.signal(signal.SIGINT, end_at_once)
        sys.unraisablehook = hear_again
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # the caller closed it: a training of his shall go on all the same
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))
    from w2v.commands.main import main as toolkit

    try:
        toolkit(prog_name="w2v")
    finally:
        if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # Python shuts down, where an exception has nowhere to go
        gc.freeze()  # shutting down collects garbage once more, which takes a tenth of a second after a training
