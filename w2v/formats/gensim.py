"""Conversion to and from gensim's KeyedVectors and FastTextKeyedVectors, and to a file that gensim opens."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from w2v.corpora.files.durable import sync_folder
from w2v.encoding.vocabulary import Vocabulary
from w2v.formats.vector_files import finite_blocks
from w2v.storage.files import ModelError, check_writable_beside, parents_made
from w2v.vectors.embeddings import Embeddings
from w2v.vectors.keyed_copy import to_gensim as to_gensim  # re-exported: a public name of this module
from w2v.vectors.subwords import Subwords, SubwordVectors

if TYPE_CHECKING:
    from gensim.models import KeyedVectors


def from_gensim(keyed: KeyedVectors) -> Embeddings:
    """Return the embeddings of a ``gensim.models.KeyedVectors``, or of a model that has one as ``wv``.

    Parameters
    ----------
    keyed : KeyedVectors, FastTextKeyedVectors, Word2Vec or FastText
        Keys that are not str are converted to str. Counts are kept if gensim has them. ``FastTextKeyedVectors`` keep
        their n-gram vectors.

    Returns
    -------
    Embeddings
        Copies: nothing is shared with gensim.

    Raises
    ------
    TypeError
        If `keyed` is none of these.
    ValueError
        If it is empty, or two keys have the same text.
    """
    keyed = getattr(keyed, "wv", keyed)
    if not hasattr(keyed, "index_to_key") or not hasattr(keyed, "vectors"):
        raise TypeError(f"from_gensim takes gensim's KeyedVectors, not {type(keyed).__name__}")
    counts = keyed.expandos.get("count")
    if counts is not None:
        counts = np.array(counts[: len(keyed)], dtype=np.int64)
    vocabulary = Vocabulary([str(key) for key in keyed.index_to_key], counts)
    vectors = np.array(keyed.vectors[: len(keyed)], dtype=np.float32)
    subwords = None
    if getattr(keyed, "bucket", 0) and getattr(keyed, "max_n", 0):
        settings = Subwords(keyed.min_n, keyed.max_n, keyed.bucket)
        subwords = SubwordVectors(settings, np.array(keyed.vectors_ngrams, dtype=np.float32))
    return Embeddings(vocabulary, vectors, subwords=subwords)


def read_gensim(
    path: str | os.PathLike[str], *, limit: int | None = None, errors: str = "strict", encoding: str = "utf-8"
) -> NoReturn:
    """Refuse a file that gensim saved: it is a pickle, which can run arbitrary code when opened."""
    raise ModelError(
        f"{path} is a pickle, which can run code when opened, so w2v does not read it; if you trust it, convert "
        "it in Python: from_gensim(KeyedVectors.load(path)).save(folder), with from_gensim of w2v.formats.gensim, or "
        "have gensim write it with save_word2vec_format"
    )


def write_gensim(embeddings: Embeddings, path: str | os.PathLike[str], *, overwrite: bool = False) -> list[str]:
    """Write a file for ``gensim.models.KeyedVectors.load(path)``, with gensim itself; no word is omitted.

    With n-grams, use ``gensim.models.fasttext.FastTextKeyedVectors.load(path)``. gensim puts large arrays into further
    files, such as ``path.vectors.npy``.

    Raises
    ------
    ImportError
        If gensim is not installed.
    ModelError
        If a vector holds NaN or infinity, or if a file cannot be written.
    """
    final = Path(path)
    check_writable_beside(final)
    if final.is_dir():
        raise ModelError(f"{path} is a folder; give the name of a file to write")
    for _ in finite_blocks(embeddings, path):
        pass
    keyed = to_gensim(embeddings)
    with parents_made(final), tempfile.TemporaryDirectory(prefix=f".{final.name[:100]}.", dir=final.parent) as folder:
        try:
            keyed.save(str(Path(folder, final.name)))
            # the file that refers to the others comes last
            files = sorted(Path(folder).iterdir(), key=lambda file: file.name == final.name)
            for file in files:
                if final.with_name(file.name).exists() and not overwrite:
                    raise ModelError(f"{final.with_name(file.name)} exists already; choose another name")
                with open(file, "r+b") as written:
                    os.fsync(written.fileno())
            for file in files:
                os.replace(file, final.with_name(file.name))
            sync_folder(final.parent)
        except OSError as error:
            raise ModelError(f"{path} cannot be written: {error.strerror or error}") from error
    return []
