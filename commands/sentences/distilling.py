"""`w2v distill`: a small, fast encoder from a teacher and a text."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from w2v.commands.shared.interrupts import exit_code
from w2v.commands.shared.long_help import LongCommand
from w2v.commands.shared.option_names import refuse_given
from w2v.commands.shared.options import (
    checkpoint_option,
    errors_option,
    file_option,
    json_option,
    output_option,
    overwrite_option,
    progress_option,
)
from w2v.commands.shared.output import decimals, print_json, print_table, progress_mode, say
from w2v.commands.shared.parameters import table_options
from w2v.commands.shared.saving import saving
from w2v.commands.shared.types import NamedPath
from w2v.corpora.readers import TextReader
from w2v.encoder.distillation.options import DistilOptions

if TYPE_CHECKING:
    from w2v.encoder.distillation.distilling import Distilled


@click.command(
    cls=LongCommand,
    first="output architecture sentences initial teacher-cache max-time workers seed",
    epilog="""\b
Examples:
  w2v distill all-MiniLM-L6-v2 sentences.txt --output my.encoder
  w2v distill minilm.encoder wiki.txt captions.txt --output my.encoder --max-time 30m
  w2v distill hub:sentence-transformers/all-MiniLM-L6-v2 wiki.txt --architecture attention --output my.encoder
  w2v distill minilm.encoder wiki.txt --initial my.model --teacher-cache vectors --output my.encoder""",
)
@click.argument("teacher", type=NamedPath())
@click.argument("texts", metavar="TEXT...", nargs=-1, required=True)
@output_option
@file_option("--initial", metavar="MODEL", unset="trained on TEXT", help="Word vectors to start from.")
@file_option("--teacher-cache", metavar="DIR", help="Keep the teacher's vectors here for other runs.")
@file_option(
    "--work", metavar="DIR", unset="OUTPUT.distil, removed at the end", help="Folder for the results of the steps."
)
@errors_option
@checkpoint_option
@table_options(DistilOptions)
@overwrite_option
@json_option
@progress_option
def distill(
    teacher: Path,
    texts: tuple[str, ...],
    output: Path,
    initial: Path | None,
    teacher_cache: Path | None,
    work: Path | None,
    errors: str,
    checkpoint_every: float,
    overwrite: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Distil TEACHER into an encoder that is nearly as good and a hundred times as fast.

    TEACHER is the folder of an encoder, hub:OWNER/NAME, or the name of one that a package ships. TEXT has sentences or
    paragraphs like those you want to compare. The command draws sentences from TEXT, trains word vectors, encodes the
    sentences with the teacher, and trains the student to reproduce its vectors. After an interruption, run the same
    command again: it continues where it stopped.
    """
    if initial is not None:
        refuse_given(
            ("vector_size", "min_count", "tokenizer"), "is for word vectors trained on TEXT: leave it out, or --initial"
        )
    from w2v.encoder.distillation.distilling import run_distillation, work_area

    leave = click.get_current_context().exit
    try:
        with saving(output, claims=False) as saved:
            found = run_distillation(
                teacher, TextReader(texts, errors=errors), DistilOptions(**options), output=output, initial=initial,
                teacher_cache=teacher_cache, work=work, checkpoint_every=checkpoint_every, overwrite=overwrite,
                progress=progress_mode(),
            )  # fmt: skip
    except KeyboardInterrupt as interrupt:
        say(f"Interrupted. Progress is saved in {work or work_area(output)}; run the same command again to resume.")
        leave(exit_code(interrupt))
    summary = _summary(found, saved.path or output)
    print_json(summary) if as_json else _print(summary)


def _summary(found: Distilled, path: Path) -> dict[str, Any]:
    """Return the summary of a distillation."""
    history = found.encoder.history_
    kept = [entry for entry in history if entry["best"]][-1]
    return {
        "output": str(path),
        "teacher": found.teacher,
        "architecture": found.encoder.state.architecture,
        "dimension": found.encoder.dimension,
        "words": len(found.encoder.state.vocabulary),
        "sentences": found.sentences,
        "steps": history[-1]["step"],
        "held_out_loss": kept["held_out_loss"],
        "held_out_loss_at_the_start": history[0]["held_out_loss"],
        "seconds": found.seconds,
    }


def _print(summary: dict[str, Any]) -> None:
    before, after = (decimals(summary[name], 4) for name in ("held_out_loss_at_the_start", "held_out_loss"))
    rows = [
        ("teacher", summary["teacher"]),
        ("architecture", f"{summary['architecture']}, {summary['dimension']} columns, {summary['words']:,} words"),
        ("learned from", f"{summary['sentences']:,} sentences, {summary['steps']:,} steps"),
        ("held-out loss", f"{after}, at the start {before}"),
        *((name, f"{seconds:.1f} s") for name, seconds in summary["seconds"].items()),
    ]
    print_table([str(summary["output"]), ""], rows)
