"""What a worker does: it reads its part of the text once, and trains it round by round.

Each function here is a pure task. What is read stays with the process, in memory or on its disk, as a cache: a process
that takes over a part reads it again.
"""

from __future__ import annotations

import errno
import math
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.files.ranges import FileRange, RangeReader
from w2v.corpora.inputs import CorpusError, open_input, size_on_disk
from w2v.corpora.tokenizers import Tokenizer
from w2v.encoding.stream import ScannedCorpus, TokenStream, WorkFolder, run_threads, scan_corpus
from w2v.encoding.vocabulary import Vocabulary, choose_words, known_rows, words_of_list
from w2v.monitoring.history import EpochRecord
from w2v.settings.parameters import Parameters
from w2v.training.cluster.blocks import Block, Delta, cut_block, delta_of, fill_tables
from w2v.training.session import make_crew
from w2v.training.state import digest_stream
from w2v.training.tables import Tables
from w2v.training.trainer import StopTraining, Trainer, segment_borders

_NUMBER_BITS = 48
"""Bits of a place in a part of the text; those above have the number of the part."""
_MEMORY_SHARE = 0.25


@dataclass(frozen=True)
class Shard:
    """A worker's part of the text, and how it is read."""

    training: str  # a name that no other training has
    number: int
    ranges: tuple[FileRange, ...]
    errors: str
    tokenizer: Tokenizer
    n_threads: int
    max_memory: int | None
    work_folder: str | None  # on the worker


class Counts(NamedTuple):
    """The words of one or several parts, in the order in which they come."""

    words: list[str]
    counts: NDArray[np.int64]
    first: NDArray[np.int64]  # places that grow through all of the text


class Facts(NamedTuple):
    """What all have to know of a part."""

    n_words: int
    n_tokens: int
    n_sentences: int
    n_segments: int
    longest: int  # tokens of a sentence
    digest: int


class Trained(NamedTuple):
    """What a round did, besides moving rows."""

    records: list[EpochRecord]  # of the epochs that it touched
    schedule: dict[str, float]  # see `Trainer.schedule`

    @property
    def n_words(self) -> int:
        """Tokens that were trained."""
        return sum(record.words for record in self.records)


@dataclass
class _Bench:
    """What a process keeps of a part."""

    folder: WorkFolder
    scanned: ScannedCorpus | None = None
    stream: TokenStream | None = None
    trainer: Trainer | None = None
    tables: Tables | None = None
    lock: threading.RLock = field(default_factory=threading.RLock)


_BENCHES: dict[tuple[str, int], _Bench] = {}


def _bench_of(shard: Shard) -> _Bench:
    folder, _ = _resources(shard)
    return _BENCHES.setdefault((shard.training, shard.number), _Bench(WorkFolder(folder)))


def _resources(shard: Shard) -> tuple[str | None, int | None]:
    """Return where a worker may write, and how many bytes of the text it may hold; what Dask gives it by default."""
    folder, memory = shard.work_folder, shard.max_memory
    if "distributed" in sys.modules:
        from distributed import get_worker

        try:
            worker = get_worker()
        except ValueError:  # not a worker's process
            return folder, memory
        limit = worker.memory_manager.memory_limit
        folder = folder or str(worker.local_directory)
        memory = memory or (int(_MEMORY_SHARE * limit) if limit else None)
    return folder, memory


@contextmanager
def _disk_errors(bench: _Bench) -> Iterator[None]:
    """Say where a disk is full: nobody looks at the workers' disks."""
    try:
        yield
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise OSError(
            errno.ENOSPC,
            f"no space on the worker {socket.gethostname()} for its part of the text, in "
            f"{bench.folder.parent or tempfile.gettempdir()}: start it with --local-directory elsewhere, or give more "
            "workers",
        ) from error


def _scanned(shard: Shard, bench: _Bench) -> ScannedCorpus:
    if bench.scanned is None:
        reader = RangeReader(shard.ranges, errors=shard.errors)
        with _disk_errors(bench):
            bench.scanned = scan_corpus(reader, shard.tokenizer, shard.n_threads, _resources(shard)[1], bench.folder)
    return bench.scanned


def unreadable(files: list[tuple[str, int | None]]) -> str | None:
    """Return what is wrong with the first file that is not there, or not of this size; None if all are well."""
    for path, expected in files:
        try:
            size = size_on_disk(path)
            with open_input(path):
                pass
        except CorpusError as error:
            return str(error)
        if size != expected:
            return f"{path} has {size or 0:,} bytes there and {expected or 0:,} here"
    return None


def count_words(shard: Shard) -> Counts:
    """Read a part of the text and return its words."""
    bench = _bench_of(shard)
    with bench.lock:
        scanned = _scanned(shard, bench)
        places = np.argsort(scanned.first)
        words = scanned.words_of(places)
        return Counts(words, scanned.counts[places], (shard.number << _NUMBER_BITS) + scanned.first[places])


def merge_counts(parts: list[Counts]) -> Counts:
    """Return the words of one part or two, the second of which follows the first."""
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
    """Return the words to train, exactly those of a training on one machine; none if none is frequent enough."""
    return choose_words(words_of_list(counts.words), counts.counts, counts.first, min_count, max_vocab)[0]


def summary_of(counts: Counts) -> NDArray[np.int64]:
    """Return the counts alone."""
    return counts.counts


def _stream(shard: Shard, vocabulary: Vocabulary, bench: _Bench) -> TokenStream:
    if bench.stream is None:
        scanned = _scanned(shard, bench)
        rows = known_rows(scanned.words_of(np.arange(len(scanned.counts))), vocabulary.key_to_index)
        with _disk_errors(bench):
            bench.stream = scanned.encode(rows.astype(np.int32))
        scanned.close()
        bench.scanned = None
    return bench.stream


def describe_part(shard: Shard, vocabulary: Vocabulary, parameters: Parameters) -> Facts:
    """Encode a part of the text and return what others have to know of it."""
    bench = _bench_of(shard)
    with bench.lock:
        stream = _stream(shard, vocabulary, bench)
        return Facts(
            stream.n_words,
            len(stream),
            stream.n_sentences,
            len(segment_borders(parameters, stream)) - 1,
            int(np.diff(stream.offsets).max(initial=0)),
            digest_stream(stream),
        )


def start_block(parameters: Parameters, vocabulary: Vocabulary, seed: int, number: int, n_blocks: int) -> Block:
    """Return a block of the tables as they are at the start."""
    return cut_block(Tables.start(parameters, vocabulary, seed), number, n_blocks)


def hold(blocks: list[Block], *others: Block) -> None:
    """Do nothing: whoever runs this has the blocks afterwards, so that several hold them."""


class _UntilStep:
    """A pause that ends a round."""

    def __init__(self, step: int) -> None:
        self.step = step

    def is_due(self, trainer: Trainer) -> bool:
        """Tell whether the round is over."""
        return trainer.step >= self.step

    def act(self, trainer: Trainer) -> None:
        """End it."""
        raise StopTraining("the round is over")


def train_round(
    shard: Shard,
    vocabulary: Vocabulary,
    parameters: Parameters,
    seed: int,
    reach: int,
    part: tuple[float, float],
    blocks: list[Block],
) -> tuple[Trained, list[Delta] | list[Block]]:
    """Train a part of the text from blocks of the tables; return how far each block moved.

    `part` is the fraction of the training where the round begins and ends, and `reach` the largest radius of a window
    in all of the text. The only worker's blocks are returned as they are.
    """
    bench = _bench_of(shard)
    with bench.lock:
        trainer = _trainer(shard, vocabulary, parameters, seed, reach, bench)
        fill_tables(trainer.tables, blocks)
        first, last = (_step_at(trainer, fraction, shard.n_threads) for fraction in part)
        trainer.go_to(first)
        if last > first:
            _run(trainer, shard.n_threads, last)
        trained, k = Trained([record for record in trainer.history if record.words], trainer.schedule), len(blocks)
        if k == 1:
            return trained, [cut_block(trainer.tables, 0, 1)]
        return trained, [delta_of(trainer.tables, block, j, k, trained.n_words) for j, block in enumerate(blocks)]


def _trainer(
    shard: Shard, vocabulary: Vocabulary, parameters: Parameters, seed: int, reach: int, bench: _Bench
) -> Trainer:
    if bench.trainer is None:
        bench.tables = Tables.start(parameters, vocabulary, seed)
        bench.trainer = Trainer(
            parameters,
            vocabulary,
            _stream(shard, vocabulary, bench),
            _seed_of(seed, shard.number),
            tables=bench.tables,
            reach=reach,
        )
    assert bench.tables is not None
    bench.trainer.tables = bench.tables
    return bench.trainer


def _seed_of(seed: int, number: int) -> int:
    """Return the seed of a worker; the first one's is that of the training."""
    return seed if number == 0 else int(np.random.SeedSequence([seed, 5, number]).generate_state(1)[0])


def _step_at(trainer: Trainer, fraction: float, n_threads: int) -> int:
    """Return the segment at a fraction of the training; threads that wait for one another end a round together."""
    step = math.floor(fraction * trainer.parameters.epochs * trainer.n_segments + 1e-9)
    epoch, position = divmod(step, trainer.n_segments)
    if trainer.parameters.deterministic and n_threads > 1:
        position = min(-(-position // n_threads) * n_threads, trainer.n_segments)
    return epoch * trainer.n_segments + position


def _run(trainer: Trainer, n_threads: int, last: int) -> None:
    """Train up to a segment."""
    crew = make_crew(trainer, n_threads, pauses=[_UntilStep(last)])
    with trainer.ending(crew.failures):
        if n_threads > 1:
            run_threads(crew.work, n_threads, crew.failures)
            return
        crew.work(0)
        if crew.failures:
            raise crew.failures[0]


def kept_parts() -> list[tuple[str, int]]:
    """Return the trainings and their parts that a process keeps."""
    return list(_BENCHES)


def forget(training: str, number: int | None = None) -> None:
    """Drop what a process keeps of a training, or of one of its parts."""
    for key in [key for key in _BENCHES if key[0] == training and number in (None, key[1])]:
        bench = _BENCHES.pop(key)
        if bench.scanned is not None:
            bench.scanned.close()
        bench.stream = bench.trainer = bench.tables = None
        bench.folder.__exit__()
