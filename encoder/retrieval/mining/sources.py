"""Open the sentences to compare: an index, or texts that are indexed temporarily."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from w2v.corpora.readers import TextReader
from w2v.encoder.retrieval.index.appending import Appender
from w2v.encoder.retrieval.index.building import Progress, encode_texts, state_of
from w2v.encoder.retrieval.index.pictures import Maker, inference_of
from w2v.encoder.retrieval.index.sentence_index import SentenceIndex
from w2v.encoder.retrieval.index.storage import Contents, is_index
from w2v.encoder.retrieval.mining.overlap import overlap_state
from w2v.encoding.corpus import open_corpus
from w2v.encoding.stream import WorkFolder
from w2v.storage.files import NoSpaceError

if TYPE_CHECKING:
    from w2v.encoder.sentence_encoder import SentenceEncoder, Start


@contextmanager
def opened_sentences(
    source: Any,
    encoder: SentenceEncoder | Start | None = None,
    *,
    truncate_dim: int | None = None,
    splits: bool = False,
    by_words: bool = True,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Iterator[SentenceIndex]:
    """Open an index, or build one from texts in files without a name, which are gone when the block ends.

    Parameters
    ----------
    source : SentenceIndex, str, path-like, list of path-like, TextReader or iterable of str
        An index or its folder; or files with one sentence per line; or sentences.
    encoder : SentenceEncoder, EncoderState, Embeddings, str or path-like, optional
        Computes the vectors of texts; may be given as a folder. Without it, sentences are compared by the words they
        share; see `overlap_state`. Not for an index, which has its own encoder.
    truncate_dim : int, optional
        Keep only this many leading columns of the encoder's vectors; by default, as many as it is set to.
    splits : bool, default False
        Split lines into sentences.
    by_words : bool, default True
        Compare by words if there is no encoder; otherwise texts require one.
    workers : int, optional
        Threads; all cores by default.
    progress : callable, optional
        See `Progress`; the steps are "counting" and "encoding".

    Yields
    ------
    SentenceIndex

    Raises
    ------
    ValueError
        If no sentence has a known word, texts require an encoder, or an encoder or `splits` is given for an index.
    CorpusError
        If a file cannot be read, or standard input would have to be read twice, as it is without an encoder.
    ModelError
        If an index or encoder cannot be opened.
    OSError
        If the temporary folder cannot be written.
    """
    if isinstance(source, (str, os.PathLike)) and os.path.isdir(source) and is_index(source):
        source = SentenceIndex.open(source, workers=workers)
    if isinstance(source, SentenceIndex):
        if encoder is not None or splits:
            raise ValueError(
                f"{source.path} is an index with its own encoder and sentences; give neither a model nor splits"
            )
        yield source
        return
    if encoder is None and not by_words:
        raise ValueError(
            "give a model, word vectors or a sentence encoder; `w2v train FILE --output my.model` trains one on a text"
        )
    texts = open_corpus(source)
    with WorkFolder() as work:
        if encoder is None:
            if not isinstance(texts, TextReader) and iter(texts) is texts:
                texts = list(texts)  # iterated over twice: to count and to encode
            told = None if progress is None else lambda done, total: progress("counting", done, total)
            state: Maker = overlap_state(texts, progress=told)
            columns = state.dimension
        else:
            state, columns = state_of(encoder, truncate_dim)
        inference = inference_of(state, workers)
        empty = Contents(columns, "float16", splits)
        try:
            batches = encode_texts(work.place, empty, inference, texts, progress)
        except NoSpaceError as error:
            raise work.failure(errno.ENOSPC) from error
        with work.writing():
            appender = Appender(empty, {name: work.open(buffering=-1) for name in empty.sizes()})
        for batch in batches:
            with work.writing():
                appender.append(batch)
        if not appender.contents.sentences:
            raise ValueError("no line has a word that the encoder knows, so there is nothing to compare")
        yield SentenceIndex.in_files(appender.files, appender.contents, state, workers)
