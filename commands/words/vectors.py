"""Vectors that are stored otherwise: `w2v prune`, and what it and `w2v export` do to them before."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

from w2v.commands.shared.options import json_option, model_argument, output_option, overwrite_option, progress_option
from w2v.commands.shared.output import decimals, percent, print_json, print_table, show_work
from w2v.commands.shared.saving import keep, saving

if TYPE_CHECKING:
    from w2v.vectors.embeddings import Embeddings

Command = TypeVar("Command", bound=Callable[..., Any])


def moving_options(command: Command) -> Command:
    """Add the options that `move_vectors` takes."""
    both = click.option(
        "--both",
        is_flag=True,
        help="Put each word's output vector, at half the length, beside its vector: twice the columns.",
    )
    centre = click.option(
        "--center",
        is_flag=True,
        help="Subtract the mean of the 20,000 most frequent words: some more analogies, a little less of SimLex.",
    )
    return centre(both(command))


def move_vectors(embeddings: Embeddings, model: Path, *, center: bool, both: bool) -> Embeddings:
    """Return the vectors that `--center` and `--both` ask for, of a model's folder."""
    from w2v.vectors.inverses import read_output_vectors
    from w2v.vectors.spaces.moving import beside_outputs, centred

    if both:
        outputs = read_output_vectors(model, embeddings.table.shape)
        if outputs is None:
            raise click.ClickException(
                f"{model} has no output vectors: a model that `w2v train` wrote keeps them until it is pruned, unless "
                "its objective is hs"
            )
        embeddings = beside_outputs(embeddings, outputs)
    return centred(embeddings) if center else embeddings


@click.command(
    epilog="""\b
Examples:
  w2v prune my.model --output small.model --max-vocab 50000
  w2v prune my.model --output small.model --dtype int8
  w2v prune my.model --output centred.model --center
  w2v prune joint.model --output english.model --language en""",
)
@model_argument
@output_option
@click.option("--max-vocab", type=click.IntRange(1), metavar="N", help="Keep only the N most frequent words.")
@click.option(
    "--dtype",
    type=click.Choice(["float32", "float16", "int8"]),
    help="Store the vectors so: float16 takes half of float32, int8 a quarter.  [default: as they are]",
)
@click.option(
    "--language", metavar="TAG", help="Of a model of --lines parallel, keep the words of one language, without its tag."
)
@moving_options
@overwrite_option
@json_option
@progress_option
def prune(
    model: Path,
    output: Path,
    max_vocab: int | None,
    dtype: Literal["float32", "float16", "int8"] | None,
    language: str | None,
    center: bool,
    both: bool,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Write a smaller model: fewer words, smaller numbers, nothing that only training needs.

    What smaller numbers, --center and --both change is measured on 200 words and shown.
    """
    if not (max_vocab or dtype or language or center or both):
        raise click.UsageError("Nothing to prune: give --max-vocab N, --dtype, --language TAG, --center or --both.")
    from w2v.vectors.embeddings import Embeddings
    from w2v.vectors.fidelity import measure_storage_loss
    from w2v.vectors.persistence import check_output

    check_output(output, overwrite)
    embeddings = Embeddings.load(model)
    other = move_vectors(embeddings, model, center=center, both=both)
    kept, smaller = (_cut(vectors, language, max_vocab) for vectors in (embeddings, other))
    smaller = smaller if dtype is None else smaller.astype(dtype)
    with show_work("measuring what is lost"):
        loss = measure_storage_loss(kept.table, smaller.table).to_dict()
    described: dict[str, Any] = {
        "output": str(output),
        "words_before": len(embeddings),
        "words_after": len(smaller),
        "dtype": smaller.dtype,
        **loss,
        "bytes_before": embeddings.table.nbytes,
    }
    with saving(output):
        saved = keep(lambda path: smaller.save(path, overwrite=overwrite and path == output), output)
    described["output"] = str(saved)
    if as_json:
        print_json(described)
        return
    cosine = "" if both else decimals(described["mean_cosine"], 5)
    rows = [
        ("words", f"{len(embeddings):,}", f"{len(smaller):,}"),
        ("dtype", embeddings.dtype, smaller.dtype),
        ("bytes of the vectors", f"{embeddings.table.nbytes:,}", f"{smaller.table.nbytes:,}"),
        ("mean cosine with what they were", "", cosine),
        ("10 nearest words kept", "", percent(described["neighbors_kept"])),
    ]
    print_table(["", f">{model}", f">{saved}"], rows)


def _cut(embeddings: Embeddings, language: str | None, max_vocab: int | None) -> Embeddings:
    """Return the words of one language, if one is asked for, and of these the most frequent."""
    from w2v.vectors.spaces.moving import of_language

    spoken = embeddings if language is None else of_language(embeddings, language)
    return spoken if max_vocab is None else spoken.most_frequent(max_vocab)
