"""The parts of all kinds of model folders, which may be untrusted: configuration, words, arrays, tokenizers.

`persistence` combines them for word vectors, `w2v.encoder.model.persistence` for sentence encoders.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.pieces import PiecesTokenizer
from w2v.corpora.tokenizers import tokenizer_from_config
from w2v.phrases.phrase_list import PhraseTokenizer
from w2v.storage.files import ModelError, atomic_file, home_hint, reading
from w2v.storage.json_values import encodable, plain_value
from w2v.storage.tensors import read_tensors, write_tensors
from w2v.vectors.subwords import Subwords, SubwordVectors

if TYPE_CHECKING:
    from w2v.corpora.tokenizers import Tokenizer
    from w2v.vectors.subwords import SubwordVectors

FORMAT = "w2v"


@dataclass(frozen=True)
class Layout:
    """The names of the files in a model folder. They never come from the content of a file."""

    config: str = "config.json"
    vocabulary: str = "vocabulary.txt"
    vectors: str = "vectors.safetensors"
    subwords: str = "subwords.safetensors"
    training: str = "training.safetensors"
    phrases: str = "phrases.json"
    pieces: str = "tokenizer.json"
    examples: str = "examples.json"


LAYOUT = Layout()
TENSORS_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}\.safetensors")
"""Names of array files in a model folder."""
UNITS_NAME = re.compile(r"[a-z]{1,64}-units\.json")
"""Names of a network's vocabulary files."""

OPENED_WITH = {
    "word-vectors": "w2v neighbors, or Embeddings.load",
    "sentence-encoder": "w2v encode, or SentenceEncoder.load",
    "sentence-index": "w2v search, or SentenceIndex.open",
    "topics": "w2v topics, or Topics.open",
    "translator": "w2v translate, or Translator.load",
    "language-model": "w2v write and w2v score, or LanguageModel.load",
    "image-classifier": "w2v label-images, or ImageClassifier.load",
    "text-classifier": "w2v classify, or TextClassifier.load",
    "tagger": "w2v tag, or Tagger.load",
}
"""How to open each kind of model, for messages when another kind is expected."""

MAX_CONFIG_BYTES, MAX_TOKENIZER_BYTES = 64 << 20, 512 << 20


def read_header(
    path: str | os.PathLike[str], kind: str, newest: int, *, counted: str = "vocabulary_size"
) -> dict[str, Any]:
    """Read the ``config.json`` of a model folder, and check the entries that all kinds of models have.

    `counted` is the entry with the number of items, a positive integer.

    Raises
    ------
    ModelError
        If it is missing, not strict JSON, of another kind, of a version above `newest`, or `counted` is wrong.
    """
    file, config = _read_config(path)
    version = config.get("format_version")
    if type(version) is not int or version < 1:
        raise ModelError(f"{file} is damaged: format_version must be a positive integer, not {version!r}")
    found = str(config.get("kind"))
    if found != kind and (version <= newest or found in OPENED_WITH):
        hint = f": open it with {OPENED_WITH[found]}" if found in OPENED_WITH else ""
        raise ModelError(f"{path} holds a model of the kind {config.get('kind')!r}, not {kind!r}{hint}")
    if version > newest:
        raise ModelError(
            f"{path} was written by a newer version of w2v (format {version}; this one reads up to {newest}); "
            "upgrade w2v to open it"
        )
    check_positive(config, file, counted)
    return config


def read_any(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read the ``config.json`` of a model of any kind, without further checks; `ModelError` if it is no model."""
    return _read_config(path)[1]


def read_kind(path: str | os.PathLike[str]) -> str:
    """Return the kind of a model folder, without further checks; `ModelError` if it is not a model folder."""
    return str(read_any(path).get("kind"))


def _read_config(path: str | os.PathLike[str]) -> tuple[Path, dict[str, Any]]:
    """Return the file of a folder's configuration and its content; `ModelError` unless it describes a model."""
    if not os.path.lexists(path):
        raise ModelError(f"{path} does not exist; expected a model folder{home_hint(path)}")
    if not os.path.isdir(path):
        raise ModelError(
            f"{path} is a file, not a model folder; open a vector file of another tool with `w2v import` or "
            "w2v.formats.read_vectors"
        )
    file = Path(path, LAYOUT.config)
    if not file.exists():
        raise ModelError(f"{path} is not a model folder: it has no {LAYOUT.config}")
    config = parse_json(file)
    if config.get("format") != FORMAT:
        raise ModelError(f"{file} does not describe a model: its format is {config.get('format')!r}, not {FORMAT!r}")
    return file, config


def is_kind(path: str | os.PathLike[str], *kinds: str) -> bool:
    """Return whether a folder claims to be a model of one of these kinds."""
    try:
        return read_kind(path) in kinds
    except ModelError:
        return False


def check_positive(config: Mapping[str, Any], file: Path, name: str) -> None:
    """Raise `ModelError` unless an entry of a configuration is a positive integer."""
    if type(config.get(name)) is not int or config[name] < 1:
        raise ModelError(f"{file} is damaged: {name} must be a positive integer, not {config.get(name)!r}")


def check_types(config: Mapping[str, Any], file: Path, types: Mapping[str, type]) -> None:
    """Raise `ModelError` if an entry of a configuration exists and has the wrong type."""
    for name, expected in types.items():
        if name in config and not isinstance(config[name], expected):
            raise ModelError(f"{file} is damaged: {name} has the wrong type, {type(config[name]).__name__}")


def parse_json(file: Path, *, largest: int | None = None) -> dict[str, Any]:
    """Parse a JSON object strictly: UTF-8, no NaN, no duplicate names, and at most `largest` bytes."""
    parsed = parse_any_json(file, largest=largest)
    if not isinstance(parsed, dict):
        raise ModelError(f"{file} is damaged: it holds a {type(parsed).__name__}, not a JSON object")
    return parsed


def parse_any_json(file: Path, *, largest: int | None = None) -> Any:
    """Parse JSON of any type as strictly as `parse_json` does."""
    largest = MAX_CONFIG_BYTES if largest is None else largest
    data = _read_at_most(file, largest, "a model's configuration")
    try:
        return json.loads(
            data.decode("utf-8-sig"), object_pairs_hook=_unique, parse_float=_finite, parse_constant=_reject_constant
        )
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{file} is damaged: {error}") from error


def _read_at_most(file: Path, largest: int, what: str) -> bytes:
    """Return the content of a file expected to be `what`; raise ModelError if it is larger than `largest` bytes."""
    with reading(file) as stream:
        data = stream.read(largest + 1)
    if len(data) > largest:
        raise ModelError(f"{file} is not {what}: it is larger than {largest} bytes")
    return data


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the entries of an object; raise ValueError if a name occurs twice."""
    entries = dict(pairs)
    if len(entries) != len(pairs):
        [(name, _)] = Counter(name for name, _ in pairs).most_common(1)
        raise ValueError(f"the name {name!r} occurs twice")
    return entries


def _reject_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a JSON number")


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _reject_constant(text)


def encode_json(config: Mapping[str, Any]) -> bytes:
    """Return a configuration as strict JSON; raise ValueError if an entry cannot be expressed."""
    try:
        text = json.dumps(config, indent=2, ensure_ascii=False, allow_nan=False, default=plain_value)
        return encodable(text).encode() + b"\n"
    except (TypeError, ValueError) as error:
        raise ValueError(f"the model's metadata cannot be written as JSON: {error}") from error


def encode_words(words: list[str]) -> bytes:
    """Return the escaped words, one per line."""
    text = "\n".join(words)
    if "\\" in text or "\r" in text or text.count("\n") != len(words) - 1:
        text = "\n".join(word.replace("\\", r"\\").replace("\n", r"\n").replace("\r", r"\r") for word in words)
    return text.encode() + b"\n"


def read_words(file: Path, n_words: int) -> list[str]:
    """Invert `encode_words` for `n_words` words."""
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
        raise ModelError(
            f"{file} is damaged: it should hold {n_words} complete lines, one for each word, but holds {len(words)}"
        )
    if "\\" in text:
        for index, word in enumerate(words):
            if "\\" in word:
                words[index] = unescape(word, file, index + 1)
    return words


_ESCAPES = {r"\\": "\\", r"\n": "\n", r"\r": "\r"}


def unescape(word: str, file: Path, line: int) -> str:
    """Undo the escapes in a word; `file` and `line` are for the error message."""

    def replace(match: re.Match[str]) -> str:
        if match[0] not in _ESCAPES:
            raise ModelError(f"{file}, line {line}: {match[0]!r} is not an escape sequence of this format")
        return _ESCAPES[match[0]]

    return re.sub(r"\\.?", replace, word, flags=re.DOTALL)


def check_tensor(
    file: Path, tensors: Mapping[str, NDArray[Any]], name: str, dtype: type, shape: tuple[int, ...]
) -> NDArray[Any]:
    """Return an array of a tensors file; raise `ModelError` unless it exists with this dtype and shape."""
    if name not in tensors:
        raise ModelError(f"{file} is damaged: it has no array {name!r}")
    array = tensors[name]
    if array.dtype != dtype or array.shape != shape:
        expected = f"{np.dtype(dtype)} of shape {shape}"
        raise ModelError(
            f"{file} is damaged: {name!r} is {array.dtype} of shape {array.shape}, but {LAYOUT.config} says {expected}"
        )
    return array


def write_subwords(folder: Path, subwords: SubwordVectors) -> None:
    """Write the vectors of n-grams; the settings of `subwords` belong in the configuration."""
    tensors: dict[str, NDArray[Any]] = {"ngram_vectors": subwords.ngram_vectors}
    if subwords.numbers is not None:
        tensors["numbers"] = subwords.numbers
    write_tensors(folder / LAYOUT.subwords, tensors)


def read_subwords(folder: Path, config: dict[str, Any], vector_size: int, *, mmap: bool) -> SubwordVectors:
    """Open the vectors of n-grams, of `vector_size` dimensions, that the configuration describes."""
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
    table = check_tensor(file, tensors, "ngram_vectors", np.float32, (n_rows, vector_size))
    try:
        return SubwordVectors(subwords, table, numbers)
    except (TypeError, ValueError) as error:
        raise ModelError(f"{file} is damaged: {error}") from error


def write_tokenizer(folder: Path, tokenizer: Tokenizer | None) -> None:
    """Write the files of a tokenizer besides its entry in the configuration: phrases, or subwords."""
    if isinstance(tokenizer, PhraseTokenizer):
        tokenizer.phrases.save(folder / LAYOUT.phrases)
        write_tokenizer(folder, tokenizer.base)
    elif isinstance(tokenizer, PiecesTokenizer):
        with atomic_file(folder / LAYOUT.pieces) as file:
            file.write(tokenizer.definition.encode())


def restore_tokenizer(folder: Path, config: dict[str, Any], given: Tokenizer | None) -> Tokenizer | None:
    """Return the given tokenizer, or the one that the configuration names; None for the user's own code."""
    if config.get("name") == PhraseTokenizer.name and not isinstance(given, PhraseTokenizer):
        base = config.get("base")
        if not isinstance(base, dict) or base.get("name") == PhraseTokenizer.name:
            raise ModelError(f"{folder / LAYOUT.config} is damaged: the base tokenizer of its phrases is missing")
        tokenizer = restore_tokenizer(folder, base, given)
        if tokenizer is not None and not os.path.isfile(folder / LAYOUT.phrases):
            raise ModelError(f"{folder} is damaged: it has no {LAYOUT.phrases}, which its tokenizer needs")
        return None if tokenizer is None else PhraseTokenizer(tokenizer, folder / LAYOUT.phrases)
    if given is not None or config.get("name") == "callable":
        return given
    if config.get("name") == "pieces":
        return _restore_pieces(folder, config)
    try:
        return tokenizer_from_config(config)
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{folder / LAYOUT.config}: the tokenizer cannot be restored: {error}") from error


def _restore_pieces(folder: Path, config: dict[str, Any]) -> Tokenizer:
    """Return the tokenizer described by a file in the folder."""
    file = folder / LAYOUT.pieces
    data = _read_at_most(file, MAX_TOKENIZER_BYTES, "the description of a tokenizer")
    try:
        return PiecesTokenizer.from_config(config, data.decode())
    except (TypeError, ValueError) as error:
        raise ModelError(f"{file}: the tokenizer cannot be restored: {error}") from error
