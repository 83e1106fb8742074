"""A model as a folder: what is in it, how it is written whole or not at all, and how it is read from a stranger."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from w2v._files import ModelError, atomic_file, atomic_folder, check_writable_beside, reading
from w2v._tensors import read_tensors, write_tensors
from w2v.phrase_list import PhraseTokenizer
from w2v.vector_table import DTYPES, VectorTable
from w2v.vocabulary import Vocabulary

if TYPE_CHECKING:
    from corpora.tokenizers import Tokenizer
    from w2v.embeddings import Embeddings
    from w2v.subwords import SubwordVectors

__all__ = [
    "LAYOUT", "Layout", "ModelError", "check_output", "load_embeddings", "read_config", "read_tensors",
    "save_embeddings", "write_tensors",
]  # fmt: skip

FORMAT = "w2v"
FORMAT_VERSION = 2
"""2 has vectors of float16 or int8; those of float32 are written as version 1, which older programs read."""
KIND = "word-vectors"


@dataclass(frozen=True)
class Layout:
    """The names of the files in a model folder. They are never taken from a file's content."""

    config: str = "config.json"
    vocabulary: str = "vocabulary.txt"
    vectors: str = "vectors.safetensors"
    subwords: str = "subwords.safetensors"
    training: str = "training.safetensors"
    phrases: str = "phrases.json"


LAYOUT = Layout()
_STRUCTURE = ("format", "format_version", "kind", "vector_size", "vocabulary_size", "tokenizer", "subwords")
_MAX_CONFIG_BYTES = 64 << 20
_TENSORS_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}\.safetensors")


def check_output(path: str | os.PathLike[str], overwrite: bool = False) -> None:
    """Raise early, before hours of training, if a model could not be saved at `path`.

    Parameters
    ----------
    path : str or path-like
        Where the model folder shall be.
    overwrite : bool, default False
        Whether a model folder that exists there may be replaced.

    Raises
    ------
    ModelError
        If something exists there (with `overwrite`: something else than a model folder, or a model folder that also
        holds files which are no part of a model), or if the parent folder is missing or cannot be written.
    """
    if os.path.lexists(path):
        if not overwrite:
            raise ModelError(f"{path} exists already; choose another name, or ask to overwrite it")
        _check_replaceable(path)
    check_writable_beside(path)


def save_embeddings(
    embeddings: Embeddings,
    path: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    extra_tensors: Mapping[str, Mapping[str, NDArray[Any]]] | None = None,
    extra_config: Mapping[str, Any] | None = None,
) -> None:
    """Write a model folder. It is written beside its final name and renamed, so it is never seen half-written.

    Parameters
    ----------
    embeddings : Embeddings
        The model.
    path : str or path-like
        Name of the folder.
    overwrite : bool, default False
        Replace a model folder that exists; anything else is never replaced.
    extra_tensors : mapping of str to (mapping of str to ndarray), optional
        Further tensors files: file name, such as ``LAYOUT.training``, to named arrays. See `write_tensors`.
    extra_config : mapping of str to object, optional
        Further entries of ``config.json``, which win over those of ``embeddings.metadata``.

    Raises
    ------
    ModelError
        As `check_output`, or if writing fails. Nothing is left behind, and what was there before is unchanged.
    ValueError
        If a name in `extra_tensors` or `extra_config` is reserved or not a plain name, or an entry cannot be
        expressed in JSON.
    """
    check_output(path, overwrite)
    config = _encode_config(embeddings, extra_config or {})
    for name in extra_tensors or {}:
        if not _TENSORS_NAME.fullmatch(name) or name in (LAYOUT.vectors, LAYOUT.subwords):
            raise ValueError(f"{name!r} is not a name for a further tensors file; use for instance {LAYOUT.training!r}")
    tensors: dict[str, NDArray[Any]] = {"vectors": embeddings.table.stored}
    if embeddings.table.scales is not None:
        tensors["scales"] = embeddings.table.scales
    if embeddings.vocabulary.counts is not None:
        tensors["counts"] = embeddings.vocabulary.counts
    with atomic_folder(path, replace=overwrite) as folder:
        write_tensors(folder / LAYOUT.vectors, tensors)
        if embeddings.subwords is not None:
            ngrams: dict[str, NDArray[Any]] = {"ngram_vectors": embeddings.subwords.ngram_vectors}
            if embeddings.subwords.numbers is not None:
                ngrams["numbers"] = embeddings.subwords.numbers
            write_tensors(folder / LAYOUT.subwords, ngrams)
        for name, further in (extra_tensors or {}).items():
            write_tensors(folder / name, further)
        if isinstance(embeddings.tokenizer, PhraseTokenizer):
            embeddings.tokenizer.phrases.save(folder / LAYOUT.phrases)
        with atomic_file(folder / LAYOUT.vocabulary) as file:
            file.write(_encode_words(embeddings.index_to_key))
        with atomic_file(folder / LAYOUT.config) as file:
            file.write(config)


def load_embeddings(
    path: str | os.PathLike[str], *, mmap: bool = True, tokenizer: Tokenizer | None = None
) -> Embeddings:
    """Open a model folder, which may come from a stranger: nothing in it is executed and every size is checked.

    Parameters
    ----------
    path : str or path-like
        The folder.
    mmap : bool, default True
        Map the vectors into memory, so that opening takes no time and memory is shared between processes. Otherwise
        read them at once.
    tokenizer : Tokenizer, optional
        Used in place of the one that the folder names; a model trained with a callable of your own needs it to
        normalise queries, since code is never stored.

    Returns
    -------
    Embeddings
        The model, read-only; ``metadata`` holds the parameters, the history and whatever else ``config.json`` has.

    Raises
    ------
    ModelError
        If the folder is missing, not a model folder, of a newer format version, or damaged.
    """
    from w2v.embeddings import Embeddings

    config = read_config(path)
    folder = Path(path)
    words = _read_words(folder / LAYOUT.vocabulary, config["vocabulary_size"])
    tensors = read_tensors(folder / LAYOUT.vectors, mmap=mmap)
    n_words, file = config["vocabulary_size"], folder / LAYOUT.vectors
    table = _read_table(file, tensors, (n_words, config["vector_size"]))
    counts = None
    if "counts" in tensors:
        counts = _check_tensor(file, tensors, "counts", np.int64, (n_words,))
    try:
        vocabulary = Vocabulary.read_from(str(folder / LAYOUT.vocabulary), words, counts)
    except ValueError as error:
        raise ModelError(f"{folder} is damaged: {error}") from error
    metadata = {name: value for name, value in config.items() if name not in _STRUCTURE}
    if "tokenizer" in config:
        tokenizer = _restore_tokenizer(folder, config["tokenizer"], tokenizer)
        if tokenizer is None:
            metadata["tokenizer"] = config["tokenizer"]
    subwords = _read_subwords(folder, config, mmap=mmap) if "subwords" in config else None
    embeddings = Embeddings(vocabulary, table, tokenizer=tokenizer, metadata=metadata, subwords=subwords)
    embeddings._folder = folder
    return embeddings


def read_config(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read and check the ``config.json`` of a model folder.

    Parameters
    ----------
    path : str or path-like
        The model folder, not the file.

    Returns
    -------
    dict
        The whole configuration. ``vector_size`` and ``vocabulary_size`` are positive int; ``tokenizer``, ``subwords``
        and ``parameters``, where present, are dict and ``history`` is a list.

    Raises
    ------
    ModelError
        If it is missing, not strict JSON, of another kind, of a newer version, or an entry has a wrong type.
    """
    _check_is_folder(path)
    file = Path(path, LAYOUT.config)
    if not file.exists():
        raise ModelError(f"{path} is not a model folder: it has no {LAYOUT.config}")
    config = _parse_json(file)
    if config.get("format") != FORMAT:
        raise ModelError(f"{file} does not describe a model: its format is {config.get('format')!r}, not {FORMAT!r}")
    version = config.get("format_version")
    if type(version) is not int or version < 1:
        raise ModelError(f"{file} is damaged: format_version must be a positive integer, not {version!r}")
    if version > FORMAT_VERSION:
        raise ModelError(
            f"{path} was written by a newer version of w2v (format {version}; this one reads up to {FORMAT_VERSION}); "
            "upgrade w2v to open it"
        )
    if config.get("kind") != KIND:
        raise ModelError(f"{path} holds a model of the kind {config.get('kind')!r}, not {KIND!r}")
    for name in ("vector_size", "vocabulary_size"):
        if type(config.get(name)) is not int or config[name] < 1:
            raise ModelError(f"{file} is damaged: {name} must be a positive integer, not {config.get(name)!r}")
    for name, expected in (("tokenizer", dict), ("subwords", dict), ("parameters", dict), ("history", list)):
        if name in config and not isinstance(config[name], expected):
            raise ModelError(f"{file} is damaged: {name} has the wrong type, {type(config[name]).__name__}")
    return config


def _check_is_folder(path: str | os.PathLike[str]) -> None:
    if not os.path.lexists(path):
        raise ModelError(f"{path} does not exist; expected a model folder")
    if not os.path.isdir(path):
        raise ModelError(
            f"{path} is not a model folder but a file; a vector file of another tool is opened with `w2v import` or "
            "w2v.formats.read_vectors"
        )


def _check_replaceable(path: str | os.PathLike[str]) -> None:
    """Raise `ModelError` unless all of what is at `path` is a model, whatever its version, and may be deleted."""
    refusal = f"{path} exists and is not a model folder, so it is not overwritten; choose another name"
    if not os.path.isdir(path) or not os.path.isfile(Path(path, LAYOUT.config)):
        raise ModelError(refusal)
    try:
        is_model = _parse_json(Path(path, LAYOUT.config)).get("format") == FORMAT
    except ModelError as error:
        raise ModelError(f"{refusal} ({error})") from error
    if not is_model:
        raise ModelError(refusal)
    for entry in sorted(os.listdir(path)):
        known = entry in (LAYOUT.config, LAYOUT.vocabulary, LAYOUT.phrases) or _TENSORS_NAME.fullmatch(entry)
        if not known or not os.path.isfile(Path(path, entry)):
            raise ModelError(
                f"{path} is not overwritten: it also holds {entry!r}, which is no part of a model; move it elsewhere"
            )


def _parse_json(file: Path) -> dict[str, Any]:
    """Parse a JSON object strictly: UTF-8, no NaN, no name twice."""
    with reading(file) as stream:
        data = stream.read(_MAX_CONFIG_BYTES + 1)
    if len(data) > _MAX_CONFIG_BYTES:
        raise ModelError(f"{file} is not a model's configuration: it is larger than {_MAX_CONFIG_BYTES} bytes")
    try:
        parsed = json.loads(data.decode(), object_pairs_hook=_unique, parse_constant=_reject_constant)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{file} is damaged: {error}") from error
    if not isinstance(parsed, dict):
        raise ModelError(f"{file} is damaged: it holds a {type(parsed).__name__}, not a JSON object")
    return parsed


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entries = dict(pairs)
    if len(entries) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the name {next(name for name in names if names.count(name) > 1)!r} occurs twice")
    return entries


def _reject_constant(text: str) -> None:
    raise ValueError(f"{text} is not a JSON number")


def _encode_config(embeddings: Embeddings, extra: Mapping[str, Any]) -> bytes:
    reserved = sorted(set(_STRUCTURE) & set(extra))
    if reserved:
        raise ValueError(f"extra_config may not hold {reserved[0]!r}, which is written by the model itself")
    tokenizer = embeddings.tokenizer
    config: dict[str, Any] = {
        "format": FORMAT,
        "format_version": 1 if embeddings.dtype == "float32" else FORMAT_VERSION,
        "kind": KIND,
        "vector_size": embeddings.vector_size,
        "vocabulary_size": len(embeddings),
    }
    if tokenizer is not None:
        config["tokenizer"] = tokenizer.to_config()
    elif isinstance(embeddings.metadata.get("tokenizer"), Mapping):  # one that could not be restored on loading
        config["tokenizer"] = embeddings.metadata["tokenizer"]
    if embeddings.subwords is not None:
        config["subwords"] = asdict(embeddings.subwords.subwords)
    config.update((name, value) for name, value in embeddings.metadata.items() if name not in _STRUCTURE)
    config.update(extra)
    try:
        text = json.dumps(config, indent=2, ensure_ascii=False, allow_nan=False, default=_encode_object)
        return text.encode() + b"\n"
    except (TypeError, ValueError) as error:
        raise ValueError(f"the model's metadata cannot be written as JSON: {error}") from error


def _encode_object(value: object) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _encode_words(words: list[str]) -> bytes:
    """Return one escaped word a line."""
    text = "\n".join(words)
    if "\\" in text or "\r" in text or text.count("\n") != len(words) - 1:
        text = "\n".join(word.replace("\\", r"\\").replace("\n", r"\n").replace("\r", r"\r") for word in words)
    return text.encode() + b"\n"


def _read_words(file: Path, n_words: int) -> list[str]:
    """Read what `_encode_words` wrote; any sequence of `n_words` words comes back as it was."""
    with reading(file) as stream:
        data = stream.read()
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise ModelError(f"{file} is damaged: it is not UTF-8 at byte {error.start}") from error
    if "\r" in text:
        line = text.count("\n", 0, text.index("\r")) + 1
        raise ModelError(f"{file}, line {line}: a carriage return; were its line ends converted? Copy it as binary")
    words = text.split("\n")
    if words.pop() != "" or len(words) != n_words:
        raise ModelError(f"{file} is damaged: it should hold {n_words} whole lines, one a word, and holds {len(words)}")
    if "\\" in text:
        for index, word in enumerate(words):
            if "\\" in word:
                words[index] = _unescape(word, file, index + 1)
    return words


_ESCAPES = {r"\\": "\\", r"\n": "\n", r"\r": "\r"}


def _unescape(word: str, file: Path, line: int) -> str:
    def replace(match: re.Match[str]) -> str:
        if match[0] not in _ESCAPES:
            raise ModelError(f"{file}, line {line}: {match[0]!r} is not an escape sequence of this format")
        return _ESCAPES[match[0]]

    return re.sub(r"\\.?", replace, word, flags=re.DOTALL)


def _read_table(file: Path, tensors: Mapping[str, NDArray[Any]], shape: tuple[int, int]) -> VectorTable:
    """Return the vectors, in whichever type they are stored."""
    stored = tensors["vectors"].dtype.name if "vectors" in tensors else "float32"
    dtype = next((getattr(np, name) for name in DTYPES if name == stored), np.float32)
    vectors = _check_tensor(file, tensors, "vectors", dtype, shape)
    if dtype is not np.int8:
        return VectorTable(vectors)
    scales = _check_tensor(file, tensors, "scales", np.float32, shape[:1])
    if not (np.isfinite(scales).all() and (scales >= 0).all()):
        raise ModelError(f"{file} is damaged: 'scales' must be finite and not negative")
    return VectorTable(vectors, scales)


def _check_tensor(
    file: Path, tensors: Mapping[str, NDArray[Any]], name: str, dtype: type, shape: tuple[int, ...]
) -> NDArray[Any]:
    if name not in tensors:
        raise ModelError(f"{file} is damaged: it has no array {name!r}")
    array = tensors[name]
    if array.dtype != dtype or array.shape != shape:
        expected = f"{np.dtype(dtype)} of shape {shape}"
        raise ModelError(
            f"{file} is damaged: {name!r} is {array.dtype} of shape {array.shape}, but {LAYOUT.config} says {expected}"
        )
    return array


def _read_subwords(folder: Path, config: dict[str, Any], *, mmap: bool) -> SubwordVectors:
    """Open the vectors of n-grams that the configuration promises."""
    from w2v.subwords import Subwords, SubwordVectors

    settings = config["subwords"]
    names = [field.name for field in fields(Subwords)]
    if set(settings) != set(names) or not all(type(value) is int for value in settings.values()):
        raise ModelError(f"{folder / LAYOUT.config} is damaged: subwords must hold the integers {', '.join(names)}")
    try:
        subwords = Subwords(**settings)
    except ValueError as error:
        raise ModelError(f"{folder / LAYOUT.config} is damaged: {error}") from error
    file = folder / LAYOUT.subwords
    tensors = read_tensors(file, mmap=mmap)
    numbers = tensors.get("numbers")
    n_rows = subwords.buckets if numbers is None else len(numbers)
    table = _check_tensor(file, tensors, "ngram_vectors", np.float32, (n_rows, config["vector_size"]))
    try:
        return SubwordVectors(subwords, table, numbers)
    except (TypeError, ValueError) as error:
        raise ModelError(f"{file} is damaged: {error}") from error


def _restore_tokenizer(folder: Path, config: dict[str, Any], given: Tokenizer | None) -> Tokenizer | None:
    """Return the tokenizer that the configuration names, or the one given; None for one of the user's own code."""
    from corpora.tokenizers import tokenizer_from_config

    if config.get("name") == PhraseTokenizer.name and not isinstance(given, PhraseTokenizer):
        base = config.get("base")
        if not isinstance(base, dict) or base.get("name") == PhraseTokenizer.name:
            raise ModelError(
                f"{folder / LAYOUT.config} is damaged: the tokenizer that phrases are joined for is missing"
            )
        tokenizer = _restore_tokenizer(folder, base, given)
        if tokenizer is not None and not os.path.isfile(folder / LAYOUT.phrases):
            raise ModelError(f"{folder} is damaged: it has no {LAYOUT.phrases}, which its tokenizer needs")
        return None if tokenizer is None else PhraseTokenizer(tokenizer, folder / LAYOUT.phrases)
    if given is not None or config.get("name") == "callable":
        return given
    try:
        return tokenizer_from_config(config)
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{folder / LAYOUT.config}: the tokenizer cannot be restored: {error}") from error
