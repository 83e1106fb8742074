"""`w2v fit-tagger` and `w2v tag`: tags of words, and names in texts."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from w2v.commands.labels.columns import word_column_options
from w2v.commands.labels.starting import opened_start, start_option
from w2v.commands.shared.fitting import fit_options, train_network
from w2v.commands.shared.long_help import LongCommand
from w2v.commands.shared.option_names import refuse_given
from w2v.commands.shared.options import (
    choice_option,
    errors_option,
    file_option,
    json_option,
    model_argument,
    workers_option,
)
from w2v.commands.shared.output import json_text, say
from w2v.commands.shared.parameters import DescribedOption
from w2v.commands.shared.types import LazyChoice
from w2v.corpora.readers import TextReader
from w2v.corpora.tokenizers import TOKENIZER_NAMES
from w2v.display.wording import printable
from w2v.neural.tasks.labels.parameters import TaggerParameters

if TYPE_CHECKING:
    from w2v.neural.tasks.labels.answers import TaggedText
    from w2v.neural.tasks.labels.tagging import Tagger
    from w2v.neural.tasks.labels.tagging_data import ColumnNumbers

_AT_ONCE = 2048
"""Lines that are read before any is tagged; a pipe waits for these."""
_LOOKED_AT = 20
"""Lines that are checked for columns."""
_COLORS = ("green", "blue", "magenta", "cyan", "yellow", "red")
FORMATS = ("auto", "conll", "spans")


def _numbers(word: int | None, tag: int | None, given: tuple[int, ...], errors: str) -> ColumnNumbers:
    from w2v.neural.tasks.labels.tagging_data import ColumnNumbers

    return ColumnNumbers(word, tag, given, errors)


@click.command(
    "fit-tagger",
    cls=LongCommand,
    first="output resume validation word-column tag-column vectors architecture layers hidden-size output-layer epochs "
    "max-time workers seed",
    epilog="""\b
Examples:
  w2v fit-tagger train.conll --output my.tagger --max-time 3m
  w2v fit-tagger train.txt -v dev.txt --column 2 --vectors my.model --output chunks.tagger
  w2v fit-tagger en_ewt-ud-train.conllu.xz -v en_ewt-ud-dev.conllu.xz --output upos.tagger
  w2v fit-tagger train.conll --start wiki.encoder --output my.tagger
  w2v fit-tagger --resume my.tagger""",
)
@click.argument("files", metavar="FILE...", nargs=-1)
@fit_options("tagger", "Tagged sentences for validation; by default, some of FILE. May be repeated.", TaggerParameters)
@word_column_options
@file_option(
    "--vectors", metavar="MODEL", help="Word vectors as additional inputs; they stay fixed and are stored in the model."
)
@start_option
@errors_option
def fit_tagger(
    files: tuple[str, ...],
    validation: tuple[str, ...],
    word_column: int | None,
    tag_column: int | None,
    given_columns: tuple[int, ...],
    vectors: Path | None,
    start: Path | None,
    errors: str,
    **options: Any,
) -> None:
    """Train a tagger on sentences with tagged words: parts of speech, chunks or names.

    FILE has a word and its tag per line, separated by tabs or spaces, and a blank line after each sentence; or it is
    CoNLL-U. Spans may be in IOB1, IOB2 or BIOES notation.

    Training keeps the parameters that were best on held-out sentences. During training, the output holds the best of
    the last checkpoint. Ctrl-C and SIGTERM save once more. `--resume DIR` continues and ends with exactly the same
    model.
    """
    from w2v.neural.tasks.labels.tagging import Tagger

    def begin(tagger: Tagger) -> Callable[..., object]:
        return partial(
            tagger.fit, list(files), validation=list(validation) or None, vectors=vectors,
            start=opened_start(start, options), column_numbers=_numbers(word_column, tag_column, given_columns, errors),
        )  # fmt: skip

    train_network(
        Tagger, files, "FILE", options, begin, lambda tagger: {"sentences": tagger.network_.metadata["sentences"]}
    )


@click.command(
    epilog="""\b
Examples:
  echo "Anna Lee lives in Paris." | w2v tag my.tagger
  w2v tag my.tagger news.txt --json > tagged.jsonl
  w2v tag my.tagger news.txt --format conll
  w2v tag chunks.tagger test.txt --from-columns --column 2""",
)
@model_argument
@click.argument("files", metavar="[FILE]...", nargs=-1)
@choice_option("--format", choices=FORMATS, default="auto",
               help="Print a word and its tag per line (conll), or the text with its spans marked (spans); auto is "
                    "spans at a terminal, otherwise conll.")  # fmt: skip
@click.option("--from-columns", "are_columns", is_flag=True, help="FILE has one word per line, as in training.")
@word_column_options
@click.option("--tokenizer", type=LazyChoice(lambda: TOKENIZER_NAMES), cls=DescribedOption,
              unset="the one of training", help="Tokenizer for the lines.")  # fmt: skip
@errors_option
@workers_option
@json_option
def tag(
    model: Path,
    files: tuple[str, ...],
    format: str,  # noqa: A002
    are_columns: bool,
    word_column: int | None,
    tag_column: int | None,
    given_columns: tuple[int, ...],
    tokenizer: str | None,
    errors: str,
    workers: int | None,
    as_json: bool,
) -> None:
    """Tag the words of each line of files, or of standard input.

    --json prints one object per line: the text, its words and its spans with character offsets, under spaCy's names.
    """
    if not are_columns and (word_column or tag_column or given_columns):
        raise click.UsageError(
            "--word-column, --tag-column and --column are for files with columns: give --from-columns as well."
        )
    if are_columns and (tokenizer or as_json):
        raise click.UsageError("--tokenizer and --json are for texts: they cannot be combined with --from-columns.")
    if tag_column is not None:
        raise click.UsageError("--tag-column is for training: this command predicts the tags.")
    if as_json or are_columns:
        refuse_given(("format",), "is for texts whose tags are printed, neither for --json nor for --from-columns")
    from w2v.neural.tasks.labels.tagging import Tagger

    tagger = Tagger.load(model)
    if are_columns:
        _tag_columns(tagger, files, _numbers(word_column, None, given_columns, errors), workers)
        return
    as_spans = format == "spans" or (format == "auto" and sys.stdout.isatty())
    show = _in_json if as_json else _marked if as_spans else _in_columns
    lines = TextReader(files or "-", errors=errors).lines()
    at_first = True
    while texts := list(islice(lines, _AT_ONCE)):
        if at_first and _look_like_columns(tagger, texts):
            say("Warning: the lines look like words with tags; if they are, give --from-columns")
        at_first = False
        found = tagger.tag(texts, tokenizer=tokenizer, workers=workers)
        for text in found:
            click.echo(show(text))


def _look_like_columns(tagger: Tagger, lines: list[str]) -> bool:
    """Return whether the first lines all end with a tag that the tagger knows."""
    rows = list(islice((line.split() for line in lines if line.strip()), _LOOKED_AT))
    labels = {_label(tag) for tag in tagger.tags_}
    return len(rows) > 1 and all(len(row) > 1 and _label(row[-1]) in labels for row in rows)


def _label(tag: str) -> str:
    return tag.partition("-")[2] or tag


def _tag_columns(tagger: Tagger, files: tuple[str, ...], numbers: ColumnNumbers, workers: int | None) -> None:
    given = numbers.read(files or "-", tags=False)
    for sentence, tags in zip(given.sentences, tagger.predict(given, workers=workers), strict=True):
        click.echo("".join(f"{word}\t{tag}\n" for word, tag in zip(sentence, tags, strict=True)))


def _in_json(text: TaggedText) -> str:
    return json_text(text.to_dict())


def _in_columns(text: TaggedText) -> str:
    whole = text.text
    return "".join(f"{whole[a:b]}\t{tag}\n" for (a, b), tag in zip(text.places, text.tags, strict=True))


def _marked(text: TaggedText) -> str:
    """Return a text with its spans in colour and their labels behind them, or its words if the tags have no spans."""
    spans: list[tuple[str, int, int, str]] = [*text.spans] or [(*word,) for word in text.words if word.tag != "O"]
    colors = dict(zip(sorted({label for *_, label in spans}), itertools.cycle(_COLORS), strict=False))
    parts, place = list[str](), 0
    for found, start, stop, label in spans:
        parts += [printable(text.text[place:start]), click.style(f"[{printable(found)} {label}]", fg=colors[label])]
        place = stop
    return "".join([*parts, printable(text.text[place:])])
