"""The words of a static-embedding folder (model2vec, sentence-transformers); `w2v.encoder.formats` reads the rest."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.tokenizers import Tokenizer, tokenizer_from_config
from w2v.formats.vector_files import check_limit, float32_table
from w2v.storage.files import ModelError
from w2v.storage.tensors import read_tensors
from w2v.vectors.embeddings import Embeddings
from w2v.vectors.model_folder import MAX_TOKENIZER_BYTES, parse_json

VECTORS, TOKENIZER, CONFIG = "model.safetensors", "tokenizer.json", "config.json"
NESTED = "0_StaticEmbedding"
"""Where sentence-transformers puts the files of a static embedding in a model with further modules."""
NOTED_TOKENIZER = "w2v_tokenizer"
"""Configuration key of the w2v tokenizer that was exported in the other programs' terms."""
_TENSOR_NAMES = ("embeddings", "embedding.weight")


def read_static(
    path: str | os.PathLike[str], *, limit: int | None = None, errors: str = "strict", encoding: str = "utf-8"
) -> Embeddings:
    """Read a static-embedding folder of model2vec or sentence-transformers; see `w2v.formats.read_vectors`.

    There is one vector for each token, with model2vec's weights and mapping applied. Tokens may be word pieces
    (``##ing``). The token for unknown words is omitted if its vector is zero. JSON is UTF-8, whatever the `encoding`.

    Raises
    ------
    ModelError
        If a file is missing or damaged, a value is NaN or infinite, or tokens and vectors do not match.
    """
    check_limit(limit)
    folder = Path(path)
    if not folder.is_dir():
        raise ModelError(f"{folder} is not a folder; a static embedding is a folder with {VECTORS} and {TOKENIZER}")
    if (folder / NESTED).is_dir():
        folder /= NESTED
    tokens, unknown = _read_tokens(folder / TOKENIZER)
    table = float32_table(folder / VECTORS, unfold_table(folder / VECTORS), len(tokens))
    if unknown is not None and not table[unknown].any() and len(tokens) > 1:
        kept = np.delete(np.arange(len(tokens)), unknown)
        tokens, table = [tokens[row] for row in kept], table[:-1] if unknown == len(kept) else table[kept]
    tokenizer = restore_noted_tokenizer(folder / CONFIG)
    return Embeddings(tokens[:limit], table[:limit], tokenizer=tokenizer)


def write_static(embeddings: Embeddings, path: str | os.PathLike[str], *, overwrite: bool = False) -> NoReturn:
    """Refuse to write word vectors: the folder holds a sentence encoder, so they must become one first."""
    raise ModelError(
        f"{path}: a model2vec folder holds a sentence encoder; write it with `w2v export`, or in Python with "
        "SentenceEncoder(embeddings).export(path, format='model2vec')"
    )


def _read_tokens(file: Path) -> tuple[list[str], int | None]:
    """Return the tokens in the order of their ids, and the id of the token for unknown words."""
    parsed = parse_json(file, largest=MAX_TOKENIZER_BYTES)
    model = parsed.get("model")
    vocabulary = model.get("vocab") if isinstance(model, dict) else None
    if isinstance(vocabulary, list):  # Unigram: pairs of token and score
        if not all(isinstance(pair, list) and pair and isinstance(pair[0], str) for pair in vocabulary):
            raise ModelError(f"{file} is damaged: its vocabulary does not consist of pairs of token and score")
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


def unfold_table(file: Path) -> NDArray[np.generic]:
    """Return every token's vector, shape (V, D), from a file of arrays, after model2vec's mapping and weights."""
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
        if weights.dtype.kind != "f" or weights.shape != table.shape[:1]:
            raise ModelError(
                f"{file}: the weights are {weights.dtype} of shape {weights.shape}, not one for each token"
            )
        table = table * weights[:, None]
    return table


def restore_noted_tokenizer(file: Path) -> Tokenizer | None:
    """Return the tokenizer recorded in the configuration; None if another program wrote the folder."""
    if not file.exists():
        return None
    noted = parse_json(file).get(NOTED_TOKENIZER)
    if not isinstance(noted, Mapping):
        return None
    try:
        return tokenizer_from_config(noted)
    except (TypeError, ValueError) as error:
        raise ModelError(f"{file}: the tokenizer cannot be restored: {error}") from error
