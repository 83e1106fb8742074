"""What the readers and writers of foreign vector files share: blocks of a file, rows of text, and what is refused."""

from __future__ import annotations

import gzip
import io
import os
import re
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from w2v.encoding.vocabulary import Vocabulary
from w2v.formats.source import BLOCK_BYTES, is_utf8
from w2v.storage.files import ModelError, OutputTakenError, atomic_file, atomic_folder, reading
from w2v.vectors.embeddings import Embeddings

WHITE_SPACE = " \t\n\r\v\f"


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
        raise too_large(path, n_rows, vector_size) from error


def too_large(path: str, n_rows: int, vector_size: int) -> ModelError:
    """Return the error for vectors that do not fit in memory."""
    return ModelError(f"{path}: {n_rows} words of {vector_size} dimensions do not fit in memory; read fewer with limit")


def split_row(line: str, vector_size: int) -> tuple[str, str]:
    """Return the word of a line, which may hold spaces, and the text of its numbers.

    A number before the last `vector_size` ones belongs to the word ("windows 95") if it is shorter than each of them;
    otherwise the line has too many.
    """
    word, _, numbers = line.partition(" ")
    if numbers.count(" ") == vector_size - 1 and numbers[:1] != " ":
        return word, numbers
    parts = _SEPARATORS.split(line)  # fields at even places, what separates them between
    values = parts[1 - 2 * vector_size :: 2]
    before = parts[: -2 * vector_size]
    shortest = min(map(len, values))
    if not before or any(len(part) >= shortest and _NUMBER.fullmatch(part) for part in before[2::2]):
        return word, numbers
    return "".join(before) or parts[-2 * vector_size][:-1], " ".join(values)


_SEPARATORS = re.compile("([ \t]+)")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


def is_number(text: str | bytes) -> bool:
    """Tell whether a text is a number, be it with a decimal comma, which `parse_rows` refuses by that name."""
    return is_point_number(text.replace(",", ".") if isinstance(text, str) else text.replace(b",", b"."))


def is_point_number(text: str | bytes) -> bool:
    """Tell whether a text is a number, with a decimal point if any."""
    try:
        float(text)
    except ValueError:
        return False
    return True


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
                remedy = "; write decimal points in place of the commas" if is_number(value) else ""
                raise ModelError(f"{path}, line {line}: {value[:60]!r} is not a number{remedy}") from None


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


def without_words(
    embeddings: Embeddings, path: str | os.PathLike[str], forbidden: str, *, empty: bool = False
) -> tuple[Embeddings, list[str]]:
    """Return the embeddings of the words that a format can express, and the words that are left out.

    Parameters
    ----------
    embeddings : Embeddings
        The model.
    path : str or path-like
        For the message.
    forbidden : str
        Characters, as in a regular expression, that no word of the format holds.
    empty : bool, default False
        Whether the format can express the empty word.

    Raises
    ------
    ModelError
        If no word is left.
    """
    unwritable = re.compile(f"[{forbidden}]")
    left_out = [word for word in embeddings.index_to_key if unwritable.search(word) or not (word or empty)]
    if not left_out:
        return embeddings, left_out
    if len(left_out) == len(embeddings):
        raise ModelError(
            f"{path} cannot be written: the format can express no word of the model, such as {left_out[0]!r}"
        )
    return embeddings.difference(left_out), left_out


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


def read_lines(path: Path, errors: str, encoding: str) -> list[str]:
    """Read the lines of a text file, with line feeds or both line ends, a byte-order mark left out."""
    with reading(path) as file:
        data = file.read()
    try:
        lines = data.decode("utf-8-sig" if is_utf8(encoding) else encoding, errors).replace("\r\n", "\n").split("\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        expected = "UTF-8" if is_utf8(encoding) else encoding
        raise ModelError(
            f"{path}, line {line}: not {expected}; name its encoding, or read with errors='replace'"
        ) from error
    if lines[-1] == "":
        lines.pop()
    return lines


def read_words(path: Path, errors: str, encoding: str) -> list[str]:
    """Read one word a line."""
    words = read_lines(path, errors, encoding)
    if "" in words:
        raise ModelError(f"{path}, line {words.index('') + 1}: the line is empty; expected one word a line")
    check_distinct(str(path), words, 1)
    return words


def pack_words(words: Sequence[str]) -> dict[str, NDArray[np.generic]]:
    """Return words as arrays: their UTF-8, each followed by a line feed, and their lengths if one holds such."""
    joined = "".join([f"{word}\n" for word in words]).encode()
    packed: dict[str, NDArray[np.generic]] = {"words": np.frombuffer(joined, dtype=np.uint8)}
    if joined.count(b"\n") != len(words):
        packed["word_lengths"] = np.array([len(word.encode()) for word in words], dtype=np.int64)
    return packed


def unpack_words(
    path: str | os.PathLike[str], data: NDArray[np.generic], lengths: NDArray[np.generic] | None, errors: str
) -> list[str]:
    """Return the words of `pack_words`."""
    if data.dtype != np.uint8 or data.ndim != 1:
        raise ModelError(f"{path}: the words are {data.dtype} of shape {data.shape}, not bytes")
    joined = data.tobytes()
    try:
        if lengths is None:
            words = joined.decode("utf-8", errors).split("\n")
            if words.pop() != "":
                raise ModelError(f"{path}: the words do not end with a line feed; the file is damaged")
            return words
        if lengths.dtype.kind not in "iu" or lengths.ndim != 1 or (lengths < 0).any():  # type: ignore[operator]
            raise ModelError(f"{path}: the lengths of the words are damaged")
        ends = np.cumsum(lengths.astype(np.int64) + 1)
        if not len(ends) or ends[-1] != len(joined):
            raise ModelError(f"{path}: the lengths of the words are {int(ends[-1:].sum())} bytes, not {len(joined)}")
        starts = [0, *ends[:-1].tolist()]
        return [joined[a : b - 1].decode("utf-8", errors) for a, b in zip(starts, ends.tolist(), strict=True)]
    except UnicodeDecodeError as error:
        raise ModelError(
            f"{path}: the words are not UTF-8 at their byte {joined.index(error.object) + error.start}; read with "
            "errors='replace'"
        ) from error


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
