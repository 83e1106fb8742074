"""Vectors of a teacher that are kept on the disk: a sentence is encoded once, whichever training asks for it.

A cache is a folder with a folder for each teacher, named after a digest of the teacher's files. Its rows are a digest
of the sentence and the vector in float16, one after another in the order in which they were made. A run that is killed
leaves all whole rows; the next one makes what is missing, and so does a run with other sentences.
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
    """The vectors of n sentences, which lie on the disk in another order.

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
        """Of the vectors."""
        return self.stored.dtype

    def __getitem__(self, rows: Any) -> NDArray[np.float16]:
        return np.asarray(self.stored[self.order[rows]])


class TeacherCache:
    """The vectors that one teacher has made.

    Parameters
    ----------
    folder : path-like
        Of all teachers; it is made if it is missing.
    teacher : path-like
        The folder of the teacher.
    columns : int
        Of the teacher's vectors.

    Raises
    ------
    ModelError
        If a folder cannot be read or made, or does not hold what its ``config.json`` says.
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
                    f"{self.folder} holds vectors of another teacher than {teacher}: delete it, or name another folder"
                )
            return
        described = {
            "format": FORMAT, "format_version": FORMAT_VERSION, "kind": KIND, "teacher": name, "digest": digest,
            "columns": columns, "dtype": "float16",
        }  # fmt: skip
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ModelError(f"{folder} cannot be written: {error.strerror or error}; name another folder") from error
        with atomic_file(self.folder / LAYOUT.config) as file:
            file.write(encode_json(described))

    def vectors(
        self,
        sentences: list[str],
        encode: Callable[[list[str]], NDArray[Any]],
        tell: Callable[[float], None] = lambda done: None,
    ) -> KeptVectors:
        """Return the vectors of sentences; those that are missing are made and kept first, in order.

        Parameters
        ----------
        sentences : list of str
        encode : callable
            From a list of k sentences to an array of shape (k, columns).
        tell : callable, optional
            Is given the fraction of the sentences whose vectors there are.

        Raises
        ------
        ModelError
            If the disk is full, or another run writes to this cache. What was made before is kept.
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
        """Append the vectors of some of the sentences, a block after the other."""
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
                "are kept, and the next run goes on from there"
            ) from error

    @property
    def _n_rows(self) -> int:
        """Whole rows of the file; a killed run may have left the beginning of another."""
        return self._file.stat().st_size // self._type.itemsize if self._file.exists() else 0

    def _stored(self) -> NDArray[Any]:
        n_rows = self._n_rows
        return np.memmap(self._file, self._type, "r", shape=(n_rows,)) if n_rows else np.empty(0, self._type)

    def _missing(self, wanted: NDArray[np.uint64]) -> NDArray[np.intp]:
        """Return where each sentence that is not kept stands first."""
        distinct, first = np.unique(wanted, return_index=True)
        return np.sort(first[~np.isin(distinct, self._stored()["sentence"])])


def _digest(sentence: str) -> int:
    return int.from_bytes(
        blake2b(sentence.encode("utf-8", "surrogatepass"), digest_size=_DIGEST_BYTES).digest(), "little"
    )


def _append(file: FileIO, data: bytes) -> None:
    """Write all of some rows at the end of a file that has no buffer, which would be tried again when it is closed."""
    left = memoryview(data)
    while left:
        left = left[file.write(left) :]
