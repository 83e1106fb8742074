"""Command-line options derived from the tables of parameters: names, defaults, ranges, help texts and errors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any, TypeVar

import click

from w2v.commands.shared.option_names import option_name
from w2v.commands.shared.types import Duration, LazyChoice
from w2v.corpora.tokenizers import TOKENIZER_NAMES
from w2v.settings.constraints import (
    Choice,
    Constraint,
    FileName,
    Flag,
    Integer,
    Number,
    Seconds,
    Seed,
    TokenizerChoice,
)
from w2v.settings.descriptions import CONSTRAINTS, MAX_VOCABULARY
from w2v.settings.parameters import Parameters

Command = TypeVar("Command", bound=Callable[..., Any])

_METAVARS: dict[type, str | None] = {Seconds: None, Integer: "N", Number: "X", Seed: "N", FileName: "FILE"}


class DescribedOption(click.Option):
    """An option whose help shows what happens when it is left out: `unset` describes the default None."""

    def __init__(self, *arguments: Any, unset: str = "", **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.unset = unset

    def get_help_extra(self, ctx: click.Context) -> Any:
        """Return what stands in brackets behind the help text."""
        extra = super().get_help_extra(ctx)
        if self.unset and "default" not in extra:
            extra["default"] = self.unset
        return extra


class ParameterOption(DescribedOption):
    """An option for a parameter, which refuses a value with the same message as Python does."""

    def __init__(self, *arguments: Any, constraint: Constraint, **options: Any) -> None:
        super().__init__(*arguments, unset=constraint.unset, **options)
        self.constraint = constraint

    def type_cast_value(self, ctx: click.Context, value: Any) -> Any:
        """Return the converted value if the constraint allows it."""
        try:
            converted = super().type_cast_value(ctx, value)
        except click.BadParameter:
            if not isinstance(self.constraint, (Choice, Integer, Number, Seed)) or isinstance(self.constraint, Seconds):
                raise  # click's own message says more about a file, a tokenizer or a duration
            converted = _as_number(self.constraint, value)
        if converted is not None and not self.constraint.allows(converted):
            raise click.BadParameter(self.constraint.refusal(converted), ctx, self)
        return converted


def _as_number(constraint: Constraint, text: str) -> object:
    """Convert text to a number if the constraint wants one and the text is one."""
    if isinstance(constraint, Choice):
        return text
    try:
        return float(text) if isinstance(constraint, Number) else int(text)
    except ValueError:
        return text


def training_options(command: Command) -> Command:
    """Add an option for each training parameter of word vectors; see `w2v.settings.parameters`."""
    for name, constraint in reversed(CONSTRAINTS.items()):
        command = parameter_option(name, constraint, getattr(Parameters, name))(command)
    return command


def table_options(table: type[Any], names: Sequence[str] | None = None) -> Callable[[Command], Command]:
    """Return a decorator that adds an option for each parameter of a table, or for those named."""

    def add(command: Command) -> Command:
        for one in reversed(fields(table)):
            if names is None or one.name in names:
                option = option_name(one.name, of_network=True)
                command = parameter_option(one.name, one.metadata["constraint"], one.default, option)(command)
        return command

    return add


def parameter_option(
    name: str, constraint: Constraint, default: object, option: str | None = None
) -> Callable[[Command], Command]:
    """Return a decorator that adds the option for one parameter to a command; for its name see `option_name`."""
    option = option or option_name(name)
    if isinstance(constraint, Flag):
        option += "/--no-" + option[2:]
    return click.option(
        option,
        name,
        cls=ParameterOption,
        type=_click_type(constraint),
        default=default,
        show_default=default is not None,
        help=constraint.help,
        metavar=next((shown for kind, shown in _METAVARS.items() if isinstance(constraint, kind)), None),
        constraint=constraint,
    )


def _click_type(constraint: Constraint) -> click.ParamType[Any] | None:
    """Return click's type for a constraint; `--help` shows its range."""
    match constraint:
        case Choice():
            return click.Choice(constraint.choices)
        case Flag():
            return None
        case Integer():
            return click.IntRange(constraint.low, constraint.high if constraint.high < MAX_VOCABULARY else None)
        case Seconds():
            return Duration()
        case Number():
            low = constraint.above if constraint.low is None else constraint.low
            high = constraint.below if constraint.high is None else constraint.high
            if low is None and high is None:
                return click.FLOAT
            return click.FloatRange(low, high, min_open=constraint.low is None, max_open=constraint.high is None)
        case Seed():
            return click.IntRange(min=0)
        case FileName():
            return click.Path(exists=True, dir_okay=False, resolve_path=True)
        case TokenizerChoice():
            return LazyChoice(lambda: TOKENIZER_NAMES)
        case _:
            return click.STRING
