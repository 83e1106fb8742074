"""Training data of an encoder: corpora, pairs and teachers become tasks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from typing import Any

from w2v.corpora.columns import checked_text, row_tuples
from w2v.corpora.readers import TextReader
from w2v.corpora.sentences import SentenceSets, read_sentence_sets
from w2v.encoder.model.lookup import WordLookup
from w2v.encoder.model.state import EncoderState
from w2v.encoder.model.weights import word_probabilities
from w2v.encoder.training.articles import pack_articles
from w2v.encoder.training.batches import PackedSentences, pack_neighbors, pack_sentences
from w2v.encoder.training.fit_options import FitOptions
from w2v.encoder.training.masked import MaskedTask
from w2v.encoder.training.tasks import NeighborTask, OrderTask, PairTask, Task, TeacherTask
from w2v.encoder.training.teachers import Teachers, teacher_vectors
from w2v.encoder.training.trainable import Trainable
from w2v.encoding.corpus import open_corpus
from w2v.neural.progress import FitProgress

Pairs = SentenceSets | str | os.PathLike[str] | TextReader | Iterable[Sequence[str]]
"""Paraphrases: a file of them, or sequences of at least two sentences."""


class TooFewPairsError(ValueError):
    """A corpus has too few pairs of adjacent sentences to learn from."""


def corpus_tasks(
    state: EncoderState, lookup: WordLookup, corpus: Any, options: FitOptions, report: Callable[[FitProgress], None]
) -> list[Task]:
    """Return the tasks of neighbouring sentences of a corpus; ValueError if there are too few."""
    neighbors = pack_neighbors(
        lookup, _lines(corpus, report), min_tokens=options.min_tokens, max_tokens=options.max_tokens
    )
    if len(neighbors.firsts) < 4:
        raise TooFewPairsError(
            f"the corpus has only {len(neighbors.firsts)} pairs of adjacent sentences with {options.min_tokens} to "
            f"{options.max_tokens} known words; give paragraphs, one per line, or pairs of sentences"
        )
    task = NeighborTask(neighbors, **_drawing(options))
    return [task, *_order_tasks(state, neighbors.sentences, options)]


def title_tasks(
    state: EncoderState, lookup: WordLookup, corpus: Any, options: FitOptions, report: Callable[[FitProgress], None]
) -> list[Task]:
    """Return the tasks of titles and paragraphs of a corpus' articles; ValueError if there are too few.

    Neighbouring sentences of the paragraphs add a task, if there are any and `corpus_share` is not 0.
    """
    opened = open_corpus(corpus)
    if not isinstance(opened, TextReader) and iter(opened) is opened:
        opened = list(opened)  # iterated over twice
    length: dict[str, Any] = {"min_tokens": options.min_tokens, "max_tokens": options.max_tokens}
    packs = pack_articles(lookup, _lines(opened, report), **length)
    if len(packs[0]) < 4:
        raise ValueError(
            f"the corpus has only {len(packs[0])} paragraphs with {options.min_tokens} known words and a title, but 4 "
            "are needed: give articles separated by blank lines, each with its title in the first line"
        )
    tasks: list[Task] = [PairTask(packs, **_drawing(options), name="titles")]
    if options.corpus_share:
        neighbors = pack_neighbors(lookup, _lines(opened, report), **length)
        if len(neighbors.firsts) >= 4:
            tasks.append(NeighborTask(neighbors, **_drawing(options)))
    return [*tasks, *_order_tasks(state, packs[1], options)]


def masked_tasks(
    state: EncoderState, lookup: WordLookup, corpus: Any, options: FitOptions, report: Callable[[FitProgress], None]
) -> list[Task]:
    """Return the task of masked words in a corpus' sentences; ValueError if there are too few."""
    lines = _lines(corpus, report)
    found = pack_neighbors(lookup, lines, min_tokens=options.min_tokens, max_tokens=options.max_tokens).sentences
    if len(found) < 4:
        raise ValueError(
            f"the corpus has only {len(found)} sentences with {options.min_tokens} to {options.max_tokens} known "
            "words, but 4 are needed: give more text, or word vectors of this language"
        )
    p = word_probabilities(state.vocabulary)
    return [MaskedTask(found, p, fraction=options.mask_fraction, noise=options.noise_words, **_drawing(options))]


def teacher_tasks(
    state: EncoderState,
    lookup: WordLookup,
    corpus: Any,
    teacher: Teachers,
    options: FitOptions,
    report: Callable[[FitProgress], None],
    cache: str | os.PathLike[str] | None = None,
) -> list[Task]:
    """Return the tasks of a teacher's vectors of a corpus' sentences.

    Raises
    ------
    ValueError
        If the vectors cannot be read, are not finite, or their number is not that of the sentences; see
        `teacher_vectors`.
    """
    sentences = list(_lines(corpus, report))
    vectors = teacher_vectors(teacher, sentences, report, cache)
    packed = pack_sentences(lookup, sentences)
    task = TeacherTask(packed, vectors, state.width, **_drawing(options))
    task.start_at(Trainable(state, [], workers=options.workers).vectors)
    return [task, *_order_tasks(state, packed, options)]


def pair_tasks(
    state: EncoderState,
    lookup: WordLookup,
    pairs: Pairs | Sequence[Pairs],
    options: FitOptions,
    report: Callable[[FitProgress], None],
) -> list[Task]:
    """Return the tasks of paraphrases, one for each source.

    Raises
    ------
    ValueError
        If a set has only one sentence, or the number of weights differs from that of sources.
    """
    tasks: list[Task] = []
    listed = _listed(pairs)
    options.weights_of_pairs(len(listed))
    for place, given in enumerate(listed):
        report(FitProgress("reading"))
        sets = _as_sets(given, options.hard_negatives)
        fewest = min(map(len, sets.sets), default=0)
        if fewest < 2:
            raise ValueError("pairs must be groups of two or more sentences")
        packs = [pack_sentences(lookup, (columns[k] for columns in sets.sets)) for k in range(fewest)]
        negatives = None if sets.negatives is None else pack_sentences(lookup, sets.negatives)
        tasks.append(
            PairTask(
                packs,
                negatives,
                **_drawing(options, place),
                word_dropout=options.word_dropout or 0.0,
                name="pairs" if place == 0 else f"pairs_{place + 1}",
            )
        )
        if place == 0:
            tasks += _order_tasks(state, packs[0], options)
    return tasks


def _drawing(options: FitOptions, place: int = 0) -> dict[str, Any]:
    """Return the settings that the tasks of a stage share; `place` distinguishes several tasks."""
    assert options.batch_size is not None and options.temperature is not None, "filled"
    return {"batch_size": options.batch_size, "temperature": options.temperature, "seed": options.seed + place}


def _order_tasks(state: EncoderState, sentences: PackedSentences, options: FitOptions) -> list[Task]:
    if state.network is None or not options.order_share or not OrderTask.can_use(sentences):
        return []
    batch_size = max(2, (options.batch_size or 2) // 2)
    return [OrderTask(sentences, state.width, batch_size=batch_size, seed=options.seed)]


def _lines(corpus: Any, report: Callable[[FitProgress], None]) -> Iterable[str]:
    """Yield the lines of files, or the texts given."""
    opened = open_corpus(corpus)
    if not isinstance(opened, TextReader):
        for number, text in enumerate(opened, 1):
            if not isinstance(text, str):
                raise TypeError(f"text {number}: a corpus of texts must contain strings, not {type(text).__name__}")
            yield checked_text(text, number)
        return
    for number, line in enumerate(opened.lines()):
        if number % 10_000 == 0:
            total = opened.total_bytes
            report(FitProgress("reading", opened.consumed_bytes / total if total else None))
        yield line


def _listed(pairs: Pairs | Sequence[Pairs]) -> list[Pairs]:
    if (
        isinstance(pairs, (list, tuple))
        and pairs
        and isinstance(pairs[0], (str, os.PathLike, SentenceSets, TextReader))
    ):
        return list(pairs)
    return [pairs]  # type: ignore[list-item]


def _as_sets(pairs: Pairs, hard_negatives: bool) -> SentenceSets:
    if isinstance(pairs, SentenceSets):
        return pairs
    if isinstance(pairs, (str, os.PathLike, TextReader)):
        return read_sentence_sets(pairs, hard_negatives=hard_negatives)
    sets = [_as_set(sentences, number) for number, sentences in enumerate(row_tuples(pairs), 1)]
    if hard_negatives:
        if any(len(sentences) < 3 for sentences in sets):
            raise ValueError("with hard negatives, pairs must have two sentences and a negative")
        return SentenceSets([sentences[:-1] for sentences in sets], [sentences[-1] for sentences in sets])
    return SentenceSets(sets)


def _as_set(sentences: Any, number: int) -> tuple[str, ...]:
    """Return a set of paraphrases; TypeError for a string, which would be read as its characters."""
    if isinstance(sentences, (str, bytes, Mapping, Set)) or not isinstance(sentences, Iterable):
        raise TypeError(
            f"pair {number} is {sentences!r:.60}; it must be a tuple or a list of sentences, such as ('one', 'other')"
        )
    found = tuple(sentences)
    for sentence in found:
        if not isinstance(sentence, str):
            raise TypeError(f"pair {number} must contain only str, not {type(sentence).__name__}: {sentence!r:.60}")
    return found
