"""Regions of a map: hills of its density, in nested levels from few large ones to many small ones."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.explorer.layout import Points

SIDE = 256
"""Cells along each direction of the density grid."""
_WANTED = (10, 40, 160, 640)
_LEAST_POINTS = 24
"""Minimum average number of points per region."""
_SMALL = 0.15
"""Hills with a smaller fraction of the average number of points join the nearest other hill."""
_WIDEST, _NARROWEST, _NARROWING = SIDE / 6, 0.5, 0.8
_SHIFTS = [(0, 0), *((dx, dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1) if (dx, dy) != (0, 0))]


class Level(NamedTuple):
    """The regions of one zoom level.

    Attributes
    ----------
    spots : ndarray of shape (K, 2), float32
        The densest point of each region.
    parents : ndarray of shape (K,), int64
        The enclosing region of the previous level; zeros on the first.
    names : list of K lists of str
        The keywords of each region, the strongest first.
    """

    spots: Points
    parents: NDArray[np.int64]
    names: list[list[str]]


class Regions(NamedTuple):
    """The regions of a map, level by level, from few large ones to many small ones.

    Attributes
    ----------
    levels : list of Level
        At least one level. The regions of the first level are ordered around the middle of the map.
    labels : ndarray of shape (n,), uint16
        The region of each point on the last level.
    """

    levels: list[Level]
    labels: NDArray[np.uint16]

    def labels_of(self, level: int) -> NDArray[np.int64]:
        """Return the region of each point on a level, shape (n,)."""
        labels = np.arange(len(self.levels[-1].spots))
        for deeper in self.levels[:level:-1]:
            labels = deeper.parents[labels]
        chosen: NDArray[np.int64] = labels[self.labels]
        return chosen

    def named(self, names: Sequence[list[list[str]]]) -> Regions:
        """Return the regions with names for each level."""
        return self._replace(levels=[x._replace(names=words) for x, words in zip(self.levels, names, strict=True)])

    def described(self) -> list[list[dict[str, Any]]]:
        """Return the regions of each level in JSON types: ``words``, ``spot``, ``parent`` and ``size``."""
        described = []
        for i, (spots, parents, names) in enumerate(self.levels):
            sizes = np.bincount(self.labels_of(i), minlength=len(spots)).tolist()
            places = np.round(spots.astype(float), 4).tolist()
            entries = zip(names, places, parents.tolist(), sizes, strict=True)
            described.append([{"words": w, "spot": s, "parent": p, "size": n} for w, s, p, n in entries])
        return described

    def tensors(self) -> dict[str, NDArray[Any]]:
        """Return the regions as arrays; see `read`."""
        kept: dict[str, NDArray[Any]] = {"labels": self.labels}
        for i, (spots, parents, _) in enumerate(self.levels):
            kept |= {f"spots{i}": spots, f"parents{i}": parents}
        names = json.dumps([level.names for level in self.levels]).encode()
        return kept | {"names": np.frombuffer(names, np.uint8)}

    @classmethod
    def read(cls, tensors: Mapping[str, NDArray[Any]], n: int) -> Regions | None:
        """Return the regions of `n` points from arrays, or None if these are damaged."""
        n_levels = sum(name.startswith("spots") for name in tensors)
        try:
            names = json.loads(tensors["names"].tobytes())
            levels = [Level(tensors[f"spots{i}"], tensors[f"parents{i}"], names[i]) for i in range(n_levels)]
            labels = tensors["labels"]
            is_whole = n_levels > 0 and labels.shape == (n,) and labels.dtype == np.uint16
            n_above = 1
            for spots, parents, words in levels:
                is_whole &= spots.shape == (len(parents), 2) and len(words) == len(parents) > 0
                is_whole &= 0 <= parents.min() <= parents.max() < n_above
                n_above = len(parents)
            is_whole &= labels.max() < n_above
        except (KeyError, ValueError, TypeError, IndexError, RecursionError):
            return None
        return cls(levels, labels) if is_whole else None


def find_regions(points: Points) -> Regions:
    """Return the regions of points, shape (n, 2): the hills of their density, smoothed more and less [1]_.

    Every point belongs to the hill it is on, as if each point climbed to a peak of the density. With strong smoothing
    there are about 10 hills; with less, about 40, 160 and 640, if there are enough points.

    References
    ----------
    .. [1] Chaudhuri and Marron 2000, Scale space view of curve estimation, Annals of Statistics 28(2).
    """
    low, high = points.min(axis=0), points.max(axis=0)
    extent = np.maximum(high - low, 1e-9)
    cells = np.minimum(((points - low) / extent * SIDE).astype(np.int64), SIDE - 1)
    cells = cells[:, 0] * SIDE + cells[:, 1]
    counts = np.bincount(cells, minlength=SIDE * SIDE).reshape(SIDE, SIDE).astype(np.float64)
    found: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []  # the peaks of each level, and the peak of each cell
    width = _WIDEST
    for wanted in _WANTED:
        wanted = max(1, min(wanted, len(points) // _LEAST_POINTS))
        if found and wanted < 2 * len(found[-1][0]):
            break
        peaks, of_cells = _hills(counts, width, wanted)
        while len(peaks) < wanted and width > _NARROWEST:
            width *= _NARROWING
            peaks, of_cells = _hills(counts, width, wanted)
        if not found or len(peaks) > len(found[-1][0]):
            found.append((peaks, of_cells))
    return _nested(found, cells, low, extent / SIDE)


def _hills(counts: NDArray[np.float64], width: float, wanted: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the peak cells of a smoothed density, and the number of the peak of each cell."""
    from scipy.ndimage import gaussian_filter

    density = gaussian_filter(counts, width, mode="constant", truncate=3.0)
    padded = np.pad(density, 1, constant_values=-1.0)
    around = np.stack([padded[1 + dx : 1 + dx + SIDE, 1 + dy : 1 + dy + SIDE] for dx, dy in _SHIFTS])
    steps = np.array([dx * SIDE + dy for dx, dy in _SHIFTS])
    higher = np.arange(SIDE * SIDE) + steps[around.argmax(axis=0)].reshape(-1)  # ties go to the cell itself
    while not np.array_equal(further := higher[higher], higher):
        higher = further
    masses = np.bincount(higher, counts.reshape(-1), minlength=SIDE * SIDE)
    peaks = np.flatnonzero(masses > 0)
    is_large = masses[peaks] >= _SMALL * counts.sum() / wanted
    large = peaks[is_large] if wanted > 1 and is_large.any() else peaks[[masses[peaks].argmax()]]
    places = np.stack(np.divmod(peaks, SIDE), axis=1), np.stack(np.divmod(large, SIDE), axis=1)
    distances = np.square(places[0][:, None] - places[1]).sum(axis=2)
    number = np.zeros(SIDE * SIDE, np.int64)
    number[peaks] = distances.argmin(axis=1)
    return large, number[higher]


def _nested(
    found: list[tuple[NDArray[np.int64], NDArray[np.int64]]],
    cells: NDArray[np.int64],
    low: NDArray[np.float32],
    side: NDArray[np.float32],
) -> Regions:
    """Return levels in which every region is nested in the region of the previous level with most of its points."""
    numbers = [of_cells[cells] for _, of_cells in found]
    levels: list[Level] = []
    kept = np.unique(numbers[-1])  # regions without points of their own are dropped
    labels = np.searchsorted(kept, numbers[-1]).astype(np.uint16)
    for i in range(len(found) - 1, -1, -1):
        spots = np.stack(np.divmod(found[i][0][kept], SIDE), axis=1) + 0.5
        parents = np.zeros(len(kept), np.int64)
        if i > 0:
            shared = np.zeros((len(found[i][0]), len(found[i - 1][0])), np.int64)
            np.add.at(shared, (numbers[i], numbers[i - 1]), 1)
            above, parents = np.unique(shared[kept].argmax(axis=1), return_inverse=True)
        levels.insert(0, Level((low + spots * side).astype(np.float32), parents, []))
        kept = above if i > 0 else kept
    return Regions(_around(levels), labels)


def _around(levels: list[Level]) -> list[Level]:
    """Return levels, the first ordered around the middle, so that neighbours have similar colours."""
    spots = levels[0].spots
    angles = np.arctan2(*(spots - spots.mean(axis=0)).T)
    order = np.argsort(angles, kind="stable")
    number = np.argsort(order)
    levels[0] = levels[0]._replace(spots=spots[order])
    if len(levels) > 1:
        levels[1] = levels[1]._replace(parents=number[levels[1].parents])
    return levels
