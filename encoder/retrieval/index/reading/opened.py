"""An opened index folder: its sentences by number, its vectors, and searches."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from w2v.display.frames import data_frame
from w2v.display.html import html_facts
from w2v.encoder.model.persistence import KIND as ENCODER_KIND
from w2v.encoder.model.state import EncoderState
from w2v.encoder.retrieval.hits import Hit, Place, column_name
from w2v.encoder.retrieval.hybrid.searching import By, find_candidates, open_words
from w2v.encoder.retrieval.hybrid.words import WordIndex
from w2v.encoder.retrieval.index.building import Progress
from w2v.encoder.retrieval.index.graphs import SentenceGraphs
from w2v.encoder.retrieval.index.pictures import Maker, load_maker
from w2v.encoder.retrieval.index.reading.searchable import Searchable
from w2v.encoder.retrieval.index.rows import Rows
from w2v.encoder.retrieval.index.searching import Searcher, Where
from w2v.encoder.retrieval.index.storage import ENCODER, ID, LINE, Contents, part_folder, read_contents
from w2v.lazy import load_optional
from w2v.storage.files import ModelError
from w2v.vectors import fidelity
from w2v.vectors.model_folder import read_kind
from w2v.vectors.persistence import KIND as WORD_VECTORS
from w2v.vectors.table import DType, VectorTable

if TYPE_CHECKING:
    from pandas import DataFrame

    from w2v.corpora.tables.typed import Kind, Value
    from w2v.corpora.tokenizers import Tokenizer

_NO_FOLDER = Path(os.devnull, "index")
"""The folder of an index that has none: nothing can be written to it by mistake."""

Self = TypeVar("Self", bound="OpenedIndex")


class OpenedIndex(Searchable):
    """The sentences and vectors of a folder, memory-mapped.

    A sentence has a number, from 0, among those not removed, and a row, which stays the same until the index is
    compacted.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, tokenizer: Tokenizer | None = None, workers: int | None = None
    ) -> None:
        if read_kind(path) in (WORD_VECTORS, ENCODER_KIND):
            raise ModelError(
                f"{path} is a model, not an index; build an index with: w2v index {path} FILE --output INDEX"
            )
        contents = read_contents(path)
        state = load_maker(Path(path, ENCODER), tokenizer)
        if contents.dimension > state.dimension:
            raise ModelError(
                f"{path} is damaged: its vectors have {contents.dimension} columns, its encoder's {state.dimension}"
            )
        self._hold(Path(path), contents, state, workers)

    def _hold(
        self,
        path: Path,
        contents: Contents,
        state: Maker,
        workers: int | None,
        files: Mapping[str, BinaryIO] | None = None,
    ) -> None:
        super().__init__(state, contents.dimension, workers)
        self._path = path
        self._read(contents, files)

    def _read(self, contents: Contents, files: Mapping[str, BinaryIO] | None = None) -> None:
        """Map the current files of the folder, or those given."""
        self._searcher = Searcher(self._path, contents, files)
        self._live_table: VectorTable | None = None
        self._words: WordIndex | None = None

    @classmethod
    def of(cls: type[Self], path: Path, contents: Contents, state: Maker, workers: int | None = None) -> Self:
        """Return the index of a folder whose contents are known already; users give only the folder."""
        index = cls.__new__(cls)
        index._hold(path, contents, state, workers)
        return index

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the absolute path of the folder, which must be there when it is unpickled."""
        return partial(type(self), os.path.abspath(self._path), **self._reopening()), ()

    @classmethod
    def in_files(
        cls: type[Self], files: Mapping[str, BinaryIO], contents: Contents, state: Maker, workers: int | None = None
    ) -> Self:
        """Return an index of files without a folder, to be read only; see `Rows`."""
        index = cls.__new__(cls)
        index._hold(_NO_FOLDER, contents, state, workers, files)
        return index

    def __len__(self) -> int:
        return self.contents.live

    @overload
    def __getitem__(self, number: int) -> str: ...
    @overload
    def __getitem__(self, number: slice) -> list[str]: ...
    def __getitem__(self, number: int | slice) -> str | list[str]:
        if isinstance(number, slice):
            return [self[each] for each in range(*number.indices(len(self)))]
        return self.rows.sentence(self._row(number))

    def __iter__(self) -> Iterator[str]:
        for start in range(0, len(self), 1 << 12):
            yield from self.sentences(start, min(start + (1 << 12), len(self)))

    def _row(self, number: int) -> int:
        n = len(self)
        if not hasattr(number, "__index__"):
            raise TypeError(
                f"sentences are numbered from 0, and {number!r:.60} is not a number: index.ids are their ids"
            )
        if not -n <= number < n:
            raise IndexError(f"the index has {n:,} sentences, so there is none with number {number}")
        return int(self.rows.live_rows[number]) if self.contents.removed else number % n

    def __repr__(self) -> str:
        how = "approximate" if self.is_approximate else "exact"
        return f"{type(self).__name__}({str(self._path)!r}, {len(self):,} sentences, {self.dtype}, {how})"

    def _repr_html_(self) -> str:
        how = "graphs of near sentences" if self.is_approximate else "every sentence"
        facts = [
            ("folder", self._path),
            ("sentences", f"{len(self):,}"),
            ("vectors", f"{self.contents.dimension:,} columns of {self.dtype}"),
            ("search compares with", how),
            *([("metadata", ", ".join(names))] if (names := list(self._searcher.records.kinds)) else []),
            *([("removed, until it is compacted", f"{removed:,}")] if (removed := self.contents.removed) else []),
        ]
        return html_facts("Sentence index", facts)

    def to_pandas(self) -> DataFrame:
        """Return a data frame of sentence, line, file, ids and metadata, all in memory; requires pandas."""
        places = [self.place(number) for number in range(len(self))]
        frame: dict[str, Any] = {name: [getattr(place, name) for place in places] for name in Place._fields}
        if (ids := self.ids) is not None:
            frame[ID] = ids
        return data_frame(frame | {column_name(name): values for name, values in self.metadata.items()})

    @property
    def path(self) -> Path:
        """The folder."""
        return self._path

    @property
    def table(self) -> VectorTable:
        """The vectors, of length 1, shape (N, d), in the order of the sentences.

        They are memory-mapped, or copied to memory if sentences have been removed; see `compact`.
        """
        if self._live_table is None:
            self._live_table = self.rows.table.take(self.rows.live_rows) if self.contents.removed else self.rows.table
        return self._live_table

    @property
    def dtype(self) -> DType:
        """Storage type of the vectors."""
        return self.contents.dtype

    @property
    def is_approximate(self) -> bool:
        """Whether there are graphs, so that searches are approximate unless `exact` is True."""
        return bool(self.contents.graphs)

    @property
    def contents(self) -> Contents:
        """The contents of the index."""
        return self._searcher.contents

    @property
    def ids(self) -> list[str | int | None] | None:
        """The ids of the sentences, as a list in memory; None if the index has no ids."""
        found: list[Any] | None = self._values(ID) if ID in self._searcher.records.kinds else None
        return found

    @property
    def metadata(self) -> dict[str, list[Value]]:
        """The metadata columns by name, in memory: one value per sentence, None if missing."""
        return {name: self._values(name) for name in self._searcher.records.names}

    def _values(self, name: str) -> list[Value]:
        column = self._searcher.records.column(name)
        return (column.take(self.rows.live_rows) if self.contents.removed else column).tolist()

    @property
    def lines(self) -> NDArray[np.int64]:
        """The line of each sentence in its file, from 1, shape (N,), int64; see `Place`."""
        lines: NDArray[np.int64] = self.rows.positions[:, LINE]
        return lines[self.rows.live_rows] if self.contents.removed else lines

    def place(self, number: int) -> Place:
        """Return the sentence with a number, from 0, and its source."""
        row = self._row(number)
        file, line = self.rows.place(row)
        return Place(self.rows.sentence(row), line, file)

    def sentences(self, start: int, stop: int) -> list[str]:
        """Return the sentences from number `start` to below `stop`."""
        if self.contents.removed:
            return [self.rows.sentence(row) for row in self.rows.live_rows[start:stop].tolist()]
        return self.rows.sentences(start, stop)

    def measure_recall(self, *, top_n: int = 10, n_sampled: int = 200) -> float:
        """Return the recall of approximate search at `top_n`, measured on `n_sampled` evenly spaced sentences."""
        return fidelity.measure_recall(self.graphs, self.rows.table, top_n=top_n, n_sampled=n_sampled)

    def count(self, where: Where | None = None) -> int:
        """Return the number of sentences that meet a condition; see `search`."""
        return self._searcher.count(self.chosen(where))

    def _find(
        self, units: NDArray[np.float32], texts: list[str] | None, top_n: int, exact: bool, where: Where | None
    ) -> list[list[Hit]]:
        return self.find(units, texts, top_n, exact, self.chosen(where))

    def find(
        self,
        units: NDArray[np.float32],
        texts: list[str] | None,
        top_n: int,
        exact: bool,
        chosen: NDArray[np.bool_] | None = None,
    ) -> list[list[Hit]]:
        """Return the sentences nearest to vectors of length 1; see `Searcher.find`."""
        return self._searcher.find(units, texts, top_n, exact, chosen)

    def _candidates(
        self,
        texts: list[str],
        units: NDArray[np.float32],
        by: By,
        n: int,
        exact: bool,
        where: Where | None,
        progress: Progress | bool | str | None,
    ) -> list[list[Hit]]:
        return self.candidates(texts, units, by, n, exact, self.chosen(where), progress)

    def candidates(
        self,
        texts: list[str],
        units: NDArray[np.float32],
        by: By,
        n: int,
        exact: bool,
        chosen: NDArray[np.bool_] | None = None,
        progress: Progress | bool | str | None = None,
    ) -> list[list[Hit]]:
        """Return sentences with words of the texts, and by "both" near ones; see `hybrid.searching.find_candidates`."""
        words = self.build_words(progress=progress)
        return find_candidates(self._searcher, words, texts, units, by, n, exact=exact, chosen=chosen)

    def has_words(self, query: str) -> bool:
        """Return whether any sentence, removed ones included, contains a word of the query."""
        return self.build_words().knows(query)

    def build_words(self, *, progress: Progress | bool | str | None = None) -> WordIndex:
        """Index the words of all sentences for searches by words, unless the word index is up to date.

        Otherwise the first search by words does this. The word index is saved in the folder; a `WordsNotKeptWarning` is
        issued if that cannot be written.

        Parameters
        ----------
        progress : bool, str or callable, optional
            See `search`.

        Returns
        -------
        WordIndex

        Raises
        ------
        ImportError
            If bm25s is not installed.
        ValueError
            If the index holds pictures.
        """
        if not isinstance(self._state, EncoderState):
            raise ValueError("the index contains pictures, which have no words")
        if self._words is None:
            self._words = open_words(self.part_folder("words"), self._state, self.rows, progress)
        return self._words

    def chosen(self, where: Where | None, kinds: Mapping[str, Kind] | None = None) -> NDArray[np.bool_] | None:
        """Return which rows a condition selects, shape (N,), removed ones never; None without a condition.

        `kinds` are the types of the columns that the condition may name, by default those of the index.
        """
        return None if where is None else self._searcher.chosen(where, kinds)

    def nearest(
        self, units: NDArray[np.float32], n: int, *, exact: bool = False, chosen: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
        """Return the nearest rows of the table, equal sentences included; see `Searcher.nearest`."""
        return self._searcher.nearest(units, n, exact=exact, chosen=chosen)

    def hit(self, row: int, similarity: float) -> Hit:
        """Return the hit for a row."""
        return self._searcher.hit(row, similarity)

    @property
    def rows(self) -> Rows:
        """The sentences by row, removed ones included; rows keep their numbers until `compact`."""
        return self._searcher.rows

    def part_folder(self, name: str) -> Path:
        """Return the folder of data derived from the sentences; see `storage.part_folder`."""
        return part_folder(self._path, name)

    @property
    def graphs(self) -> SentenceGraphs:
        """The graphs, memory-mapped; see `Searcher.graphs`."""
        return self._searcher.graphs

    def explore(
        self,
        *,
        metadata: Any = None,
        color: str | None = None,
        host: str = "127.0.0.1",
        port: int | None = None,
        opens_browser: bool = True,
    ) -> Any:
        """Show the sentences on a map in the browser while the program continues, like `w2v explore`.

        Parameters
        ----------
        metadata : path, data frame, dict of lists or list of dict, optional
            Columns to filter and colour by, with one value per sentence, in addition to those of the index.
        color : str, optional
            The column to colour the map by at first; by default, regions are coloured.
        host : str, default "127.0.0.1"
            The address to listen on. Any other than the default gives your network access without a password.
        port : int, optional
            By default 8642, or a free port if that is in use.
        opens_browser : bool, default True

        Returns
        -------
        Exploring
            Has the ``address`` of the page, and ``stop()`` to end it.

        Raises
        ------
        ImportError
            If the extra `explore` is not installed.
        ValueError
            If the metadata does not match the sentences, or there is no column `color`.
        CorpusError
            If the metadata cannot be read.
        """
        exploring = load_optional("w2v.explorer.documents.exploring", "the explorer is not installed")
        return exploring.explore_index(
            self._path, metadata=metadata, color=color, host=host, port=port, opens_browser=opens_browser
        )
