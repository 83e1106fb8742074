"""The formats of vector files by their names: which module reads and writes each, and how a file is recognised."""

from __future__ import annotations

import gzip
import importlib
import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from w2v._files import ModelError, reading

if TYPE_CHECKING:
    from w2v.embeddings import Embeddings


@dataclass(frozen=True)
class Format:
    """A format: the names of its functions, imported when they are needed.

    Attributes
    ----------
    name : str
    described : str
        What it is, in a few words.
    module, reader, writer : str
        Reader ``(path, *, limit, errors) -> Embeddings`` and writer ``(embeddings, path, *, overwrite)``.
    binary : bool, optional
        Passed to those functions of `word2vec_format` that serve two formats.
    suffixes : tuple of str
        By which files without telling content are recognised.
    """

    name: str
    described: str
    module: str
    reader: str
    writer: str
    binary: bool | None = None
    suffixes: tuple[str, ...] = ()

    def function(self, name: str) -> Callable[..., Embeddings]:
        """Return one of its functions."""
        found: Callable[..., Embeddings] = getattr(importlib.import_module(f"w2v.{self.module}"), name)
        return found if self.binary is None else partial(found, binary=self.binary)


FORMATS = {
    found.name: found
    for found in (
        Format("word2vec-text", "word2vec, text", "word2vec_format", "read_word2vec", "write_word2vec", False),
        Format("word2vec-binary", "word2vec, binary", "word2vec_format", "read_word2vec", "write_word2vec", True),
        Format("fasttext-vec", "fastText's .vec", "word2vec_format", "read_word2vec", "write_word2vec", False),
        Format("fasttext-bin", "fastText's .bin, with n-grams", "fasttext_format", "read_fasttext", "write_fasttext"),
        Format("glove", "GloVe, text", "glove_format", "read_glove", "write_glove"),
        Format("gensim", "gensim's .kv (written only)", "gensim_format", "read_gensim", "write_gensim", None, (".kv",)),
        Format("numpy", ".npz, or .npy and words beside it", "numpy_format", "read_numpy", "write_numpy"),
        Format(
            "safetensors", "safetensors", "safetensors_format", "read_safetensors", "write_safetensors", None,
            (".safetensors",),
        ),
        Format("projector", "a folder for TensorFlow's Projector", "projector_format", "read_projector",
               "write_projector", None, (".tsv",)),
        Format("model2vec", "the words of a folder of model2vec (read only)", "static_format", "read_static",
               "write_static"),
    )
}  # fmt: skip


def read_vectors(
    path: str | os.PathLike[str], *, format: str | None = None, limit: int | None = None, errors: str = "strict"
) -> Embeddings:
    """Read a file or folder of vectors in any of the `FORMATS`.

    Parameters
    ----------
    path : str or path-like
        The file or folder.
    format : str, optional
        Its format; by default recognised, from the content where that tells.
    limit : int, optional
        Read the first (most frequent) so many words only.
    errors : {"strict", "replace", "ignore"}, default "strict"
        What to do with words that are not UTF-8.

    Returns
    -------
    Embeddings

    Raises
    ------
    ModelError
        If the file is missing, damaged, or of a format that cannot be read.
    ValueError
        If `format` is unknown or `limit` is less than 1.
    """
    found = _get(format) if format is not None else detect_format(path)
    return found.function(found.reader)(path, limit=limit, errors=errors)


def write_vectors(
    embeddings: Embeddings, path: str | os.PathLike[str], *, format: str, overwrite: bool = False
) -> None:
    """Write the vectors of a model in any of the `FORMATS`.

    Parameters
    ----------
    embeddings : Embeddings
        The model.
    path : str or path-like
        The file, or for some formats the folder.
    format : str
        Its format.
    overwrite : bool, default False
        Replace what is there, if it is of the kind.

    Raises
    ------
    ModelError
        If the format cannot express a word, or if the file cannot be written.
    ValueError
        If `format` is unknown.
    """
    found = _get(format)
    found.function(found.writer)(embeddings, path, overwrite=overwrite)


def detect_format(path: str | os.PathLike[str]) -> Format:
    """Return the format of a file or folder.

    Raises
    ------
    ModelError
        If it is missing, a model folder already, a folder of another kind, or a pickle.
    """
    if os.path.isdir(path):
        return _detect_folder(Path(path))
    start = _read_start(path)
    if start[:4] == b"\xba\x16\x4f\x2f":
        return FORMATS["fasttext-bin"]
    if start[:6] == b"\x93NUMPY" or start[:4] == b"PK\x03\x04":
        return FORMATS["numpy"]
    if start[:1] == b"\x80" and start[1:2] in b"\2\3\4\5":
        return FORMATS["gensim"]
    for found in FORMATS.values():
        if found.suffixes and os.fspath(path).endswith(found.suffixes):
            return found
    fields = start.split(b"\n", 1)[0].removeprefix(b"\xef\xbb\xbf").split()
    if len(fields) > 2 and all(map(_is_number, fields[-2:])):
        return FORMATS["glove"]
    return Format("word2vec", "word2vec", "word2vec_format", "read_word2vec", "write_word2vec")


def _detect_folder(folder: Path) -> Format:
    if (folder / "vectors.tsv").exists():
        return FORMATS["projector"]
    if (folder / "tokenizer.json").exists() or (folder / "0_StaticEmbedding" / "tokenizer.json").exists():
        return FORMATS["model2vec"]
    if (folder / "vocabulary.txt").exists():
        raise ModelError(f"{folder} is a model folder already; it is opened as it is")
    raise ModelError(f"{folder} is a folder of no known kind; expected a vector file, or a folder of another tool")


def _read_start(path: str | os.PathLike[str]) -> bytes:
    """Return the first bytes of a file, unpacked; empty if that fails, for the reader to say why."""
    with reading(path) as file:
        start = file.read(1 << 16)
        if start[:2] == b"\x1f\x8b":
            file.seek(0)
            try:
                with gzip.GzipFile(fileobj=file, mode="rb") as stream:
                    return stream.read(1 << 16)
            except (EOFError, OSError, zlib.error):
                return b""
    return start


def _is_number(text: bytes) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _get(name: str) -> Format:
    if name not in FORMATS:
        raise ValueError(f"there is no format {name!r:.80}; known are {', '.join(FORMATS)}")
    return FORMATS[name]
