"""Compiling kernels, and caching the compiled code across processes.

Numba's cache checks only the file of the called function: after a change to a helper in another file, cached callers
still use the old one. So the cache folder is named by a hash of the sources of all kernels and the versions of the
compilers. Numba itself separates code for different processors.

The folder lies in NUMBA_CACHE_DIR, or else in ``kernels`` in the program's cache folder (see `environment`). If that is
not writable, it lies beside the sources or in the temporary folder; if none of these is writable, nothing is cached.
"""

from __future__ import annotations

import atexit
import gc
import hashlib
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from w2v.settings.environment import cache_folder, temporary_folder

_collects = gc.isenabled()
try:
    gc.disable()  # hundreds of thousands of objects come with Numba, none of them garbage
    import llvmlite
    import numba
    from numba.core.caching import CompileResultCacheImpl, FunctionCache, _CacheLocator
    from numba.core.runtime.nrt import rtsys
finally:
    if _collects:
        gc.enable()
atexit.register(gc.freeze)  # at its end, Python would look through them for garbage, which takes 0.2 seconds

_config: Any = numba.config
_njit: Any = numba.njit  # Any, because its type annotations lack _nrt
_ROOT = Path(__file__).resolve().parents[__name__.count(".")]
_MARK = b"# Compiled into kernels:"  # marks constants for kernels in a module without kernels
_IS_KERNEL = re.compile(rb"^(?:import numba|from [\w.]*\b(?:numba|jit)\b)", re.MULTILINE)
_FOR_KERNELS = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
"""Options for functions called only by kernels. They need no wrappers that unpack Python objects; compiling those took
half as long again."""
_KEPT, _UNUSED = 3, 7 * 86_400  # number of other versions to keep, and seconds after which the rest are removed


def compiled(
    function: Callable[..., Any], *, forceinline: bool = False, in_any_order: bool = False, allocates: bool = True
) -> Any:
    """Compile a function at its first call, without the GIL and with NumPy's division, and cache the code.

    `in_any_order` allows sums of floats in any order, as SIMD instructions compute them. For `allocates` see `lean`.
    Every compiled function of the program uses this decorator, `lean`, `inlined` or `merged`.
    """
    order = {"reassoc", "nsz"} if in_any_order else False
    options = {"nogil": True, "error_model": "numpy", "forceinline": forceinline, "fastmath": order, "_nrt": allocates}
    dispatcher = _dispatcher(function, options, _Cache)
    if not _config.DISABLE_JIT:

        @lru_cache
        def inner() -> Any:
            return _dispatcher(function, options | _FOR_KERNELS, _InnerCache)

        dispatcher.get_call_template = lambda args, kws: inner().get_call_template(args, kws)
        dispatcher.get_overload = lambda signature: inner().get_overload(signature)
    return dispatcher


def _dispatcher(function: Callable[..., Any], options: dict[str, Any], cache: Any) -> Any:
    """Return a dispatcher that compiles a function for its argument types and caches the code."""
    dispatcher = _njit(**options)(function)
    if not _config.DISABLE_JIT and _folder() is not None:
        dispatcher._cache = cache(function)
    return dispatcher


def lean(function: Callable[..., Any]) -> Any:
    """Compile a function that creates no arrays, without reference counting.

    Counting takes two atomic instructions for every array and call, at which workers that share tables wait for each
    other. A function that returns one of its array arguments may be called only by lean functions.
    """
    return compiled(function, allocates=False)


def inlined(function: Callable[..., Any]) -> Any:
    """Compile a lean function into its callers, for functions so short that passing the arrays takes as long."""
    return compiled(function, forceinline=True, allocates=False)


def merged(function: Callable[..., Any]) -> Any:
    """Compile a function only as part of its callers, so the parts of large kernels are compiled once."""
    return numba.njit(inline="always")(function)


class _Locator(_CacheLocator):
    def __init__(self, function: Callable[..., Any]) -> None:
        self._name = f"{function.__module__.rpartition('.')[0]}-{function.__code__.co_firstlineno}"

    @classmethod
    def from_function(cls, py_func: Callable[..., Any], py_file: str) -> _Locator:
        return cls(py_func)

    def get_cache_path(self) -> str:
        return str(_folder())

    def get_source_stamp(self) -> str:
        return kernel_version(_ROOT)

    def get_disambiguator(self) -> str:
        return self._name


class _InnerLocator(_Locator):
    def get_disambiguator(self) -> str:
        return f"{self._name}-inner"


class _Implementation(CompileResultCacheImpl):
    _locator_classes: Any = (_Locator,)


class _InnerImplementation(CompileResultCacheImpl):
    _locator_classes: Any = (_InnerLocator,)


class _Cache(FunctionCache):
    _impl_class: Any = _Implementation

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Load compiled code without first loading, as Numba does, what only compiling needs, such as SciPy."""
        rtsys.initialize(target_context)
        return self._load_overload(sig, target_context)  # type: ignore[no-untyped-call]

    def save_overload(self, sig: Any, data: Any) -> None:
        """Cache compiled code; if the disk is full or the folder is gone, it will be compiled again."""
        try:
            super().save_overload(sig, data)  # type: ignore[no-untyped-call]
        except OSError:
            pass


class _InnerCache(_Cache):
    _impl_class = _InnerImplementation


@lru_cache
def kernel_version(root: Path) -> str:
    """Return a hash of the sources of all kernels under a folder and of the compilers' versions."""
    flags = (_config.BOUNDSCHECK, _config.OPT, _config.DEBUGINFO_DEFAULT)
    digest = hashlib.blake2b(repr((numba.__version__, llvmlite.__version__, np.__version__, flags)).encode())
    for name, source in kernel_sources(root):
        digest.update(f"\0{os.path.relpath(name, root)}\0".encode() + source)
    return digest.hexdigest()[:16]


def kernel_sources(root: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the name and content of modules that are compiled: those that import Numba or `jit`, or have the mark."""
    for folder, folders, files in os.walk(root / "w2v", followlinks=True):
        folders.sort()
        for name in sorted(files):
            if name.endswith(".py"):
                with open(os.path.join(folder, name), "rb", buffering=0) as file:
                    source = file.read()
                imports = b"numba" in source or b"jit" in source
                if (imports and _IS_KERNEL.search(source)) or _MARK in source:
                    yield os.path.join(folder, name), source


@lru_cache
def _folder() -> Path | None:
    """Return the cache folder of this version of the kernels, created if necessary; None if none is writable."""
    if not (_ROOT / "w2v").is_dir():  # in an archive there are no source files to hash
        return None
    for base in _places():
        folder = base / f"w2v-{kernel_version(_ROOT)}"
        try:
            is_new = not folder.is_dir()
            folder.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=folder).close()
            os.utime(folder)
        except OSError:
            continue
        if is_new:
            prune(base)
        return folder
    return None


def _places() -> Iterator[Path]:
    given = os.environ.get("NUMBA_CACHE_DIR")
    try:
        yield Path(given).absolute() if given else cache_folder() / "kernels"
    except RuntimeError:  # no home folder
        pass
    yield Path(__file__).resolve().parent / "__pycache__"
    try:
        yield temporary_folder() / "kernels"
    except OSError:  # no writable folder
        pass


def prune(base: Path) -> None:
    """Remove the folders of other versions unused for a week, except the most recently used ones."""
    folders = []
    for folder in base.glob("w2v-" + "[0-9a-f]" * 16):
        try:
            folders.append((folder.stat().st_mtime, folder))
        except OSError:
            continue  # another process is removing it
    for used, folder in sorted(folders, reverse=True)[1 + _KEPT :]:
        if time.time() - used > _UNUSED:
            shutil.rmtree(folder, ignore_errors=True)
