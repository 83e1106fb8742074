"""Opening whatever is a model: our folders of encoders and of word vectors, encoders of other programs, of the hub."""

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
    """Return the folder that a name stands for; what stands for none is returned as it is.

    Parameters
    ----------
    path : str or path-like
        A folder; ``hub:owner/name``, which is fetched; or the name of an encoder of the catalogue that an installed
        package ships.

    Raises
    ------
    ModelError
        If the hub has no such model, or there is nothing of the name here and it says how to get it.
    ImportError
        If the package huggingface_hub is needed and missing.
    """
    if is_address(path):
        return fetch_model(path)
    name = os.fspath(path)
    if os.path.lexists(name):
        return path
    if (shipped := shipped_path(name)) is not None:
        return shipped
    if name in CATALOGUE and CATALOGUE[name].kind == "encoder":
        raise ModelError(f"there is no folder {name} here; get it with: {how_to_get(name)}")
    if _REPOSITORY.fullmatch(name) and not os.path.isdir(os.path.dirname(name)):
        raise ModelError(
            f"there is no folder {name}; if it is a model of the Hugging Face hub, name it hub:{name}, which fetches it"
        )
    return path


def open_encoder(
    path: str | os.PathLike[str], *, mmap: bool = True, tokenizer: Tokenizer | None = None
) -> EncoderState:
    """Open the encoder that a folder holds, whichever program has made it.

    Parameters
    ----------
    path : str or path-like
        What `located` finds: a folder of ours, of an encoder or of word vectors, as
        `w2v.encoder.model.persistence.load_encoder` opens it; or one of sentence-transformers, model2vec or a network
        of the BERT family, as `w2v.encoder.formats.read_encoder` does.
    mmap, tokenizer
        See `load_encoder`; for folders of ours.

    Returns
    -------
    EncoderState

    Raises
    ------
    ModelError
        If there is no encoder, or it is damaged; the message says what there is and what to do.
    ImportError
        If the package tokenizers is needed and missing.
    """
    path = located(path)
    if is_foreign(path):
        return read_encoder(path)
    _check_kind(path)
    return load_encoder(path, mmap=mmap, tokenizer=tokenizer)


def open_start(path: str | os.PathLike[str]) -> Embeddings | EncoderState:
    """Open a folder as `open_encoder` does, but leave word vectors what they are."""
    path = located(path)
    if not is_foreign(path):
        _check_kind(path)
        if read_kind(path) == WORD_VECTORS:
            return Embeddings.load(path)
    return open_encoder(path)


def is_foreign(path: str | os.PathLike[str]) -> bool:
    """Say whether a folder is laid out as other programs' encoders are."""
    folder = Path(path)
    config = folder / LAYOUT.config
    if config.is_file():
        return parse_json(config).get("format") != FORMAT
    return is_encoder_folder(folder)


def _check_kind(path: str | os.PathLike[str]) -> None:
    """Raise `ModelError` for what is no model, saying how it becomes one."""
    if os.path.isfile(path):
        raise ModelError(
            f"{path} is a file, not the folder of a model; word vectors of other programs become one with: "
            f"w2v import {path} --output my.model"
        )
    if os.path.isdir(path) and not Path(path, LAYOUT.config).exists():
        raise ModelError(
            f"{path} is not a model folder: it has no {LAYOUT.config}; models of other programs are opened from the "
            "folder that has modules.json or tokenizer.json, or become one of ours with: w2v import"
        )
    if read_kind(path) == _INDEX:
        raise ModelError(f"{path} is an index of sentences, not an encoder: open it with SentenceIndex.open")
