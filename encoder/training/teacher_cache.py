"""A cache of teachers' vectors on disk: each sentence is encoded only once, across trainings.

A cache is a folder with one folder per teacher, named after a digest of the teacher's files. Each row has a digest of
the sentence and its vector in float16, in the order in which they were made. A killed run leaves complete rows; the
next run computes what is missing, and so does a run with other sentences.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from io import FileIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.encoder.places import digest_of_folder
from w2v.storage.claims import check_free_space, claimed
from w2v.storage.files import ModelError, atomic_file
from w2v.vectors.model_folder import FORMAT, LAYOUT, encode_json, read_header

KIND, FORMAT_VERSION = "teacher-vectors", 1
ROWS = "rows.bin"

_AT_ONCE = 2048
_DIGEST_BYTES = 8


@dataclass(frozen=True, eq=False)
class KeptVectors:
    """The vectors of n sentences, which are on disk in another order.

    Attributes
    ----------
    stored : ndarray of shape (m, t), float16
        Memory-mapped.
    order : ndarray of shape (n,), int64
        The row of each sentence.
    """

    stored: NDArray[np.float16]
    order: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.order)

    @property
    def shape(self) -> tuple[int, int]:
        """(n, t)."""
        return len(self.order), self.stored.shape[1]

    @property
    def dtype(self) -> np.dtype[np.float16]:
        """The dtype of the vectors."""
        return self.stored.dtype

    def __getitem__(self, rows: Any) -> NDArray[np.float16]:
        return np.asarray(self.stored[self.order[rows]])


class TeacherCache:
    """The cached vectors of one teacher.

    Parameters
    ----------
    folder : path-like
        Folder of all teachers, created if it is missing.
    teacher : path-like
        Folder of the teacher.
    columns : int
        Width of the teacher's vectors.

    Raises
    ------
    ModelError
        If a folder cannot be read or created, or does not match its ``config.json``.
    """

    def __init__(self, folder: str | os.PathLike[str], teacher: str | os.PathLike[str], columns: int) -> None:
        name = Path(os.path.realpath(teacher)).name
        digest = digest_of_folder(teacher)
        self.folder = Path(folder, f"{name}-{digest}")
        self._type = np.dtype([("sentence", "<u8"), ("vector", "<f2", (columns,))])
        self._file = self.folder / ROWS
        if self.folder.exists():
            found = read_header(self.folder, KIND, FORMAT_VERSION, counted="columns")
            if (found["columns"], found.get("digest")) != (columns, digest):
                raise ModelError(
                    f"{self.folder} contains vectors of another teacher than {teacher}: delete it, or choose another "
                    "folder"
                )
            return
        described = {
            "format": FORMAT, "format_version": FORMAT_VERSION, "kind": KIND, "teacher": name, "digest": digest,
            "columns": columns, "dtype": "float16",
        }  # fmt: skip
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ModelError(f"{folder} cannot be written: {error.strerror or error}; choose another folder") from error
        with atomic_file(self.folder / LAYOUT.config) as file:
            file.write(encode_json(described))

    def vectors(
        self,
        sentences: list[str],
        encode: Callable[[list[str]], NDArray[Any]],
        tell: Callable[[float], None] = lambda done: None,
    ) -> KeptVectors:
        """Return the vectors of sentences; missing ones are computed and stored first, in order.

        Parameters
        ----------
        sentences : list of str
        encode : callable
            From a list of k sentences to an array of shape (k, columns).
        tell : callable, optional
            Receives the fraction of the sentences that have vectors.

        Raises
        ------
        ModelError
            If the disk is full, or another run writes to this cache. Vectors stored before are kept.
        """
        wanted = np.fromiter(map(_digest, sentences), np.uint64, len(sentences))
        missing = self._missing(wanted)
        if missing.size:
            check_free_space(self._file, len(missing) * self._type.itemsize)
            with claimed(self.folder):
                self._make(self._missing(wanted), sentences, wanted, encode, tell)
        stored = self._stored()
        order = np.argsort(stored["sentence"], kind="stable")
        places = np.searchsorted(stored["sentence"], wanted, sorter=order)
        return KeptVectors(stored["vector"], order[places])

    def _make(
        self,
        missing: NDArray[np.intp],
        sentences: list[str],
        wanted: NDArray[np.uint64],
        encode: Callable[[list[str]], NDArray[Any]],
        tell: Callable[[float], None],
    ) -> None:
        """Append the vectors of some of the sentences, block by block."""
        n_before = len(sentences) - len(missing)
        try:
            with self._file.open("ab", buffering=0) as file:
                os.truncate(file.fileno(), self._n_rows * self._type.itemsize)
                for start in range(0, len(missing), _AT_ONCE):
                    tell((n_before + start) / len(sentences))
                    block = missing[start : start + _AT_ONCE]
                    rows = np.empty(len(block), self._type)
                    rows["sentence"], rows["vector"] = wanted[block], encode([sentences[i] for i in block])
                    _append(file, rows.tobytes())
                os.fsync(file.fileno())
        except OSError as error:
            raise ModelError(
                f"{self._file} cannot be written: {error.strerror or error}; the vectors of {self._n_rows:,} sentences "
                "are kept, and the next run continues from there"
            ) from error

    @property
    def _n_rows(self) -> int:
        """Number of complete rows of the file; a killed run may have left an incomplete one."""
        return self._file.stat().st_size // self._type.itemsize if self._file.exists() else 0

    def _stored(self) -> NDArray[Any]:
        n_rows = self._n_rows
        return np.memmap(self._file, self._type, "r", shape=(n_rows,)) if n_rows else np.empty(0, self._type)

    def _missing(self, wanted: NDArray[np.uint64]) -> NDArray[np.intp]:
        """Return the first place of each sentence that is not stored."""
        distinct, first = np.unique(wanted, return_index=True)
        return np.sort(first[~np.isin(distinct, self._stored()["sentence"])])


def _digest(sentence: str) -> int:
    return int.from_bytes(
        blake2b(sentence.encode("utf-8", "surrogatepass"), digest_size=_DIGEST_BYTES).digest(), "little"
    )


def _append(file: FileIO, data: bytes) -> None:
    """Append rows to a file without a buffer, which Python would try to write again on closing."""
    left = memoryview(data)
    while left:
        left = left[file.write(left) :]
