"""Results are never discarded: if the name is taken or the disk is full, they are saved elsewhere."""

from __future__ import annotations

import errno
import os
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from w2v.storage.files import ModelError, NoSpaceError, OutputTakenError, SavedBesideWarning, free_name

_OF_THE_PLACE = frozenset(
    getattr(errno, name)
    for name in ("ENOSPC", "EDQUOT", "EFBIG", "EACCES", "EPERM", "EROFS", "EIO", "ENOENT", "ENOTDIR")
)


class SavedElsewhereError(ModelError):
    """A result could not be saved as requested; it is at `path`, or only in memory if that is None."""

    def __init__(self, message: str, path: Path | None) -> None:
        super().__init__(message)
        self.path = path


def save_result(
    write: Callable[[Path], None], output: str | os.PathLike[str], *, inputs: Iterable[str | os.PathLike[str]] = ()
) -> Path:
    """Write a result to its output or, failing that, elsewhere, and return its path.

    `write` writes the result to a given path. If the name of the output was taken, the result goes beside it, with a
    `SavedBesideWarning`. If the disk is full or protected, it goes beside the `inputs`, the files it was made from, or
    else to the current folder or the system's temporary folder. Raises SavedElsewhereError in these cases, also if no
    folder took the result; ModelError if the failure has another cause.
    """
    try:
        write(Path(output))
        return Path(output)
    except OutputTakenError as error:
        beside = free_name(Path(output))
        write(beside)
        warnings.warn(SavedBesideWarning(output, beside, str(error)), stacklevel=2)
        return beside
    except ModelError as error:
        if not is_of_the_place(error):
            raise
        reason = error
    for folder in _other_folders(Path(output), inputs):
        place = folder / Path(output).name
        place = free_name(place) if os.path.lexists(place) else place
        try:
            write(place)
        except ModelError:
            continue
        raise SavedElsewhereError(f"{reason}. The result is saved in {place}", place) from reason
    raise SavedElsewhereError(f"{reason}. No other folder took the result", None) from reason


def is_of_the_place(error: ModelError) -> bool:
    """Return whether writing failed for lack of space or permission, so it may succeed elsewhere."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, NoSpaceError):
            return True
        if isinstance(cause, OSError):
            return cause.errno in _OF_THE_PLACE
        cause = cause.__cause__
    return False


def _other_folders(output: Path, inputs: Iterable[str | os.PathLike[str]]) -> Iterator[Path]:
    given = [Path(os.path.realpath(path)).parent for path in inputs if os.fspath(path) != "-"]
    folders = [*given, Path.cwd(), Path(tempfile.gettempdir())]
    for folder in dict.fromkeys(folders):
        if folder != Path(os.path.realpath(output)).parent:
            yield folder
