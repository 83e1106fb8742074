"""What the folder of a tagger holds besides its network: words and tags, and the word vectors that were given."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.neural.tasks.folder import FolderFormat, stack_from
from w2v.neural.tasks.labels.inputs import InputConfig
from w2v.neural.tasks.labels.tagging_data import Labels
from w2v.neural.tasks.labels.tagging_network import TaggerConfig
from w2v.storage.files import ModelError
from w2v.storage.tensors import read_tensors
from w2v.training.checkpoints import Kind

TAGGERS = Kind("tagger", 1, "w2v fit-tagger", "Tagger")
_VECTORS = "vectors.safetensors"


def _config_from(described: Mapping[str, Any]) -> TaggerConfig:
    own = dict(described)
    return TaggerConfig(**own | {"inputs": InputConfig(**own["inputs"]), "encoder": stack_from(own["encoder"], 0)})


def _check(config: TaggerConfig, units: Mapping[str, Any]) -> None:
    labels: Labels = units["text"]
    sizes = {
        "words": (config.inputs.words, len(labels.words.words) + 1),
        "rows of n-grams": (config.inputs.buckets, labels.words.subwords.buckets),
        "word vectors": (config.inputs.given, len(labels.words.given) + 1),
        "tags": (config.tags, len(labels.tags)),
        "values of columns": (config.inputs.columns, tuple(len(values) + 1 for values in labels.columns.values)),
    }
    for what, (of_network, listed) in sizes.items():
        if of_network != listed:
            raise ValueError(f"the network has {of_network} {what}, but there are {listed}")


def _read_vectors(
    folder: Path, config: TaggerConfig, metadata: Mapping[str, Any]
) -> dict[str, dict[str, NDArray[Any]]]:
    if not config.inputs.given_size:
        return {}
    file = folder / _VECTORS
    arrays = read_tensors(file)
    table = arrays.get("table")
    if table is None or set(arrays) != {"table"} or table.dtype != np.float16:
        raise ModelError(f"{file} is damaged: it must hold a table of float16")
    shape = config.inputs.given, config.inputs.given_size
    if table.shape != shape or not np.isfinite(table).all():
        raise ModelError(f"{file} is damaged: its vectors are not finite, or not of shape {shape}")
    return {"vectors": arrays}


TAGGER_FOLDER = FolderFormat(TAGGERS, ("text",), _config_from, _check, Labels.from_config, _read_vectors)
