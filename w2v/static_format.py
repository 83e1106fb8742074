"""A static-embedding folder, which model2vec and sentence-transformers open without any code of ours."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corpora.tokenizers import Tokenizer, WordsTokenizer, tokenizer_from_config
from w2v._files import ModelError, atomic_file, reading
from w2v._tensors import read_tensors, write_tensors
from w2v._vector_files import allocate_rows, check_limit, check_words, finite_blocks, float32_table, new_folder
from w2v.embeddings import Embeddings

VECTORS, TOKENIZER, CONFIG, MODULES = "model.safetensors", "tokenizer.json", "config.json", "modules.json"
_FILES = {VECTORS, TOKENIZER, CONFIG, MODULES}
_EXTRA_FILES = {"README.md", "config_sentence_transformers.json"}  # what other programs add
_NORMALIZE_FOLDER = "1_Normalize"
_UNKNOWN = "[UNK]"
_TENSOR_NAMES = ("embeddings", "embedding.weight")
_MAX_JSON_BYTES = 512 << 20
_WORD = r"[\p{L}\p{N}\p{M}]+(?:'[\p{L}\p{N}\p{M}]+)*"
_PLACEHOLDER = "\ufdd0"  # a code point that is no character


def read_static(path: str | os.PathLike[str], *, limit: int | None = None, errors: str = "strict") -> Embeddings:
    """Read a static-embedding folder of model2vec or sentence-transformers.

    Parameters
    ----------
    path : str or path-like
        The folder, with ``model.safetensors`` and ``tokenizer.json``.
    limit : int, optional
        Keep the first so many tokens only.
    errors : str
        Not used: JSON is UTF-8.

    Returns
    -------
    Embeddings
        One vector for each token, weights and mapping of model2vec folded in. Tokens may be pieces of words
        (``##ing``). A token for unknown words whose vector is zero is left out.

    Raises
    ------
    ModelError
        If a file is missing or damaged, a number is NaN or infinite, or if tokens and vectors do not match.
    ValueError
        If `limit` is less than 1.
    """
    check_limit(limit)
    folder = Path(path)
    if not folder.is_dir():
        raise ModelError(f"{folder} is not a folder; a static embedding is a folder with {VECTORS} and {TOKENIZER}")
    tokens, unknown = _read_tokens(folder / TOKENIZER)
    table = _read_table(folder / VECTORS, len(tokens))
    if unknown is not None and not table[unknown].any() and len(tokens) > 1:
        kept = np.delete(np.arange(len(tokens)), unknown)
        tokens, table = [tokens[row] for row in kept], table[:-1] if unknown == len(kept) else table[kept]
    tokenizer = _restore_tokenizer(folder / CONFIG)
    return Embeddings(tokens[:limit], table[:limit], tokenizer=tokenizer)


def write_static(embeddings: Embeddings, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Write a static-embedding folder: a text becomes the mean of its words' vectors, at length 1.

    ``model2vec.StaticModel.from_pretrained(folder)`` and ``sentence_transformers.SentenceTransformer(folder)`` open it.

    Parameters
    ----------
    embeddings : Embeddings
        The model, with the tokenizer ``words``, ``whitespace`` or ``tabs``, which are expressed in the other programs'
        terms. One without a tokenizer (a file of another tool) is given ``words``, lower-casing if no word has
        capitals. Counts, n-grams and metadata are left out; unknown words are passed over.
    path : str or path-like
        The folder.
    overwrite : bool, default False
        Replace a folder that holds nothing but such files.

    Raises
    ------
    ModelError
        If the tokenizer cannot be expressed, a word is empty, a vector holds NaN or infinity, the folder holds
        something else, or if it cannot be written.
    """
    check_words(embeddings, path, "static-embedding", "\0", "a word is text")
    tokenizer = embeddings.tokenizer or _guess_tokenizer(embeddings)
    unknown = _UNKNOWN
    while unknown in embeddings.key_to_index:
        unknown = f"[{unknown}]"
    vocabulary = {word: row for row, word in enumerate(embeddings.index_to_key)} | {unknown: len(embeddings)}
    described = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        **_describe_tokenizer(tokenizer, path),
        "post_processor": None,
        "decoder": None,
        "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": unknown},
    }
    config = {
        "model_type": "model2vec",
        "architectures": ["StaticModel"],
        "normalize": True,
        "hidden_dim": embeddings.vector_size,
        "max_length": None,
        "w2v_tokenizer": tokenizer.to_config(),
    }
    table = allocate_rows(os.fspath(path), len(embeddings) + 1, embeddings.vector_size)
    row = 0
    for words, block in finite_blocks(embeddings, path):
        table[row : row + len(words)] = block
        row += len(words)
    table[row] = 0
    with new_folder(path, _FILES | _EXTRA_FILES, overwrite=overwrite) as folder:
        write_tensors(folder / VECTORS, {"embeddings": table}, {"format": "pt"})
        for name, content in ((TOKENIZER, described), (CONFIG, config), (MODULES, _MODULES)):
            with atomic_file(folder / name) as file:
                file.write(json.dumps(content, ensure_ascii=False).encode() + b"\n")


_MODULES = [
    {"idx": 0, "name": "0", "path": ".", "type": "sentence_transformers.models.StaticEmbedding"},
    {"idx": 1, "name": "1", "path": _NORMALIZE_FOLDER, "type": "sentence_transformers.models.Normalize"},
]


def _guess_tokenizer(embeddings: Embeddings) -> Tokenizer:
    return WordsTokenizer(lowercase=all(word == word.lower() for word in embeddings.index_to_key))


def _describe_tokenizer(tokenizer: Tokenizer, path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the normalizer and pre-tokenizer that do what a tokenizer of ours does."""
    config = tokenizer.to_config()
    if config["name"] in ("whitespace", "tabs"):
        separators = r"[ \t\n\r\x0b\f]+" if config["name"] == "whitespace" else r"[\t\n\r\x0b\f]+"
        return {"normalizer": None, "pre_tokenizer": _split(separators, invert=False)}
    if config["name"] != "words":
        raise ModelError(
            f"{path} cannot be written: the tokenizer {config['name']!r} cannot be expressed in a static-embedding "
            "folder; words, whitespace and tabs can"
        )
    steps: list[dict[str, Any]] = [_replace("\u2019", "'")]
    if config["lowercase"]:
        # U+0130 is the one character whose lower case is two; like `words`, leave it as it is
        steps += [_replace(_PLACEHOLDER, " "), _replace("\u0130", _PLACEHOLDER), {"type": "Lowercase"}]
        steps += [_replace(_PLACEHOLDER, "\u0130")]
    return {"normalizer": {"type": "Sequence", "normalizers": steps}, "pre_tokenizer": _split(_WORD, invert=True)}


def _replace(text: str, by: str) -> dict[str, Any]:
    return {"type": "Replace", "pattern": {"String": text}, "content": by}


def _split(pattern: str, *, invert: bool) -> dict[str, Any]:
    return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Removed", "invert": invert}


def _read_tokens(file: Path) -> tuple[list[str], int | None]:
    """Return the tokens in the order of their ids, and the id of the one for unknown words."""
    parsed = _read_json(file)
    model = parsed.get("model")
    vocabulary = model.get("vocab") if isinstance(model, dict) else None
    if isinstance(vocabulary, list):  # Unigram: pairs of token and score
        if not all(isinstance(pair, list) and pair and isinstance(pair[0], str) for pair in vocabulary):
            raise ModelError(f"{file} is damaged: its vocabulary is not pairs of a token and a score")
        vocabulary = {pair[0]: row for row, pair in enumerate(vocabulary)}
    if not isinstance(vocabulary, dict) or not vocabulary:
        raise ModelError(f"{file} has no vocabulary")
    added = parsed.get("added_tokens") or []
    ids = dict(vocabulary)
    if isinstance(added, list):
        ids |= {
            entry["content"]: entry["id"]
            for entry in added
            if isinstance(entry, dict) and {"content", "id"} <= set(entry)
        }
    if sorted(map(str, ids.values())) != sorted(map(str, range(len(ids)))):
        raise ModelError(f"{file} is damaged: the {len(ids)} tokens are not numbered from 0 to {len(ids) - 1}")
    tokens = sorted(ids, key=ids.__getitem__)
    unknown = ids.get(model.get("unk_token")) if isinstance(model, dict) else None
    return tokens, unknown


def _read_table(file: Path, n_tokens: int) -> NDArray[np.float32]:
    tensors = read_tensors(file)
    name = next((name for name in _TENSOR_NAMES if name in tensors), None)
    if name is None:
        raise ModelError(f"{file} has no table of embeddings; expected {' or '.join(_TENSOR_NAMES)}")
    table, mapping, weights = tensors[name], tensors.get("mapping"), tensors.get("weights")
    if mapping is not None:
        if mapping.dtype.kind not in "iu" or mapping.ndim != 1 or mapping.size == 0:
            raise ModelError(f"{file}: the mapping is {mapping.dtype} of shape {mapping.shape}, not row numbers")
        if mapping.min() < 0 or mapping.max() >= len(table):
            raise ModelError(f"{file}: the mapping points outside the table of {len(table)} rows")
        table = table[mapping]
    if weights is not None:
        if weights.dtype.kind != "f" or weights.shape != (len(table),):
            raise ModelError(f"{file}: the weights are {weights.dtype} of shape {weights.shape}, not one a token")
        table = table * weights[:, None]
    return float32_table(file, table, n_tokens)


def _restore_tokenizer(file: Path) -> Tokenizer | None:
    """Return the tokenizer that `write_static` noted; None where another program wrote the folder."""
    if not file.exists():
        return None
    noted = _read_json(file).get("w2v_tokenizer")
    if not isinstance(noted, Mapping):
        return None
    try:
        return tokenizer_from_config(noted)
    except (TypeError, ValueError) as error:
        raise ModelError(f"{file}: the tokenizer cannot be restored: {error}") from error


def _read_json(file: Path) -> dict[str, Any]:
    with reading(file) as stream:
        data = stream.read(_MAX_JSON_BYTES + 1)
    if len(data) > _MAX_JSON_BYTES:
        raise ModelError(f"{file} is larger than {_MAX_JSON_BYTES} bytes")
    try:
        parsed = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{file} is damaged: {error}") from error
    if not isinstance(parsed, dict):
        raise ModelError(f"{file} is damaged: it holds a {type(parsed).__name__}, not a JSON object")
    return parsed
