"""The map of the page: it is computed in the background, improved step by step, and cached."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.explorer.documents.regions import Regions, find_regions
from w2v.explorer.layout import (
    LAYOUT_VERSION,
    USUAL_EFFORT,
    Effort,
    Layout,
    find_basis,
    first_map,
    lay_out,
    reduce_rows,
)
from w2v.explorer.nearness import Stopped, normalize_rows
from w2v.storage.files import ModelError
from w2v.storage.tensors import read_tensors, write_tensors
from w2v.vectors.embeddings import Embeddings
from w2v.vectors.index import fingerprint
from w2v.vectors.table import VectorTable

DEFAULT_WORDS = 100_000
MAPS_KEPT = 32
_NAMING, _CONSIDERED, _SAYING_LITTLE = 30_000, 40, 300
"""Words per region name, candidates per region, and frequent words that name a region only if there are no others."""
_NAME_WORDS = 3
_NICENESS = 10
_FAST_WORDS = 10_000
_HEAD_START, _PAUSE = 3.0, 0.7
"""Seconds that a page has to request and draw the first map before work on better ones starts."""
_PATIENCE = 2.0
"""Seconds to wait for the thread to stop."""


class MapError(RuntimeError):
    """The map could not be computed."""


class MapState(NamedTuple):
    """The newest map, and a number that grows with every map."""

    version: int
    layout: Layout


class PointMap(ABC):
    """Places and colours of the rows of a table on a map, which is computed in the background.

    Parameters
    ----------
    table : VectorTable
    rows : ndarray of shape (n,), intp
        Rows with nonzero vectors; the first ones matter most, or are a random sample.
    cache : path, optional
        Folder for finished maps. A cached map is not computed again; failing to read or write one is not an error.
    effort : Effort, optional
    made_from : str
        Anything else that the map depends on.

    Attributes
    ----------
    rows : ndarray of shape (n,), intp
        The row of each place.
    groups : ndarray of shape (n,), uint8
        Groups of similar rows, for colours; set by `start`.
    told : callable or None
        Called with each better `Layout`, in the background thread.
    regions : Regions or None
        With names; None until all have their places.
    """

    def __init__(
        self,
        table: VectorTable,
        rows: NDArray[np.intp],
        cache: Path | None = None,
        *,
        effort: Effort = USUAL_EFFORT,
        made_from: str = "",
    ) -> None:
        self._table, self._effort = table, effort
        self.told: Callable[[Layout], None] | None = None
        self.rows = rows
        self._places = np.full(len(table), -1, np.int32)
        self._places[rows] = np.arange(len(rows))
        self._file = None if cache is None else cache / f"{self._fingerprint(made_from)}.safetensors"
        self.groups: NDArray[np.uint8] = np.zeros(len(self.rows), np.uint8)
        self.regions: Regions | None = None
        self._state: MapState | None = None
        self._lock, self._stopped = threading.Lock(), threading.Event()
        self._failure: BaseException | None = None
        self._has_first, self._was_asked = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._work, name="map", daemon=True)

    def start(self) -> None:
        """Start in the background: read the map from the cache, or compute it."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the background work."""
        self._stopped.set()
        self._was_asked.set()
        if self._thread.is_alive():
            self._thread.join(_PATIENCE)

    def state(self) -> MapState:
        """Return the newest map; wait for the first one. Raises MapError if computing it failed or was stopped."""
        self._has_first.wait()
        self._was_asked.set()
        with self._lock:
            if self._state is None:
                raise MapError("the map could not be computed") from self._failure
            return self._state

    def place_of(self, row: int) -> int | None:
        """Return the place of a row among those of the map, None if it has none."""
        place = int(self._places[row])
        return None if place < 0 else place

    def _work(self) -> None:
        try:
            if not self._read():
                self._make()
        except Stopped:
            pass
        except BaseException as error:
            self._failure = error
            raise
        finally:
            self._has_first.set()

    def _make(self) -> None:
        from threadpoolctl import threadpool_limits  # comes with scikit-learn

        # one core, because synchronised threads are slow while a browser renders on the CPU
        with threadpool_limits(1):
            basis = find_basis(self._table, self.rows)
            layout, self.groups = first_map(self._table, self.rows, basis)
            self._show(layout)
            self._step_back()
            reduced = reduce_rows(self._table, self.rows, basis)
            for layout in lay_out(reduced, lambda: not self._stopped.is_set(), self._effort):
                if layout.stage == "final":
                    self._complete(layout)
                self._show(layout)
        self._write(layout)

    def _complete(self, layout: Layout) -> None:
        """Find and name the regions of a map on which all words have their places."""
        self._show(layout._replace(stage="naming", progress=0.9))
        regions = find_regions(layout.points)
        self._hold(regions.named(self._name(regions)))

    @abstractmethod
    def _name(self, regions: Regions) -> list[list[list[str]]]:
        """Return words for each region of each level."""

    def _hold(self, regions: Regions) -> None:
        """Store the regions."""
        self.regions = regions

    def _show(self, layout: Layout) -> None:
        with self._lock:
            self._state = MapState(1 if self._state is None else self._state.version + 1, layout)
        self._has_first.set()
        if self.told is not None:
            self.told(layout)

    def _step_back(self) -> None:
        """Lower the priority of this thread: requests and drawing the first map come first."""
        if len(self.rows) > _FAST_WORDS:
            self._was_asked.wait(_HEAD_START)
            self._stopped.wait(_PAUSE)
        if sys.platform == "linux":  # threads have priorities of their own only there
            with contextlib.suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)

    def _fingerprint(self, made_from: str) -> str:
        digest = hashlib.blake2b(fingerprint(self._table), digest_size=20)
        digest.update(f"{LAYOUT_VERSION} {len(self.rows)}{made_from}".encode())
        digest.update(self.rows.astype(np.int64).tobytes())
        return digest.hexdigest()

    def _read(self) -> bool:
        """Show the cached map; return whether there is one."""
        if self._file is None or not self._file.is_file():
            return False
        try:
            tensors = read_tensors(self._file, mmap=False)
        except ModelError:
            return False  # damaged or not trustworthy: compute the map again
        points, groups = tensors.get("points"), tensors.get("groups")
        n = len(self.rows)
        if points is None or points.dtype != np.float32 or points.shape != (n, 2) or not np.isfinite(points).all():
            return False
        regions = Regions.read(tensors, n)
        if groups is None or groups.dtype != np.uint8 or groups.shape != (n,) or regions is None:
            return False
        with contextlib.suppress(OSError):
            os.utime(self._file)  # marks it as recently used
        self.groups = groups
        self._hold(regions)
        self._show(Layout("final", 1.0, points))
        return True

    def _write(self, layout: Layout) -> None:
        if self._file is None or self.regions is None:
            return
        with contextlib.suppress(OSError, ModelError):  # a full or read-only disk only costs time at the next start
            self._file.parent.mkdir(parents=True, exist_ok=True)
            write_tensors(self._file, {"points": layout.points, "groups": self.groups, **self.regions.tensors()})
            _remove_oldest(self._file.parent)


class WordMap(PointMap):
    """The map of the most frequent words of a model, the most frequent first.

    Parameters
    ----------
    embeddings : Embeddings
    n_words : int, default 100,000
        Number of words to place. Words whose vector is zero or not finite have no place.
    cache : path, optional
        See `PointMap`.

    Raises
    ------
    ValueError
        If no vector can be placed, or `n_words` is below 1.
    """

    def __init__(self, embeddings: Embeddings, n_words: int = DEFAULT_WORDS, cache: Path | None = None) -> None:
        if n_words < 1:
            raise ValueError(f"a map needs at least 1 word, not {n_words}")
        super().__init__(embeddings.table, _frequent_rows(embeddings, n_words), cache)
        self._words = embeddings.index_to_key

    def _name(self, regions: Regions) -> list[list[list[str]]]:
        """Return, for each region, those of its frequent words whose vectors are nearest to that of the region.

        The most frequent words of all carry little meaning, so they name a region only if there are no others.
        """
        units = normalize_rows(self._table.rows(self.rows[:_NAMING]))
        first = min(_SAYING_LITTLE, len(self.rows) // 10)
        names = []
        for level in range(len(regions.levels)):
            labels = regions.labels_of(level)[:_NAMING]
            of_level = []
            for label in range(len(regions.levels[level].spots)):
                places = np.flatnonzero(labels == label)
                usual = places[np.searchsorted(places, first) :][:_CONSIDERED]
                usual = usual if len(usual) else places[:_CONSIDERED]
                likeness = units[usual] @ units[places].sum(axis=0)
                best = usual[np.argsort(-likeness, kind="stable")[:_NAME_WORDS]]
                of_level.append([self._words[row] for row in self.rows[np.sort(best)].tolist()])
            names.append(of_level)
        return names


def _frequent_rows(embeddings: Embeddings, n_words: int) -> NDArray[np.intp]:
    """Return the rows of the most frequent words that can be placed, in order of decreasing count."""
    inverse, counts = embeddings.table.inverse_norms(), embeddings.vocabulary.counts
    usable = np.flatnonzero(inverse > 0)
    if not usable.size:
        raise ValueError("there is nothing to show: every vector of the model is zero or not finite")
    if counts is not None:
        usable = usable[np.argsort(-counts[usable], kind="stable")]
    return usable[:n_words]


def _remove_oldest(folder: Path) -> None:
    """Delete all but the most recently used maps."""
    maps = sorted(folder.glob("*.safetensors"), key=lambda file: file.stat().st_mtime)
    for file in maps[:-MAPS_KEPT]:
        file.unlink()
