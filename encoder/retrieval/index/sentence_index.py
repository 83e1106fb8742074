"""`SentenceIndex`: sentences and their vectors in a folder, for fast nearest-neighbour search."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from w2v.corpora.tables.given import given_records, texts_and_records
from w2v.encoder.retrieval.index.building import Progress, append_batches, encode_texts, write_index
from w2v.encoder.retrieval.index.changes.editing import remove_sentences, replace_sentences
from w2v.encoder.retrieval.index.changes.linking import linked
from w2v.encoder.retrieval.index.changes.rewriting import Stored, compacted
from w2v.encoder.retrieval.index.graphs import CONNECTIVITY, EFFORT, EXACT_LIMIT, LEAST_ROWS, has_usearch
from w2v.encoder.retrieval.index.pictures import texts_of
from w2v.encoder.retrieval.index.reading.opened import OpenedIndex
from w2v.encoder.retrieval.index.reading.shards import ShardedIndex
from w2v.encoder.retrieval.index.records.joining import joining_of
from w2v.encoder.retrieval.index.searching import Searcher, Where
from w2v.encoder.retrieval.index.storage import (
    locked_for_adding,
    read_contents,
    remove_obsolete,
)
from w2v.vectors.index import import_usearch
from w2v.vectors.table import DType

if TYPE_CHECKING:
    from w2v.corpora.tokenizers import Tokenizer
    from w2v.encoder.sentence_encoder import SentenceEncoder, Start
    from w2v.neural.tasks.images.classifier import ImageClassifier

Folders = list[str] | list[Path] | tuple[str | os.PathLike[str], ...]


class SentenceIndex(OpenedIndex):
    """Sentences and their vectors in a folder, with their encoder.

    `SentenceIndex(path)` opens one, as `SentenceIndex.open` does, and `SentenceIndex.build` makes one. Sentences and
    vectors are memory-mapped, so an index may be larger than memory. A search compares with every sentence. Above a
    million sentences, or on request, graphs of near sentences [1]_ are built, so that a search visits only a small
    part. Sentences may have ids and metadata: ids are used to remove and replace sentences, metadata to filter a
    search. An index is pickled as the path of its folder.

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
        "load": "open an index with SentenceIndex(path)",
        "query": "it is search(text)",
        "similarity_search": "it is search(text)",
        "delete": "it is remove(ids)",
        "update": "it is replace(ids, texts)",
        "upsert": "replace(ids, texts) changes existing sentences, add(texts, ids=ids) adds new ones",
    }

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
        ids: Any = None,
        metadata: Any = None,
        text_column: str | None = None,
        approximate: bool | None = None,
        overwrite: bool = False,
        workers: int | None = None,
        progress: Progress | None = None,
    ) -> SentenceIndex:
        """Write a new index; memory does not grow with the size of the text.

        Parameters
        ----------
        encoder : SentenceEncoder, ImageClassifier, EncoderState, Embeddings, str or path-like
            Computes the vectors; may be given as a folder. A copy of it becomes part of the index.
        sentences : str, path-like, list of path-like, TextReader, or iterable of str
            Files with one sentence per line, or sentences. Those without a known word are left out. For an image
            classifier, files and folders of pictures; the index then contains, returns and searches by names of
            pictures.
        path : str or path-like
            The folder to write.
        dtype : {"float32", "float16", "int8"}, default "float16"
            Storage type of the vectors. float16 gives the results of float32; int8 takes half the space of float16, and
            its similarities are off by up to 0.01.
        truncate_dim : int, optional
            Keep only this many leading columns; by default, as many as the encoder is set to.
        splits : bool, default False
            Split lines into sentences; see `corpora.split_sentences`. Each has the id and metadata of its line.
        ids : list of str or int, or str, optional
            An id for each text, including blank ones, or the name of the metadata column with the ids; by default "id",
            if there is such a column.
        metadata : list of dict, dict of lists, data frame, str or path-like, optional
            One record per text, in order, or a CSV, TSV or JSON lines file of records; see
            `w2v.corpora.tables.files.read_records`. Values are text, integers, floats, booleans, or missing (None,
            NaN); dates become text.
        text_column : str, optional
            If `sentences` are tables: the column with the texts. The other columns become metadata. Tables are CSV,
            TSV or JSON lines files, a data frame, a dict of lists or a list of dicts.
        approximate : bool, optional
            Build graphs for approximate search; by default, if there are more than `EXACT_LIMIT` sentences and usearch
            is installed.
        overwrite : bool, default False
            Replace an existing index.
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
            If the folder exists (with `overwrite`: and is not an index) or cannot be written.
        SavedElsewhereError
            If the disk is full: the index, or its first sentences, have been saved elsewhere; see
            `w2v.storage.rescue.save_result`.
        ValueError
            If no sentence has a known word, an option is out of range, an id is missing or repeated, the number of
            records differs from that of texts, or a column mixes types.
        CorpusError
            If a file cannot be read, is not text, or is an invalid table.
        ImportError
            If `approximate` is True and usearch is not installed.

        Notes
        -----
        An interruption leaves no index behind. The index exists once all sentences are written; graphs are then added
        one by one.
        """
        if approximate:
            import_usearch()
        texts, given = texts_and_records(sentences, ids, metadata, text_column)
        joining = joining_of(given)
        place, contents, inference = write_index(
            encoder, texts, Path(path), dtype, truncate_dim, splits, overwrite, workers, progress, joining
        )
        index = cls.of(place, contents, inference.state, workers)
        index._inference = inference
        index._link(approximate, progress)
        return index

    @overload
    @classmethod
    def open(
        cls, path: str | os.PathLike[str], *, tokenizer: Tokenizer | None = ..., workers: int | None = ...
    ) -> SentenceIndex: ...
    @overload
    @classmethod
    def open(cls, path: Folders, *, tokenizer: Tokenizer | None = ..., workers: int | None = ...) -> ShardedIndex: ...
    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str] | Folders,
        *,
        tokenizer: Tokenizer | None = None,
        workers: int | None = None,
    ) -> SentenceIndex | ShardedIndex:
        """Open an index, memory-mapped, or several with the same encoder, to be searched together.

        Parameters
        ----------
        path : str or path-like, or a list of them
            The folder. usearch, which reads graphs, validates less than the rest of the index is validated: search
            approximately only in indexes built by yourself or people you trust.
        tokenizer : Tokenizer, optional
            Required if the encoder's tokenizer is a callable; see `w2v.encoder.model.persistence.load_encoder`.
        workers : int, optional
            Threads; all cores by default.

        Returns
        -------
        SentenceIndex, or ShardedIndex for a list

        Raises
        ------
        ModelError
            If it is missing, not an index, damaged or of a newer version, or if several have different encoders.
        """
        if not isinstance(path, (str, os.PathLike)):
            return ShardedIndex(path, tokenizer=tokenizer, workers=workers)
        return cls(path, tokenizer=tokenizer, workers=workers)

    def add(
        self,
        sentences: Any,
        *,
        ids: Any = None,
        metadata: Any = None,
        text_column: str | None = None,
        approximate: bool | None = None,
        progress: Progress | None = None,
    ) -> int:
        """Append sentences to the index.

        Parameters
        ----------
        sentences, ids, metadata, text_column
            As for `build`. If the index has ids, new sentences need ids. There may be new columns; existing columns
            keep their types.
        approximate : bool, optional
            As for `build`. By default, an index with graphs also gets graphs of the new sentences.
        progress : callable, optional
            See `Progress`.

        Returns
        -------
        int
            Number of added sentences. They are added all at once when all are written. An interruption leaves the index
            unchanged; one while graphs are built leaves it searchable.

        Raises
        ------
        ModelError
            If another process is changing the index, or it cannot be written.
        ValueError
            If no sentence has a known word, an id exists already, or as for `build`.
        CorpusError, ImportError
            As for `build`.
        """
        if approximate:
            import_usearch()
        sentences, given = texts_and_records(sentences, ids, metadata, text_column)
        with locked_for_adding(self._path):
            found = Stored.read(self._path)
            before = found.contents
            remove_obsolete(self._path, before)
            joining = joining_of(given, found.records, live=found.rows.live)
            texts = texts_of(self._state, sentences)
            joining.expect(texts)
            batches = encode_texts(self._path, before, self.inference, texts, progress)
            contents = append_batches(self._path, before, batches, joining)
            if contents.sentences == before.sentences:
                raise ValueError("no line has a word that the encoder knows, so there is nothing to add")
            self._read(contents)
        self._link(approximate, progress)
        return contents.sentences - before.sentences

    def remove(self, ids: Any = None, *, where: Where | None = None) -> int:
        """Remove sentences: they are marked and no longer found; `compact` frees their space.

        Parameters
        ----------
        ids : str, int, or a list of them, optional
        where : str, sequence of bool, or callable, optional
            A condition, instead of ids; see `search`.

        Returns
        -------
        int
            Number of removed sentences. An interruption removes none.

        Raises
        ------
        ValueError
            If an id is unknown or repeated, the index has no ids, or the condition is invalid.
        ModelError
            If another process is changing the index, or it cannot be written.
        """
        if (ids is None) == (where is None):
            raise ValueError("give either ids or a condition (where) to select the sentences to remove")
        chosen = None if where is None else lambda found: Searcher(found.folder, found.contents).chosen(where)
        contents, n = remove_sentences(self._path, ids, chosen)
        self._read(contents)
        return n

    def replace(self, ids: Any, sentences: Any, *, metadata: Any = None, progress: Progress | None = None) -> int:
        """Replace the texts with the given ids; the new ones are appended after the last sentence.

        Parameters
        ----------
        ids : str, int, or a list of them
        sentences : str or list of str
            One text per id, each with a known word.
        metadata : list of dict, dict of lists, data frame, str or path-like, optional
            One record per text. Its columns are updated, others are kept.
        progress : callable, optional
            See `Progress`.

        Returns
        -------
        int
            Number of new sentences. An interruption replaces none.

        Raises
        ------
        ValueError
            If an id is unknown or repeated, a text has no known word, or the number of texts or a type does not match.
        ModelError
            If another process is changing the index, or it cannot be written.
        """
        given = given_records(None, metadata)
        contents, n = replace_sentences(self._path, self.inference, ids, sentences, given, progress)
        self._read(contents)
        return n

    def compact(self, *, progress: Progress | None = None) -> int:
        """Rewrite the index without removed sentences, in its place.

        Nothing is encoded. Sentences get new row numbers; graphs that contained removed sentences are rebuilt.

        Parameters
        ----------
        progress : callable, optional
            See `Progress`; "copying", "linking".

        Returns
        -------
        int
            Number of sentences deleted for good. An interruption leaves the index unchanged.

        Raises
        ------
        ModelError
            If another process is changing the index, its folder contains other files, or it cannot be written.
        ValueError
            If all sentences are removed.
        """
        with locked_for_adding(self._path):
            before = read_contents(self._path)
            contents = compacted(self._path, progress)
        self._read(contents or before)
        if contents is not None and before.graphs and has_usearch():
            self.build_graphs(progress=progress)
        return before.removed if contents is not None else 0

    def _link(self, approximate: bool | None, progress: Progress | None) -> None:
        """Build graphs if requested, or if that is worthwhile and possible."""
        if approximate or (approximate is None and self.wants_graphs and has_usearch()):
            self.build_graphs(progress=progress)

    @property
    def wants_graphs(self) -> bool:
        """Whether so many sentences are in no graph that one would make searches much faster."""
        n, linked = self.contents.sentences, self.contents.in_graphs
        return (n > EXACT_LIMIT or linked > 0) and n - linked >= LEAST_ROWS

    def build_graphs(
        self, *, connectivity: int = CONNECTIVITY, effort: int = EFFORT, progress: Progress | None = None
    ) -> int:
        """Build graphs of all sentences that are in none; searches are approximate from then on.

        Each graph counts once it is written, so a call after an interruption continues with the next.

        Parameters
        ----------
        connectivity, effort : int
            See `w2v.vectors.index.NeighborIndex.build`.
        progress : callable, optional
            See `Progress`.

        Returns
        -------
        int
            Number of sentences added to graphs.

        Raises
        ------
        ImportError
            If usearch is not installed.
        ValueError
            If a number is out of range.
        ModelError
            If another process is changing the index, or it cannot be written.
        """
        import_usearch()
        how: dict[str, Any] = {"connectivity": connectivity, "effort": effort, "workers": self._workers}
        with locked_for_adding(self._path):
            self._read(read_contents(self._path))
            before = self.contents.in_graphs
            for contents in linked(self._path, self.contents, self.rows.table, progress, **how):
                self._read(contents)
        return self.contents.in_graphs - before
