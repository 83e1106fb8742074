"""What the surroundings of the process decide: how many threads there are to use, and where caches may lie."""

from __future__ import annotations

import os
import sys
from pathlib import Path

WORKERS = "W2V_WORKERS"
"""Environment variable: how many threads are used where nothing else says so."""
CACHE_FOLDER = "W2V_CACHE_DIR"
"""Environment variable: the folder for what can be made again."""


def default_workers() -> int:
    """Return how many threads to use where the caller does not say: W2V_WORKERS, or the cores this process may use.

    Raises
    ------
    ValueError
        If W2V_WORKERS is not a whole number from 1 to 1024.
    """
    given = os.environ.get(WORKERS)
    if not given:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not (given.isascii() and given.isdigit() and 1 <= int(given) <= 1024):
        raise ValueError(f"the environment variable {WORKERS} must be a whole number from 1 to 1024, not {given!r:.80}")
    return int(given)


def cache_folder() -> Path:
    """Return the folder for what can be made again; it need not exist yet.

    W2V_CACHE_DIR, or a folder ``w2v`` where the system keeps caches: ``$XDG_CACHE_HOME`` or ``~/.cache``, on macOS
    ``~/Library/Caches``, on Windows ``%LOCALAPPDATA%``.
    """
    given = os.environ.get(CACHE_FOLDER)
    if given:
        return Path(given).expanduser().absolute()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "w2v"
    system = os.environ.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME")
    return Path(system) / "w2v" if system else Path.home() / ".cache" / "w2v"
