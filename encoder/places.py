"""Folders of encoders that go to other processes as their path and digest, and are opened once there."""

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
"""Encoders that a process keeps open."""
_OF_ENCODER = (".json", ".safetensors", ".txt", ".model")
_DIGEST_BYTES = 8
_opening = Lock()


@dataclass(frozen=True)
class EncoderFolder:
    """The folder of an encoder, and what its files were when it was chosen.

    Attributes
    ----------
    path : str
        Absolute.
    digest : str
        See `digest_of_folder`.
    """

    path: str
    digest: str

    @classmethod
    def of(cls, path: str | os.PathLike[str]) -> EncoderFolder:
        """Return the folder as it is now; ModelError if it is missing."""
        if not os.path.isdir(path):
            raise ModelError(f"{path} is not there any more; save the encoder again")
        return cls(os.path.abspath(path), digest_of_folder(path))

    def open(self) -> EncoderState:
        """Return the encoder, memory-mapped; a process opens it once, and all its threads share it.

        Raises
        ------
        ModelError
            If the folder is missing here, or is not what it was.
        """
        with _opening:
            return _open(self)


@lru_cache(_MOST_OPEN)
def _open(folder: EncoderFolder) -> EncoderState:
    if not os.path.isdir(folder.path):
        raise ModelError(
            f"{folder.path} does not exist on {socket.gethostname()}, and the encoder was sent as this path alone: put "
            "the folder there on every machine, or send the encoder whole, without by_path()"
        )
    if digest_of_folder(folder.path) != folder.digest:
        raise ModelError(
            f"{folder.path} on {socket.gethostname()} is not the encoder that was sent as this path: its files have "
            "changed, or are others there; put the same folder on every machine, or open it and call by_path() again"
        )
    return open_encoder(folder.path)


@lru_cache(_MOST_OPEN)
def shared_inference(state: EncoderState, workers: int | None) -> Inference:
    """Return what encodes with a state, the same whenever a process asks for it."""
    return Inference(state, workers)


def digest_of_folder(folder: str | os.PathLike[str]) -> str:
    """Return 16 letters that change if what makes an encoder's vectors does: its files but for texts about it."""
    found = blake2b(digest_size=_DIGEST_BYTES)
    for path in sorted(Path(folder).rglob("*")):
        if path.suffix in _OF_ENCODER and path.name != LAYOUT.training and path.is_file():
            found.update(f"{path.relative_to(folder).as_posix()}\0{path.stat().st_size}\0".encode())
            with reading(path) as file:
                while block := file.read(1 << 20):
                    found.update(block)
    return found.hexdigest()
