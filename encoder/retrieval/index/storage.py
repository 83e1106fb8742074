"""The folder of an index: sentences, their sources and their vectors, in append-only files.

`config.json` records how much of each file is valid. Adding sentences appends to the files, flushes them to disk, and
then replaces `config.json` atomically. Until then the index is unchanged, and the next addition truncates whatever was
appended. Ids and metadata of a range of sentences, graphs, and the numbers of removed sentences are in files that are
never modified: new files take their place in `config.json`. So anything a reader has mapped stays the same.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.tables.typed import DTYPES as COLUMN_DTYPES
from w2v.corpora.tables.typed import Kind
from w2v.storage.files import ModelError, atomic_file, lock_folder
from w2v.vectors.model_folder import FORMAT, LAYOUT, check_positive, encode_json, parse_json, read_header
from w2v.vectors.table import DTYPES, DType

KIND = "sentence-index"
FORMAT_VERSION = 2
"""Version 2 adds ids, metadata, removed sentences and gaps between graphs; an index without these is version 1."""

ENCODER, TEXT, POSITIONS, VECTORS, SCALES = (
    "encoder", "sentences.txt", "positions.bin", "vectors.bin", "scales.bin",
)  # fmt: skip
"""Names in the folder: the encoder, and the files that grow."""
PARTS = "parts"
"""The folder of further data derived from the sentences, each part in a subfolder; see `part_folder`."""
ID = "id"
"""The name of the id column among the metadata columns."""

Range = tuple[int, int]

START, LINE = 0, 1
"""Columns of the positions: byte offset of a sentence in the text, and the line it was on, from 1."""

_RANGE_NAME = re.compile(r"(?:graph|records)-\d+-\d+\.safetensors|removed-\d+\.bin")
_UNFINISHED = re.compile(r"\.(.+)\.[0-9a-f]{8}\.tmp")


_OF = {"graph": "graphs", "records": "records"}


@dataclass(frozen=True)
class Source:
    """Sentences that were added consecutively from the same source.

    Attributes
    ----------
    name : str
        The file; empty for sentences added by a program.
    sentences : int
        Number of sentences kept.
    lines : int
        Number of lines read.
    """

    name: str
    sentences: int
    lines: int


@dataclass(frozen=True)
class Contents:
    """The contents of `config.json`.

    Attributes
    ----------
    dimension : int
        d.
    dtype : {"float32", "float16", "int8"}
    splits : bool
        Whether lines are cut into sentences.
    sentences : int
        N.
    text_bytes : int
        Number of valid bytes in the text file.
    sources : tuple of Source
        In the order of the sentences.
    graphs : tuple of (int, int)
        The start and the end (exclusive) of each graph's range of sentences, in order.
    columns : tuple of (str, str)
        Names and types of the metadata columns, including the id column, `ID`.
    records : tuple of (int, int)
        The start and the end (exclusive) of the range of sentences of each file of ids and metadata, in order.
    removed : int
        Number of removed sentences.
    encoder_digest : str
        SHA-256 of the encoder; empty if an older version wrote the index.
    """

    dimension: int
    dtype: DType
    splits: bool = False
    sentences: int = 0
    text_bytes: int = 0
    sources: tuple[Source, ...] = ()
    graphs: tuple[Range, ...] = ()
    columns: tuple[tuple[str, Kind], ...] = ()
    records: tuple[Range, ...] = ()
    removed: int = 0
    encoder_digest: str = ""

    @property
    def in_graphs(self) -> int:
        """Number of sentences in graphs."""
        return sum(stop - start for start, stop in self.graphs)

    @property
    def live(self) -> int:
        """Number of sentences that are not removed."""
        return self.sentences - self.removed

    def outside_graphs(self) -> list[Range]:
        """Return the ranges of sentences that are in no graph."""
        borders = [0, *(border for ends in self.graphs for border in ends), self.sentences]
        return [(start, stop) for start, stop in zip(borders[::2], borders[1::2], strict=True) if start < stop]

    def with_graph(self, start: int, stop: int) -> Contents:
        """Return the contents with another graph."""
        return replace(self, graphs=tuple(sorted([*self.graphs, (start, stop)])))

    def file_names(self) -> set[str]:
        """Return the names of the files that belong to the index."""
        named = {f"{what}-{a}-{b}.safetensors" for what in ("graph", "records") for a, b in getattr(self, _OF[what])}
        return named | ({f"removed-{self.removed}.bin"} if self.removed else set())

    def sizes(self) -> dict[str, int]:
        """Return the number of valid bytes of each file."""
        sizes = {
            TEXT: self.text_bytes,
            POSITIONS: 16 * self.sentences,
            VECTORS: self.sentences * self.dimension * np.dtype(self.dtype).itemsize,
        }
        return sizes | ({SCALES: 4 * self.sentences} if self.dtype == "int8" else {})

    def to_config(self) -> dict[str, Any]:
        """Return the configuration as JSON values."""
        reached = self.graphs[-1][1] if self.graphs else 0
        is_plain = not (self.columns or self.removed) and self.in_graphs == reached
        return {"format": FORMAT, "format_version": 1 if is_plain else FORMAT_VERSION, "kind": KIND, **asdict(self)}


def read_contents(path: str | os.PathLike[str]) -> Contents:
    """Read and check the ``config.json`` of an index; the ModelError explains what is wrong."""
    config = read_header(path, KIND, FORMAT_VERSION, counted="sentences")
    file = Path(path, LAYOUT.config)
    check_positive(config, file, "dimension")
    if config.get("dtype") not in DTYPES or type(config.get("splits")) is not bool:
        raise ModelError(f"{file} is damaged: dtype must be one of {', '.join(DTYPES)}, and splits true or false")
    try:
        sources = tuple(_read_source(entry) for entry in config["sources"])
        graphs = tuple(_read_range(entry) for entry in config["graphs"])
        records = tuple(_read_range(entry) for entry in config.get("records", ()))
        columns = tuple(_read_column(entry) for entry in config.get("columns", ()))
        text_bytes, removed = _read_count(config["text_bytes"]), _read_count(config.get("removed", 0))
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"{file} is damaged: sources, graphs, records or text_bytes is missing or wrong ({error})"
        ) from error
    contents = Contents(
        config["dimension"], config["dtype"], config["splits"], config["sentences"], text_bytes, sources, graphs,
        columns, records, removed, str(config.get("encoder_digest", "")),
    )  # fmt: skip
    for name in _OF.values():
        borders = [0, *(border for ends in getattr(contents, name) for border in ends), contents.sentences]
        if borders != sorted(borders) or any(start == stop for start, stop in getattr(contents, name)):
            raise ModelError(f"{file} is damaged: its {name} are not consecutive")
    if removed > contents.sentences or len(dict(columns)) != len(columns):
        raise ModelError(f"{file} is damaged: it has more removed sentences than sentences, or repeats a column name")
    if sum(source.sentences for source in sources) != contents.sentences:
        raise ModelError(f"{file} is damaged: the number of sentences in its sources differs from that of the index")
    return contents


def _read_count(value: object) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(f"{value!r:.40} is not a count")
    return value


def _read_source(entry: Any) -> Source:
    if not isinstance(entry["name"], str):
        raise TypeError(f"{entry['name']!r:.40} is not a name")
    return Source(entry["name"], _read_count(entry["sentences"]), _read_count(entry["lines"]))


def _read_range(entry: Any) -> Range:
    start, stop = entry
    return _read_count(start), _read_count(stop)


def _read_column(entry: Any) -> tuple[str, Kind]:
    name, kind = entry
    if not isinstance(name, str) or kind not in COLUMN_DTYPES:
        raise ValueError(f"{entry!r:.60} is not a column")
    return name, kind


def write_contents(folder: Path, contents: Contents) -> None:
    """Replace ``config.json`` atomically; from then on, `contents` describes the index."""
    with atomic_file(folder / LAYOUT.config) as file:
        file.write(encode_json(contents.to_config()))


def graph_file(folder: Path, start: int, stop: int) -> Path:
    """Return the file of the graph of sentences from `start` to below `stop`."""
    return folder / f"graph-{start}-{stop}.safetensors"


def records_file(folder: Path, start: int, stop: int) -> Path:
    """Return the file of the ids and metadata of sentences from `start` to below `stop`."""
    return folder / f"records-{start}-{stop}.safetensors"


def removed_file(folder: Path, n_removed: int) -> Path:
    """Return the file with the rows of removed sentences, int64, ascending; its name contains their number."""
    return folder / f"removed-{n_removed}.bin"


def part_folder(folder: Path, name: str) -> Path:
    """Return the folder for data derived from the sentences, whether it exists or not.

    Rows of sentences do not change when others are added or removed, and new sentences get the rows after them. A part
    that records its last row can therefore be updated. `compact` renumbers rows and copies no parts.
    """
    return folder / PARTS / name


def with_removed(folder: Path, contents: Contents, rows: NDArray[np.intp]) -> Contents:
    """Write the rows of all removed sentences, ascending; return the contents with them."""
    with atomic_file(removed_file(folder, len(rows))) as file:
        file.write(rows.astype("<i8").data)
    return replace(contents, removed=len(rows))


def remove_obsolete(folder: Path, contents: Contents) -> None:
    """Delete files that have been superseded; readers that opened the index before keep their mappings."""
    needed = contents.file_names()
    for name in os.listdir(folder):
        if (_RANGE_NAME.fullmatch(name) and name not in needed) or _is_unfinished(name):
            with suppress(OSError):
                os.unlink(folder / name)


def _is_unfinished(name: str) -> bool:
    """Return whether a name is that of a temporary file, left by a process that was killed while writing."""
    found = _UNFINISHED.fullmatch(name)
    return found is not None and (found[1] == LAYOUT.config or _RANGE_NAME.fullmatch(found[1]) is not None)


def is_index(path: str | os.PathLike[str]) -> bool:
    """Return whether a folder has the configuration of an index, valid or not."""
    try:
        return parse_json(Path(path, LAYOUT.config)).get("kind") == KIND
    except ModelError:
        return False


def check_replaceable(path: str | os.PathLike[str]) -> None:
    """Raise `ModelError` unless `path` contains an index and nothing else, so that it may be deleted."""
    if not is_index(path):
        raise ModelError(f"{path} exists but is not an index of sentences, so it is not overwritten")
    known = {LAYOUT.config, ENCODER, TEXT, POSITIONS, VECTORS, SCALES, PARTS}
    for entry in sorted(os.listdir(path)):
        if entry not in known and not _RANGE_NAME.fullmatch(entry) and not _is_unfinished(entry):
            raise ModelError(
                f"{path} is not overwritten: it also contains {entry!r}, not part of an index; move that elsewhere"
            )


@contextmanager
def locked_for_adding(folder: Path) -> Iterator[None]:
    """Keep other processes from changing the same index; ModelError if one is changing it now."""
    before = _inode(folder)
    with lock_folder(folder) as is_mine:
        if is_mine is False or _inode(folder) != before:  # the index was compacted in the meantime
            raise ModelError(f"another process is changing {folder}; try again when it has finished")
        yield


def _inode(folder: Path) -> int | None:
    return os.stat(folder).st_ino if folder.exists() else None
