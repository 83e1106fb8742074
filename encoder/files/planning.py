"""Which files there are to encode, what each becomes, and what an earlier run has done: the record of a folder."""

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
"""What a folder of vectors was made by and of."""
KIND, FORMAT_VERSION = "encoded-files", 1


@dataclass(frozen=True)
class Job:
    """A file to encode; both names are absolute, and that of the input may be an address."""

    input: str
    output: str
    n_bytes: int

    @property
    def name(self) -> str:
        """What its vectors are called."""
        return os.path.basename(self.output)


@dataclass(frozen=True)
class Recipe:
    """How files are encoded. All of it but `batch_size` and `errors` decides what is written.

    Attributes
    ----------
    encoder : str
        See `w2v.encoder.model.persistence.digest_of_state`.
    columns : int
        Of the vectors.
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
        """Return what a record says of it."""
        made = {"encoder": self.encoder, "columns": self.columns, **asdict(self.output), "file_format": self.format}
        return {"format": FORMAT, "format_version": FORMAT_VERSION, "kind": KIND, **made}


@dataclass(frozen=True)
class Plan:
    """What there is to do.

    Attributes
    ----------
    folder : Path
    recipe : Recipe
    jobs : list of Job
        Files to encode.
    kept : list of str
        Names of what an earlier run has made.
    stale : list of str
        Names of what it has made of files that have another size now, or by another recipe; to be deleted.
    recorded : dict
        What the record will say of the files: for each output its input and its size.
    """

    folder: Path
    recipe: Recipe
    jobs: list[Job]
    kept: list[str]
    stale: list[str]
    recorded: dict[str, dict[str, Any]]

    def begin(self) -> None:
        """Make the folder ready: what is stale goes first, so that a record never speaks of it, then leftovers."""
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
        """Take the folder away again if nothing was written."""
        with suppress(OSError):
            if os.listdir(self.folder) == [RECORD]:
                (self.folder / RECORD).unlink()
                self.folder.rmdir()


def plan_files(files: Inputs, folder: str | os.PathLike[str], recipe: Recipe, *, overwrite: bool = False) -> Plan:
    """Return what there is to do; nothing is written yet.

    Raises
    ------
    CorpusError
        If a file is missing or no regular file, or two would make one output.
    ModelError
        If the folder cannot be written, or holds what was made by another encoder, other options or of other files, or
        not by an earlier run. With `overwrite` that is replaced.
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
    """Say whether an output that is there is of what its input is now, as its entry in the record says.

    OutputTakenError if it is of another file, or nothing is known of it.
    """
    if entry is None:
        raise OutputTakenError(f"{job.output} exists already, and no run has recorded it here; {_CHOOSE}")
    if entry["input"] != job.input:
        raise OutputTakenError(f"{job.output} was made of {entry['input']}, not of {job.input}; {_CHOOSE}")
    return bool(entry["bytes"] == job.n_bytes)


_CHOOSE = f"choose another folder, or {OVERWRITE}"


def _regular_files(files: Inputs) -> dict[str, int]:
    """Return the absolute names of the files and their sizes; one that is named twice counts once."""
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
    """Raise CorpusError if two files would make one output."""
    inputs: dict[str, str] = {}
    for job in jobs:
        other = inputs.setdefault(job.name, job.input)
        if other != job.input:
            raise CorpusError(
                f"{other} and {job.input} would both become {Path(folder, job.name)}; rename one, or write them to two "
                "folders"
            )


def _check_folder(folder: str | os.PathLike[str]) -> Path:
    """Return the absolute name of a folder that is there or can be made."""
    if not os.path.lexists(folder):
        check_writable_beside(folder)
        resolved(folder)
    elif not os.path.isdir(folder):
        raise OutputTakenError(f"{folder} is a file; name a folder, which gets a file of vectors for each file")
    return Path(os.path.abspath(folder))


def check_no_address(folder: str | os.PathLike[str]) -> None:
    """Raise ModelError if an output is an address, where files cannot be renamed when they are whole."""
    if is_remote(os.fspath(folder)):
        raise ModelError(
            f"{folder} is an address, but vectors are written to a folder of a file system: mount the store, or copy "
            "the files there later"
        )


def read_record(folder: Path) -> dict[str, Any] | None:
    """Return what a folder was made by and of, None if nothing says so; ModelError if the record is damaged."""
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
    """Say whether a record's entry names a file in the folder, its input and the size of that."""
    name, entry = item
    is_name = os.path.basename(name) == name and name.endswith(tuple(f".{one}" for one in FORMATS))
    return is_name and isinstance(entry, dict) and type(entry.get("input")) is str and type(entry.get("bytes")) is int


def _differences(record: dict[str, Any], recipe: Recipe) -> list[str]:
    """Say how what a record was made by differs from a recipe, in words."""
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
    """Open ``NAME.….part`` for writing, and rename it when the block ends without an error; see `atomic_file`."""
    part = path.with_name(f"{_start_of_part(path.name)}{secrets.token_hex(4)}.part")
    with atomic_file(path, temporary=part) as file:
        yield file
