"""Evaluation of a model on test files, compared with simple baselines.

A figure alone means little. So each table has columns for baselines that any model must beat: the word nearest to the
third word for analogies, spelling for word pairs, shared words and sums of word vectors for sentences, the most
frequent label for classification, and chance for word order.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from w2v.corpora.readers import TextReader
from w2v.display.wording import decimals, percent
from w2v.encoder.evaluation.files import read_labelled, read_scored_pairs
from w2v.encoder.evaluation.measures import evaluate_classification, evaluate_sts, probe_word_order
from w2v.encoder.evaluation.reports import StsReport, compare
from w2v.evaluation import AnalogyReport, evaluate_analogies, evaluate_spelling, evaluate_word_pairs
from w2v.reports.blocks import Paragraph, Result, Section, Table
from w2v.vectors.embeddings import Embeddings
from w2v.vectors.model_folder import read_kind
from w2v.vectors.persistence import KIND

if TYPE_CHECKING:
    from w2v.corpora.tokenizers import Tokenizer
    from w2v.encoder.evaluation.reports import Report
    from w2v.encoder.sentence_encoder import SentenceEncoder

PathLike = str | os.PathLike[str]
Encode = Callable[[Sequence[str]], Any]
_BASELINES = {"bag-of-words": "bag of words", "mean": "mean of vectors", "sif": "SIF", "usif": "uSIF"}


@dataclass(frozen=True)
class Evaluations:
    """Files to evaluate on, and another model to compare with.

    Attributes
    ----------
    analogies : sequence of path-like, default ()
        See `w2v.evaluation.evaluate_analogies`.
    word_pairs : sequence of path-like, default ()
        See `w2v.evaluation.evaluate_word_pairs`.
    sts : sequence of path-like, default ()
        See `w2v.encoder.evaluation.files.read_scored_pairs`.
    classify : sequence of path-like, default ()
        See `w2v.encoder.evaluation.files.read_labelled`.
    word_order : sequence of path-like, default ()
        Sentences, one per line; see `w2v.encoder.evaluation.measures.probe_word_order`.
    against : path-like, optional
        The folder of another model of the same kind. For sentences, word vectors serve as an untrained encoder.
    texts : sequence of path-like, default ()
        For language models: texts to measure perplexity on.
    pairs : sequence of path-like, default ()
        For translators: texts and their translations; see `w2v.corpora.parallel.read_pairs`.
    """

    analogies: Sequence[PathLike] = ()
    word_pairs: Sequence[PathLike] = ()
    sts: Sequence[PathLike] = ()
    classify: Sequence[PathLike] = ()
    word_order: Sequence[PathLike] = ()
    against: PathLike | None = None
    texts: Sequence[PathLike] = ()
    pairs: Sequence[PathLike] = ()

    @property
    def has_words(self) -> bool:
        """Whether word vectors are evaluated."""
        return bool(self.analogies or self.word_pairs)

    @property
    def has_sentences(self) -> bool:
        """Whether sentence vectors are evaluated."""
        return bool(self.sts or self.classify or self.word_order)


@dataclass
class Measured:
    """The results of the evaluations; `notes` explain the columns of the tables."""

    tables: list[Table] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)

    def section(self) -> Section | None:
        """Return the section of a report, or None if nothing was measured."""
        if not self.tables:
            return None
        notes = (Paragraph(" ".join(self.notes)),) if self.notes else ()
        return Section("Evaluation", (*self.tables, *notes))


def measure_words(embeddings: Embeddings, files: Evaluations, measured: Measured) -> None:
    """Evaluate word vectors on analogies and word pairs; add the results to `measured`.

    Raises
    ------
    EvaluationError, ModelError
        If a file, or the model to compare with, cannot be used.
    ValueError
        If the model to compare with is an encoder, which has no word vectors.
    """
    if not files.has_words:
        return
    other = None if files.against is None else _other_words(files.against)
    beside = () if files.against is None else (f">{_name(files.against)}",)
    if files.analogies:
        rows = []
        for path in files.analogies:
            report = evaluate_analogies(embeddings, path)
            nearest = evaluate_analogies(embeddings, path, method="nearest").total.accuracy
            others = [] if other is None else [evaluate_analogies(other, path).total.accuracy]
            figures = [percent(figure) for figure in (report.total.accuracy, *others, nearest)]
            rows.append((_name(path), f"{report.total.total:,}", percent(report.total.coverage), *figures))
            measured.results += _result("word-analogy", path, "accuracy", report.total.accuracy)
            measured.tables += [_section_table(path, report)] if len(report.sections) > 1 else []
        header = ("analogies, accuracy", ">asked", ">coverage", ">this model", *beside, ">nearest word")
        measured.tables.insert(0, Table(header, tuple(rows)))
        measured.notes.append(
            "Nearest word: how often the answer is simply the nearest neighbour of the third word; the difference is "
            "what the model knows about the relation."
        )
    if files.word_pairs:
        rows = []
        for path in files.word_pairs:
            pairs, letters = evaluate_word_pairs(embeddings, path), evaluate_spelling(path).spearman
            others = [] if other is None else [evaluate_word_pairs(other, path).spearman]
            figures = [decimals(figure) for figure in (pairs.spearman, *others, letters)]
            rows.append((_name(path), f"{pairs.n_pairs:,}", percent(pairs.coverage), *figures))
            measured.results += _result("word-similarity", path, "spearman", pairs.spearman)
        header = ("word pairs, Spearman", ">pairs", ">coverage", ">this model", *beside, ">spelling")
        measured.tables.append(Table(header, tuple(rows)))
        measured.notes.append("Spelling: the letter trigrams that two words share, without a model.")


def measure_sentences(
    encoder: SentenceEncoder, files: Evaluations, measured: Measured, *, words: Embeddings | None = None
) -> None:
    """Evaluate an encoder on sentence pairs, labels and word order; add the results to `measured`.

    `words` are the word vectors of the encoder, for the baselines in closed form; if they are missing and `against` is
    a model of word vectors, those are used.

    Raises
    ------
    CorpusError, EvaluationError, ModelError
        If a file, or the model to compare with, cannot be used.
    """
    if not files.has_sentences:
        return
    from w2v.encoder.sentence_encoder import SentenceEncoder

    other = None if files.against is None else SentenceEncoder.load(files.against)
    baselines = _baselines(encoder, words, files.against)
    for kind in _sentence_kinds(encoder.state.tokenizer):
        paths = getattr(files, kind.name)
        if not paths:
            continue
        beside = () if files.against is None else (f">{_name(files.against)}", ">difference (95 % of draws)")
        free = {f">{name}": encode for name, encode in baselines.items() if kind.has_baselines}
        floor = (f">{kind.floor_name}",) if kind.floor_name else ()
        header = (">number", ">this model", *beside, *free, *floor)
        rows, details = [], []
        for path in paths:
            report = kind.evaluate(encoder.transform, path)
            others = [] if other is None else [kind.evaluate(other.transform, path)]
            closed = [kind.evaluate(encode, path) for encode in free.values()]
            rows.append(_cells(kind, _name(path), report, others, closed))
            measured.results += _result(kind.task, path, kind.metric, report.figure)
            if parts := _genre_rows(kind, report, others, closed):
                details.append(Table(("genre", *header), parts, f"{_name(path)} by genre", is_detail=True))
        measured.tables += [Table((kind.title, *header), tuple(rows)), *details]
    if files.sts or files.classify:
        measured.notes.append(
            "Bag of words: the words that two sentences share, rare ones weighing more, without vectors."
            + (" Mean, SIF and uSIF: sums of the word vectors in closed form." if len(baselines) > 1 else "")
        )


@dataclass(frozen=True)
class _SentenceKind:
    """A kind of evaluation file for sentences, and how its results are computed and shown."""

    name: str
    title: str
    task: str
    metric: str
    shown: Callable[[float | None], str]
    evaluate: Callable[[Encode, PathLike], Report]
    has_baselines: bool = True
    floor_name: str = ""
    floor: Callable[[Any], float] = lambda report: 0.5


def _sentence_kinds(tokenizer: Tokenizer) -> list[_SentenceKind]:
    """Return the kinds of files; the tokenizer is that of the model."""
    return [
        _SentenceKind(
            "sts", "sentence pairs, Spearman", "sentence-similarity", "spearman_cosine", decimals,
            lambda encode, path: evaluate_sts(encode, read_scored_pairs(path)),
        ),
        _SentenceKind(
            "classify", "classification, accuracy", "text-classification", "accuracy", percent,
            lambda encode, path: evaluate_classification(encode, read_labelled(path)),
            floor_name="most frequent label", floor=lambda report: float(report.majority),
        ),
        _SentenceKind(
            "word_order", "word order, accuracy", "word-order", "accuracy", percent,
            lambda encode, path: probe_word_order(encode, list(TextReader(path).lines()), tokenizer),
            has_baselines=False, floor_name="chance",
        ),
    ]  # fmt: skip


def _cells(
    kind: _SentenceKind, name: str, report: Report, others: Sequence[Report], closed: Sequence[Report]
) -> tuple[str, ...]:
    """Return a row: the model, the compared model, the closed forms, and the trivial baseline."""
    cells = [name, f"{len(report):,}", kind.shown(report.figure)]
    for other in others:
        cells += _compared(kind, report, other)
    floor = [kind.shown(kind.floor(report))] if kind.floor_name else []
    return (*cells, *(kind.shown(one.figure) for one in closed), *floor)


def _genre_rows(
    kind: _SentenceKind, report: Report, others: Sequence[Report], closed: Sequence[Report]
) -> tuple[tuple[str, ...], ...]:
    """Return a row for each genre of scored pairs."""
    if not isinstance(report, StsReport):
        return ()
    beside, free = ([one.by_genre for one in side if isinstance(one, StsReport)] for side in (others, closed))
    return tuple(
        _cells(kind, name, part, [one[name] for one in beside], [one[name] for one in free])
        for name, part in report.by_genre.items()
    )


def _compared(kind: _SentenceKind, report: Report, other: Report) -> list[str]:
    """Return the compared model's figure, and the difference, in the unit of the figure."""
    found = compare([report], [other])
    scale, digits = (1, 3) if kind.name == "sts" else (100, 1)
    figure, low, high = (f"{scale * value:+.{digits}f}" for value in (found.difference, found.low, found.high))
    return [kind.shown(other.figure), f"{figure} ({low} … {high})"]


def _baselines(encoder: SentenceEncoder, words: Embeddings | None, against: PathLike | None) -> Mapping[str, Encode]:
    """Return the baselines without training, by the names of their columns."""
    from w2v.encoder.evaluation.baselines import get_baseline

    names = list(_BASELINES)
    if words is not None:
        names.remove("sif")  # it is equal to the model
    elif against is not None and read_kind(against) == KIND:
        words = Embeddings.load(against)
        names.remove("sif")  # it is equal to `against`
    else:
        state, names = encoder.state, ["bag-of-words"]
        words = Embeddings(state.vocabulary, state.table, tokenizer=state.tokenizer)
    return {_BASELINES[name]: get_baseline(name, words).encode for name in names}


def _other_words(path: PathLike) -> Embeddings:
    """Return the word vectors to compare with."""
    if read_kind(path) != KIND:
        raise ValueError(f"{path} is an encoder: analogies and word pairs need a model of word vectors to compare with")
    return Embeddings.load(path)


def _section_table(path: PathLike, report: AnalogyReport) -> Table:
    """Return the result of each section of an analogy file."""
    header, rows = report.table()
    return Table(header, tuple(rows), f"{_name(path)} by section", is_detail=True)


def _result(task: str, path: PathLike, metric: str, value: float) -> list[Result]:
    """Return the model hub's entry for a figure; empty if it is NaN."""
    return [Result(task, Path(path).stem, metric, value)] if value == value else []  # not NaN


def _name(path: PathLike) -> str:
    """Return the name of a file or folder."""
    return Path(path).name
