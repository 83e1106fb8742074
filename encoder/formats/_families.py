"""Networks of the BERT family in a folder: which entry of their configuration means what, and their arrays' names."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from encoder.bert_names import from_bert
from encoder.formats._folders import CONFIG, WEIGHTS, entry, float32, read_weights
from encoder.network import NetworkConfig
from encoder.parameters import ParameterTable
from w2v._files import ModelError
from w2v.model_files import parse_json

WORDS = "embeddings.word_embeddings.weight"
_POSITIONS, _TYPES = "embeddings.position_embeddings.weight", "embeddings.token_type_embeddings.weight"
_BERT_ENTRIES = {
    "dim": "hidden_size", "heads": "num_attention_heads", "layers": "num_hidden_layers", "inner": "intermediate_size",
    "activation": "hidden_act", "dropout": "hidden_dropout_prob",
}  # fmt: skip
_DISTILBERT_ENTRIES = {
    "dim": "dim", "heads": "n_heads", "layers": "n_layers", "inner": "hidden_dim", "activation": "activation",
    "dropout": "dropout",
}  # fmt: skip
_DISTILBERT_NAMES = (
    (r"^transformer\.layer\.", "encoder.layer."), (r"\.attention\.q_lin\.", ".attention.self.query."),
    (r"\.attention\.k_lin\.", ".attention.self.key."), (r"\.attention\.v_lin\.", ".attention.self.value."),
    (r"\.attention\.out_lin\.", ".attention.output.dense."), (r"\.sa_layer_norm\.", ".attention.output.LayerNorm."),
    (r"\.ffn\.lin1\.", ".intermediate.dense."), (r"\.ffn\.lin2\.", ".output.dense."),
    (r"\.output_layer_norm\.", ".output.LayerNorm."),
)  # fmt: skip


def _bert_name(name: str) -> str:
    """Return the name without that of the model before it, and as it is written today."""
    name = re.sub(r"^(bert|roberta)\.", "", name)
    return name.replace("LayerNorm.gamma", "LayerNorm.weight").replace("LayerNorm.beta", "LayerNorm.bias")


def _distilbert_name(name: str) -> str:
    name = name.removeprefix("distilbert.")
    for pattern, bert in _DISTILBERT_NAMES:
        name = re.sub(pattern, bert, name)
    return name


@dataclass(frozen=True)
class _Family:
    """How a kind of network differs from BERT.

    Attributes
    ----------
    entries : mapping
        Our names of what the configuration says, and its own.
    name : callable
        Returns BERT's name of an array.
    skips_positions : bool
        Whether the first positions of the table, up to that of the padding's number, are never used.
    """

    entries: Mapping[str, str]
    name: Callable[[str], str]
    skips_positions: bool = False


_ROBERTA = _Family(_BERT_ENTRIES, _bert_name, skips_positions=True)
_FAMILIES = {
    "bert": _Family(_BERT_ENTRIES, _bert_name),
    "roberta": _ROBERTA,
    "xlm-roberta": _ROBERTA,
    "camembert": _ROBERTA,
    "distilbert": _Family(_DISTILBERT_ENTRIES, _distilbert_name),
}


def read_network(folder: Path) -> tuple[NetworkConfig, ParameterTable, NDArray[np.float32]]:
    """Return the network of a folder, its numbers and the table of words, shape (V, dim).

    Raises
    ------
    ModelError
        If a file is missing or damaged, or the network is of another kind.
    """
    file = folder / CONFIG
    config = parse_json(file)
    kind = config.get("model_type")
    family = _FAMILIES.get(kind) if isinstance(kind, str) else None
    if family is None:
        raise ModelError(
            f"{file}: the network is of the type {kind!r:.40}; those that can be imported are {', '.join(_FAMILIES)}"
        )
    if config.get("position_embedding_type", "absolute") != "absolute" or config.get("is_decoder"):
        raise ModelError(f"{file}: only a network with absolute positions that sees all of a sentence can be imported")
    skipped = entry(config, file, "pad_token_id", int) + 1 if family.skips_positions else 0
    network = _network(config, file, family, skipped)
    file = folder / WEIGHTS
    arrays = {family.name(name): array for name, array in read_weights(folder).items()}
    arrays = {name: array for name, array in arrays.items() if name.startswith(("embeddings.", "encoder."))}
    arrays.pop("embeddings.position_ids", None)
    arrays = {name: float32(file, name, array) for name, array in arrays.items()}
    table = arrays.pop(WORDS, None)
    if table is None:
        raise ModelError(f"{file} is damaged: the array {WORDS!r} is missing")
    if table.ndim != 2 or table.shape[1] != network.dim:
        raise ModelError(f"{file} is damaged: {WORDS!r} has shape {table.shape}, not (words, {network.dim})")
    arrays.setdefault(_TYPES, np.zeros((1, network.dim), np.float32))
    if _POSITIONS in arrays:
        arrays[_POSITIONS] = arrays[_POSITIONS][skipped:]
    try:
        return network, from_bert(network, arrays), table
    except (IndexError, ValueError) as error:
        raise ModelError(f"{file} is damaged: {error}") from error


def _network(config: dict[str, Any], file: Path, family: _Family, skipped: int) -> NetworkConfig:
    """Return how the network is made; its first `skipped` positions are left out."""
    sizes = {name: entry(config, file, family.entries[name], int) for name in ("dim", "heads", "layers", "inner")}
    try:
        return NetworkConfig(
            input_size=sizes["dim"],
            dim=sizes["dim"],
            heads=sizes["heads"],
            layers=sizes["layers"],
            feed_forward=sizes["inner"] / max(sizes["dim"], 1),
            norm="post",
            positions="learned",
            dropout=entry(config, file, family.entries["dropout"], float, 0.0),
            activation=entry(config, file, family.entries["activation"], str),
            head="none",
            epsilon=entry(config, file, "layer_norm_eps", float, 1e-12),
            max_positions=entry(config, file, "max_position_embeddings", int) - skipped,
        )
    except (TypeError, ValueError) as error:
        raise ModelError(f"{file}: this network cannot be imported: {error}") from error
