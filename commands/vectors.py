"""Commands that make a model smaller or faster to search: `w2v prune` and `w2v index`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Literal

import click

from commands.options import json_option, model_argument, output_option, overwrite_option
from commands.output import decimals, percent, print_json, print_table


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
    from w2v.embeddings import Embeddings
    from w2v.loss import measure_storage_loss
    from w2v.persistence import check_output

    check_output(output, overwrite)
    embeddings = Embeddings.load(model)
    kept = embeddings if top is None else embeddings.most_frequent(top)
    smaller = kept if dtype is None else kept.astype(dtype)
    loss = measure_storage_loss(kept.table, smaller.table).to_dict()
    described: dict[str, Any] = {
        "output": str(output),
        "words_before": len(embeddings),
        "words_after": len(smaller),
        "dtype": smaller.dtype,
        **loss,
        "bytes_before": embeddings.table.nbytes,
    }
    smaller.save(output, overwrite=overwrite)
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
    print_table(["", f">{model}", f">{output}"], rows)


@click.group(
    epilog="""\b
Examples:
  w2v index build my.model
  w2v neighbors my.model river --approximate"""
)
def index() -> None:
    """Build an index, for `w2v neighbors --approximate` in large vocabularies."""


@index.command(
    epilog="""\b
Examples:
  w2v index build my.model
  w2v index build my.model --connectivity 32 --effort 256""",
)
@model_argument
@click.option(
    "--connectivity",
    type=click.IntRange(2, 256),
    default=16,
    show_default=True,
    metavar="N",
    help="Links of a word: more find more of the nearest words, and take memory and time.",
)
@click.option(
    "--effort",
    type=click.IntRange(1, 100_000),
    default=128,
    show_default=True,
    metavar="N",
    help="Words kept in mind while searching: more find more, more slowly.",
)
@click.option(
    "--dtype",
    type=click.Choice(["float16", "int8"]),
    default="float16",
    show_default=True,
    help="Numbers of the index; similarities are computed from the model's own.",
)
@click.option("--workers", type=click.IntRange(1), metavar="N", help="Threads.  [default: all cores]")
@json_option
def build(
    model: Path,
    connectivity: int,
    effort: int,
    dtype: Literal["float16", "int8"],
    workers: int | None,
    as_json: bool,
) -> None:
    """Build the index of a model, in its folder, and measure how many of the nearest words it finds.

    Needs usearch. An exact search of 400,000 words takes some 10 ms; an index pays from about a million words on. Build
    it again when the model changes: an index of other vectors is refused.
    """
    from w2v.embeddings import Embeddings
    from w2v.index import INDEX_FILE
    from w2v.loss import measure_recall

    embeddings = Embeddings.load(model)
    start = time.perf_counter()
    built = embeddings.build_index(connectivity=connectivity, effort=effort, dtype=dtype, workers=workers)
    seconds = time.perf_counter() - start
    built.save(model)
    described: dict[str, Any] = {
        "model": str(model),
        "words": len(built),
        "seconds": seconds,
        "bytes": (model / INDEX_FILE).stat().st_size,
        "recall": measure_recall(built, embeddings.table),
    }
    if as_json:
        print_json(described)
        return
    rows = [
        ("words", f"{len(built):,}"),
        ("seconds", decimals(seconds, 1)),
        ("bytes", f"{described['bytes']:,}"),
        ("of the 10 nearest words found", percent(described["recall"])),
    ]
    print_table(["index", f">{model}"], rows)
