"""`w2v compare`: this toolkit, gensim and fastText on the user's own text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from w2v.commands.shared.long_help import LongCommand
from w2v.commands.shared.options import (
    analogies_option,
    errors_option,
    file_option,
    inputs_argument,
    json_option,
    number_option,
    overwrite_option,
    pairs_option,
    progress_option,
)
from w2v.commands.shared.output import note_missing_glyphs, print_result, show_work
from w2v.commands.shared.parameters import training_options
from w2v.commands.shared.saving import keep, saving
from w2v.commands.shared.training import parse_parameters
from w2v.commands.shared.types import LazyChoice
from w2v.corpora.readers import TextReader


def _others() -> tuple[str, ...]:
    from w2v.comparison.contenders import OTHERS

    return OTHERS


@click.command(
    cls=LongCommand,
    first="with seeds report algorithm vector-size window min-count epochs workers seed",
    epilog="""\b
Examples:
  w2v compare corpus.txt
  w2v compare corpus.txt --algorithm cbow --epochs 2 --workers 2 --seed 1 --json
  w2v compare corpus.txt --with gensim --with fasttext --seeds 3 --report compared.md""",
)
@inputs_argument
@click.option(
    "--with",
    "programs",
    type=LazyChoice(_others),
    multiple=True,
    default=("gensim",),
    show_default=True,
    help="A program to compare with. May be repeated.",
)
@number_option(
    "--seeds",
    "n_seeds",
    most=100,
    default=1,
    help="Train N times with each program, in turn, with N seeds that start at --seed.",
)
@file_option(
    "--report",
    help="Write the table to FILE.md, and a picture of it beside.",
)
@overwrite_option
@training_options
@errors_option
@analogies_option
@pairs_option
@json_option
@progress_option
def compare(
    inputs: tuple[str, ...],
    programs: tuple[str, ...],
    n_seeds: int,
    report: Path | None,
    overwrite: bool,
    errors: str,
    analogies: tuple[Path, ...],
    word_pairs: tuple[Path, ...],
    as_json: bool,
    **options: Any,
) -> None:
    """Train here and in other programs on the same text with the same settings; compare time, speed and quality.

    Needs gensim, or fastText for --with fasttext. --analogies and --word-pairs measure quality; the defaults are
    questions-words.txt and wordsim353.tsv, which come with gensim.
    """
    parameters = parse_parameters(options)
    if parameters.max_time is not None:
        raise click.UsageError("gensim has no --max-time to compare with: give --epochs instead.")
    if parameters.phrases:
        raise click.UsageError("Other programs have no --phrases: join phrases first, with `w2v phrases --output`.")
    from w2v.comparison.comparison import compare_programs
    from w2v.comparison.figures import table
    from w2v.comparison.report import check_report_path, save_report

    if report is not None:
        check_report_path(report, overwrite)
    with saving(report), show_work("reading the text") as progress:
        comparison = compare_programs(
            TextReader(inputs, errors=errors),
            parameters,
            programs=programs,
            n_seeds=n_seeds,
            analogies=analogies,
            pairs=word_pairs,
            tell=lambda step: progress(step.removesuffix(" ..."), 0, None) if progress else None,
        )
        if report is not None:
            with note_missing_glyphs():
                keep(lambda path: save_report(comparison, path, overwrite=overwrite and path == report), report, inputs)
    print_result(comparison.to_dict(), *table(comparison), as_json=as_json)
