"""The folder of a classifier of texts: what is in it, and how it is read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from w2v.neural.tasks.folder import FolderFormat, stack_from
from w2v.neural.tasks.labels.classification.bags import BagFeatures
from w2v.neural.tasks.labels.classification.linear import LinearConfig
from w2v.neural.tasks.labels.classification.network import LayeredConfig
from w2v.neural.tasks.labels.classification.words import TextWords
from w2v.neural.tasks.labels.inputs import InputConfig
from w2v.neural.tasks.labels.vectors import check_sizes, read_given_vectors, sizes_of
from w2v.storage.files import ModelError
from w2v.storage.json_values import from_json
from w2v.storage.tensors import read_tensors
from w2v.training.checkpoints import Kind

CLASSIFIERS = Kind("text-classifier", 1, "w2v fit-classifier", "TextClassifier")
BUCKETS_FILE, ROWS_FILE, TREE_FILE = "buckets", "rows", "tree"


def _config(described: Mapping[str, Any]) -> LinearConfig | LayeredConfig:
    if "encoder" not in described:
        return from_json(LinearConfig, described)
    parts = {"inputs": from_json(InputConfig, described["inputs"]), "encoder": stack_from(described["encoder"])}
    return from_json(LayeredConfig, described, **parts)


def _read_features(described: Mapping[str, Any]) -> BagFeatures | TextWords:
    return (BagFeatures if described.get("kind") == "bags" else TextWords).from_config(described)


def _check_features(config: LinearConfig | LayeredConfig, units: Mapping[str, Any]) -> None:
    features = units["features"]
    if isinstance(config, LinearConfig) != isinstance(features, BagFeatures):
        raise ValueError("its features are of another kind of network")
    if isinstance(config, LayeredConfig):
        check_sizes(sizes_of(config.inputs, features.vocabulary))
    elif len(features.words) > config.n_rows:
        raise ValueError(f"the network has {config.n_rows} features, but there are more words")


def _read_further(folder: Path, config: Any, metadata: Mapping[str, Any]) -> dict[str, dict[str, NDArray[Any]]]:
    labels = metadata.get("labels")
    if not isinstance(labels, list) or len(labels) != config.n_classes:
        raise ModelError(f"{folder} is damaged: it does not name the {config.n_classes} labels of its network")
    if isinstance(config, LinearConfig):
        names = [BUCKETS_FILE, *([ROWS_FILE] if config.is_small else []), *([TREE_FILE] if config.is_tree else [])]
        return {name: read_tensors(folder / f"{name}.safetensors") for name in names}
    return read_given_vectors(folder, config.inputs)


_EXAMPLE = {"text": str, "labels": list, "answer": list, "probability": float}
CLASSIFIER_FOLDER = FolderFormat(
    CLASSIFIERS, ("features",), _config, _check_features, _read_features, _read_further, _EXAMPLE
)  # fmt: skip
