"""Folders for ONNX Runtime: ``model.onnx``, and ``tokenizer.json`` for the library tokenizers."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.pieces import PiecesTokenizer
from w2v.encoder.formats.describe import describe_padded
from w2v.encoder.formats.folders import TOKENIZER, write_json
from w2v.encoder.formats.graph import IDS, Graph, Tokens, add_bag, add_network, add_pooling
from w2v.encoder.formats.tables import by_tokens, token_rows
from w2v.encoder.model.rows import BesideRows
from w2v.encoder.model.state import EncoderState
from w2v.formats.vector_files import new_folder
from w2v.storage.files import ModelError, atomic_file

MODEL, DATA = "model.onnx", "model.onnx.data"
_MOST_IN_ONE_FILE = 1 << 30  # half the limit of the file format


def write_onnx(state: EncoderState, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Write an encoder as an ONNX graph, with its tokenizer; see `write_encoder`.

    This works for any encoder, static or with attention, whatever its positions, norms and pooling. Arrays of more than
    1 GiB are in a separate file, ``model.onnx.data``.

    Inputs are ``input_ids`` and ``attention_mask``, int64 of shape (batch, length), with padding after the tokens; the
    output is ``sentence_embedding``, float32 of shape (batch, d). The tokenizer creates and pads both inputs.
    model2vec's truncation of long texts by characters before tokenisation is not reproduced.
    """
    try:
        import onnx
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "writing the format onnx requires the package onnx: pip install 'w2v-toolkit[onnx]'"
        ) from error
    described, padding = describe_padded(state, path)
    table, tokenizer = token_rows(state, padding), state.tokenizer
    left_out = tokenizer.unknown if isinstance(tokenizer, PiecesTokenizer) and not tokenizer.keep_unknown else None
    is_finite = np.isfinite(table).all() and (state.parameters is None or state.parameters.all_finite())
    if not is_finite:
        raise ModelError(f"{path} cannot be written: a parameter of the encoder is not finite")
    model = _model(onnx, state, table, left_out)
    with new_folder(path, {MODEL, DATA, TOKENIZER, "README.md"}, overwrite=overwrite) as folder:
        write_json(folder / TOKENIZER, described)
        if table.nbytes < _MOST_IN_ONE_FILE:
            with atomic_file(folder / MODEL) as file:
                file.write(model.SerializeToString())
        else:
            onnx.save_model(model, str(folder / MODEL), save_as_external_data=True, location=DATA)


def _model(onnx: Any, state: EncoderState, table: NDArray[np.float32], left_out: int | None) -> Any:
    """Return the model; `table` contains the embeddings of all tokens."""
    graph = Graph(onnx)
    tokens = Tokens(graph, left_out)
    embeddings = graph.add("Gather", graph.constant(table), IDS)
    if state.network is not None:
        assert state.parameters is not None
        embeddings = add_network(graph, tokens, embeddings, state.network, state.parameters)
    beside = []
    if state.blocks:
        last = len(table) - 1
        parts = BesideRows(state.blocks, state.vocabulary).of_vocabulary()
        beside = [(_add_block(graph, tokens, by_tokens(state, rows, last)), weight) for rows, weight in parts]
    add_pooling(graph, tokens, embeddings, state.pooling, beside)
    return graph.model(state.dimension)


def _add_block(graph: Graph, tokens: Tokens, rows: NDArray[np.float32]) -> str:
    """Return the sums of the tokens' rows, (B, 1, C); for a bag of words, the graph stores columns instead of rows."""
    places = np.abs(rows).argmax(axis=1)
    values = rows[np.arange(len(rows)), places]
    if np.count_nonzero(rows) > np.count_nonzero(values):
        return graph.sum(graph.add("Mul", graph.add("Gather", graph.constant(rows), IDS), tokens.weights), 1)
    return add_bag(graph, tokens, places, values, rows.shape[1])
