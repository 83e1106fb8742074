"""Names that are taken: by a run that is to write there, by what is there already, or for want of space."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from w2v.storage.files import ModelError, NoSpaceError, existing_parent, parents_made, resolved


class OutputClaimedError(ModelError):
    """Another run is writing to this name."""


@contextmanager
def claimed(path: str | os.PathLike[str]) -> Iterator[None]:
    """Claim a name for as long as the block takes, before what shall be written there is computed.

    The claim is a lock on a hidden file beside it, ``.NAME.lock``, so that it ends with the process however that ends.
    A claim is not to be made twice, not even by the same process. A missing folder is made. A symbolic link is
    followed. Where there are no such locks (Windows, some network file systems) nothing is claimed, and runs find out
    when they save: see `w2v.storage.rescue`.

    OutputClaimedError if another run has claimed the name; ModelError if its folder cannot be made or written.
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
                    file.unlink()  # first, so that nobody can lock a file that is gone without finding that out
                os.close(descriptor)


def check_unclaimed(path: str | os.PathLike[str]) -> None:
    """Raise `OutputClaimedError` if a run that is at work has claimed a name."""
    if _lock_file(resolved(path)).exists():
        with claimed(path):
            pass


def check_free_space(path: str | os.PathLike[str], n_bytes: int) -> None:
    """Raise `NoSpaceError` if a disk has not the space for a file or folder that takes `n_bytes` at least."""
    try:
        free = shutil.disk_usage(existing_parent(Path(os.path.realpath(path)))).free
    except OSError:
        return
    if free < n_bytes:
        raise NoSpaceError(path, n_bytes, free)


def check_share(path: str | os.PathLike[str], n_bytes: int, done: int, total: int | None) -> None:
    """Raise `NoSpaceError` if a disk has not the space for all of what is being written.

    The text so far becomes `n_bytes`; it is `done` of `total` at most. Where the total is unknown, nothing is checked.
    """
    if total and done:
        check_free_space(path, n_bytes * total // done)


def _lock_file(final: Path) -> Path:
    return final.with_name(f".{final.name[:100]}.lock")


def _lock(file: Path, path: str | os.PathLike[str]) -> int | None:
    """Return the open lock, or None where files cannot be locked."""
    try:
        import fcntl
    except ImportError:
        return None
    while True:
        try:
            descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            if error.errno == errno.ENOSPC:  # the file alone needs none; what follows says how much it lacks
                return None
            raise _refused(path, error) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.read(descriptor, 20).decode("ascii", "replace").strip()
            os.close(descriptor)
            raise OutputClaimedError(
                f"{path} is being written by another run{owner and f' (process {owner})'}; wait for its end, or "
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
        os.close(descriptor)  # its owner has removed it meanwhile


def _refused(path: str | os.PathLike[str], error: OSError) -> ModelError:
    return ModelError(f"{path} cannot be written: {error.strerror}; choose a folder that you may write to")


def _is_at(descriptor: int, file: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(file))
    except OSError:
        return False
