"""Networks of the BERT family: the meaning of their configuration entries, and the names of their arrays."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.encoder.formats.bert_names import DISTANCES, from_bert
from w2v.encoder.formats.folders import CONFIG, WEIGHTS, entry, float32, read_weights
from w2v.encoder.model.network import NetworkConfig
from w2v.neural.parameters import ParameterTable
from w2v.storage.files import ModelError
from w2v.vectors.model_folder import parse_json

WORDS = "embeddings.word_embeddings.weight"
GELU_TANH = "gelu_new"
_TANH_GELUS = (GELU_TANH, "gelu_pytorch_tanh", "gelu_fast")
"""Names that transformers gives to gelu-tanh: one function, computed in three ways."""
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


_MPNET_MAPS = {
    letter: f".attention.self.{name}." for letter, name in zip("qkv", ("query", "key", "value"), strict=True)
}
_MPNET_BIASES = "encoder.relative_attention_bias.weight"
_MPNET_REACH = 128
"""MPNet does not distinguish distances from this one on."""


def bert_name(name: str) -> str:
    """Return an array's name without the prefix of its model, in its current form."""
    name = re.sub(r"^(bert|roberta)\.", "", name)
    return name.replace("LayerNorm.gamma", "LayerNorm.weight").replace("LayerNorm.beta", "LayerNorm.bias")


def _distilbert_name(name: str) -> str:
    name = name.removeprefix("distilbert.")
    for pattern, bert in _DISTILBERT_NAMES:
        name = re.sub(pattern, bert, name)
    return name


def _mpnet_name(name: str) -> str:
    name = re.sub(r"\.attention\.attn\.([qkv])\.", lambda found: _MPNET_MAPS[found[1]], name.removeprefix("mpnet."))
    name = name.replace(".attention.attn.o.", ".attention.output.dense.")
    return name.replace(".attention.LayerNorm.", ".attention.output.LayerNorm.")


@dataclass(frozen=True)
class _Family:
    """How a kind of network differs from BERT.

    Attributes
    ----------
    entries : mapping
        Our names of configuration entries, and theirs.
    name : callable
        Returns BERT's name for an array.
    first_position : int or None
        The position of a sentence's first token; None: the id of the padding plus one.
    has_distances : bool
        Whether attention also has biases of distances.
    """

    entries: Mapping[str, str]
    name: Callable[[str], str]
    first_position: int | None = 0
    has_distances: bool = False


_ROBERTA = _Family(_BERT_ENTRIES, bert_name, first_position=None)
_FAMILIES = {
    "bert": _Family(_BERT_ENTRIES, bert_name),
    "roberta": _ROBERTA,
    "xlm-roberta": _ROBERTA,
    "camembert": _ROBERTA,
    "mpnet": _Family(_BERT_ENTRIES, _mpnet_name, first_position=2, has_distances=True),
    "distilbert": _Family(_DISTILBERT_ENTRIES, _distilbert_name),
}


def read_network(folder: Path) -> tuple[NetworkConfig, ParameterTable, NDArray[np.float32]]:
    """Return the network in a folder, its parameters and the word embeddings, shape (V, dim), float32.

    ModelError if a file is missing or damaged, or the network is of another kind.
    """
    file = folder / CONFIG
    config = parse_json(file)
    kind = config.get("model_type")
    family = _FAMILIES.get(kind) if isinstance(kind, str) else None
    if family is None:
        raise ModelError(f"{file}: the network has the type {kind!r:.40}; supported types are {', '.join(_FAMILIES)}")
    if config.get("position_embedding_type", "absolute") != "absolute" or config.get("is_decoder"):
        raise ModelError(f"{file}: only bidirectional networks with absolute positions can be imported")
    first = family.first_position
    if first is None:
        first = entry(config, file, "pad_token_id", int) + 1
    network = _network(config, file, family, first)
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
        arrays[_POSITIONS] = arrays[_POSITIONS][first:]
    if family.has_distances and _MPNET_BIASES in arrays:
        arrays[DISTANCES] = _spread(file, arrays[_MPNET_BIASES])
    try:
        return network, from_bert(network, arrays), table
    except (IndexError, ValueError) as error:
        raise ModelError(f"{file} is damaged: {error}") from error


def _network(config: dict[str, Any], file: Path, family: _Family, first: int) -> NetworkConfig:
    """Return the configuration of the network; the first token of a sentence has the position `first`."""
    sizes = {name: entry(config, file, family.entries[name], int) for name in ("dim", "heads", "layers", "inner")}
    activation = entry(config, file, family.entries["activation"], str)
    try:
        return NetworkConfig(
            input_size=sizes["dim"],
            dim=sizes["dim"],
            heads=sizes["heads"],
            layers=sizes["layers"],
            feed_forward=sizes["inner"] / max(sizes["dim"], 1),
            norm="post",
            positions="learned+relative" if family.has_distances else "learned",
            dropout=entry(config, file, family.entries["dropout"], float, 0.0),
            activation="gelu-tanh" if activation in _TANH_GELUS else activation,
            head="none",
            epsilon=entry(config, file, "layer_norm_eps", float, 1e-12),
            max_positions=entry(config, file, "max_position_embeddings", int) - first,
            max_distance=_MPNET_REACH,
        )
    except (TypeError, ValueError) as error:
        raise ModelError(f"{file}: this network cannot be imported: {error}") from error


def _spread(file: Path, biases: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the bias of every distance, given biases of buckets of distances, shape (n_buckets, heads).

    Half of the buckets are for keys after the query. In each half, the first half of the buckets stand for one distance
    each; the others grow by a constant factor up to `_MPNET_REACH`.
    """
    if biases.ndim != 2 or len(biases) % 4 or not biases.size:
        raise ModelError(f"{file} is damaged: {_MPNET_BIASES!r} has shape {biases.shape}")
    half = len(biases) // 2
    exact = half // 2
    away = np.arange(1, _MPNET_REACH + 1)
    grown = exact + (np.log(away / exact) / np.log(_MPNET_REACH / exact) * (half - exact)).astype(int)
    buckets = np.where(away < exact, away, np.minimum(grown, half - 1))
    return np.ascontiguousarray(biases[np.concatenate([buckets[::-1], [0], half + buckets])].T)
