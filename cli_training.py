"""What the commands that train share: an option for each training parameter, Ctrl-C, and the summary at the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cli_options import INTERRUPTED, LazyChoice
from cli_output import print_json, print_trained, show_training
from w2v.parameters import (
    DOMAINS,
    MAX_VOCABULARY,
    Choice,
    Domain,
    FileName,
    Flag,
    Integer,
    Number,
    Parameters,
    Seed,
)

if TYPE_CHECKING:
    from corpora.readers import TextReader
    from w2v.models import Word2Vec

Command = TypeVar("Command", bound=Callable[..., Any])

OPTION_NAMES = {"random_state": "seed"}
"""Options that are not called as their parameter."""

_METAVARS: dict[type, str] = {Integer: "N", Number: "X", Seed: "N", FileName: "FILE"}


def training_options(command: Command) -> Command:
    """Add one option for each training parameter, with the name, limits, default and help of `w2v.parameters`."""
    defaults = Parameters()
    for name, domain in reversed(DOMAINS.items()):
        command = _training_option(name, domain, getattr(defaults, name))(command)
    return command


def _training_option(name: str, domain: Domain, default: object) -> Callable[[Command], Command]:
    option = "--" + OPTION_NAMES.get(name, name).replace("_", "-")
    if isinstance(domain, Flag):
        option += "/--no-" + option[2:]
    return click.option(
        option,
        name,
        type=_click_type(domain),
        default=default,
        show_default=default is not None,
        callback=_check_with(domain),
        help=domain.help,
        metavar=_METAVARS.get(type(domain)),
    )


def _click_type(domain: Domain) -> click.ParamType[Any] | None:
    """Return click's type for a domain; its ranges are shown in `--help`."""
    match domain:
        case Choice():
            return click.Choice(domain.choices)
        case Flag():
            return None
        case Integer():
            return click.IntRange(domain.low, domain.high if domain.high < MAX_VOCABULARY else None)
        case Number():
            low = domain.above if domain.low is None else domain.low
            return click.FloatRange(low, domain.high, min_open=domain.low is None)
        case Seed():
            return click.IntRange(min=0)
        case FileName():
            return click.Path(exists=True, dir_okay=False, resolve_path=True)
        case _:
            return LazyChoice(_tokenizer_names)


def _check_with(domain: Domain) -> Callable[[click.Context, click.Parameter, Any], Any]:
    """Return a callback that catches what click's ranges let pass: NaN, infinity, numbers too large for the kernels."""

    def check(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
        if value is not None and not domain.allows(value):
            raise click.BadParameter(f"must be {domain.describe()}, got {value!r}.", context, parameter)
        return value

    return check


def parse_parameters(options: dict[str, Any]) -> Parameters:
    """Return the parameters that the options give; two that contradict each other are a usage error."""
    parameters = Parameters(**options)
    try:
        parameters.validate()
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    return parameters


def _tokenizer_names() -> Sequence[str]:
    from corpora.tokenizers import TOKENIZER_NAMES

    return TOKENIZER_NAMES


def recorded_inputs(model: Path) -> list[str]:
    """Return the files that an interrupted training read, as its model folder has them."""
    from w2v.persistence import read_config

    training = read_config(model).get("training")
    if isinstance(training, dict) and training.get("complete") is True:
        raise click.ClickException(f"{model}: training is complete, there is nothing to resume.")
    inputs = training.get("inputs") if isinstance(training, dict) else None
    if not isinstance(inputs, list) or not inputs or not all(isinstance(name, str) for name in inputs):
        raise click.UsageError(f"{model} does not say what text it was trained on; name it after the model.")
    if "-" in inputs:
        raise click.UsageError(f"{model} was trained on standard input; name the same text after the model.")
    return inputs


def run_training(
    model: Word2Vec, fit: Callable[..., Word2Vec], corpus: TextReader, output: Path, overwrite: bool, as_json: bool
) -> None:
    """Train, save, and print a summary; after Ctrl-C save what there is and say so."""
    from w2v.models import TrainingInterrupted

    try:
        with show_training(None if model.max_time else model.epochs) as progress:
            fit(corpus, progress=progress)
    except TrainingInterrupted:
        model.save(output, overwrite=overwrite)
        click.echo(f"Interrupted. What was learned is saved; go on with: w2v resume {output}", err=True)
        click.get_current_context().exit(INTERRUPTED)
    model.save(output, overwrite=overwrite)
    history, seconds = model.history_, model.history_[-1]["seconds"]
    summary = {
        "output": str(output),
        "vocabulary_size": len(model.vocabulary_),
        "vector_size": model.vector_size,
        "corpus_words": model.embeddings_.metadata["corpus"]["words"],
        "seconds": seconds,
        "words_per_second": sum(epoch["words"] for epoch in history) / seconds,
        "loss": history[-1].get("loss"),
        "history": history,
    }
    print_json(summary) if as_json else print_trained(summary)
