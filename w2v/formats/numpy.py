"""Vectors as NumPy saves arrays: one ``.npz`` with the words, or a ``.npy`` with a file of words beside it."""

from __future__ import annotations

import os
import zipfile
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.formats.vector_files import (
    check_limit,
    finite_blocks,
    float32_table,
    make_vocabulary,
    pack_words,
    read_words,
    unpack_words,
    without_words,
    words_beside,
    write_words,
)
from w2v.storage.files import ModelError, OutputTakenError, atomic_file, reading
from w2v.vectors.embeddings import Embeddings

_LINE_ENDS = "\n\r"


def read_numpy(
    path: str | os.PathLike[str], *, limit: int | None = None, errors: str = "strict", encoding: str = "utf-8"
) -> Embeddings:
    """Read vectors from a ``.npz`` or a ``.npy`` file.

    Parameters
    ----------
    path : str or path-like
        A ``.npz`` with the arrays ``vectors`` (V, D), ``words`` (V,) and perhaps ``counts`` (V,); or a ``.npy`` of
        shape (V, D), beside which lies a text file of one word a line, for ``v.npy`` named ``v.words.txt``.
    limit : int, optional
        Keep the first (most frequent) so many words only.
    errors : {"strict", "replace", "ignore"}, default "strict"
        What to do with bytes that are not of the encoding in the file of words.
    encoding : str, default "utf-8"
        Of the file of words.

    Returns
    -------
    Embeddings

    Raises
    ------
    ModelError
        If a file is missing, damaged, holds Python objects (which are never loaded, since that could run code), a word
        twice, NaN or infinity, or if words and vectors do not match.
    ValueError
        If `limit` is less than 1.
    """
    check_limit(limit)
    with reading(path) as file:
        start = file.read(6)
        file.seek(0)
        try:
            if start == b"\x93NUMPY":
                table = np.load(path, mmap_mode="r", allow_pickle=False)
                words, counts = read_words(words_beside(path), errors, encoding), None
            elif start[:4] == b"PK\x03\x04":
                with np.load(file, allow_pickle=False) as archive:
                    words, table, counts = _unpack(path, archive, errors)
            else:
                raise ModelError(f"{path} is not a file of NumPy: it begins neither as .npy nor as .npz")
        except ModelError:
            raise
        except (ValueError, OSError, EOFError, KeyError, MemoryError, zipfile.BadZipFile, zlib.error) as error:
            raise ModelError(f"{path} is damaged, truncated or holds Python objects: {error}") from error
    vectors = float32_table(path, table, len(words))
    vocabulary = make_vocabulary(os.fspath(path), words[:limit], None if counts is None else counts[:limit])
    return Embeddings(vocabulary, vectors[:limit])


def write_numpy(embeddings: Embeddings, path: str | os.PathLike[str], *, overwrite: bool = False) -> list[str]:
    """Write vectors as a ``.npz``, or as a ``.npy`` with a file of words beside it.

    Parameters
    ----------
    embeddings : Embeddings
        The model. Its tokenizer, n-grams and metadata have no place in these formats; counts have in ``.npz`` only.
    path : str or path-like
        A name ending in ``.npz`` or ``.npy``; the words of ``v.npy`` go to ``v.words.txt``. ``np.load(path)`` opens it.
    overwrite : bool, default False
        Replace existing files.

    Returns
    -------
    list of str
        The words left out, as lines of a text file cannot express them: of ``.npy`` those that are empty or hold line
        ends. A ``.npz`` holds all: where a word ends in a zero byte, which NumPy would cut off, all words are bytes, as
        in `w2v.formats.safetensors`.

    Raises
    ------
    ModelError
        If the name ends otherwise, a vector holds NaN or infinity, or if a file cannot be written.
    """
    name = os.fspath(path)
    if not name.endswith((".npy", ".npz")):
        raise ModelError(f"{path}: a file of NumPy is named .npz (with the words) or .npy (words in a file beside it)")
    if name.endswith(".npy"):
        written, left_out = without_words(embeddings, path, _LINE_ENDS)
        _write_npy(written, path, overwrite)
        return left_out
    words = embeddings.index_to_key
    is_cut = any(word.endswith("\0") for word in words)
    arrays: dict[str, Any] = pack_words(words) if is_cut else {"words": np.array(words)}
    arrays["vectors"] = embeddings.vectors
    if embeddings.vocabulary.counts is not None:
        arrays["counts"] = embeddings.vocabulary.counts
    for _ in finite_blocks(embeddings, path):
        pass
    with atomic_file(path, overwrite=overwrite) as file:
        np.savez(file, **arrays)
    return []


def _write_npy(embeddings: Embeddings, path: str | os.PathLike[str], overwrite: bool) -> None:
    beside = words_beside(path)
    if beside.exists() and not overwrite:
        raise OutputTakenError(f"{beside} exists already; choose another name, or remove it first")
    header = {"descr": "<f4", "fortran_order": False, "shape": (len(embeddings), embeddings.vector_size)}
    with atomic_file(path, overwrite=overwrite) as file:
        np.lib.format.write_array_header_1_0(file, header)
        for _, block in finite_blocks(embeddings, path):
            file.write(block.reshape(-1).view(np.uint8).data)
        write_words(embeddings, beside, overwrite=overwrite)  # last: once the vectors are written, but not yet in place


def _unpack(
    path: str | os.PathLike[str], archive: Any, errors: str
) -> tuple[list[str], NDArray[np.generic], NDArray[np.int64] | None]:
    for name in ("words", "vectors"):
        if name not in archive.files:
            raise ModelError(f"{path} has no array {name!r}; expected words and vectors, found {archive.files}")
    words = archive["words"]
    if words.dtype == np.uint8:
        words = np.array(unpack_words(path, words, archive.get("word_lengths"), errors), dtype=object)
    elif words.ndim != 1 or words.dtype.kind != "U":
        raise ModelError(f"{path}: the words are {words.dtype} of shape {words.shape}, not one row of text")
    counts = None
    if "counts" in archive.files:
        counts = archive["counts"]
        if counts.dtype.kind not in "iu" or counts.shape != words.shape:
            raise ModelError(
                f"{path}: the counts are {counts.dtype} of shape {counts.shape}, not a number for each word"
            )
    return words.tolist(), archive["vectors"], counts
