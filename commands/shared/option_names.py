"""Names of options: those that differ from their parameter in Python, and the names that other programs use."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

import click
from click.core import ParameterSource

OPTION_NAMES = {
    "random_state": "seed",
    "alpha": "learning_rate",
    "min_alpha": "min_learning_rate",
    "alpha_hold": "learning_rate_hold",
    "holdout": "held_out",
    "dim": "hidden_size",
    "head": "output_layer",
    "precision": "dtype",
}
"""Options named differently from their parameter: one name means the same in all commands, whatever Python calls it."""

_OF_NETWORKS = {"window": "kernel_size"}
"""Options of networks named differently because, for word vectors, their parameter's name means another thing."""

_ELSEWHERE = {
    "size": "--vector-size", "dim": "--vector-size", "iter": "--epochs", "epoch": "--epochs", "threads": "--workers",
    "thread": "--workers", "ws": "--window", "neg": "--negative", "lr": "--learning-rate", "minn": "--min-n",
    "maxn": "--max-n", "bucket": "--buckets", "eta": "--learning-rate", "window": "--kernel-size",
}  # fmt: skip
"""Names of other programs, which no parameter has, and of our own parameters where they are called differently."""


def option_name(parameter: str, *, of_network: bool = False) -> str:
    """Return the name of the option for a parameter, of word vectors or of a network."""
    names = OPTION_NAMES | _OF_NETWORKS if of_network else OPTION_NAMES
    return "--" + names.get(parameter, parameter).replace("_", "-")


def named_as_options(parameters: Mapping[str, Any], *, of_network: bool = False) -> dict[str, Any]:
    """Return parameters under the names of their options, with underscores, as `w2v info` prints them."""
    return {
        option_name(name, of_network=of_network).removeprefix("--").replace("-", "_"): value
        for name, value in parameters.items()
    }


def with_option_names(message: str) -> str:
    """Return an error message about parameters with the names of those options that are called differently."""
    names = "|".join(sorted(OPTION_NAMES, key=len, reverse=True))
    return re.sub(rf"(?<![\w'-])({names})(?![\w'-])", lambda found: option_name(found[1]), message)


def in_our_names(error: click.ClickException) -> str:
    """Return the message of an error; if an option has another name here, the message gives it."""
    if isinstance(error, click.NoSuchOption) and error.ctx is not None:
        asked = error.option_name.removeprefix("--").replace("-", "_")
        ours = {name for one in error.ctx.command.params for name in one.opts}
        for name in (option_name(asked), _ELSEWHERE.get(asked)):
            if name in ours:
                return f"{error.message} Here it is {name}."
    return error.format_message()


def given_options(names: Collection[str]) -> list[str]:
    """Return those of some parameters of the running command that its command line gives, as its help calls them."""
    context = click.get_current_context()
    return [
        parameter.opts[-1] if isinstance(parameter, click.Option) else parameter.human_readable_name
        for parameter in context.command.params
        if parameter.name in names and context.get_parameter_source(parameter.name) is ParameterSource.COMMANDLINE
    ]


def refuse_given(names: Collection[str], why: str) -> None:
    """Raise a usage error if the command line has an option that would have no effect; `why` ends the sentence."""
    for option in given_options(names):
        raise click.UsageError(f"{option} {why}.")


def refuse_unused_options(reasons: Mapping[str, str]) -> None:
    """Raise a usage error if the command line has a parameter without effect; for `reasons` see `why_unused`."""
    for name, reason in reasons.items():
        refuse_given([name], with_option_names(reason))
