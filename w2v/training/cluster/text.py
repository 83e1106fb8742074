"""The text of a training on a cluster: each worker reads its part, and the vocabulary is chosen from all parts."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from w2v.cluster.engines import Engine, persevere
from w2v.corpora.files.ranges import cut_files
from w2v.corpora.inputs import CorpusError, size_on_disk
from w2v.corpora.readers import TextReader
from w2v.corpora.tokenizers import Tokenizer
from w2v.encoding.corpus import Corpus, open_corpus, tokenizer_for
from w2v.encoding.stream import EmptyVocabularyError, why_empty
from w2v.encoding.vocabulary import Vocabulary
from w2v.monitoring.history import Progress
from w2v.settings.parameters import Parameters
from w2v.training.cluster.workshop import (
    Facts,
    Shard,
    choose_vocabulary,
    count_words,
    describe_part,
    merge_counts,
    summary_of,
    unreadable,
)
from w2v.training.objectives import check_softmax
from w2v.training.running.reading import NO_PAIRS, NoPairsError, check_same_text
from w2v.training.running.start import RunOptions, Start


@dataclass(frozen=True)
class ClusterText:
    """A text on the workers, and the facts about it."""

    shards: Sequence[Shard]
    reader: TextReader
    tokenizer: Tokenizer
    vocabulary: Vocabulary
    facts: Sequence[Facts]

    @property
    def sizes(self) -> dict[str, int]:
        """The sizes of the whole text."""
        return {name: sum(getattr(each, f"n_{name}") for each in self.facts) for name in _SIZES}

    @property
    def digest(self) -> int:
        """A digest of the text; for a single part, that of `digest_stream`."""
        digests = [each.digest for each in self.facts]
        if len(digests) == 1:
            return digests[0]
        raw = np.array(digests, np.uint64).tobytes()
        return zlib.crc32(raw) << 32 | zlib.crc32(raw[::-1])


_SIZES = ("words", "tokens", "sentences")


def read_text(
    engine: Engine,
    corpus: Corpus,
    start: Start,
    run: RunOptions,
    n_parts: int,
    training: str,
    progress: Callable[[Progress], None] | None,
) -> ClusterText:
    """Make each worker read its part, and choose the vocabulary of all parts.

    Raises CorpusError if a file cannot be read, here or by a worker, or the files cannot be divided into so many parts;
    ValueError if the corpus is not files, a part has no words, or the text differs from that of the interrupted
    training.
    """
    reader, parameters = open_corpus(corpus), start.parameters
    if not isinstance(reader, TextReader):
        raise ValueError("a cluster reads files: give their names, not sentences")
    before = None if start.interrupted is None else start.interrupted.embeddings.tokenizer
    tokenizer = before or tokenizer_for(reader, parameters.tokenizer)
    paths = list(reader.recorded)
    if all(size_on_disk(path) == 0 for path in paths):
        raise EmptyVocabularyError(why_empty(reader, np.empty(0, np.int64), parameters.min_count))
    parts = cut_files(paths, n_parts)
    persevere(lambda: _check_visible(engine, paths), lambda: None)
    if progress is not None:
        progress(Progress("reading"))
    threads = parameters.workers or engine.n_threads
    folder = None if run.work_folder is None else os.fspath(run.work_folder)
    shards = [
        Shard(
            training,
            j,
            part,
            reader.errors,
            tokenizer,
            threads,
            run.max_memory,
            None if folder is None else os.fspath(folder),
        )
        for j, part in enumerate(parts)
    ]
    # processes keep what they have read, so after a loss only the lost parts are read again
    vocabulary, facts = persevere(lambda: _read(engine, reader, shards, parameters), lambda: None)
    _check_parts(shards, facts)
    check_softmax(parameters, len(vocabulary))
    text = ClusterText(shards, reader, tokenizer, vocabulary, facts)
    if start.interrupted is not None:
        check_same_text(vocabulary, text.digest, start.interrupted)
    return text


def _read(
    engine: Engine, reader: TextReader, shards: Sequence[Shard], parameters: Parameters
) -> tuple[Vocabulary, list[Facts]]:
    """Make each worker read its part; return the vocabulary of all parts, and the facts about each part."""
    n, stride = engine.n_workers, 1
    counts = [engine.run(count_words, shard, worker=j % n) for j, shard in enumerate(shards)]
    while len(counts) > 1:  # merges neighbours
        stride *= 2
        pairs = [counts[j : j + 2] for j in range(0, len(counts), 2)]
        counts = [engine.run(merge_counts, pair, worker=j * stride % n) for j, pair in enumerate(pairs)]
    chosen = engine.run(choose_vocabulary, counts[0], parameters.min_count, parameters.max_vocab, worker=0)
    [vocabulary] = engine.fetch([chosen])
    if not len(vocabulary):
        [found] = engine.fetch([engine.run(summary_of, counts[0], worker=0)])
        raise EmptyVocabularyError(why_empty(reader, found, parameters.min_count))
    facts = [engine.run(describe_part, shard, chosen, parameters, worker=j % n) for j, shard in enumerate(shards)]
    return vocabulary, engine.fetch(facts)


def _check_visible(engine: Engine, paths: Sequence[str]) -> None:
    """Raise CorpusError if a worker cannot read a file of this machine."""
    sizes = [(path, size_on_disk(path)) for path in paths]
    handles = [engine.run(unreadable, sizes, worker=worker) for worker in range(engine.n_workers)]
    for found in engine.fetch(handles):
        if found is not None:
            host, why = found
            raise CorpusError(
                f"a worker of the cluster, on {host}, does not see the same file: {why}; put the text where all "
                "workers can read it under the same name, on a shared file system or in an object store (s3://…)"
            )


def _check_parts(shards: Sequence[Shard], facts: Sequence[Facts]) -> None:
    """Raise ValueError if a part has nothing to train."""
    for shard, each in zip(shards, facts, strict=True):
        if not each.n_tokens:
            raise ValueError(
                f"part {shard.number + 1} of {len(shards)}, of {shard.ranges[0].path}, has no words of the "
                "vocabulary: use fewer workers or more text"
            )
    if max(each.longest for each in facts) < 2:
        raise NoPairsError(NO_PAIRS.format("the corpus"))
