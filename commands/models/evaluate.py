"""`w2v evaluate`: word vectors, encoders, classifiers and taggers on test sets."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import click

from w2v.commands.labels.columns import OF_TEXTS, OF_WORDS, given_of, text_column_options, word_column_options
from w2v.commands.labels.evaluating import evaluate_tags, print_tag_scores
from w2v.commands.labels.reporting import evaluate_labels, print_labels
from w2v.commands.models.comparing import compare, print_sentences
from w2v.commands.models.standard import NO_SETS, standard_sets
from w2v.commands.shared.long_help import LongCommand
from w2v.commands.shared.option_names import refuse_given
from w2v.commands.shared.options import (
    analogies_option,
    folder_option,
    json_option,
    model_argument,
    number_option,
    pairs_option,
    progress_option,
)
from w2v.commands.shared.output import (
    print_analogies,
    print_json,
    print_pairs,
    say,
    show_work,
)
from w2v.commands.shared.parameters import DescribedOption
from w2v.commands.shared.types import LazyChoice, NamedPath
from w2v.commands.words.aligning import evaluate_translations_of, in_option, print_translations
from w2v.corpora.readers import TextReader

if TYPE_CHECKING:
    from w2v.corpora.tokenizers import Tokenizer
    from w2v.encoder.evaluation.reports import Report, StsReport

    Reports: TypeAlias = Mapping[str, Mapping[str, Report]]  # of every file, by kind

_OF_LABELS: dict[str, tuple[Callable[..., Any], Callable[[Any], None], Mapping[str, str]]] = {
    "labels": (evaluate_labels, print_labels, OF_TEXTS),
    "tags": (evaluate_tags, print_tag_scores, OF_WORDS),
}
_SENTENCE_KINDS = ("sts", "classify", "word_order")


def _baseline_names() -> tuple[str, ...]:
    from w2v.encoder.evaluation.baselines import BASELINES

    return tuple(BASELINES)


def _files(name: str, text: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    return click.option(name, multiple=True, type=NamedPath(), metavar="FILE", help=text)


@click.command(
    cls=LongCommand,
    first="standard analogies word-pairs translations in sts classify word-order against baseline labels text-column "
    "label-column tags json",
    epilog="""\b
Examples:
  w2v evaluate my.model --standard
  w2v evaluate my.model --analogies questions-words.txt
  w2v evaluate my.model --word-pairs wordsim353.tsv --word-pairs simlex999.txt --json
  w2v evaluate my.encoder --sts sts-dev.csv --sts SICK_trial.txt --against my.model
  w2v evaluate my.encoder --classify train_5500.label --word-order sentences.txt
  w2v evaluate my.model --baseline usif --sts sts-dev.csv --against my.encoder
  w2v evaluate topics.classifier --labels test.tsv
  w2v evaluate topics.classifier --labels test.csv --text-column body --label-column topic
  w2v evaluate my.tagger --tags test.conll
  w2v evaluate aligned.model --translations en-de.tsv --in german.model""",
)
@model_argument
@click.option(
    "--standard", is_flag=True, help="Use all standard test sets found here or in packages; list the missing ones."
)
@folder_option
@analogies_option
@pairs_option
@click.option(
    "--method",
    type=click.Choice(["add", "mul"]),
    default="add",
    show_default=True,
    help="How to answer analogies; see `w2v analogy --help`.",
)
@number_option(
    "--restrict-vocab",
    unset="300,000, as gensim does",
    help="Answer analogies within the N most frequent words.",
)
@_files(
    "--sts",
    "Sentence pairs with human similarity scores: STS Benchmark, SICK, or a plain table. May be repeated.",
)
@_files("--classify", "Labelled sentences for cross-validation, tab-separated or as in TREC. May be repeated.")
@_files("--word-order", "Sentences, one per line, to detect swaps of neighbouring words in. May be repeated.")
@_files("--labels", "If MODEL is a classifier: labelled texts, as fit-classifier reads them. May be repeated.")
@_files("--tags", "If MODEL is a tagger: tagged sentences, as fit-tagger reads them. May be repeated.")
@text_column_options
@word_column_options
@click.option(
    "--errors",
    type=click.Choice(["strict", "replace"]),
    cls=DescribedOption,
    unset="as in training",
    help="With --labels and --tags: how to handle bytes that are not UTF-8.",
)
@_files("--translations", "With --in: words and their translations, as `w2v align` reads them. May be repeated.")
@in_option
@click.option(
    "--against",
    type=NamedPath(),
    metavar="OTHER",
    help="Encoder or word vectors to compare with on the same sentences, by a paired bootstrap.",
)
@click.option(
    "--baseline",
    type=LazyChoice(_baseline_names),
    help="If MODEL is word vectors: use this baseline for sentences instead of SIF.",
)
@json_option
@progress_option
def evaluate(
    model: Path,
    standard: bool,
    folder: Path,
    analogies: tuple[Path, ...],
    word_pairs: tuple[Path, ...],
    method: Literal["add", "mul"],
    restrict_vocab: int | None,
    as_json: bool,
    against: Path | None,
    baseline: str | None,
    labels: tuple[Path, ...],
    tags: tuple[Path, ...],
    translations: tuple[Path, ...],
    other: Path | None,
    sts: tuple[Path, ...],
    classify: tuple[Path, ...],
    word_order: tuple[Path, ...],
    **columns: Any,
) -> None:
    """Evaluate word vectors, an encoder, a classifier or a tagger.

    For sentences, word vectors are averaged with SIF weights.
    """
    sets = standard_sets(model, folder) if standard and not (labels or tags) else NO_SETS
    analogies, word_pairs, sts = (
        (*given, *sets.files.get(kind, ()))
        for kind, given in (("analogies", analogies), ("pairs", word_pairs), ("sts", sts))
    )
    sentences = {"sts": sts, "classify": classify, "word_order": word_order}
    if labels or tags:
        apart = [folder] * standard + ([against] if against else [])
        further = [*apart, *analogies, *word_pairs, *translations, *chain(*sentences.values())]
        refuse_given(("method", "restrict_vocab", "folder", "baseline", "other"), "is for another kind of model")
        _evaluate_labels(model, {"labels": labels, "tags": tags}, as_json, further, columns)
        return
    _check_columns(columns, {})
    is_encoder = any(sentences.values())
    if not (analogies or word_pairs or translations or other or is_encoder):
        raise click.UsageError(
            "Nothing to evaluate: give --standard, --analogies FILE or --word-pairs FILE, or --sts, --classify or "
            "--word-order FILE, or --translations FILE --in OTHER, or --labels FILE of a classifier, or --tags FILE of "
            "a tagger."
        )
    _check_used(bool(analogies), standard)
    _check_together(bool(translations), other is not None, is_encoder, baseline, against)
    found: dict[str, Any] = {}
    with show_work(f"evaluating {model.name}") as progress:
        if analogies or word_pairs:
            found |= _evaluate_words(model, analogies, word_pairs, method, restrict_vocab)
        if other is not None:
            found["translations"] = evaluate_translations_of(model, other, translations)
        reports = _evaluate_sentences(model, sentences, baseline) if is_encoder else {}
        if against is not None and progress is not None:
            progress(f"evaluating {against.name}", 0, None)
        others = _evaluate_sentences(against, sentences) if against is not None else {}
    found, reports, others = (sets.named(results) for results in (found, reports, others))
    differences = compare(reports, others) if others else {}
    if as_json:
        missing = {"missing": sets.missing} if standard else {}
        print_json(_described(found, reports, others, differences) | missing)
        return
    for path, report in found.get("analogies", {}).items():
        print_analogies(path, report)
    if found.get("pairs"):
        print_pairs(found["pairs"])
    print_translations(found.get("translations", {}))
    print_sentences(str(model), reports, others, differences)
    sets.tell_missing()


def _check_used(has_analogies: bool, standard: bool) -> None:
    """Refuse an option of test sets that are not asked for."""
    if not has_analogies:
        refuse_given(("method", "restrict_vocab"), "is for --analogies FILE")
    if not standard:
        refuse_given(("folder",), "is where --standard looks for test sets")


def _check_together(
    has_dictionary: bool, has_other: bool, is_encoder: bool, baseline: str | None, against: Path | None
) -> None:
    """Refuse an option without the one that it needs."""
    if has_dictionary != has_other:
        raise click.UsageError("--translations FILE and --in OTHER go together: OTHER has the translations.")
    for given, what in ((baseline, "--baseline makes vectors of"), (against, "--against compares on")):
        if given is not None and not is_encoder:
            raise click.UsageError(f"{what} sentences: give --sts, --classify or --word-order FILE as well.")


def _check_columns(columns: Mapping[str, Any], known: Mapping[str, str]) -> None:
    """Refuse an option that describes files of another kind."""
    for name in sorted(name for name, given in columns.items() if given and name not in known):
        owners = [f"--{kind}" for kind, (*_, names) in _OF_LABELS.items() if name in names]
        option = "--column" if name == "given_columns" else f"--{name.replace('_', '-')}"
        raise click.UsageError(f"{option} is for files of {' or '.join(owners)}.")


def _evaluate_labels(
    model: Path,
    files: Mapping[str, tuple[Path, ...]],
    as_json: bool,
    others: list[Path],
    columns: Mapping[str, Any],
) -> None:
    """Measure a classifier or a tagger."""
    [what, *more] = [name for name, given in files.items() if given]
    if more or others:
        raise click.UsageError(f"--{what} is for another kind of model than the other options: run them separately.")
    evaluate, show, names = _OF_LABELS[what]
    _check_columns(columns, names)
    with show_work(f"evaluating {model.name}"):
        found = evaluate(model, files[what], given_of(columns, names))
    if as_json:
        print_json({what: {path: report.to_dict() for path, report in found.items()}})
    else:
        show(found)


def _evaluate_words(
    model: Path,
    analogies: Sequence[Path],
    pairs: Sequence[Path],
    method: Literal["add", "mul"],
    restrict_vocab: int | None,
) -> dict[str, Any]:
    from w2v.evaluation import evaluate_analogies, evaluate_word_pairs
    from w2v.vectors.embeddings import Embeddings

    embeddings = Embeddings.load(model)
    limit: dict[str, Any] = {} if restrict_vocab is None else {"restrict_vocab": restrict_vocab}
    questions = {str(path): evaluate_analogies(embeddings, path, method=method, **limit) for path in analogies}
    judged = {str(path): evaluate_word_pairs(embeddings, path) for path in pairs}
    for path, n_asked, what in (
        *((path, report.total.total, "question whose four words are all") for path, report in questions.items()),
        *((path, report.n_used, "pair whose two words are both") for path, report in judged.items()),
    ):
        if not n_asked:
            say(f"Warning: {path} has no {what} in {model}, so nothing was measured; are the words written as there?")
    return {"analogies": questions, "pairs": judged}


def _evaluate_sentences(
    model: Path, files: Mapping[str, tuple[Path, ...]], baseline: str | None = None
) -> dict[str, dict[str, Report]]:
    """Return the report of every file, by kind."""
    from w2v.encoder.evaluation.files import read_labelled, read_scored_pairs
    from w2v.encoder.evaluation.measures import evaluate_classification, evaluate_sts, probe_word_order

    encode, tokenizer = _open_encoder(model, baseline)
    evaluate_by: dict[str, Callable[[Path], Report]] = {
        "sts": lambda path: _told(path, evaluate_sts(encode, read_scored_pairs(path))),
        "classify": lambda path: evaluate_classification(encode, read_labelled(path)),
        "word_order": lambda path: probe_word_order(encode, list(TextReader(path).lines()), tokenizer),
    }
    return {
        kind: {str(path): evaluate_by[kind](path) for path in files[kind]} for kind in _SENTENCE_KINDS if files[kind]
    }


def _told(path: Path, report: StsReport) -> StsReport:
    """Return a report; say why it has no correlation if it has none."""
    if math.isnan(report.spearman):
        reasons = (
            (len(report) < 2, "there is one pair"),
            (report.n_empty == len(report), "each pair has a sentence without a known word"),
            (len(set(report.scores.tolist())) < 2, "all scores are equal"),
            (True, "all pairs are equally similar to the model"),
        )
        say(f"{path}: no correlation, because {next(why for holds, why in reasons if holds)}.")
    return report


def _open_encoder(model: Path, baseline: str | None) -> tuple[Callable[[Sequence[str]], Any], Tokenizer]:
    """Return the function that encodes sentences, and its tokenizer."""
    if baseline is None:
        from w2v.encoder.sentence_encoder import SentenceEncoder

        encoder = SentenceEncoder.load(model)
        return encoder.transform, encoder.state.tokenizer
    from w2v.encoder.evaluation.baselines import get_baseline
    from w2v.encoder.model.state import tokenizer_of
    from w2v.vectors.embeddings import Embeddings

    embeddings = Embeddings.load(model)
    return get_baseline(baseline, embeddings).encode, tokenizer_of(embeddings)


def _described(
    words: Mapping[str, Any], reports: Reports, others: Reports, differences: Mapping[str, Any]
) -> dict[str, Any]:
    def to_dicts(kinds: Mapping[str, Any]) -> dict[str, Any]:
        return {kind: {path: found.to_dict() for path, found in files.items()} for kind, files in kinds.items()}

    described = to_dicts(words) | to_dicts(reports)
    if others:
        described |= {"against": to_dicts(others), "difference": to_dicts(differences)}
    return described
