"""Files and folders that are written atomically: complete under their final name, or not at all."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import BinaryIO

from w2v.corpora.files.durable import sync_folder

OVERWRITE = "overwrite it (--overwrite, in Python overwrite=True)"
"""Advice for the message that a name is taken."""

_AT_HOME = ", as from os.path.expanduser"
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
_PAGES = (b"<!doctype html", b"<?xml version")


class ModelError(ValueError):
    """A model folder or vector file cannot be read or written; the message names it and the remedy."""


class OutputTakenError(ModelError):
    """The output already exists."""


class NoSpaceError(ModelError):
    """The disk lacks space for the output."""

    def __init__(self, path: str | os.PathLike[str], needed: int, free: int) -> None:
        super().__init__(
            f"{path} needs about {needed:,} bytes, but its disk has only {free:,} bytes free; free some space, or "
            "choose a name on another disk"
        )
        self.path, self.needed, self.free = path, needed, free

    def __reduce__(self) -> tuple[type[NoSpaceError], tuple[str | os.PathLike[str], int, int]]:
        return NoSpaceError, (self.path, self.needed, self.free)


class SavedBesideWarning(UserWarning):
    """The name of a result was taken in the meantime, so the result was saved beside it, as `path`."""

    def __init__(self, output: str | os.PathLike[str], path: Path, reason: str = "") -> None:
        reason = reason or f"{output} was created in the meantime"
        super().__init__(f"{reason.split('; ')[0]}: the result is saved as {path}")
        self.path = path


@contextmanager
def atomic_file(
    path: str | os.PathLike[str], *, overwrite: bool = True, temporary: Path | None = None
) -> Iterator[BinaryIO]:
    """Open a temporary file beside `path` for writing, and rename it to `path` if the block succeeds.

    A missing folder is created; a symbolic link is followed, so its target is replaced. The file is flushed to the disk
    before it is renamed. Its temporary name is `temporary`, by default that of `temporary_name`. If the name was taken
    in the meantime and must not be replaced, the file is saved beside it, with a SavedBesideWarning.

    Raises ModelError if the file exists and `overwrite` is False, if a folder has the name, or if writing fails (no
    space, no permission). Then the final name is unchanged, and no temporary file is left.
    """
    final = check_output_file(path, overwrite=overwrite)
    temporary = temporary or temporary_name(final)
    with _removed_on_failure(path, temporary.unlink), parents_made(final):
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if final.is_dir() or (final.exists() and not overwrite):
            _put_beside(temporary, path, final)
        else:
            os.replace(temporary, final)
        sync_folder(final.parent)


def check_output_file(path: str | os.PathLike[str], *, overwrite: bool) -> Path:
    """Return the resolved name of a file; raise `ModelError` early if `atomic_file` would raise it."""
    final = resolved(path)
    if final.is_dir():
        raise OutputTakenError(f"{path} is a folder; give the name of a file to write")
    if final.exists() and not overwrite:
        raise OutputTakenError(f"{path} exists already; choose another name, remove it, or {OVERWRITE}")
    return final


@contextmanager
def atomic_folder(
    path: str | os.PathLike[str], *, replace: bool = False, moved: Callable[[Path], None] | None = None
) -> Iterator[Path]:
    """Create a temporary folder beside `path`, and rename it to `path` if the block succeeds.

    The caller should flush its files to the disk. Missing parents are created; links are followed. With `replace` it
    replaces an existing folder, which is then deleted; the caller must know that this is safe. On Linux the two are
    exchanged in one step. If the folder had to be saved beside `path`, there is a SavedBesideWarning and `moved` is
    called with its name.

    Raises ModelError if the name exists and `replace` is False, or if writing fails. What is left is the same as for
    `atomic_file`.
    """
    final = resolved(path)
    if not replace:
        refuse_existing(path)
    temporary = temporary_name(final)
    with parents_made(final), _removed_on_failure(path, lambda: shutil.rmtree(temporary)), ExitStack() as held:
        temporary.mkdir()
        held.enter_context(lock_folder(temporary))
        yield temporary
        sync_folder(temporary)
        if not os.path.lexists(final):
            os.rename(temporary, final)
        elif replace:
            _replace_folder(temporary, final)
        else:
            beside = _put_beside(temporary, path, final)
            if moved is not None:
                moved(beside)
        sync_folder(final.parent)


def refuse_existing(path: str | os.PathLike[str]) -> None:
    """Raise `OutputTakenError` if the name of an output folder already exists."""
    if os.path.lexists(path):
        raise OutputTakenError(f"{path} exists already; choose another name, or {OVERWRITE}")


def free_name(path: Path) -> Path:
    """Return the first of NAME.2, NAME.3, … that does not exist; a file keeps its suffix, as in ``words.2.png``."""
    stem, suffix = (path.name, "") if path.is_dir() else (path.stem, path.suffix)
    names = (path.with_name(f"{stem}.{number}{suffix}") for number in count(2))
    return next(name for name in names if not os.path.lexists(name))


def remove_leftovers(path: str | os.PathLike[str]) -> None:
    """Delete temporary folders that killed processes left while writing `path`, but never those in use.

    A folder stays if the file system cannot tell whether it is in use.
    """
    final = Path(os.path.realpath(path))
    pattern = re.compile(re.escape(f".{final.name[:100]}.") + r"[0-9a-f]{8}\.tmp")
    with suppress(OSError):
        for entry in os.listdir(final.parent):
            temporary = final.parent / entry
            if pattern.fullmatch(entry) and temporary.is_dir():
                with lock_folder(temporary) as is_mine:
                    if is_mine:
                        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def lock_folder(folder: Path) -> Iterator[bool | None]:
    """Lock a folder until the block or the process ends; yield whether it could be locked.

    False if another process holds it; None if folders cannot be locked at all.
    """
    try:
        import fcntl

        descriptor = os.open(folder, os.O_RDONLY)
    except (ImportError, OSError):  # Windows has no such locks and cannot open folders
        yield None
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


def check_writable_beside(path: str | os.PathLike[str]) -> None:
    """Raise `ModelError` unless a trial folder can be created in the nearest existing parent of `path`."""
    final = resolved(path)
    trial = existing_parent(final) / temporary_name(final).name
    try:
        trial.mkdir()
        trial.rmdir()
    except OSError as error:
        raise ModelError(
            f"{path} cannot be written: {_reason(error)}; choose a folder that you can write to"
        ) from error


def remove(path: Path) -> None:
    """Remove a file, or a folder with its contents, as far as possible."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


@contextmanager
def reading(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a regular file for reading; any failure becomes a `ModelError` that names the file.

    Pipes and devices are refused before opening, because opening one in a stranger's folder could block.
    """
    try:
        if not os.path.exists(path):
            raise ModelError(f"{path} does not exist{home_hint(path)}")
        if not os.path.isfile(path):
            raise ModelError(
                f"{path} is a folder, not a file"
                if os.path.isdir(path)
                else f"{path} is a pipe or a device, which cannot be read again: write its data to a file and name that"
            )
        with open(path, "rb") as file:
            start = file.read(len(_LFS_POINTER))
            if start.lower().startswith(_PAGES):
                raise ModelError(
                    f"{path} is a web page, such as a server's error, and not what should be here: open it in a "
                    "browser to see what it says, and download the file again"
                )
            if start == _LFS_POINTER:
                raise ModelError(
                    f"{path} is a Git LFS pointer, not the file itself: get it with `git lfs pull` in its "
                    "repository, or download it"
                )
            file.seek(0)
            yield file
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {_reason(error)}") from error


@contextmanager
def _removed_on_failure(path: str | os.PathLike[str], remove: Callable[[], None]) -> Iterator[None]:
    """Call `remove` if the block fails, and raise an error that names the path and the reason."""
    try:
        yield
    except BaseException as error:
        with suppress(OSError):
            remove()
        if isinstance(error, NoSpaceError):
            raise NoSpaceError(path, error.needed, error.free) from error
        cause = error.__cause__ if isinstance(error, ModelError) else error  # from a file within a new folder
        if isinstance(cause, OSError):
            raise ModelError(f"{path} cannot be written: {_reason(cause)}") from error
        raise


def _put_beside(new: Path, path: str | os.PathLike[str], final: Path) -> Path:
    """Give the output a free name, because its own was taken, and warn about it."""
    beside = free_name(final)
    os.rename(new, beside)
    shown = beside if os.path.islink(path) else Path(path).with_name(beside.name)
    warnings.warn(SavedBesideWarning(path, shown), stacklevel=5)
    return shown


def _replace_folder(new: Path, final: Path) -> None:
    """Replace the folder `final` by `new`, and delete the old one when the rename is on the disk."""
    if _exchange(new, final):
        sync_folder(final.parent)
        shutil.rmtree(new, ignore_errors=True)  # it has the old content now
        return
    old = temporary_name(final).with_suffix(".old")  # for a moment the only copy: must not be deleted as a leftover
    os.rename(final, old)
    try:
        os.rename(new, final)
    except BaseException:
        os.rename(old, final)
        raise
    sync_folder(final.parent)
    shutil.rmtree(old, ignore_errors=True)


def _exchange(first: Path, second: Path) -> bool:
    """Exchange two names in one step if the system can (Linux); return whether it was done."""
    import ctypes

    at_working_folder, rename_exchange = -100, 2
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError, TypeError):
        return False
    arguments = (at_working_folder, os.fsencode(first), at_working_folder, os.fsencode(second), rename_exchange)
    return bool(renameat2(*arguments) == 0)


def temporary_name(final: Path) -> Path:
    """Return a temporary name beside a final one, for incomplete output; see `remove_leftovers`."""
    return final.with_name(f".{final.name[:100]}.{secrets.token_hex(4)}.tmp")


def home_hint(path: str | os.PathLike[str]) -> str:
    """Return what to say of a missing path that begins with ~, to follow a sentence; nothing for others."""
    begins = os.fspath(path).startswith("~")
    return f"; ~ is the home folder in shells only: give its name{_AT_HOME}" if begins else ""


def resolved(path: str | os.PathLike[str]) -> Path:
    """Return the path with links resolved; raise `ModelError` if its folder cannot exist."""
    if os.fspath(path) == "-":
        raise ModelError("this result cannot go to standard output (-); give a file name")
    if os.fspath(path).startswith("~") and not os.path.lexists(path):
        raise ModelError(f"{path} cannot be written: ~ is the home folder in shells only; give its name{_AT_HOME}")
    final = Path(os.path.realpath(path))
    if not final.name:
        raise ModelError(f"{path} cannot be written: it has no name of its own")
    nearest = existing_parent(final)
    if not nearest.is_dir():
        raise ModelError(f"{path} cannot be written: {nearest} is not a folder")
    return final


def existing_parent(final: Path) -> Path:
    """Return the nearest parent of a name that exists."""
    return next(parent for parent in final.parents if os.path.lexists(parent))


@contextmanager
def parents_made(final: Path) -> Iterator[None]:
    """Create the missing parents of a name, and remove those still empty if the block fails."""
    missing = [parent for parent in final.parents if not os.path.lexists(parent)]
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        with suppress(OSError):
            for parent in missing:
                parent.rmdir()
        raise


def _reason(error: OSError) -> str:
    return error.strerror or str(error)
