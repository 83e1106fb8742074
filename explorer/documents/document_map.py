"""The map of an index: places of its sentences, regions, and names of regions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from w2v.encoder.retrieval import SentenceIndex
from w2v.encoder.retrieval.keywords.terms import Terms
from w2v.explorer.documents.regions import Regions
from w2v.explorer.layout import USUAL_EFFORT, Effort
from w2v.explorer.word_map import PointMap

MOST_POINTS = 1_000_000
"""Maximum number of points; a larger index shows a random sample, but all of it is searched."""
NAME_WORDS = 3
_MANY = 50_000
_QUICK = Effort(n_columns=48, rows_a_cell=512, cells_searched=4, n_iterations=30)
_NAMES_VERSION = 2
_ENGLISH = {"the", "of", "and"}
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
    numbers : ndarray of shape (n,), intp
        The number of each place's sentence among those that are not removed.
    """

    def __init__(self, index: SentenceIndex, cache: Path | None = None) -> None:
        live = index.rows.live_rows
        usable = live[index.rows.table.inverse_norms(live) > 0]
        if not usable.size:
            raise ValueError(f"there is nothing to show: no sentence of {index.path} has a vector")
        rows = np.random.default_rng(0).permutation(usable)[:MOST_POINTS]
        effort = USUAL_EFFORT if len(rows) <= _MANY else _QUICK
        made_from = f" sentences {_NAMES_VERSION} {index.contents.to_config()}"
        super().__init__(index.rows.table, rows, cache, effort=effort, made_from=made_from)
        self._index = index
        self.numbers = np.searchsorted(live, rows)

    def _hold(self, regions: Regions) -> None:
        """Colour each point by its region of the first level."""
        super()._hold(regions)
        n = len(regions.levels[0].spots)
        colors = np.arange(n) * _COLORS // n if n <= _COLORS else np.arange(n) % _COLORS
        self.groups = colors[regions.labels_of(0)].astype(np.uint8)

    def _name(self, regions: Regions) -> list[list[list[str]]]:
        """Return the keywords of each region, which distinguish it from the others of its level."""
        terms = Terms.of(self._index)
        labels = [self._labels(regions, level) for level in range(len(regions.levels))]
        terms = terms.without(_stop_words(terms, labels[min(1, len(labels) - 1)]))
        return [
            [[word for word, _ in named] for named in terms.keywords(labels[i], NAME_WORDS, len(level.spots))]
            for i, level in enumerate(regions.levels)
        ]

    def _labels(self, regions: Regions, level: int) -> NDArray[np.int64]:
        """Return the region of each sentence on a level, -1 if the sentence is not on the map."""
        labels = np.full(len(self._index), -1, np.int64)
        labels[self.numbers] = regions.labels_of(level)
        return labels


def _stop_words(terms: Terms, labels: NDArray[np.int64]) -> list[str]:
    """Return the stop words of the sentences: those found in the sentences, and for English also the listed ones."""
    own = terms.stop_words(labels)
    return terms.stop_words(labels, "english") if _ENGLISH <= {word.lower() for word in own} else own
