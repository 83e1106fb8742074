"""What the commands that train networks share: options, resuming, the output, and the summary at the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from w2v.commands.shared.option_names import refuse_unused_options
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
from w2v.neural.tasks.applying import why_unused_of_network
from w2v.training.checkpoints import Kind, find_checkpoint

if TYPE_CHECKING:
    from w2v.neural.tasks.estimator import TextEstimator

Model = TypeVar("Model", bound="TextEstimator[Any]")
_WITH_RESUME = ("interrupted", "checkpoint_every", "as_json", "output", "overwrite")


def fit_options(
    kind: str, validation: str, table: type[Any], names: Sequence[str] | None = None
) -> Callable[[Any], Any]:
    """Return a decorator that adds the options of a command that trains a network.

    Parameters
    ----------
    kind : str
        The kind of model, as the help calls it.
    validation : str
        Help text of `--validation`.
    table : type
        Table of the parameters.
    names : sequence of str, optional
        The parameters that get an option; by default all.
    """
    of_validation = click.option(
        "-v", "--validation", multiple=True, metavar="FILE", type=click.Path(), help=validation
    )  # fmt: skip
    of_output = file_option("-o", "--output", metavar="DIR", help=f"Folder to write the {kind} to.")
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
    """Train a network, or resume an interrupted training; save it, and print a summary.

    Parameters
    ----------
    kind : type
        Class of the model.
    files : tuple of str
        Training data; `name` is the metavar of the argument.
    options : dict
        Values of the options that `fit_options` added. Those that are not parameters of `kind` are removed from it.
    begin : callable
        Takes a new model, returns the function that trains it.
    facts : callable
        Takes the trained model, returns further rows of the summary.
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
        if click.get_current_context().params.get("start") is None:  # which says itself what goes with its layers
            refuse_unused_options(why_unused_of_network(options))
        model = kind(**options)
        fit = begin(model)
    with saving_training(model.save, output, resume=f"{kind.kind.command} --resume") as saved:
        fit(checkpoint=output, checkpoint_every=checkpoint_every, overwrite=overwrite, progress=progress_mode())
    _print_summary(model, str(saved.path), facts(model), as_json)
    return model


def find_interrupted(folder: Path, output: Path | None, texts: tuple[str, ...], kind: Kind) -> tuple[Path, Path]:
    """Return the checkpoint of an interrupted training and the output folder; refuse any other option."""
    context = click.get_current_context()
    given = [name for name in context.params if context.get_parameter_source(name) is ParameterSource.COMMANDLINE]
    if texts or [name for name in given if name not in _WITH_RESUME]:
        raise click.UsageError("--resume uses the original options and files: give neither.")
    if output not in (None, folder):
        raise click.UsageError(f"--resume takes no --output: the result replaces {folder}.")
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
