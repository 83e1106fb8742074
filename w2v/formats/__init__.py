"""The formats of vector files: which module reads and writes each, and how a file is recognised."""

from __future__ import annotations

import importlib
import os
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from w2v.formats.source import is_zip, open_source
from w2v.formats.text_rows import is_number
from w2v.storage.files import ModelError, reading

if TYPE_CHECKING:
    from w2v.vectors.embeddings import Embeddings


@dataclass(frozen=True)
class Format:
    """A format, with the location of its functions, which are imported when needed.

    Attributes
    ----------
    name : str
    described : str
        A short description.
    where : str
        ``MODULE.KIND``: the module that has ``read_KIND(path, *, limit, errors, encoding)``, which returns Embeddings,
        and ``write_KIND(embeddings, path, *, overwrite)``, which returns the omitted words.
    binary : bool, optional
        Argument for the functions of `word2vec` that serve two formats.
    suffixes : tuple of str
        File name suffixes, for files that their content does not identify.
    """

    name: str
    described: str
    where: str
    binary: bool | None = None
    suffixes: tuple[str, ...] = ()

    def function(self, verb: Literal["read", "write"]) -> Callable[..., Any]:
        """Return the function that reads or writes the format."""
        module, kind = self.where.split(".")
        found: Callable[..., Any] = getattr(importlib.import_module(f"w2v.formats.{module}"), f"{verb}_{kind}")
        return found if self.binary is None else partial(found, binary=self.binary)


FORMATS = {
    found.name: found
    for found in (
        Format("word2vec-text", "word2vec, text", "word2vec.word2vec", False),
        Format("word2vec-binary", "word2vec, binary", "word2vec.word2vec", True),
        Format("fasttext-vec", "fastText's .vec", "word2vec.word2vec", False),
        Format("fasttext-bin", "fastText's .bin, with n-grams", "fasttext.fasttext"),
        Format("glove", "GloVe, text", "glove.glove"),
        Format("gensim", "gensim's .kv (written only)", "gensim.gensim", suffixes=(".kv",)),
        Format("numpy", ".npz, or .npy with a file of words", "arrays.numpy"),
        Format("safetensors", "safetensors", "arrays.safetensors", suffixes=(".safetensors",)),
        Format("projector", "a folder for TensorFlow's Embedding Projector", "projector.projector", suffixes=(".tsv",)),
        Format("model2vec", "the words of a model2vec folder (read only)", "model2vec.static"),
    )
}


def read_vectors(
    path: str | os.PathLike[str],
    *,
    format: str | None = None,
    limit: int | None = None,
    errors: str = "strict",
    encoding: str = "utf-8",
) -> Embeddings:
    """Read a file or folder of vectors in any of the `FORMATS`.

    Parameters
    ----------
    path : str or path-like
        The file or folder. Text and binary vectors may be compressed with gzip, bzip2 or xz, or be the only file in a
        zip archive.
    format : str, optional
        Its format; by default it is detected, if possible from the content.
    limit : int, optional
        Read only the first `limit` words, usually the most frequent.
    errors : {"strict", "replace", "ignore"}, default "strict"
        How to handle words that do not decode. Words may become equal; then the first is kept, and
        ``metadata["duplicates_dropped"]`` counts the others.
    encoding : str, default "utf-8"
        Encoding of the words, unless the format defines it; such as "latin-1" or "cp1252", for text also "utf-16".

    Returns
    -------
    Embeddings

    Raises
    ------
    ModelError
        If the file is missing, damaged, or of a format that cannot be read.
    ValueError
        If `format` or `encoding` is unknown or `limit` is less than 1.
    """
    found = _get(format) if format is not None else detect_format(path, encoding=encoding)
    embeddings: Embeddings = found.function("read")(path, limit=limit, errors=errors, encoding=encoding)
    return embeddings


def write_vectors(
    embeddings: Embeddings, path: str | os.PathLike[str], *, format: str, overwrite: bool = False
) -> list[str]:
    """Write the vectors of a model in one of the `FORMATS`.

    Parameters
    ----------
    embeddings : Embeddings
        The model.
    path : str or path-like
        The file, or the folder for some formats.
    format : str
        Its format.
    overwrite : bool, default False
        Replace an existing file, or a folder of the same format.

    Returns
    -------
    list of str
        Words that the format cannot express and that were omitted: in text formats, those with white space.

    Raises
    ------
    ModelError
        If the format can express none of the words, or the file cannot be written.
    ValueError
        If `format` is unknown.
    """
    found = _get(format)
    left_out: list[str] = found.function("write")(embeddings, path, overwrite=overwrite)
    return left_out


def detect_format(path: str | os.PathLike[str], *, encoding: str = "utf-8") -> Format:
    """Detect the format of a file or folder; `encoding` is that of text files.

    Raises
    ------
    ModelError
        If it is missing, already a model folder, a folder of an unknown kind, or compressed and damaged.
    """
    if os.path.isdir(path):
        return _detect_folder(Path(path))
    with reading(path) as file:
        start = file.read(8)
    if start[:6] == b"\x93NUMPY" or (is_zip(start) and _holds_arrays(path)):
        return FORMATS["numpy"]
    if start[:1] == b"\x80" and start[1:2] in b"\2\3\4\5":
        return FORMATS["gensim"]
    for found in FORMATS.values():
        if found.suffixes and os.fspath(path).endswith(found.suffixes):
            return found
    with open_source(path) as source:
        if source.peek(4) == b"\xba\x16\x4f\x2f":
            return FORMATS["fasttext-bin"]
    with open_source(path, encoding=encoding, errors="replace") as source:
        fields = source.peek(1 << 16).split(b"\n", 1)[0].removeprefix(b"\xef\xbb\xbf").split()
    if len(fields) > 2 and all(map(is_number, fields[-2:])):
        return FORMATS["glove"]
    return Format("word2vec", "word2vec", "word2vec.word2vec")


def _detect_folder(folder: Path) -> Format:
    """Return the format of a folder by the names of its files."""
    if (folder / "vectors.tsv").exists():
        return FORMATS["projector"]
    if (folder / "tokenizer.json").exists() or (folder / "0_StaticEmbedding" / "tokenizer.json").exists():
        return FORMATS["model2vec"]
    if (folder / "vocabulary.txt").exists():
        raise ModelError(f"{folder} is already a model folder; open it directly")
    raise ModelError(f"{folder} is not a known kind of folder; expected a vector file, or a folder of a known tool")


def _holds_arrays(path: str | os.PathLike[str]) -> bool:
    """Return whether a zip archive is NumPy's: by its name, or because it holds only arrays."""
    if os.fspath(path).endswith(".npz"):
        return True
    try:
        with zipfile.ZipFile(path) as archive:
            return bool(names := archive.namelist()) and all(name.endswith(".npy") for name in names)
    except zipfile.BadZipFile:
        return False


def _get(name: str) -> Format:
    """Return a format by name; raise ValueError if it is unknown."""
    if name not in FORMATS:
        raise ValueError(f"there is no format {name!r:.80}; the formats are {', '.join(FORMATS)}")
    return FORMATS[name]
