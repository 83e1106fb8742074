"""The folder of word vectors: its contents, atomic writing, and reading of untrusted folders."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, astuple
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.encoding.vocabulary import Vocabulary
from w2v.storage.claims import check_free_space
from w2v.storage.files import (
    ModelError,
    OutputTakenError,
    atomic_file,
    atomic_folder,
    check_writable_beside,
    refuse_existing,
)
from w2v.storage.tensors import read_tensors, write_tensors
from w2v.vectors.model_folder import (
    FORMAT,
    LAYOUT,
    TENSORS_NAME,
    UNITS_NAME,
    Layout,
    check_positive,
    check_tensor,
    check_types,
    encode_json,
    encode_words,
    parse_json,
    read_header,
    read_subwords,
    read_words,
    restore_tokenizer,
    write_subwords,
    write_tokenizer,
)
from w2v.vectors.table import DTYPES, VectorTable

if TYPE_CHECKING:
    from w2v.corpora.tokenizers import Tokenizer
    from w2v.vectors.embeddings import Embeddings
    from w2v.vectors.subwords import SubwordVectors

__all__ = [
    "LAYOUT", "Layout", "ModelError", "check_output", "read_parts", "read_config", "read_tensors",
    "save_embeddings", "write_tensors",
]  # fmt: skip

Tensors = Mapping[str, Mapping[str, NDArray[Any]]]

FORMAT_VERSION = 2
"""Version 2 adds float16 and int8 vectors; float32 vectors are written as version 1, which older programs read."""
KIND = "word-vectors"

_STRUCTURE = ("format", "format_version", "kind", "vector_size", "vocabulary_size", "tokenizer", "subwords")


def check_output(path: str | os.PathLike[str], overwrite: bool = False) -> None:
    """Raise early, before hours of training, if a model could not be saved at `path`.

    Raises
    ------
    ModelError
        If the path exists (with `overwrite`, if it is not a model folder, or also contains files that do not belong to
        a model), or cannot be written.
    """
    if not overwrite:
        refuse_existing(path)
    elif os.path.lexists(path):
        _check_replaceable(path)
    check_writable_beside(path)


def save_embeddings(
    embeddings: Embeddings,
    path: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    extra_tensors: Tensors | None = None,
    extra_config: Mapping[str, Any] | None = None,
) -> None:
    """Write the folder of word vectors; for the parameters and errors see `write_folder`.

    `extra_config` has further entries of ``config.json``, which override those of ``embeddings.metadata``; a reserved
    name raises ValueError.
    """
    vectors: dict[str, NDArray[Any]] = {"vectors": embeddings.table.stored}
    if embeddings.table.scales is not None:
        vectors["scales"] = embeddings.table.scales
    write_folder(
        path,
        _describe(embeddings, extra_config or {}),
        embeddings.vocabulary,
        {LAYOUT.vectors: vectors},
        tokenizer=embeddings.tokenizer,
        subwords=embeddings.subwords,
        overwrite=overwrite,
        extra_tensors=extra_tensors,
    )


def write_folder(
    path: str | os.PathLike[str],
    config: Mapping[str, Any],
    vocabulary: Vocabulary,
    tensors: Tensors,
    *,
    tokenizer: Tokenizer | None,
    subwords: SubwordVectors | None,
    overwrite: bool,
    extra_tensors: Tensors | None = None,
) -> None:
    """Write a model folder of any kind atomically: it is written beside its final name and then renamed.

    `tensors` and `extra_tensors`, such as that of ``LAYOUT.training``, map file names to named arrays. Files without
    arrays are not written; the counts of words go to the first file. `overwrite` replaces an existing model folder of
    any kind; anything else is never replaced.

    Raises
    ------
    ModelError
        As `check_output`, or if writing fails. Then nothing is left behind, and an existing folder is unchanged.
    ValueError
        If a name in `extra_tensors` is reserved or not a plain name, or an entry cannot be expressed in JSON.
    """
    check_output(path, overwrite)
    encoded = encode_json(config)
    for name in extra_tensors or {}:
        if not TENSORS_NAME.fullmatch(name) or name in (*tensors, LAYOUT.subwords):
            raise ValueError(
                f"{name!r:.80} is not a name for a further tensors file; use for instance {LAYOUT.training!r}"
            )
    files = {name: arrays for name, arrays in {**tensors, **(extra_tensors or {})}.items() if arrays}
    if vocabulary.counts is not None:
        first = next(iter(files))
        files[first] = {**files[first], "counts": vocabulary.counts}
    check_free_space(path, n_bytes_of(*files.values(), subwords=subwords))
    with atomic_folder(path, replace=overwrite) as folder:
        for name, arrays in files.items():
            write_tensors(folder / name, arrays)
        if subwords is not None:
            write_subwords(folder, subwords)
        write_tokenizer(folder, tokenizer)
        with atomic_file(folder / LAYOUT.vocabulary) as file:
            file.write(encode_words(vocabulary.index_to_key))
        with atomic_file(folder / LAYOUT.config) as file:
            file.write(encoded)


def n_bytes_of(*tensors: Mapping[str, NDArray[Any]], subwords: SubwordVectors | None = None) -> int:
    """Return the size of the arrays of a folder on disk in bytes, without words and configuration."""
    n_bytes = sum(tensor.nbytes for arrays in tensors for tensor in arrays.values())
    return n_bytes if subwords is None else n_bytes + subwords.ngram_vectors.nbytes


class Parts(NamedTuple):
    """The contents of a folder of word vectors; `metadata` has the entries of ``config.json`` beside the structure."""

    vocabulary: Vocabulary
    table: VectorTable
    tokenizer: Tokenizer | None
    subwords: SubwordVectors | None
    metadata: dict[str, Any]


def read_parts(path: str | os.PathLike[str], *, mmap: bool = True, tokenizer: Tokenizer | None = None) -> Parts:
    """Open a model folder, which may be untrusted: nothing in it is executed and every size is checked.

    Parameters
    ----------
    path : str or path-like
    mmap : bool, default True
        Map the vectors into memory, so that opening takes no time and processes share the memory. Otherwise read them
        at once.
    tokenizer : Tokenizer, optional
        Replaces the tokenizer that the folder names; a model trained with your own callable needs it to normalise
        queries, because code is never stored.

    Raises
    ------
    ModelError
        If the folder is missing, not a model folder, of a newer format version, or damaged.
    """
    config = read_config(path)
    folder, file = Path(path), Path(path, LAYOUT.vectors)
    tensors = read_tensors(file, mmap=mmap)
    vocabulary = read_vocabulary(folder, config["vocabulary_size"], file, tensors)
    table = _read_table(file, tensors, (len(vocabulary), config["vector_size"]))
    metadata = {name: value for name, value in config.items() if name not in _STRUCTURE}
    if "tokenizer" in config:
        tokenizer = restore_tokenizer(folder, config["tokenizer"], tokenizer)
        if tokenizer is None:
            metadata["tokenizer"] = config["tokenizer"]
    subwords = read_subwords(folder, config, config["vector_size"], mmap=mmap) if "subwords" in config else None
    return Parts(vocabulary, table, tokenizer, subwords, metadata)


def read_vocabulary(folder: Path, n_words: int, file: Path, tensors: Mapping[str, NDArray[Any]]) -> Vocabulary:
    """Return the words of a folder with their counts, shape (n_words,), if these are among the arrays of `file`."""
    words = read_words(folder / LAYOUT.vocabulary, n_words)
    counts = check_tensor(file, tensors, "counts", np.int64, (n_words,)) if "counts" in tensors else None
    try:
        return Vocabulary.read_from(str(folder / LAYOUT.vocabulary), words, counts)
    except ValueError as error:
        raise ModelError(f"{folder} is damaged: {error}") from error


def read_config(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read and check the ``config.json`` of a folder of word vectors.

    Returns
    -------
    dict
        The whole configuration. ``vector_size`` and ``vocabulary_size`` are positive int; ``tokenizer``, ``subwords``
        and ``parameters``, where present, are dict and ``history`` is a list.

    Raises
    ------
    ModelError
        If it is missing, not strict JSON, of another kind or a newer version, or an entry has the wrong type.
    """
    config = read_header(path, KIND, FORMAT_VERSION)
    file = Path(path, LAYOUT.config)
    check_positive(config, file, "vector_size")
    check_types(config, file, {"tokenizer": dict, "subwords": dict, "parameters": dict, "history": list})
    return config


def _check_replaceable(path: str | os.PathLike[str]) -> None:
    """Raise `OutputTakenError` unless everything at `path` belongs to a model of any version and may be deleted."""
    refusal = f"{path} exists and is not a model folder, so it is not overwritten; choose another name"
    if not os.path.isdir(path) or not os.path.isfile(Path(path, LAYOUT.config)):
        raise OutputTakenError(refusal)
    try:
        is_model = parse_json(Path(path, LAYOUT.config)).get("format") == FORMAT
    except ModelError as error:
        raise OutputTakenError(f"{refusal} ({error})") from error
    if not is_model:
        raise OutputTakenError(refusal)
    for entry in sorted(os.listdir(path)):
        known = entry in astuple(LAYOUT) or TENSORS_NAME.fullmatch(entry) or UNITS_NAME.fullmatch(entry)
        if not known or not os.path.isfile(Path(path, entry)):
            raise OutputTakenError(
                f"{path} is not overwritten: it also holds {entry!r}, which is not part of a model; move it elsewhere"
            )


def _describe(embeddings: Embeddings, extra: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration of word vectors."""
    reserved = sorted(set(_STRUCTURE) & set(extra))
    if reserved:
        raise ValueError(f"extra_config may not hold {reserved[0]!r:.80}, which is written by the model itself")
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
    elif isinstance(embeddings.metadata.get("tokenizer"), Mapping):  # a tokenizer that could not be restored on loading
        config["tokenizer"] = embeddings.metadata["tokenizer"]
    if embeddings.subwords is not None:
        config["subwords"] = asdict(embeddings.subwords.subwords)
    config.update((name, value) for name, value in embeddings.metadata.items() if name not in _STRUCTURE)
    config.update(extra)
    return config


def _read_table(file: Path, tensors: Mapping[str, NDArray[Any]], shape: tuple[int, int]) -> VectorTable:
    """Return the vectors with their storage type."""
    stored = tensors["vectors"].dtype.name if "vectors" in tensors else "float32"
    dtype = next((getattr(np, name) for name in DTYPES if name == stored), np.float32)
    vectors = check_tensor(file, tensors, "vectors", dtype, shape)
    if dtype is not np.int8:
        return VectorTable(vectors)
    scales = check_tensor(file, tensors, "scales", np.float32, shape[:1])
    if not (np.isfinite(scales).all() and (scales >= 0).all()):
        raise ModelError(f"{file} is damaged: 'scales' must be finite and not negative")
    return VectorTable(vectors, scales)
