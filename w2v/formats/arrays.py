"""Vectors as arrays: with words in a ``.npz`` or safetensors file, or in a ``.npy`` with a separate file of words."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.formats.text_rows import check_distinct, read_lines
from w2v.formats.vector_files import check_limit, finite_blocks, float32_table, make_vocabulary, without_words
from w2v.storage.files import ModelError, atomic_file, check_output_file, reading
from w2v.storage.tensors import read_tensors, write_tensors
from w2v.vectors.embeddings import Embeddings

_LINE_ENDS = "\n\r"
_NOTE = "w2v word vectors: rows of `vectors`; `words` are UTF-8, each followed by a line feed"


def read_numpy(
    path: str | os.PathLike[str], *, limit: int | None = None, errors: str = "strict", encoding: str = "utf-8"
) -> Embeddings:
    """Read vectors from a ``.npz`` or a ``.npy`` file; for the parameters see `w2v.formats.read_vectors`.

    A ``.npz`` holds the arrays ``vectors`` (V, D), ``words`` (V,) and optionally ``counts`` (V,). A ``.npy`` of shape
    (V, D), say ``v.npy``, needs a text file ``v.words.txt`` with one word a line. Python objects are never loaded,
    because they could run code.

    Raises
    ------
    ModelError
        If a file is missing or damaged, holds Python objects, duplicate words, NaN or infinity, or if words and vectors
        do not match.
    """
    check_limit(limit)
    with reading(path) as file:
        start = file.read(6)
        file.seek(0)
        try:
            if start == b"\x93NUMPY":
                table = np.load(path, mmap_mode="r", allow_pickle=False)
                words, counts = _read_words(_words_beside(path), errors, encoding), None
            elif start[:4] == b"PK\x03\x04":
                with np.load(file, allow_pickle=False) as archive:
                    words, table, counts = _unpack(path, archive, errors)
            else:
                raise ModelError(f"{path} is not a NumPy file: it begins neither like .npy nor like .npz")
        except ModelError:
            raise
        except (ValueError, OSError, EOFError, KeyError, MemoryError, zipfile.BadZipFile, zlib.error) as error:
            raise ModelError(f"{path} is damaged, truncated or holds Python objects: {error}") from error
    return _make_embeddings(path, words, table, counts, limit)


def read_safetensors(
    path: str | os.PathLike[str], *, limit: int | None = None, errors: str = "strict", encoding: str = "utf-8"
) -> Embeddings:
    """Read vectors from a safetensors file; for the parameters see `w2v.formats.read_vectors`.

    The file holds ``vectors`` (V, D), which are mapped if they are float32; ``words``, UTF-8 bytes with a line feed
    after each word; ``word_lengths`` (V,), in bytes, if a word contains a line feed; and optionally ``counts`` (V,). Or
    it holds a single table under any name, and the words are in a separate file, ``v.words.txt`` for ``v.safetensors``.

    Raises
    ------
    ModelError
        If a file is missing or damaged, a word occurs twice, a value is NaN or infinite, or words and vectors do not
        match.
    """
    check_limit(limit)
    tensors = read_tensors(path)
    if "words" in tensors:
        words = _unpack_words(path, tensors.pop("words"), tensors.pop("word_lengths", None), errors)
    else:
        words = _read_words(_words_beside(path), errors, encoding)
    counts = tensors.pop("counts", None)
    if len(tensors) != 1 and "vectors" not in tensors:
        raise ModelError(f"{path}: expected one table of vectors or one named 'vectors', found {sorted(tensors)}")
    table = tensors["vectors"] if "vectors" in tensors else next(iter(tensors.values()))
    return _make_embeddings(path, words, table, counts, limit)


def write_numpy(embeddings: Embeddings, path: str | os.PathLike[str], *, overwrite: bool = False) -> list[str]:
    """Write a ``.npz``, or a ``.npy`` and a file of words, by the suffix of the name; return the omitted words.

    With a ``.npy``, counts are lost, and words that are empty or contain line ends are omitted. A ``.npz`` holds
    everything. If a word ends in a zero byte, which NumPy would strip, all words are stored as bytes, as in a
    safetensors file.

    Raises
    ------
    ModelError
        If the name has another suffix, a vector holds NaN or infinity, or a file cannot be written.
    """
    name = os.fspath(path)
    if not name.endswith((".npy", ".npz")):
        raise ModelError(
            f"{path}: the name of a NumPy file must end in .npz (words included) or .npy (words in a separate file)"
        )
    if name.endswith(".npy"):
        written, left_out = without_words(embeddings, path, _LINE_ENDS)
        _write_npy(written, path, overwrite)
        return left_out
    arrays: dict[str, Any] = _as_arrays(embeddings, path)
    if not any(word.endswith("\0") for word in embeddings.index_to_key):
        arrays["words"] = np.array(embeddings.index_to_key)
        arrays.pop("word_lengths", None)
    with atomic_file(path, overwrite=overwrite) as file:
        np.savez(file, **arrays)
    return []


def write_safetensors(embeddings: Embeddings, path: str | os.PathLike[str], *, overwrite: bool = False) -> list[str]:
    """Write vectors, words and any counts to a safetensors file; no word is omitted, so the result is empty.

    Raises
    ------
    ModelError
        If a vector holds NaN or infinity, or the file cannot be written.
    """
    check_output_file(path, overwrite=overwrite)
    write_tensors(Path(path), _as_arrays(embeddings, path), {"format": _NOTE})
    return []


def _make_embeddings(
    path: str | os.PathLike[str],
    words: list[str],
    table: NDArray[np.generic],
    counts: NDArray[Any] | None,
    limit: int | None,
) -> Embeddings:
    """Return the first `limit` words and vectors of a file, after checking that its arrays match."""
    if counts is not None and (counts.dtype.kind not in "iu" or counts.shape != (len(words),)):
        raise ModelError(f"{path}: the counts are {counts.dtype} of shape {counts.shape}, not a number for each word")
    vectors = float32_table(path, table, len(words))
    vocabulary = make_vocabulary(os.fspath(path), words[:limit], None if counts is None else counts[:limit])
    return Embeddings(vocabulary, vectors[:limit])


def _as_arrays(embeddings: Embeddings, path: str | os.PathLike[str]) -> dict[str, NDArray[Any]]:
    """Return a model's vectors, checked to be finite, its words as bytes, and its counts if known."""
    for _ in finite_blocks(embeddings, path):
        pass
    arrays = {**_pack_words(embeddings.index_to_key), "vectors": embeddings.vectors}
    if embeddings.vocabulary.counts is not None:
        arrays["counts"] = embeddings.vocabulary.counts
    return arrays


def _pack_words(words: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Return words as arrays: UTF-8 with a line feed after each word, and the lengths if a word contains one."""
    joined = "".join([f"{word}\n" for word in words]).encode()
    packed: dict[str, NDArray[Any]] = {"words": np.frombuffer(joined, dtype=np.uint8)}
    if joined.count(b"\n") != len(words):
        packed["word_lengths"] = np.array([len(word.encode()) for word in words], dtype=np.int64)
    return packed


def _unpack_words(
    path: str | os.PathLike[str], data: NDArray[np.generic], lengths: NDArray[np.generic] | None, errors: str
) -> list[str]:
    """Undo `_pack_words`."""
    if data.dtype != np.uint8 or data.ndim != 1:
        raise ModelError(f"{path}: the words are {data.dtype} of shape {data.shape}, not bytes")
    joined = data.tobytes()
    try:
        if lengths is None:
            words = joined.decode("utf-8", errors).split("\n")
            if words.pop() != "":
                raise ModelError(f"{path}: the words do not end with a line feed; the file is damaged")
            return words
        if lengths.dtype.kind not in "iu" or lengths.ndim != 1 or (lengths < 0).any():  # type: ignore[operator]
            raise ModelError(f"{path}: the lengths of the words are damaged")
        ends = np.cumsum(lengths.astype(np.int64) + 1)
        if not len(ends) or ends[-1] != len(joined):
            raise ModelError(
                f"{path}: the lengths of the words are {int(ends[-1:].sum())} bytes in total, not {len(joined)}"
            )
        starts = [0, *ends[:-1].tolist()]
        return [joined[a : b - 1].decode("utf-8", errors) for a, b in zip(starts, ends.tolist(), strict=True)]
    except UnicodeDecodeError as error:
        raise ModelError(
            f"{path}: the words are not UTF-8 at their byte {joined.index(error.object) + error.start}; read with "
            "errors='replace'"
        ) from error


def _unpack(
    path: str | os.PathLike[str], archive: Any, errors: str
) -> tuple[list[str], NDArray[np.generic], NDArray[Any] | None]:
    """Return the words, vectors and counts of a ``.npz``."""
    for name in ("words", "vectors"):
        if name not in archive.files:
            raise ModelError(f"{path} has no array {name!r}; expected words and vectors, found {archive.files}")
    words = archive["words"]
    if words.dtype == np.uint8:
        found = _unpack_words(path, words, archive.get("word_lengths"), errors)
    elif words.ndim != 1 or words.dtype.kind != "U":
        raise ModelError(f"{path}: the words are {words.dtype} of shape {words.shape}, not one row of text")
    else:
        found = words.tolist()
    return found, archive["vectors"], archive["counts"] if "counts" in archive.files else None


def _write_npy(embeddings: Embeddings, path: str | os.PathLike[str], overwrite: bool) -> None:
    """Write the vectors, and the words in a separate file."""
    beside = _words_beside(path)
    check_output_file(beside, overwrite=overwrite)
    header = {"descr": "<f4", "fortran_order": False, "shape": (len(embeddings), embeddings.vector_size)}
    with atomic_file(path, overwrite=overwrite) as file:
        np.lib.format.write_array_header_1_0(file, header)
        for _, block in finite_blocks(embeddings, path):
            file.write(block.reshape(-1).view(np.uint8).data)
        with atomic_file(beside, overwrite=overwrite) as words:  # after the vectors, before they are renamed
            words.write("".join([f"{word}\n" for word in embeddings.index_to_key]).encode())


def _words_beside(path: str | os.PathLike[str]) -> Path:
    """Return the file of words for a file of vectors: v.words.txt for v.npy."""
    return Path(path).with_suffix(".words.txt")


def _read_words(path: Path, errors: str, encoding: str) -> list[str]:
    """Read a file of one word a line."""
    if not os.path.lexists(path):
        raise ModelError(f"{path} does not exist; it must have the words of the vectors, one a line, in their order")
    words = read_lines(path, errors, encoding)
    if "" in words:
        raise ModelError(f"{path}, line {words.index('') + 1}: the line is empty; expected one word a line")
    check_distinct(str(path), words, 1)
    return words
