"""The common base of the estimators of networks: folder, checkpoints and resuming."""

from __future__ import annotations

import inspect
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from w2v.corpora.tokenizers import tokenizer_from_config
from w2v.display.html import Html, ShownAsHtml, escape, html_curve, html_facts
from w2v.display.wording import decimals, in_words
from w2v.neural.names import FIGURES
from w2v.neural.progress import ProgressOption, show_fitting
from w2v.neural.stack import StackConfig
from w2v.neural.tasks.fitting import Training, seed_of
from w2v.neural.tasks.folder import FolderFormat, TextNetwork
from w2v.neural.tasks.parameters import SharedParameters
from w2v.neural.tasks.starting import followed
from w2v.settings.constraints import is_generator
from w2v.settings.descriptions import CONSTRAINTS
from w2v.settings.environment import default_workers
from w2v.settings.estimator import Estimator
from w2v.storage.files import ModelError
from w2v.training.checkpoints import Checkpoint, Kind
from w2v.vectors.model_folder import LAYOUT

_P = TypeVar("_P", bound=SharedParameters)
_Self = TypeVar("_Self", bound="TextEstimator[Any]")
Saving = tuple["str | os.PathLike[str] | None", float, bool]
"""The folder of checkpoints, the seconds between them, and whether an existing folder may be replaced."""

_SAID_OF_ALL = {
    "saving": """checkpoint : path-like, optional
              A model folder in which to save the training at intervals, after Ctrl-C, and when it is complete. Until
              then, `{name}.load` and `resume` continue it.
        checkpoint_every : float, default 600
              Seconds between checkpoints. 0 writes one only after Ctrl-C.
        overwrite : bool, default False
              Let `checkpoint` replace an existing model folder.
        progress : bool, str or callable, optional
            See `w2v.neural.progress.ProgressOption`.

        Returns
        -------
        {name}
              The estimator itself.

        Raises
        ------
        TrainingInterrupted
              After Ctrl-C; the best state so far is kept, and `resume` continues the training.
        DivergenceError
            If a loss or a parameter is not finite.
        ModelError
            If `checkpoint` exists or cannot be written.""",
    "resuming": """Parameters
        ----------
        {given} : optional
              The same as before; by default, data is read from the original files, if they were files.
        checkpoint, checkpoint_every, overwrite, progress : optional
              As for `fit`; `checkpoint` may be that of this training.

        Returns
        -------
        {name}
              The estimator itself.

        Raises
        ------
        ValueError
              If there is nothing to resume, or a parameter or the training data has changed.
        TrainingInterrupted
              As for `fit`.""",
}
"""The common parts of the docstrings of `fit` and `resume`."""


class TextEstimator(ShownAsHtml, Estimator, Generic[_P]):
    """The base of estimators whose result is a `TextNetwork`."""

    kind: ClassVar[Kind]
    form: ClassVar[FolderFormat]
    table: ClassVar[type[SharedParameters]]

    workers: int | None
    random_state: Any
    network_: TextNetwork
    history_: list[dict[str, Any]]

    def __init_subclass__(cls, **options: Any) -> None:
        """Fill the placeholders in the docstrings of `fit` and `resume` with the common parts."""
        super().__init_subclass__(**options)
        for method in (vars(cls).get(name) for name in ("fit", "resume")):
            if method is not None and method.__doc__:  # python -OO removes docstrings
                given = list(inspect.signature(method).parameters)[1:]
                names = {"name": cls.__name__, "given": ", ".join(given[: given.index("checkpoint")])}
                for part, text in _SAID_OF_ALL.items():
                    method.__doc__ = method.__doc__.replace(f"{{{part}}}", text.format(**names))

    @property
    def is_complete_(self) -> bool:
        """Whether training is complete; otherwise `resume` continues it."""
        return self.network_.complete

    def _repr_html_(self) -> str:
        name = type(self).__name__
        if not hasattr(self, "network_"):
            return html_facts(f"{name}, not fitted", self._changed())
        return html_facts(name if self.is_complete_ else f"{name}, interrupted", [*self._changed(), *self._learned()])

    def _changed(self) -> list[tuple[str, object]]:
        defaults = self._defaults()
        given = {name: value for name, value in self.get_params().items() if value != defaults[name]}
        return [(name, in_words(value)) for name, value in given.items() if name != "random_state"]

    def _learned(self) -> list[tuple[str, object]]:
        """Return the facts about the trained network for a notebook."""
        facts: list[tuple[str, object]] = [
            (f"{name} units", f"{len(units.pieces):,} {units.kind}") for name, units in self.network_.units.items()
        ]
        facts.append(("network parameters", f"{self.network_.parameters.n_parameters:,}"))
        losses = [entry["held_out_loss"] for entry in self.history_ if "held_out_loss" in entry]
        if losses:
            curve = html_curve(losses, "loss on held-out data")
            facts.append(("held-out loss", Html(f"{curve} {escape(decimals(min(losses)))} at best")))
        for name, form in FIGURES.items():
            if found := [entry[name] for entry in self.history_ if name in entry]:
                facts.append(("held out", form.format(max(found))))
        return facts

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write the model's folder; see `TextNetwork.save`."""
        self.network_.save(path, overwrite=overwrite)

    @classmethod
    def load(cls: type[_Self], path: str | os.PathLike[str]) -> _Self:
        """Open a model's folder, or the checkpoint of an interrupted training.

        Its parameters are those that were given, so that a clone trains as this one did: what was left out is left out.

        Raises
        ------
        ModelError
            If it is missing, damaged, of a newer version, or another kind of model.
        ModuleNotFoundError
            If its units are subwords, but the package tokenizers is missing.
        """
        network = TextNetwork.load(path, cls.form)
        try:
            known = {field.name for field in fields(cls.table)}
            trained, given = (
                cls._restored({name: value for name, value in part.items() if name in known})
                for part in (network.metadata["parameters"], network.metadata.get("given", {}))
            )
            parameters = replace(cls.table(**trained), **given)
            cls._check(network.metadata)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ModelError(f"{Path(path, LAYOUT.config)} is damaged: {error}") from error
        loaded = cls(**vars(parameters))
        loaded._keep(network)
        return loaded

    @classmethod
    def _restored(cls, parameters: dict[str, Any]) -> dict[str, Any]:
        """Invert `SharedParameters.to_dict`."""
        tokenizer = parameters.get("tokenizer")
        return parameters | ({"tokenizer": tokenizer_from_config(tokenizer)} if isinstance(tokenizer, dict) else {})

    @classmethod
    def _check(cls, metadata: Mapping[str, Any]) -> None:
        """Raise ValueError if a required entry of a folder's configuration is missing or not allowed."""

    def _keep(self, network: TextNetwork) -> None:
        self.network_ = network
        self.history_ = network.metadata.get("history", [])

    def _parameters(self) -> _P:
        """Return the checked parameters."""
        parameters: Any = self.table(**self.get_params())
        stack_of(parameters)
        parameters.to_dict()  # parameters that cannot be saved are refused before training
        return parameters  # type: ignore[no-any-return]

    def _given(self) -> dict[str, Any]:
        """Return the parameters in JSON types, without a random generator."""
        given = self._parameters().to_dict()
        if is_generator(self.random_state):
            del given["random_state"]
        return given

    def _followed(self, stack: StackConfig | None) -> _P:
        """Return the parameters, completed by those of the layers to start from, if there are any."""
        return self._parameters() if stack is None else followed(self._parameters(), stack)

    def _threads(self, workers: int | None) -> int:
        """Return the number of threads: the argument, or else the parameter, or all cores."""
        CONSTRAINTS["workers"].check("workers", workers)
        return workers or self.workers or default_workers()

    @contextmanager
    def _training(
        self, given: Any, saving: Saving, progress: ProgressOption, stack: StackConfig | None = None
    ) -> Iterator[Training[_P]]:
        """Yield a new training with progress; `given` is what it reads first.

        `stack` describes the layers to start from, if there are any.
        """
        parameters = self._followed(stack)
        parameters = replace(parameters, random_state=seed_of(self.random_state))
        keeper = self._checkpoint(saving)
        with show_fitting(progress, _first_of(given)) as told:
            yield Training(parameters, self._keep, keeper, told, given=self._given())

    @contextmanager
    def _resumed(self, given: Any, saving: Saving, progress: ProgressOption) -> Iterator[Training[_P]]:
        """Yield the interrupted training with progress; ValueError if there is none."""
        began = self.network_
        if began.complete:
            raise ValueError("training is complete: there is nothing to resume")
        parameters = self._followed(began.config.encoder if "start" in began.metadata else None)
        parameters = replace(parameters, random_state=began.seed)
        keeper = self._checkpoint(saving, began.seed)
        with show_fitting(progress, _first_of(given)) as told:
            yield Training(parameters, self._keep, keeper, told, began, self._given())

    def _checkpoint(self, saving: Saving, seed: int | None = None) -> Checkpoint | None:
        path, seconds, overwrite = saving
        return None if path is None else Checkpoint(path, seconds, overwrite=overwrite, seed=seed, kind=self.kind)


def _first_of(given: Any) -> object:
    """Return a name for the training data, for progress while it is read."""
    return given[0] if isinstance(given, (list, tuple)) and given else given


def stack_of(parameters: SharedParameters, **further: Any) -> StackConfig:
    """Return the stack of blocks with these parameters; ValueError if they contradict each other."""
    return StackConfig(
        parameters.dim, parameters.heads, parameters.layers,
        max(1, round(parameters.feed_forward * parameters.dim)), norm=parameters.norm,
        positions=parameters.positions, activation=parameters.activation, mixer=parameters.architecture,
        window=parameters.window, **further,
    )  # fmt: skip


def positive(metadata: Mapping[str, Any], name: str, most: float) -> float:
    """Return an entry of a folder's configuration; ValueError unless it is a number above 0 and at most `most`."""
    value = metadata.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= most or math.isnan(value):
        raise ValueError(f"{name} must be a number above 0, not {value!r:.80}")
    return value
