"""Settings from the process environment: the number of threads and the cache folder."""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

WORKERS = "W2V_WORKERS"
"""Environment variable: the default number of threads."""
CACHE_FOLDER = "W2V_CACHE_DIR"
"""Environment variable: the cache folder."""


def default_workers() -> int:
    """Return the default number of threads: W2V_WORKERS, or the number of cores available to this process.

    Raises ValueError if W2V_WORKERS is not a whole number from 1 to 1024.
    """
    given = os.environ.get(WORKERS)
    if not given:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not (given.isascii() and given.isdigit() and 1 <= int(given) <= 1024):
        raise ValueError(f"the environment variable {WORKERS} must be a whole number from 1 to 1024, not {given!r:.80}")
    return int(given)


def cache_folder() -> Path:
    """Return the cache folder, which may not exist yet.

    It is W2V_CACHE_DIR, or ``w2v`` in the system's folder for caches: ``$XDG_CACHE_HOME`` or ``~/.cache``, on macOS
    ``~/Library/Caches``, on Windows ``%LOCALAPPDATA%``. Without a home folder it is a temporary folder. Raises
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
    except RuntimeError:  # the user has no home folder, as in some containers
        return temporary_folder()


def temporary_folder() -> Path:
    """Return an existing temporary folder that only this user can write, the same every time.

    Compiled code is loaded from it. If another user has taken its name, this process gets a new folder instead. Raises
    OSError if no temporary folder is writable.
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
