"""Where a training stands: what is saved with a model so that training can go on, and read back with suspicion."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from .embeddings import Embeddings
from .parameters import MAX_SEED, Parameters
from .persistence import LAYOUT, ModelError, read_config, read_tensors
from .trainer import EpochRecord, Tables

_MAX_STEP = 1 << 53


@dataclass(frozen=True)
class TrainingState:
    """A training that is complete or was interrupted.

    Attributes
    ----------
    parameters : Parameters
        With which it began.
    seed : int
        What its `random_state` came to.
    complete : bool
        Whether nothing is left to do.
    step : int
        Segments that are done.
    history : list of EpochRecord
        Of the epochs that are done or begun.
    tables : Tables
        Both tables of vectors.
    """

    parameters: Parameters
    seed: int
    complete: bool
    step: int
    history: list[EpochRecord]
    tables: Tables

    def to_dict(self, inputs: Iterable[str] = ()) -> dict[str, Any]:
        """Return what ``config.json`` says of it.

        `inputs` are the files that were read; noted, as absolute paths, only while there is more to train.
        """
        return {
            "complete": self.complete,
            "step": self.step,
            "seed": self.seed,
            "loss_sums": [record.loss_sum for record in self.history],
            "inputs": [] if self.complete else [os.path.abspath(name) if name != "-" else name for name in inputs],
        }


def read_state(folder: str | os.PathLike[str], embeddings: Embeddings) -> TrainingState:
    """Read the state that a model folder holds; nothing in it is trusted.

    Parameters
    ----------
    folder : str or path-like
        A model folder.
    embeddings : Embeddings
        The vectors of that folder, with their tokenizer.

    Returns
    -------
    TrainingState

    Raises
    ------
    ModelError
        If the folder holds vectors only, its state is damaged, or the tokenizer is missing.
    """
    folder = Path(folder)
    config = read_config(folder)
    if "training" not in config or not (folder / LAYOUT.training).is_file():
        raise ModelError(f"{folder} holds vectors only, not the state of a training")
    if embeddings.tokenizer is None:
        raise ModelError(f"{folder} was trained with a tokenizer of your own; load it with tokenizer=...")
    try:
        training = config["training"]
        parameters = replace(Parameters(**config["parameters"]), tokenizer=embeddings.tokenizer)
        parameters.validate()
        _require(parameters.vector_size == embeddings.vector_size, "vector_size is not that of the vectors")
        _require(embeddings.vocabulary.counts is not None, "the counts are missing")
        _require(isinstance(training["complete"], bool), "complete must be true or false")
        return TrainingState(
            parameters,
            _whole(training["seed"], MAX_SEED),
            training["complete"],
            _whole(training["step"], _MAX_STEP),
            _read_history(config["history"], training["loss_sums"]),
            _read_tables(folder, embeddings),
        )
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, ModelError):
            raise
        raise ModelError(f"{folder} is damaged: the state of its training cannot be read ({error})") from error


def _require(condition: bool, what: str) -> None:
    if not condition:
        raise ValueError(what)


def _whole(value: object, most: int) -> int:
    if type(value) is not int or not 0 <= value <= most:
        raise ValueError(f"{value!r} is not a whole number from 0 to {most}")
    return value


def _finite(value: object) -> float:
    if type(value) not in (int, float) or not math.isfinite(value):  # type: ignore[arg-type]
        raise ValueError(f"{value!r} is not a finite number")
    return float(value)  # type: ignore[arg-type]


def _read_history(records: list[dict[str, Any]], loss_sums: list[Any]) -> list[EpochRecord]:
    history = []
    for number, (record, loss_sum) in enumerate(zip(records, loss_sums, strict=True), 1):
        _require(record["epoch"] == number, "the epochs are not in order")
        history.append(
            EpochRecord(
                number,
                loss=_finite(record["loss"]) if "loss" in record else math.nan,
                alpha=_finite(record["alpha"]),
                words=_whole(record["words"], _MAX_STEP),
                kept=_whole(record["kept"], _MAX_STEP),
                pairs=_whole(record["pairs"], _MAX_STEP),
                seconds=_finite(record["seconds"]),
                loss_sum=_finite(loss_sum),
            )
        )
    return history


def _read_tables(folder: Path, embeddings: Embeddings) -> Tables:
    output_vectors = read_tensors(folder / LAYOUT.training)["output_vectors"]
    _require(
        output_vectors.shape == embeddings.vectors.shape and output_vectors.dtype == np.float32,
        f"the output vectors are {output_vectors.dtype} of shape {output_vectors.shape}",
    )
    tables = Tables.zeros(len(embeddings), embeddings.vector_size)
    tables.input_vectors[:] = embeddings.vectors
    tables.output_vectors[:] = output_vectors
    _require(tables.all_finite(), "the vectors are not finite")
    return tables
