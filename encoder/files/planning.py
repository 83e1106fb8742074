"""Plan the encoding of files: inputs, outputs, results of an earlier run, and the record in the folder."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

from w2v.corpora.files.remote import is_remote
from w2v.corpora.inputs import STDIN, CorpusError, display_name, expand_inputs, size_on_disk
from w2v.encoder.model.inference import Output
from w2v.storage.files import OVERWRITE, ModelError, OutputTakenError, atomic_file, check_writable_beside, resolved
from w2v.vectors.model_folder import FORMAT, encode_json, parse_json

Inputs = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]
FileFormat = Literal["npy", "parquet"]
FORMATS: tuple[FileFormat, ...] = ("npy", "parquet")

RECORD = "encoding.json"
"""The record of the inputs and options that a folder of vectors was made from."""
KIND, FORMAT_VERSION = "encoded-files", 1


@dataclass(frozen=True)
class Job:
    """A file to encode; both names are absolute paths, except that the input may be a URL."""

    input: str
    output: str
    n_bytes: int

    @property
    def name(self) -> str:
        """The name of its file of vectors."""
        return os.path.basename(self.output)


@dataclass(frozen=True)
class Recipe:
    """How files are encoded. All fields but `batch_size` and `errors` affect the results.

    Attributes
    ----------
    encoder : str
        See `w2v.encoder.model.persistence.digest_of_state`.
    columns : int
        Width of the vectors.
    output : Output
    format : {"npy", "parquet"}
    batch_size : int
    errors : {"strict", "replace"}
    """

    encoder: str
    columns: int
    output: Output
    format: FileFormat
    batch_size: int
    errors: str

    def described(self) -> dict[str, Any]:
        """Return the fields that the record contains."""
        made = {"encoder": self.encoder, "columns": self.columns, **asdict(self.output), "file_format": self.format}
        return {"format": FORMAT, "format_version": FORMAT_VERSION, "kind": KIND, **made}


@dataclass(frozen=True)
class Plan:
    """The work to do.

    Attributes
    ----------
    folder : Path
    recipe : Recipe
    jobs : list of Job
        Files to encode.
    kept : list of str
        Names of results kept from an earlier run.
    stale : list of str
        Names of results whose inputs have changed in size, or that another recipe produced; they will be deleted.
    recorded : dict
        Entries of the future record: the input and its size for each output.
    """

    folder: Path
    recipe: Recipe
    jobs: list[Job]
    kept: list[str]
    stale: list[str]
    recorded: dict[str, dict[str, Any]]

    def begin(self) -> None:
        """Prepare the folder: remove stale results first, so that the record never lists them, then leftovers."""
        try:
            self.folder.mkdir(exist_ok=True)
            for name in self.stale:
                (self.folder / name).unlink(missing_ok=True)
        except OSError as error:
            raise ModelError(f"{self.folder} cannot be written: {error.strerror or error}") from error
        with atomic_file(self.folder / RECORD) as file:
            file.write(encode_json({**self.recipe.described(), "files": self.recorded}))
        unfinished = [re.compile(re.escape(_start_of_part(job.name)) + r"[0-9a-f]{8}\.part") for job in self.jobs]
        leftovers = [entry for entry in os.listdir(self.folder) if entry.endswith(".part")]
        for entry in leftovers:
            if any(pattern.fullmatch(entry) for pattern in unfinished):
                with suppress(OSError):
                    (self.folder / entry).unlink()

    def end(self) -> None:
        """Remove the folder again if nothing was written."""
        with suppress(OSError):
            if os.listdir(self.folder) == [RECORD]:
                (self.folder / RECORD).unlink()
                self.folder.rmdir()


def plan_files(files: Inputs, folder: str | os.PathLike[str], recipe: Recipe, *, overwrite: bool = False) -> Plan:
    """Return the work to do, without writing anything.

    Raises
    ------
    CorpusError
        If a file is missing or not a regular file, or two files would have the same output.
    ModelError
        If the folder cannot be written, or contains results of another encoder, of other options or of other files, or
        files not from an earlier run. With `overwrite` they are replaced.
    """
    suffix = f".{recipe.format}"
    jobs = [
        Job(path, os.path.join(os.path.abspath(folder), os.path.basename(path) + suffix), n_bytes)
        for path, n_bytes in _regular_files(files).items()
    ]
    _check_names(jobs, folder)
    place = _check_folder(folder)
    before = read_record(place)
    differences = [] if before is None else _differences(before, recipe)
    if differences and not overwrite:
        raise ModelError(f"{folder} holds vectors of {'; '.join(differences)}: {_CHOOSE}")
    made = {} if before is None else before["files"]
    recorded = {} if differences else dict(made)
    is_whole: dict[str, bool] = {name: False for name in made} if differences else {}
    for job in jobs:
        if os.path.lexists(job.output) and not overwrite:
            is_whole[job.name] = _is_of(job, recorded.get(job.name))
        recorded[job.name] = {"input": job.input, "bytes": job.n_bytes}
    kept = [name for name, is_it in is_whole.items() if is_it]
    stale = [name for name, is_it in is_whole.items() if not is_it]
    return Plan(place, recipe, [job for job in jobs if not is_whole.get(job.name)], kept, stale, recorded)


def _is_of(job: Job, entry: dict[str, Any] | None) -> bool:
    """Return whether an existing output comes from the current version of its input, going by its recorded entry.

    OutputTakenError if it comes from another file, or there is no entry.
    """
    if entry is None:
        raise OutputTakenError(f"{job.output} already exists, and no earlier run has recorded it; {_CHOOSE}")
    if entry["input"] != job.input:
        raise OutputTakenError(f"{job.output} was made from {entry['input']}, not from {job.input}; {_CHOOSE}")
    return bool(entry["bytes"] == job.n_bytes)


_CHOOSE = f"choose another folder, or {OVERWRITE}"


def _regular_files(files: Inputs) -> dict[str, int]:
    """Return the absolute names of the files and their sizes; duplicates count once."""
    found: dict[str, int] = {}
    for path in expand_inputs(files):
        n_bytes = size_on_disk(path)
        if n_bytes is None:
            what = "has no name" if path == STDIN else "can be read only once"
            raise CorpusError(
                f"{display_name(path)} {what}, so it cannot be one of several files; write its vectors to a file, "
                "--output FILE.npy"
            )
        found[path if is_remote(path) else os.path.abspath(path)] = n_bytes
    return found


def _check_names(jobs: list[Job], folder: str | os.PathLike[str]) -> None:
    """Raise CorpusError if two files would have the same output."""
    inputs: dict[str, str] = {}
    for job in jobs:
        other = inputs.setdefault(job.name, job.input)
        if other != job.input:
            raise CorpusError(
                f"{other} and {job.input} would both become {Path(folder, job.name)}; rename one, or use different "
                "folders"
            )


def _check_folder(folder: str | os.PathLike[str]) -> Path:
    """Return the absolute name of a folder that exists or can be created."""
    if not os.path.lexists(folder):
        check_writable_beside(folder)
        resolved(folder)
    elif not os.path.isdir(folder):
        raise OutputTakenError(f"{folder} is a file; give a folder, for one file of vectors per input file")
    return Path(os.path.abspath(folder))


def check_no_address(folder: str | os.PathLike[str]) -> None:
    """Raise ModelError if an output is a URL, where complete files cannot be renamed."""
    if is_remote(os.fspath(folder)):
        raise ModelError(
            f"{folder} is a URL, but vectors are written to a folder of a file system: mount the store, or copy "
            "the files there later"
        )


def read_record(folder: Path) -> dict[str, Any] | None:
    """Return the record of a folder, None if it has none; ModelError if the record is damaged."""
    file = folder / RECORD
    if not os.path.lexists(file):
        return None
    record = parse_json(file)
    files = record.get("files")
    if record.get("kind") != KIND or not isinstance(files, dict) or not all(map(_is_entry, files.items())):
        raise ModelError(f"{file} is not the record of encoded files, or is damaged; choose another folder")
    if record.get("format_version") != FORMAT_VERSION:
        raise ModelError(f"{file} was written by a newer version of w2v; upgrade w2v, or choose another folder")
    return record


def _is_entry(item: tuple[Any, Any]) -> bool:
    """Return whether an entry of the record names a file in the folder, its input and the input's size."""
    name, entry = item
    is_name = os.path.basename(name) == name and name.endswith(tuple(f".{one}" for one in FORMATS))
    return is_name and isinstance(entry, dict) and type(entry.get("input")) is str and type(entry.get("bytes")) is int


def _differences(record: dict[str, Any], recipe: Recipe) -> list[str]:
    """Describe how the recorded recipe differs from a new one."""
    said = []
    for name, wanted in recipe.described().items():
        if record.get(name) != wanted:
            is_encoder = name == "encoder"
            said.append("another encoder" if is_encoder else f"{name} {record.get(name)}, not {wanted}")
    return said


def _start_of_part(name: str) -> str:
    return f"{name[:100]}."


@contextmanager
def part_file(path: Path) -> Iterator[BinaryIO]:
    """Open ``NAME.….part`` for writing; rename it if the block ends without an error; see `atomic_file`."""
    part = path.with_name(f"{_start_of_part(path.name)}{secrets.token_hex(4)}.part")
    with atomic_file(path, temporary=part) as file:
        yield file
