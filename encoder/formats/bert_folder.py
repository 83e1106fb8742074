"""Folders of sentence-transformers with a network of the BERT family: read an encoder, or write one like BERT.

The modules are Transformer, Pooling, any number of Dense, and optionally Normalize.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.pieces import PiecesTokenizer
from w2v.encoder.formats.bert_names import check_bert, to_bert
from w2v.encoder.formats.describe import describe_padded
from w2v.encoder.formats.families import GELU_TANH, WORDS, read_network
from w2v.encoder.formats.folders import (
    ACTIVATIONS,
    CONFIG,
    MODULES,
    PROMPTS,
    TOKENIZER,
    TOKENIZER_CONFIG,
    WEIGHTS,
    Module,
    definition_text,
    describe_modules,
    entry,
    imported,
    kept_columns,
    make_tokenizer,
    read_definition,
    read_tail,
    refuse_prompts,
    write_json,
)
from w2v.encoder.formats.static_folder import write_static_encoder
from w2v.encoder.formats.tables import token_rows
from w2v.encoder.formats.tokenizer_settings import with_settings
from w2v.encoder.model.network import NetworkConfig
from w2v.encoder.model.pooling import NO_ACTIVATION, Dense, Pooling
from w2v.encoder.model.state import EncoderState
from w2v.encoding.vocabulary import Vocabulary
from w2v.formats.vector_files import new_folder
from w2v.neural.layers.matmul import product
from w2v.neural.parameters import ParameterTable
from w2v.storage.files import ModelError
from w2v.storage.tensors import write_tensors
from w2v.vectors.model_folder import parse_json

_TRANSFORMER_CONFIG = "sentence_bert_config.json"
_OWN_FILES = frozenset(
    {WEIGHTS, TOKENIZER, CONFIG, MODULES, PROMPTS, TOKENIZER_CONFIG, _TRANSFORMER_CONFIG, "README.md"}
)
_TORCH_ACTIVATIONS = {
    own: f"torch.nn.modules.{'linear' if own == NO_ACTIVATION else 'activation'}.{name}"
    for name, own in ACTIVATIONS.items()
}
_POOLINGS = {"cls": "first", "max": "max", "mean": "mean"}
_OLD_POOLINGS = {"pooling_mode_cls_token": "cls", "pooling_mode_max_tokens": "max", "pooling_mode_mean_tokens": "mean"}


def read_bert(folder: Path, modules: Sequence[Module]) -> EncoderState:
    """Read an encoder of sentence-transformers whose first module is a Transformer, or a plain BERT folder.

    It computes the same tokens and vectors as the other program, up to rounding. For the errors see `read_encoder`.
    """
    refuse_prompts(folder)
    bert = modules[0].folder
    network, parameters, table = read_network(bert)
    tokenizer = read_tokenizer(bert, network.max_positions, len(table))
    table = table[: len(tokenizer.pieces)]
    pooling, vocabulary = _read_pooling(folder, modules[1:]), Vocabulary(tokenizer.pieces)
    made: dict[str, Any] = {"network": network, "parameters": parameters, "pooling": pooling}
    return imported(folder, "sentence-transformers", vocabulary, tokenizer, table, **made)


def read_tokenizer(folder: Path, most: int, n_rows: int) -> PiecesTokenizer:
    """Return the tokenizer of a network with at most `most` positions and `n_rows` word embeddings."""
    tokenizer = make_tokenizer(folder / TOKENIZER, _definition(folder), max_tokens=_max_tokens(folder, most))
    if len(tokenizer.pieces) > n_rows:
        raise ModelError(
            f"{folder / TOKENIZER} has {len(tokenizer.pieces)} tokens, but {folder / WEIGHTS} has vectors for {n_rows}"
        )
    return tokenizer


def _definition(folder: Path) -> str:
    """Return the tokenizer definition, with lower-casing first if the folder's configuration asks for it."""
    kind = parse_json(folder / CONFIG).get("model_type")
    definition = with_settings(read_definition(folder), folder, kind if isinstance(kind, str) else None)
    file = folder / _TRANSFORMER_CONFIG
    if file.exists() and entry(parse_json(file), file, "do_lower_case", bool, False):
        normalizer = definition.get("normalizer")
        steps = [{"type": "Lowercase"}] + ([] if normalizer is None else [normalizer])
        definition |= {"normalizer": {"type": "Sequence", "normalizers": steps}}
    return definition_text(definition)


def _max_tokens(folder: Path, most: int) -> int:
    """Return the maximum number of tokens per sentence."""
    for name, key in ((_TRANSFORMER_CONFIG, "max_seq_length"), (TOKENIZER_CONFIG, "model_max_length")):
        file = folder / name
        value = parse_json(file).get(key) if file.exists() else None
        if isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 1:
            return int(min(value, most))
    return most


def _read_pooling(folder: Path, modules: Sequence[Module]) -> Pooling:
    """Return the pooling that follows the network; the mean if no module does."""
    if not modules:
        return Pooling("mean", normalize=False, kept=kept_columns(folder))
    if modules[0].kind != "Pooling":
        raise ModelError(f"{folder} cannot be imported: the Transformer is followed by {modules[0].kind}, not Pooling")
    return read_tail(folder, _pooling_kind(modules[0].folder), modules[1:])


def _pooling_kind(folder: Path) -> str:
    file = folder / CONFIG
    config = parse_json(file)
    modes = config.get("pooling_mode")
    if modes is None:
        found = [name for name in config if name.startswith("pooling_mode_") and config[name] is True]
        modes = [_OLD_POOLINGS.get(name, name) for name in found] or ["mean"]
    if isinstance(modes, str):
        modes = [modes]
    if not isinstance(modes, list) or len(modes) != 1 or modes[0] not in tuple(_POOLINGS):
        raise ModelError(f"{file}: the pooling {modes!r:.80} is not supported; use one of {', '.join(_POOLINGS)}")
    return _POOLINGS[modes[0]]


def write_sentence_transformers(state: EncoderState, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Write an encoder for ``sentence_transformers.SentenceTransformer(folder)``; see `write_encoder`.

    The folder of a static encoder can also be opened by model2vec.
    """
    write = write_static_encoder if state.network is None else write_bert
    write(state, path, overwrite=overwrite)


def write_bert(state: EncoderState, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Write an encoder with a network like BERT for sentence-transformers; see `write_encoder`.

    The network must have the norm ``post``, additive positions, and the head ``linear`` or ``none``. The projection
    into the network is folded into the word embeddings, the projection out of it becomes a Dense module.

    Sentences with more tokens than positions are truncated there, whereas here the last position is reused. A sentence
    without a known word has a zero vector here, but there the network's output for an empty input.
    """
    config, parameters = state.network, state.parameters
    assert config is not None and parameters is not None
    if state.blocks:
        beside = " and ".join(state.blocks.describe())
        raise ModelError(
            f"{path} cannot be written: BERT has no blocks beside its network, but this encoder has a {beside}; use "
            "the format onnx, or leave the blocks out: --first-block, in Python SentenceEncoder(state, bag_columns=0, "
            "mean_weight=0)"
        )
    try:
        check_bert(config)
        if config.head == "branch":
            raise ValueError("BERT cannot add the network's output to its input, as the head 'branch' does")
        if config.head == "linear" and state.pooling.kind == "max":
            raise ValueError("the projection of the head would follow max pooling instead of preceding it")
    except ValueError as error:
        raise ModelError(
            f"{path} cannot be written: {error}; use the format onnx, which supports every network, or train with "
            "--norm post --positions learned --output-layer linear"
        ) from error
    most = min(getattr(state.tokenizer, "max_tokens", None) or config.max_positions, config.max_positions)
    described, padding = describe_padded(state, path, most)
    if not parameters.all_finite() or not np.isfinite(state.table).all():
        raise ModelError(f"{path} cannot be written: a parameter of the encoder is not finite")
    arrays = _arrays(state, config, parameters, padding)
    dense = _dense_parts(state.pooling, config, parameters)
    parts = [("Transformer", ""), ("Pooling", _folder(1, "Pooling"))]
    parts += [("Dense", _folder(2 + i, "Dense")) for i in range(len(dense))]
    if state.pooling.normalize:
        parts.append(("Normalize", _folder(len(parts), "Normalize")))
    own_files = _OWN_FILES | {name for _, name in parts if name}
    with new_folder(path, own_files, overwrite=overwrite) as folder:
        write_tensors(folder / WEIGHTS, arrays, {"format": "pt"})
        for name, content in (
            (TOKENIZER, described),
            (CONFIG, _bert_config(config, len(arrays[WORDS]), padding)),
            (TOKENIZER_CONFIG, _tokenizer_config(described, most)),
            (_TRANSFORMER_CONFIG, {"max_seq_length": most, "do_lower_case": False}),
            (MODULES, describe_modules(parts)),
            *([] if state.pooling.kept is None else [(PROMPTS, {"truncate_dim": state.pooling.kept})]),
        ):
            write_json(folder / name, content)
        _write_parts(folder, parts, state.pooling, config.dim, dense)


def _arrays(
    state: EncoderState, config: NetworkConfig, parameters: ParameterTable, padding: int
) -> dict[str, NDArray[Any]]:
    """Return all arrays of BERT; the word embeddings include a row for the padding."""
    table = token_rows(state, padding)
    if config.head == "linear":
        table = product(table, parameters["input.weight"], parameters["input.bias"])
    pooler = {"pooler.dense.weight": (config.dim, config.dim), "pooler.dense.bias": (config.dim,)}
    unused = {name: np.zeros(shape, np.float32) for name, shape in pooler.items()}  # avoids a warning
    return {WORDS: table, **to_bert(config, parameters), **unused}


def _dense_parts(pooling: Pooling, config: NetworkConfig, parameters: ParameterTable) -> tuple[Dense, ...]:
    """Return the dense layers after pooling, starting with the projection of the head, if there is one."""
    if config.head != "linear":
        return pooling.dense
    return Dense(parameters["output.weight"], parameters["output.bias"]), *pooling.dense


def _bert_config(config: NetworkConfig, n_words: int, padding: int) -> dict[str, Any]:
    return {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "vocab_size": n_words,
        "hidden_size": config.dim,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
        "intermediate_size": config.stack.d_ff,
        "hidden_act": GELU_TANH if config.activation == "gelu-tanh" else config.activation,
        "hidden_dropout_prob": config.dropout,
        "attention_probs_dropout_prob": 0.0,
        "max_position_embeddings": config.max_positions,
        "position_embedding_type": "absolute",
        "type_vocab_size": 1,
        "layer_norm_eps": config.epsilon,
        "pad_token_id": padding,
    }


def _tokenizer_config(described: dict[str, Any], most: int) -> dict[str, Any]:
    """Return the settings of a tokenizer that transformers does not find in its definition.

    For this class, transformers uses the definition as it is; for others it builds a tokenizer of its own.
    """
    padding = described["padding"]["pad_token"]
    return {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": most, "pad_token": padding}


def _write_parts(
    folder: Path, parts: Sequence[tuple[str, str]], pooling: Pooling, dim: int, dense: Sequence[Dense]
) -> None:
    """Write the folders of the modules after the network."""
    for _, name in parts[1:]:
        (folder / name).mkdir()
    mode = {"sum": "mean", "first": "cls"}.get(pooling.kind, pooling.kind)
    modes = {name: of == mode for name, of in _OLD_POOLINGS.items()}
    write_json(folder / parts[1][1] / CONFIG, {"word_embedding_dimension": dim, **modes})
    for map_, (_, name) in zip(dense, parts[2:], strict=False):
        n_inputs, n_outputs = map_.weight.shape
        described = {
            "in_features": n_inputs,
            "out_features": n_outputs,
            "bias": True,
            "activation_function": _TORCH_ACTIVATIONS[map_.activation],
        }
        write_json(folder / name / CONFIG, described)
        tensors = {"linear.weight": map_.weight.T, "linear.bias": map_.bias}
        write_tensors(folder / name / WEIGHTS, tensors, {"format": "pt"})


def _folder(number: int, kind: str) -> str:
    return f"{number}_{kind}"
