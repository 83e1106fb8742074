"""Folders of model2vec, which sentence-transformers opens as well: a table of embeddings, and a tokenizer."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from w2v.corpora.pieces import PiecesTokenizer
from w2v.encoder.formats.describe import describe_pieces, describe_with_unknown
from w2v.encoder.formats.folders import (
    CONFIG,
    MODULES,
    PROMPTS,
    TOKENIZER,
    WEIGHTS,
    Module,
    definition_text,
    describe_modules,
    entry,
    imported,
    make_tokenizer,
    read_definition,
    read_tail,
    refuse_prompts,
    write_json,
)
from w2v.encoder.formats.tables import by_tokens, folded_rows
from w2v.encoder.model.pooling import SUM, Pooling
from w2v.encoder.model.state import EncoderState
from w2v.encoding.vocabulary import Vocabulary
from w2v.formats.model2vec import NOTED_TOKENIZER, read_static, restore_noted_tokenizer, unfold_table
from w2v.formats.vector_files import float32_table, new_folder
from w2v.storage.files import ModelError
from w2v.storage.tensors import write_tensors
from w2v.vectors.model_folder import parse_json

_KIND = "model2vec"
_MAX_TOKENS = 512  # model2vec's default
_NORMALIZE = "1_Normalize"
_OWN_FILES = frozenset({WEIGHTS, TOKENIZER, CONFIG, MODULES, PROMPTS, _NORMALIZE, "README.md"})


def read_static_encoder(folder: Path, modules: Sequence[Module]) -> EncoderState:
    """Read a static encoder of model2vec, or of sentence-transformers whose first module is a StaticEmbedding.

    model2vec's weights and mapping are folded into the table. The package tokenizers is required unless the folder was
    written by this toolkit. For the errors see `read_encoder`.
    """
    refuse_prompts(folder)
    table_folder = modules[0].folder
    file = folder / CONFIG
    config = parse_json(file) if file.exists() else None
    if config is not None:  # only model2vec has one
        pooling = Pooling("mean", normalize=entry(config, file, "normalize", bool, False))
    else:
        pooling = read_tail(folder, "mean", modules[1:])
    if pooling.normalize and not pooling.dense:
        pooling = replace(SUM, kept=pooling.kept)  # equal to the mean after normalisation
    if restore_noted_tokenizer(file) is not None:
        words = read_static(folder)
        assert words.tokenizer is not None
        vocabulary, tokenizer, table = words.vocabulary, words.tokenizer, words.vectors
    else:
        tokenizer = _tokenizer(table_folder, config, file)
        rows = unfold_table(table_folder / WEIGHTS)
        n_pieces = len(tokenizer.pieces)
        if rows.ndim == 2 and len(rows) < n_pieces:
            raise ModelError(f"{table_folder / WEIGHTS} has {len(rows)} vectors for a tokenizer with {n_pieces} tokens")
        vocabulary = Vocabulary(tokenizer.pieces)
        table = float32_table(table_folder / WEIGHTS, rows[:n_pieces], n_pieces)
    if pooling.kept is not None and not pooling.dense and not pooling.normalize:
        table, pooling = np.ascontiguousarray(table[:, : pooling.kept]), replace(pooling, kept=None)
    return imported(folder, _KIND, vocabulary, tokenizer, table, pooling=pooling)


def write_model2vec(state: EncoderState, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Write a static encoder for ``model2vec.StaticModel.from_pretrained(folder)``; see `write_encoder`.

    ``sentence_transformers.SentenceTransformer(folder)`` opens it too. Word weights are folded into the table.
    """
    tokenizer = state.tokenizer
    if state.network is None and isinstance(tokenizer, PiecesTokenizer) and tokenizer.keep_unknown:
        unknown = tokenizer.unknown
        row = None if unknown is None else state.vocabulary.key_to_index.get(tokenizer.pieces[unknown])
        if row is not None and state.table[row].any():
            raise ModelError(
                f"{path} cannot be written: model2vec drops unknown tokens, for which this encoder has a vector; "
                "use the format sentence-transformers"
            )
    write_static_encoder(state, path, overwrite=overwrite, for_model2vec=True)


def write_static_encoder(
    state: EncoderState, path: str | os.PathLike[str], *, overwrite: bool = False, for_model2vec: bool = False
) -> None:
    """Write a static encoder as `write_model2vec` does; blocks are folded into the table, see `folded_rows`.

    If unknown tokens contribute to the vectors, model2vec's own configuration is omitted, because model2vec drops them;
    `for_model2vec` asserts that this makes no difference.
    """
    if state.network is not None:
        raise ModelError(
            f"{path} cannot be written: an encoder with attention is more than a table of words; use the format onnx, "
            "or sentence-transformers if its network has the architecture of BERT"
        )
    if not state.pooling.is_linear:
        raise ModelError(
            f"{path} cannot be written: only sums or means of token embeddings can be; use the format onnx"
        )
    tokenizer = state.tokenizer
    config: dict[str, Any] = {
        "model_type": _KIND,
        "architectures": ["StaticModel"],
        "normalize": state.pooling.normalize,
        "hidden_dim": state.dimension,
        "max_length": None,
    }
    if isinstance(tokenizer, PiecesTokenizer):
        described = describe_pieces(tokenizer, pads=False)
        config["max_length"] = tokenizer.max_tokens
        table = by_tokens(state, folded_rows(state))
    else:
        described = describe_with_unknown(tokenizer, state.vocabulary.index_to_key, path)
        config[NOTED_TOKENIZER] = tokenizer.to_config()
        table = by_tokens(state, folded_rows(state), len(state.vocabulary))
    if not np.isfinite(table).all():
        raise ModelError(f"{path} cannot be written: a vector of the encoder is not finite")
    with new_folder(path, _OWN_FILES, overwrite=overwrite) as folder:
        write_tensors(folder / WEIGHTS, {"embeddings": table}, {"format": "pt"})
        write_json(folder / TOKENIZER, described)
        parts = [("StaticEmbedding", "."), *([("Normalize", _NORMALIZE)] if state.pooling.normalize else [])]
        write_json(folder / MODULES, describe_modules(parts))
        if for_model2vec or not (isinstance(tokenizer, PiecesTokenizer) and tokenizer.keep_unknown):
            write_json(folder / CONFIG, config)


def _tokenizer(folder: Path, config: dict[str, Any] | None, file: Path) -> PiecesTokenizer:
    """Return the tokenizer of a folder, configured as its program uses it."""
    definition = read_definition(folder)
    text = definition_text(definition)
    if config is None:
        truncation = definition.get("truncation") or {}
        most = truncation.get("max_length") if isinstance(truncation, dict) else None
        return make_tokenizer(folder / TOKENIZER, text, special=False, max_tokens=most)
    most = config.get("max_length", _MAX_TOKENS)
    if most is not None:
        most = entry(config, file, "max_length", int, _MAX_TOKENS)
    tokenizer = make_tokenizer(folder / TOKENIZER, text, special=False, max_tokens=most, keep_unknown=False)
    if most is None:
        return tokenizer
    # model2vec truncates long texts before tokenisation, by the typical length of its tokens
    usual = int(np.median([len(piece) for piece in tokenizer.pieces]))
    return make_tokenizer(
        folder / TOKENIZER, text, special=False, max_tokens=most, max_characters=max(most * usual, 1),
        keep_unknown=False,
    )  # fmt: skip
