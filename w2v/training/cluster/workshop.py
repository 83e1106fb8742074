"""A worker's part of the text, which its process reads once and keeps.

Each function here is a task that can be repeated: the process keeps the text in memory or on its disk, and a process
that takes over a part reads it again.
"""

from __future__ import annotations

import errno
import os
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.files.ranges import FileRange, RangeReader
from w2v.corpora.inputs import CorpusError, open_input, size_on_disk
from w2v.corpora.tokenizers import Tokenizer
from w2v.encoding.stream import ScannedCorpus, TokenStream, WorkFolder, scan_corpus
from w2v.encoding.vocabulary import Vocabulary, choose_words, known_rows, words_of_list
from w2v.settings.parameters import Parameters
from w2v.training.state import digest_stream
from w2v.training.trainer import segment_borders

_NUMBER_BITS = 48
"""Bits of a position in a part of the text; the higher bits are the number of the part."""
_MEMORY_SHARE = 0.25


@dataclass(frozen=True)
class Shard:
    """A worker's part of the text, and how to read it."""

    training: str  # a unique name of the training: that of its client, a slash, and more
    number: int
    ranges: tuple[FileRange, ...]
    errors: str
    tokenizer: Tokenizer
    n_threads: int
    max_memory: int | None
    work_folder: str | None  # on the worker


class Counts(NamedTuple):
    """The words of one or several parts, in order of first occurrence."""

    words: list[str]
    counts: NDArray[np.int64]
    first: NDArray[np.int64]  # positions, which increase through the whole text


class Facts(NamedTuple):
    """Facts about a part that others need."""

    n_words: int
    n_tokens: int
    n_sentences: int
    n_segments: int
    longest: int  # tokens of the longest sentence
    digest: int


@dataclass
class Bench:
    """What a process keeps of a part: its text, and the learner of `learning`."""

    folder: WorkFolder
    scanned: ScannedCorpus | None = None
    counts: Counts | None = None
    stream: TokenStream | None = None
    vocabulary: Vocabulary | None = None
    digest: int | None = None  # of the stream
    learner: Any = None
    lock: threading.RLock = field(default_factory=threading.RLock)


_BENCHES: dict[tuple[str, int], Bench] = {}


def bench_of(shard: Shard) -> Bench:
    """Return the bench of a part in this process, new if necessary."""
    folder, _ = _resources(shard)
    return _BENCHES.setdefault((shard.training, shard.number), Bench(WorkFolder(folder)))


def kept_bench(training: str, number: int) -> Bench | None:
    """Return the bench of a part in this process; None if there is none."""
    return _BENCHES.get((training, number))


def _resources(shard: Shard) -> tuple[str | None, int | None]:
    """Return the folder for files, and the most bytes of text in memory; by default those of the Dask worker."""
    folder, memory = shard.work_folder, shard.max_memory
    if "distributed" in sys.modules:
        from distributed import get_worker

        try:
            worker = get_worker()
        except ValueError:  # not a Dask worker
            return folder, memory
        limit = worker.memory_manager.memory_limit
        folder = folder or str(worker.local_directory)
        memory = memory or (int(_MEMORY_SHARE * limit) if limit else None)
    return folder, memory


@contextmanager
def _disk_errors(bench: Bench) -> Iterator[None]:
    """Name the worker and the folder in errors about full disks and folders that cannot be written."""
    try:
        yield
    except OSError as error:
        where, folder = socket.gethostname(), bench.folder.parent or tempfile.gettempdir()
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise OSError(
                error.errno,
                f"no space on the worker {where} for its part of the text, in {folder}: start it with another "
                "--local-directory, or use more workers",
            ) from error
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.EROFS):
            raise OSError(
                error.errno,
                f"the worker {where} cannot write its part of the text to {folder} ({os.strerror(error.errno)}): it "
                "needs a folder there, work_folder or its own --local-directory",
            ) from error
        raise


def _scanned(shard: Shard, bench: Bench) -> ScannedCorpus:
    if bench.scanned is None:
        reader = RangeReader(shard.ranges, errors=shard.errors)
        with _disk_errors(bench):
            bench.scanned = scan_corpus(reader, shard.tokenizer, shard.n_threads, _resources(shard)[1], bench.folder)
    return bench.scanned


def unreadable(files: list[tuple[str, int | None]]) -> tuple[str, str] | None:
    """Return this host and the error of the first file that cannot be read or has another size; None without one."""
    for path, expected in files:
        try:
            size = size_on_disk(path)
            with open_input(path):
                pass
        except CorpusError as error:
            return socket.gethostname(), str(error)
        if size != expected:
            return socket.gethostname(), f"{path} has {size or 0:,} bytes there and {expected or 0:,} here"
    return None


def count_words(shard: Shard) -> Counts:
    """Read a part of the text and return its words."""
    bench = bench_of(shard)
    with bench.lock:
        if bench.counts is None:
            scanned = _scanned(shard, bench)
            places = np.argsort(scanned.first)
            words = scanned.words_of(places)
            bench.counts = Counts(words, scanned.counts[places], (shard.number << _NUMBER_BITS) + scanned.first[places])
        return bench.counts


def merge_counts(parts: list[Counts]) -> Counts:
    """Merge the words of one or two consecutive parts."""
    if len(parts) == 1:
        return parts[0]
    before, after = parts
    rows = known_rows(after.words, dict(zip(before.words, range(len(before.words)), strict=True)))
    is_new, counts = rows < 0, before.counts.copy()
    counts[rows[~is_new]] += after.counts[~is_new]
    added = [word for word, new in zip(after.words, is_new.tolist(), strict=True) if new]
    return Counts(
        before.words + added,
        np.concatenate([counts, after.counts[is_new]]),
        np.concatenate([before.first, after.first[is_new]]),
    )


def choose_vocabulary(counts: Counts, min_count: int, max_vocab: int | None) -> Vocabulary:
    """Return the vocabulary, the same as on one machine; it may be empty."""
    return choose_words(words_of_list(counts.words), counts.counts, counts.first, min_count, max_vocab)[0]


def summary_of(counts: Counts) -> NDArray[np.int64]:
    """Return only the counts, int64."""
    return counts.counts


def stream_of(shard: Shard, vocabulary: Vocabulary, bench: Bench) -> TokenStream:
    """Return a part of the text as word ids."""
    if bench.stream is None:
        scanned = _scanned(shard, bench)
        rows = known_rows(scanned.words_of(np.arange(len(scanned.counts))), vocabulary.key_to_index)
        with _disk_errors(bench):
            bench.stream = scanned.encode(rows.astype(np.int32))
        scanned.close()
        bench.scanned = None
    return bench.stream


def describe_part(shard: Shard, vocabulary: Vocabulary, parameters: Parameters) -> Facts:
    """Encode a part of the text and return the facts about it."""
    bench = bench_of(shard)
    with bench.lock:
        bench.vocabulary = vocabulary
        stream = stream_of(shard, vocabulary, bench)
        bench.digest = digest_stream(stream)
        return Facts(
            stream.n_words,
            len(stream),
            stream.n_sentences,
            len(segment_borders(parameters, stream)) - 1,
            int(np.diff(stream.offsets).max(initial=0)),
            bench.digest,
        )


def check_unchanged(shard: Shard, stream: TokenStream, bench: Bench, digest: int) -> None:
    """Raise CorpusError if a part that was read again is not what it was."""
    if bench.digest is None:
        bench.digest = digest_stream(stream)
    if bench.digest != digest:
        raise CorpusError(
            f"part {shard.number + 1} of the text, from {shard.ranges[0].path} on, has changed since training began, "
            "and was read again because a worker was lost; train anew"
        )


def kept_parts() -> list[tuple[str, int]]:
    """Return the (training, part) that this process keeps."""
    return list(_BENCHES)


def forget_abandoned(clients: set[str]) -> None:
    """Drop the trainings of clients that are not among these from this process: they were killed or lost."""
    for training in {training for training, _ in _BENCHES if training.partition("/")[0] not in clients}:
        forget(training)


def forget(training: str, number: int | None = None) -> None:
    """Drop all parts of a training, or one of them, from this process."""
    for key in [key for key in _BENCHES if key[0] == training and number in (None, key[1])]:
        bench = _BENCHES.pop(key)
        if bench.scanned is not None:
            bench.scanned.close()
        bench.stream = bench.learner = None
        bench.folder.__exit__()
