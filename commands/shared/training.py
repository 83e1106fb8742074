"""What the commands that train share: an option for each training parameter, Ctrl-C, and the summary at the end."""

from __future__ import annotations

import signal
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from w2v.commands.shared.interrupts import INTERRUPTED
from w2v.commands.shared.options import Duration, LazyChoice
from w2v.commands.shared.output import print_json, print_trained, progress_mode, say
from w2v.commands.shared.saving import Output, ask_for_place, saving
from w2v.commands.shared.toolkit import TERMINATED
from w2v.corpora.tokenizers import TOKENIZER_NAMES, get_tokenizer
from w2v.monitoring.history import TrainingInterrupted
from w2v.settings.constraints import Choice, Constraint, FileName, Flag, Integer, Number, Seconds, Seed, TokenizerChoice
from w2v.settings.parameters import CONSTRAINTS, MAX_VOCABULARY, Parameters
from w2v.storage.rescue import SavedElsewhereError

if TYPE_CHECKING:
    from w2v.corpora.readers import TextReader
    from w2v.training.word2vec import Word2Vec

Command = TypeVar("Command", bound=Callable[..., Any])

OPTION_NAMES = {"random_state": "seed"}
"""Options that are not called as their parameter."""

_METAVARS: dict[type, str] = {Integer: "N", Number: "X", Seed: "N", FileName: "FILE"}


def training_options(command: Command) -> Command:
    """Add an option for each training parameter; `w2v.settings.parameters` has its name, limits, default and help."""
    defaults = Parameters()
    for name, constraint in reversed(CONSTRAINTS.items()):
        command = parameter_option(name, constraint, getattr(defaults, name))(command)
    return command


def parameter_option(name: str, constraint: Constraint, default: object) -> Callable[[Command], Command]:
    """Return what adds the option for one parameter to a command."""
    option = option_name(name)
    if isinstance(constraint, Flag):
        option += "/--no-" + option[2:]
    return click.option(
        option,
        name,
        type=_click_type(constraint),
        default=default,
        show_default=default is not None,
        callback=_check_with(constraint),
        help=constraint.help,
        metavar=_METAVARS.get(type(constraint)),
    )


def _click_type(constraint: Constraint) -> click.ParamType[Any] | None:
    """Return click's type for a constraint; its ranges are shown in `--help`."""
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
            if low is None and constraint.high is None:
                return click.FLOAT
            return click.FloatRange(low, constraint.high, min_open=constraint.low is None)
        case Seed():
            return click.IntRange(min=0)
        case FileName():
            return click.Path(exists=True, dir_okay=False, resolve_path=True)
        case TokenizerChoice():
            return LazyChoice(_tokenizer_names)
        case _:
            return click.STRING


def _check_with(constraint: Constraint) -> Callable[[click.Context, click.Parameter, Any], Any]:
    """Return a callback that catches what click's ranges let pass: NaN, infinity, numbers too large for the kernels."""

    def check(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
        if value is not None and not constraint.allows(value):
            raise click.BadParameter(f"must be {constraint.describe()}, got {value!r:.80}.", context, parameter)
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

    return TOKENIZER_NAMES


def check_kept_parameters(model: Word2Vec, given: dict[str, Any], folder: Path) -> None:
    """Raise a usage error if an option is given that is not what the training in a folder began with."""
    for name, value in given.items():
        began = getattr(model, name)
        if name == "tokenizer":
            value, began = (get_tokenizer(tokenizer).to_config()["name"] for tokenizer in (value, began))
        if value != began:
            shown = "none" if began is None else began
            raise click.UsageError(
                f"{option_name(name)} is {value}, but the training in {folder} began with {shown}; leave it out."
            )


def option_name(parameter: str) -> str:
    """Return how the option for a parameter is called."""
    return "--" + OPTION_NAMES.get(parameter, parameter).replace("_", "-")


class Terminated(KeyboardInterrupt):
    """SIGTERM came; what Ctrl-C does is to be done."""


@contextmanager
def ending_on_sigterm() -> Iterator[None]:
    """Let SIGTERM do what Ctrl-C does, once, unless somebody has other plans with it."""

    def end(number: int, frame: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the state is being saved
        raise Terminated

    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


@contextmanager
def warnings_in_one_line(*kinds: type[Warning]) -> Iterator[None]:
    """Show warnings of some kinds as a line each on standard error."""
    show = warnings.showwarning

    def show_line(message: Warning | str, category: type[Warning], *where: Any, **further: Any) -> None:
        if issubclass(category, kinds):
            say(f"Warning: {message}")
        else:
            show(message, category, *where, **further)

    with warnings.catch_warnings():
        for kind in kinds:
            warnings.simplefilter("always", kind)
        warnings.showwarning = show_line
        yield


def run_training(
    model: Word2Vec,
    fit: Callable[..., Word2Vec],
    corpus: TextReader,
    output: Path,
    as_json: bool,
    checkpoint_every: float,
    overwrite: bool,
) -> None:
    """Train, save, and print a summary; after Ctrl-C or SIGTERM save what there is and say so."""
    from w2v.phrases.estimator import ForgottenPairsWarning
    from w2v.training.checkpoints import CheckpointWarning

    saved = Output(output)
    try:
        with (
            ending_on_sigterm(),
            saving(output, claims=False) as saved,
            warnings_in_one_line(CheckpointWarning, ForgottenPairsWarning),
        ):
            fit(
                corpus,
                checkpoint=output,
                checkpoint_every=checkpoint_every,
                overwrite=overwrite,
                progress=progress_mode(),
            )
    except TrainingInterrupted as interrupt:
        say(f"Interrupted. What was learned is saved; go on with: w2v train --resume {saved.path}")
        is_terminated = isinstance(interrupt.__cause__, Terminated)
        click.get_current_context().exit(TERMINATED if is_terminated else INTERRUPTED)
    except Terminated:
        say("Interrupted; nothing was saved.")
        click.get_current_context().exit(TERMINATED)
    except SavedElsewhereError as error:
        saved.path = ask_for_place(error, model.save)
    history, seconds = model.history_, model.history_[-1]["seconds"]
    schedule = model.embeddings_.metadata["schedule"]
    summary = {
        "output": str(saved.path),
        "vocabulary_size": len(model.vocabulary_),
        "vector_size": model.vector_size,
        "corpus_words": model.embeddings_.metadata["corpus"]["words"],
        "seconds": seconds,
        "words_per_second": sum(epoch["words"] for epoch in history) / seconds,
        "loss": history[-1].get("loss"),
        "best_epoch": schedule.get("best_epoch"),
        "stopped": schedule.get("stopped"),
        "history": history,
    }
    print_json(summary) if as_json else print_trained(summary)
