"""A sentence encoder as a folder, laid out like the word model's: written whole or not at all, read from strangers."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from w2v.encoder.model.identity import Identity
from w2v.encoder.model.pooling import SUM, Pooling
from w2v.encoder.model.state import EncoderState, sif_state
from w2v.encoding.vocabulary import Vocabulary
from w2v.storage.claims import check_free_space
from w2v.storage.files import ModelError, atomic_file, atomic_folder
from w2v.storage.tensors import read_tensors, write_tensors
from w2v.vectors.embeddings import Embeddings
from w2v.vectors.model_folder import (
    FORMAT,
    LAYOUT,
    TENSORS_NAME,
    check_positive,
    check_tensor,
    check_types,
    encode_json,
    encode_words,
    n_bytes_of,
    read_header,
    read_kind,
    read_subwords,
    read_words,
    restore_tokenizer,
    write_subwords,
    write_tokenizer,
)
from w2v.vectors.persistence import KIND as WORD_VECTORS
from w2v.vectors.persistence import check_output

if TYPE_CHECKING:
    from w2v.corpora.tokenizers import Tokenizer
    from w2v.encoder.model.network import NetworkConfig
    from w2v.neural.parameters import ParameterTable

KIND = "sentence-encoder"
FORMAT_VERSION = 2
"""2 has a pooling other than the sum; without one an encoder is written as version 1, which older programs read."""

TABLE_FILE, NETWORK_FILE, POOLING_FILE = "encoder.safetensors", "network.safetensors", "pooling.safetensors"

_STRUCTURE = (
    "format", "format_version", "kind", "dimension", "vocabulary_size", "tokenizer", "identity", "subwords",
    "subword_columns", "subword_scale", "network", "pooling", "table_columns",
)  # fmt: skip
_OWN_FILES = (TABLE_FILE, NETWORK_FILE, POOLING_FILE, LAYOUT.subwords)


def save_encoder(
    state: EncoderState,
    path: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    extra_tensors: Mapping[str, Mapping[str, NDArray[Any]]] | None = None,
) -> None:
    """Write an encoder's folder. It is written beside its final name and renamed, so it is never seen half-written.

    Parameters
    ----------
    state : EncoderState
    path : str or path-like
        Name of the folder.
    overwrite : bool, default False
        Replace a model folder that exists, of whichever kind; anything else is never replaced.
    extra_tensors : mapping of str to (mapping of str to ndarray), optional
        Further tensors files: file name, such as ``LAYOUT.training``, to named arrays.

    Raises
    ------
    ModelError
        As `w2v.vectors.persistence.check_output`, or if writing fails. Nothing is left behind, and what was there
        before is unchanged.
    ValueError
        If a name in `extra_tensors` is reserved or not a plain name, or the metadata cannot be expressed in JSON.
    """
    check_output(path, overwrite)
    config = encode_json(_describe(state))
    for name in extra_tensors or {}:
        if not TENSORS_NAME.fullmatch(name) or name in _OWN_FILES:
            raise ValueError(
                f"{name!r:.80} is not a name for a further tensors file; use for instance {LAYOUT.training!r}"
            )
    tensors: dict[str, NDArray[Any]] = {"table": state.table, "word_weights": state.word_weights}
    if state.vocabulary.counts is not None:
        tensors["counts"] = state.vocabulary.counts
    check_free_space(path, n_bytes_of_state(state) + n_bytes_of(*(extra_tensors or {}).values()))
    with atomic_folder(path, replace=overwrite) as folder:
        write_tensors(folder / TABLE_FILE, tensors)
        if state.subwords is not None:
            write_subwords(folder, state.subwords)
        if state.parameters is not None:
            write_tensors(folder / NETWORK_FILE, dict(state.parameters))
        if state.pooling.dense:
            write_tensors(folder / POOLING_FILE, state.pooling.tensors())
        for name, further in (extra_tensors or {}).items():
            write_tensors(folder / name, further)
        write_tokenizer(folder, state.tokenizer)
        with atomic_file(folder / LAYOUT.vocabulary) as file:
            file.write(encode_words(state.vocabulary.index_to_key))
        with atomic_file(folder / LAYOUT.config) as file:
            file.write(config)


def n_bytes_of_state(state: EncoderState) -> int:
    """Return how much the arrays of an encoder take on the disk."""
    parameters = {} if state.parameters is None else dict(state.parameters)
    own = {"table": state.table, "word_weights": state.word_weights}
    return n_bytes_of(own, parameters, state.pooling.tensors(), subwords=state.subwords)


def load_encoder(
    path: str | os.PathLike[str], *, mmap: bool = True, tokenizer: Tokenizer | None = None
) -> EncoderState:
    """Open an encoder's folder, or one of word vectors, which makes the encoder of `sif_state`.

    A folder may come from a stranger: nothing in it is executed and every size is checked.

    Parameters
    ----------
    path : str or path-like
        The folder.
    mmap : bool, default True
        Map the table into memory, so that opening takes no time and memory is shared between processes. Otherwise read
        it at once.
    tokenizer : Tokenizer, optional
        Used in place of the one that the folder names; needed where that is a callable, since code is never stored.

    Returns
    -------
    EncoderState

    Raises
    ------
    ModelError
        If the folder is missing, no model, of a newer format version, damaged, or its tokenizer must be passed again.
    """
    if read_kind(path) == WORD_VECTORS:
        try:
            return sif_state(Embeddings.load(path, mmap=mmap, tokenizer=tokenizer), tokenizer=tokenizer)
        except ModelError:
            raise
        except ValueError as error:
            raise ModelError(f"{path}: {error}") from error
    config = read_encoder_config(path)
    folder = Path(path)
    pooling = _read_pooling(folder, config, mmap=mmap)
    width = len(pooling.dense[0].weight) if pooling.dense else config.get("table_columns", config["dimension"])
    shape = (config["vocabulary_size"], width)
    words = read_words(folder / LAYOUT.vocabulary, shape[0])
    file = folder / TABLE_FILE
    tensors = read_tensors(file, mmap=mmap)
    counts = check_tensor(file, tensors, "counts", np.int64, shape[:1]) if "counts" in tensors else None
    restored = restore_tokenizer(folder, config["tokenizer"], tokenizer)
    if restored is None:
        name = config["tokenizer"].get("callable", "?")
        raise ModelError(f"{path}: its words were made by the Python callable {name}; pass it again as `tokenizer`")
    subwords = None
    if "subwords" in config:
        subwords = read_subwords(folder, config, config["subword_columns"], mmap=mmap)
    network, parameters = _read_network(folder, config, mmap=mmap)
    try:
        return EncoderState(
            Vocabulary.read_from(str(folder / LAYOUT.vocabulary), words, counts),
            restored,
            check_tensor(file, tensors, "table", np.float32, shape),
            check_tensor(file, tensors, "word_weights", np.float32, shape[:1]),
            Identity(**config["identity"]) if "identity" in config else None,
            subwords,
            config.get("subword_scale", 1.0),
            network,
            parameters,
            pooling,
            {name: value for name, value in config.items() if name not in _STRUCTURE},
        )
    except ModelError:
        raise
    except (TypeError, ValueError) as error:
        raise ModelError(f"{folder} is damaged: {error}") from error


def read_encoder_config(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read the ``config.json`` of an encoder's folder, and check what `EncoderState` is made of.

    Raises
    ------
    ModelError
        If it is missing, not strict JSON, of another kind, of a newer version, or an entry is missing or wrong.
    """
    config = read_header(path, KIND, FORMAT_VERSION)
    file = Path(path, LAYOUT.config)
    check_positive(config, file, "dimension")
    check_types(config, file, {"tokenizer": dict, "identity": dict, "subwords": dict, "network": dict, "pooling": dict})
    if "tokenizer" not in config:
        raise ModelError(f"{file} is damaged: it names no tokenizer")
    if "subwords" in config:
        check_positive(config, file, "subword_columns")
        if config["subword_columns"] > config["dimension"] or not _is_number(config.get("subword_scale")):
            raise ModelError(f"{file} is damaged: subword_columns or subword_scale is out of range")
    if "identity" in config:
        identity = config["identity"]
        if (
            set(identity) != {"scale", "start"}
            or not _is_number(identity["scale"])
            or type(identity["start"]) is not int
        ):
            raise ModelError(f"{file} is damaged: identity must hold the numbers scale and start")
    return config


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and math.isfinite(value)  # type: ignore[arg-type]


def _describe(state: EncoderState) -> dict[str, Any]:
    """Return the configuration of an encoder."""
    config: dict[str, Any] = {
        "format": FORMAT,
        "format_version": 1 if state.pooling.is_plain else FORMAT_VERSION,
        "kind": KIND,
        "dimension": state.dimension,
        "vocabulary_size": len(state.vocabulary),
        "tokenizer": state.tokenizer.to_config(),
    }
    if state.identity is not None:
        config["identity"] = asdict(state.identity)
    if state.subwords is not None:
        config["subwords"] = asdict(state.subwords.subwords)
        config["subword_columns"] = int(state.subwords.ngram_vectors.shape[1])
        config["subword_scale"] = float(state.subword_scale)
    if state.network is not None:
        config["network"] = state.network.to_dict()
    if not state.pooling.is_plain:
        config["pooling"] = state.pooling.to_config()
    if state.pooling.kept is not None:
        config["table_columns"] = state.width
    config.update((name, value) for name, value in state.metadata.items() if name not in _STRUCTURE)
    return config


def _read_network(
    folder: Path, config: dict[str, Any], *, mmap: bool
) -> tuple[NetworkConfig | None, ParameterTable | None]:
    """Return the network that the configuration describes and its parameters; None and None if there is none."""
    if "network" not in config:
        return None, None
    from w2v.encoder.model.network import NetworkConfig
    from w2v.neural.persistence import read_parameters

    try:
        network = NetworkConfig.from_dict(config["network"])
        tensors = network.tensors()
    except (TypeError, ValueError) as error:
        raise ModelError(f"{folder / LAYOUT.config} is damaged: {error}") from error
    return network, read_parameters(folder / NETWORK_FILE, tensors, mmap=mmap)


def _read_pooling(folder: Path, config: dict[str, Any], *, mmap: bool) -> Pooling:
    """Return the pooling that the configuration describes."""
    if "pooling" not in config:
        return SUM
    described, tensors = config["pooling"], {}
    if described.get("dense"):
        tensors = read_tensors(folder / POOLING_FILE, mmap=mmap)
    try:
        pooling = Pooling.from_config(described, tensors)
        if pooling.dense and pooling.columns(0) != config["dimension"]:
            raise ValueError(f"it ends with {pooling.columns(0)} columns, but the dimension is {config['dimension']}")
        return pooling
    except (TypeError, ValueError) as error:
        raise ModelError(f"{folder / LAYOUT.config} is damaged: its pooling: {error}") from error
