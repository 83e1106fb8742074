"""The folder of a text classifier: its contents, and how it is read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from w2v.neural.tasks.folder import FolderFormat, stack_from
from w2v.neural.tasks.labels.classification.mixture import MixedConfig, MixedFeatures, file_of
from w2v.neural.tasks.labels.classification.network import LayeredConfig
from w2v.neural.tasks.labels.classification.ngrams.bags import BagFeatures
from w2v.neural.tasks.labels.classification.ngrams.linear import LinearConfig
from w2v.neural.tasks.labels.classification.words import TextWords
from w2v.neural.tasks.labels.inputs import InputConfig
from w2v.neural.tasks.labels.vectors import check_sizes, read_given_vectors, sizes_of
from w2v.storage.files import ModelError
from w2v.storage.json_values import from_json
from w2v.storage.tensors import read_tensors
from w2v.training.checkpoints import Kind

CLASSIFIERS = Kind("text-classifier", 1, "w2v fit-classifier", "TextClassifier")
BUCKETS_FILE, ROWS_FILE, TREE_FILE = "buckets", "rows", "tree"
Config = LinearConfig | LayeredConfig | MixedConfig


def _config(described: Mapping[str, Any]) -> Config:
    if "members" not in described:
        return _single_config(described)
    members = described["members"]
    if not isinstance(members, list) or not all(isinstance(one, dict) and "members" not in one for one in members):
        raise ValueError("the members of a mixture must be classifiers")
    return from_json(MixedConfig, described, members=tuple(map(_single_config, members)))


def _single_config(described: Mapping[str, Any]) -> LinearConfig | LayeredConfig:
    if "encoder" not in described:
        return from_json(LinearConfig, described)
    parts = {"inputs": from_json(InputConfig, described["inputs"]), "encoder": stack_from(described["encoder"])}
    return from_json(LayeredConfig, described, **parts)


def _read_features(described: Mapping[str, Any]) -> BagFeatures | TextWords | MixedFeatures:
    if described.get("kind") == "mixture":
        members = described.get("members")
        if not isinstance(members, list) or not all(isinstance(one, dict) for one in members):
            raise ValueError("the features of the mixture's members are missing")
        return MixedFeatures(tuple(map(_read_single, members)))
    return _read_single(described)


def _read_single(described: Mapping[str, Any]) -> BagFeatures | TextWords:
    return (BagFeatures if described.get("kind") == "bags" else TextWords).from_config(described)


def _check_units(config: Config, units: Mapping[str, Any]) -> None:
    features = units["features"]
    if isinstance(config, MixedConfig) != isinstance(features, MixedFeatures):
        raise ValueError("its features belong to another kind of network")
    if not isinstance(config, MixedConfig):
        _check_features(config, features)
        return
    for own, found in zip(config.members, features.members, strict=True):
        _check_features(own, found)


def _check_features(config: LinearConfig | LayeredConfig, features: Any) -> None:
    if isinstance(config, LinearConfig) != isinstance(features, BagFeatures):
        raise ValueError("its features belong to another kind of network")
    if isinstance(config, LayeredConfig):
        check_sizes(sizes_of(config.inputs, features.vocabulary))
    elif len(features.words) > config.n_rows:
        raise ValueError(f"the network has only {config.n_rows} features, but there are more words")


def _read_further(folder: Path, config: Config, metadata: Mapping[str, Any]) -> dict[str, dict[str, NDArray[Any]]]:
    labels = metadata.get("labels")
    if not isinstance(labels, list) or len(labels) != config.n_classes:
        raise ModelError(f"{folder} is damaged: it does not contain the {config.n_classes} labels of its network")
    if not isinstance(config, MixedConfig):
        return _read_files(folder, config)
    read: dict[str, dict[str, NDArray[Any]]] = {}
    for number, own in enumerate(config.members):
        read |= _read_files(folder, own, number)
    return read


def _read_files(
    folder: Path, config: LinearConfig | LayeredConfig, number: int | None = None
) -> dict[str, dict[str, NDArray[Any]]]:
    """Read the arrays stored with a network, or with a member of a mixture."""
    if isinstance(config, LayeredConfig):
        return read_given_vectors(folder, config.inputs)
    names = [BUCKETS_FILE, *([ROWS_FILE] if config.is_small else []), *([TREE_FILE] if config.is_tree else [])]
    files = names if number is None else [file_of(name, config, number) for name in names]
    return {file: read_tensors(folder / f"{file}.safetensors") for file in files}


_EXAMPLE = {"text": str, "labels": list, "answer": list, "probability": float}
CLASSIFIER_FOLDER = FolderFormat(
    CLASSIFIERS, ("features",), _config, _check_units, _read_features, _read_further, _EXAMPLE
)  # fmt: skip
