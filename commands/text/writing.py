"""`w2v fit-lm`, `w2v write` and `w2v score`: language models."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
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
    seed_option,
    workers_option,
)
from w2v.commands.shared.output import json_text, print_json, say
from w2v.corpora.inputs import expand_inputs
from w2v.corpora.readers import TextReader
from w2v.display.wording import printable, printable_lines
from w2v.neural.names import JUDGES, Judge
from w2v.neural.tasks.parameters import LanguageModelParameters

if TYPE_CHECKING:
    from w2v.neural.tasks.text.answers import Scored
    from w2v.neural.tasks.text.language_model import LanguageModel

_AT_ONCE = 1024
"""Lines that are read before any is scored; a pipe waits for these."""
_COLORS = (None, 226, 214, 202, 196)
"""Terminal colours for a surprise of less than 2, 4, 6, 8 and more nats."""


@click.command(
    "fit-lm",
    cls=LongCommand,
    first="output resume validation units initial context architecture layers hidden-size epochs max-time workers seed",
    epilog="""\b
Examples:
  w2v fit-lm shakespeare.txt --units characters --output bard.lm --max-time 10m
  w2v fit-lm wiki.txt.xz --units words --min-count 5 --output wiki.lm
  w2v fit-lm --resume wiki.lm""",
)
@click.argument("corpus", metavar="CORPUS...", nargs=-1)
@fit_options("model", "Text for validation; by default, part of CORPUS. May be repeated.", LanguageModelParameters)
@file_option("--initial", metavar="MODEL", help="Initial word vectors.")
@errors_option
def fit_lm(
    corpus: tuple[str, ...],
    validation: tuple[str, ...],
    initial: Path | None,
    errors: str,
    **options: Any,
) -> None:
    """Train a language model on text: a decoder that predicts what comes next.

    The command also counts a Kneser-Ney n-gram model of the same text, as a baseline.

    Training keeps the parameters that were best on held-out text. During training, the output holds the best of the
    last checkpoint. Ctrl-C and SIGTERM save once more. `--resume DIR` continues and ends with exactly the same model.
    """
    from w2v.neural.tasks.text.language_model import LanguageModel

    def begin(model: LanguageModel) -> Callable[..., object]:
        expand_inputs([*corpus, *validation])  # standard input is one of them at most
        apart = TextReader(validation, errors=errors) if validation else None
        return partial(model.fit, TextReader(corpus, errors=errors), validation=apart, initial=initial)

    def facts(model: LanguageModel) -> dict[str, Any]:
        metadata = model.network_.metadata
        return {f"{name}_held_out_loss": metadata.get(f"{name}_loss") for name in ("ngram", "mixture")}

    train_network(LanguageModel, corpus, "CORPUS", options, begin, facts)


@click.command(
    epilog="""\b
Examples:
  w2v write bard.lm "ROMEO:"
  w2v write bard.lm "ROMEO:" --temperature 0.8 --top-k 20 --seed 3
  w2v write wiki.lm "The river" --greedy""",
)
@model_argument
@click.argument("prompt", default="")
@number_option("--max-tokens", default=200, help="Maximum number of units to write.")
@click.option("--temperature", type=click.FloatRange(0, min_open=True), default=1.0, show_default=True, metavar="X",
              help="Sampling temperature; below 1, probable units become more probable.")  # fmt: skip
@number_option("--top-k", unset="all units", help="Sample only from the N most probable units.")
@click.option("--top-p", type=click.FloatRange(0, 1, min_open=True), default=1.0, show_default=True, metavar="X",
              help="Sample only from the smallest set of units with at least this total probability.")  # fmt: skip
@click.option("--greedy", is_flag=True, help="Always write the most probable unit.")
@seed_option
@json_option
def write(model: Path, prompt: str, as_json: bool, **options: Any) -> None:
    """Continue PROMPT with a language model, and show each piece as soon as it is chosen."""
    if options["greedy"]:
        refuse_given(("temperature", "top_k", "top_p", "seed"), "is for sampling: leave out --greedy")
    from w2v.neural.tasks.text.language_model import LanguageModel

    opened = LanguageModel.load(model)
    if as_json:
        print_json({"prompt": prompt, "text": opened.write(prompt, **options)})
        return
    if not sys.stdout.isatty():
        click.echo(opened.write(prompt, **options))
    else:
        click.echo(printable_lines(prompt), nl=False)
        opened.write(prompt, on_piece=lambda piece: click.echo(printable_lines(piece), nl=False), **options)
        click.echo()


@click.command(
    epilog="""\b
Examples:
  w2v score wiki.lm candidates.txt
  w2v score wiki.lm - --by mixture < candidates.txt
  w2v score wiki.lm candidates.txt --json | jq .perplexity""",
)
@model_argument
@click.argument("files", metavar="[FILE]...", nargs=-1)
@click.option("--by", type=click.Choice(JUDGES), default="network", show_default=True,
              help="Score with the network, the n-gram model, or the mixture of both.")  # fmt: skip
@click.option("--whole", is_flag=True, help="Score each file as one text, instead of its lines.")
@errors_option
@workers_option
@json_option
def score(
    model: Path, files: tuple[str, ...], by: Judge, whole: bool, errors: str, workers: int | None, as_json: bool
) -> None:
    """Score each line of files, or of standard input, with a language model.

    Each output line has log-probability, perplexity and the text; a terminal colours surprising pieces. The perplexity
    of all lines follows on standard error. --json prints one object per line, with every piece.
    """
    from w2v.neural.tasks.text.language_model import LanguageModel

    opened = LanguageModel.load(model)
    are_words = opened.network_.units["text"].kind == "words"
    total, n = 0.0, 0
    for scored in _scored(opened, TextReader(files or "-", errors=errors), by, whole, workers):
        total += scored.log_probability
        n += len(scored.log_probabilities)
        if as_json:
            click.echo(json_text(scored.to_dict()))
        else:
            click.echo(f"{scored.log_probability:10.2f} {scored.perplexity:10.2f}  {_coloured(scored, are_words)}")
    if n:
        say(f"{n:,} units, perplexity {math.exp(-total / n):.2f}, {-total / n:.4f} nats each")


def _scored(model: LanguageModel, reader: TextReader, by: Judge, whole: bool, workers: int | None) -> Any:
    """Yield the scores of texts, some lines at a time."""
    if whole:
        for path in reader.paths:
            text = "\n".join(TextReader(path, errors=reader.errors).lines())
            yield from model.score([text], by=by, workers=workers)
        return
    lines = reader.lines()
    while texts := list(islice(lines, _AT_ONCE)):
        yield from model.score(texts, by=by, workers=workers)


def _coloured(scored: Scored, are_words: bool) -> str:
    """Return the text; at a terminal, with its pieces coloured by their surprise."""
    if not sys.stdout.isatty():
        return scored.text.replace("\n", "\\n")  # one output line per text
    pieces: Sequence[str] = scored.pieces
    return (" " if are_words else "").join(
        click.style(printable(piece), fg=_COLORS[min(len(_COLORS) - 1, int(-p / 2))])
        for piece, p in zip(pieces, scored.log_probabilities.tolist(), strict=False)
    )
