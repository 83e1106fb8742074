"""Results that are written while they are computed, and move to another disk if theirs is full."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Generic, TypeVar

from w2v.storage.files import ModelError, free_name, remove, temporary_name
from w2v.storage.rescue import SavedElsewhereError

Item = TypeVar("Item")
Self = TypeVar("Self", bound="Growing")


class Waiting(Generic[Item]):
    """Items that are computed one after another; each is kept until it has been written.

    A new iteration continues with the item that the previous loop did not finish.

    Parameters
    ----------
    items : iterable
    """

    def __init__(self, items: Iterable[Item]) -> None:
        self._items = iter(items)
        self._held: list[Item] = []

    def __iter__(self) -> Iterator[Item]:
        while True:
            try:
                self._held = self._held or [next(self._items)]
            except StopIteration:
                return
            except OSError as error:  # not a failure to write, which would make the caller try another place
                raise ValueError(f"the input cannot be read: {error.strerror or error}") from error
            yield self._held[0]
            self._held = []


class Growing(ABC):
    """A file or folder that is written while its content is computed.

    It is a context manager. If no disk had enough space, the largest part written is left beside its name, as
    ``STEM.partial``.

    Attributes
    ----------
    part : Path or None
        The largest part that any place had space for.
    """

    def __init__(self) -> None:
        self.part: Path | None = None
        self._kept = 0

    def __enter__(self: Self) -> Self:
        return self

    def keep(self, written: str | os.PathLike[str], place: Path, n_items: int) -> None:
        """Keep the part written at a place, before it is removed, if it has more items than any other."""
        if n_items > self._kept:
            kept = Path(written).rename(temporary_name(Path(os.path.realpath(place))))
            self.drop()
            self.part, self._kept = kept, n_items

    def drop(self) -> None:
        """Remove the kept part."""
        if self.part is not None:
            remove(self.part)
        self.part = None

    @abstractmethod
    def finish(self, part: Path) -> tuple[str, str]:
        """Turn a part into a valid file or folder; return the name to base its own on, and what it holds."""

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        left: SavedElsewhereError | None = None
        if isinstance(error, ModelError) and self.part is not None:
            with suppress(OSError, ModelError):  # the first error matters more
                name, held = self.finish(self.part)
                place = self.part.with_name(name)
                place = place.with_name(f"{place.stem}.partial{place.suffix}")
                place = self.part.rename(free_name(place) if os.path.lexists(place) else place)
                left = SavedElsewhereError(f"{error}; {held} are in {place}", place)
        self.drop()
        if left is not None:
            raise left from error
