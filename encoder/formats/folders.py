"""The parts of other programs' folders: modules, configurations and tokenizers. Folders may be untrusted."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.pieces import PiecesTokenizer
from w2v.corpora.tokenizers import Tokenizer
from w2v.encoder.model.pooling import NO_ACTIVATION, Dense, Pooling
from w2v.encoder.model.state import EncoderState
from w2v.encoding.vocabulary import Vocabulary
from w2v.storage.files import ModelError, atomic_file, reading
from w2v.storage.tensors import read_tensors
from w2v.vectors.model_folder import MAX_TOKENIZER_BYTES, parse_any_json, parse_json

MODULES, CONFIG, WEIGHTS, TOKENIZER = "modules.json", "config.json", "model.safetensors", "tokenizer.json"
SHARDS = "model.safetensors.index.json"
TOKENIZER_CONFIG, PROMPTS = "tokenizer_config.json", "config_sentence_transformers.json"
SPECIAL_TOKENS = "special_tokens_map.json"

ACTIVATIONS = {"Identity": NO_ACTIVATION, "Tanh": "tanh", "ReLU": "relu", "GELU": "gelu"}
"""Activations after a Dense module: PyTorch's class names and our names."""

HEADED = "ForSequenceClassification"
"""Suffix that transformers gives to networks with a classifier of whole sequences."""
_WITHOUT_EFFECT = frozenset({"Dropout"})
"""Modules that only act during training."""
_PLAIN_PATH = re.compile(r"\.?|[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
_PICKLES = ("pytorch_model.bin", "model.bin")
_OTHER_WEIGHTS = {"*.onnx": "ONNX", "openvino_model.xml": "OpenVINO", "*.h5": "TensorFlow", "*.msgpack": "Flax",
                  "*.ot": "Rust", "*.gguf": "GGUF"}  # fmt: skip
"""Files of weights that are not read, and whose they are; they lie in the folder or in a subfolder."""


@dataclass(frozen=True)
class Module:
    """A module of an encoder of sentence-transformers.

    Attributes
    ----------
    kind : str
        Name of its class, such as ``Transformer`` or ``Pooling``.
    folder : Path
    """

    kind: str
    folder: Path


def read_modules(folder: Path) -> list[Module]:
    """Return the modules listed in ``modules.json``, in order; their paths must stay inside the folder."""
    file = folder / MODULES
    listed = parse_any_json(file)
    if not isinstance(listed, list) or not listed:
        raise ModelError(f"{file} is damaged: it must be a list of modules")
    modules = []
    for entry in listed:
        kind, path = (entry.get(name) if isinstance(entry, dict) else None for name in ("type", "path"))
        if not isinstance(kind, str) or not isinstance(path, str):
            raise ModelError(f"{file} is damaged: a module must have a type and a path")
        if not _PLAIN_PATH.fullmatch(path.removeprefix("./").removesuffix("/")):
            raise ModelError(f"{file} is damaged: the path {path!r:.80} is not the plain name of a subfolder")
        modules.append(Module(kind.rpartition(".")[2], folder / path))
    return [module for module in modules if module.kind not in _WITHOUT_EFFECT]


def is_cross_encoder(folder: Path) -> bool:
    """Return whether the network in a folder ends in a classifier of whole sequences, whatever its architecture."""
    file = folder / CONFIG
    listed = parse_json(file).get("architectures") if file.is_file() else None
    return isinstance(listed, list) and any(isinstance(name, str) and name.endswith(HEADED) for name in listed)


def describe_modules(parts: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    """Return the contents of ``modules.json`` for modules given by kind and folder."""
    return [
        {"idx": number, "name": str(number), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for number, (kind, path) in enumerate(parts)
    ]


def refuse_prompts(folder: Path) -> None:
    """Raise `ModelError` if an encoder prepends a prompt to every sentence, which is not supported."""
    file = folder / PROMPTS
    if not file.exists():
        return
    config = parse_json(file)
    name, prompts = config.get("default_prompt_name"), config.get("prompts")
    prompt = prompts.get(name) if isinstance(prompts, dict) and isinstance(name, str) else None
    if prompt:
        raise ModelError(
            f"{file}: the encoder prepends {prompt!r:.60} to every sentence, which is not supported; set "
            "default_prompt_name to null and prepend it yourself"
        )


def kept_columns(folder: Path) -> int | None:
    """Return how many leading columns of its vectors an encoder keeps, its ``truncate_dim``; None if unset."""
    file = folder / PROMPTS
    kept = parse_json(file).get("truncate_dim") if file.exists() else None
    if kept is None:
        return None
    if type(kept) is not int or kept < 1:
        raise ModelError(f"{file} is damaged: truncate_dim must be a whole number of columns, not {kept!r:.40}")
    return kept


def read_weights(folder: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of ``model.safetensors``, or of the files in its index; pickles are never read."""
    file = folder / WEIGHTS
    if not file.exists():
        if (folder / SHARDS).exists():
            return _read_shards(folder)
        for pickle in _PICKLES:
            if (folder / pickle).exists():
                raise ModelError(
                    f"{folder / pickle} is a pickle, which can run code when it is opened, so it is not read; if "
                    "you trust it, open the folder with sentence-transformers and save it again, which writes "
                    f"{WEIGHTS}"
                )
        for pattern, kind in _OTHER_WEIGHTS.items():
            if others := sorted([*folder.glob(pattern), *folder.glob(f"*/{pattern}")]):
                raise ModelError(
                    f"{folder} has the weights of {kind} only ({others[0].relative_to(folder)}), which cannot be read; "
                    f"get {WEIGHTS} as well, or save the model again with sentence-transformers"
                )
    return read_tensors(file)


def _read_shards(folder: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of several files, as listed in their index."""
    file = folder / SHARDS
    places = parse_json(file, largest=MAX_TOKENIZER_BYTES).get("weight_map")
    if not isinstance(places, dict) or not all(isinstance(place, str) for place in places.values()):
        raise ModelError(f"{file} is damaged: weight_map must name a file for each array")
    if wrong := [place for place in places.values() if place in ("", ".", "..") or not _PLAIN_PATH.fullmatch(place)]:
        raise ModelError(f"{file} is damaged: {wrong[0]!r:.80} is not the plain name of a file in the same folder")
    shards = {place: read_tensors(folder / place) for place in sorted(set(places.values()))}
    if missing := [name for name, place in places.items() if name not in shards[place]]:
        raise ModelError(f"{folder / places[missing[0]]} is damaged: the array {missing[0]!r:.80} is missing")
    return {name: shards[place][name] for name, place in places.items()}


def read_settings(folder: Path) -> dict[str, Any]:
    """Return the settings of ``tokenizer_config.json``, with special tokens from ``special_tokens_map.json``."""
    files = [folder / name for name in (TOKENIZER_CONFIG, SPECIAL_TOKENS)]
    found: dict[str, Any] = {}
    for file in files:
        found |= parse_json(file) if file.exists() else {}
    return found


def token_text(token: Any, default: str) -> str:
    """Return the text of a special token, given as a string or as an object."""
    text = token.get("content") if isinstance(token, dict) else token
    return text if isinstance(text, str) else default


def read_definition(folder: Path) -> dict[str, Any]:
    """Return the definition of a tokenizer: ``tokenizer.json``, or else the equivalent of ``vocab.txt``."""
    file = folder / TOKENIZER
    if file.exists() or not (folder / "vocab.txt").exists():
        return parse_json(file, largest=MAX_TOKENIZER_BYTES)
    with reading(folder / "vocab.txt") as stream:
        data = stream.read(MAX_TOKENIZER_BYTES)
    try:
        tokens = data.decode().removesuffix("\n").split("\n")
    except UnicodeDecodeError as error:
        raise ModelError(f"{folder / 'vocab.txt'} is damaged: it is not UTF-8 at byte {error.start}") from error
    return _wordpiece({token.rstrip("\r"): row for row, token in enumerate(tokens)}, folder)


def _wordpiece(vocabulary: dict[str, int], folder: Path) -> dict[str, Any]:
    """Return the definition of BERT's tokenizer, before its settings are applied."""
    settings = read_settings(folder)
    names = ("cls", "sep", "unk", "pad", "mask")
    around = {name: token_text(settings.get(f"{name}_token"), f"[{name.upper()}]") for name in names}
    if wrong := [token for token in around.values() if token not in vocabulary]:
        raise ModelError(f"{folder / 'vocab.txt'} is damaged: it has no token {wrong[0]!r:.40}")
    return {
        "version": "1.0",
        "added_tokens": [added_token(token, vocabulary[token], special=True) for token in around.values()],
        "normalizer": bert_normalizer(),
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": tokens_around(around["cls"], around["sep"], vocabulary),
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {
            "type": "WordPiece", "unk_token": around["unk"], "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100, "vocab": vocabulary,
        },
    }  # fmt: skip


def added_token(token: str, number: int, **flags: bool) -> dict[str, Any]:
    """Return the definition of a token that is matched in a text before all others."""
    names = ("single_word", "lstrip", "rstrip", "normalized", "special")
    return {"id": number, "content": token, **dict.fromkeys(names, False), **flags}


def bert_normalizer(
    *, chinese: bool = True, strip_accents: bool | None = None, lowercase: bool = True
) -> dict[str, Any]:
    """Return the definition of BERT's text normalisation."""
    return {
        "type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": chinese, "strip_accents": strip_accents,
        "lowercase": lowercase,
    }  # fmt: skip


def tokens_around(cls: str, sep: str, vocabulary: Mapping[str, int]) -> dict[str, Any]:
    """Return the definition of the tokens around a text and between two texts."""
    special = {token: {"id": token, "ids": [vocabulary[token]], "tokens": [token]} for token in (cls, sep)}
    single = [
        {"SpecialToken": {"id": cls, "type_id": 0}},
        {"Sequence": {"id": "A", "type_id": 0}},
        {"SpecialToken": {"id": sep, "type_id": 0}},
    ]
    pair = [*single, {"Sequence": {"id": "B", "type_id": 1}}, {"SpecialToken": {"id": sep, "type_id": 1}}]
    return {"type": "TemplateProcessing", "single": single, "pair": pair, "special_tokens": special}


def definition_text(definition: Mapping[str, Any]) -> str:
    """Return the definition of a tokenizer as JSON text."""
    return json.dumps(definition, ensure_ascii=False, separators=(",", ":"))


def write_json(file: Path, content: Any) -> None:
    """Write JSON, indented if it is short."""
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, indent=2 if file.name != TOKENIZER else None)
    with atomic_file(file) as stream:
        stream.write(text.encode() + b"\n")


def make_tokenizer(file: Path, definition: str, **options: Any) -> PiecesTokenizer:
    """Return the tokenizer with a definition; errors become a `ModelError`."""
    try:
        return PiecesTokenizer.from_config(options, definition)
    except (TypeError, ValueError) as error:
        raise ModelError(f"{file}: {error}") from error


def entry(config: Mapping[str, Any], file: Path, name: str, kind: type, default: Any = None) -> Any:
    """Return an entry of a configuration, or the default if it is missing or null.

    Raises
    ------
    ModelError
        If it has another type, or is missing without a default.
    """
    value = config.get(name)
    if value is None:
        value = default
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:
        raise ModelError(f"{file} is damaged: {name} must be of type {kind.__name__}, not {value!r:.60}")
    return value


def float32(file: Path, name: str, array: NDArray[Any]) -> NDArray[np.float32]:
    """Return an array of finite floating-point numbers as float32, C-contiguous; ModelError for any other array."""
    if array.dtype.kind != "f":
        raise ModelError(f"{file}: {name!r} is {array.dtype}, not floating-point numbers")
    converted: NDArray[np.float32] = np.ascontiguousarray(array, np.float32)
    if not np.isfinite(converted).all():
        raise ModelError(f"{file}: {name!r} contains NaN or infinity; the file is damaged")
    return converted


def read_tail(folder: Path, kind: str, modules: Sequence[Module]) -> Pooling:
    """Return a pooling of this kind followed by the given modules: any number of Dense, then optionally Normalize."""
    kinds = [module.kind for module in modules]
    n_dense = kinds.count("Dense")
    if kinds not in (["Dense"] * n_dense, ["Dense"] * n_dense + ["Normalize"]):
        raise ModelError(
            f"{folder} cannot be imported: it ends with {', '.join(kinds)}; supported are any number of Dense, then "
            "optionally Normalize"
        )
    try:
        dense = tuple(map(_read_dense, modules[:n_dense]))
        return Pooling(kind, dense, len(kinds) > n_dense, kept_columns(folder))
    except ModelError:
        raise
    except ValueError as error:
        raise ModelError(f"{folder} is damaged: {error}") from error


def imported(
    folder: Path,
    program: str,
    vocabulary: Vocabulary,
    tokenizer: Tokenizer,
    table: NDArray[np.float32],
    **further: Any,
) -> EncoderState:
    """Return an encoder made of the contents of a folder; ModelError if they are inconsistent."""
    metadata = {"imported_from": {"format": program, "folder": folder.resolve().name}}
    weights = np.zeros(len(table), np.float32)
    try:
        return EncoderState(vocabulary, tokenizer, table, weights, metadata=metadata, **further)
    except ValueError as error:
        raise ModelError(f"{folder} is damaged: {error}") from error


def _read_dense(module: Module) -> Dense:
    """Return a dense layer after the pooling."""
    file = module.folder / CONFIG
    config = parse_json(file)
    activation = entry(config, file, "activation_function", str, "Identity").rpartition(".")[2]
    if activation not in ACTIVATIONS:
        raise ModelError(f"{file}: the activation {activation!r:.60} is not supported; use {', '.join(ACTIVATIONS)}")
    if config.get("use_residual"):
        raise ModelError(f"{file}: a Dense with a residual connection cannot be imported")
    file = module.folder / WEIGHTS
    arrays = read_weights(module.folder)
    if "linear.weight" not in arrays:
        raise ModelError(f"{file} is damaged: the array 'linear.weight' is missing")
    weight = float32(file, "linear.weight", arrays["linear.weight"].T)
    bias = arrays.get("linear.bias", np.zeros(weight.shape[-1:], np.float32))
    try:
        return Dense(weight, float32(file, "linear.bias", bias), ACTIVATIONS[activation])
    except ValueError as error:
        raise ModelError(f"{file} is damaged: {error}") from error
