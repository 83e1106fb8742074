"""Folders of cross-encoders: BERT that reads two texts at once, and a linear layer that computes a score."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.pieces import PiecesTokenizer
from w2v.encoder.formats.bert_folder import read_tokenizer
from w2v.encoder.formats.families import bert_name, read_network
from w2v.encoder.formats.folders import (
    CONFIG,
    HEADED,
    MODULES,
    PROMPTS,
    TOKENIZER,
    WEIGHTS,
    entry,
    float32,
    is_cross_encoder,
    read_modules,
    read_settings,
    read_weights,
    refuse_prompts,
)
from w2v.encoder.model.network import NetworkConfig
from w2v.encoder.model.pooling import Dense
from w2v.neural.parameters import ParameterTable
from w2v.storage.files import ModelError
from w2v.vectors.model_folder import parse_json

ARCHITECTURE = "BertForSequenceClassification"
"""Name that transformers gives to BERT with this head."""
_TYPES = "embeddings.token_type_embeddings.weight"
_IS_SIGMOID = {"Identity": False, "Sigmoid": True}


class CrossEncoderParts(NamedTuple):
    """The parts of a cross-encoder.

    Attributes
    ----------
    network : NetworkConfig
    parameters : ParameterTable
        Those of the network; they include the first token type.
    table : ndarray of shape (V, dim), float32
        The token embeddings.
    types : ndarray of shape (n_types, dim), float32
        The difference of each token type's embedding from that of the first type.
    tokenizer : PiecesTokenizer
    head : tuple of Dense
        Dense layers, in order, from the hidden state of the first token to the score.
    sigmoid : bool
        Whether scores pass through a sigmoid.
    """

    network: NetworkConfig
    parameters: ParameterTable
    table: NDArray[np.float32]
    types: NDArray[np.float32]
    tokenizer: PiecesTokenizer
    head: tuple[Dense, ...]
    sigmoid: bool


def read_cross_encoder(path: str | os.PathLike[str]) -> CrossEncoderParts:
    """Read a cross-encoder of sentence-transformers or transformers from its folder.

    Parameters
    ----------
    path : str or path-like
        Nothing in it is executed and nothing is downloaded.

    Raises
    ------
    ModelError
        If it is missing or damaged, is not BERT, or has another head than one linear layer with one output.
    ImportError
        If the package tokenizers is missing.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise ModelError(f"{path} is not a folder; a cross-encoder is a folder with {CONFIG} and {WEIGHTS}")
    config = parse_json(folder / CONFIG)
    _check_kind(folder, config)
    refuse_prompts(folder)
    network, parameters, table = read_network(folder)
    file = folder / WEIGHTS
    arrays = {bert_name(name): array for name, array in read_weights(folder).items()}
    types = float32(file, _TYPES, arrays[_TYPES]) if _TYPES in arrays else np.zeros((1, network.dim), np.float32)
    tokenizer = read_tokenizer(folder, network.max_positions, len(table))
    _check_types(folder, tokenizer, len(types))
    if "token_type_ids" not in (read_settings(folder).get("model_input_names") or ["token_type_ids"]):
        types = types[[0] * len(types)]  # then transformers passes no types to the network
    head = _dense(file, arrays, "pooler.dense", network.dim, "tanh"), _dense(file, arrays, "classifier", 1)
    return CrossEncoderParts(network, parameters, table, types - types[0], tokenizer, head, _is_sigmoid(folder, config))


def _check_kind(folder: Path, config: dict[str, Any]) -> None:
    """Raise `ModelError` unless a folder contains BERT with a classifier on top, and nothing else."""
    file = folder / CONFIG
    if not is_cross_encoder(folder):
        raise ModelError(
            f"{folder} is not a cross-encoder: {file.name} lists no architecture …{HEADED}; use a model made for "
            "scoring pairs of texts, such as cross-encoder/ms-marco-MiniLM-L6-v2"
        )
    if config["architectures"] != [ARCHITECTURE]:
        found = ", ".join(map(str, config["architectures"]))
        raise ModelError(
            f"{file}: cross-encoders with the architecture {found:.80} are not supported, only {ARCHITECTURE}"
        )
    modules = read_modules(folder) if (folder / MODULES).exists() else []
    if modules and (len(modules) > 1 or modules[0].kind != "Transformer" or modules[0].folder != folder):
        listed = ", ".join(module.kind for module in modules)
        raise ModelError(f"{folder / MODULES} lists {listed}; only cross-encoders of a single Transformer can be read")


def _check_types(folder: Path, tokenizer: PiecesTokenizer, n_types: int) -> None:
    """Raise `ModelError` if the tokenizer cannot join two texts, or assigns types that the network does not have."""
    try:
        _, types, _ = tokenizer.pairs(["a"], ["b"])
        around, _, _ = tokenizer.pairs([""], [""])
    except ValueError as error:
        raise ModelError(f"{folder / TOKENIZER}: {error}") from error
    if not around.size:
        raise ModelError(f"{folder / TOKENIZER} puts no token before a pair of texts, which the score is computed from")
    if types.max(initial=0) >= n_types:
        raise ModelError(
            f"{folder / TOKENIZER} gives tokens the type {types.max()}, but {folder / WEIGHTS} has {n_types} types"
        )


def _dense(file: Path, arrays: dict[str, NDArray[Any]], name: str, n_outputs: int, activation: str = "none") -> Dense:
    """Return a dense layer of the head; ModelError if it is missing or has another shape."""
    for part in ("weight", "bias"):
        if f"{name}.{part}" not in arrays:
            raise ModelError(f"{file} does not belong to a cross-encoder: the array '{name}.{part}' is missing")
    weight, bias = (float32(file, f"{name}.{part}", arrays[f"{name}.{part}"].T) for part in ("weight", "bias"))
    if weight.ndim == 2 and weight.shape[1] != n_outputs and name == "classifier":
        raise ModelError(
            f"{file}: its classifier computes {weight.shape[1]} scores per pair, but a cross-encoder for ranking one"
        )
    try:
        return Dense(weight, bias, activation)
    except ValueError as error:
        raise ModelError(f"{file} is damaged: {name}: {error}") from error


def _is_sigmoid(folder: Path, config: dict[str, Any]) -> bool:
    """Return whether scores pass through a sigmoid, which is the default of sentence-transformers."""
    file = folder / PROMPTS
    own = parse_json(file) if file.exists() else {}
    nested = config.get("sentence_transformers")
    name = own.get("activation_fn")
    if name is None and isinstance(nested, dict):
        name = nested.get("activation_fn")
    if name is None:
        name = entry(config, folder / CONFIG, "sbert_ce_default_activation_function", str, "Sigmoid")
    kind = name.rpartition(".")[2] if isinstance(name, str) else name
    if kind not in tuple(_IS_SIGMOID):
        raise ModelError(
            f"{folder}: the activation {name!r:.80} of scores is not supported; use {', '.join(_IS_SIGMOID)}"
        )
    return _IS_SIGMOID[kind]
