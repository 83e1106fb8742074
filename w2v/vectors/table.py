"""Stored vectors: float32, float16, or int8 with a scale for each row."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from w2v.vectors.ranking import inverse_row_norms

DType = Literal["float32", "float16", "int8"]
DTYPES: tuple[DType, ...] = ("float32", "float16", "int8")
_BLOCK_ELEMENTS = 1 << 18  # so that a block of float32 stays in the cache
_UNKNOWN = np.float32(-1)


class RowError(ValueError):
    """A row cannot be stored in the requested dtype; `row` is its index, `reason` an explanation."""

    def __init__(self, row: int, reason: str) -> None:
        super().__init__(f"row {row} {reason}")
        self.row, self.reason = row, reason


class VectorTable:
    """A read-only table of V rows and D columns, in memory or memory-mapped, and read as float32 in blocks.

    Parameters
    ----------
    stored : ndarray of shape (V, D), float32, float16 or int8
        Not copied.
    scales : ndarray of shape (V,), float32, optional
        Required with int8, and only there: row i is ``scales[i] * stored[i]``.
    are_units : bool, default False
        Whether all rows are known to have length 1, so their lengths need not be computed.

    Notes
    -----
    float16 keeps 11 significant bits of each value; int8 divides the largest value of each row into 127 steps. This
    changes the direction of a vector, which determines cosines, by about 0.0003 and 0.01 radians.
    """

    __slots__ = ("_inverse", "scales", "stored")

    def __init__(
        self, stored: NDArray[Any], scales: NDArray[np.float32] | None = None, *, are_units: bool = False
    ) -> None:
        if stored.dtype.name not in DTYPES or not stored.dtype.isnative:
            raise TypeError(f"vectors are stored as {', '.join(DTYPES)}, not as {stored.dtype}")
        if stored.ndim != 2 or 0 in stored.shape:
            raise ValueError(f"vectors must have shape (V, D) with at least one row and one column, not {stored.shape}")
        if (stored.dtype == np.int8) != (scales is not None):
            raise TypeError("int8 vectors need a scale for each row, and no others have any")
        if scales is not None and (scales.dtype != np.float32 or scales.shape != stored.shape[:1]):
            raise ValueError(f"scales must be float32 of shape {stored.shape[:1]}, not {scales.dtype} {scales.shape}")
        self.stored = _read_only(stored)
        self.scales = None if scales is None else _read_only(scales)
        self._inverse: NDArray[np.float32] | None = None
        if are_units:
            self._inverse = np.ones(len(stored), np.float32) if self.scales is None else self.scales

    @classmethod
    def from_numbers(cls, vectors: ArrayLike) -> VectorTable:
        """Return a float32 table of any real numbers; float32 is not copied.

        TypeError for what are no real numbers, ValueError if rows differ in length or a number is too large.
        """
        try:
            table = np.asarray(vectors)
        except ValueError as error:
            raise ValueError("vectors must be rows of numbers, all of one length") from error
        if table.dtype.kind not in "fiu":
            raise TypeError(f"vectors must be real numbers, not {table.dtype}")
        try:
            with np.errstate(over="raise"):
                return cls(table.astype(np.float32, copy=False))
        except FloatingPointError as error:
            raise ValueError(f"a vector holds {np.abs(table).max():.2g}, which float32 does not have") from error

    def __len__(self) -> int:
        return len(self.stored)

    def __reduce__(self) -> tuple[Any, ...]:
        return VectorTable, (self.stored, self.scales)

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and of columns."""
        return self.stored.shape[0], self.stored.shape[1]

    @property
    def dtype(self) -> DType:
        """Type of the stored values."""
        return next(name for name in DTYPES if name == self.stored.dtype.name)

    @property
    def nbytes(self) -> int:
        """Size of the rows in bytes, on disk or in memory."""
        return self.stored.nbytes + (0 if self.scales is None else self.scales.nbytes)

    def rows(self, index: slice | NDArray[np.integer[Any]]) -> NDArray[np.float32]:
        """Return some rows as float32, shape (n, D): a read-only view if stored as float32, else a copy."""
        rows = self.unscaled(index)
        if self.scales is not None:
            rows *= self.scales[index][:, None]
        return rows

    def unscaled(self, index: slice | NDArray[np.integer[Any]]) -> NDArray[np.float32]:
        """Return rows without their scales, shape (n, D), float32; with `inverse_norms`, cosines need only these."""
        stored = self.stored[index]
        if stored.dtype == np.float16:
            return _widen_halves(stored)
        unscaled: NDArray[np.float32] = stored.astype(np.float32, copy=False)
        return unscaled

    def inverse_norms(self, index: slice | NDArray[np.integer[Any]] = slice(None)) -> NDArray[np.float32]:
        """Return 1 / length of some `unscaled` rows, shape (n,), float32; see `inverse_row_norms`.

        Each is computed at its first use and kept. A slice must have step 1.
        """
        if self._inverse is None:
            self._inverse = np.full(len(self), _UNKNOWN, dtype=np.float32)
        found = self._inverse[index]
        missing = found == _UNKNOWN
        if missing.any():
            if isinstance(index, slice):
                start, stop, _ = index.indices(len(self))
                for first in range(start, stop, self._block_rows):
                    block = slice(first, min(first + self._block_rows, stop))
                    self._inverse[block] = inverse_row_norms(self.unscaled(block))
            else:
                self._inverse[index] = inverse_row_norms(self.unscaled(index))
            found = self._inverse[index]
        found.setflags(write=False)
        return found

    def units(self, index: slice | NDArray[np.integer[Any]]) -> NDArray[np.float32]:
        """Return some rows normalised to length 1, shape (n, D), float32; zero stays zero."""
        units: NDArray[np.float32] = self.unscaled(index) * self.inverse_norms(index)[:, None]
        return units

    def take(self, index: slice | NDArray[np.integer[Any]]) -> VectorTable:
        """Return some rows as a table of the same dtype; a slice is not copied."""
        taken = VectorTable(self.stored[index], None if self.scales is None else self.scales[index])
        taken._inverse = None if self._inverse is None else self._inverse[index]
        return taken

    def append(self, other: VectorTable) -> VectorTable:
        """Return the rows of this table followed by those of another with the same columns and dtype."""
        scales = None
        if self.scales is not None and other.scales is not None:
            scales = np.concatenate([self.scales, other.scales])
        return VectorTable(np.concatenate([self.stored, other.stored]), scales)

    def astype(self, dtype: DType) -> VectorTable:
        """Return the table in another dtype, converted block by block, or itself if it already has that dtype.

        Raises
        ------
        ValueError
            If the dtype is unknown.
        RowError
            If a row cannot be stored: it holds NaN or infinity, or its largest value is too large or small for float16.
        """
        if dtype not in DTYPES:
            raise ValueError(f"vectors are stored as {', '.join(DTYPES)}, not as {dtype!r:.80}")
        if dtype == self.dtype:
            return self
        stored = np.empty(self.shape, dtype=dtype)
        scales = np.empty(len(self), dtype=np.float32) if dtype == "int8" else None
        for first in range(0, len(self), self._block_rows):
            block = slice(first, first + self._block_rows)
            rows = self.rows(block)
            if dtype != "float32":
                _check_range(rows, first, dtype)
            if scales is not None:
                scales[block] = np.abs(rows).max(axis=1) / np.float32(127)
                rows = np.rint(rows / np.where(scales[block] > 0, scales[block], 1)[:, None])
                np.clip(rows, -127, 127, out=rows)
            stored[block] = rows
        return VectorTable(stored, scales)

    @property
    def _block_rows(self) -> int:
        """Number of rows to convert at a time."""
        return max(1, _BLOCK_ELEMENTS // self.shape[1])


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    """Return a view that cannot be written."""
    view = array.view()
    view.setflags(write=False)
    return view


def _widen_halves(halves: NDArray[np.float16]) -> NDArray[np.float32]:
    """Convert float16 to float32 exactly, several times faster than NumPy on processors without an instruction for it.

    The bits are moved to their places in float32, sign included; then only the bias of the exponent is off, by 2 **
    112.
    """
    bits = np.ascontiguousarray(halves).view(np.int16).astype(np.int32)
    bits <<= 13
    bits &= np.int32(-0x70002000)  # the sign, 5 bits of exponent, 10 of fraction
    wide = bits.view(np.float32)
    wide *= np.float32(2.0**112)
    if wide.size and (wide.max() >= 65536 or wide.min() <= -65536):  # an exponent of 31 means infinity or NaN
        return halves.astype(np.float32)
    return wide


def _check_range(rows: NDArray[np.float32], first: int, dtype: DType) -> None:
    """Raise RowError for a row that would become infinite or lose most of its digits; zeros are allowed."""
    largest = np.abs(rows).max(axis=1)
    limits = np.finfo(np.float16 if dtype == "float16" else np.float32)
    wrong = np.flatnonzero(~((largest <= limits.max) & (largest >= limits.smallest_normal)) & (largest != 0))
    if wrong.size:
        row = int(wrong[0])
        what = "NaN or infinity" if not np.isfinite(largest[row]) else f"{largest[row]:g} as its largest number"
        raise RowError(first + row, f"cannot be stored as {dtype}: it holds {what}")
