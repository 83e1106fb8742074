"""Convert between a post-norm network with additive positions and BERT's encoder: the same arrays, renamed.

References
----------
Devlin et al. 2018, BERT, arXiv:1810.04805; the names are those of the library transformers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.encoder.model.network import NetworkConfig
from w2v.neural.layers.positions import WITH_DISTANCES, WITH_TABLE, sinusoids
from w2v.neural.parameters import ParameterTable

_LAYER = {
    "attention.query": "attention.self.query",
    "attention.key": "attention.self.key",
    "attention.value": "attention.self.value",
    "attention.output": "attention.output.dense",
    "attention_norm": "attention.output.LayerNorm",
    "feed_forward.inner": "intermediate.dense",
    "feed_forward.outer": "output.dense",
    "feed_forward_norm": "output.LayerNorm",
}
DISTANCES = "encoder.distances"
"""Name of the biases of distances for `from_bert`, shape (heads, 2 * max_distance + 1), shared by all layers."""
_POSITIONS = ("learned", "sinusoidal", "index", "none")


def to_bert(config: NetworkConfig, parameters: ParameterTable) -> dict[str, NDArray[Any]]:
    """Return the arrays between BERT's word embeddings and its pooler, under BERT's names.

    The projections of a head before and after the layers, which BERT does not have, are left out.

    Parameters
    ----------
    config : NetworkConfig
    parameters : ParameterTable

    Returns
    -------
    dict of str to ndarray
        Weights of linear layers have shape (n_outputs, n_inputs), as in BERT. There is one token type. Positions that
        are not learned become a table with `max_positions` rows.

    Raises
    ------
    ValueError
        If the network does not have BERT's architecture.
    """
    check_bert(config)
    arrays = {
        "embeddings.position_embeddings.weight": _position_table(config, parameters),
        "embeddings.token_type_embeddings.weight": parameters["token_type"][None],
    }
    for own, bert in _names(config):
        array = parameters[own]
        arrays[bert] = np.ascontiguousarray(array.T) if own.endswith(".weight") else array
    return arrays


def from_bert(config: NetworkConfig, arrays: Mapping[str, NDArray[Any]]) -> ParameterTable:
    """Return the parameters of a network without a head that computes what BERT does with these arrays.

    Parameters
    ----------
    config : NetworkConfig
        The head must be ``none``.
    arrays : mapping of str to ndarray
        As `to_bert` returns them; others are ignored, and so are token types other than the first.

    Returns
    -------
    ParameterTable

    Raises
    ------
    ValueError
        If the network does not have BERT's architecture, or an array is missing or has another shape.
    """
    _check_norm(config)
    if config.positions not in WITH_TABLE:
        raise ValueError(f"BERT's positions must be read as 'learned', not as {config.positions!r:.80}")
    if config.head != "none":
        raise ValueError(
            f"BERT's hidden states are not projected to another width: the head must be 'none', not {config.head!r:.80}"
        )
    names = {
        "positions.table": "embeddings.position_embeddings.weight",
        "token_type": "embeddings.token_type_embeddings.weight",
    } | dict(_names(config))
    if config.positions in WITH_DISTANCES:
        names |= {f"layers.{i}.attention.distances": DISTANCES for i in range(config.layers)}
    found: dict[str, NDArray[Any]] = {}
    for own, bert in names.items():
        if bert not in arrays:
            raise ValueError(f"the array {bert!r:.80} is missing")
        array = arrays[bert]
        if own == "token_type":
            array = array[0]
        found[own] = array.T if own.endswith(".weight") else array
    return ParameterTable.from_dict(found, {name: tensor.shape for name, tensor in config.tensors().items()})


def check_bert(config: NetworkConfig) -> None:
    """Raise ValueError unless the network has BERT's architecture, apart from its head."""
    _check_norm(config)
    if config.positions not in _POSITIONS:
        raise ValueError(f"BERT has additive positions ({', '.join(_POSITIONS)}), not {config.positions!r:.80}")


def _check_norm(config: NetworkConfig) -> None:
    if config.norm != "post":
        raise ValueError(f"BERT has the norm 'post', but this network has {config.norm!r:.80}")


def _position_table(config: NetworkConfig, parameters: ParameterTable) -> NDArray[Any]:
    """Return the vector added at each position, shape (max_positions, dim)."""
    if config.positions == "learned":
        return parameters["positions.table"]
    if config.positions == "sinusoidal":
        return sinusoids(config.max_positions, config.dim, parameters.dtype)
    table: NDArray[Any] = np.zeros((config.max_positions, config.dim), parameters.dtype)
    if config.positions == "index":
        table += (
            np.arange(1, config.max_positions + 1, dtype=parameters.dtype)[:, None] * parameters["positions.direction"]
        )
    return table


def _names(config: NetworkConfig) -> Iterator[tuple[str, str]]:
    """Yield our name and BERT's name of every array that both have, possibly transposed."""
    pairs = [("embedding_norm", "embeddings.LayerNorm")]
    for i in range(config.layers):
        pairs += [(f"layers.{i}.{own}", f"encoder.layer.{i}.{bert}") for own, bert in _LAYER.items()]
    for own, bert in pairs:
        weight = "gain" if own.endswith("norm") else "weight"
        yield f"{own}.{weight}", f"{bert}.weight"
        yield f"{own}.bias", f"{bert}.bias"
