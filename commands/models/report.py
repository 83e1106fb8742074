"""`w2v report`: a page, or a model card for the Hub, about what a model is and how good it is."""

from __future__ import annotations

from pathlib import Path

import click

from w2v.commands.shared.long_help import LongCommand
from w2v.commands.shared.option_names import refuse_given
from w2v.commands.shared.options import (
    analogies_option,
    file_option,
    model_argument,
    number_option,
    overwrite_option,
    pairs_option,
    progress_option,
)
from w2v.commands.shared.output import show_work
from w2v.commands.shared.parameters import DescribedOption
from w2v.commands.shared.saving import keep, saving
from w2v.reports import check_report_path, save_report


def _check_name(context: click.Context, parameter: click.Parameter, path: Path) -> Path:
    if path.suffix.lower() not in (".html", ".htm", ".md", ".markdown"):
        raise click.BadParameter(f"{str(path)!r:.80} ends in neither .html nor .md.", context, parameter)
    return path


@click.command(
    cls=LongCommand,
    first="output word map sentences analogies word-pairs pairs sts classify text against",
    epilog="""\b
Examples:
  w2v report my.model
  w2v report my.model --word bread --word river --analogies questions-words.txt --word-pairs wordsim353.tsv
  w2v report my.encoder --sentences sentences.txt --sts sts-dev.csv --against my.model
  w2v report my.translator --pairs test.de --pairs test.en
  w2v report my.lm --text test.txt
  w2v report my.classifier --classify labels.tsv
  w2v report my.model --output README.md --language en --license cc-by-sa-4.0""",
)
@model_argument
@file_option(
    "-o",
    "--output",
    default=Path("report.html"),
    show_default=True,
    callback=_check_name,
    help="Report to write: FILE.html for a page, or FILE.md for a model card for the Hub.",
)
@click.option(
    "--title", metavar="TEXT", cls=DescribedOption, unset="the name of the folder", help="Title of the report."
)
@click.option(
    "--word",
    "words",
    multiple=True,
    metavar="WORD",
    cls=DescribedOption,
    unset="words of the largest topics",
    help="Show the nearest words of WORD. May be repeated.",
)
@number_option(
    "--map", "map_words", least=0, most=2000, unset="360", help="Number of words on the map; 0 leaves it out."
)
@file_option(
    "--sentences",
    help="Sentences, one per line, to show with their nearest sentences, or for a translator, their translations.",
)
@analogies_option
@pairs_option
@file_option(
    "--pairs",
    multiple=True,
    help="For a translator: lines and their translations, as a table, or given twice, as two parallel files.",
)
@file_option(
    "--sts", multiple=True, help="Sentence pairs with human scores; see `w2v evaluate --help`. May be repeated."
)
@file_option("--classify", multiple=True, help="Labelled sentences; see `w2v evaluate --help`. May be repeated.")
@file_option(
    "--word-order",
    multiple=True,
    help="Sentences to detect swapped words in; see `w2v evaluate --help`. May be repeated.",
)
@file_option(
    "--text", "texts", multiple=True, help="For a language model: text to measure perplexity on. May be repeated."
)
@file_option("--against", metavar="OTHER", help="Another model to evaluate on the same files.")
@click.option("--language", default="", metavar="CODE", help="For the Hub: language of the text, such as en.")
@click.option("--license", default="", metavar="NAME", help="For the Hub: licence of the model, such as mit.")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="For the Hub: a tag. May be repeated.")
@click.option(
    "--dataset",
    "datasets",
    multiple=True,
    metavar="NAME",
    help="For the Hub: name of a training data set. May be repeated.",
)
@overwrite_option
@progress_option
def report(
    model: Path,
    output: Path,
    title: str | None,
    words: tuple[str, ...],
    map_words: int | None,
    sentences: Path | None,
    analogies: tuple[Path, ...],
    word_pairs: tuple[Path, ...],
    pairs: tuple[Path, ...],
    sts: tuple[Path, ...],
    classify: tuple[Path, ...],
    word_order: tuple[Path, ...],
    texts: tuple[Path, ...],
    against: Path | None,
    language: str,
    license: str,
    tags: tuple[str, ...],
    datasets: tuple[str, ...],
    overwrite: bool,
) -> None:
    """Write a self-contained report on a model: what it is, what it knows and how good it is.

    The report shows nearest words, a map of the largest topics, training curves, parameters, and results on the given
    files beside a simple baseline. For translators it shows translations and BLEU; for language models, samples and
    perplexity; for classifiers and taggers, precision and recall by label, calibration, and mistakes on held-out data.
    A name that ends in .md makes a model card for the Hub, with front matter, and .svg pictures beside it.
    """
    from w2v.reports import CardOptions, Evaluations, model_card

    if against is not None and not (analogies or word_pairs or pairs or sts or classify or word_order or texts):
        raise click.UsageError("--against needs files to compare on: give --analogies, --word-pairs, --sts or another.")

    if output.suffix.lower() in (".html", ".htm"):
        refuse_given(
            ("language", "license", "tags", "datasets"), "is for the Hub's front matter: give --output FILE.md"
        )
    check_report_path(output, overwrite)
    written: list[Path] = []
    with saving(output), show_work(f"reading {model.name}") as progress:
        card = model_card(
            model,
            evaluations=Evaluations(
                analogies, word_pairs, sts, classify, word_order, against=against, texts=texts, pairs=pairs
            ),
            options=CardOptions(title, words, map_words, language, license, tags, datasets, sentences),
            tell=lambda step: progress(step, 0, None) if progress else None,
        )
        keep(lambda path: written.extend(save_report(card, path, overwrite=overwrite and path == output)), output)
    for path in written:
        click.echo(path)
