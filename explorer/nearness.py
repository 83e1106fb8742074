"""Approximate nearest neighbours of many rows: each row is compared only with the rows of near cells."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

ROWS_A_CELL, CELLS_SEARCHED = 256, 16
_ITERATIONS = 6
_SAMPLED_A_CELL = 24


class Near(NamedTuple):
    """The nearest rows of each row.

    Attributes
    ----------
    rows : ndarray of shape (n, k), int32
        Nearest first.
    similarities : ndarray of shape (n, k), float32
        Cosines.
    """

    rows: NDArray[np.int32]
    similarities: NDArray[np.float32]


class Stopped(Exception):
    """The result of a computation is no longer wanted."""


def normalize_rows(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return rows scaled to unit length; zero rows stay zero."""
    unit: NDArray[np.float32] = rows / np.maximum(np.sqrt((rows**2).sum(axis=1, keepdims=True)), 1e-12)
    return unit


def find_means(units: NDArray[np.float32], n_means: int, n_iterations: int) -> NDArray[np.float32]:
    """Divide unit rows, shape (n, d), into at most n groups; return their directions, by Lloyd's algorithm.

    Implemented here, because importing a library for it takes longer than the whole first map.
    """
    means = units[np.linspace(0, len(units) - 1, n_means).astype(np.intp)]
    for _ in range(n_iterations):
        chosen = (units @ means.T).argmax(axis=1)
        order = np.argsort(chosen, kind="stable")
        groups, starts = np.unique(chosen[order], return_index=True)
        means[groups] = normalize_rows(np.add.reduceat(units[order], starts))
    return means


def nearest_rows(
    units: NDArray[np.float32],
    n_candidates: int,
    queries: slice,
    k: int,
    is_wanted: Callable[[], bool],
    *,
    rows_a_cell: int = ROWS_A_CELL,
    cells_searched: int = CELLS_SEARCHED,
) -> Near:
    """Return, for some of the rows, the `k` nearest of the first `n_candidates`, a row itself left out.

    Candidates are divided into cells of about `rows_a_cell`. A row, which must have length 1, is compared with those in
    the `cells_searched` cells nearest to its own. With 100,000 words about 80 % of the true neighbours are found in a
    hundredth of the time. `is_wanted` is called several times a second; when it returns False, `Stopped` is raised.
    """
    from w2v.explorer.layout_kernels import keep_best

    candidates = units[:n_candidates]
    n_cells = max(1, n_candidates // rows_a_cell)
    step = max(1, n_candidates // (n_cells * _SAMPLED_A_CELL))
    means = find_means(np.ascontiguousarray(candidates[::step]), n_cells, _ITERATIONS)
    start, stop, _ = queries.indices(len(units))
    cells = np.concatenate([(units[first : first + 8192] @ means.T).argmax(axis=1) for first in range(0, stop, 8192)])
    order = np.argsort(cells[:n_candidates], kind="stable")
    borders = np.searchsorted(cells[:n_candidates][order], np.arange(n_cells + 1))
    asking = np.arange(start, stop)
    asking = asking[np.argsort(cells[start:stop], kind="stable")]
    asking_borders = np.searchsorted(cells[asking], np.arange(n_cells + 1))
    found = Near(np.empty((stop - start, k), np.int32), np.empty((stop - start, k), np.float32))
    for cell in range(n_cells):
        if not is_wanted():
            raise Stopped
        own = asking[asking_borders[cell] : asking_borders[cell + 1]]
        if len(own):
            near_cells = np.argsort(-(means @ means[cell]), kind="stable")
            pool = _pool(order, borders, near_cells, cells_searched, k + 1)
            best = Near(np.empty((len(own), k), np.int32), np.empty((len(own), k), np.float32))
            keep_best(units[own] @ units[pool].T, own, pool, *best)
            found.rows[own - start], found.similarities[own - start] = best
    return found


def _pool(
    order: NDArray[np.intp], borders: NDArray[np.intp], cells: NDArray[np.intp], n_cells: int, least: int
) -> NDArray[np.intp]:
    """Return the candidates in the nearest cells: in `n_cells` of them, or in as many as contain at least `least`."""
    sizes = np.cumsum(borders[cells + 1] - borders[cells])
    n_cells = max(n_cells, int(np.searchsorted(sizes, least)) + 1)
    return np.concatenate([order[borders[cell] : borders[cell + 1]] for cell in cells[:n_cells]])
