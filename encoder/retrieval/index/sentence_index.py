"""`SentenceIndex`: sentences with their vectors in a folder, in which the nearest to a query are found at once."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from w2v.corpora.tables.files import given_records, texts_and_records
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
    """Sentences and their vectors in a folder, with the encoder that made them.

    `SentenceIndex(path)` opens one, as `SentenceIndex.open` does, and `SentenceIndex.build` makes one. Sentences and
    vectors are memory-mapped, so that an index may be larger than memory. Every sentence is looked at in a search;
    above a million, or when it is asked for, graphs of near sentences [1]_ are built, in which the nearest are found
    without looking at most of the others. Ids and metadata may stand beside the sentences: by ids they are removed and
    replaced, by metadata a search is narrowed.

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
        "delete": "it is remove(ids)",
        "update": "it is replace(ids, texts)",
        "upsert": "replace(ids, texts) changes what is there, add(texts, ids=ids) adds to it",
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
            Cut lines into sentences; see `corpora.split_sentences`. All of them have the id and metadata of their line.
        ids : list of str or int, or str, optional
            An id for each text, blank ones too, or which column of the metadata the ids are; by default "id", if there
            is such a column.
        metadata : list of dict, dict of lists, data frame, str or path-like, optional
            A record for each text, in their order, or the CSV, TSV or JSON lines file that has them; see
            `w2v.corpora.tables.files.read_records`. Values are text, integers, floats, booleans, or missing (None,
            NaN); dates become text.
        text_column : str, optional
            `sentences` are tables in CSV, TSV or JSON lines files; this column has the texts, and the others are their
            metadata.
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
            If there is no sentence with a known word, an option is out of range, an id is missing or given twice, there
            are more or fewer records than texts, or a column mixes types.
        CorpusError
            If a file cannot be read, is no text, or is a broken table.
        ImportError
            If `approximate` is True and usearch is not installed.

        Notes
        -----
        An interruption leaves nothing. Once all sentences are written the index is there, and graphs are added to it
        one after another.
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
        """Open an index, memory-mapped, or several of one encoder, which are searched as one.

        Parameters
        ----------
        path : str or path-like, or a list of them
            The folder. Its graphs are read by usearch, which checks less than the rest is checked: search
            approximately only in indexes that you or people you trust have built.
        tokenizer : Tokenizer, optional
            Needed where the encoder's is a callable; see `w2v.encoder.model.persistence.load_encoder`.
        workers : int, optional
            Threads; all cores by default.

        Returns
        -------
        SentenceIndex, or ShardedIndex of a list

        Raises
        ------
        ModelError
            If it is missing, no index, of a newer version or damaged, or if several are of different encoders.
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
        """Add sentences behind those that are there.

        Parameters
        ----------
        sentences, ids, metadata, text_column
            As for `build`. An index with ids needs ids for what is added. Columns may be new; of the others the types
            stay.
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
            If another process is changing it, or it cannot be written.
        ValueError
            If there is no sentence with a known word, an id is there already, or as for `build`.
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
        """Remove sentences: they are marked, and found no more; `compact` frees their space.

        Parameters
        ----------
        ids : str, int, or a list of them, optional
        where : str, sequence of bool, or callable, optional
            In place of ids, a condition; see `search`.

        Returns
        -------
        int
            How many were removed. All of them are, or after an interruption none.

        Raises
        ------
        ValueError
            If an id is unknown or given twice, the index has no ids, or the condition cannot be understood.
        ModelError
            If another process is changing the index, or it cannot be written.
        """
        if (ids is None) == (where is None):
            raise ValueError("say which sentences to remove, by ids or by a condition (where)")
        chosen = None if where is None else lambda found: Searcher(found.folder, found.contents).chosen(where)
        contents, n = remove_sentences(self._path, ids, chosen)
        self._read(contents)
        return n

    def replace(self, ids: Any, sentences: Any, *, metadata: Any = None, progress: Progress | None = None) -> int:
        """Put other texts in the place of those with some ids; they come behind the last sentence.

        Parameters
        ----------
        ids : str, int, or a list of them
        sentences : str or list of str
            A text for each id, with a known word.
        metadata : list of dict, dict of lists, data frame, str or path-like, optional
            A record for each text. Columns that it has are changed, the others kept.
        progress : callable, optional
            See `Progress`.

        Returns
        -------
        int
            How many sentences there are in their place. All of them are replaced, or after an interruption none.

        Raises
        ------
        ValueError
            If an id is unknown or given twice, a text has no known word, or numbers of texts or types differ.
        ModelError
            If another process is changing the index, or it cannot be written.
        """
        given = given_records(None, metadata)
        contents, n = replace_sentences(self._path, self.inference, ids, sentences, given, progress)
        self._read(contents)
        return n

    def compact(self, *, progress: Progress | None = None) -> int:
        """Write the index anew without what was removed, and put it in its place.

        Nothing is encoded. Sentences get new rows; graphs of near sentences that have lost some are built again.

        Parameters
        ----------
        progress : callable, optional
            See `Progress`; "copying", "linking".

        Returns
        -------
        int
            How many sentences are gone for good. An interruption leaves the index as it was.

        Raises
        ------
        ModelError
            If another process is changing the index, its folder holds something else, or it cannot be written.
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
        """Build graphs if that is asked for, or pays and is possible."""
        if approximate or (approximate is None and self.wants_graphs and has_usearch()):
            self.build_graphs(progress=progress)

    @property
    def wants_graphs(self) -> bool:
        """Whether so many sentences are in no graph that searches would be much faster with one."""
        n, linked = self.contents.sentences, self.contents.in_graphs
        return (n > EXACT_LIMIT or linked > 0) and n - linked >= LEAST_ROWS

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
        how: dict[str, Any] = {"connectivity": connectivity, "effort": effort, "workers": self._workers}
        with locked_for_adding(self._path):
            self._read(read_contents(self._path))
            before = self.contents.in_graphs
            for contents in linked(self._path, self.contents, self.rows.table, progress, **how):
                self._read(contents)
        return self.contents.in_graphs - before
