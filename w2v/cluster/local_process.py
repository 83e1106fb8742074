"""What Dask runs in each process of a local cluster when it starts, also in one that replaces a dead one."""

from __future__ import annotations

import signal


def dask_setup(worker: object) -> None:
    """Ignore Ctrl-C, which reaches all processes at a terminal, but which only the client should act on."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
