"""What the readers and writers of foreign vector files share: blocks of a file, rows of text, and what is refused."""

from __future__ import annotations

import gzip
import io
import mmap
import os
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from w2v._files import ModelError, OutputTakenError, atomic_file, atomic_folder, reading
from w2v.embeddings import Embeddings
from w2v.vocabulary import Vocabulary

BLOCK_BYTES = 8 << 20
MAX_DEFLATE_RATIO = 1032  # no gzip stream expands further than this
WHITE_SPACE = " \t\n\r\v\f"


@dataclass
class Source:
    """An open vector file: the bytes at hand, and where in the (decompressed) file they begin.

    A plain file is at hand whole, mapped into memory. A compressed one comes in blocks: `more` appends the next and
    drops what lies before `position`.
    """

    path: str
    data: bytes | mmap.mmap
    size: int  # bytes on the disk
    stream: gzip.GzipFile | None = None
    position: int = 0
    dropped: int = field(default=0)

    @property
    def offset(self) -> int:
        """Byte of the decompressed file at which `position` is."""
        return self.dropped + self.position

    def more(self) -> bool:
        """Get another block; False at the end of the file."""
        if self.stream is None:
            return False
        try:
            block = self.stream.read(BLOCK_BYTES)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ModelError(f"{self.path} is damaged or truncated: {error}") from error
        self.dropped += self.position
        self.data = self.data[self.position :] + block
        self.position = 0
        return bool(block)

    def ensure(self, n_bytes: int) -> bool:
        """Get blocks until `n_bytes` follow `position`, or the file ends; say whether they do."""
        while len(self.data) - self.position < n_bytes:
            if not self.more():
                return False
        return True

    def peek(self, n_bytes: int) -> bytes:
        """Return up to `n_bytes` from `position` on, which stays."""
        self.ensure(n_bytes)
        return bytes(self.data[self.position : self.position + n_bytes])

    def text_blocks(self, errors: str) -> Iterator[str]:
        """Yield the rest of the file as decoded blocks of whole lines, each with its newline but perhaps the last."""
        while self.ensure(1):
            self.ensure(BLOCK_BYTES)
            stop = self.data.rfind(b"\n", self.position, self.position + BLOCK_BYTES) + 1
            while stop == 0:  # a line longer than a block, or the last one without a newline
                stop = self.data.find(b"\n", self.position) + 1
                if stop == 0 and not self.more():
                    stop = len(self.data)
            block = bytes(self.data[self.position : stop])
            try:
                yield block.decode("utf-8", errors)
            except UnicodeDecodeError as error:
                raise ModelError(
                    f"{self.path}, byte {self.offset + error.start}: not UTF-8; the file is binary (then name its "
                    "format) or its words are cut inside a character (read with errors='replace')"
                ) from error
            self.position = stop


@contextmanager
def open_source(path: str | os.PathLike[str]) -> Iterator[Source]:
    """Open a vector file, plain or compressed with gzip; anything in the way becomes a `ModelError`."""
    name = os.fspath(path)
    if os.path.isdir(path):
        raise ModelError(f"{name} is a folder, not a vector file; a model folder is opened as it is")
    with reading(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size == 0:
            raise ModelError(f"{name} is empty")
        if file.read(2) == b"\x1f\x8b":
            file.seek(0)
            with gzip.GzipFile(fileobj=file, mode="rb") as stream:
                yield Source(name, b"", size, stream)
        elif name.endswith(".gz"):
            raise ModelError(f"{name} is not compressed with gzip, in spite of its name")
        else:
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
                yield Source(name, mapped, size)


@contextmanager
def new_file(path: str | os.PathLike[str], *, overwrite: bool) -> Iterator[BinaryIO | io.BufferedWriter]:
    """Open a file that appears whole or not at all; one whose name ends in ``.gz`` is compressed."""
    with atomic_file(path, overwrite=overwrite) as file:
        if os.fspath(path).endswith(".gz"):
            with gzip.GzipFile(filename="", mode="wb", fileobj=file, compresslevel=5, mtime=0) as compressed:
                buffered = io.BufferedWriter(compressed, BLOCK_BYTES)
                yield buffered
                buffered.flush()
        else:
            yield file


@contextmanager
def new_folder(path: str | os.PathLike[str], files: AbstractSet[str], *, overwrite: bool) -> Iterator[Path]:
    """Make a folder that appears whole or not at all, in the place of one that holds no other than the named files."""
    if os.path.lexists(path):
        if not overwrite:
            raise OutputTakenError(f"{path} exists already; choose another name, or remove it first")
        if not os.path.isdir(path) or not files >= set(os.listdir(path)):
            raise ModelError(f"{path} holds something else than what would be written, so it is not overwritten")
    with atomic_folder(path, replace=overwrite) as folder:
        yield folder


def check_limit(limit: int | None) -> None:
    """Raise ValueError unless `limit` is None or positive."""
    if limit is not None and limit < 1:
        raise ValueError(f"limit must be at least 1, not {limit}")


def allocate_rows(path: str, n_rows: int, vector_size: int) -> NDArray[np.float32]:
    """Return an empty table; a lack of memory becomes a `ModelError`."""
    try:
        return np.empty((n_rows, vector_size), dtype=np.float32)
    except (MemoryError, ValueError) as error:
        raise ModelError(
            f"{path}: {n_rows} words of {vector_size} dimensions do not fit in memory; read fewer with limit"
        ) from error


def parse_rows(
    path: str, rows: Sequence[tuple[str, str]], first_line: int, vector_size: int, separator: str | None = None
) -> NDArray[np.float32]:
    """Parse lines of numbers, `separator` (white space) between them.

    Parameters
    ----------
    path : str
        For messages.
    rows : sequence of (word, numbers), one a line
    first_line : int
        Number of the first line, for messages.
    vector_size : int
        How many numbers each line must have.
    separator : str, optional
        White space by default.

    Returns
    -------
    ndarray of shape (n_rows, vector_size), float32

    Raises
    ------
    ModelError
        For the first line that holds something else, by its number.
    """
    numbers = [row[1] for row in rows]
    if not all(map(str.strip, numbers)):  # loadtxt would pass over them
        _explain_row(path, rows, first_line, vector_size, separator)
    try:
        parsed: NDArray[np.float32] = np.loadtxt(numbers, dtype=np.float32, comments=None, delimiter=separator, ndmin=2)
        if parsed.shape != (len(rows), vector_size):
            raise ValueError("wrong number of columns")
    except ValueError as error:
        _explain_row(path, rows, first_line, vector_size, separator)
        raise ModelError(f"{path}, from line {first_line} on: {error}") from error
    return parsed


def _explain_row(
    path: str, rows: Sequence[tuple[str, str]], first_line: int, vector_size: int, separator: str | None
) -> None:
    """Raise a `ModelError` for the first row that is not `vector_size` numbers."""
    for line, (word, rest) in enumerate(rows, first_line):
        values = rest.split(separator)
        if len(values) != vector_size:
            raise ModelError(
                f"{path}, line {line}: the word {word[:60]!r} should be followed by {vector_size} numbers, "
                f"not {len(values) if rest.strip() else 0}; the line is damaged or the first line of the file is wrong"
            )
        for value in values:
            try:
                float(value)
            except ValueError:
                raise ModelError(f"{path}, line {line}: {value[:60]!r} is not a number") from None


def row_blocks(n_rows: int, vector_size: int) -> Iterator[slice]:
    """Yield slices that cover all rows, each of about `BLOCK_BYTES`."""
    step = max(1, BLOCK_BYTES // (4 * vector_size))
    for start in range(0, n_rows, step):
        yield slice(start, min(start + step, n_rows))


def check_finite(path: str, table: NDArray[np.generic], where: Callable[[int], str]) -> None:
    """Raise a `ModelError` for the first row that holds NaN or infinity; `where` names it."""
    for block in row_blocks(*table.shape):
        finite = np.isfinite(table[block])
        if not finite.all():
            row = block.start + int(np.argmin(finite.all(axis=1)))
            raise ModelError(f"{path}{where(row)} holds NaN or infinity; the file is damaged")


def make_embeddings(
    words: list[str], table: NDArray[np.float32], counts: NDArray[np.int64] | None = None
) -> Embeddings:
    """Return the embeddings of a file; of a word that occurs twice the first vector is kept, and the fact noted."""
    vocabulary, rows = distinct_words(words, counts)
    if rows is None:
        return Embeddings(vocabulary, table)
    return Embeddings(vocabulary, table[rows], metadata={"duplicates_dropped": len(words) - len(rows)})


def distinct_words(
    words: list[str], counts: NDArray[np.int64] | None = None
) -> tuple[Vocabulary, NDArray[np.intp] | None]:
    """Return the words without repeats, and the rows of the first of each; None if there are no repeats."""
    try:
        return Vocabulary(words, counts), None
    except ValueError:
        first_rows = dict(zip(reversed(words), range(len(words) - 1, -1, -1), strict=True))
        if len(first_rows) == len(words):
            raise
    rows = np.sort(np.fromiter(first_rows.values(), dtype=np.intp, count=len(first_rows)))
    return Vocabulary([words[row] for row in rows], None if counts is None else counts[rows]), rows


def make_vocabulary(path: str, words: list[str], counts: NDArray[np.int64] | None = None) -> Vocabulary:
    """Return the vocabulary of a file in which no word may occur twice; a `ModelError` says what is wrong."""
    try:
        return Vocabulary(words, counts)
    except ValueError as error:
        raise ModelError(f"{path}: {error}") from error


def check_words(
    embeddings: Embeddings,
    path: str | os.PathLike[str],
    format_name: str,
    forbidden: str = WHITE_SPACE,
    reason: str = "white space ends a word",
) -> None:
    """Raise a `ModelError` for the first word that is empty or holds a character that a format cannot express."""
    unwritable = re.compile(f"[{forbidden}]")
    for word in embeddings.index_to_key:
        if not word or unwritable.search(word):
            raise ModelError(
                f"{path}: the word {word!r} cannot be written in the {format_name} format, where {reason}; "
                "save a model folder instead, or train with a tokenizer that makes no such words"
            )


def finite_blocks(
    embeddings: Embeddings, path: str | os.PathLike[str]
) -> Iterator[tuple[list[str], NDArray[np.float32]]]:
    """Yield the words and vectors of a model, a few MiB at a time as little-endian float32.

    Raises
    ------
    ModelError
        If a vector holds NaN or infinity, which other programs do not expect.
    """
    for rows in row_blocks(len(embeddings), embeddings.vector_size):
        block = np.ascontiguousarray(embeddings.rows(rows), dtype="<f4")
        words = embeddings.index_to_key[rows]
        finite = np.isfinite(block)
        if not finite.all():
            word = words[int(np.argmin(finite.all(axis=1)))]
            raise ModelError(f"{path} cannot be written: the vector of {word!r} holds NaN or infinity")
        yield words, block


def float32_table(path: str | os.PathLike[str], table: NDArray[np.generic], n_words: int) -> NDArray[np.float32]:
    """Return the vectors of a file of arrays, having checked their type, shape and numbers.

    Raises
    ------
    ModelError
        If they are not two-dimensional numbers, a row for each word, or hold NaN or infinity.
    """
    if table.dtype.kind not in "fiu" or table.ndim != 2 or 0 in table.shape:
        raise ModelError(f"{path}: the vectors are {table.dtype} of shape {table.shape}, not a table of numbers")
    if len(table) != n_words:
        raise ModelError(f"{path}: there are {len(table)} vectors, but {n_words} words")
    check_finite(os.fspath(path), table, lambda row: f": row {row}")
    converted: NDArray[np.float32] = np.ascontiguousarray(table, dtype=np.float32)
    if table.dtype.itemsize > converted.dtype.itemsize:
        check_finite(os.fspath(path), converted, lambda row: f": row {row}, as float32,")
    return converted


def words_beside(path: str | os.PathLike[str]) -> Path:
    """Return the name of the file of words that belongs to a file of vectors alone: v.npy has v.words.txt."""
    return Path(path).with_suffix(".words.txt")


def write_words(embeddings: Embeddings, path: Path, *, overwrite: bool) -> None:
    """Write one word a line."""
    with atomic_file(path, overwrite=overwrite) as file:
        file.write("".join([f"{word}\n" for word in embeddings.index_to_key]).encode())


def read_words(path: Path, errors: str) -> list[str]:
    """Read one word a line."""
    with reading(path) as file:
        data = file.read()
    try:
        words = data.decode("utf-8-sig", errors).replace("\r\n", "\n").split("\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ModelError(f"{path}, line {line}: not UTF-8; read with errors='replace'") from error
    if words[-1] == "":
        words.pop()
    if "" in words:
        raise ModelError(f"{path}, line {words.index('') + 1}: the line is empty; expected one word a line")
    check_distinct(str(path), words, 1)
    return words


def check_distinct(path: str, words: list[str], first_line: int) -> None:
    """Raise a `ModelError` for the first word that stood on a line before."""
    seen: set[str] = set()
    for line, word in enumerate(words, first_line):
        if word in seen:
            raise ModelError(f"{path}, line {line}: the word {word[:60]!r} occurs more than once")
        seen.add(word)


def text_rows(block: NDArray[np.float32], separator: str = " ") -> list[str]:
    """Return each row as text: 9 significant digits, from which float32 comes back bit for bit."""
    row_format = separator.join(["%.9g"] * block.shape[1])
    return [row_format % tuple(row) for row in block.tolist()]
