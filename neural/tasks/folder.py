"""The folder of a trained network: written atomically, and checked when read."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from numpy.typing import NDArray

from w2v.corpora.units import Units, units_from_config
from w2v.neural.configs import CausalConfig, Config, TranslatorConfig
from w2v.neural.names import FIGURES
from w2v.neural.ngrams import NgramModel
from w2v.neural.parameters import ParameterTable
from w2v.neural.persistence import read_parameters
from w2v.neural.stack import StackConfig
from w2v.neural.tasks.examples import Examples, read_examples
from w2v.neural.tasks.parameters import MAX_LAYERS, MAX_SIZE
from w2v.storage.claims import check_free_space
from w2v.storage.files import ModelError, atomic_file, atomic_folder
from w2v.storage.json_values import from_json
from w2v.storage.tensors import read_tensors, write_tensors
from w2v.training.checkpoints import Kind
from w2v.vectors.model_folder import FORMAT, LAYOUT, check_types, encode_json, parse_json, read_header, read_kind
from w2v.vectors.persistence import check_output, n_bytes_of

TRANSLATORS = Kind("translator", 1, "w2v fit-translator", "Translator")
LANGUAGE_MODELS = Kind("language-model", 1, "w2v fit-lm", "LanguageModel")
NETWORK_FILE, NGRAMS_FILE = "network.safetensors", "ngrams.safetensors"
_MOST = {
    "dim": MAX_SIZE, "heads": MAX_SIZE, "layers": MAX_LAYERS, "d_ff": 64 * MAX_SIZE, "max_positions": 1 << 20,
    "max_distance": 1 << 16,
}  # fmt: skip
_MEASURED = ("step", "seconds", "held_out_loss", *FIGURES)
"""What every measurement in a history has, or some have; numbers all."""
_STRUCTURE = ("format", "format_version", "kind", "vocabulary_size", "network", "units")


@dataclass(frozen=True)
class TextNetwork:
    """A network with its vocabularies and, before its training is complete, the state needed to resume.

    Attributes
    ----------
    kind : Kind
    config : dataclass
        Configuration of the network: `CausalConfig`, `TranslatorConfig`, or what its `FolderFormat` reads.
    parameters : ParameterTable
        float32.
    units : dict of str to Units
        Vocabularies by name: "source" and "target", "text", or the names of the `FolderFormat`.
    metadata : dict of str to object
        Parameters, history and training, in JSON types.
    training : mapping of str to ndarray, or None
        See `neural.loop.Loop.tensors`.
    further : dict of str to (dict of str to ndarray)
        Further arrays, such as n-grams.
    examples : Examples, optional
        Predictions for some held-out examples.
    """

    kind: Kind
    config: Any
    parameters: ParameterTable
    units: dict[str, Any]
    metadata: dict[str, Any] = field(default_factory=dict)
    training: Mapping[str, NDArray[Any]] | None = None
    further: dict[str, dict[str, NDArray[Any]]] = field(default_factory=dict)
    examples: Examples | None = None

    @property
    def complete(self) -> bool:
        """Whether training is complete."""
        return self.training is None

    @property
    def seed(self) -> int | None:
        """The seed of the training."""
        seed: int | None = self.metadata.get("training", {}).get("seed")
        return seed

    @property
    def inputs(self) -> tuple[str, ...]:
        """The files of the training data."""
        return tuple(self.metadata.get("training", {}).get("files") or ())

    def trained_on(
        self, given: Any, validation: Any, what: str, resume: str, *, read: Callable[[list[Path]], Any] = list
    ) -> tuple[Any, Any]:
        """Return the training data and the validation data of a resumed training: those given, or else its files.

        ValueError if there were no files; the message says `what` to pass again, and how to `resume` with it.
        """
        if given is None and not self.inputs:
            raise ValueError(f"the training {what} were not in files: pass them again, in Python: {resume}")
        validated = self.metadata["training"].get("validation")
        if given is None:
            given = read([Path(name) for name in self.inputs])
        if validation is None and validated:
            validation = read([Path(name) for name in validated])
        return given, validation

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write the folder.

        Raises
        ------
        ModelError
            If it exists and may not be replaced, or cannot be written. An existing folder is not changed.
        """
        check_output(path, overwrite)
        config = encode_json({
            "format": FORMAT,
            "format_version": self.kind.newest,
            "kind": self.kind.name,
            "vocabulary_size": self.config.vocabulary_size,
            "network": asdict(self.config),
            "units": {name: f"{name}-units.json" for name in self.units},
            **{name: value for name, value in self.metadata.items() if name not in _STRUCTURE},
        })  # fmt: skip
        training = {} if self.training is None else dict(self.training)
        check_free_space(path, n_bytes_of(dict(self.parameters), training, *self.further.values()))
        with atomic_folder(path, replace=overwrite) as folder:
            write_tensors(folder / NETWORK_FILE, dict(self.parameters))
            if self.training is not None:
                write_tensors(folder / LAYOUT.training, training)
            for name, arrays in self.further.items():
                write_tensors(folder / f"{name}.safetensors", arrays)
            for name, units in self.units.items():
                with atomic_file(folder / f"{name}-units.json") as file:
                    file.write(encode_json(units.to_config()))
            if self.examples is not None:
                with atomic_file(folder / LAYOUT.examples) as file:
                    file.write(encode_json(self.examples.to_config()))
            with atomic_file(folder / LAYOUT.config) as file:
                file.write(config)

    @classmethod
    def load(cls, path: str | os.PathLike[str], form: FolderFormat) -> TextNetwork:
        """Read a folder, which may be untrusted: nothing in it is executed, and every size is checked.

        Parameters
        ----------
        path : str or path-like
        form : FolderFormat
            The expected format.

        Raises
        ------
        ModelError
            If the folder is missing, damaged, of a newer version, or another kind of model.
        ModuleNotFoundError
            If its units are subwords, but the package tokenizers is missing.
        """
        described = read_header(path, form.kind.name, form.kind.newest)
        folder = Path(path)
        file = folder / LAYOUT.config
        check_types(described, file, {"network": dict, "parameters": dict, "training": dict, "history": list})
        units = {name: _read_units(folder / f"{name}-units.json", form.read_units) for name in form.units}
        try:
            config = form.config(described["network"])
            form.check(config, units)
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(f"{file} is damaged: {error}") from error
        parameters = read_parameters(folder / NETWORK_FILE, config.tensors())
        metadata = {name: value for name, value in described.items() if name not in _STRUCTURE}
        is_complete = metadata.get("training", {}).get("complete") is not False
        try:
            _check_record(metadata, is_complete)
        except ValueError as error:
            raise ModelError(f"{file} is damaged: {error}") from error
        training = None if is_complete else read_tensors(folder / LAYOUT.training)
        further = form.further(folder, config, metadata)
        examples = read_examples(folder / LAYOUT.examples, form.example)
        return cls(form.kind, config, parameters, units, metadata, training, further, examples)


def _check_record(metadata: Mapping[str, Any], is_complete: bool) -> None:
    """Raise ValueError unless a configuration records its training in the form that `train` writes."""
    training = metadata.get("training", {})
    if not is_complete and type(training.get("seed")) is not int:
        raise ValueError("the seed of the training is missing")
    for entry in metadata.get("history", []):
        if not isinstance(entry, dict) or any(type(entry.get(name, 0)) not in (int, float) for name in _MEASURED):
            raise ValueError("its history contains entries that are not measurements")
    for name in ("files", "validation"):
        named = training.get(name) or []
        if not isinstance(named, list) or not all(isinstance(one, str) for one in named):
            raise ValueError(f"the {name} of its training are not file names")


def is_one_of(path: str | os.PathLike[str], kinds: Collection[str]) -> bool:
    """Return whether a folder claims to be a model of one of these kinds."""
    try:
        return read_kind(path) in kinds
    except ModelError:
        return False


class FolderFormat(NamedTuple):
    """The format of a kind of folder, and how to read it.

    Attributes
    ----------
    kind : Kind
    units : tuple of str
        Names of its vocabularies.
    config : callable
        Inverts `asdict` of a configuration; raises an error for damaged input.
    check : callable
        Raises ValueError unless the configuration matches the vocabularies.
    read_units : callable
        Inverts `to_config` of a vocabulary; raises ValueError or TypeError for damaged input.
    further : callable
        Reads further arrays from the folder, the configuration and the metadata.
    example : mapping of str to type
        Entries of an example, see `w2v.neural.tasks.examples`; empty if the kind has none.
    """

    kind: Kind
    units: tuple[str, ...]
    config: Callable[[Mapping[str, Any]], Any]
    check: Callable[[Any, dict[str, Any]], None]
    read_units: Callable[[Mapping[str, Any]], Any] = units_from_config
    further: Callable[[Path, Any, Mapping[str, Any]], dict[str, dict[str, NDArray[Any]]]] = lambda *given: {}
    example: Mapping[str, type] = {}  # noqa: RUF012


def _translator_config(described: Mapping[str, Any]) -> TranslatorConfig:
    stacks = {name: stack_from(described[name]) for name in ("encoder", "decoder")}
    return from_json(TranslatorConfig, described, **stacks)


def _language_model_config(described: Mapping[str, Any]) -> CausalConfig:
    return from_json(CausalConfig, described, decoder=stack_from(described["decoder"]))


def _check_units(config: Config, units: Mapping[str, Units]) -> None:
    for (name, own), size in zip(units.items(), config.sizes, strict=True):
        if len(own.pieces) != size:
            raise ValueError(f"the network has {size} {name} units, but there are {len(own.pieces)}")
    if len(units) > 1 and config.table == config.source_table and units["source"] != units["target"]:
        raise ValueError("languages that share a table must share their units")


def stack_from(described: Any, least_layers: int = 1) -> StackConfig:
    """Return the stack from the result of `asdict`; ValueError or TypeError if the input is invalid."""
    for name, most in _MOST.items() if isinstance(described, dict) else ():
        value, least = described.get(name, 1), least_layers if name == "layers" else 1
        if type(value) is not int or not least <= value <= most:
            raise ValueError(f"{name} must be a whole number from {least} to {most}, not {value!r:.80}")
    stack = from_json(StackConfig, described)
    if not 0 < stack.epsilon <= 1:
        raise ValueError(f"epsilon must be above 0 and at most 1, not {stack.epsilon!r:.80}")
    return stack


def _read_ngrams(folder: Path, config: Config, metadata: Mapping[str, Any]) -> dict[str, dict[str, NDArray[Any]]]:
    file = folder / NGRAMS_FILE
    arrays = read_tensors(file)
    try:
        found = NgramModel.from_arrays(arrays)
        if (found.n_tokens, found.sentences) != (config.vocabulary_size, metadata.get("lines")):
            raise ValueError("its n-grams do not match its units or its texts")
    except ValueError as error:
        raise ModelError(f"{file} is damaged: {error}") from error
    return {"ngrams": arrays}


def _read_units(file: Path, read: Callable[[Mapping[str, Any]], Any]) -> Any:
    described = parse_json(file)
    try:
        return read(described)
    except (TypeError, ValueError) as error:
        raise ModelError(f"{file} is damaged: {error}") from error


TRANSLATOR_FOLDER = FolderFormat(TRANSLATORS, ("source", "target"), _translator_config, _check_units)
LANGUAGE_MODEL_FOLDER = FolderFormat(
    LANGUAGE_MODELS, ("text",), _language_model_config, _check_units, further=_read_ngrams
)  # fmt: skip
