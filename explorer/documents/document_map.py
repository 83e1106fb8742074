"""The map of an index: where its sentences lie, the regions they lie in, and what these are called."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.encoder.retrieval import SentenceIndex
from w2v.encoder.retrieval.keywords.terms import Terms
from w2v.explorer.documents.regions import Level, Regions, find_regions
from w2v.explorer.layout import USUAL_EFFORT, Effort, Layout
from w2v.explorer.word_map import PointMap

MOST_POINTS = 1_000_000
"""Of a larger index a random sample is shown; all of it is searched."""
NAME_WORDS = 3
_MANY = 50_000
_QUICK = Effort(n_columns=48, rows_a_cell=512, cells_searched=4, n_iterations=30)
_NAMES_VERSION = 1
_COLORS = 12


class DocumentMap(PointMap):
    """The map of the sentences of an index, in random order.

    Parameters
    ----------
    index : SentenceIndex
    cache : path, optional
        See `PointMap`.

    Attributes
    ----------
    regions : Regions or None
        None until all have their places.
    names : list of list of list of str
        The words that each region of each level is named by, the most telling first.
    """

    def __init__(self, index: SentenceIndex, cache: Path | None = None) -> None:
        usable = np.flatnonzero(index.table.inverse_norms() > 0)
        if not usable.size:
            raise ValueError(f"there is nothing to show: {index.path} has no sentence that has a vector")
        rows = np.random.default_rng(0).permutation(usable)[:MOST_POINTS]
        effort = USUAL_EFFORT if len(rows) <= _MANY else _QUICK
        made_from = f" sentences {_NAMES_VERSION} {index.contents.to_config()}"
        super().__init__(index.table, rows, cache, effort=effort, made_from=made_from)
        self._index = index
        self.regions: Regions | None = None
        self.names: list[list[list[str]]] = []

    def _complete(self, layout: Layout) -> None:
        self._show(layout._replace(stage="naming", progress=0.9))
        regions = find_regions(layout.points)
        terms = Terms.of(self._index)
        labels = [self._labels(regions, level) for level in range(len(regions.levels))]
        terms = terms.without(terms.stop_words(labels[min(1, len(labels) - 1)]))
        self.names = [
            [[word for word, _ in named] for named in terms.keywords(labels[i], NAME_WORDS, len(level.spots))]
            for i, level in enumerate(regions.levels)
        ]
        self._hold(regions)

    def _hold(self, regions: Regions) -> None:
        """Colour each point by its region of the first level."""
        n = len(regions.levels[0].spots)
        colors = np.arange(n) * _COLORS // n if n <= _COLORS else np.arange(n) % _COLORS
        self.groups = colors[regions.labels_of(0)].astype(np.uint8)
        self.regions = regions

    def _labels(self, regions: Regions, level: int) -> NDArray[np.int64]:
        """Return the region of a level that each sentence lies in, -1 if it is not on the map."""
        labels = np.full(len(self._table), -1, np.int64)
        labels[self.rows] = regions.labels_of(level)
        return labels

    def _kept(self) -> dict[str, NDArray[Any]]:
        assert self.regions is not None
        kept: dict[str, NDArray[Any]] = {"labels": self.regions.labels}
        for i, level in enumerate(self.regions.levels):
            kept |= {f"spots{i}": level.spots, f"parents{i}": level.parents}
        return kept | {"names": np.frombuffer(json.dumps(self.names).encode(), np.uint8)}

    def _adopt(self, tensors: dict[str, NDArray[Any]]) -> bool:
        try:
            n_levels = sum(name.startswith("spots") for name in tensors)
            levels = [Level(tensors[f"spots{i}"], tensors[f"parents{i}"]) for i in range(n_levels)]
            names = json.loads(tensors["names"].tobytes())
            regions = Regions(levels, tensors["labels"])
            is_whole = _is_whole(regions, len(self.rows)) and list(map(len, names)) == [len(x.spots) for x in levels]
        except (KeyError, ValueError, TypeError, IndexError, RecursionError):
            return False  # of a damaged file: the map is made again
        if is_whole:
            self._hold(regions)
            self.names = names
        return is_whole


def _is_whole(regions: Regions, n: int) -> bool:
    """Say whether kept regions are of `n` points, and lie in each other."""
    if regions.labels.shape != (n,) or regions.labels.dtype != np.uint16:
        return False
    n_above = 1
    for spots, parents in regions.levels:
        if spots.shape != (len(parents), 2) or not len(parents) or not 0 <= parents.min() <= parents.max() < n_above:
            return False
        n_above = len(parents)
    return int(regions.labels.max()) < n_above and bool(regions.levels)
