"""Samples of a corpus, for estimates."""

from __future__ import annotations

from dataclasses import dataclass

from w2v.corpora.inputs import CorpusError, is_compressed, reading_errors, size_on_disk
from w2v.corpora.readers import TextReader

SAMPLE_BYTES = 32 << 20
"""Default sample size; a corpus of at most this size is read completely."""
_FILES = 64
_SLICE_BYTES = 1 << 20


@dataclass(frozen=True)
class TextSample:
    """Text from all parts of a corpus.

    Attributes
    ----------
    lines : list of str
    n_bytes : int
        Size of the sample as text, in bytes.
    total_bytes : float
        Size of the corpus as text, in bytes; estimated for compressed files unless the sample is complete.
    """

    lines: list[str]
    n_bytes: int
    total_bytes: float

    @property
    def share(self) -> float:
        """Fraction of the corpus in the sample, at most 1."""
        return min(1.0, self.n_bytes / self.total_bytes) if self.total_bytes else 1.0


def sample_text(reader: TextReader, n_bytes: int = SAMPLE_BYTES) -> TextSample:
    """Read about `n_bytes` of a corpus, from evenly spaced positions unless files are compressed.

    A smaller corpus is read completely. Standard input and pipes raise CorpusError. The reader itself is not consumed.
    """
    if reader.total_bytes is None:
        raise CorpusError("standard input and pipes can be read only once and have no size: estimate from files")
    step = max(1, -(-len(reader.paths) // _FILES))
    is_whole = reader.total_bytes <= n_bytes and not any(map(is_compressed, reader.paths))
    chosen = reader.paths if is_whole else reader.paths[::step]
    budget = reader.total_bytes if is_whole else max(1, n_bytes // len(chosen))
    pieces: list[str] = []
    text_bytes = 0
    disk_bytes = 0.0
    for path in chosen:
        size = size_on_disk(path) or 0
        if is_compressed(path) or size <= budget:
            found, read = _read_start(path, budget, reader.errors)
        else:
            found, read = _read_slices(path, size, budget)
        pieces += found
        text_bytes += sum(len(piece.encode()) for piece in found)
        disk_bytes += read
    total = text_bytes if disk_bytes >= reader.total_bytes else text_bytes / max(disk_bytes, 1) * reader.total_bytes
    return TextSample([line for piece in pieces for line in piece.split("\n") if line], text_bytes, total)


def _read_start(path: str, budget: int, errors: str) -> tuple[list[str], int]:
    """Return the first blocks of a file, up to a size as text, and their size on disk."""
    reader = TextReader(path, block_size=_SLICE_BYTES, errors=errors)
    found, n = [], 0
    for block in reader:
        found.append(block.data.decode())
        n += len(block.data)
        if n >= budget:
            return found, reader.consumed_bytes
    return found, size_on_disk(path) or 0


def _read_slices(path: str, size: int, budget: int) -> tuple[list[str], int]:
    """Return complete lines from evenly spaced positions of a plain file, and their size in bytes.

    Bytes that are not UTF-8 are replaced: only reading the whole file reports them.
    """
    n_slices = max(1, budget // _SLICE_BYTES)
    length = min(_SLICE_BYTES, budget)
    found, n = [], 0
    with reading_errors(path), open(path, "rb") as file:
        for i in range(n_slices):
            file.seek(i * (size - length) // max(1, n_slices - 1))
            data = _whole_lines(file.read(length), is_start=file.tell() <= length)
            n += len(data)
            found.append(data.decode("utf-8" if i else "utf-8-sig", "replace"))
    return found, n


def _whole_lines(data: bytes, is_start: bool) -> bytes:
    """Cut a slice of a file at line ends, or at spaces if there are none."""
    for separator in (b"\n", b" "):
        first = 0 if is_start else data.find(separator) + 1
        last = data.rfind(separator) + 1
        if last > first:
            return data[first:last]
    return b""
