"""What the commands share that train networks of text: going on, the output, and the summary at the end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from w2v.commands.shared.output import print_json, print_table, progress_mode
from w2v.commands.shared.training import saving_training
from w2v.commands.text.describing import describe_units
from w2v.display.wording import in_words
from w2v.neural.names import FIGURES
from w2v.training.checkpoints import Kind, find_checkpoint

if TYPE_CHECKING:
    from w2v.neural.tasks.estimator import TextEstimator

_WITH_RESUME = ("interrupted", "checkpoint_every", "as_json", "output", "overwrite")


def required_output(output: Path | None, texts: tuple[str, ...], name: str) -> Path:
    """Return the output of a new training; a usage error says what is missing."""
    if not texts:
        raise click.UsageError(f"Missing argument '{name}...'.")
    if output is None:
        raise click.UsageError("Missing option '-o' / '--output'.")
    return output


def find_interrupted(folder: Path, output: Path | None, texts: tuple[str, ...], kind: Kind) -> tuple[Path, Path]:
    """Return the checkpoint of an interrupted training, and where the result belongs; it takes no other options."""
    context = click.get_current_context()
    given = [name for name in context.params if context.get_parameter_source(name) is ParameterSource.COMMANDLINE]
    if texts or [name for name in given if name not in _WITH_RESUME]:
        raise click.UsageError("--resume goes on as the training began: it takes no other options and no files.")
    if output not in (None, folder):
        raise click.UsageError(f"--output is not for --resume: the result takes the place of {folder}.")
    return find_checkpoint(folder, kind)


def run(
    model: TextEstimator[Any],
    fit: Callable[..., object],
    output: Path,
    *,
    overwrite: bool,
    checkpoint_every: float,
    as_json: bool,
    facts: Callable[[], dict[str, Any]],
) -> None:
    """Train, save, and print what training came to."""
    with saving_training(model.save, output, resume=f"{model.kind.command} --resume") as saved:
        fit(checkpoint=output, checkpoint_every=checkpoint_every, overwrite=overwrite, progress=progress_mode())
    history = model.history_
    best = next((entry for entry in reversed(history) if entry["best"]), history[-1])
    figures = {name: best[name] for name in ("held_out_loss", *FIGURES) if name in best}
    summary = {
        "output": str(saved.path),
        **describe_units(model.network_),
        "parameters": model.network_.parameters.n_parameters,
        **facts(),
        "steps": history[-1]["step"],
        "seconds": history[-1]["seconds"],
        "best_step": best["step"],
        **figures,
    }
    if as_json:
        print_json(summary | {"history": history})
    else:
        print_table(["trained", ""], [(name.replace("_", " "), in_words(value)) for name, value in summary.items()])
