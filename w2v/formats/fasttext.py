"""Reading and writing models in fastText's binary format: words, counts and character n-grams."""

from __future__ import annotations

import io
import os
import struct
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.formats.source import Source, is_utf8, open_source
from w2v.formats.vector_files import (
    allocate_rows,
    check_finite,
    check_limit,
    finite_blocks,
    make_embeddings,
    make_vocabulary,
    new_file,
    row_blocks,
    without_words,
)
from w2v.storage.files import ModelError
from w2v.vectors.embeddings import Embeddings
from w2v.vectors.subwords import Subwords, SubwordVectors

MAGIC = struct.pack("<i", 793712314)
_VERSIONS = (11, 12)
_CBOW, _SKIPGRAM, SUPERVISED = 1, 2, 3
_NEGATIVE_SAMPLING = 2
_SETTINGS = struct.Struct("<12id")
_SIZES = struct.Struct("<3i2q")
_ENTRY = struct.Struct("<qb")
MATRIX = struct.Struct("<?2q")
NOT_PRUNED = -1
_MAX_WORD_BYTES = 1 << 20
_MAX_SIZE = (1 << 31) - 1


class Settings(NamedTuple):
    """fastText's arguments, in the order of the file and with fastText's names."""

    dim: int
    ws: int
    epoch: int
    minCount: int  # noqa: N815
    neg: int
    wordNgrams: int  # noqa: N815
    loss: int
    model: int
    bucket: int
    minn: int
    maxn: int
    lrUpdateRate: int  # noqa: N815
    t: float

    @property
    def subwords(self) -> Subwords | None:
        """The n-gram settings; None if the model has no n-grams."""
        if not 0 < self.maxn >= self.minn:
            return None
        return Subwords(max(1, self.minn), self.maxn, self.bucket)


def read_fasttext(
    path: str | os.PathLike[str], *, limit: int | None = None, errors: str = "strict", encoding: str = "utf-8"
) -> Embeddings:
    """Read a ``.bin`` model of fastText; for the parameters see `w2v.formats.read_vectors`.

    Words get the same vectors as in fastText: the mean of a word's own vector and those of its n-grams. All n-gram
    vectors are kept, whatever the `limit`; they are mapped from the file unless it is compressed. Some published models
    have words that are not UTF-8: their vectors are computed from the raw bytes. fastText's arguments are in
    ``metadata["fasttext"]``. Labels of supervised models and output vectors, which only further training needs, are
    skipped.

    Raises
    ------
    ModelError
        If the file is missing, of another kind or version, quantised, or inconsistent with its sizes; the message names
        the byte or the word. Sizes are checked before memory is allocated.
    """
    check_limit(limit)
    is_utf8(encoding)
    with open_source(path) as source:
        settings = read_settings(source)
        read = read_dictionary(source, limit)
        if read.n_pruned not in (NOT_PRUNED, 0):
            raise ModelError(f"{source.path}: the model is pruned, as quantised ones are; {_WAY_OUT}")
        words, counts, n_words = read.words, read.counts, read.n_words
        n_buckets = read_input_size(source, settings, n_words)
        row_bytes = 4 * settings.dim
        vectors = read_rows(source, len(words), settings.dim)
        _skip(source, (n_words - len(words)) * row_bytes)
        first_byte = source.offset
        if source.stream is None:
            _skip(source, n_buckets * row_bytes)
            ngram_vectors = _map_rows(path, first_byte, n_buckets, settings.dim)
        else:
            ngram_vectors = read_rows(source, n_buckets, settings.dim)
        _check_rest(source)
    check_finite(source.path, vectors, lambda row: f": the vector of word {row + 1}, {words[row]!r},")
    check_finite(source.path, ngram_vectors, lambda row: f", byte {first_byte + row * row_bytes}: an n-gram's vector")
    subwords = None
    if settings.subwords is not None:
        from w2v.kernels.subwords import add_ngrams

        subwords = SubwordVectors(settings.subwords, ngram_vectors)
        add_ngrams(vectors, ngram_vectors, *subwords.subwords.table(words))
    decoded = decode(source.path, words, errors, encoding)
    if errors == "strict":
        make_vocabulary(source.path, decoded)
    found = make_embeddings(decoded, vectors, counts)
    metadata = {**found.metadata, "fasttext": settings._asdict()}
    return Embeddings(found.vocabulary, found.vectors, metadata=metadata, subwords=subwords)


def write_fasttext(embeddings: Embeddings, path: str | os.PathLike[str], *, overwrite: bool = False) -> list[str]:
    """Write a ``.bin`` model that fastText and gensim open, atomically; return the omitted words.

    Words with a zero byte are omitted, because it ends a word in this format. Embeddings without ``subwords`` become a
    model without n-grams. Words without a count get the count 1.

    Raises
    ------
    ModelError
        If a vector holds NaN or infinity, a size exceeds the format's 2 ** 31 - 1, or the file cannot be written.

    Notes
    -----
    fastText stores the words' own vectors and adds those of the n-grams at a query. The own vectors are recovered from
    the sums, and fastText's results equal the model's vectors to float32 rounding (1e-6). N-grams that training never
    saw may have no vectors; fastText counts them as zeros, so vectors of unseen words have the same direction as here
    but are shorter. Output vectors are written as zeros: queries do not need them.
    """
    embeddings, left_out = without_words(embeddings, path, "\0", empty=True)
    n_words, vector_size, subwords = len(embeddings), embeddings.vector_size, embeddings.subwords
    if max(n_words, vector_size) > _MAX_SIZE:
        raise ModelError(f"{path} cannot be written: fastText's format is limited to {_MAX_SIZE} words and dimensions")
    settings = _make_settings(embeddings)
    counts = embeddings.vocabulary.counts
    counts = np.ones(n_words, np.int64) if counts is None else np.maximum(counts, 1)
    with new_file(path, overwrite=overwrite) as file:
        file.write(MAGIC + struct.pack("<i", _VERSIONS[-1]) + _SETTINGS.pack(*settings))
        file.write(_SIZES.pack(n_words, n_words, 0, int(counts.sum()), NOT_PRUNED))
        entries = zip(embeddings.index_to_key, counts.tolist(), strict=True)
        file.write(b"".join([word.encode() + b"\0" + _ENTRY.pack(count, 0) for word, count in entries]))
        file.write(MATRIX.pack(False, n_words + settings.bucket, vector_size))
        for words, block in finite_blocks(embeddings, path):
            _write_block(file, block if subwords is None else subwords.own_vectors(words, block))
        if subwords is not None:
            for rows in row_blocks(settings.bucket, vector_size):
                _write_block(file, subwords.bucket_rows(rows))
        file.write(MATRIX.pack(False, n_words, vector_size))
        for rows in row_blocks(n_words, vector_size):
            file.write(bytes(4 * vector_size * (rows.stop - rows.start)))
    return left_out


def read_settings(source: Source) -> Settings:
    """Return fastText's arguments, and leave `source` at the dictionary."""
    start = source.peek(8)
    if start[:4] != MAGIC:
        raise ModelError(
            f"{source.path} is not a binary fastText model: it does not begin with fastText's magic number"
        )
    version = int.from_bytes(start[4:], "little", signed=True)
    if version not in _VERSIONS:
        raise ModelError(f"{source.path} is a fastText model of format {version}; only 11 and 12 can be read")
    source.position += 8
    settings = Settings(*_SETTINGS.unpack(take(source, _SETTINGS.size)))
    if version == 11 and settings.model == SUPERVISED:
        settings = settings._replace(maxn=0)  # as in fastText: these models were trained without n-grams
    if settings.dim < 1 or settings.bucket < 0 or settings.maxn > _MAX_WORD_BYTES:
        raise ModelError(
            f"{source.path}, byte 8: impossible settings: {settings.dim} dimensions, {settings.bucket} buckets, "
            f"n-grams of {settings.minn} to {settings.maxn} characters; the file is damaged"
        )
    if settings.bucket == 0:
        settings = settings._replace(maxn=0)
    return settings


class Dictionary(NamedTuple):
    """The entries of a model: the first words and all labels, each with its count."""

    words: list[bytes]
    counts: NDArray[np.int64]
    n_words: int
    labels: list[bytes]
    label_counts: NDArray[np.int64]
    n_pruned: int


def read_dictionary(source: Source, limit: int | None) -> Dictionary:
    """Return the first `limit` words, all labels, and the number of words."""
    n_entries, n_words, n_labels, _, n_pruned = _SIZES.unpack(take(source, _SIZES.size))
    if n_words < 1 or n_labels < 0 or n_entries != n_words + n_labels or n_entries * (_ENTRY.size + 1) > source.largest:
        raise ModelError(
            f"{source.path}, byte {source.offset - _SIZES.size}: promises {n_entries} entries, {n_words} words and "
            f"{n_labels} labels, which is impossible; the file is damaged or truncated"
        )
    kept: tuple[list[tuple[bytes, int]], list[tuple[bytes, int]]] = [], []
    for number in range(n_entries):
        word, count, kind = _read_entry(source, number, n_entries)
        if kind != (number >= n_words):
            raise ModelError(f"{source.path}, byte {source.offset}: entry {number + 1} is of the wrong kind")
        if kind or number < (limit or n_words):
            if count < 0:
                raise ModelError(f"{source.path}: the word {word!r} has a negative count")
            kept[kind].append((word, count))
    (words, counts), (labels, label_counts) = (
        ([word for word, _ in own], np.array([count for _, count in own], np.int64)) for own in kept
    )
    return Dictionary(words, counts, n_words, labels, label_counts, n_pruned)


_WAY_OUT = "its vectors are approximations; read the .bin model it was made from"


def _read_entry(source: Source, number: int, n_entries: int) -> tuple[bytes, int, int]:
    """Return the word, the count and the kind of the next entry."""
    while True:
        end = source.data.find(b"\0", source.position, source.position + _MAX_WORD_BYTES)
        after = end + 1 + _ENTRY.size
        if end >= 0 and after <= len(source.data):
            break
        if len(source.data) - source.position > _MAX_WORD_BYTES + _ENTRY.size or not source.more():
            raise ModelError(
                f"{source.path}, byte {source.offset}: no end of entry {number + 1} of {n_entries}; the file is "
                "truncated or damaged"
            )
    word = source.data[source.position : end]
    count, kind = _ENTRY.unpack_from(source.data, end + 1)
    source.position = after
    return word, count, kind


def read_input_size(source: Source, settings: Settings, n_words: int) -> int:
    """Read the size of the input matrix; return the number of rows that belong to n-grams."""
    start = source.offset
    is_quantised, n_rows, n_columns = MATRIX.unpack(take(source, MATRIX.size))
    if is_quantised:
        raise ModelError(f"{source.path} is quantised (a .ftz file): {_WAY_OUT}")
    if n_columns != settings.dim or n_rows != n_words + settings.bucket or n_rows * n_columns * 4 > source.largest:
        raise ModelError(
            f"{source.path}, byte {start}: a matrix of {n_rows} rows and {n_columns} columns does not fit {n_words} "
            f"words, {settings.bucket} buckets, {settings.dim} dimensions and a file of {source.size} bytes; it is "
            "truncated or damaged"
        )
    return settings.bucket


def read_rows(source: Source, n_rows: int, vector_size: int) -> NDArray[np.float32]:
    """Return a copy of rows of a matrix; shape (n_rows, vector_size), float32."""
    table = allocate_rows(source.path, n_rows, vector_size)
    target = table.reshape(-1).view(np.uint8)
    for part in parts(source, len(target)):
        target[part.start : part.stop] = np.frombuffer(source.data, np.uint8, len(part), source.position)
    return table if sys.byteorder == "little" else table.byteswap()


def _skip(source: Source, n_bytes: int) -> None:
    """Skip bytes."""
    for _ in parts(source, n_bytes):
        pass


def parts(source: Source, n_bytes: int) -> Iterator[range]:
    """Yield the next `n_bytes` bytes part by part: ranges of them, available at `source.position`."""
    done = 0
    while done < n_bytes:
        step = min(n_bytes - done, len(source.data) - source.position)
        yield range(done, done + step)
        done += step
        source.position += step
        if done < n_bytes and not source.more():
            raise ModelError(f"{source.path}, byte {source.offset}: the file ends within its vectors; it is truncated")


def _map_rows(path: str | os.PathLike[str], first_byte: int, n_rows: int, vector_size: int) -> NDArray[np.float32]:
    """Return rows of a matrix, memory-mapped; shape (n_rows, vector_size), float32."""
    if n_rows == 0:
        return np.empty((0, vector_size), np.float32)
    return np.asarray(np.memmap(path, np.dtype("<f4"), "r", first_byte, (n_rows, vector_size)))


def _check_rest(source: Source) -> None:
    """Raise ModelError unless the output matrix and then the end of the file follow."""
    start = source.offset
    is_quantised, n_rows, n_columns = MATRIX.unpack(take(source, MATRIX.size))
    if is_quantised or n_rows < 0 or n_columns < 0:
        raise ModelError(f"{source.path}, byte {start}: the output vectors are damaged")
    _skip(source, n_rows * n_columns * 4)
    if source.ensure(1):
        raise ModelError(f"{source.path}, byte {source.offset}: the file continues after the model; it is damaged")


def take(source: Source, n_bytes: int) -> bytes:
    """Return exactly the next `n_bytes` bytes, or raise ModelError."""
    taken = source.peek(n_bytes)
    if len(taken) < n_bytes:
        raise ModelError(f"{source.path}, byte {source.offset}: the file ends too early; it is truncated")
    source.position += n_bytes
    return taken


def decode(path: str, words: list[bytes], errors: str, encoding: str) -> list[str]:
    """Decode the words, or raise a ModelError that names the first that fails."""
    try:
        return [word.decode(encoding, errors) for word in words]
    except UnicodeDecodeError as error:
        number = words.index(error.object)
        raise ModelError(
            f"{path}: word {number + 1}, {error.object[:60]!r}, is not {error.encoding.upper()}; name the encoding, "
            "or read with errors='replace'"
        ) from error


def _make_settings(embeddings: Embeddings) -> Settings:
    """Return the fastText arguments that would train such a model."""
    given = embeddings.metadata.get("parameters")
    parameters: dict[str, Any] = given if isinstance(given, dict) else {}

    def parameter(name: str, default: int) -> int:
        value = parameters.get(name)
        return value if type(value) is int and 0 <= value <= _MAX_SIZE else default

    subwords = None if embeddings.subwords is None else embeddings.subwords.subwords
    return Settings(
        dim=embeddings.vector_size,
        ws=parameter("window", 5),
        epoch=parameter("epochs", 5),
        minCount=parameter("min_count", 1),
        neg=parameter("negative", 5),
        wordNgrams=1,
        loss=_NEGATIVE_SAMPLING,
        model=_CBOW if parameters.get("algorithm") == "cbow" else _SKIPGRAM,
        bucket=0 if subwords is None else subwords.buckets,
        minn=0 if subwords is None else subwords.min_n,
        maxn=0 if subwords is None else subwords.max_n,
        lrUpdateRate=100,
        t=1e-4,
    )


def _write_block(file: BinaryIO | io.BufferedWriter, block: NDArray[np.float32]) -> None:
    """Write vectors as little-endian float32."""
    file.write(np.ascontiguousarray(block, dtype="<f4").reshape(-1).view(np.uint8).data)
