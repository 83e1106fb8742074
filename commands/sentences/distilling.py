"""`w2v distill`: from a teacher and a text to a small fast encoder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from w2v.commands.shared.interrupts import INTERRUPTED
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
from w2v.commands.shared.toolkit import TERMINATED
from w2v.commands.shared.training import Terminated, ending_on_sigterm
from w2v.commands.shared.types import NamedPath
from w2v.corpora.readers import TextReader
from w2v.encoder.distillation.options import DistilOptions

if TYPE_CHECKING:
    from w2v.encoder.distillation.distilling import Distilled


@click.command(
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
@file_option("--initial", metavar="MODEL", help="Word vectors to start from; left out, they are trained on TEXT.")
@file_option("--teacher-cache", metavar="DIR", help="Keep the teacher's vectors here, for other runs as well.")
@file_option("--work", metavar="DIR", help="Keep what the steps make here; left out, in OUTPUT.distil until the end.")
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
    """Make an encoder of your own that does nearly what TEACHER does, a hundred times as fast.

    TEACHER is the folder of an encoder, hub:OWNER/NAME, or the name of one that a package ships. TEXT is paragraphs or
    sentences of the kinds that you are going to compare. In four steps sentences are drawn from it, its words get
    vectors, the teacher makes its vectors of the sentences, and the student learns to make the same. Interrupted, the
    same command goes on where it was.
    """
    from w2v.encoder.distillation.distilling import run_distillation, work_area

    leave = click.get_current_context().exit
    try:
        with ending_on_sigterm(), saving(output, claims=False) as saved:
            found = run_distillation(
                teacher, TextReader(texts, errors=errors), DistilOptions(**options), output=output, initial=initial,
                teacher_cache=teacher_cache, work=work, checkpoint_every=checkpoint_every, overwrite=overwrite,
                progress=progress_mode(),
            )  # fmt: skip
    except KeyboardInterrupt as interrupt:
        say(f"Interrupted. What was done is in {work or work_area(output)}; the same command goes on from there.")
        is_terminated = isinstance(interrupt, Terminated) or isinstance(interrupt.__cause__, Terminated)
        leave(TERMINATED if is_terminated else INTERRUPTED)
    summary = _summary(found, saved.path or output)
    print_json(summary) if as_json else _print(summary)


def _summary(found: Distilled, path: Path) -> dict[str, Any]:
    """Return what is told of a distillation."""
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
