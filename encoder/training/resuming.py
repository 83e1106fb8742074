"""The record of a training in an encoder's folder, and how an interrupted training is resumed from it."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from w2v.corpora.readers import TextReader
from w2v.encoder.model.persistence import FORMAT_VERSION, KIND, save_encoder
from w2v.encoder.model.state import EncoderState
from w2v.encoder.parameters import OF_NETWORK, OF_START, EncoderParameters
from w2v.encoder.training.fit_options import FitOptions
from w2v.storage.files import ModelError
from w2v.storage.tensors import read_tensors
from w2v.training.checkpoints import Kind
from w2v.vectors.model_folder import LAYOUT

ENCODERS = Kind(KIND, FORMAT_VERSION, "w2v fit-encoder", "SentenceEncoder")
_TRAINING = "training"
_MAY_CHANGE = ("workers", "max_time")


@dataclass(frozen=True)
class Sources:
    """The training data of an encoder; see `w2v.encoder.training.training.fit_encoder`."""

    corpus: Any = None
    pairs: Any = None
    teacher: Any = None
    teacher_cache: Any = None

    def filled(self, given: Sources) -> Sources:
        """Return the given sources, completed by these."""
        return replace(
            given,
            **{field.name: getattr(self, field.name) for field in fields(self) if getattr(given, field.name) is None},
        )

    @property
    def used(self) -> tuple[str, ...]:
        """Names of the sources that are present."""
        return tuple(field.name for field in fields(self) if getattr(self, field.name) is not None)

    def to_dict(self) -> dict[str, Any]:
        """Return the absolute file names, None for a source without files; ``sources`` names those present."""
        names = {field.name: _file_names(getattr(self, field.name)) for field in fields(self)}
        return {**names, "sources": list(self.used), "errors": self._errors}

    @property
    def _errors(self) -> str:
        """How the readers among the sources handle bytes that are not UTF-8."""
        given = [self.corpus, *(self.pairs if isinstance(self.pairs, (list, tuple)) else [self.pairs])]
        readers = (one for one in given if isinstance(one, TextReader))
        return next((reader.errors for reader in readers), "strict")

    def read_with(self, errors: str) -> Sources:
        """Return the same sources with their files read in this way; the files are opened and must exist."""
        pairs = self.pairs if isinstance(self.pairs, list) else [self.pairs]
        return replace(
            self,
            corpus=None if self.corpus is None else TextReader(self.corpus, errors=errors),
            pairs=None if self.pairs is None else [TextReader(path, errors=errors) for path in pairs],
        )


@dataclass(frozen=True)
class Interrupted:
    """A training that can be resumed.

    Attributes
    ----------
    sources : Sources
        None for sources that were not files, if it was read from a folder.
    needed : tuple of str
        The sources that were used.
    options : FitOptions
    held : path-like, or mapping of str to ndarray
        The state of the training, as arrays or a file.
    errors : {"strict", "replace"}
        How to read the files among the sources.
    """

    sources: Sources
    needed: tuple[str, ...]
    options: FitOptions
    held: Path | Mapping[str, NDArray[Any]]
    errors: str = "strict"

    def sources_with(self, given: Sources) -> Sources:
        """Return the given sources, completed by the recorded files; ValueError if one is neither."""
        left_out = {name: None for name in given.used}
        own = replace(self.sources, **left_out)
        sources = (own if self.errors == "strict" else own.read_with(self.errors)).filled(given)
        for name in self.needed:
            if getattr(sources, name) is None:
                raise ValueError(
                    f"the interrupted training had a `{name}` that was not a file: pass it again, in Python"
                )
        return sources

    def check_options(self, now: FitOptions) -> None:
        """Raise ValueError if an option other than threads and time differs from the original one."""
        for name, began in asdict(self.options).items():
            found = getattr(now, name)
            if name not in _MAY_CHANGE and found != began:
                raise ValueError(
                    f"{name} is {found}, but the interrupted training began with {began}: resume it with its "
                    "original options"
                )

    def tensors(self) -> Mapping[str, NDArray[Any]]:
        """Return the state of the training."""
        return read_tensors(self.held) if isinstance(self.held, Path) else self.held


@dataclass(frozen=True)
class SavedEncoder:
    """The contents of a folder: an encoder and, before its training is complete, what is needed to resume it."""

    state: EncoderState
    training: Mapping[str, NDArray[Any]] | None = None

    @property
    def complete(self) -> bool:
        """Whether training is complete."""
        return self.training is None

    @property
    def seed(self) -> int | None:
        """The seed of the training; None without a training."""
        return self._described.get("seed")

    @property
    def inputs(self) -> tuple[str, ...]:
        """The files of the training data."""
        names = [self._described.get(field.name) for field in fields(Sources)]
        lists = [[listed] if isinstance(listed, str) else listed for listed in names if listed]
        return tuple(name for listed in lists for name in listed)

    @property
    def _described(self) -> dict[str, Any]:
        described: dict[str, Any] = self.state.metadata.get(_TRAINING, {})
        return described

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write the folder; see `w2v.encoder.model.persistence.save_encoder`."""
        extra = None if self.training is None else {LAYOUT.training: self.training}
        save_encoder(self.state, path, overwrite=overwrite, extra_tensors=extra)


def describe_training(
    parameters: EncoderParameters,
    sources: Sources,
    options: FitOptions,
    history: list[dict[str, Any]],
    *,
    complete: bool,
    architecture: str,
) -> dict[str, Any]:
    """Return what is saved with a trained encoder: parameters, history, and what is needed to resume."""
    left_out = OF_NETWORK if architecture == "static" else ()
    kept = {name: _for_json(getattr(parameters, name)) for name in sorted(OF_START) if name not in left_out}
    kept["architecture"] = architecture
    return {
        "parameters": kept,
        "history": history,
        _TRAINING: {"complete": complete, "seed": options.seed, "options": asdict(options), **sources.to_dict()},
    }


def interrupted_training(path: str | os.PathLike[str], state: EncoderState) -> Interrupted | None:
    """Return the resumable training of an encoder's folder, or None; ModelError if the folder is damaged."""
    training = state.metadata.get(_TRAINING)
    file = Path(path, LAYOUT.training)
    if not isinstance(training, dict) or training.get("complete", True) or not file.is_file():
        return None

    try:
        options = FitOptions(**training["options"])
        sources = Sources(**{field.name: _opened(training.get(field.name)) for field in fields(Sources)})
        if not set(training["sources"]) <= {field.name for field in fields(Sources)}:
            raise ValueError(f"unknown sources {training['sources']}")
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{Path(path, LAYOUT.config)} is damaged: its training: {error!r:.80}") from error
    errors = "replace" if training.get("errors") == "replace" else "strict"
    return Interrupted(sources, tuple(training["sources"]), options, file, errors)


def _for_json(value: Any) -> Any:
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _opened(names: Any) -> Any:
    """Return paths for what `_file_names` returned."""
    if names is None:
        return None
    if isinstance(names, str):
        return Path(names)
    if isinstance(names, list) and names and all(isinstance(name, str) for name in names):
        return [Path(name) for name in names]
    raise ValueError(f"{names!r:.80} does not name files")


def _file_names(source: Any) -> str | list[str] | None:
    """Return the absolute names of one or more files; None for anything else."""
    if isinstance(source, TextReader):
        return source.files
    if isinstance(source, (str, os.PathLike)):  # a teacher may be a folder
        return None if source == "-" or Path(source).is_fifo() else os.path.abspath(source)
    if (
        isinstance(source, (list, tuple))
        and source
        and all(isinstance(one, (os.PathLike, TextReader)) for one in source)
    ):
        if any(isinstance(one, os.PathLike) and os.path.isdir(one) for one in source):  # teachers may be folders
            return list(map(os.path.abspath, source))
        names = [one.files if isinstance(one, TextReader) else TextReader(one).files for one in source]
        return None if None in names else [name for own in names for name in own or ()]
    return None
