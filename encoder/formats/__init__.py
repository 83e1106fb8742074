"""Encoders in the folders and files of other programs: model2vec, sentence-transformers, ONNX."""

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
"""Where the writer ``(state, path, *, overwrite)`` of each format is, imported when it is needed."""


def write_encoder(state: EncoderState, path: str | os.PathLike[str], *, format: str, overwrite: bool = False) -> None:
    """Write an encoder for another program, which then makes the same vectors of the same sentences.

    Parameters
    ----------
    state : EncoderState
        The encoder. Word vectors become one by `sif_state`.
    path : str or path-like
        The folder.
    format : str
        One of `FORMATS`. ``onnx`` takes every encoder that is static or has attention, ``model2vec``
        those without a network, ``sentence-transformers`` these and those whose network is arranged as BERT.
    overwrite : bool, default False
        Replace a folder that holds nothing but such files.

    Raises
    ------
    ModelError
        If the format cannot express the encoder or its tokenizer, or the folder cannot be written.
    ValueError
        If `format` is unknown.
    ImportError
        If the package that the format needs is missing; the message says how to install it.

    Notes
    -----
    Words that the vocabulary does not hold are left out by the other programs, also where the encoder has rows for
    them, made of their spelling or their n-grams. ``onnx`` keeps blocks beside the first apart, each at its length. A
    table of words has them side by side in its rows, which is near it; see `w2v.encoder.formats.tables.folded_rows`.
    BERT has no place for them.
    """
    if format not in FORMATS:
        raise ValueError(f"there is no format {format!r}; known are {', '.join(FORMATS)}")
    if state.architecture not in ("static", "attention"):
        raise ModelError(
            f"{path} cannot be written: the formats of other programs take encoders that are static or have attention, "
            f"and this one is {state.architecture}"
        )
    module, _, writer = FORMATS[format].partition(":")
    getattr(importlib.import_module(f"w2v.encoder.formats.{module}"), writer)(state, path, overwrite=overwrite)


def read_encoder(path: str | os.PathLike[str]) -> EncoderState:
    """Read an encoder of another program from its folder.

    Parameters
    ----------
    path : str or path-like
        A folder of model2vec, or of sentence-transformers with a static embedding or a network of the BERT family, as
        BERT, RoBERTa, XLM-R, DistilBERT and MPNet are. Nothing in it is executed and nothing is downloaded.

    Returns
    -------
    EncoderState
        Encodes what the other program does, but for rounding. `w2v.encoder.model.persistence.save_encoder` keeps it.

    Raises
    ------
    ModelError
        If it is missing, damaged, of another kind, or made of parts that are not supported.
    ImportError
        If the package tokenizers is needed and missing.
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
            f"{path} is a cross-encoder: it scores pairs of texts and makes no vectors; what a search has found is put "
            f"into its order by: w2v search INDEX QUERY --rerank {path}"
        )
    is_network = "hidden_act" in config or "activation" in config
    if first == "Transformer" or (first is None and is_network):
        from w2v.encoder.formats.bert_folder import read_bert

        return read_bert(folder, modules or [Module("Transformer", folder)])
    if first == "StaticEmbedding" or (first is None and (folder / _TOKENIZER).exists()):
        from w2v.encoder.formats.static_folder import read_static_encoder

        return read_static_encoder(folder, modules or [Module("StaticEmbedding", folder)])
    if first is not None:
        raise ModelError(f"{path} begins with the module {first!r}; Transformer and StaticEmbedding can be imported")
    raise ModelError(f"{path} is a folder of no known kind; expected one of model2vec or of sentence-transformers")


def is_encoder_folder(path: str | os.PathLike[str]) -> bool:
    """Tell whether a path looks like what `read_encoder` reads: a folder with modules, with a tokenizer, or of BERT."""
    has = {name: Path(path, name).is_file() for name in (_MODULES, _TOKENIZER, _VOCABULARY, _CONFIG)}
    return has[_MODULES] or has[_TOKENIZER] or (has[_VOCABULARY] and has[_CONFIG])
