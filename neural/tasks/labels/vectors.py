"""Fixed word vectors stored with a network; those read from a folder are checked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.neural.tasks.labels.inputs import InputConfig
from w2v.neural.tasks.labels.spelling.cases import N_USUAL
from w2v.neural.tasks.labels.words import WordVocabulary
from w2v.storage.files import ModelError
from w2v.storage.tensors import read_tensors

VECTORS_FILE = "vectors"


def sizes_of(inputs: InputConfig, vocabulary: WordVocabulary) -> dict[str, tuple[int, int]]:
    """Return the number of rows of the network's tables, and the number that a vocabulary requires."""
    return {
        "words": (inputs.words, len(vocabulary.words) + 1),
        "rows of n-grams": (inputs.buckets, vocabulary.subwords.buckets),
        "word vectors": (inputs.given, len(vocabulary.given) + 1),
        "spellings": (inputs.spellings, 1 + vocabulary.by_spelling),
        "cases of words": (inputs.usual_cases, N_USUAL * vocabulary.by_spelling),
    }


def check_sizes(sizes: dict[str, tuple[Any, Any]]) -> None:
    """Raise ValueError unless the network matches the listed sizes."""
    for what, (of_network, listed) in sizes.items():
        if of_network != listed:
            raise ValueError(f"the network has {of_network} {what}, but there are {listed}")


def given_table(further: Mapping[str, Mapping[str, NDArray[Any]]]) -> NDArray[Any]:
    """Return the vectors stored with a network; one row without columns if there are none."""
    vectors: NDArray[Any] = further.get(VECTORS_FILE, {}).get("table", np.zeros((1, 0), np.float16))
    return vectors


def read_given_vectors(folder: Path, inputs: InputConfig) -> dict[str, dict[str, NDArray[Any]]]:
    """Read the vectors of a folder, if its network has any; `ModelError` if they do not match it."""
    if not inputs.given_size:
        return {}
    file = folder / f"{VECTORS_FILE}.safetensors"
    arrays = read_tensors(file)
    table = arrays.get("table")
    if table is None or set(arrays) != {"table"} or table.dtype != np.float16:
        raise ModelError(f"{file} is damaged: it must contain a float16 table")
    shape = inputs.given, inputs.given_size
    if table.shape != shape or not np.isfinite(table).all():
        raise ModelError(f"{file} is damaged: its vectors are not finite, or do not have shape {shape}")
    return {VECTORS_FILE: arrays}
