"""The folder of a tagger: words and tags, and the given word vectors, besides the network."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from w2v.neural.tasks.folder import FolderFormat, stack_from
from w2v.neural.tasks.labels.inputs import InputConfig
from w2v.neural.tasks.labels.tagging_data import Labels
from w2v.neural.tasks.labels.tagging_network import TaggerConfig
from w2v.neural.tasks.labels.vectors import check_sizes, read_given_vectors, sizes_of
from w2v.storage.json_values import from_json
from w2v.training.checkpoints import Kind

TAGGERS = Kind("tagger", 1, "w2v fit-tagger", "Tagger")


def _config_from(described: Mapping[str, Any]) -> TaggerConfig:
    parts = {"inputs": from_json(InputConfig, described["inputs"]), "encoder": stack_from(described["encoder"], 0)}
    return from_json(TaggerConfig, described, **parts)


def _check(config: TaggerConfig, units: Mapping[str, Any]) -> None:
    labels: Labels = units["text"]
    check_sizes(
        {
            **sizes_of(config.inputs, labels.words),
            "tags": (config.tags, len(labels.tags)),
            "values of columns": (config.inputs.columns, labels.column_sizes),
        }
    )


def _read_vectors(
    folder: Path, config: TaggerConfig, metadata: Mapping[str, Any]
) -> dict[str, dict[str, NDArray[Any]]]:
    return read_given_vectors(folder, config.inputs)


_EXAMPLE = {"words": list, "tags": list, "answer": list, "probability": float}
TAGGER_FOLDER = FolderFormat(TAGGERS, ("text",), _config_from, _check, Labels.from_config, _read_vectors, _EXAMPLE)
