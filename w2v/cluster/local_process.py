"""What Dask runs in each process of a local cluster when it starts, also in one that replaces a dead one."""

from __future__ import annotations

import signal
import threading


def dask_setup(worker: object) -> None:
    """Ignore Ctrl-C, which reaches all processes at a terminal, but which only the client should act on."""
    if threading.current_thread() is threading.main_thread():  # a worker inside the client's process runs in another
        signal.signal(signal.SIGINT, signal.SIG_IGN)
