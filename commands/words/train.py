"""`w2v train`: a new training, an interrupted one, or one continued on new text."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from w2v.commands.shared.long_help import LongCommand
from w2v.commands.shared.option_names import in_options_of
from w2v.commands.shared.options import (
    checkpoint_option,
    cluster_option,
    errors_option,
    file_option,
    json_option,
    number_option,
    overwrite_option,
    progress_option,
    resume_option,
)
from w2v.commands.shared.output import print_estimate, print_json
from w2v.commands.shared.parameters import training_options
from w2v.commands.shared.training import check_kept_parameters, parse_parameters, run_training
from w2v.corpora.readers import TextReader

if TYPE_CHECKING:
    from w2v.settings.parameters import Parameters
    from w2v.training.word2vec import Word2Vec
    from w2v.vectors.embeddings import Embeddings


@click.command(
    cls=LongCommand,
    first="output resume recipe algorithm vector-size window min-count epochs max-time subwords phrases workers seed",
    epilog="""\b
Examples:
  w2v train corpus.txt --output my.model
  w2v train 'news/*.txt.gz' --output news.model --vector-size 300 --window 10
  w2v train corpus.txt --output my.model --recipe best
  w2v train corpus.txt --output my.model --algorithm cbow --max-time 10m
  zcat dump.gz | w2v train - --output dump.model --workers 2
  w2v train corpus.txt --output my.model --held-out 0.01 --patience 2 --epochs 50
  w2v train corpus.txt --dry-run --vector-size 300
  w2v train 'texts/*.txt' --output big.model --cluster tcp://host:8786
  w2v train --resume my.model
  w2v train new.txt --continue my.model --output grown.model --epochs 2""",
)
@click.argument("inputs", metavar="[INPUT]...", nargs=-1)
@file_option("-o", "--output", metavar="DIR", help="The model folder to write.")
@overwrite_option
@resume_option
@file_option(
    "--continue",
    "base",
    metavar="MODEL",
    help="Train the vectors of MODEL further on INPUT, and add its new words. Options default to those of MODEL.",
)
@file_option(
    "--initial",
    metavar="PATH",
    help="Initialise words from a model folder or a file that `w2v import` reads, the others at random.",
)
@click.option("--freeze", is_flag=True, help="Keep the vectors from --initial fixed.")
@checkpoint_option
@click.option("--dry-run", is_flag=True, help="Only estimate memory, disk space and time from a sample of the text.")
@training_options
@cluster_option
@number_option(
    "--round-words",
    unset="makes 225 rounds",
    help="With --cluster: words that a worker trains on between two exchanges.",
)
@errors_option
@json_option
@progress_option
def train(
    inputs: tuple[str, ...],
    output: Path | None,
    overwrite: bool,
    interrupted: Path | None,
    base: Path | None,
    initial: Path | None,
    freeze: bool,
    checkpoint_every: float,
    dry_run: bool,
    cluster: str | None,
    round_words: int | None,
    errors: str,
    as_json: bool,
    **options: Any,
) -> None:
    """Train word vectors from text files and save a model folder.

    INPUT is a file, a quoted pattern, an address (s3://…), or - for standard input; .gz, .bz2, .xz and .zst are
    decompressed. Each line is a sentence.

    During training, the output holds the last checkpoint, which you can query. Ctrl-C and SIGTERM save once more.
    `--resume DIR` continues from there; with one worker it ends with exactly the same vectors. Give INPUT again only if
    it was standard input or has moved.
    """
    source_of = click.get_current_context().get_parameter_source
    given = {name: options[name] for name in options if source_of(name) is not ParameterSource.DEFAULT}
    errors_given = errors if source_of("errors") is not ParameterSource.DEFAULT else None
    _check_start({"--resume": interrupted, "--continue": base, "--initial": initial, "--dry-run": dry_run or None})
    _check_cluster(cluster, round_words, {"--continue": base, "--initial": initial, "--dry-run": dry_run or None,
                                          "--resume": None if round_words is None else interrupted})  # fmt: skip
    if freeze and initial is None:
        raise click.UsageError("--freeze needs --initial.")
    resume = "w2v train --resume" if cluster is None else f"w2v train --cluster {cluster} --resume"
    if interrupted is not None:
        if output not in (None, interrupted):
            raise click.UsageError(f"--resume takes no --output: the result replaces {interrupted}.")
        model, corpus, output = _open_interrupted(interrupted, inputs, errors_given, given)
        going_on = partial(model.resume, client=cluster)
        run_training(model, going_on, corpus, output, as_json, checkpoint_every, overwrite=True, resume=resume)
        return
    if not inputs:
        raise click.UsageError("Missing argument 'INPUT...'.")
    if dry_run:
        _estimate(parse_parameters(options), TextReader(inputs, errors=errors), as_json)
        return
    if output is None:
        raise click.UsageError("Missing option '-o' / '--output'.")
    model = _new_model(options) if base is None else _open_base(base, given)
    corpus = TextReader(inputs, errors=errors)
    on_cluster = partial(model.fit, client=cluster, round_words=round_words)
    fit: Callable[..., Word2Vec] = on_cluster if base is None else model.continue_fit
    if initial is not None:
        fit = partial(fit, initial=_open_vectors(initial), freeze=freeze)
    run_training(model, fit, corpus, output, as_json, checkpoint_every, overwrite, resume)


def _check_start(ways: dict[str, object]) -> None:
    """Refuse more than one way to start."""
    chosen = [name for name, value in ways.items() if value is not None]
    if len(chosen) > 1:
        raise click.UsageError(f"{' and '.join(chosen)} exclude each other.")


def _check_cluster(cluster: str | None, round_words: int | None, ways: dict[str, object]) -> None:
    """Refuse what a cluster cannot do."""
    if cluster is None:
        if round_words is not None:
            raise click.UsageError("--round-words needs --cluster.")
        return
    for name, value in ways.items():
        if value is not None:
            what = "--round-words" if name == "--resume" else "--cluster"
            raise click.UsageError(f"{what} and {name} exclude each other.")


def _estimate(parameters: Parameters, corpus: TextReader, as_json: bool) -> None:
    from w2v.training.estimate import estimate_training

    estimate = estimate_training(corpus, parameters).to_dict()
    print_json(estimate) if as_json else print_estimate(estimate)


def _open_vectors(path: Path) -> Embeddings:
    from w2v import Embeddings
    from w2v.formats import read_vectors

    if (path / "config.json").is_file():
        return Embeddings.load(path)
    try:
        return read_vectors(path)
    except ValueError as error:
        if not path.exists():
            raise
        root = click.get_current_context().find_root()
        importing = root.command.get_command(root, "import") if isinstance(root.command, click.Group) else None
        message = str(error) if importing is None else in_options_of(importing, str(error))
        raise click.ClickException(
            f"{message}. Convert the file with `w2v import {path}`, which has --format, --encoding and --errors, and "
            "give its output to --initial."
        ) from error


def _new_model(options: dict[str, Any]) -> Word2Vec:
    parameters = parse_parameters(options)
    from w2v.training.word2vec import Word2Vec

    return Word2Vec(**vars(parameters))


def _open_interrupted(
    name: Path, inputs: tuple[str, ...], errors: str | None, given: dict[str, Any]
) -> tuple[Word2Vec, TextReader, Path]:
    """Return the interrupted training, its text, and the output folder."""
    from w2v.encoding.corpus import recorded_files
    from w2v.training.checkpoints import find_checkpoint
    from w2v.training.word2vec import Word2Vec

    folder, output = find_checkpoint(name)
    model = Word2Vec.load(folder)
    check_kept_parameters(model, {name: value for name, value in given.items() if name != "workers"}, folder)
    if "workers" in given:
        model.set_params(workers=given["workers"])
    recorded = recorded_files(model.inputs_)
    if not inputs and not recorded:
        raise click.UsageError(f"{folder} does not record the text it was trained on; give it as INPUT.")
    if not inputs and "-" in recorded:
        raise click.UsageError(f"{folder} was trained on standard input or a pipe; give the same text as INPUT.")
    return model, TextReader(inputs or recorded, errors=errors or model.inputs_errors_), output


def _open_base(base: Path, given: dict[str, Any]) -> Word2Vec:
    """Return the model to train further, with the given parameters."""
    from w2v.training.word2vec import Word2Vec

    model = Word2Vec.load(base)
    if not model.is_complete_:
        raise click.ClickException(
            f"{base}: training is not complete; finish it with `w2v train --resume {shlex.quote(str(base))}` first."
        )
    kept: dict[str, Any] = {
        name: given.pop(name) for name in ("algorithm", "vector_size", "tokenizer", "recipe") if name in given
    }
    check_kept_parameters(model, kept, base)
    if "epochs" in given:
        given = {"max_time": None} | given
    model.set_params(**given)
    parse_parameters(model.get_params())
    return model
