"""Estimates of the memory, disk space and time of a training, from a sample of the text.

Vocabulary sizes are extrapolated from the sample and its halves (Heaps' law). Time is measured by training on the
sample for a moment with the same parameters. Nothing is written.
"""

from __future__ import annotations

import math
import sys
import time
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.readers import TextReader
from w2v.corpora.sampling import SAMPLE_BYTES, TextSample, sample_text
from w2v.corpora.tokenizers import get_tokenizer
from w2v.encoding.stream import (
    EmptyVocabularyError,
    TokenStream,
    WorkFolder,
    default_max_memory,
    encode_corpus,
    run_threads,
)
from w2v.encoding.vocabulary import Vocabulary
from w2v.settings.environment import default_workers
from w2v.settings.parameters import Parameters
from w2v.settings.recipes import describe_recipe, resolve
from w2v.training.objectives import check_softmax
from w2v.training.running.session import make_crew, stream_to_train
from w2v.training.trainer import StopTraining, Trainer

SECONDS = 1.5
"""Seconds to train on the sample."""
PROGRAM_BYTES = 330 << 20
"""Memory of the interpreter, the libraries and the compiled code (measured)."""
_ENTRY_BYTES, _WORD_BYTES = 80, 130  # for a word while text is read, and for a kept word; see `scanner.Table`
_CELL_BYTES, _COUNTING_BYTES = 8, 12  # for a cell in training, and while it is counted; see `glove`
_PARTS = 64


@dataclass(frozen=True)
class Estimate:
    """The estimate of a training. Sizes are in bytes, times in seconds."""

    sample_share: float
    """Fraction of the text that was sampled; 1 if all words were counted."""
    text_bytes: int  # the text, unpacked
    words: int  # of the text
    sentences: int
    tokens: int  # words of the text that are frequent enough to train
    vocabulary_size: int  # distinct ones of these
    tables: int
    """Both tables of vectors, and the copies that `patience` and several deterministic workers need."""
    encoded_text: int
    """Ids and sentence offsets. If they exceed `max_memory` of `fit`, they are stored in files instead."""
    cells: int
    """With GloVe: the co-occurrence counts, else 0. Large ones are stored in files, as text is."""
    vocabulary: int  # words and their counts
    peak_memory: int  # of the whole process: the larger of reading and training
    model_folder: int
    """Size of the model folder with all that is needed to continue training; twice that while it is replaced."""
    reading_seconds: float
    training_seconds: float
    total_seconds: float  # without compiling, which happens once per machine
    words_per_second: float  # speed of training, in tokens
    workers: int  # threads
    recipe: str | None
    """Settings of the recipe for a text of this size; None without a recipe."""

    def to_dict(self) -> dict[str, Any]:
        """Return the attributes by name."""
        return asdict(self)


def estimate_training(
    corpus: TextReader, parameters: Parameters, *, seconds: float = SECONDS, sample_bytes: int = SAMPLE_BYTES
) -> Estimate:
    """Estimate what `Word2Vec.fit` would need for these files.

    Reads `sample_bytes` of the text and trains on them for `seconds`. A smaller text is read completely, and its words
    are counted.

    Raises ValueError if a parameter is out of range; CorpusError if a file cannot be read, or is standard input; and
    EmptyVocabularyError if the sample has no words, or the whole text has no word that is frequent enough.
    """
    parameters.validate()
    workers = parameters.workers or default_workers()
    sample = sample_text(corpus, sample_bytes)
    fraction = sample.share
    every_word, stream = _encode(sample, replace(parameters, max_vocab=None), 1, workers)
    assert every_word.counts is not None
    needed = max(1, math.ceil(parameters.min_count * fraction))  # drops as many tokens as in the whole text
    n_words = round(stream.n_words / fraction)
    n_distinct = extrapolate_vocabulary(stream.tokens, 1, fraction)
    n_kept = extrapolate_vocabulary(stream.tokens, parameters.min_count, fraction)
    if fraction == 1 and n_kept == 0:
        raise EmptyVocabularyError(f"no word occurs {parameters.min_count} times (min_count)")
    n_kept = min(max(n_kept, 1), parameters.max_vocab or n_kept)
    check_softmax(parameters, n_kept)
    started = time.perf_counter()  # not before, because compiling and loading are one-time costs
    vocabulary, trained = _encode(sample, parameters, min(needed, int(every_word.counts[0])), workers)
    reading = (time.perf_counter() - started) / fraction
    tokens, sentences = round(len(trained) / fraction), round(trained.n_sentences / fraction)
    recipe = None if parameters.recipe == "none" else describe_recipe(parameters, tokens)
    parameters = resolve(parameters, tokens)
    speed, tables = _measure(parameters, vocabulary, trained, workers, n_kept, seconds)
    n_cells = 0
    if parameters.objective == "glove":
        parts = [_count_cells(parameters, vocabulary, trained, workers, n_kept, step) for step in (4, 2, 1)]
        n_cells = _extrapolate(parts, fraction)
    counting, cells = (min(n_cells * size, 2 * default_max_memory()) for size in (_COUNTING_BYTES, _CELL_BYTES))
    width = float(np.mean([len(word.encode()) for word in vocabulary.index_to_key[:100_000]]))
    kept_words = round(n_kept * (_WORD_BYTES + width))
    encoded = 4 * tokens + 8 * sentences
    in_memory = min(encoded, 2 * default_max_memory())
    while_reading = min(4 * n_words + 8 * sentences, default_max_memory()) + round(n_distinct * (_ENTRY_BYTES + width))
    vectors = 4 * parameters.vector_size * n_kept
    ngrams = 4 * parameters.vector_size * parameters.buckets if parameters.subwords else 0
    training = parameters.max_time or parameters.epochs * tokens / speed
    return Estimate(
        sample_share=fraction,
        text_bytes=round(sample.total_bytes),
        words=n_words,
        sentences=sentences,
        tokens=tokens,
        vocabulary_size=n_kept,
        tables=tables,
        encoded_text=encoded,
        vocabulary=kept_words,
        cells=n_cells * _CELL_BYTES,
        peak_memory=PROGRAM_BYTES
        + kept_words
        + max(while_reading + encoded, in_memory + cells + max(min(counting, default_max_memory()), tables)),
        model_folder=round(2 * vectors + n_kept * (8 + width + 1)) + ngrams,
        reading_seconds=reading,
        training_seconds=training,
        total_seconds=training if parameters.max_time else reading + training,
        words_per_second=speed,
        workers=workers,
        recipe=recipe,
    )


def extrapolate_vocabulary(tokens: NDArray[np.int32], min_count: int, fraction: float) -> int:
    """Estimate how many words reach a count in a text, from a fraction of it; with the fraction 1, count them.

    `tokens`, shape (n_tokens,), are the ids of all words of the sample. By Heaps' law, the number of distinct words
    grows as a power of the text's length. The exponent is fitted to the whole sample and to half of it, taken in small
    parts from all over. It falls slowly as the text grows: with each doubling, by half of its relative decrease between
    the last two doublings (measured: 2 % of 18 M words of Wikipedia give the vocabulary to 5 %).
    """
    edges = np.linspace(0, len(tokens), _PARTS + 1).astype(np.int64)
    sizes = []
    for step in (4, 2, 1):
        counts = sum(
            np.bincount(tokens[edges[i] : edges[i + 1]], minlength=int(tokens.max()) + 1)
            for i in range(0, _PARTS, step)
        )
        sizes.append(int(np.count_nonzero(counts >= min_count)))
    return _extrapolate(sizes, fraction)


def _extrapolate(sizes: list[int], fraction: float) -> int:
    """Extrapolate a quantity to the whole text from its sizes in a quarter, a half and all of the sample."""
    quarter, half, whole = (max(1, size) for size in sizes)
    if fraction >= 1 or sizes[2] == 0:
        return sizes[2]
    exponent = math.log2(whole / half)
    falls = math.sqrt(min(1.0, exponent / math.log2(half / quarter))) if half > quarter else 1.0
    estimate, doublings = float(whole), math.log2(1 / fraction)
    while doublings > 0:
        exponent *= falls ** min(1.0, doublings)
        estimate *= 2 ** (exponent * min(1.0, doublings))
        doublings -= 1
    return round(estimate)


def _encode(sample: TextSample, parameters: Parameters, min_count: int, workers: int) -> tuple[Vocabulary, TokenStream]:
    with WorkFolder() as folder:
        return encode_corpus(
            sample.lines,
            get_tokenizer(parameters.tokenizer),
            min_count=min_count,
            max_vocab=parameters.max_vocab,
            workers=workers,
            max_memory=sys.maxsize,
            work_folder=folder,
        )


class _Stopwatch:
    """A `Pause` that ends training after some seconds."""

    def __init__(self, seconds: float) -> None:
        self.end = time.perf_counter() + seconds

    def is_due(self, trainer: Trainer) -> bool:
        """Return whether the time is over."""
        return trainer.step > 0 and time.perf_counter() >= self.end

    def act(self, trainer: Trainer) -> None:
        """End training."""
        raise StopTraining("the time is over")


def _count_cells(
    parameters: Parameters, vocabulary: Vocabulary, stream: TokenStream, workers: int, n_kept: int, step: int
) -> int:
    """Return the number of distinct neighbour pairs of the `n_kept` most frequent words in every `step`-th sentence."""
    sentence = np.repeat(np.arange(stream.n_sentences), np.diff(stream.offsets))
    taken = (sentence % step == 0) & (stream.tokens < n_kept)
    numbers, lengths = np.unique(sentence[taken], return_counts=True)
    offsets = np.append(0, np.cumsum(lengths)).astype(np.int64)
    weights = None if stream.weights is None else stream.weights[numbers]
    part = replace(stream, tokens=stream.tokens[taken], offsets=offsets, weights=weights)
    with WorkFolder() as folder:
        return len(stream_to_train(parameters, vocabulary, part, 0, workers, sys.maxsize, folder))


def _measure(
    parameters: Parameters, vocabulary: Vocabulary, stream: TokenStream, workers: int, n_kept: int, seconds: float
) -> tuple[float, int]:
    """Return the tokens per second, and the bytes of the tables for the whole text."""
    unwatched = {"holdout": None, "eval_analogies": None, "eval_pairs": None, "patience": None, "monitor": None}
    with WorkFolder() as folder:
        trained = stream_to_train(parameters, vocabulary, stream, 0, workers, sys.maxsize, folder)
    trainer = Trainer(replace(parameters, max_time=None, **unwatched), vocabulary, trained, seed=0)  # type: ignore[arg-type]
    trainer.compile()
    rows = 2 * n_kept + len(trainer.tables.ngram_vectors) if parameters.subwords else 2 * n_kept
    crew = make_crew(trainer, workers, pauses=[_Stopwatch(seconds)])
    started = time.perf_counter()
    with trainer.ending(crew.failures):
        run_threads(crew.work, workers, crew.failures)
    elapsed = time.perf_counter() - started
    copies = 1 if parameters.patience is None else 2
    spare = 0
    if parameters.deterministic and workers > 1:
        spare = trainer.tables.w_in.base.nbytes - trainer.tables.w_in.nbytes  # type: ignore[union-attr]
    tables = 4 * trainer.tables.row_size * rows * copies + 2 * spare
    return sum(record.words for record in trainer.history) / elapsed, tables
