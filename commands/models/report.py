"""`w2v report`: a page, or a card for a model hub, that says what a model is and how good it is."""

from __future__ import annotations

from pathlib import Path

import click

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
from w2v.commands.shared.saving import keep, saving
from w2v.reports import check_report_path, save_report


def _check_name(context: click.Context, parameter: click.Parameter, path: Path) -> Path:
    if path.suffix.lower() not in (".html", ".htm", ".md", ".markdown"):
        raise click.BadParameter(f"{str(path)!r:.80} ends in neither .html nor .md.", context, parameter)
    return path


@click.command(
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
    help="The report to write: a page if its name ends in .html, a card for a model hub if in .md.",
)
@click.option("--title", metavar="TEXT", help="Its heading; left out, the name of the folder.")
@click.option(
    "--word",
    "words",
    multiple=True,
    metavar="WORD",
    help="A word whose nearest words are shown; may be repeated. Left out, words of the largest topics.",
)
@number_option(
    "--map", "map_words", least=0, most=2000, default=360, help="How many words the map shows; 0 leaves it out."
)
@file_option(
    "--sentences",
    help="Sentences, one a line: show some of them, with those nearest to them or, of a translator, translated.",
)
@analogies_option
@pairs_option
@file_option(
    "--pairs", multiple=True, help="Of a translator, lines and their translations: a table or, given twice, two files."
)
@file_option(
    "--sts", multiple=True, help="Pairs of sentences with people's scores, see `w2v evaluate`; may be repeated."
)
@file_option("--classify", multiple=True, help="Sentences with labels, see `w2v evaluate`; may be repeated.")
@file_option(
    "--word-order", multiple=True, help="Sentences whose words are swapped, see `w2v evaluate`; may be repeated."
)
@file_option(
    "--text", "texts", multiple=True, help="Text to measure a language model's perplexity on; may be repeated."
)
@file_option("--against", metavar="OTHER", help="Another model, which is measured as well.")
@click.option("--language", default="", metavar="CODE", help="Language of the text, such as en; for a model hub.")
@click.option("--license", default="", metavar="NAME", help="Licence of the model, such as mit; for a model hub.")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="A tag for a model hub; may be repeated.")
@click.option(
    "--dataset",
    "datasets",
    multiple=True,
    metavar="NAME",
    help="What it was trained on, by a model hub's name; may be repeated.",
)
@overwrite_option
@progress_option
def report(
    model: Path,
    output: Path,
    title: str | None,
    words: tuple[str, ...],
    map_words: int,
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
    """Write what a model is, what it knows and how good it is: one page that needs nothing else.

    It shows the nearest words of some words, a map of the largest topics, the training curves, the settings, and
    how the model does on the files given, beside what is had without a model. Of translators it shows translations and
    their BLEU, of language models what they write and their perplexity, of classifiers and taggers precision and recall
    by label, calibration, and the mistakes on what was held out. A name in .md makes a card for a model hub,
    with front matter, and pictures as .svg files beside it.
    """
    from w2v.reports import CardOptions, Evaluations, model_card

    if against is not None and not (analogies or word_pairs or pairs or sts or classify or word_order or texts):
        raise click.UsageError("--against compares on files: give --analogies, --word-pairs or --sts FILE, or another.")

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
