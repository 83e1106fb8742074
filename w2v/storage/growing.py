"""Results that are written while they are computed: where a disk is full, they go along to another."""

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
    """Items that are computed one after another; each waits until it is written.

    Iterating again goes on with the item that the loop before did not get done with.

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
            except OSError as error:  # no failure to write, after which another place would be tried
                raise ValueError(f"what is to be written cannot be read: {error.strerror or error}") from error
            yield self._held[0]
            self._held = []


class Growing(ABC):
    """A file or folder that is written while what it holds is computed.

    It is a context. What was written of one that no disk had space for is left beside its name, as ``STEM.partial``.

    Attributes
    ----------
    part : Path or None
        What the place with the most space had space for, the first of several such.
    """

    def __init__(self) -> None:
        self.part: Path | None = None
        self._kept = 0

    def __enter__(self: Self) -> Self:
        return self

    def keep(self, written: str | os.PathLike[str], place: Path, n_items: int) -> None:
        """Keep what was written for a place, before it is removed, if that are more items than elsewhere."""
        if n_items > self._kept:
            kept = Path(written).rename(temporary_name(Path(os.path.realpath(place))))
            self.drop()
            self.part, self._kept = kept, n_items

    def drop(self) -> None:
        """Remove what was kept."""
        if self.part is not None:
            remove(self.part)
        self.part = None

    @abstractmethod
    def finish(self, part: Path) -> tuple[str, str]:
        """Make something whole of a part; return what its name is derived from, and what it holds."""

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        left: SavedElsewhereError | None = None
        if isinstance(error, ModelError) and self.part is not None:
            with suppress(OSError, ModelError):  # of the first error then
                name, held = self.finish(self.part)
                place = self.part.with_name(name)
                place = place.with_name(f"{place.stem}.partial{place.suffix}")
                place = self.part.rename(free_name(place) if os.path.lexists(place) else place)
                left = SavedElsewhereError(f"{error}; {held} are in {place}", place)
        self.drop()
        if left is not None:
            raise left from error
