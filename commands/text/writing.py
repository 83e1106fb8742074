"""`w2v fit-lm`, `w2v write` and `w2v score`: from text to a language model, which goes on writing and judges text."""

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
from w2v.commands.shared.options import (
    errors_option,
    file_option,
    json_option,
    model_argument,
    number_option,
    workers_option,
)
from w2v.commands.shared.output import json_text, print_json, say
from w2v.corpora.inputs import expand_inputs
from w2v.corpora.readers import TextReader
from w2v.display.wording import printable, printable_lines
from w2v.neural.names import JUDGES, Judge
from w2v.neural.tasks.parameters import LanguageModelParameters
from w2v.settings.constraints import MAX_SEED

if TYPE_CHECKING:
    from w2v.neural.tasks.text.answers import Scored
    from w2v.neural.tasks.text.language_model import LanguageModel

_AT_ONCE = 1024
"""Lines that are read before they are scored: what a pipe waits for."""
_COLORS = (None, 226, 214, 202, 196)
"""Of the terminal, for surprise of less than 2, 4, 6, 8 and more nats."""


@click.command(
    "fit-lm",
    cls=LongCommand,
    first="output resume validation units initial context architecture layers dim epochs max-time workers seed",
    epilog="""\b
Examples:
  w2v fit-lm shakespeare.txt --units characters --output bard.lm --max-time 10m
  w2v fit-lm wiki.txt.xz --units words --min-count 5 --output wiki.lm
  w2v fit-lm --resume wiki.lm""",
)
@click.argument("corpus", metavar="CORPUS...", nargs=-1)
@fit_options(
    "model", "Text to measure training by; else a part of CORPUS is held out. May be repeated.", LanguageModelParameters
)
@file_option("--initial", metavar="MODEL", help="Word vectors to start from.")
@errors_option
def fit_lm(
    corpus: tuple[str, ...],
    validation: tuple[str, ...],
    initial: Path | None,
    errors: str,
    **options: Any,
) -> None:
    """Train a language model on text: a decoder that says what comes next.

    N-grams of the same text (Kneser-Ney) are counted beside it: what a network must be better than.

    What is kept is what was best on held-out text. While it trains, the output holds the best until the last
    checkpoint; Ctrl-C and SIGTERM save once more. `--resume DIR` goes on with it, to the very same model.
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
@number_option("--max-tokens", default=200, help="Largest number of units to write.")
@click.option("--temperature", type=click.FloatRange(0, min_open=True), default=1.0, show_default=True, metavar="X",
              help="Sampling temperature; below 1, probable units become more probable.")  # fmt: skip
@number_option("--top-k", help="Sample from the N most probable units only.")
@click.option("--top-p", type=click.FloatRange(0, 1, min_open=True), default=1.0, show_default=True, metavar="X",
              help="Sample from the fewest units whose probabilities sum to at least this.")  # fmt: skip
@click.option("--greedy", is_flag=True, help="Always write the most probable unit.")
@number_option("--seed", least=0, most=MAX_SEED, default=1, help="Random seed of sampling.")
@json_option
def write(model: Path, prompt: str, as_json: bool, **options: Any) -> None:
    """Go on writing after PROMPT, and show each piece as soon as it is chosen."""
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
              help="Ask the network, the n-grams that stand beside it, or both together.")  # fmt: skip
@click.option("--whole", is_flag=True, help="Score each file as one text, instead of its lines.")
@errors_option
@workers_option
@json_option
def score(
    model: Path, files: tuple[str, ...], by: Judge, whole: bool, errors: str, workers: int | None, as_json: bool
) -> None:
    """Say how probable each line of files, or of standard input, is, and what surprises in it.

    A line out for a line in: log-probability, perplexity and the text, in which a terminal colours what surprises; the
    perplexity of all comes last, on standard error. --json prints an object a line, with every piece.
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
    """Yield what texts score, some lines at a time."""
    if whole:
        for path in reader.paths:
            text = "\n".join(TextReader(path, errors=reader.errors).lines())
            yield from model.score([text], by=by, workers=workers)
        return
    lines = reader.lines()
    while texts := list(islice(lines, _AT_ONCE)):
        yield from model.score(texts, by=by, workers=workers)


def _coloured(scored: Scored, are_words: bool) -> str:
    """Return the text, its pieces in the colours of their surprise where the output is a terminal."""
    if not sys.stdout.isatty():
        return scored.text.replace("\n", "\\n")  # a line out for a line in; what else there is stays
    pieces: Sequence[str] = scored.pieces
    return (" " if are_words else "").join(
        click.style(printable(piece), fg=_COLORS[min(len(_COLORS) - 1, int(-p / 2))])
        for piece, p in zip(pieces, scored.log_probabilities.tolist(), strict=False)
    )
