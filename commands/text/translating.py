"""`w2v fit-translator` and `w2v translate`: machine translation."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from w2v.commands.shared.fitting import fit_options, train_network
from w2v.commands.shared.long_help import LongCommand
from w2v.commands.shared.option_names import refuse_given
from w2v.commands.shared.options import (
    errors_option,
    file_option,
    json_option,
    model_argument,
    number_option,
    overwrite_option,
    progress_option,
    workers_option,
)
from w2v.commands.shared.output import json_text, note_missing_glyphs, say, show_work
from w2v.corpora.inputs import display_name, expand_inputs
from w2v.corpora.readers import TextReader
from w2v.display.wording import printable
from w2v.neural.tasks.parameters import TranslatorParameters
from w2v.neural.tasks.text.bleu import bleu, require_sacrebleu
from w2v.plots import check_picture_path, save_figure

if TYPE_CHECKING:
    from w2v.neural.tasks.text.answers import Translation

_AT_ONCE = 2048
"""Lines that are read before any is translated, grouped by length; a pipe waits for these."""


@click.command(
    "fit-translator",
    cls=LongCommand,
    first="output resume validation columns initial-source initial-target architecture layers hidden-size "
    "vocabulary-size epochs max-time workers seed",
    epilog="""\b
Examples:
  w2v fit-translator pairs.tsv --output my.translator --max-time 15m
  w2v fit-translator train.de.gz train.en.gz -v val.de.gz -v val.en.gz --output de-en.translator
  w2v fit-translator cmn.txt --columns 2 1 --output zh-en.translator --max-time 10m
  w2v fit-translator --resume my.translator""",
)
@click.argument("pairs", metavar="PAIRS...", nargs=-1)
@fit_options(
    "translator",
    "Pairs for validation: a table, or given twice, two parallel files; by default, some of PAIRS.",
    TranslatorParameters,
)  # fmt: skip
@click.option(
    "--columns", type=click.Tuple([click.IntRange(1), click.IntRange(1)]), default=(1, 2), show_default=True,
    metavar="N N", help="Columns of the source and of the target; 2 1 reverses the direction.",
)  # fmt: skip
@file_option("--initial-source", metavar="MODEL", help="Initial word vectors of the source language.")
@file_option("--initial-target", metavar="MODEL", help="Initial word vectors of the target language.")
@errors_option
def fit_translator(
    pairs: tuple[str, ...],
    validation: tuple[str, ...],
    columns: tuple[int, int],
    initial_source: Path | None,
    initial_target: Path | None,
    errors: str,
    **options: Any,
) -> None:
    """Train a translator on pairs of texts: an encoder for the source, and a decoder that writes the translation.

    PAIRS are tables with a text, a tab and its translation per line, or two parallel files.

    Training keeps the parameters that were best on held-out pairs. During training, the output holds the best of the
    last checkpoint. Ctrl-C and SIGTERM save once more. `--resume DIR` continues and ends with exactly the same model.
    """
    from w2v.neural.tasks.text.translation import Translator

    def begin(translator: Translator) -> Callable[..., object]:
        expand_inputs([*pairs, *validation])  # standard input is one of them at most
        return partial(
            translator.fit,
            list(pairs),
            validation=list(validation) or None,
            columns=columns,
            errors=errors,
            initial_source=initial_source,
            initial_target=initial_target,
        )

    def facts(translator: Translator) -> dict[str, Any]:
        return {"pairs": translator.network_.metadata["pairs"]}

    train_network(Translator, pairs, "PAIRS", options, begin, facts)


@click.command(
    epilog="""\b
Examples:
  w2v translate my.translator test.de > test.en
  echo "Ein Mann schläft." | w2v translate my.translator
  w2v translate my.translator test.de --reference test.en
  w2v translate my.translator test.de --json --n-best 3
  echo "Ein Mann schläft." | w2v translate my.translator --attention look.png""",
)
@model_argument
@click.argument("files", metavar="[FILE]...", nargs=-1)
@number_option("--beam", default=5, most=1000, help="Beam size; 1 is greedy decoding, which is fastest.")
@click.option("--length-penalty", type=click.FLOAT, default=1.0, show_default=True, metavar="X",
              help="Length penalty; larger values favour longer translations.")  # fmt: skip
@number_option("--n-best", default=1, most=1000, help="With --json: number of translations per line.")
@number_option("--batch-size", default=64, help="Lines that a thread translates at once; more take more memory.")
@file_option("--reference", help="Also print BLEU against the reference translations in FILE, line by line.")
@file_option("--attention", help="Draw the cross-attention of the first translation to FILE.png.")
@errors_option
@workers_option
@overwrite_option
@json_option
@progress_option
def translate(
    model: Path,
    files: tuple[str, ...],
    beam: int,
    length_penalty: float,
    n_best: int,
    batch_size: int,
    reference: Path | None,
    attention: Path | None,
    errors: str,
    workers: int | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Translate each line of files, or of standard input, in order.

    An empty line stays empty. A line longer than those of training is translated in parts, cut between sentences where
    possible. --json prints one object per line: translations and scores, and for every piece its probability, the most
    probable alternatives and its cross-attention, which lines in parts have not.
    """
    _check_n_best(n_best, beam, as_json)
    from w2v.neural.generation.state import Wanted
    from w2v.neural.tasks.text.translation import Translator

    if attention is not None:
        check_picture_path(attention, overwrite)
    wanted_texts = None if reference is None else _read_reference(reference, files, errors)
    reader = TextReader(files or "-", errors=errors)
    translator = Translator.load(model)
    wanted = Wanted(scores=as_json, alternatives=5 if as_json else 0, alignments=as_json or attention is not None)
    lines, made = reader.lines(), list[str]()
    n_before = 0
    while texts := list(islice(lines, _AT_ONCE)):
        what = f"translating lines {n_before + 1:,} to {n_before + len(texts):,}"
        with show_work(what) as update:
            tell = None if update is None else partial(update, what)
            found = translator.explain(
                texts, beam=beam, length_penalty=length_penalty, n_best=n_best, batch_size=batch_size, workers=workers,
                wanted=wanted, progress=tell,
            )  # fmt: skip
        n_before += len(texts)
        if attention is not None and (filled := [best for best, *_ in found if best.pieces]):
            _draw(next((one for one in filled if one.alignment is not None), filled[0]), attention, overwrite)
            attention = None
        for text, translations in zip(texts, found, strict=True):
            if wanted_texts is not None:
                made.append(translations[0].text)
            if as_json:
                click.echo(json_text({"source": text, "translations": [one.to_dict() for one in translations]}))
            else:
                line = " ".join(translations[0].text.splitlines())
                click.echo(printable(line) if sys.stdout.isatty() else line)
    if attention is not None:
        raise click.ClickException(f"Nothing to draw to {attention}: no line has a translation.")
    if wanted_texts is not None:
        _check_lengths(reference, len(wanted_texts), len(made))
        score = bleu(made, wanted_texts)
        say(f"BLEU {score.score:.2f}, {score.signature}")


def _check_n_best(n_best: int, beam: int, as_json: bool) -> None:
    if not as_json:
        refuse_given(("n_best",), "needs --json: without it, each line has one translation")
    if n_best > beam:
        raise click.UsageError(f"--n-best must be at most --beam, {beam}, not {n_best}.")


def _read_reference(reference: Path, files: tuple[str, ...], errors: str) -> list[str]:
    """Return the reference lines; check their number against the input if that is known already."""
    require_sacrebleu()
    expand_inputs([reference, *(files or "-")])  # standard input is one of them at most
    texts = [line.strip() for line in TextReader(reference, errors=errors).lines()]
    reader = TextReader(files or "-", errors=errors)
    if reader.total_bytes is not None:
        _check_lengths(reference, len(texts), sum(1 for _ in reader.lines()))
    return texts


def _check_lengths(reference: Path | None, n_wanted: int, n_made: int) -> None:
    if n_made != n_wanted:
        raise click.ClickException(
            f"{display_name(str(reference))} has {n_wanted:,} lines, but there are {n_made:,} to be translated; line i "
            "of one belongs to line i of the other."
        )


def _draw(translation: Translation, path: Path, overwrite: bool) -> None:
    from w2v.neural.tasks.text.plots import plot_alignment

    with note_missing_glyphs():
        figure = plot_alignment(translation)
    save_figure(figure, path, overwrite=overwrite)
    say(f"Drawn: {path}")
