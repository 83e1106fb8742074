"""Positional encodings that are added to token embeddings. Two more kinds act inside attention.

What is added at position i = 0 … T − 1 of a sequence:

``index``
    (i + 1) · u, with a learned direction u. It grows without bound; for comparison only.
``fraction``
    i / (T − 1) · u, in [0, 1]: relative progress, not distance.
``sinusoidal``
    Sines and cosines of i at wavelengths from 2 π to 10,000 · 2 π: for any length, without parameters.
``learned``
    Row i of a table; beyond its end, the last row.
``learned+relative``
    The same, and a bias for every distance in attention, as in MPNet.
``relative``
    Nothing, but a bias for every distance in attention, see `dot_product`.
``rotary``
    Nothing, but queries and keys are rotated, see `rotary`.
``sinusoidal+rotary``
    Sines and cosines, and queries and keys are rotated as well: absolute and relative positions.
``none``
    Nothing: the order of tokens is ignored.

References
----------
Vaswani et al. 2017, arXiv:1706.03762, section 3.5 (sinusoidal). Derivation: docs/derivations/positions.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from w2v.neural.kernels.table_rows import add_table_rows
from w2v.neural.names import POSITIONS
from w2v.neural.parameters import Tensor

KINDS = POSITIONS
"""All kinds, including those that act inside attention."""
WITH_TABLE, WITH_DISTANCES = ("learned", "learned+relative"), ("relative", "learned+relative")
"""Kinds with a table of positions, and kinds with biases of distances."""
WITH_SINUSOIDS, WITH_ROTATION = ("sinusoidal", "sinusoidal+rotary"), ("rotary", "sinusoidal+rotary")
"""Kinds that add sines and cosines, and kinds that rotate queries and keys."""
BASE = 10000.0
_DEVIATION = 0.02


class Cache(NamedTuple):
    """Values that `backward` needs: the factor of each row, or its row in the table."""

    factors: NDArray[Any] | None
    rows: NDArray[np.int64] | None


def tensors(kind: str, dim: int, max_positions: int) -> dict[str, Tensor]:
    """Return the arrays: ``direction`` (dim,) for index and fraction, ``table`` (max_positions, dim) for learned."""
    if kind in ("index", "fraction"):
        return {"direction": Tensor((dim,), _DEVIATION)}
    if kind in WITH_TABLE:
        return {"table": Tensor((max_positions, dim), _DEVIATION)}
    return {}


def forward(
    parameters: Mapping[str, NDArray[Any]], x: NDArray[Any], offsets: NDArray[np.int64], kind: str
) -> tuple[NDArray[Any], Cache]:
    """Return x, shape (N, E), with positions added; x itself for kinds that add nothing."""
    if kind in ("index", "fraction"):
        factors = _factors(offsets, kind, x.dtype)
        return x + factors[:, None] * parameters["direction"], Cache(factors, None)
    if kind in WITH_SINUSOIDS:
        rows = places(offsets)
        return x + sinusoids(int(rows.max(initial=-1)) + 1, x.shape[1], x.dtype)[rows], Cache(None, None)
    if kind in WITH_TABLE:
        rows = np.minimum(places(offsets), len(parameters["table"]) - 1)
        return x + parameters["table"][rows], Cache(None, rows)
    return x, Cache(None, None)


def backward(
    parameters: Mapping[str, NDArray[Any]], dy: NDArray[Any], cache: Cache
) -> tuple[NDArray[Any], dict[str, NDArray[Any]]]:
    """Return dx, which is dy, and the gradients of the parameters."""
    if cache.factors is not None:
        return dy, {"direction": cache.factors @ dy}  # y = x + factor · direction
    if cache.rows is not None:
        dtable = np.zeros_like(parameters["table"])
        add_table_rows(dy, cache.rows, dtable)  # y = x + table[row]
        return dy, {"table": dtable}
    return dy, {}


def places(offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the position of every token in its sequence, from 0, shape (N,)."""
    lengths = np.diff(offsets)
    return np.arange(offsets[0], offsets[-1]) - np.repeat(offsets[:-1], lengths)


def sinusoids(n_positions: int, dim: int, dtype: DTypeLike) -> NDArray[Any]:
    """Return sin(i / BASE^(2 k / dim)) in column 2 k and the cosine in column 2 k + 1, shape (n_positions, dim)."""
    columns = np.arange(dim)
    phases = np.arange(n_positions)[:, None] * BASE ** (-(columns - columns % 2) / dim)
    table: NDArray[Any] = np.where(columns % 2, np.cos(phases), np.sin(phases)).astype(dtype)
    return table


def _factors(offsets: NDArray[np.int64], kind: str, dtype: DTypeLike) -> NDArray[Any]:
    place = places(offsets)
    if kind == "index":
        return (place + 1).astype(dtype)
    last = np.maximum(np.diff(offsets) - 1, 1)  # the position of a single token is 0
    factors: NDArray[Any] = (place / np.repeat(last, np.diff(offsets))).astype(dtype)
    return factors
