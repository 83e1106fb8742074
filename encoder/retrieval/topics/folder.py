"""The folder in which topics are saved."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.encoder.retrieval.hits import Hit
from w2v.encoder.retrieval.index.pictures import Maker, load_maker, save_maker
from w2v.encoder.retrieval.index.storage import ENCODER
from w2v.storage.files import ModelError, atomic_file, atomic_folder
from w2v.storage.tensors import read_tensors, write_tensors
from w2v.vectors.model_folder import (
    FORMAT,
    LAYOUT,
    check_positive,
    check_tensor,
    check_types,
    encode_json,
    encode_words,
    is_kind,
    read_header,
    read_words,
)

KIND = "topics"
FORMAT_VERSION = 1
ARRAYS = "topics.safetensors"

_TYPES: dict[str, type] = {
    "labels": np.int32,
    "similarities": np.float16,
    "centroids": np.float32,
    "limits": np.float32,
    "owner": np.int64,
    "parts": np.int64,
    "lines": np.int64,
    "ids": np.int32,
    "offsets": np.int64,
}


@dataclass(frozen=True)
class TopicFiles:
    """The contents of a folder of topics, except the encoder.

    Attributes
    ----------
    parameters : dict
        Constructor parameters.
    columns, n_lines : int
        Number of vector columns used, and number of lines that the sentences came from.
    representative : list of lists of dict
        Fields of `Hit`, by topic.
    words : list of str
    n_single : int
        Number of words that are single words; the rest are pairs.
    arrays : dict of ndarray
    """

    parameters: dict[str, Any]
    columns: int
    n_lines: int
    representative: list[list[dict[str, Any]]]
    words: list[str]
    n_single: int
    arrays: dict[str, NDArray[Any]]


def is_topics(path: str | os.PathLike[str]) -> bool:
    """Return whether a folder has the configuration of topics."""
    return os.path.isdir(path) and is_kind(path, KIND)


def write_topics(path: Path, files: TopicFiles, maker: Maker, *, overwrite: bool) -> Path:
    """Write a folder; return its path. ModelError if something else is there."""
    if overwrite and os.path.lexists(path) and not is_topics(path):
        raise ModelError(f"{path} exists but is not a folder of topics; choose another name")
    moved: list[Path] = []
    config = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "kind": KIND,
        "topics": len(files.representative),
        "sentences": len(files.arrays["labels"]),
        "columns": files.columns,
        "lines": files.n_lines,
        "words": len(files.words),
        "single_words": files.n_single,
        "parameters": files.parameters,
        "representative": files.representative,
    }
    with atomic_folder(path, replace=overwrite and os.path.lexists(path), moved=moved.append) as folder:
        save_maker(maker, folder / ENCODER)
        write_tensors(folder / ARRAYS, files.arrays)
        for name, data in ((LAYOUT.vocabulary, encode_words(files.words)), (LAYOUT.config, encode_json(config))):
            with atomic_file(folder / name) as file:
                file.write(data)
    return [path, *moved][-1]


def read_topics(path: str | os.PathLike[str]) -> tuple[TopicFiles, Maker]:
    """Read a folder written by `write_topics`; the ModelError explains what is wrong with it."""
    config = read_header(path, KIND, FORMAT_VERSION, counted="topics")
    file = Path(path, LAYOUT.config)
    for name in ("sentences", "columns", "lines"):
        check_positive(config, file, name)
    check_types(config, file, {"parameters": dict, "representative": list, "words": int, "single_words": int})
    try:
        parameters, hits = dict(config["parameters"]), config["representative"]
        n_words, n_single = int(config["words"]), int(config["single_words"])
        for hit in (hit for hits_of_topic in hits for hit in hits_of_topic):
            if set(hit) != set(Hit._fields):
                raise ValueError("a representative sentence is incomplete")
        if len(hits) != config["topics"] or not 0 <= n_single <= n_words:
            raise ValueError("topics or words are inconsistent")
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{file} is damaged: {error}") from error
    arrays = _read_arrays(Path(path, ARRAYS), config, n_words)
    words = read_words(Path(path, LAYOUT.vocabulary), n_words) if n_words else []
    files = TopicFiles(parameters, config["columns"], config["lines"], hits, words, n_single, arrays)
    return files, load_maker(Path(path, ENCODER))


def _read_arrays(file: Path, config: dict[str, Any], n_words: int) -> dict[str, NDArray[Any]]:
    """Return the arrays after checking that their entries are in range."""
    found = read_tensors(file)
    n, n_topics = config["sentences"], config["topics"]
    n_centroids = len(found.get("centroids", ()))
    n_ids = len(found.get("ids", ()))
    shapes: dict[str, tuple[int, ...]] = {
        "centroids": (n_centroids, config["columns"]),
        "limits": (n_centroids,),
        "owner": (n_centroids,),
        "ids": (n_ids,),
        "offsets": (n + 1,),
    }
    arrays = {
        name: np.array(check_tensor(file, found, name, kind, shapes.get(name, (n,)))) for name, kind in _TYPES.items()
    }
    bounds = {
        "labels": (-1, n_topics),
        "owner": (0, n_topics),
        "parts": (0, n_centroids),
        "lines": (0, config["lines"]),
        "ids": (0, n_words),
        "offsets": (0, n_ids + 1),
    }
    for name, (low, high) in bounds.items():
        if arrays[name].size and not (low <= arrays[name].min() and arrays[name].max() < high):
            raise ModelError(f"{file} is damaged: {name!r} contains values out of range")
    offsets = arrays["offsets"]
    if offsets[0] != 0 or offsets[-1] != n_ids or (np.diff(offsets) < 0).any():
        raise ModelError(f"{file} is damaged: 'offsets' do not rise from 0 to the number of words")
    if len(np.unique(arrays["owner"])) != n_topics:
        raise ModelError(f"{file} is damaged: a topic has no centre")
    return arrays
