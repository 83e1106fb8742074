"""The folder in which the steps of a distillation save their results, so that a later run can resume."""

from __future__ import annotations

import json
import os
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from w2v.corpora.readers import TextReader
from w2v.storage.files import ModelError, atomic_file, remove
from w2v.vectors.embeddings import Embeddings
from w2v.vectors.model_folder import encode_json, parse_json

SUFFIX = ".distil"
SENTENCES, WORDS, TEACHER, STUDENT = "sentences.txt", "words.model", "teacher", "student.encoder"
"""Files of the steps: sentences, word vectors, the teacher's vectors, and the student in training."""

_STEPS = "steps.json"


class Workplace:
    """A folder of results and the inputs of each; a result whose inputs have changed is computed again.

    Parameters
    ----------
    folder : Path
        Created if it is missing.

    Raises
    ------
    ModelError
        If it cannot be created, or contains other files.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        if folder.is_dir() and any(folder.iterdir()) and not (folder / _STEPS).is_file():
            raise ModelError(f"{folder} is not a folder of a distillation; choose another folder")
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ModelError(f"{folder} cannot be created: {error.strerror or error}; choose another folder") from error
        self._made: dict[str, Any] = parse_json(folder / _STEPS) if (folder / _STEPS).exists() else {}

    def begin(self, name: str, made_with: dict[str, Any]) -> Path:
        """Return the path of a result; an existing result from other inputs is removed."""
        path, made_with = self.folder / name, json.loads(json.dumps(made_with))
        if self._made.get(name) != made_with:
            remove(path)
            self._made[name] = made_with
            with atomic_file(self.folder / _STEPS) as file:
                file.write(encode_json(self._made))
        return path

    def write_lines(self, name: str, lines: list[str]) -> None:
        """Write a text file atomically."""
        with atomic_file(self.folder / name) as file:
            file.write("".join(f"{line}\n" for line in lines).encode("utf-8", "surrogatepass"))

    def remove_if_empty(self) -> None:
        """Remove the folder if no step has written a result."""
        if all(path.name == _STEPS for path in self.folder.glob("*")):
            self.remove()

    def remove(self) -> None:
        """Remove everything."""
        remove(self.folder)


def read_lines(path: Path) -> list[str]:
    """Return the lines written by `Workplace.write_lines`."""
    return path.read_text(encoding="utf-8", errors="surrogatepass").splitlines()


def stamp_of(source: Any) -> Any:
    """Return a value that identifies a file, a folder or data in memory: names, sizes and times, or a digest."""
    if isinstance(source, TextReader):
        return [stamp_of(name) for name in source.recorded]
    if isinstance(source, (str, os.PathLike)):
        path = Path(os.path.abspath(source))
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        stats = ((str(file), file.stat()) for file in files if file.is_file())
        return [[name, stat.st_size, stat.st_mtime_ns] for name, stat in stats]
    digest = blake2b(digest_size=16)
    if isinstance(source, Embeddings):
        digest.update(np.ascontiguousarray(source.vectors).tobytes())
        source = source.index_to_key
    for text in source:
        digest.update(f"{text}\n".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()
