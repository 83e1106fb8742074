"""How kernels are compiled, and where what was compiled is kept."""

from __future__ import annotations

import os
from typing import Any

from numba import config, njit

from w2v.environment import temporary_folder


def _probe() -> None:
    """Stand beside the kernels, so that Numba says whether it has a place for what is compiled."""


def _is_kept() -> bool:
    try:
        njit(cache=True)(_probe)
    except RuntimeError:  # neither NUMBA_CACHE_DIR nor this folder nor the home folder can be written
        return False
    return True


def find_cache() -> bool:
    """Say whether compiled kernels can be kept, after a temporary folder was tried where Numba has no other place.

    Other processes, those that this one starts among them, use the same folder.
    """
    if _is_kept():
        return True
    try:
        folder = temporary_folder() / "kernels"
    except OSError:
        return False
    os.environ["NUMBA_CACHE_DIR"] = str(folder)
    config.CACHE_DIR = str(folder)  # type: ignore[attr-defined]
    return _is_kept()


JIT: Any = {"nogil": True, "error_model": "numpy", "cache": find_cache()}
"""Options of every kernel. Without a place to keep them in, they are compiled anew in each process."""
