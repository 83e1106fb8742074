"""Measuring the loss from storing vectors in fewer bits or from searching an approximate index."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from w2v.vectors.ranking import top_rows
from w2v.vectors.table import VectorTable


@dataclass(frozen=True)
class StorageLoss:
    """How well vectors are preserved.

    Attributes
    ----------
    mean_cosine, least_cosine : float
        Cosine of each vector with its original; 1 is unchanged. NaN if the number of dimensions changed.
    neighbors_kept : float
        Fraction of the original 10 nearest words still among the 10 nearest.
    bytes_before, bytes_after : int
        Size of the vectors.
    """

    mean_cosine: float
    least_cosine: float
    neighbors_kept: float
    bytes_before: int
    bytes_after: int

    def to_dict(self) -> dict[str, float | int]:
        """Return the attributes by name."""
        return asdict(self)


def measure_storage_loss(before: VectorTable, after: VectorTable, *, n_sampled: int = 200) -> StorageLoss:
    """Compare a table with the same rows in another dtype, or moved.

    Parameters
    ----------
    before, after : VectorTable of shape (V, D)
        D may differ.
    n_sampled : int, default 200
        Number of rows to compare, evenly spaced.

    Returns
    -------
    StorageLoss
    """
    rows = _sample(before, n_sampled)
    old, new = before.units(rows), after.units(rows)
    cosines = np.full(len(rows), np.nan)
    if old.shape == new.shape:
        cosines = np.einsum("ij,ij->i", old, new, dtype=np.float64)
    return StorageLoss(
        mean_cosine=float(np.minimum(cosines, 1).mean()),
        least_cosine=float(np.minimum(cosines, 1).min()),
        neighbors_kept=_overlap(_nearest(before, rows, 10), _nearest(after, rows, 10)),
        bytes_before=before.nbytes,
        bytes_after=after.nbytes,
    )


class RowSearch(Protocol):
    """An object that finds the rows of a table nearest to vectors, such as `w2v.vectors.index.NeighborIndex`."""

    def search(
        self, queries: NDArray[np.float32], table: VectorTable, n: int
    ) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
        """Return scores and rows like `w2v.vectors.ranking.top_rows`."""


def measure_recall(index: RowSearch, table: VectorTable, *, top_n: int = 10, n_sampled: int = 200) -> float:
    """Return the fraction of the true `top_n` nearest rows that an index finds, for `n_sampled` evenly spaced rows."""
    rows = _sample(table, n_sampled)
    found = index.search(table.units(rows), table, top_n + 1)[1]
    return _overlap(_nearest(table, rows, top_n), _without(found, rows, top_n))


def _sample(table: VectorTable, n: int) -> NDArray[np.intp]:
    """Return `n` evenly spaced rows that are finite and not zero; raise ValueError if there are none."""
    usable = np.flatnonzero(table.inverse_norms() > 0)
    if usable.size == 0:
        raise ValueError("there is nothing to measure: no vector is finite and not zero")
    return usable[np.unique(np.linspace(0, usable.size - 1, n).astype(np.intp))]


def _nearest(table: VectorTable, rows: NDArray[np.intp], n: int) -> list[set[int]]:
    """Return the `n` true neighbours of each row."""
    return _without(top_rows(table.units(rows), table, slice(None), n + 1)[1], rows, n)


def _without(found: NDArray[np.intp], rows: NDArray[np.intp], n: int) -> list[set[int]]:
    """Return the `n` neighbours of each row, without the row itself."""
    return [{*[x for x in near if x >= 0 and x != row][:n]} for near, row in zip(found.tolist(), rows, strict=True)]


def _overlap(expected: list[set[int]], found: list[set[int]]) -> float:
    """Return the fraction of the expected neighbours among those found."""
    n_expected = sum(map(len, expected))
    n_common = sum(len(a & b) for a, b in zip(expected, found, strict=True))
    return n_common / n_expected if n_expected else 1.0
