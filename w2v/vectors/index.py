"""An approximate index of nearest rows, for millions of words: built by usearch, stored with the model."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from w2v.lazy import load_optional
from w2v.settings.environment import default_workers
from w2v.storage.files import ModelError
from w2v.storage.tensors import read_tensors, write_tensors
from w2v.vectors.persistence import read_parts
from w2v.vectors.table import VectorTable

if TYPE_CHECKING:
    from usearch.index import Index

INDEX_FILE = "index.safetensors"
"""Name of the index in a model folder."""

EFFORT = 128
"""Candidates kept during a search in the graph."""

_VERSION = 1
_MAX_EFFORT = 100_000
_SAMPLED_ROWS = 1024
_BLOCK_ROWS = 16_384
_KINDS = {"float16": "f16", "int8": "i8"}


class NeighborIndex:
    """A graph of near rows [1]_, which finds the nearest rows without visiting most of the others.

    Create it by `NeighborIndex.build` or `NeighborIndex.open`. It holds a copy of the unit vectors in fewer bits. Rows
    that it finds are scored again with the original vectors, so similarities are exact and only the choice of rows is
    approximate.

    References
    ----------
    .. [1] Malkov and Yashunin 2016, Hierarchical Navigable Small World graphs, arXiv:1603.09320.
    """

    def __init__(self, graph: Index, n_rows: int, fingerprint: bytes, mapped: NDArray[np.uint8] | None = None) -> None:
        self._graph = graph
        self._mapped = mapped  # the memory of the graph: usearch keeps no reference to it
        self._n_rows = n_rows
        self._fingerprint = fingerprint

    @classmethod
    def build(
        cls,
        table: VectorTable,
        *,
        connectivity: int = 16,
        effort: int = EFFORT,
        dtype: Literal["float16", "int8"] = "float16",
        workers: int | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> NeighborIndex:
        """Build an index; about 10 s for each 100,000 rows of 300 columns on two cores.

        Parameters
        ----------
        table : VectorTable of shape (V, D)
            Rows that are zero or not finite are omitted: they are near to nothing.
        connectivity : int, default 16
            Links per row in the graph, 2 to 256. More links find more of the nearest rows, but take more memory and
            time.
        effort : int, default 128
            Candidates kept during a search in the graph, 1 to 100,000.
        dtype : {"float16", "int8"}, default "float16"
            Type of the copy; int8 takes half the memory and misses more.
        workers : int, optional
            Threads; all cores by default. With more than one, the graph is not reproducible.
        progress : callable, optional
            Called with the number of rows done.

        Raises
        ------
        ImportError
            If usearch is not installed.
        ValueError
            If a number is out of range.
        """
        if dtype not in _KINDS:
            raise ValueError(f"the dtype of an index must be one of {', '.join(_KINDS)}, not {dtype!r:.80}")
        if not 2 <= connectivity <= 256 or not 1 <= effort <= _MAX_EFFORT:
            raise ValueError(
                "connectivity must be between 2 and 256 and effort between 1 and 100,000, "
                f"not {connectivity} and {effort}"
            )
        graph = import_usearch().Index(
            ndim=table.shape[1],
            metric="cos",
            dtype=_KINDS[dtype],
            connectivity=connectivity,
            expansion_add=effort,
            expansion_search=effort,
        )
        for start in range(0, len(table), _BLOCK_ROWS):
            block = slice(start, min(start + _BLOCK_ROWS, len(table)))
            inverse = table.inverse_norms(block)
            usable = np.flatnonzero(inverse > 0)
            units = table.unscaled(block)[usable] * inverse[usable, None]
            graph.add((usable + start).astype(np.uint64), units, threads=workers or default_workers())
            if progress is not None:
                progress(block.stop)
        return cls(graph, len(table), fingerprint(table))

    @classmethod
    def open(cls, folder: str | os.PathLike[str], table: VectorTable) -> NeighborIndex:
        """Open the index of a model folder, memory-mapped, so that only the parts visited by a search are read.

        usearch, which reads the graph, checks it less strictly than w2v checks the rest of a model: open only indexes
        from sources you trust. `table` is that of the folder.

        Raises
        ------
        ModelError
            If there is no index, it was built from other vectors, or it is damaged.
        ImportError
            If usearch is not installed.
        """
        file = Path(folder, INDEX_FILE)
        remedy = f"build it with: w2v index {os.fspath(folder)}"
        if not file.exists():
            raise ModelError(f"{folder} has no index for approximate search; {remedy}")
        return cls.read(file, table, remedy)

    @classmethod
    def read(cls, file: str | os.PathLike[str], table: VectorTable, remedy: str) -> NeighborIndex:
        """Open a file that `write` wrote, like `open`; error messages end with `remedy`."""
        tensors = read_tensors(file)
        version = tensors.get("version")
        if version is None or version.dtype != np.int64 or version.tolist() != [_VERSION]:
            raise ModelError(f"{file} is not an index of this version of w2v; {remedy}")
        expected = fingerprint(table)
        if "fingerprint" not in tensors or tensors["fingerprint"].tobytes() != expected:
            raise ModelError(f"{file} was built from vectors other than the model's; {remedy}")
        usearch = import_usearch()
        try:
            graph = usearch.Index.restore(tensors["graph"], view=True)
            effort = tensors.get("effort", np.array([EFFORT]))
            if graph is None or graph.ndim != table.shape[1] or len(graph) > len(table):
                raise ValueError("its shape differs from that of the vectors")
            if effort.dtype != np.int64 or effort.shape != (1,) or not 1 <= effort[0] <= _MAX_EFFORT:
                raise ValueError("its effort is out of range")
            graph.expansion_search = int(effort[0])  # the graph does not store it
        except (KeyError, RuntimeError, TypeError, ValueError) as error:
            raise ModelError(f"{file} is damaged: {error}; {remedy}") from error
        return cls(graph, len(table), expected, tensors["graph"])

    def __len__(self) -> int:
        return len(self._graph)

    def __repr__(self) -> str:
        return f"NeighborIndex({len(self)} of {self._n_rows} rows)"

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write the index into its model's folder, atomically; an existing index is replaced.

        Raises
        ------
        ModelError
            If the folder does not hold the vectors that the index was built from, or cannot be written.
        """
        if fingerprint(read_parts(folder).table) != self._fingerprint:
            raise ModelError(f"{folder} holds vectors other than the index was built from; save the model there first")
        self.write(Path(folder, INDEX_FILE))

    def write(self, file: str | os.PathLike[str]) -> None:
        """Write the index to a file, atomically; an existing file is replaced."""
        tensors: dict[str, NDArray[Any]] = {
            "graph": np.frombuffer(self._graph.save() or b"", dtype=np.uint8),
            "fingerprint": np.frombuffer(self._fingerprint, dtype=np.uint8),
            "version": np.array([_VERSION], dtype=np.int64),
            "effort": np.array([self._graph.expansion_search], dtype=np.int64),
        }
        write_tensors(file, tensors)

    def search(
        self, queries: NDArray[np.float32], table: VectorTable, n: int
    ) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
        """Return approximately the best `n` rows for each unit query, shape (Q, D); see `w2v.vectors.ranking.top_rows`.

        `table` has the vectors that the index was built from; they determine the scores.
        """
        wanted = min(2 * n, len(self))  # the copy has fewer bits, so its ranking is not exact
        scores = np.full((len(queries), wanted), -np.inf, dtype=np.float32)
        rows = np.full((len(queries), wanted), -1, dtype=np.intp)
        if wanted:
            found = self._graph.search(queries, wanted)
            for query, (keys, count) in enumerate(zip(np.atleast_2d(found.keys), _counts(found), strict=True)):
                near = np.sort(keys[:count].astype(np.intp))
                near = near[near < len(table)]
                rows[query, : near.size] = near
                scores[query, : near.size] = (table.unscaled(near) @ queries[query]) * table.inverse_norms(near)
        order = np.argsort(-scores, axis=1, kind="stable")[:, :n]
        scores = np.take_along_axis(scores, order, axis=1)
        return np.minimum(scores, 1), np.take_along_axis(rows, order, axis=1)


def fingerprint(table: VectorTable) -> bytes:
    """Return a 32-byte digest of a table's shape, dtype and 1,024 evenly spaced rows."""
    picked = np.unique(np.linspace(0, len(table) - 1, _SAMPLED_ROWS).astype(np.intp))
    digest = hashlib.blake2b(f"{table.dtype} {table.shape}".encode(), digest_size=32)
    digest.update(np.ascontiguousarray(table.stored[picked]).tobytes())
    if table.scales is not None:
        digest.update(table.scales[picked].tobytes())
    return digest.digest()


def _counts(found: Any) -> list[int]:
    """Return how many rows usearch found for each query."""
    counts = getattr(found, "counts", None)
    return [len(found.keys)] if counts is None else np.atleast_1d(counts).tolist()


def import_usearch() -> Any:
    """Return the module of usearch, or raise ImportError with the command to install it."""
    return load_optional(
        "usearch.index", "approximate search needs usearch; install it with: pip install 'w2v-toolkit[index]'"
    )
