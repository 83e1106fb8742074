"""`w2v prune`, and the changes of vectors that it shares with `w2v export`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

from w2v.commands.shared.options import (
    json_option,
    model_argument,
    number_option,
    output_option,
    overwrite_option,
    progress_option,
)
from w2v.commands.shared.output import decimals, percent, print_json, print_table, show_work
from w2v.commands.shared.parameters import DescribedOption
from w2v.commands.shared.saving import keep, saving

if TYPE_CHECKING:
    from w2v.vectors.embeddings import Embeddings

Command = TypeVar("Command", bound=Callable[..., Any])


def moving_options(command: Command) -> Command:
    """Add the options that `move_vectors` takes."""
    both = click.option(
        "--both",
        is_flag=True,
        help="Append each word's output vector, at half the length; doubles the number of columns.",
    )
    centre = click.option(
        "--center",
        is_flag=True,
        help="Subtract the mean vector of the 20,000 most frequent words; helps analogies, costs a little on SimLex.",
    )
    return centre(both(command))


def move_vectors(embeddings: Embeddings, model: Path, *, center: bool, both: bool) -> Embeddings:
    """Return the vectors of a model folder as `--center` and `--both` change them."""
    from w2v.vectors.inverses import read_output_vectors
    from w2v.vectors.spaces.moving import beside_outputs, centred

    if both:
        outputs = read_output_vectors(model, embeddings.table.shape)
        if outputs is None:
            raise click.ClickException(
                f"{model} has no output vectors of words: models of `w2v train` keep them until they are pruned, but "
                "those of the objective hs are of a tree, and glove has added them already"
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
@number_option("--max-vocab", unset="all words", help="Keep only the N most frequent words.")
@click.option(
    "--dtype",
    type=click.Choice(["float32", "float16", "int8"]),
    cls=DescribedOption,
    unset="that of MODEL",
    help="Data type of the vectors: float16 takes half the space of float32, int8 a quarter.",
)
@click.option("--language", metavar="TAG", help="Keep one language of a model of --lines parallel, without its prefix.")
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
    """Write a smaller model: fewer words, a smaller data type, and no data that only training needs.

    The command measures on 200 words how much --dtype, --center and --both change, and shows it.
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
        ("mean cosine with the original", "", cosine),
        ("10 nearest words kept", "", percent(described["neighbors_kept"])),
    ]
    print_table(["", f">{model}", f">{saved}"], rows)


def _cut(embeddings: Embeddings, language: str | None, max_vocab: int | None) -> Embeddings:
    """Return the most frequent words, of one language if `language` is given."""
    from w2v.vectors.spaces.moving import of_language

    spoken = embeddings if language is None else of_language(embeddings, language)
    return spoken if max_vocab is None else spoken.most_frequent(max_vocab)
