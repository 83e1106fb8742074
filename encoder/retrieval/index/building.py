"""Shared by building an index and adding to it: the encoder, the output folder, and encoding texts to rows."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import chain, takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from w2v.encoder.model.inference import Inference, Output
from w2v.encoder.model.state import EncoderState
from w2v.encoder.opening import open_encoder
from w2v.encoder.retrieval.index.appending import EncodedBatch, appending
from w2v.encoder.retrieval.index.pictures import (
    Maker,
    PictureInference,
    digest_of,
    inference_of,
    load_maker,
    save_maker,
    texts_of,
)
from w2v.encoder.retrieval.index.records.joining import Joining
from w2v.encoder.retrieval.index.storage import (
    ENCODER,
    Contents,
    check_replaceable,
    write_contents,
)
from w2v.encoder.retrieval.index.texts import read_batches
from w2v.neural.tasks.images.classifier import ImageClassifier
from w2v.neural.tasks.images.folder import IMAGE_CLASSIFIERS
from w2v.storage.claims import check_share, check_unclaimed, claimed
from w2v.storage.files import (
    ModelError,
    atomic_folder,
    check_writable_beside,
    refuse_existing,
    remove_leftovers,
)
from w2v.storage.growing import Growing, Waiting
from w2v.storage.rescue import save_result
from w2v.vectors.model_folder import is_kind
from w2v.vectors.table import DTYPES, DType

if TYPE_CHECKING:
    from w2v.encoder.sentence_encoder import SentenceEncoder, Start

Progress = Callable[[str, int, "int | None"], None]
"""Called with the name of the step ("encoding", "linking", …), the amount done and the total, if known."""


Makes = Inference | PictureInference
"""Computes the vectors of texts, or of pictures given by name."""


def state_of(encoder: SentenceEncoder | ImageClassifier | Start, truncate_dim: int | None = None) -> tuple[Maker, int]:
    """Return the state of an encoder and the number of columns to keep."""
    from w2v.encoder.sentence_encoder import SentenceEncoder

    state: Maker
    if isinstance(encoder, (str, os.PathLike)):
        state = load_maker(Path(encoder)) if is_kind(encoder, IMAGE_CLASSIFIERS.name) else open_encoder(encoder)
    elif isinstance(encoder, (EncoderState, ImageClassifier)):
        state = encoder
    else:
        encoder = encoder if isinstance(encoder, SentenceEncoder) else SentenceEncoder(encoder)
        state, truncate_dim = encoder.state, truncate_dim or encoder.truncate_dim
    return state, Output(truncate_dim=truncate_dim).columns(state.dimension)


def check_output(path: Path, overwrite: bool) -> None:
    """Raise `ModelError` before anything is encoded if the index could not be written."""
    remove_leftovers(path)
    if not overwrite:
        refuse_existing(path)
    elif os.path.lexists(path):
        check_replaceable(path)
    check_writable_beside(path)


def encode_texts(
    path: Path, contents: Contents, inference: Makes, texts: Any, progress: Progress | None
) -> Iterator[EncodedBatch]:
    """Return the batches to append to the index at `path`; the first one is encoded at once.

    The first batch gives an estimate of the total size: NoSpaceError if the disk of `path` has less space.
    """
    batches = _encoded(path, contents, inference, texts, progress)
    first = next(batches, None)
    return batches if first is None else chain([first], batches)


def _encoded(
    path: Path, contents: Contents, inference: Makes, texts: Any, progress: Progress | None
) -> Iterator[EncodedBatch]:
    output = Output(truncate_dim=contents.dimension)
    before = contents.sources[-1].lines if contents.sources and not contents.sources[-1].name else 0
    row_bytes, is_first = 16 + contents.dimension * np.dtype(contents.dtype).itemsize, True  # a position and a vector
    for batch in read_batches(texts, splits=contents.splits, lines_before=before):
        vectors = inference.encode(batch.sentences, output)
        if is_first:
            n_bytes = len(vectors) * row_bytes + sum(map(len, batch.sentences))
            check_share(path, n_bytes, batch.read, batch.total)
            is_first = False
        kept = np.flatnonzero(vectors.any(axis=1))
        sentences = [batch.sentences[i].encode() for i in kept.tolist()]
        lines, origins = (np.array(numbers, np.int64)[kept] for numbers in (batch.lines, batch.texts))
        yield EncodedBatch(batch.name, sentences, lines, vectors[kept], batch.n_lines, origins)
        if progress is not None:
            progress("encoding", batch.read, batch.total)


def append_batches(folder: Path, contents: Contents, batches: Iterable[EncodedBatch], joining: Joining) -> Contents:
    """Append sentences, with their ids and metadata, to an index; return its new contents."""
    with appending(folder, contents) as appender:
        for batch in batches:
            appender.append(batch)
            joining.follow(batch)
        appender.contents = joining.write(folder, appender.contents)
    return appender.contents


class IndexWriter(Growing):
    """Writes an index while its sentences are encoded; if a disk fills up, it moves to another.

    Parameters
    ----------
    path : Path
        Where to write the index.
    contents : Contents
        Contents of the empty index.
    inference : Inference
    texts, progress
        See `encode_texts`.
    joining : Joining
        Ids and metadata.

    Attributes
    ----------
    contents : Contents
        The contents written so far.
    """

    def __init__(
        self,
        path: Path,
        contents: Contents,
        inference: Makes,
        texts: Any,
        progress: Progress | None,
        joining: Joining,
    ) -> None:
        super().__init__()
        self._joining = joining
        self.contents = contents
        self._path, self._state, self._inputs = path, inference.state, getattr(texts, "paths", ())
        self._batches = Waiting(encode_texts(path, contents, inference, texts, progress))

    def save(self, *, overwrite: bool = False) -> Path:
        """Write the index and return its path; see `w2v.storage.rescue.save_result`."""

        def write(place: Path) -> None:
            with atomic_folder(place, replace=overwrite and place == self._path, moved=moved.append) as folder:
                try:
                    self._fill(folder)
                except (OSError, ModelError):
                    self.keep(folder, place, self.contents.sentences)
                    raise
            self.drop()

        moved: list[Path] = []
        place = save_result(write, self._path, inputs=self._inputs)
        return [place, *moved][-1]

    def _fill(self, folder: Path) -> None:
        save_maker(self._state, folder / ENCODER)
        if self.part is not None:
            for name in self.contents.sizes():
                shutil.copyfile(self.part / name, folder / name)
        digest = digest_of(folder / ENCODER)
        with appending(folder, self.contents, is_new=True) as appender:
            for batch in self._batches:
                appender.append(batch)
                self.contents = appender.contents
                self._joining.follow(batch)
            if not self.contents.sentences:
                raise ValueError("no line has a word that the encoder knows, so there is nothing to index")
            whole = self._joining.write(folder, self.contents)
            self.contents = appender.contents = replace(whole, encoder_digest=digest)

    def finish(self, part: Path) -> tuple[str, str]:
        """Make an index of the sentences written so far."""
        for name, size in self.contents.sizes().items():
            os.truncate(part / name, size)
        contents = self.contents = self._joining.write(part, self.contents, is_whole=False)
        write_contents(part, contents)
        file = contents.sources[-1].name
        n_lines = sum(source.lines for source in takewhile(lambda source: source.name == file, contents.sources[::-1]))
        reached = f"line {n_lines:,} of {file}" if file else f"text {n_lines:,}"
        return self._path.name, f"the first {contents.sentences:,} sentences, up to {reached},"


def write_index(
    encoder: SentenceEncoder | ImageClassifier | Start,
    sentences: Any,
    path: Path,
    dtype: DType,
    truncate_dim: int | None,
    splits: bool,
    overwrite: bool,
    workers: int | None,
    progress: Progress | None,
    joining: Joining,
) -> tuple[Path, Contents, Makes]:
    """Write an index; return its path, its contents and the encoder. See `SentenceIndex.build`."""
    if dtype not in DTYPES:
        raise ValueError(f"dtype must be one of {', '.join(DTYPES)}, not {dtype!r:.80}")
    state, columns = state_of(encoder, truncate_dim)
    check_unclaimed(path)
    check_output(path, overwrite)
    with claimed(path):
        texts, inference = texts_of(state, sentences), inference_of(state, workers)
        joining.expect(texts)
        with IndexWriter(path, Contents(columns, dtype, splits), inference, texts, progress, joining) as writer:
            return writer.save(overwrite=overwrite), writer.contents, inference
