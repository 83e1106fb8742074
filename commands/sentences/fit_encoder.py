"""`w2v fit-encoder`: a sentence encoder from word vectors and text."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from w2v.commands.shared.long_help import LongCommand
from w2v.commands.shared.option_names import refuse_unused_options
from w2v.commands.shared.options import (
    checkpoint_option,
    errors_option,
    file_option,
    json_option,
    overwrite_option,
    progress_option,
    resume_option,
)
from w2v.commands.shared.output import print_fitted, print_json, progress_mode
from w2v.commands.shared.parameters import table_options
from w2v.commands.shared.training import saving_training
from w2v.commands.shared.types import NamedPath
from w2v.corpora.readers import TextReader
from w2v.encoder.applying import why_unused_in_training
from w2v.encoder.parameters import OF_NETWORK, OF_START, EncoderParameters
from w2v.encoder.training.fit_options import FitOptions
from w2v.storage.claims import check_free_space, check_unclaimed

if TYPE_CHECKING:
    from w2v.encoder import SentenceEncoder
    from w2v.encoder.model.state import EncoderState
    from w2v.vectors.embeddings import Embeddings

_WITH_RESUME = ("interrupted", "checkpoint_every", "as_json", "output", "overwrite")


@click.command(
    "fit-encoder",
    cls=LongCommand,
    first="output resume objective pairs teacher teacher-cache architecture choose steps max-time workers seed",
    epilog="""\b
Examples:
  w2v fit-encoder my.model wiki.txt --output my.encoder
  w2v fit-encoder my.model wiki.txt --output my.encoder --pairs captions.tsv
  w2v fit-encoder my.model --pairs questions.tsv --output my.encoder --architecture attention --max-time 30m
  w2v fit-encoder my.model sentences.txt --teacher minilm.encoder --teacher-cache vectors --output my.encoder
  w2v fit-encoder my.model wiki.txt --choose --max-time 30m --output my.encoder
  w2v fit-encoder --resume my.encoder""",
)
@click.argument("model", required=False, type=NamedPath())
@click.argument("corpus", metavar="CORPUS...", nargs=-1)
@file_option("-o", "--output", metavar="DIR", help="Folder to write the encoder to.")
@resume_option
@file_option(
    "--pairs",
    multiple=True,
    help="Paraphrases: lines of two or more tab-separated sentences. May be repeated.",
)
@file_option(
    "--teacher",
    multiple=True,
    help="Teacher to imitate: FILE.npy with one vector per line of CORPUS, or the folder of an encoder. May be "
    "repeated; the cosines of several teachers are averaged.",
)
@file_option(
    "--teacher-cache",
    metavar="DIR",
    help="Keep the teachers' vectors here for later runs.",
)
@errors_option
@checkpoint_option
@table_options(EncoderParameters, OF_START)
@table_options(FitOptions)
@overwrite_option
@json_option
@progress_option
def fit_encoder(
    model: Path | None,
    corpus: tuple[str, ...],
    output: Path | None,
    interrupted: Path | None,
    pairs: tuple[Path, ...],
    teacher: tuple[Path, ...],
    teacher_cache: Path | None,
    errors: str,
    checkpoint_every: float,
    overwrite: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Train a sentence encoder from the word vectors or the encoder in MODEL.

    CORPUS is text with one paragraph per line; neighbouring sentences learn similar vectors. With --teacher, CORPUS has
    one sentence per line. With --pairs, training on pairs follows, alongside the corpus; CORPUS is then optional.

    Training keeps the state with the lowest loss on held-out sentences; this needs no labels. --choose compares the
    word vectors alone and a network on top of them by this loss. During training, the output holds the best state of
    the last checkpoint. Ctrl-C and SIGTERM save once more. `--resume DIR` continues and ends with the same vectors.
    """
    if interrupted is not None:
        encoder, fit, output = _resumed(interrupted, model, output, options)
        overwrite = True
    else:
        if model is None:
            raise click.UsageError("Missing argument 'MODEL'.")
        if output is None:
            raise click.UsageError("Missing option '-o' / '--output'.")
        if not corpus and not pairs:
            raise click.UsageError("Nothing to train on: give CORPUS or --pairs.")
        if teacher and not corpus:
            raise click.UsageError("--teacher needs CORPUS, the sentences to imitate it on.")
        if teacher_cache is not None and not any(path.is_dir() for path in teacher):
            raise click.UsageError("--teacher-cache stores vectors of an encoder: give its folder with --teacher.")
        from w2v.vectors.persistence import check_output

        check_unclaimed(output)
        check_output(output, overwrite)
        encoder = _new_encoder(model, options, corpus=bool(corpus), pairs=bool(pairs), teacher=bool(teacher))
        read = partial(TextReader, errors=errors)
        fit = partial(
            encoder.fit,
            read(corpus) if corpus else None,
            pairs=[read(path) for path in pairs] or None,
            teacher=list(teacher) or None,
            teacher_cache=teacher_cache,
        )
    _run(encoder, fit, output, overwrite, checkpoint_every, as_json)


def _new_encoder(model: Path, options: dict[str, Any], **data: bool) -> SentenceEncoder:
    """Return a new encoder with these options; refuse those without effect on this training `data`."""
    from w2v.encoder import SentenceEncoder
    from w2v.encoder.opening import open_start

    start = open_start(model)
    _check_options(start, options, data)
    own = {name: options.pop(name) for name in OF_START}
    encoder = SentenceEncoder(start, training=FitOptions(**options), frozen=False, **own)
    _ = encoder.state  # builds the network, so that a wrong option fails now
    return encoder


def _check_options(start: Embeddings | EncoderState, options: dict[str, Any], data: dict[str, bool]) -> None:
    """Raise an error if the command line has an option without effect, even with its default value."""
    from w2v.encoder.training.planning import is_idle
    from w2v.neural.tasks.starting import check_same
    from w2v.vectors.embeddings import Embeddings

    state = None if isinstance(start, Embeddings) else start
    network = None if state is None else state.network
    architecture = options["architecture"]
    if architecture is None:
        architecture = network.mixer if network is not None else "attention" if options["choose"] else "static"
    is_trained = network is not None and state is not None and not is_idle(state)
    reasons = why_unused_in_training(
        options, architecture=architecture, is_encoder=state is not None, has_network=is_trained, **data
    )
    refuse_unused_options(reasons)
    if network is not None:
        source_of = click.get_current_context().get_parameter_source
        own = {name: getattr(network, name) for name in OF_NETWORK if name != "dropout"}
        given = {name: options[name] for name in own if source_of(name) is ParameterSource.COMMANDLINE}
        check_same(given, own, {})


def _resumed(
    folder: Path, model: Path | None, output: Path | None, options: dict[str, Any]
) -> tuple[SentenceEncoder, Callable[..., Any], Path]:
    """Return the encoder whose training was interrupted, the function that resumes it, and the output folder."""
    from w2v.encoder import SentenceEncoder

    context = click.get_current_context()
    further = [name for name in context.params if context.get_parameter_source(name) is ParameterSource.COMMANDLINE]
    wrong = [name for name in further if name not in _WITH_RESUME]
    if model is not None or wrong:
        raise click.UsageError("--resume uses the original options and files: give neither, and no MODEL.")
    if output not in (None, folder):
        raise click.UsageError(f"--resume takes no --output: the result replaces {folder}.")
    from w2v.encoder.training.resuming import ENCODERS
    from w2v.training.checkpoints import find_checkpoint

    found, output = find_checkpoint(folder, ENCODERS)
    encoder = SentenceEncoder.load(found)
    return encoder, encoder.resume, output


def _run(
    encoder: SentenceEncoder,
    fit: Callable[..., Any],
    output: Path,
    overwrite: bool,
    checkpoint_every: float,
    as_json: bool,
) -> None:
    """Train an encoder, save it, and print a summary."""
    from w2v.encoder.model.persistence import n_bytes_of_state

    check_free_space(output, n_bytes_of_state(encoder.state))
    with saving_training(encoder.save, output, resume="w2v fit-encoder --resume") as saved:
        fit(checkpoint=output, checkpoint_every=checkpoint_every, overwrite=overwrite, progress=progress_mode())
    from w2v.encoder.training.planning import comparison

    history = encoder.history_
    best = next(entry for entry in reversed(history) if entry["best"])
    compared = comparison(history) if encoder.state.metadata["training"]["options"]["choose"] else None
    summary = {
        "output": str(saved.path),
        "architecture": encoder.state.architecture,
        "dimension": encoder.dimension,
        "steps": history[-1]["step"],
        "seconds": history[-1]["seconds"],
        "best_step": best["step"],
        "held_out_loss": best["held_out_loss"],
        "comparison": None if compared is None else {**compared._asdict(), "gain": compared.gain},
        "history": history,
    }
    print_json(summary) if as_json else print_fitted(summary)
