"""The folder of an index: sentences, where each came from, and vectors, in files that only ever grow.

`config.json` says how much of each file counts. Adding writes behind that, flushes the files to the disk, and then
replaces `config.json` in one step; whatever happens before, the index is as it was, and the next addition cuts off
what lies behind. Ids and metadata of a range of sentences, graphs, and the numbers of removed sentences are in files
that are never changed: others take their place in `config.json`. What a reader has mapped stays as it is.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.tables.typed import DTYPES as COLUMN_DTYPES
from w2v.corpora.tables.typed import Kind
from w2v.storage.files import ModelError, atomic_file, lock_folder
from w2v.vectors.model_folder import FORMAT, LAYOUT, check_positive, encode_json, parse_json, read_header
from w2v.vectors.table import DTYPES, DType, VectorTable

KIND = "sentence-index"
FORMAT_VERSION = 2
"""2 has ids, metadata, removed sentences or gaps between graphs; an index without them is written as 1."""

ENCODER, TEXT, POSITIONS, VECTORS, SCALES = (
    "encoder", "sentences.txt", "positions.bin", "vectors.bin", "scales.bin",
)  # fmt: skip
"""Names in the folder: that of the encoder, and the files that grow."""
PARTS = "parts"
"""The folder of what else is derived from the sentences, each part in a folder of its own; see `part_folder`."""
ID = "id"
"""The column of ids among the columns of metadata."""

Range = tuple[int, int]

START, LINE = 0, 1
"""Columns of the positions: where a sentence starts in the text, in bytes, and the line that it was on, from 1."""

_RANGE_NAME = re.compile(r"(?:graph|records)-\d+-\d+\.safetensors|removed-\d+\.bin")
_UNFINISHED = re.compile(r"\.(.+)\.[0-9a-f]{8}\.tmp")


_OF = {"graph": "graphs", "records": "records"}


@dataclass(frozen=True)
class Source:
    """Sentences that were added one after another from one place.

    Attributes
    ----------
    name : str
        The file; empty for sentences that came from a program.
    sentences : int
        How many were kept.
    lines : int
        How many lines there were.
    """

    name: str
    sentences: int
    lines: int


@dataclass(frozen=True)
class Contents:
    """What `config.json` says.

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
        How much of the text counts.
    sources : tuple of Source
        In the order of the sentences.
    graphs : tuple of (int, int)
        From which to below which sentence each graph of near sentences reaches, in their order.
    columns : tuple of (str, str)
        Names and types of the columns of metadata, that of the ids, `ID`, among them.
    records : tuple of (int, int)
        From which to below which sentence each file of ids and metadata reaches, in their order.
    removed : int
        How many sentences are removed.
    encoder_digest : str
        SHA-256 of the encoder; empty where an older version has written the index.
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
        """How many sentences are in graphs."""
        return sum(stop - start for start, stop in self.graphs)

    @property
    def live(self) -> int:
        """How many sentences are not removed."""
        return self.sentences - self.removed

    def outside_graphs(self) -> list[Range]:
        """Return the ranges of sentences that are in no graph."""
        borders = [0, *(border for ends in self.graphs for border in ends), self.sentences]
        return [(start, stop) for start, stop in zip(borders[::2], borders[1::2], strict=True) if start < stop]

    def with_graph(self, start: int, stop: int) -> Contents:
        """Return the contents with a further graph."""
        return replace(self, graphs=tuple(sorted([*self.graphs, (start, stop)])))

    def file_names(self) -> set[str]:
        """Return the names of the files that belong to the index."""
        named = {f"{what}-{a}-{b}.safetensors" for what in ("graph", "records") for a, b in getattr(self, _OF[what])}
        return named | ({f"removed-{self.removed}.bin"} if self.removed else set())

    def sizes(self) -> dict[str, int]:
        """Return how many bytes of each file count."""
        sizes = {
            TEXT: self.text_bytes,
            POSITIONS: 16 * self.sentences,
            VECTORS: self.sentences * self.dimension * np.dtype(self.dtype).itemsize,
        }
        return sizes | ({SCALES: 4 * self.sentences} if self.dtype == "int8" else {})

    def to_config(self) -> dict[str, Any]:
        """Return the configuration."""
        reached = self.graphs[-1][1] if self.graphs else 0
        is_plain = not (self.columns or self.removed) and self.in_graphs == reached
        return {"format": FORMAT, "format_version": 1 if is_plain else FORMAT_VERSION, "kind": KIND, **asdict(self)}


def read_contents(path: str | os.PathLike[str]) -> Contents:
    """Read and check the ``config.json`` of an index; a ModelError says what is wrong with it."""
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
            raise ModelError(f"{file} is damaged: its {name} do not follow each other")
    if removed > contents.sentences or len(dict(columns)) != len(columns):
        raise ModelError(f"{file} is damaged: it removes more sentences than it has, or names a column twice")
    if sum(source.sentences for source in sources) != contents.sentences:
        raise ModelError(f"{file} is damaged: its sources have not as many sentences as the index")
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
    """Replace ``config.json`` in one step: from then on the index is what `contents` says."""
    with atomic_file(folder / LAYOUT.config) as file:
        file.write(encode_json(contents.to_config()))


def graph_file(folder: Path, start: int, stop: int) -> Path:
    """Return the file of the graph of sentences from `start` to below `stop`."""
    return folder / f"graph-{start}-{stop}.safetensors"


def records_file(folder: Path, start: int, stop: int) -> Path:
    """Return the file of the ids and metadata of sentences from `start` to below `stop`."""
    return folder / f"records-{start}-{stop}.safetensors"


def removed_file(folder: Path, n_removed: int) -> Path:
    """Return the file of the rows of removed sentences, int64, rising; there is one for each number of them."""
    return folder / f"removed-{n_removed}.bin"


def part_folder(folder: Path, name: str) -> Path:
    """Return the folder of something that is derived from the sentences, whether it is there or not.

    Sentences keep their rows while others are added or removed, and new ones get the rows behind them: a part that
    tells up to which row it goes can be brought up to date. `compact` numbers rows anew, and writes no parts.
    """
    return folder / PARTS / name


def with_removed(folder: Path, contents: Contents, rows: NDArray[np.intp]) -> Contents:
    """Write the rows of all removed sentences, rising; return the contents with them."""
    with atomic_file(removed_file(folder, len(rows))) as file:
        file.write(rows.astype("<i8").data)
    return replace(contents, removed=len(rows))


def remove_obsolete(folder: Path, contents: Contents) -> None:
    """Delete files whose place others have taken; whoever has opened the index has them mapped."""
    needed = contents.file_names()
    for name in os.listdir(folder):
        if (_RANGE_NAME.fullmatch(name) and name not in needed) or _is_unfinished(name):
            with suppress(OSError):
                os.unlink(folder / name)


def _is_unfinished(name: str) -> bool:
    """Say whether a name is that of a file which a process was writing when it was killed."""
    found = _UNFINISHED.fullmatch(name)
    return found is not None and (found[1] == LAYOUT.config or _RANGE_NAME.fullmatch(found[1]) is not None)


def is_index(path: str | os.PathLike[str]) -> bool:
    """Say whether a folder claims to be an index, whatever its state."""
    try:
        return parse_json(Path(path, LAYOUT.config)).get("kind") == KIND
    except ModelError:
        return False


def check_replaceable(path: str | os.PathLike[str]) -> None:
    """Raise `ModelError` unless all of what is at `path` is an index and may be deleted."""
    if not is_index(path):
        raise ModelError(f"{path} exists and is not an index of sentences, so it is not overwritten")
    known = {LAYOUT.config, ENCODER, TEXT, POSITIONS, VECTORS, SCALES, PARTS}
    for entry in sorted(os.listdir(path)):
        if entry not in known and not _RANGE_NAME.fullmatch(entry) and not _is_unfinished(entry):
            raise ModelError(
                f"{path} is not overwritten: it also holds {entry!r}, which is not part of an index; move it elsewhere"
            )


class EncodedBatch(NamedTuple):
    """Sentences that follow each other in one file, those without a vector left out.

    Attributes
    ----------
    name : str
        See `Source`.
    sentences : list of n bytes
        In UTF-8.
    lines : ndarray of shape (n,), int64
    units : ndarray of shape (n, d), float32
        Vectors of length 1.
    n_lines : int
        How many lines there were.
    texts : ndarray of shape (n,), int64
        The number of the text that each is of, from 0, among all that are appended.
    """

    name: str
    sentences: list[bytes]
    lines: NDArray[np.int64]
    units: NDArray[np.float32]
    n_lines: int
    texts: NDArray[np.int64]


@dataclass
class Appender:
    """Writes sentences behind those of an index.

    Attributes
    ----------
    contents : Contents
        Of the index with what was appended so far.
    files : mapping of str to BinaryIO
        The files that grow, open at their ends.
    """

    contents: Contents
    files: Mapping[str, BinaryIO] = field(default_factory=dict)

    def append(self, batch: EncodedBatch) -> None:
        """Append a batch: all of it is in the files then."""
        n, contents = len(batch.sentences), self.contents
        n_bytes = self._write(batch) if n else 0
        *before, last = (*contents.sources, Source(batch.name, n, batch.n_lines))
        if before and last.name == "" == before[-1].name:  # lines of programs are numbered on
            last = Source("", before[-1].sentences + n, before[-1].lines + batch.n_lines)
            before.pop()
        self.contents = replace(
            contents,
            sentences=contents.sentences + n,
            text_bytes=contents.text_bytes + n_bytes,
            sources=(*before, last),
        )

    def _write(self, batch: EncodedBatch) -> int:
        """Write a batch and return how long its text is."""
        lengths = np.fromiter(map(len, batch.sentences), np.int64, len(batch.sentences)) + 1
        positions = np.empty((len(lengths), 2), "<i8")
        positions[:, START] = self.contents.text_bytes + np.cumsum(lengths) - lengths
        positions[:, LINE] = batch.lines
        table = VectorTable(batch.units).astype(self.contents.dtype)
        self.files[TEXT].write(b"".join(sentence + b"\n" for sentence in batch.sentences))
        self.files[POSITIONS].write(positions.data)
        self.files[VECTORS].write(np.ascontiguousarray(table.stored).data)
        if table.scales is not None:
            self.files[SCALES].write(table.take(slice(None)).inverse_norms().data)
        for file in self.files.values():
            file.flush()
        return int(lengths.sum())


@contextmanager
def appending(folder: Path, contents: Contents, *, is_new: bool = False) -> Iterator[Appender]:
    """Open the files of an index to append to them; what was appended counts once the block ends without an error.

    After an error the files are cut back to what they were, unless the index is new. That a file cannot be written, or
    is shorter than the configuration says, is a ModelError.
    """
    try:
        with ExitStack() as opened:
            files: dict[str, BinaryIO] = {}
            for name, size in contents.sizes().items():
                files[name] = opened.enter_context(open(folder / name, "r+b" if (folder / name).exists() else "xb"))
                if files[name].seek(0, os.SEEK_END) < size:
                    raise ModelError(f"{folder / name} is damaged: it is shorter than {size:,} bytes")
                files[name].truncate(size)  # what an interrupted addition has left
                files[name].seek(size)
            appender = Appender(contents, files)
            yield appender
            for file in files.values():
                os.fsync(file.fileno())
    except BaseException as error:
        for name, size in {} if is_new else contents.sizes().items():
            with suppress(OSError):
                if os.path.getsize(folder / name) > size:
                    os.truncate(folder / name, size)
        if isinstance(error, OSError):
            raise ModelError(f"{folder} cannot be written: {error.strerror or error}") from error
        raise
    write_contents(folder, appender.contents)


@contextmanager
def locked_for_adding(folder: Path) -> Iterator[None]:
    """Keep other processes from changing the same index; a ModelError if one is changing it now."""
    before = _inode(folder)
    with lock_folder(folder) as is_mine:
        if is_mine is False or _inode(folder) != before:  # compacted in between
            raise ModelError(f"another process is changing {folder}; try again when it has finished")
        yield


def _inode(folder: Path) -> int | None:
    return os.stat(folder).st_ino if folder.exists() else None
