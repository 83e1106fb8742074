"""Writers for the vectors of a file's lines: NumPy arrays, or Parquet tables that include the lines."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from contextlib import suppress
from typing import Any, BinaryIO, TypeVar

import numpy as np
from numpy.typing import NDArray

from w2v.encoder.files.planning import Recipe
from w2v.encoder.formats.vector_files import npy_header
from w2v.lazy import load_optional
from w2v.storage.json_values import encodable

Self = TypeVar("Self", bound="Writer")

_GROUP_BYTES = 32 << 20
"""Approximate size, in bytes, of the vectors in a Parquet row group."""


class Writer(ABC):
    """Writes a file piece by piece; a context manager.

    Parameters
    ----------
    file : BinaryIO
        Empty; it is not closed.
    source : str
        Name of the file being encoded.
    recipe : Recipe

    Attributes
    ----------
    n_rows : int
        Number of rows written.
    """

    def __init__(self, file: BinaryIO, source: str, recipe: Recipe) -> None:
        self._file, self._source, self._recipe = file, source, recipe
        self.n_rows = 0

    def __enter__(self: Self) -> Self:
        return self

    @abstractmethod
    def add(self, lines: bytes, vectors: NDArray[Any]) -> None:
        """Write the vectors, shape (n, columns), of n whole lines of text."""

    @abstractmethod
    def finish(self) -> None:
        """Write whatever is only known at the end."""

    def abandon(self) -> None:  # noqa: B027  # most have nothing to do
        """Give up an incomplete file."""

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        self.finish() if kind is None else self.abandon()


class NpyWriter(Writer):
    """Rows of a ``.npy`` file; row n is line n."""

    def __init__(self, file: BinaryIO, source: str, recipe: Recipe) -> None:
        super().__init__(file, source, recipe)
        file.write(self._header())

    def add(self, lines: bytes, vectors: NDArray[Any]) -> None:
        """Write vectors; the lines are not written."""
        self._file.write(np.ascontiguousarray(vectors, vectors.dtype.newbyteorder("<")).data)
        self.n_rows += len(vectors)

    def finish(self) -> None:
        """Write the number of rows."""
        self._file.seek(0)
        self._file.write(self._header())

    def _header(self) -> bytes:
        return npy_header(self.n_rows, self._recipe.columns, self._recipe.output.precision)


class ParquetWriter(Writer):
    """A Parquet table with the columns text, vector, line, from 1, and id, which is ``FILE:LINE``."""

    def __init__(self, file: BinaryIO, source: str, recipe: Recipe) -> None:
        super().__init__(file, source, recipe)
        self._arrow, parquet = load_arrow()
        of_numpy = self._arrow.from_numpy_dtype(np.dtype(recipe.output.precision))
        self._schema = self._arrow.schema(
            [
                ("text", self._arrow.string()),
                ("vector", self._arrow.list_(of_numpy, recipe.columns)),
                ("line", self._arrow.int64()),
                ("id", self._arrow.string()),
            ],
            metadata={"w2v": json.dumps(recipe.described())},
        )
        packed = {name: "zstd" for name in ("text", "line", "id")}  # vectors hardly compress
        self._parquet = parquet.ParquetWriter(
            file, self._schema, use_dictionary=False, compression={**packed, "vector.list.element": "none"}
        )
        self._waiting: list[Any] = []
        self._n_bytes = 0

    def add(self, lines: bytes, vectors: NDArray[Any]) -> None:
        """Write lines and vectors, a row group at a time."""
        texts = [line.removesuffix("\r") for line in lines.decode().split("\n")[: len(vectors)]]
        numbers = range(self.n_rows + 1, self.n_rows + 1 + len(vectors))
        flat = self._arrow.array(np.ascontiguousarray(vectors).reshape(-1))
        source = encodable(self._source)
        columns = [
            self._arrow.array(texts, self._arrow.string()),
            self._arrow.FixedSizeListArray.from_arrays(flat, self._recipe.columns),
            self._arrow.array(numbers, self._arrow.int64()),
            self._arrow.array([f"{source}:{number}" for number in numbers], self._arrow.string()),
        ]
        self._waiting.append(self._arrow.record_batch(columns, schema=self._schema))
        self.n_rows += len(vectors)
        self._n_bytes += vectors.nbytes
        if self._n_bytes >= _GROUP_BYTES:
            self._flush()

    def finish(self) -> None:
        """Write the last rows and the index of row groups."""
        self._flush()
        self._parquet.close()

    def abandon(self) -> None:
        """Close it while the file still exists."""
        with suppress(OSError):
            self._parquet.close()

    def _flush(self) -> None:
        if self._waiting:
            self._parquet.write_table(self._arrow.Table.from_batches(self._waiting).combine_chunks())
        self._waiting, self._n_bytes = [], 0


WRITERS: dict[str, type[Writer]] = {"npy": NpyWriter, "parquet": ParquetWriter}


def load_arrow() -> tuple[Any, Any]:
    """Return pyarrow and its Parquet module; the ImportError names the extra if it is not installed."""
    message = "Parquet requires pyarrow; install it with: pip install 'w2v-toolkit[parquet]'"
    return load_optional("pyarrow", message), load_optional("pyarrow.parquet", message)
