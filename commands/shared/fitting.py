"""What the commands share that train networks: their options, going on, the output, and the summary at the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from w2v.commands.shared.options import (
    checkpoint_option,
    file_option,
    json_option,
    overwrite_option,
    progress_option,
    resume_option,
)
from w2v.commands.shared.output import describe_units, print_json, print_table, progress_mode
from w2v.commands.shared.parameters import table_options
from w2v.commands.shared.training import saving_training
from w2v.display.wording import in_words
from w2v.neural.names import FIGURES
from w2v.training.checkpoints import Kind, find_checkpoint

if TYPE_CHECKING:
    from w2v.neural.tasks.estimator import TextEstimator

Model = TypeVar("Model", bound="TextEstimator[Any]")
_WITH_RESUME = ("interrupted", "checkpoint_every", "as_json", "output", "overwrite")


def fit_options(
    kind: str, validation: str, table: type[Any], names: Sequence[str] | None = None
) -> Callable[[Any], Any]:
    """Return what adds the options of a command that trains a network.

    Parameters
    ----------
    kind : str
        What is trained, as the help calls it.
    validation : str
        What the help says of `--validation`.
    table : type
        The parameters.
    names : sequence of str, optional
        Those of them that have an option; by default all.
    """
    of_validation = click.option(
        "-v", "--validation", multiple=True, metavar="FILE", type=click.Path(), help=validation
    )  # fmt: skip
    of_output = file_option("-o", "--output", metavar="DIR", help=f"The {kind}'s folder to write.")
    options = (
        of_output, resume_option, of_validation, checkpoint_option, table_options(table, names), overwrite_option,
        json_option, progress_option,
    )  # fmt: skip

    def add(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def train_network(
    kind: type[Model],
    files: tuple[str, ...],
    name: str,
    options: dict[str, Any],
    begin: Callable[[Model], Callable[..., object]],
    facts: Callable[[Model], dict[str, Any]],
) -> Model:
    """Train a network anew, or go on with an interrupted training; save it, and print what training came to.

    Parameters
    ----------
    kind : type
    files : tuple of str
        What is trained on; `name` is what the usage calls it.
    options : dict
        What `fit_options` added to the command. Here it loses what are no parameters of `kind`.
    begin : callable
        From a new model to what trains it.
    facts : callable
        From the trained model to what the summary says besides.
    """
    interrupted, checkpoint_every, as_json, output, overwrite = (options.pop(given) for given in _WITH_RESUME)
    if interrupted is not None:
        found, output = find_interrupted(interrupted, output, files, kind.kind)
        model = kind.load(found)
        fit: Callable[..., object] = model.resume
        overwrite = True
    else:
        if not files:
            raise click.UsageError(f"Missing argument '{name}...'.")
        if output is None:
            raise click.UsageError("Missing option '-o' / '--output'.")
        model = kind(**options)
        fit = begin(model)
    with saving_training(model.save, output, resume=f"{kind.kind.command} --resume") as saved:
        fit(checkpoint=output, checkpoint_every=checkpoint_every, overwrite=overwrite, progress=progress_mode())
    _print_summary(model, str(saved.path), facts(model), as_json)
    return model


def find_interrupted(folder: Path, output: Path | None, texts: tuple[str, ...], kind: Kind) -> tuple[Path, Path]:
    """Return the checkpoint of an interrupted training, and where the result belongs; it takes no other options."""
    context = click.get_current_context()
    given = [name for name in context.params if context.get_parameter_source(name) is ParameterSource.COMMANDLINE]
    if texts or [name for name in given if name not in _WITH_RESUME]:
        raise click.UsageError("--resume goes on as the training began: it takes no other options and no files.")
    if output not in (None, folder):
        raise click.UsageError(f"--output is not for --resume: the result takes the place of {folder}.")
    return find_checkpoint(folder, kind)


def _print_summary(model: TextEstimator[Any], output: str, facts: dict[str, Any], as_json: bool) -> None:
    history = model.history_
    best = next((entry for entry in reversed(history) if entry["best"]), history[-1])
    figures = {name: best[name] for name in ("held_out_loss", *FIGURES) if name in best}
    summary = {
        "output": output,
        **describe_units(model.network_),
        "parameters": model.network_.parameters.n_parameters,
        **facts,
        "steps": history[-1]["step"],
        "seconds": history[-1]["seconds"],
        "best_step": best["step"],
        **figures,
    }
    if as_json:
        print_json(summary | {"history": history})
    else:
        print_table(["trained", ""], [(name.replace("_", " "), in_words(value)) for name, value in summary.items()])
