"""Parts of files: dividing a text for several readers, and reading such parts."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

from w2v.corpora.inputs import CorpusError, display_name, is_compressed, open_input, reading_errors, size_on_disk
from w2v.corpora.readers import Block, TextReader

_SEARCHED = 1 << 20
"""Bytes to search for a line end; a longer line is cut at white space."""


class FileRange(NamedTuple):
    """A range of bytes in a file; compressed files are never divided."""

    path: str
    start: int = 0
    stop: int | None = None  # None: to the end


class RangeReader(TextReader):
    """A `TextReader` of parts of files, in the order given."""

    def __init__(self, ranges: Sequence[FileRange], *, errors: str = "strict") -> None:
        super().__init__([part.path for part in ranges], errors=errors)
        self.ranges = tuple(ranges)

    def __iter__(self) -> Iterator[Block]:
        self.consumed_bytes = 0
        for part in self.ranges:
            yield from self.read_range(part.path, part.start, part.stop)


def cut_files(paths: Sequence[str], n_parts: int) -> list[tuple[FileRange, ...]]:
    """Divide files into consecutive parts of about equal size, at line ends and between compressed files.

    Raises CorpusError if a file cannot be read, or only once, or there are too few places to divide the text.
    """
    sizes = [_size_of(path) for path in paths]
    starts = [0, *accumulate(sizes)]
    borders = [(0, 0)]
    for number in range(1, n_parts):
        borders.append(_border(paths, sizes, starts, starts[-1] * number // n_parts))
    borders.append((len(paths), 0))
    parts = [_between(paths, sizes, first, last) for first, last in zip(borders, borders[1:], strict=False)]
    if not all(parts):
        raise CorpusError(
            f"the text cannot be divided into {n_parts} parts, one for each worker, because compressed files and "
            "lines stay whole; use more files or fewer workers"
        )
    return parts


def _size_of(path: str) -> int:
    size = size_on_disk(path)
    if size is None:
        raise CorpusError(f"{display_name(path)} can be read only once, so several workers cannot share it; name files")
    return size


def _border(paths: Sequence[str], sizes: list[int], starts: list[int], aim: int) -> tuple[int, int]:
    """Return the file and the byte offset at which to divide the text near `aim`, an offset in all files."""
    number = min(bisect_right(starts, aim), len(paths)) - 1
    into, size = aim - starts[number], sizes[number]
    if is_compressed(paths[number]):
        return (number, 0) if into < size - into else (number + 1, 0)
    place = _line_end(paths[number], into)
    return (number + 1, 0) if place >= size else (number, place)


def _line_end(path: str, place: int) -> int:
    """Return the start of the first line from `place` on, or in a long line, the start of a word."""
    if place == 0:
        return 0
    with open_input(path) as (stream, _, damage), reading_errors(path, damage):
        stream.seek(place - 1)
        searched = b""
        while len(searched) < _SEARCHED and (more := stream.read(_SEARCHED - len(searched))):
            searched += more
    end = searched.find(b"\n") + 1 or max(searched.find(b" "), searched.find(b"\t")) + 1
    return place - 1 + (end or len(searched))


def _between(
    paths: Sequence[str], sizes: list[int], first: tuple[int, int], last: tuple[int, int]
) -> tuple[FileRange, ...]:
    """Return the ranges between two borders; a complete file has no `stop`, so it may be compressed."""
    ranges = []
    for number in range(first[0], min(last[0] + 1, len(paths))):
        start = first[1] if number == first[0] else 0
        stop = last[1] if number == last[0] else sizes[number]
        if start < stop:
            is_whole = start == 0 and stop == sizes[number]
            ranges.append(FileRange(paths[number]) if is_whole else FileRange(paths[number], start, stop))
    return tuple(ranges)
