"""Vectors in one safetensors file, words included: arrays that any safetensors library reads."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from w2v.formats.vector_files import (
    check_limit,
    finite_blocks,
    float32_table,
    make_vocabulary,
    pack_words,
    read_words,
    unpack_words,
    words_beside,
)
from w2v.storage.files import ModelError, OutputTakenError
from w2v.storage.tensors import read_tensors, write_tensors
from w2v.vectors.embeddings import Embeddings

_FORMAT = "w2v word vectors: rows of `vectors`; `words` are UTF-8, each followed by a line feed"


def read_safetensors(
    path: str | os.PathLike[str], *, limit: int | None = None, errors: str = "strict", encoding: str = "utf-8"
) -> Embeddings:
    """Read vectors from a safetensors file.

    Parameters
    ----------
    path : str or path-like
        The file: ``vectors`` (V, D), ``words`` (bytes of UTF-8, a line feed after each word), where words hold line
        feeds ``word_lengths`` (V,), in bytes, and perhaps ``counts`` (V,); or a single table under any
        name, with a file of words beside it, for ``v.safetensors`` named ``v.words.txt``.
    limit : int, optional
        Keep the first (most frequent) so many words only.
    errors : {"strict", "replace", "ignore"}, default "strict"
        What to do with words that are not UTF-8.
    encoding : str, default "utf-8"
        Of a file of words beside it.

    Returns
    -------
    Embeddings
        Vectors of float32 stay in the file, which is mapped into memory.

    Raises
    ------
    ModelError
        If a file is missing or damaged, a word occurs twice, a number is NaN or infinite, or if words and vectors do
        not match.
    ValueError
        If `limit` is less than 1.
    """
    check_limit(limit)
    tensors = read_tensors(path)
    if "words" in tensors:
        words = unpack_words(path, tensors.pop("words"), tensors.pop("word_lengths", None), errors)
    else:
        words = read_words(words_beside(path), errors, encoding)
    counts = tensors.pop("counts", None)
    if counts is not None and (counts.dtype.kind not in "iu" or counts.shape != (len(words),)):
        raise ModelError(f"{path}: the counts are {counts.dtype} of shape {counts.shape}, not a number for each word")
    if len(tensors) != 1 and "vectors" not in tensors:
        raise ModelError(f"{path}: expected one table of vectors or one named 'vectors', found {sorted(tensors)}")
    table = tensors["vectors"] if "vectors" in tensors else next(iter(tensors.values()))
    vectors = float32_table(path, table, len(words))
    vocabulary = make_vocabulary(os.fspath(path), words[:limit], None if counts is None else counts[:limit])
    return Embeddings(vocabulary, vectors[:limit])


def write_safetensors(embeddings: Embeddings, path: str | os.PathLike[str], *, overwrite: bool = False) -> list[str]:
    """Write vectors, words and, where they are known, counts to one safetensors file.

    Parameters
    ----------
    embeddings : Embeddings
        The model. Its tokenizer, n-grams and metadata are left out; a model folder keeps them.
    path : str or path-like
        The file.
    overwrite : bool, default False
        Replace an existing file.

    Returns
    -------
    list of str
        The words left out: none, it holds all.

    Raises
    ------
    ModelError
        If a vector holds NaN or infinity, or if the file cannot be written.
    """
    if os.path.exists(path) and not overwrite:
        raise OutputTakenError(f"{path} exists already; choose another name, or remove it first")
    for _ in finite_blocks(embeddings, path):
        pass
    tensors: dict[str, NDArray[np.generic]] = {"vectors": embeddings.vectors, **pack_words(embeddings.index_to_key)}
    if embeddings.vocabulary.counts is not None:
        tensors["counts"] = embeddings.vocabulary.counts
    write_tensors(Path(path), tensors, {"format": _FORMAT})
    return []
