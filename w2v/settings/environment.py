"""What the environment of the process decides: how many threads there are to use, and where caches may lie."""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

WORKERS = "W2V_WORKERS"
"""Environment variable: how many threads are used where nothing else says so."""
CACHE_FOLDER = "W2V_CACHE_DIR"
"""Environment variable: the folder for what can be made again."""


def default_workers() -> int:
    """Return how many threads to use where the caller does not say: W2V_WORKERS, or the cores this process may use.

    ValueError if W2V_WORKERS is not a whole number from 1 to 1024.
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
    ``~/Library/Caches``, on Windows ``%LOCALAPPDATA%``. A user without a home folder has one among the temporary ones.
    ValueError if W2V_CACHE_DIR begins with ``~`` and there is no such home folder.
    """
    given = os.environ.get(CACHE_FOLDER)
    if given:
        try:
            return Path(given).expanduser().absolute()
        except RuntimeError as error:
            raise ValueError(
                f"{CACHE_FOLDER} is {given!r}, but there is no such home folder; give a full path"
            ) from error
    system = {"darwin": None, "win32": "LOCALAPPDATA"}.get(sys.platform, "XDG_CACHE_HOME")
    if system and os.environ.get(system):
        return Path(os.environ[system]) / "w2v"
    try:
        return Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache") / "w2v"
    except RuntimeError:  # a user who is not in the system's list, as in a container
        return temporary_folder()


def temporary_folder() -> Path:
    """Return a folder among the temporary ones that is there and that only this user can write, the same every time.

    Compiled code is loaded from it: where a stranger was first to take its name, it is a new one of this process.
    OSError if there is no temporary folder that can be written.
    """
    folder = Path(tempfile.gettempdir()) / f"w2v-{os.getuid() if hasattr(os, 'getuid') else 'cache'}"
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    if hasattr(os, "getuid"):
        found = folder.lstat()
        is_private = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o022
        if not is_private:
            return Path(tempfile.mkdtemp(prefix="w2v-"))
    return folder
