"""Output names: claimed by a run before it writes, and checked for free disk space."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from w2v.storage.files import ModelError, NoSpaceError, existing_parent, parents_made, resolved


class OutputClaimedError(ModelError):
    """Another run has claimed this name."""


@contextmanager
def claimed(path: str | os.PathLike[str]) -> Iterator[None]:
    """Claim an output name for the duration of the block, before the output is computed.

    The claim is a lock on a hidden file, ``.NAME.lock``, in the same folder, so it ends with the process, however that
    ends. Even the same process cannot claim a name twice. A missing folder is created, and a symbolic link is followed.
    Without file locks (on Windows and some network file systems) nothing is claimed, and runs detect conflicts when
    they save: see `w2v.storage.rescue`.

    Raises OutputClaimedError if another run has claimed the name, and ModelError if its folder cannot be created or
    written.
    """
    final = resolved(path)
    file = _lock_file(final)
    with ExitStack() as held:
        try:
            held.enter_context(parents_made(final))
        except OSError as error:
            raise _refused(path, error) from error
        descriptor = _lock(file, path)
        try:
            yield
        finally:
            if descriptor is not None:
                with suppress(OSError):
                    file.unlink()  # before unlocking, so nobody relies on a lock of a removed file
                os.close(descriptor)


def check_unclaimed(path: str | os.PathLike[str]) -> None:
    """Raise `OutputClaimedError` if a running process has claimed a name."""
    if _lock_file(resolved(path)).exists():
        with claimed(path):
            pass


def check_free_space(path: str | os.PathLike[str], n_bytes: int) -> None:
    """Raise `NoSpaceError` if the disk lacks space for a file or folder of at least `n_bytes`."""
    try:
        free = shutil.disk_usage(existing_parent(Path(os.path.realpath(path)))).free
    except OSError:
        return
    if free < n_bytes:
        raise NoSpaceError(path, n_bytes, free)


def check_share(path: str | os.PathLike[str], n_bytes: int, done: int, total: int | None) -> None:
    """Raise `NoSpaceError` if the disk lacks space for the whole of an output in progress.

    The first `done` of at most `total` units of input make `n_bytes` of output. Nothing is checked if the total is
    unknown.
    """
    if total and done:
        check_free_space(path, n_bytes * total // done)


def _lock_file(final: Path) -> Path:
    return final.with_name(f".{final.name[:100]}.lock")


def _lock(file: Path, path: str | os.PathLike[str]) -> int | None:
    """Return the open lock, or None if files cannot be locked."""
    try:
        import fcntl
    except ImportError:
        return None
    while True:
        try:
            descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            if (
                error.errno == errno.ENOSPC
            ):  # an empty file needs no space; the write that follows reports how much is missing
                return None
            raise _refused(path, error) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.read(descriptor, 20).decode("ascii", "replace").strip()
            os.close(descriptor)
            raise OutputClaimedError(
                f"{path} is being written by another run{owner and f' (process {owner})'}; wait until it ends, or "
                "choose another name"
            ) from None
        except OSError:
            os.close(descriptor)
            return None
        if _is_at(descriptor, file):
            with suppress(OSError):
                os.truncate(descriptor, 0)
                os.write(descriptor, f"{os.getpid()}\n".encode())
            return descriptor
        os.close(descriptor)  # its owner removed it in the meantime


def _refused(path: str | os.PathLike[str], error: OSError) -> ModelError:
    return ModelError(f"{path} cannot be written: {error.strerror}; choose a folder that you can write to")


def _is_at(descriptor: int, file: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(file))
    except OSError:
        return False
