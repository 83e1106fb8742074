"""Encoder folders that are sent to other processes as path and digest, and opened once there."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from threading import Lock

from w2v.encoder.model.inference import Inference
from w2v.encoder.model.state import EncoderState
from w2v.encoder.opening import open_encoder
from w2v.storage.files import ModelError, reading
from w2v.vectors.model_folder import LAYOUT

_MOST_OPEN = 8
"""Number of encoders that a process keeps open."""
_OF_ENCODER = (".json", ".safetensors", ".txt", ".model")
_DIGEST_BYTES = 8
_opening = Lock()


@dataclass(frozen=True)
class EncoderFolder:
    """The folder of an encoder, and a digest of its files at the time.

    Attributes
    ----------
    path : str
        Absolute path.
    digest : str
        See `digest_of_folder`.
    """

    path: str
    digest: str

    @classmethod
    def of(cls, path: str | os.PathLike[str]) -> EncoderFolder:
        """Return the folder with its current digest; ModelError if it is missing."""
        if not os.path.isdir(path):
            raise ModelError(f"{path} no longer exists; save the encoder again")
        return cls(os.path.abspath(path), digest_of_folder(path))

    def open(self) -> EncoderState:
        """Return the encoder, memory-mapped; a process opens it once and shares it among its threads.

        Raises
        ------
        ModelError
            If the folder is missing here, or has changed.
        """
        with _opening:
            return _open(self)


@lru_cache(_MOST_OPEN)
def _open(folder: EncoderFolder) -> EncoderState:
    if not os.path.isdir(folder.path):
        raise ModelError(
            f"{folder.path} does not exist on {socket.gethostname()}, but the encoder was sent only as this path: put "
            "the folder there on every machine, or send the whole encoder, without by_path()"
        )
    if digest_of_folder(folder.path) != folder.digest:
        raise ModelError(
            f"{folder.path} on {socket.gethostname()} is not the encoder that was sent as this path: its files are "
            "different; put the same folder on every machine, or open it again and call by_path()"
        )
    return open_encoder(folder.path)


@lru_cache(_MOST_OPEN)
def shared_inference(state: EncoderState, workers: int | None) -> Inference:
    """Return the `Inference` of a state, one per process."""
    return Inference(state, workers)


def digest_of_folder(folder: str | os.PathLike[str]) -> str:
    """Return a digest of 16 letters of a folder's files, without those that do not affect the vectors."""
    found = blake2b(digest_size=_DIGEST_BYTES)
    for path in sorted(Path(folder).rglob("*")):
        if path.suffix in _OF_ENCODER and path.name != LAYOUT.training and path.is_file():
            found.update(f"{path.relative_to(folder).as_posix()}\0{path.stat().st_size}\0".encode())
            with reading(path) as file:
                while block := file.read(1 << 20):
                    found.update(block)
    return found.hexdigest()
