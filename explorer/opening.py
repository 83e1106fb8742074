"""Opening models for the explorer: word vectors, encoders, indexes, and models of texts and pictures."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Protocol

from w2v.encoder.model.persistence import KIND as ENCODER
from w2v.encoder.retrieval.index.storage import KIND as INDEX
from w2v.explorer.explored import ExploredModel
from w2v.explorer.word_map import PointMap
from w2v.storage.files import ModelError
from w2v.vectors.model_folder import read_kind
from w2v.vectors.persistence import KIND as WORD_VECTORS


class Explored(Protocol):
    """A model behind a page."""

    path: Path
    page: str
    most_bytes: int

    def start(self) -> None:
        """Start background work."""
        ...

    def stop(self) -> None:
        """Stop background work."""
        ...

    def describe(self) -> dict[str, Any]:
        """Return the description of the model for the page."""
        ...


def open_explored(
    path: str | os.PathLike[str],
    *,
    n_words: int,
    cache: Path | None,
    metadata: Any = None,
    color: str | None = None,
) -> Explored:
    """Open a model or an index for its page.

    See `ExploredModel` for the words on the map and where maps are kept, and `ExploredIndex` for metadata and colours.

    Raises
    ------
    ModelError
        If the folder is missing, not a model, or damaged.
    ValueError
        If there is nothing to show.
    """
    try:
        kind = read_kind(path)
    except ModelError:
        kind = ENCODER  # a folder of another program, or not a model: opening it as an encoder finds out
    if kind == INDEX:
        from w2v.explorer.documents.explored import ExploredIndex

        return ExploredIndex(path, cache=cache, metadata=metadata, color=color)
    if metadata is not None or color is not None:
        raise ValueError(f"metadata and colours are only for a sentence index, and {path} is not one")
    if kind not in (WORD_VECTORS, ENCODER):
        from w2v.explorer import labelled, pictures, texts

        for openers in (texts.OPENERS, labelled.OPENERS, pictures.OPENERS):
            if kind in openers:
                return openers[kind](path)
    return ExploredModel(path, n_words=n_words, cache=cache)


def map_of(explored: Explored) -> PointMap | None:
    """Return the map that a page shows, if it has one."""
    found = explored.word_map if isinstance(explored, ExploredModel) else getattr(explored, "map", None)
    return found if isinstance(found, PointMap) else None
