"""What estimators of networks have in common: their folder, checkpoints, and trainings that go on."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from w2v.neural.stack import StackConfig
from w2v.neural.tasks.folder import FolderFormat, TextNetwork
from w2v.neural.tasks.parameters import SharedParameters
from w2v.settings.environment import default_workers
from w2v.settings.estimator import Estimator
from w2v.settings.parameters import CONSTRAINTS
from w2v.storage.files import ModelError
from w2v.training.checkpoints import Checkpoint, Kind
from w2v.vectors.model_folder import LAYOUT

_P = TypeVar("_P", bound=SharedParameters)
_Self = TypeVar("_Self", bound="TextEstimator[Any]")


class TextEstimator(Estimator, Generic[_P]):
    """An estimator that has learned a `TextNetwork`."""

    kind: ClassVar[Kind]
    form: ClassVar[FolderFormat]
    table: ClassVar[type[SharedParameters]]

    workers: int | None
    network_: TextNetwork
    history_: list[dict[str, Any]]

    @property
    def is_complete_(self) -> bool:
        """Whether training came to its end; `resume` goes on with one that did not."""
        return self.network_.complete

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write the model's folder; see `TextNetwork.save`."""
        self.network_.save(path, overwrite=overwrite)

    @classmethod
    def load(cls: type[_Self], path: str | os.PathLike[str]) -> _Self:
        """Open a model's folder, or the checkpoint of an interrupted training.

        Raises
        ------
        ModelError
            If it is missing, holds another kind of model, is of a newer version, or damaged.
        ModuleNotFoundError
            If its units are subwords, and the package tokenizers is missing.
        """
        network = TextNetwork.load(path, cls.form)
        try:
            known = {field.name for field in fields(cls.table)}
            given = {name: value for name, value in network.metadata["parameters"].items() if name in known}
            parameters = cls.table(**cls._restored(given))
            cls._check(network.metadata)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ModelError(f"{Path(path, LAYOUT.config)} is damaged: {error}") from error
        loaded = cls(**vars(parameters))
        loaded._keep(network)
        return loaded

    @classmethod
    def _restored(cls, parameters: dict[str, Any]) -> dict[str, Any]:
        """Return parameters as they were before `SharedParameters.to_dict`."""
        return parameters

    @classmethod
    def _check(cls, metadata: Mapping[str, Any]) -> None:
        """Raise ValueError if what is needed of a folder's configuration is missing or not allowed."""

    def _keep(self, network: TextNetwork) -> None:
        self.network_ = network
        self.history_ = network.metadata.get("history", [])

    def _parameters(self) -> _P:
        """Return the parameters, checked."""
        parameters: Any = self.table(**self.get_params())
        stack_of(parameters)
        return parameters  # type: ignore[no-any-return]

    def _threads(self, workers: int | None) -> int:
        """Return how many threads to use: those that are asked for, or else the parameter's, or all cores."""
        CONSTRAINTS["workers"].check("workers", workers)
        return workers or self.workers or default_workers()

    def _interrupted(self) -> tuple[TextNetwork, _P]:
        """Return the training that was interrupted, and its parameters; ValueError if there is none."""
        began = self.network_
        if began.complete:
            raise ValueError("training is complete: there is nothing to resume")
        return began, replace(self._parameters(), random_state=began.seed)

    def _checkpoint(
        self, path: str | os.PathLike[str] | None, seconds: float, overwrite: bool, seed: int | None = None
    ) -> Checkpoint | None:
        return None if path is None else Checkpoint(path, seconds, overwrite=overwrite, seed=seed, kind=self.kind)


def stack_of(parameters: SharedParameters, **further: Any) -> StackConfig:
    """Return the stack of blocks that parameters describe; ValueError if they do not go together."""
    return StackConfig(
        parameters.dim, parameters.heads, parameters.layers,
        max(1, round(parameters.feed_forward * parameters.dim)), norm=parameters.norm,
        positions=parameters.positions, activation=parameters.activation, mixer=parameters.architecture,
        window=parameters.window, **further,
    )  # fmt: skip


def positive(metadata: Mapping[str, Any], name: str, most: float) -> float:
    """Return an entry of a folder's configuration; ValueError if it is no number above 0, up to `most`."""
    value = metadata.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= most or math.isnan(value):
        raise ValueError(f"{name} must be a number above 0, not {value!r:.80}")
    return value
