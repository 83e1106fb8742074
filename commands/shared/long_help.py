"""Commands with many options: `--help` shows the most important ones, `--help-all` shows all of them in groups."""

from __future__ import annotations

import re
from typing import Any

import click

GROUPS = {
    "Files": (
        "output save load folder work append overwrite resume continue initial initial-source initial-target start "
        "vectors freeze validation analogies word-pairs pairs translations in sts classify word-order against "
        "labels tags columns text-column label-column label-separator word-column tag-column column metadata id-column "
        " checkpoint-every errors report examples dates date-column model sentences text"
    ),
    "Report": "title word map language license tag dataset",
    "Index": "dtype truncate-dim approximate connectivity effort",
    "Phrases": "scoring threshold passes connectors delimiter max-pairs top",
    "Topics": ("clusters topics min-size reduction dims linkage keywords stop-words bigrams bins tree"),
    "Text and pictures": (
        "lines split-sentences separate-lines languages tokenizer min-count max-vocab units source-units target-units "
        "vocabulary-size joint context min-tokens max-tokens max-words word-ngrams subwords min-n max-n buckets "
        "most-vectors phrases phrase-scoring phrase-threshold phrase-passes phrase-connectors multi-label size"
    ),
    "Model": (
        "recipe algorithm vector-size window objective position-weights architecture kernel-size layers heads "
        "hidden-size feed-forward positions norm activation patch pooling memory output-layer word-size ngram-size a "
        "identity-scale identity-columns bag-columns bag-prefix bag-weight mean-weight"
    ),
    "Learning": (
        "teacher teacher-cache compress table-first choose epochs steps optimizer learning-rate weight-rate "
        "network-rate learning-rate-hold min-learning-rate warmup weight-decay clip averaged batch-size batch-tokens "
        " chunk dropout word-dropout smoothing temperature order-share corpus-share pair-weights hard-negatives "
        " mask-fraction noise-words negative sample ns-exponent x-max x-exponent shrink-windows class-weight "
        " shift rotate zoom flip cutout"
    ),
    "Measuring": "standard held-out evaluate-every eval-analogies eval-pairs patience monitor order method "
    "restrict-vocab baseline",
    "Running": "max-time workers cluster round-words deterministic seed seeds with dry-run json progress config help "
    "help-all",
}
"""Groups of options; an option has the same meaning in every command."""

_ALL = "w2v.commands.shared.long_help.all"
_WIDTH = 25
"""Width of the column of names in the short help; longer names get their own line."""


class LongCommand(click.Command):
    """A command with more options than fit on a screen.

    Parameters
    ----------
    first : str
        The options that `--help` shows, without dashes, separated by spaces; `--help-all` shows all of them.
    """

    def __init__(self, *arguments: Any, first: str, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.first = tuple(first.split())
        self.params.append(_help_all(hidden=False))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the most important options, or all of them in groups."""
        options = {option_names(one)[0]: one for one in self.get_params(ctx) if isinstance(one, click.Option)}
        if not ctx.meta.get(_ALL):
            with formatter.section("Options"):
                rows = [_short(options[name], ctx) for name in self.first]
                formatter.write_dl(rows, col_max=_WIDTH)
            formatter.write_paragraph()
            formatter.write_text(f"`{ctx.command_path} --help-all` shows all {len(options)} options.")
            return
        for title, names in GROUPS.items():
            records = [options[name].get_help_record(ctx) for name in names.split() if name in options]
            if records:
                with formatter.section(title):
                    formatter.write_dl([record for record in records if record is not None])


def add_help_all(command: click.Command) -> None:
    """Let a command whose `--help` shows all options, and its subcommands, accept `--help-all` as well."""
    if isinstance(command, LongCommand):
        return
    command.params.append(_help_all(hidden=True))
    for subcommand in command.commands.values() if isinstance(command, click.Group) else ():
        add_help_all(subcommand)


def _help_all(hidden: bool) -> click.Option:
    return click.Option(
        ["--help-all"], is_flag=True, is_eager=True, expose_value=False, callback=_show_all, hidden=hidden,
        help="Show all options and exit.",
    )  # fmt: skip


def option_names(option: click.Option) -> list[str]:
    """Return the long names of an option without their dashes, the main one first."""
    return [name[2:] for name in option.opts if name.startswith("--")]


def _show_all(ctx: click.Context, option: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        ctx.meta[_ALL] = True
        click.echo(ctx.get_help(), color=ctx.color)
        ctx.exit()


def _short(option: click.Option, ctx: click.Context) -> tuple[str, str]:
    """Return an option's names, and the first sentence of its help with its default."""
    metavar = "" if option.is_flag else f" {option.make_metavar(ctx)}"
    names = ", ".join(sorted(option.opts, key=len)) + metavar
    sentence = re.split(r"(?<!e\.g)[.;] ", option.help or "")[0].rstrip(".") + "."
    default = "" if option.is_flag else option.get_help_extra(ctx).get("default", "")
    return names, f"{sentence}  [default: {default}]" if default else sentence
