"""Arguments and options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from w2v.cluster.clients import ClusterError, parse_address
from w2v.commands.shared.output import PROGRESS
from w2v.commands.shared.parameters import DescribedOption, parameter_option
from w2v.commands.shared.types import Duration, NamedPath
from w2v.settings.constraints import DEFAULT_SEED, MAX_SEED
from w2v.settings.descriptions import CONSTRAINTS


def file_option(*names: str, metavar: str = "FILE", **further: Any) -> Callable[[Any], Any]:
    """Return an option that names a file or a folder."""
    return click.option(*names, type=NamedPath(), metavar=metavar, cls=DescribedOption, **further)


def number_option(
    *names: str, least: int = 1, most: int | None = None, metavar: str = "N", **further: Any
) -> Callable[[Any], Any]:
    """Return an option that takes a whole number; its help shows the default, or what `unset` says of it."""
    further = {"show_default": "default" in further, "cls": DescribedOption, **further}
    return click.option(*names, type=click.IntRange(least, most), metavar=metavar, **further)


def choice_option(*names: str, choices: tuple[str, ...], default: str, **further: Any) -> Callable[[Any], Any]:
    """Return an option that takes one of a few names; its help shows the default."""
    return click.option(*names, type=click.Choice(choices), default=default, show_default=True, **further)


def _keep_progress(context: click.Context, parameter: click.Parameter, mode: str) -> None:
    context.meta[PROGRESS] = mode


def _check_cluster(context: click.Context, parameter: click.Parameter, address: str | None) -> str | None:
    """Refuse an invalid address before anything is read."""
    if address is not None:
        try:
            parse_address(address)
        except ClusterError as error:
            raise click.BadParameter(str(error)) from error
    return address


model_argument = click.argument("model", type=NamedPath())
inputs_argument = click.argument("inputs", metavar="INPUT...", nargs=-1, required=True)
errors_option = choice_option(
    "--errors",
    choices=("strict", "replace"),
    default="strict",
    help="How to handle bytes that are not UTF-8: stop, or read them as U+FFFD.",
)
progress_option = choice_option(
    "--progress",
    choices=("auto", "bar", "log", "none"),
    default="auto",
    envvar="W2V_PROGRESS",
    expose_value=False,
    callback=_keep_progress,
    help="Show progress on standard error: a bar, or a line every ten seconds (log); auto draws a bar at a terminal.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs instead of a table.")
top_option = number_option("--top", default=10, help="Number of words to show.")
sentences_option = number_option("--top", default=10, help="Number of sentences to show.")
workers_option = parameter_option("workers", CONSTRAINTS["workers"], None)
overwrite_option = click.option("--overwrite", is_flag=True, help="Replace the output if it exists.")
output_option = file_option("-o", "--output", required=True, metavar="DIR", help="The model folder to write.")
restrict_option = number_option("--restrict-vocab", unset="all words", help="Search only the N most frequent words.")
analogies_option = file_option(
    "--analogies",
    multiple=True,
    help="Analogy questions in the format of questions-words.txt. May be repeated.",
)
pairs_option = file_option(
    "--word-pairs", multiple=True, help="Word pairs with human similarity scores. May be repeated."
)
folder_option = file_option(
    "--folder",
    metavar="DIR",
    default=Path(),
    unset="the current folder",
    help="Folder of the files that `w2v download` fetches.",
)
resume_option = file_option(
    "--resume",
    "interrupted",
    metavar="DIR",
    help="Resume the interrupted training in DIR, with its original options.",
)
checkpoint_option = click.option(
    "--checkpoint-every",
    type=Duration(),
    default="10m",
    show_default=True,
    help="Interval between checkpoints, e.g. 30s, 5m or 1h; 0 saves only if interrupted.",
)

cluster_option = click.option(
    "--cluster",
    metavar="ADDRESS",
    callback=_check_cluster,
    help="Run on a cluster: tcp://HOST:PORT of a Dask scheduler, or local:N for N processes on this machine.",
)
split_option = click.option(
    "--split-sentences", is_flag=True, help="Split lines into sentences; otherwise, a line is a sentence."
)
stop_words_option = click.option(
    "--stop-words",
    default="text",
    show_default=True,
    metavar="text|english|none|FILE",
    help="Words to leave out of keywords: those that are frequent everywhere in the text; with english or FILE, also "
    "those of the list.",
)
seed_option = number_option("--seed", least=0, most=MAX_SEED, default=DEFAULT_SEED, help="Random seed.")
