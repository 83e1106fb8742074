"""The command that makes a model smaller: `w2v prune`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import click

from w2v.commands.shared.options import json_option, model_argument, output_option, overwrite_option, progress_option
from w2v.commands.shared.output import decimals, percent, print_json, print_table, show_work
from w2v.commands.shared.saving import keep, saving


@click.command(
    epilog="""\b
Examples:
  w2v prune my.model --output small.model --top 50000
  w2v prune my.model --output small.model --dtype int8""",
)
@model_argument
@output_option
@click.option("--top", type=click.IntRange(1), metavar="N", help="Keep only the N most frequent words.")
@click.option(
    "--dtype",
    type=click.Choice(["float32", "float16", "int8"]),
    help="Store the vectors so: float16 takes half of float32, int8 a quarter.  [default: as they are]",
)
@overwrite_option
@json_option
@progress_option
def prune(
    model: Path,
    output: Path,
    top: int | None,
    dtype: Literal["float32", "float16", "int8"] | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Write a smaller model: fewer words, smaller numbers, nothing that only training needs.

    What smaller numbers lose is measured on 200 words and shown.
    """
    if top is None and dtype is None:
        raise click.UsageError("Nothing to prune: give --top N or --dtype.")
    from w2v.vectors.embeddings import Embeddings
    from w2v.vectors.fidelity import measure_storage_loss
    from w2v.vectors.persistence import check_output

    check_output(output, overwrite)
    embeddings = Embeddings.load(model)
    kept = embeddings if top is None else embeddings.most_frequent(top)
    smaller = kept if dtype is None else kept.astype(dtype)
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
    rows = [
        ("words", f"{len(embeddings):,}", f"{len(smaller):,}"),
        ("dtype", embeddings.dtype, smaller.dtype),
        ("bytes of the vectors", f"{embeddings.table.nbytes:,}", f"{smaller.table.nbytes:,}"),
        ("mean cosine with what they were", "", decimals(described["mean_cosine"], 5)),
        ("10 nearest words kept", "", percent(described["neighbors_kept"])),
    ]
    print_table(["", f">{model}", f">{saved}"], rows)
