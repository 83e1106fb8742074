"""A map of words: first the principal plane, then better maps, in which neighbours in the model are neighbours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.explorer.nearness import CELLS_SEARCHED, ROWS_A_CELL, Near, Stopped, find_means, nearest_rows, normalize_rows
from w2v.vectors.table import VectorTable

Points = NDArray[np.float32]
Stage = Literal["first", "rough", "refining", "naming", "final"]

LAYOUT_VERSION = 2
"""Version of the algorithm; changes whenever the same words would get different places."""

_COLUMNS = 128
_SAMPLED_ROWS = 10_000
_BLOCK_ROWS = 16_384
_LANDMARKS = 12_000
_NEIGHBORS = 15
_NEAR_LANDMARKS = 3
_NOISE = 5
_SPREAD = 0.6
_SHARPNESS, _SHAKE = 20.0, 0.05
_LANDMARK_ITERATIONS = 300
_EXTENT = 10.0
_SEED = 0x9E3779B97F4A7C15
_EVENNESS = 0.45
"""Weight of the density of points in stretching each axis of the map."""
_STRAY, _EDGE = 0.8, 0.002
_GROUPS = 12
_GROUPED_ROWS, _GROUP_ITERATIONS = 8_000, 12


class Layout(NamedTuple):
    """The places of words.

    Attributes
    ----------
    stage : {"first", "rough", "refining", "naming", "final"}
    progress : float
        Completed fraction of the work, in [0, 1].
    points : ndarray of shape (n, 2), float32
        Centred; most lie within [-1, 1].
    """

    stage: Stage
    progress: float
    points: Points


class Basis(NamedTuple):
    """The principal directions of the words.

    Attributes
    ----------
    center : ndarray of shape (D,), float32
    directions : ndarray of shape (D, at most 128), float32
        Orthogonal, in order of decreasing variance.
    sample : ndarray of shape (at most 10,000, D), float32
        The centred unit rows from which they were computed.
    """

    center: NDArray[np.float32]
    directions: NDArray[np.float32]
    sample: NDArray[np.float32]


def find_basis(table: VectorTable, rows: NDArray[np.intp]) -> Basis:
    """Return the principal directions of the first 10,000 of some rows at length 1, the most frequent words first.

    The rows are finite and not zero.
    """
    sample = _units(table, rows[:_SAMPLED_ROWS])
    center = sample.mean(axis=0)
    sample -= center
    _, vectors = np.linalg.eigh(sample.T @ sample)
    directions = np.ascontiguousarray(vectors[:, ::-1][:, :_COLUMNS])
    # the sign of an eigenvector depends on the library; fix it, so that maps are the same everywhere
    directions *= np.where(directions[np.abs(directions).argmax(axis=0), range(directions.shape[1])] < 0, -1, 1)
    return Basis(center, directions, sample)


def first_map(table: VectorTable, rows: NDArray[np.intp], basis: Basis) -> tuple[Layout, NDArray[np.uint8]]:
    """Return the principal plane, and at most 12 groups of similar words for colours, in one pass over the rows.

    Groups with adjacent numbers are similar; they have the shape (n,).
    """
    sample = normalize_rows(basis.sample[:_GROUPED_ROWS] @ basis.directions)
    means = find_means(sample, min(_GROUPS, len(sample)), _GROUP_ITERATIONS)
    means = means[np.argsort(np.arctan2(means[:, 1 % means.shape[1]], means[:, 0]), kind="stable")]
    both = np.concatenate([basis.directions[:, :2], basis.directions @ means.T], axis=1)
    found = _project(table, rows, basis.center, both)
    width = min(2, basis.directions.shape[1])
    points = np.zeros((len(rows), 2), np.float32)
    points[:, :width] = found[:, :width]
    groups: NDArray[np.uint8] = found[:, width:].argmax(axis=1).astype(np.uint8)
    return Layout("first", 0.0, fit_to_map(points)), groups


def reduce_rows(table: VectorTable, rows: NDArray[np.intp], basis: Basis) -> NDArray[np.float32]:
    """Return the rows at length 1 in the directions of a basis, shape (n, number of directions), float32."""
    return _project(table, rows, basis.center, basis.directions)


def _project(
    table: VectorTable, rows: NDArray[np.intp], center: NDArray[np.float32], directions: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return products of centred unit rows with directions; the rows are read a block at a time."""
    projected = np.empty((len(rows), directions.shape[1]), np.float32)
    order = np.argsort(rows, kind="stable")  # in disk order
    for start in range(0, len(rows), _BLOCK_ROWS):
        block = order[start : start + _BLOCK_ROWS]
        projected[block] = _units(table, rows[block]) @ directions
    projected -= center @ directions
    return projected


def _units(table: VectorTable, rows: NDArray[np.intp]) -> NDArray[np.float32]:
    is_run = len(rows) > 0 and rows[-1] - rows[0] == len(rows) - 1 and (np.diff(rows) == 1).all()
    index = slice(rows[0], rows[-1] + 1) if is_run else rows  # a slice is not copied first
    units: NDArray[np.float32] = table.unscaled(index) * table.inverse_norms(index)[:, None]
    return units


class Effort(NamedTuple):
    """Settings of the quality of the last map.

    Attributes
    ----------
    n_columns : int
        Number of columns of the reduced rows to find neighbours by.
    rows_a_cell, cells_searched : int
        See `nearest_rows`.
    n_iterations : int
        Number of times to move all points.
    """

    n_columns: int = _COLUMNS
    rows_a_cell: int = ROWS_A_CELL
    cells_searched: int = CELLS_SEARCHED
    n_iterations: int = 120


USUAL_EFFORT = Effort()


def lay_out(
    reduced: NDArray[np.float32], is_wanted: Callable[[], bool], effort: Effort = USUAL_EFFORT
) -> Iterator[Layout]:
    """Yield increasingly good maps of words; the last has the stage "final". The same rows give the same maps.

    The most frequent words are laid out first, starting from the principal plane. The others start beside the nearest
    of these landmarks. Then all of them move.

    Parameters
    ----------
    reduced : ndarray of shape (n, d), float32
        As `reduce_rows` returns them, the most frequent words first.
    is_wanted : callable
        Asked several times a second; when it returns False, `Stopped` is raised.
    effort : Effort, optional
    """
    plane = np.zeros((len(reduced), 2), np.float32)
    plane[:, : reduced.shape[1]] = reduced[:, :2]
    if len(reduced) <= _NEIGHBORS:
        yield Layout("final", 1.0, fit_to_map(plane))
        return
    from w2v.explorer.layout_kernels import move_points, weigh_neighbors

    units, state = normalize_rows(reduced[:, : effort.n_columns]), np.array([_SEED], np.uint64)

    def improve(points: Points, near: Near, n_iterations: int, rate: float) -> Iterator[float]:
        weights = np.empty_like(near.similarities)
        weigh_neighbors(near.similarities, weights)
        for number in range(n_iterations):
            if not is_wanted():
                raise Stopped
            move_points(points, near.rows, weights, rate * (1 - number / n_iterations), _NOISE, _SPREAD, state)
            yield (number + 1) / n_iterations

    n_landmarks = min(_LANDMARKS, len(reduced))
    landmarks = _EXTENT * fit_to_map(plane[:n_landmarks])
    near = nearest_rows(units, n_landmarks, slice(0, n_landmarks), _NEIGHBORS, is_wanted)
    for _ in improve(landmarks, near, _LANDMARK_ITERATIONS, 1.0):
        pass
    if n_landmarks == len(reduced):
        yield Layout("final", 1.0, fit_to_map(landmarks))
        return
    find = partial(nearest_rows, units, is_wanted=is_wanted, cells_searched=effort.cells_searched)
    near = find(n_landmarks, slice(n_landmarks, None), _NEAR_LANDMARKS)
    points = np.concatenate([landmarks, _between(landmarks, near)])
    yield Layout("rough", 0.3, fit_to_map(points))
    near = find(len(units), slice(None), _NEIGHBORS, rows_a_cell=effort.rows_a_cell)
    shown = 0.0
    for done in improve(points, near, effort.n_iterations, 0.5):
        if done - shown >= 0.1 and done < 1:
            shown = done
            yield Layout("refining", 0.6 + 0.4 * done, fit_to_map(points))
    yield Layout("final", 1.0, fit_to_map(points))


def _between(landmarks: Points, near: Near) -> Points:
    """Return a place for each row between its nearest landmarks, with a little noise."""
    weights = np.exp(_SHARPNESS * (near.similarities - near.similarities[:, :1]))
    weights /= weights.sum(axis=1, keepdims=True)
    points = (weights[:, :, None] * landmarks[near.rows]).sum(axis=1)
    points += np.random.default_rng(0).normal(scale=_SHAKE, size=points.shape)
    placed: Points = points.astype(np.float32)
    return placed


def fit_to_map(points: Points) -> Points:
    """Return points centred and scaled so that nearly all lie within [-1, 1], crowds spread out and voids closed.

    Each axis is partly stretched by the density of points along it, because a few words unlike all others would leave
    little of the map to the rest. The order of points along each axis is preserved.
    """
    fitted = np.zeros_like(points)
    for axis in range(2):
        line = points[:, axis].astype(np.float64)
        low, high = np.quantile(line, [_EDGE, 1 - _EDGE])
        if high > low:
            straight = (2 * line - low - high) / (high - low)
            beyond = np.maximum(np.abs(straight), 1)
            straight *= (1 + _STRAY * (1 - 1 / beyond)) / beyond  # outliers are pulled in
            order = np.sort(line)
            even = (np.searchsorted(order, line) + np.searchsorted(order, line, side="right") - 1) / (len(line) - 1) - 1
            fitted[:, axis] = (1 - _EVENNESS) * straight + _EVENNESS * even
    return fitted
