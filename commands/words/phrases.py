"""`w2v phrases`: find the phrases of a text, show them, save them, join them."""

from __future__ import annotations

import sys
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from w2v.commands.shared.long_help import LongCommand
from w2v.commands.shared.option_names import refuse_given
from w2v.commands.shared.options import errors_option, inputs_argument, json_option, overwrite_option, progress_option
from w2v.commands.shared.output import note, print_json, print_table, progress_mode
from w2v.commands.shared.parameters import parameter_option
from w2v.commands.shared.saving import keep, saving
from w2v.commands.shared.types import NamedPath
from w2v.corpora.readers import TextReader
from w2v.phrases.parameters import ENGLISH, PHRASE_CONSTRAINTS, PhraseParameters
from w2v.phrases.phrase_list import PhraseList
from w2v.storage.files import check_writable_beside

if TYPE_CHECKING:
    from w2v.phrases.phrase_list import Phrase


def _phrase_options(command: Any) -> Any:
    """Add one option for each parameter of `Phrases`."""
    for parameter in reversed(fields(PhraseParameters)):
        if parameter.name == "connector_words":
            add = click.option(
                "--connectors",
                "connector_words",
                metavar="FILE",
                help=f"{ENGLISH}, or a file of words, that a phrase may contain but neither begin nor end with.",
            )
        else:
            add = parameter_option(parameter.name, PHRASE_CONSTRAINTS[parameter.name], parameter.default)
        command = add(command)
    return command


@click.command(
    cls=LongCommand,
    first="output save load scoring threshold min-count passes connectors tokenizer top",
    epilog="""\b
Examples:
  w2v phrases corpus.txt
  w2v phrases corpus.txt --scoring npmi --connectors english --passes 2 --top 50
  w2v phrases corpus.txt --save phrases.json --output joined.txt
  w2v phrases other.txt --load phrases.json --output joined.txt
  w2v train joined.txt --tokenizer whitespace --output my.model""",
)
@inputs_argument
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, allow_dash=True),
    metavar="FILE",
    help="Write the text with its phrases joined, one sentence per line; - is standard output.",
)
@click.option("--save", type=NamedPath(), metavar="FILE", help="Save the phrases to a JSON file.")
@click.option(
    "--load",
    type=NamedPath(),
    metavar="FILE",
    help="Join the phrases that --save wrote, instead of searching for new ones.",
)
@overwrite_option
@_phrase_options
@errors_option
@click.option(
    "--top", default=20, show_default=True, type=click.IntRange(1), metavar="N", help="Number of phrases to show."
)
@json_option
@progress_option
def phrases(
    inputs: tuple[str, ...],
    output: Path | None,
    save: Path | None,
    load: Path | None,
    overwrite: bool,
    errors: str,
    top: int,
    as_json: bool,
    **options: Any,
) -> None:
    """Find phrases in text: words that occur together more often than by chance, such as new york.

    INPUT is a file, a quoted pattern, or - for standard input; .gz, .bz2, .xz and .zst are decompressed. Each line is a
    sentence. The command prints the highest-scoring phrases, or with `--output -` the joined text.

    `w2v train --phrases` does this as part of training.
    """
    options["connector_words"] = _read_connector_words(options["connector_words"])
    parameters = PhraseParameters(**options)
    try:
        parameters.validate()
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    to_stdout = output == Path("-")
    if load is not None:
        _check_load(output, save)
    if to_stdout:
        refuse_given(("as_json", "top"), "is for the table of phrases; --output - prints the joined text in its place")
    if save is not None and save == output:
        raise click.UsageError("--save and --output are the same file.")
    for path in (save, None if to_stdout else output):
        if path is not None:
            _check_new(path, overwrite)

    from w2v.phrases.estimator import Phrases, join_corpus

    corpus = TextReader(inputs, errors=errors)
    target = sys.stdout.buffer if to_stdout else output
    how: dict[str, Any] = {"overwrite": overwrite, "progress": progress_mode()}
    if load is not None:
        found = PhraseList.load(load)
        assert target is not None
        with saving(output, claims=False):
            join_corpus(corpus, found, target, tokenizer=parameters.tokenizer, workers=parameters.workers, **how)
        note(f"Joined the phrases of {load}.")
        return
    with saving(output, claims=False), saving(save):
        found = Phrases(**vars(parameters)).fit(corpus, output=target, **how).phrase_list_
        if save is not None:
            keep(lambda path: found.save(path, overwrite=overwrite and path == save), save, inputs)
    if not to_stdout:
        _show(found, top, as_json)


def _read_connector_words(given: str | None) -> str | tuple[str, ...]:
    """Return the words of a file, the name of a built-in list, or no words."""
    if given is None or given == ENGLISH:
        return given or ()
    try:
        return tuple(Path(given).read_text(encoding="utf-8-sig").split())
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise click.BadParameter(
            f"must be {ENGLISH} or a file of words; {given} cannot be read: {reason}.", param_hint="'--connectors'"
        ) from error


def _check_load(output: Path | None, save: Path | None) -> None:
    if output is None or save is not None:
        raise click.UsageError("--load joins phrases in the text: give --output as well, and not --save.")
    refuse_given(PHRASE_CONSTRAINTS.keys() - {"workers", "tokenizer"}, "is for finding phrases, but --load has them")
    refuse_given(("top", "as_json"), "is for the phrases that are found; --load joins known ones")


def _check_new(path: Path, overwrite: bool) -> None:
    """Refuse, before any work, a file that could not be written at the end."""
    if path.is_dir():
        raise click.ClickException(f"{path} is a folder; give the name of a file to write.")
    if path.exists() and not overwrite:
        raise click.ClickException(f"{path} exists already; choose another name, or give --overwrite.")
    check_writable_beside(path)


def _show(found: PhraseList, top: int, as_json: bool) -> None:
    """Print the phrases of all passes with the highest scores."""
    joined: dict[str, Phrase] = {}
    for phrase in sorted(found, key=lambda phrase: -phrase.score):
        joined.setdefault(found.delimiter.join(phrase.words), phrase)
    rows = list(joined.items())[:top]
    if as_json:
        print_json(
            {
                "number": len(found),
                "parameters": found.parameters,
                "phrases": [
                    {"phrase": name, "words": phrase.words, "score": phrase.score, "count": phrase.occurrences}
                    for name, phrase in rows
                ],
            }
        )
        return
    print_table(
        ["phrase", ">score", ">count"],
        [(name, f"{phrase.score:,.3f}", f"{phrase.occurrences:,}") for name, phrase in rows],
    )
    note(f"{len(found):,} phrases; --top shows more.")
