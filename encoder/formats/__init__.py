"""Encoders in the files and folders of other programs: model2vec, sentence-transformers, ONNX."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from w2v.storage.files import ModelError

if TYPE_CHECKING:
    from w2v.encoder.model.state import EncoderState

__all__ = ["FORMATS", "is_encoder_folder", "read_encoder", "write_encoder"]

_CONFIG, _MODULES, _TOKENIZER = "config.json", "modules.json", "tokenizer.json"
_VOCABULARY = "vocab.txt"


FORMATS = {
    "model2vec": "static_folder:write_model2vec",
    "sentence-transformers": "bert_folder:write_sentence_transformers",
    "onnx": "onnx_folder:write_onnx",
}
"""Where to import the writer ``(state, path, *, overwrite)`` of each format from, when it is needed."""


def write_encoder(state: EncoderState, path: str | os.PathLike[str], *, format: str, overwrite: bool = False) -> None:
    """Write an encoder for another program, which then computes the same vectors.

    Parameters
    ----------
    state : EncoderState
        The encoder. Make one from word vectors with `sif_state`.
    path : str or path-like
        The output folder.
    format : str
        One of `FORMATS`. ``onnx`` takes every encoder that is static or has attention, ``model2vec`` those without a
        network, and ``sentence-transformers`` also those whose network has the architecture of BERT.
    overwrite : bool, default False
        Replace a folder that contains only such files.

    Raises
    ------
    ModelError
        If the format cannot represent the encoder or its tokenizer, or the folder cannot be written.
    ValueError
        If `format` is unknown.
    ImportError
        If the package required by the format is missing; the message explains how to install it.

    Notes
    -----
    Other programs leave out words that are not in the vocabulary, even if the encoder embeds them by spelling or
    n-grams. ``onnx`` keeps further blocks separate, each scaled to its length. A table of words concatenates them in
    its rows, which is an approximation; see `w2v.encoder.formats.tables.folded_rows`. BERT cannot represent them.
    """
    if format not in FORMATS:
        raise ValueError(f"there is no format {format!r}; known are {', '.join(FORMATS)}")
    if state.architecture not in ("static", "attention"):
        raise ModelError(
            f"{path} cannot be written: formats of other programs are for encoders that are static or have attention, "
            f"not {state.architecture}"
        )
    module, _, writer = FORMATS[format].partition(":")
    getattr(importlib.import_module(f"w2v.encoder.formats.{module}"), writer)(state, path, overwrite=overwrite)


def read_encoder(path: str | os.PathLike[str]) -> EncoderState:
    """Read the encoder of another program from its folder.

    Parameters
    ----------
    path : str or path-like
        A folder of model2vec, or of sentence-transformers with a static embedding or a network of the BERT family:
        BERT, RoBERTa, XLM-R, DistilBERT or MPNet. Nothing in it is executed and nothing is downloaded.

    Returns
    -------
    EncoderState
        Computes the vectors of the other program, up to rounding. Save it by
        `w2v.encoder.model.persistence.save_encoder`.

    Raises
    ------
    ModelError
        If the folder is missing, damaged, of another kind, or has unsupported modules.
    ImportError
        If the package tokenizers is required but missing.
    """
    from w2v.encoder.formats.folders import Module, is_cross_encoder, read_modules
    from w2v.vectors.model_folder import FORMAT, parse_json

    folder = Path(path)
    if not folder.is_dir():
        raise ModelError(f"{path} is not a folder; encoders of other programs are folders")
    config = parse_json(folder / _CONFIG) if (folder / _CONFIG).exists() else {}
    if config.get("format") == FORMAT:
        raise ModelError(f"{path} is already a model folder; open it directly")
    modules = read_modules(folder) if (folder / _MODULES).exists() else []
    first = modules[0].kind if modules else None
    if is_cross_encoder(folder) and len(modules) < 2:
        raise ModelError(
            f"{path} is a cross-encoder: it scores pairs of texts and computes no vectors; to rerank search results, "
            f"use: w2v search INDEX QUERY --rerank {path}"
        )
    is_network = "hidden_act" in config or "activation" in config
    if first == "Transformer" or (first is None and is_network):
        from w2v.encoder.formats.bert_folder import read_bert

        return read_bert(folder, modules or [Module("Transformer", folder)])
    if first == "StaticEmbedding" or (first is None and (folder / _TOKENIZER).exists()):
        from w2v.encoder.formats.static_folder import read_static_encoder

        return read_static_encoder(folder, modules or [Module("StaticEmbedding", folder)])
    if first is not None:
        raise ModelError(f"{path} begins with the module {first!r}; only Transformer and StaticEmbedding are supported")
    raise ModelError(f"{path} is not a known kind of folder; expected one of model2vec or of sentence-transformers")


def is_encoder_folder(path: str | os.PathLike[str]) -> bool:
    """Return whether a path looks like input of `read_encoder`: a folder with modules, a tokenizer, or BERT."""
    has = {name: Path(path, name).is_file() for name in (_MODULES, _TOKENIZER, _VOCABULARY, _CONFIG)}
    return has[_MODULES] or has[_TOKENIZER] or (has[_VOCABULARY] and has[_CONFIG])
