"""`SentenceIndex`: sentences with their vectors in a folder, in which the nearest to a query are found at once."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.columns import one_column
from w2v.display.frames import data_frame
from w2v.display.html import html_facts
from w2v.encoder.model.inference import Output
from w2v.encoder.model.persistence import KIND as ENCODER_KIND
from w2v.encoder.retrieval.hits import Hit, Place
from w2v.encoder.retrieval.index.building import Makes, Progress, append_batches, encode_texts, write_index
from w2v.encoder.retrieval.index.graphs import CONNECTIVITY, EFFORT, LEAST_ROWS, SentenceGraphs, cut_evenly, has_usearch
from w2v.encoder.retrieval.index.pictures import Maker, inference_of, load_maker, texts_of
from w2v.encoder.retrieval.index.searching import Searcher, unit_vectors
from w2v.encoder.retrieval.index.storage import (
    ENCODER,
    LINE,
    Contents,
    graph_file,
    locked_for_adding,
    read_contents,
    write_contents,
)
from w2v.settings.habits import Answering, also_called
from w2v.storage.files import ModelError
from w2v.vectors import fidelity
from w2v.vectors.index import NeighborIndex, import_usearch
from w2v.vectors.model_folder import read_kind
from w2v.vectors.persistence import KIND as WORD_VECTORS
from w2v.vectors.table import DType, VectorTable

if TYPE_CHECKING:
    from pandas import DataFrame

    from w2v.corpora.tokenizers import Tokenizer
    from w2v.encoder.sentence_encoder import SentenceEncoder, Start
    from w2v.neural.tasks.images.classifier import ImageClassifier

EXACT_LIMIT = 1_000_000
"""Up to so many sentences all are looked at, unless a graph is asked for."""


class SentenceIndex(Answering):
    """Sentences and their vectors in a folder, with the encoder that made them.

    `SentenceIndex(path)` opens one, as `SentenceIndex.open` does, and `SentenceIndex.build` makes one. Sentences and
    vectors are memory-mapped, so that an index may be larger than memory. Every sentence is looked at in a search;
    above a million, or when it is asked for, graphs of near sentences [1]_ are built, in which the nearest are found
    without looking at most of the others.

    Parameters
    ----------
    path, tokenizer, workers
        See `open`.

    References
    ----------
    .. [1] Malkov and Yashunin 2016, Hierarchical Navigable Small World graphs, arXiv:1603.09320.

    Examples
    --------
    >>> from w2v.encoder.retrieval import SentenceIndex
    >>> index = SentenceIndex.build("my.encoder", ["Birds can fly.", "Fish swim."], "my.index")  # doctest: +SKIP
    >>> index.search("How do birds fly?", top_n=1)  # doctest: +SKIP
    [Hit(sentence='Birds can fly.', similarity=0.9323, line=1, file='')]
    """

    habits = {  # noqa: RUF012
        "load": "SentenceIndex(path) opens it",
        "query": "it is search(text)",
        "similarity_search": "it is search(text)",
        "delete": "an index grows only: build it again without what is to go",
        "upsert": "an index grows only: add(texts) adds to it",
    }

    def __init__(
        self, path: str | os.PathLike[str], *, tokenizer: Tokenizer | None = None, workers: int | None = None
    ) -> None:
        if read_kind(path) in (WORD_VECTORS, ENCODER_KIND):
            raise ModelError(
                f"{path} is a model, not an index; make one of sentences with: w2v index {path} FILE --output INDEX"
            )
        contents = read_contents(path)
        state = load_maker(Path(path, ENCODER), tokenizer)
        if contents.dimension > state.dimension:
            raise ModelError(
                f"{path} is damaged: its vectors have {contents.dimension} columns, its encoder's {state.dimension}"
            )
        self._hold(Path(path), contents, state, workers)

    def _hold(self, path: Path, contents: Contents, state: Maker, workers: int | None) -> None:
        self._path = path
        self._state = state
        self._workers = workers
        self._inference: Makes | None = None
        self._searcher = Searcher(path, contents)

    @classmethod
    def of(cls, path: Path, contents: Contents, state: Maker, workers: int | None = None) -> SentenceIndex:
        """Return the index of what is in a folder, once that is read; users give the folder's name alone."""
        index = cls.__new__(cls)
        index._hold(path, contents, state, workers)
        return index

    @classmethod
    def build(
        cls,
        encoder: SentenceEncoder | ImageClassifier | Start,
        sentences: Any,
        path: str | os.PathLike[str],
        *,
        dtype: DType = "float16",
        truncate_dim: int | None = None,
        splits: bool = False,
        approximate: bool | None = None,
        overwrite: bool = False,
        workers: int | None = None,
        progress: Progress | None = None,
    ) -> SentenceIndex:
        """Write a new index; memory does not grow with the text.

        Parameters
        ----------
        encoder : SentenceEncoder, ImageClassifier, EncoderState, Embeddings, str or path-like
            What makes the vectors, or its folder. A copy of it becomes part of the index.
        sentences : str, path-like, list of path-like, TextReader, or iterable of str
            Files, with a sentence a line, or sentences. Those without a known word are left out. For a classifier of
            pictures their files and folders; what is indexed, found and asked for are then the names of pictures.
        path : str or path-like
            The folder to write.
        dtype : {"float32", "float16", "int8"}, default "float16"
            How vectors are stored. float16 finds what float32 does; int8 takes half of that and is off by up to 0.01.
        truncate_dim : int, optional
            Keep so many of the first columns; by default as many as the encoder is set to.
        splits : bool, default False
            Cut lines into sentences; see `corpora.split_sentences`.
        approximate : bool, optional
            Build graphs for approximate search; by default above `EXACT_LIMIT` sentences, where usearch is installed.
        overwrite : bool, default False
            Replace an index that exists.
        workers : int, optional
            Threads; all cores by default.
        progress : callable, optional
            See `Progress`.

        Returns
        -------
        SentenceIndex

        Raises
        ------
        ModelError
            If the folder exists (with `overwrite`: and is no index) or cannot be written.
        SavedElsewhereError
            If its disk is full: the index is in another place, or its first sentences are; see
            `w2v.storage.rescue.save_result`.
        ValueError
            If there is no sentence with a known word, or an option is out of range.
        CorpusError
            If a file cannot be read or is no text.
        ImportError
            If `approximate` is True and usearch is not installed.

        Notes
        -----
        An interruption leaves nothing. Once all sentences are written the index is there, and graphs are added to it
        one after another.
        """
        if approximate:
            import_usearch()
        place, contents, inference = write_index(
            encoder, sentences, Path(path), dtype, truncate_dim, splits, overwrite, workers, progress
        )
        index = cls.of(place, contents, inference.state, workers)
        index._inference = inference
        index._link(approximate, progress)
        return index

    @classmethod
    def open(
        cls, path: str | os.PathLike[str], *, tokenizer: Tokenizer | None = None, workers: int | None = None
    ) -> SentenceIndex:
        """Open an index, memory-mapped.

        Parameters
        ----------
        path : str or path-like
            The folder. Its graphs are read by usearch, which checks less than the rest is checked: search
            approximately only in indexes that you or people you trust have built.
        tokenizer : Tokenizer, optional
            Needed where the encoder's is a callable; see `w2v.encoder.model.persistence.load_encoder`.
        workers : int, optional
            Threads; all cores by default.

        Returns
        -------
        SentenceIndex

        Raises
        ------
        ModelError
            If it is missing, no index, of a newer version or damaged.
        """
        return cls(path, tokenizer=tokenizer, workers=workers)

    def __len__(self) -> int:
        return self.contents.sentences

    def __getitem__(self, row: int) -> str:
        n = len(self)
        if not -n <= row < n:
            raise IndexError(f"the index has {n:,} sentences, and none of number {row}")
        return self._searcher.rows.sentence(row % n)

    def __iter__(self) -> Iterator[str]:
        for start in range(0, len(self), 1 << 12):
            yield from self.sentences(start, min(start + (1 << 12), len(self)))

    def __repr__(self) -> str:
        how = "approximate" if self.is_approximate else "exact"
        return f"SentenceIndex({str(self._path)!r}, {len(self):,} sentences, {self.dtype}, {how})"

    def _repr_html_(self) -> str:
        how = "graphs of near sentences" if self.is_approximate else "every sentence"
        facts = [
            ("folder", self._path),
            ("sentences", f"{len(self):,}"),
            ("vectors", f"{self.contents.dimension:,} columns of {self.dtype}"),
            ("a search looks at", how),
        ]
        return html_facts("Sentence index", facts)

    def to_pandas(self) -> DataFrame:
        """Return a data frame of the columns sentence, line and file, all sentences in memory; needs pandas."""
        places = [self.place(row) for row in range(len(self))]
        return data_frame({name: [getattr(place, name) for place in places] for name in Place._fields})

    @property
    def path(self) -> Path:
        """The folder."""
        return self._path

    @property
    def state(self) -> Maker:
        """The encoder, or the classifier of pictures."""
        return self._state

    @property
    def table(self) -> VectorTable:
        """The vectors, of length 1, shape (N, d), in the order of the sentences."""
        return self._searcher.rows.table

    @property
    def dtype(self) -> DType:
        """How the vectors are stored."""
        return self.contents.dtype

    @property
    def is_approximate(self) -> bool:
        """Whether there are graphs, so that searches are approximate unless `exact` is given."""
        return bool(self.contents.graphs)

    @property
    def contents(self) -> Contents:
        """What the index holds."""
        return self._searcher.contents

    @property
    def lines(self) -> NDArray[np.int64]:
        """The line that each sentence was on in its file, from 1, shape (N,), int64; see `Place`."""
        return self._searcher.rows.positions[:, LINE]

    def place(self, row: int) -> Place:
        """Return sentence `row`, from 0, and where it came from."""
        file, line = self._searcher.rows.place(row)
        return Place(self[row], line, file)

    def sentences(self, start: int, stop: int) -> list[str]:
        """Return the sentences from `start` to below `stop`."""
        return self._searcher.rows.sentences(start, stop)

    def add(self, sentences: Any, *, approximate: bool | None = None, progress: Progress | None = None) -> int:
        """Add sentences behind those that are there.

        Parameters
        ----------
        sentences : str, path-like, list of path-like, TextReader, or iterable of str
            As for `build`.
        approximate : bool, optional
            As for `build`. By default graphs are also added to where there are some.
        progress : callable, optional
            See `Progress`.

        Returns
        -------
        int
            How many were added. They count all at once when all are written; an interruption leaves the index as it
            was, and one while graphs are built leaves it searchable.

        Raises
        ------
        ModelError
            If another process is adding to it, or it cannot be written.
        ValueError
            If there is no sentence with a known word.
        CorpusError, ImportError
            As for `build`.
        """
        if approximate:
            import_usearch()
        with locked_for_adding(self._path):
            before = read_contents(self._path)
            batches = encode_texts(self._path, before, self.inference, texts_of(self._state, sentences), progress)
            contents = append_batches(self._path, before, batches)
            if contents.sentences == before.sentences:
                raise ValueError("no line has a word that the encoder knows, so there is nothing to add")
            self._searcher = Searcher(self._path, contents)
        self._link(approximate, progress)
        return contents.sentences - before.sentences

    def _link(self, approximate: bool | None, progress: Progress | None) -> None:
        """Build graphs if that is asked for, or pays and is possible."""
        if approximate or (approximate is None and self.wants_graphs and has_usearch()):
            self.build_graphs(progress=progress)

    @property
    def inference(self) -> Makes:
        """What encodes queries and further sentences."""
        if self._inference is None:
            self._inference = inference_of(self._state, self._workers)
        return self._inference

    @property
    def wants_graphs(self) -> bool:
        """Whether so many sentences are in no graph that searches would be much faster with one."""
        n, reached = len(self), self.contents.in_graphs
        return (n > EXACT_LIMIT or reached > 0) and n - reached >= LEAST_ROWS

    def build_graphs(
        self, *, connectivity: int = CONNECTIVITY, effort: int = EFFORT, progress: Progress | None = None
    ) -> int:
        """Build graphs of all sentences that are in none yet; searches are approximate from then on.

        Each graph counts when it is written, so that after an interruption this goes on with the next.

        Parameters
        ----------
        connectivity, effort : int
            See `w2v.vectors.index.NeighborIndex.build`.
        progress : callable, optional
            See `Progress`.

        Returns
        -------
        int
            Of how many sentences.

        Raises
        ------
        ImportError
            If usearch is not installed.
        ValueError
            If a number is out of range.
        ModelError
            If another process is adding to the index, or it cannot be written.
        """
        import_usearch()
        with locked_for_adding(self._path):
            self._searcher = Searcher(self._path, read_contents(self._path))
            reached = self.contents.in_graphs
            for start, stop in cut_evenly(reached, len(self)):
                told = None if progress is None else partial(_tell_linked, progress, start, len(self))
                how: dict[str, Any] = {"connectivity": connectivity, "effort": effort, "workers": self._workers}
                part = self.table.take(slice(start, stop))
                graph = NeighborIndex.build(part, dtype="int8", progress=told, **how)
                graph.write(graph_file(self._path, start, stop))
                contents = self.contents.with_graph(start, stop)
                write_contents(self._path, contents)
                self._searcher = Searcher(self._path, contents)
        return len(self) - reached

    def measure_recall(self, *, top_n: int = 10, n_sampled: int = 200) -> float:
        """Return the fraction of the true `top_n` nearest that a search finds, for evenly spread sentences."""
        return fidelity.measure_recall(self.graphs, self.table, top_n=top_n, n_sampled=n_sampled)

    @overload
    def search(self, queries: str, *, top_n: int = ..., exact: bool = ...) -> list[Hit]: ...
    @overload
    def search(self, queries: list[str], *, top_n: int = ..., exact: bool = ...) -> list[list[Hit]]: ...
    @also_called(top_k="top_n", topn="top_n", k="top_n")
    def search(self, queries: str | list[str], *, top_n: int = 10, exact: bool = False) -> list[Hit] | list[list[Hit]]:
        """Find the sentences that are nearest to one query, or to each of many.

        Parameters
        ----------
        queries : str or list of str
        top_n : int, default 10
            How many to find; equal sentences come once.
        exact : bool, default False
            Look at every sentence even if there are graphs.

        Returns
        -------
        list of Hit, or a list of them for each query
            The nearest first. A query of many without a known word finds nothing.

        Raises
        ------
        ValueError
            If no word of a single query is known, or `top_n` is below 1.
        ModelError
            If the index is damaged.
        ImportError
            If there are graphs, usearch is not installed, and `exact` is False.
        """
        if isinstance(queries, str):
            [vector] = self.encode([queries])
            if not vector.any():
                raise ValueError(f"no word of the query {queries!r:.80} is known to the encoder")
            return self._searcher.find(vector[None], [queries], top_n, exact)[0]
        texts = list(one_column(queries))
        return self._searcher.find(self.encode(texts), texts, top_n, exact)

    def encode(self, sentences: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of sentences, shape (S, d), of length 1; zeros for those without a known word."""
        output = Output(truncate_dim=self.contents.dimension)
        vectors: NDArray[np.float32] = self.inference.encode(list(one_column(sentences)), output)
        return vectors

    def search_vectors(self, vectors: NDArray[Any], *, top_n: int = 10, exact: bool = False) -> list[list[Hit]]:
        """Find the sentences that are nearest to each vector, shape (Q, d), of any length but 0; see `search`.

        Raises
        ------
        TypeError
            If they are no numbers.
        ValueError
            If a vector has another width or is not finite.
        """
        return self._searcher.find(unit_vectors(vectors, self.contents.dimension), None, top_n, exact)

    def nearest(
        self, units: NDArray[np.float32], n: int, *, exact: bool = False
    ) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
        """Return the nearest rows of the table, equal sentences and all; see `Searcher.nearest`."""
        return self._searcher.nearest(units, n, exact=exact)

    @property
    def graphs(self) -> SentenceGraphs:
        """The graphs, memory-mapped; see `Searcher.graphs`."""
        return self._searcher.graphs


def _tell_linked(progress: Progress, start: int, total: int, done: int) -> None:
    progress("linking", start + done, total)
