"""Opening whatever can be explored: word vectors, encoders, and what was trained on texts and pictures."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Protocol

from w2v.encoder.model.persistence import KIND as ENCODER
from w2v.explorer.explored import ExploredModel
from w2v.storage.files import ModelError
from w2v.vectors.model_folder import read_kind
from w2v.vectors.persistence import KIND as WORD_VECTORS


class Explored(Protocol):
    """A model that a page asks about."""

    path: Path
    page: str
    most_bytes: int

    def start(self) -> None:
        """Begin what goes on behind the page."""
        ...

    def stop(self) -> None:
        """End what goes on behind the page."""
        ...

    def describe(self) -> dict[str, Any]:
        """Return what the page says of the model."""
        ...


def open_explored(path: str | os.PathLike[str], *, n_words: int, cache: Path | None) -> Explored:
    """Open a model for its page; see `ExploredModel` for the words on the map and where maps are kept.

    Raises
    ------
    ModelError
        If the folder is missing, no model, or damaged.
    ValueError
        If there is nothing to show.
    """
    try:
        kind = read_kind(path)
    except ModelError:
        kind = ENCODER  # a folder of another program, or none: what opens encoders says which
    if kind not in (WORD_VECTORS, ENCODER):
        from w2v.explorer import labelled, pictures, texts

        for openers in (texts.OPENERS, labelled.OPENERS, pictures.OPENERS):
            if kind in openers:
                return openers[kind](path)
    return ExploredModel(path, n_words=n_words, cache=cache)
