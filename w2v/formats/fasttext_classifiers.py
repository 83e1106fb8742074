"""fastText's supervised models, plain (``.bin``) and quantised (``.ftz``)."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.formats.fasttext import (
    MATRIX,
    NOT_PRUNED,
    SUPERVISED,
    Dictionary,
    Settings,
    decode,
    parts,
    read_dictionary,
    read_input_size,
    read_rows,
    read_settings,
    take,
)
from w2v.formats.source import Source, open_source
from w2v.formats.vector_files import allocate_rows, check_finite, row_blocks
from w2v.storage.files import ModelError
from w2v.training.huffman import HuffmanTree

_HIERARCHICAL, _NEGATIVE_SAMPLING, _SOFTMAX, _ONE_VS_ALL = 1, 2, 3, 4
_CENTROIDS = 256
_CODES = struct.Struct("<?2qi")
_QUANTISER = struct.Struct("<4i")


class FasttextClassifier(NamedTuple):
    """A supervised model of fastText.

    Attributes
    ----------
    words, labels : list of str
        In the order of their rows.
    table : ndarray of shape (V + n, D), float32
        The vectors of words, then those of hash buckets of character and word n-grams.
    buckets : ndarray of shape (n,), int64
        The buckets that have rows: all of them, unless the model is pruned.
    output : ndarray of shape (K, D), float32
        The vectors of labels. With hierarchical softmax, those of the K - 1 inner nodes of the tree, and one unused
        row.
    tree : HuffmanTree or None
        With hierarchical softmax: the path to each label.
    one_of_many : bool
        Whether it was trained with a softmax over the labels; otherwise each label is an independent decision.
    settings : dict of str to number
        fastText's arguments; ``maxn`` is 0 without character n-grams.
    """

    words: list[str]
    labels: list[str]
    table: NDArray[np.float32]
    buckets: NDArray[np.int64]
    output: NDArray[np.float32]
    tree: HuffmanTree | None
    one_of_many: bool
    settings: dict[str, Any]


def read_fasttext_classifier(path: str | os.PathLike[str]) -> FasttextClassifier:
    """Read a model trained by ``fasttext supervised``, quantised or not.

    Raises
    ------
    ModelError
        If the file is missing, of another kind or version, or inconsistent with its sizes.

    Notes
    -----
    Quantised vectors are decoded to float32, as fastText does.
    """
    with open_source(path) as source:
        settings = _supervised_settings(source)
        read = read_dictionary(source, None)
        pairs = np.frombuffer(b"".join(_pieces(source, 8 * max(0, read.n_pruned))), "<i4").reshape(-1, 2)
        buckets = _buckets(source, settings, read, pairs)
        if source.peek(1) == b"\1":
            table = _read_quantised(source, len(read.words) + len(buckets), settings.dim)
        elif read.n_pruned != NOT_PRUNED:
            raise ModelError(f"{source.path}: the model is pruned, but not quantised; the file is damaged")
        else:
            table = read_rows(source, read.n_words + read_input_size(source, settings, read.n_words), settings.dim)
        output = _read_output(source, len(read.labels), settings.dim)
        if source.ensure(1):
            raise ModelError(f"{source.path}, byte {source.offset}: the file continues after the model; it is damaged")
    check_finite(source.path, table, lambda row: f": the vector of feature {row + 1}")
    check_finite(source.path, output, lambda row: f": the vector of label {row + 1}")
    subwords = settings.subwords
    found = settings._asdict() | {"minn": subwords.min_n if subwords else 0, "maxn": subwords.max_n if subwords else 0}
    names, tags = (decode(source.path, one, "strict", "utf-8") for one in (read.words, read.labels))
    tree = HuffmanTree.from_counts(read.label_counts) if settings.loss == _HIERARCHICAL else None
    one_of_many = settings.loss in (_SOFTMAX, _HIERARCHICAL)
    return FasttextClassifier(names, tags, table, buckets, output, tree, one_of_many, found)


def _supervised_settings(source: Source) -> Settings:
    settings = read_settings(source)
    if settings.model != SUPERVISED:
        raise ModelError(f"{source.path} holds word vectors of fastText, not a classifier: read them with `w2v import`")
    if settings.loss not in (_HIERARCHICAL, _NEGATIVE_SAMPLING, _SOFTMAX, _ONE_VS_ALL):
        raise ModelError(f"{source.path} was trained with an unknown loss, number {settings.loss}")
    return settings


def _buckets(source: Source, settings: Settings, read: Dictionary, pairs: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return the buckets in the order of their rows; `pairs` are the (bucket, row) of a pruned model."""
    if read.n_pruned == NOT_PRUNED:
        return np.arange(settings.bucket)
    buckets: NDArray[np.int64] = pairs[:, 0].astype(np.int64)
    rows = pairs[:, 1]
    if read.n_pruned < 0 or (np.sort(rows) != np.arange(len(rows))).any():
        raise ModelError(f"{source.path}, byte {source.offset}: the list of pruned entries is damaged")
    return buckets[np.argsort(rows)]


def _read_output(source: Source, n_labels: int, dim: int) -> NDArray[np.float32]:
    """Read the vectors of labels; the byte before them says whether they are quantised."""
    start = source.offset
    if source.peek(1) == b"\1":
        return _read_quantised(source, n_labels, dim)
    _, n_rows, n_columns = MATRIX.unpack(take(source, MATRIX.size))
    if (n_rows, n_columns) != (n_labels, dim) or not n_labels:
        raise ModelError(f"{source.path}, byte {start}: the vectors of {n_labels} labels are damaged")
    return read_rows(source, n_rows, n_columns)


def _read_quantised(source: Source, n_rows: int, dim: int) -> NDArray[np.float32]:
    """Read a quantised matrix: each byte of a row is the index of a centroid of a few columns."""
    start = source.offset
    take(source, 1)
    has_norms, m, n, n_codes = _CODES.unpack(take(source, _CODES.size))
    if (m, n) != (n_rows, dim) or not 0 < n_codes <= source.largest or n_codes % n_rows:
        raise ModelError(f"{source.path}, byte {start}: {n_codes} codes do not fit {n_rows} rows and {dim} columns")
    codes = np.frombuffer(b"".join(_pieces(source, n_codes)), np.uint8).reshape(n_rows, -1)
    centroids = _read_centroids(source, dim, codes.shape[1])
    norms = None
    if has_norms:
        norm_codes = np.frombuffer(b"".join(_pieces(source, n_rows)), np.uint8)
        norms = _read_centroids(source, 1, 1)[0][norm_codes]
    table = allocate_rows(source.path, n_rows, dim)
    for rows in row_blocks(n_rows, dim):
        parts_of_rows = (part[codes[rows, i]] for i, part in enumerate(centroids))
        np.concatenate(list(parts_of_rows), axis=1, out=table[rows])
        if norms is not None:
            table[rows] *= norms[rows]
    return table


def _read_centroids(source: Source, dim: int, n_parts: int) -> list[NDArray[np.float32]]:
    """Read a product quantiser: for each part of the columns, centroids of shape (256, columns of the part)."""
    start = source.offset
    columns, found, width, last = _QUANTISER.unpack(take(source, _QUANTISER.size))
    fits = width > 0 < last <= width and (found - 1) * width + last == dim
    if (columns, found) != (dim, n_parts) or not fits or 4 * _CENTROIDS * dim > source.largest:
        raise ModelError(
            f"{source.path}, byte {start}: the quantiser, of {columns} columns in {found} parts, is damaged"
        )
    flat = np.frombuffer(b"".join(_pieces(source, 4 * _CENTROIDS * dim)), "<f4").astype(np.float32)
    borders = _CENTROIDS * width * np.arange(1, found)
    return [own.reshape(_CENTROIDS, -1) for own in np.split(flat, borders)]


def _pieces(source: Source, n_bytes: int) -> Iterator[bytes]:
    """Yield the next bytes in the parts in which they are read."""
    for part in parts(source, n_bytes):
        yield bytes(source.data[source.position : source.position + len(part)])
