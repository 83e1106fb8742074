"""Open any model: encoders and word vectors of this toolkit, and encoders of other programs or from the hub."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from w2v.corpora.catalogue.entries import CATALOGUE
from w2v.corpora.catalogue.obtaining import how_to_get, shipped_path
from w2v.encoder.formats import is_encoder_folder, read_encoder
from w2v.encoder.model.persistence import load_encoder
from w2v.formats.hub import fetch_model, is_address
from w2v.storage.files import ModelError
from w2v.vectors.embeddings import Embeddings
from w2v.vectors.model_folder import FORMAT, LAYOUT, parse_json, read_kind
from w2v.vectors.persistence import KIND as WORD_VECTORS

if TYPE_CHECKING:
    from w2v.corpora.tokenizers import Tokenizer
    from w2v.encoder.model.state import EncoderState

_INDEX = "sentence-index"
_REPOSITORY = re.compile(r"[\w-][\w.-]*/[\w.-]+")


def located(path: str | os.PathLike[str]) -> str | os.PathLike[str]:
    """Return the folder that a name refers to; other names are returned unchanged.

    Parameters
    ----------
    path : str or path-like
        A folder; ``hub:owner/name``, which is downloaded; or the catalogue name of an encoder shipped by an installed
        package.

    Raises
    ------
    ModelError
        If the hub has no such model, or the folder does not exist; the message explains how to get it.
    ImportError
        If the package huggingface_hub is required but missing.
    """
    if is_address(path):
        return fetch_model(path)
    name = os.fspath(path)
    if os.path.lexists(name):
        return path
    if (shipped := shipped_path(name)) is not None:
        return shipped
    if name in CATALOGUE and CATALOGUE[name].kind == "encoder":
        raise ModelError(f"there is no folder {name}; get the model with: {how_to_get(name)}")
    if _REPOSITORY.fullmatch(name) and not os.path.isdir(os.path.dirname(name)):
        raise ModelError(
            f"there is no folder {name}; to download a model of that name from the Hugging Face hub, write hub:{name}"
        )
    return path


def open_encoder(
    path: str | os.PathLike[str], *, mmap: bool = True, tokenizer: Tokenizer | None = None
) -> EncoderState:
    """Open the encoder in a folder, from whichever program.

    Parameters
    ----------
    path : str or path-like
        See `located`. A folder of this toolkit, with an encoder or word vectors, as
        `w2v.encoder.model.persistence.load_encoder` opens it; or one of sentence-transformers, model2vec or a network
        of the BERT family, as `w2v.encoder.formats.read_encoder` does.
    mmap, tokenizer
        See `load_encoder`; for folders of this toolkit.

    Returns
    -------
    EncoderState

    Raises
    ------
    ModelError
        If there is no encoder, or it is damaged; the message says what was found and what to do.
    ImportError
        If the package tokenizers is required but missing.
    """
    path = located(path)
    if is_foreign(path):
        return read_encoder(path)
    _check_kind(path)
    return load_encoder(path, mmap=mmap, tokenizer=tokenizer)


def open_start(path: str | os.PathLike[str]) -> Embeddings | EncoderState:
    """Open a folder as `open_encoder` does, but return word vectors as they are."""
    path = located(path)
    if not is_foreign(path):
        _check_kind(path)
        if read_kind(path) == WORD_VECTORS:
            return Embeddings.load(path)
    return open_encoder(path)


def is_foreign(path: str | os.PathLike[str]) -> bool:
    """Return whether a folder has the layout of another program's encoders."""
    folder = Path(path)
    config = folder / LAYOUT.config
    if config.is_file():
        return parse_json(config).get("format") != FORMAT
    return is_encoder_folder(folder)


def _check_kind(path: str | os.PathLike[str]) -> None:
    """Raise `ModelError` if a path is not a model; the message explains how to convert it."""
    if os.path.isfile(path):
        raise ModelError(
            f"{path} is a file, not a model folder; convert word vectors of other programs with: "
            f"w2v import {path} --output my.model"
        )
    if os.path.isdir(path) and not Path(path, LAYOUT.config).exists():
        raise ModelError(
            f"{path} is not a model folder: it has no {LAYOUT.config}; models of other programs are opened from the "
            "folder with modules.json or tokenizer.json, or converted with: w2v import"
        )
    if read_kind(path) == _INDEX:
        raise ModelError(f"{path} is an index of sentences, not an encoder: open it with SentenceIndex.open")
