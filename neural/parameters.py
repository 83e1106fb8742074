"""The parameters of a network: named arrays in one flat buffer, a layout shared by gradients and optimizer state."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

_PIECE = 1 << 16
_LINE = 16
"""Each array starts at a multiple of this many entries: 64 bytes of float32."""


@dataclass(frozen=True)
class Tensor:
    """The shape and initialisation of one array of a network.

    Attributes
    ----------
    shape : tuple of int
    deviation : float
        Standard deviation of the normal distribution that initial values are drawn from; 0 for constant values.
    mean : float
        Mean of that distribution.
    """

    shape: tuple[int, ...]
    deviation: float = 0.0
    mean: float = 0.0


def within(name: str, arrays: Mapping[str, Any]) -> dict[str, Any]:
    """Return the same arrays under the names ``NAME.…``, with which the owner of a layer refers to its arrays."""
    return {f"{name}.{inner}": array for inner, array in arrays.items()}


class _Scope(dict[str, NDArray[Any]]):
    """The arrays of one layer, with a cache of the scopes requested from it."""

    scopes: dict[str, _Scope]


def scope(parameters: Mapping[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    """Return the arrays whose names begin with ``PREFIX.``, which is removed: those of one layer.

    Results are cached in tables and in the results of this function, so names are searched only once.
    """
    scopes: dict[str, _Scope] = getattr(parameters, "scopes", {})
    if prefix not in scopes:
        start = prefix + "."
        found = _Scope((name[len(start) :], array) for name, array in parameters.items() if name.startswith(start))
        found.scopes = {}
        scopes[prefix] = found
    return scopes[prefix]


def add(total: Mapping[str, NDArray[Any]], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Add arrays to those of `total` with the same names, to combine the gradients of layers.

    Raises
    ------
    KeyError
        If `total` has no array with a name.
    """
    for name, array in arrays.items():
        own = total[name]
        own += array


def all_finite(array: NDArray[Any]) -> bool:
    """Return whether all values of a C-contiguous array are finite; large arrays are checked in pieces."""
    flat = array.reshape(-1)
    return all(bool(np.isfinite(flat[start : start + _PIECE]).all()) for start in range(0, flat.size, _PIECE))


class ParameterTable(Mapping[str, NDArray[Any]]):
    """Named arrays of one dtype that are views into one flat buffer.

    Gradients and optimizer state are tables with the same layout, so optimizers work on whole buffers and names always
    match. The gaps between arrays are zero and stay zero under any update that maps zeros to zero.

    Parameters
    ----------
    shapes : mapping of str to tuple of int
        Shapes by name, in the order of the arrays in the buffer.
    dtype : dtype, default float32
        float32 or float64.

    Attributes
    ----------
    flat : ndarray of shape (n,), C-contiguous
        The buffer, including gaps; writing to it changes the arrays.
    shapes : dict of str to tuple of int
    """

    def __init__(self, shapes: Mapping[str, tuple[int, ...]], dtype: DTypeLike = np.float32) -> None:
        self.shapes = {name: tuple(shape) for name, shape in shapes.items()}
        sizes = [math.prod(shape) for shape in self.shapes.values()]
        starts = np.cumsum([0, *(-(-size // _LINE) * _LINE for size in sizes)]).tolist()
        self.flat: NDArray[Any] = np.zeros(starts[-1], dtype)
        self.scopes: dict[str, _Scope] = {}
        self._arrays = {
            name: self.flat[start : start + size].reshape(shape)
            for (name, shape), start, size in zip(self.shapes.items(), starts, sizes, strict=False)
        }

    @classmethod
    def initialise(cls, tensors: Mapping[str, Tensor], seed: int, dtype: DTypeLike = np.float32) -> ParameterTable:
        """Return the initial parameters of a network.

        Parameters
        ----------
        tensors : mapping of str to Tensor
        seed : int
            At least 0. Every array has its own random generator, seeded with the seed and its name, so adding or
            removing a layer does not affect the others.
        dtype : dtype, default float32

        Returns
        -------
        ParameterTable
        """
        table = cls({name: tensor.shape for name, tensor in tensors.items()}, dtype)
        for name, tensor in tensors.items():
            table[name][...] = tensor.mean
            if tensor.deviation:
                rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
                table[name][...] += tensor.deviation * rng.standard_normal(tensor.shape)
        return table

    @classmethod
    def from_dict(
        cls, arrays: Mapping[str, NDArray[Any]], shapes: Mapping[str, tuple[int, ...]] | None = None
    ) -> ParameterTable:
        """Copy arrays, such as those of a safetensors file, into a table.

        Parameters
        ----------
        arrays : mapping of str to ndarray
            All float32 or all float64.
        shapes : mapping of str to tuple of int, optional
            The required shapes, and their order in the table, which may differ from that of `arrays`.

        Returns
        -------
        ParameterTable

        Raises
        ------
        ValueError
            If an array is missing, unexpected, not finite, or of another shape or dtype; the message names it.
        """
        expected = {name: array.shape for name, array in arrays.items()} if shapes is None else shapes
        for name in expected:
            if name not in arrays:
                raise ValueError(f"the array {name!r:.80} is missing")
        dtypes = {array.dtype for array in arrays.values()} or {np.dtype(np.float32)}
        for name, array in arrays.items():
            if name not in expected:
                raise ValueError(f"unexpected array {name!r:.80}, which the network does not have")
            if array.shape != tuple(expected[name]):
                raise ValueError(f"the array {name!r:.80} has shape {array.shape}; the network needs {expected[name]}")
            if len(dtypes) > 1 or array.dtype not in (np.float32, np.float64):
                raise ValueError(f"the array {name!r:.80} has dtype {array.dtype}; all must be float32 or all float64")
            if not np.isfinite(array).all():
                raise ValueError(f"the array {name!r:.80} contains a value that is not finite")
        table = cls(expected, dtypes.pop())
        for name in expected:
            table[name][...] = arrays[name]
        return table

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (self.shapes, self.flat)  # the arrays stay views of the buffer

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self._arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    def __repr__(self) -> str:
        return f"ParameterTable({len(self)} arrays, {self.n_parameters} parameters, {self.dtype})"

    @property
    def dtype(self) -> np.dtype[Any]:
        """float32 or float64."""
        return self.flat.dtype

    @property
    def n_parameters(self) -> int:
        """Number of parameters, without gaps."""
        return sum(array.size for array in self._arrays.values())

    def scope(self, prefix: str) -> dict[str, NDArray[Any]]:
        """Return the arrays of one layer; see `scope`."""
        return scope(self, prefix)

    def zeros_like(self) -> ParameterTable:
        """Return zeros in the same layout and dtype."""
        return ParameterTable(self.shapes, self.dtype)

    def copy(self) -> ParameterTable:
        """Return an independent copy."""
        return self.astype(self.dtype)

    def astype(self, dtype: DTypeLike) -> ParameterTable:
        """Return a copy in another dtype."""
        table = ParameterTable(self.shapes, dtype)
        table.flat[:] = self.flat
        return table

    def all_finite(self) -> bool:
        """Return whether all values are finite."""
        return all_finite(self.flat)


def _restored(shapes: Mapping[str, tuple[int, ...]], flat: NDArray[Any]) -> ParameterTable:
    table = ParameterTable(shapes, flat.dtype)
    table.flat[:] = flat
    return table
