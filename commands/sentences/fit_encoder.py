"""`w2v fit-encoder`: from word vectors and text to a sentence encoder."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from w2v.commands.shared.interrupts import INTERRUPTED
from w2v.commands.shared.options import Duration, json_option, overwrite_option, progress_option
from w2v.commands.shared.output import print_fitted, print_json, progress_mode, say
from w2v.commands.shared.saving import Output, ask_for_place, saving
from w2v.commands.shared.toolkit import TERMINATED
from w2v.commands.shared.training import Terminated, ending_on_sigterm, warnings_in_one_line
from w2v.corpora.readers import TextReader
from w2v.encoder.training.fit_options import FitOptions
from w2v.monitoring.history import TrainingInterrupted
from w2v.storage.claims import check_free_space, check_unclaimed
from w2v.storage.rescue import SavedElsewhereError

if TYPE_CHECKING:
    from w2v.encoder import SentenceEncoder
    from w2v.encoder.training.fit_options import FitOptions

Command = TypeVar("Command", bound=Callable[..., Any])

_POSITIVE, _SIZE = click.FloatRange(0, min_open=True), click.IntRange(1)
_RATE = click.FloatRange(0)

ENCODER_OPTIONS: dict[str, tuple[click.ParamType[Any], str, str]] = {
    "architecture": (
        click.Choice(["static", "attention"]),
        "",
        "Sum up weighted rows of a table, or let the words of a sentence attend to each other first.",
    ),
    "layers": (_SIZE, "N", "Layers of attention."),
    "heads": (_SIZE, "N", "Heads of attention in each layer."),
    "dim": (_SIZE, "N", "Width between the layers, a multiple of --heads."),
    "positions": (
        click.Choice(["none", "index", "fraction", "sinusoidal", "learned", "learned+relative", "relative", "rotary"]),
        "",
        "How attention knows the places of words.",
    ),
    "feed_forward": (_POSITIVE, "X", "Width inside a layer's feed-forward network, over --dim."),
    "norm": (click.Choice(["pre", "post"]), "", "Normalise what a layer reads, or what it gives."),
    "head": (
        click.Choice(["branch", "linear"]),
        "",
        "Add to each word's vector, or map it through, as BERT does: linear needs --norm post and a --dim of at "
        "least two more than the vectors have.",
    ),
    "dropout": (click.FloatRange(0, 1, max_open=True), "X", "Share of the network's numbers that a step leaves out."),
    "a": (_POSITIVE, "X", "A word of probability p starts with the weight a / (a + p)."),
    "identity_scale": (
        _RATE,
        "X",
        "Length of a direction that every spelling has, unknown words too; 0: none.",
    ),
    "identity_columns": (click.IntRange(0), "N", "Columns for these directions alone; 0 adds them to the vectors."),
}
"""Options that are parameters of `SentenceEncoder`: type, metavar, help."""

TRAINING_OPTIONS: dict[str, tuple[click.ParamType[Any], str, str]] = {
    "steps": (_SIZE, "N", "Steps of training."),
    "batch_size": (click.IntRange(2), "N", "Sentences, or sets of them, in a step."),
    "learning_rate": (_RATE, "X", "Highest rate of the rows of words; 0 leaves them as they are."),
    "weight_rate": (_RATE, "X", "Highest rate of the words' weights."),
    "network_rate": (_RATE, "X", "Highest rate of the network."),
    "temperature": (_POSITIVE, "X", "Cosines are divided by it."),
    "word_dropout": (click.FloatRange(0, 1, max_open=True), "X", "Share of the words of pairs that a step leaves out."),
    "order_share": (_RATE, "X", "How much telling swapped words counts beside the rest; needs attention."),
    "warmup": (click.IntRange(0), "N", "Steps in which rates rise; then they fall to zero."),
    "weight_decay": (_RATE, "X", "Decay of the network's matrices."),
    "clip": (_POSITIVE, "X", "The longest that the network's gradient may be."),
    "chunk": (_SIZE, "N", "Sentences that the network holds at once, where a batch is larger than the memory."),
    "evaluate_every": (_SIZE, "N", "Steps between measurements of the loss on held-out sentences."),
    "max_time": (Duration(), "", "End after so much training, such as 90s, 5m or 1h30m, if steps are left then."),
    "min_tokens": (_SIZE, "N", "Leave out sentences of fewer known words."),
    "max_tokens": (_SIZE, "N", "Leave out sentences of more known words."),
    "workers": (_SIZE, "N", "Threads."),
    "seed": (click.IntRange(0), "N", "Decides everything random."),
}
"""Options that are fields of `FitOptions`."""

_UNSET = {
    "architecture": "that of MODEL, static for word vectors",
    "dim": "128",
    "workers": "all cores",
    "max_time": "no limit",
    "chunk": "the whole batch",
}
_BY_SOURCE = "by what is trained on"
_WITH_RESUME = ("interrupted", "checkpoint_every", "as_json", "output", "overwrite")


class _LateDefault(click.Option):
    """An option whose default is looked up when it is shown: what holds it is slow to import."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Return the help with the default."""
        record = super().get_help_record(ctx)
        if record is None:
            return None
        assert self.name is not None
        default = _default(self.name)
        shown = _UNSET.get(self.name, _BY_SOURCE) if default is None else default
        option, text = record
        return option, f"{text}  [default: {shown}]"


def _default(name: str) -> Any:
    """Return the default of an option, from where it is defined."""
    if name in TRAINING_OPTIONS:
        return getattr(FitOptions(), name)
    from w2v.encoder.sentence_encoder import SentenceEncoder

    return inspect.signature(SentenceEncoder).parameters[name].default


def _fitting_options(command: Command) -> Command:
    """Add the options above, in their order."""
    for name, (kind, metavar, text) in reversed((ENCODER_OPTIONS | TRAINING_OPTIONS).items()):
        option = "--" + name.replace("_", "-")
        command = click.option(option, name, type=kind, metavar=metavar or None, help=text, cls=_LateDefault)(command)
    return command


@click.command(
    "fit-encoder",
    epilog="""\b
Examples:
  w2v fit-encoder my.model wiki.txt --output my.encoder
  w2v fit-encoder my.model wiki.txt --output my.encoder --pairs captions.tsv
  w2v fit-encoder my.model --pairs questions.tsv --output my.encoder --architecture attention --max-time 30m
  w2v fit-encoder my.model sentences.txt --teacher minilm.encoder --output my.encoder
  w2v fit-encoder --resume my.encoder""",
)
@click.argument("model", required=False, type=click.Path(path_type=Path))
@click.argument("corpus", metavar="CORPUS...", nargs=-1)
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="DIR", help="The encoder's folder to write.")
@click.option(
    "--resume",
    "interrupted",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Go on with the training that was to be saved to DIR, with the options that it began with.",
)
@click.option(
    "--pairs",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Sentences that mean the same, two or more a line between tabs. May be repeated.",
)
@click.option("--hard-negatives", is_flag=True, help="The last column of --pairs is what a sentence must be told from.")
@click.option(
    "--teacher",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="What the encoder shall imitate: vectors, one for each line of CORPUS, in FILE.npy, or the folder of another "
    "encoder, such as one that was imported.",
)
@click.option(
    "--checkpoint-every",
    type=Duration(),
    default="10m",
    show_default=True,
    help="Save the training to the output so often, such as 30s, 5m or 1h; 0 saves it only when it is interrupted.",
)
@_fitting_options
@overwrite_option
@json_option
@progress_option
def fit_encoder(
    model: Path | None,
    corpus: tuple[str, ...],
    output: Path | None,
    interrupted: Path | None,
    pairs: tuple[Path, ...],
    hard_negatives: bool,
    teacher: Path | None,
    checkpoint_every: float,
    overwrite: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Train a sentence encoder that grows from the word vectors, or the encoder, in MODEL.

    CORPUS is text, one paragraph a line: sentences side by side in a paragraph are made alike. With --teacher it is one
    sentence a line. --pairs are trained on after it, or alone.

    What is kept is the state that was best on held-out sentences, no labels needed. While it trains, the output holds
    the best until the last checkpoint; Ctrl-C and SIGTERM save once more. `--resume DIR` goes on with any such folder,
    to the very same vectors.
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
        if teacher is not None and not corpus:
            raise click.UsageError("--teacher needs CORPUS, the sentences that its rows are of.")
        from w2v.vectors.persistence import check_output

        check_unclaimed(output)
        check_output(output, overwrite)
        encoder = _new_encoder(model, options, hard_negatives)
        fit = _fit_of(encoder, corpus, pairs, teacher)
    _run(encoder, partial(fit, checkpoint_every=checkpoint_every), output, overwrite, as_json)


def _new_encoder(model: Path, options: dict[str, Any], hard_negatives: bool) -> SentenceEncoder:
    """Return the encoder that the options describe."""
    from w2v.encoder import SentenceEncoder
    from w2v.encoder.model.persistence import load_encoder
    from w2v.vectors.embeddings import Embeddings
    from w2v.vectors.model_folder import read_kind
    from w2v.vectors.persistence import KIND

    given = {name: value for name, value in options.items() if value is not None}
    own = {name: given[name] for name in ENCODER_OPTIONS if name in given}
    start: Any = Embeddings.load(model) if read_kind(model) == KIND else load_encoder(model)
    if not isinstance(start, Embeddings) and start.network is not None:
        own.setdefault("architecture", "attention")
    encoder = SentenceEncoder(start, training=_training(given, hard_negatives), frozen=False, **own)
    _ = encoder.state  # a network that cannot be made is found out now
    return encoder


def _training(given: dict[str, Any], hard_negatives: bool) -> FitOptions:

    return FitOptions(
        **{name: given[name] for name in TRAINING_OPTIONS if name in given}, hard_negatives=hard_negatives
    )


def _fit_of(
    encoder: SentenceEncoder, corpus: tuple[str, ...], pairs: tuple[Path, ...], teacher: Path | None
) -> Callable[..., Any]:
    """Return what trains the encoder on these files, once it is told where to save it."""
    return partial(encoder.fit, TextReader(corpus) if corpus else None, pairs=list(pairs) or None, teacher=teacher)


def _resumed(
    folder: Path, model: Path | None, output: Path | None, options: dict[str, Any]
) -> tuple[SentenceEncoder, Callable[..., Any], Path]:
    """Return the encoder whose training was interrupted, what goes on with it, and where the result belongs."""
    from w2v.encoder import SentenceEncoder

    context = click.get_current_context()
    further = [name for name in context.params if context.get_parameter_source(name) is ParameterSource.COMMANDLINE]
    wrong = [name for name in further if name not in _WITH_RESUME]
    if model is not None or wrong:
        raise click.UsageError("--resume goes on as the training began: it takes no other options and no MODEL.")
    if output not in (None, folder):
        raise click.UsageError(f"--output is not for --resume: the result takes the place of {folder}.")
    from w2v.encoder.training.resuming import ENCODERS
    from w2v.training.checkpoints import find_checkpoint

    found, output = find_checkpoint(folder, ENCODERS)
    encoder = SentenceEncoder.load(found)
    return encoder, encoder.resume, output


def _run(encoder: SentenceEncoder, fit: Callable[..., Any], output: Path, overwrite: bool, as_json: bool) -> None:
    """Train, save, and print a summary; after Ctrl-C or SIGTERM what there is is saved, say so."""
    from w2v.encoder.model.persistence import n_bytes_of_state
    from w2v.training.checkpoints import CheckpointWarning

    leave = click.get_current_context().exit
    check_free_space(output, n_bytes_of_state(encoder.state))
    saved: Output = Output(output)
    try:
        with (
            ending_on_sigterm(),
            saving(output, claims=False) as saved,
            warnings_in_one_line(CheckpointWarning),
        ):
            fit(checkpoint=output, overwrite=overwrite, progress=progress_mode())
    except TrainingInterrupted as interrupt:
        say(f"Interrupted. The best so far is saved; go on with: w2v fit-encoder --resume {saved.path}")
        leave(TERMINATED if isinstance(interrupt.__cause__, Terminated) else INTERRUPTED)
    except Terminated:
        say("Interrupted; nothing was saved.")
        leave(TERMINATED)
    except SavedElsewhereError as error:
        saved.path = ask_for_place(error, encoder.save)
    history = encoder.history_
    best = next(entry for entry in reversed(history) if entry["best"])
    summary = {
        "output": str(saved.path),
        "architecture": "static" if encoder.state.network is None else "attention",
        "dimension": encoder.dimension,
        "steps": history[-1]["step"],
        "seconds": history[-1]["seconds"],
        "best_step": best["step"],
        "held_out_loss": best["held_out_loss"],
        "history": history,
    }
    print_json(summary) if as_json else print_fitted(summary)
