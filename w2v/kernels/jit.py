"""How kernels are compiled, and where compiled code is kept from one process to the next.

Numba looks at the file of the function that is called and at no other: change a helper that lies elsewhere, and the
callers in its cache go on with the old one. So the cache lies in a folder that is named by a hash of the sources of all
kernels and of the versions of what compiles them. Numba itself keeps apart what is compiled for different processors.

The folder lies in NUMBA_CACHE_DIR, else in ``kernels`` in the cache folder of the program (see `environment`), else,
where that cannot be written, beside the sources or among temporary files; if none of them can, nothing is kept.
"""

from __future__ import annotations

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

import llvmlite
import numba
import numpy as np
from numba.core.caching import CompileResultCacheImpl, FunctionCache, _CacheLocator
from numba.core.runtime.nrt import rtsys

from w2v.settings.environment import cache_folder, temporary_folder

_config: Any = numba.config
_njit: Any = numba.njit  # whose types leave out _nrt
_ROOT = Path(__file__).resolve().parents[__name__.count(".")]
_MARK = b"# Compiled into kernels:"  # what kernels take from a module that is not one itself
_IS_KERNEL = re.compile(rb"^(?:import numba|from [\w.]*\b(?:numba|jit)\b)", re.MULTILINE)
_FOR_KERNELS = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
"""For calls from other kernels, which need nothing that takes objects of Python apart: to compile that, too, took half
as long again."""
_KEPT, _UNUSED = 3, 7 * 86_400  # folders of other versions, and seconds after which the others go


def compiled(
    function: Callable[..., Any], *, forceinline: bool = False, in_any_order: bool = False, allocates: bool = True
) -> Any:
    """Compile a function when it is first called, without the GIL and with NumPy's rules for division; keep the code.

    `in_any_order` lets sums of floats be added up in any order, as SIMD instructions do it. For `allocates` see `lean`.
    Every compiled function of the program is made by this decorator, by `lean`, `inlined` or `merged`.
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
    """Return what compiles a function for the types that it is called with, and keeps the code in a cache."""
    dispatcher = _njit(**options)(function)
    if not _config.DISABLE_JIT and _folder() is not None:
        dispatcher._cache = cache(function)
    return dispatcher


def lean(function: Callable[..., Any]) -> Any:
    """Compile a function that makes no array, so that nothing counts who uses those it is given.

    To count takes two atomic instructions for every array and call, and workers that share the tables wait for each
    other there. What returns an array that it was given may be called by such functions only.
    """
    return compiled(function, allocates=False)


def inlined(function: Callable[..., Any]) -> Any:
    """Compile a lean function into its callers, since to pass it its arrays would take as long as what it does."""
    return compiled(function, forceinline=True, allocates=False)


def merged(function: Callable[..., Any]) -> Any:
    """Compile a function as a part of its callers, never by itself: what large kernels consist of is compiled once."""
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
        """Load what was compiled, but not, as Numba does before, all that only compiling needs, SciPy included."""
        rtsys.initialize(target_context)
        return self._load_overload(sig, target_context)  # type: ignore[no-untyped-call]

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep what was compiled, unless the disk is full or the folder has gone: then it is compiled again."""
        try:
            super().save_overload(sig, data)  # type: ignore[no-untyped-call]
        except OSError:
            pass


class _InnerCache(_Cache):
    _impl_class = _InnerImplementation


@lru_cache
def kernel_version(root: Path) -> str:
    """Return the hash that stands for the sources of all kernels under a folder, and for what compiles them."""
    flags = (_config.BOUNDSCHECK, _config.OPT, _config.DEBUGINFO_DEFAULT)
    digest = hashlib.blake2b(repr((numba.__version__, llvmlite.__version__, np.__version__, flags)).encode())
    for name, source in kernel_sources(root):
        digest.update(f"\0{os.path.relpath(name, root)}\0".encode() + source)
    return digest.hexdigest()[:16]


def kernel_sources(root: Path) -> Iterator[tuple[str, bytes]]:
    """Yield names and contents of what is compiled: modules that import Numba or `compiled`, or have the mark."""
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
    """Return the folder of this version of the kernels, made if need be; None if nothing can be written anywhere."""
    if not (_ROOT / "w2v").is_dir():  # in an archive: there are no sources to tell versions apart by
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
    except RuntimeError:  # there is no home folder
        pass
    yield Path(__file__).resolve().parent / "__pycache__"
    try:
        yield temporary_folder() / "kernels"
    except OSError:  # nothing can be written anywhere
        pass


def prune(base: Path) -> None:
    """Remove the folders of other versions that nobody has used for a week, but for those that were used last."""
    folders = []
    for folder in base.glob("w2v-" + "[0-9a-f]" * 16):
        try:
            folders.append((folder.stat().st_mtime, folder))
        except OSError:
            continue  # another process removes it
    for used, folder in sorted(folders, reverse=True)[1 + _KEPT :]:
        if time.time() - used > _UNUSED:
            shutil.rmtree(folder, ignore_errors=True)
