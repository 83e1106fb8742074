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

_OF_TOPICS = {"n_clusters": "clusters", "n_topics": "topics", "n_words": "keywords", "splits": "split_sentences"}
"""Options of `w2v topics` named differently from their parameter."""

_OF_WORDS = {name: OPTION_NAMES[name] for name in ("random_state", "alpha", "min_alpha", "alpha_hold", "holdout")}
_IN_RECORDS = _OF_WORDS | {"holdout_loss": "held_out_loss"}
"""Names in records of trainings of word vectors: parameters, and figures that are called after them."""

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


def topics_as_options(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters of topics under the names of their options, with underscores."""
    return {(OPTION_NAMES | _OF_TOPICS).get(name, name): value for name, value in parameters.items()}


def recorded_as_options(record: Any) -> Any:
    """Return what a training of word vectors recorded, at any depth, with the names of the options.

    The names of parameters that were left out are values.
    """
    if isinstance(record, list):
        return [recorded_as_options(one) for one in record]
    if not isinstance(record, dict):
        return record
    renamed = {_IN_RECORDS.get(name, name): recorded_as_options(value) for name, value in record.items()}
    if isinstance(renamed.get("left_out"), list):
        renamed["left_out"] = [_IN_RECORDS.get(str(name), name) for name in renamed["left_out"]]
    return renamed


def with_option_names(message: str) -> str:
    """Return an error message about parameters with the names of those options that are called differently."""
    names = "|".join(sorted(OPTION_NAMES, key=len, reverse=True))
    return re.sub(rf"(?<![\w'-])({names})(?![\w'-])", lambda found: option_name(found[1]), message)


def in_options_of(command: click.Command, message: str) -> str:
    """Return a message for Python with options of a command in place of parameters.

    ``name=value`` becomes an option with its value, and the name alone an option if it has an underscore or differs
    from that of the option. A name in quotes or part of a path stays, and so does what is "in Python".
    """
    options = {str(each.name): each for each in command.params if isinstance(each, click.Option)}
    parts = re.split(r"(\bin Python\b[^;]*)", message)
    for names, ending, shown in (
        (list(options), r"=('[^']*'|\"[^\"]*\"|[\w.,+-]*\w)", lambda found: _assigned(options[found[1]], found[2])),
        (
            [name for name in options if "_" in name or name in OPTION_NAMES],
            r"(?![\w/'\"(=-]|\.\w)",
            lambda found: options[found[1]].opts[-1],
        ),
    ):
        if names:
            either = "|".join(sorted(map(re.escape, names), key=len, reverse=True))
            parts[::2] = [re.sub(rf"(?<![\w./'\"-])({either}){ending}", shown, part) for part in parts[::2]]
    return "".join(parts)


def _assigned(option: click.Option, value: str) -> str:
    """Return an option with its value, which may be in quotes."""
    if not option.is_flag:
        value = value.strip("'\"")
        return f"{option.opts[-1]} {value}"
    return option.opts[-1] if value == "True" else [*option.secondary_opts, f"no {option.opts[-1]}"][0]


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
