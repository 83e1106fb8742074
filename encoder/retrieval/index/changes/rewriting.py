"""Write indexes anew from existing ones, without encoding: to drop removed sentences, or to merge several."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.tables.typed import Column, Kind, ValueTypeError, joined
from w2v.encoder.retrieval.index.building import Progress, check_output
from w2v.encoder.retrieval.index.pictures import digest_of
from w2v.encoder.retrieval.index.records.stored import Records, merged_kinds, write_records
from w2v.encoder.retrieval.index.rows import Rows
from w2v.encoder.retrieval.index.storage import (
    ENCODER,
    ID,
    LINE,
    POSITIONS,
    SCALES,
    START,
    TEXT,
    VECTORS,
    Contents,
    Source,
    graph_file,
    read_contents,
    write_contents,
)
from w2v.storage.claims import check_free_space, check_unclaimed, claimed
from w2v.storage.files import ModelError, atomic_folder, remove_leftovers
from w2v.storage.rescue import save_result

_AT_ONCE = 1 << 14


@dataclass(frozen=True)
class Stored:
    """The folder of an index and its contents."""

    folder: Path
    contents: Contents

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Stored:
        """Open a folder; ModelError if it is not an index or is damaged."""
        return cls(Path(path), read_contents(path))

    @cached_property
    def rows(self) -> Rows:
        """Its sentences and vectors."""
        return Rows(self.folder, self.contents)

    @cached_property
    def records(self) -> Records:
        """Its ids and metadata."""
        return Records(self.folder, self.contents)

    @cached_property
    def digest(self) -> str:
        """Hash that identifies its encoder."""
        return self.contents.encoder_digest or digest_of(self.folder / ENCODER)

    def live(self, start: int, stop: int) -> NDArray[np.intp]:
        """Return the rows of a range that are not removed."""
        rows = np.arange(start, stop)
        return rows if self.rows.live is None else rows[self.rows.live[start:stop]]


def check_alike(indexes: Sequence[Stored], *, by_dtype: bool = True) -> None:
    """Raise ModelError unless the indexes have the same encoder, width and (`by_dtype`) dtype."""
    first = indexes[0]
    for other in indexes[1:]:
        pair = f"{first.folder} and {other.folder}"
        for name in ("dimension", "dtype") if by_dtype else ("dimension",):
            own, its = getattr(first.contents, name), getattr(other.contents, name)
            if own != its:
                what = "columns" if name == "dimension" else "numbers"
                raise ModelError(f"{pair} have vectors of {own} and {its} {what}; build one of them again")
        if first.digest != other.digest:
            raise ModelError(f"{pair} come from different encoders, so their vectors cannot be compared")


def merge_indexes(
    indexes: Sequence[str | os.PathLike[str]],
    path: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Merge several indexes into a new one, in the given order, without encoding again.

    Removed sentences are left out. Graphs are copied unless they contain removed sentences.

    Parameters
    ----------
    indexes : sequence of str or path-like
        Folders of indexes with the same encoder, dtype and width.
    path : str or path-like
        The folder to write.
    overwrite : bool, default False
        Replace an existing index.
    progress : callable, optional
        See `Progress`; "copying".

    Returns
    -------
    Path
        The path of the new index: next to `path` if that has been taken in the meantime.

    Raises
    ------
    ModelError
        If an index cannot be opened, the encoders, widths or dtypes differ, or the folder exists or cannot be written.
    ValueError
        If no index is given, or one twice, several contain the same id, or columns of the same name have different
        types.
    """
    if isinstance(indexes, (str, os.PathLike)) or not indexes:
        raise ValueError("give the folders of the indexes to merge, as a list")
    found = [Stored.read(each) for each in indexes]
    places = [os.path.realpath(each) for each in indexes]
    for number, place in enumerate(places):
        if place in places[:number]:
            raise ValueError(
                f"{indexes[number]} is given twice: its sentences would be found twice; give each index once"
            )
    check_alike(found)
    check_unclaimed(path)
    check_output(Path(path), overwrite)
    columns = _columns(found)
    _check_ids(found)

    def write(place: Path) -> None:
        with atomic_folder(place, replace=overwrite and place == Path(path), moved=moved.append) as folder:
            write_live(folder, found, columns, progress)

    moved: list[Path] = []
    with claimed(path):
        saved = save_result(write, path)
    return [saved, *moved][-1]


def compacted(folder: Path, progress: Progress | None) -> Contents | None:
    """Rewrite an index in place without its removed sentences; return None if there is nothing to do."""
    remove_leftovers(folder)
    found = Stored.read(folder)
    contents = found.contents
    if not contents.removed and len(contents.records) < 2:
        return None
    if not contents.live:
        raise ValueError(f"all sentences of {folder} are removed, but an index needs at least one; delete the folder")
    check_output(folder, overwrite=True)
    with claimed(folder), atomic_folder(folder, replace=True) as place:
        return write_live(place, [found], _columns([found]), progress)


def write_live(
    folder: Path, indexes: Sequence[Stored], columns: dict[str, Column], progress: Progress | None
) -> Contents:
    """Write the sentences of indexes, without removed ones, to an empty folder; return its contents."""
    first, total = indexes[0], sum(index.contents.live for index in indexes)
    if not total:
        raise ValueError("all sentences are removed, but an index needs at least one")
    check_free_space(folder, sum(sum(index.contents.sizes().values()) for index in indexes))
    shutil.copytree(first.folder / ENCODER, folder / ENCODER)
    contents = Contents(
        first.contents.dimension, first.contents.dtype, first.contents.splits, encoder_digest=first.digest
    )
    sources: list[Source] = []
    with _Files(folder, contents) as files:
        for index in indexes:
            shift = sources[-1].lines if sources and not sources[-1].name else 0
            own = _sources(index)
            shifted = own[0].sentences if shift and not own[0].name else 0
            for rows in _blocks(index):
                number = files.n_rows - contents.sentences
                files.write(index.rows, rows, shift, max(0, shifted - number))
                if progress is not None:
                    progress("copying", files.n_rows, total)
            sources = _joined_sources(sources, own)
            contents = replace(contents, graphs=(*contents.graphs, *_copy_graphs(index, folder, contents.sentences)))
            contents = replace(contents, sentences=files.n_rows, text_bytes=files.text_bytes)
    contents = replace(contents, sources=tuple(sources))
    contents = write_records(folder, contents, columns, 0)
    write_contents(folder, contents)
    return contents


class _Files:
    """The files to which rows are appended."""

    def __init__(self, folder: Path, contents: Contents) -> None:
        self.n_rows = self.text_bytes = 0
        self._files = {name: open(folder / name, "xb") for name in contents.sizes()}

    def __enter__(self) -> _Files:
        return self

    def __exit__(self, *error: object) -> None:
        for file in self._files.values():
            if error[0] is None:
                file.flush()
                os.fsync(file.fileno())
            file.close()

    def write(self, source: Rows, rows: NDArray[np.intp], shift: int, n_shifted: int) -> None:
        """Write rows; add `shift` to the line numbers of the first `n_shifted`."""
        texts = source.encoded(rows)
        lengths = np.fromiter(map(len, texts), np.int64, len(texts))
        positions = np.empty((len(rows), 2), "<i8")
        positions[:, START] = self.text_bytes + np.cumsum(lengths) - lengths
        positions[:, LINE] = source.positions[rows, LINE]
        positions[:n_shifted, LINE] += shift
        self._files[TEXT].write(b"".join(texts))
        self._files[POSITIONS].write(positions.data)
        self._files[VECTORS].write(np.ascontiguousarray(source.table.stored[rows]).data)
        if source.table.scales is not None:
            self._files[SCALES].write(source.table.scales[rows].data)
        self.n_rows += len(rows)
        self.text_bytes += int(lengths.sum())


def _blocks(index: Stored) -> Iterator[NDArray[np.intp]]:
    """Yield the rows that are not removed, in blocks."""
    for start in range(0, index.contents.sentences, _AT_ONCE):
        rows = index.live(start, min(start + _AT_ONCE, index.contents.sentences))
        if rows.size:
            yield rows


def _sources(index: Stored) -> list[Source]:
    """Return the sources, with the number of sentences that are not removed in each."""
    found, start = [], 0
    for source in index.contents.sources:
        found.append(replace(source, sentences=len(index.live(start, start + source.sentences))))
        start += source.sentences
    return found


def _joined_sources(before: list[Source], own: list[Source]) -> list[Source]:
    """Append sources to others; adjacent texts added by programs become one source."""
    if before and own and before[-1].name == "" == own[0].name:
        last = before[-1]
        both = Source("", last.sentences + own[0].sentences, last.lines + own[0].lines)
        return [*before[:-1], both, *own[1:]]
    return [*before, *own]


def _copy_graphs(index: Stored, folder: Path, first: int) -> Iterator[tuple[int, int]]:
    """Copy the graphs without removed sentences, and yield their ranges; the index starts at row `first`."""
    for start, stop in index.contents.graphs:
        if len(index.live(start, stop)) == stop - start:
            at = first + len(index.live(0, start))
            shutil.copyfile(graph_file(index.folder, start, stop), graph_file(folder, at, at + stop - start))
            yield at, at + stop - start


def kinds_of(indexes: Sequence[Stored]) -> dict[str, Kind]:
    """Return the columns of several indexes; ValueError if the types of a column differ."""
    try:
        return merged_kinds(dict(index.contents.columns) for index in indexes)
    except ValueTypeError as error:
        raise ValueError(f"{', '.join(str(index.folder) for index in indexes)}: {error}") from error


def _columns(indexes: Sequence[Stored]) -> dict[str, Column]:
    """Return the ids and metadata of all sentences that are not removed, in order."""
    return {
        name: joined([index.records.column(name).take(index.rows.live_rows) for index in indexes])
        for name in kinds_of(indexes)
    }


def _check_ids(indexes: Sequence[Stored]) -> None:
    """Raise ValueError if several indexes contain the same id."""
    seen: dict[Any, Path] = {}
    for index in indexes:
        column = index.records.column(ID).take(index.rows.live_rows)
        own = {value for value in column.tolist() if value is not None}
        twice = next((each for each in own if each in seen), None)
        if twice is not None:
            raise ValueError(f"the id {twice!r:.60} is in {seen[twice]} and in {index.folder}; remove it from one")
        seen |= dict.fromkeys(own, index.folder)
