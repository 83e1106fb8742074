"""The folder of an index: sentences, where each came from, and vectors, in files that only ever grow.

`config.json` says how much of each file counts. Adding writes behind that, flushes the files to the disk, and then
replaces `config.json` in one step; whatever happens before, the index is as it was, and the next addition cuts off
what lies behind. What a reader has mapped stays as it is.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.storage.files import ModelError, atomic_file, lock_folder, reading
from w2v.vectors.model_folder import FORMAT, LAYOUT, check_positive, encode_json, parse_json, read_header
from w2v.vectors.table import DTYPES, DType, VectorTable

KIND = "sentence-index"
FORMAT_VERSION = 1

ENCODER, TEXT, POSITIONS, VECTORS, SCALES = (
    "encoder", "sentences.txt", "positions.bin", "vectors.bin", "scales.bin",
)  # fmt: skip
"""Names in the folder: that of the encoder, and the files that grow."""

START, LINE = 0, 1
"""Columns of the positions: where a sentence starts in the text, in bytes, and the line that it was on, from 1."""

_GRAPH_NAME = "graph-{start}-{stop}.safetensors"


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
        From which to below which sentence each graph of near sentences reaches; they follow each other from 0.
    """

    dimension: int
    dtype: DType
    splits: bool = False
    sentences: int = 0
    text_bytes: int = 0
    sources: tuple[Source, ...] = ()
    graphs: tuple[tuple[int, int], ...] = ()

    @property
    def in_graphs(self) -> int:
        """How many sentences, from the first on, are in graphs."""
        return self.graphs[-1][1] if self.graphs else 0

    def with_graph(self, start: int, stop: int) -> Contents:
        """Return the contents with a further graph."""
        return replace(self, graphs=(*self.graphs, (start, stop)))

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
        return {"format": FORMAT, "format_version": FORMAT_VERSION, "kind": KIND, **asdict(self)}


def read_contents(path: str | os.PathLike[str]) -> Contents:
    """Read and check the ``config.json`` of an index; a ModelError says what is wrong with it."""
    config = read_header(path, KIND, FORMAT_VERSION, counted="sentences")
    file = Path(path, LAYOUT.config)
    check_positive(config, file, "dimension")
    if config.get("dtype") not in DTYPES or type(config.get("splits")) is not bool:
        raise ModelError(f"{file} is damaged: dtype must be one of {', '.join(DTYPES)}, and splits true or false")
    try:
        sources = tuple(_read_source(entry) for entry in config["sources"])
        graphs = tuple(_read_graph(entry) for entry in config["graphs"])
        text_bytes = _read_count(config["text_bytes"])
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{file} is damaged: sources, graphs or text_bytes is missing or wrong ({error})") from error
    contents = Contents(
        config["dimension"], config["dtype"], config["splits"], config["sentences"], text_bytes, sources, graphs
    )
    reached = 0
    for start, stop in graphs:
        if start != reached or not start < stop <= contents.sentences:
            raise ModelError(f"{file} is damaged: its graphs do not follow each other")
        reached = stop
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


def _read_graph(entry: Any) -> tuple[int, int]:
    start, stop = entry
    return _read_count(start), _read_count(stop)


def write_contents(folder: Path, contents: Contents) -> None:
    """Replace ``config.json`` in one step: from then on the index is what `contents` says."""
    with atomic_file(folder / LAYOUT.config) as file:
        file.write(encode_json(contents.to_config()))


def graph_file(folder: Path, start: int, stop: int) -> Path:
    """Return the file of the graph of sentences from `start` to below `stop`."""
    return folder / _GRAPH_NAME.format(start=start, stop=stop)


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
    known = {LAYOUT.config, ENCODER, TEXT, POSITIONS, VECTORS, SCALES}
    for entry in sorted(os.listdir(path)):
        if entry not in known and not (entry.startswith("graph-") and entry.endswith(".safetensors")):
            raise ModelError(
                f"{path} is not overwritten: it also holds {entry!r}, which is no part of an index; move it elsewhere"
            )


class Rows:
    """The sentences and vectors of an index, memory-mapped.

    Attributes
    ----------
    table : VectorTable of shape (N, d)
        Rows of length 1.
    positions : ndarray of shape (N, 2), int64
        See `START` and `LINE`.

    Raises
    ------
    ModelError
        If a file is missing or shorter than the configuration says.
    """

    def __init__(self, folder: Path, contents: Contents) -> None:
        self._folder, self._contents = folder, contents
        mapped = {name: _mapped(folder / name, size) for name, size in contents.sizes().items()}
        n = contents.sentences
        stored = np.frombuffer(mapped[VECTORS], contents.dtype).reshape(n, contents.dimension)
        scales = np.frombuffer(mapped[SCALES], np.float32) if SCALES in mapped else None
        if scales is not None and not (scales >= 0).all():
            raise ModelError(f"{folder / SCALES} is damaged: a scale is negative or no number")
        self.table = VectorTable(stored, scales, are_units=True)
        self.positions: NDArray[np.int64] = np.frombuffer(mapped[POSITIONS], np.int64).reshape(n, 2)
        self._text = mapped[TEXT]
        self._ends = np.cumsum([source.sentences for source in contents.sources])

    def sentence(self, row: int) -> str:
        """Return a sentence; see `sentences`."""
        return self.sentences(row, row + 1)[0]

    def sentences(self, start: int, stop: int) -> list[str]:
        """Return the sentences from `start` to below `stop`; a ModelError if the index is damaged there."""
        borders = self.positions[start : stop + 1, START].tolist()
        if stop == len(self.positions):
            borders.append(len(self._text))
        if borders != sorted(borders) or borders[0] < 0 or borders[-1] > len(self._text):
            raise ModelError(f"{self._folder / POSITIONS} is damaged at sentence {start + 1}; build the index again")
        data = self._text[borders[0] : borders[-1]]
        try:
            return [
                data[a - borders[0] : b - 1 - borders[0]].decode() for a, b in zip(borders, borders[1:], strict=False)
            ]
        except UnicodeDecodeError as error:
            raise ModelError(
                f"{self._folder / TEXT} is damaged at sentence {start + 1}; build the index again"
            ) from error

    def place(self, row: int) -> tuple[str, int]:
        """Return the file that a sentence came from and its line there, from 1."""
        source = self._contents.sources[int(np.searchsorted(self._ends, row, side="right"))]
        return source.name, int(self.positions[row, LINE])


def _mapped(file: Path, size: int) -> mmap.mmap | bytes:
    """Map the first bytes of a file."""
    if size == 0:
        return b""
    with reading(file) as stream:
        found = os.fstat(stream.fileno()).st_size
        if found < size:
            raise ModelError(f"{file} is damaged: it has {found:,} bytes, but {size:,} were written")
        return mmap.mmap(stream.fileno(), size, access=mmap.ACCESS_READ)


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
    """

    name: str
    sentences: list[bytes]
    lines: NDArray[np.int64]
    units: NDArray[np.float32]
    n_lines: int


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
    """Keep other processes from adding to the same index; a ModelError if one is adding to it now."""
    with lock_folder(folder) as is_mine:
        if is_mine is False:
            raise ModelError(f"another process is adding to {folder}; try again when it has finished")
        yield
