"""The folder of a classifier of texts: what is in it, and how it is read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from w2v.neural.tasks.folder import FolderFormat
from w2v.neural.tasks.labels.bags import BagFeatures
from w2v.neural.tasks.labels.linear import LinearConfig
from w2v.storage.files import ModelError
from w2v.storage.tensors import read_tensors
from w2v.training.checkpoints import Kind

CLASSIFIERS = Kind("text-classifier", 1, "w2v fit-classifier", "TextClassifier")
BUCKETS_FILE = "buckets"


def _config(described: Mapping[str, Any]) -> LinearConfig:
    return LinearConfig(**described)


def _check_features(config: LinearConfig, units: Mapping[str, Any]) -> None:
    if len(units["features"].words) > config.n_rows:
        raise ValueError(f"the network has {config.n_rows} features, but there are more words")


def _read_further(folder: Path, config: Any, metadata: Mapping[str, Any]) -> dict[str, dict[str, NDArray[Any]]]:
    labels = metadata.get("labels")
    if not isinstance(labels, list) or len(labels) != config.n_classes:
        raise ModelError(f"{folder} is damaged: it does not name the {config.n_classes} labels of its network")
    if isinstance(config, LinearConfig):
        return {BUCKETS_FILE: read_tensors(folder / f"{BUCKETS_FILE}.safetensors")}
    return {}


CLASSIFIER_FOLDER = FolderFormat(
    CLASSIFIERS, ("features",), _config, _check_features, BagFeatures.from_config, _read_further
)
