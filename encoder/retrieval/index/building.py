"""What building an index and adding to it have in common: the encoder, the place to write to, and texts to rows."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from w2v.encoder.model.inference import Inference, Output
from w2v.encoder.model.state import EncoderState
from w2v.encoder.opening import open_encoder
from w2v.encoder.retrieval.index.storage import Contents, appending, check_replaceable
from w2v.encoder.retrieval.index.texts import read_batches
from w2v.storage.claims import check_share
from w2v.storage.files import check_writable_beside, refuse_existing, remove_leftovers

if TYPE_CHECKING:
    from w2v.encoder.sentence_encoder import SentenceEncoder, Start

Progress = Callable[[str, int, "int | None"], None]
"""Called with what is being done ("encoding", "linking", …), how much of it is done and how much there is, if known."""


def state_of(encoder: SentenceEncoder | Start, truncate_dim: int | None = None) -> tuple[EncoderState, int]:
    """Return what an encoder has learned and the number of columns to keep."""
    from w2v.encoder.sentence_encoder import SentenceEncoder

    if isinstance(encoder, (str, os.PathLike)):
        state = open_encoder(encoder)
    elif isinstance(encoder, EncoderState):
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


def append_texts(
    folder: Path, contents: Contents, inference: Inference, texts: Any, progress: Progress | None
) -> Contents:
    """Encode texts and append those with a vector; return what the index holds then."""
    output = Output(truncate_dim=contents.dimension)
    before = contents.sources[-1].lines if contents.sources and not contents.sources[-1].name else 0
    read: tuple[int, int | None] = (0, None)

    def tell(done: int, total: int | None) -> None:
        nonlocal read
        read = (done, total)
        if progress is not None:
            progress("encoding", done, total)

    row_bytes, is_first = contents.dimension * np.dtype(contents.dtype).itemsize, True
    with appending(folder, contents) as appender:
        for batch in read_batches(texts, splits=contents.splits, lines_before=before, progress=tell):
            vectors = inference.encode(batch.sentences, output)
            if is_first:
                check_share(folder, len(vectors) * row_bytes, *read)
                is_first = False
            kept = np.flatnonzero(vectors.any(axis=1))
            encoded = [batch.sentences[i].encode() for i in kept.tolist()]
            if encoded:
                appender.append(encoded, np.array(batch.lines, np.int64)[kept], vectors[kept])
            appender.close_source(batch.name, len(encoded), batch.n_lines)
    return appender.contents
