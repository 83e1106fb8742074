"""What the commands that train share: checks of parameters, what an interrupt keeps, and saving the result."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from w2v.commands.shared.interrupts import exit_code
from w2v.commands.shared.option_names import (
    in_options_of,
    option_name,
    recorded_as_options,
    refuse_unused_options,
)
from w2v.commands.shared.output import print_json, print_trained, progress_mode, say
from w2v.commands.shared.saving import Output, ask_for_place, saving
from w2v.corpora.tokenizers import get_tokenizer
from w2v.monitoring.history import TrainingInterrupted
from w2v.settings.applying import why_unused
from w2v.settings.parameters import Parameters
from w2v.storage.rescue import SavedElsewhereError

if TYPE_CHECKING:
    from w2v.corpora.readers import TextReader
    from w2v.training.word2vec import Word2Vec


def parse_parameters(options: dict[str, Any]) -> Parameters:
    """Return the parameters that the options set.

    Raise a usage error if two contradict each other, or if the command line has one without effect, even with its
    default value.
    """
    parameters = Parameters(**options)
    refuse_unused_options(why_unused(vars(parameters)))
    try:
        parameters.validate()
    except ValueError as error:
        raise click.UsageError(in_options_of(click.get_current_context().command, str(error))) from error
    return parameters


def check_kept_parameters(model: Word2Vec, given: dict[str, Any], folder: Path) -> None:
    """Raise a usage error if an option differs from what the training in a folder began with."""
    parameters = model.embeddings_.metadata["parameters"]  # those that were left out as well
    for name, value in given.items():
        if name == "tokenizer":
            value, began = (get_tokenizer(tokenizer).to_config()["name"] for tokenizer in (value, model.tokenizer))
        else:
            began = parameters.get(name)
        if value != began:
            shown = "none" if began is None else began
            raise click.UsageError(
                f"{option_name(name)} is {value}, but the training in {folder} began with {shown}; leave it out."
            )


@contextmanager
def saving_training(save: Callable[[Path], None], output: Path, *, resume: str) -> Iterator[Output]:
    """Let the block train and save to `output`; the yielded `Output` has the final path afterwards.

    After Ctrl-C or SIGTERM the command keeps what is saved and prints how to resume: the command `resume`, followed by
    the folder. `save` writes the trained model to another place.
    """
    leave, saved = click.get_current_context().exit, Output(output)
    try:
        with saving(output, claims=False) as saved:
            yield saved
    except TrainingInterrupted as interrupt:
        say(f"Interrupted. Progress is saved; resume with: {resume} {shlex.quote(str(saved.path))}")
        leave(exit_code(interrupt))
    except SavedElsewhereError as error:
        saved.path = ask_for_place(error, save)


def run_training(
    model: Word2Vec,
    fit: Callable[..., Word2Vec],
    corpus: TextReader,
    output: Path,
    as_json: bool,
    checkpoint_every: float,
    overwrite: bool,
    resume: str = "w2v train --resume",
) -> None:
    """Train word vectors, save them, and print a summary; for `resume` see `saving_training`."""
    with saving_training(model.save, output, resume=resume) as saved:
        fit(
            corpus, checkpoint=output, checkpoint_every=checkpoint_every, overwrite=overwrite, progress=progress_mode()
        )  # fmt: skip
    history, seconds = model.history_, model.history_[-1]["seconds"]
    schedule = model.embeddings_.metadata["schedule"]
    summary = {
        "output": str(saved.path),
        "recipe": schedule.get("recipe"),
        "vocabulary_size": len(model.vocabulary_),
        "vector_size": model.vector_size,
        "corpus_words": model.embeddings_.metadata["corpus"]["words"],
        "seconds": seconds,
        "words_per_second": sum(epoch["words"] for epoch in history) / seconds,
        "loss": history[-1].get("loss"),
        "best_epoch": schedule.get("best_epoch"),
        "stopped": schedule.get("stopped"),
        "history": recorded_as_options(history),
    }
    print_json(summary) if as_json else print_trained(summary)
