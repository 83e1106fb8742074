"""Pictures in an index: their names replace the texts, and an image classifier replaces the encoder.

A name is a PNG or JPEG file, or FILE#N for picture N, from 0, of an archive; see `w2v.corpora.images.read_pictures`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.images import Pictures, picture_names, read_pictures
from w2v.corpora.images.arrays import NUMBER
from w2v.corpora.tables.files import TableTexts
from w2v.encoder.model.inference import Inference, Output
from w2v.encoder.model.persistence import load_encoder, save_encoder
from w2v.encoder.model.state import EncoderState
from w2v.encoding.corpus import open_corpus
from w2v.neural.tasks.images.classifier import ImageClassifier
from w2v.neural.tasks.images.folder import IMAGE_CLASSIFIERS
from w2v.storage.files import reading
from w2v.vectors.model_folder import is_kind

if TYPE_CHECKING:
    from w2v.corpora.tokenizers import Tokenizer

Maker = EncoderState | ImageClassifier
"""What computes the vectors of an index."""


class PictureInference:
    """Computes the vectors of pictures given by name, as `Inference` does for sentences."""

    def __init__(self, state: ImageClassifier, workers: int | None = None) -> None:
        self.state, self._workers = state, workers
        self._file, self._pictures = "", list[Pictures]()  # the archive that was read last

    def encode(self, sentences: Sequence[str], output: Output) -> NDArray[Any]:
        """Return the vectors of pictures, shape (S, d).

        Parameters
        ----------
        sentences : sequence of str
            Names of pictures.
        output : Output

        Raises
        ------
        CorpusError
            If a picture cannot be read.
        ValueError
            If a picture does not have the size the classifier was trained on.
        """
        parts = [self._read(file, list(names)) for file, names in groupby(sentences, _file_of_many)]
        vectors = [self.state.transform(part, workers=self._workers) for part in parts]
        dim = self.state.dimension
        return output.finish(np.concatenate(vectors) if vectors else np.empty((0, dim), np.float32))

    def _read(self, file: str, names: list[str]) -> Pictures:
        if not file:
            return self.state.pictures(names)
        if self._file != file:
            self._pictures, self._file = [self.state.pictures(file)], file
        [whole] = self._pictures
        numbers = np.array([int(name.rpartition(NUMBER)[2]) for name in names])
        if numbers.max() >= len(whole):
            read_pictures(f"{file}{NUMBER}{numbers.max()}")  # raises an error that gives their number
        return whole.take(numbers)


def _file_of_many(name: str) -> str:
    """Return FILE of FILE#N, or an empty string for a picture in its own file."""
    file, _, number = name.rpartition(NUMBER)
    return "" if os.path.lexists(name) or not number.isdecimal() else file


def names_in(sources: Any) -> Iterator[str]:
    """Yield the names of all pictures in files and folders."""
    for source in [sources] if isinstance(sources, (str, os.PathLike)) else sources:
        names = picture_names(source) if os.path.isdir(source) else []
        yield from names or read_pictures(source).names


def inference_of(state: Maker, workers: int | None = None) -> Inference | PictureInference:
    """Return the inference of an encoder or of an image classifier."""
    return PictureInference(state, workers) if isinstance(state, ImageClassifier) else Inference(state, workers)


def texts_of(state: Maker, given: Any) -> Any:
    """Return what to index: a corpus as `open_corpus` opens it, texts of tables, or names of pictures."""
    if isinstance(given, TableTexts):
        return given
    return names_in(given) if isinstance(state, ImageClassifier) else open_corpus(given)


def save_maker(state: Maker, folder: Path) -> None:
    """Write the encoder or classifier of an index."""
    if isinstance(state, ImageClassifier):
        state.save(folder)
    else:
        save_encoder(state, folder)


def load_maker(folder: Path, tokenizer: Tokenizer | None = None) -> Maker:
    """Open the encoder or classifier of an index; ModelError if it is missing or damaged."""
    if is_kind(folder, IMAGE_CLASSIFIERS.name):
        return ImageClassifier.load(folder)
    return load_encoder(folder, tokenizer=tokenizer)


def digest_of(folder: Path) -> str:
    """Return the SHA-256 of an index's encoder or classifier: of the names and contents of its files."""
    digest = hashlib.sha256()
    for file in sorted(each for each in folder.rglob("*") if each.is_file()):
        digest.update(f"{file.relative_to(folder).as_posix()}\0{file.stat().st_size}\0".encode())
        with reading(file) as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()
