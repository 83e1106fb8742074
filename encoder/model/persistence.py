"""The folder of a sentence encoder, with the layout of word models: written atomically, and checked when read."""

from __future__ import annotations

import math
import os
from dataclasses import asdict, replace
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from w2v.encoder.model.blocks import MEAN, NO_BLOCKS, Blocks
from w2v.encoder.model.identity import Identity
from w2v.encoder.model.pooling import SUM, Pooling
from w2v.encoder.model.state import EncoderState, sif_state
from w2v.storage.files import ModelError
from w2v.storage.tensors import read_tensors
from w2v.vectors.embeddings import Embeddings
from w2v.vectors.model_folder import (
    FORMAT,
    LAYOUT,
    check_positive,
    check_tensor,
    check_types,
    encode_json,
    encode_words,
    read_header,
    read_kind,
    read_subwords,
    restore_tokenizer,
)
from w2v.vectors.persistence import KIND as WORD_VECTORS
from w2v.vectors.persistence import Tensors, n_bytes_of, read_vocabulary, write_folder

if TYPE_CHECKING:
    from w2v.corpora.tokenizers import Tokenizer
    from w2v.encoder.model.network import NetworkConfig
    from w2v.neural.parameters import ParameterTable

KIND = "sentence-encoder"
FORMAT_VERSION = 3
"""Version 2 adds poolings other than the sum, 3 several blocks; encoders are written in the lowest possible version."""

TABLE_FILE, NETWORK_FILE, POOLING_FILE = "encoder.safetensors", "network.safetensors", "pooling.safetensors"
BLOCKS_FILE = "blocks.safetensors"

_STRUCTURE = (
    "format", "format_version", "kind", "dimension", "vocabulary_size", "tokenizer", "identity", "subwords",
    "subword_columns", "subword_scale", "network", "pooling", "table_columns", "blocks",
)  # fmt: skip


def save_encoder(
    state: EncoderState,
    path: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    extra_tensors: Tensors | None = None,
) -> None:
    """Write an encoder's folder; for the parameters and errors see `w2v.vectors.persistence.write_folder`."""
    write_folder(
        path,
        _describe(state),
        state.vocabulary,
        _tensors(state),
        tokenizer=state.tokenizer,
        subwords=state.subwords,
        overwrite=overwrite,
        extra_tensors=extra_tensors,
    )


def _tensors(state: EncoderState) -> Tensors:
    """Return the arrays of each file."""
    return {
        TABLE_FILE: {"table": state.table, "word_weights": state.word_weights},
        NETWORK_FILE: {} if state.parameters is None else dict(state.parameters),
        POOLING_FILE: state.pooling.tensors(),
        BLOCKS_FILE: state.blocks.tensors(),
    }


def digest_of_state(state: EncoderState) -> str:
    """Return a digest of 16 letters of everything that decides an encoder's vectors, without its metadata."""
    found = blake2b(digest_size=8)
    found.update(encode_json(_describe(replace(state, metadata={}))))
    found.update(encode_words(list(state.vocabulary.index_to_key)))
    ngrams = {} if state.subwords is None else {"ngrams": state.subwords.ngram_vectors}
    for tensors in (*_tensors(state).values(), ngrams):
        for name, array in sorted(tensors.items()):
            found.update(f"{name} {array.dtype} {array.shape}\0".encode())
            found.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return found.hexdigest()


def n_bytes_of_state(state: EncoderState) -> int:
    """Return the size of an encoder's arrays on disk in bytes."""
    return n_bytes_of(*_tensors(state).values(), subwords=state.subwords)


def load_encoder(
    path: str | os.PathLike[str], *, mmap: bool = True, tokenizer: Tokenizer | None = None
) -> EncoderState:
    """Open an encoder's folder, or one of word vectors, which becomes the encoder of `sif_state`.

    The folder may be untrusted: nothing in it is executed and every size is checked.

    Parameters
    ----------
    path : str or path-like
        The folder.
    mmap : bool, default True
        Map the table into memory, so that opening takes no time and processes share the memory. Otherwise read it at
        once.
    tokenizer : Tokenizer, optional
        Replaces the tokenizer that the folder names; needed if that is a callable, because code is never stored.

    Returns
    -------
    EncoderState

    Raises
    ------
    ModelError
        If the folder is missing, not a model, damaged, or of a newer format version, or its tokenizer must be passed.
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
    blocks = _read_blocks(folder, config, mmap=mmap)
    pooling = _read_pooling(folder, config, config["dimension"] - blocks.columns, mmap=mmap)
    width = len(pooling.dense[0].weight) if pooling.dense else config.get("table_columns", config["dimension"])
    if blocks and not pooling.dense and width != config["dimension"] - blocks.columns:
        raise ModelError(f"{folder / LAYOUT.config} is damaged: its blocks do not make up its dimension")
    shape = (config["vocabulary_size"], width)
    file = folder / TABLE_FILE
    tensors = read_tensors(file, mmap=mmap)
    vocabulary = read_vocabulary(folder, shape[0], file, tensors)
    restored = restore_tokenizer(folder, config["tokenizer"], tokenizer)
    if restored is None:
        name = config["tokenizer"].get("callable", "?")
        raise ModelError(
            f"{path}: its words come from the Python callable {name}; in Python, pass it again as `tokenizer`"
        )
    subwords = None
    if "subwords" in config:
        subwords = read_subwords(folder, config, config["subword_columns"], mmap=mmap)
    network, parameters = _read_network(folder, config, mmap=mmap)
    try:
        return EncoderState(
            vocabulary,
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
            blocks,
        )
    except ModelError:
        raise
    except (TypeError, ValueError) as error:
        raise ModelError(f"{folder} is damaged: {error}") from error


def read_encoder_config(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read the ``config.json`` of an encoder's folder, and check its entries.

    Raises
    ------
    ModelError
        If the file is missing, not strict JSON, of another kind or a newer version, or an entry is missing or wrong.
    """
    config = read_header(path, KIND, FORMAT_VERSION)
    file = Path(path, LAYOUT.config)
    check_positive(config, file, "dimension")
    check_types(
        config,
        file,
        {"tokenizer": dict, "identity": dict, "subwords": dict, "network": dict, "pooling": dict, "blocks": dict},
    )
    if "tokenizer" not in config:
        raise ModelError(f"{file} is damaged: it does not name a tokenizer")
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
            raise ModelError(f"{file} is damaged: identity must contain the numbers scale and start")
    return config


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and math.isfinite(value)  # type: ignore[arg-type]


def _describe(state: EncoderState) -> dict[str, Any]:
    """Return the configuration of an encoder."""
    config: dict[str, Any] = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION if state.blocks else 1 if state.pooling.is_plain else 2,
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
    if state.blocks:
        config["blocks"] = state.blocks.describe()
    if state.pooling.kept is not None or state.blocks:
        config["table_columns"] = state.width
    config.update((name, value) for name, value in state.metadata.items() if name not in _STRUCTURE)
    return config


def _read_network(
    folder: Path, config: dict[str, Any], *, mmap: bool
) -> tuple[NetworkConfig | None, ParameterTable | None]:
    """Return the configured network and its parameters, or None and None without one."""
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


def _read_blocks(folder: Path, config: dict[str, Any], *, mmap: bool) -> Blocks:
    """Return the configured blocks."""
    if "blocks" not in config:
        return NO_BLOCKS
    tensors = read_tensors(folder / BLOCKS_FILE, mmap=mmap) if MEAN in config["blocks"] else {}
    try:
        return Blocks.from_config(config["blocks"], tensors)
    except (TypeError, ValueError) as error:
        raise ModelError(f"{folder / LAYOUT.config} is damaged: its blocks: {error}") from error


def _read_pooling(folder: Path, config: dict[str, Any], columns: int, *, mmap: bool) -> Pooling:
    """Return the configured pooling; its output must have this number of columns."""
    if "pooling" not in config:
        return SUM
    described, tensors = config["pooling"], {}
    if described.get("dense"):
        tensors = read_tensors(folder / POOLING_FILE, mmap=mmap)
    try:
        pooling = Pooling.from_config(described, tensors)
        if pooling.dense and pooling.columns(0) != columns:
            raise ValueError(f"it ends with {pooling.columns(0)} columns, but the dimension is {columns}")
        return pooling
    except (TypeError, ValueError) as error:
        raise ModelError(f"{folder / LAYOUT.config} is damaged: its pooling: {error}") from error
